/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks, and dates as text. Dates are computed here and not by gmtime_r, which takes a lock that
 * all workers would share for every line of the access log. Years stay within 0000 to 9999, which
 * is what both formats can say.
 */
#include "runtime/clock.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "runtime/slice.h"

enum { SECONDS_PER_DAY = 86400, MS_PER_SECOND = 1000 };

static const int64_t first_second = INT64_C(-62167219200); /* 0000-01-01T00:00:00Z */
static const int64_t last_second = INT64_C(253402300799);  /* 9999-12-31T23:59:59Z */

struct date {
    unsigned year;
    unsigned month;   /* from 1 */
    unsigned day;     /* from 1 */
    unsigned weekday; /* from 0, Sunday */
    unsigned hour;
    unsigned minute;
    unsigned second;
};

static struct timespec read_clock(clockid_t id)
{
    struct timespec now = {0};

    /* Fails for an unknown clock only, and these are known. */
    clock_gettime(id, &now);
    return now;
}

uint64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

uint64_t clock_monotonic_us(void)
{
    struct timespec now = read_clock(CLOCK_MONOTONIC);

    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int64_t clock_wall_seconds(void)
{
    return read_clock(CLOCK_REALTIME).tv_sec;
}

int64_t clock_wall_ms(void)
{
    struct timespec now = read_clock(CLOCK_REALTIME);

    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000;
}

/* The year is reckoned from March, so that the leap day is its last, in eras of 400 years of
 * which the first begins at -0400-03-01. */
static struct date date_from(int64_t wall_seconds)
{
    uint64_t since_first = (uint64_t)(wall_seconds - first_second);
    unsigned second_of_day = (unsigned)(since_first % SECONDS_PER_DAY);
    unsigned days = (unsigned)(since_first / SECONDS_PER_DAY); /* since Saturday, 0000-01-01 */
    unsigned from_march = days + 146037;                       /* since -0400-03-01 */
    unsigned era = from_march / 146097;
    unsigned day_of_era = from_march % 146097;
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march = (5 * day_of_year + 2) / 153;
    unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    return (struct date){
        .year = era * 400 + year_of_era + (month <= 2 ? 1 : 0) - 400,
        .month = month,
        .day = day_of_year - (153 * month_from_march + 2) / 5 + 1,
        .weekday = (days + 6) % 7,
        .hour = second_of_day / 3600,
        .minute = second_of_day / 60 % 60,
        .second = second_of_day % 60,
    };
}

static int64_t within_years(int64_t wall_seconds)
{
    if (wall_seconds < first_second)
        return first_second;
    return wall_seconds > last_second ? last_second : wall_seconds;
}

static char *put_text(char *to, const char *text)
{
    struct slice slice = slice_from_text(text);

    memcpy(to, slice.data, slice.size);
    return to + slice.size;
}

static char *put_number(char *to, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i > 0; i--) {
        to[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + digits;
}

static char *put_time(char *to, const struct date *date)
{
    to = put_number(to, date->hour, 2);
    to = put_text(to, ":");
    to = put_number(to, date->minute, 2);
    to = put_text(to, ":");
    return put_number(to, date->second, 2);
}

void clock_format_rfc3339(int64_t wall_ms, char text[CLOCK_RFC3339_SIZE])
{
    /* Before 1970 the remainder is negative, and the second is the one before. */
    int remainder = (int)(wall_ms % MS_PER_SECOND);
    bool borrows = remainder < 0;
    struct date date = date_from(within_years(wall_ms / MS_PER_SECOND - (borrows ? 1 : 0)));
    char *to = text;

    to = put_number(to, date.year, 4);
    to = put_text(to, "-");
    to = put_number(to, date.month, 2);
    to = put_text(to, "-");
    to = put_number(to, date.day, 2);
    to = put_text(to, "T");
    to = put_time(to, &date);
    to = put_text(to, ".");
    to = put_number(to, (unsigned)(borrows ? remainder + MS_PER_SECOND : remainder), 3);
    to = put_text(to, "Z");
    *to = '\0';
}

void clock_format_http_date(int64_t wall_seconds, char text[CLOCK_HTTP_DATE_SIZE])
{
    static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct date date = date_from(within_years(wall_seconds));
    char *to = text;

    to = put_text(to, weekdays[date.weekday]);
    to = put_text(to, ", ");
    to = put_number(to, date.day, 2);
    to = put_text(to, " ");
    to = put_text(to, months[date.month - 1]);
    to = put_text(to, " ");
    to = put_number(to, date.year, 4);
    to = put_text(to, " ");
    to = put_time(to, &date);
    to = put_text(to, " GMT");
    *to = '\0';
}
