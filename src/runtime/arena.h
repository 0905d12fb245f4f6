/* SPDX-License-Identifier: Apache-2.0
 *
 * An arena hands out parts of one block of memory and takes them back all at once.
 * It does not grow: when the block is used up, allocation yields NULL, and that is an outcome
 * ("budget exceeded") which the caller answers like any other.
 */
#pragma once

#include <stddef.h>

#include "runtime/slice.h"

struct arena {
    char *memory;
    size_t used;
    size_t capacity;
};

/* The memory stays the caller's. */
void arena_init(struct arena *arena, void *memory, size_t capacity);
void arena_reset(struct arena *arena);

/* Not zeroed, aligned for any type; NULL when the budget is exceeded. */
void *arena_allocate(struct arena *arena, size_t size);
/* `count` zeroed items; NULL when the budget is exceeded or the product overflows. */
void *arena_allocate_array(struct arena *arena, size_t count, size_t item_size);
/* A copy in the arena; its data is NULL when the budget is exceeded. */
struct slice arena_copy(struct arena *arena, struct slice bytes);
