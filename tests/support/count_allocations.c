/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into the gateway: counts what each thread that is not the first asks of the heap, the
 * library's and mimalloc's, and tells it through the file that ALLOCATIONS_FILE names, as a number
 * of 64 bits. The file is mapped before the gateway is confined.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static atomic_uint_fast64_t unheard;
static atomic_uint_fast64_t *counted = &unheard;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("ALLOCATIONS_FILE");
    int fd = path == NULL ? -1 : open(path, O_RDWR);
    void *memory = fd < 0 ? MAP_FAILED
                          : mmap(NULL, sizeof(*counted), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (memory == MAP_FAILED)
        abort();
    close(fd);
    counted = memory;
}

static void count(void)
{
    if (gettid() != getpid())
        atomic_fetch_add_explicit(counted, 1, memory_order_relaxed);
}

/* The next function of that name, found once. */
#define REAL(type, name, ...)                                                                      \
    static type *(*real)(__VA_ARGS__);                                                             \
    if (real == NULL)                                                                              \
        *(void **)&real = dlsym(RTLD_NEXT, name);                                                  \
    count()

void *malloc(size_t size)
{
    REAL(void, "malloc", size_t);
    return real(size);
}

void *realloc(void *memory, size_t size)
{
    REAL(void, "realloc", void *, size_t);
    return real(memory, size);
}

void *mi_malloc(size_t size)
{
    REAL(void, "mi_malloc", size_t);
    return real(size);
}

void *mi_calloc(size_t items, size_t size)
{
    REAL(void, "mi_calloc", size_t, size_t);
    return real(items, size);
}

void *mi_realloc(void *memory, size_t size)
{
    REAL(void, "mi_realloc", void *, size_t);
    return real(memory, size);
}

/* dlsym itself may ask for this one, before it can be found. */
void *calloc(size_t items, size_t size)
{
    static void *(*real)(size_t, size_t);
    static _Thread_local int is_looking;
    static _Alignas(16) char early[4096];
    static size_t used;

    if (real == NULL && is_looking) {
        size_t bytes = (items * size + 15) / 16 * 16;

        if (bytes > sizeof(early) - used)
            abort();
        used += bytes;
        return early + used - bytes;
    }
    if (real == NULL) {
        is_looking = 1;
        *(void **)&real = dlsym(RTLD_NEXT, "calloc");
        is_looking = 0;
    }
    count();
    return real(items, size);
}
