/* SPDX-License-Identifier: Apache-2.0
 *
 * A pool of equal blocks for one thread. A released block is kept for the next user, up to a
 * number; a pool hands out at most `blocks_max` at a time, and NULL is the outcome beyond that.
 */
#pragma once

#include <stddef.h>

struct pool;

struct pool *pool_create(size_t block_bytes, size_t blocks_max, size_t spare_max);
/* Every block must have been released. */
void pool_destroy(struct pool *pool);

/* Not zeroed; NULL when blocks_max are in use, or when there is no memory. */
void *pool_acquire(struct pool *pool);
/* NULL is fine. */
void pool_release(struct pool *pool, void *block);
size_t pool_block_bytes(const struct pool *pool);
size_t pool_in_use(const struct pool *pool);
