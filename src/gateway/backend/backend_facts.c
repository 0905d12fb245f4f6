/* SPDX-License-Identifier: Apache-2.0
 *
 * See backend_facts_internal.h. There are as many as there are addresses, so that a list is enough.
 */
#include "gateway/backend/backend_facts_internal.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "runtime/memory.h"

enum { DOUBLINGS_MAX = 16 };

struct backend_facts_table {
    pthread_mutex_t lock;
    struct backend_facts **items;
    size_t count;
    size_t workers;
    atomic_size_t version;
};

/* ---- the table ---- */

static void destroy_facts(struct backend_facts *facts)
{
    memory_release(facts->key);
    memory_release(facts->counters);
    memory_release(facts);
}

struct backend_facts_table *backend_facts_table_create(size_t workers)
{
    struct backend_facts_table *table = memory_allocate(sizeof(*table));

    pthread_mutex_init(&table->lock, NULL);
    table->workers = workers;
    return table;
}

void backend_facts_table_destroy(struct backend_facts_table *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++) {
        assert(atomic_load(&table->items[i]->references) == 0);
        destroy_facts(table->items[i]);
    }
    pthread_mutex_destroy(&table->lock);
    memory_release(table->items);
    memory_release(table);
}

size_t backend_facts_next_version(struct backend_facts_table *table)
{
    return atomic_fetch_add(&table->version, 1) + 1;
}

static struct backend_facts *find(const struct backend_facts_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->items[i]->key, key) == 0)
            return table->items[i];
    }
    return NULL;
}

/* Nobody but the holder of the lock can make a reference where there is none. */
static void forget_unused(struct backend_facts_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->count; i++) {
        struct backend_facts *facts = table->items[i];

        if (atomic_load(&facts->references) == 0)
            destroy_facts(facts);
        else
            table->items[kept++] = facts;
    }
    table->count = kept;
}

static struct backend_facts *add(struct backend_facts_table *table, char *key)
{
    struct backend_facts *facts = memory_allocate(sizeof(*facts));

    facts->key = key;
    facts->counters = memory_allocate_array(table->workers, sizeof(*facts->counters));
    facts->counter_count = table->workers;
    table->items = memory_resize(table->items, (table->count + 1) * sizeof(struct backend_facts *));
    table->items[table->count++] = facts;
    return facts;
}

struct backend_facts *backend_facts_acquire(struct backend_facts_table *table, const char *backend,
                                            const char *endpoint, const char *address)
{
    char *key = memory_format("%s\n%s\n%s", backend, endpoint, address);
    struct backend_facts *facts;

    pthread_mutex_lock(&table->lock);
    facts = find(table, key);
    if (facts == NULL) {
        forget_unused(table);
        facts = add(table, key);
    } else {
        memory_release(key);
    }
    (void)backend_facts_share(facts);
    pthread_mutex_unlock(&table->lock);
    return facts;
}

struct backend_facts *backend_facts_share(struct backend_facts *facts)
{
    atomic_fetch_add_explicit(&facts->references, 1, memory_order_relaxed);
    return facts;
}

void backend_facts_release(struct backend_facts *facts)
{
    if (facts != NULL)
        atomic_fetch_sub_explicit(&facts->references, 1, memory_order_release);
}

/* ---- counters ---- */

struct backend_counters *backend_facts_counters(struct backend_facts *facts, size_t worker)
{
    assert(worker < facts->counter_count);
    return &facts->counters[worker];
}

/* One thread writes, so that no locked instruction is needed. */
void backend_counter_add(atomic_uint_fast64_t *counter, uint64_t count)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + count,
                          memory_order_relaxed);
}

void backend_counter_subtract(atomic_uint_fast64_t *counter, uint64_t count)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) - count,
                          memory_order_relaxed);
}

/* ---- health ---- */

bool backend_facts_is_ejected(const struct backend_facts *facts, uint64_t now_ms)
{
    return atomic_load_explicit(&facts->ejected_until_ms, memory_order_relaxed) > now_ms;
}

bool backend_facts_succeeded(struct backend_facts *facts)
{
    /* Nearly always nothing has to be written, and the line stays shared. */
    if (atomic_load_explicit(&facts->failures, memory_order_relaxed) == 0)
        return false;
    atomic_store_explicit(&facts->failures, 0, memory_order_relaxed);
    atomic_store_explicit(&facts->ejections, 0, memory_order_relaxed);
    atomic_store_explicit(&facts->ejected_until_ms, 0, memory_order_relaxed);
    return atomic_exchange(&facts->is_reported_ejected, false);
}

bool backend_facts_failed(struct backend_facts *facts, const struct backend_settings *settings)
{
    unsigned failures = atomic_fetch_add_explicit(&facts->failures, 1, memory_order_relaxed) + 1;

    return settings->ejection.failures > 0 && failures >= settings->ejection.failures;
}

uint64_t backend_facts_eject(struct backend_facts *facts, const struct backend_settings *settings,
                             uint64_t now_ms)
{
    unsigned times = atomic_fetch_add_explicit(&facts->ejections, 1, memory_order_relaxed);
    uint64_t for_ms = settings->ejection.time_ms
                      << (times < DOUBLINGS_MAX ? times : (unsigned)DOUBLINGS_MAX);

    if (for_ms > settings->ejection.time_max_ms)
        for_ms = settings->ejection.time_max_ms;
    atomic_store_explicit(&facts->ejected_until_ms, now_ms + for_ms, memory_order_relaxed);
    atomic_fetch_add_explicit(&facts->ejected_total, 1, memory_order_relaxed);
    atomic_store(&facts->is_reported_ejected, true);
    return for_ms;
}
