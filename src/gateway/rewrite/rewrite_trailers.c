/* SPDX-License-Identifier: Apache-2.0
 *
 * Trailer fields on their way through. They stay trailers: whoever merges them into the head lets
 * its sender change at the end what was decided by at the beginning (RFC 9110 section 6.5.1). What
 * may not come in that place at all is removed, whoever sent it.
 */
#include "gateway/rewrite/rewrite_internal.h"

/* RFC 9110 section 6.5.1: framing, routing, authentication, request modifiers, response controls,
 * and what tells how to read the content. Hop-by-hop fields, identity and forwarding fields have
 * lists of their own. */
static const struct slice forbidden_names[] = {
    SLICE_STATIC("Host"),
    SLICE_STATIC("Via"),
    SLICE_STATIC("Max-Forwards"),
    SLICE_STATIC("Expect"),
    SLICE_STATIC("Range"),
    SLICE_STATIC("Cache-Control"),
    SLICE_STATIC("Pragma"),
    SLICE_STATIC("Authorization"),
    SLICE_STATIC("Authentication-Info"),
    SLICE_STATIC("WWW-Authenticate"),
    SLICE_STATIC("Cookie"),
    SLICE_STATIC("Cookie2"),
    SLICE_STATIC("Set-Cookie"),
    SLICE_STATIC("Set-Cookie2"),
    SLICE_STATIC("Origin"),
    SLICE_STATIC("Referer"),
    SLICE_STATIC("Age"),
    SLICE_STATIC("Date"),
    SLICE_STATIC("Expires"),
    SLICE_STATIC("Location"),
    SLICE_STATIC("Retry-After"),
    SLICE_STATIC("Vary"),
    SLICE_STATIC("Warning"),
    SLICE_STATIC("Clear-Site-Data"),
    SLICE_STATIC("Strict-Transport-Security"),
    SLICE_STATIC("X-HTTP-Method"),
    SLICE_STATIC("X-HTTP-Method-Override"),
    SLICE_STATIC("X-Method-Override"),
    SLICE_STATIC("traceparent"),
    SLICE_STATIC("tracestate"),
    {NULL, 0},
};

static const struct slice forbidden_families[] = {
    SLICE_STATIC("If-"),    SLICE_STATIC("Content-"), SLICE_STATIC("Access-Control-"),
    SLICE_STATIC("Proxy-"), SLICE_STATIC("Sec-"),     {NULL, 0}};

/* RFC 9530 section 3: a digest of the content can be known at its end only. */
static const struct slice permitted_names[] = {SLICE_STATIC("Content-Digest"), {NULL, 0}};

bool rewrite_may_be_trailer(const struct http_name_set *owned_names, struct slice name)
{
    if (!http_name_is_plain(name) || rewrite_is_identity_name(owned_names, name) ||
        rewrite_is_forwarding_name(name) || rewrite_is_hop_by_hop_name(name) ||
        rewrite_name_is_among(name, forbidden_names))
        return false;
    return rewrite_name_is_among(name, permitted_names) ||
           !rewrite_name_is_of_family(name, forbidden_families);
}

/* RFC 9110 section 10.1.4. A client of HTTP/1.0 reads no chunks, and so no trailers. */
bool rewrite_accepts_trailers(const struct http_request *request)
{
    if (request->version != HTTP_VERSION_1_1)
        return false;
    for (size_t i = 0; i < request->fields.count; i++) {
        if (slice_equals_ignoring_case(request->fields.items[i].name, SLICE("TE")) &&
            http_list_has_token(request->fields.items[i].value, SLICE("trailers")))
            return true;
    }
    return false;
}

void rewrite_write_announcement(struct rewrite_writer *writer,
                                const struct http_name_set *owned_names,
                                const struct http_fields *fields)
{
    size_t left = ANNOUNCED_MAX;

    for (size_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct slice name;

        if (!slice_equals_ignoring_case(fields->items[i].name, SLICE("Trailer")))
            continue;
        for (; left > 0 && http_list_next(&rest, &name); left--) {
            if (rewrite_may_be_trailer(owned_names, name))
                rewrite_write_field(writer, SLICE("Trailer"), name);
        }
    }
}

bool rewrite_trailers(const struct http_name_set *owned_names, const struct http_fields *head,
                      const struct http_fields *trailers, struct buffer *to, size_t *stripped)
{
    struct rewrite_writer writer = rewrite_writer_start(to);
    struct rewrite_connection_options options = {.count = 0};

    *stripped = 0;
    if (!rewrite_collect_connection_options(head, &options))
        return false;
    for (size_t i = 0; i < trailers->count; i++) {
        const struct http_field *field = &trailers->items[i];

        if (rewrite_may_be_trailer(owned_names, field->name) && !rewrite_claims_to_be_ours(field) &&
            !rewrite_is_connection_option(&options, field->name))
            rewrite_write_field(&writer, field->name, field->value);
        else
            (*stripped)++;
    }
    if (writer.outcome != HTTP_WRITE_DONE)
        to->written = writer.start;
    return writer.outcome == HTTP_WRITE_DONE;
}
