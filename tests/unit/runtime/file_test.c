/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/file.h"
#include "runtime/memory.h"

struct directory {
    char path[64];
};

static struct directory make_directory(void)
{
    struct directory directory = {"/tmp/file_test_XXXXXX"};

    assert_non_null(mkdtemp(directory.path));
    return directory;
}

static char *path_in(const struct directory *directory, const char *name)
{
    return memory_format("%s/%s", directory->path, name);
}

static void remove_and_release(char *path)
{
    remove(path);
    memory_release(path);
}

TEST(a_file_is_read_whole_and_terminated)
{
    struct directory directory = make_directory();
    char *path = path_in(&directory, "a");
    struct error error = {0};
    char *data = NULL;
    size_t size = 0;

    assert_true(file_write_private(path, SLICE("ab\0c"), &error));
    assert_true(file_read(path, 4, &data, &size, &error));
    assert_int_equal(size, 4);
    assert_memory_equal(data, "ab\0c\0", 5);
    memory_release(data);
    remove_and_release(path);
    rmdir(directory.path);
}

static void assert_unreadable(const char *path, size_t bytes_max, const char *why)
{
    struct error error = {0};
    char *data = NULL;
    size_t size = 7;

    assert_false(file_read(path, bytes_max, &data, &size, &error));
    assert_int_equal(error.kind, ERROR_FILE);
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, why));
    assert_null(data);
    assert_int_equal(size, 7);
}

TEST(only_regular_files_with_content_within_the_limit_are_read)
{
    struct directory directory = make_directory();
    char *five_bytes = path_in(&directory, "five");
    char *empty = path_in(&directory, "empty");
    char *fifo = path_in(&directory, "fifo");
    char *missing = path_in(&directory, "missing");

    assert_true(file_write_private(five_bytes, SLICE("12345"), NULL));
    assert_true(file_write_private(empty, SLICE(""), NULL));
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_unreadable(five_bytes, 4, "larger than 4 bytes");
    assert_unreadable(empty, 4, "empty");
    /* Without waiting for its writer. */
    assert_unreadable(fifo, 4, "not a regular file");
    assert_unreadable(directory.path, 4, "not a regular file");
    assert_unreadable("/dev/zero", 4, "not a regular file");
    assert_unreadable(missing, 4, "No such file");

    remove_and_release(five_bytes);
    remove_and_release(empty);
    remove_and_release(fifo);
    memory_release(missing);
    rmdir(directory.path);
}

static unsigned mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

TEST(a_private_file_is_for_its_owner_alone_and_never_replaces_another)
{
    struct directory directory = make_directory();
    char *path = path_in(&directory, "key");
    char *link = path_in(&directory, "link");
    char *target = path_in(&directory, "target");
    mode_t before = umask(0);
    struct error error = {0};

    assert_true(file_write_private(path, SLICE("secret"), &error));
    assert_int_equal(mode_of(path), 0600);
    assert_false(file_write_private(path, SLICE("other"), &error));
    assert_int_equal(error.kind, ERROR_FILE);
    assert_non_null(strstr(error.text, path));

    assert_int_equal(symlink(target, link), 0);
    assert_false(file_write_private(link, SLICE("secret"), &error));
    assert_int_not_equal(access(target, F_OK), 0);

    umask(before);
    remove_and_release(path);
    remove_and_release(link);
    memory_release(target);
    rmdir(directory.path);
}

TEST(a_private_directory_is_for_its_owner_alone_and_new)
{
    struct directory directory = make_directory();
    char *path = path_in(&directory, "state");
    mode_t before = umask(0);
    struct error error = {0};

    assert_true(file_make_private_directory(path, &error));
    assert_int_equal(mode_of(path), 0700);
    assert_false(file_make_private_directory(path, &error));
    assert_int_equal(error.kind, ERROR_FILE);
    umask(before);
    remove_and_release(path);
    rmdir(directory.path);
}

TEST(a_relative_path_is_seen_from_the_other_files_directory)
{
    static const struct {
        const char *base;
        const char *relative;
        const char *path;
    } table[] = {
        {"/etc/sallyport/a.yaml", "ca.pem", "/etc/sallyport/ca.pem"},
        {"/etc/sallyport/a.yaml", "../ca.pem", "/etc/sallyport/../ca.pem"},
        {"/etc/sallyport/a.yaml", "/srv/ca.pem", "/srv/ca.pem"},
        {"conf/a.yaml", "ca.pem", "conf/ca.pem"},
        {"a.yaml", "ca.pem", "ca.pem"},
        {"/a.yaml", "ca.pem", "/ca.pem"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char *path = file_path_beside(table[i].base, table[i].relative);

        assert_string_equal(path, table[i].path);
        memory_release(path);
    }
}

/* ---- logs ---- */

TEST(lines_of_a_log_go_to_its_end)
{
    char directory[] = "/tmp/sallyport-test-XXXXXX";
    char path[64];
    char text[64];
    struct stat status;
    int fd;

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/access.log", directory);
    for (int i = 0; i < 2; i++) {
        fd = file_open_log(path, 0640, NULL);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, "a\n", 2), 2);
        /* copytruncate: what is written next does not leave a hole. */
        assert_int_equal(truncate(path, i == 0 ? 2 : 0), 0);
        assert_int_equal(write(fd, "b\n", 2), 2);
        close(fd);
    }
    fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, text, sizeof text), 2);
    assert_memory_equal(text, "b\n", 2);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 07137, 0); /* nobody else may write, others not read */
    close(fd);
    unlink(path);
    rmdir(directory);
}

TEST(a_fifo_that_nobody_reads_is_a_log_all_the_same)
{
    char directory[] = "/tmp/sallyport-test-XXXXXX";
    char path[64];
    int fd;

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    assert_int_equal(mkfifo(path, 0600), 0);
    fd = file_open_log(path, 0640, NULL);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a\n", 2), 2);
    close(fd);
    unlink(path);
    rmdir(directory);
}

TEST(a_log_in_no_directory_is_an_error)
{
    struct error error = {0};

    assert_int_equal(file_open_log("/nowhere/access.log", 0640, &error), -1);
    assert_int_equal(error.kind, ERROR_FILE);
    assert_string_equal(error.text,
                        "'/nowhere/access.log' cannot be opened: No such file or directory");
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(lines_of_a_log_go_to_its_end),
        cmocka_unit_test(a_fifo_that_nobody_reads_is_a_log_all_the_same),
        cmocka_unit_test(a_log_in_no_directory_is_an_error),

        cmocka_unit_test(a_file_is_read_whole_and_terminated),
        cmocka_unit_test(only_regular_files_with_content_within_the_limit_are_read),
        cmocka_unit_test(a_private_file_is_for_its_owner_alone_and_never_replaces_another),
        cmocka_unit_test(a_private_directory_is_for_its_owner_alone_and_new),
        cmocka_unit_test(a_relative_path_is_seen_from_the_other_files_directory));
}
