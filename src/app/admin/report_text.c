/* SPDX-License-Identifier: Apache-2.0 */
#include "app/admin/report_text.h"

#include <assert.h>

#include "runtime/clock.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

enum { ENCODED_BYTES_PER_BYTE = 6, SECONDS_BYTES = sizeof("2026-11-21T05:00:00") - 1 };

static void add_encoded(struct text_builder *to, struct slice text,
                        bool (*encode)(struct buffer *to, struct slice bytes))
{
    size_t room = text.size * ENCODED_BYTES_PER_BYTE + 2;
    char *memory = memory_allocate(room);
    struct buffer encoded;
    bool fits;

    buffer_init(&encoded, memory, room);
    fits = encode(&encoded, text);
    assert(fits); /* no byte becomes more than six */
    text_builder_add(to, buffer_readable(&encoded));
    memory_release(memory);
}

void report_add_json(struct text_builder *to, struct slice text)
{
    add_encoded(to, text, encode_json);
}

void report_add_printable(struct text_builder *to, struct slice text)
{
    add_encoded(to, text, encode_printable);
}

void report_add_time(struct text_builder *to, int64_t wall_seconds)
{
    char time[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(wall_seconds * 1000, time);
    text_builder_add_format(to, "%.*sZ", SECONDS_BYTES, time);
}
