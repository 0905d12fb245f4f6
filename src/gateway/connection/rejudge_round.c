/* SPDX-License-Identifier: Apache-2.0
 *
 * See rejudge_round.h.
 */
#include "gateway/connection/rejudge_round.h"

#include <stddef.h>

#include "runtime/clock.h"

enum {
    SLICE_US = 1000,          /* a turn's part of a round, about */
    VISITS_BETWEEN_LOOKS = 64 /* at the clock, when nobody had to be judged */
};

static void set_timer(struct rejudge_round *round)
{
    uint64_t wait;

    if (round->scope != REJUDGE_NOBODY)
        return;
    wait =
        rejudge_schedule_wait_ms(&round->schedule, event_loop_now_ms(round->loop), clock_wall_ms());
    if (wait == UINT64_MAX)
        timer_stop(round->timer);
    else
        timer_start(round->timer, wait);
}

static void begin(struct rejudge_round *round)
{
    if (round->scope != REJUDGE_NOBODY)
        return;
    round->scope = rejudge_schedule_begin(&round->schedule, event_loop_now_ms(round->loop),
                                          clock_wall_ms(), round->interval_ms);
    round->pass = REJUDGE_SERVED;
    round->next = list_first(round->connections);
    if (round->scope == REJUDGE_NOBODY)
        set_timer(round);
    else
        event_loop_continue(round->loop);
}

static void on_timer(void *context)
{
    begin(context);
}

void rejudge_round_init(struct rejudge_round *round, struct event_loop *loop,
                        struct list *connections, rejudge_visit *visit)
{
    *round = (struct rejudge_round){.loop = loop, .connections = connections, .visit = visit};
    round->timer = timer_create_on(loop, on_timer, round);
    rejudge_schedule_init(&round->schedule);
}

void rejudge_round_reset(struct rejudge_round *round)
{
    timer_destroy(round->timer);
    round->timer = NULL;
}

void rejudge_round_set_interval(struct rejudge_round *round, uint64_t interval_ms)
{
    round->interval_ms = interval_ms;
}

void rejudge_round_note_change(struct rejudge_round *round)
{
    rejudge_schedule_note_change(&round->schedule);
    begin(round);
}

void rejudge_round_note_end(struct rejudge_round *round, int64_t ends_at)
{
    if (rejudge_schedule_note_end(&round->schedule, ends_at))
        set_timer(round);
}

void rejudge_round_leave(struct rejudge_round *round, const struct list_link *link)
{
    if (round->next == link)
        round->next = list_next(round->connections, link);
}

/* False: the pass is over. */
static bool visit_some(struct rejudge_round *round)
{
    uint64_t started_us = clock_monotonic_us();
    int64_t now = clock_wall_seconds();
    unsigned unlooked = 0;

    while (round->next != NULL) {
        struct list_link *link = round->next;

        round->next = list_next(round->connections, link);
        if (!round->visit(round, link, now) && ++unlooked < VISITS_BETWEEN_LOOKS)
            continue;
        unlooked = 0;
        if (clock_monotonic_us() - started_us >= SLICE_US)
            break;
    }
    return round->next != NULL;
}

void rejudge_round_continue(struct rejudge_round *round)
{
    if (round->scope == REJUDGE_NOBODY)
        return;
    if (!visit_some(round)) {
        round->pass++;
        round->next = list_first(round->connections);
    }
    if (round->pass < REJUDGE_PASSES) {
        event_loop_continue(round->loop);
        return;
    }
    round->scope = REJUDGE_NOBODY;
    round->next = NULL;
    set_timer(round);
}
