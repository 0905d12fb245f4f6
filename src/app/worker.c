/* SPDX-License-Identifier: Apache-2.0
 *
 * See worker.h. The control thread speaks to a worker by two flags and a wake-up; everything else
 * in here belongs to the worker's own thread.
 */
#include "app/worker.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "gateway/backend/backend.h"
#include "gateway/connection/connection.h"
#include "gateway/exchange/exchange.h"
#include "gateway/listener/acceptor.h"
#include "runtime/event_loop.h"
#include "runtime/memory.h"
#include "runtime/random.h"

enum { BLOCKS_SPARE = 256 };

/* What one listening socket hands to its connections. */
struct entrance {
    struct worker *worker;
    const struct listener_group *group;
    struct acceptor *acceptor;
    int fd; /* until the acceptor takes it */
    uint16_t port;
};

struct worker {
    struct worker_settings settings;
    pthread_t thread;
    struct event_loop *loop;
    struct event_wake *wake;
    atomic_bool must_drain;
    atomic_bool must_stop;
    bool is_draining;
    struct entrance *entrances;
    size_t entrance_count;
    struct exchange_environment exchange;
    struct connection_environment connections;
};

static void on_accept(void *context, int fd, const struct socket_address *peer)
{
    struct entrance *entrance = context;

    connection_open(&entrance->worker->connections, entrance->group, fd, peer, entrance->port);
}

static void on_refused(void *context)
{
    struct entrance *entrance = context;

    telemetry_count_connection_refused(entrance->worker->connections.telemetry);
}

/* On the control thread, which lends the list of descriptors for the call only. */
static void take_sockets(struct worker *worker)
{
    const struct generation *generation = worker->settings.generation;

    worker->entrance_count = generation_group_count(generation);
    worker->entrances = memory_allocate_array(worker->entrance_count, sizeof(*worker->entrances));
    for (size_t i = 0; i < worker->entrance_count; i++) {
        struct entrance *entrance = &worker->entrances[i];
        struct socket_address address = {.size = 0};

        entrance->worker = worker;
        entrance->group = generation_group(generation, i);
        entrance->fd = worker->settings.listening[i];
        (void)socket_local_address(entrance->fd, &address);
        entrance->port = socket_address_port(&address);
    }
    worker->settings.listening = NULL;
}

static void open_entrances(struct worker *worker)
{
    for (size_t i = 0; i < worker->entrance_count; i++) {
        struct entrance *entrance = &worker->entrances[i];
        struct acceptor_settings settings = {
            .loop = worker->loop,
            .fd = entrance->fd,
            .open = worker->settings.open_connections,
            .open_max = generation_get_settings(worker->settings.generation)->limits.connections,
            .on_accept = on_accept,
            .on_refused = on_refused,
            .context = entrance,
        };

        entrance->acceptor = acceptor_start(&settings);
    }
}

static void close_entrances(struct worker *worker)
{
    for (size_t i = 0; i < worker->entrance_count; i++) {
        acceptor_stop(worker->entrances[i].acceptor);
        worker->entrances[i].acceptor = NULL;
    }
}

static void stop_when_empty(void *context)
{
    struct worker *worker = context;

    if (worker->is_draining)
        event_loop_stop(worker->loop);
}

static void drain(struct worker *worker)
{
    if (worker->is_draining)
        return;
    worker->is_draining = true;
    close_entrances(worker);
    connection_drain_all(&worker->connections);
    if (list_is_empty(&worker->connections.connections))
        event_loop_stop(worker->loop);
}

static void on_wake(void *context)
{
    struct worker *worker = context;

    if (atomic_load(&worker->must_stop))
        event_loop_stop(worker->loop);
    else if (atomic_load(&worker->must_drain))
        drain(worker);
}

static void on_turn_end(void *context)
{
    struct worker *worker = context;

    connection_continue(&worker->connections);
}

static void create_environment(struct worker *worker)
{
    const struct worker_settings *settings = &worker->settings;
    const struct generation_settings *configured = generation_get_settings(settings->generation);
    struct backend_worker_settings backends = {
        .pools = generation_pool_count(settings->generation),
        .response_header_bytes = configured->limits.response_header_bytes,
        .response_header_count = configured->limits.response_header_count,
    };

    worker->exchange = (struct exchange_environment){
        .stores = {.verdicts = settings->verdicts,
                   .identities = generation_identities(settings->generation)},
        .telemetry = telemetry_worker(settings->telemetry, settings->index),
        .backends = backend_worker_create(worker->loop, &backends),
        .backend_operations = &backend_http1,
        .owned_names = generation_owned_names(settings->generation),
        .request_content_bytes_max = configured->limits.request_content_bytes,
        .request_idle_ms = configured->limits.request_idle_ms,
        .response_idle_ms = configured->limits.response_idle_ms,
        .scratch = memory_allocate(EXCHANGE_SCRATCH_BYTES),
        .scratch_bytes = EXCHANGE_SCRATCH_BYTES,
    };
    random_fill(worker->exchange.trace_state, sizeof(worker->exchange.trace_state));
    worker->connections = (struct connection_environment){
        .loop = worker->loop,
        .turn = tls_turn_create(),
        .limits = &configured->limits,
        .exchange = &worker->exchange,
        .telemetry = worker->exchange.telemetry,
        .blocks = pool_create(connection_block_bytes(&configured->limits),
                              configured->limits.connections, BLOCKS_SPARE),
        .exchanges = pool_create(exchange_size(), configured->limits.connections, BLOCKS_SPARE),
        .scratch = memory_allocate(CONNECTION_SCRATCH_BYTES),
        .scratch_bytes = CONNECTION_SCRATCH_BYTES,
        .next_id = ((uint64_t)settings->index << 48) + 1,
        .open_everywhere = settings->open_connections,
        .on_empty = stop_when_empty,
        .on_empty_context = worker,
    };
    list_init(&worker->connections.connections);
    list_init(&worker->connections.again);
}

static void destroy_environment(struct worker *worker)
{
    connection_close_all(&worker->connections);
    backend_worker_destroy(worker->exchange.backends);
    tls_turn_destroy(worker->connections.turn);
    pool_destroy(worker->connections.blocks);
    pool_destroy(worker->connections.exchanges);
    memory_release(worker->connections.scratch);
    memory_release(worker->exchange.scratch);
}

static void *run(void *context)
{
    struct worker *worker = context;

    create_environment(worker);
    open_entrances(worker);
    event_loop_set_turn_end(worker->loop, on_turn_end, worker);
    on_wake(worker); /* what was said before the loop ran */
    event_loop_run(worker->loop);
    close_entrances(worker);
    destroy_environment(worker);
    worker->settings.on_ended(worker->settings.context);
    return NULL;
}

/* Signals are the control thread's. */
static int start_thread(struct worker *worker)
{
    sigset_t all;
    sigset_t before;
    int code;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    code = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static void release(struct worker *worker)
{
    event_wake_destroy(worker->wake);
    event_loop_destroy(worker->loop);
    generation_release(worker->settings.generation);
    memory_release(worker->entrances);
    memory_release(worker);
}

struct worker *worker_start(const struct worker_settings *settings, struct error *error)
{
    struct worker *worker = memory_allocate(sizeof(*worker));
    int code;

    worker->settings = *settings;
    generation_acquire(settings->generation);
    take_sockets(worker);
    worker->loop = event_loop_create();
    worker->wake = event_wake_create(worker->loop, on_wake, worker);
    code = start_thread(worker);
    if (code == 0)
        return worker;
    error_set(error, ERROR_SYSTEM, "a worker thread cannot be started: %s", strerror(code));
    for (size_t i = 0; i < worker->entrance_count; i++)
        socket_close(worker->entrances[i].fd);
    release(worker);
    return NULL;
}

void worker_drain(struct worker *worker)
{
    atomic_store(&worker->must_drain, true);
    event_wake_send(worker->wake);
}

void worker_stop(struct worker *worker)
{
    atomic_store(&worker->must_stop, true);
    event_wake_send(worker->wake);
}

void worker_join(struct worker *worker)
{
    if (worker == NULL)
        return;
    pthread_join(worker->thread, NULL);
    release(worker);
}
