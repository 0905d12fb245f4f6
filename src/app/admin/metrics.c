/* SPDX-License-Identifier: Apache-2.0
 *
 * See metrics_internal.h; docs/OPERATIONS.md lists the metrics, and a test compares. Each metric is
 * a head (HELP and TYPE) and its samples behind it, without another's in between.
 */
#include "app/admin/metrics_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "app/admin/owned_certificates_internal.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/telemetry/telemetry.h"
#include "runtime/clock.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

enum { US_PER_SECOND = 1000000, PRINTABLE_BYTES_PER_BYTE = 4 };

/* ---- pieces ---------------------------------------------------------------------------------- */

static void add_head(struct text_builder *to, const char *name, const char *type, const char *help)
{
    text_builder_add_format(to, "# HELP sallyport_%s %s\n# TYPE sallyport_%s %s\n", name, help,
                            name, type);
}

/* A metric with one sample. */
static void add_single(struct text_builder *to, const char *name, const char *type,
                       const char *help, uint64_t value)
{
    add_head(to, name, type, help);
    text_builder_add_format(to, "sallyport_%s %" PRIu64 "\n", name, value);
}

static void add_label(struct text_builder *to, const char *separator, const char *name,
                      struct slice value)
{
    size_t room = value.size * PRINTABLE_BYTES_PER_BYTE + 1;
    char *memory = memory_allocate(room);
    struct buffer printable;
    struct slice shown;
    bool fits;

    buffer_init(&printable, memory, room);
    fits = encode_printable(&printable, value);
    assert(fits); /* no byte becomes more than four */
    shown = buffer_readable(&printable);
    text_builder_add_format(to, "%s%s=\"", separator, name);
    for (size_t i = 0; i < shown.size; i++) {
        if (shown.data[i] == '\\' || shown.data[i] == '"')
            text_builder_add(to, SLICE("\\"));
        text_builder_add(to, slice_from(&shown.data[i], 1));
    }
    text_builder_add(to, SLICE("\""));
    memory_release(memory);
}

static void add_seconds(struct text_builder *to, uint64_t us)
{
    text_builder_add_format(to, "%" PRIu64 ".%06" PRIu64, us / US_PER_SECOND, us % US_PER_SECOND);
}

/* ---- the process ----------------------------------------------------------------------------- */

static void add_process(struct text_builder *to, const struct gateway_status *status)
{
    const struct gateway_reload *reload = &status->reload;
    bool has_reloaded = reload->ended != 0;

    add_head(to, "build_info", "gauge", "What was built from what; always 1.");
    text_builder_add_format(to, "sallyport_build_info{version=\"%s\"", SALLYPORT_VERSION);
    add_label(to, ",", "openssl", slice_from_text(OpenSSL_version(OPENSSL_VERSION_STRING)));
    text_builder_add_format(to, "} 1\n");
    add_single(to, "start_time_seconds", "gauge", "When the process started, since 1970.",
               (uint64_t)status->started_wall_seconds);
    add_single(to, "ready", "gauge", "1 while new connections are welcome, 0 while not.",
               status->phase == GATEWAY_SERVING);
    add_single(to, "workers", "gauge", "Threads that serve clients.", status->workers);
    add_single(to, "generation", "gauge",
               "Which configuration is in use: 1 at the start, one more with each reload.",
               status->generation_number);
    add_single(to, "last_reload_success", "gauge",
               "1 when the last reload, or the start, succeeded; 0 when it failed.",
               !has_reloaded || reload->succeeded);
    add_single(to, "last_reload_timestamp_seconds", "gauge",
               "When the last reload, or the start, ended, since 1970.",
               (uint64_t)(has_reloaded ? reload->ended : status->started_wall_seconds));
}

/* ---- connections ----------------------------------------------------------------------------- */

static void add_handshakes(struct text_builder *to, const struct telemetry_totals *totals)
{
    static const char *const versions[TELEMETRY_TLS_COUNT] = {
        [TELEMETRY_TLS_NONE] = "none",
        [TELEMETRY_TLS_1_2] = "TLSv1.2",
        [TELEMETRY_TLS_1_3] = "TLSv1.3",
    };
    static const char *const results[TELEMETRY_RESULT_COUNT] = {
        [TELEMETRY_FAILED] = "failed", [TELEMETRY_OK] = "ok"};

    add_head(to, "handshakes_total", "counter",
             "TLS handshakes by version, whether a session was resumed, and result.");
    for (size_t version = 0; version < TELEMETRY_TLS_COUNT; version++)
        for (size_t resumed = 0; resumed < 2; resumed++)
            for (size_t result = 0; result < TELEMETRY_RESULT_COUNT; result++)
                text_builder_add_format(
                    to,
                    "sallyport_handshakes_total{version=\"%s\",resumed=\"%s\",result=\"%s\"} "
                    "%" PRIu64 "\n",
                    versions[version], resumed == 0 ? "false" : "true", results[result],
                    totals->handshakes_by[version][resumed][result]);
}

static void add_connections(struct text_builder *to, const struct gateway_status *status,
                            const struct telemetry_totals *totals)
{
    add_single(to, "connections_open", "gauge", "Connections of clients that are open.",
               atomic_load_explicit(status->open_connections, memory_order_relaxed));
    add_single(to, "connections_refused_total", "counter",
               "Connections that were closed at once because a limit was reached.",
               totals->connections_refused);
    add_handshakes(to, totals);
}

/* ---- verdicts, refusals, limits -------------------------------------------------------------- */

static bool is_verdict(enum reason reason)
{
    return reason == REASON_NONE ||
           (reason_is_certificate(reason) && reason != REASON_POSSESSION_UNPROVEN);
}

static void add_reason(struct text_builder *to, const char *name, enum reason reason,
                       uint64_t count)
{
    text_builder_add_format(to, "sallyport_%s{reason=\"%s\"} %" PRIu64 "\n", name,
                            reason_name(reason), count);
}

static void add_reasons(struct text_builder *to, const struct telemetry_totals *totals)
{
    add_head(to, "verdicts_total", "counter",
             "Verdicts on client certificates: none for those that were accepted, else why not.");
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (is_verdict((enum reason)i))
            add_reason(to, "verdicts_total", (enum reason)i, totals->verdicts[i]);
    }
    add_head(to, "trial_verdicts_total", "counter",
             "Verdicts of trials on client certificates, which nobody enforces.");
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (is_verdict((enum reason)i))
            add_reason(to, "trial_verdicts_total", (enum reason)i, totals->trials[i]);
    }
    add_head(to, "refusals_total", "counter",
             "Requests that were refused or broken off, and handshakes that failed, by reason.");
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (i != REASON_NONE && i != REASON_UNDECIDED)
            add_reason(to, "refusals_total", (enum reason)i, totals->by_reason[i]);
    }
}

static void add_rejudged(struct text_builder *to, const struct telemetry_totals *totals)
{
    static const char *const results[] = {"kept", "ended", "closed"};

    add_head(to, "rejudged_total", "counter",
             "Clients that were judged again outside of a request: kept, their request ended, or "
             "their idle connection closed, and why.");
    for (size_t result = 0; result < TELEMETRY_REJUDGED_COUNT; result++) {
        for (unsigned i = 0; i < REASON_COUNT; i++) {
            bool is_kept = result == TELEMETRY_REJUDGED_KEPT;

            /* Whom it never hit is left out, as there are many reasons. */
            if (is_kept ? i != REASON_NONE : totals->rejudged[result][i] == 0)
                continue;
            text_builder_add_format(
                to, "sallyport_rejudged_total{result=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
                results[result], reason_name((enum reason)i), totals->rejudged[result][i]);
        }
    }
}

static void add_losses(struct text_builder *to, const struct gateway_status *status,
                       const struct telemetry_totals *totals)
{
    add_single(to, "headers_stripped_total", "counter",
               "Headers of clients that were removed because only the gateway may say them.",
               totals->headers_stripped);
    add_single(to, "log_records_dropped_total", "counter",
               "Access-log records that were not written: a slow reader, or a full disk.",
               totals->records_dropped);
    add_single(to, "log_events_dropped_total", "counter",
               "Events that were not written to their file.",
               gateway_status_events_dropped(status));
}

/* ---- requests -------------------------------------------------------------------------------- */

typedef void series_writer(struct text_builder *to, const struct telemetry_series_totals *totals);

static void add_series(struct text_builder *to, const struct telemetry *telemetry,
                       series_writer *write)
{
    struct telemetry_series_totals totals;

    for (size_t i = 0; i < telemetry_series_count(telemetry); i++) {
        telemetry_series_total(telemetry, i, &totals);
        write(to, &totals);
    }
}

static void add_series_labels(struct text_builder *to, const struct telemetry_series_totals *totals)
{
    add_label(to, "{", "listener", slice_from_text(totals->listener));
    add_label(to, ",", "route", slice_from_text(totals->route));
}

/* What never happened is left out: most statuses never do. */
static void add_requests(struct text_builder *to, const struct telemetry_series_totals *totals)
{
    for (size_t i = 0; i < telemetry_status_count(); i++) {
        if (totals->by_status[i] == 0)
            continue;
        text_builder_add_format(to, "sallyport_requests_total");
        add_series_labels(to, totals);
        text_builder_add_format(to, ",code=\"%s\"} %" PRIu64 "\n", telemetry_status_name(i),
                                totals->by_status[i]);
    }
}

/* "0.0025", without zeros at the end. */
static void add_bound(struct text_builder *to, uint64_t us)
{
    unsigned digits = 6;
    uint64_t rest = us % US_PER_SECOND;

    text_builder_add_format(to, "%" PRIu64, us / US_PER_SECOND);
    if (rest == 0)
        return;
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    text_builder_add_format(to, ".%0*" PRIu64, (int)digits, rest);
}

static uint64_t count_durations(const struct telemetry_series_totals *totals)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= TELEMETRY_DURATIONS; i++)
        count += totals->durations[i];
    return count;
}

static void add_durations(struct text_builder *to, const struct telemetry_series_totals *totals)
{
    static const char name[] = "sallyport_request_duration_seconds";
    uint64_t count = 0;

    if (count_durations(totals) == 0)
        return;
    for (size_t i = 0; i <= TELEMETRY_DURATIONS; i++) {
        count += totals->durations[i];
        text_builder_add_format(to, "%s_bucket", name);
        add_series_labels(to, totals);
        text_builder_add_format(to, ",le=\"");
        if (i == TELEMETRY_DURATIONS)
            text_builder_add_format(to, "+Inf");
        else
            add_bound(to, telemetry_duration_bound_us(i));
        text_builder_add_format(to, "\"} %" PRIu64 "\n", count);
    }
    text_builder_add_format(to, "%s_sum", name);
    add_series_labels(to, totals);
    text_builder_add_format(to, "} ");
    add_seconds(to, totals->duration_us);
    text_builder_add_format(to, "\n%s_count", name);
    add_series_labels(to, totals);
    text_builder_add_format(to, "} %" PRIu64 "\n", count);
}

static void add_received(struct text_builder *to, const struct telemetry_series_totals *totals)
{
    if (count_durations(totals) == 0)
        return;
    text_builder_add_format(to, "sallyport_request_content_bytes_total");
    add_series_labels(to, totals);
    text_builder_add_format(to, "} %" PRIu64 "\n", totals->received_bytes);
}

static void add_sent(struct text_builder *to, const struct telemetry_series_totals *totals)
{
    if (count_durations(totals) == 0)
        return;
    text_builder_add_format(to, "sallyport_response_content_bytes_total");
    add_series_labels(to, totals);
    text_builder_add_format(to, "} %" PRIu64 "\n", totals->sent_bytes);
}

static void add_traffic(struct text_builder *to, const struct telemetry *telemetry)
{
    add_head(to, "requests_total", "counter",
             "Requests by listener, route and status; without a route, those that none served.");
    add_series(to, telemetry, add_requests);
    add_head(to, "request_duration_seconds", "histogram",
             "From the first byte of a request to the last of its answer.");
    add_series(to, telemetry, add_durations);
    add_head(to, "request_content_bytes_total", "counter",
             "Content received from clients, without headers and framing.");
    add_series(to, telemetry, add_received);
    add_head(to, "response_content_bytes_total", "counter",
             "Content sent to clients, without headers and framing.");
    add_series(to, telemetry, add_sent);
}

/* ---- policies -------------------------------------------------------------------------------- */

static void add_rule(struct text_builder *to, const struct telemetry_rules *rules, size_t rule,
                     bool allowed)
{
    char number[24];

    snprintf(number, sizeof(number), "%zu", rule);
    text_builder_add_format(to, "sallyport_policy_decisions_total");
    add_label(to, "{", "policy", slice_from_text(telemetry_rules_policy(rules)));
    add_label(to, ",", "rule", slice_from_text(rule == 0 ? "none" : number));
    text_builder_add_format(to, ",decision=\"%s\"} %" PRIu64 "\n", allowed ? "allowed" : "denied",
                            telemetry_rules_total(rules, rule, allowed));
}

/* A rule that has never decided is shown too: that is what one looks for. */
static void add_policies(struct text_builder *to, const struct telemetry *telemetry)
{
    add_head(
        to, "policy_decisions_total", "counter",
        "Decisions of policies by the rule that decided; 'none' where no rule matched. Those of "
        "policies on trial count too.");
    for (size_t i = 0; i < telemetry_rules_count(telemetry); i++) {
        const struct telemetry_rules *rules = telemetry_rules_get(telemetry, i);

        if (!telemetry_rules_are_used(rules))
            continue;
        for (size_t rule = 0; rule <= telemetry_rules_rule_count(rules); rule++) {
            add_rule(to, rules, rule, false);
            if (rule > 0)
                add_rule(to, rules, rule, true);
        }
    }
}

/* ---- certificates ---------------------------------------------------------------------------- */

struct certificate_samples {
    struct text_builder *to;
    enum owned_certificate_use use;
    const char *name;
    const char *owner_label;
    bool wants_last_use;
};

static void add_certificate(void *context, const struct owned_certificate *certificate)
{
    const struct certificate_samples *samples = context;

    if (certificate->use != samples->use)
        return;
    text_builder_add_format(samples->to, "sallyport_%s", samples->name);
    add_label(samples->to, "{", samples->owner_label, slice_from_text(certificate->owner));
    add_label(samples->to, ",", "subject", certificate->description.subject);
    add_label(samples->to, ",", "sha256", certificate->description.sha256);
    text_builder_add_format(samples->to, "} %" PRId64 "\n",
                            samples->wants_last_use ? certificate->last_used
                                                    : certificate->description.not_after);
}

static void add_certificates(struct text_builder *to, const struct gateway_status *status)
{
    struct certificate_samples servers = {to, OWNED_BY_LISTENER, "certificate_not_after_seconds",
                                          "listener", false};
    struct certificate_samples anchors = {to, OWNED_BY_TRUST_PROFILE,
                                          "trust_anchor_not_after_seconds", "trust", false};
    struct certificate_samples uses = {to, OWNED_BY_TRUST_PROFILE, "trust_anchor_last_used_seconds",
                                       "trust", true};

    add_head(to, servers.name, "gauge",
             "When a certificate that a listener shows ceases to be valid, since 1970.");
    owned_certificates_visit(status->generation, add_certificate, &servers);
    add_head(to, anchors.name, "gauge",
             "When a certificate that clients are judged by ceases to be valid, since 1970.");
    owned_certificates_visit(status->generation, add_certificate, &anchors);
    add_head(to, uses.name, "gauge",
             "When an anchor last vouched for a client, since 1970; 0: not since the start.");
    owned_certificates_visit(status->generation, add_certificate, &uses);
}

/* ---- backends ------------------------------------------------------------------------------- */

typedef void backend_writer(struct text_builder *to, const struct backend_totals *totals);

struct backend_samples {
    struct text_builder *to;
    backend_writer *write;
    struct text_builder seen; /* what was written, a line each */
    uint64_t now_ms;
};

/* A backend that a reload changed is there twice for a while: what they count is the same. */
static bool is_seen(struct backend_samples *samples, const char *backend, const char *endpoint,
                    const char *address)
{
    char *line = memory_format("\n%s %s %s\n", backend, endpoint, address);
    bool seen = samples->seen.size > 0 && strstr(samples->seen.text, line) != NULL;

    if (!seen)
        text_builder_add(&samples->seen, slice_from_text(line));
    memory_release(line);
    return seen;
}

static void add_backend_labels(struct text_builder *to, const char *name,
                               const struct backend_totals *totals)
{
    text_builder_add_format(to, "sallyport_%s", name);
    add_label(to, "{", "backend", slice_from_text(totals->backend));
    add_label(to, ",", "endpoint", slice_from_text(totals->endpoint));
    add_label(to, ",", "address", slice_from_text(totals->address));
}

static void add_backend_requests(struct text_builder *to, const struct backend_totals *totals)
{
    add_backend_labels(to, "backend_requests_total", totals);
    text_builder_add_format(to, "} %" PRIu64 "\n", totals->requests);
}

static void add_connect_failures(struct text_builder *to, const struct backend_totals *totals)
{
    add_backend_labels(to, "backend_connect_failures_total", totals);
    text_builder_add_format(to, "} %" PRIu64 "\n", totals->connect_failures);
}

static void add_ejections(struct text_builder *to, const struct backend_totals *totals)
{
    add_backend_labels(to, "backend_ejections_total", totals);
    text_builder_add_format(to, "} %" PRIu64 "\n", totals->ejections);
}

static void add_ejected(struct text_builder *to, const struct backend_totals *totals)
{
    add_backend_labels(to, "backend_ejected", totals);
    text_builder_add_format(to, "} %d\n", totals->is_ejected ? 1 : 0);
}

static void add_backend_connections(struct text_builder *to, const struct backend_totals *totals)
{
    /* Read one after the other, while workers count. */
    uint64_t busy = totals->open > totals->idle ? totals->open - totals->idle : 0;

    add_backend_labels(to, "backend_connections", totals);
    text_builder_add_format(to, ",state=\"busy\"} %" PRIu64 "\n", busy);
    add_backend_labels(to, "backend_connections", totals);
    text_builder_add_format(to, ",state=\"idle\"} %" PRIu64 "\n", totals->idle);
}

static void visit_totals(void *context, const struct backend_totals *totals)
{
    struct backend_samples *samples = context;

    if (!is_seen(samples, totals->backend, totals->endpoint, totals->address))
        samples->write(samples->to, totals);
}

static void visit_pool(void *context, struct backend_pool *pool)
{
    struct backend_samples *samples = context;

    backend_pool_visit(pool, samples->now_ms, visit_totals, samples);
}

static void visit_queue(void *context, struct backend_pool *pool)
{
    struct backend_samples *samples = context;
    const char *name = backend_pool_settings(pool)->name;

    if (is_seen(samples, name, "", ""))
        return;
    text_builder_add_format(samples->to, "sallyport_backend_queued_requests");
    add_label(samples->to, "{", "backend", slice_from_text(name));
    text_builder_add_format(samples->to, "} %zu\n", backend_pool_waiting(pool));
}

static void add_of_backends(struct text_builder *to, const struct gateway_status *status,
                            backend_writer *write)
{
    struct backend_samples samples = {.to = to, .write = write, .now_ms = clock_monotonic_ms()};

    backend_registry_visit(status->backends, write == NULL ? visit_queue : visit_pool, &samples);
    text_builder_reset(&samples.seen);
}

static void add_backends(struct text_builder *to, const struct gateway_status *status)
{
    if (status->backends == NULL)
        return;
    add_head(to, "backend_requests_total", "counter",
             "Requests sent to an address of a backend, those sent again among them.");
    add_of_backends(to, status, add_backend_requests);
    add_head(to, "backend_connect_failures_total", "counter",
             "Connections to an address that could not be made, TLS included.");
    add_of_backends(to, status, add_connect_failures);
    add_head(to, "backend_connections", "gauge", "Open connections to an address.");
    add_of_backends(to, status, add_backend_connections);
    add_head(to, "backend_ejections_total", "counter",
             "How often an address was left out because it failed.");
    add_of_backends(to, status, add_ejections);
    add_head(to, "backend_ejected", "gauge", "1 while an address is left out.");
    add_of_backends(to, status, add_ejected);
    add_head(to, "backend_queued_requests", "gauge", "Requests that wait for a connection.");
    add_of_backends(to, status, NULL);
}

/* ---- the whole ------------------------------------------------------------------------------- */

void metrics_add(struct text_builder *to, const struct gateway_status *status)
{
    struct telemetry_totals totals;

    telemetry_total(status->telemetry, &totals);
    add_process(to, status);
    add_connections(to, status, &totals);
    add_traffic(to, status->telemetry);
    add_policies(to, status->telemetry);
    add_reasons(to, &totals);
    add_rejudged(to, &totals);
    metrics_add_limits(to, &totals);
    add_losses(to, status, &totals);
    add_certificates(to, status);
    add_backends(to, status);
    if (status->add_metrics != NULL)
        status->add_metrics(to, status->context);
}
