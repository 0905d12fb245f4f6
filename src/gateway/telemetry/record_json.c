/* SPDX-License-Identifier: Apache-2.0
 *
 * The format `json`: the fields of a record in the order in which a person wants to read them. A
 * text that is empty is left out, numbers and flags are always there; docs/ACCESS-LOG.md is the
 * reference, and a test compares the two.
 */
#include "gateway/telemetry/record_internal.h"
#include "runtime/clock.h"

enum {
    WORDS_MAX = 8,
    ADDRESSES_MAX = 9,
    SHORT_NAMES_MAX = 3,
    DIGESTS_MAX = 3,
    NAMES_MAX = 8,
    LONG_NAMES_MAX = 4,
    TARGETS_MAX = 1,
    FIELDS_MAX = 47,
    FIELD_NAME_BYTES_MAX = 32 /* with quotes, colon and comma */
};

_Static_assert(WORDS_MAX *RECORD_WORD + ADDRESSES_MAX * RECORD_ADDRESS +
                       DIGESTS_MAX * RECORD_DIGEST + NAMES_MAX * RECORD_NAME +
                       SHORT_NAMES_MAX * RECORD_SHORT_NAME + LONG_NAMES_MAX * RECORD_LONG_NAME +
                       TARGETS_MAX * RECORD_TARGET +
                       FIELDS_MAX * (FIELD_NAME_BYTES_MAX + RECORD_NUMBER) <=
                   RECORD_BYTES_MAX,
               "a record always fits");

static void put_text(struct buffer *to, const char *name, struct slice text,
                     enum record_limit limit)
{
    if (!slice_is_empty(text))
        record_put_text(to, name, text, limit);
}

static void put_duration(struct buffer *to, const char *name, uint64_t us)
{
    record_put_name(to, name);
    record_put_seconds(to, us, 6);
}

static void put_time(struct buffer *to, int64_t wall_ms)
{
    char time[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(wall_ms, time);
    put_text(to, "time", slice_from_text(time), RECORD_WORD);
}

static void put_connection(struct buffer *to, const struct record_connection *connection)
{
    record_put_number(to, "connection_id", connection->id);
    put_text(to, "client_address", connection->client_address, RECORD_ADDRESS);
    put_text(to, "peer_address", connection->peer_address, RECORD_ADDRESS);
    put_text(to, "listener", connection->listener, RECORD_NAME);
    put_text(to, "tls_version", slice_from_text(connection->tls_version), RECORD_WORD);
    put_text(to, "tls_cipher", slice_from_text(connection->tls_cipher), RECORD_ADDRESS);
    put_text(to, "server_name", connection->server_name, RECORD_NAME);
    record_put_flag(to, "resumed", connection->resumed);
}

static void put_reason(struct buffer *to, enum reason reason, struct slice detail)
{
    put_text(to, "reason", slice_from_text(reason_name(reason)), RECORD_ADDRESS);
    if (reason != REASON_NONE)
        put_text(to, "fault", slice_from_text(reason_fault_name(reason_get(reason)->fault)),
                 RECORD_WORD);
    put_text(to, "detail", detail, RECORD_NAME);
}

static void put_trial(struct buffer *to, bool has_trial, enum reason trial)
{
    if (has_trial)
        put_text(to, "trial_reason", slice_from_text(reason_name(trial)), RECORD_ADDRESS);
}

static void put_certificate(struct buffer *to, const struct record_certificate *certificate)
{
    put_text(to, "certificate_subject", certificate->subject, RECORD_LONG_NAME);
    put_text(to, "certificate_issuer", certificate->issuer, RECORD_LONG_NAME);
    put_text(to, "certificate_serial", certificate->serial, RECORD_DIGEST);
    put_text(to, "certificate_sha256", certificate->sha256, RECORD_DIGEST);
}

static void put_request(struct buffer *to, const struct exchange_record *record)
{
    put_text(to, "trace_id", slice_from_text(record->trace_id), RECORD_ADDRESS);
    put_text(to, "method", record->method, RECORD_WORD);
    put_text(to, "host", record->host, RECORD_NAME);
    put_text(to, "target", record->target, RECORD_TARGET);
    put_text(to, "protocol", record->protocol, RECORD_WORD);
    put_text(to, "user_agent", record->user_agent, RECORD_LONG_NAME);
    put_text(to, "route", record->route, RECORD_NAME);
    record_put_number(to, "stripped_headers", record->stripped_headers);
    record_put_number(to, "received_bytes", record->received_bytes);
}

static void put_answer(struct buffer *to, const struct exchange_record *record)
{
    record_put_number(to, "status", record->status);
    record_put_number(to, "sent_bytes", record->sent_bytes);
    put_text(to, "backend", record->backend, RECORD_NAME);
    put_text(to, "endpoint", record->endpoint, RECORD_ADDRESS);
    record_put_number(to, "backend_status", record->backend_status);
    put_duration(to, "backend_duration", record->backend_us);
}

/* Numbers are always there where there is a policy: rule 0 is that none matched. */
static void put_policy(struct buffer *to, const struct exchange_record *record)
{
    if (!slice_is_empty(record->policy.name)) {
        put_text(to, "policy", record->policy.name, RECORD_ADDRESS);
        record_put_number(to, "rule", record->policy.rule);
        put_text(to, "rule_at", record->policy.rule_at, RECORD_SHORT_NAME);
    }
    put_text(to, "trial_rule_at", record->policy_trial.rule_at, RECORD_SHORT_NAME);
}

static void format_exchange(struct buffer *to, const struct exchange_record *record)
{
    record_put(to, SLICE("{\"type\":\"exchange\""));
    put_time(to, record->started_wall_ms);
    put_duration(to, "duration", record->duration_us);
    put_connection(to, &record->connection);
    put_request(to, record);
    put_answer(to, record);
    put_reason(to, record->reason, record->detail);
    put_text(to, "mode", record->mode, RECORD_WORD);
    put_text(to, "verification", record->verification, RECORD_ADDRESS);
    put_text(to, "principal", record->principal, RECORD_LONG_NAME);
    put_text(to, "trust_anchor", record->trust_anchor, RECORD_NAME);
    put_trial(to, record->has_trial, record->trial);
    put_text(to, "user", record->user, RECORD_SHORT_NAME);
    put_policy(to, record);
    put_certificate(to, &record->certificate);
    record_put(to, SLICE("}\n"));
}

static void format_handshake(struct buffer *to, const struct handshake_record *record)
{
    record_put(to, record->was_open ? SLICE("{\"type\":\"connection\"")
                                    : SLICE("{\"type\":\"handshake\""));
    put_time(to, record->started_wall_ms);
    put_duration(to, "duration", record->duration_us);
    put_connection(to, &record->connection);
    put_reason(to, record->reason, record->detail);
    record_put_flag(to, "certificate_presented", record->certificate_presented);
    record_put_flag(to, "possession_proven", record->possession_proven);
    put_trial(to, record->has_trial, record->trial);
    put_certificate(to, &record->certificate);
    record_put(to, SLICE("}\n"));
}

const struct record_format record_format_json = {format_exchange, format_handshake};
