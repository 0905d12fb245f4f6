/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation by moving a mark through a block of memory. used <= capacity, always. Alignment is
 * reckoned from the address, because the block itself may begin anywhere.
 */
#include "runtime/arena.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

void arena_init(struct arena *arena, void *memory, size_t capacity)
{
    assert(memory != NULL || capacity == 0);
    *arena = (struct arena){.memory = memory, .capacity = capacity};
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
}

static void *take(struct arena *arena, size_t padding, size_t size)
{
    size_t left = arena->capacity - arena->used;
    char *taken = NULL;

    if (arena->memory == NULL || padding > left || size > left - padding)
        return NULL;
    taken = arena->memory + arena->used + padding;
    arena->used += padding + size;
    return taken;
}

void *arena_allocate(struct arena *arena, size_t size)
{
    size_t alignment = _Alignof(max_align_t);
    size_t beyond = ((uintptr_t)arena->memory + arena->used) % alignment;

    return take(arena, beyond == 0 ? 0 : alignment - beyond, size);
}

void *arena_allocate_array(struct arena *arena, size_t count, size_t item_size)
{
    void *items = NULL;
    size_t size = 0;

    if (__builtin_mul_overflow(count, item_size, &size))
        return NULL;
    items = arena_allocate(arena, size);
    if (items != NULL)
        memset(items, 0, size);
    return items;
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    char *copy = take(arena, 0, bytes.size);

    if (copy == NULL)
        return (struct slice){NULL, 0};
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return slice_from(copy, bytes.size);
}
