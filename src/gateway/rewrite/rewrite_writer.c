/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a head line by line without asking after each whether it went well.
 */
#include "gateway/rewrite/rewrite_internal.h"

struct rewrite_writer rewrite_writer_start(struct buffer *to)
{
    return (struct rewrite_writer){to, to->written, HTTP_WRITE_DONE};
}

void rewrite_write_field(struct rewrite_writer *writer, struct slice name, struct slice value)
{
    if (writer->outcome == HTTP_WRITE_DONE)
        writer->outcome = http_write_field(writer->to, name, value);
}

void rewrite_write_u64(struct rewrite_writer *writer, struct slice name, uint64_t value)
{
    if (writer->outcome == HTTP_WRITE_DONE)
        writer->outcome = http_write_field_u64(writer->to, name, value);
}

enum http_write_outcome rewrite_writer_finish(struct rewrite_writer *writer)
{
    if (writer->outcome == HTTP_WRITE_DONE)
        writer->outcome = http_write_head_end(writer->to);
    if (writer->outcome != HTTP_WRITE_DONE)
        writer->to->written = writer->start;
    return writer->outcome;
}
