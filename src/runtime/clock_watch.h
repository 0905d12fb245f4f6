/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells when the wall clock is set, or jumps because the machine was asleep. A clock that is slewed
 * tells nothing.
 */
#pragma once

#include "runtime/event_loop.h"

struct clock_watch;

/* NULL when the system cannot tell. */
struct clock_watch *clock_watch_create(struct event_loop *loop, event_callback *on_set,
                                       void *context);
/* NULL is fine. */
void clock_watch_destroy(struct clock_watch *watch);
