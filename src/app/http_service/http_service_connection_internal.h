/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection of the service: requests are read, answered in order, and bounded in size and
 * time. A connection knows nothing of the others.
 */
#pragma once

#include "app/http_service/http_service.h"
#include "protocol/http/http_chunked.h"
#include "protocol/http/http_read.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/event_loop.h"
#include "runtime/list.h"
#include "runtime/timer.h"

struct http_service_connection;

/* Called when the connection has ended; it is the owner's to destroy it, also at once. */
typedef void http_service_ended(void *owner, struct http_service_connection *connection);

struct http_service_connection_owner {
    const struct http_service_settings *settings; /* live as long as the connection */
    struct arena *scratch; /* shared by all connections, used within one call */
    http_service_ended *ended;
    void *owner;
};

enum http_service_state {
    HTTP_SERVICE_IDLE,     /* between requests */
    HTTP_SERVICE_READING,  /* a request's head */
    HTTP_SERVICE_SKIPPING, /* its content, which nobody looks at */
    HTTP_SERVICE_ANSWERING,
    HTTP_SERVICE_LINGERING, /* our side is closed; the client's last bytes must not reset what we
                               said */
    HTTP_SERVICE_CLOSED,
    HTTP_SERVICE_STATE_COUNT
};

struct http_service_connection {
    struct list_link link; /* the owner's */
    struct http_service_connection_owner owner;
    int fd;
    struct event_watch *watch;
    struct timer *timer;
    enum http_service_state state;
    char *memory;
    struct buffer input;
    struct http_read_progress progress;
    enum http_framing framing; /* of the content to skip */
    uint64_t content_left;     /* with a length: to come; chunked: still allowed */
    struct http_chunked chunked;
    struct http_answer answer;
    size_t answered_bytes;
    bool closes; /* behind the answer at hand */
    size_t lingered_bytes;
    uint64_t opened_ms;
    bool has_answered;     /* any request */
    unsigned turn_answers; /* in this turn */
};

/* Takes over the descriptor. */
struct http_service_connection *http_service_connection_open(
    struct event_loop *loop, int fd, const struct http_service_connection_owner *owner);
/* Between two requests; or it has taken its time before the first. */
bool http_service_connection_is_idle(const struct http_service_connection *connection);
void http_service_connection_destroy(struct http_service_connection *connection);
