/* SPDX-License-Identifier: Apache-2.0
 *
 * A small HTTP/1.1 server for the program's own pages: a listening socket, connections that are
 * bounded in number, size and time, and one function that makes answers. It reads what requests
 * contain and throws it away. Everything runs on the loop's thread.
 */
#pragma once

#include <stddef.h>

#include "app/http_service/http_answer.h"
#include "protocol/http/http_message.h"
#include "runtime/arena.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/socket.h"

struct http_service;

/* `close`: the connection ends behind the answer. The request and the arena are the caller's, for
 * the call. */
typedef struct http_answer http_service_answer(void *context, const struct http_request *request,
                                               bool close, struct arena *scratch);

struct http_service_settings {
    http_service_answer *answer;
    void *context;
    size_t connections_max; /* who is one too many waits until somebody has gone */
};

/* Listens at once; serves on the loop. NULL and an error when the address cannot be had. */
struct http_service *http_service_start(struct event_loop *loop,
                                        const struct socket_address *address,
                                        const struct http_service_settings *settings,
                                        struct error *error);
/* Ends every connection. On the loop's thread, or when the loop does not run. NULL is fine. */
void http_service_stop(struct http_service *service);
/* With port 0, the port that the system chose. */
void http_service_address(const struct http_service *service, struct socket_address *address);
