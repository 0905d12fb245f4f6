/* SPDX-License-Identifier: Apache-2.0
 *
 * One queue for all workers, and a set of counters for each. A worker alone adds to its counters,
 * so adding needs no more than a load and a store that nobody can see half of; each set has cache
 * lines of its own, so that workers do not wait for each other's.
 */
#include "gateway/telemetry/telemetry.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "gateway/telemetry/record_internal.h"
#include "runtime/line_queue.h"
#include "runtime/memory.h"

enum {
    CACHE_LINE_BYTES = 64,
    ACCESS_LOG_MODE = 0640, /* it names people */
    DESTROY_WAIT_MS = 1000
};

static const size_t queue_bytes_default = (size_t)4 * 1024 * 1024;

struct telemetry_worker {
    _Alignas(CACHE_LINE_BYTES) struct line_queue *queue; /* NULL: the access log is off */
    atomic_uint_fast64_t exchanges;
    atomic_uint_fast64_t handshakes;
    atomic_uint_fast64_t handshakes_resumed;
    atomic_uint_fast64_t handshakes_failed;
    atomic_uint_fast64_t connections_refused;
    atomic_uint_fast64_t headers_stripped;
    atomic_uint_fast64_t by_reason[REASON_COUNT];
};

struct telemetry {
    struct line_queue *queue;
    void *memory; /* of the workers, before it was aligned */
    struct telemetry_worker *workers;
    size_t worker_count;
};

static void add(atomic_uint_fast64_t *counter, uint64_t count)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, now + count, memory_order_relaxed);
}

static void add_reason(struct telemetry_worker *worker, enum reason reason)
{
    add(&worker->by_reason[(unsigned)reason < REASON_COUNT ? reason : REASON_INTERNAL], 1);
}

/* ---- making and ending --------------------------------------------------------------------- */

/* A link is followed: /dev/stdout is one, and so is the file that a log collector waits for. */
static int open_log(const char *path, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, ACCESS_LOG_MODE);

    if (fd < 0)
        error_set(error, ERROR_FILE, "access log '%s' cannot be opened: %s", path, strerror(errno));
    return fd;
}

static bool open_queue(struct telemetry *telemetry, const struct telemetry_settings *settings,
                       struct error *error)
{
    bool is_file = settings->target == ACCESS_LOG_FILE;
    size_t bytes_max =
        settings->queue_bytes_max == 0 ? queue_bytes_default : settings->queue_bytes_max;
    int fd = settings->target == ACCESS_LOG_STDERR ? STDERR_FILENO : STDOUT_FILENO;

    if (settings->target == ACCESS_LOG_OFF)
        return true;
    if (is_file) {
        fd = open_log(settings->path, error);
        if (fd < 0)
            return false;
    }
    telemetry->queue = line_queue_create(fd, is_file, bytes_max, error);
    if (telemetry->queue == NULL && is_file)
        close(fd);
    return telemetry->queue != NULL;
}

static void make_workers(struct telemetry *telemetry, size_t count)
{
    uintptr_t start;

    telemetry->memory = memory_allocate_array(count + 1, sizeof(struct telemetry_worker));
    start = (uintptr_t)telemetry->memory;
    start += (CACHE_LINE_BYTES - start % CACHE_LINE_BYTES) % CACHE_LINE_BYTES;
    telemetry->workers = (struct telemetry_worker *)start;
    telemetry->worker_count = count;
    for (size_t i = 0; i < count; i++)
        telemetry->workers[i].queue = telemetry->queue;
}

struct telemetry *telemetry_create(const struct telemetry_settings *settings, size_t workers,
                                   struct error *error)
{
    struct telemetry *telemetry = memory_allocate(sizeof(*telemetry));

    if (!open_queue(telemetry, settings, error)) {
        memory_release(telemetry);
        return NULL;
    }
    make_workers(telemetry, workers);
    return telemetry;
}

void telemetry_destroy(struct telemetry *telemetry)
{
    if (telemetry == NULL)
        return;
    line_queue_destroy(telemetry->queue, DESTROY_WAIT_MS);
    memory_release(telemetry->memory);
    memory_release(telemetry);
}

struct telemetry_worker *telemetry_worker(struct telemetry *telemetry, size_t index)
{
    assert(index < telemetry->worker_count);
    return &telemetry->workers[index];
}

/* ---- reporting ----------------------------------------------------------------------------- */

void telemetry_report_exchange(struct telemetry_worker *worker,
                               const struct exchange_record *record)
{
    char memory[RECORD_BYTES_MAX];
    struct buffer line;

    add(&worker->exchanges, 1);
    add(&worker->headers_stripped, record->stripped_headers);
    add_reason(worker, record->reason);
    if (worker->queue == NULL)
        return;
    buffer_init(&line, memory, sizeof(memory));
    record_format_exchange(&line, record);
    /* What was dropped, the queue counts. */
    (void)line_queue_put(worker->queue, buffer_readable(&line));
}

void telemetry_report_handshake(struct telemetry_worker *worker,
                                const struct handshake_record *record)
{
    char memory[RECORD_BYTES_MAX];
    struct buffer line;

    add(&worker->handshakes_failed, 1);
    add_reason(worker, record->reason);
    if (worker->queue == NULL)
        return;
    buffer_init(&line, memory, sizeof(memory));
    record_format_handshake(&line, record);
    (void)line_queue_put(worker->queue, buffer_readable(&line));
}

void telemetry_count_handshake(struct telemetry_worker *worker, bool resumed)
{
    add(&worker->handshakes, 1);
    if (resumed)
        add(&worker->handshakes_resumed, 1);
}

void telemetry_count_connection_refused(struct telemetry_worker *worker)
{
    add(&worker->connections_refused, 1);
}

/* ---- reading ------------------------------------------------------------------------------- */

static uint64_t count_of(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void telemetry_total(const struct telemetry *telemetry, struct telemetry_totals *totals)
{
    *totals = (struct telemetry_totals){0};
    if (telemetry->queue != NULL)
        totals->records_dropped = line_queue_dropped(telemetry->queue);
    for (size_t i = 0; i < telemetry->worker_count; i++) {
        const struct telemetry_worker *worker = &telemetry->workers[i];

        totals->exchanges += count_of(&worker->exchanges);
        totals->handshakes += count_of(&worker->handshakes);
        totals->handshakes_resumed += count_of(&worker->handshakes_resumed);
        totals->handshakes_failed += count_of(&worker->handshakes_failed);
        totals->connections_refused += count_of(&worker->connections_refused);
        totals->headers_stripped += count_of(&worker->headers_stripped);
        for (size_t reason = 0; reason < REASON_COUNT; reason++)
            totals->by_reason[reason] += count_of(&worker->by_reason[reason]);
    }
}
