/* SPDX-License-Identifier: Apache-2.0
 *
 * The status: what runs, since when, with which configuration, and what it has done so far.
 */
#include "app/admin/status_report_internal.h"

#include <inttypes.h>
#include <unistd.h>

#include "gateway/generation/generation.h"
#include "gateway/telemetry/telemetry.h"
#include "runtime/clock.h"

/* ---- pieces ---------------------------------------------------------------------------------- */

/* A function for each listener of the generation, with the address that it really has. */
typedef void listener_visitor(struct text_builder *to, const char *name, const char *address,
                              bool is_first);

static void visit_listeners(struct text_builder *to, const struct gateway_status *status,
                            listener_visitor *visit)
{
    bool is_first = true;

    for (size_t i = 0; i < generation_group_count(status->generation); i++) {
        const struct listener_group *group = generation_group(status->generation, i);
        char address[SOCKET_ADDRESS_TEXT_SIZE];

        socket_address_format(gateway_status_bound(status, listener_group_address(group)), address);
        for (size_t j = 0; j < listener_group_count(group); j++) {
            visit(to, listener_group_get(group, j)->name, address, is_first);
            is_first = false;
        }
    }
}

struct counts {
    uint64_t uptime_seconds;
    size_t connections;
    uint64_t events_dropped;
    struct telemetry_totals totals;
};

static struct counts count(const struct gateway_status *status)
{
    struct counts counts = {
        .uptime_seconds = (clock_monotonic_ms() - status->started_ms) / 1000,
        .connections = atomic_load_explicit(status->open_connections, memory_order_relaxed),
        .events_dropped = gateway_status_events_dropped(status),
    };

    telemetry_total(status->telemetry, &counts.totals);
    return counts;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void add_json_listener(struct text_builder *to, const char *name, const char *address,
                              bool is_first)
{
    text_builder_add_format(to, is_first ? "{\"name\":" : ",{\"name\":");
    report_add_json(to, slice_from_text(name));
    text_builder_add_format(to, ",\"address\":");
    report_add_json(to, slice_from_text(address));
    text_builder_add_format(to, "}");
}

static void add_json_reload(struct text_builder *to, const struct gateway_reload *reload)
{
    if (reload->ended == 0) {
        text_builder_add_format(to, "null");
        return;
    }
    text_builder_add_format(to, "{\"time\":\"");
    report_add_time(to, reload->ended);
    text_builder_add_format(to, "\",\"succeeded\":%s", reload->succeeded ? "true" : "false");
    if (reload->problems != NULL) {
        text_builder_add_format(to, ",\"problems\":");
        report_add_json(to, slice_from_text(reload->problems));
    }
    text_builder_add_format(to, "}");
}

static void add_json_totals(struct text_builder *to, const struct counts *counts)
{
    const struct telemetry_totals *totals = &counts->totals;

    text_builder_add_format(to,
                            "{\"requests\":%" PRIu64 ",\"handshakes\":%" PRIu64
                            ",\"handshakes_resumed\":%" PRIu64 ",\"handshakes_failed\":%" PRIu64
                            ",\"connections_refused\":%" PRIu64 ",\"log_records_dropped\":%" PRIu64
                            ",\"log_events_dropped\":%" PRIu64 ",\"headers_stripped\":%" PRIu64 "}",
                            totals->exchanges, totals->handshakes, totals->handshakes_resumed,
                            totals->handshakes_failed, totals->connections_refused,
                            totals->records_dropped, counts->events_dropped,
                            totals->headers_stripped);
}

static void add_json(struct text_builder *to, const struct gateway_status *status)
{
    struct counts counts = count(status);

    text_builder_add_format(to, "{\"version\":\"%s\",\"pid\":%ld,\"state\":\"%s\",\"started\":\"",
                            SALLYPORT_VERSION, (long)getpid(), gateway_phase_name(status->phase));
    report_add_time(to, status->started_wall_seconds);
    text_builder_add_format(
        to, "\",\"uptime_seconds\":%" PRIu64 ",\"configuration\":", counts.uptime_seconds);
    report_add_json(to, slice_from_text(status->configuration));
    text_builder_add_format(
        to, ",\"generation\":%" PRIu64 ",\"last_reload\":", status->generation_number);
    add_json_reload(to, &status->reload);
    text_builder_add_format(to, ",\"workers\":%zu,\"open_connections\":%zu,\"listeners\":[",
                            status->workers, counts.connections);
    visit_listeners(to, status, add_json_listener);
    text_builder_add_format(to, "],\"totals\":");
    add_json_totals(to, &counts);
    if (status->add_revocation != NULL)
        status->add_revocation(to, true, status->context);
    text_builder_add_format(to, "}\n");
}

/* ---- text ------------------------------------------------------------------------------------ */

static void add_text_listener(struct text_builder *to, const char *name, const char *address,
                              bool is_first)
{
    text_builder_add_format(to, "%-14s%s https://%s\n", is_first ? "listeners" : "", name, address);
}

static void add_text_reload(struct text_builder *to, const struct gateway_reload *reload)
{
    if (reload->ended == 0) {
        text_builder_add_format(to, "never\n");
        return;
    }
    text_builder_add_format(to, "%s at ", reload->succeeded ? "succeeded" : "failed");
    report_add_time(to, reload->ended);
    text_builder_add_format(to, "\n");
    if (reload->problems != NULL)
        text_builder_add_format(to, "%s\n", reload->problems);
}

/* "3d 4h 5m 6s", without what is 0 at the front. */
static void add_text_duration(struct text_builder *to, uint64_t seconds)
{
    uint64_t minutes = seconds / 60;
    uint64_t hours = minutes / 60;

    if (hours >= 24)
        text_builder_add_format(to, "%" PRIu64 "d ", hours / 24);
    if (hours > 0)
        text_builder_add_format(to, "%" PRIu64 "h ", hours % 24);
    if (minutes > 0)
        text_builder_add_format(to, "%" PRIu64 "m ", minutes % 60);
    text_builder_add_format(to, "%" PRIu64 "s", seconds % 60);
}

static void add_text(struct text_builder *to, const struct gateway_status *status)
{
    struct counts counts = count(status);
    const struct telemetry_totals *totals = &counts.totals;

    text_builder_add_format(to, "%-14s%s, version %s, pid %ld\n", "state",
                            gateway_phase_name(status->phase), SALLYPORT_VERSION, (long)getpid());
    text_builder_add_format(to, "%-14s", "started");
    report_add_time(to, status->started_wall_seconds);
    text_builder_add_format(to, ", ");
    add_text_duration(to, counts.uptime_seconds);
    text_builder_add_format(to, " ago\n%-14s%s\n", "configuration", status->configuration);
    text_builder_add_format(to, "%-14s%" PRIu64 "\n", "generation", status->generation_number);
    text_builder_add_format(to, "%-14s", "last reload");
    add_text_reload(to, &status->reload);
    text_builder_add_format(to, "%-14s%zu\n", "workers", status->workers);
    visit_listeners(to, status, add_text_listener);
    text_builder_add_format(to, "%-14s%zu open, %" PRIu64 " refused\n", "connections",
                            counts.connections, totals->connections_refused);
    text_builder_add_format(
        to, "%-14s%" PRIu64 ", %" PRIu64 " of them resumed; %" PRIu64 " failed\n", "handshakes",
        totals->handshakes, totals->handshakes_resumed, totals->handshakes_failed);
    text_builder_add_format(to, "%-14s%" PRIu64 "\n", "requests", totals->exchanges);
    text_builder_add_format(to, "%-14s%" PRIu64 " access-log records, %" PRIu64 " events\n",
                            "dropped", totals->records_dropped, counts.events_dropped);
    if (status->add_revocation != NULL)
        status->add_revocation(to, false, status->context);
}

void status_report_add(struct text_builder *to, const struct gateway_status *status,
                       enum report_form form)
{
    if (form == REPORT_JSON)
        add_json(to, status);
    else
        add_text(to, status);
}
