/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of routes that several listeners serve. A set is read and named once, and every listener
 * that uses it has the same routes; what is wrong with a route is reported where the set stands.
 */
#include "app/config/special_settings_internal.h"

struct route_set {
    struct yaml_node *node;
    struct listener_settings routes; /* of which only the routes are set */
};

/* The routes of a listener, as a list. */
static void read_list(struct settings_reader *reader, const struct setting *setting,
                      struct yaml_node *node, struct listener_settings *listener)
{
    struct setting list = *setting;

    list.type = SETTING_ITEMS;
    list.expects = "a list of mappings";
    list.offset = offsetof(struct listener_settings, routes);
    list.size = sizeof(listener->routes);
    list.count_offset = offsetof(struct listener_settings, route_count);
    settings_read_items(reader, &list, node, listener);
    settings_name_routes(reader, node, listener->routes, listener->route_count);
}

void settings_read_route_set(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target)
{
    struct route_set *set = config_memory_allocate(reader->memory, sizeof(*set));
    struct setting named = *setting;

    (void)target;
    named.name = node->key->text.data;
    named.otherwise = NULL;
    set->node = node;
    read_list(reader, &named, node, &set->routes);
    text_table_add(&reader->route_sets, node->key->text, set);
}

void settings_read_routes(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, void *target)
{
    struct listener_settings *listener = target;
    const struct route_set *set;

    if (node->kind == YAML_SEQUENCE) {
        read_list(reader, setting, node, listener);
        return;
    }
    if (!settings_check_text(reader, setting, node))
        return;
    set = settings_find_named(reader, &reader->route_sets, node, "route set",
                              "; for a route write it in a list: [{ backend: NAME }]");
    if (set == NULL)
        return;
    listener->routes = set->routes.routes;
    listener->route_count = set->routes.route_count;
}

struct yaml_node *settings_routes_node(const struct settings_reader *reader,
                                       const struct yaml_node *listener)
{
    struct yaml_node *node = yaml_node_find(listener, "routes");
    const struct route_set *set;

    if (node == NULL || node->kind != YAML_SCALAR)
        return node;
    set = text_table_find(&reader->route_sets, node->text);
    return set == NULL ? NULL : set->node;
}
