/* SPDX-License-Identifier: Apache-2.0
 *
 * A library to preload: SIGUSR2 sets the wall clock of this process two hours forward, and the next
 * one back again. Who watches the clock is told, as by the kernel.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { STEP_SECONDS = 2 * 3600 };

static atomic_int is_stepped;
static atomic_int watch = -1;

static void on_signal(int number)
{
    const uint64_t one = 1;
    ssize_t written;

    (void)number;
    atomic_store(&is_stepped, !atomic_load(&is_stepped));
    written = write(atomic_load(&watch), &one, sizeof one);
    (void)written;
}

__attribute__((constructor)) static void begin(void)
{
    signal(SIGUSR2, on_signal);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    int code;

    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    code = real(id, now);
    if (id == CLOCK_REALTIME && atomic_load(&is_stepped))
        now->tv_sec += STEP_SECONDS;
    return code;
}

int timerfd_create(clockid_t id, int flags)
{
    (void)id;
    (void)flags;
    atomic_store(&watch, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    return atomic_load(&watch);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *next, struct itimerspec *before)
{
    (void)fd;
    (void)flags;
    (void)next;
    (void)before;
    return 0;
}
