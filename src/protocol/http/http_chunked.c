/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunked decoder takes a byte at a time, except for content, which it takes in pieces as
 * large as the input has them. Stricter than RFC 9112 section 7.1: no blanks between a size and
 * its extensions, no control characters or bytes above 0x7E in an extension, a size of at most 16
 * digits that fits 63 bits. A line ends in CR LF; anything else has been used to smuggle.
 */
#include "protocol/http/http_chunked.h"

#include <string.h>

#include "protocol/http/http_characters_internal.h"

enum { SIZE_DIGITS_MAX = 16, EMPTY_LINE_BYTES = 2 };

void http_chunked_init(struct http_chunked *chunked, const struct http_chunked_limits *limits)
{
    *chunked = (struct http_chunked){.state = HTTP_CHUNKED_SIZE, .limits = *limits};
}

void http_chunked_keep_trailers(struct http_chunked *chunked, char *memory)
{
    chunked->trailers = memory;
}

size_t http_chunked_trailer_room(const struct http_chunked_limits *limits)
{
    return limits->trailer_bytes + EMPTY_LINE_BYTES;
}

struct slice http_chunked_trailers(const struct http_chunked *chunked)
{
    if (chunked->trailers == NULL || chunked->trailer_bytes == 0 ||
        chunked->state != HTTP_CHUNKED_DONE)
        return (struct slice){NULL, 0};
    return slice_from(chunked->trailers, chunked->trailer_bytes + EMPTY_LINE_BYTES);
}

/* The ';' is the first byte of the extensions. */
static enum http_chunked_state take_extension_byte(struct http_chunked *chunked, char byte)
{
    if (byte == '\r')
        return HTTP_CHUNKED_SIZE_LF;
    if (!http_character_is(byte, HTTP_CHARACTER_VALUE) || (unsigned char)byte > 0x7E)
        return HTTP_CHUNKED_FAILED;
    chunked->extension_bytes++;
    chunked->is_beyond_limit = chunked->extension_bytes > chunked->limits.extension_bytes;
    return chunked->is_beyond_limit ? HTTP_CHUNKED_FAILED : HTTP_CHUNKED_EXTENSION;
}

static enum http_chunked_state take_size_byte(struct http_chunked *chunked, char byte)
{
    int digit = http_hex_digit(byte);

    if (digit >= 0) {
        if (chunked->digits == SIZE_DIGITS_MAX || chunked->left > ((uint64_t)INT64_MAX >> 4))
            return HTTP_CHUNKED_FAILED;
        chunked->digits++;
        chunked->left = chunked->left * 16 + (uint64_t)digit;
        return HTTP_CHUNKED_SIZE;
    }
    if (chunked->digits == 0)
        return HTTP_CHUNKED_FAILED;
    if (byte == ';') {
        return take_extension_byte(chunked, byte);
    }
    return byte == '\r' ? HTTP_CHUNKED_SIZE_LF : HTTP_CHUNKED_FAILED;
}

static enum http_chunked_state begin_chunk(struct http_chunked *chunked)
{
    chunked->digits = 0;
    return chunked->left > 0 ? HTTP_CHUNKED_DATA : HTTP_CHUNKED_TRAILER_START;
}

/* Counts every byte of the trailer section but its last, empty line. */
static bool keep_trailer_byte(struct http_chunked *chunked, char byte)
{
    if (chunked->trailer_bytes == chunked->limits.trailer_bytes) {
        chunked->is_beyond_limit = true;
        return false;
    }
    if (chunked->trailers != NULL)
        chunked->trailers[chunked->trailer_bytes] = byte;
    chunked->trailer_bytes++;
    return true;
}

static enum http_chunked_state end_trailers(struct http_chunked *chunked)
{
    if (chunked->trailers != NULL)
        memcpy(chunked->trailers + chunked->trailer_bytes, "\r\n", EMPTY_LINE_BYTES);
    return HTTP_CHUNKED_DONE;
}

static enum http_chunked_state take_trailer_byte(struct http_chunked *chunked, char byte)
{
    if (chunked->state == HTTP_CHUNKED_TRAILER_START && byte == '\r')
        return HTTP_CHUNKED_END_LF;
    if (!keep_trailer_byte(chunked, byte))
        return HTTP_CHUNKED_FAILED;
    if (chunked->state == HTTP_CHUNKED_TRAILER_LF)
        return byte == '\n' ? HTTP_CHUNKED_TRAILER_START : HTTP_CHUNKED_FAILED;
    if (chunked->state == HTTP_CHUNKED_TRAILER_VALUE) {
        if (byte == '\r')
            return HTTP_CHUNKED_TRAILER_LF;
        return http_character_is(byte, HTTP_CHARACTER_VALUE) ? HTTP_CHUNKED_TRAILER_VALUE
                                                             : HTTP_CHUNKED_FAILED;
    }
    if (http_character_is(byte, HTTP_CHARACTER_TOKEN))
        return HTTP_CHUNKED_TRAILER_NAME;
    if (chunked->state == HTTP_CHUNKED_TRAILER_NAME && byte == ':')
        return HTTP_CHUNKED_TRAILER_VALUE;
    return HTTP_CHUNKED_FAILED;
}

static enum http_chunked_state take_byte(struct http_chunked *chunked, char byte)
{
    switch (chunked->state) {
    case HTTP_CHUNKED_SIZE:
        return take_size_byte(chunked, byte);
    case HTTP_CHUNKED_EXTENSION:
        return take_extension_byte(chunked, byte);
    case HTTP_CHUNKED_SIZE_LF:
        return byte == '\n' ? begin_chunk(chunked) : HTTP_CHUNKED_FAILED;
    case HTTP_CHUNKED_DATA_CR:
        return byte == '\r' ? HTTP_CHUNKED_DATA_LF : HTTP_CHUNKED_FAILED;
    case HTTP_CHUNKED_DATA_LF:
        return byte == '\n' ? HTTP_CHUNKED_SIZE : HTTP_CHUNKED_FAILED;
    case HTTP_CHUNKED_TRAILER_START:
    case HTTP_CHUNKED_TRAILER_NAME:
    case HTTP_CHUNKED_TRAILER_VALUE:
    case HTTP_CHUNKED_TRAILER_LF:
        return take_trailer_byte(chunked, byte);
    case HTTP_CHUNKED_END_LF:
        return byte == '\n' ? end_trailers(chunked) : HTTP_CHUNKED_FAILED;
    case HTTP_CHUNKED_DATA: /* taken in pieces, below */
    case HTTP_CHUNKED_DONE:
    case HTTP_CHUNKED_FAILED:
        break;
    }
    return HTTP_CHUNKED_FAILED;
}

static struct slice take_content(struct http_chunked *chunked, struct slice input)
{
    size_t size = chunked->left < input.size ? (size_t)chunked->left : input.size;

    chunked->left -= size;
    if (chunked->left == 0)
        chunked->state = HTTP_CHUNKED_DATA_CR;
    return slice_first(input, size);
}

enum http_chunked_outcome http_chunked_decode(struct http_chunked *chunked, struct slice input,
                                              size_t *consumed, struct slice *content)
{
    size_t i = 0;

    *content = slice_from(input.data, 0);
    while (i < input.size && chunked->state != HTTP_CHUNKED_DONE &&
           chunked->state != HTTP_CHUNKED_FAILED) {
        if (chunked->state == HTTP_CHUNKED_DATA) {
            *content = take_content(chunked, slice_after(input, i));
            *consumed = i + content->size;
            return HTTP_CHUNKED_CONTENT;
        }
        chunked->state = take_byte(chunked, input.data[i]);
        i++;
    }
    *consumed = i;
    if (chunked->state == HTTP_CHUNKED_FAILED)
        return HTTP_CHUNKED_MALFORMED;
    return chunked->state == HTTP_CHUNKED_DONE ? HTTP_CHUNKED_COMPLETE : HTTP_CHUNKED_NEEDS_MORE;
}
