/* SPDX-License-Identifier: Apache-2.0
 *
 * How often each limit was reached. A limit is counted where it acts: by the reason of the record
 * that says so, which is the limit's alone, or by a counter where there is no record, or by both,
 * for a limit that sometimes acts when the record was written already. docs/LIMITS.md lists them,
 * and a test compares the two.
 */
#include <inttypes.h>

#include "app/admin/metrics_internal.h"

static const struct {
    const char *name;             /* in the configuration, where it is a setting */
    enum reason reason;           /* NONE: it is in no record */
    enum telemetry_limit counter; /* COUNT: there is none */
} limits[] = {
    {"connections", REASON_NONE, TELEMETRY_LIMIT_CONNECTIONS},
    {"address_connections", REASON_NONE, TELEMETRY_LIMIT_ADDRESS_CONNECTIONS},
    {"address_failed_handshakes", REASON_NONE, TELEMETRY_LIMIT_ADDRESS_HANDSHAKES},
    {"handshake_time", REASON_HANDSHAKE_TIMEOUT, TELEMETRY_LIMIT_COUNT},
    {"certificate_chain_size", REASON_CERTIFICATE_CHAIN_TOO_LARGE, TELEMETRY_LIMIT_COUNT},
    {"keep_alive", REASON_NONE, TELEMETRY_LIMIT_KEEP_ALIVE},
    {"connection_requests", REASON_NONE, TELEMETRY_LIMIT_CONNECTION_REQUESTS},
    {"pipelined_requests", REASON_NONE, TELEMETRY_LIMIT_PIPELINED_REQUESTS},
    {"request_time", REASON_REQUEST_TIMEOUT, TELEMETRY_LIMIT_COUNT},
    {"request_header_size", REASON_REQUEST_HEADER_TOO_LARGE, TELEMETRY_LIMIT_COUNT},
    {"request_header_count", REASON_REQUEST_HEADERS_TOO_MANY, TELEMETRY_LIMIT_COUNT},
    {"request_target_size", REASON_REQUEST_TARGET_TOO_LONG, TELEMETRY_LIMIT_COUNT},
    {"request_content_size", REASON_REQUEST_CONTENT_TOO_LARGE, TELEMETRY_LIMIT_COUNT},
    {"request_idle_time", REASON_REQUEST_CONTENT_TIMEOUT, TELEMETRY_LIMIT_COUNT},
    {"request_rate", REASON_REQUEST_TOO_SLOW, TELEMETRY_LIMIT_COUNT},
    {"chunk_extension_size", REASON_REQUEST_CHUNK_EXTENSIONS_TOO_LARGE, TELEMETRY_LIMIT_COUNT},
    {"trailers", REASON_REQUEST_TRAILERS_TOO_LARGE, TELEMETRY_LIMIT_COUNT},
    {"response_idle_time", REASON_CLIENT_TOO_SLOW, TELEMETRY_LIMIT_RESPONSE_IDLE_TIME},
    {"response_rate", REASON_CLIENT_RATE_TOO_LOW, TELEMETRY_LIMIT_RESPONSE_RATE},
    {"response_header_size", REASON_BACKEND_RESPONSE_TOO_LARGE, TELEMETRY_LIMIT_COUNT},
    {"response_header_count", REASON_BACKEND_HEADERS_TOO_MANY, TELEMETRY_LIMIT_COUNT},
    {"identity_headers", REASON_IDENTITY_HEADER_TOO_LARGE, TELEMETRY_LIMIT_COUNT},
    {"backend_connect_time", REASON_BACKEND_CONNECT_TIMEOUT, TELEMETRY_LIMIT_COUNT},
    {"backend_response_time", REASON_BACKEND_RESPONSE_TIMEOUT, TELEMETRY_LIMIT_COUNT},
    {"backend_connections", REASON_BACKEND_BUSY, TELEMETRY_LIMIT_COUNT},
    {"memory", REASON_BUDGET_EXCEEDED, TELEMETRY_LIMIT_COUNT},
};

static void add(struct text_builder *to, const char *name, uint64_t count)
{
    text_builder_add_format(to, "sallyport_limit_hits_total{limit=\"%s\"} %" PRIu64 "\n", name,
                            count);
}

void metrics_add_limits(struct text_builder *to, const struct telemetry_totals *totals)
{
    text_builder_add(to, SLICE("# HELP sallyport_limit_hits_total How often a limit was reached, "
                               "by its name.\n# TYPE sallyport_limit_hits_total counter\n"));
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        uint64_t count = limits[i].reason == REASON_NONE ? 0 : totals->by_reason[limits[i].reason];

        if (limits[i].counter != TELEMETRY_LIMIT_COUNT)
            count += totals->limits[limits[i].counter];
        add(to, limits[i].name, count);
    }
    add(to, "queue_size", totals->records_dropped);
}
