/* SPDX-License-Identifier: Apache-2.0
 *
 * See allocation_faults.h. The one allocation that fails is followed by ones that succeed: so each
 * place that allocates has to cope alone, and what comes after it is tried too.
 */
#include "runtime/allocation_faults.h"

#ifdef SALLYPORT_ALLOCATION_FAULTS

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/fatal_internal.h"

static struct allocation_faults *faults;
static _Thread_local bool is_chosen;

void allocation_faults_use(struct allocation_faults *used)
{
    faults = used;
}

void allocation_faults_choose_thread(void)
{
    is_chosen = true;
}

void allocation_faults_start(void)
{
    const char *path = getenv("SALLYPORT_ALLOCATION_FAULTS");
    void *mapped = MAP_FAILED;
    int fd;

    if (path == NULL)
        return;
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        mapped = mmap(NULL, sizeof(*faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        (void)close(fd);
    }
    if (mapped == MAP_FAILED)
        fatal_end_process("the file of SALLYPORT_ALLOCATION_FAULTS cannot be mapped");
    faults = mapped;
    if (faults->is_main_chosen != 0)
        is_chosen = true;
}

bool allocation_faults_strike(void)
{
    uint64_t before;

    if (faults == NULL || !is_chosen)
        return false;
    __atomic_add_fetch(&faults->counted, 1, __ATOMIC_RELAXED);
    before = __atomic_load_n(&faults->countdown, __ATOMIC_RELAXED);
    while (before != 0 && !__atomic_compare_exchange_n(&faults->countdown, &before, before - 1,
                                                       true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        continue;
    if (before != 1)
        return false;
    __atomic_add_fetch(&faults->failed, 1, __ATOMIC_RELAXED);
    return true;
}

#else

/* A file without a declaration is not C. */
_Static_assert(sizeof(struct allocation_faults) == 4 * sizeof(uint64_t), "numbers only");

#endif
