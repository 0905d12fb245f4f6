/* SPDX-License-Identifier: Apache-2.0
 *
 * What timers need to know of the loop that they belong to.
 */
#pragma once

#include <uv.h>

struct event_loop;

uv_loop_t *event_loop_uv(struct event_loop *loop);
/* Work on another thread has begun (1), or its end was told (-1). On the loop's own thread. */
void event_loop_note_work(struct event_loop *loop, int change);
/* The loop's time stands still while it does not run; whoever measures from it says so first. */
void event_loop_refresh_time(struct event_loop *loop);
