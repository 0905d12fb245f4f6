/* SPDX-License-Identifier: Apache-2.0
 *
 * See pace.h.
 */
#include "gateway/connection/pace.h"

enum { MS_IN_SECOND = 1000 };

static void begin_window(struct pace *pace, const struct pace_limits *limits, uint64_t bytes)
{
    pace->window_ms = limits->window_ms + (pace->had_grace ? 0 : limits->grace_ms);
    pace->had_grace = true;
    pace->waited_ms = 0;
    pace->bytes_before = bytes;
}

void pace_note(struct pace *pace, const struct pace_limits *limits, uint64_t now_ms, bool waits,
               pace_count *count, void *context)
{
    if (limits->rate == 0) {
        *pace = (struct pace){0};
        return;
    }
    if (pace->is_waiting)
        pace->waited_ms += now_ms - pace->mark_ms;
    pace->mark_ms = now_ms;
    pace->is_waiting = waits;
    if (waits && pace->window_ms == 0)
        begin_window(pace, limits, count(context));
}

uint64_t pace_deadline_ms(const struct pace *pace)
{
    if (!pace->is_waiting)
        return 0;
    return pace->mark_ms +
           (pace->waited_ms < pace->window_ms ? pace->window_ms - pace->waited_ms : 0);
}

bool pace_is_too_slow(struct pace *pace, const struct pace_limits *limits, uint64_t now_ms,
                      pace_count *count, void *context)
{
    uint64_t bytes;
    uint64_t moved;

    if (!pace->is_waiting || now_ms < pace_deadline_ms(pace))
        return false;
    bytes = count(context);
    moved = bytes - pace->bytes_before;
    pace->mark_ms = now_ms;
    begin_window(pace, limits, bytes);
    return moved < limits->rate * limits->window_ms / MS_IN_SECOND;
}
