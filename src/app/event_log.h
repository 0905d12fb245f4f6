/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the events of a running gateway go: standard error, or a file, by way of a queue, so that
 * neither a full disk nor a FIFO that nobody reads makes anybody wait.
 */
#pragma once

#include <stdbool.h>

#include "runtime/error.h"

struct line_queue;

/* Each has a queue of its own, so that what was said goes where it was to go. */
enum { EVENT_LOG_STDERR, EVENT_LOG_FILE, EVENT_LOG_QUEUES };

/* Zero is before the first use: each line is written at once, and who writes it waits, so that what
 * kept a process from starting is told for sure. */
struct event_log {
    struct line_queue *queues[EVENT_LOG_QUEUES]; /* NULL until the first use; kept until the end */
    bool is_used;
    char *path; /* NULL: standard error */
};

/* From now on to this file, or to standard error with NULL, and nobody waits. False, and nothing
 * has changed, when it cannot be opened. */
bool event_log_use(struct event_log *log, const char *path, struct error *error);
/* Opens the file by its name again: somebody has renamed it. */
bool event_log_reopen(struct event_log *log, struct error *error);
/* Writes what is queued; events go to standard error again. No other thread may log any more. */
void event_log_end(struct event_log *log);
