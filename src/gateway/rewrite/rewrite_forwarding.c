/* SPDX-License-Identifier: Apache-2.0
 *
 * What the backend is told of how a request came. The gateway knows it of its own connection; of
 * the connection to a trusted proxy only that proxy does, and what it says goes on when it is one
 * well-formed value. Everything else is replaced by what the gateway knows.
 */
#include "gateway/rewrite/rewrite_internal.h"
#include "protocol/http/http_host.h"

static const struct slice continued_names[] = {
    SLICE_STATIC("X-Forwarded-For"),
    SLICE_STATIC("X-Forwarded-Proto"),
    SLICE_STATIC("X-Forwarded-Port"),
    SLICE_STATIC("X-Forwarded-Host"),
    {NULL, 0},
};

bool rewrite_is_continued_name(struct slice name)
{
    return rewrite_name_is_among(name, continued_names);
}

/* Empty when there is none, or when there are two, of which nobody knows which is meant. */
static struct slice only_value(const struct http_request *request, struct slice name)
{
    const struct http_field *field = http_fields_find(&request->fields, name);

    if (field == NULL || http_fields_count(&request->fields, name) != 1)
        return SLICE("");
    return field->value;
}

static struct slice received_scheme(const struct http_request *request)
{
    struct slice value = only_value(request, SLICE("X-Forwarded-Proto"));

    if (slice_equals_ignoring_case(value, SLICE("https")))
        return SLICE("https");
    return slice_equals_ignoring_case(value, SLICE("http")) ? SLICE("http") : SLICE("");
}

/* 0 when there is none. */
static uint16_t received_port(const struct http_request *request)
{
    struct slice value = only_value(request, SLICE("X-Forwarded-Port"));
    uint64_t port = 0;

    return slice_parse_u64(value, &port) && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static struct slice received_host(const struct http_request *request)
{
    struct slice value = only_value(request, SLICE("X-Forwarded-Host"));
    char memory[HTTP_HOST_BYTES_MAX];
    struct slice host;
    uint16_t port;

    return http_host_parse(value, memory, &host, &port) ? value : SLICE("");
}

void rewrite_write_forwarding(const struct http_request *request,
                              const struct rewrite_request_facts *facts,
                              struct rewrite_writer *writer)
{
    struct slice scheme = facts->trusts_peer ? received_scheme(request) : SLICE("");
    uint16_t port = facts->trusts_peer ? received_port(request) : 0;
    struct slice host = facts->trusts_peer ? received_host(request) : SLICE("");

    if (slice_is_empty(scheme))
        scheme = SLICE("https");
    if (slice_is_empty(host))
        host = request->authority;
    rewrite_write_field(writer, SLICE("X-Forwarded-For"), facts->forwarded_for);
    rewrite_write_field(writer, SLICE("X-Forwarded-Proto"), scheme);
    rewrite_write_u64(writer, SLICE("X-Forwarded-Port"), port == 0 ? facts->listener_port : port);
    if (!slice_is_empty(host))
        rewrite_write_field(writer, SLICE("X-Forwarded-Host"), host);
    if (!slice_is_empty(request->authority))
        rewrite_write_field(writer, SLICE("X-Original-Host"), request->authority);
}
