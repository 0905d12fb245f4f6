/* SPDX-License-Identifier: Apache-2.0
 *
 * See worker.h. The control thread speaks to a worker by a few atomics and a wake-up; everything
 * else in here belongs to the worker's own thread. What the control thread hands over lies in
 * `pending` until the worker has adopted it.
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
#include "runtime/allocation_faults.h"
#include "runtime/clock.h"
#include "runtime/list.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/random.h"

enum { BLOCKS_SPARE = 256 };

/* Between two words about addresses that are refused. */
static const uint64_t tell_every_us = 10000000;

/* A generation as this worker's connections use it. */
struct tenure {
    struct connection_generation use;
    struct generation *generation;
};

/* One listening socket, and the connections that came through it. */
struct door {
    struct list_link link;
    struct connection_entrance entrance;
    struct worker *worker;
    struct socket_address address; /* as configured: port 0 stays 0 */
    struct acceptor *acceptor;     /* NULL once the address is gone */
};

struct worker {
    struct worker_settings settings;
    pthread_t thread;
    struct event_loop *loop;
    struct event_wake *wake;
    atomic_bool must_drain;
    atomic_bool must_stop;
    atomic_bool has_pending;
    atomic_bool is_asked;
    atomic_bool must_recheck;
    atomic_bool must_look; /* at the addresses of backends */
    atomic_bool has_ended;
    struct generation *pending;
    int *pending_sockets;
    bool is_draining;
    uint64_t refusal_told_us; /* when an address that is refused was last spoken of; 0: never */
    struct tenure *tenure;    /* the present one */
    struct list doors;
    struct connection_environment connections;
    struct backend_worker *backends;
    char *exchange_scratch;
    uint64_t trace_state[2];
};

/* ---- tenures
 * ------------------------------------------------------------------------------------------ */

static void end_tenure(void *context)
{
    struct tenure *tenure = context;

    generation_release(tenure->generation);
    memory_release(tenure);
}

static struct slice pseudonym_of(const struct worker *worker, const struct generation *generation)
{
    const char *configured = generation_get_settings(generation)->pseudonym;

    return slice_from_text(configured != NULL ? configured : worker->settings.pseudonym);
}

static struct tenure *begin_tenure(struct worker *worker, struct generation *generation)
{
    const struct connection_limits *limits = &generation_get_settings(generation)->limits;
    struct tenure *tenure = memory_allocate(sizeof(*tenure));

    tenure->generation = generation;
    tenure->use = (struct connection_generation){
        .exchange =
            {
                .stores = {.chains = worker->settings.chains,
                           .verdicts = worker->settings.verdicts,
                           .revocation = worker->settings.revocation,
                           .identities = generation_identities(generation)},
                .telemetry = worker->connections.telemetry,
                .backends = worker->backends,
                .backend_operations = &backend_http1,
                .owned_names = generation_owned_names(generation),
                .pseudonym = pseudonym_of(worker, generation),
                .request_content_bytes_max = limits->request_content_bytes,
                .request_idle_ms = limits->request_idle_ms,
                .response_idle_ms = limits->response_idle_ms,
                .revocation_wait_ms = limits->revocation_ms,
                .scratch = worker->exchange_scratch,
                .scratch_bytes = EXCHANGE_SCRATCH_BYTES,
                .trace_state = worker->trace_state,
            },
        .limits = limits,
        .users = 1,
        .on_unused = end_tenure,
        .context = tenure,
    };
    return tenure;
}

static void leave_tenure(struct tenure *tenure)
{
    if (tenure != NULL && --tenure->use.users == 0)
        end_tenure(tenure);
}

/* ---- doors
 * ---------------------------------------------------------------------------------------------- */

/* A load balancer's address is everybody's. */
static bool is_unlimited(const struct door *door, const struct ip_address *address)
{
    const struct listener_group *group = door->entrance.group;
    const struct generation *generation = door->worker->tenure->generation;

    if (address_set_has(generation_unlimited_addresses(generation), address))
        return true;
    for (size_t i = 0; group != NULL && i < listener_group_count(group); i++) {
        if (address_set_has(listener_group_get(group, i)->trusted_proxies, address))
            return true;
    }
    return false;
}

/* Says which address is refused, and seldom: the metrics count. */
static void tell_of_refusal(struct worker *worker, const struct ip_address *address,
                            const char *why)
{
    struct ip_address key = address_account_key(address);
    uint64_t now_us = clock_monotonic_us();
    char text[IP_ADDRESS_TEXT_SIZE];

    if (worker->refusal_told_us != 0 && now_us - worker->refusal_told_us < tell_every_us)
        return;
    worker->refusal_told_us = now_us;
    ip_address_format(&key, text);
    log_event(LOG_WARNING, "connections from %s%s are refused: it has %s", text,
              key.family == IP_FAMILY_6 ? "/64" : "", why);
}

/* The other limits have a metric each; what has none but the machine's is in the log. */
static void tell_of_want(struct worker *worker)
{
    uint64_t now_us = clock_monotonic_us();

    if (worker->refusal_told_us != 0 && now_us - worker->refusal_told_us < tell_every_us)
        return;
    worker->refusal_told_us = now_us;
    log_event(LOG_WARNING, "connections are refused: there is no memory for them");
}

/* False: the address has reached a limit of its own. */
static bool admit(struct worker *worker, const struct ip_address *address,
                  struct address_account **account)
{
    struct telemetry_worker *telemetry = worker->connections.telemetry;
    enum address_admission admission =
        address_accounts_admit(worker->settings.accounts, &worker->tenure->use.limits->address,
                               address, clock_monotonic_us(), account);

    if (admission == ADDRESS_ADMITTED)
        return true;
    telemetry_count_connection_refused(telemetry);
    if (admission == ADDRESS_HAS_NO_ACCOUNT) {
        tell_of_want(worker);
    } else if (admission == ADDRESS_HAS_TOO_MANY_CONNECTIONS) {
        telemetry_count_limit(telemetry, TELEMETRY_LIMIT_ADDRESS_CONNECTIONS);
        tell_of_refusal(worker, address, "as many connections as it may");
    } else {
        telemetry_count_limit(telemetry, TELEMETRY_LIMIT_ADDRESS_HANDSHAKES);
        tell_of_refusal(worker, address, "had too many handshakes that failed");
    }
    return false;
}

static void on_accept(void *context, int fd, const struct socket_address *peer)
{
    struct door *door = context;

    struct worker *worker = door->worker;
    struct ip_address address = ip_address_of(peer);
    struct address_account *account = NULL;

    if (!is_unlimited(door, &address) && !admit(worker, &address, &account)) {
        socket_close_hard(fd);
        return;
    }
    if (connection_open(&worker->connections, &door->entrance, fd, peer, account))
        return;
    address_account_leave(account);
    telemetry_count_connection_refused(worker->connections.telemetry);
    tell_of_want(worker);
    socket_close_hard(fd);
}

static void on_refused(void *context)
{
    struct door *door = context;

    telemetry_count_connection_refused(door->worker->connections.telemetry);
    telemetry_count_limit(door->worker->connections.telemetry, TELEMETRY_LIMIT_CONNECTIONS);
}

static void open_door(struct worker *worker, const struct listener_group *group, int fd)
{
    struct door *door = memory_allocate(sizeof(*door));
    struct socket_address local = {.size = 0};
    struct acceptor_settings settings = {
        .loop = worker->loop,
        .fd = fd,
        .open = worker->settings.open_connections,
        .open_max = worker->tenure->use.limits->connections,
        .on_accept = on_accept,
        .on_refused = on_refused,
        .context = door,
        .leaves_queue = passed_sockets_have(worker->settings.passed, listener_group_address(group)),
    };

    (void)socket_local_address(fd, &local);
    door->worker = worker;
    door->address = *listener_group_address(group);
    door->entrance.generation = &worker->tenure->use;
    door->entrance.group = group;
    door->entrance.port = socket_address_port(&local);
    door->acceptor = acceptor_start(&settings);
    list_append(&worker->doors, &door->link);
}

/* Connections that came through it stay, and are told at their next request. */
static void close_door(struct door *door)
{
    acceptor_stop(door->acceptor);
    door->acceptor = NULL;
    door->entrance.group = NULL;
}

static void remove_unused_doors(struct worker *worker)
{
    struct list_link *link = list_first(&worker->doors);

    while (link != NULL) {
        struct door *door = LIST_ITEM(link, struct door, link);

        link = list_next(&worker->doors, link);
        if (door->acceptor == NULL && door->entrance.users == 0) {
            list_remove(&worker->doors, &door->link);
            memory_release(door);
        }
    }
}

static struct door *find_door(struct worker *worker, const struct socket_address *address)
{
    for (struct list_link *link = list_first(&worker->doors); link != NULL;
         link = list_next(&worker->doors, link)) {
        struct door *door = LIST_ITEM(link, struct door, link);

        if (door->acceptor != NULL && socket_address_equals(&door->address, address))
            return door;
    }
    return NULL;
}

/* ---- adopting a generation
 * ------------------------------------------------------------------------------- */

static void update_doors(struct worker *worker)
{
    for (struct list_link *link = list_first(&worker->doors); link != NULL;
         link = list_next(&worker->doors, link)) {
        struct door *door = LIST_ITEM(link, struct door, link);
        const struct listener_group *group =
            generation_find_group(worker->tenure->generation, &door->address);

        if (door->acceptor == NULL)
            continue;
        if (group == NULL) {
            close_door(door);
            continue;
        }
        door->entrance.group = group;
        door->entrance.generation = &worker->tenure->use;
        acceptor_set_limit(door->acceptor, worker->tenure->use.limits->connections);
    }
}

static void open_new_doors(struct worker *worker)
{
    const struct generation *generation = worker->tenure->generation;

    for (size_t i = 0; i < generation_group_count(generation); i++) {
        const struct listener_group *group = generation_group(generation, i);

        if (worker->pending_sockets[i] >= 0 &&
            find_door(worker, listener_group_address(group)) == NULL)
            open_door(worker, group, worker->pending_sockets[i]);
    }
}

static void adopt_pending(struct worker *worker)
{
    struct tenure *before = worker->tenure;
    size_t count = 0;
    struct backend_pool *const *pools = generation_pools(worker->pending, &count);

    worker->tenure = begin_tenure(worker, worker->pending);
    update_doors(worker);
    open_new_doors(worker);
    backend_worker_keep(worker->backends, pools, count);
    backend_worker_set_limits(worker->backends, worker->tenure->use.limits->response_header_bytes,
                              worker->tenure->use.limits->response_header_count);
    backend_worker_set_trailer_limits(worker->backends, worker->tenure->use.limits->trailer_bytes,
                                      worker->tenure->use.limits->trailer_count);
    rejudge_round_set_interval(&worker->connections.rejudging,
                               worker->tenure->use.limits->rejudge_ms);
    connection_rejudge_all(&worker->connections);
    remove_unused_doors(worker);
    leave_tenure(before);
    memory_release(worker->pending_sockets);
    worker->pending_sockets = NULL;
    worker->pending = NULL;
    atomic_store(&worker->has_pending, false);
    worker->settings.on_adopted(worker->settings.context);
}

static void put_pending(struct worker *worker, const struct worker_handover *next)
{
    size_t groups = generation_group_count(next->generation);

    worker->pending = generation_acquire(next->generation);
    worker->pending_sockets = memory_allocate_array(groups, sizeof(*worker->pending_sockets));
    memcpy(worker->pending_sockets, next->listening, groups * sizeof(*next->listening));
    atomic_store(&worker->has_pending, true);
}

static void drop_pending(struct worker *worker)
{
    if (worker->pending == NULL)
        return;
    for (size_t i = 0; i < generation_group_count(worker->pending); i++) {
        if (worker->pending_sockets[i] >= 0)
            socket_close(worker->pending_sockets[i]);
    }
    memory_release(worker->pending_sockets);
    generation_release(worker->pending);
    worker->pending = NULL;
}

/* ---- the thread
 * --------------------------------------------------------------------------------------------- */

static void on_closed(void *context)
{
    struct worker *worker = context;

    if (worker->is_draining && list_is_empty(&worker->connections.connections))
        event_loop_stop(worker->loop);
}

static void drain(struct worker *worker)
{
    if (worker->is_draining)
        return;
    worker->is_draining = true;
    for (struct list_link *link = list_first(&worker->doors); link != NULL;
         link = list_next(&worker->doors, link)) {
        struct door *door = LIST_ITEM(link, struct door, link);

        acceptor_stop(door->acceptor);
        door->acceptor = NULL;
    }
    connection_drain_all(&worker->connections);
    if (list_is_empty(&worker->connections.connections))
        event_loop_stop(worker->loop);
}

static void on_wake(void *context)
{
    struct worker *worker = context;

    if (atomic_exchange(&worker->is_asked, false))
        worker->settings.on_answered(worker->settings.context);
    if (atomic_load(&worker->has_pending) && !worker->is_draining)
        adopt_pending(worker);
    if (atomic_exchange(&worker->must_look, false))
        backend_worker_look_again(worker->backends);
    if (atomic_exchange(&worker->must_recheck, false)) {
        connection_recheck_pending(&worker->connections);
        connection_rejudge_all(&worker->connections);
    }
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

static void on_backend_health(void *context, const struct backend_health_event *event)
{
    (void)context;
    if (event->is_ejected)
        log_event(
            LOG_WARNING, "backend '%s': %s at %s has failed too often and is left out for %llu ms",
            event->backend, event->endpoint, event->address, (unsigned long long)event->for_ms);
    else
        log_event(LOG_INFO, "backend '%s': %s at %s answers again", event->backend, event->endpoint,
                  event->address);
}

static void create_environment(struct worker *worker)
{
    const struct worker_settings *settings = &worker->settings;
    const struct backend_worker_settings backends = {.index = settings->index,
                                                     .on_health = on_backend_health};

    worker->backends = backend_worker_create(worker->loop, &backends);
    worker->exchange_scratch = memory_allocate(EXCHANGE_SCRATCH_BYTES);
    random_fill(worker->trace_state, sizeof(worker->trace_state));
    worker->connections = (struct connection_environment){
        .loop = worker->loop,
        .turn = tls_turn_create(),
        .telemetry = telemetry_worker(settings->telemetry, settings->index),
        .blocks = {.small = pool_create(CLIENT_HTTP1_SMALL_BYTES, SIZE_MAX, BLOCKS_SPARE),
                   .large = pool_create(CLIENT_HTTP1_BLOCK_BYTES, SIZE_MAX, BLOCKS_SPARE)},
        .exchanges = pool_create(exchange_size(), SIZE_MAX, BLOCKS_SPARE),
        .scratch = memory_allocate(CONNECTION_SCRATCH_BYTES),
        .scratch_bytes = CONNECTION_SCRATCH_BYTES,
        .next_id = ((uint64_t)settings->index << 48) + 1,
        .open_everywhere = settings->open_connections,
        .on_closed = on_closed,
        .on_closed_context = worker,
    };
    list_init(&worker->connections.connections);
    list_init(&worker->connections.again);
    list_init(&worker->connections.pending);
    connection_start_rejudging(&worker->connections);
    list_init(&worker->doors);
}

static void destroy_environment(struct worker *worker)
{
    /* A closing socket lets in what waits in its queue; the doors outlive everybody who came in. */
    for (struct list_link *link = list_first(&worker->doors); link != NULL;
         link = list_next(&worker->doors, link))
        close_door(LIST_ITEM(link, struct door, link));
    connection_close_all(&worker->connections);
    connection_stop_rejudging(&worker->connections);
    remove_unused_doors(worker);
    backend_worker_destroy(worker->backends);
    leave_tenure(worker->tenure);
    tls_turn_destroy(worker->connections.turn);
    pool_destroy(worker->connections.blocks.small);
    pool_destroy(worker->connections.blocks.large);
    pool_destroy(worker->connections.exchanges);
    memory_release(worker->connections.scratch);
    memory_release(worker->exchange_scratch);
}

static void *run(void *context)
{
    struct worker *worker = context;

    create_environment(worker);
    event_loop_set_turn_end(worker->loop, on_turn_end, worker);
    on_wake(worker); /* what was said before the loop ran */
    allocation_faults_choose_thread();
    event_loop_run(worker->loop);
    destroy_environment(worker);
    drop_pending(worker);
    atomic_store(&worker->has_ended, true);
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
    memory_release(worker);
}

struct worker *worker_start(const struct worker_settings *settings,
                            const struct worker_handover *first, struct error *error)
{
    struct worker *worker = memory_allocate(sizeof(*worker));
    int code;

    worker->settings = *settings;
    worker->loop = event_loop_create();
    worker->wake = event_wake_create(worker->loop, on_wake, worker);
    put_pending(worker, first);
    code = start_thread(worker);
    if (code == 0)
        return worker;
    error_set(error, ERROR_SYSTEM, "a worker thread cannot be started: %s", strerror(code));
    drop_pending(worker);
    release(worker);
    return NULL;
}

void worker_hand_over(struct worker *worker, const struct worker_handover *next)
{
    put_pending(worker, next);
    event_wake_send(worker->wake);
}

void worker_recheck_revocation(struct worker *worker)
{
    atomic_store(&worker->must_recheck, true);
    event_wake_send(worker->wake);
}

void worker_look_at_backends(struct worker *worker)
{
    atomic_store(&worker->must_look, true);
    event_wake_send(worker->wake);
}

void worker_ask(struct worker *worker)
{
    atomic_store(&worker->is_asked, true);
    event_wake_send(worker->wake);
}

bool worker_has_answered(const struct worker *worker)
{
    return !atomic_load(&worker->is_asked) || atomic_load(&worker->has_ended);
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
