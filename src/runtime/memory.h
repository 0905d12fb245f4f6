/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap. Exhaustion ends the process, so no function here gives NULL; what must be able to
 * fail on the request path comes from arenas and pools with a budget.
 */
#pragma once

#include <stddef.h>

#include "runtime/slice.h"

/* Zeroed. */
void *memory_allocate(size_t size);
/* Zeroed; ends the process when the product overflows. */
void *memory_allocate_array(size_t count, size_t item_size);
/* The added part is not zeroed. */
void *memory_resize(void *memory, size_t size);
/* NULL is fine. */
void memory_release(void *memory);
/* Overwrites in a way that the compiler keeps, then releases. For secrets. */
void memory_wipe_and_release(void *memory, size_t size);
void memory_wipe(void *memory, size_t size);

/* NUL-terminated copies of ours. NULL gives NULL. */
char *memory_copy_text(const char *text);
char *memory_copy_slice(struct slice slice);
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The functions that libcrypto is to use; see CRYPTO_set_mem_functions(3). They alone may give
 * NULL, as malloc does: libcrypto makes an error of that. */
void *memory_library_allocate(size_t size, const char *file, int line);
void *memory_library_resize(void *memory, size_t size, const char *file, int line);
void memory_library_release(void *memory, const char *file, int line);
