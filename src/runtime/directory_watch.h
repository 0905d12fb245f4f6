/* SPDX-License-Identifier: Apache-2.0
 *
 * Hears that something in a directory was made, changed, renamed or removed (inotify, through
 * libuv). It says no more than that: who wants to know what, looks.
 */
#pragma once

#include "runtime/event_loop.h"

struct directory_watch;

/* NULL when the directory cannot be watched: it does not exist, may not be read, or the system's
 * limit of watches is reached. */
struct directory_watch *directory_watch_create(struct event_loop *loop, const char *path,
                                               event_callback *callback, void *context);
/* NULL is fine. Never calls back afterwards. */
void directory_watch_destroy(struct directory_watch *watch);
