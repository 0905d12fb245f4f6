/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_log_internal.h.
 */
#include "app/explain/explain_log_internal.h"

#include <string.h>

struct reader {
    char *at;
    char *end;
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end && memchr(" \t\r\n", *reader->at, 4) != NULL)
        reader->at++;
}

static bool take(struct reader *reader, char byte)
{
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != byte)
        return false;
    reader->at++;
    return true;
}

/* ---- texts ---- */

static bool read_hex(struct reader *reader, unsigned *code)
{
    static const char digits[] = "0123456789abcdef";

    *code = 0;
    if (reader->end - reader->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        const char *digit = memchr(digits, ascii_lower(*reader->at), sizeof digits - 1);

        if (digit == NULL)
            return false;
        *code = *code * 16 + (unsigned)(digit - digits);
        reader->at++;
    }
    return true;
}

/* Never more bytes than its escape has. */
static char *put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

static bool is_between(unsigned code, unsigned first, unsigned last)
{
    return code >= first && code <= last;
}

/* Behind "\u". NULL when it is no character. */
static char *read_code(struct reader *reader, char *to)
{
    unsigned code = 0;
    unsigned low = 0;

    if (!read_hex(reader, &code) || is_between(code, 0xdc00, 0xdfff))
        return NULL;
    if (!is_between(code, 0xd800, 0xdbff))
        return put_utf8(to, code);
    if (reader->end - reader->at < 6 || reader->at[0] != '\\' || reader->at[1] != 'u')
        return NULL;
    reader->at += 2;
    if (!read_hex(reader, &low) || !is_between(low, 0xdc00, 0xdfff))
        return NULL;
    return put_utf8(to, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
}

/* Behind the backslash. */
static char *read_escape(struct reader *reader, char *to)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *name = NULL;

    if (reader->at == reader->end)
        return NULL;
    if (*reader->at == 'u') {
        reader->at++;
        return read_code(reader, to);
    }
    name = memchr(names, *reader->at, sizeof names - 1);
    if (name == NULL)
        return NULL;
    reader->at++;
    *to++ = meanings[name - names];
    return to;
}

/* Behind the opening quote. */
static bool read_text(struct reader *reader, struct slice *text)
{
    char *begin = reader->at;
    char *to = begin;

    while (reader->at < reader->end && *reader->at != '"') {
        char byte = *reader->at++;

        if ((unsigned char)byte < 0x20)
            return false;
        if (byte == '\\')
            to = read_escape(reader, to);
        else
            *to++ = byte;
        if (to == NULL)
            return false;
    }
    if (reader->at == reader->end)
        return false;
    reader->at++;
    *text = slice_from(begin, (size_t)(to - begin));
    return true;
}

/* ---- values and objects ---- */

/* A number or a word: what they say is of no interest here, but that they are one. */
static bool read_bare(struct reader *reader, struct slice *value)
{
    const char *begin = reader->at;

    while (reader->at < reader->end &&
           (ascii_is_alphanumeric(*reader->at) || memchr("+-.", *reader->at, 3) != NULL))
        reader->at++;
    *value = slice_from(begin, (size_t)(reader->at - begin));
    if (value->size == 0)
        return false;
    return ascii_is_digit(*begin) || *begin == '-' || slice_equals(*value, SLICE("true")) ||
           slice_equals(*value, SLICE("false")) || slice_equals(*value, SLICE("null"));
}

static bool read_field(struct reader *reader, struct explain_log_line *line)
{
    struct explain_log_field *field = &line->fields[line->count];

    if (line->count == EXPLAIN_LOG_FIELDS_MAX || !take(reader, '"') ||
        !read_text(reader, &field->name) || !take(reader, ':'))
        return false;
    line->count++;
    return take(reader, '"') ? read_text(reader, &field->value) : read_bare(reader, &field->value);
}

bool explain_log_parse(char *text, size_t size, struct explain_log_line *line)
{
    struct reader reader = {text, text + size};

    line->count = 0;
    if (!take(&reader, '{'))
        return false;
    do {
        if (!read_field(&reader, line))
            return false;
    } while (take(&reader, ','));
    if (!take(&reader, '}'))
        return false;
    skip_blanks(&reader);
    return reader.at == reader.end;
}

struct slice explain_log_get(const struct explain_log_line *line, const char *name)
{
    for (size_t i = 0; i < line->count; i++) {
        if (slice_equals(line->fields[i].name, slice_from_text(name)))
            return line->fields[i].value;
    }
    return SLICE("");
}
