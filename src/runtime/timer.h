/* SPDX-License-Identifier: Apache-2.0
 *
 * A timer of an event loop. Fires once for each start. Starting again moves the deadline.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event_loop;
struct timer;

typedef void timer_callback(void *context);

struct timer *timer_create_on(struct event_loop *loop, timer_callback *callback, void *context);
/* The same, but NULL when there is no memory. */
struct timer *timer_try_create_on(struct event_loop *loop, timer_callback *callback, void *context);
/* NULL is fine. Never fires afterwards. */
void timer_destroy(struct timer *timer);
void timer_start(struct timer *timer, uint64_t delay_ms);
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);
