/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/clock.h"

TEST(log_dates_follow_rfc_3339)
{
    static const struct {
        int64_t wall_ms;
        const char *text;
    } table[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {INT64_C(1795237200123), "2026-11-21T05:00:00.123Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(-62167219200000), "0000-01-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        /* What no four digits can say stays at the nearest year that they can. */
        {INT64_MAX, "9999-12-31T23:59:59.807Z"},
        {INT64_MIN, "0000-01-01T00:00:00.192Z"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[CLOCK_RFC3339_SIZE];

        clock_format_rfc3339(table[i].wall_ms, text);
        assert_string_equal(text, table[i].text);
    }
}

TEST(http_dates_follow_rfc_9110)
{
    static const struct {
        int64_t wall_seconds;
        const char *text;
    } table[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},          {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {1795237200, "Sat, 21 Nov 2026 05:00:00 GMT"}, {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[CLOCK_HTTP_DATE_SIZE];

        clock_format_http_date(table[i].wall_seconds, text);
        assert_string_equal(text, table[i].text);
    }
}

/* Steps of about 71 days and a bit: every month, weekday and leap rule is met, at all hours. */
TEST(dates_agree_with_the_c_library)
{
    for (int64_t at = INT64_C(-62167219200); at <= INT64_C(253402300799); at += 6100007) {
        char ours[CLOCK_HTTP_DATE_SIZE];
        char theirs[64];
        time_t time = (time_t)at;
        struct tm parts;

        assert_non_null(gmtime_r(&time, &parts));
        /* strftime pads no year below 1000. */
        assert_true(strftime(theirs, sizeof theirs, "%a, %d %b ", &parts) > 0);
        snprintf(theirs + strlen(theirs), sizeof theirs - strlen(theirs), "%04d %02d:%02d:%02d GMT",
                 parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
        clock_format_http_date(at, ours);
        assert_string_equal(ours, theirs);
    }
}

TEST(the_monotonic_clock_never_goes_back)
{
    uint64_t before = clock_monotonic_us();

    for (unsigned i = 0; i < 1000; i++) {
        uint64_t now = clock_monotonic_us();

        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_monotonic_ms() >= before / 1000);
}

TEST(the_wall_clocks_agree)
{
    int64_t before = clock_wall_seconds();
    int64_t between = clock_wall_ms() / 1000;
    int64_t after = clock_wall_seconds();

    assert_true(before <= between && between <= after);
    assert_true(before > INT64_C(1700000000));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(log_dates_follow_rfc_3339),
                     cmocka_unit_test(http_dates_follow_rfc_9110),
                     cmocka_unit_test(dates_agree_with_the_c_library),
                     cmocka_unit_test(the_monotonic_clock_never_goes_back),
                     cmocka_unit_test(the_wall_clocks_agree));
}
