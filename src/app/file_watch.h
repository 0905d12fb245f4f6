/* SPDX-License-Identifier: Apache-2.0
 *
 * Watches files for renewals: certbot's changed links, Kubernetes' swapped `..data`, a helper that
 * writes key and certificate one after the other. Says so once it has been quiet for a moment, and
 * only when what the paths lead to really is something else than before.
 */
#pragma once

#include <stddef.h>

#include "runtime/event_loop.h"

struct file_watch;

struct file_watch *file_watch_create(struct event_loop *loop, event_callback *on_changed,
                                     void *context);
/* NULL is fine. */
void file_watch_destroy(struct file_watch *watch);
/* Watches these paths instead, as they are now. The paths are copied. `read_since`: they were read
 * after that, by CLOCK_REALTIME_COARSE; a file that has changed since then may have changed after
 * it was read, and counts as changed. NULL: nobody has read them. */
struct timespec;
void file_watch_set(struct file_watch *watch, char *const *paths, size_t count,
                    const struct timespec *read_since);
/* What has changed until now is known to the owner, who need not be told. */
void file_watch_acknowledge(struct file_watch *watch);
