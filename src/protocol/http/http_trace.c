/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_trace.h and https://www.w3.org/TR/trace-context/. A trace of our own is marked as
 * sampled, because its exchange is recorded: in the access log, under this id.
 */
#include "protocol/http/http_trace.h"

#include <stddef.h>
#include <string.h>

enum {
    VERSION_DIGITS = 2,
    TRACE_DIGITS = HTTP_TRACE_ID_SIZE - 1,
    SPAN_DIGITS = HTTP_SPAN_ID_SIZE - 1,
    FLAGS_DIGITS = 2,
    PARENT_BYTES = HTTP_TRACE_PARENT_SIZE - 1,
    DIGITS_PER_WORD = 16
};

static const char digits[] = "0123456789abcdef";

/* Lower case only (section 3.2). */
static bool is_digit(char byte)
{
    return ascii_is_digit(byte) || (byte >= 'a' && byte <= 'f');
}

/* Takes `count` digits and, unless the text ends there, the '-' behind them. */
static bool take_digits(struct slice *text, size_t count, struct slice *taken)
{
    if (text->size < count)
        return false;
    *taken = slice_first(*text, count);
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(taken->data[i]))
            return false;
    }
    if (text->size > count && text->data[count] != '-')
        return false;
    *text = slice_after(*text, count + 1);
    return true;
}

static bool is_zero(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '0')
            return false;
    }
    return true;
}

/* The lowest bit of the last digit. */
static bool says_sampled(struct slice flags)
{
    return strchr("13579bdf", flags.data[FLAGS_DIGITS - 1]) != NULL;
}

bool http_trace_parse_parent(struct slice value, struct http_trace *trace)
{
    struct slice rest = value;
    struct slice version;
    struct slice id;
    struct slice span_id;
    struct slice flags;

    if (value.size < PARENT_BYTES || !take_digits(&rest, VERSION_DIGITS, &version) ||
        !take_digits(&rest, TRACE_DIGITS, &id) || !take_digits(&rest, SPAN_DIGITS, &span_id) ||
        !take_digits(&rest, FLAGS_DIGITS, &flags))
        return false;
    if (slice_equals(version, SLICE("ff")) || is_zero(id) || is_zero(span_id))
        return false;
    if (slice_equals(version, SLICE("00")) && value.size != PARENT_BYTES)
        return false;
    memcpy(trace->id, id.data, TRACE_DIGITS);
    trace->id[TRACE_DIGITS] = '\0';
    memcpy(trace->span_id, span_id.data, SPAN_DIGITS);
    trace->span_id[SPAN_DIGITS] = '\0';
    trace->is_sampled = says_sampled(flags);
    return true;
}

/* An identifier of zeros only is none. */
static void write_digits(char *to, size_t count, const uint64_t *words)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word = words[i / DIGITS_PER_WORD];

        to[i] = digits[(word >> (4 * (i % DIGITS_PER_WORD))) & 15];
    }
    if (is_zero(slice_from(to, count)))
        to[count - 1] = '1';
    to[count] = '\0';
}

/* Sent twice, it says nothing (section 3.2.1). */
static bool find_parent(const struct http_fields *fields, struct slice *value)
{
    size_t count = 0;

    for (size_t i = 0; i < fields->count; i++) {
        if (!slice_equals_ignoring_case(fields->items[i].name, SLICE("traceparent")))
            continue;
        *value = fields->items[i].value;
        count++;
    }
    return count == 1;
}

struct http_trace http_trace_start(const struct http_fields *fields, const uint64_t random[3])
{
    struct http_trace trace = {.is_sampled = true};
    struct slice value;

    if (fields != NULL && find_parent(fields, &value))
        trace.is_continued = http_trace_parse_parent(value, &trace);
    if (!trace.is_continued)
        write_digits(trace.id, TRACE_DIGITS, random);
    write_digits(trace.span_id, SPAN_DIGITS, random + 2);
    return trace;
}

void http_trace_format_parent(const struct http_trace *trace, char text[HTTP_TRACE_PARENT_SIZE])
{
    char *at = text;

    memcpy(at, "00-", 3);
    at += 3;
    memcpy(at, trace->id, TRACE_DIGITS);
    at += TRACE_DIGITS;
    *at++ = '-';
    memcpy(at, trace->span_id, SPAN_DIGITS);
    at += SPAN_DIGITS;
    /* Of the flags only this one is known; what is not known is sent as 0 (section 3.2.2.5). */
    memcpy(at, trace->is_sampled ? "-01" : "-00", 4);
}
