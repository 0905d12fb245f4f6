/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that the gateway gives itself: the page family of Azure and nginx, or RFC 9457 problem
 * details for clients that ask for JSON. Every answer says `Connection: close` when it closes.
 * Nothing that a client wrote is in any of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/http/http_message.h"
#include "protocol/reason/reason.h"
#include "runtime/buffer.h"

struct answer_facts {
    enum reason reason;
    const char *server_token;
    const char *trace_id;   /* NULL: there is none */
    struct slice pseudonym; /* for Proxy-Status; empty: the client is told the status alone */
    bool generic;           /* say no more than nginx's page does: no reason, no cause */
    bool close;
    int64_t now;                        /* seconds since 1970, for Date */
    const struct http_request *request; /* NULL: it could not be read */
};

/* The token that makes pages byte for byte those of Azure Application Gateway, which has no other
 * form of answer. */
#define ANSWER_AZURE_TOKEN "Microsoft-Azure-Application-Gateway/v2"

/* What the gateway forwards of RFC 9110's methods, and PATCH. Others are forwarded as well, but
 * CONNECT and TRACE. */
#define ANSWER_ALLOWED_METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

/* Writes head and content (no content to HEAD); false, and nothing, when the buffer has no room.
 * `content_bytes` is how many of it are content. */
bool answer_write(struct buffer *to, const struct answer_facts *facts, uint64_t *content_bytes);
