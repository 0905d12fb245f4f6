/* SPDX-License-Identifier: Apache-2.0
 *
 * See clock_watch.h. A timer on the wall clock that never fires is cancelled by the kernel when the
 * clock is set (timerfd_create(2), TFD_TIMER_CANCEL_ON_SET).
 */
#include "runtime/clock_watch.h"

#include <stdint.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "runtime/memory.h"

struct clock_watch {
    int fd;
    struct event_watch *watch;
    event_callback *on_set;
    void *context;
};

/* In the year 2200. */
static const time_t NEVER = 7258118400;

static bool arm(const struct clock_watch *watch)
{
    const struct itimerspec never = {.it_value = {.tv_sec = NEVER}};

    return timerfd_settime(watch->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) ==
           0;
}

/* What the read says makes no difference: cancelled, or fired in the year 2200. */
static void on_readable(void *context, unsigned ready)
{
    const struct clock_watch *watch = context;
    uint64_t count = 0;
    ssize_t size = read(watch->fd, &count, sizeof(count));

    (void)ready;
    (void)size;
    (void)arm(watch);
    watch->on_set(watch->context);
}

struct clock_watch *clock_watch_create(struct event_loop *loop, event_callback *on_set,
                                       void *context)
{
    struct clock_watch *watch;
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd < 0)
        return NULL;
    watch = memory_allocate(sizeof(*watch));
    watch->fd = fd;
    watch->on_set = on_set;
    watch->context = context;
    watch->watch = event_watch_create(loop, fd, on_readable, watch);
    event_watch_set(watch->watch, EVENT_READABLE);
    if (arm(watch))
        return watch;
    clock_watch_destroy(watch);
    return NULL;
}

void clock_watch_destroy(struct clock_watch *watch)
{
    if (watch == NULL)
        return;
    event_watch_destroy(watch->watch);
    close(watch->fd);
    memory_release(watch);
}
