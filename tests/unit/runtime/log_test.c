/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/line_queue.h"
#include "runtime/log.h"

struct capture {
    int ends[2];
    char text[20000];
};

static void capture_start(struct capture *capture)
{
    assert_int_equal(pipe2(capture->ends, O_CLOEXEC), 0);
    log_set_descriptor(capture->ends[1]);
    log_set_level(LOG_INFO);
}

static void capture_stop(struct capture *capture)
{
    ssize_t count = 0;

    log_set_descriptor(STDERR_FILENO);
    close(capture->ends[1]);
    count = read(capture->ends[0], capture->text, sizeof capture->text - 1);
    assert_true(count >= 0);
    capture->text[count] = '\0';
    close(capture->ends[0]);
}

TEST(warnings_and_errors_say_what_they_are)
{
    struct capture capture;

    capture_start(&capture);
    log_event(LOG_INFO, "ready %s %d", "a", 1);
    log_event(LOG_WARNING, "w");
    log_event(LOG_ERROR, "e");
    capture_stop(&capture);
    assert_string_equal(capture.text, "ready a 1\nwarning: w\nerror: e\n");
}

TEST(events_below_the_level_are_not_written)
{
    struct capture capture;

    capture_start(&capture);
    log_event(LOG_DEBUG, "d1");
    log_set_level(LOG_DEBUG);
    log_event(LOG_DEBUG, "d2");
    log_set_level(LOG_ERROR);
    log_event(LOG_WARNING, "w");
    log_event(LOG_ERROR, "e");
    capture_stop(&capture);
    assert_string_equal(capture.text, "debug: d2\nerror: e\n");
}

TEST(nobody_outside_can_forge_a_line_or_command_a_terminal)
{
    struct capture capture;

    capture_start(&capture);
    log_event(LOG_INFO, "host '%s'", "a\nerror: forged\x1b[2J\xff");
    capture_stop(&capture);
    assert_string_equal(capture.text, "host 'a\\x0aerror: forged\\x1b[2J\\xff'\n");
}

TEST(too_long_a_text_is_cut_and_still_one_line)
{
    struct capture capture;
    char text[9000];
    size_t length = 0;

    memset(text, '\x01', sizeof text);
    text[sizeof text - 1] = '\0';
    capture_start(&capture);
    log_event(LOG_WARNING, "%s", text);
    capture_stop(&capture);
    length = strlen(capture.text);
    assert_memory_equal(capture.text, "warning: \\x01", 13);
    assert_true(length > 4096);
    assert_ptr_equal(strchr(capture.text, '\n'), capture.text + length - 1);
}

TEST(logging_leaves_errno_alone)
{
    log_set_descriptor(-1);
    errno = ENOENT;
    log_event(LOG_ERROR, "nobody hears this");
    assert_int_equal(errno, ENOENT);
    log_set_descriptor(STDERR_FILENO);
}

TEST(a_queue_takes_events_with_the_time_and_lets_nobody_wait)
{
    struct error error = {0};
    int ends[2];
    char text[256] = "";
    struct line_queue *queue = NULL;
    unsigned year, month, day, hour, minute, second, ms;
    int size = 0;

    assert_int_equal(pipe(ends), 0);
    queue = line_queue_create(ends[1], true, 100, &error);
    assert_non_null(queue);
    log_set_queue(queue, true);
    log_event(LOG_WARNING, "one");
    log_event(LOG_WARNING, "%0200d", 0); /* more than there is room for */
    log_set_queue(NULL, false);
    line_queue_destroy(queue, 10000);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_int_equal(sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ warning: one\n%n", &year, &month,
                            &day, &hour, &minute, &second, &ms, &size),
                     7);
    assert_int_equal(size, strlen(text));
    close(ends[0]);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(warnings_and_errors_say_what_they_are),
                     cmocka_unit_test(events_below_the_level_are_not_written),
                     cmocka_unit_test(nobody_outside_can_forge_a_line_or_command_a_terminal),
                     cmocka_unit_test(too_long_a_text_is_cut_and_still_one_line),
                     cmocka_unit_test(logging_leaves_errno_alone),
                     cmocka_unit_test(a_queue_takes_events_with_the_time_and_lets_nobody_wait));
}
