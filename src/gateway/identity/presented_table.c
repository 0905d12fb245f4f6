/* SPDX-License-Identifier: Apache-2.0
 *
 * See presented_table.h. Equal digests are equal chains: the digest covers every certificate with
 * its length, and the limit that the chain breaks.
 */
#include "gateway/identity/presented_table.h"

#include <stdint.h>

#include "runtime/cache.h"
#include "runtime/memory.h"

enum { BYTES_MAX_DEFAULT = 32 * 1024 * 1024, SHARDS = 16 };

struct presented_table {
    struct cache *cache;
};

static void acquire(void *value)
{
    (void)presented_certificate_acquire(value);
}

static void release(void *value)
{
    presented_certificate_release(value);
}

struct presented_table *presented_table_create(size_t bytes_max)
{
    struct presented_table *table = memory_allocate(sizeof(*table));
    struct cache_settings settings = {
        .bytes_max = bytes_max == 0 ? BYTES_MAX_DEFAULT : bytes_max,
        .shards = SHARDS,
        .acquire = acquire,
        .release = release,
    };

    table->cache = cache_create(&settings);
    return table;
}

void presented_table_destroy(struct presented_table *table)
{
    if (table == NULL)
        return;
    cache_destroy(table->cache);
    memory_release(table);
}

/* Those without would all be taken for one. */
static bool has_digest(const struct presented_certificate *presented)
{
    return presented_certificate_limit(presented) != REASON_INTERNAL;
}

struct presented_certificate *presented_table_find(struct presented_table *table,
                                                   struct presented_certificate *presented)
{
    struct presented_certificate *known = NULL;

    if (!has_digest(presented))
        return presented;
    known = cache_find(table->cache, presented_certificate_digest(presented), 0);
    if (known == NULL)
        return presented;
    presented_certificate_release(presented);
    return known;
}

void presented_table_add(struct presented_table *table, struct presented_certificate *presented)
{
    struct presented_certificate *kept = NULL;

    if (!has_digest(presented))
        return;
    kept = cache_intern(table->cache, presented_certificate_digest(presented), presented,
                        presented_certificate_bytes(presented), INT64_MAX, 0);
    presented_certificate_release(kept);
}
