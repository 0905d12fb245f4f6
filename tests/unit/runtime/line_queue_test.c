/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/line_queue.h"

enum { PATIENCE_MS = 10000, THREADS = 4, LINES_PER_THREAD = 500 };

static struct line_queue *create(int fd, bool owns_fd, size_t bytes_max)
{
    struct error error = {0};
    struct line_queue *queue = line_queue_create(fd, owns_fd, bytes_max, &error);

    assert_non_null(queue);
    return queue;
}

static void make_pipe(int ends[2])
{
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
}

/* Everything up to the end, NUL-terminated. */
static size_t read_all(int fd, char *text, size_t size)
{
    size_t count = 0;
    ssize_t got = 1;

    while (got > 0 && count < size - 1) {
        got = read(fd, text + count, size - 1 - count);
        assert_true(got >= 0);
        count += (size_t)got;
    }
    text[count] = '\0';
    return count;
}

/* A pipe that takes no byte more. */
static void fill(int fd)
{
    static const char zeros[4096];
    int flags = fcntl(fd, F_GETFL);

    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        continue;
    assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

TEST(destroying_writes_what_is_queued_in_order)
{
    int ends[2];
    char text[64];
    struct line_queue *queue = NULL;

    make_pipe(ends);
    queue = create(ends[1], true, 1000);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    assert_true(line_queue_put(queue, SLICE("two\n")));
    assert_true(line_queue_put(queue, SLICE("")));
    assert_true(line_queue_put(queue, SLICE("three\n")));
    line_queue_destroy(queue, PATIENCE_MS);
    read_all(ends[0], text, sizeof text);
    assert_string_equal(text, "one\ntwo\nthree\n");
    close(ends[0]);
}

TEST(a_line_is_written_without_waiting_for_the_next)
{
    int ends[2];
    char text[4];
    struct line_queue *queue = NULL;

    make_pipe(ends);
    queue = create(ends[1], true, 1000);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    assert_int_equal(read(ends[0], text, sizeof text), 4);
    assert_memory_equal(text, "one\n", 4);
    line_queue_destroy(queue, PATIENCE_MS);
    close(ends[0]);
}

TEST(a_borrowed_descriptor_keeps_its_flags_and_stays_open)
{
    int ends[2];
    int flags = 0;
    struct line_queue *queue = NULL;

    make_pipe(ends);
    flags = fcntl(ends[1], F_GETFL);
    queue = create(ends[1], false, 1000);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    line_queue_destroy(queue, PATIENCE_MS);
    assert_int_equal(fcntl(ends[1], F_GETFL), flags);
    close(ends[0]);
    close(ends[1]);
}

TEST(what_does_not_fit_is_dropped_whole_and_counted)
{
    int ends[2];
    struct line_queue *queue = NULL;

    make_pipe(ends);
    fill(ends[1]);
    queue = create(ends[1], true, 10);
    assert_false(line_queue_put(queue, SLICE("0123456789\n")));
    assert_true(line_queue_put(queue, SLICE("1234567\n")));
    assert_false(line_queue_put(queue, SLICE("12\n")));
    assert_true(line_queue_put(queue, SLICE("1\n")));
    assert_int_equal(line_queue_dropped(queue), 2);
    line_queue_destroy(queue, 0);
    close(ends[0]);
}

/* Destroys a queue of which a line is stuck, and gives how long that took. */
static uint64_t destroy_stuck(int fd, unsigned wait_ms)
{
    struct line_queue *queue = create(fd, false, 1000);
    uint64_t before = 0;

    assert_true(line_queue_put(queue, SLICE("one\n")));
    before = clock_monotonic_ms();
    line_queue_destroy(queue, wait_ms);
    return clock_monotonic_ms() - before;
}

TEST(nobody_waits_longer_than_allowed_for_a_reader_that_does_not_read)
{
    int ends[2];
    uint64_t took = 0;

    make_pipe(ends);
    fill(ends[1]);
    took = destroy_stuck(ends[1], 50);
    assert_true(took >= 49 && took < PATIENCE_MS);
    assert_true(destroy_stuck(ends[1], 0) < PATIENCE_MS);
    close(ends[0]);
    close(ends[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    fill(ends[1]);
    assert_true(destroy_stuck(ends[1], 20) < PATIENCE_MS);
    close(ends[0]);
    close(ends[1]);
}

/* An eventfd near its limit says that it can be written to, and then a write waits: as a pipe does
 * that another program has filled in between. */
TEST(a_write_that_waits_all_the_same_is_given_up)
{
    uint64_t nearly_full = UINT64_MAX - 15;
    int fd = eventfd(0, EFD_CLOEXEC);
    struct line_queue *queue = create(fd, false, 1000);

    assert_int_equal(write(fd, &nearly_full, sizeof nearly_full), sizeof nearly_full);
    assert_true(line_queue_put(queue, SLICE("1234567\n")));
    line_queue_destroy(queue, 50);
    close(fd);
}

static void *destroy_patiently(void *context)
{
    line_queue_destroy(context, PATIENCE_MS);
    return NULL;
}

TEST(a_reader_that_comes_late_still_gets_the_lines)
{
    static char text[1000000];
    int ends[2];
    size_t count = 0;
    pthread_t thread;
    struct line_queue *queue = NULL;

    make_pipe(ends);
    fill(ends[1]);
    queue = create(ends[1], true, 1000);
    assert_true(line_queue_put(queue, SLICE("last\n")));
    assert_int_equal(pthread_create(&thread, NULL, destroy_patiently, queue), 0);
    count = read_all(ends[0], text, sizeof text);
    assert_true(count > 5);
    assert_string_equal(text + count - 5, "last\n");
    pthread_join(thread, NULL);
    close(ends[0]);
}

TEST(a_line_longer_than_a_pipe_takes_at_once_arrives_whole)
{
    static char line[200000];
    static char text[200001];
    int ends[2];
    pthread_t thread;
    struct line_queue *queue = NULL;

    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    make_pipe(ends);
    queue = create(ends[1], true, sizeof line);
    assert_true(line_queue_put(queue, slice_from(line, sizeof line)));
    assert_int_equal(pthread_create(&thread, NULL, destroy_patiently, queue), 0);
    assert_int_equal(read_all(ends[0], text, sizeof text), sizeof line);
    assert_memory_equal(text, line, sizeof line);
    pthread_join(thread, NULL);
    close(ends[0]);
}

/* And no SIGPIPE ends the process. */
TEST(lines_for_a_closed_pipe_are_dropped_and_counted)
{
    int ends[2];
    struct line_queue *queue = NULL;

    make_pipe(ends);
    close(ends[0]);
    queue = create(ends[1], true, 1000);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    assert_true(line_queue_put(queue, SLICE("two\n")));
    while (line_queue_dropped(queue) < 2)
        sched_yield();
    line_queue_destroy(queue, PATIENCE_MS);
}

TEST(a_full_disk_costs_lines_and_nothing_else)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct line_queue *queue = NULL;

    assert_true(fd >= 0);
    queue = create(fd, true, 1000);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    while (line_queue_dropped(queue) < 1)
        sched_yield();
    assert_true(line_queue_put(queue, SLICE("two\n")));
    while (line_queue_dropped(queue) < 2)
        sched_yield();
    line_queue_destroy(queue, PATIENCE_MS);
}

struct writer {
    pthread_t thread;
    struct line_queue *queue;
    unsigned number;
    unsigned put;
};

static void *put_lines(void *context)
{
    struct writer *writer = context;

    for (unsigned i = 0; i < LINES_PER_THREAD; i++) {
        char line[32];
        int length = snprintf(line, sizeof line, "%u %u\n", writer->number, i);

        if (line_queue_put(writer->queue, slice_from(line, (size_t)length)))
            writer->put++;
    }
    return NULL;
}

/* A small ring wraps often; whatever was not dropped arrives whole, each thread's in order. */
TEST(threads_share_a_queue_without_mixing_their_lines)
{
    static char text[200000];
    char path[] = "/tmp/line_queue_test_XXXXXX";
    int fd = mkstemp(path);
    struct line_queue *queue = create(fd, false, 257);
    struct writer writers[THREADS];
    unsigned next[THREADS] = {0};
    unsigned put = 0;
    unsigned arrived = 0;
    char *rest = NULL;

    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.queue = queue, .number = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, put_lines, &writers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(writers[i].thread, NULL);
        put += writers[i].put;
    }
    assert_int_equal(put + line_queue_dropped(queue), THREADS * LINES_PER_THREAD);
    line_queue_destroy(queue, PATIENCE_MS);

    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    read_all(fd, text, sizeof text);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        unsigned number = 0;
        unsigned i = 0;

        assert_int_equal(sscanf(line, "%u %u", &number, &i), 2);
        assert_true(number < THREADS && i >= next[number]);
        next[number] = i + 1;
        arrived++;
    }
    assert_int_equal(arrived, put);
    close(fd);
    unlink(path);
}

/* ---- another descriptor ---- */

TEST(what_comes_after_reopening_goes_to_the_new_descriptor)
{
    int before[2];
    int after[2];
    char text[64];
    struct line_queue *queue = NULL;

    make_pipe(before);
    make_pipe(after);
    queue = create(before[1], true, 1000);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    assert_int_equal(read(before[0], text, sizeof text), 4);
    line_queue_reopen(queue, after[1], true);
    /* The old one is closed though nothing more comes: who rotates logs waits for that. */
    assert_int_equal(read(before[0], text, sizeof text), 0);
    assert_true(line_queue_put(queue, SLICE("two\n")));
    line_queue_destroy(queue, PATIENCE_MS);
    read_all(after[0], text, sizeof text);
    assert_string_equal(text, "two\n");
    close(before[0]);
    close(after[0]);
}

TEST(a_queue_that_is_stuck_goes_on_with_another_descriptor)
{
    int stuck[2];
    int after[2];
    char text[64];
    struct line_queue *queue = NULL;

    make_pipe(stuck);
    make_pipe(after);
    fill(stuck[1]);
    queue = create(stuck[1], true, 1000);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    line_queue_reopen(queue, after[1], false);
    assert_int_equal(read(after[0], text, sizeof text), 4);
    assert_memory_equal(text, "one\n", 4);
    line_queue_destroy(queue, PATIENCE_MS);
    close(after[1]);
    close(stuck[0]);
    close(after[0]);
}

TEST(a_line_is_not_divided_between_two_descriptors)
{
    static char line[200000];
    static char text[1000];
    int before[2];
    int after[2];
    struct line_queue *queue = NULL;

    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    make_pipe(before);
    make_pipe(after);
    queue = create(before[1], false, 2 * sizeof line);
    assert_true(line_queue_put(queue, slice_from(line, sizeof line)));
    assert_true(line_queue_put(queue, SLICE("next\n")));
    /* A part of the first line is in the pipe, which is full now or will be. */
    assert_int_equal(read(before[0], text, 1), 1);
    line_queue_reopen(queue, after[1], false);
    assert_int_equal(read(after[0], text, sizeof text), 5);
    assert_memory_equal(text, "next\n", 5);
    assert_int_equal(line_queue_dropped(queue), 1);
    line_queue_destroy(queue, PATIENCE_MS);
    close(before[0]);
    close(before[1]);
    close(after[0]);
    close(after[1]);
}

TEST(only_the_last_of_several_descriptors_is_used)
{
    int stuck[2];
    int skipped[2];
    int after[2];
    char text[64];
    struct line_queue *queue = NULL;

    make_pipe(stuck);
    make_pipe(skipped);
    make_pipe(after);
    queue = create(stuck[1], true, 1000);
    line_queue_reopen(queue, skipped[1], true);
    line_queue_reopen(queue, after[1], true);
    assert_true(line_queue_put(queue, SLICE("one\n")));
    line_queue_destroy(queue, PATIENCE_MS);
    assert_int_equal(read_all(skipped[0], text, sizeof text), 0);
    assert_int_equal(read_all(after[0], text, sizeof text), 4);
    close(stuck[0]);
    close(skipped[0]);
    close(after[0]);
}

TEST(no_queue_can_be_destroyed_too)
{
    line_queue_destroy(NULL, 0);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(destroying_writes_what_is_queued_in_order),
        cmocka_unit_test(a_line_is_written_without_waiting_for_the_next),
        cmocka_unit_test(a_borrowed_descriptor_keeps_its_flags_and_stays_open),
        cmocka_unit_test(what_does_not_fit_is_dropped_whole_and_counted),
        cmocka_unit_test(nobody_waits_longer_than_allowed_for_a_reader_that_does_not_read),
        cmocka_unit_test(a_write_that_waits_all_the_same_is_given_up),
        cmocka_unit_test(a_reader_that_comes_late_still_gets_the_lines),
        cmocka_unit_test(a_line_longer_than_a_pipe_takes_at_once_arrives_whole),
        cmocka_unit_test(lines_for_a_closed_pipe_are_dropped_and_counted),
        cmocka_unit_test(a_full_disk_costs_lines_and_nothing_else),
        cmocka_unit_test(threads_share_a_queue_without_mixing_their_lines),
        cmocka_unit_test(what_comes_after_reopening_goes_to_the_new_descriptor),
        cmocka_unit_test(a_queue_that_is_stuck_goes_on_with_another_descriptor),
        cmocka_unit_test(a_line_is_not_divided_between_two_descriptors),
        cmocka_unit_test(only_the_last_of_several_descriptors_is_used),
        cmocka_unit_test(no_queue_can_be_destroyed_too));
}
