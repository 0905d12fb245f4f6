/* SPDX-License-Identifier: Apache-2.0
 *
 * A buffer is memory of a fixed capacity with bytes written at its end and read from its front:
 * read <= written <= capacity, always. It never grows; a full buffer is an outcome, not an error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

struct buffer {
    char *data;
    size_t read;
    size_t written;
    size_t capacity;
};

/* The memory stays the caller's. */
void buffer_init(struct buffer *buffer, char *memory, size_t capacity);
void buffer_reset(struct buffer *buffer);

struct slice buffer_readable(const struct buffer *buffer);
size_t buffer_room(const struct buffer *buffer);

/* Where the next byte goes; write at most buffer_room() bytes there, then say so with buffer_wrote.
 */
char *buffer_tail(struct buffer *buffer);
void buffer_wrote(struct buffer *buffer, size_t count);

void buffer_consume(struct buffer *buffer, size_t count);
/* Moves what is readable to the front, so that the room is in one piece. */
void buffer_compact(struct buffer *buffer);

/* Each appends everything or, when there is no room, nothing and returns false. */
bool buffer_append(struct buffer *buffer, struct slice bytes);
bool buffer_append_byte(struct buffer *buffer, char byte);
bool buffer_append_u64(struct buffer *buffer, uint64_t value);
bool buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
