/* SPDX-License-Identifier: Apache-2.0
 *
 * Definitions that nothing refers to: what somebody meant to be in force, and is not.
 */
#include "app/config/special_settings_internal.h"

struct definitions {
    const char *setting;
    const char *what; /* as settings_find_named says it */
};

static const struct definitions kinds[] = {
    {"tls_profiles", "TLS profile"}, {"trust_profiles", "trust profile"},
    {"backends", "backend"},         {"route_sets", "route set"},
    {"policies", "policy"},          {"rewrites", "rewrite"},
};

static struct slice use_of(struct settings_reader *reader, const char *what, struct slice name)
{
    return slice_from_text(
        config_memory_format(reader->memory, "%s %.*s", what, SLICE_FORMAT(name)));
}

void settings_note_use(struct settings_reader *reader, const char *what, struct slice name)
{
    struct slice use = use_of(reader, what, name);

    text_table_add(&reader->used, use, reader);
}

static void warn_of_kind(struct settings_reader *reader, const struct definitions *kind,
                         const struct yaml_node *names)
{
    for (const struct yaml_node *node = names == NULL ? NULL : names->first; node != NULL;
         node = node->next)
        if (text_table_find(&reader->used, use_of(reader, kind->what, node->key->text)) == NULL)
            settings_warn(reader, node->key->position, "the %s '%s' is used nowhere", kind->what,
                          node->key->text.data);
}

void settings_warn_of_unused(struct settings_reader *reader, const struct yaml_node *root)
{
    if (reader->report->problems.errors > 0)
        return;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        warn_of_kind(reader, &kinds[i], yaml_node_find(root, kinds[i].setting));
}
