/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened: one access-log record per exchange and one per failed handshake, and counters.
 * Records go to a bounded queue; a slow reader costs records (counted), never time. What clients
 * wrote is escaped. Counters are kept one set a worker, without locks, and summed when read: the
 * control thread makes, changes and reads, a worker only adds to its own. docs/ACCESS-LOG.md says
 * what the fields of a record mean, docs/OPERATIONS.md what is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason/reason.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct telemetry;
struct telemetry_rules;
struct telemetry_series;
struct telemetry_worker;

enum access_log_target { ACCESS_LOG_STDOUT, ACCESS_LOG_STDERR, ACCESS_LOG_FILE, ACCESS_LOG_OFF };
enum access_log_format { ACCESS_LOG_JSON, ACCESS_LOG_AZURE, ACCESS_LOG_COMBINED };

struct telemetry_settings {
    enum access_log_target target;
    enum access_log_format format;
    const char *path;       /* with FILE */
    size_t queue_bytes_max; /* default 4 MiB */
};

/* A certificate in a record; all empty when there was none. */
struct record_certificate {
    struct slice subject;
    struct slice issuer;
    struct slice serial;
    struct slice sha256;
    struct slice sha1;
};

struct record_connection {
    uint64_t id;                 /* of the connection, unique in this process */
    struct slice client_address; /* with port, where it is known */
    struct slice peer_address;   /* of the trusted proxy that named the client; else empty */
    struct slice listener;
    const char *tls_version; /* "TLSv1.3" or "" */
    const char *tls_cipher;
    struct slice server_name; /* SNI as sent */
    bool resumed;
};

/* What a policy said. */
struct record_policy {
    struct slice name;    /* empty: none was asked */
    size_t rule;          /* from 1; 0: none matched */
    struct slice rule_at; /* where the rule stands; empty: nowhere */
    bool allowed;
    struct telemetry_rules *rules; /* NULL: not counted */
};

/* One exchange. Slices are borrowed for the call. */
struct exchange_record {
    struct record_connection connection;
    int64_t started_wall_ms;
    uint64_t duration_us;
    uint64_t backend_us; /* from sending the head to the answer's head; 0: no backend was asked */
    uint64_t answer_us;  /* from then until the answer was complete */
    const char *trace_id;
    struct slice method; /* empty when the request could not be read */
    struct slice host;
    struct slice backend_host; /* the Host that the backend was told */
    struct slice target;       /* as received */
    struct slice protocol;     /* "HTTP/1.1" */
    struct slice user_agent;
    struct slice referer;
    struct slice route;
    struct slice backend;  /* name */
    struct slice endpoint; /* address */
    uint16_t source_port;  /* of our end of the connection to it */
    unsigned status;
    unsigned backend_status;   /* 0: none came */
    struct slice content_type; /* of the backend's answer */
    uint64_t received_bytes;   /* of content */
    uint64_t sent_bytes;       /* of content */
    enum reason reason;        /* REASON_NONE: nothing was refused */
    struct slice detail;
    struct slice mode;                     /* of the route: "required", ... */
    struct slice verification;             /* "SUCCESS", "NONE", "PASSTHROUGH", "FAILED:reason" */
    struct record_certificate certificate; /* what was presented */
    struct slice principal;                /* of the verified only */
    struct slice trust_anchor;             /* the name or subject of the one that vouches for it */
    struct slice user;                     /* who a policy's rule says the client is */
    struct record_policy policy;
    struct record_policy policy_trial; /* asked beside it; enforced by nobody */
    size_t stripped_headers;           /* the client's copies of headers that only we may say */
    enum reason verdict; /* on the certificate: REASON_NONE, why not, or UNDECIDED: nobody judged */
    bool has_trial;      /* another way to judge was tried beside */
    enum reason trial;   /* what it said; enforced by nobody */
    struct telemetry_series *series; /* of the route, or the listener's own; NULL: not counted */
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
    bool has_trial; /* as of an exchange */
    enum reason trial;
    bool was_open; /* no handshake failed: the connection was closed later, between requests */
};

struct telemetry *telemetry_create(const struct telemetry_settings *settings, size_t workers,
                                   struct error *error);
/* What the log is to be from now on. What it was before ends with telemetry_retire_log, when no
 * worker can have it in hand any more: each has run since. False, and nothing has changed, when the
 * file cannot be opened. */
bool telemetry_change_log(struct telemetry *telemetry, const struct telemetry_settings *settings,
                          struct error *error);
void telemetry_retire_log(struct telemetry *telemetry);
/* Opens the log's file by its name again: somebody has renamed it. False, and the one that is open
 * goes on, when that cannot be done. */
bool telemetry_reopen_log(struct telemetry *telemetry, struct error *error);
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
void telemetry_count_handshake(struct telemetry_worker *worker,
                               const struct record_connection *connection);
/* Limits that end or refuse something without a reason in any record. Those that have one are
 * counted by it. */
enum telemetry_limit {
    TELEMETRY_LIMIT_CONNECTIONS,
    TELEMETRY_LIMIT_KEEP_ALIVE,
    TELEMETRY_LIMIT_CONNECTION_REQUESTS,
    TELEMETRY_LIMIT_PIPELINED_REQUESTS,
    TELEMETRY_LIMIT_RESPONSE_IDLE_TIME, /* the exchange was over, and its answer was still here */
    TELEMETRY_LIMIT_RESPONSE_RATE,
    TELEMETRY_LIMIT_ADDRESS_CONNECTIONS,
    TELEMETRY_LIMIT_ADDRESS_HANDSHAKES,
    TELEMETRY_LIMIT_COUNT
};
void telemetry_count_limit(struct telemetry_worker *worker, enum telemetry_limit limit);
void telemetry_count_connection_refused(struct telemetry_worker *worker);
/* Somebody was judged again outside of a request, and what came of it. */
enum telemetry_rejudged {
    TELEMETRY_REJUDGED_KEPT,
    TELEMETRY_REJUDGED_ENDED,  /* a request that was being served */
    TELEMETRY_REJUDGED_CLOSED, /* a connection that idled */
    TELEMETRY_REJUDGED_COUNT
};
void telemetry_count_rejudged(struct telemetry_worker *worker, enum telemetry_rejudged result,
                              enum reason reason);
/* A connection that idled was closed, because its client is refused by now. */
void telemetry_report_closing(struct telemetry_worker *worker,
                              const struct handshake_record *record);

enum telemetry_tls {
    TELEMETRY_TLS_NONE,
    TELEMETRY_TLS_1_2,
    TELEMETRY_TLS_1_3,
    TELEMETRY_TLS_COUNT
};
enum telemetry_result { TELEMETRY_FAILED, TELEMETRY_OK, TELEMETRY_RESULT_COUNT };

struct telemetry_totals {
    uint64_t exchanges;
    uint64_t handshakes; /* that succeeded, resumed ones too */
    uint64_t handshakes_resumed;
    uint64_t handshakes_failed;
    /* The same in detail; the second index is whether the session was resumed. */
    uint64_t handshakes_by[TELEMETRY_TLS_COUNT][2][TELEMETRY_RESULT_COUNT];
    uint64_t connections_refused;
    uint64_t limits[TELEMETRY_LIMIT_COUNT];
    uint64_t records_dropped;
    uint64_t headers_stripped;
    uint64_t by_reason[REASON_COUNT]; /* exchanges and handshakes */
    uint64_t verdicts[REASON_COUNT];  /* on certificates */
    uint64_t trials[REASON_COUNT];    /* the same, of trials */
    uint64_t rejudged[TELEMETRY_REJUDGED_COUNT][REASON_COUNT];
};
/* From the control thread. */
void telemetry_total(const struct telemetry *telemetry, struct telemetry_totals *totals);

/* ---- one series a route ----
 *
 * Series are known by the names of a listener and a route, so that they go on counting over
 * reloads; a listener's exchanges that no route served have a route without a name. There are at
 * most TELEMETRY_SERIES_MAX: what nobody uses any more makes room for what comes, and when
 * everything is in use, what comes is counted together. */

enum { TELEMETRY_SERIES_MAX = 1024, TELEMETRY_DURATIONS = 15 };

/* From the control thread. Never NULL. */
struct telemetry_series *telemetry_series_acquire(struct telemetry *telemetry, const char *listener,
                                                  const char *route);
/* From any thread. NULL is fine. */
void telemetry_series_release(struct telemetry_series *series);

/* Statuses are counted one by one where HTTP knows them, and by their class where not. */
size_t telemetry_status_count(void);
/* "200", or "2xx". */
const char *telemetry_status_name(size_t index);
/* The upper bound of a bucket of durations, in microseconds. */
uint64_t telemetry_duration_bound_us(size_t index);

enum { TELEMETRY_STATUSES_MAX = 80 };

struct telemetry_series_totals {
    const char *listener;
    const char *route;
    uint64_t by_status[TELEMETRY_STATUSES_MAX];  /* see telemetry_status_name */
    uint64_t durations[TELEMETRY_DURATIONS + 1]; /* the last: longer than every bound */
    uint64_t duration_us;
    uint64_t received_bytes;
    uint64_t sent_bytes;
};

/* From the control thread. In no order; the last is that of everything without a series. */
size_t telemetry_series_count(const struct telemetry *telemetry);
void telemetry_series_total(const struct telemetry *telemetry, size_t index,
                            struct telemetry_series_totals *totals);

/* ---- the rules of policies ----
 *
 * By the name of the policy and the number of its rules, so that they too go on over reloads. Of
 * more than TELEMETRY_POLICIES_MAX policies in use the rest is not counted. */

enum { TELEMETRY_POLICIES_MAX = 1024 };

/* From the control thread. NULL: there is no room. */
struct telemetry_rules *telemetry_rules_acquire(struct telemetry *telemetry, const char *policy,
                                                size_t rules);
/* From any thread. NULL is fine. */
void telemetry_rules_release(struct telemetry_rules *rules);

/* From the control thread. */
size_t telemetry_rules_count(const struct telemetry *telemetry);
const struct telemetry_rules *telemetry_rules_get(const struct telemetry *telemetry, size_t index);
bool telemetry_rules_are_used(const struct telemetry_rules *rules);
const char *telemetry_rules_policy(const struct telemetry_rules *rules);
size_t telemetry_rules_rule_count(const struct telemetry_rules *rules);
/* Rule 0: no rule matched. */
uint64_t telemetry_rules_total(const struct telemetry_rules *rules, size_t rule, bool allowed);
