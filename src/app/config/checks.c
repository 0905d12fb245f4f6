/* SPDX-License-Identifier: Apache-2.0
 *
 * What no setting can say alone: which belong together, which contradict each other, which can
 * never matter. A check keeps silent where what it looks at was refused already.
 */
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

static bool needs_trust(enum client_certificate_mode mode)
{
    return mode == CLIENT_CERTIFICATE_REQUIRED || mode == CLIENT_CERTIFICATE_OPTIONAL;
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

void settings_finish_limits(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    const struct connection_limits *limits = target;

    if (is_sound(node, "request_target_size") && is_sound(node, "request_header_size") &&
        limits->request_target_bytes > limits->request_header_bytes)
        settings_refuse_value(reader, place_of(node, "request_target_size"),
                              "'request_target_size' is larger than 'request_header_size', which "
                              "the target is a part of");
}

/* --- Routes ----------------------------------------------------------------------------------- */

void settings_finish_route(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    struct route_settings *route = target;

    (void)reader;
    route->has_identity_headers = yaml_node_find(node, "identity_headers") != NULL;
}

/* What a route comes to, with what it inherits. */
struct demand {
    enum client_certificate_mode mode;
    const struct trust_profile_settings *trust;
};

static struct demand demand_of(const struct listener_settings *listener,
                               const struct route_settings *route)
{
    const struct client_certificate_settings *own = &route->client_certificate;
    const struct client_certificate_settings *inherited = &listener->client_certificate;

    return (struct demand){
        .mode = own->has_mode ? own->mode : inherited->mode,
        .trust = own->trust != NULL ? own->trust : inherited->trust,
    };
}

/* Once for each profile, wherever it is used. */
static void warn_of_revocation(struct settings_reader *reader,
                               const struct trust_profile_settings *trust)
{
    char *place =
        config_memory_format(reader->memory, "%u:%u", trust->position.line, trust->position.column);

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
                         const struct route_settings *route)
{
    const struct client_certificate_settings *own = &route->client_certificate;
    const struct client_certificate_settings *inherited = &listener->client_certificate;
    struct demand demand = demand_of(listener, route);
    struct yaml_node *place =
        place_of(yaml_node_find(node, "client_certificate"), own->has_mode ? "mode" : "trust");
    const char *mode = client_certificate_mode_name(demand.mode);

    if (inherited->mode == CLIENT_CERTIFICATE_NONE && demand.mode != CLIENT_CERTIFICATE_NONE)
        settings_refuse_value(reader, place,
                              "the listener does not ask for a certificate: set its mode to "
                              "optional, and 'mode: none' where none is wanted");
    else if (own->trust != NULL && !needs_trust(demand.mode))
        settings_refuse_value(reader, place_of(yaml_node_find(node, "client_certificate"), "trust"),
                              "'trust' has no effect with mode %s", mode);
    else if (inherited->on_failure == CLIENT_CERTIFICATE_ON_FAILURE_ALERT &&
             demand.mode > inherited->mode)
        settings_refuse_value(reader, place,
                              "'on_failure: alert' ends the handshake before the route is known, "
                              "so no route can ask for less than its listener");
    else if (own->has_mode && needs_trust(demand.mode) && demand.trust == NULL)
        settings_refuse_value(reader, place,
                              "mode %s needs 'trust': neither the route nor its listener has it",
                              mode);
}

static bool is_in_mid_segment(const char *pattern)
{
    size_t size = strlen(pattern);

    return size > 2 && pattern[size - 1] == '*' && pattern[size - 2] != '/';
}

/* An exemption is matched exactly, segment by segment; a pattern that ends in the middle of one is
 * not. */
static void check_exemption(struct settings_reader *reader, struct yaml_node *node)
{
    struct yaml_node *paths = yaml_node_find(node, "paths");

    if (paths == NULL || paths->is_faulty)
        return;
    for (struct yaml_node *path = paths->first; path != NULL; path = path->next)
        if (is_in_mid_segment(path->text.data))
            settings_refuse_value(reader, path,
                                  "'%.80s' ends in the middle of a segment; a route that asks for "
                                  "less than its listener must name whole segments, as in '/name' "
                                  "or '/name/*'",
                                  path->text.data);
}

static void check_route(struct settings_reader *reader, struct yaml_node *node,
                        const struct listener_settings *listener,
                        const struct route_settings *route)
{
    struct demand demand = demand_of(listener, route);

    if (!is_sound(node, "client_certificate"))
        return;
    check_demand(reader, node, listener, route);
    if (route->unverified && demand.mode != CLIENT_CERTIFICATE_UNVERIFIED)
        settings_refuse_value(reader, yaml_node_find(node, "unverified"),
                              "'unverified: true' needs mode unverified, and the mode is %s",
                              client_certificate_mode_name(demand.mode));
    if (demand.mode > listener->client_certificate.mode)
        check_exemption(reader, node);
    if (needs_trust(demand.mode) && demand.trust != NULL)
        warn_of_revocation(reader, demand.trust);
}

static bool takes_every_path(const char *const *paths)
{
    if (paths == NULL)
        return true;
    for (; *paths != NULL; paths++)
        if (strcmp(*paths, "*") == 0 || strcmp(*paths, "/*") == 0)
            return true;
    return false;
}

/* Does a pattern take every path that the other takes? */
static bool covers(const char *pattern, const char *other)
{
    size_t size = strlen(pattern);

    if (strcmp(pattern, "*") == 0)
        return true;
    if (size > 0 && pattern[size - 1] == '*')
        return strncmp(pattern, other, size - 1) == 0;
    return strcmp(pattern, other) == 0;
}

static bool takes_some_path_of(const struct route_settings *route, const struct route_settings *of)
{
    if (route->match.paths == NULL || of->match.paths == NULL)
        return route->match.paths == NULL;
    for (const char *const *other = of->match.paths; *other != NULL; other++)
        for (const char *const *pattern = route->match.paths; *pattern != NULL; pattern++)
            if (covers(*pattern, *other))
                return true;
    return false;
}

static bool has_method(const struct route_settings *route, const char *method)
{
    const char *const *own = route->match.methods;

    while (own != NULL && *own != NULL && strcmp(*own, method) != 0)
        own++;
    return own == NULL || *own != NULL;
}

/* Does it take a method that the other leaves? */
static bool takes_other_methods(const struct route_settings *route,
                                const struct route_settings *than)
{
    if (route->match.methods == NULL)
        return true;
    for (const char *const *method = route->match.methods; *method != NULL; method++)
        if (!has_method(than, *method))
            return true;
    return false;
}

/* Whoever demands a certificate for GET seldom means that POST is free. */
static void warn_of_falling_through(struct settings_reader *reader, struct yaml_node *node,
                                    const struct listener_settings *listener, size_t index)
{
    const struct route_settings *route = &listener->routes[index];
    struct demand demand = demand_of(listener, route);

    if (route->match.methods == NULL || !needs_trust(demand.mode))
        return;
    for (size_t i = index + 1; i < listener->route_count; i++) {
        const struct route_settings *later = &listener->routes[i];
        struct demand later_demand = demand_of(listener, later);

        if (later_demand.mode <= demand.mode || !takes_some_path_of(later, route) ||
            !takes_other_methods(later, route))
            continue;
        settings_warn(reader, place_of(node, "methods")->position,
                      "route '%s' has mode %s for these methods only: others fall through to "
                      "route '%s' %s, whose mode is %s",
                      route->match.name, client_certificate_mode_name(demand.mode),
                      later->match.name,
                      problem_place(reader->memory, later->match.position, node->position),
                      client_certificate_mode_name(later_demand.mode));
        return;
    }
}

/* An exemption never takes a path with a ';', so something is left for the routes behind it. */
static bool takes_everything(const struct listener_settings *listener,
                             const struct route_settings *route)
{
    return route->match.methods == NULL && takes_every_path(route->match.paths) &&
           demand_of(listener, route).mode <= listener->client_certificate.mode;
}

static void warn_of_unreachable(struct settings_reader *reader, const struct yaml_node *node,
                                const struct route_settings *route,
                                const struct route_settings *before)
{
    if (node->kind == YAML_MAPPING)
        settings_warn(reader, node->position,
                      "route '%s' is never reached: route '%s' %s takes every request",
                      route->match.name, before->match.name,
                      problem_place(reader->memory, before->match.position, node->position));
}

static void name_routes(struct settings_reader *reader, struct yaml_node *nodes,
                        struct listener_settings *listener)
{
    struct yaml_node *node = nodes->first;
    struct text_table names;

    text_table_init(&names);
    for (size_t i = 0; i < listener->route_count; i++, node = node->next) {
        struct route_match_settings *match = &listener->routes[i].match;
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
                         const struct listener_settings *listener, bool is_demand_sound)
{
    const struct route_settings *catch_all = NULL;
    struct yaml_node *node = nodes->first;

    for (size_t i = 0; i < listener->route_count; i++, node = node->next) {
        const struct route_settings *route = &listener->routes[i];

        if (catch_all != NULL)
            warn_of_unreachable(reader, node, route, catch_all);
        if (is_demand_sound && node->kind == YAML_MAPPING)
            check_route(reader, node, listener, route);
        if (is_demand_sound && !node->is_faulty)
            warn_of_falling_through(reader, node, listener, i);
        if (catch_all == NULL && !node->is_faulty && is_demand_sound &&
            takes_everything(listener, route))
            catch_all = route;
    }
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
    if (needs_trust(settings->mode) && settings->trust == NULL) {
        settings_refuse_value(reader, own == NULL ? node : place_of(own, "mode"),
                              "mode %s needs 'trust' in 'client_certificate': the certificates of "
                              "the CAs that issue the clients'",
                              mode);
        return false;
    }
    if (!needs_trust(settings->mode) && settings->trust != NULL) {
        settings_refuse_value(reader, place_of(own, "trust"), "'trust' has no effect with mode %s",
                              mode);
        return false;
    }
    if (!needs_trust(settings->mode) &&
        settings->on_failure == CLIENT_CERTIFICATE_ON_FAILURE_ALERT) {
        settings_refuse_value(reader, place_of(own, "on_failure"),
                              "'on_failure: alert' has no effect with mode %s", mode);
        return false;
    }
    if (settings->trust != NULL)
        warn_of_revocation(reader, settings->trust);
    return true;
}

void settings_finish_listener(struct settings_reader *reader, struct yaml_node *node, void *target)
{
    struct listener_settings *listener = target;
    struct yaml_node *routes = yaml_node_find(node, "routes");
    bool is_demand_sound = check_listener_demand(reader, node, listener);

    if (listener->route_count == 0)
        return;
    name_routes(reader, routes, listener);
    check_routes(reader, routes, listener, is_demand_sound);
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
            socket_address_equals(&address, &monitoring)) {
            settings_refuse_value(
                reader, yaml_node_find(node, "address"), "'%s' is the address of listener '%s' %s",
                settings->monitoring_address, listener->name,
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
    check_monitoring_address(reader, yaml_node_find(node, "monitoring"), &root->generation);
}
