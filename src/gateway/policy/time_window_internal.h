/* SPDX-License-Identifier: Apache-2.0
 *
 * When a rule applies: "mon-fri 08:00-18:00", "sat,sun", "22:00-06:00", in UTC. A window that ends
 * before it begins ends on the next day, and belongs to the day on which it began.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/error.h"
#include "runtime/slice.h"

/* Zero is no time at all. */
struct time_window {
    unsigned days; /* 1 << day, Monday is 0 */
    unsigned from; /* minutes of the day, included */
    unsigned to;   /* excluded; at most `from`: on the next day */
};

bool time_window_parse(struct slice text, struct time_window *window, struct error *error);
/* `now`: seconds since 1970. */
bool time_window_has(const struct time_window *window, int64_t now);
