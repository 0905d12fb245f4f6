/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "gateway/connection/pace.h"

/* 100 bytes a second over 10 s, after 5 s of grace. */
static const struct pace_limits limits = {.rate = 100, .window_ms = 10000, .grace_ms = 5000};

static uint64_t moved;
static unsigned counted;

static uint64_t count(void *context)
{
    (void)context;
    counted++;
    return moved;
}

static void note(struct pace *pace, uint64_t now_ms, bool waits)
{
    pace_note(pace, &limits, now_ms, waits, count, NULL);
}

static bool is_too_slow(struct pace *pace, uint64_t now_ms)
{
    return pace_is_too_slow(pace, &limits, now_ms, count, NULL);
}

TEST(a_client_that_moves_nothing_is_too_slow_after_grace_and_window)
{
    struct pace pace = {0};

    moved = 7;
    note(&pace, 1000, true);
    assert_int_equal(pace_deadline_ms(&pace), 16000);
    assert_false(is_too_slow(&pace, 15999));
    assert_true(is_too_slow(&pace, 16000));
}

TEST(a_byte_now_and_then_does_not_help)
{
    struct pace pace = {0};

    moved = 0;
    note(&pace, 0, true);
    for (uint64_t now = 1000; now < 15000; now += 1000) {
        moved++;
        note(&pace, now, true);
        assert_false(is_too_slow(&pace, now));
    }
    assert_true(is_too_slow(&pace, 15000));
}

TEST(who_keeps_the_rate_goes_on_window_after_window)
{
    struct pace pace = {0};
    uint64_t now = 0;

    moved = 0;
    note(&pace, now, true);
    for (unsigned i = 0; i < 5; i++) {
        moved += 1000;
        now = pace_deadline_ms(&pace);
        assert_int_equal(now, 15000 + i * 10000);
        assert_false(is_too_slow(&pace, now));
    }
    moved += 999;
    assert_true(is_too_slow(&pace, pace_deadline_ms(&pace)));
}

/* The backend is slow for an hour: that is not the client's time. */
TEST(time_in_which_the_gateway_does_not_wait_for_it_is_not_its_own)
{
    struct pace pace = {0};

    moved = 0;
    note(&pace, 0, true);
    note(&pace, 4000, false);
    assert_int_equal(pace_deadline_ms(&pace), 0);
    assert_false(is_too_slow(&pace, 3600000));
    note(&pace, 3600000, true);
    assert_int_equal(pace_deadline_ms(&pace), 3600000 + 11000);
    note(&pace, 3605000, false);
    note(&pace, 3700000, true);
    assert_int_equal(pace_deadline_ms(&pace), 3700000 + 6000);
    assert_false(is_too_slow(&pace, 3705999));
    assert_true(is_too_slow(&pace, 3706000));
}

TEST(bytes_are_counted_once_a_window)
{
    struct pace pace = {0};

    moved = 0;
    counted = 0;
    for (uint64_t now = 0; now < 14000; now += 10)
        note(&pace, now, now % 20 == 0);
    assert_int_equal(counted, 1);
}

TEST(without_a_rate_nobody_is_too_slow)
{
    const struct pace_limits none = {.rate = 0, .window_ms = 10000};
    struct pace pace = {0};

    note(&pace, 0, true);
    pace_note(&pace, &none, 1, true, count, NULL);
    assert_int_equal(pace_deadline_ms(&pace), 0);
    assert_false(pace_is_too_slow(&pace, &none, 1000000, count, NULL));
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(a_client_that_moves_nothing_is_too_slow_after_grace_and_window),
        cmocka_unit_test(a_byte_now_and_then_does_not_help),
        cmocka_unit_test(who_keeps_the_rate_goes_on_window_after_window),
        cmocka_unit_test(time_in_which_the_gateway_does_not_wait_for_it_is_not_its_own),
        cmocka_unit_test(bytes_are_counted_once_a_window),
        cmocka_unit_test(without_a_rate_nobody_is_too_slow));
}
