/* SPDX-License-Identifier: Apache-2.0
 *
 * The response head for the client. Fields pass in their order, several of one name (Set-Cookie)
 * as several; what belongs to the backend's connection stays there.
 */
#include "gateway/rewrite/rewrite_internal.h"

#include "runtime/clock.h"

enum { STATUS_SUCCESSFUL = 200, STATUS_NO_CONTENT = 204 };

/* RFC 9440 section 2.4: what was chosen by the certificate can be no shared answer, and the names
 * of our identity headers mean nothing to the client. */
static bool varies_by_identity(const struct http_fields *fields,
                               const struct http_name_set *owned_names)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct slice name;

        if (!slice_equals_ignoring_case(fields->items[i].name, SLICE("Vary")))
            continue;
        while (http_list_next(&rest, &name)) {
            if (rewrite_is_identity_name(owned_names, name))
                return true;
        }
    }
    return false;
}

/* RFC 9440 section 2.1: these are requests' alone; a backend that echoes them gives a certificate
 * away to whoever may read the answer. */
static const struct slice requests_own_names[] = {
    SLICE_STATIC("Client-Cert"), SLICE_STATIC("Client-Cert-Chain"), {NULL, 0}};

static void write_received_fields(const struct http_response *response,
                                  const struct rewrite_response_facts *facts,
                                  const struct rewrite_connection_options *options,
                                  struct rewrite_writer *writer)
{
    bool varies = varies_by_identity(&response->fields, facts->owned_names);

    for (size_t i = 0; i < response->fields.count; i++) {
        struct slice name = response->fields.items[i].name;

        if (rewrite_is_hop_by_hop_name(name) || rewrite_is_connection_option(options, name) ||
            rewrite_name_is_among(name, requests_own_names) ||
            http_name_folds_equal(name, SLICE("Content-Length")))
            continue;
        if (varies && slice_equals_ignoring_case(name, SLICE("Vary")))
            continue;
        if (facts->trace_id != NULL && http_name_folds_equal(name, SLICE(REWRITE_TRACE_ID_NAME)))
            continue;
        rewrite_write_field(writer, name, response->fields.items[i].value);
    }
    if (varies)
        rewrite_write_field(writer, SLICE("Vary"), SLICE("*"));
}

/* RFC 9110 section 8.6: no Content-Length in 1xx and 204; in answers to HEAD and in 304 it says
 * what there would have been. */
static void write_framing(const struct http_response *response,
                          const struct rewrite_response_facts *facts, struct rewrite_writer *writer)
{
    if (facts->framing == HTTP_FRAMING_CHUNKED)
        rewrite_write_field(writer, SLICE("Transfer-Encoding"), SLICE("chunked"));
    if (facts->framing == HTTP_FRAMING_CHUNKED && facts->accepts_trailers)
        rewrite_write_announcement(writer, facts->owned_names, &response->fields);
    if (facts->framing == HTTP_FRAMING_LENGTH ||
        (facts->framing == HTTP_FRAMING_NONE && response->has_content_length &&
         response->status >= STATUS_SUCCESSFUL && response->status != STATUS_NO_CONTENT))
        rewrite_write_u64(writer, SLICE("Content-Length"), response->content_length);
}

static void write_ours(const struct http_response *response,
                       const struct rewrite_response_facts *facts, struct rewrite_writer *writer)
{
    char date[CLOCK_HTTP_DATE_SIZE];

    rewrite_write_via(writer, response->version, facts->pseudonym);
    if (facts->trace_id != NULL)
        rewrite_write_field(writer, SLICE(REWRITE_TRACE_ID_NAME), slice_from_text(facts->trace_id));
    /* An interim answer is followed by another; only that one has a date and ends anything. */
    if (response->status < STATUS_SUCCESSFUL)
        return;
    if (http_fields_find(&response->fields, SLICE("Date")) == NULL) {
        clock_format_http_date(facts->now, date);
        rewrite_write_field(writer, SLICE("Date"), slice_from_text(date));
    }
    if (facts->close || facts->framing == HTTP_FRAMING_UNTIL_CLOSE)
        rewrite_write_field(writer, SLICE("Connection"), SLICE("close"));
    else if (facts->client_version == HTTP_VERSION_1_0)
        rewrite_write_field(writer, SLICE("Connection"), SLICE("keep-alive"));
}

enum reason rewrite_response_head(const struct http_response *response,
                                  const struct rewrite_response_facts *facts, struct buffer *to)
{
    struct rewrite_writer writer = rewrite_writer_start(to);
    struct rewrite_connection_options options;

    /* RFC 9112 section 6.1: a client of HTTP/1.0 cannot read chunks. Whoever chose this framing
     * would go on to send them. */
    if (facts->framing == HTTP_FRAMING_CHUNKED && facts->client_version != HTTP_VERSION_1_1)
        return REASON_INTERNAL;
    if (!rewrite_collect_connection_options(&response->fields, &options))
        return REASON_BACKEND_RESPONSE_MALFORMED;

    writer.outcome = http_write_status_line(to, response->status, response->reason_phrase);
    write_received_fields(response, facts, &options, &writer);
    write_framing(response, facts, &writer);
    write_ours(response, facts, &writer);

    switch (rewrite_writer_finish(&writer)) {
    case HTTP_WRITE_DONE:
        return REASON_NONE;
    case HTTP_WRITE_NO_ROOM:
        return REASON_BACKEND_RESPONSE_TOO_LARGE;
    case HTTP_WRITE_REFUSED:
        return REASON_BACKEND_RESPONSE_MALFORMED;
    }
    return REASON_INTERNAL;
}
