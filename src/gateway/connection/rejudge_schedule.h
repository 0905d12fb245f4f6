/* SPDX-License-Identifier: Apache-2.0
 *
 * When are the clients of a worker judged again, outside of their requests? Soon after something
 * has changed that decides about all of them (the configuration, what is known of revocation, the
 * clock), and when the first of what they were judged by ends. In between, nothing is done.
 *
 * Times that verdicts end at are the wall clock's; the time between two rounds is monotonic.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Zero judges nobody. */
enum rejudge_scope {
    REJUDGE_NOBODY,
    REJUDGE_DUE, /* those of whom what they were judged by has ended */
    REJUDGE_ALL
};

struct rejudge_schedule {
    bool has_changed;
    int64_t ends_at;        /* seconds since 1970: when the first judgement ends */
    uint64_t not_before_ms; /* monotonic: the earliest time of the next round */
};

/* A wait is never longer than this: the wall clock may be slewed meanwhile. A clock that is set is
 * told as a change. */
enum { REJUDGE_WAIT_MS_MAX = 60000 };

/* No judgement has an end yet. */
void rejudge_schedule_init(struct rejudge_schedule *schedule);
/* Something has changed that decides about everybody. */
void rejudge_schedule_note_change(struct rejudge_schedule *schedule);
/* Somebody's judgement ends then; INT64_MAX: never. True: earlier than everybody else's. */
bool rejudge_schedule_note_end(struct rejudge_schedule *schedule, int64_t ends_at);
/* Who is to be judged now? Unless it is nobody, the round begins with that: ends are to be noted
 * anew, and the next round begins no sooner than `interval_ms` from now. */
enum rejudge_scope rejudge_schedule_begin(struct rejudge_schedule *schedule, uint64_t now_ms,
                                          int64_t wall_ms, uint64_t interval_ms);
/* How long until it is worth asking again; UINT64_MAX: until something is noted. */
uint64_t rejudge_schedule_wait_ms(const struct rejudge_schedule *schedule, uint64_t now_ms,
                                  int64_t wall_ms);
