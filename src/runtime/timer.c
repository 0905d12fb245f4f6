/* SPDX-License-Identifier: Apache-2.0
 *
 * Timers on libuv: one shot each, in the heap of the loop that they belong to. Starting one that
 * runs moves it; a destroyed one never fires, and its memory goes in the close callback.
 */
#include "runtime/timer.h"

#include <assert.h>
#include <stddef.h>

#include "runtime/event_loop_internal.h"
#include "runtime/memory.h"

struct timer {
    uv_timer_t uv;
    struct event_loop *loop;
    timer_callback *callback;
    void *context;
};

static void on_timer(uv_timer_t *uv)
{
    struct timer *timer = uv->data;

    timer->callback(timer->context);
}

struct timer *timer_try_create_on(struct event_loop *loop, timer_callback *callback, void *context)
{
    struct timer *timer = memory_try_allocate(sizeof *timer);
    int status = timer == NULL ? 0 : uv_timer_init(event_loop_uv(loop), &timer->uv);

    assert(status == 0);
    if (timer == NULL)
        return NULL;
    timer->loop = loop;
    timer->callback = callback;
    timer->context = context;
    timer->uv.data = timer;
    return timer;
}

struct timer *timer_create_on(struct event_loop *loop, timer_callback *callback, void *context)
{
    return memory_require(timer_try_create_on(loop, callback, context));
}

static void release_timer(uv_handle_t *handle)
{
    memory_release(handle->data);
}

void timer_destroy(struct timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->uv, release_timer);
}

/* Never zero: libuv fires what is due until nothing is, and a timer that starts itself again
 * from its own callback would be due for ever. */
void timer_start(struct timer *timer, uint64_t delay_ms)
{
    int status = 0;

    event_loop_refresh_time(timer->loop);
    status = uv_timer_start(&timer->uv, on_timer, delay_ms == 0 ? 1 : delay_ms, 0);
    assert(status == 0);
}

void timer_stop(struct timer *timer)
{
    uv_timer_stop(&timer->uv);
}

bool timer_is_running(const struct timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->uv) != 0;
}
