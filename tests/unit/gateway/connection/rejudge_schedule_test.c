/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "gateway/connection/rejudge_schedule.h"

enum { INTERVAL_MS = 1000 };

/* The monotonic clock, and the wall clock at second 5000. */
static const uint64_t NOW = 70000;
static const int64_t WALL = 5000000;

static struct rejudge_schedule fresh(void)
{
    struct rejudge_schedule schedule;

    rejudge_schedule_init(&schedule);
    return schedule;
}

static enum rejudge_scope begin(struct rejudge_schedule *schedule, uint64_t now, int64_t wall)
{
    return rejudge_schedule_begin(schedule, now, wall, INTERVAL_MS);
}

TEST(while_nothing_changes_and_nothing_ends_nobody_is_judged_and_nothing_is_waited_for)
{
    struct rejudge_schedule schedule = fresh();

    assert_false(rejudge_schedule_note_end(&schedule, INT64_MAX));
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_NOBODY);
    assert_true(rejudge_schedule_wait_ms(&schedule, NOW, WALL) == UINT64_MAX);
}

TEST(a_change_is_acted_upon_at_once_and_concerns_everybody)
{
    struct rejudge_schedule schedule = fresh();

    rejudge_schedule_note_change(&schedule);
    assert_int_equal(rejudge_schedule_wait_ms(&schedule, NOW, WALL), 0);
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_ALL);
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_NOBODY);
}

TEST(many_changes_make_one_round_an_interval)
{
    struct rejudge_schedule schedule = fresh();

    rejudge_schedule_note_change(&schedule);
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_ALL);
    rejudge_schedule_note_change(&schedule);
    rejudge_schedule_note_change(&schedule);
    assert_int_equal(rejudge_schedule_wait_ms(&schedule, NOW + 10, WALL), 990);
    assert_int_equal(begin(&schedule, NOW + 999, WALL), REJUDGE_NOBODY);
    assert_int_equal(begin(&schedule, NOW + 1000, WALL), REJUDGE_ALL);
    assert_int_equal(begin(&schedule, NOW + 2000, WALL), REJUDGE_NOBODY);
}

TEST(who_is_first_to_end_is_judged_in_the_second_of_the_end)
{
    struct rejudge_schedule schedule = fresh();

    assert_true(rejudge_schedule_note_end(&schedule, 5020));
    assert_true(rejudge_schedule_note_end(&schedule, 5010));
    assert_false(rejudge_schedule_note_end(&schedule, 5015));
    assert_int_equal(rejudge_schedule_wait_ms(&schedule, NOW, WALL + 400), 9600);
    assert_int_equal(begin(&schedule, NOW, 5009999), REJUDGE_NOBODY);
    assert_int_equal(begin(&schedule, NOW, 5010000), REJUDGE_DUE);
    assert_true(rejudge_schedule_wait_ms(&schedule, NOW, 5010000) == UINT64_MAX);
}

TEST(a_wall_clock_that_jumps_forward_makes_ends_due)
{
    struct rejudge_schedule schedule = fresh();

    rejudge_schedule_note_end(&schedule, 90000);
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_NOBODY);
    assert_int_equal(begin(&schedule, NOW + 1, 90000000), REJUDGE_DUE);
}

TEST(a_wall_clock_that_jumps_back_delays_and_waits_never_long)
{
    struct rejudge_schedule schedule = fresh();

    rejudge_schedule_note_end(&schedule, 5001);
    assert_int_equal(begin(&schedule, NOW, 0), REJUDGE_NOBODY);
    assert_int_equal(rejudge_schedule_wait_ms(&schedule, NOW, 0), REJUDGE_WAIT_MS_MAX);
    assert_int_equal(rejudge_schedule_wait_ms(&schedule, NOW, INT64_MIN / 2), REJUDGE_WAIT_MS_MAX);
}

TEST(an_end_that_is_over_does_not_make_the_rounds_follow_each_other)
{
    struct rejudge_schedule schedule = fresh();

    rejudge_schedule_note_end(&schedule, 1);
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_DUE);
    rejudge_schedule_note_end(&schedule, 1);
    assert_int_equal(rejudge_schedule_wait_ms(&schedule, NOW, WALL), INTERVAL_MS);
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_NOBODY);
}

TEST(a_change_goes_before_an_end)
{
    struct rejudge_schedule schedule = fresh();

    rejudge_schedule_note_end(&schedule, 1);
    rejudge_schedule_note_change(&schedule);
    assert_int_equal(begin(&schedule, NOW, WALL), REJUDGE_ALL);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(
            while_nothing_changes_and_nothing_ends_nobody_is_judged_and_nothing_is_waited_for),
        cmocka_unit_test(a_change_is_acted_upon_at_once_and_concerns_everybody),
        cmocka_unit_test(many_changes_make_one_round_an_interval),
        cmocka_unit_test(who_is_first_to_end_is_judged_in_the_second_of_the_end),
        cmocka_unit_test(a_wall_clock_that_jumps_forward_makes_ends_due),
        cmocka_unit_test(a_wall_clock_that_jumps_back_delays_and_waits_never_long),
        cmocka_unit_test(an_end_that_is_over_does_not_make_the_rounds_follow_each_other),
        cmocka_unit_test(a_change_goes_before_an_end));
}
