/* SPDX-License-Identifier: Apache-2.0
 *
 * See event_log.h. The queue stays when events go elsewhere: a thread may be about to use it.
 */
#include "app/event_log.h"

#include <string.h>
#include <unistd.h>

#include "runtime/file.h"
#include "runtime/line_queue.h"
#include "runtime/log.h"
#include "runtime/memory.h"

enum { EVENT_LOG_MODE = 0640, QUEUE_BYTES = 256 * 1024, END_WAIT_MS = 1000 };

static bool open_file(struct event_log *log, const char *path, struct error *error)
{
    struct line_queue **queue = &log->queues[EVENT_LOG_FILE];
    int fd = file_open_log(path, EVENT_LOG_MODE, error);

    if (fd < 0) {
        error_prefix(error, "event log");
        return false;
    }
    if (*queue != NULL)
        line_queue_reopen(*queue, fd, true);
    else
        *queue = line_queue_create(fd, true, QUEUE_BYTES, error); /* which closes it if it fails */
    return *queue != NULL;
}

static bool open_stderr(struct event_log *log, struct error *error)
{
    struct line_queue **queue = &log->queues[EVENT_LOG_STDERR];

    if (*queue == NULL)
        *queue = line_queue_create(STDERR_FILENO, false, QUEUE_BYTES, error);
    return *queue != NULL;
}

static bool is_same(const struct event_log *log, const char *path)
{
    if (path == NULL || log->path == NULL)
        return path == log->path;
    return strcmp(path, log->path) == 0;
}

bool event_log_use(struct event_log *log, const char *path, struct error *error)
{
    if (log->is_used && is_same(log, path))
        return true;
    if (path == NULL ? !open_stderr(log, error) : !open_file(log, path, error))
        return false;
    log_set_queue(log->queues[path == NULL ? EVENT_LOG_STDERR : EVENT_LOG_FILE], path != NULL);
    memory_release(log->path);
    log->path = memory_copy_text(path);
    log->is_used = true;
    return true;
}

bool event_log_reopen(struct event_log *log, struct error *error)
{
    return log->path == NULL || open_file(log, log->path, error);
}

void event_log_end(struct event_log *log)
{
    log_set_queue(NULL, false);
    for (size_t i = 0; i < EVENT_LOG_QUEUES; i++)
        line_queue_destroy(log->queues[i], END_WAIT_MS);
    memory_release(log->path);
    *log = (struct event_log){.path = NULL};
}
