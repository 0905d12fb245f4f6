/* SPDX-License-Identifier: Apache-2.0
 *
 * Events for the person who runs the program: one line each on standard error, or wherever
 * log_set_descriptor says. Text from outside is made printable. Usable from any thread.
 */
#pragma once

#include <stdbool.h>

#include "runtime/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_set_level(enum log_level level);
void log_set_descriptor(int fd);
/* From now on lines are queued, each behind the time where nobody else adds it, and no caller ever
 * waits; NULL: they go to the descriptor again. The queue lives until nobody logs any more. */
struct line_queue;
void log_set_queue(struct line_queue *lines, bool with_time);
/* "level: text" for warning and error, the text alone for info. */
void log_event(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
