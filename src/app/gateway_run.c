/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_run.h. Everything that can go wrong is found before the first thread starts: files,
 * keys, addresses. SIGTERM and SIGINT drain, a second one ends at once.
 */
#include "app/gateway_run.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/config/config.h"
#include "app/config_report.h"
#include "app/worker.h"
#include "gateway/generation/generation.h"
#include "protocol/tls/tls_session_store.h"
#include "runtime/buffer.h"
#include "runtime/encoding.h"
#include "runtime/event_loop.h"
#include "runtime/file.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

enum { BACKLOG = 4096, WORKERS_MAX = 256 };

struct gateway {
    const struct gateway_run_settings *settings;
    struct config *config;
    struct generation *generation;
    struct tls_session_store *sessions;
    struct verdict_store *verdicts;
    struct telemetry *telemetry;
    struct event_loop *loop;
    struct event_wake *ended;
    struct event_signal *signals[3];
    struct timer *drain_limit;
    struct worker *workers[WORKERS_MAX];
    size_t worker_count;
    atomic_size_t workers_ended;
    atomic_size_t open_connections;
    bool is_draining;
};

/* ---- stopping
 * --------------------------------------------------------------------------------------- */

static void stop_now(void *context)
{
    struct gateway *gateway = context;

    for (size_t i = 0; i < gateway->worker_count; i++)
        worker_stop(gateway->workers[i]);
}

static void on_terminate(void *context)
{
    struct gateway *gateway = context;

    if (gateway->is_draining) {
        log_event(LOG_INFO, "stopping now");
        stop_now(gateway);
        return;
    }
    gateway->is_draining = true;
    log_event(LOG_INFO, "draining %zu connections",
              atomic_load_explicit(&gateway->open_connections, memory_order_relaxed));
    for (size_t i = 0; i < gateway->worker_count; i++)
        worker_drain(gateway->workers[i]);
    timer_start(gateway->drain_limit, config_settings(gateway->config)->limits.drain_ms);
}

static void on_hangup(void *context)
{
    (void)context;
    log_event(LOG_WARNING, "SIGHUP is ignored: reloading is not supported yet");
}

/* On a worker's thread. */
static void on_worker_ended(void *context)
{
    struct gateway *gateway = context;

    atomic_fetch_add(&gateway->workers_ended, 1);
    event_wake_send(gateway->ended);
}

static void on_ended(void *context)
{
    struct gateway *gateway = context;

    if (atomic_load(&gateway->workers_ended) == gateway->worker_count)
        event_loop_stop(gateway->loop);
}

/* ---- starting
 * ---------------------------------------------------------------------------------------- */

static size_t choose_worker_count(const struct generation_settings *settings)
{
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = settings->workers;

    if (count == 0)
        count = online > 0 ? (size_t)online : 1;
    return count < WORKERS_MAX ? count : WORKERS_MAX;
}

/* One socket for each worker on each address; the first decides the port where 0 was asked for. */
static bool open_sockets(const struct generation *generation, size_t workers, int *sockets,
                         struct error *error)
{
    size_t groups = generation_group_count(generation);

    for (size_t i = 0; i < workers * groups; i++)
        sockets[i] = -1;
    for (size_t group = 0; group < groups; group++) {
        struct socket_address address =
            *listener_group_address(generation_group(generation, group));

        for (size_t worker = 0; worker < workers; worker++) {
            int *fd = &sockets[worker * groups + group];

            *fd = socket_listen(&address, BACKLOG, true, error);
            if (*fd < 0) {
                error_prefix(error, "listener '%s'",
                             listener_group_get(generation_group(generation, group), 0)->name);
                return false;
            }
            if (!socket_local_address(*fd, &address)) {
                error_set(error, ERROR_SYSTEM, "the address of a listening socket is unknown: %s",
                          strerror(errno));
                return false;
            }
        }
    }
    return true;
}

static void close_sockets(int *sockets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sockets[i] >= 0)
            socket_close(sockets[i]);
    }
}

static bool start_workers(struct gateway *gateway, size_t count, const int *sockets,
                          struct error *error)
{
    size_t groups = generation_group_count(gateway->generation);

    for (size_t i = 0; i < count; i++) {
        struct worker_settings settings = {
            .index = i,
            .generation = gateway->generation,
            .verdicts = gateway->verdicts,
            .telemetry = gateway->telemetry,
            .open_connections = &gateway->open_connections,
            .listening = sockets + i * groups,
            .on_ended = on_worker_ended,
            .context = gateway,
        };

        gateway->workers[i] = worker_start(&settings, error);
        if (gateway->workers[i] == NULL) {
            for (size_t j = (i + 1) * groups; j < count * groups; j++)
                socket_close(sockets[j]);
            return false;
        }
        gateway->worker_count++;
    }
    return true;
}

static bool write_ready_file(const char *path, const struct gateway_endpoint *endpoints,
                             size_t count, struct error *error)
{
    size_t capacity = 256 + count * 1024;
    char *memory = memory_allocate(capacity);
    struct buffer text;
    bool written;

    buffer_init(&text, memory, capacity);
    (void)buffer_append_format(&text, "{\"pid\":%ld,\"listeners\":[", (long)getpid());
    for (size_t i = 0; i < count; i++) {
        (void)buffer_append(&text, i == 0 ? SLICE("{\"name\":") : SLICE(",{\"name\":"));
        (void)encode_json(&text, slice_from_text(endpoints[i].listener));
        (void)buffer_append(&text, SLICE(",\"address\":"));
        (void)encode_json(&text, slice_from_text(endpoints[i].address));
        (void)buffer_append_byte(&text, '}');
    }
    written = buffer_append(&text, SLICE("]}\n"));
    if (!written)
        error_set(error, ERROR_LIMIT, "the ready file would be too large");
    else
        written = file_write_private(path, buffer_readable(&text), error);
    memory_release(memory);
    return written;
}

/* `sockets` are those of the first worker, one a group. */
static bool announce(const struct gateway *gateway, const int *sockets, struct error *error)
{
    const struct generation *generation = gateway->generation;
    size_t total = generation_get_settings(generation)->listener_count;
    struct gateway_endpoint *endpoints = memory_allocate_array(total, sizeof(*endpoints));
    char(*addresses)[SOCKET_ADDRESS_TEXT_SIZE] = memory_allocate_array(total, sizeof(*addresses));
    size_t count = 0;
    bool announced = true;

    for (size_t i = 0; i < generation_group_count(generation); i++) {
        const struct listener_group *group = generation_group(generation, i);
        struct socket_address address = *listener_group_address(group);

        (void)socket_local_address(sockets[i], &address);
        for (size_t j = 0; j < listener_group_count(group); j++) {
            socket_address_format(&address, addresses[count]);
            endpoints[count] =
                (struct gateway_endpoint){listener_group_get(group, j)->name, addresses[count]};
            log_event(LOG_INFO, "ready %s https://%s", endpoints[count].listener,
                      endpoints[count].address);
            count++;
        }
    }
    if (gateway->settings->ready_file != NULL)
        announced = write_ready_file(gateway->settings->ready_file, endpoints, count, error);
    if (announced && gateway->settings->on_ready != NULL)
        gateway->settings->on_ready(gateway->settings->context, endpoints, count);
    memory_release(endpoints);
    memory_release(addresses);
    return announced;
}

static bool load(struct gateway *gateway, struct error *error)
{
    const struct tls_session_store_settings session_settings = {.bytes_max = 0};
    const struct verdict_store_settings verdict_settings = {.accepted_bytes_max = 0};
    const struct generation_settings *settings;

    gateway->config = config_load_file(gateway->settings->configuration);
    config_report(gateway->config);
    settings = config_settings(gateway->config);
    if (settings == NULL) {
        error_set(error, ERROR_VALUE, "%s: nothing was started", gateway->settings->configuration);
        return false;
    }
    log_set_level(settings->events_level);
    gateway->sessions = tls_session_store_create(&session_settings);
    gateway->verdicts = verdict_store_create(&verdict_settings);
    gateway->generation = generation_create(settings, gateway->sessions, error);
    return gateway->generation != NULL;
}

static bool start(struct gateway *gateway, struct error *error)
{
    const struct generation_settings *settings = config_settings(gateway->config);
    size_t workers = choose_worker_count(settings);
    size_t groups = generation_group_count(gateway->generation);
    int *sockets = memory_allocate_array(workers * groups, sizeof(*sockets));
    bool started = false;

    gateway->telemetry = telemetry_create(&settings->telemetry, workers, error);
    if (gateway->telemetry == NULL)
        goto cleanup;
    if (!open_sockets(gateway->generation, workers, sockets, error)) {
        close_sockets(sockets, workers * groups);
        goto cleanup;
    }
    gateway->loop = event_loop_create();
    gateway->ended = event_wake_create(gateway->loop, on_ended, gateway);
    gateway->drain_limit = timer_create_on(gateway->loop, stop_now, gateway);
    gateway->signals[0] = event_signal_create(gateway->loop, SIGTERM, on_terminate, gateway);
    gateway->signals[1] = event_signal_create(gateway->loop, SIGINT, on_terminate, gateway);
    gateway->signals[2] = event_signal_create(gateway->loop, SIGHUP, on_hangup, gateway);
    started = start_workers(gateway, workers, sockets, error) && announce(gateway, sockets, error);

cleanup:
    memory_release(sockets);
    return started;
}

static void end_workers(struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->worker_count; i++)
        worker_join(gateway->workers[i]);
    gateway->worker_count = 0;
}

static void report_totals(const struct gateway *gateway)
{
    struct telemetry_totals totals;

    telemetry_total(gateway->telemetry, &totals);
    log_event(LOG_INFO,
              "stopped after %llu requests, %llu handshakes (%llu resumed), %llu failed handshakes",
              (unsigned long long)totals.exchanges, (unsigned long long)totals.handshakes,
              (unsigned long long)totals.handshakes_resumed,
              (unsigned long long)totals.handshakes_failed);
    if (totals.records_dropped > 0)
        log_event(LOG_WARNING, "%llu access-log records were dropped",
                  (unsigned long long)totals.records_dropped);
}

static void release(struct gateway *gateway)
{
    if (gateway->loop != NULL) {
        for (size_t i = 0; i < sizeof(gateway->signals) / sizeof(gateway->signals[0]); i++)
            event_signal_destroy(gateway->signals[i]);
        timer_destroy(gateway->drain_limit);
        event_wake_destroy(gateway->ended);
        event_loop_destroy(gateway->loop);
    }
    if (gateway->telemetry != NULL)
        telemetry_destroy(gateway->telemetry);
    generation_release(gateway->generation);
    if (gateway->verdicts != NULL)
        verdict_store_destroy(gateway->verdicts);
    if (gateway->sessions != NULL)
        tls_session_store_destroy(gateway->sessions);
    config_destroy(gateway->config);
}

int gateway_run(const struct gateway_run_settings *settings)
{
    struct gateway gateway = {.settings = settings};
    struct error error = {.kind = ERROR_NONE};
    bool started;

    signal(SIGPIPE, SIG_IGN);
    started = load(&gateway, &error) && start(&gateway, &error);
    if (started) {
        event_loop_run(gateway.loop);
    } else {
        log_event(LOG_ERROR, "%s", error.text);
        stop_now(&gateway);
    }
    end_workers(&gateway);
    if (started)
        report_totals(&gateway);
    release(&gateway);
    return started ? 0 : 1;
}
