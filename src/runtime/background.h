/* SPDX-License-Identifier: Apache-2.0
 *
 * Work that would hold up a loop for longer than its events can wait, such as reading a large file:
 * done by a thread of libuv's pool. What the work touches is its own until it is done.
 */
#pragma once

struct event_loop;

/* `work` is called on another thread, then `done` on the loop's, at the latest while the loop is
 * destroyed. */
void background_run(struct event_loop *loop, void (*work)(void *context),
                    void (*done)(void *context), void *context);
