/* SPDX-License-Identifier: Apache-2.0
 *
 * See ready_file.h.
 */
#include "app/ready_file.h"

#include <unistd.h>

#include "runtime/buffer.h"
#include "runtime/encoding.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum { HEAD_BYTES = 256, ENDPOINT_BYTES = 1024 };

bool ready_file_write(const char *path, bool is_ours, const struct gateway_endpoint *endpoints,
                      size_t count, struct error *error)
{
    size_t capacity = HEAD_BYTES + count * ENDPOINT_BYTES;
    char *memory = memory_allocate(capacity);
    struct buffer text;
    bool written;

    buffer_init(&text, memory, capacity);
    (void)buffer_append_format(&text, "{\"pid\":%ld,\"listeners\":[", (long)getpid());
    for (size_t i = 0; i < count; i++) {
        (void)buffer_append(&text, i == 0 ? SLICE("{\"name\":") : SLICE(",{\"name\":"));
        (void)encode_json(&text, slice_from_text(endpoints[i].listener));
        (void)buffer_append(&text, SLICE(",\"address\":"));
        (void)encode_json(&text, slice_from_text(endpoints[i].address));
        (void)buffer_append_byte(&text, '}');
    }
    written = buffer_append(&text, SLICE("]}\n"));
    if (!written)
        error_set(error, ERROR_LIMIT, "the ready file would be too large");
    else if (is_ours)
        written = file_replace_private(path, buffer_readable(&text), error);
    else
        written = file_write_private(path, buffer_readable(&text), error);
    memory_release(memory);
    return written;
}
