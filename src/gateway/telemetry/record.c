/* SPDX-License-Identifier: Apache-2.0
 *
 * The fields of a record, in the order in which a person wants to read them. A text that is empty
 * is left out, numbers and flags are always there; docs/ACCESS-LOG.md is the reference, and a test
 * compares the two.
 */
#include "gateway/telemetry/record_internal.h"

#include <assert.h>

#include "runtime/clock.h"
#include "runtime/encoding.h"

/* How many bytes a text may take once it is encoded, quotes included. */
enum text_limit {
    TEXT_WORD = 32,
    TEXT_ADDRESS = 96,
    TEXT_DIGEST = 128,
    TEXT_NAME = 512,
    TEXT_LONG_NAME = 1024,
    TEXT_TARGET = 4096
};

enum {
    WORDS_MAX = 8,
    ADDRESSES_MAX = 6,
    DIGESTS_MAX = 3,
    NAMES_MAX = 7,
    LONG_NAMES_MAX = 4,
    TARGETS_MAX = 1,
    FIELDS_MAX = 40,
    FIELD_NAME_BYTES_MAX = 32, /* with quotes, colon and comma */
    NUMBER_BYTES_MAX = 32
};

_Static_assert(WORDS_MAX *TEXT_WORD + ADDRESSES_MAX * TEXT_ADDRESS + DIGESTS_MAX * TEXT_DIGEST +
                       NAMES_MAX * TEXT_NAME + LONG_NAMES_MAX * TEXT_LONG_NAME +
                       TARGETS_MAX * TEXT_TARGET +
                       FIELDS_MAX * (FIELD_NAME_BYTES_MAX + NUMBER_BYTES_MAX) <=
                   RECORD_BYTES_MAX,
               "a record always fits");

static const struct slice truncation_mark = SLICE_STATIC("\xe2\x80\xa6"); /* U+2026 */

static void put(struct buffer *to, struct slice bytes)
{
    bool fits = buffer_append(to, bytes);

    assert(fits); /* by the sum above */
}

static void put_name(struct buffer *to, const char *name)
{
    put(to, SLICE(",\""));
    put(to, slice_from_text(name));
    put(to, SLICE("\":"));
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
static void put_truncated(struct buffer *to, struct slice text, size_t limit)
{
    size_t size = text.size > limit ? limit : text.size - 1;
    struct buffer part;

    buffer_init(&part, buffer_tail(to), limit - truncation_mark.size);
    while (!encode_json(&part, cut_between_characters(text, size)))
        size -= size / 8 + 1;
    buffer_wrote(to, part.written - 1); /* without the closing quote */
    put(to, truncation_mark);
    put(to, SLICE("\""));
}

static void put_text(struct buffer *to, const char *name, struct slice text, enum text_limit limit)
{
    struct buffer part;

    if (slice_is_empty(text))
        return;
    put_name(to, name);
    assert(buffer_room(to) >= limit);
    buffer_init(&part, buffer_tail(to), limit);
    if (encode_json(&part, text))
        buffer_wrote(to, part.written);
    else
        put_truncated(to, text, limit);
}

static void put_number(struct buffer *to, const char *name, uint64_t number)
{
    bool fits;

    put_name(to, name);
    fits = buffer_append_u64(to, number);
    assert(fits);
}

static void put_flag(struct buffer *to, const char *name, bool flag)
{
    put_name(to, name);
    put(to, flag ? SLICE("true") : SLICE("false"));
}

/* Seconds with six decimals. */
static void put_duration(struct buffer *to, const char *name, uint64_t us)
{
    char decimals[6];
    uint64_t rest = us % 1000000;

    for (size_t i = sizeof(decimals); i > 0; i--) {
        decimals[i - 1] = (char)('0' + rest % 10);
        rest /= 10;
    }
    put_number(to, name, us / 1000000);
    put(to, SLICE("."));
    put(to, slice_from(decimals, sizeof(decimals)));
}

static void put_time(struct buffer *to, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(wall_ms, time);
    put_text(to, "time", slice_from_text(time), TEXT_WORD);
}

static void put_connection(struct buffer *to, const struct record_connection *connection)
{
    put_number(to, "connection_id", connection->id);
    put_text(to, "client_address", connection->client_address, TEXT_ADDRESS);
    put_text(to, "listener", connection->listener, TEXT_NAME);
    put_text(to, "tls_version", slice_from_text(connection->tls_version), TEXT_WORD);
    put_text(to, "tls_cipher", slice_from_text(connection->tls_cipher), TEXT_ADDRESS);
    put_text(to, "server_name", connection->server_name, TEXT_NAME);
    put_flag(to, "resumed", connection->resumed);
}

static void put_reason(struct buffer *to, enum reason reason, struct slice detail)
{
    put_text(to, "reason", slice_from_text(reason_name(reason)), TEXT_ADDRESS);
    if (reason != REASON_NONE)
        put_text(to, "fault", slice_from_text(reason_fault_name(reason_get(reason)->fault)),
                 TEXT_WORD);
    put_text(to, "detail", detail, TEXT_NAME);
}

static void put_certificate(struct buffer *to, const struct record_certificate *certificate)
{
    put_text(to, "certificate_subject", certificate->subject, TEXT_LONG_NAME);
    put_text(to, "certificate_issuer", certificate->issuer, TEXT_LONG_NAME);
    put_text(to, "certificate_serial", certificate->serial, TEXT_DIGEST);
    put_text(to, "certificate_sha256", certificate->sha256, TEXT_DIGEST);
}

static void put_request(struct buffer *to, const struct exchange_record *record)
{
    put_text(to, "trace_id", slice_from_text(record->trace_id), TEXT_ADDRESS);
    put_text(to, "method", record->method, TEXT_WORD);
    put_text(to, "host", record->host, TEXT_NAME);
    put_text(to, "target", record->target, TEXT_TARGET);
    put_text(to, "protocol", record->protocol, TEXT_WORD);
    put_text(to, "user_agent", record->user_agent, TEXT_LONG_NAME);
    put_text(to, "route", record->route, TEXT_NAME);
    put_number(to, "stripped_headers", record->stripped_headers);
    put_number(to, "received_bytes", record->received_bytes);
}

static void put_answer(struct buffer *to, const struct exchange_record *record)
{
    put_number(to, "status", record->status);
    put_number(to, "sent_bytes", record->sent_bytes);
    put_text(to, "backend", record->backend, TEXT_NAME);
    put_text(to, "endpoint", record->endpoint, TEXT_ADDRESS);
    put_number(to, "backend_status", record->backend_status);
    put_duration(to, "backend_duration", record->backend_us);
}

void record_format_exchange(struct buffer *to, const struct exchange_record *record)
{
    put(to, SLICE("{\"type\":\"exchange\""));
    put_time(to, record->started_wall_ms);
    put_duration(to, "duration", record->duration_us);
    put_connection(to, &record->connection);
    put_request(to, record);
    put_answer(to, record);
    put_reason(to, record->reason, record->detail);
    put_text(to, "mode", record->mode, TEXT_WORD);
    put_text(to, "verification", record->verification, TEXT_ADDRESS);
    put_text(to, "principal", record->principal, TEXT_LONG_NAME);
    put_certificate(to, &record->certificate);
    put(to, SLICE("}\n"));
}

void record_format_handshake(struct buffer *to, const struct handshake_record *record)
{
    put(to, SLICE("{\"type\":\"handshake\""));
    put_time(to, record->started_wall_ms);
    put_duration(to, "duration", record->duration_us);
    put_connection(to, &record->connection);
    put_reason(to, record->reason, record->detail);
    put_flag(to, "certificate_presented", record->certificate_presented);
    put_flag(to, "possession_proven", record->possession_proven);
    put_certificate(to, &record->certificate);
    put(to, SLICE("}\n"));
}
