/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding chunked content (RFC 9112 section 7.1), strictly and in place: the decoder names the
 * parts of the input that are content. Chunk extensions are ignored within a limit; trailer fields
 * are checked for form, counted against a limit, and dropped: no trailer is ever forwarded, so
 * none can carry an identity.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

struct http_chunked_limits {
    size_t extension_bytes; /* of one chunk */
    size_t trailer_bytes;   /* of all trailer fields */
};

enum http_chunked_state {
    HTTP_CHUNKED_SIZE,
    HTTP_CHUNKED_EXTENSION,
    HTTP_CHUNKED_SIZE_LF,
    HTTP_CHUNKED_DATA,
    HTTP_CHUNKED_DATA_CR,
    HTTP_CHUNKED_DATA_LF,
    HTTP_CHUNKED_TRAILER_START,
    HTTP_CHUNKED_TRAILER_NAME,
    HTTP_CHUNKED_TRAILER_VALUE,
    HTTP_CHUNKED_TRAILER_LF,
    HTTP_CHUNKED_END_LF,
    HTTP_CHUNKED_DONE,
    HTTP_CHUNKED_FAILED
};

struct http_chunked {
    enum http_chunked_state state;
    uint64_t left; /* of the chunk at hand */
    unsigned digits;
    size_t extension_bytes;
    size_t trailer_bytes;
    struct http_chunked_limits limits;
};

enum http_chunked_outcome {
    HTTP_CHUNKED_MALFORMED, /* never recovers */
    HTTP_CHUNKED_CONTENT,   /* `content` is some, not empty; call again with what follows */
    HTTP_CHUNKED_NEEDS_MORE,
    HTTP_CHUNKED_COMPLETE /* the end; what follows `consumed` belongs to the next message */
};

void http_chunked_init(struct http_chunked *chunked, const struct http_chunked_limits *limits);
/* Reads up to the end of the next piece of content. `consumed` is how far. */
enum http_chunked_outcome http_chunked_decode(struct http_chunked *chunked, struct slice input,
                                              size_t *consumed, struct slice *content);
