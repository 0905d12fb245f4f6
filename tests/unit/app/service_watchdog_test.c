/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/service_watchdog.h"
#include "runtime/log.h"
#include "runtime/timer.h"

/* Workers that answer a number of times, then are stuck; and the manager. */
struct office {
    struct event_loop *loop;
    struct service_notify *notify;
    struct service_watchdog *watchdog;
    int manager;
    unsigned asked;
    unsigned answers; /* how many questions are answered */
    unsigned asked_max;
};

static void ask(void *context)
{
    struct office *office = context;

    office->asked++;
    service_watchdog_on_answer(office->watchdog);
    if (office->asked == office->asked_max)
        event_loop_stop(office->loop);
}

static bool have_answered(void *context)
{
    const struct office *office = context;

    return office->asked <= office->answers;
}

static void open_office(struct office *office, const char *microseconds)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "@sallyport-watchdog-%ld",
                          (long)getpid());
    struct service_watchdog_settings settings = {
        .ask = ask, .have_answered = have_answered, .context = office};

    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    setenv("WATCHDOG_USEC", microseconds, 1);
    address.sun_path[0] = '\0';
    office->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(office->manager, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)),
                     0);
    office->loop = event_loop_create();
    office->notify = service_notify_open();
    settings.loop = office->loop;
    settings.notify = office->notify;
    office->watchdog = service_watchdog_start(&settings);
}

static void close_office(struct office *office)
{
    service_watchdog_stop(office->watchdog);
    service_notify_close(office->notify);
    event_loop_destroy(office->loop);
    close(office->manager);
}

static unsigned count_heard(const struct office *office)
{
    char text[64];
    unsigned heard = 0;

    while (recv(office->manager, text, sizeof(text), 0) == (ssize_t)strlen("WATCHDOG=1"))
        heard++;
    return heard;
}

TEST(every_answered_question_reaches_the_manager)
{
    struct office office = {.answers = 3, .asked_max = 3};

    open_office(&office, "10000");
    event_loop_run(office.loop);
    assert_int_equal(count_heard(&office), 3);
    close_office(&office);
}

static void stop(void *context)
{
    struct office *office = context;

    event_loop_stop(office->loop);
}

/* A question that is open is not asked again, however much time goes by. */
TEST(an_unanswered_question_keeps_the_manager_waiting)
{
    struct office office = {.answers = 1};
    struct timer *end;

    open_office(&office, "10000");
    end = timer_create_on(office.loop, stop, &office);
    timer_start(end, 60);
    event_loop_run(office.loop);
    assert_int_equal(office.asked, 2);
    assert_int_equal(count_heard(&office), 1);

    office.answers = 2;
    service_watchdog_on_answer(office.watchdog);
    assert_int_equal(count_heard(&office), 1);
    timer_destroy(end);
    close_office(&office);
}

TEST(an_answer_to_no_question_tells_nobody)
{
    struct office office = {.answers = 1};

    open_office(&office, "10000");
    service_watchdog_on_answer(office.watchdog);
    assert_int_equal(count_heard(&office), 0);
    close_office(&office);
}

TEST(no_manager_no_watchdog)
{
    struct office office = {.answers = 1};

    open_office(&office, "0");
    assert_null(office.watchdog);
    service_watchdog_on_answer(NULL);
    close_office(&office);
}

int main(void)
{
    log_set_descriptor(STDOUT_FILENO);
    return RUN_TESTS(cmocka_unit_test(every_answered_question_reaches_the_manager),
                     cmocka_unit_test(an_unanswered_question_keeps_the_manager_waiting),
                     cmocka_unit_test(an_answer_to_no_question_tells_nobody),
                     cmocka_unit_test(no_manager_no_watchdog));
}
