/* SPDX-License-Identifier: Apache-2.0
 *
 * The format `combined`, which every log reader knows: address, "-", who it was, time, request
 * line, status, bytes, Referer, User-Agent. Quotes, backslashes and what a terminal would obey are
 * written as \xNN, as nginx does; a name that holds a blank or a quote too, so that columns stay
 * columns. A failed handshake has no request and the status 000.
 */
#include "gateway/telemetry/record_internal.h"
#include "runtime/clock.h"

enum {
    NAMES_MAX = 1,
    LONG_NAMES_MAX = 2,
    OTHERS_BYTES_MAX = 512 /* address, time, method, protocol, status, size */
};

_Static_assert(NAMES_MAX *RECORD_LONG_NAME + LONG_NAMES_MAX * RECORD_LONG_NAME + RECORD_TARGET +
                       OTHERS_BYTES_MAX <=
                   RECORD_BYTES_MAX,
               "a record always fits");

static const struct slice nothing = SLICE_STATIC("-");

static bool append_escaped(struct buffer *to, struct slice text, bool escapes_blanks)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t written = to->written;

    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        char escaped[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
        bool is_plain = byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\' &&
                        !(escapes_blanks && byte == ' ');
        struct slice shown = is_plain ? slice_from(&text.data[i], 1) : slice_from(escaped, 4);

        if (!buffer_append(to, shown)) {
            to->written = written;
            return false;
        }
    }
    return true;
}

static bool escape(struct buffer *to, struct slice text)
{
    return append_escaped(to, text, false);
}

static bool escape_word(struct buffer *to, struct slice text)
{
    return append_escaped(to, text, true);
}

static void put(struct buffer *to, struct slice text, record_encoder *encoder, size_t limit)
{
    record_put_encoded(to, slice_is_empty(text) ? nothing : text, encoder, SLICE(""), limit);
}

static void put_quoted(struct buffer *to, struct slice text, enum record_limit limit)
{
    record_put(to, SLICE(" \""));
    put(to, text, escape, limit);
    record_put(to, SLICE("\""));
}

/* "10/Oct/2000:13:55:36 +0000", out of "Tue, 10 Oct 2000 13:55:36 GMT". */
static void put_time(struct buffer *to, int64_t wall_ms)
{
    char date[CLOCK_HTTP_DATE_SIZE];

    clock_format_http_date(wall_ms / 1000, date);
    record_put(to, SLICE(" ["));
    record_put(to, slice_from(date + 5, 2));
    record_put(to, SLICE("/"));
    record_put(to, slice_from(date + 8, 3));
    record_put(to, SLICE("/"));
    record_put(to, slice_from(date + 12, 4));
    record_put(to, SLICE(":"));
    record_put(to, slice_from(date + 17, 8));
    record_put(to, SLICE(" +0000]"));
}

static void put_request_line(struct buffer *to, const struct exchange_record *record)
{
    if (slice_is_empty(record->method)) {
        record_put(to, SLICE(" \"-\""));
        return;
    }
    record_put(to, SLICE(" \""));
    put(to, record->method, escape_word, RECORD_WORD);
    record_put(to, SLICE(" "));
    put(to, record->target, escape_word, RECORD_TARGET);
    record_put(to, SLICE(" "));
    put(to, record->protocol, escape_word, RECORD_WORD);
    record_put(to, SLICE("\""));
}

static void put_number(struct buffer *to, uint64_t number, unsigned digits_min)
{
    char memory[RECORD_NUMBER];
    struct buffer digits;

    buffer_init(&digits, memory, sizeof(memory));
    (void)buffer_append_format(&digits, " %0*llu", (int)digits_min, (unsigned long long)number);
    record_put(to, buffer_readable(&digits));
}

static void format_exchange(struct buffer *to, const struct exchange_record *record)
{
    uint64_t port;

    put(to, record_split_address(record->connection.client_address, &port), escape_word,
        RECORD_ADDRESS);
    record_put(to, SLICE(" - "));
    put(to, record->principal, escape_word, RECORD_LONG_NAME);
    put_time(to, record->started_wall_ms);
    put_request_line(to, record);
    put_number(to, record->status, 3);
    put_number(to, record->sent_bytes, 1);
    put_quoted(to, record->referer, RECORD_LONG_NAME);
    put_quoted(to, record->user_agent, RECORD_LONG_NAME);
    record_put(to, SLICE("\n"));
}

static void format_handshake(struct buffer *to, const struct handshake_record *record)
{
    struct exchange_record exchange = {
        .connection = record->connection,
        .started_wall_ms = record->started_wall_ms,
    };

    format_exchange(to, &exchange);
}

const struct record_format record_format_combined = {format_exchange, format_handshake};
