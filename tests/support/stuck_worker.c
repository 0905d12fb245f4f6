/* SPDX-License-Identifier: Apache-2.0
 *
 * A library to preload: from SIGUSR2 on, no thread but the first comes back from waiting for
 * events, until SIGUSR2 comes again. That is how a worker looks that is stuck.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

typedef int epoll_function(int, struct epoll_event *, int, int, const sigset_t *);

static atomic_bool is_stuck;

static void on_signal(int number)
{
    (void)number;
    atomic_store(&is_stuck, !atomic_load(&is_stuck));
}

__attribute__((constructor)) static void begin(void)
{
    signal(SIGUSR2, on_signal);
}

/* The library's own function of that name. */
static epoll_function *find_real(const char *name)
{
    epoll_function *real;

    *(void **)&real = dlsym(RTLD_NEXT, name);
    return real;
}

static void stay(void)
{
    static const struct timespec moment = {.tv_nsec = 1000000};

    while (atomic_load(&is_stuck) && gettid() != getpid())
        nanosleep(&moment, NULL);
}

int epoll_pwait(int epoll, struct epoll_event *events, int max, int timeout,
                const sigset_t *signals)
{
    int count = find_real("epoll_pwait")(epoll, events, max, timeout, signals);

    stay();
    return count;
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    return epoll_pwait(epoll, events, max, timeout, NULL);
}
