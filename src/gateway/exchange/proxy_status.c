/* SPDX-License-Identifier: Apache-2.0
 *
 * A reason that is not listed speaks by its fault and status, so that a new one says something
 * true before anybody has thought of this field.
 */
#include "gateway/exchange/proxy_status.h"

#include "protocol/http/http_write.h"

enum {
    VALUE_BYTES_MAX = 256,
    STATUS_FORBIDDEN = 403,
    STATUS_TOO_MANY_REQUESTS = 429,
    STATUS_GATEWAY_TIMEOUT = 504
};

static const struct {
    enum reason reason;
    const char *error;
} errors[] = {
    /* clang-format off */
    {REASON_HOST_NOT_FOUND,             "destination_not_found"},
    {REASON_ROUTE_NOT_FOUND,            "destination_not_found"},
    {REASON_REQUEST_LOOP,               "proxy_loop_detected"},
    {REASON_BACKEND_UNREACHABLE,        "destination_unavailable"},
    {REASON_BACKEND_CONNECT_TIMEOUT,    "connection_timeout"},
    {REASON_BACKEND_CLOSED,             "connection_terminated"},
    {REASON_BACKEND_RESPONSE_MALFORMED, "http_protocol_error"},
    {REASON_BACKEND_RESPONSE_TOO_LARGE, "http_response_header_section_size"},
    {REASON_BACKEND_HEADERS_TOO_MANY, "http_response_header_section_size"},
    {REASON_BACKEND_RESPONSE_TIMEOUT,   "http_response_timeout"},
    {REASON_BACKEND_BUSY,               "connection_limit_reached"},
    {REASON_DRAINING,                   "proxy_internal_response"},
    /* clang-format on */
};

/* Certificates are refused by the configuration, whatever is wrong with them: the error tells no
 * more than the status does. */
static const char *error_of_fault(enum reason reason)
{
    unsigned status = reason_status(reason);

    if (reason_is_certificate(reason) || status == STATUS_FORBIDDEN ||
        status == STATUS_TOO_MANY_REQUESTS)
        return "http_request_denied";
    switch (reason_get(reason)->fault) {
    case REASON_FAULT_CLIENT:
        return "http_request_error";
    case REASON_FAULT_BACKEND:
        return status == STATUS_GATEWAY_TIMEOUT ? "connection_timeout" : "destination_unavailable";
    case REASON_FAULT_NOBODY:
    case REASON_FAULT_GATEWAY:
        break;
    }
    return "proxy_internal_error";
}

const char *proxy_status_error(enum reason reason)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i].reason == reason)
            return errors[i].error;
    }
    return error_of_fault(reason);
}

bool proxy_status_write(struct buffer *to, struct slice pseudonym, enum reason reason,
                        bool with_details)
{
    char memory[VALUE_BYTES_MAX];
    struct buffer value;

    buffer_init(&value, memory, sizeof(memory));
    if (!buffer_append(&value, pseudonym) || !buffer_append(&value, SLICE("; error=")) ||
        !buffer_append(&value, slice_from_text(proxy_status_error(reason))))
        return false;
    if (with_details && (!buffer_append(&value, SLICE("; details=\"")) ||
                         !buffer_append(&value, slice_from_text(reason_name(reason))) ||
                         !buffer_append(&value, SLICE("\""))))
        return false;
    return http_write_field(to, SLICE("Proxy-Status"), buffer_readable(&value)) == HTTP_WRITE_DONE;
}
