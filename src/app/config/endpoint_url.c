/* SPDX-License-Identifier: Apache-2.0
 *
 * An endpoint is where connections go. What else a URL may carry is set elsewhere or not at all,
 * and is refused rather than ignored.
 */
#include "app/config/endpoint_url_internal.h"

#include <stdio.h>

#include "protocol/http/http_host.h"
#include "runtime/resolver.h"

enum { HTTP_PORT = 80, HTTPS_PORT = 443, TEXT_SHOWN = 80 };

static bool refuse(struct slice text, const char *because, struct error *error)
{
    error_set(error, ERROR_VALUE, "'%.*s' is not an endpoint: %s",
              SLICE_FORMAT(slice_first(text, TEXT_SHOWN)), because);
    return false;
}

/* Schemes are compared without regard to case (RFC 3986 section 3.1). */
static bool has_scheme(struct slice text, struct slice scheme)
{
    return slice_equals_ignoring_case(slice_first(text, scheme.size), scheme);
}

/* Nobody is asked whether there is such a name. */
static bool host_is_valid(struct slice text, struct slice host, struct error *error)
{
    char terminated[HTTP_HOST_BYTES_MAX + 1];
    struct socket_address address;
    struct error problem = {.kind = ERROR_NONE};

    snprintf(terminated, sizeof(terminated), "%.*s", SLICE_FORMAT(host));
    if (socket_address_from_host(terminated, 0, &address) || resolver_name_is_valid(host, &problem))
        return true;
    return refuse(text, problem.text, error);
}

bool endpoint_url_parse(struct slice text, char url[ENDPOINT_URL_SIZE], struct error *error)
{
    char memory[HTTP_HOST_BYTES_MAX];
    struct slice authority;
    struct slice host;
    struct slice port_text;
    bool is_tls = has_scheme(text, SLICE("https://"));
    bool is_ipv6;
    uint16_t port;

    if (!is_tls && !has_scheme(text, SLICE("http://")))
        return refuse(text, "it must begin with http:// or https://", error);

    authority = slice_after(text, slice_find(text, '/') + 2);
    if (slice_find(authority, '/') + 1 == authority.size)
        authority = slice_first(authority, authority.size - 1);
    if (slice_find(authority, '@') < authority.size)
        return refuse(text, "it must not hold a user or password", error);
    if (slice_find(authority, '/') < authority.size ||
        slice_find(authority, '?') < authority.size || slice_find(authority, '#') < authority.size)
        return refuse(text, "nothing may follow the port", error);
    if (slice_ends_with(authority, SLICE(":")) || !http_host_parse(authority, memory, &host, &port))
        return refuse(text, "it must be http://HOST:PORT or https://HOST:PORT", error);
    is_ipv6 = slice_find(host, ':') < host.size;
    port_text = slice_after(authority, is_ipv6 ? slice_find(authority, ']') + 1 : 0);
    if (port == 0 && slice_find(port_text, ':') < port_text.size)
        return refuse(text, "there is no port 0", error);

    if (!host_is_valid(text, host, error))
        return false;

    if (port == 0)
        port = is_tls ? HTTPS_PORT : HTTP_PORT;
    snprintf(url, ENDPOINT_URL_SIZE, "%s://%s%.*s%s:%u", is_tls ? "https" : "http",
             is_ipv6 ? "[" : "", SLICE_FORMAT(host), is_ipv6 ? "]" : "", (unsigned)port);
    return true;
}
