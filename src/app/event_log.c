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

enum { EVENT_LOG_MODE = 0640, QUEUE_BYTES = 1024 * 1024, END_WAIT_MS = 1000 };

static bool open_file(struct event_log *log, const char *path, struct error *error)
{
    int fd = file_open_log(path, EVENT_LOG_MODE, error);

    if (fd < 0) {
        error_prefix(error, "event log");
        return false;
    }
    if (log->queue != NULL) {
        line_queue_reopen(log->queue, fd, true);
        return true;
    }
    log->queue = line_queue_create(fd, true, QUEUE_BYTES, error);
    if (log->queue == NULL)
        close(fd);
    return log->queue != NULL;
}

bool event_log_use(struct event_log *log, const char *path, struct error *error)
{
    bool is_same =
        path == NULL || log->path == NULL ? path == log->path : strcmp(path, log->path) == 0;

    if (is_same)
        return true;
    if (path != NULL && !open_file(log, path, error))
        return false;
    log_set_queue(path == NULL ? NULL : log->queue);
    memory_release(log->path);
    log->path = memory_copy_text(path);
    return true;
}

bool event_log_reopen(struct event_log *log, struct error *error)
{
    return log->path == NULL || open_file(log, log->path, error);
}

void event_log_end(struct event_log *log)
{
    log_set_queue(NULL);
    line_queue_destroy(log->queue, END_WAIT_MS);
    memory_release(log->path);
    *log = (struct event_log){NULL, NULL};
}
