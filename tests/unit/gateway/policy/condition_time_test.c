/* SPDX-License-Identifier: Apache-2.0
 *
 * Until when a condition comes to the same: compared with judging it at every second.
 */
#include "support/test.h"

#include "gateway/policy/policy_internal.h"

/* A Saturday, 14:00:07 UTC. */
static const int64_t NOW = 1795269607;

static struct certificate_description ends_in(int64_t seconds)
{
    return (struct certificate_description){.not_after = NOW + seconds};
}

TEST(what_does_not_ask_for_the_time_holds_for_ever)
{
    const struct condition condition = {.key_bits_min = 1};
    const struct certificate_description description = ends_in(10);

    assert_false(condition_asks_time(&condition));
    assert_true(condition_holds_until(&condition, &description, NOW) == INT64_MAX);
}

TEST(windows_hold_until_the_next_minute)
{
    struct time_window window = {.days = 1, .from = 1, .to = 2};
    const struct condition condition = {.times = {&window, 1}};

    assert_true(condition_asks_time(&condition));
    assert_int_equal(condition_holds_until(&condition, NULL, NOW), NOW + 53);
    assert_int_equal(condition_holds_until(&condition, NULL, NOW + 53), NOW + 113);
}

/* left > after: holds while more than ten seconds are left. */
TEST(what_asks_for_time_left_holds_until_it_is_not_left)
{
    const struct condition condition = {.expires_after = 10};
    const struct certificate_description description = ends_in(100);

    assert_true(condition_asks_time(&condition));
    assert_int_equal(condition_holds_until(&condition, &description, NOW), NOW + 90);
    assert_int_equal(condition_holds_until(&condition, &description, NOW + 89), NOW + 90);
    assert_true(condition_holds_until(&condition, &description, NOW + 90) == INT64_MAX);
}

/* left < within: begins when less than ten seconds are left. */
TEST(what_asks_for_an_end_that_is_near_holds_until_it_is_near)
{
    const struct condition condition = {.expires_within = 10};
    const struct certificate_description description = ends_in(100);

    assert_int_equal(condition_holds_until(&condition, &description, NOW), NOW + 91);
    assert_true(condition_holds_until(&condition, &description, NOW + 91) == INT64_MAX);
}

TEST(the_first_of_several_ends_counts)
{
    struct time_window window = {.days = 1, .from = 1, .to = 2};
    const struct condition condition = {
        .times = {&window, 1}, .expires_after = 60, .expires_within = 10};
    const struct certificate_description description = ends_in(100);

    assert_int_equal(condition_holds_until(&condition, &description, NOW), NOW + 40);
    assert_int_equal(condition_holds_until(&condition, &description, NOW + 40), NOW + 53);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(what_does_not_ask_for_the_time_holds_for_ever),
                     cmocka_unit_test(windows_hold_until_the_next_minute),
                     cmocka_unit_test(what_asks_for_time_left_holds_until_it_is_not_left),
                     cmocka_unit_test(what_asks_for_an_end_that_is_near_holds_until_it_is_near),
                     cmocka_unit_test(the_first_of_several_ends_counts));
}
