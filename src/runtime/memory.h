/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap, in two manners. What start, reload and the control thread allocate is never NULL:
 * exhaustion ends the process, with a line that says so. What a client or a backend can trigger in
 * a worker is tried, and without memory that connection, request or entry fails alone.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

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

/* As above, but NULL when there is no memory, which is an outcome of the caller's. */
void *memory_try_allocate(size_t size);
void *memory_try_allocate_array(size_t count, size_t item_size);
/* Of NULL data too: a slice without data gives a text without characters. */
char *memory_try_copy_slice(struct slice slice);
/* For the buffers that content passes through. Zeroed or NULL, and placed half a page away from
 * where the heap puts its own large blocks: processors copy many times slower between places that
 * are a few bytes apart within their pages. To be released with memory_release_bulk alone. */
char *memory_try_allocate_bulk(size_t size);
void memory_release_bulk(char *memory);
/* What it is given, which is not NULL, or the end of the process. For what must not fail. */
void *memory_require(void *memory);
/* How many allocations of this thread have given NULL. When it has changed meanwhile, an answer of
 * "no" may come from that, and must not be remembered. */
uint64_t memory_failures(void);

/* NUL-terminated copies of ours. NULL gives NULL. */
char *memory_copy_text(const char *text);
char *memory_copy_slice(struct slice slice);
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The functions that libcrypto is to use; see CRYPTO_set_mem_functions(3). They alone may give
 * NULL, as malloc does: libcrypto makes an error of that. */
void *memory_library_allocate(size_t size, const char *file, int line);
void *memory_library_resize(void *memory, size_t size, const char *file, int line);
void memory_library_release(void *memory, const char *file, int line);
