/* SPDX-License-Identifier: Apache-2.0
 *
 * Events that go to a file, and what becomes of them when the file does not.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/event_log.h"
#include "runtime/line_queue.h"
#include "runtime/log.h"

static char directory[64];
static char first[80];
static char second[80];
static char text[256 * 1024];

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/sallyport-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(first, sizeof(first), "%s/first.log", directory);
    snprintf(second, sizeof(second), "%s/second.log", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(first);
    unlink(second);
    return rmdir(directory);
}

static void assert_file_ends_with(const char *path, const char *ending)
{
    FILE *file = fopen(path, "rb");
    size_t size;

    assert_non_null(file);
    size = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[size] = '\0';
    assert_true(size >= strlen(ending));
    assert_string_equal(text + size - strlen(ending), ending);
}

TEST(events_go_where_they_were_sent_last)
{
    struct event_log log = {.path = NULL};

    assert_true(event_log_use(&log, first, NULL));
    log_event(LOG_WARNING, "one");
    event_log_end(&log);
    assert_file_ends_with(first, "Z warning: one\n");

    assert_true(event_log_use(&log, first, NULL));
    assert_true(event_log_use(&log, second, NULL));
    log_event(LOG_WARNING, "two");
    assert_true(event_log_use(&log, second, NULL));
    log_event(LOG_WARNING, "three");
    event_log_end(&log);
    assert_file_ends_with(first, "Z warning: one\n");
    assert_file_ends_with(second, "Z warning: three\n");
    assert_non_null(strstr(text, "Z warning: two\n"));
    event_log_end(&log);
}

/* What is told of a process that does not start must not be lost with a queue. */
TEST(before_the_first_use_a_line_is_written_when_it_is_logged)
{
    int ends[2];
    int saved = dup(STDERR_FILENO);

    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_event(LOG_ERROR, "at once");
    dup2(saved, STDERR_FILENO);
    assert_int_equal(read(ends[0], text, sizeof(text)), strlen("error: at once\n"));
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

TEST(a_standard_error_that_nobody_reads_keeps_nobody_waiting)
{
    struct event_log log = {.path = NULL};
    int ends[2];
    int saved = dup(STDERR_FILENO);
    char line[1001] = "";
    ssize_t size;

    memset(line, 'x', sizeof(line) - 1);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    assert_true(event_log_use(&log, NULL, NULL));
    log_event(LOG_WARNING, "first");
    for (int i = 0; i < 1000; i++)
        log_event(LOG_WARNING, "%s", line);
    assert_true(line_queue_dropped(log.queues[EVENT_LOG_STDERR]) > 0);
    assert_true(event_log_use(&log, first, NULL));
    log_event(LOG_WARNING, "elsewhere");
    event_log_end(&log);
    dup2(saved, STDERR_FILENO);
    size = read(ends[0], text, sizeof(text));
    assert_true(size > 0);
    assert_memory_equal(text, "warning: first\nwarning: xxx", 27);
    assert_file_ends_with(first, "Z warning: elsewhere\n");
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

TEST(what_cannot_be_opened_changes_nothing)
{
    struct event_log log = {.path = NULL};
    struct error error = {0};

    assert_true(event_log_use(&log, first, NULL));
    assert_false(event_log_use(&log, "/nowhere/events.log", &error));
    assert_string_equal(
        error.text, "event log: '/nowhere/events.log' cannot be opened: No such file or directory");
    log_event(LOG_WARNING, "one");
    event_log_end(&log);
    assert_file_ends_with(first, "Z warning: one\n");
}

TEST(a_file_that_was_renamed_is_made_anew)
{
    struct event_log log = {.path = NULL};

    assert_true(event_log_reopen(&log, NULL)); /* standard error has no name */
    assert_true(event_log_use(&log, first, NULL));
    assert_int_equal(rename(first, second), 0);
    assert_true(event_log_reopen(&log, NULL));
    log_event(LOG_WARNING, "one");
    event_log_end(&log);
    assert_file_ends_with(first, "Z warning: one\n");
    assert_file_ends_with(second, "");
    assert_string_equal(text, "");
}

TEST(a_full_disk_keeps_nobody_waiting)
{
    struct event_log log = {.path = NULL};

    assert_true(event_log_use(&log, "/dev/full", NULL));
    for (int i = 0; i < 1000; i++)
        log_event(LOG_WARNING, "%d", i);
    assert_true(event_log_use(&log, first, NULL));
    log_event(LOG_WARNING, "last");
    event_log_end(&log);
    assert_file_ends_with(first, "Z warning: last\n");
}

#define ISOLATED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    return RUN_TESTS(ISOLATED(events_go_where_they_were_sent_last),
                     ISOLATED(before_the_first_use_a_line_is_written_when_it_is_logged),
                     ISOLATED(a_standard_error_that_nobody_reads_keeps_nobody_waiting),
                     ISOLATED(what_cannot_be_opened_changes_nothing),
                     ISOLATED(a_file_that_was_renamed_is_made_anew),
                     ISOLATED(a_full_disk_keeps_nobody_waiting));
}
