/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/passed_sockets.h"
#include "runtime/memory.h"

enum { FIRST = 3 };

/* As a parent would: they are numbers 3 and on. What the test program has there is kept aside. */
struct passing {
    int kept[2];
    struct socket_address addresses[2];
};

static void put(int fd, int number)
{
    assert_true(dup2(fd, number) == number);
    close(fd);
}

static void say(const char *process, const char *count, const char *names)
{
    char ours[32];

    snprintf(ours, sizeof(ours), "%ld", (long)getpid());
    setenv("LISTEN_PID", process == NULL ? ours : process, 1);
    setenv("LISTEN_FDS", count, 1);
    if (names == NULL)
        unsetenv("LISTEN_FDNAMES");
    else
        setenv("LISTEN_FDNAMES", names, 1);
}

static void begin(struct passing *passing)
{
    struct error error = {.kind = ERROR_NONE};

    for (int i = 0; i < 2; i++)
        passing->kept[i] = fcntl(FIRST + i, F_DUPFD_CLOEXEC, 100);
    for (int i = 0; i < 2; i++) {
        struct socket_address any;
        int fd;

        assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &any, &error));
        fd = socket_listen(&any, 1, false, &error);
        assert_true(fd >= 0 && socket_local_address(fd, &passing->addresses[i]));
        fd = fcntl(fd, F_DUPFD, 50); /* neither close-on-exec nor, then, non-blocking */
        assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
        put(fd, FIRST + i);
    }
}

static void end(struct passing *passing)
{
    for (int i = 0; i < 2; i++) {
        if (passing->kept[i] >= 0)
            put(passing->kept[i], FIRST + i);
        else
            close(FIRST + i);
    }
}

static struct passed_sockets *take(void)
{
    struct error error = {.kind = ERROR_NONE};
    struct passed_sockets *passed = passed_sockets_take(&error);

    assert_non_null(passed);
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDNAMES"));
    return passed;
}

TEST(a_socket_is_found_by_its_address)
{
    struct passing passing;
    struct passed_sockets *passed;
    struct socket_address found;
    struct error error = {.kind = ERROR_NONE};

    begin(&passing);
    say(NULL, "2", "https:admin");
    passed = take();
    assert_int_equal(passed_sockets_count(passed), 2);
    for (size_t i = 0; i < 2; i++) {
        int fd = passed_sockets_duplicate(passed, &passing.addresses[i], &error);

        assert_true(passed_sockets_have(passed, &passing.addresses[i]));
        assert_true(fd >= 0 && fd != FIRST && fd != FIRST + 1);
        assert_true(socket_local_address(fd, &found));
        assert_true(socket_address_equals(&found, &passing.addresses[i]));
        close(fd);
    }
    assert_true(socket_address_parse(SLICE("127.0.0.1:1"), &found, &error));
    assert_false(passed_sockets_have(passed, &found));
    passed_sockets_close(passed);
    end(&passing);
}

TEST(a_socket_never_blocks_and_is_not_passed_on)
{
    struct passing passing;
    struct passed_sockets *passed;

    begin(&passing);
    say(NULL, "1", NULL);
    passed = take();
    assert_true((fcntl(FIRST, F_GETFL) & O_NONBLOCK) != 0);
    assert_true((fcntl(FIRST, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(fcntl(FIRST + 1, F_GETFD) & FD_CLOEXEC, 0);
    passed_sockets_close(passed);
    end(&passing);
}

static void assert_described(const struct passed_sockets *passed, size_t index, const char *name)
{
    struct socket_address address;
    char *text = passed_sockets_describe(passed, index, &address);
    struct slice expected = slice_from_text(name);

    assert_true(slice_starts_with(slice_from_text(text), expected));
    memory_release(text);
}

TEST(a_socket_without_a_name_is_called_unknown)
{
    struct passing passing;
    struct passed_sockets *passed;

    begin(&passing);
    say(NULL, "2", "https");
    passed = take();
    assert_described(passed, 0, "'https' on 127.0.0.1:");
    assert_described(passed, 1, "'unknown' on 127.0.0.1:");
    passed_sockets_close(passed);
    end(&passing);
}

TEST(what_was_passed_to_another_process_is_not_ours)
{
    static const char *const processes[] = {"1", "", "ours"};
    struct passing passing;

    begin(&passing);
    for (size_t i = 0; i < sizeof(processes) / sizeof(processes[0]); i++) {
        struct passed_sockets *passed;

        say(processes[i], "2", NULL);
        passed = take();
        assert_int_equal(passed_sockets_count(passed), 0);
        passed_sockets_close(passed);
    }
    end(&passing);
}

static void assert_refused(const char *count, const char *sentence)
{
    struct error error = {.kind = ERROR_NONE};

    say(NULL, count, "https");
    assert_null(passed_sockets_take(&error));
    assert_non_null(strstr(error.text, sentence));
}

TEST(what_is_no_listening_socket_is_refused)
{
    struct passing passing;
    int pair[2];

    begin(&passing);
    assert_int_equal(pipe(pair), 0);
    put(pair[0], FIRST);
    assert_refused("1", "descriptor 3 ('https'), which was passed at the start, is no listening");
    close(pair[1]);
    end(&passing);
}

TEST(a_descriptor_that_is_not_there_is_refused)
{
    struct passing passing;

    begin(&passing);
    close(FIRST);
    assert_refused("1", "is no listening TCP socket");
    end(&passing);
}

TEST(a_connected_socket_is_no_listening_one)
{
    struct passing passing;
    struct error error = {.kind = ERROR_NONE};

    begin(&passing);
    put(socket_connect(&passing.addresses[1], &error), FIRST);
    assert_refused("1", "is no listening TCP socket");
    end(&passing);
}

TEST(more_than_anybody_needs_is_refused)
{
    assert_refused("1025", "more than 1024 sockets");
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_socket_is_found_by_its_address),
                     cmocka_unit_test(a_socket_never_blocks_and_is_not_passed_on),
                     cmocka_unit_test(a_socket_without_a_name_is_called_unknown),
                     cmocka_unit_test(what_was_passed_to_another_process_is_not_ours),
                     cmocka_unit_test(what_is_no_listening_socket_is_refused),
                     cmocka_unit_test(a_descriptor_that_is_not_there_is_refused),
                     cmocka_unit_test(a_connected_socket_is_no_listening_one),
                     cmocka_unit_test(more_than_anybody_needs_is_refused));
}
