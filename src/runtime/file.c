/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a file whole, and making new private ones. A file that changes size while it is read is
 * refused rather than used in part; nothing of a file that was refused stays in memory, because
 * it may have been a key.
 */
#include "runtime/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/memory.h"

/* Fills as much as there is, up to `size`; false with errno. */
static bool read_up_to(int fd, char *memory, size_t size, size_t *count)
{
    *count = 0;
    while (*count < size) {
        ssize_t got = read(fd, memory + *count, size - *count);

        if (got == 0)
            break;
        if (got > 0)
            *count += (size_t)got;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

static bool is_acceptable(int fd, const char *path, size_t bytes_max, size_t *size,
                          struct error *error)
{
    struct stat status;

    if (fstat(fd, &status) != 0) {
        error_set(error, ERROR_FILE, "'%s' cannot be examined: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(error, ERROR_FILE, "'%s' is not a regular file", path);
        return false;
    }
    if (status.st_size <= 0) {
        error_set(error, ERROR_FILE, "'%s' is empty", path);
        return false;
    }
    if ((uintmax_t)status.st_size > bytes_max) {
        error_set(error, ERROR_FILE, "'%s' is larger than %zu bytes", path, bytes_max);
        return false;
    }
    *size = (size_t)status.st_size;
    return true;
}

bool file_read(const char *path, size_t bytes_max, char **data, size_t *size, struct error *error)
{
    char *reading = NULL;
    size_t expected = 0;
    size_t count = 0;
    bool done = false;
    /* Opening a FIFO would wait for its writer without O_NONBLOCK; regular files ignore it. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        error_set(error, ERROR_FILE, "'%s' cannot be opened: %s", path, strerror(errno));
        goto cleanup;
    }
    if (!is_acceptable(fd, path, bytes_max, &expected, error))
        goto cleanup;

    /* One byte more than expected shows a file that has grown; the NUL takes its place. */
    reading = memory_allocate(expected + 1);
    if (!read_up_to(fd, reading, expected + 1, &count)) {
        error_set(error, ERROR_FILE, "'%s' cannot be read: %s", path, strerror(errno));
        goto cleanup;
    }
    if (count != expected) {
        error_set(error, ERROR_FILE, "'%s' changed while it was read", path);
        goto cleanup;
    }
    *data = reading;
    *size = count;
    reading = NULL;
    done = true;

cleanup:
    if (reading != NULL)
        memory_wipe_and_release(reading, expected + 1);
    if (fd >= 0)
        close(fd);
    return done;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t count = write(fd, bytes.data, bytes.size);

        if (count >= 0)
            bytes = slice_after(bytes, (size_t)count);
        else if (errno != EINTR)
            return false;
    }
    return true;
}

bool file_write_private(const char *path, struct slice bytes, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool written = false;

    if (fd < 0) {
        error_set(error, ERROR_FILE, "'%s' cannot be created: %s", path, strerror(errno));
        return false;
    }
    /* A key that somebody may already rely on must survive a crash. */
    written = write_all(fd, bytes) && fsync(fd) == 0;
    if (!written) {
        error_set(error, ERROR_FILE, "'%s' cannot be written: %s", path, strerror(errno));
        unlink(path);
    }
    close(fd);
    return written;
}

bool file_replace_private(const char *path, struct slice bytes, struct error *error)
{
    char *next = memory_format("%s.next", path);
    bool replaced = false;

    unlink(next); /* of a process that was killed at the wrong moment */
    if (file_write_private(next, bytes, error)) {
        replaced = rename(next, path) == 0;
        if (!replaced) {
            error_set(error, ERROR_FILE, "'%s' cannot be replaced: %s", path, strerror(errno));
            unlink(next);
        }
    }
    memory_release(next);
    return replaced;
}

int file_open_log(const char *path, unsigned mode, struct error *error)
{
    static const int flags = O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    int fd = open(path, O_WRONLY | flags, mode);

    /* A FIFO without a reader (fifo(7)). Who reads and writes it is its own reader. */
    if (fd < 0 && errno == ENXIO)
        fd = open(path, O_RDWR | flags, mode);
    if (fd < 0)
        error_set(error, ERROR_FILE, "'%s' cannot be opened: %s", path, strerror(errno));
    return fd;
}

bool file_make_private_directory(const char *path, struct error *error)
{
    if (mkdir(path, 0700) != 0) {
        error_set(error, ERROR_FILE, "directory '%s' cannot be created: %s", path, strerror(errno));
        return false;
    }
    return true;
}

char *file_path_beside(const char *base, const char *relative)
{
    const char *slash = strrchr(base, '/');

    if (relative[0] == '/' || slash == NULL)
        return memory_copy_text(relative);
    return memory_format("%.*s%s", (int)(slash - base) + 1, base, relative);
}
