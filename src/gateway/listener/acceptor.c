/* SPDX-License-Identifier: Apache-2.0
 *
 * See acceptor.h. When the process has no descriptor left, accepting pauses for a moment instead of
 * spinning on a socket that stays readable.
 */
#include "gateway/listener/acceptor.h"

#include <errno.h>

#include "runtime/memory.h"
#include "runtime/timer.h"

enum { ACCEPTS_IN_A_TURN = 64, PAUSE_MS = 100 };

struct acceptor {
    struct acceptor_settings settings;
    struct event_watch *watch;
    struct timer *pause;
};

/* False: nothing more now. */
static bool accept_one(struct acceptor *acceptor)
{
    const struct acceptor_settings *settings = &acceptor->settings;
    struct socket_address peer;
    enum socket_outcome outcome = SOCKET_FAILED;
    int code = 0;
    int fd = socket_accept(settings->fd, &peer, &outcome, &code);

    if (fd < 0) {
        if (outcome == SOCKET_AGAIN)
            return false;
        if (code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM) {
            event_watch_set(acceptor->watch, EVENT_NONE);
            timer_start(acceptor->pause, PAUSE_MS);
            return false;
        }
        return true; /* that client has gone already */
    }
    if (atomic_load_explicit(settings->open, memory_order_relaxed) >= settings->open_max) {
        socket_close_hard(fd);
        settings->on_refused(settings->context);
        return true;
    }
    settings->on_accept(settings->context, fd, &peer);
    return true;
}

static void on_event(void *context, unsigned ready)
{
    (void)ready;
    for (unsigned i = 0; i < ACCEPTS_IN_A_TURN; i++) {
        if (!accept_one(context))
            return;
    }
}

static void on_pause_over(void *context)
{
    struct acceptor *acceptor = context;

    event_watch_set(acceptor->watch, EVENT_READABLE);
}

struct acceptor *acceptor_start(const struct acceptor_settings *settings)
{
    struct acceptor *acceptor = memory_allocate(sizeof(*acceptor));

    acceptor->settings = *settings;
    acceptor->watch = event_watch_create(settings->loop, settings->fd, on_event, acceptor);
    acceptor->pause = timer_create_on(settings->loop, on_pause_over, acceptor);
    event_watch_set(acceptor->watch, EVENT_READABLE);
    return acceptor;
}

void acceptor_set_limit(struct acceptor *acceptor, size_t open_max)
{
    acceptor->settings.open_max = open_max;
}

void acceptor_stop(struct acceptor *acceptor)
{
    if (acceptor == NULL)
        return;
    while (!acceptor->settings.leaves_queue && accept_one(acceptor))
        continue;
    event_watch_destroy(acceptor->watch);
    timer_destroy(acceptor->pause);
    socket_close(acceptor->settings.fd);
    memory_release(acceptor);
}
