/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as text: base64, hexadecimal, percent-encoding, JSON strings. Writers append to a buffer
 * and return false, with nothing appended, when there is no room.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/buffer.h"
#include "runtime/slice.h"

/* RFC 4648 section 4, with padding. */
bool encode_base64(struct buffer *to, struct slice bytes);
size_t encode_base64_size(size_t bytes);
/* Strict: the alphabet and padding of RFC 4648 section 4, no line breaks. Appends what it decoded.
 */
bool decode_base64(struct buffer *to, struct slice text);

bool encode_hex(struct buffer *to, struct slice bytes);
bool encode_hex_upper(struct buffer *to, struct slice bytes);
/* Both cases; an even number of digits. */
bool decode_hex(struct buffer *to, struct slice text);

/* Keeps A-Z a-z 0-9 - . _ ~ and writes the rest as %XX in upper case, as nginx and Azure do. */
bool encode_percent(struct buffer *to, struct slice bytes);

/* A JSON string with its quotes. Control characters, invalid UTF-8 and DEL are escaped, so that
 * the result is valid JSON and harmless on a terminal. */
bool encode_json(struct buffer *to, struct slice bytes);
/* Text for a terminal or a line of a log: control characters, ESC and invalid UTF-8 become \xNN. */
bool encode_printable(struct buffer *to, struct slice bytes);
/* & < > " ' as HTML entities; control characters and invalid UTF-8 become U+FFFD. */
bool encode_html(struct buffer *to, struct slice bytes);
