/* SPDX-License-Identifier: Apache-2.0
 *
 * Patterns are compared as texts: what is warned of is certain, and what is not warned of may still
 * be wrong. How routes match is told in gateway/routing/routing.h.
 */
#include "app/config/route_warnings_internal.h"

#include "gateway/identity/authentication.h"

struct route_demand route_demand_of(const struct listener_settings *listener,
                                    const struct route_settings *route)
{
    const struct client_certificate_settings *own = &route->client_certificate;
    const struct client_certificate_settings *inherited = &listener->client_certificate;

    return (struct route_demand){
        .mode = own->has_mode ? own->mode : inherited->mode,
        .trust = own->trust != NULL ? own->trust : inherited->trust,
    };
}

bool route_mode_needs_trust(enum client_certificate_mode mode)
{
    return mode == CLIENT_CERTIFICATE_REQUIRED || mode == CLIENT_CERTIFICATE_OPTIONAL;
}

static enum client_certificate_mode mode_of(const struct listener_settings *listener, size_t index)
{
    return route_demand_of(listener, &listener->routes[index]).mode;
}

static const struct yaml_node *place_of(const struct yaml_node *node, const char *name)
{
    const struct yaml_node *value = yaml_node_find(node, name);

    return value == NULL ? node : value;
}

/* --- Paths and methods ------------------------------------------------------------------------ */

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

static bool takes_path(const struct route_settings *route, const char *path)
{
    const char *const *pattern = route->match.paths;

    while (pattern != NULL && *pattern != NULL && !covers(*pattern, path))
        pattern++;
    return pattern == NULL || *pattern != NULL;
}

static bool takes_some_path_of(const struct route_settings *route, const struct route_settings *of)
{
    const char *const *path = of->match.paths;

    if (path == NULL)
        return route->match.paths == NULL;
    while (*path != NULL && !takes_path(route, *path))
        path++;
    return *path != NULL;
}

static bool takes_every_path_of(const struct route_settings *route, const struct route_settings *of)
{
    const char *const *path = of->match.paths;

    if (path == NULL)
        return takes_path(route, "*") || takes_path(route, "/*");
    while (*path != NULL && takes_path(route, *path))
        path++;
    return *path == NULL;
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
    const char *const *method = route->match.methods;

    if (method == NULL)
        return than->match.methods != NULL;
    while (*method != NULL && has_method(than, *method))
        method++;
    return *method != NULL;
}

static bool shares_a_method(const struct route_settings *a, const struct route_settings *b)
{
    const char *const *method = a->match.methods;

    while (method != NULL && *method != NULL && !has_method(b, *method))
        method++;
    return method == NULL || *method != NULL;
}

/* What is not to the letter is left to the routes behind it: it exempts, or is before a demand. */
static bool is_to_the_letter(const struct listener_settings *listener, size_t index)
{
    enum client_certificate_mode mode = mode_of(listener, index);
    bool is = mode > listener->client_certificate.mode;

    for (size_t i = index + 1; i < listener->route_count; i++)
        is = is || mode_of(listener, i) < mode;
    return is;
}

/* --- Never reached ---------------------------------------------------------------------------- */

/* Where `before` takes the letter and `index` would take more, only odd spellings are left. */
static bool is_hidden_by(const struct listener_settings *listener, size_t index, size_t before)
{
    const struct route_settings *route = &listener->routes[index];
    const struct route_settings *first = &listener->routes[before];

    return takes_every_path_of(first, route) && !takes_other_methods(route, first);
}

static void warn_of_hidden(struct settings_reader *reader, const struct yaml_node *node,
                           const struct listener_settings *listener, size_t index, size_t before)
{
    const struct route_settings *route = &listener->routes[index];
    const struct route_settings *first = &listener->routes[before];
    bool takes_everything = first->match.methods == NULL && takes_path(first, "/*");
    bool is_certain = !is_to_the_letter(listener, before) || is_to_the_letter(listener, index);

    settings_warn(
        reader, node->position,
        is_certain ? "route '%s' is never reached: route '%s' %s takes every request%s"
                   : "route '%s' is reached only by paths with a ';' or in another spelling: route "
                     "'%s' %s takes every other request%s",
        route->match.name, first->match.name,
        problem_place(reader->memory, first->match.position, node->position),
        takes_everything ? "" : " that it would serve");
}

/* Of the routes that hide this one, one that leaves nothing is named first. */
static void look_for_hiding(struct settings_reader *reader, const struct yaml_node *nodes,
                            const struct yaml_node *node, const struct listener_settings *listener,
                            size_t index)
{
    size_t before = 0;

    for (const struct yaml_node *first = nodes->first; before < index;
         before++, first = first->next) {
        if (first->is_faulty || !is_hidden_by(listener, index, before))
            continue;
        warn_of_hidden(reader, node, listener, index, before);
        return;
    }
}

/* --- Falling through -------------------------------------------------------------------------- */

/* Whoever demands a certificate for GET seldom means that POST is free. */
static void look_for_other_methods(struct settings_reader *reader, const struct yaml_node *node,
                                   const struct listener_settings *listener, size_t index)
{
    const struct route_settings *route = &listener->routes[index];
    enum client_certificate_mode mode = mode_of(listener, index);

    if (route->match.methods == NULL)
        return;
    for (size_t i = index + 1; i < listener->route_count; i++) {
        const struct route_settings *later = &listener->routes[i];

        if (mode_of(listener, i) <= mode || !takes_some_path_of(later, route) ||
            !takes_other_methods(later, route))
            continue;
        settings_warn(reader, place_of(node, "methods")->position,
                      "route '%s' has mode %s for these methods only: others fall through to "
                      "route '%s' %s, whose mode is %s",
                      route->match.name, client_certificate_mode_name(mode), later->match.name,
                      problem_place(reader->memory, later->match.position, node->position),
                      client_certificate_mode_name(mode_of(listener, i)));
        return;
    }
}

/* What else belongs to a path, in the eyes of whoever wrote it: what is below "/name", and, where
 * the route takes its paths to the letter, "/name" itself beside what is below. NULL: nothing. */
static const char *path_beside(struct settings_reader *reader, const char *path,
                               bool is_to_the_letter_of_it)
{
    size_t size = strlen(path);

    if (size < 2 || path[size - 1] == '/')
        return NULL;
    if (path[size - 1] != '*')
        return config_memory_format(reader->memory, "%s/*", path);
    if (is_to_the_letter_of_it && size > 3 && path[size - 2] == '/')
        return config_memory_format(reader->memory, "%.*s", (int)size - 2, path);
    return NULL;
}

/* Does it name the path, or something in it? Then somebody meant what it says. */
static bool speaks_of(const struct route_settings *route, const char *path)
{
    size_t size = strlen(path);
    const char *const *own = route->match.paths;

    if (path[size - 1] == '*')
        size--;
    while (own != NULL && *own != NULL && strncmp(*own, path, size) != 0)
        own++;
    return own != NULL && *own != NULL;
}

/* The laxer route that a path goes to; the count of routes when there is none. */
static size_t find_laxer(const struct listener_settings *listener, size_t index, const char *path)
{
    enum client_certificate_mode mode = mode_of(listener, index);

    for (size_t i = 0; i < listener->route_count; i++) {
        const struct route_settings *other = &listener->routes[i];

        if (!takes_path(other, path) || !shares_a_method(&listener->routes[index], other))
            continue;
        if (i <= index || mode_of(listener, i) <= mode || speaks_of(other, path))
            return listener->route_count;
        return i;
    }
    return listener->route_count;
}

static void look_for_other_paths(struct settings_reader *reader, const struct yaml_node *node,
                                 const struct listener_settings *listener, size_t index)
{
    const struct route_settings *route = &listener->routes[index];
    const struct yaml_node *paths = yaml_node_find(node, "paths");

    for (const struct yaml_node *path = paths == NULL ? NULL : paths->first; path != NULL;
         path = path->next) {
        const char *beside =
            path_beside(reader, path->text.data, is_to_the_letter(listener, index));
        size_t laxer = beside == NULL ? listener->route_count : find_laxer(listener, index, beside);

        if (laxer == listener->route_count)
            continue;
        settings_warn(
            reader, path->position,
            "route '%s' has mode %s for '%s' only: '%s' falls through to route '%s' %s, "
            "whose mode is %s",
            route->match.name, client_certificate_mode_name(mode_of(listener, index)),
            path->text.data, beside, listener->routes[laxer].match.name,
            problem_place(reader->memory, listener->routes[laxer].match.position, node->position),
            client_certificate_mode_name(mode_of(listener, laxer)));
    }
}

void settings_warn_of_routes(struct settings_reader *reader, const struct yaml_node *nodes,
                             const struct listener_settings *listener)
{
    const struct yaml_node *node = nodes->first;

    for (size_t i = 0; i < listener->route_count; i++, node = node->next) {
        if (node->is_faulty)
            continue;
        look_for_hiding(reader, nodes, node, listener, i);
        if (!route_mode_needs_trust(mode_of(listener, i)))
            continue;
        look_for_other_methods(reader, node, listener, i);
        look_for_other_paths(reader, node, listener, i);
    }
}
