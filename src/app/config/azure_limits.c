/* SPDX-License-Identifier: Apache-2.0
 *
 * Whoever keeps the rules of Azure Application Gateway for uploads (`upload_rules: azure`) means to
 * use the same there: what it has no room for is warned of. The numbers are those of Microsoft's
 * "application-gateway-limits".
 */
#include "app/config/special_settings_internal.h"

enum {
    CHAINS_OF_PROFILE_MAX = 100,
    CHAINS_MAX = 200,
    LISTENERS_MAX = 100, /* active ones */
    HOSTS_OF_LISTENER_MAX = 5,
    ROUTES_OF_LISTENER_MAX = 100,
    BACKENDS_MAX = 100,
    ENDPOINTS_OF_BACKEND_MAX = 1200
};

static bool keeps_rules(const struct trust_profile_settings *trust)
{
    return trust != NULL && trust->upload_rules == TRUST_UPLOAD_RULES_AZURE;
}

static void check(struct settings_reader *reader, const struct yaml_node *node, size_t count,
                  size_t max, const char *what)
{
    if (node != NULL && count > max)
        settings_warn(reader, node->position,
                      "these are %zu %s, and Azure Application Gateway takes %zu at most", count,
                      what, max);
}

static size_t count_of(const struct yaml_node *node)
{
    return node == NULL ? 0 : node->count;
}

/* Each file is a chain there. */
static size_t check_profiles(struct settings_reader *reader, const struct yaml_node *node,
                             const struct root_settings *root)
{
    const struct trust_profile_settings *trust = root->trust_profiles;
    size_t chains = 0;

    for (node = node == NULL ? NULL : node->first; node != NULL; node = node->next, trust++) {
        if (!keeps_rules(trust))
            continue;
        chains += trust->anchor_count;
        check(reader, yaml_node_find(node, "anchors"), trust->anchor_count, CHAINS_OF_PROFILE_MAX,
              "files in one trust profile");
    }
    return chains;
}

static bool somebody_keeps_rules(const struct root_settings *root)
{
    bool is_so = false;

    for (size_t i = 0; i < root->generation.listener_count; i++) {
        const struct listener_settings *listener = &root->generation.listeners[i];

        is_so = is_so || keeps_rules(listener->client_certificate.trust);
        for (size_t j = 0; j < listener->route_count; j++)
            is_so = is_so || keeps_rules(listener->routes[j].client_certificate.trust);
    }
    return is_so;
}

void settings_warn_of_azure_limits(struct settings_reader *reader, const struct yaml_node *node,
                                   const struct root_settings *root)
{
    const struct yaml_node *listeners = yaml_node_find(node, "listeners");
    const struct yaml_node *backends = yaml_node_find(node, "backends");

    if (reader->report->problems.errors > 0 || !somebody_keeps_rules(root))
        return;
    check(reader, yaml_node_find(node, "trust_profiles"),
          check_profiles(reader, yaml_node_find(node, "trust_profiles"), root), CHAINS_MAX,
          "files in all trust profiles");
    check(reader, listeners, count_of(listeners), LISTENERS_MAX, "listeners");
    check(reader, backends, count_of(backends), BACKENDS_MAX, "backends");
    for (const struct yaml_node *listener = listeners->first; listener != NULL;
         listener = listener->next) {
        const struct yaml_node *hosts = yaml_node_find(listener, "hosts");
        const struct yaml_node *routes = settings_routes_node(reader, listener);

        check(reader, hosts, count_of(hosts), HOSTS_OF_LISTENER_MAX, "hosts of one listener");
        check(reader, routes, count_of(routes), ROUTES_OF_LISTENER_MAX, "routes of one listener");
    }
    for (const struct yaml_node *backend = backends == NULL ? NULL : backends->first;
         backend != NULL; backend = backend->next) {
        const struct yaml_node *endpoints = yaml_node_find(backend, "endpoints");

        check(reader, endpoints, count_of(endpoints), ENDPOINTS_OF_BACKEND_MAX,
              "endpoints of one backend");
    }
}
