/* SPDX-License-Identifier: Apache-2.0
 *
 * Which bytes may stand where in HTTP/1 and in request targets: one table, so that readers and
 * writers cannot disagree. A byte has a bit for each place where it is allowed as it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"

enum http_character {
    HTTP_CHARACTER_TOKEN = 1,       /* RFC 9110 section 5.6.2: tchar */
    HTTP_CHARACTER_PLAIN_NAME = 2,  /* in a field name that no backend can read as another one */
    HTTP_CHARACTER_VALUE = 4,       /* RFC 9110 section 5.5: VCHAR, obs-text, SP, HTAB */
    HTTP_CHARACTER_QUERY = 8,       /* see http_read_request.c */
    HTTP_CHARACTER_PATH = 16,       /* RFC 3986 section 3.3: pchar, without '%' */
    HTTP_CHARACTER_PATH_RAW = 32,   /* clients send it in a path; it belongs there as an escape */
    HTTP_CHARACTER_UNRESERVED = 64, /* RFC 3986 section 2.3 */
    HTTP_CHARACTER_LOWER = 128      /* a-z */
};

extern const uint8_t http_characters[256];

static inline bool http_character_is(char byte, enum http_character kind)
{
    return (http_characters[(unsigned char)byte] & kind) != 0;
}

/* How many bytes at the start are all of that kind. */
static inline size_t http_character_span(struct slice text, enum http_character kind)
{
    size_t i = 0;

    while (i < text.size && http_character_is(text.data[i], kind))
        i++;
    return i;
}

static inline bool http_characters_are(struct slice text, enum http_character kind)
{
    return http_character_span(text, kind) == text.size;
}

/* As http_characters_are with HTTP_CHARACTER_VALUE, for what may be as long as a certificate. */
bool http_characters_are_value(struct slice text);

/* The value of a hexadecimal digit of either case, or -1. */
static inline int http_hex_digit(char byte)
{
    char lower = ascii_lower(byte);

    if (ascii_is_digit(byte))
        return byte - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}
