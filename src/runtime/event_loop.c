/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop on libuv. A turn of libuv runs timers, then idle, then prepare handles, then
 * waits, then runs what is ready. The turn end hangs on prepare: it comes after the callbacks of
 * events and of timers, and before the wait. An idle handle keeps libuv from waiting.
 *
 * The memory of a handle belongs to libuv from uv_close until its close callback, so a destroyed
 * watcher may still be looked at by the callback that destroyed it.
 */
#include "runtime/event_loop.h"

#include <assert.h>
#include <stddef.h>

#include "runtime/event_loop_internal.h"
#include "runtime/fatal_internal.h"
#include "runtime/memory.h"

/* Closing needs one turn, a signal that is on its way one more. */
enum { CLOSING_TURNS_MAX = 100 };

struct event_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* active all the time: a loop without watchers runs until stopped */
    uv_idle_t idle;       /* active for one turn after event_loop_continue */
    event_callback *turn_end;
    void *turn_end_context;
    int works; /* that are done on other threads */
    bool running;
    bool continues;
};

struct event_watch {
    uv_poll_t uv;
    event_watch_callback *callback;
    void *context;
    unsigned interest; /* what the owner wants */
    unsigned armed;    /* what libuv was told */
    bool destroyed;
};

struct event_wake {
    uv_async_t uv;
    event_callback *callback;
    void *context;
};

struct event_signal {
    uv_signal_t uv;
    event_callback *callback;
    void *context;
};

/* Fails for want of memory or descriptors only, and a loop cannot do without. */
static void require(int status)
{
    if (status != 0)
        fatal_end_process(uv_strerror(status));
}

/* ---- the loop ---- */

static void on_idle(uv_idle_t *idle)
{
    uv_idle_stop(idle);
}

static void end_turn(struct event_loop *loop)
{
    if (loop->turn_end != NULL)
        loop->turn_end(loop->turn_end_context);
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct event_loop *loop = prepare->data;

    end_turn(loop);
    if (loop->continues) {
        loop->continues = false;
        require(uv_idle_start(&loop->idle, on_idle));
    }
}

struct event_loop *event_loop_create(void)
{
    struct event_loop *loop = memory_allocate(sizeof *loop);

    require(uv_loop_init(&loop->uv));
    require(uv_prepare_init(&loop->uv, &loop->prepare));
    require(uv_idle_init(&loop->uv, &loop->idle));
    loop->prepare.data = loop;
    require(uv_prepare_start(&loop->prepare, on_prepare));
    return loop;
}

void event_loop_note_work(struct event_loop *loop, int change)
{
    loop->works += change;
}

void event_loop_destroy(struct event_loop *loop)
{
    int status = 0;

    if (loop == NULL)
        return;
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    /* Who works for us on another thread uses what is ours. */
    while (loop->works > 0)
        uv_run(&loop->uv, UV_RUN_ONCE);
    for (unsigned i = 0; i < CLOSING_TURNS_MAX; i++) {
        status = uv_loop_close(&loop->uv);
        if (status != UV_EBUSY)
            break;
        uv_run(&loop->uv, UV_RUN_NOWAIT);
    }
    assert(status == 0); /* else a watcher or a timer is left */
    memory_release(loop);
}

void event_loop_run(struct event_loop *loop)
{
    loop->running = true;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->running = false;
    /* The turn that stopped the loop has an end as well. */
    end_turn(loop);
}

void event_loop_stop(struct event_loop *loop)
{
    uv_stop(&loop->uv);
}

uint64_t event_loop_now_ms(const struct event_loop *loop)
{
    return uv_now(&loop->uv);
}

void event_loop_set_turn_end(struct event_loop *loop, event_callback *callback, void *context)
{
    loop->turn_end = callback;
    loop->turn_end_context = context;
}

/* Only noted here: the idle handle starts at the turn's end, because an idle handle that was
 * started by an event's callback would be over before the wait that it is to prevent. */
void event_loop_continue(struct event_loop *loop)
{
    loop->continues = true;
}

uv_loop_t *event_loop_uv(struct event_loop *loop)
{
    return &loop->uv;
}

void event_loop_refresh_time(struct event_loop *loop)
{
    if (!loop->running)
        uv_update_time(&loop->uv);
}

/* ---- watches ---- */

static int to_uv(unsigned interest)
{
    return ((interest & EVENT_READABLE) != 0 ? UV_READABLE : 0) |
           ((interest & EVENT_WRITABLE) != 0 ? UV_WRITABLE : 0) |
           ((interest & EVENT_HANGUP) != 0 ? UV_DISCONNECT : 0);
}

static unsigned from_uv(int events)
{
    return ((events & UV_READABLE) != 0 ? (unsigned)EVENT_READABLE : 0U) |
           ((events & UV_WRITABLE) != 0 ? (unsigned)EVENT_WRITABLE : 0U) |
           ((events & UV_DISCONNECT) != 0 ? (unsigned)EVENT_HANGUP : 0U);
}

static void on_poll(uv_poll_t *poll, int status, int events);

/* Changing what is polled for costs two system calls, and an owner that answers requests wants to
 * read, then does not, and then does again. So READABLE stays armed when nobody wants it any more,
 * until there is something to read. It stands for HANGUP meanwhile: an end makes a socket readable
 * too. */
static bool is_enough(unsigned armed, unsigned interest)
{
    unsigned covered = armed;

    if (armed == interest)
        return true;
    if (interest == EVENT_NONE || (armed & EVENT_READABLE) == 0)
        return false;
    if ((interest & EVENT_READABLE) == 0)
        covered |= EVENT_HANGUP;
    return (interest & ~covered) == 0 && (armed & ~interest & EVENT_WRITABLE) == 0;
}

static void arm_exactly(struct event_watch *watch)
{
    if (watch->armed == watch->interest)
        return;
    if (watch->interest == EVENT_NONE)
        uv_poll_stop(&watch->uv);
    else
        require(uv_poll_start(&watch->uv, to_uv(watch->interest), on_poll));
    watch->armed = watch->interest;
}

static void arm(struct event_watch *watch)
{
    if (!is_enough(watch->armed, watch->interest))
        arm_exactly(watch);
}

/* With an error libuv stops the watch. It is armed again, since an owner that has not read the
 * error yet must hear of it again, as of everything else that is ready. A connecting owner waits
 * for writable alone, and a failed socket is. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct event_watch *watch = poll->data;
    unsigned ready = from_uv(events) & watch->interest;
    bool is_unwanted = (from_uv(events) & ~watch->interest) != 0;

    if (status < 0) {
        watch->armed = EVENT_NONE;
        ready = EVENT_READABLE | EVENT_HANGUP | (watch->interest & EVENT_WRITABLE);
    }
    if (ready != EVENT_NONE)
        watch->callback(watch->context, ready);
    if (watch->destroyed)
        return;
    if (is_unwanted)
        arm_exactly(watch);
    else
        arm(watch);
}

struct event_watch *event_watch_try_create(struct event_loop *loop, int fd,
                                           event_watch_callback *callback, void *context)
{
    struct event_watch *watch = memory_try_allocate(sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->callback = callback;
    watch->context = context;
    require(uv_poll_init(&loop->uv, &watch->uv, fd));
    watch->uv.data = watch;
    return watch;
}

struct event_watch *event_watch_create(struct event_loop *loop, int fd,
                                       event_watch_callback *callback, void *context)
{
    return memory_require(event_watch_try_create(loop, fd, callback, context));
}

static void release_watch(uv_handle_t *handle)
{
    memory_release(handle->data);
}

void event_watch_destroy(struct event_watch *watch)
{
    if (watch == NULL)
        return;
    assert(!watch->destroyed);
    watch->destroyed = true;
    uv_close((uv_handle_t *)&watch->uv, release_watch);
}

void event_watch_set(struct event_watch *watch, unsigned interest)
{
    assert(!watch->destroyed);
    watch->interest = interest;
    arm(watch);
}

unsigned event_watch_get(const struct event_watch *watch)
{
    return watch->interest;
}

void event_watch_set_callback(struct event_watch *watch, event_watch_callback *callback,
                              void *context)
{
    watch->callback = callback;
    watch->context = context;
}

/* ---- wakes ---- */

static void on_async(uv_async_t *async)
{
    struct event_wake *wake = async->data;

    wake->callback(wake->context);
}

struct event_wake *event_wake_create(struct event_loop *loop, event_callback *callback,
                                     void *context)
{
    struct event_wake *wake = memory_allocate(sizeof *wake);

    wake->callback = callback;
    wake->context = context;
    wake->uv.data = wake;
    require(uv_async_init(&loop->uv, &wake->uv, on_async));
    return wake;
}

static void release_wake(uv_handle_t *handle)
{
    memory_release(handle->data);
}

void event_wake_destroy(struct event_wake *wake)
{
    if (wake != NULL)
        uv_close((uv_handle_t *)&wake->uv, release_wake);
}

void event_wake_send(struct event_wake *wake)
{
    uv_async_send(&wake->uv);
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *signal, int number)
{
    struct event_signal *waiting = signal->data;

    (void)number;
    waiting->callback(waiting->context);
}

struct event_signal *event_signal_create(struct event_loop *loop, int number,
                                         event_callback *callback, void *context)
{
    struct event_signal *signal = memory_allocate(sizeof *signal);

    signal->callback = callback;
    signal->context = context;
    require(uv_signal_init(&loop->uv, &signal->uv));
    signal->uv.data = signal;
    require(uv_signal_start(&signal->uv, on_signal, number));
    return signal;
}

static void release_signal(uv_handle_t *handle)
{
    memory_release(handle->data);
}

void event_signal_destroy(struct event_signal *signal)
{
    if (signal != NULL)
        uv_close((uv_handle_t *)&signal->uv, release_signal);
}
