/* SPDX-License-Identifier: Apache-2.0
 *
 * See telemetry.h. Only the control thread looks for series and makes them; who uses one holds a
 * reference, so that a worker has no more to do than to add to its own part of it.
 */
#include "gateway/telemetry/series_internal.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "gateway/telemetry/counter_internal.h"
#include "runtime/memory.h"

/* What is no status, or none of HTTP's, is counted with its class. */
enum { CLASSES = 6, STATUS_MAX = 599 };

struct status {
    unsigned code; /* 0: a class */
    const char *name;
};

/* clang-format off */
/* The registered statuses in order, 499 for a client that has gone, then the classes. */
static const struct status statuses[] = {
    {100, "100"}, {101, "101"}, {102, "102"}, {103, "103"},
    {200, "200"}, {201, "201"}, {202, "202"}, {203, "203"}, {204, "204"}, {205, "205"},
    {206, "206"}, {207, "207"}, {208, "208"}, {226, "226"},
    {300, "300"}, {301, "301"}, {302, "302"}, {303, "303"}, {304, "304"}, {305, "305"},
    {307, "307"}, {308, "308"},
    {400, "400"}, {401, "401"}, {402, "402"}, {403, "403"}, {404, "404"}, {405, "405"},
    {406, "406"}, {407, "407"}, {408, "408"}, {409, "409"}, {410, "410"}, {411, "411"},
    {412, "412"}, {413, "413"}, {414, "414"}, {415, "415"}, {416, "416"}, {417, "417"},
    {421, "421"}, {422, "422"}, {423, "423"}, {424, "424"}, {425, "425"}, {426, "426"},
    {428, "428"}, {429, "429"}, {431, "431"}, {451, "451"}, {499, "499"},
    {500, "500"}, {501, "501"}, {502, "502"}, {503, "503"}, {504, "504"}, {505, "505"},
    {506, "506"}, {507, "507"}, {508, "508"}, {510, "510"}, {511, "511"},
    {0, "none"}, {0, "1xx"}, {0, "2xx"}, {0, "3xx"}, {0, "4xx"}, {0, "5xx"},
};
/* clang-format on */

enum { STATUSES = sizeof(statuses) / sizeof(statuses[0]), STATUSES_KNOWN = STATUSES - CLASSES };

_Static_assert((int)STATUSES <= (int)TELEMETRY_STATUSES_MAX, "every status has its place");

/* From a thousandth of a second to half a minute: what people and machines wait for. */
static const uint64_t bounds_us[TELEMETRY_DURATIONS] = {
    1000,   2500,    5000,    10000,   25000,    50000,    100000,  250000,
    500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000};

/* One worker's part. */
struct series_counters {
    _Alignas(COUNTER_CACHE_LINE_BYTES) atomic_uint_fast64_t by_status[STATUSES];
    atomic_uint_fast64_t durations[TELEMETRY_DURATIONS + 1];
    atomic_uint_fast64_t duration_us;
    atomic_uint_fast64_t received_bytes;
    atomic_uint_fast64_t sent_bytes;
};

struct telemetry_series {
    char *listener;
    char *route;
    atomic_size_t references;
    uint64_t used; /* when it was last acquired: the registry's count of that */
    void *memory;  /* of the counters, before it was aligned */
    struct series_counters *workers;
};

struct series_registry {
    size_t worker_count;
    uint64_t acquired;
    struct telemetry_series *others; /* everything that has no series of its own */
    struct telemetry_series *items[TELEMETRY_SERIES_MAX];
    size_t count;
};

/* ---- statuses and durations ------------------------------------------------------------------ */

size_t telemetry_status_count(void)
{
    return STATUSES;
}

const char *telemetry_status_name(size_t index)
{
    return statuses[index].name;
}

uint64_t telemetry_duration_bound_us(size_t index)
{
    return bounds_us[index];
}

static size_t place_of_status(unsigned status)
{
    size_t low = 0;
    size_t high = STATUSES_KNOWN;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (statuses[middle].code == status)
            return middle;
        if (statuses[middle].code < status)
            low = middle + 1;
        else
            high = middle;
    }
    return STATUSES_KNOWN + (status <= STATUS_MAX ? status / 100 : 0);
}

static size_t place_of_duration(uint64_t us)
{
    size_t place = 0;

    while (place < TELEMETRY_DURATIONS && us > bounds_us[place])
        place++;
    return place;
}

/* ---- one series ------------------------------------------------------------------------------ */

static struct telemetry_series *create_series(const struct series_registry *registry,
                                              const char *listener, const char *route)
{
    struct telemetry_series *series = memory_allocate(sizeof(*series));

    series->listener = memory_copy_text(listener);
    series->route = memory_copy_text(route);
    series->memory =
        memory_allocate_array(registry->worker_count + 1, sizeof(struct series_counters));
    series->workers = counter_align(series->memory);
    return series;
}

static void destroy_series(struct telemetry_series *series)
{
    memory_release(series->listener);
    memory_release(series->route);
    memory_release(series->memory);
    memory_release(series);
}

void series_add(struct telemetry_series *series, size_t worker,
                const struct exchange_record *record)
{
    struct series_counters *counters = &series->workers[worker];

    counter_add(&counters->by_status[place_of_status(record->status)], 1);
    counter_add(&counters->durations[place_of_duration(record->duration_us)], 1);
    counter_add(&counters->duration_us, record->duration_us);
    counter_add(&counters->received_bytes, record->received_bytes);
    counter_add(&counters->sent_bytes, record->sent_bytes);
}

void telemetry_series_release(struct telemetry_series *series)
{
    if (series != NULL)
        atomic_fetch_sub_explicit(&series->references, 1, memory_order_release);
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct series_registry *series_registry_create(size_t workers)
{
    struct series_registry *registry = memory_allocate(sizeof(*registry));

    registry->worker_count = workers;
    registry->others = create_series(registry, "", "");
    return registry;
}

void series_registry_destroy(struct series_registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t i = 0; i < registry->count; i++)
        destroy_series(registry->items[i]);
    destroy_series(registry->others);
    memory_release(registry);
}

static struct telemetry_series *find(const struct series_registry *registry, const char *listener,
                                     const char *route)
{
    for (size_t i = 0; i < registry->count; i++) {
        struct telemetry_series *series = registry->items[i];

        if (strcmp(series->listener, listener) == 0 && strcmp(series->route, route) == 0)
            return series;
    }
    return NULL;
}

static bool is_unused(struct telemetry_series *series)
{
    return atomic_load_explicit(&series->references, memory_order_acquire) == 0;
}

/* The place of what nobody has used for the longest time; the count when all are in use. */
static size_t find_unused(const struct series_registry *registry)
{
    size_t found = registry->count;

    for (size_t i = 0; i < registry->count; i++) {
        if (is_unused(registry->items[i]) &&
            (found == registry->count || registry->items[i]->used < registry->items[found]->used))
            found = i;
    }
    return found;
}

/* NULL: there is no room. */
static struct telemetry_series *add(struct series_registry *registry, const char *listener,
                                    const char *route)
{
    size_t place = registry->count;

    if (registry->count < TELEMETRY_SERIES_MAX) {
        registry->count++;
    } else {
        place = find_unused(registry);
        if (place == registry->count)
            return NULL;
        destroy_series(registry->items[place]);
    }
    registry->items[place] = create_series(registry, listener, route);
    return registry->items[place];
}

struct telemetry_series *series_registry_acquire(struct series_registry *registry,
                                                 const char *listener, const char *route)
{
    struct telemetry_series *series = find(registry, listener, route);

    if (series == NULL)
        series = add(registry, listener, route);
    if (series == NULL)
        series = registry->others;
    series->used = ++registry->acquired;
    atomic_fetch_add_explicit(&series->references, 1, memory_order_relaxed);
    return series;
}

size_t series_registry_count(const struct series_registry *registry)
{
    return registry->count + 1;
}

static void add_counters(struct telemetry_series_totals *totals,
                         const struct series_counters *counters)
{
    for (size_t i = 0; i < STATUSES; i++)
        totals->by_status[i] += counter_get(&counters->by_status[i]);
    for (size_t i = 0; i <= TELEMETRY_DURATIONS; i++)
        totals->durations[i] += counter_get(&counters->durations[i]);
    totals->duration_us += counter_get(&counters->duration_us);
    totals->received_bytes += counter_get(&counters->received_bytes);
    totals->sent_bytes += counter_get(&counters->sent_bytes);
}

void series_registry_total(const struct series_registry *registry, size_t index,
                           struct telemetry_series_totals *totals)
{
    const struct telemetry_series *series =
        index < registry->count ? registry->items[index] : registry->others;

    *totals =
        (struct telemetry_series_totals){.listener = series->listener, .route = series->route};
    for (size_t i = 0; i < registry->worker_count; i++)
        add_counters(totals, &series->workers[i]);
}
