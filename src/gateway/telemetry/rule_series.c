/* SPDX-License-Identifier: Apache-2.0
 *
 * See telemetry.h. As with the series of routes, only the control thread looks for counters and
 * makes them; a worker adds to its own part.
 */
#include "gateway/telemetry/rule_series_internal.h"

#include <stdatomic.h>
#include <string.h>

#include "gateway/telemetry/counter_internal.h"
#include "runtime/memory.h"

struct telemetry_rules {
    char *policy;
    size_t rules;
    size_t worker_count;
    atomic_size_t references;
    size_t stride; /* counters of a worker, a whole number of cache lines */
    void *memory;  /* of the counters, before it was aligned */
    atomic_uint_fast64_t *counters;
};

struct rule_registry {
    size_t worker_count;
    struct telemetry_rules *items[TELEMETRY_POLICIES_MAX];
    size_t count;
};

enum {
    COUNTERS_EACH = 2, /* denied, allowed */
    COUNTERS_OF_LINE = COUNTER_CACHE_LINE_BYTES / sizeof(atomic_uint_fast64_t)
};

struct rule_registry *rule_registry_create(size_t workers)
{
    struct rule_registry *registry = memory_allocate(sizeof(*registry));

    registry->worker_count = workers;
    return registry;
}

static struct telemetry_rules *create_rules(size_t workers, const char *policy, size_t rules)
{
    struct telemetry_rules *made = memory_allocate(sizeof(*made));
    size_t counters = (rules + 1) * COUNTERS_EACH;

    made->policy = memory_copy_text(policy);
    made->rules = rules;
    made->worker_count = workers;
    atomic_init(&made->references, 0);
    made->stride = (counters + COUNTERS_OF_LINE - 1) / COUNTERS_OF_LINE * COUNTERS_OF_LINE;
    made->memory = memory_allocate(workers * made->stride * sizeof(*made->counters) +
                                   COUNTER_CACHE_LINE_BYTES);
    made->counters = counter_align(made->memory);
    return made;
}

static void destroy_rules(struct telemetry_rules *rules)
{
    memory_release(rules->policy);
    memory_release(rules->memory);
    memory_release(rules);
}

void rule_registry_destroy(struct rule_registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t i = 0; i < registry->count; i++)
        destroy_rules(registry->items[i]);
    memory_release(registry);
}

/* A place for what comes: a new one, or that of something that nobody uses. The capacity when there
 * is none. */
static size_t find_place(const struct rule_registry *registry)
{
    if (registry->count < TELEMETRY_POLICIES_MAX)
        return registry->count;
    for (size_t i = 0; i < registry->count; i++)
        if (!telemetry_rules_are_used(registry->items[i]))
            return i;
    return TELEMETRY_POLICIES_MAX;
}

struct telemetry_rules *rule_registry_acquire(struct rule_registry *registry, const char *policy,
                                              size_t rules)
{
    struct telemetry_rules *found = NULL;
    size_t place;

    for (size_t i = 0; i < registry->count && found == NULL; i++)
        if (registry->items[i]->rules == rules && strcmp(registry->items[i]->policy, policy) == 0)
            found = registry->items[i];
    if (found == NULL) {
        place = find_place(registry);
        if (place == TELEMETRY_POLICIES_MAX)
            return NULL;
        if (place == registry->count)
            registry->count++;
        else
            destroy_rules(registry->items[place]);
        found = create_rules(registry->worker_count, policy, rules);
        registry->items[place] = found;
    }
    atomic_fetch_add_explicit(&found->references, 1, memory_order_relaxed);
    return found;
}

void telemetry_rules_release(struct telemetry_rules *rules)
{
    if (rules != NULL)
        atomic_fetch_sub_explicit(&rules->references, 1, memory_order_release);
}

bool telemetry_rules_are_used(const struct telemetry_rules *rules)
{
    return atomic_load_explicit(&rules->references, memory_order_acquire) > 0;
}

size_t rule_registry_count(const struct rule_registry *registry)
{
    return registry->count;
}

struct telemetry_rules *rule_registry_get(const struct rule_registry *registry, size_t index)
{
    return registry->items[index];
}

static atomic_uint_fast64_t *counter_of(const struct telemetry_rules *rules, size_t worker,
                                        size_t rule, bool allowed)
{
    return &rules->counters[worker * rules->stride + rule * COUNTERS_EACH + (allowed ? 1 : 0)];
}

void rule_series_add(struct telemetry_rules *rules, size_t worker, size_t rule, bool allowed)
{
    if (rule <= rules->rules)
        counter_add(counter_of(rules, worker, rule, allowed), 1);
}

const char *telemetry_rules_policy(const struct telemetry_rules *rules)
{
    return rules->policy;
}

size_t telemetry_rules_rule_count(const struct telemetry_rules *rules)
{
    return rules->rules;
}

uint64_t telemetry_rules_total(const struct telemetry_rules *rules, size_t rule, bool allowed)
{
    uint64_t total = 0;

    for (size_t i = 0; i < rules->worker_count; i++)
        total += counter_get(counter_of(rules, i, rule, allowed));
    return total;
}
