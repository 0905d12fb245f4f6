/* SPDX-License-Identifier: Apache-2.0
 *
 * Windows of time at their edges.
 */
#include "gateway/policy/time_window_internal.h"

#include "support/test.h"

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };

/* Monday, 5 January 1970, 00:00 */
static const int64_t monday = 4 * (int64_t)DAY;

static bool has(const char *text, int64_t now)
{
    struct time_window window;
    struct error error = {.kind = ERROR_NONE};

    if (!time_window_parse(slice_from_text(text), &window, &error))
        fail_msg("%s", error.text);
    return time_window_has(&window, now);
}

TEST(a_window_begins_and_ends_to_the_minute)
{
    assert_false(has("mon-fri 08:00-18:00", monday + 8 * HOUR - 1));
    assert_true(has("mon-fri 08:00-18:00", monday + 8 * HOUR));
    assert_true(has("mon-fri 08:00-18:00", monday + 18 * HOUR - 1));
    assert_false(has("mon-fri 08:00-18:00", monday + 18 * HOUR));
    assert_true(has("mon", monday));
    assert_false(has("mon", monday - 1));
    assert_true(has("mon 00:00-24:00", monday + DAY - 1));
    assert_false(has("mon", monday + DAY));
    assert_true(has("SAT,sun", monday - 1));
    assert_false(has("sat,sun", monday + 12 * HOUR));
}

TEST(a_night_belongs_to_the_day_on_which_it_began)
{
    assert_true(has("fri 22:00-06:00", monday + 4 * DAY + 23 * HOUR));
    assert_true(has("fri 22:00-06:00", monday + 5 * DAY + 5 * HOUR));
    assert_false(has("fri 22:00-06:00", monday + 5 * DAY + 6 * HOUR));
    assert_false(has("fri 22:00-06:00", monday + 4 * DAY + 5 * HOUR));
    assert_false(has("fri 22:00-06:00", monday + 5 * DAY + 23 * HOUR));
    assert_true(has("sun 22:00-06:00", monday + 7 * DAY));
}

TEST(a_range_of_days_goes_around_the_week)
{
    assert_true(has("sat-mon", monday));
    assert_true(has("sat-mon", monday - DAY));
    assert_false(has("sat-mon", monday + DAY));
}

TEST(times_before_1970_have_days_too)
{
    assert_true(has("wed 23:59-24:00", -1));
    assert_false(has("thu", -1));
}

TEST(what_is_no_time_is_refused)
{
    static const char *const texts[] = {
        "",
        "monday",
        "mon-",
        "mon,",
        "8:00-18:00",
        "08:00",
        "08:00-08:00",
        "24:00-06:00",
        "08:60-09:00",
        "25:00-26:00",
        "mon 08:00",
        "mon tue",
        "mon 08:00-18:00 UTC",
        "08:00-24:01",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct time_window window;
        struct error error = {.kind = ERROR_NONE};

        if (time_window_parse(slice_from_text(texts[i]), &window, &error))
            fail_msg("'%s' is taken", texts[i]);
    }
}

TEST(a_cleared_window_is_no_time_at_all)
{
    struct time_window window = {0};

    for (int64_t now = monday; now < monday + 7 * DAY; now += HOUR)
        assert_false(time_window_has(&window, now));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_window_begins_and_ends_to_the_minute),
                     cmocka_unit_test(a_night_belongs_to_the_day_on_which_it_began),
                     cmocka_unit_test(a_range_of_days_goes_around_the_week),
                     cmocka_unit_test(times_before_1970_have_days_too),
                     cmocka_unit_test(what_is_no_time_is_refused),
                     cmocka_unit_test(a_cleared_window_is_no_time_at_all));
}
