/* SPDX-License-Identifier: Apache-2.0
 *
 * Event lines. Each is built on the stack and leaves in one write(2), so that lines of several
 * threads do not mix and no lock is held while a terminal is slow. The level and where lines go
 * are the only mutable data at file scope outside `app`; they are atomic.
 */
#include "runtime/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/encoding.h"
#include "runtime/line_queue.h"

enum {
    TEXT_BYTES_MAX = 2048,
    LINE_BYTES_MAX = 4 * TEXT_BYTES_MAX + 64 /* every byte escaped, time, level, line feed */
};

static atomic_int least_level = LOG_INFO;
static atomic_int descriptor = STDERR_FILENO;
static _Atomic(struct line_queue *) queue;
static atomic_bool adds_time;

void log_set_level(enum log_level level)
{
    atomic_store(&least_level, (int)level);
}

void log_set_descriptor(int fd)
{
    atomic_store(&descriptor, fd);
}

void log_set_queue(struct line_queue *lines, bool with_time)
{
    atomic_store(&adds_time, with_time);
    atomic_store(&queue, lines);
}

static struct slice prefix_of(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return SLICE("debug: ");
    case LOG_INFO:
        return SLICE("");
    case LOG_WARNING:
        return SLICE("warning: ");
    case LOG_ERROR:
        return SLICE("error: ");
    }
    return SLICE("error: ");
}

static void write_line(struct slice line)
{
    ssize_t written = 0;

    do {
        written = write(atomic_load(&descriptor), line.data, line.size);
    } while (written < 0 && errno == EINTR);
}

/* What reads standard error adds the time itself; a file has nobody to do so. */
static void append_time(struct buffer *line)
{
    char time[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(clock_wall_ms(), time);
    buffer_append(line, slice_from_text(time));
    buffer_append_byte(line, ' ');
}

void log_event(enum log_level level, const char *format, ...)
{
    int code = errno;
    char text[TEXT_BYTES_MAX] = "";
    char memory[LINE_BYTES_MAX];
    struct line_queue *lines = atomic_load(&queue);
    struct buffer line;
    va_list arguments;

    if ((int)level < atomic_load(&least_level))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    buffer_init(&line, memory, sizeof memory);
    if (lines != NULL && atomic_load(&adds_time))
        append_time(&line);
    buffer_append(&line, prefix_of(level));
    encode_printable(&line, slice_from_text(text));
    buffer_append_byte(&line, '\n');
    if (lines == NULL)
        write_line(buffer_readable(&line));
    else
        (void)line_queue_put(lines, buffer_readable(&line)); /* which counts what it drops */
    errno = code;
}
