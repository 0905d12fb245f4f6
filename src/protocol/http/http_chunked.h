/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding chunked content (RFC 9112 section 7.1), strictly and in place: the decoder names the
 * parts of the input that are content. Chunk extensions are ignored within a limit; trailer fields
 * are checked for form, counted against a limit, and kept only in memory that was given for them:
 * see http_trailer.h for what they say.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

struct http_chunked_limits {
    size_t extension_bytes; /* of all chunks */
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
    bool is_beyond_limit; /* with FAILED: well-formed as far as it goes, but too much */
    char *trailers;       /* NULL: they are dropped */
    struct http_chunked_limits limits;
};

enum http_chunked_outcome {
    HTTP_CHUNKED_MALFORMED, /* never recovers */
    HTTP_CHUNKED_CONTENT,   /* `content` is some, not empty; call again with what follows */
    HTTP_CHUNKED_NEEDS_MORE,
    HTTP_CHUNKED_COMPLETE /* the end; what follows `consumed` belongs to the next message */
};

void http_chunked_init(struct http_chunked *chunked, const struct http_chunked_limits *limits);
/* The memory of http_chunked_trailer_room() bytes, which stays the caller's, is where the trailer
 * section is put together, however the input is split. */
void http_chunked_keep_trailers(struct http_chunked *chunked, char *memory);
size_t http_chunked_trailer_room(const struct http_chunked_limits *limits);
/* Behind COMPLETE: the lines of the trailer section, with the empty line that ends it; empty where
 * there is none, or none was kept. */
struct slice http_chunked_trailers(const struct http_chunked *chunked);
/* Reads up to the end of the next piece of content. `consumed` is how far. */
enum http_chunked_outcome http_chunked_decode(struct http_chunked *chunked, struct slice input,
                                              size_t *consumed, struct slice *content);
