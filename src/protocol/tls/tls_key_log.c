/* SPDX-License-Identifier: Apache-2.0
 *
 * See tls_key_log.h. Each line leaves in one write to the end of the file, so that those of several
 * threads do not mix.
 */
#include "protocol/tls/tls_key_log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/memory.h"

enum { KEY_LOG_MODE = 0600, OTHERS = 077 };

struct tls_key_log {
    int fd;
};

/* What somebody else could read, now or by another name. */
static const char *find_fault(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return "cannot be examined";
    if (!S_ISREG(status.st_mode))
        return "is not a regular file";
    if (status.st_uid != geteuid())
        return "belongs to somebody else";
    if ((status.st_mode & OTHERS) != 0)
        return "can be read by others";
    if (status.st_nlink != 1)
        return "has another name";
    return NULL;
}

struct tls_key_log *tls_key_log_open(const char *path, struct error *error)
{
    /* A FIFO that nobody reads must not be waited for before it is refused. */
    static const int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    int fd = open(path, flags | O_CREAT, KEY_LOG_MODE);
    struct tls_key_log *log = NULL;
    const char *fault = NULL;

    if (fd < 0) {
        error_set(error, ERROR_FILE, "key log '%s' cannot be opened: %s", path, strerror(errno));
        return NULL;
    }
    fault = find_fault(fd);
    if (fault != NULL) {
        error_set(error, ERROR_FILE, "key log '%s' %s", path, fault);
        close(fd);
        return NULL;
    }
    log = memory_allocate(sizeof *log);
    log->fd = fd;
    return log;
}

void tls_key_log_close(struct tls_key_log *log)
{
    if (log == NULL)
        return;
    close(log->fd);
    memory_release(log);
}

void tls_key_log_write(const struct tls_key_log *log, struct slice line)
{
    char line_feed = '\n';
    struct iovec parts[2] = {{.iov_len = line.size}, {.iov_base = &line_feed, .iov_len = 1}};
    /* An iovec is for reading too, and so its memory is not constant. */
    union {
        const char *constant;
        char *memory;
    } data = {.constant = line.data};
    ssize_t written = 0;

    parts[0].iov_base = data.memory;
    written = writev(log->fd, parts, 2);
    (void)written;
}
