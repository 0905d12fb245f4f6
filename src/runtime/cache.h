/* SPDX-License-Identifier: Apache-2.0
 *
 * A cache of reference-counted values by byte-string key, shared by threads: sharded, bounded in
 * bytes, least recently used goes first, and hashed with a secret key (SipHash-2-4) so that
 * nobody can choose colliding keys. The session store, the verdict store and the identity table
 * are caches.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

struct cache;

struct cache_settings {
    size_t bytes_max;             /* over all shards, overhead of entries included */
    size_t shards;                /* a power of two */
    void (*acquire)(void *value); /* adds a reference */
    void (*release)(void *value); /* drops a reference; called outside any lock of the cache */
};

struct cache_counts {
    uint64_t entries;
    uint64_t bytes;
    uint64_t hits;
    uint64_t misses;
    uint64_t evictions;
};

struct cache *cache_create(const struct cache_settings *settings);
void cache_destroy(struct cache *cache);

/* A new reference that the caller releases, or NULL. An entry past its `expires_at` is gone. */
void *cache_find(struct cache *cache, struct slice key, int64_t now);
/* Adds or replaces. The cache takes its own reference; `bytes` is what the value holds.
 * Time is whatever unit the caller uses everywhere. A value larger than a shard is not kept. */
void cache_put(struct cache *cache, struct slice key, void *value, size_t bytes,
               int64_t expires_at);
/* Finds, or puts `value` when there is none: returns a new reference to what is now in the
 * cache, in one step, so that equal values are interned once. */
void *cache_intern(struct cache *cache, struct slice key, void *value, size_t bytes,
                   int64_t expires_at, int64_t now);
void cache_remove(struct cache *cache, struct slice key);
struct cache_counts cache_count(struct cache *cache);
