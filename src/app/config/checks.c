/* SPDX-License-Identifier: Apache-2.0
 *
 * What no setting can say alone: which belong together, which contradict each other, which can
 * never matter. A check keeps silent where what it looks at was refused already.
 */
#include "app/config/route_warnings_internal.h"
#include "app/config/special_settings_internal.h"

#include "gateway/identity/authentication.h"
#include "protocol/http/http_host.h"
#include "runtime/socket.h"

/* The value of a name if it was written, else the mapping that it would be in. */
static struct yaml_node *place_of(struct yaml_node *node, const char *name)
{
    struct yaml_node *value = node == NULL ? NULL : yaml_node_find(node, name);

    return value == NULL ? node : value;
}

/* Was this read without a problem, or left out on purpose? */
static bool is_sound(const struct yaml_node *node, const char *name)
{
    const struct yaml_node *value = yaml_node_find(node, name);

    return value == NULL ? !node->has_unknown : !value->is_faulty;
}

/* --- Mappings on their own -------------------------------------------------------------------- */

void settings_finish_client_certificate(struct settings_reader *reader, struct yaml_node *node,
                                        void *target)
{
    struct client_certificate_settings *settings = target;

    (void)reader;
    settings->is_set = true;
    settings->has_mode = yaml_node_find(node, "mode") != NULL;
}

/* Chain and key, or a directory, or a PFX, and of each its own passwords only. */
void settings_finish_certificate(struct settings_reader *reader, struct yaml_node *node,
                                 void *target)
{
    static const char *const kinds[][4] = {
        {"directory", NULL},
        {"pfx", "password", NULL},
        {"chain", "key", "key_password", NULL},
    };
    enum { KINDS = sizeof(kinds) / sizeof(*kinds) };
    size_t kind = 0;

    (void)target;
    if (node->is_faulty)
        return;
    while (kind + 1 < KINDS && yaml_node_find(node, kinds[kind][0]) == NULL)
        kind++;
    for (size_t i = 0; i < KINDS; i++)
        for (const char *const *name = kinds[i]; i != kind && *name != NULL; name++)
            if (yaml_node_find(node, *name) != NULL)
                settings_refuse_value(reader, yaml_node_find(node, *name)->key,
                                      kind + 1 < KINDS ? "'%s' cannot be set beside '%s'"
                                                       : "'%s' has no effect without '%s'",
                                      *name, kind + 1 < KINDS ? kinds[kind][0] : kinds[i][0]);
    for (size_t i = 0; kind + 1 == KINDS && i < 2; i++)
        if (yaml_node_find(node, kinds[kind][i]) == NULL)
            settings_refuse_value(reader, node, "'%s' is missing", kinds[kind][i]);
}

/* Whoever lists suites of TLS 1.3 only would else get the default ciphers with TLS 1.2. */
void settings_finish_policy(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    const struct tls_profile_settings *profile = target;

    if (node->is_faulty)
        return;
    if (profile->max_version != TLS_VERSION_DEFAULT && profile->max_version < profile->min_version)
        settings_refuse_value(reader, yaml_node_find(node, "max_version"),
                              "'max_version' is lower than 'min_version'");
    if (profile->cipher_suites != NULL && profile->ciphers == NULL &&
        profile->min_version == TLS_VERSION_1_2)
        settings_refuse_value(reader, yaml_node_find(node, "ciphers"),
                              "'ciphers' names none for TLS 1.2: add one, or set min_version: "
                              "\"1.3\"");
}

/* A target is never larger than the head that it is in. */
void settings_finish_limits(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    struct connection_limits *limits = target;

    (void)reader;
    (void)node;
    if (limits->request_target_bytes > limits->request_header_bytes)
        limits->request_target_bytes = limits->request_header_bytes;
}

/* --- Routes ----------------------------------------------------------------------------------- */

void settings_finish_route(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    struct route_settings *route = target;

    (void)reader;
    route->has_identity_headers = yaml_node_find(node, "identity_headers") != NULL;
}

/* Once for each profile, wherever it is used. */
static void warn_of_revocation(struct settings_reader *reader,
                               const struct trust_profile_settings *trust)
{
    char *place =
        config_memory_format(reader->memory, "%u:%u", trust->position.line, trust->position.column);

    if (trust->revocation.sources != 0)
        return;
    if (text_table_add(&reader->warned_profiles, slice_from_text(place), place) != NULL)
        return;
    if (trust->name == NULL)
        settings_warn(reader, trust->position, "revocation is not checked");
    else
        settings_warn(reader, trust->position, "revocation is not checked for '%s'", trust->name);
}

/* The listener's certificate settings are sound, and so are the route's. */
static void check_demand(struct settings_reader *reader, struct yaml_node *node,
                         const struct listener_settings *listener,
                         const struct route_settings *route, const char *used_by)
{
    const struct client_certificate_settings *own = &route->client_certificate;
    const struct client_certificate_settings *inherited = &listener->client_certificate;
    struct route_demand demand = route_demand_of(listener, route);
    struct yaml_node *place =
        place_of(yaml_node_find(node, "client_certificate"), own->has_mode ? "mode" : "trust");
    const char *mode = client_certificate_mode_name(demand.mode);

    if (inherited->mode == CLIENT_CERTIFICATE_NONE && demand.mode != CLIENT_CERTIFICATE_NONE)
        settings_refuse_value(reader, place,
                              "the listener does not ask for a certificate: set its mode to "
                              "optional, and 'mode: none' where none is wanted%s",
                              used_by);
    else if (own->trust != NULL && !route_mode_needs_trust(demand.mode))
        settings_refuse_value(reader, place_of(yaml_node_find(node, "client_certificate"), "trust"),
                              "'trust' has no effect with mode %s%s", mode, used_by);
    else if (inherited->on_failure == CLIENT_CERTIFICATE_ON_FAILURE_ALERT &&
             demand.mode > inherited->mode)
        settings_refuse_value(reader, place,
                              "'on_failure: alert' ends the handshake before the route is known, "
                              "so no route can ask for less than its listener%s",
                              used_by);
    else if (own->has_mode && route_mode_needs_trust(demand.mode) && demand.trust == NULL)
        settings_refuse_value(reader, place,
                              "mode %s needs 'trust': neither the route nor its listener has it%s",
                              mode, used_by);
}

static bool is_in_mid_segment(const char *pattern)
{
    size_t size = strlen(pattern);

    return size > 2 && pattern[size - 1] == '*' && pattern[size - 2] != '/';
}

/* An exemption is matched exactly, segment by segment; a pattern that ends in the middle of one is
 * not. */
static void check_exemption(struct settings_reader *reader, struct yaml_node *node,
                            const char *used_by)
{
    struct yaml_node *paths = yaml_node_find(node, "paths");

    if (paths == NULL || paths->is_faulty)
        return;
    for (struct yaml_node *path = paths->first; path != NULL; path = path->next)
        if (is_in_mid_segment(path->text.data))
            settings_refuse_value(reader, path,
                                  "'%.80s' ends in the middle of a segment; a route that asks for "
                                  "less than its listener must name whole segments, as in '/name' "
                                  "or '/name/*'%s",
                                  path->text.data, used_by);
}

static void check_route(struct settings_reader *reader, struct yaml_node *node,
                        const struct listener_settings *listener,
                        const struct route_settings *route, const char *used_by)
{
    struct route_demand demand = route_demand_of(listener, route);

    if (!is_sound(node, "client_certificate"))
        return;
    check_demand(reader, node, listener, route, used_by);
    if (route->unverified && demand.mode != CLIENT_CERTIFICATE_UNVERIFIED)
        settings_refuse_value(reader, yaml_node_find(node, "unverified"),
                              "'unverified: true' needs mode unverified, and the mode is %s%s",
                              client_certificate_mode_name(demand.mode), used_by);
    if (demand.mode > listener->client_certificate.mode)
        check_exemption(reader, node, used_by);
    if (route_mode_needs_trust(demand.mode) && demand.trust != NULL)
        warn_of_revocation(reader, demand.trust);
}

void settings_name_routes(struct settings_reader *reader, struct yaml_node *nodes,
                          struct route_settings *routes, size_t count)
{
    struct yaml_node *node = nodes->first;
    struct text_table names;

    text_table_init(&names);
    for (size_t i = 0; i < count; i++, node = node->next) {
        struct route_match_settings *match = &routes[i].match;
        const struct yaml_node *first;

        if (match->name == NULL)
            match->name = config_memory_format(reader->memory, "route-%zu", i + 1);
        first = text_table_add(&names, slice_from_text(match->name), node);
        if (first != NULL)
            settings_refuse_value(reader, place_of(node, "name"),
                                  "the route name '%s' is used twice; the first is %s", match->name,
                                  problem_place(reader->memory, first->position, node->position));
    }
    text_table_reset(&names);
}

static void check_routes(struct settings_reader *reader, struct yaml_node *nodes,
                         const struct listener_settings *listener, const char *used_by)
{
    struct yaml_node *node = nodes->first;

    for (size_t i = 0; i < listener->route_count; i++, node = node->next)
        if (node->kind == YAML_MAPPING)
            check_route(reader, node, listener, &listener->routes[i], used_by);
    settings_warn_of_routes(reader, nodes, listener);
}

/* --- Listeners -------------------------------------------------------------------------------- */

/* False: there is no point in checking what the routes make of it. */
static bool check_listener_demand(struct settings_reader *reader, struct yaml_node *node,
                                  const struct listener_settings *listener)
{
    const struct client_certificate_settings *settings = &listener->client_certificate;
    struct yaml_node *own = yaml_node_find(node, "client_certificate");
    const char *mode = client_certificate_mode_name(settings->mode);

    if (!is_sound(node, "client_certificate"))
        return false;
    if (route_mode_needs_trust(settings->mode) && settings->trust == NULL) {
        settings_refuse_value(reader, own == NULL ? node : place_of(own, "mode"),
                              "mode %s needs 'trust' in 'client_certificate': the certificates of "
                              "the CAs that issue the clients'",
                              mode);
        return false;
    }
    if (!route_mode_needs_trust(settings->mode) && settings->trust != NULL) {
        settings_refuse_value(reader, place_of(own, "trust"), "'trust' has no effect with mode %s",
                              mode);
        return false;
    }
    if (!route_mode_needs_trust(settings->mode) &&
        settings->on_failure == CLIENT_CERTIFICATE_ON_FAILURE_ALERT) {
        settings_refuse_value(reader, place_of(own, "on_failure"),
                              "'on_failure: alert' has no effect with mode %s", mode);
        return false;
    }
    if (settings->trust != NULL)
        warn_of_revocation(reader, settings->trust);
    return true;
}

/* What is wrong with a route of a set may be so with one of its listeners only. */
static const char *describe_use(struct settings_reader *reader, const struct yaml_node *node,
                                const struct yaml_node *routes)
{
    if (yaml_node_find(node, "routes") == routes)
        return "";
    return config_memory_format(reader->memory, " (in the listener %s)",
                                problem_place(reader->memory, node->position, routes->position));
}

void settings_finish_listener(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    const struct listener_settings *listener = target;
    struct yaml_node *routes = settings_routes_node(reader, node);

    if (check_listener_demand(reader, node, listener) && routes != NULL &&
        listener->route_count > 0)
        check_routes(reader, routes, listener, describe_use(reader, node, routes));
}

/* --- The whole -------------------------------------------------------------------------------- */

static void name_listeners(struct settings_reader *reader, struct yaml_node *nodes,
                           struct generation_settings *settings)
{
    struct yaml_node *node = nodes->first;
    struct text_table names;

    text_table_init(&names);
    for (size_t i = 0; i < settings->listener_count; i++, node = node->next) {
        struct listener_settings *listener = &settings->listeners[i];
        const struct yaml_node *first;

        if (listener->name == NULL)
            listener->name = config_memory_format(reader->memory, "listener-%zu", i + 1);
        first = text_table_add(&names, slice_from_text(listener->name), node);
        if (first != NULL)
            settings_refuse_value(reader, place_of(node, "name"),
                                  "the listener name '%s' is used twice; the first is %s",
                                  listener->name,
                                  problem_place(reader->memory, first->position, node->position));
    }
    text_table_reset(&names);
}

/* "127.0.0.1:8443 api.example.com", the host folded as SNI and Host are. */
static struct slice claim_of(struct settings_reader *reader, const char *address_text,
                             struct slice host)
{
    char address_shown[SOCKET_ADDRESS_TEXT_SIZE];
    struct socket_address address;
    char *claim;
    size_t size;

    if (!socket_address_parse(slice_from_text(address_text), &address, NULL))
        return slice_from(NULL, 0);
    if (slice_ends_with(host, SLICE(".")))
        host.size--;
    socket_address_format(&address, address_shown);
    claim = config_memory_format(reader->memory, "%s %.*s", address_shown, SLICE_FORMAT(host));
    size = strlen(claim);
    for (size_t i = 0; i < size; i++)
        claim[i] = ascii_lower(claim[i]);
    return slice_from(claim, size);
}

static void claim_host(struct settings_reader *reader, struct text_table *claims,
                       struct yaml_node *node, struct listener_settings *listener,
                       struct slice host)
{
    struct slice claim = claim_of(reader, listener->address, host);
    const struct listener_settings *first;

    if (claim.data == NULL)
        return;
    first = text_table_add(claims, claim, listener);
    if (first == NULL)
        return;
    if (slice_is_empty(host))
        settings_refuse_value(reader, node,
                              "listener '%s' %s serves every host of '%s' already: set "
                              "'hosts' on one of the two",
                              first->name,
                              problem_place(reader->memory, first->position, node->position),
                              listener->address);
    else
        settings_refuse_value(reader, node,
                              "host '%.80s' of '%s' is served by listener '%s' %s already",
                              host.data, listener->address, first->name,
                              problem_place(reader->memory, first->position, node->position));
}

static void check_hosts(struct settings_reader *reader, struct yaml_node *nodes,
                        struct generation_settings *settings)
{
    struct yaml_node *node = nodes->first;
    struct text_table claims;

    text_table_init(&claims);
    for (size_t i = 0; i < settings->listener_count; i++, node = node->next) {
        struct listener_settings *listener = &settings->listeners[i];
        struct yaml_node *hosts = yaml_node_find(node, "hosts");

        if (listener->address == NULL || !is_sound(node, "hosts"))
            continue;
        if (hosts == NULL)
            claim_host(reader, &claims, yaml_node_find(node, "address"), listener, SLICE(""));
        for (struct yaml_node *host = hosts == NULL ? NULL : hosts->first; host != NULL;
             host = host->next)
            claim_host(reader, &claims, host, listener, host->text);
    }
    text_table_reset(&claims);
}

/* The system does not let a socket listen on every address of a port while another listens on one
 * of them; `check` can know that as well as `run`. */
static void check_overlaps(struct settings_reader *reader, struct yaml_node *nodes,
                           const struct generation_settings *settings)
{
    struct yaml_node *node = nodes->first;

    for (size_t i = 0; i < settings->listener_count; i++, node = node->next) {
        const struct listener_settings *listener = &settings->listeners[i];
        struct socket_address address;
        struct socket_address before;

        if (listener->address == NULL ||
            !socket_address_parse(slice_from_text(listener->address), &address, NULL))
            continue;
        for (size_t j = 0; j < i; j++) {
            const struct listener_settings *first = &settings->listeners[j];

            if (first->address == NULL ||
                !socket_address_parse(slice_from_text(first->address), &before, NULL) ||
                socket_address_equals(&before, &address) ||
                (!socket_address_covers(&before, &address) &&
                 !socket_address_covers(&address, &before)))
                continue;
            settings_refuse_value(reader, yaml_node_find(node, "address"),
                                  "'%s' and '%s' of listener '%s' %s overlap: use one of them for "
                                  "both, and let 'hosts' choose",
                                  listener->address, first->address, first->name,
                                  problem_place(reader->memory, first->position, node->position));
            break;
        }
    }
}

/* The address of a socket in the file system has room for that many, and a NUL (unix(7)). */
enum { SOCKET_PATH_BYTES_MAX = 107 };

void settings_finish_admin(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    const struct generation_settings *settings = target;

    if (settings->admin_socket != NULL && strlen(settings->admin_socket) > SOCKET_PATH_BYTES_MAX)
        settings_refuse_value(reader, yaml_node_find(node, "socket"),
                              "the path of a socket has at most %d bytes, and '%.160s' has %zu",
                              SOCKET_PATH_BYTES_MAX, settings->admin_socket,
                              strlen(settings->admin_socket));
}

/* With port 0 the system finds one that is free. */
static void check_monitoring_address(struct settings_reader *reader, struct yaml_node *node,
                                     const struct generation_settings *settings)
{
    struct socket_address monitoring;
    struct socket_address address;

    if (settings->monitoring_address == NULL ||
        !socket_address_parse(slice_from_text(settings->monitoring_address), &monitoring, NULL) ||
        socket_address_port(&monitoring) == 0)
        return;
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = &settings->listeners[i];

        if (listener->address != NULL &&
            socket_address_parse(slice_from_text(listener->address), &address, NULL) &&
            (socket_address_equals(&address, &monitoring) ||
             socket_address_covers(&address, &monitoring) ||
             socket_address_covers(&monitoring, &address))) {
            settings_refuse_value(
                reader, yaml_node_find(node, "address"), "'%s' %s the address of listener '%s' %s",
                settings->monitoring_address,
                socket_address_equals(&address, &monitoring) ? "is" : "overlaps", listener->name,
                problem_place(reader->memory, listener->position, node->position));
            return;
        }
    }
}

void settings_finish_root(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    struct root_settings *root = target;
    struct yaml_node *listeners = yaml_node_find(node, "listeners");

    if (root->generation.listener_count == 0)
        return;
    name_listeners(reader, listeners, &root->generation);
    check_hosts(reader, listeners, &root->generation);
    check_overlaps(reader, listeners, &root->generation);
    check_monitoring_address(reader, yaml_node_find(node, "monitoring"), &root->generation);
    settings_warn_of_azure_limits(reader, node, root);
    settings_warn_of_unused(reader, node);
}
