/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines for a file descriptor, written by a thread of its own: whoever reads slowly, a full disk,
 * or a pipe that nobody reads can never make a worker wait. The queue is bounded; what did not
 * fit is dropped and counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"
#include "runtime/slice.h"

struct line_queue;

/* Takes over the descriptor when `owns_fd`. Starts the thread. */
struct line_queue *line_queue_create(int fd, bool owns_fd, size_t bytes_max, struct error *error);
/* Writes what is queued, for at most `wait_ms`, and ends the thread. NULL is fine. */
void line_queue_destroy(struct line_queue *queue, unsigned wait_ms);
/* What is queued and not yet written goes to this descriptor, and so does all that comes later: for
 * a file that was renamed, or another file. Takes the descriptor over when `owns_fd`. */
void line_queue_reopen(struct line_queue *queue, int fd, bool owns_fd);
/* From any thread. Whole lines with their line feed. False when it was dropped. */
bool line_queue_put(struct line_queue *queue, struct slice line);
uint64_t line_queue_dropped(const struct line_queue *queue);
