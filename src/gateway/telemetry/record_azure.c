/* SPDX-License-Identifier: Apache-2.0
 *
 * The format `azure`: the names and types of Application Gateway's access log (v2). Every field is
 * always there; what has no counterpart here is empty. A failed handshake, of which Azure writes
 * nothing, is a record without a request and with status 0.
 */
#include <string.h>

#include "gateway/telemetry/record_internal.h"
#include "runtime/clock.h"

enum {
    WORDS_MAX = 14,
    ADDRESSES_MAX = 4,
    DIGESTS_MAX = 2,
    SHORT_NAMES_MAX = 6,
    NAMES_MAX = 2,
    LONG_NAMES_MAX = 2,
    PATHS_MAX = 2,
    TARGETS_MAX = 1,
    FIELDS_MAX = 40,
    FIELD_NAME_BYTES_MAX = 40, /* with quotes, colon and comma */
    NUMBERS_MAX = 8,
    TIME_SIZE = 26
};

_Static_assert(WORDS_MAX *RECORD_WORD + ADDRESSES_MAX * RECORD_ADDRESS +
                       DIGESTS_MAX * RECORD_DIGEST + SHORT_NAMES_MAX * RECORD_SHORT_NAME +
                       NAMES_MAX * RECORD_NAME + LONG_NAMES_MAX * RECORD_LONG_NAME +
                       PATHS_MAX * RECORD_PATH + TARGETS_MAX * RECORD_TARGET +
                       FIELDS_MAX * FIELD_NAME_BYTES_MAX + NUMBERS_MAX * RECORD_NUMBER <=
                   RECORD_BYTES_MAX,
               "a record always fits");

/* ---- values ---------------------------------------------------------------------------------- */

/* "2021-10-14T22:17:11+00:00" */
static void put_time(struct buffer *to, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];
    char text[TIME_SIZE] = "2021-10-14T22:17:11+00:00";

    clock_format_rfc3339(wall_ms, time);
    memcpy(text, time, sizeof("2021-10-14T22:17:11") - 1);
    record_put(to, SLICE("{\"timeStamp\":\""));
    record_put(to, slice_from_text(text));
    record_put(to, SLICE("\""));
}

/* A number in quotes; nothing at all between them when there is none. */
static void put_quoted_number(struct buffer *to, const char *name, uint64_t number)
{
    char memory[RECORD_WORD];
    struct buffer digits;

    buffer_init(&digits, memory, sizeof(memory));
    if (number != 0)
        (void)buffer_append_u64(&digits, number);
    record_put_text(to, name, buffer_readable(&digits), RECORD_WORD);
}

static void put_seconds(struct buffer *to, const char *name, uint64_t us)
{
    record_put_name(to, name);
    record_put_seconds(to, us, 3);
}

static void put_quoted_seconds(struct buffer *to, const char *name, uint64_t us)
{
    record_put_name(to, name);
    record_put(to, SLICE("\""));
    record_put_seconds(to, us, 3);
    record_put(to, SLICE("\""));
}

/* Azure's word for what went wrong; it has none for a certificate that was refused. */
static struct slice error_info(enum reason reason)
{
    static const struct {
        enum reason reason;
        struct slice info;
    } table[] = {
        {REASON_CERTIFICATE_MISSING, SLICE_STATIC("ERRORINFO_HTTPS_NO_CERT")},
        {REASON_HANDSHAKE_NOT_TLS, SLICE_STATIC("ERRORINFO_HTTP_TO_HTTPS_PORT")},
        {REASON_REQUEST_METHOD_UNSUPPORTED, SLICE_STATIC("ERRORINFO_INVALID_METHOD")},
        {REASON_REQUEST_VERSION_UNSUPPORTED, SLICE_STATIC("ERRORINFO_INVALID_VERSION")},
        {REASON_REQUEST_HOST_MISSING, SLICE_STATIC("ERRORINFO_HTTP_NO_HOST_HEADER")},
        {REASON_REQUEST_HOST_MALFORMED, SLICE_STATIC("ERRORINFO_INVALID_HOST")},
        {REASON_REQUEST_FRAMING_AMBIGUOUS, SLICE_STATIC("ERRORINFO_INVALID_CONTENT_LENGTH")},
        {REASON_REQUEST_TARGET_MALFORMED, SLICE_STATIC("ERRORINFO_REQUEST_URI_INVALID")},
        {REASON_REQUEST_PATH_AMBIGUOUS, SLICE_STATIC("ERRORINFO_REQUEST_URI_INVALID")},
        {REASON_REQUEST_TARGET_TOO_LONG, SLICE_STATIC("ERRORINFO_REQUEST_URI_INVALID")},
        {REASON_REQUEST_ABANDONED, SLICE_STATIC("ERRORINFO_CLIENT_CLOSED_REQUEST")},
        {REASON_CLIENT_TOO_SLOW, SLICE_STATIC("ERRORINFO_CLIENT_CLOSED_REQUEST")},
        {REASON_CLIENT_RATE_TOO_LOW, SLICE_STATIC("ERRORINFO_CLIENT_CLOSED_REQUEST")},
        {REASON_BACKEND_UNREACHABLE, SLICE_STATIC("ERRORINFO_UPSTREAM_NO_LIVE")},
        {REASON_BACKEND_BUSY, SLICE_STATIC("ERRORINFO_UPSTREAM_NO_LIVE")},
        {REASON_BACKEND_CLOSED, SLICE_STATIC("ERRORINFO_UPSTREAM_CLOSED_CONNECTION")},
        {REASON_BACKEND_RESPONSE_MALFORMED, SLICE_STATIC("ERRORINFO_UPSTREAM_CLOSED_CONNECTION")},
        {REASON_BACKEND_RESPONSE_TOO_LARGE, SLICE_STATIC("ERRORINFO_UPSTREAM_CLOSED_CONNECTION")},
        {REASON_BACKEND_HEADERS_TOO_MANY, SLICE_STATIC("ERRORINFO_UPSTREAM_CLOSED_CONNECTION")},
        {REASON_BACKEND_CONNECT_TIMEOUT, SLICE_STATIC("ERRORINFO_UPSTREAM_TIMED_OUT")},
        {REASON_BACKEND_RESPONSE_TIMEOUT, SLICE_STATIC("ERRORINFO_UPSTREAM_TIMED_OUT")},
    };

    if (reason == REASON_NONE)
        return SLICE("ERRORINFO_NO_ERROR");
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].reason == reason)
            return table[i].info;
    }
    return SLICE("ERRORINFO_INVALID_REQUEST");
}

/* ---- the record ------------------------------------------------------------------------------ */

static void put_head(struct buffer *to, const struct exchange_record *record)
{
    put_time(to, record->started_wall_ms);
    record_put_text(to, "resourceId", SLICE(""), RECORD_WORD);
    record_put_text(to, "listenerName", record->connection.listener, RECORD_SHORT_NAME);
    record_put_text(to, "ruleName", record->route, RECORD_SHORT_NAME);
    record_put_text(to, "backendPoolName", record->backend, RECORD_SHORT_NAME);
    record_put_text(to, "backendSettingName", record->backend, RECORD_SHORT_NAME);
    record_put_text(to, "operationName", SLICE("ApplicationGatewayAccess"), RECORD_WORD);
    record_put_text(to, "category", SLICE("ApplicationGatewayAccessLog"), RECORD_WORD);
}

static void put_request(struct buffer *to, const struct exchange_record *record)
{
    size_t question = slice_find(record->target, '?');
    uint64_t port;
    struct slice client = record_split_address(record->connection.client_address, &port);

    record_put_text(to, "clientIP", client, RECORD_ADDRESS);
    record_put_number(to, "clientPort", port);
    record_put_text(to, "httpMethod", record->method, RECORD_WORD);
    record_put_text(to, "originalRequestUriWithArgs", record->target, RECORD_TARGET);
    record_put_text(to, "requestUri", slice_first(record->target, question), RECORD_PATH);
    record_put_text(to, "requestQuery", slice_after(record->target, question + 1), RECORD_PATH);
    record_put_text(to, "userAgent", record->user_agent, RECORD_LONG_NAME);
    record_put_number(to, "httpStatus", record->status);
    record_put_text(to, "httpVersion", record->protocol, RECORD_WORD);
    record_put_number(to, "receivedBytes", record->received_bytes);
    record_put_number(to, "sentBytes", record->sent_bytes);
    put_seconds(to, "clientResponseTime", record->answer_us);
    put_seconds(to, "timeTaken", record->duration_us);
    record_put_text(to, "WAFEvaluationTime", SLICE("0.000"), RECORD_WORD);
    record_put_text(to, "WAFMode", SLICE(""), RECORD_WORD);
    record_put_text(to, "transactionId", slice_from_text(record->trace_id), RECORD_ADDRESS);
}

static void put_tls(struct buffer *to, const struct exchange_record *record)
{
    const struct record_connection *connection = &record->connection;
    struct slice verification =
        slice_is_empty(record->verification) ? SLICE("NONE") : record->verification;

    record_put_text(to, "sslEnabled", SLICE("on"), RECORD_WORD);
    record_put_text(to, "sslCipher", slice_from_text(connection->tls_cipher), RECORD_ADDRESS);
    record_put_text(to, "sslProtocol", slice_from_text(connection->tls_version), RECORD_WORD);
    record_put_text(to, "sslClientVerify", verification, RECORD_DIGEST);
    record_put_text(to, "sslClientCertificateFingerprint", record->certificate.sha1, RECORD_DIGEST);
    record_put_text(to, "sslClientCertificateIssuerName", record->certificate.issuer,
                    RECORD_LONG_NAME);
}

static void put_answer(struct buffer *to, const struct exchange_record *record)
{
    record_put_text(to, "serverRouted", record->endpoint, RECORD_ADDRESS);
    put_quoted_number(to, "serverStatus", record->backend_status);
    put_quoted_seconds(to, "serverResponseLatency", record->backend_us);
    put_quoted_number(to, "upstreamSourcePort", record->source_port);
    record_put_text(to, "originalHost", record->host, RECORD_NAME);
    record_put_text(to, "host", record->backend_host, RECORD_NAME);
    record_put_text(to, "error_info", error_info(record->reason), RECORD_SHORT_NAME);
    record_put_text(to, "contentType", record->content_type, RECORD_SHORT_NAME);
}

static void format_exchange(struct buffer *to, const struct exchange_record *record)
{
    put_head(to, record);
    record_put_name(to, "properties");
    record_put(to, SLICE("{\"instanceId\":\"sallyport\""));
    put_request(to, record);
    put_tls(to, record);
    put_answer(to, record);
    record_put(to, SLICE("}}\n"));
}

static void format_handshake(struct buffer *to, const struct handshake_record *record)
{
    char verification[RECORD_DIGEST];
    struct buffer failed;
    struct exchange_record exchange = {
        .connection = record->connection,
        .started_wall_ms = record->started_wall_ms,
        .duration_us = record->duration_us,
        .host = record->connection.server_name,
        .reason = record->reason,
        .certificate = record->certificate,
    };

    buffer_init(&failed, verification, sizeof(verification));
    if (record->certificate_presented)
        (void)buffer_append_format(&failed, "FAILED:%s", reason_name(record->reason));
    exchange.verification = buffer_readable(&failed);
    format_exchange(to, &exchange);
}

const struct record_format record_format_azure = {format_exchange, format_handshake};
