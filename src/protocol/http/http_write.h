/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing HTTP/1 heads into a buffer. The writer is the last line against injection: a name that
 * is no token, or a value with CR, LF or NUL, is refused, never repaired.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/http/http_message.h"
#include "runtime/buffer.h"

enum http_write_outcome { HTTP_WRITE_REFUSED, HTTP_WRITE_DONE, HTTP_WRITE_NO_ROOM };

/* A request line: "METHOD PATH?QUERY HTTP/1.1". */
enum http_write_outcome http_write_request_line(struct buffer *to, struct slice method,
                                                struct slice path, bool has_query,
                                                struct slice query);
/* "HTTP/1.1 STATUS PHRASE"; an empty phrase gives the registered one. */
enum http_write_outcome http_write_status_line(struct buffer *to, unsigned status,
                                               struct slice phrase);
enum http_write_outcome http_write_field(struct buffer *to, struct slice name, struct slice value);
enum http_write_outcome http_write_field_u64(struct buffer *to, struct slice name, uint64_t value);
/* The empty line. */
enum http_write_outcome http_write_head_end(struct buffer *to);

enum { HTTP_CHUNK_HEAD_SIZE_MAX = 18 };
/* The size line of a chunk of `size` bytes, which is not 0; the caller writes the content and CR
 * LF. Returns how many bytes it wrote to `to`, which has HTTP_CHUNK_HEAD_SIZE_MAX bytes. */
size_t http_write_chunk_head(char *to, uint64_t size);
