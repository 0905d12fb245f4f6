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
    struct event_log log = {NULL, NULL};

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

TEST(what_cannot_be_opened_changes_nothing)
{
    struct event_log log = {NULL, NULL};
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
    struct event_log log = {NULL, NULL};

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
    struct event_log log = {NULL, NULL};

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
                     ISOLATED(what_cannot_be_opened_changes_nothing),
                     ISOLATED(a_file_that_was_renamed_is_made_anew),
                     ISOLATED(a_full_disk_keeps_nobody_waiting));
}
