/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole configuration as it is in effect: what all files say, expanded, and the default of what
 * nobody says. It is a configuration again, but for secrets, which are shown as ***.
 */
#include "app/config/effective_internal.h"

#include "runtime/memory.h"
#include "runtime/text_builder.h"

enum { STEP = 2 };

struct writing {
    const struct source_files *sources;
    struct text_builder text;
};

static void write_mapping(struct writing *writing, const struct settings_mapping *mapping,
                          const struct yaml_node *node, unsigned indentation, bool is_in_list);

/* --- Scalars ---------------------------------------------------------------------------------- */

/* In double quotes, with a second '$' so that nothing is expanded again. */
static void write_quoted(struct text_builder *text, struct slice value)
{
    text_builder_add(text, SLICE("\""));
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] == '"' || value.data[i] == '\\')
            text_builder_add(text, SLICE("\\"));
        if (value.data[i] == '$')
            text_builder_add(text, SLICE("$"));
        text_builder_add(text, slice_from(&value.data[i], 1));
    }
    text_builder_add(text, SLICE("\""));
}

/* Names and numbers need no quotes. What begins like neither gets some. */
static bool is_simple(struct slice value)
{
    for (size_t i = 0; i < value.size; i++)
        if (!ascii_is_alphanumeric(value.data[i]) && strchr("-_./", value.data[i]) == NULL)
            return false;
    return value.size > 0 && (ascii_is_alphanumeric(value.data[0]) || value.data[0] == '/');
}

static bool is_path(const struct setting *setting, const struct yaml_node *node)
{
    return setting->type == SETTING_PATH ||
           (setting->is_path && (setting->type == SETTING_TEXT ||
                                 (node->parent != NULL && node->parent->kind == YAML_SEQUENCE) ||
                                 slice_find(node->text, '/') < node->text.size));
}

/* Is it written as a number, or as true or false? */
static bool is_unquoted(const struct setting *setting, const struct yaml_node *node)
{
    switch (setting->type) {
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_COUNT:
    case SETTING_BOOLEAN:
        return true;
    case SETTING_SPECIAL:
        return node->is_plain;
    case SETTING_TEXT:
    case SETTING_TEXTS:
    case SETTING_PATH:
    case SETTING_CHOICE:
    case SETTING_MAPPING:
    case SETTING_ITEMS:
    case SETTING_NAMED:
    case SETTING_NAMED_LISTS:
        break;
    }
    return false;
}

static void write_scalar(struct writing *writing, const struct setting *setting,
                         const struct yaml_node *node)
{
    struct yaml_node plain = {.kind = YAML_SCALAR, .is_plain = true, .text = node->text};

    if (node->is_secret)
        text_builder_add(&writing->text, SLICE("\"***\""));
    else if (is_path(setting, node))
        write_quoted(&writing->text, slice_from_text(source_files_make_path(
                                         writing->sources, node->position.file, node->text)));
    else if (is_simple(node->text) &&
             (is_unquoted(setting, node) || yaml_node_type(&plain) == YAML_TEXT))
        text_builder_add(&writing->text, node->text);
    else
        write_quoted(&writing->text, node->text);
}

/* --- Containers ------------------------------------------------------------------------------- */

static void write_indentation(struct writing *writing, unsigned indentation)
{
    text_builder_add_format(&writing->text, "%*s", (int)indentation, "");
}

/* As deep as the table nests, which is not deep. NOLINTBEGIN(misc-no-recursion) */
static void write_list(struct writing *writing, const struct setting *setting,
                       const struct yaml_node *node, unsigned indentation)
{
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        write_indentation(writing, indentation);
        text_builder_add(&writing->text, SLICE("- "));
        if (item->kind == YAML_MAPPING && setting->mapping != NULL) {
            write_mapping(writing, setting->mapping, item, indentation + STEP, true);
        } else {
            write_scalar(writing, setting, item);
            text_builder_add(&writing->text, SLICE("\n"));
        }
    }
}

static void write_names(struct writing *writing, const struct setting *setting,
                        const struct yaml_node *node, unsigned indentation)
{
    for (const struct yaml_node *value = node->first; value != NULL; value = value->next) {
        write_indentation(writing, indentation);
        write_quoted(&writing->text, value->key->text);
        text_builder_add(&writing->text, SLICE(":\n"));
        if (value->kind == YAML_SEQUENCE)
            write_list(writing, setting, value, indentation + STEP);
        else
            write_mapping(writing, setting->mapping, value, indentation + STEP, false);
    }
}

/* Does the setting hold something when it is left out? */
static bool has_default(const struct setting *setting)
{
    if (!setting->is_embedded)
        return setting->default_text != NULL;
    for (size_t i = 0; i < setting->mapping->setting_count; i++)
        if (setting->mapping->settings[i].refusal == NULL &&
            has_default(&setting->mapping->settings[i]))
            return true;
    return false;
}

static bool is_empty(const struct setting *setting, const struct yaml_node *node)
{
    if (node->kind == YAML_SCALAR || node->count > 0)
        return false;
    if (node->kind == YAML_SEQUENCE || setting->type == SETTING_NAMED ||
        setting->type == SETTING_NAMED_LISTS)
        return true;
    for (size_t i = 0; i < setting->mapping->setting_count; i++)
        if (setting->mapping->settings[i].refusal == NULL &&
            has_default(&setting->mapping->settings[i]))
            return false;
    return true;
}

static void write_value(struct writing *writing, const struct setting *setting,
                        const struct yaml_node *node, unsigned indentation)
{
    if (node->kind == YAML_SCALAR) {
        text_builder_add(&writing->text, SLICE(" "));
        write_scalar(writing, setting, node);
        text_builder_add(&writing->text, SLICE("\n"));
    } else if (is_empty(setting, node)) {
        text_builder_add_format(&writing->text, " %s\n", node->kind == YAML_SEQUENCE ? "[]" : "{}");
    } else {
        text_builder_add(&writing->text, SLICE("\n"));
        if (node->kind == YAML_SEQUENCE)
            write_list(writing, setting, node, indentation + STEP);
        else if (setting->type == SETTING_NAMED || setting->type == SETTING_NAMED_LISTS)
            write_names(writing, setting, node, indentation + STEP);
        else
            write_mapping(writing, setting->mapping, node, indentation + STEP, false);
    }
}

/* "[item, item]", an item a line. */
static void write_default_list(struct writing *writing, struct slice items, unsigned indentation)
{
    text_builder_add(&writing->text, SLICE("\n"));
    while (!slice_is_empty(items)) {
        size_t size = slice_find(items, ',');

        write_indentation(writing, indentation);
        text_builder_add_format(&writing->text, "- %.*s\n",
                                SLICE_FORMAT(slice_trim(slice_first(items, size))));
        items = slice_after(items, size + 1);
    }
}

static void write_default(struct writing *writing, const struct setting *setting,
                          unsigned indentation)
{
    static const struct yaml_node nothing = {.kind = YAML_MAPPING};

    if (setting->is_embedded) {
        text_builder_add(&writing->text, SLICE("\n"));
        write_mapping(writing, setting->mapping, &nothing, indentation + STEP, false);
    } else if (setting->default_text[0] == '[') {
        struct slice items = slice_from_text(setting->default_text + 1);

        write_default_list(writing, slice_first(items, items.size - 1), indentation + STEP);
    } else {
        struct yaml_node plain = {
            .kind = YAML_SCALAR, .is_plain = true, .text = slice_from_text(setting->default_text)};

        text_builder_add(&writing->text, SLICE(" "));
        write_scalar(writing, setting, &plain);
        text_builder_add(&writing->text, SLICE("\n"));
    }
}

static void write_mapping(struct writing *writing, const struct settings_mapping *mapping,
                          const struct yaml_node *node, unsigned indentation, bool is_in_list)
{
    bool is_first = is_in_list;

    for (size_t i = 0; i < mapping->setting_count; i++) {
        const struct setting *setting = &mapping->settings[i];
        const struct yaml_node *value = yaml_node_find(node, setting->name);

        if (setting->refusal != NULL || setting->is_of_files ||
            (value == NULL && !has_default(setting)))
            continue;
        /* The first of a list's item stands behind the hyphen. */
        if (!is_first)
            write_indentation(writing, indentation);
        is_first = false;
        text_builder_add_format(&writing->text, "%s:", setting->name);
        if (value != NULL)
            write_value(writing, setting, value, indentation);
        else
            write_default(writing, setting, indentation);
    }
}
/* NOLINTEND(misc-no-recursion) */

char *effective_format(const struct yaml_node *root, const struct source_files *sources)
{
    struct writing writing = {.sources = sources};

    write_mapping(&writing, settings_mapping_get(0), root, 0, false);
    return text_builder_take(&writing.text);
}
