/* SPDX-License-Identifier: Apache-2.0
 *
 * Each allocation remembers the one before it; releasing walks the chain.
 */
#include "app/config/config_memory_internal.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "runtime/memory.h"

struct config_allocation {
    struct config_allocation *previous;
    size_t size;
    alignas(max_align_t) char memory[];
};

void config_memory_release(struct config_memory *memory)
{
    while (memory->last != NULL) {
        struct config_allocation *allocation = memory->last;

        memory->last = allocation->previous;
        /* Passwords are among it. */
        memory_wipe_and_release(allocation, sizeof(*allocation) + allocation->size);
    }
}

void *config_memory_allocate(struct config_memory *memory, size_t size)
{
    struct config_allocation *allocation;

    assert(size <= SIZE_MAX - sizeof(*allocation));
    allocation = memory_allocate(sizeof(*allocation) + size);
    allocation->previous = memory->last;
    allocation->size = size;
    memory->last = allocation;
    return allocation->memory;
}

void *config_memory_allocate_array(struct config_memory *memory, size_t count, size_t item_size)
{
    assert(item_size > 0 && count <= SIZE_MAX / item_size);
    return config_memory_allocate(memory, count * item_size);
}

char *config_memory_copy(struct config_memory *memory, struct slice text)
{
    char *copy = config_memory_allocate(memory, text.size + 1);

    if (text.size > 0)
        memcpy(copy, text.data, text.size);
    return copy;
}

char *config_memory_format(struct config_memory *memory, const char *format, ...)
{
    va_list arguments;
    char *text;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(size >= 0);

    text = config_memory_allocate(memory, (size_t)size + 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}
