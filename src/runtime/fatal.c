/* SPDX-License-Identifier: Apache-2.0
 *
 * The last words of a process that cannot go on. They are written with a single call that needs
 * neither memory nor a lock, because both may be what is missing.
 */
#include "runtime/fatal_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static struct iovec part(const char *text)
{
    /* writev never writes through the pointer; its type just cannot say so. */
    union {
        const char *given;
        void *base;
    } pointer = {.given = text};

    return (struct iovec){pointer.base, strlen(text)};
}

static void say(const char *text)
{
    struct iovec line[] = {part("error: "), part(text), part("\n")};
    ssize_t written = writev(STDERR_FILENO, line, 3);

    (void)written; /* There is nobody left to tell. */
}

_Noreturn void fatal_end_process(const char *text)
{
    say(text);
    abort();
}

_Noreturn void fatal_give_up(const char *text)
{
    say(text);
    _exit(EXIT_FAILURE);
}
