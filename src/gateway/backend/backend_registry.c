/* SPDX-License-Identifier: Apache-2.0
 *
 * See backend_registry.h. There are few pools, so that a list is enough.
 */
#include "gateway/backend/backend_registry.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "gateway/backend/backend_facts_internal.h"
#include "runtime/memory.h"

struct entry {
    struct backend_pool *pool; /* NULL: the place is free */
    size_t references;
};

struct backend_registry {
    pthread_mutex_t lock;
    struct backend_facts_table *facts;
    struct entry *entries; /* by place */
    size_t count;
};

struct backend_registry *backend_registry_create(size_t workers)
{
    struct backend_registry *registry = memory_allocate(sizeof(*registry));

    registry->facts = backend_facts_table_create(workers);
    pthread_mutex_init(&registry->lock, NULL);
    return registry;
}

void backend_registry_destroy(struct backend_registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t i = 0; i < registry->count; i++)
        assert(registry->entries[i].pool == NULL);
    pthread_mutex_destroy(&registry->lock);
    backend_facts_table_destroy(registry->facts);
    memory_release(registry->entries);
    memory_release(registry);
}

static bool text_equals(const char *a, const char *b)
{
    return (a == NULL || b == NULL) ? a == b : strcmp(a, b) == 0;
}

static bool ejections_equal(const struct backend_ejection_settings *a,
                            const struct backend_ejection_settings *b)
{
    return a->failures == b->failures && a->time_ms == b->time_ms &&
           a->time_max_ms == b->time_max_ms && a->share_max == b->share_max;
}

/* Everything but where it was written. The name counts: it is in the log. */
static bool settings_equal(const struct backend_settings *a, const struct backend_settings *b)
{
    if (!text_equals(a->name, b->name) || !text_equals(a->host, b->host) ||
        a->connect_timeout_ms != b->connect_timeout_ms ||
        a->response_timeout_ms != b->response_timeout_ms ||
        a->queue_timeout_ms != b->queue_timeout_ms || a->queue_max != b->queue_max ||
        a->connections_max != b->connections_max || a->idle_max != b->idle_max ||
        a->idle_ms != b->idle_ms || a->balance != b->balance || a->expect != b->expect ||
        a->endpoint_count != b->endpoint_count || !ejections_equal(&a->ejection, &b->ejection))
        return false;
    for (size_t i = 0; i < a->endpoint_count; i++) {
        if (!text_equals(a->endpoints[i].url, b->endpoints[i].url) ||
            a->endpoints[i].weight != b->endpoints[i].weight)
            return false;
    }
    return true;
}

static bool profiles_equal(const struct tls_client_profile *a, const struct tls_client_profile *b)
{
    return (a == NULL || b == NULL)
               ? a == b
               : slice_equals(tls_client_profile_digest(a), tls_client_profile_digest(b));
}

static struct backend_pool *share(struct backend_registry *registry,
                                  const struct backend_settings *settings,
                                  const struct tls_client_profile *profile)
{
    for (size_t i = 0; i < registry->count; i++) {
        struct entry *entry = &registry->entries[i];

        if (entry->pool != NULL && settings_equal(backend_pool_settings(entry->pool), settings) &&
            profiles_equal(backend_pool_profile(entry->pool), profile)) {
            entry->references++;
            return entry->pool;
        }
    }
    return NULL;
}

static size_t find_place(struct backend_registry *registry)
{
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->entries[i].pool == NULL)
            return i;
    }
    registry->entries =
        memory_resize(registry->entries, (registry->count + 1) * sizeof(*registry->entries));
    registry->entries[registry->count] = (struct entry){NULL, 0};
    return registry->count++;
}

struct backend_pool *backend_registry_acquire(struct backend_registry *registry,
                                              const struct backend_settings *settings,
                                              struct error *error)
{
    struct tls_client_profile *profile;
    struct backend_pool *pool;

    /* Files are read each time: what they hold may have changed under the same names. */
    if (!backend_profile_create(settings, &profile, error))
        return NULL;
    pthread_mutex_lock(&registry->lock);
    pool = share(registry, settings, profile);
    if (pool != NULL) {
        tls_client_profile_destroy(profile);
    } else {
        size_t place = find_place(registry);

        pool = backend_pool_create(settings, place, profile, registry->facts, error);
        if (pool != NULL)
            registry->entries[place] = (struct entry){pool, 1};
    }
    pthread_mutex_unlock(&registry->lock);
    return pool;
}

void backend_registry_release(struct backend_registry *registry, struct backend_pool *pool)
{
    struct entry *entry;

    if (pool == NULL)
        return;
    pthread_mutex_lock(&registry->lock);
    entry = &registry->entries[backend_pool_place(pool)];
    assert(entry->pool == pool && entry->references > 0);
    if (--entry->references == 0) {
        entry->pool = NULL;
        backend_pool_destroy(pool);
    }
    pthread_mutex_unlock(&registry->lock);
}

void backend_registry_visit(struct backend_registry *registry,
                            void (*visit)(void *context, struct backend_pool *pool), void *context)
{
    pthread_mutex_lock(&registry->lock);
    for (size_t i = 0; i < registry->count; i++) {
        if (registry->entries[i].pool != NULL)
            visit(context, registry->entries[i].pool);
    }
    pthread_mutex_unlock(&registry->lock);
}
