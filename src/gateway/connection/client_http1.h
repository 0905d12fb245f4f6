/* SPDX-License-Identifier: Apache-2.0
 *
 * The client's side of exchanges over HTTP/1.1: reads heads and content from a TLS connection,
 * writes answers to it. One request at a time; what follows it stays where it is until the exchange
 * is over.
 *
 * A request begins in a small block, which is enough for most. A head that is larger moves to a
 * large one; so does content that comes faster than it fits the rest of the small one, for as long
 * as it does. So a client that sends little, however long it takes, holds little.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/connection/connection_limits.h"
#include "gateway/exchange/exchange.h"
#include "protocol/http/http_chunked.h"
#include "protocol/http/http_read.h"
#include "protocol/tls/tls_connection.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/pool.h"

/* Where blocks come from: CLIENT_HTTP1_SMALL_BYTES and CLIENT_HTTP1_BLOCK_BYTES each. */
struct client_blocks {
    struct pool *small;
    struct pool *large;
};

struct client_http1 {
    struct tls_connection *tls;
    const struct connection_limits *limits;
    const struct http_name_set *owned_names;
    struct slice pseudonym; /* for Via */
    struct client_blocks blocks;
    char *scratch; /* the worker's, for one call: a head or an answer is made there */
    size_t scratch_bytes;
    struct buffer staged; /* the worker's, for one turn: small writes are put together there */

    char *block;         /* held while a request, or a part of one, is here */
    bool is_small;       /* the block */
    char *content_block; /* a large one: the input is here while content comes fast */
    struct buffer input;
    struct arena arena;
    size_t
        head_bytes; /* of the request at hand: the front of `input`, which its slices point into */
    struct http_read_progress progress;
    struct http_request request;
    struct http_chunked chunked;
    struct http_fields trailers; /* of the request, once its content is complete */
    uint64_t left;
    bool content_is_complete;
    bool owes_continue; /* "100 Continue" was asked for and not sent */
    bool has_ended;     /* the client sends no more, and may still read */

    enum http_framing answer_framing;
    bool answer_closes; /* the answer's end, or its head, says that the connection ends */
    bool has_failed;    /* writing did: the connection is of no more use */
};

enum {
    CLIENT_HTTP1_ARENA_BYTES = 60 * 1024,
    CLIENT_HTTP1_CONTENT_BYTES = 16 * 1024,
    CLIENT_HTTP1_STAGED_BYTES = 16 * 1024,
    /* Enough for whatever limits are configured, so that a block may outlive a change of them. */
    CLIENT_HTTP1_INPUT_BYTES = 64 * 1024 + CLIENT_HTTP1_CONTENT_BYTES,
    CLIENT_HTTP1_BLOCK_BYTES = CLIENT_HTTP1_INPUT_BYTES + CLIENT_HTTP1_ARENA_BYTES,
    CLIENT_HTTP1_SMALL_INPUT_BYTES = 6 * 1024,
    CLIENT_HTTP1_SMALL_ARENA_BYTES = 2 * 1024,
    CLIENT_HTTP1_SMALL_BYTES = CLIENT_HTTP1_SMALL_INPUT_BYTES + CLIENT_HTTP1_SMALL_ARENA_BYTES
};

void client_http1_init(struct client_http1 *client, struct tls_connection *tls,
                       const struct connection_limits *limits,
                       const struct http_name_set *owned_names, struct client_blocks blocks,
                       char *scratch, size_t scratch_bytes);
/* By which Via names this gateway; borrowed, until another is set. */
void client_http1_set_pseudonym(struct client_http1 *client, struct slice pseudonym);
/* Other limits and names hold from the next head on. */
void client_http1_set_generation(struct client_http1 *client,
                                 const struct connection_limits *limits,
                                 const struct http_name_set *owned_names);
/* Gives back what it holds. */
void client_http1_reset(struct client_http1 *client);

enum client_http1_outcome {
    CLIENT_HTTP1_CLOSED,  /* the client has ended its side, or the connection failed */
    CLIENT_HTTP1_REQUEST, /* `request` is complete up to its content */
    CLIENT_HTTP1_REFUSED, /* with a reason */
    CLIENT_HTTP1_WAIT,
    CLIENT_HTTP1_FULL /* no block is to be had */
};
enum client_http1_outcome client_http1_read_request(struct client_http1 *client,
                                                    enum reason *reason, const char **detail);
/* A part of a head has come. */
bool client_http1_has_begun(const struct client_http1 *client);
/* While an exchange runs: has the client ended its side as TLS asks it to, so that it waits for
 * what it has asked for (RFC 9112 section 9.6)? Reads ahead what may come before that end, as far
 * as there is room; without room there is no telling, and it is taken for granted. Once true, it
 * stays so. */
bool client_http1_has_ended(struct client_http1 *client);
/* Hands what was staged to TLS: before each end of a turn. Does nothing before init. */
void client_http1_flush(struct client_http1 *client);
/* The exchange is over: makes ready for the next request. */
void client_http1_next(struct client_http1 *client);

extern const struct exchange_client_operations client_http1_operations;
