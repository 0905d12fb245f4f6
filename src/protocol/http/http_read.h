/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading HTTP/1 heads, strictly (RFC 9112). Whatever leaves a doubt about where a message ends,
 * or about who is addressed, is refused with a reason; nothing is repaired.
 */
#pragma once

#include "protocol/http/http_message.h"
#include "protocol/reason/reason.h"
#include "runtime/arena.h"

struct http_limits {
    size_t head_bytes;   /* start line and fields together, with their line ends */
    size_t target_bytes; /* requests only */
    size_t fields;       /* how many */
};

enum http_read_outcome { HTTP_READ_REFUSED, HTTP_READ_COMPLETE, HTTP_READ_INCOMPLETE };

struct http_read {
    enum http_read_outcome outcome;
    enum reason reason; /* with REFUSED */
    const char *detail; /* with REFUSED: a few static words for the log, or NULL */
    size_t consumed;    /* with COMPLETE: the head, and a request's empty line before it */
};

/* Where the search for the head's end goes on when more bytes have come; starts as zero. Reading
 * a head that arrives byte by byte costs as much as one that arrives at once. */
struct http_read_progress {
    size_t scanned;
    size_t lines; /* found in what was scanned */
};

/* `input` is everything received so far of this message, from its first byte. The request's slices
 * point into `input` and into `arena`. A head that has not ended within limits->head_bytes is
 * refused, so that a buffer of that size is always large enough. However the input was split, the
 * result is the same; whatever it is, but INCOMPLETE, `progress` is zero again afterwards. */
struct http_read http_read_request(struct slice input, const struct http_limits *limits,
                                   struct http_read_progress *progress, struct arena *arena,
                                   struct http_request *request);

/* A response to a request of that method (HEAD has no content, whatever the fields say). 1xx is
 * COMPLETE like any other; the caller reads on. */
struct http_read http_read_response(struct slice input, const struct http_limits *limits,
                                    struct http_read_progress *progress, bool to_head,
                                    struct arena *arena, struct http_response *response);

/* Is this a field that nobody may list in Connection, and so have removed on the way (RFC 9110
 * section 7.6.1)? A fixed list, compared by folded name: Host, framing, credentials, forwarding and
 * the usual identity fields. A request that does so is refused while it is read; the names that a
 * configuration adds are checked by those who know them. */
bool http_read_connection_protects(struct slice name);
