/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading a request's head and reading a response's head have in common: finding where the
 * head ends, cutting it into fields, and the fields that say where the content ends. It says what
 * is there; whether that is allowed, and under which reason it is refused, its users decide.
 */
#pragma once

#include "protocol/http/http_read.h"

enum http_head_end {
    HTTP_HEAD_END_REFUSED, /* a line ends in LF alone */
    HTTP_HEAD_END_BEYOND_LIMIT,
    HTTP_HEAD_END_FOUND,
    HTTP_HEAD_END_UNKNOWN /* more bytes are needed */
};

/* Goes on where the last search ended. `window` is the part of the input that a head may fill, the
 * head begins at `start`; with FOUND, `head` ends in CR LF CR LF, every LF in it follows a CR, and
 * `progress` says how many lines it has, the empty one included. */
enum http_head_end http_head_find_end(struct slice window, size_t start, size_t head_bytes_max,
                                      struct http_read_progress *progress, struct slice *head);

/* Fields that the readers themselves look at. */
enum http_head_known {
    HTTP_HEAD_UNKNOWN,
    HTTP_HEAD_AUTHORIZATION,
    HTTP_HEAD_CONNECTION,
    HTTP_HEAD_CONTENT_LENGTH,
    HTTP_HEAD_CONTENT_TYPE,
    HTTP_HEAD_EXPECT,
    HTTP_HEAD_HOST,
    HTTP_HEAD_TRANSFER_ENCODING,
    HTTP_HEAD_KNOWN_COUNT
};

enum http_head_known http_head_known_find(struct slice name);

struct http_head {
    struct http_fields fields;
    bool names_are_plain;                                  /* see http_name_is_plain */
    size_t counts[HTTP_HEAD_KNOWN_COUNT];                  /* how often a known field is there */
    const struct http_field *first[HTTP_HEAD_KNOWN_COUNT]; /* NULL where it is not there */
};

/* `lines` is what follows the start line, the empty line included, with `items` for as many fields
 * as it has lines before that. Returns NULL, or a few words about what is malformed. */
const char *http_head_read_fields(struct slice lines, struct http_field *items,
                                  struct http_head *head);

enum http_head_length {
    HTTP_HEAD_LENGTH_MALFORMED, /* or there twice */
    HTTP_HEAD_LENGTH_MISSING,
    HTTP_HEAD_LENGTH_VALID
};

/* `length` is at most INT64_MAX. */
enum http_head_length http_head_content_length(const struct http_head *head, uint64_t *length);

enum http_head_coding {
    HTTP_HEAD_CODING_MALFORMED, /* or there twice, or "chunked" is not the last, or is there twice
                                 */
    HTTP_HEAD_CODING_OTHER,     /* well-formed, with a coding that is not "chunked" */
    HTTP_HEAD_CODING_MISSING,
    HTTP_HEAD_CODING_CHUNKED
};

enum http_head_coding http_head_transfer_coding(const struct http_head *head);

struct http_head_connection {
    bool close;
    bool keep_alive;
    bool malformed; /* an option that is no token, or more options than anybody needs */
    bool protected; /* see http_read_connection_protects */
};

/* The options of all Connection fields together. */
struct http_head_connection http_head_connection_options(const struct http_head *head);
/* RFC 9112 section 9.3. */
bool http_head_keeps_alive(const struct http_head_connection *options, enum http_version version);

/* Exactly 8 bytes, "HTTP/" DIGIT "." DIGIT (RFC 9112 section 2.3). `version` is NONE where it is
 * neither 1.0 nor 1.1. */
bool http_head_parse_version(struct slice text, enum http_version *version);

struct http_read http_read_refused(enum reason reason, const char *detail);
struct http_read http_read_incomplete(void);
struct http_read http_read_complete(size_t consumed);
