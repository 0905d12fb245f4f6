/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may hold a key log: a file of ours that nobody else can read.
 */
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/tls/tls_key_log.h"

static char directory[64];
static char path[80];
static char other[80];

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/sallyport-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/keys", directory);
    snprintf(other, sizeof(other), "%s/other", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(other);
    return rmdir(directory);
}

static void make_file(const char *name, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "before\n", 7), 7);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void assert_refused(const char *why)
{
    struct error error = {0};
    char expected[200];

    assert_null(tls_key_log_open(path, &error));
    snprintf(expected, sizeof(expected), "key log '%s' %s", path, why);
    assert_string_equal(error.text, expected);
    assert_int_equal(error.kind, ERROR_FILE);
}

TEST(a_new_key_log_is_ours_alone)
{
    mode_t mask = umask(0);
    struct tls_key_log *log = tls_key_log_open(path, NULL);
    struct stat status;
    char text[64] = "";
    int fd;

    umask(mask);
    assert_non_null(log);
    tls_key_log_write(log, SLICE("CLIENT_RANDOM 01 02"));
    tls_key_log_write(log, SLICE("EXPORTER_SECRET 01 02"));
    tls_key_log_close(log);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    fd = open(path, O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_string_equal(text, "CLIENT_RANDOM 01 02\nEXPORTER_SECRET 01 02\n");
    tls_key_log_close(NULL);
}

TEST(a_key_log_of_ours_is_continued)
{
    struct tls_key_log *log;
    char text[64] = "";
    int fd;

    make_file(path, 0600);
    log = tls_key_log_open(path, NULL);
    assert_non_null(log);
    tls_key_log_write(log, SLICE("after"));
    tls_key_log_close(log);
    fd = open(path, O_RDONLY);
    assert_true(read(fd, text, sizeof(text) - 1) > 0);
    close(fd);
    assert_string_equal(text, "before\nafter\n");
}

TEST(a_file_that_others_can_read_is_refused)
{
    make_file(path, 0640);
    assert_refused("can be read by others");
    assert_int_equal(chmod(path, 0602), 0);
    assert_refused("can be read by others");
}

TEST(a_link_is_refused)
{
    make_file(other, 0600);
    assert_int_equal(symlink(other, path), 0);
    assert_refused("cannot be opened: Too many levels of symbolic links");
    unlink(path);
    assert_int_equal(link(other, path), 0);
    assert_refused("has another name");
}

TEST(what_is_no_file_is_refused_at_once)
{
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_refused("cannot be opened: No such device or address");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_refused("cannot be opened: Is a directory");
    rmdir(path);
}

TEST(a_directory_that_is_not_there_is_an_error)
{
    struct error error = {0};

    assert_null(tls_key_log_open("/nowhere/keys", &error));
    assert_string_equal(error.text,
                        "key log '/nowhere/keys' cannot be opened: No such file or directory");
}

#define ISOLATED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    return RUN_TESTS(ISOLATED(a_new_key_log_is_ours_alone),
                     ISOLATED(a_key_log_of_ours_is_continued),
                     ISOLATED(a_file_that_others_can_read_is_refused), ISOLATED(a_link_is_refused),
                     ISOLATED(what_is_no_file_is_refused_at_once),
                     ISOLATED(a_directory_that_is_not_there_is_an_error));
}
