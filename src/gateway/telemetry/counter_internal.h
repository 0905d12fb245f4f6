/* SPDX-License-Identifier: Apache-2.0
 *
 * A counter that one thread adds to and others read: adding needs no more than a load and a store
 * that nobody can see half of.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

enum { COUNTER_CACHE_LINE_BYTES = 64 };

static inline void counter_add(atomic_uint_fast64_t *counter, uint64_t count)
{
    uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, now + count, memory_order_relaxed);
}

static inline uint64_t counter_get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The first address in the memory with a cache line of its own; it takes at most
 * COUNTER_CACHE_LINE_BYTES more than what is asked for. */
static inline void *counter_align(void *memory)
{
    uintptr_t start = (uintptr_t)memory;

    start +=
        (COUNTER_CACHE_LINE_BYTES - start % COUNTER_CACHE_LINE_BYTES) % COUNTER_CACHE_LINE_BYTES;
    return (void *)start;
}
