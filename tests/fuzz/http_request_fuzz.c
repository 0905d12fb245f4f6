/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/http */
/*
 * Any bytes as a request's head. The result does not depend on how the input is split; a head that
 * was read, and written as the gateway writes one, is read as the same request again.
 */
#include <assert.h>
#include <string.h>

#include "protocol/http/http_host.h"
#include "protocol/http/http_name_set.h"
#include "protocol/http/http_path.h"
#include "protocol/http/http_read.h"
#include "protocol/http/http_write.h"

enum { ARENA_SIZE = 1 << 20, BUFFER_SIZE = 1 << 18 };

static char first_memory[ARENA_SIZE];
static char second_memory[ARENA_SIZE];
static char buffer_memory[BUFFER_SIZE];

static const struct http_limits limits = {.head_bytes = 4096, .target_bytes = 1024, .fields = 64};
static const struct http_limits rewritten_limits = {
    .head_bytes = BUFFER_SIZE, .target_bytes = BUFFER_SIZE, .fields = 65};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_read read_in_steps(struct slice input, size_t step, struct http_request *request)
{
    struct http_read_progress progress = {0};
    struct http_read read = {.outcome = HTTP_READ_INCOMPLETE};
    struct arena arena;

    for (size_t end = 0; read.outcome == HTTP_READ_INCOMPLETE; end += step) {
        arena_init(&arena, second_memory, sizeof(second_memory));
        read = http_read_request(slice_first(input, end), &limits, &progress, &arena, request);
        if (end >= input.size)
            break;
    }
    return read;
}

static void check_values(const struct http_request *request)
{
    char folded[HTTP_HOST_BYTES_MAX];
    struct slice path;
    struct slice host;
    struct arena arena;
    uint16_t port;

    arena_init(&arena, second_memory, sizeof(second_memory));
    if (!slice_equals(request->path, SLICE("*"))) {
        assert(http_path_canonicalise(request->path, &arena, &path) == REASON_NONE);
        assert(path.data == request->path.data && path.size == request->path.size);
    }
    assert(http_host_parse(request->authority, folded, &host, &port));
    assert(slice_equals(host, request->host));
    assert(http_is_token(request->method));
    assert((request->framing == HTTP_FRAMING_LENGTH) == (request->content_length > 0));
    assert(request->framing != HTTP_FRAMING_UNTIL_CLOSE);
    assert(request->framing != HTTP_FRAMING_CHUNKED || !request->has_content_length);
    for (size_t i = 0; i < request->fields.count; i++) {
        struct http_field field = request->fields.items[i];

        assert(http_name_is_plain(field.name));
        assert(slice_equals(slice_trim(field.value), field.value));
        assert(slice_find(field.value, '\r') == field.value.size);
        assert(slice_find(field.value, '\n') == field.value.size);
        assert(slice_find(field.value, '\0') == field.value.size);
    }
}

/* As the gateway does: the target without scheme and authority, and the authority in Host. */
static void write_request(const struct http_request *request, struct buffer *buffer)
{
    assert(http_write_request_line(buffer, request->method, request->path, request->has_query,
                                   request->query) == HTTP_WRITE_DONE);
    if (http_fields_find(&request->fields, SLICE("Host")) == NULL)
        assert(http_write_field(buffer, SLICE("Host"), request->authority) == HTTP_WRITE_DONE);
    for (size_t i = 0; i < request->fields.count; i++) {
        struct http_field field = request->fields.items[i];

        if (slice_equals_ignoring_case(field.name, SLICE("Host")))
            field.value = request->authority;
        assert(http_write_field(buffer, field.name, field.value) == HTTP_WRITE_DONE);
    }
    assert(http_write_head_end(buffer) == HTTP_WRITE_DONE);
}

static void check_same_fields(const struct http_request *a, const struct http_request *b)
{
    size_t added = b->fields.count - a->fields.count;

    assert(added <= 1);
    for (size_t i = 0; i < a->fields.count; i++) {
        assert(slice_equals(a->fields.items[i].name, b->fields.items[i + added].name));
        assert(slice_equals(a->fields.items[i].value, b->fields.items[i + added].value) ||
               slice_equals_ignoring_case(a->fields.items[i].name, SLICE("Host")));
    }
}

static void check_round_trip(const struct http_request *request)
{
    struct http_read_progress progress = {0};
    struct http_request again;
    struct http_read read;
    struct buffer buffer;
    struct arena arena;

    buffer_init(&buffer, buffer_memory, sizeof(buffer_memory));
    write_request(request, &buffer);
    arena_init(&arena, second_memory, sizeof(second_memory));
    read =
        http_read_request(buffer_readable(&buffer), &rewritten_limits, &progress, &arena, &again);
    assert(read.outcome == HTTP_READ_COMPLETE);
    assert(read.consumed == buffer_readable(&buffer).size);
    assert(slice_equals(again.method, request->method));
    assert(slice_equals(again.path, request->path));
    assert(slice_equals(again.host, request->host));
    assert(again.has_query == request->has_query && slice_equals(again.query, request->query));
    assert(again.framing == request->framing);
    assert(again.content_length == request->content_length);
    assert(again.has_content_length == request->has_content_length);
    assert(again.is_head == request->is_head);
    if (request->version == HTTP_VERSION_1_1) {
        assert(again.keep_alive == request->keep_alive);
        assert(again.expects_continue == request->expects_continue);
    }
    check_same_fields(request, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice input = slice_from(data, size);
    struct http_request request;
    struct http_request split_request;
    struct http_read whole = read_in_steps(input, size + 1, &split_request);
    struct http_read_progress progress = {0};
    struct arena arena;

    for (size_t step = 1; step < 8; step += 3) {
        struct http_read split = read_in_steps(input, step, &split_request);

        assert(split.outcome == whole.outcome && split.reason == whole.reason);
        assert(split.detail == whole.detail && split.consumed == whole.consumed);
    }
    arena_init(&arena, first_memory, sizeof(first_memory));
    if (http_read_request(input, &limits, &progress, &arena, &request).outcome !=
        HTTP_READ_COMPLETE)
        return 0;
    assert(whole.consumed <= size);
    check_values(&request);
    check_round_trip(&request);
    return 0;
}
