/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened: one access-log record per exchange and one per failed handshake, and counters.
 * Records go to a bounded queue; a slow reader costs records (counted), never time. What clients
 * wrote is escaped. Counters are kept one set a worker, without locks, and summed when read.
 * docs/ACCESS-LOG.md says what the fields of a record mean.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason/reason.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct telemetry;
struct telemetry_worker;

enum access_log_target { ACCESS_LOG_STDOUT, ACCESS_LOG_STDERR, ACCESS_LOG_FILE, ACCESS_LOG_OFF };

struct telemetry_settings {
    enum access_log_target target;
    const char *path;       /* with FILE */
    size_t queue_bytes_max; /* default 4 MiB */
};

/* A certificate in a record; all empty when there was none. */
struct record_certificate {
    struct slice subject;
    struct slice issuer;
    struct slice serial;
    struct slice sha256;
};

struct record_connection {
    uint64_t id;                 /* of the connection, unique in this process */
    struct slice client_address; /* with port */
    struct slice listener;
    const char *tls_version; /* "TLSv1.3" or "" */
    const char *tls_cipher;
    struct slice server_name; /* SNI as sent */
    bool resumed;
};

/* One exchange. Slices are borrowed for the call. */
struct exchange_record {
    struct record_connection connection;
    int64_t started_wall_ms;
    uint64_t duration_us;
    uint64_t backend_us; /* from sending the head to the answer's head; 0: no backend was asked */
    const char *trace_id;
    struct slice method; /* empty when the request could not be read */
    struct slice host;
    struct slice target;   /* as received */
    struct slice protocol; /* "HTTP/1.1" */
    struct slice user_agent;
    struct slice route;
    struct slice backend;  /* name */
    struct slice endpoint; /* address */
    unsigned status;
    unsigned backend_status; /* 0: none came */
    uint64_t received_bytes; /* of content */
    uint64_t sent_bytes;     /* of content */
    enum reason reason;      /* REASON_NONE: nothing was refused */
    struct slice detail;
    struct slice mode;                     /* of the route: "required", ... */
    struct slice verification;             /* "SUCCESS", "NONE", "PASSTHROUGH", "FAILED:reason" */
    struct record_certificate certificate; /* what was presented */
    struct slice principal;                /* of the verified only */
    size_t stripped_headers;               /* the client's copies of headers that only we may say */
};

/* A handshake that failed. What was presented was proven by nobody, unless possession_proven. */
struct handshake_record {
    struct record_connection connection;
    int64_t started_wall_ms;
    uint64_t duration_us;
    enum reason reason;
    struct slice detail;
    bool certificate_presented;
    bool possession_proven;
    struct record_certificate certificate;
};

struct telemetry *telemetry_create(const struct telemetry_settings *settings, size_t workers,
                                   struct error *error);
/* Writes what is queued, within a second. NULL is fine. */
void telemetry_destroy(struct telemetry *telemetry);
/* The counters of worker `index`, for that worker's thread alone. */
struct telemetry_worker *telemetry_worker(struct telemetry *telemetry, size_t index);

void telemetry_report_exchange(struct telemetry_worker *worker,
                               const struct exchange_record *record);
/* Counts it as failed besides. */
void telemetry_report_handshake(struct telemetry_worker *worker,
                                const struct handshake_record *record);
/* A handshake that succeeded. */
void telemetry_count_handshake(struct telemetry_worker *worker, bool resumed);
void telemetry_count_connection_refused(struct telemetry_worker *worker);

struct telemetry_totals {
    uint64_t exchanges;
    uint64_t handshakes; /* that succeeded, resumed ones too */
    uint64_t handshakes_resumed;
    uint64_t handshakes_failed;
    uint64_t connections_refused;
    uint64_t records_dropped;
    uint64_t headers_stripped;
    uint64_t by_reason[REASON_COUNT]; /* exchanges and handshakes */
};
/* From any thread. */
void telemetry_total(const struct telemetry *telemetry, struct telemetry_totals *totals);
