/* SPDX-License-Identifier: Apache-2.0
 *
 * See time_window_internal.h.
 */
#include "gateway/policy/time_window_internal.h"

enum {
    DAYS = 7,
    EVERY_DAY = (1 << DAYS) - 1,
    MINUTES_OF_HOUR = 60,
    MINUTES_OF_DAY = 24 * MINUTES_OF_HOUR,
    SECONDS_OF_MINUTE = 60,
    FIRST_DAY = 3 /* 1 January 1970 was a Thursday */
};

static bool parse_day(struct slice text, unsigned *day)
{
    static const struct slice names[DAYS] = {
        SLICE_STATIC("mon"), SLICE_STATIC("tue"), SLICE_STATIC("wed"), SLICE_STATIC("thu"),
        SLICE_STATIC("fri"), SLICE_STATIC("sat"), SLICE_STATIC("sun"),
    };

    for (unsigned i = 0; i < DAYS; i++) {
        if (slice_equals_ignoring_case(text, names[i])) {
            *day = i;
            return true;
        }
    }
    return false;
}

/* "mon", or "mon-fri", or "sat-mon". */
static bool parse_days(struct slice text, unsigned *days)
{
    size_t hyphen = slice_find(text, '-');
    unsigned first;
    unsigned last;

    if (!parse_day(slice_first(text, hyphen), &first))
        return false;
    last = first;
    if (hyphen < text.size && !parse_day(slice_after(text, hyphen + 1), &last))
        return false;
    for (unsigned day = first;; day = (day + 1) % DAYS) {
        *days |= 1U << day;
        if (day == last)
            return true;
    }
}

static bool parse_day_list(struct slice text, unsigned *days)
{
    unsigned parsing = 0;

    for (;;) {
        size_t comma = slice_find(text, ',');

        if (!parse_days(slice_first(text, comma), &parsing))
            return false;
        if (comma == text.size)
            break;
        text = slice_after(text, comma + 1);
    }
    *days = parsing;
    return true;
}

/* "08:30"; "24:00" is the end of the day. */
static bool parse_clock(struct slice text, unsigned *minutes)
{
    uint64_t hour;
    uint64_t minute;

    if (text.size != 5 || text.data[2] != ':' || !slice_parse_u64(slice_first(text, 2), &hour) ||
        !slice_parse_u64(slice_after(text, 3), &minute) || minute >= MINUTES_OF_HOUR ||
        hour * MINUTES_OF_HOUR + minute > MINUTES_OF_DAY)
        return false;
    *minutes = (unsigned)(hour * MINUTES_OF_HOUR + minute);
    return true;
}

static bool parse_hours(struct slice text, struct time_window *window)
{
    size_t hyphen = slice_find(text, '-');

    return parse_clock(slice_first(text, hyphen), &window->from) &&
           parse_clock(slice_after(text, hyphen + 1), &window->to) &&
           window->from < MINUTES_OF_DAY && window->from != window->to;
}

bool time_window_parse(struct slice text, struct time_window *window, struct error *error)
{
    struct time_window parsing = {.days = EVERY_DAY, .from = 0, .to = MINUTES_OF_DAY};
    size_t blank = slice_find(text, ' ');
    struct slice first = slice_first(text, blank);
    struct slice second = slice_trim(slice_after(text, blank));
    bool is_read;

    if (slice_is_empty(second))
        is_read = parse_day_list(first, &parsing.days) || parse_hours(first, &parsing);
    else
        is_read = parse_day_list(first, &parsing.days) && parse_hours(second, &parsing);
    if (!is_read) {
        error_set(error, ERROR_SYNTAX,
                  "'%.*s' is not a time: write 'mon-fri 08:00-18:00', 'sat,sun' or '22:00-06:00', "
                  "in UTC",
                  SLICE_FORMAT(slice_first(text, 80)));
        return false;
    }
    *window = parsing;
    return true;
}

bool time_window_has(const struct time_window *window, int64_t now)
{
    int64_t minutes = now / SECONDS_OF_MINUTE - (now % SECONDS_OF_MINUTE < 0 ? 1 : 0);
    int64_t days = minutes / MINUTES_OF_DAY - (minutes % MINUTES_OF_DAY < 0 ? 1 : 0);
    unsigned minute = (unsigned)(minutes - days * MINUTES_OF_DAY);
    unsigned day = (unsigned)(((days + FIRST_DAY) % DAYS + DAYS) % DAYS);
    bool is_today = (window->days & (1U << day)) != 0;
    bool began_yesterday = (window->days & (1U << ((day + DAYS - 1) % DAYS))) != 0;

    if (window->from < window->to)
        return is_today && minute >= window->from && minute < window->to;
    return (is_today && minute >= window->from) || (began_yesterday && minute < window->to);
}
