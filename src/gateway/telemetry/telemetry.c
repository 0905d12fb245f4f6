/* SPDX-License-Identifier: Apache-2.0
 *
 * One log for all workers, and a set of counters for each; each set has cache lines of its own, so
 * that workers do not wait for each other's. A log that is replaced stays until no worker can have
 * it in hand.
 */
#include "gateway/telemetry/telemetry.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "gateway/telemetry/counter_internal.h"
#include "gateway/telemetry/record_internal.h"
#include "gateway/telemetry/rule_series_internal.h"
#include "gateway/telemetry/series_internal.h"
#include "runtime/file.h"
#include "runtime/line_queue.h"
#include "runtime/memory.h"

enum {
    ACCESS_LOG_MODE = 0640, /* it names people */
    DESTROY_WAIT_MS = 1000
};

static const size_t queue_bytes_default = (size_t)4 * 1024 * 1024;

/* Where records go, and how they look there. */
struct access_log {
    enum access_log_target target;
    const struct record_format *format;
    char *path;
    size_t bytes_max;
    struct line_queue *queue; /* NULL: the access log is off, or the next one took the queue over */
};

struct telemetry_worker {
    _Alignas(COUNTER_CACHE_LINE_BYTES) struct telemetry *telemetry;
    size_t index;
    atomic_uint_fast64_t exchanges;
    atomic_uint_fast64_t handshakes[TELEMETRY_TLS_COUNT][2][TELEMETRY_RESULT_COUNT];
    atomic_uint_fast64_t connections_refused;
    atomic_uint_fast64_t limits[TELEMETRY_LIMIT_COUNT];
    atomic_uint_fast64_t headers_stripped;
    atomic_uint_fast64_t by_reason[REASON_COUNT];
    atomic_uint_fast64_t verdicts[REASON_COUNT];
    atomic_uint_fast64_t trials[REASON_COUNT];
    atomic_uint_fast64_t rejudged[TELEMETRY_REJUDGED_COUNT][REASON_COUNT];
};

struct telemetry {
    _Atomic(struct access_log *) log;
    struct access_log *old_log; /* NULL: nobody can have it any more */
    uint64_t dropped;           /* by the queues that are gone */
    struct series_registry *series;
    struct rule_registry *rules;
    void *memory; /* of the workers, before it was aligned */
    struct telemetry_worker *workers;
    size_t worker_count;
};

static void add_reason(atomic_uint_fast64_t counters[REASON_COUNT], enum reason reason)
{
    counter_add(&counters[(unsigned)reason < REASON_COUNT ? reason : REASON_INTERNAL], 1);
}

/* ---- the log --------------------------------------------------------------------------------- */

static int open_file(const char *path, struct error *error)
{
    int fd = file_open_log(path, ACCESS_LOG_MODE, error);

    if (fd < 0)
        error_prefix(error, "access log");
    return fd;
}

static bool open_queue(struct access_log *log, struct error *error)
{
    bool is_file = log->target == ACCESS_LOG_FILE;
    int fd = log->target == ACCESS_LOG_STDERR ? STDERR_FILENO : STDOUT_FILENO;

    if (log->target == ACCESS_LOG_OFF)
        return true;
    if (is_file) {
        fd = open_file(log->path, error);
        if (fd < 0)
            return false;
    }
    log->queue = line_queue_create(fd, is_file, log->bytes_max, error);
    if (log->queue == NULL && is_file)
        close(fd);
    return log->queue != NULL;
}

static struct access_log *create_log(const struct telemetry_settings *settings)
{
    struct access_log *log = memory_allocate(sizeof(*log));

    log->target = settings->target;
    log->format = record_format_get(settings->format);
    log->path = settings->target == ACCESS_LOG_FILE ? memory_copy_text(settings->path) : NULL;
    log->bytes_max =
        settings->queue_bytes_max == 0 ? queue_bytes_default : settings->queue_bytes_max;
    return log;
}

static void destroy_log(struct access_log *log)
{
    if (log == NULL)
        return;
    line_queue_destroy(log->queue, DESTROY_WAIT_MS);
    memory_release(log->path);
    memory_release(log);
}

static bool is_same_queue(const struct access_log *a, const struct access_log *b)
{
    return a->target == b->target && a->bytes_max == b->bytes_max &&
           (a->target != ACCESS_LOG_FILE || strcmp(a->path, b->path) == 0);
}

bool telemetry_change_log(struct telemetry *telemetry, const struct telemetry_settings *settings,
                          struct error *error)
{
    struct access_log *present = atomic_load(&telemetry->log);
    struct access_log *next = create_log(settings);

    if (present != NULL && is_same_queue(present, next)) {
        if (present->format == next->format) {
            destroy_log(next);
            return true;
        }
        next->queue = present->queue;
    } else if (!open_queue(next, error)) {
        destroy_log(next);
        return false;
    }
    telemetry_retire_log(telemetry);
    telemetry->old_log = present;
    atomic_store(&telemetry->log, next);
    return true;
}

void telemetry_retire_log(struct telemetry *telemetry)
{
    struct access_log *old = telemetry->old_log;

    if (old == NULL)
        return;
    if (old->queue == atomic_load(&telemetry->log)->queue)
        old->queue = NULL;
    if (old->queue != NULL)
        telemetry->dropped += line_queue_dropped(old->queue);
    destroy_log(old);
    telemetry->old_log = NULL;
}

bool telemetry_reopen_log(struct telemetry *telemetry, struct error *error)
{
    const struct access_log *log = atomic_load(&telemetry->log);
    int fd;

    if (log->target != ACCESS_LOG_FILE)
        return true;
    fd = open_file(log->path, error);
    if (fd < 0)
        return false;
    line_queue_reopen(log->queue, fd, true);
    return true;
}

/* ---- making and ending ----------------------------------------------------------------------- */

static void make_workers(struct telemetry *telemetry, size_t count)
{
    telemetry->memory = memory_allocate_array(count + 1, sizeof(struct telemetry_worker));
    telemetry->workers = counter_align(telemetry->memory);
    telemetry->worker_count = count;
    for (size_t i = 0; i < count; i++) {
        telemetry->workers[i].telemetry = telemetry;
        telemetry->workers[i].index = i;
    }
}

struct telemetry *telemetry_create(const struct telemetry_settings *settings, size_t workers,
                                   struct error *error)
{
    struct telemetry *telemetry = memory_allocate(sizeof(*telemetry));

    if (!telemetry_change_log(telemetry, settings, error)) {
        memory_release(telemetry);
        return NULL;
    }
    make_workers(telemetry, workers);
    telemetry->series = series_registry_create(workers);
    telemetry->rules = rule_registry_create(workers);
    return telemetry;
}

void telemetry_destroy(struct telemetry *telemetry)
{
    if (telemetry == NULL)
        return;
    telemetry_retire_log(telemetry);
    destroy_log(atomic_load(&telemetry->log));
    series_registry_destroy(telemetry->series);
    rule_registry_destroy(telemetry->rules);
    memory_release(telemetry->memory);
    memory_release(telemetry);
}

struct telemetry_worker *telemetry_worker(struct telemetry *telemetry, size_t index)
{
    assert(index < telemetry->worker_count);
    return &telemetry->workers[index];
}

struct telemetry_series *telemetry_series_acquire(struct telemetry *telemetry, const char *listener,
                                                  const char *route)
{
    return series_registry_acquire(telemetry->series, listener, route);
}

struct telemetry_rules *telemetry_rules_acquire(struct telemetry *telemetry, const char *policy,
                                                size_t rules)
{
    return rule_registry_acquire(telemetry->rules, policy, rules);
}

size_t telemetry_rules_count(const struct telemetry *telemetry)
{
    return rule_registry_count(telemetry->rules);
}

const struct telemetry_rules *telemetry_rules_get(const struct telemetry *telemetry, size_t index)
{
    return rule_registry_get(telemetry->rules, index);
}

/* ---- reporting ------------------------------------------------------------------------------- */

/* NULL: there is none. Where it is taken from is replaced only when no worker holds what it took.
 */
static const struct access_log *log_of(const struct telemetry_worker *worker)
{
    const struct access_log *log =
        atomic_load_explicit(&worker->telemetry->log, memory_order_acquire);

    return log->queue == NULL ? NULL : log;
}

static void count_policy(const struct telemetry_worker *worker, const struct record_policy *policy)
{
    if (policy->rules != NULL)
        rule_series_add(policy->rules, worker->index, policy->rule, policy->allowed);
}

static void count_exchange(struct telemetry_worker *worker, const struct exchange_record *record)
{
    counter_add(&worker->exchanges, 1);
    counter_add(&worker->headers_stripped, record->stripped_headers);
    add_reason(worker->by_reason, record->reason);
    if (record->verdict != REASON_UNDECIDED)
        add_reason(worker->verdicts, record->verdict);
    if (record->has_trial)
        add_reason(worker->trials, record->trial);
    if (record->series != NULL)
        series_add(record->series, worker->index, record);
    count_policy(worker, &record->policy);
    count_policy(worker, &record->policy_trial);
}

void telemetry_report_exchange(struct telemetry_worker *worker,
                               const struct exchange_record *record)
{
    const struct access_log *log = log_of(worker);
    char memory[RECORD_BYTES_MAX];
    struct buffer line;

    count_exchange(worker, record);
    if (log == NULL)
        return;
    buffer_init(&line, memory, sizeof(memory));
    log->format->exchange(&line, record);
    /* What was dropped, the queue counts. */
    (void)line_queue_put(log->queue, buffer_readable(&line));
}

static void count_handshake(struct telemetry_worker *worker,
                            const struct record_connection *connection,
                            enum telemetry_result result)
{
    enum telemetry_tls version = TELEMETRY_TLS_NONE;

    if (connection->tls_version != NULL && strcmp(connection->tls_version, "TLSv1.2") == 0)
        version = TELEMETRY_TLS_1_2;
    if (connection->tls_version != NULL && strcmp(connection->tls_version, "TLSv1.3") == 0)
        version = TELEMETRY_TLS_1_3;
    counter_add(&worker->handshakes[version][connection->resumed][result], 1);
}

static void write_handshake(struct telemetry_worker *worker, const struct handshake_record *record)
{
    const struct access_log *log = log_of(worker);
    char memory[RECORD_BYTES_MAX];
    struct buffer line;

    if (log == NULL)
        return;
    buffer_init(&line, memory, sizeof(memory));
    log->format->handshake(&line, record);
    (void)line_queue_put(log->queue, buffer_readable(&line));
}

void telemetry_report_handshake(struct telemetry_worker *worker,
                                const struct handshake_record *record)
{
    count_handshake(worker, &record->connection, TELEMETRY_FAILED);
    add_reason(worker->by_reason, record->reason);
    if (reason_is_certificate(record->reason) && record->reason != REASON_POSSESSION_UNPROVEN)
        add_reason(worker->verdicts, record->reason);
    if (record->has_trial)
        add_reason(worker->trials, record->trial);
    write_handshake(worker, record);
}

void telemetry_report_closing(struct telemetry_worker *worker,
                              const struct handshake_record *record)
{
    add_reason(worker->by_reason, record->reason);
    write_handshake(worker, record);
}

void telemetry_count_rejudged(struct telemetry_worker *worker, enum telemetry_rejudged result,
                              enum reason reason)
{
    add_reason(worker->rejudged[result], reason);
}

void telemetry_count_handshake(struct telemetry_worker *worker,
                               const struct record_connection *connection)
{
    count_handshake(worker, connection, TELEMETRY_OK);
}

void telemetry_count_connection_refused(struct telemetry_worker *worker)
{
    counter_add(&worker->connections_refused, 1);
}

void telemetry_count_limit(struct telemetry_worker *worker, enum telemetry_limit limit)
{
    counter_add(&worker->limits[limit], 1);
}

/* ---- reading --------------------------------------------------------------------------------- */

static uint64_t count_dropped(const struct telemetry *telemetry)
{
    const struct access_log *log = atomic_load(&telemetry->log);
    const struct access_log *old = telemetry->old_log;
    uint64_t dropped = telemetry->dropped;

    if (log->queue != NULL)
        dropped += line_queue_dropped(log->queue);
    if (old != NULL && old->queue != NULL && old->queue != log->queue)
        dropped += line_queue_dropped(old->queue);
    return dropped;
}

static void add_handshakes(struct telemetry_totals *totals, const struct telemetry_worker *worker)
{
    for (size_t version = 0; version < TELEMETRY_TLS_COUNT; version++) {
        for (size_t resumed = 0; resumed < 2; resumed++) {
            uint64_t succeeded = counter_get(&worker->handshakes[version][resumed][TELEMETRY_OK]);
            uint64_t failed = counter_get(&worker->handshakes[version][resumed][TELEMETRY_FAILED]);

            totals->handshakes_by[version][resumed][TELEMETRY_OK] += succeeded;
            totals->handshakes_by[version][resumed][TELEMETRY_FAILED] += failed;
            totals->handshakes += succeeded;
            totals->handshakes_failed += failed;
            totals->handshakes_resumed += resumed == 0 ? 0 : succeeded;
        }
    }
}

void telemetry_total(const struct telemetry *telemetry, struct telemetry_totals *totals)
{
    *totals = (struct telemetry_totals){.records_dropped = count_dropped(telemetry)};
    for (size_t i = 0; i < telemetry->worker_count; i++) {
        const struct telemetry_worker *worker = &telemetry->workers[i];

        totals->exchanges += counter_get(&worker->exchanges);
        totals->connections_refused += counter_get(&worker->connections_refused);
        for (size_t limit = 0; limit < TELEMETRY_LIMIT_COUNT; limit++)
            totals->limits[limit] += counter_get(&worker->limits[limit]);
        totals->headers_stripped += counter_get(&worker->headers_stripped);
        add_handshakes(totals, worker);
        for (size_t reason = 0; reason < REASON_COUNT; reason++) {
            totals->by_reason[reason] += counter_get(&worker->by_reason[reason]);
            totals->verdicts[reason] += counter_get(&worker->verdicts[reason]);
            totals->trials[reason] += counter_get(&worker->trials[reason]);
            for (size_t result = 0; result < TELEMETRY_REJUDGED_COUNT; result++)
                totals->rejudged[result][reason] += counter_get(&worker->rejudged[result][reason]);
        }
    }
}

size_t telemetry_series_count(const struct telemetry *telemetry)
{
    return series_registry_count(telemetry->series);
}

void telemetry_series_total(const struct telemetry *telemetry, size_t index,
                            struct telemetry_series_totals *totals)
{
    series_registry_total(telemetry->series, index, totals);
}
