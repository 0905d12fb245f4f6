/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "runtime/clock.h"
#include "runtime/event_loop.h"
#include "runtime/timer.h"

struct waiter {
    struct event_loop *loop;
    struct timer *timer;
    unsigned fired;
    unsigned restarts;
    unsigned *order;
    bool stops;
};

static void on_timer(void *context)
{
    struct waiter *waiter = context;

    waiter->fired++;
    if (waiter->order != NULL)
        *waiter->order = *waiter->order * 10 + (waiter->stops ? 2 : 1);
    if (waiter->restarts > 0) {
        waiter->restarts--;
        timer_start(waiter->timer, 0);
    } else if (waiter->stops) {
        event_loop_stop(waiter->loop);
    }
}

static void on_timer_destroy(void *context)
{
    struct waiter *waiter = context;

    timer_destroy(waiter->timer);
    on_timer(waiter);
}

static void waiter_init(struct waiter *waiter, struct event_loop *loop, bool stops)
{
    *waiter = (struct waiter){.loop = loop, .stops = stops};
    waiter->timer = timer_create_on(loop, on_timer, waiter);
}

TEST(a_timer_fires_once_and_not_too_early)
{
    struct event_loop *loop = event_loop_create();
    struct waiter waiter;
    uint64_t before = clock_monotonic_ms();

    waiter_init(&waiter, loop, true);
    assert_false(timer_is_running(waiter.timer));
    timer_start(waiter.timer, 20);
    assert_true(timer_is_running(waiter.timer));
    event_loop_run(loop);
    assert_int_equal(waiter.fired, 1);
    assert_false(timer_is_running(waiter.timer));
    /* Both clocks are cut to milliseconds. */
    assert_true(clock_monotonic_ms() - before >= 19);
    assert_true(event_loop_now_ms(loop) > 0);
    timer_destroy(waiter.timer);
    timer_destroy(NULL);
    event_loop_destroy(loop);
}

TEST(timers_fire_in_the_order_of_their_deadlines)
{
    struct event_loop *loop = event_loop_create();
    struct waiter early;
    struct waiter late;
    unsigned order = 0;

    waiter_init(&late, loop, true);
    waiter_init(&early, loop, false);
    early.order = &order;
    late.order = &order;
    timer_start(late.timer, 10);
    timer_start(early.timer, 5);
    event_loop_run(loop);
    assert_int_equal(order, 12);
    timer_destroy(early.timer);
    timer_destroy(late.timer);
    event_loop_destroy(loop);
}

TEST(starting_again_moves_the_deadline)
{
    struct event_loop *loop = event_loop_create();
    struct waiter moved;
    struct waiter end;

    waiter_init(&moved, loop, false);
    waiter_init(&end, loop, true);
    timer_start(moved.timer, 1);
    timer_start(end.timer, 5);
    timer_start(moved.timer, 60000);
    event_loop_run(loop);
    assert_int_equal(moved.fired, 0);
    assert_true(timer_is_running(moved.timer));
    timer_destroy(moved.timer);
    timer_destroy(end.timer);
    event_loop_destroy(loop);
}

TEST(a_stopped_or_destroyed_timer_never_fires)
{
    struct event_loop *loop = event_loop_create();
    struct waiter stopped;
    struct waiter destroyed;
    struct waiter end;

    waiter_init(&stopped, loop, false);
    waiter_init(&destroyed, loop, false);
    waiter_init(&end, loop, true);
    timer_start(stopped.timer, 1);
    timer_start(destroyed.timer, 1);
    timer_start(end.timer, 5);
    timer_stop(stopped.timer);
    timer_stop(stopped.timer);
    timer_destroy(destroyed.timer);
    event_loop_run(loop);
    assert_int_equal(stopped.fired + destroyed.fired, 0);
    timer_destroy(stopped.timer);
    timer_destroy(end.timer);
    event_loop_destroy(loop);
}

TEST(a_timer_may_destroy_itself)
{
    struct event_loop *loop = event_loop_create();
    struct waiter waiter = {.loop = loop, .stops = true};

    waiter.timer = timer_create_on(loop, on_timer_destroy, &waiter);
    timer_start(waiter.timer, 1);
    event_loop_run(loop);
    assert_int_equal(waiter.fired, 1);
    event_loop_destroy(loop);
}

static void count_turn(void *context)
{
    unsigned *turns = context;

    (*turns)++;
}

/* Else the sockets would starve behind a timer that is always due. */
TEST(a_timer_without_delay_lets_the_loop_turn)
{
    struct event_loop *loop = event_loop_create();
    struct waiter waiter;
    unsigned turns = 0;

    waiter_init(&waiter, loop, true);
    waiter.restarts = 3;
    event_loop_set_turn_end(loop, count_turn, &turns);
    timer_start(waiter.timer, 0);
    event_loop_run(loop);
    assert_int_equal(waiter.fired, 4);
    assert_true(turns >= 4);
    timer_destroy(waiter.timer);
    event_loop_destroy(loop);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_timer_fires_once_and_not_too_early),
                     cmocka_unit_test(timers_fire_in_the_order_of_their_deadlines),
                     cmocka_unit_test(starting_again_moves_the_deadline),
                     cmocka_unit_test(a_stopped_or_destroyed_timer_never_fires),
                     cmocka_unit_test(a_timer_may_destroy_itself),
                     cmocka_unit_test(a_timer_without_delay_lets_the_loop_turn));
}
