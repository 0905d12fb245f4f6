/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's rounds of judging its clients again, as rejudge_schedule.h says when. A round visits
 * every connection twice: first those with a request that is being served, then those that idle.
 * It goes on for a moment only in each turn of the loop, so that many connections, or judging that
 * takes long, hold up nobody.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/connection/rejudge_schedule.h"
#include "runtime/event_loop.h"
#include "runtime/list.h"
#include "runtime/timer.h"

enum rejudge_pass { REJUDGE_SERVED, REJUDGE_IDLE, REJUDGE_PASSES };

struct rejudge_round;

/* What is visited may go away meanwhile, with anything else. `now`: seconds since 1970. True: it
 * was judged, which takes time. */
typedef bool rejudge_visit(struct rejudge_round *round, struct list_link *link, int64_t now);

struct rejudge_round {
    struct event_loop *loop;
    struct timer *timer;
    struct list *connections;
    rejudge_visit *visit;
    uint64_t interval_ms;
    struct rejudge_schedule schedule;
    enum rejudge_scope scope; /* of the round that is under way; NOBODY: none is */
    enum rejudge_pass pass;
    struct list_link *next; /* to be visited; NULL: the pass is over */
};

void rejudge_round_init(struct rejudge_round *round, struct event_loop *loop,
                        struct list *connections, rejudge_visit *visit);
/* Before the loop is destroyed. */
void rejudge_round_reset(struct rejudge_round *round);
/* Between the beginnings of two rounds, at least. */
void rejudge_round_set_interval(struct rejudge_round *round, uint64_t interval_ms);

void rejudge_round_note_change(struct rejudge_round *round);
void rejudge_round_note_end(struct rejudge_round *round, int64_t ends_at);
/* The link is about to leave the list. */
void rejudge_round_leave(struct rejudge_round *round, const struct list_link *link);
/* Goes on with a round that is under way: the loop's turn end calls it. */
void rejudge_round_continue(struct rejudge_round *round);
