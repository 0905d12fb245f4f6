/* SPDX-License-Identifier: Apache-2.0
 *
 * W3C Trace Context: which trace a request belongs to, and what we tell the next server. A trace
 * that the client began is carried on; anything that is not exactly a `traceparent` begins a new
 * one, and then what `tracestate` says is about a trace that nobody knows.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/http/http_message.h"

enum {
    HTTP_TRACE_ID_SIZE = 33, /* 32 hexadecimal digits and a NUL */
    HTTP_SPAN_ID_SIZE = 17,
    HTTP_TRACE_PARENT_SIZE = 56 /* "00-" trace "-" span "-01" and a NUL */
};

struct http_trace {
    char id[HTTP_TRACE_ID_SIZE];
    char span_id[HTTP_SPAN_ID_SIZE]; /* of the sender */
    bool is_sampled;
    bool is_continued; /* the client began it */
};

/* The value of a traceparent field, strictly; false, and nothing is written, for anything else. A
 * version of the future is read as far as it is known (section 4.3 of the recommendation). */
bool http_trace_parse_parent(struct slice value, struct http_trace *trace);
/* The trace of a request, in which we are a span of our own. `fields` may be NULL. The random words
 * are identifiers, not secrets. */
struct http_trace http_trace_start(const struct http_fields *fields, const uint64_t random[3]);
/* What the next server is told. */
void http_trace_format_parent(const struct http_trace *trace, char text[HTTP_TRACE_PARENT_SIZE]);
