/* SPDX-License-Identifier: Apache-2.0
 *
 * Each function writes one whole line or nothing. What it is given is checked against the same
 * table of bytes that the reader uses.
 */
#include "protocol/http/http_write.h"

#include "protocol/http/http_characters_internal.h"

enum { STATUS_MIN = 100, STATUS_MAX = 599, U64_DIGITS_MAX = 20 };

/* A line of a few pieces; the last is its CR LF. */
static enum http_write_outcome write_line(struct buffer *to, const struct slice *pieces,
                                          size_t count)
{
    size_t room = buffer_room(to);
    size_t size = 0;
    char *tail;

    for (size_t i = 0; i < count; i++) {
        if (pieces[i].size > room - size)
            return HTTP_WRITE_NO_ROOM;
        size += pieces[i].size;
    }
    tail = buffer_tail(to);
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].size > 0)
            memcpy(tail, pieces[i].data, pieces[i].size);
        tail += pieces[i].size;
    }
    buffer_wrote(to, size);
    return HTTP_WRITE_DONE;
}

/* Whether a path is canonical, and a query well-formed, is for others to see to; here it matters
 * that neither ends early. */
static bool is_target_part(struct slice part, char delimiter)
{
    for (size_t i = 0; i < part.size; i++) {
        if (part.data[i] <= ' ' || part.data[i] > '~' || part.data[i] == '#' ||
            part.data[i] == delimiter)
            return false;
    }
    return true;
}

static bool is_path(struct slice path)
{
    if (slice_equals(path, SLICE("*")))
        return true;
    return path.size > 0 && path.data[0] == '/' && is_target_part(path, '?');
}

enum http_write_outcome http_write_request_line(struct buffer *to, struct slice method,
                                                struct slice path, bool has_query,
                                                struct slice query)
{
    const struct slice pieces[] = {method,
                                   SLICE(" "),
                                   path,
                                   has_query ? SLICE("?") : SLICE(""),
                                   has_query ? query : SLICE(""),
                                   SLICE(" HTTP/1.1\r\n")};

    if (!http_is_token(method) || !is_path(path))
        return HTTP_WRITE_REFUSED;
    if (has_query && !is_target_part(query, '#'))
        return HTTP_WRITE_REFUSED;
    return write_line(to, pieces, sizeof(pieces) / sizeof(pieces[0]));
}

enum http_write_outcome http_write_status_line(struct buffer *to, unsigned status,
                                               struct slice phrase)
{
    const char digits[] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                           (char)('0' + status % 10)};
    struct slice words =
        slice_is_empty(phrase) ? slice_from_text(http_reason_phrase(status)) : phrase;
    const struct slice pieces[] = {SLICE("HTTP/1.1 "), slice_from(digits, sizeof(digits)),
                                   SLICE(" "), words, SLICE("\r\n")};

    if (status < STATUS_MIN || status > STATUS_MAX || !http_characters_are_value(words))
        return HTTP_WRITE_REFUSED;
    return write_line(to, pieces, sizeof(pieces) / sizeof(pieces[0]));
}

enum http_write_outcome http_write_field(struct buffer *to, struct slice name, struct slice value)
{
    const struct slice pieces[] = {name, SLICE(": "), value, SLICE("\r\n")};

    if (!http_is_token(name) || !http_characters_are_value(value))
        return HTTP_WRITE_REFUSED;
    return write_line(to, pieces, sizeof(pieces) / sizeof(pieces[0]));
}

enum http_write_outcome http_write_field_u64(struct buffer *to, struct slice name, uint64_t value)
{
    char digits[U64_DIGITS_MAX];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return http_write_field(to, name, slice_from(digits + first, sizeof(digits) - first));
}

enum http_write_outcome http_write_head_end(struct buffer *to)
{
    const struct slice end = SLICE("\r\n");

    return write_line(to, &end, 1);
}

size_t http_write_chunk_head(char *to, uint64_t size)
{
    size_t written = 0;
    int shift = 60;

    while (shift > 0 && size >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        to[written++] = "0123456789abcdef"[size >> shift & 15];
    to[written++] = '\r';
    to[written++] = '\n';
    return written;
}
