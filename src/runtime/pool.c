/* SPDX-License-Identifier: Apache-2.0
 *
 * A pool keeps released blocks in a chain whose links live in the blocks themselves. The block
 * released last is handed out first, because it is still in the processor's cache.
 */
#include "runtime/pool.h"

#include <assert.h>

#include "runtime/memory.h"

struct spare {
    struct spare *next;
};

struct pool {
    struct spare *spares;
    size_t spare_count;
    size_t spare_max;
    size_t block_bytes;
    size_t blocks_max;
    size_t in_use;
};

struct pool *pool_create(size_t block_bytes, size_t blocks_max, size_t spare_max)
{
    struct pool *pool = memory_allocate(sizeof *pool);

    pool->block_bytes = block_bytes;
    pool->blocks_max = blocks_max;
    pool->spare_max = spare_max;
    return pool;
}

void pool_destroy(struct pool *pool)
{
    if (pool == NULL)
        return;
    assert(pool->in_use == 0);
    while (pool->spares != NULL) {
        struct spare *next = pool->spares->next;

        memory_release(pool->spares);
        pool->spares = next;
    }
    memory_release(pool);
}

static size_t allocated_bytes(const struct pool *pool)
{
    return pool->block_bytes < sizeof(struct spare) ? sizeof(struct spare) : pool->block_bytes;
}

void *pool_acquire(struct pool *pool)
{
    struct spare *spare = pool->spares;

    if (pool->in_use >= pool->blocks_max)
        return NULL;
    if (spare != NULL) {
        pool->spares = spare->next;
        pool->spare_count--;
    } else {
        spare = memory_try_allocate(allocated_bytes(pool));
    }
    if (spare != NULL)
        pool->in_use++;
    return spare;
}

void pool_release(struct pool *pool, void *block)
{
    struct spare *spare = block;

    if (block == NULL)
        return;
    assert(pool->in_use > 0);
    pool->in_use--;
    if (pool->spare_count >= pool->spare_max) {
        memory_release(block);
        return;
    }
    spare->next = pool->spares;
    pool->spares = spare;
    pool->spare_count++;
}

size_t pool_block_bytes(const struct pool *pool)
{
    return pool->block_bytes;
}

size_t pool_in_use(const struct pool *pool)
{
    return pool->in_use;
}
