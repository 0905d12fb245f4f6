/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker's listening socket for one group: accepts connections within limits.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/socket.h"

struct acceptor;

typedef void acceptor_callback(void *context, int fd, const struct socket_address *peer);

struct acceptor_settings {
    struct event_loop *loop;
    int fd;                    /* a listening socket, which the acceptor takes */
    const atomic_size_t *open; /* connections of all workers */
    size_t open_max;
    acceptor_callback *on_accept; /* takes the descriptor */
    event_callback *on_refused;   /* one over the limit was closed at once */
    void *context;
    bool leaves_queue; /* who still waits there when it stops is for somebody else */
};

struct acceptor *acceptor_start(const struct acceptor_settings *settings);
void acceptor_set_limit(struct acceptor *acceptor, size_t open_max);
/* What waits in the socket's queue is accepted first, unless it is left. NULL is fine. */
void acceptor_stop(struct acceptor *acceptor);
