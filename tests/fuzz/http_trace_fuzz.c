/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/http */
/*
 * Any bytes as a traceparent. What is read is written again as a traceparent of the same trace;
 * what is not leaves nothing behind.
 */
#include <assert.h>
#include <string.h>

#include "protocol/http/http_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_identifier(const char *text, size_t digits)
{
    assert(strlen(text) == digits);
    assert(strspn(text, "0123456789abcdef") == digits);
    assert(strspn(text, "0") < digits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t words[3] = {1, 2, 3};
    struct http_field field = {SLICE("traceparent"), slice_from(data, size)};
    struct http_fields fields = {&field, 1};
    struct http_trace read = {.id = ""};
    bool is_read = http_trace_parse_parent(field.value, &read);
    struct http_trace trace = http_trace_start(&fields, words);
    char text[HTTP_TRACE_PARENT_SIZE];

    assert(trace.is_continued == is_read);
    assert_identifier(trace.id, HTTP_TRACE_ID_SIZE - 1);
    assert_identifier(trace.span_id, HTTP_SPAN_ID_SIZE - 1);
    if (is_read) {
        assert(strcmp(trace.id, read.id) == 0 && trace.is_sampled == read.is_sampled);
        assert(memcmp(data + 3, read.id, strlen(read.id)) == 0);
    } else {
        assert(read.id[0] == '\0' && read.span_id[0] == '\0');
    }
    http_trace_format_parent(&trace, text);
    assert(http_trace_parse_parent(slice_from_text(text), &read));
    assert(strcmp(trace.id, read.id) == 0 && strcmp(trace.span_id, read.span_id) == 0);
    return 0;
}
