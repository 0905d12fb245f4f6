/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything that a loaded configuration consists of lives as long as it and ends with it: memory
 * that is allocated piece by piece and released all at once.
 */
#pragma once

#include <stddef.h>

#include "runtime/slice.h"

struct config_allocation;

struct config_memory {
    struct config_allocation *last;
};

void config_memory_release(struct config_memory *memory);

/* Zeroed, never NULL. */
void *config_memory_allocate(struct config_memory *memory, size_t size);
void *config_memory_allocate_array(struct config_memory *memory, size_t count, size_t item_size);
/* NUL-terminated copies. */
char *config_memory_copy(struct config_memory *memory, struct slice text);
char *config_memory_format(struct config_memory *memory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
