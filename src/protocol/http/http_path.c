/* SPDX-License-Identifier: Apache-2.0
 *
 * The canonical path is made in two walks: the first measures it, and finds the usual case, a path
 * that is canonical already and is used where it lies; the second writes it. Dot segments and
 * double encodings are looked for in the result, so that no combination of escapes hides one.
 */
#include "protocol/http/http_path.h"

#include "protocol/http/http_characters_internal.h"

/* Counts when `to` is NULL. */
struct path_writer {
    char *to;
    size_t size;
    bool differs; /* from what was read */
};

static void put(struct path_writer *writer, char byte)
{
    if (writer->to != NULL)
        writer->to[writer->size] = byte;
    writer->size++;
}

static void put_escape(struct path_writer *writer, unsigned char byte)
{
    static const char digits[] = "0123456789ABCDEF";

    put(writer, '%');
    put(writer, digits[byte >> 4]);
    put(writer, digits[byte & 15]);
}

/* The byte that an escape at the start of the text stands for, or -1 when it is none. */
static int read_escape(struct slice text)
{
    int high;
    int low;

    if (text.size < 3 || text.data[0] != '%')
        return -1;
    high = http_hex_digit(text.data[1]);
    low = http_hex_digit(text.data[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* These change what a path means once somebody decodes it. */
static bool changes_meaning(int byte)
{
    return byte == '/' || byte == '\\' || byte == '.' || byte == '\0';
}

static bool has_lower_digit(struct slice escape)
{
    return http_character_is(escape.data[1], HTTP_CHARACTER_LOWER) ||
           http_character_is(escape.data[2], HTTP_CHARACTER_LOWER);
}

static enum reason walk_escape(struct slice text, struct path_writer *writer)
{
    int byte = read_escape(text);

    if (byte < 0 || changes_meaning(byte))
        return REASON_REQUEST_PATH_AMBIGUOUS;
    if (http_character_is((char)byte, HTTP_CHARACTER_UNRESERVED)) {
        put(writer, (char)byte);
        writer->differs = true;
    } else {
        put_escape(writer, (unsigned char)byte);
        writer->differs = writer->differs || has_lower_digit(text);
    }
    return REASON_NONE;
}

static enum reason walk(struct slice raw, struct path_writer *writer)
{
    for (size_t i = 0; i < raw.size; i++) {
        char byte = raw.data[i];

        if (http_character_is(byte, HTTP_CHARACTER_PATH)) {
            put(writer, byte);
        } else if (byte == '/') {
            if (i > 0 && raw.data[i - 1] == '/')
                writer->differs = true;
            else
                put(writer, byte);
        } else if (byte == '%') {
            enum reason reason = walk_escape(slice_after(raw, i), writer);

            if (reason != REASON_NONE)
                return reason;
            i += 2;
        } else if (http_character_is(byte, HTTP_CHARACTER_PATH_RAW)) {
            put_escape(writer, (unsigned char)byte);
            writer->differs = true;
        } else {
            return byte == '\\' || byte == '\0' ? REASON_REQUEST_PATH_AMBIGUOUS
                                                : REASON_REQUEST_TARGET_MALFORMED;
        }
    }
    return REASON_NONE;
}

/* Does the text begin with a segment that is "." or ".."? What follows a ';' is a parameter, which
 * some backends cut off before they look at dots, and some do so after decoding "%3B", or
 * "%253B". So do some with a query that was encoded, and Windows with blanks. */
static bool begins_with_dot_segment(struct slice text)
{
    size_t dots = 0;
    int escaped;

    while (dots < text.size && text.data[dots] == '.')
        dots++;
    if (dots == 0 || dots > 2)
        return false;
    text = slice_after(text, dots);
    escaped = read_escape(text);
    return text.size == 0 || text.data[0] == '/' || text.data[0] == ';' || escaped == ';' ||
           escaped == '%' || escaped == ' ' || escaped == '?' || escaped == '#';
}

/*
 * Would decoding more than once give one of the bytes that change the meaning? "%252E" does, and so
 * do "%25252E" and "%25%2532E", which take three times. The text is decoded as it is read: `open`
 * holds each '%' that still waits for its digits, with the first of them or -1. What is decoded is
 * read again, and may be a digit for the '%' before it. A '%' that gets something else is no
 * escape, and none before it can become one.
 */
static bool decodes_to_another_path(struct slice canonical)
{
    enum { OPEN_MAX = 32 }; /* more of them in a row are nobody's file name */
    int open[OPEN_MAX];
    size_t depth = 0;

    for (size_t i = 0; i < canonical.size; i++) {
        int byte = (unsigned char)canonical.data[i];
        int digit = byte < 0x80 ? http_hex_digit((char)byte) : -1;

        while (digit >= 0 && depth > 0 && open[depth - 1] >= 0) {
            depth--;
            byte = open[depth] * 16 + digit;
            digit = byte < 0x80 ? http_hex_digit((char)byte) : -1;
            if (changes_meaning(byte))
                return true;
        }
        if (byte == '%') {
            if (depth == OPEN_MAX)
                return true;
            open[depth++] = -1;
        } else if (digit >= 0 && depth > 0) {
            open[depth - 1] = digit;
        } else {
            depth = 0;
        }
    }
    return false;
}

static bool is_continuation(int byte)
{
    return byte >= 0x80 && byte <= 0xBF;
}

/* UTF-8 of two, three or four bytes for a character below 0x80 (RFC 3629 section 10). */
static bool begins_with_overlong_ascii(struct slice text)
{
    int first = read_escape(text);
    int second = read_escape(slice_after(text, 3));
    int third = read_escape(slice_after(text, 6));
    int fourth = read_escape(slice_after(text, 9));

    if (first == 0xC0 || first == 0xC1)
        return is_continuation(second);
    if (first == 0xE0)
        return (second == 0x80 || second == 0x81) && is_continuation(third);
    return first == 0xF0 && second == 0x80 && (third == 0x80 || third == 0x81) &&
           is_continuation(fourth);
}

static bool is_ambiguous(struct slice canonical)
{
    bool has_escapes = false;

    for (size_t i = 0; i < canonical.size; i++) {
        struct slice rest = slice_after(canonical, i);

        if (canonical.data[i] == '/') {
            if (begins_with_dot_segment(slice_after(rest, 1)))
                return true;
        } else if (canonical.data[i] == '%') {
            has_escapes = true;
            if (begins_with_overlong_ascii(rest))
                return true;
        }
    }
    return has_escapes && decodes_to_another_path(canonical);
}

enum reason http_path_canonicalise(struct slice raw, struct arena *arena, struct slice *canonical)
{
    struct path_writer measured = {NULL, 0, false};
    struct slice result = raw;
    enum reason reason;

    if (raw.size == 0 || raw.data[0] != '/')
        return REASON_REQUEST_TARGET_MALFORMED;
    reason = walk(raw, &measured);
    if (reason != REASON_NONE)
        return reason;
    if (measured.differs) {
        struct path_writer written = {arena_allocate(arena, measured.size), 0, false};

        if (written.to == NULL)
            return REASON_BUDGET_EXCEEDED;
        reason = walk(raw, &written);
        if (reason != REASON_NONE)
            return reason;
        result = slice_from(written.to, written.size);
    }
    if (is_ambiguous(result))
        return REASON_REQUEST_PATH_AMBIGUOUS;
    *canonical = result;
    return REASON_NONE;
}
