/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_run.h. Everything that can go wrong is found before the first thread starts: files,
 * keys, addresses. SIGTERM and SIGINT drain, a second one ends at once.
 */
#include "app/gateway_run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/admin/admin_service.h"
#include "app/admin/monitoring.h"
#include "app/config/config.h"
#include "app/config_report.h"
#include "app/configured_files.h"
#include "app/crl_metrics.h"
#include "app/event_log.h"
#include "app/file_watch.h"
#include "app/gateway_confinement.h"
#include "app/generation_report.h"
#include "app/name_resolution.h"
#include "app/ocsp_keeper.h"
#include "app/ocsp_metrics.h"
#include "app/outgoing.h"
#include "app/passed_sockets.h"
#include "app/pkcs11_setup.h"
#include "app/ready_file.h"
#include "app/restart_needed.h"
#include "app/revocation_keeper.h"
#include "app/revocation_report.h"
#include "app/service_notify.h"
#include "app/service_watchdog.h"
#include "app/worker.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/generation/generation.h"
#include "gateway/identity/anchor_usage.h"
#include "protocol/tls/tls_key_log.h"
#include "protocol/tls/tls_pkcs11.h"
#include "protocol/tls/tls_session_store.h"
#include "protocol/x509/key_decoding.h"
#include "protocol/x509/public_authorities.h"
#include "runtime/clock.h"
#include "runtime/clock_watch.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/random.h"
#include "runtime/timer.h"

enum { BACKLOG = 4096, WORKERS_MAX = 256, TRY_AGAIN_MS = 200, TRY_FOR_MS = 2000, ENDING_MS = 5000 };

/* Some sixty thousand accounts. */
enum { ADDRESS_ACCOUNTS_BYTES = 8 * 1024 * 1024 };

enum { PSEUDONYM_SIZE = 19 }; /* "sallyport-0123abcd" */

struct gateway {
    const struct gateway_run_settings *settings;
    struct generation *generation; /* the present one */
    struct generation_facts facts;
    struct presented_table *chains;
    struct address_accounts *accounts;
    struct verdict_store *verdicts;
    struct revocation_keeper *revocation;
    struct outgoing *outgoing;
    struct name_resolution *names;
    struct ocsp_keeper *responders;
    struct confinement *confinement; /* NULL: none */
    struct key_decoding *decoding;
    struct tls_pkcs11 *pkcs11;              /* NULL: no key is in a token */
    struct public_authorities *authorities; /* NULL: the system has none */
    struct passed_sockets *passed;
    struct service_notify *notify; /* NULL: nobody waits to be told */
    struct service_watchdog *watchdog;
    struct telemetry *telemetry;
    struct event_loop *loop;
    struct event_wake *told;
    struct event_signal *signals[4];
    struct event_log events;
    struct gateway_status status;
    struct fixed_settings fixed;
    struct admin_service *admin;   /* NULL: only signals are obeyed */
    struct monitoring *monitoring; /* NULL: nobody watches */
    char *problems;                /* of a configuration that could not be used, a line each */
    struct timer *drain_limit;
    struct clock_watch *clock;
    struct file_watch *files;
    struct timespec read_since;     /* when reading the last configuration was begun */
    struct configured_files failed; /* of a configuration that could not be used; else empty */
    struct timer *second_try;
    uint64_t try_until_ms;          /* files that do not fit together are tried again until then */
    char pseudonym[PSEUDONYM_SIZE]; /* where the configuration has none */
    struct worker *workers[WORKERS_MAX];
    size_t worker_count;
    atomic_size_t workers_ended;
    atomic_size_t workers_adopted; /* of the generation that was handed over last */
    atomic_size_t open_connections;
    bool is_draining;
    bool is_handing_over;
    bool has_started;
    bool must_reload;     /* asked for again while a generation was handed over */
    bool waits_for_lists; /* the reload goes on when they are read */
};

/* ---- the service manager
 * ---------------------------------------------------------------------------------------------- */

/* `said` is put before what is going on. */
static void tell_ready(struct gateway *gateway, const char *said)
{
    const struct generation_settings *settings = generation_get_settings(gateway->generation);
    char *status = memory_format("%sserving %zu listeners with %zu workers", said,
                                 settings->listener_count, gateway->worker_count);

    service_notify_ready(gateway->notify, status);
    memory_release(status);
}

static void ask_workers(void *context)
{
    struct gateway *gateway = context;

    for (size_t i = 0; i < gateway->worker_count; i++)
        worker_ask(gateway->workers[i]);
}

static bool have_workers_answered(void *context)
{
    struct gateway *gateway = context;
    size_t answered = 0;

    while (answered < gateway->worker_count && worker_has_answered(gateway->workers[answered]))
        answered++;
    return answered == gateway->worker_count;
}

static void start_watchdog(struct gateway *gateway)
{
    struct service_watchdog_settings settings = {
        .loop = gateway->loop,
        .notify = gateway->notify,
        .ask = ask_workers,
        .have_answered = have_workers_answered,
        .context = gateway,
    };

    gateway->watchdog = service_watchdog_start(&settings);
}

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
    gateway->status.phase = GATEWAY_DRAINING;
    log_event(LOG_INFO, "draining %zu connections",
              atomic_load_explicit(&gateway->open_connections, memory_order_relaxed));
    for (size_t i = 0; i < gateway->worker_count; i++)
        worker_drain(gateway->workers[i]);
    timer_start(gateway->drain_limit,
                generation_get_settings(gateway->generation)->limits.drain_ms);
    service_notify_stopping(
        gateway->notify, generation_get_settings(gateway->generation)->limits.drain_ms + ENDING_MS,
        "draining: no new connections, finishing what runs");
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

/* The sockets of the workers share their port, and the system would let those of another process of
 * the same user share it too: two gateways would take turns. A socket that does not share finds
 * out. */
static bool is_free(const struct socket_address *address, struct error *error)
{
    int fd;

    if (socket_address_port(address) == 0)
        return true;
    fd = socket_listen(address, 1, false, error);
    if (fd >= 0)
        socket_close(fd);
    return fd >= 0;
}

/* One descriptor of one address. What was passed is shared by all workers; what is bound is not,
 * and the first of them decides the port where 0 was asked for. */
static int open_socket(const struct passed_sockets *passed, struct socket_address *address,
                       struct error *error)
{
    int fd;

    if (passed_sockets_have(passed, address))
        return passed_sockets_duplicate(passed, address, error);
    fd = socket_listen(address, BACKLOG, true, error);
    if (fd < 0 || socket_local_address(fd, address))
        return fd;
    error_set(error, ERROR_SYSTEM, "the address of a listening socket is unknown: %s",
              strerror(errno));
    socket_close(fd);
    return -1;
}

/* `sockets` begins with the first worker's; each has `groups` of them. */
static bool open_group(const struct passed_sockets *passed, const struct listener_group *group,
                       size_t workers, size_t groups, int *sockets, struct error *error)
{
    struct socket_address address = *listener_group_address(group);
    bool opened = passed_sockets_have(passed, &address) || is_free(&address, error);

    for (size_t worker = 0; opened && worker < workers; worker++) {
        sockets[worker * groups] = open_socket(passed, &address, error);
        opened = sockets[worker * groups] >= 0;
    }
    return opened;
}

static void prefix_listener(const struct generation_settings *settings, const char *name,
                            struct error *error)
{
    error_prefix(error, "listener '%s'", name);
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct position *position = &settings->listeners[i].position;

        if (strcmp(settings->listeners[i].name, name) == 0 && position->file != NULL)
            error_prefix(error, "%s:%u:%u", position->file, position->line, position->column);
    }
}

/* For each worker a socket on each address that `before` does not have, else -1. */
static bool open_sockets(const struct gateway *gateway, const struct generation *generation,
                         const struct generation *before, size_t workers, int *sockets,
                         struct error *error)
{
    size_t groups = generation_group_count(generation);

    for (size_t i = 0; i < workers * groups; i++)
        sockets[i] = -1;
    for (size_t i = 0; i < groups; i++) {
        const struct listener_group *group = generation_group(generation, i);

        if (before != NULL && generation_find_group(before, listener_group_address(group)) != NULL)
            continue;
        if (!open_group(gateway->passed, group, workers, groups, sockets + i, error)) {
            prefix_listener(generation_get_settings(generation), listener_group_get(group, 0)->name,
                            error);
            return false;
        }
    }
    return true;
}

/* Clients would wait there for nobody. */
static void warn_of_unused_sockets(const struct gateway *gateway)
{
    struct socket_address address;

    for (size_t i = 0; i < passed_sockets_count(gateway->passed); i++) {
        char *what = passed_sockets_describe(gateway->passed, i, &address);

        if (generation_find_group(gateway->generation, &address) == NULL)
            log_event(LOG_WARNING,
                      "the socket %s was passed at the start, and no listener has "
                      "that address",
                      what);
        memory_release(what);
    }
}

static void close_sockets(const int *sockets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sockets[i] >= 0)
            socket_close(sockets[i]);
    }
}

/* On a worker's thread. */
static void on_worker_adopted(void *context)
{
    struct gateway *gateway = context;

    atomic_fetch_add(&gateway->workers_adopted, 1);
    event_wake_send(gateway->told);
}

/* On a worker's thread. */
static void on_worker_ended(void *context)
{
    struct gateway *gateway = context;

    atomic_fetch_add(&gateway->workers_ended, 1);
    event_wake_send(gateway->told);
}

/* On a worker's thread. */
static void on_worker_answered(void *context)
{
    struct gateway *gateway = context;

    event_wake_send(gateway->told);
}

/* Different for each gateway, so that a loop can be told from a chain of gateways. */
static void draw_pseudonym(char pseudonym[PSEUDONYM_SIZE])
{
    uint32_t number = 0;

    random_fill(&number, sizeof(number));
    (void)snprintf(pseudonym, PSEUDONYM_SIZE, "sallyport-%08" PRIx32, number);
}

static bool start_workers(struct gateway *gateway, size_t count, const int *sockets,
                          struct error *error)
{
    size_t groups = generation_group_count(gateway->generation);

    draw_pseudonym(gateway->pseudonym);
    gateway->is_handing_over = true;
    for (size_t i = 0; i < count; i++) {
        struct worker_settings settings = {
            .index = i,
            .chains = gateway->chains,
            .accounts = gateway->accounts,
            .verdicts = gateway->verdicts,
            .revocation = revocation_keeper_facts(gateway->revocation),
            .telemetry = gateway->telemetry,
            .open_connections = &gateway->open_connections,
            .passed = gateway->passed,
            .pseudonym = gateway->pseudonym,
            .on_adopted = on_worker_adopted,
            .on_ended = on_worker_ended,
            .on_answered = on_worker_answered,
            .context = gateway,
        };
        struct worker_handover first = {gateway->generation, sockets + i * groups};

        gateway->workers[i] = worker_start(&settings, &first, error);
        if (gateway->workers[i] == NULL) {
            close_sockets(sockets + (i + 1) * groups, (count - i - 1) * groups);
            return false;
        }
        gateway->worker_count++;
    }
    return true;
}

/* The listeners of the generation in use, and where each is really reached. The caller releases
 * both; the endpoints borrow the addresses. */
static struct gateway_endpoint *list_endpoints(const struct gateway *gateway,
                                               char (**addresses)[SOCKET_ADDRESS_TEXT_SIZE])
{
    const struct generation *generation = gateway->generation;
    size_t total = generation_get_settings(generation)->listener_count;
    struct gateway_endpoint *endpoints = memory_allocate_array(total, sizeof(*endpoints));
    size_t count = 0;

    *addresses = memory_allocate_array(total, sizeof(**addresses));
    for (size_t i = 0; i < generation_group_count(generation); i++) {
        const struct listener_group *group = generation_group(generation, i);
        const struct socket_address *address =
            gateway_status_bound(&gateway->status, listener_group_address(group));

        for (size_t j = 0; j < listener_group_count(group); j++, count++) {
            socket_address_format(address, (*addresses)[count]);
            endpoints[count] =
                (struct gateway_endpoint){listener_group_get(group, j)->name, (*addresses)[count]};
        }
    }
    return endpoints;
}

static bool announce(const struct gateway *gateway, struct error *error)
{
    size_t count = generation_get_settings(gateway->generation)->listener_count;
    char(*addresses)[SOCKET_ADDRESS_TEXT_SIZE];
    struct gateway_endpoint *endpoints = list_endpoints(gateway, &addresses);
    bool announced = true;

    for (size_t i = 0; i < count; i++)
        log_event(LOG_INFO, "ready %s https://%s", endpoints[i].listener, endpoints[i].address);
    if (gateway->settings->ready_file != NULL)
        announced = ready_file_write(gateway->settings->ready_file, false, endpoints, count, error);
    if (announced && gateway->settings->on_ready != NULL)
        gateway->settings->on_ready(gateway->settings->context, endpoints, count);
    memory_release(endpoints);
    memory_release(addresses);
    return announced;
}

/* Counters only: the log is opened when the process is confined. */
static void create_telemetry(struct gateway *gateway, const struct generation_settings *settings)
{
    const struct telemetry_settings counting = {.target = ACCESS_LOG_OFF};

    if (gateway->telemetry != NULL)
        return;
    gateway->telemetry = telemetry_create(&counting, choose_worker_count(settings), NULL);
    gateway->facts.telemetry = gateway->telemetry;
}

static void destroy_config(void *config)
{
    config_destroy(config);
}

/* `config` is NULL when there was no failure. What could be read also names files, any of which may
 * be what is wrong. */
static void note_failed_files(struct gateway *gateway, const struct config *config)
{
    const struct generation_settings *settings = config == NULL ? NULL : config_settings(config);
    size_t count = 0;
    const char *const *paths = config == NULL ? NULL : config_source_files(config, &count);

    configured_files_reset(&gateway->failed);
    if (settings != NULL)
        configured_files_collect(&gateway->failed, gateway->settings->configuration, settings);
    for (size_t i = 0; i < count; i++)
        configured_files_add(&gateway->failed, paths[i]);
}

static void ask_for_reload(void *context);

/* Large lists are read by another thread while this one goes on; then it is asked again. */
static bool must_wait_for_lists(struct gateway *gateway, const struct generation *generation)
{
    gateway->waits_for_lists =
        gateway->generation != NULL &&
        revocation_keeper_read_ahead(gateway->revocation, generation, ask_for_reload, gateway);
    return gateway->waits_for_lists;
}

/* Reads the configuration and builds what it says; NULL when anything is wrong, which is reported
 * unless there will be another try, or when it waits for lists. */
static struct generation *load(struct gateway *gateway, bool is_last_try, struct error *error)
{
    struct config *config;
    const struct generation_settings *settings;
    struct generation *generation = NULL;

    gateway->waits_for_lists = false;
    clock_gettime(CLOCK_REALTIME_COARSE, &gateway->read_since);
    config = config_load_file(gateway->settings->configuration);
    settings = config_settings(config);
    if (settings == NULL) {
        memory_release(gateway->problems);
        gateway->problems = config_report_errors(config);
        error_set(error, ERROR_VALUE, "%s cannot be used", gateway->settings->configuration);
    } else {
        create_telemetry(gateway, settings);
        gateway->facts.previous = gateway->generation;
        if (pkcs11_setup(&gateway->pkcs11, settings, gateway->generation == NULL, error))
            generation = generation_create(settings, &gateway->facts, error);
        if (generation != NULL && must_wait_for_lists(gateway, generation)) {
            generation_release(generation);
            config_destroy(config);
            return NULL;
        }
        if (generation != NULL &&
            !revocation_keeper_prepare(gateway->revocation, generation, error)) {
            generation_release(generation);
            generation = NULL;
        }
    }
    if (is_last_try || generation != NULL)
        config_report(config);
    if (is_last_try && settings != NULL && generation == NULL)
        gateway_confinement_explain(gateway->confinement, gateway->settings->configuration,
                                    settings);
    note_failed_files(gateway, generation == NULL ? config : NULL);
    if (generation == NULL) {
        config_destroy(config);
    } else {
        generation_set_owner(generation, destroy_config, config);
        (void)generation_report(generation, gateway->authorities);
    }
    return generation;
}

/* What a renewal would change. */
static void watch_files(struct gateway *gateway)
{
    struct configured_files files;

    configured_files_collect(&files, gateway->settings->configuration,
                             generation_get_settings(gateway->generation));
    for (size_t i = 0; i < gateway->failed.count; i++)
        configured_files_add(&files, gateway->failed.paths[i]);
    file_watch_set(gateway->files, files.paths, files.count, &gateway->read_since);
    configured_files_reset(&files);
}

/* As the user that started the process, who may be another than the one that it becomes. */
static bool open_key_log(struct gateway *gateway, struct error *error)
{
    const char *path = gateway->settings->key_log;

    if (path == NULL)
        return true;
    gateway->facts.key_log = tls_key_log_open(path, error);
    if (gateway->facts.key_log == NULL)
        return false;
    log_event(LOG_WARNING,
              "the secrets of all connections are written to '%s': whoever reads it can read what "
              "clients and gateway say to each other",
              path);
    return true;
}

static void create_facts(struct gateway *gateway)
{
    const struct tls_session_store_settings session_settings = {.bytes_max = 0};
    const struct verdict_store_settings verdict_settings = {.accepted_bytes_max = 0};

    gateway->facts.sessions = tls_session_store_create(&session_settings);
    gateway->facts.anchors = anchor_usages_create();
    gateway->facts.backends = backend_registry_create(WORKERS_MAX);
    gateway->chains = presented_table_create(0);
    gateway->accounts = address_accounts_create(ADDRESS_ACCOUNTS_BYTES);
    gateway->verdicts = verdict_store_create(&verdict_settings);
    gateway->revocation = revocation_keeper_create();
}

/* ---- reloading
 * --------------------------------------------------------------------------------------------- */

/* Whoever added a listener on port 0 has no other way to learn its port. */
static void announce_new(const struct generation *next, const int *sockets)
{
    for (size_t i = 0; i < generation_group_count(next); i++) {
        const struct listener_group *group = generation_group(next, i);
        struct socket_address address;
        char text[SOCKET_ADDRESS_TEXT_SIZE];

        if (sockets[i] < 0 || !socket_local_address(sockets[i], &address))
            continue;
        socket_address_format(&address, text);
        for (size_t j = 0; j < listener_group_count(group); j++)
            log_event(LOG_INFO, "ready %s https://%s", listener_group_get(group, j)->name, text);
    }
}

/* What serves is told of, even where the file for it cannot be written any more. */
static void renew_ready_file(const struct gateway *gateway)
{
    size_t count = generation_get_settings(gateway->generation)->listener_count;
    char(*addresses)[SOCKET_ADDRESS_TEXT_SIZE];
    struct error error = {.kind = ERROR_NONE};
    struct gateway_endpoint *endpoints;

    if (gateway->settings->ready_file == NULL)
        return;
    endpoints = list_endpoints(gateway, &addresses);
    if (!ready_file_write(gateway->settings->ready_file, true, endpoints, count, &error))
        log_event(LOG_WARNING, "the ready file is not up to date: %s", error.text);
    memory_release(endpoints);
    memory_release(addresses);
}

static void hand_over(struct gateway *gateway, struct generation *next, const int *sockets)
{
    size_t groups = generation_group_count(next);

    fixed_settings_warn(&gateway->fixed, generation_get_settings(next));
    log_set_level(generation_get_settings(next)->events_level);
    gateway_status_adopt(&gateway->status, next, sockets);
    generation_release(gateway->generation);
    gateway->generation = next;
    revocation_keeper_adopt(gateway->revocation, next);
    gateway->is_handing_over = true;
    atomic_store(&gateway->workers_adopted, 0);
    announce_new(next, sockets);
    outgoing_adopt(gateway->outgoing, next, &gateway->status);
    name_resolution_adopt(gateway->names);
    renew_ready_file(gateway);
    for (size_t i = 0; i < gateway->worker_count; i++) {
        struct worker_handover handover = {next, sockets + i * groups};

        worker_hand_over(gateway->workers[i], &handover);
    }
}

/* Both, or none. */
static bool change_logs(struct gateway *gateway, const struct generation_settings *next,
                        struct error *error)
{
    const struct generation_settings *before = generation_get_settings(gateway->generation);

    if (!event_log_use(&gateway->events, next->events_path, error))
        return false;
    if (telemetry_change_log(gateway->telemetry, &next->telemetry, error))
        return true;
    (void)event_log_use(&gateway->events, before->events_path, NULL);
    return false;
}

static void end_reload(struct gateway *gateway, const char *problems)
{
    gateway_status_end_reload(&gateway->status, problems);
    admin_service_reloaded(gateway->admin);
}

static void report_failure(struct gateway *gateway, const struct error *error)
{
    revocation_keeper_abandon(gateway->revocation);
    log_event(LOG_ERROR, "%s", error->text);
    log_event(LOG_ERROR, "nothing was reloaded: the configuration in use goes on");
    /* Whoever mends a file that only the failed one consists of need not say so. */
    watch_files(gateway);
    tell_ready(gateway, "the last reload failed; ");
    end_reload(gateway, gateway->problems == NULL ? error->text : gateway->problems);
}

/* The next generation, whole, or the present one goes on. Files that are being renewed may not fit
 * together for a moment: then it is tried again, and reported only in the end. */
static void reload(struct gateway *gateway)
{
    bool is_last_try = event_loop_now_ms(gateway->loop) >= gateway->try_until_ms;
    struct error error = {.kind = ERROR_NONE};
    struct generation *next;
    size_t count;
    int *sockets;

    gateway->must_reload = false;
    memory_release(gateway->problems);
    gateway->problems = NULL;
    gateway_status_begin_reload(&gateway->status);
    service_notify_reloading(gateway->notify, "reloading");
    next = load(gateway, is_last_try, &error);
    if (next == NULL && gateway->waits_for_lists)
        return;
    if (next == NULL && !is_last_try && error.kind != ERROR_CREDENTIAL) {
        timer_start(gateway->second_try, TRY_AGAIN_MS);
        return;
    }
    if (next == NULL) {
        report_failure(gateway, &error);
        return;
    }
    count = gateway->worker_count * generation_group_count(next);
    sockets = memory_allocate_array(count, sizeof(*sockets));
    if (open_sockets(gateway, next, gateway->generation, gateway->worker_count, sockets, &error) &&
        name_resolution_prepare(gateway->names, &generation_get_settings(next)->resolver, &error) &&
        change_logs(gateway, generation_get_settings(next), &error)) {
        hand_over(gateway, next, sockets);
        watch_files(gateway);
    } else {
        gateway_confinement_explain_logs(gateway->confinement, generation_get_settings(next));
        close_sockets(sockets, count);
        generation_release(next);
        report_failure(gateway, &error);
    }
    memory_release(sockets);
}

static void ask_for_reload(void *context)
{
    struct gateway *gateway = context;

    if (gateway->is_draining)
        return;
    if (gateway->is_handing_over)
        gateway->must_reload = true;
    else
        reload(gateway);
}

/* By logrotate, which says so with SIGUSR1. A file that cannot be opened again is no reason to lose
 * what goes to the one that is open. */
static void on_logs_renamed(void *context)
{
    struct gateway *gateway = context;
    struct error error = {.kind = ERROR_NONE};
    bool has_events = event_log_reopen(&gateway->events, &error);

    if (!has_events)
        log_event(LOG_ERROR, "%s", error.text);
    if (!telemetry_reopen_log(gateway->telemetry, &error))
        log_event(LOG_ERROR, "%s", error.text);
    else if (has_events)
        log_event(LOG_INFO, "logs opened again");
}

static void on_revocation_changed(void *context)
{
    struct gateway *gateway = context;

    for (size_t i = 0; i < gateway->worker_count; i++)
        worker_recheck_revocation(gateway->workers[i]);
}

/* Whatever is known about revocation is known by the clock, too. */
static void on_clock_set(void *context)
{
    const struct gateway *gateway = context;

    log_event(LOG_INFO, "the clock was set: clients are judged again");
    revocation_facts_touch(revocation_keeper_facts(gateway->revocation));
}

static void on_addresses_changed(void *context)
{
    struct gateway *gateway = context;

    for (size_t i = 0; i < gateway->worker_count; i++)
        worker_look_at_backends(gateway->workers[i]);
}

static void on_hangup(void *context)
{
    struct gateway *gateway = context;

    gateway->try_until_ms = 0;
    file_watch_acknowledge(gateway->files);
    ask_for_reload(gateway);
}

static void on_files_changed(void *context)
{
    struct gateway *gateway = context;

    gateway->try_until_ms = event_loop_now_ms(gateway->loop) + TRY_FOR_MS;
    ask_for_reload(gateway);
}

/* A worker has adopted a generation, has answered, or has ended. */
static void on_told(void *context)
{
    struct gateway *gateway = context;

    if (gateway->is_handing_over &&
        atomic_load(&gateway->workers_adopted) == gateway->worker_count) {
        gateway->is_handing_over = false;
        telemetry_retire_log(gateway->telemetry);
        if (gateway->has_started) {
            log_event(LOG_INFO, "reloaded %s", gateway->settings->configuration);
            tell_ready(gateway, "");
            end_reload(gateway, NULL);
        }
        gateway->has_started = true;
        if (gateway->must_reload && !gateway->is_draining)
            reload(gateway);
    }
    service_watchdog_on_answer(gateway->watchdog);
    if (atomic_load(&gateway->workers_ended) == gateway->worker_count)
        event_loop_stop(gateway->loop);
}

/* ---- commands and watchers
 * ---------------------------------------------------------------------------------------------- */

static void on_reload_command(void *context)
{
    on_hangup(context);
}

static void on_drain_command(void *context)
{
    struct gateway *gateway = context;

    if (!gateway->is_draining)
        on_terminate(gateway);
}

static void on_stop_command(void *context)
{
    log_event(LOG_INFO, "stopping now");
    stop_now(context);
}

static bool start_admin(struct gateway *gateway, const char *path, struct error *error)
{
    static const struct admin_operations operations = {on_reload_command, on_drain_command,
                                                       on_stop_command};
    struct admin_service_settings settings = {
        .loop = gateway->loop,
        .path = path,
        .status = &gateway->status,
        .operations = &operations,
        .context = gateway,
    };

    if (path == NULL)
        return true;
    gateway->admin = admin_service_start(&settings, error);
    return gateway->admin != NULL;
}

static bool start_monitoring(struct gateway *gateway, const struct generation_settings *settings,
                             struct error *error)
{
    struct monitoring_settings monitoring = {settings->monitoring_address,
                                             settings->monitoring_hosts};
    struct socket_address address;
    char text[SOCKET_ADDRESS_TEXT_SIZE];

    if (monitoring.address == NULL)
        return true;
    gateway->monitoring = monitoring_start(gateway->loop, &monitoring, &gateway->status, error);
    if (gateway->monitoring == NULL)
        return false;
    monitoring_address(gateway->monitoring, &address);
    socket_address_format(&address, text);
    log_event(LOG_INFO, "monitoring http://%s", text);
    return true;
}

static void add_metrics(struct text_builder *to, void *context)
{
    const struct gateway *gateway = context;

    revocation_metrics_add(to, revocation_keeper_facts(gateway->revocation));
    crl_metrics_add(to, revocation_keeper_lists(gateway->revocation));
    ocsp_metrics_add(to, gateway->responders,
                     revocation_facts_responders(revocation_keeper_facts(gateway->revocation)));
    name_resolution_add_metrics(to, gateway->names);
}

static void add_revocation(struct text_builder *to, bool is_json, void *context)
{
    const struct gateway *gateway = context;
    const struct revocation_report report = {
        .lists = revocation_keeper_lists(gateway->revocation),
        .responders = gateway->responders,
        .facts = revocation_keeper_facts(gateway->revocation),
    };

    revocation_report_add(to, &report, is_json);
}

static void init_status(struct gateway *gateway, size_t workers, const int *sockets)
{
    gateway->status = (struct gateway_status){
        .configuration = gateway->settings->configuration,
        .started_wall_seconds = clock_wall_seconds(),
        .started_ms = clock_monotonic_ms(),
        .workers = workers,
        .open_connections = &gateway->open_connections,
        .telemetry = gateway->telemetry,
        .backends = gateway->facts.backends,
        .events = gateway->events.queues,
        .event_queues = EVENT_LOG_QUEUES,
        .add_metrics = add_metrics,
        .add_revocation = add_revocation,
        .context = gateway,
    };
    gateway_status_adopt(&gateway->status, gateway->generation, sockets);
    fixed_settings_keep(&gateway->fixed, generation_get_settings(gateway->generation));
}

/* ---- the whole
 * ------------------------------------------------------------------------------------------------
 */

/* For tests and comparisons; what the library's version asks for needs no word. */
static enum key_decoding_wish decoding_wish(void)
{
    const char *word = getenv("SALLYPORT_KEY_DECODING");

    if (word != NULL && strcmp(word, "plain") == 0)
        return KEY_DECODING_PLAIN;
    if (word != NULL && strcmp(word, "legacy") == 0)
        return KEY_DECODING_LEGACY;
    return KEY_DECODING_BY_VERSION;
}

/* When ports below 1024 are open and keys are read; before the first thread, which is the access
 * log's. */
static bool confine(struct gateway *gateway, struct error *error)
{
    if (!gateway->settings->is_confined)
        return true;
    gateway->confinement =
        gateway_confine(gateway->settings->configuration, gateway->settings->ready_file,
                        generation_get_settings(gateway->generation), error);
    return gateway->confinement != NULL;
}

static bool start_fetching(struct gateway *gateway, const struct generation_settings *settings,
                           struct error *error)
{
    const char *directory = settings->state_directory;

    if (directory != NULL && access(directory, R_OK | W_OK | X_OK) != 0) {
        error_set(error, ERROR_FILE, "state_dir '%s' cannot be used: %s", directory,
                  strerror(errno));
        return false;
    }
    gateway->outgoing = outgoing_create(gateway->loop, error);
    if (gateway->outgoing == NULL)
        return false;
    revocation_keeper_fetch(gateway->revocation, outgoing_fetcher(gateway->outgoing), directory);
    outgoing_adopt(gateway->outgoing, gateway->generation, &gateway->status);
    revocation_keeper_adopt(gateway->revocation, gateway->generation);
    gateway->responders =
        ocsp_keeper_create(revocation_keeper_facts(gateway->revocation), gateway->loop,
                           outgoing_fetcher(gateway->outgoing), directory);
    return true;
}

static bool start_resolving(struct gateway *gateway, const struct generation_settings *settings,
                            struct error *error)
{
    gateway->names = name_resolution_create(gateway->loop, gateway->facts.backends,
                                            on_addresses_changed, gateway);
    if (!name_resolution_prepare(gateway->names, &settings->resolver, error))
        return false;
    name_resolution_adopt(gateway->names);
    return true;
}

static bool start(struct gateway *gateway, struct error *error)
{
    const struct generation_settings *settings = generation_get_settings(gateway->generation);
    size_t workers = choose_worker_count(settings);
    size_t groups = generation_group_count(gateway->generation);
    int *sockets = memory_allocate_array(workers * groups, sizeof(*sockets));
    bool started = false;

    log_set_level(settings->events_level);
    if (!open_sockets(gateway, gateway->generation, NULL, workers, sockets, error) ||
        !confine(gateway, error) ||
        !telemetry_change_log(gateway->telemetry, &settings->telemetry, error) ||
        !event_log_use(&gateway->events, settings->events_path, error)) {
        close_sockets(sockets, workers * groups);
        goto cleanup;
    }
    gateway->loop = event_loop_create();
    gateway->told = event_wake_create(gateway->loop, on_told, gateway);
    gateway->drain_limit = timer_create_on(gateway->loop, stop_now, gateway);
    gateway->second_try = timer_create_on(gateway->loop, ask_for_reload, gateway);
    gateway->files = file_watch_create(gateway->loop, on_files_changed, gateway);
    watch_files(gateway);
    revocation_keeper_start(gateway->revocation, gateway->loop, on_revocation_changed, gateway);
    gateway->clock = clock_watch_create(gateway->loop, on_clock_set, gateway);
    if (gateway->clock == NULL)
        log_event(LOG_WARNING, "the system does not tell when its clock is set: clients are judged "
                               "by it within a minute");
    gateway->signals[0] = event_signal_create(gateway->loop, SIGTERM, on_terminate, gateway);
    gateway->signals[1] = event_signal_create(gateway->loop, SIGINT, on_terminate, gateway);
    gateway->signals[2] = event_signal_create(gateway->loop, SIGHUP, on_hangup, gateway);
    gateway->signals[3] = event_signal_create(gateway->loop, SIGUSR1, on_logs_renamed, gateway);
    init_status(gateway, workers, sockets);
    if (!start_fetching(gateway, settings, error) || !start_resolving(gateway, settings, error) ||
        !start_admin(gateway, settings->admin_socket, error) ||
        !start_monitoring(gateway, settings, error)) {
        close_sockets(sockets, workers * groups);
        goto cleanup;
    }
    started = start_workers(gateway, workers, sockets, error) && announce(gateway, error);
    if (started) {
        gateway->status.phase = GATEWAY_SERVING;
        log_event(LOG_INFO, "%s", key_decoding_explain(gateway->decoding));
        warn_of_unused_sockets(gateway);
        tell_ready(gateway, "");
        start_watchdog(gateway);
    }

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
    configured_files_reset(&gateway->failed);
    if (gateway->loop != NULL) {
        for (size_t i = 0; i < sizeof(gateway->signals) / sizeof(gateway->signals[0]); i++)
            event_signal_destroy(gateway->signals[i]);
        service_watchdog_stop(gateway->watchdog);
        admin_service_stop(gateway->admin);
        monitoring_stop(gateway->monitoring);
        timer_destroy(gateway->drain_limit);
        timer_destroy(gateway->second_try);
        clock_watch_destroy(gateway->clock);
        file_watch_destroy(gateway->files);
        revocation_keeper_stop(gateway->revocation);
        ocsp_keeper_destroy(gateway->responders);
        name_resolution_destroy(gateway->names);
        outgoing_destroy(gateway->outgoing);
        event_wake_destroy(gateway->told);
        event_loop_destroy(gateway->loop);
    }
    generation_release(gateway->generation);
    telemetry_destroy(gateway->telemetry); /* which the generation counts with */
    presented_table_destroy(gateway->chains);
    address_accounts_destroy(gateway->accounts);
    verdict_store_destroy(gateway->verdicts);
    revocation_keeper_destroy(gateway->revocation);
    backend_registry_destroy(gateway->facts.backends);
    tls_session_store_destroy(gateway->facts.sessions);
    anchor_usages_destroy(gateway->facts.anchors);
    tls_key_log_close(gateway->facts.key_log);
    gateway_status_reset(&gateway->status);
    fixed_settings_release(&gateway->fixed);
    memory_release(gateway->problems);
    event_log_end(&gateway->events);
    confinement_destroy(gateway->confinement);
    service_notify_close(gateway->notify);
    passed_sockets_close(gateway->passed);
    public_authorities_release(gateway->authorities);
    tls_pkcs11_stop(gateway->pkcs11);
    key_decoding_stop(gateway->decoding);
}

int gateway_run(const struct gateway_run_settings *settings)
{
    struct gateway gateway = {.settings = settings};
    struct error error = {.kind = ERROR_NONE};
    bool started;

    signal(SIGPIPE, SIG_IGN);
    gateway.decoding = key_decoding_start(decoding_wish());
    gateway.authorities = generation_report_load_authorities();
    gateway.passed = passed_sockets_take(&error);
    gateway.notify = service_notify_open();
    create_facts(&gateway);
    if (gateway.passed != NULL && open_key_log(&gateway, &error))
        gateway.generation = load(&gateway, true, &error);
    started = gateway.generation != NULL && start(&gateway, &error);
    if (started) {
        event_loop_run(gateway.loop);
    } else {
        event_log_end(&gateway.events); /* whoever started it reads standard error */
        log_event(LOG_ERROR, "%s", error.text);
        stop_now(&gateway);
    }
    end_workers(&gateway);
    if (started)
        report_totals(&gateway);
    release(&gateway);
    return started ? 0 : 1;
}
