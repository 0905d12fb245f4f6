/* SPDX-License-Identifier: Apache-2.0 */
/* module: app/config */
/*
 * Any bytes as a configuration. There are settings or there is an error, problems come in order,
 * and settings have everything that whoever builds a generation from them relies on.
 */
#include <assert.h>
#include <string.h>

#include "app/config/config.h"
#include "runtime/socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_problems(const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        const struct config_problem *next = i + 1 < problems->count ? problem + 1 : NULL;

        assert(problem->file[0] != '\0');
        assert(problem->text[0] != '\0');
        for (const char *byte = problem->text; *byte != '\0'; byte++)
            assert((unsigned char)*byte >= 0x20 && *byte != 0x7F);
        assert((problem->line == 0) == (problem->column == 0));
        if (next != NULL && next->line != 0 && strcmp(next->file, problem->file) == 0)
            assert(next->line > problem->line ||
                   (next->line == problem->line && next->column >= problem->column));
    }
}

static void check_trust(const struct trust_profile_settings *trust)
{
    assert(trust->anchor_count > 0);
    for (size_t i = 0; i < trust->anchor_count; i++)
        assert(trust->anchors[i].path[0] == '/');
}

static void check_client_certificate(const struct client_certificate_settings *own,
                                     const struct client_certificate_settings *inherited)
{
    enum client_certificate_mode mode = own->has_mode ? own->mode : inherited->mode;
    const struct trust_profile_settings *trust = own->trust != NULL ? own->trust : inherited->trust;

    if (own->trust != NULL)
        check_trust(own->trust);
    if (mode == CLIENT_CERTIFICATE_REQUIRED || mode == CLIENT_CERTIFICATE_OPTIONAL)
        assert(trust != NULL);
    else
        assert(own->trust == NULL);
}

static void check_headers(const struct identity_header_settings *headers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert(headers[i].name[0] != '\0' && headers[i].format != IDENTITY_FORMAT_NONE);
}

static void check_route(const struct listener_settings *listener,
                        const struct route_settings *route)
{
    struct error error;

    assert(route->match.name[0] != '\0');
    assert(route->match.paths == NULL || route->match.paths[0] != NULL);
    for (const char *const *path = route->match.paths; path != NULL && *path != NULL; path++)
        assert(route_pattern_is_valid(slice_from_text(*path), &error));
    assert(route->match.methods == NULL || route->match.methods[0] != NULL);
    check_client_certificate(&route->client_certificate, &listener->client_certificate);
    check_headers(route->identity_headers, route->identity_header_count);
    assert(route->backend->name != NULL && route->backend->endpoint_count > 0);
    for (size_t i = 0; i < route->backend->endpoint_count; i++)
        assert(strncmp(route->backend->endpoints[i].url, "http://", 7) == 0);
    assert(route->backend->connections_max > 0 && route->backend->connect_timeout_ms > 0);
}

static void check_listener(const struct listener_settings *listener)
{
    struct socket_address address;

    assert(listener->name[0] != '\0' && listener->server_token[0] != '\0');
    assert(socket_address_parse(slice_from_text(listener->address), &address, NULL));
    assert(listener->hosts == NULL || listener->hosts[0] != NULL);
    assert(listener->tls->certificate_count > 0 && listener->tls->alpn[0] != NULL);
    for (size_t i = 0; i < listener->tls->certificate_count; i++)
        assert(listener->tls->certificates[i].chain[0] == '/' &&
               listener->tls->certificates[i].key[0] == '/');
    check_client_certificate(&listener->client_certificate, &listener->client_certificate);
    check_headers(listener->identity_headers, listener->identity_header_count);
    assert(listener->route_count > 0);
    for (size_t i = 0; i < listener->route_count; i++)
        check_route(listener, &listener->routes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = config_load_text(slice_from(data, size), "fuzz.yaml", "/etc");
    const struct generation_settings *settings = config_settings(config);

    assert((settings == NULL) == (config_problems(config)->errors > 0));
    check_problems(config_problems(config));
    if (settings != NULL) {
        assert(settings->listener_count > 0);
        for (size_t i = 0; i < settings->listener_count; i++)
            check_listener(&settings->listeners[i]);
        assert(settings->limits.connections > 0 && settings->telemetry.queue_bytes_max > 0);
    }
    config_destroy(config);
    return 0;
}
