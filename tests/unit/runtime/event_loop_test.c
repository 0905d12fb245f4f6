/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/background.h"
#include "runtime/event_loop.h"
#include "runtime/socket.h"
#include "runtime/timer.h"

/* Who is called by a loop, what he heard, and after how many calls he stops the loop. */
struct listener {
    struct event_loop *loop;
    struct event_watch *watch;
    unsigned calls;
    unsigned calls_max;
    unsigned ready;
};

static void on_call(void *context)
{
    struct listener *listener = context;

    listener->calls++;
    if (listener->calls == listener->calls_max)
        event_loop_stop(listener->loop);
}

static void on_ready(void *context, unsigned ready)
{
    struct listener *listener = context;

    listener->ready = ready;
    on_call(listener);
}

static void on_ready_once(void *context, unsigned ready)
{
    struct listener *listener = context;

    event_watch_destroy(listener->watch);
    on_ready(context, ready);
}

static void make_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void close_pair(const int ends[2])
{
    socket_close(ends[0]);
    socket_close(ends[1]);
}

/* What a watch of one end hears at once. */
static unsigned heard(int fd, unsigned interest)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop, .calls_max = 1};
    struct event_watch *watch = event_watch_create(loop, fd, on_ready, &listener);

    event_watch_set(watch, interest);
    event_loop_run(loop);
    event_watch_destroy(watch);
    event_loop_destroy(loop);
    return listener.ready;
}

TEST(a_watch_hears_what_it_asked_for)
{
    int ends[2];

    make_pair(ends);
    assert_int_equal(heard(ends[0], EVENT_WRITABLE), EVENT_WRITABLE);
    assert_int_equal(heard(ends[0], EVENT_WRITABLE | EVENT_READABLE), EVENT_WRITABLE);
    assert_int_equal(socket_write(ends[1], SLICE("x")).count, 1);
    assert_int_equal(heard(ends[0], EVENT_READABLE), EVENT_READABLE);
    assert_int_equal(heard(ends[0], EVENT_WRITABLE), EVENT_WRITABLE);
    socket_shutdown_write(ends[1]);
    assert_int_equal(heard(ends[0], EVENT_HANGUP), EVENT_HANGUP);
    assert_int_equal(heard(ends[0], EVENT_HANGUP | EVENT_READABLE), EVENT_HANGUP | EVENT_READABLE);
    close_pair(ends);
}

/* A listening socket on loopback, connected from outside. */
static void make_connection(int ends[2])
{
    struct socket_address address;
    enum socket_outcome outcome = SOCKET_FAILED;
    int listening = -1;
    int code = 0;

    assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &address, NULL));
    listening = socket_listen(&address, 1, false, NULL);
    assert_true(listening >= 0);
    assert_true(socket_local_address(listening, &address));
    ends[0] = socket_connect(&address, NULL);
    assert_int_equal(heard(listening, EVENT_READABLE), EVENT_READABLE);
    ends[1] = socket_accept(listening, &address, &outcome, &code);
    assert_true(ends[1] >= 0);
    socket_close(listening);
}

/* Whether a watch that changed its mind was called, while another one was called three times. */
static unsigned heard_meanwhile(struct event_loop *loop, struct listener *listener)
{
    struct listener other = {.loop = loop, .calls_max = 3};
    struct event_watch *watch = NULL;
    int ends[2];

    make_pair(ends);
    listener->ready = EVENT_NONE;
    watch = event_watch_create(loop, ends[0], on_ready, &other);
    event_watch_set(watch, EVENT_WRITABLE);
    event_loop_run(loop);
    event_watch_destroy(watch);
    close_pair(ends);
    return listener->ready;
}

TEST(what_is_no_longer_wanted_is_not_heard)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop};
    struct event_watch *watch = NULL;
    int ends[2];

    make_pair(ends);
    watch = event_watch_create(loop, ends[0], on_ready, &listener);
    event_watch_set(watch, EVENT_READABLE);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_NONE);

    event_watch_set(watch, EVENT_HANGUP);
    assert_int_equal(socket_write(ends[1], SLICE("x")).count, 1);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_NONE);
    event_watch_set(watch, EVENT_READABLE);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_READABLE);
    event_watch_set(watch, EVENT_WRITABLE | EVENT_HANGUP);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_WRITABLE);
    event_watch_set(watch, EVENT_NONE);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_NONE);

    event_watch_set(watch, EVENT_READABLE);
    event_watch_set(watch, EVENT_HANGUP);
    socket_shutdown_write(ends[1]);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_HANGUP);
    event_watch_set(watch, EVENT_READABLE | EVENT_HANGUP);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_READABLE | EVENT_HANGUP);
    event_watch_destroy(watch);
    event_loop_destroy(loop);
    close_pair(ends);
}

/* An end alone, without bytes before it, to somebody who has stopped reading. */
TEST(an_end_is_heard_by_who_no_longer_reads)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop};
    struct event_watch *watch = NULL;
    int ends[2];

    make_connection(ends);
    watch = event_watch_create(loop, ends[0], on_ready, &listener);
    event_watch_set(watch, EVENT_READABLE);
    event_watch_set(watch, EVENT_HANGUP);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_NONE);
    socket_close(ends[1]);
    assert_int_equal(heard_meanwhile(loop, &listener), EVENT_HANGUP);
    event_watch_destroy(watch);
    event_loop_destroy(loop);
    socket_close(ends[0]);
}

TEST(a_reset_peer_is_readable_and_has_hung_up)
{
    int ends[2];
    char byte = 0;

    make_connection(ends);
    socket_close_hard(ends[1]);
    assert_int_equal(heard(ends[0], EVENT_READABLE), EVENT_READABLE | EVENT_HANGUP);
    assert_int_equal(heard(ends[0], EVENT_WRITABLE),
                     EVENT_READABLE | EVENT_HANGUP | EVENT_WRITABLE);
    assert_int_equal(socket_read(ends[0], &byte, 1).outcome, SOCKET_FAILED);
    socket_close(ends[0]);
}

TEST(an_error_is_heard_again_until_it_was_read)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop, .calls_max = 3};
    struct event_watch *watch = NULL;
    int ends[2];

    make_connection(ends);
    watch = event_watch_create(loop, ends[0], on_ready, &listener);
    event_watch_set(watch, EVENT_READABLE);
    socket_close_hard(ends[1]);
    event_loop_run(loop);
    assert_int_equal(listener.calls, 3);
    assert_int_equal(event_watch_get(watch), EVENT_READABLE);
    event_watch_destroy(watch);
    event_loop_destroy(loop);
    socket_close(ends[0]);
}

TEST(a_watch_without_interest_hears_nothing)
{
    struct event_loop *loop = event_loop_create();
    struct listener quiet = {.loop = loop, .calls_max = 1};
    struct listener other = {.loop = loop, .calls_max = 3};
    struct event_watch *watches[2];
    int first[2];
    int second[2];

    make_pair(first);
    make_pair(second);
    watches[0] = event_watch_create(loop, first[0], on_ready, &quiet);
    watches[1] = event_watch_create(loop, second[0], on_ready, &other);
    assert_int_equal(event_watch_get(watches[0]), EVENT_NONE);
    event_watch_set(watches[0], EVENT_WRITABLE);
    assert_int_equal(event_watch_get(watches[0]), EVENT_WRITABLE);
    event_watch_set(watches[0], EVENT_NONE);
    event_watch_set(watches[1], EVENT_WRITABLE);
    event_loop_run(loop);
    assert_int_equal(quiet.calls, 0);
    assert_int_equal(other.calls, 3);

    event_watch_destroy(watches[0]);
    event_watch_destroy(watches[1]);
    event_watch_destroy(NULL);
    event_loop_destroy(loop);
    close_pair(first);
    close_pair(second);
}

TEST(a_watch_destroyed_by_its_own_callback_is_never_called_again)
{
    struct event_loop *loop = event_loop_create();
    struct listener once = {.loop = loop};
    struct listener other = {.loop = loop, .calls_max = 5};
    struct event_watch *watch = NULL;
    int first[2];
    int second[2];

    make_pair(first);
    make_pair(second);
    once.watch = event_watch_create(loop, first[0], on_ready_once, &once);
    watch = event_watch_create(loop, second[0], on_ready, &other);
    event_watch_set(once.watch, EVENT_WRITABLE);
    event_watch_set(watch, EVENT_WRITABLE);
    event_loop_run(loop);
    assert_int_equal(once.calls, 1);
    event_watch_destroy(watch);
    event_loop_destroy(loop);
    close_pair(first);
    close_pair(second);
}

/* Each destroys the other, so only the one that libuv happens to call first may be heard. */
static void on_ready_destroy_other(void *context, unsigned ready)
{
    struct listener *listener = context;

    event_watch_destroy(listener->watch);
    listener->watch = NULL;
    on_ready(context, ready);
}

TEST(a_watch_destroyed_by_another_is_not_called_in_the_same_turn)
{
    struct event_loop *loop = event_loop_create();
    struct listener listeners[2] = {{.loop = loop, .calls_max = 1}, {.loop = loop, .calls_max = 1}};
    struct event_watch *watches[2];
    int ends[2];

    make_pair(ends);
    for (size_t i = 0; i < 2; i++) {
        watches[i] = event_watch_create(loop, ends[i], on_ready_destroy_other, &listeners[i]);
        event_watch_set(watches[i], EVENT_WRITABLE);
    }
    listeners[0].watch = watches[1];
    listeners[1].watch = watches[0];
    event_loop_run(loop);
    assert_int_equal(listeners[0].calls + listeners[1].calls, 1);
    event_watch_destroy(watches[listeners[0].calls == 1 ? 0 : 1]);
    event_loop_destroy(loop);
    close_pair(ends);
}

TEST(a_watch_passes_from_one_owner_to_the_next)
{
    struct event_loop *loop = event_loop_create();
    struct listener first = {.loop = loop, .calls_max = 1};
    struct listener second = {.loop = loop, .calls_max = 1};
    struct event_watch *watch = NULL;
    int ends[2];

    make_pair(ends);
    watch = event_watch_create(loop, ends[0], on_ready, &first);
    event_watch_set(watch, EVENT_WRITABLE);
    event_watch_set_callback(watch, on_ready, &second);
    event_loop_run(loop);
    assert_int_equal(first.calls, 0);
    assert_int_equal(second.calls, 1);
    event_watch_destroy(watch);
    event_loop_destroy(loop);
    close_pair(ends);
}

static void *send_wake(void *context)
{
    event_wake_send(context);
    return NULL;
}

TEST(another_thread_can_wake_the_loop)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop, .calls_max = 1};
    struct event_wake *wake = event_wake_create(loop, on_call, &listener);
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, send_wake, wake), 0);
    event_loop_run(loop);
    pthread_join(thread, NULL);
    assert_int_equal(listener.calls, 1);
    event_wake_destroy(wake);
    event_wake_destroy(NULL);
    event_loop_destroy(loop);
}

TEST(several_wakes_before_a_turn_become_one_callback)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop, .calls_max = 1};
    struct event_wake *wake = event_wake_create(loop, on_call, &listener);

    for (unsigned i = 0; i < 10; i++)
        event_wake_send(wake);
    event_loop_run(loop);
    assert_int_equal(listener.calls, 1);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
}

TEST(a_destroyed_wake_is_silent)
{
    struct event_loop *loop = event_loop_create();
    struct listener silent = {.loop = loop};
    struct listener listener = {.loop = loop, .calls_max = 1};
    struct event_wake *destroyed = event_wake_create(loop, on_call, &silent);
    struct event_wake *wake = event_wake_create(loop, on_call, &listener);

    event_wake_send(destroyed);
    event_wake_send(wake);
    event_wake_destroy(destroyed);
    event_loop_run(loop);
    assert_int_equal(silent.calls, 0);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
}

TEST(signals_arrive_on_the_loop)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop, .calls_max = 2};
    struct event_signal *signal = event_signal_create(loop, SIGUSR1, on_call, &listener);

    raise(SIGUSR1);
    raise(SIGUSR1);
    event_loop_run(loop);
    assert_int_equal(listener.calls, 2);
    event_signal_destroy(signal);
    event_signal_destroy(NULL);
    event_loop_destroy(loop);
}

TEST(a_loop_stopped_before_it_runs_returns_at_once)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop, .calls_max = 1};
    struct event_wake *wake = event_wake_create(loop, on_call, &listener);

    event_loop_stop(loop);
    event_loop_run(loop);
    assert_int_equal(listener.calls, 0);
    event_wake_send(wake);
    event_loop_run(loop);
    assert_int_equal(listener.calls, 1);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
    event_loop_destroy(NULL);
}

/* What the callbacks of events and timers left over, and whether the turn's end has seen it. */
struct leftover {
    struct event_loop *loop;
    unsigned left;
    unsigned seen;
    unsigned seen_max;
};

static void leave_some(void *context)
{
    struct leftover *leftover = context;

    leftover->left++;
}

static void on_turn_end(void *context)
{
    struct leftover *leftover = context;

    leftover->seen += leftover->left;
    leftover->left = 0;
    if (leftover->seen >= leftover->seen_max)
        event_loop_stop(leftover->loop);
}

TEST(the_end_of_a_turn_comes_after_events_and_before_waiting)
{
    struct event_loop *loop = event_loop_create();
    struct leftover leftover = {.loop = loop, .seen_max = 1};
    struct event_wake *wake = event_wake_create(loop, leave_some, &leftover);

    event_loop_set_turn_end(loop, on_turn_end, &leftover);
    event_wake_send(wake);
    /* Nothing else would ever end the wait. */
    event_loop_run(loop);
    assert_int_equal(leftover.seen, 1);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
}

TEST(the_end_of_a_turn_comes_after_timers_and_before_waiting)
{
    struct event_loop *loop = event_loop_create();
    struct leftover leftover = {.loop = loop, .seen_max = 1};
    struct timer *timer = timer_create_on(loop, leave_some, &leftover);

    event_loop_set_turn_end(loop, on_turn_end, &leftover);
    timer_start(timer, 1);
    event_loop_run(loop);
    assert_int_equal(leftover.seen, 1);
    timer_destroy(timer);
    event_loop_destroy(loop);
}

static void leave_some_and_stop(void *context)
{
    struct leftover *leftover = context;

    leave_some(context);
    event_loop_stop(leftover->loop);
}

TEST(the_turn_that_stops_the_loop_has_an_end_as_well)
{
    struct event_loop *loop = event_loop_create();
    struct leftover leftover = {.loop = loop, .seen_max = 2};
    struct event_wake *wake = event_wake_create(loop, leave_some_and_stop, &leftover);

    event_loop_set_turn_end(loop, on_turn_end, &leftover);
    event_wake_send(wake);
    event_loop_run(loop);
    assert_int_equal(leftover.left, 0);
    assert_int_equal(leftover.seen, 1);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
}

static void on_turn_end_continue(void *context)
{
    struct listener *listener = context;

    on_call(listener);
    event_loop_continue(listener->loop);
}

TEST(a_loop_that_continues_does_not_wait)
{
    struct event_loop *loop = event_loop_create();
    struct listener listener = {.loop = loop, .calls_max = 1000};

    /* No watcher exists: each of the thousand turns would wait for ever. */
    event_loop_set_turn_end(loop, on_turn_end_continue, &listener);
    event_loop_run(loop);
    assert_true(listener.calls >= 1000);
    event_loop_destroy(loop);
}

/* The wake asks for one turn more; its callback must not be what that turn waits for. */
struct continuing {
    struct event_loop *loop;
    bool asked;
    unsigned turns_after;
};

static void ask_to_continue(void *context)
{
    struct continuing *continuing = context;

    continuing->asked = true;
    event_loop_continue(continuing->loop);
}

static void count_turns(void *context)
{
    struct continuing *continuing = context;

    if (continuing->asked)
        continuing->turns_after++;
    if (continuing->turns_after == 2)
        event_loop_stop(continuing->loop);
}

TEST(continuing_from_an_event_reaches_past_the_next_wait)
{
    struct event_loop *loop = event_loop_create();
    struct continuing continuing = {.loop = loop};
    struct event_wake *wake = event_wake_create(loop, ask_to_continue, &continuing);

    event_loop_set_turn_end(loop, count_turns, &continuing);
    event_wake_send(wake);
    event_loop_run(loop);
    assert_true(continuing.turns_after >= 2);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
}

/* Longer than a hundred turns without waiting. */
static void take_time(void *context)
{
    (void)context;
    for (volatile unsigned i = 0; i < 50U * 1000 * 1000; i++)
        continue;
}

static void note_done(void *context)
{
    bool *is_done = context;

    *is_done = true;
}

TEST(work_on_another_thread_ends_before_the_loop_does)
{
    struct event_loop *loop = event_loop_create();
    bool is_done = false;

    background_run(loop, take_time, note_done, &is_done);
    event_loop_destroy(loop);
    assert_true(is_done);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_watch_hears_what_it_asked_for),
                     cmocka_unit_test(what_is_no_longer_wanted_is_not_heard),
                     cmocka_unit_test(an_end_is_heard_by_who_no_longer_reads),
                     cmocka_unit_test(a_reset_peer_is_readable_and_has_hung_up),
                     cmocka_unit_test(an_error_is_heard_again_until_it_was_read),
                     cmocka_unit_test(a_watch_without_interest_hears_nothing),
                     cmocka_unit_test(a_watch_destroyed_by_its_own_callback_is_never_called_again),
                     cmocka_unit_test(a_watch_destroyed_by_another_is_not_called_in_the_same_turn),
                     cmocka_unit_test(a_watch_passes_from_one_owner_to_the_next),
                     cmocka_unit_test(another_thread_can_wake_the_loop),
                     cmocka_unit_test(several_wakes_before_a_turn_become_one_callback),
                     cmocka_unit_test(a_destroyed_wake_is_silent),
                     cmocka_unit_test(signals_arrive_on_the_loop),
                     cmocka_unit_test(a_loop_stopped_before_it_runs_returns_at_once),
                     cmocka_unit_test(the_end_of_a_turn_comes_after_events_and_before_waiting),
                     cmocka_unit_test(the_end_of_a_turn_comes_after_timers_and_before_waiting),
                     cmocka_unit_test(the_turn_that_stops_the_loop_has_an_end_as_well),
                     cmocka_unit_test(a_loop_that_continues_does_not_wait),
                     cmocka_unit_test(work_on_another_thread_ends_before_the_loop_does),
                     cmocka_unit_test(continuing_from_an_event_reaches_past_the_next_wait));
}
