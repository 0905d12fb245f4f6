/* SPDX-License-Identifier: Apache-2.0
 *
 * The heap: mimalloc, or under the sanitizers the C library's, whose mistakes they can see. The
 * functions for libcrypto may give NULL as those may that try: it turns that into an error of its
 * own, and a size may then have come from a file or a peer.
 */
#include "runtime/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef SALLYPORT_MIMALLOC
#include <mimalloc.h>
#endif

#include "runtime/allocation_faults.h"
#include "runtime/fatal_internal.h"

enum { PAGE_BYTES = 4096 };

#ifdef SALLYPORT_MIMALLOC

static void *heap_allocate(size_t size)
{
    return mi_malloc(size);
}

static void *heap_allocate_zeroed(size_t count, size_t item_size)
{
    return mi_calloc(count, item_size);
}

static void *heap_resize(void *memory, size_t size)
{
    return mi_realloc(memory, size);
}

static void heap_release(void *memory)
{
    mi_free(memory);
}

#else

static void *heap_allocate(size_t size)
{
    return malloc(size);
}

static void *heap_allocate_zeroed(size_t count, size_t item_size)
{
    return calloc(count, item_size);
}

static void *heap_resize(void *memory, size_t size)
{
    return realloc(memory, size);
}

static void heap_release(void *memory)
{
    free(memory);
}

#endif

/* Like errno. */
static _Thread_local uint64_t failures;

static void *counted(void *memory)
{
    if (memory == NULL)
        failures++;
    return memory;
}

static void *allocate(size_t size)
{
    return counted(allocation_faults_strike() ? NULL : heap_allocate(size));
}

static void *allocate_zeroed(size_t count, size_t item_size)
{
    return counted(allocation_faults_strike() ? NULL : heap_allocate_zeroed(count, item_size));
}

static void *resize(void *memory, size_t size)
{
    return counted(allocation_faults_strike() ? NULL : heap_resize(memory, size));
}

uint64_t memory_failures(void)
{
    return failures;
}

void *memory_require(void *memory)
{
    if (memory == NULL)
        fatal_give_up("out of memory");
    return memory;
}

/* The C standard lets an allocation of nothing give NULL. */
static size_t at_least_one(size_t size)
{
    return size == 0 ? 1 : size;
}

void *memory_try_allocate(size_t size)
{
    return allocate_zeroed(1, at_least_one(size));
}

void *memory_try_allocate_array(size_t count, size_t item_size)
{
    return allocate_zeroed(at_least_one(count), at_least_one(item_size));
}

void *memory_allocate(size_t size)
{
    return memory_require(memory_try_allocate(size));
}

void *memory_allocate_array(size_t count, size_t item_size)
{
    return memory_require(memory_try_allocate_array(count, item_size));
}

void *memory_resize(void *memory, size_t size)
{
    return memory_require(resize(memory, at_least_one(size)));
}

void memory_release(void *memory)
{
    heap_release(memory);
}

/* What is to be released stands right before what is handed out. */
char *memory_try_allocate_bulk(size_t size)
{
    char *whole = NULL;
    char *memory = NULL;

    assert(size <= SIZE_MAX - sizeof whole - PAGE_BYTES);
    whole = memory_try_allocate(size + sizeof whole + PAGE_BYTES);
    if (whole == NULL)
        return NULL;
    memory = whole + sizeof whole;
    memory += (PAGE_BYTES / 2 - (uintptr_t)memory) % PAGE_BYTES;
    memcpy(memory - sizeof whole, &whole, sizeof whole);
    return memory;
}

void memory_release_bulk(char *memory)
{
    char *whole = NULL;

    if (memory == NULL)
        return;
    memcpy(&whole, memory - sizeof whole, sizeof whole);
    memory_release(whole);
}

void memory_wipe(void *memory, size_t size)
{
    if (memory != NULL)
        explicit_bzero(memory, size);
}

void memory_wipe_and_release(void *memory, size_t size)
{
    memory_wipe(memory, size);
    memory_release(memory);
}

char *memory_copy_text(const char *text)
{
    return text == NULL ? NULL : memory_copy_slice(slice_from_text(text));
}

char *memory_try_copy_slice(struct slice slice)
{
    char *copy = allocate(slice.size + 1);

    if (copy == NULL)
        return NULL;
    if (slice.size > 0)
        memcpy(copy, slice.data, slice.size);
    copy[slice.size] = '\0';
    return copy;
}

char *memory_copy_slice(struct slice slice)
{
    return slice.data == NULL ? NULL : memory_require(memory_try_copy_slice(slice));
}

char *memory_format(const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    int length = 0;

    va_start(arguments, format);
    length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0)
        fatal_end_process("a text could not be formatted");

    text = memory_require(allocate((size_t)length + 1));
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void *memory_library_allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 ? NULL : allocate(size);
}

void *memory_library_resize(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        heap_release(memory);
        return NULL;
    }
    return resize(memory, size);
}

void memory_library_release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    heap_release(memory);
}
