/* SPDX-License-Identifier: Apache-2.0
 *
 * Random bytes from getrandom(2), which waits until the kernel's generator is seeded and needs
 * no descriptor that could be missing.
 */
#include "runtime/random.h"

#include <errno.h>
#include <sys/random.h>

#include "runtime/fatal_internal.h"

void random_fill(void *memory, size_t size)
{
    char *next = memory;

    while (size > 0) {
        ssize_t filled = getrandom(next, size, 0);

        if (filled < 0) {
            if (errno == EINTR)
                continue;
            fatal_end_process("the kernel gives no random bytes");
        }
        next += filled;
        size -= (size_t)filled;
    }
}
