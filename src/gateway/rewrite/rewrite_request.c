/* SPDX-License-Identifier: Apache-2.0
 *
 * The request head for the backend. First what the client said and may say, then what we say, so
 * that nothing from outside can touch a line of ours. Identity headers come last, and from one
 * place only.
 */
#include "gateway/rewrite/rewrite_internal.h"

/* ---- what the client said ------------------------------------------------------------------ */

/* We say these ourselves, or answer them ourselves. */
static const struct slice replaced_names[] = {SLICE_STATIC("Host"),
                                              SLICE_STATIC("Content-Length"),
                                              SLICE_STATIC("Expect"),
                                              SLICE_STATIC("traceparent"),
                                              {NULL, 0}};

static const struct slice trace_names[] = {SLICE_STATIC("tracestate"), {NULL, 0}};

/* What came with a trace that was not carried on belongs to nothing. */
static bool is_orphan(const struct http_trace *trace, struct slice name)
{
    return (trace == NULL || !trace->is_continued) && rewrite_name_is_among(name, trace_names);
}

static void write_received_fields(const struct rewrite_plan *plan,
                                  const struct http_request *request,
                                  const struct rewrite_request_facts *facts,
                                  const struct rewrite_connection_options *options,
                                  struct rewrite_writer *writer, size_t *stripped)
{
    const struct http_fields *fields = &request->fields;
    bool counts_forwards = rewrite_counts_forwards(request);
    bool has_signatures = false;

    for (size_t i = 0; i < fields->count; i++) {
        struct slice name = fields->items[i].name;

        if (rewrite_is_identity_name(plan->owned_names, name) || rewrite_is_forwarding_name(name)) {
            if (!facts->trusts_peer || !rewrite_is_continued_name(name))
                (*stripped)++;
            continue;
        }
        if (rewrite_is_signature_name(name)) {
            has_signatures = true;
            continue;
        }
        if (counts_forwards && http_name_folds_equal(name, SLICE("Max-Forwards")))
            continue;
        if (!rewrite_is_hop_by_hop_name(name) && !rewrite_is_connection_option(options, name) &&
            !rewrite_name_is_among(name, replaced_names) && !is_orphan(facts->trace, name))
            rewrite_write_field(writer, name, fields->items[i].value);
    }
    if (has_signatures)
        rewrite_write_signatures(fields, facts->arena, writer, stripped);
}

/* ---- what we say --------------------------------------------------------------------------- */

/* RFC 9112 section 6: the one length that the reader found, in the one form that it was sent in. */
static void write_framing(const struct http_request *request, struct rewrite_writer *writer)
{
    if (request->framing == HTTP_FRAMING_CHUNKED)
        rewrite_write_field(writer, SLICE("Transfer-Encoding"), SLICE("chunked"));
    else if (request->framing == HTTP_FRAMING_LENGTH || request->has_content_length)
        rewrite_write_u64(writer, SLICE("Content-Length"), request->content_length);
}

/* What is between us and the backend: RFC 9110 sections 10.1.1, 10.1.4, 6.6.2 and 7.6.2. */
static void write_our_hop(const struct rewrite_plan *plan, const struct http_request *request,
                          const struct rewrite_request_facts *facts, struct rewrite_writer *writer)
{
    if (facts->expects_continue && request->expects_continue)
        rewrite_write_field(writer, SLICE("Expect"), SLICE("100-continue"));
    if (rewrite_accepts_trailers(request)) {
        rewrite_write_field(writer, SLICE("Connection"), SLICE("TE"));
        rewrite_write_field(writer, SLICE("TE"), SLICE("trailers"));
    }
    if (request->framing == HTTP_FRAMING_CHUNKED)
        rewrite_write_announcement(writer, plan->owned_names, &request->fields);
    rewrite_write_max_forwards(writer, request);
}

static void write_trace(const struct rewrite_request_facts *facts, struct rewrite_writer *writer)
{
    char parent[HTTP_TRACE_PARENT_SIZE];

    if (facts->trace_id != NULL)
        rewrite_write_field(writer, SLICE(REWRITE_TRACE_ID_NAME), slice_from_text(facts->trace_id));
    if (facts->trace == NULL)
        return;
    http_trace_format_parent(facts->trace, parent);
    rewrite_write_field(writer, SLICE("traceparent"), slice_from_text(parent));
}

/* ---- the head ------------------------------------------------------------------------------ */

/* Running out of room is told apart by whose fields did not fit. */
static enum reason reason_of(enum http_write_outcome outcome, bool in_identity)
{
    switch (outcome) {
    case HTTP_WRITE_DONE:
        return REASON_NONE;
    case HTTP_WRITE_NO_ROOM:
        return in_identity ? REASON_IDENTITY_HEADER_TOO_LARGE : REASON_REQUEST_HEADER_TOO_LARGE;
    case HTTP_WRITE_REFUSED:
        return in_identity ? REASON_INTERNAL : REASON_REQUEST_HEADER_MALFORMED;
    }
    return REASON_INTERNAL;
}

static void write_ours(const struct rewrite_plan *plan, const struct rewrite_request_facts *facts,
                       struct rewrite_writer *writer)
{
    size_t start = writer->to->written;

    if (!rewrite_write_identity(plan, facts, writer))
        writer->outcome = HTTP_WRITE_NO_ROOM;
    if (plan->signer != NULL && writer->outcome == HTTP_WRITE_DONE &&
        !rewrite_sign(plan->signer, facts->host, start, writer))
        writer->outcome = HTTP_WRITE_REFUSED;
}

enum reason rewrite_request_head(const struct rewrite_plan *plan,
                                 const struct http_request *request,
                                 const struct rewrite_request_facts *facts, struct buffer *to,
                                 size_t *stripped)
{
    struct rewrite_writer writer = rewrite_writer_start(to);
    struct rewrite_connection_options options;
    size_t counted = 0;
    enum reason reason;

    if (facts->authentication == NULL || facts->authentication->reason != REASON_NONE)
        return REASON_INTERNAL;
    if (!rewrite_collect_connection_options(&request->fields, &options))
        return REASON_REQUEST_CONNECTION_MALFORMED;
    if (request->framing == HTTP_FRAMING_UNTIL_CLOSE)
        return REASON_REQUEST_FRAMING_AMBIGUOUS;

    writer.outcome = http_write_request_line(to, request->method, request->path, request->has_query,
                                             request->query);
    rewrite_write_field(&writer, SLICE("Host"), facts->host);
    write_received_fields(plan, request, facts, &options, &writer, &counted);
    write_framing(request, &writer);
    write_our_hop(plan, request, facts, &writer);
    rewrite_write_via(&writer, request->version, facts->pseudonym);
    rewrite_write_forwarding(request, facts, &writer);
    write_trace(facts, &writer);
    reason = reason_of(writer.outcome, false);

    if (reason == REASON_NONE)
        write_ours(plan, facts, &writer);
    if (rewrite_writer_finish(&writer) != HTTP_WRITE_DONE)
        return reason == REASON_NONE ? reason_of(writer.outcome, true) : reason;
    *stripped = counted;
    return REASON_NONE;
}
