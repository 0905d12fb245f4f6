/* SPDX-License-Identifier: Apache-2.0
 *
 * The small pieces that both renderings are put together from.
 */
#include "app/whoami/whoami_render_internal.h"
#include "runtime/clock.h"

void whoami_write(struct whoami_writer *writer, struct slice text)
{
    writer->fits = writer->fits && buffer_append(writer->to, text);
}

void whoami_write_text(struct whoami_writer *writer, const char *text)
{
    whoami_write(writer, slice_from_text(text));
}

void whoami_write_number(struct whoami_writer *writer, uint64_t value)
{
    writer->fits = writer->fits && buffer_append_u64(writer->to, value);
}

/* Years that do not have four digits cannot be in a certificate; the clock would still print them
 * into the room that it has. Seconds are enough. */
void whoami_write_date(struct whoami_writer *writer, int64_t seconds)
{
    static const int64_t earliest = -62167219200; /* 0000-01-01 */
    static const int64_t latest = 253402300799;   /* 9999-12-31 */
    char text[CLOCK_RFC3339_SIZE];

    if (seconds < earliest || seconds > latest) {
        whoami_write_text(writer, "unknown");
        return;
    }
    clock_format_rfc3339(seconds * 1000, text);
    whoami_write(writer, slice_from(text, sizeof "2026-11-21T05:00:00" - 1));
    whoami_write_text(writer, "Z");
}

const char *whoami_name_kind(enum certificate_name_kind kind)
{
    switch (kind) {
    case CERTIFICATE_NAME_DNS:
        return "DNS";
    case CERTIFICATE_NAME_URI:
        return "URI";
    case CERTIFICATE_NAME_EMAIL:
        return "email";
    case CERTIFICATE_NAME_IP:
        return "IP";
    case CERTIFICATE_NAME_UPN:
        return "UPN";
    }
    return "unknown";
}
