/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/http */
/*
 * Any bytes as chunked content. What is decoded does not depend on how the input is split, and
 * content that is written in chunks again decodes to itself.
 */
#include <assert.h>
#include <string.h>

#include "protocol/http/http_chunked.h"
#include "protocol/http/http_write.h"
#include "runtime/memory.h"

enum { TRAILER_BYTES = 128 };

static const struct http_chunked_limits limits = {.extension_bytes = 32,
                                                  .trailer_bytes = TRAILER_BYTES};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct decoded {
    bool is_malformed;
    bool is_complete;
    size_t consumed;
    char *content;
    size_t size;
    char trailers[TRAILER_BYTES + 2];
    size_t trailers_size;
};

/* The caller releases the content. */
static struct decoded decode(struct slice input, size_t step)
{
    struct decoded decoded = {.content = memory_allocate(input.size + 1)};
    struct http_chunked chunked;

    assert(http_chunked_trailer_room(&limits) == sizeof(decoded.trailers));
    http_chunked_init(&chunked, &limits);
    http_chunked_keep_trailers(&chunked, decoded.trailers);
    while (decoded.consumed < input.size && !decoded.is_malformed && !decoded.is_complete) {
        struct slice piece = slice_first(slice_after(input, decoded.consumed), step);
        struct slice content;
        size_t consumed;
        enum http_chunked_outcome outcome =
            http_chunked_decode(&chunked, piece, &consumed, &content);

        assert(consumed <= piece.size);
        assert((outcome == HTTP_CHUNKED_CONTENT) == (content.size > 0));
        if (content.size > 0) {
            assert(content.data >= piece.data &&
                   content.data + content.size == piece.data + consumed);
            memcpy(decoded.content + decoded.size, content.data, content.size);
        }
        if (outcome == HTTP_CHUNKED_NEEDS_MORE)
            assert(consumed == piece.size);
        decoded.size += content.size;
        decoded.consumed += consumed;
        decoded.is_malformed = outcome == HTTP_CHUNKED_MALFORMED;
        decoded.is_complete = outcome == HTTP_CHUNKED_COMPLETE;
    }
    decoded.trailers_size = http_chunked_trailers(&chunked).size;
    return decoded;
}

static void check_same(const struct decoded *a, const struct decoded *b)
{
    assert(a->is_malformed == b->is_malformed && a->is_complete == b->is_complete);
    assert(a->consumed == b->consumed && a->size == b->size);
    assert(memcmp(a->content, b->content, a->size) == 0);
    assert(a->trailers_size == b->trailers_size);
    assert(memcmp(a->trailers, b->trailers, a->trailers_size) == 0);
}

static void check_round_trip(const struct decoded *decoded, size_t chunk_size)
{
    size_t chunks = decoded->size / chunk_size + 1;
    char *text = memory_allocate(decoded->size + chunks * (HTTP_CHUNK_HEAD_SIZE_MAX + 2) + 5);
    struct decoded again;
    size_t written = 0;

    for (size_t at = 0; at < decoded->size;) {
        struct slice piece =
            slice_first(slice_from(decoded->content + at, decoded->size - at), chunk_size);

        written += http_write_chunk_head(text + written, piece.size);
        memcpy(text + written, piece.data, piece.size);
        memcpy(text + written + piece.size, "\r\n", 2);
        written += piece.size + 2;
        at += piece.size;
    }
    memcpy(text + written, "0\r\n\r\n", 5);
    again = decode(slice_from(text, written + 5), written + 5);
    assert(again.is_complete && again.consumed == written + 5);
    assert(again.size == decoded->size && memcmp(again.content, decoded->content, again.size) == 0);
    memory_release(again.content);
    memory_release(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_from(data, size);
    struct decoded whole = decode(input, size + 1);

    for (size_t step = 1; step < 8; step += 3) {
        struct decoded split = decode(input, step);

        check_same(&whole, &split);
        memory_release(split.content);
    }
    check_round_trip(&whole, 1 + size % 7);
    memory_release(whole.content);
    return 0;
}
