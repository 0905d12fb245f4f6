/* SPDX-License-Identifier: Apache-2.0
 *
 * One thread's events: readiness of sockets, wake-ups from other threads, signals. This module
 * (with timer.h) is the only user of libuv. A callback notes what is ready; the loop calls it on
 * the loop's own thread. A destroyed watcher is never called again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct event_loop;
struct event_watch;
struct event_wake;
struct event_signal;

enum event_interest {
    EVENT_NONE = 0,
    EVENT_READABLE = 1,
    EVENT_WRITABLE = 2,
    /* The peer has closed its side (EPOLLRDHUP), or the socket has failed. */
    EVENT_HANGUP = 4
};

struct event_loop *event_loop_create(void);
/* All watchers must have been destroyed; runs the loop until their memory is released. */
void event_loop_destroy(struct event_loop *loop);
/* Returns after event_loop_stop. */
void event_loop_run(struct event_loop *loop);
void event_loop_stop(struct event_loop *loop);
/* Monotonic, read once for all callbacks of a turn. */
uint64_t event_loop_now_ms(const struct event_loop *loop);

/* `ready` is a set of event_interest. libuv reports a reset peer as an error without events: it
 * arrives here as readable + hangup, and writable too for who waits for that (a connection that
 * was refused); the next read or socket_connect_result says what happened. */
typedef void event_watch_callback(void *context, unsigned ready);

/* The descriptor stays the caller's: destroy the watch first, then close it. */
struct event_watch *event_watch_create(struct event_loop *loop, int fd,
                                       event_watch_callback *callback, void *context);
/* The same, but NULL when there is no memory. */
struct event_watch *event_watch_try_create(struct event_loop *loop, int fd,
                                           event_watch_callback *callback, void *context);
void event_watch_destroy(struct event_watch *watch);
/* Interest that is already set costs nothing. */
void event_watch_set(struct event_watch *watch, unsigned interest);
unsigned event_watch_get(const struct event_watch *watch);
/* A watch may pass from one owner to the next, as an idle backend connection does. */
void event_watch_set_callback(struct event_watch *watch, event_watch_callback *callback,
                              void *context);

/* Runs `callback` once on the loop's thread, in the next turn, without waiting. */
typedef void event_callback(void *context);
struct event_wake *event_wake_create(struct event_loop *loop, event_callback *callback,
                                     void *context);
void event_wake_destroy(struct event_wake *wake);
/* From any thread; several calls may become one callback. */
void event_wake_send(struct event_wake *wake);

struct event_signal *event_signal_create(struct event_loop *loop, int number,
                                         event_callback *callback, void *context);
void event_signal_destroy(struct event_signal *signal);

/* Called after the callbacks of each turn, before the loop waits: for work that a turn left over.
 */
void event_loop_set_turn_end(struct event_loop *loop, event_callback *callback, void *context);
/* The loop does not wait for events before its next turn. */
void event_loop_continue(struct event_loop *loop);
