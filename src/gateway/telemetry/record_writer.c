/* SPDX-License-Identifier: Apache-2.0
 *
 * The pieces that records are put together from.
 */
#include <assert.h>

#include "gateway/telemetry/record_internal.h"
#include "runtime/encoding.h"

enum { DECIMALS_MAX = 6 };

static const struct slice truncation_mark = SLICE_STATIC("\xe2\x80\xa6"); /* U+2026 */

const struct record_format *record_format_get(enum access_log_format format)
{
    switch (format) {
    case ACCESS_LOG_JSON:
        return &record_format_json;
    case ACCESS_LOG_AZURE:
        return &record_format_azure;
    case ACCESS_LOG_COMBINED:
        return &record_format_combined;
    }
    return &record_format_json;
}

void record_put(struct buffer *to, struct slice bytes)
{
    bool fits = buffer_append(to, bytes);

    assert(fits); /* by the sum that each format makes of its limits */
}

void record_put_name(struct buffer *to, const char *name)
{
    record_put(to, SLICE(",\""));
    record_put(to, slice_from_text(name));
    record_put(to, SLICE("\":"));
}

/* The first `size` bytes, which are not all, or less: not the half of a character of UTF-8. */
static struct slice cut_between_characters(struct slice text, size_t size)
{
    size_t cut = size;

    while (cut > 0 && size - cut < 3 && ((unsigned char)text.data[cut] & 0xc0) == 0x80)
        cut--;
    return slice_first(text, cut);
}

/* As much of the text as fits into `limit` bytes, with a mark behind it. An encoded byte takes at
 * most six, so that this ends after a few attempts with some of the text. */
static void put_truncated(struct buffer *to, struct slice text, record_encoder *encoder,
                          struct slice closing, size_t limit)
{
    size_t size = text.size > limit ? limit : text.size - 1;
    struct buffer part;

    buffer_init(&part, buffer_tail(to), limit - truncation_mark.size);
    while (!encoder(&part, cut_between_characters(text, size)))
        size -= size / 8 + 1;
    buffer_wrote(to, part.written - closing.size);
    record_put(to, truncation_mark);
    record_put(to, closing);
}

void record_put_encoded(struct buffer *to, struct slice text, record_encoder *encoder,
                        struct slice closing, size_t limit)
{
    struct buffer part;

    assert(buffer_room(to) >= limit);
    buffer_init(&part, buffer_tail(to), limit);
    if (encoder(&part, text))
        buffer_wrote(to, part.written);
    else
        put_truncated(to, text, encoder, closing, limit);
}

void record_put_text(struct buffer *to, const char *name, struct slice text,
                     enum record_limit limit)
{
    record_put_name(to, name);
    record_put_encoded(to, text, encode_json, SLICE("\""), limit);
}

void record_put_number(struct buffer *to, const char *name, uint64_t number)
{
    bool fits;

    record_put_name(to, name);
    fits = buffer_append_u64(to, number);
    assert(fits);
}

void record_put_flag(struct buffer *to, const char *name, bool flag)
{
    record_put_name(to, name);
    record_put(to, flag ? SLICE("true") : SLICE("false"));
}

void record_put_seconds(struct buffer *to, uint64_t us, unsigned decimals)
{
    char digits[DECIMALS_MAX];
    uint64_t rest = us % 1000000;
    bool fits = buffer_append_u64(to, us / 1000000);

    assert(fits);
    for (size_t i = DECIMALS_MAX; i > 0; i--) {
        digits[i - 1] = (char)('0' + rest % 10);
        rest /= 10;
    }
    record_put(to, SLICE("."));
    record_put(to, slice_from(digits, decimals));
}

struct slice record_split_address(struct slice address, uint64_t *port)
{
    size_t colon = address.size;

    *port = 0;
    while (colon > 0 && address.data[colon - 1] != ':')
        colon--;
    /* An IPv6 address without brackets has no port. */
    if (colon == 0 || (address.data[0] != '[' && slice_find(address, ':') != colon - 1))
        return address;
    (void)slice_parse_u64(slice_after(address, colon), port);
    address = slice_first(address, colon - 1);
    if (slice_starts_with(address, SLICE("[")) && slice_ends_with(address, SLICE("]")))
        address = slice_first(slice_after(address, 1), address.size - 2);
    return address;
}
