/* SPDX-License-Identifier: Apache-2.0
 *
 * Writers of text forms. Each remembers where the buffer ended and goes back there when room or
 * input fails, so that nobody ever sees half of a value.
 *
 * The three writers for people's eyes (JSON, printable, HTML) share one question, whether the
 * next bytes are a character that may be shown as it is. What may not: invalid UTF-8, control
 * characters of ASCII and of Latin-1 (a terminal obeys U+009B as it obeys ESC [), and the
 * characters that turn the direction or the lines of the text around them.
 */
#include "runtime/encoding.h"

#include <stdint.h>

static const char digits_lower[] = "0123456789abcdef";
static const char digits_upper[] = "0123456789ABCDEF";
static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What was appended since `start` is taken back unless everything went well. */
static bool keep_if(bool complete, struct buffer *to, size_t start)
{
    if (!complete)
        to->written = start;
    return complete;
}

/* ---- base64 ---- */

size_t encode_base64_size(size_t bytes)
{
    return bytes / 3 * 4 + (bytes % 3 == 0 ? 0 : 4);
}

static unsigned byte_at(struct slice slice, size_t i)
{
    return i < slice.size ? (unsigned char)slice.data[i] : 0;
}

bool encode_base64(struct buffer *to, struct slice bytes)
{
    if (encode_base64_size(bytes.size) > buffer_room(to))
        return false;
    for (size_t i = 0; i < bytes.size; i += 3) {
        unsigned group =
            byte_at(bytes, i) << 16 | byte_at(bytes, i + 1) << 8 | byte_at(bytes, i + 2);
        size_t left = bytes.size - i;
        char *tail = buffer_tail(to);

        tail[0] = base64_alphabet[group >> 18];
        tail[1] = base64_alphabet[group >> 12 & 63];
        tail[2] = left > 1 ? base64_alphabet[group >> 6 & 63] : '=';
        tail[3] = left > 2 ? base64_alphabet[group & 63] : '=';
        buffer_wrote(to, 4);
    }
    return true;
}

static int base64_value(char symbol)
{
    if (symbol >= 'A' && symbol <= 'Z')
        return symbol - 'A';
    if (symbol >= 'a' && symbol <= 'z')
        return symbol - 'a' + 26;
    if (ascii_is_digit(symbol))
        return symbol - '0' + 52;
    if (symbol == '+')
        return 62;
    return symbol == '/' ? 63 : -1;
}

/* Four symbols, of which the last `padding` are '='. RFC 4648 section 3.5: the bits that belong
 * to no byte must be zero, so that every value has one encoding only. */
static bool decode_group(struct buffer *to, const char *symbols, size_t padding)
{
    size_t count = 3 - padding;
    unsigned group = 0;
    char bytes[3];

    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? base64_value(symbols[i]) : 0;

        if (value < 0)
            return false;
        group = group << 6 | (unsigned)value;
    }
    for (size_t i = 0; i < 3; i++)
        bytes[i] = (char)(group >> (16 - 8 * i) & 0xff);
    if ((padding > 0 && bytes[2] != 0) || (padding > 1 && bytes[1] != 0))
        return false;
    return buffer_append(to, slice_from(bytes, count));
}

static size_t padding_of(struct slice text)
{
    if (slice_ends_with(text, SLICE("==")))
        return 2;
    return slice_ends_with(text, SLICE("=")) ? 1 : 0;
}

bool decode_base64(struct buffer *to, struct slice text)
{
    size_t start = to->written;
    size_t padding = padding_of(text);
    bool complete = text.size % 4 == 0;

    for (size_t i = 0; complete && i < text.size; i += 4)
        complete = decode_group(to, text.data + i, i + 4 == text.size ? padding : 0);
    return keep_if(complete, to, start);
}

/* ---- hexadecimal and percent ---- */

static bool append_hex_byte(struct buffer *to, char byte, const char *digits)
{
    unsigned value = (unsigned char)byte;
    char pair[2] = {digits[value >> 4], digits[value & 15]};

    return buffer_append(to, slice_from(pair, 2));
}

static bool append_hex(struct buffer *to, struct slice bytes, const char *digits)
{
    size_t start = to->written;
    bool complete = true;

    for (size_t i = 0; complete && i < bytes.size; i++)
        complete = append_hex_byte(to, bytes.data[i], digits);
    return keep_if(complete, to, start);
}

bool encode_hex(struct buffer *to, struct slice bytes)
{
    return append_hex(to, bytes, digits_lower);
}

bool encode_hex_upper(struct buffer *to, struct slice bytes)
{
    return append_hex(to, bytes, digits_upper);
}

static int hex_value(char digit)
{
    char lower = ascii_lower(digit);

    if (ascii_is_digit(digit))
        return digit - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool decode_hex(struct buffer *to, struct slice text)
{
    size_t start = to->written;
    bool complete = text.size % 2 == 0;

    for (size_t i = 0; complete && i < text.size; i += 2) {
        int high = hex_value(text.data[i]);
        int low = hex_value(text.data[i + 1]);

        complete = high >= 0 && low >= 0 && buffer_append_byte(to, (char)(high << 4 | low));
    }
    return keep_if(complete, to, start);
}

/* RFC 3986 section 2.3. */
static bool is_unreserved(char byte)
{
    return ascii_is_alphanumeric(byte) || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

bool encode_percent(struct buffer *to, struct slice bytes)
{
    size_t start = to->written;
    bool complete = true;

    for (size_t i = 0; complete && i < bytes.size; i++) {
        char byte = bytes.data[i];

        complete = is_unreserved(byte)
                       ? buffer_append_byte(to, byte)
                       : buffer_append_byte(to, '%') && append_hex_byte(to, byte, digits_upper);
    }
    return keep_if(complete, to, start);
}

/* ---- text for eyes ---- */

struct character {
    struct slice bytes; /* one byte when it is not valid UTF-8 */
    uint32_t code;
    bool valid;
    bool showable;
};

/* How many bytes follow the first, and the least code that may be written so: RFC 3629 section 3
 * forbids longer forms than needed. */
static size_t continuation_count(unsigned first, uint32_t *code, uint32_t *least)
{
    if (first >= 0xc2 && first <= 0xdf) {
        *code = first & 0x1f;
        *least = 0x80;
        return 1;
    }
    if (first >= 0xe0 && first <= 0xef) {
        *code = first & 0x0f;
        *least = 0x800;
        return 2;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *code = first & 0x07;
        *least = 0x10000;
        return 3;
    }
    return 0;
}

static bool turns_text_around(uint32_t code)
{
    return code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static struct character read_multibyte(struct slice rest)
{
    struct character invalid = {.bytes = slice_first(rest, 1)};
    uint32_t code = 0;
    uint32_t least = 0;
    size_t count = continuation_count(byte_at(rest, 0), &code, &least);

    if (count == 0 || rest.size <= count)
        return invalid;
    for (size_t i = 1; i <= count; i++) {
        if ((byte_at(rest, i) & 0xc0) != 0x80)
            return invalid;
        code = code << 6 | (byte_at(rest, i) & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return invalid;
    return (struct character){
        .bytes = slice_first(rest, count + 1),
        .code = code,
        .valid = true,
        .showable = code >= 0xa0 && !turns_text_around(code),
    };
}

/* The first character of what is not empty. */
static struct character read_character(struct slice rest)
{
    unsigned first = byte_at(rest, 0);

    if (first >= 0x80)
        return read_multibyte(rest);
    return (struct character){
        .bytes = slice_first(rest, 1),
        .code = first,
        .valid = true,
        .showable = first >= 0x20 && first != 0x7f,
    };
}

typedef bool append_character(struct buffer *to, struct character character);

/* Nearly all of what is written: one byte, and nobody below writes it as anything else. */
static bool is_plain(char byte)
{
    static const bool special[128] = {
        ['"'] = true, ['\\'] = true, ['&'] = true, ['<'] = true, ['>'] = true, ['\''] = true};
    unsigned code = (unsigned char)byte;

    return code >= 0x20 && code < 0x7f && !special[code];
}

static size_t plain_span(struct slice text)
{
    size_t size = 0;

    while (size < text.size && is_plain(text.data[size]))
        size++;
    return size;
}

static bool append_each(struct buffer *to, struct slice text, append_character *append)
{
    bool complete = true;

    while (complete && text.size > 0) {
        size_t plain = plain_span(text);

        if (plain > 0) {
            complete = buffer_append(to, slice_first(text, plain));
            text = slice_after(text, plain);
        } else {
            struct character character = read_character(text);

            complete = append(to, character);
            text = slice_after(text, character.bytes.size);
        }
    }
    return complete;
}

/* U+FFFD stands for a byte that is no text: a \u00NN would claim that it was another character.
 * All characters that need an escape lie below U+10000. */
static bool append_json_escape(struct buffer *to, struct character character)
{
    uint32_t code = character.valid ? character.code : 0xfffd;

    switch (code) {
    case '\b':
        return buffer_append(to, SLICE("\\b"));
    case '\f':
        return buffer_append(to, SLICE("\\f"));
    case '\n':
        return buffer_append(to, SLICE("\\n"));
    case '\r':
        return buffer_append(to, SLICE("\\r"));
    case '\t':
        return buffer_append(to, SLICE("\\t"));
    default:
        return buffer_append(to, SLICE("\\u")) &&
               append_hex_byte(to, (char)(code >> 8), digits_lower) &&
               append_hex_byte(to, (char)(code & 0xff), digits_lower);
    }
}

static bool append_json_character(struct buffer *to, struct character character)
{
    if (!character.showable)
        return append_json_escape(to, character);
    if (character.code == '"' || character.code == '\\')
        return buffer_append_byte(to, '\\') && buffer_append(to, character.bytes);
    return buffer_append(to, character.bytes);
}

bool encode_json(struct buffer *to, struct slice bytes)
{
    size_t start = to->written;
    bool complete = buffer_append_byte(to, '"') && append_each(to, bytes, append_json_character) &&
                    buffer_append_byte(to, '"');

    return keep_if(complete, to, start);
}

static bool append_printable_character(struct buffer *to, struct character character)
{
    bool complete = true;

    if (character.showable)
        return buffer_append(to, character.bytes);
    for (size_t i = 0; complete && i < character.bytes.size; i++)
        complete = buffer_append(to, SLICE("\\x")) &&
                   append_hex_byte(to, character.bytes.data[i], digits_lower);
    return complete;
}

bool encode_printable(struct buffer *to, struct slice bytes)
{
    size_t start = to->written;

    return keep_if(append_each(to, bytes, append_printable_character), to, start);
}

static bool append_html_character(struct buffer *to, struct character character)
{
    if (!character.showable)
        return buffer_append(to, SLICE("\xef\xbf\xbd"));
    switch (character.code) {
    case '&':
        return buffer_append(to, SLICE("&amp;"));
    case '<':
        return buffer_append(to, SLICE("&lt;"));
    case '>':
        return buffer_append(to, SLICE("&gt;"));
    case '"':
        return buffer_append(to, SLICE("&quot;"));
    case '\'':
        return buffer_append(to, SLICE("&#39;"));
    default:
        return buffer_append(to, character.bytes);
    }
}

bool encode_html(struct buffer *to, struct slice bytes)
{
    size_t start = to->written;

    return keep_if(append_each(to, bytes, append_html_character), to, start);
}
