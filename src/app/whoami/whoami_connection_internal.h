/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection of the viewer: requests are read, answered in order, and bounded in size and
 * time. A connection knows nothing of the others.
 */
#pragma once

#include "app/whoami/whoami_answer_internal.h"
#include "protocol/http/http_chunked.h"
#include "protocol/http/http_read.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/event_loop.h"
#include "runtime/list.h"
#include "runtime/timer.h"

struct whoami_connection;

/* Called when the connection has ended; it is the owner's to destroy it, also at once. */
typedef void whoami_connection_ended(void *owner, struct whoami_connection *connection);

enum whoami_state {
    WHOAMI_IDLE,     /* between requests */
    WHOAMI_READING,  /* a request's head */
    WHOAMI_SKIPPING, /* its content, which nobody looks at */
    WHOAMI_ANSWERING,
    WHOAMI_LINGERING, /* our side is closed; the client's last bytes must not reset what we said */
    WHOAMI_CLOSED,
    WHOAMI_STATE_COUNT
};

struct whoami_connection {
    struct list_link link; /* the owner's */
    void *owner;
    whoami_connection_ended *ended;
    struct arena *scratch; /* shared by all connections, used within one call */
    int fd;
    struct event_watch *watch;
    struct timer *timer;
    enum whoami_state state;
    char *memory;
    struct buffer input;
    struct http_read_progress progress;
    enum http_framing framing; /* of the content to skip */
    uint64_t content_left;     /* with a length: to come; chunked: still allowed */
    struct http_chunked chunked;
    struct whoami_answer answer;
    size_t answered_bytes;
    bool closes; /* behind the answer at hand */
    size_t lingered_bytes;
    unsigned turn_answers; /* in this turn */
};

/* Takes over the descriptor. */
struct whoami_connection *whoami_connection_open(struct event_loop *loop, int fd,
                                                 struct arena *scratch,
                                                 whoami_connection_ended *ended, void *owner);
void whoami_connection_destroy(struct whoami_connection *connection);
