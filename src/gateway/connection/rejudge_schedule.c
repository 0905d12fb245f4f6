/* SPDX-License-Identifier: Apache-2.0
 *
 * See rejudge_schedule.h.
 */
#include "gateway/connection/rejudge_schedule.h"

enum { MS_OF_SECOND = 1000 };

void rejudge_schedule_init(struct rejudge_schedule *schedule)
{
    *schedule = (struct rejudge_schedule){.ends_at = INT64_MAX};
}

void rejudge_schedule_note_change(struct rejudge_schedule *schedule)
{
    schedule->has_changed = true;
}

bool rejudge_schedule_note_end(struct rejudge_schedule *schedule, int64_t ends_at)
{
    if (ends_at >= schedule->ends_at)
        return false;
    schedule->ends_at = ends_at;
    return true;
}

/* What is valid until a second is not valid in it. */
static bool is_due(const struct rejudge_schedule *schedule, int64_t wall_ms)
{
    return schedule->ends_at <= wall_ms / MS_OF_SECOND;
}

enum rejudge_scope rejudge_schedule_begin(struct rejudge_schedule *schedule, uint64_t now_ms,
                                          int64_t wall_ms, uint64_t interval_ms)
{
    enum rejudge_scope scope = REJUDGE_NOBODY;

    if (now_ms < schedule->not_before_ms)
        return REJUDGE_NOBODY;
    if (schedule->has_changed)
        scope = REJUDGE_ALL;
    else if (is_due(schedule, wall_ms))
        scope = REJUDGE_DUE;
    if (scope == REJUDGE_NOBODY)
        return REJUDGE_NOBODY;
    rejudge_schedule_init(schedule);
    schedule->not_before_ms = now_ms + interval_ms;
    return scope;
}

/* Never longer than the most there may be, whatever the clock says. */
static uint64_t until_end_ms(const struct rejudge_schedule *schedule, int64_t wall_ms)
{
    int64_t seconds = schedule->ends_at - wall_ms / MS_OF_SECOND;

    if (seconds > REJUDGE_WAIT_MS_MAX / MS_OF_SECOND)
        return REJUDGE_WAIT_MS_MAX;
    return seconds <= 0 ? 0 : (uint64_t)(seconds * MS_OF_SECOND - wall_ms % MS_OF_SECOND);
}

uint64_t rejudge_schedule_wait_ms(const struct rejudge_schedule *schedule, uint64_t now_ms,
                                  int64_t wall_ms)
{
    uint64_t pause =
        schedule->not_before_ms > now_ms ? schedule->not_before_ms - now_ms : (uint64_t)0;
    uint64_t wait;

    if (schedule->has_changed)
        return pause;
    if (schedule->ends_at == INT64_MAX)
        return UINT64_MAX;
    wait = until_end_ms(schedule, wall_ms);
    return wait > pause ? wait : pause;
}
