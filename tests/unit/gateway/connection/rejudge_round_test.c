/* SPDX-License-Identifier: Apache-2.0
 *
 * Rounds on a loop: who is visited, in which order, and that whoever goes away meanwhile does no
 * harm. The connections are fakes.
 */
#include "support/test.h"

#include <string.h>

#include "gateway/connection/rejudge_round.h"
#include "runtime/clock.h"

enum { COUNT = 1000, MANY_TURNS = 3 };

struct fake {
    struct list_link link;
    unsigned visits[REJUDGE_PASSES];
};

static struct fake fakes[COUNT];
static struct event_loop *loop;
static struct list connections;
static struct rejudge_round judging;
static enum rejudge_scope seen_scope;
static unsigned judged;
static unsigned awaited; /* visits, before the loop may stop */
static unsigned turns;
static bool is_slow;
static void (*meanwhile)(struct fake *visited);

/* A visit that judges takes a tenth of a turn's part. */
static void work(void)
{
    uint64_t until = clock_monotonic_us() + 100;

    while (clock_monotonic_us() < until)
        continue;
}

static bool visit(struct rejudge_round *round, struct list_link *link, int64_t now)
{
    struct fake *fake = LIST_ITEM(link, struct fake, link);

    assert_ptr_equal(round, &judging);
    assert_true(now > 0);
    seen_scope = round->scope;
    fake->visits[round->pass]++;
    judged++;
    if (is_slow)
        work();
    if (meanwhile != NULL)
        meanwhile(fake);
    return is_slow;
}

static void on_turn_end(void *context)
{
    (void)context;
    turns++;
    rejudge_round_continue(&judging);
    if (judging.scope == REJUDGE_NOBODY && judged >= awaited)
        event_loop_stop(loop);
}

static void set_up_round(size_t count)
{
    memset(fakes, 0, sizeof(fakes));
    judged = 0;
    awaited = 1;
    turns = 0;
    is_slow = false;
    meanwhile = NULL;
    loop = event_loop_create();
    list_init(&connections);
    for (size_t i = 0; i < count; i++)
        list_append(&connections, &fakes[i].link);
    rejudge_round_init(&judging, loop, &connections, visit);
    rejudge_round_set_interval(&judging, 20);
    event_loop_set_turn_end(loop, on_turn_end, NULL);
}

static void tear_down_round(void)
{
    rejudge_round_reset(&judging);
    event_loop_destroy(loop);
}

TEST(a_change_makes_a_round_that_visits_everybody_in_both_passes)
{
    set_up_round(10);
    rejudge_round_note_change(&judging);
    event_loop_run(loop);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(fakes[i].visits[REJUDGE_SERVED], 1);
        assert_int_equal(fakes[i].visits[REJUDGE_IDLE], 1);
    }
    assert_int_equal(seen_scope, REJUDGE_ALL);
    tear_down_round();
}

TEST(an_end_makes_a_round_of_those_that_are_due)
{
    set_up_round(1);
    rejudge_round_note_end(&judging, clock_wall_seconds());
    event_loop_run(loop);
    assert_int_equal(seen_scope, REJUDGE_DUE);
    tear_down_round();
}

TEST(a_round_that_takes_long_leaves_the_loop_to_others_again_and_again)
{
    set_up_round(100);
    is_slow = true;
    rejudge_round_note_change(&judging);
    event_loop_run(loop);
    assert_int_equal(judged, 200);
    assert_true(turns > MANY_TURNS);
    tear_down_round();
}

/* The one that comes next, which the round has in hand. */
static void remove_next(struct fake *visited)
{
    struct list_link *next = list_next(&connections, &visited->link);

    if (next == NULL)
        return;
    rejudge_round_leave(&judging, next);
    list_remove(&connections, next);
}

static void remove_itself(struct fake *visited)
{
    rejudge_round_leave(&judging, &visited->link);
    list_remove(&connections, &visited->link);
}

TEST(whoever_goes_away_meanwhile_is_not_visited_and_stops_nothing)
{
    set_up_round(COUNT);
    meanwhile = remove_next;
    rejudge_round_note_change(&judging);
    event_loop_run(loop);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(fakes[i].visits[REJUDGE_SERVED], i % 2 == 0 ? 1 : 0);
    tear_down_round();

    set_up_round(COUNT);
    meanwhile = remove_itself;
    rejudge_round_note_change(&judging);
    event_loop_run(loop);
    assert_int_equal(judged, COUNT);
    assert_true(list_is_empty(&connections));
    tear_down_round();
}

static void change_once(struct fake *visited)
{
    (void)visited;
    if (judged == 1)
        rejudge_round_note_change(&judging);
}

TEST(a_change_within_a_round_makes_another_one)
{
    set_up_round(1);
    meanwhile = change_once;
    awaited = 4;
    rejudge_round_note_change(&judging);
    event_loop_run(loop);
    assert_int_equal(judged, 4);
    tear_down_round();
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(a_change_makes_a_round_that_visits_everybody_in_both_passes),
        cmocka_unit_test(an_end_makes_a_round_of_those_that_are_due),
        cmocka_unit_test(a_round_that_takes_long_leaves_the_loop_to_others_again_and_again),
        cmocka_unit_test(whoever_goes_away_meanwhile_is_not_visited_and_stops_nothing),
        cmocka_unit_test(a_change_within_a_round_makes_another_one));
}
