/* SPDX-License-Identifier: Apache-2.0
 *
 * A cache is shards, each a chained hash table, a list by recency and a lock of its own. The
 * upper half of a key's hash chooses the shard, the lower half the chain. Under a shard's lock
 * references are added but never dropped: entries that leave are collected in a chain and given
 * back after unlocking, because the last release of a value may do anything.
 *
 * In each shard: bytes <= bytes_max, and every entry is in exactly one chain and in the list.
 */
#include "runtime/cache.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/list.h"
#include "runtime/memory.h"
#include "runtime/siphash.h"

enum {
    CHAINS_AT_START = 64,
    /* What an entry costs besides itself: up to two chain heads, and the heap's rounding. */
    ENTRY_OVERHEAD_BYTES = 2 * sizeof(void *) + 16,
    SHARD_ALIGNMENT = 64
};

struct entry {
    struct list_link recency;
    struct entry *next; /* in its chain, or among the dropped */
    uint64_t hash;
    void *value;
    size_t bytes; /* everything included */
    int64_t expires_at;
    size_t key_size;
    char key[];
};

/* A cache line of its own, so that the locks of two shards do not slow each other. */
struct shard {
    _Alignas(SHARD_ALIGNMENT) pthread_mutex_t lock;
    struct list recency; /* most recent first */
    struct entry **chains;
    size_t chain_count; /* a power of two */
    size_t bytes;
    size_t bytes_max;
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
};

struct cache {
    struct cache_settings settings;
    struct siphash_key key;
    void *shard_memory;
    struct shard *shards; /* the aligned part of shard_memory */
};

static void shard_init(struct shard *shard, size_t bytes_max)
{
    pthread_mutex_init(&shard->lock, NULL);
    list_init(&shard->recency);
    shard->chain_count = CHAINS_AT_START;
    shard->chains = memory_allocate_array(CHAINS_AT_START, sizeof(struct entry *));
    shard->bytes_max = bytes_max;
}

struct cache *cache_create(const struct cache_settings *settings)
{
    struct cache *cache = memory_allocate(sizeof *cache);
    size_t misaligned = 0;
    char *memory = NULL;

    assert(settings->shards > 0 && (settings->shards & (settings->shards - 1)) == 0);
    cache->settings = *settings;
    cache->key = siphash_key_create();

    memory = memory_allocate_array(settings->shards + 1, sizeof(struct shard));
    misaligned = (uintptr_t)memory % SHARD_ALIGNMENT;
    cache->shard_memory = memory;
    cache->shards = (void *)(memory + (misaligned == 0 ? 0 : SHARD_ALIGNMENT - misaligned));
    for (size_t i = 0; i < settings->shards; i++)
        shard_init(&cache->shards[i], settings->bytes_max / settings->shards);
    return cache;
}

static struct shard *shard_of(const struct cache *cache, uint64_t hash)
{
    return &cache->shards[(hash >> 32) & (cache->settings.shards - 1)];
}

static struct entry **chain_of(const struct shard *shard, uint64_t hash)
{
    return &shard->chains[hash & (shard->chain_count - 1)];
}

/* Where the entry hangs, or the end of its chain when there is none. */
static struct entry **place_of(const struct shard *shard, uint64_t hash, struct slice key)
{
    struct entry **place = chain_of(shard, hash);

    for (; *place != NULL; place = &(*place)->next) {
        struct entry *entry = *place;

        if (entry->hash == hash && slice_equals(slice_from(entry->key, entry->key_size), key))
            break;
    }
    return place;
}

static void drop(struct shard *shard, struct entry **place, struct entry **dropped)
{
    struct entry *entry = *place;

    *place = entry->next;
    list_remove(&shard->recency, &entry->recency);
    shard->bytes -= entry->bytes;
    entry->next = *dropped;
    *dropped = entry;
}

static void release_dropped(const struct cache *cache, struct entry *dropped)
{
    while (dropped != NULL) {
        struct entry *next = dropped->next;

        cache->settings.release(dropped->value);
        memory_release(dropped);
        dropped = next;
    }
}

static void evict_oldest(struct shard *shard, struct entry **dropped)
{
    struct entry *oldest = LIST_ITEM(list_last(&shard->recency), struct entry, recency);
    struct entry **place = chain_of(shard, oldest->hash);

    while (*place != oldest)
        place = &(*place)->next;
    drop(shard, place, dropped);
    shard->evictions++;
}

static void double_chains(struct shard *shard)
{
    struct entry **old = shard->chains;
    size_t old_count = shard->chain_count;
    struct entry **chains = memory_try_allocate_array(old_count * 2, sizeof(struct entry *));

    /* Longer chains are only slower. */
    if (chains == NULL)
        return;
    shard->chain_count = old_count * 2;
    shard->chains = chains;
    for (size_t i = 0; i < old_count; i++) {
        struct entry *entry = old[i];

        while (entry != NULL) {
            struct entry *next = entry->next;
            struct entry **chain = chain_of(shard, entry->hash);

            entry->next = *chain;
            *chain = entry;
            entry = next;
        }
    }
    memory_release(old);
}

/* NULL: there is no memory, and what is not kept is no loss. */
static struct entry *entry_create(uint64_t hash, struct slice key, void *value, size_t bytes,
                                  int64_t expires_at)
{
    struct entry *entry = memory_try_allocate(sizeof *entry + key.size);

    if (entry == NULL)
        return NULL;
    entry->hash = hash;
    entry->value = value;
    entry->bytes = bytes;
    entry->expires_at = expires_at;
    entry->key_size = key.size;
    if (key.size > 0)
        memcpy(entry->key, key.data, key.size);
    return entry;
}

/* The key is not in the shard. */
static void insert(const struct cache *cache, struct shard *shard, struct entry *entry,
                   struct entry **dropped)
{
    struct entry **chain = NULL;

    while (shard->bytes + entry->bytes > shard->bytes_max)
        evict_oldest(shard, dropped);
    if (shard->recency.count >= shard->chain_count)
        double_chains(shard);

    cache->settings.acquire(entry->value);
    chain = chain_of(shard, entry->hash);
    entry->next = *chain;
    *chain = entry;
    list_prepend(&shard->recency, &entry->recency);
    shard->bytes += entry->bytes;
}

/* What an entry costs, or false when no shard could ever hold it. */
static bool cost_of(const struct shard *shard, struct slice key, size_t bytes, size_t *cost)
{
    return !__builtin_add_overflow(sizeof(struct entry) + ENTRY_OVERHEAD_BYTES, key.size, cost) &&
           !__builtin_add_overflow(*cost, bytes, cost) && *cost <= shard->bytes_max;
}

/* The live value with a new reference, or NULL; an expired entry is dropped. */
static void *find_in(const struct cache *cache, struct shard *shard, struct entry **place,
                     int64_t now, struct entry **dropped)
{
    struct entry *entry = *place;

    if (entry != NULL && now > entry->expires_at) {
        drop(shard, place, dropped);
        entry = NULL;
    }
    if (entry == NULL) {
        shard->misses++;
        return NULL;
    }
    shard->hits++;
    list_remove(&shard->recency, &entry->recency);
    list_prepend(&shard->recency, &entry->recency);
    cache->settings.acquire(entry->value);
    return entry->value;
}

void *cache_find(struct cache *cache, struct slice key, int64_t now)
{
    uint64_t hash = siphash(cache->key, key);
    struct shard *shard = shard_of(cache, hash);
    struct entry *dropped = NULL;
    void *value = NULL;

    pthread_mutex_lock(&shard->lock);
    value = find_in(cache, shard, place_of(shard, hash, key), now, &dropped);
    pthread_mutex_unlock(&shard->lock);

    release_dropped(cache, dropped);
    return value;
}

void cache_put(struct cache *cache, struct slice key, void *value, size_t bytes, int64_t expires_at)
{
    uint64_t hash = siphash(cache->key, key);
    struct shard *shard = shard_of(cache, hash);
    struct entry *added = NULL;
    struct entry *dropped = NULL;
    struct entry **place = NULL;
    size_t cost = 0;

    if (cost_of(shard, key, bytes, &cost))
        added = entry_create(hash, key, value, cost, expires_at);

    pthread_mutex_lock(&shard->lock);
    /* Also when the new value is too large: the old one is no longer the answer. */
    place = place_of(shard, hash, key);
    if (*place != NULL)
        drop(shard, place, &dropped);
    if (added != NULL)
        insert(cache, shard, added, &dropped);
    pthread_mutex_unlock(&shard->lock);

    release_dropped(cache, dropped);
}

void *cache_intern(struct cache *cache, struct slice key, void *value, size_t bytes,
                   int64_t expires_at, int64_t now)
{
    uint64_t hash = siphash(cache->key, key);
    struct shard *shard = shard_of(cache, hash);
    struct entry *added = NULL;
    struct entry *dropped = NULL;
    void *found = NULL;
    size_t cost = 0;

    pthread_mutex_lock(&shard->lock);
    found = find_in(cache, shard, place_of(shard, hash, key), now, &dropped);
    if (found == NULL) {
        cache->settings.acquire(value);
        if (cost_of(shard, key, bytes, &cost))
            added = entry_create(hash, key, value, cost, expires_at);
        if (added != NULL)
            insert(cache, shard, added, &dropped);
    }
    pthread_mutex_unlock(&shard->lock);

    release_dropped(cache, dropped);
    return found == NULL ? value : found;
}

void cache_remove(struct cache *cache, struct slice key)
{
    uint64_t hash = siphash(cache->key, key);
    struct shard *shard = shard_of(cache, hash);
    struct entry *dropped = NULL;
    struct entry **place = NULL;

    pthread_mutex_lock(&shard->lock);
    place = place_of(shard, hash, key);
    if (*place != NULL)
        drop(shard, place, &dropped);
    pthread_mutex_unlock(&shard->lock);

    release_dropped(cache, dropped);
}

struct cache_counts cache_count(struct cache *cache)
{
    struct cache_counts counts = {0};

    for (size_t i = 0; i < cache->settings.shards; i++) {
        struct shard *shard = &cache->shards[i];

        pthread_mutex_lock(&shard->lock);
        counts.entries += shard->recency.count;
        counts.bytes += shard->bytes;
        counts.hits += shard->hits;
        counts.misses += shard->misses;
        counts.evictions += shard->evictions;
        pthread_mutex_unlock(&shard->lock);
    }
    return counts;
}

static void shard_reset(const struct cache *cache, struct shard *shard)
{
    struct entry *dropped = NULL;

    for (size_t i = 0; i < shard->chain_count; i++) {
        while (shard->chains[i] != NULL)
            drop(shard, &shard->chains[i], &dropped);
    }
    release_dropped(cache, dropped);
    memory_release(shard->chains);
    pthread_mutex_destroy(&shard->lock);
}

void cache_destroy(struct cache *cache)
{
    if (cache == NULL)
        return;
    for (size_t i = 0; i < cache->settings.shards; i++)
        shard_reset(cache, &cache->shards[i]);
    memory_release(cache->shard_memory);
    memory_release(cache);
}
