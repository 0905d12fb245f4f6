/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/http */
/*
 * Any bytes as a response's head, to a HEAD request or another. The result does not depend on how
 * the input is split; a head that was read and written again is read as the same response.
 */
#include <assert.h>
#include <string.h>

#include "protocol/http/http_read.h"
#include "protocol/http/http_write.h"

enum { ARENA_SIZE = 1 << 20, BUFFER_SIZE = 1 << 17 };

static char first_memory[ARENA_SIZE];
static char second_memory[ARENA_SIZE];
static char buffer_memory[BUFFER_SIZE];

static const struct http_limits limits = {.head_bytes = 4096, .target_bytes = 0, .fields = 64};
static const struct http_limits rewritten_limits = {
    .head_bytes = BUFFER_SIZE, .target_bytes = 0, .fields = 64};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_read read_in_steps(struct slice input, bool to_head, size_t step)
{
    struct http_read_progress progress = {0};
    struct http_read read = {.outcome = HTTP_READ_INCOMPLETE};
    struct http_response response;
    struct arena arena;

    for (size_t end = 0; read.outcome == HTTP_READ_INCOMPLETE; end += step) {
        arena_init(&arena, second_memory, sizeof(second_memory));
        read = http_read_response(slice_first(input, end), &limits, &progress, to_head, &arena,
                                  &response);
        if (end >= input.size)
            break;
    }
    return read;
}

static void check_values(const struct http_response *response, bool to_head)
{
    bool has_no_content =
        to_head || response->status < 200 || response->status == 204 || response->status == 304;

    assert(response->status >= 100 && response->status <= 599);
    assert(!has_no_content || response->framing == HTTP_FRAMING_NONE);
    assert(has_no_content ||
           (response->framing == HTTP_FRAMING_LENGTH) == (response->content_length > 0));
    assert(response->framing != HTTP_FRAMING_UNTIL_CLOSE || !response->keep_alive);
    assert(response->framing != HTTP_FRAMING_CHUNKED || !response->has_content_length);
    for (size_t i = 0; i < response->fields.count; i++) {
        struct http_field field = response->fields.items[i];

        assert(http_is_token(field.name));
        assert(slice_equals(slice_trim(field.value), field.value));
        assert(slice_find(field.value, '\r') == field.value.size);
        assert(slice_find(field.value, '\n') == field.value.size);
        assert(slice_find(field.value, '\0') == field.value.size);
    }
}

static void check_round_trip(const struct http_response *response, bool to_head)
{
    struct http_read_progress progress = {0};
    struct http_response again;
    struct http_read read;
    struct buffer buffer;
    struct arena arena;

    buffer_init(&buffer, buffer_memory, sizeof(buffer_memory));
    assert(http_write_status_line(&buffer, response->status, response->reason_phrase) ==
           HTTP_WRITE_DONE);
    for (size_t i = 0; i < response->fields.count; i++)
        assert(http_write_field(&buffer, response->fields.items[i].name,
                                response->fields.items[i].value) == HTTP_WRITE_DONE);
    assert(http_write_head_end(&buffer) == HTTP_WRITE_DONE);

    arena_init(&arena, second_memory, sizeof(second_memory));
    read = http_read_response(buffer_readable(&buffer), &rewritten_limits, &progress, to_head,
                              &arena, &again);
    assert(read.outcome == HTTP_READ_COMPLETE);
    assert(read.consumed == buffer_readable(&buffer).size);
    assert(again.status == response->status);
    assert(again.framing == response->framing);
    assert(again.content_length == response->content_length);
    assert(again.has_content_length == response->has_content_length);
    assert(response->version == HTTP_VERSION_1_0 || again.keep_alive == response->keep_alive);
    assert(again.fields.count == response->fields.count);
    for (size_t i = 0; i < again.fields.count; i++) {
        assert(slice_equals(again.fields.items[i].name, response->fields.items[i].name));
        assert(slice_equals(again.fields.items[i].value, response->fields.items[i].value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool to_head = size > 0 && data[size - 1] % 2 == 1;
    struct slice input = slice_from(data, size);
    struct http_read whole = read_in_steps(input, to_head, size + 1);
    struct http_read_progress progress = {0};
    struct http_response response;
    struct arena arena;

    for (size_t step = 1; step < 8; step += 3) {
        struct http_read split = read_in_steps(input, to_head, step);

        assert(split.outcome == whole.outcome && split.reason == whole.reason);
        assert(split.detail == whole.detail && split.consumed == whole.consumed);
    }
    arena_init(&arena, first_memory, sizeof(first_memory));
    if (http_read_response(input, &limits, &progress, to_head, &arena, &response).outcome !=
        HTTP_READ_COMPLETE)
        return 0;
    assert(whole.consumed <= size);
    check_values(&response, to_head);
    check_round_trip(&response, to_head);
    return 0;
}
