/* SPDX-License-Identifier: Apache-2.0
 *
 * A buffer of fixed capacity. Only buffer_compact moves bytes, so that slices of what was read
 * stay valid until the owner says otherwise. A buffer without memory has capacity zero and is
 * always full: an idle connection has one.
 */
#include "runtime/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/memory.h"

/* An offset of zero must not be added to a missing memory. */
static char *position(const struct buffer *buffer, size_t offset)
{
    return offset == 0 ? buffer->data : buffer->data + offset;
}

/* The buffer writes through the pointer later, which clang-tidy does not see. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
void buffer_init(struct buffer *buffer, char *memory, size_t capacity)
{
    assert(memory != NULL || capacity == 0);
    *buffer = (struct buffer){.data = memory, .capacity = capacity};
}

void buffer_reset(struct buffer *buffer)
{
    buffer->read = 0;
    buffer->written = 0;
}

struct slice buffer_readable(const struct buffer *buffer)
{
    return slice_from(position(buffer, buffer->read), buffer->written - buffer->read);
}

size_t buffer_room(const struct buffer *buffer)
{
    return buffer->capacity - buffer->written;
}

char *buffer_tail(struct buffer *buffer)
{
    return position(buffer, buffer->written);
}

void buffer_wrote(struct buffer *buffer, size_t count)
{
    assert(count <= buffer_room(buffer));
    buffer->written += count;
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    assert(count <= buffer->written - buffer->read);
    buffer->read += count;
}

void buffer_compact(struct buffer *buffer)
{
    struct slice readable = buffer_readable(buffer);

    if (buffer->read == 0)
        return;
    if (readable.size > 0)
        memmove(buffer->data, readable.data, readable.size);
    buffer->read = 0;
    buffer->written = readable.size;
}

bool buffer_append(struct buffer *buffer, struct slice bytes)
{
    if (bytes.size > buffer_room(buffer))
        return false;
    if (bytes.size > 0)
        memcpy(buffer_tail(buffer), bytes.data, bytes.size);
    buffer_wrote(buffer, bytes.size);
    return true;
}

bool buffer_append_byte(struct buffer *buffer, char byte)
{
    return buffer_append(buffer, slice_from(&byte, 1));
}

bool buffer_append_u64(struct buffer *buffer, uint64_t value)
{
    char digits[20];
    size_t start = sizeof digits;

    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return buffer_append(buffer, slice_from(digits + start, sizeof digits - start));
}

/* printf wants to end with a NUL, for which there is no room when the text just fits. */
__attribute__((format(printf, 2, 0))) static bool append_exact_fit(struct buffer *buffer,
                                                                   const char *format,
                                                                   va_list arguments)
{
    size_t room = buffer_room(buffer);
    char *text = memory_try_allocate(room + 1);
    int length = text == NULL ? -1 : vsnprintf(text, room + 1, format, arguments);
    bool fits = length >= 0 && buffer_append(buffer, slice_from(text, (size_t)length));

    memory_release(text);
    return fits;
}

bool buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    size_t room = buffer_room(buffer);
    bool appended = false;
    va_list arguments;
    int length = 0;

    va_start(arguments, format);
    length = vsnprintf(buffer_tail(buffer), room, format, arguments);
    va_end(arguments);

    if (length >= 0 && (size_t)length < room) {
        buffer_wrote(buffer, (size_t)length);
        return true;
    }
    if (length >= 0 && (size_t)length == room) {
        va_start(arguments, format);
        appended = append_exact_fit(buffer, format, arguments);
        va_end(arguments);
    }
    return appended;
}
