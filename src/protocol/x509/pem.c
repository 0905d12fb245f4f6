/* SPDX-License-Identifier: Apache-2.0
 *
 * A line at a time; a block is what lies between a BEGIN line and the END line of the same label.
 */
#include "protocol/x509/pem_internal.h"

#include <assert.h>

#include "runtime/encoding.h"
#include "runtime/memory.h"

enum { LABEL_BYTES_MAX = 64 };

void pem_reader_init(struct pem_reader *reader, struct slice text)
{
    *reader = (struct pem_reader){.rest = text, .line = 1};
}

/* One line without its end and without blanks around it. */
static struct slice take_line(struct pem_reader *reader)
{
    size_t end = slice_find(reader->rest, '\n');
    struct slice line = slice_first(reader->rest, end);

    if (end < reader->rest.size)
        reader->line++;
    reader->rest = slice_after(reader->rest, end + 1);
    if (slice_ends_with(line, SLICE("\r")))
        line = slice_first(line, line.size - 1);
    return slice_trim(line);
}

/* "-----BEGIN LABEL-----"; labels are capitals, digits, spaces and hyphens. */
static bool parse_marker(struct slice line, struct slice opening, struct slice *label)
{
    struct slice found;

    if (!slice_starts_with(line, opening) || !slice_ends_with(line, SLICE("-----")) ||
        line.size < opening.size + 5)
        return false;
    found = slice_first(slice_after(line, opening.size), line.size - opening.size - 5);
    if (slice_is_empty(found) || found.size > LABEL_BYTES_MAX)
        return false;
    for (size_t i = 0; i < found.size; i++) {
        char byte = found.data[i];

        if (!(byte >= 'A' && byte <= 'Z') && !ascii_is_digit(byte) && byte != ' ')
            return false;
    }
    *label = found;
    return true;
}

static bool is_begin(struct slice line, struct slice *label)
{
    return parse_marker(line, SLICE("-----BEGIN "), label);
}

static bool is_end(struct slice line, struct slice *label)
{
    return parse_marker(line, SLICE("-----END "), label);
}

/* A marker that lost its end, or the last dashes of a file that lost more than that. */
static bool is_damaged_marker(struct slice line, bool is_last)
{
    static const char BEGIN[] = "-----BEGIN ";

    if (slice_starts_with(line, SLICE("-----B")) || slice_starts_with(line, SLICE("-----E")))
        return true;
    return is_last && line.size > 0 && line.size < sizeof BEGIN &&
           slice_starts_with(slice_from_text(BEGIN), line);
}

static enum pem_outcome read_body(struct pem_reader *reader, struct pem_block *block,
                                  struct error *error)
{
    const char *begin = reader->rest.data;

    while (!slice_is_empty(reader->rest)) {
        const char *end = reader->rest.data;
        unsigned number = reader->line;
        struct slice line = take_line(reader);
        struct slice label;

        if (is_end(line, &label)) {
            if (!slice_equals(label, block->label)) {
                error_set(error, ERROR_SYNTAX, "line %u ends a block of another type", number);
                return PEM_BROKEN;
            }
            block->body = slice_from(begin, (size_t)(end - begin));
            return PEM_BLOCK;
        }
        if (slice_starts_with(line, SLICE("-"))) {
            error_set(error, ERROR_SYNTAX, "line %u stands inside the block that begins in line %u",
                      number, block->line);
            return PEM_BROKEN;
        }
    }
    error_set(error, ERROR_SYNTAX, "the block that begins in line %u has no end: truncated?",
              block->line);
    return PEM_BROKEN;
}

enum pem_outcome pem_read(struct pem_reader *reader, struct pem_block *block, struct error *error)
{
    while (!slice_is_empty(reader->rest)) {
        unsigned number = reader->line;
        struct slice line = take_line(reader);
        struct slice label;

        if (is_begin(line, &label)) {
            *block = (struct pem_block){.label = label, .line = number};
            return read_body(reader, block, error);
        }
        if (is_end(line, &label)) {
            error_set(error, ERROR_SYNTAX, "line %u ends a block that never began", number);
            return PEM_BROKEN;
        }
        if (is_damaged_marker(line, slice_is_empty(reader->rest))) {
            error_set(error, ERROR_SYNTAX, "line %u is a damaged PEM marker", number);
            return PEM_BROKEN;
        }
    }
    return PEM_END;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

bool pem_decode(const struct pem_block *block, char **data, size_t *size, struct error *error)
{
    struct buffer text;
    struct buffer bytes;
    bool decoded = false;

    buffer_init(&text, memory_allocate(block->body.size + 1), block->body.size + 1);
    buffer_init(&bytes, memory_allocate(block->body.size + 1), block->body.size + 1);
    for (size_t i = 0; i < block->body.size; i++)
        if (!is_blank(block->body.data[i]))
            buffer_append_byte(&text, block->body.data[i]);

    decoded = decode_base64(&bytes, buffer_readable(&text)) && bytes.written > 0;
    memory_release(text.data);
    if (!decoded) {
        error_set(error, ERROR_SYNTAX, "the block that begins in line %u is not base64",
                  block->line);
        memory_release(bytes.data);
        return false;
    }
    *data = bytes.data;
    *size = bytes.written;
    return true;
}

bool pem_is_certificate(const struct pem_block *block)
{
    return slice_equals(block->label, SLICE("CERTIFICATE")) ||
           slice_equals(block->label, SLICE("X509 CERTIFICATE"));
}

bool pem_is_private_key(const struct pem_block *block)
{
    return slice_ends_with(block->label, SLICE("PRIVATE KEY"));
}
