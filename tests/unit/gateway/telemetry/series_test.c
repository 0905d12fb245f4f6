/* SPDX-License-Identifier: Apache-2.0
 *
 * What is counted for each route: over workers, over reloads, and within a bound.
 */
#include "support/test.h"

#include <stdio.h>
#include <string.h>

#include "gateway/telemetry/telemetry.h"

static struct telemetry *create(size_t workers)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_OFF};
    struct telemetry *telemetry = telemetry_create(&settings, workers, NULL);

    assert_non_null(telemetry);
    return telemetry;
}

static void report(struct telemetry *telemetry, size_t worker, struct telemetry_series *series,
                   unsigned status, uint64_t duration_us)
{
    struct exchange_record record = {
        .status = status,
        .duration_us = duration_us,
        .received_bytes = 10,
        .sent_bytes = 100,
        .reason = REASON_NONE,
        .series = series,
    };

    telemetry_report_exchange(telemetry_worker(telemetry, worker), &record);
}

static struct telemetry_series_totals totals;

/* False when there is no such series. */
static bool find(const struct telemetry *telemetry, const char *listener, const char *route)
{
    for (size_t i = 0; i < telemetry_series_count(telemetry); i++) {
        telemetry_series_total(telemetry, i, &totals);
        if (strcmp(totals.listener, listener) == 0 && strcmp(totals.route, route) == 0)
            return true;
    }
    return false;
}

static uint64_t count_of(const char *status)
{
    for (size_t i = 0; i < telemetry_status_count(); i++) {
        if (strcmp(telemetry_status_name(i), status) == 0)
            return totals.by_status[i];
    }
    fail_msg("no status is called %s", status);
    return 0;
}

TEST(exchanges_of_all_workers_are_counted_by_route_and_status)
{
    struct telemetry *telemetry = create(3);
    struct telemetry_series *orders = telemetry_series_acquire(telemetry, "main", "orders");
    struct telemetry_series *nothing = telemetry_series_acquire(telemetry, "main", "");

    report(telemetry, 0, orders, 200, 900);
    report(telemetry, 1, orders, 200, 1000);
    report(telemetry, 2, orders, 503, 1001);
    report(telemetry, 2, nothing, 404, 1);
    report(telemetry, 2, NULL, 200, 1);
    assert_true(find(telemetry, "main", "orders"));
    assert_int_equal(count_of("200"), 2);
    assert_int_equal(count_of("503"), 1);
    assert_int_equal(count_of("404"), 0);
    assert_int_equal(totals.durations[0], 2);
    assert_int_equal(totals.durations[1], 1);
    assert_int_equal(totals.duration_us, 2901);
    assert_int_equal(totals.received_bytes, 30);
    assert_int_equal(totals.sent_bytes, 300);
    assert_true(find(telemetry, "main", ""));
    assert_int_equal(count_of("404"), 1);
    telemetry_series_release(orders);
    telemetry_series_release(nothing);
    telemetry_series_release(NULL);
    telemetry_destroy(telemetry);
}

TEST(every_status_has_one_place)
{
    struct telemetry *telemetry = create(1);
    struct telemetry_series *series = telemetry_series_acquire(telemetry, "main", "all");
    static const struct {
        unsigned status;
        const char *name;
    } odd[] = {
        {0, "none"},  {99, "none"}, {199, "1xx"},  {299, "2xx"},    {399, "3xx"},
        {460, "4xx"}, {599, "5xx"}, {600, "none"}, {65000, "none"},
    };

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        uint64_t before;

        (void)find(telemetry, "main", "all");
        before = count_of(odd[i].name);
        report(telemetry, 0, series, odd[i].status, 1);
        (void)find(telemetry, "main", "all");
        assert_int_equal(count_of(odd[i].name), before + 1);
    }
    for (size_t i = 0; i < telemetry_status_count(); i++) {
        unsigned status = 0;
        uint64_t before;

        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(telemetry_status_name(i), telemetry_status_name(j));
        if (sscanf(telemetry_status_name(i), "%3u", &status) != 1 || status < 100)
            continue;
        (void)find(telemetry, "main", "all");
        before = totals.by_status[i];
        report(telemetry, 0, series, status, 1);
        (void)find(telemetry, "main", "all");
        assert_int_equal(totals.by_status[i], before + 1);
    }
    telemetry_series_release(series);
    telemetry_destroy(telemetry);
}

TEST(a_duration_is_in_the_first_bucket_that_holds_it)
{
    struct telemetry *telemetry = create(1);
    struct telemetry_series *series = telemetry_series_acquire(telemetry, "main", "all");

    for (size_t i = 0; i < TELEMETRY_DURATIONS; i++) {
        uint64_t bound = telemetry_duration_bound_us(i);

        assert_true(i == 0 || bound > telemetry_duration_bound_us(i - 1));
        report(telemetry, 0, series, 200, bound);
        report(telemetry, 0, series, 200, bound + 1);
    }
    assert_true(find(telemetry, "main", "all"));
    assert_int_equal(totals.durations[0], 1);
    for (size_t i = 1; i < TELEMETRY_DURATIONS; i++)
        assert_int_equal(totals.durations[i], 2);
    assert_int_equal(totals.durations[TELEMETRY_DURATIONS], 1);
    telemetry_series_release(series);
    telemetry_destroy(telemetry);
}

/* As a reload does: the next generation asks for the same names before the last lets go. */
TEST(a_series_goes_on_counting_whoever_asks_for_it)
{
    struct telemetry *telemetry = create(1);
    struct telemetry_series *first = telemetry_series_acquire(telemetry, "main", "orders");
    struct telemetry_series *second = NULL;

    report(telemetry, 0, first, 200, 1);
    second = telemetry_series_acquire(telemetry, "main", "orders");
    assert_ptr_equal(first, second);
    telemetry_series_release(first);
    report(telemetry, 0, second, 200, 1);
    telemetry_series_release(second);
    assert_true(find(telemetry, "main", "orders"));
    assert_int_equal(count_of("200"), 2);
    assert_ptr_not_equal(telemetry_series_acquire(telemetry, "other", "orders"), first);
    assert_ptr_not_equal(telemetry_series_acquire(telemetry, "main", "order"), first);
    telemetry_destroy(telemetry);
}

static struct telemetry_series *acquire_numbered(struct telemetry *telemetry, unsigned number)
{
    char route[16];

    snprintf(route, sizeof(route), "route-%u", number);
    return telemetry_series_acquire(telemetry, "main", route);
}

TEST(what_nobody_uses_any_more_makes_room)
{
    struct telemetry *telemetry = create(1);

    for (unsigned i = 0; i < 3 * TELEMETRY_SERIES_MAX; i++)
        telemetry_series_release(acquire_numbered(telemetry, i));
    assert_int_equal(telemetry_series_count(telemetry), TELEMETRY_SERIES_MAX + 1);
    assert_false(find(telemetry, "main", "route-0"));
    assert_true(find(telemetry, "main", "route-2048"));
    assert_true(find(telemetry, "main", "route-3071"));
    telemetry_destroy(telemetry);
}

TEST(what_finds_no_room_is_counted_together)
{
    struct telemetry *telemetry = create(1);
    struct telemetry_series *one;
    struct telemetry_series *another;

    for (unsigned i = 0; i < TELEMETRY_SERIES_MAX; i++)
        (void)acquire_numbered(telemetry, i);
    one = telemetry_series_acquire(telemetry, "main", "late");
    another = telemetry_series_acquire(telemetry, "main", "later");
    assert_ptr_equal(one, another);
    report(telemetry, 0, one, 200, 1);
    report(telemetry, 0, another, 200, 1);
    assert_false(find(telemetry, "main", "late"));
    assert_true(find(telemetry, "", ""));
    assert_int_equal(count_of("200"), 2);
    assert_int_equal(telemetry_series_count(telemetry), TELEMETRY_SERIES_MAX + 1);
    telemetry_destroy(telemetry);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(exchanges_of_all_workers_are_counted_by_route_and_status),
                     cmocka_unit_test(every_status_has_one_place),
                     cmocka_unit_test(a_duration_is_in_the_first_bucket_that_holds_it),
                     cmocka_unit_test(a_series_goes_on_counting_whoever_asks_for_it),
                     cmocka_unit_test(what_nobody_uses_any_more_makes_room),
                     cmocka_unit_test(what_finds_no_room_is_counted_together));
}
