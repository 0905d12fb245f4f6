/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the events of a running gateway go: standard error, or a file, by way of a queue, so that
 * neither a full disk nor a FIFO that nobody reads makes anybody wait.
 */
#pragma once

#include <stdbool.h>

#include "runtime/error.h"

struct line_queue;

/* Zero is standard error. */
struct event_log {
    struct line_queue *queue; /* NULL until the first file; kept until the end */
    char *path;               /* NULL: standard error */
};

/* From now on to this file, or to standard error with NULL. False, and nothing has changed, when it
 * cannot be opened. */
bool event_log_use(struct event_log *log, const char *path, struct error *error);
/* Opens the file by its name again: somebody has renamed it. */
bool event_log_reopen(struct event_log *log, struct error *error);
/* Writes what is queued; events go to standard error again. No other thread may log any more. */
void event_log_end(struct event_log *log);
