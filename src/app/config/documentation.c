/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings table as text for people: docs/CONFIGURATION.md. Each example is a piece of a
 * configuration that loads; a test puts every one into its frame and loads it.
 */
#include "app/config/config.h"

#include "app/config/setting_value_internal.h"
#include "app/config/settings_table.h"
#include "runtime/text_builder.h"

/* --- Types ------------------------------------------------------------------------------------ */

/* "a, b or c", without those that are refused. */
static void add_choices(struct text_builder *text, const struct setting_choice *choices)
{
    size_t count = 0;
    size_t added = 0;

    for (const struct setting_choice *choice = choices; choice->name != NULL; choice++)
        count += choice->is_refused ? 0 : 1;
    for (const struct setting_choice *choice = choices; choice->name != NULL; choice++) {
        if (choice->is_refused)
            continue;
        if (added > 0)
            text_builder_add_format(text, "%s", added + 1 == count ? " or " : ", ");
        text_builder_add_format(text, "%s", choice->name);
        added++;
    }
}

static void add_type(struct text_builder *text, const struct setting *setting)
{
    static const char *const types[] = {
        [SETTING_TEXT] = "text",
        [SETTING_TEXTS] = "a list of text",
        [SETTING_PATH] = "a path",
        [SETTING_DURATION] = "a duration such as 30s",
        [SETTING_SIZE] = "a size such as 64KiB",
        [SETTING_COUNT] = "a whole number",
        [SETTING_BOOLEAN] = "true or false",
        [SETTING_CHOICE] = "a word",
        [SETTING_MAPPING] = "a mapping",
        [SETTING_ITEMS] = "a list of mappings",
        [SETTING_NAMED] = "a mapping from names to mappings",
        [SETTING_NAMED_LISTS] = "a mapping from names to lists of mappings",
        [SETTING_SPECIAL] = "a value",
    };

    if (setting->expects != NULL)
        text_builder_add_format(text, "%s", setting->expects);
    else if (setting->type == SETTING_CHOICE)
        add_choices(text, setting->choices);
    else
        text_builder_add_format(text, "%s", types[setting->type]);
}

char *setting_format_type(const struct setting *setting)
{
    struct text_builder text = {0};

    add_type(&text, setting);
    return text_builder_take(&text);
}

/* --- The document ----------------------------------------------------------------------------- */

static const char introduction[] =
    "# Configuration\n"
    "\n"
    "This file is made from the program's table of settings; do not edit it.\n"
    "\n"
    "A configuration is one YAML 1.2 document, of which JSON is a part, without anchors, aliases "
    "and "
    "tags.\n"
    "\n"
    "- A **duration** is a whole number with a unit: `500ms`, `30s`, `5m`, `2h`.\n"
    "- A **size** is a number of bytes, with or without a unit: `512`, `32KiB`, `1MiB`, `2GiB`.\n"
    "- A **path** is seen from the directory of the file that it is written in.\n"
    "- `${NAME}` in a value stands for an environment variable, `${NAME:-default}` for one that "
    "may be\n"
    "  unset or empty, `${file:PATH}` for what a file holds without its last line break, such as a "
    "password,\n"
    "  and `$$` for a dollar sign. This is done after the text was read as YAML: a value stays a "
    "value.\n"
    "  What is not set is an error.\n"
    "- A configuration may be spread over files: with `include`, or as a directory, of which all "
    "files that\n"
    "  end with `.yaml` are read in the order of their names. Nothing is said twice.\n"
    "- **Text** that YAML would read as a number, or as true or false, must be quoted: `\"1.2\"`.\n"
    "- A configuration with `version: 1` that is accepted stays accepted, with the same meaning, "
    "by every\n"
    "  later program that knows version 1: settings are added, defaults are not weakened, and what "
    "is to\n"
    "  go is warned of first. Only what was refused may become accepted.\n"
    "- An unknown name is an error, and so is an empty list where it would mean nobody or "
    "everybody.\n";

static void add_range(struct text_builder *text, const struct setting *setting)
{
    char min[SETTING_VALUE_TEXT_SIZE];
    char max[SETTING_VALUE_TEXT_SIZE];

    if (setting->type == SETTING_DURATION) {
        setting_format_duration(setting->min, min);
        setting_format_duration(setting->max, max);
        text_builder_add_format(text, ", between %s and %s", min, max);
    } else if (setting->type == SETTING_SIZE) {
        setting_format_size(setting->min, min);
        setting_format_size(setting->max, max);
        text_builder_add_format(text, ", between %s and %s", min, max);
    } else if (setting->type == SETTING_COUNT) {
        text_builder_add_format(text, " between %llu and %llu", (unsigned long long)setting->min,
                                (unsigned long long)setting->max);
    }
}

static void add_absence(struct text_builder *text, const struct setting *setting)
{
    if (setting->is_required)
        text_builder_add_format(text, " Required.");
    else if (setting->default_text != NULL)
        text_builder_add_format(text, " Default: `%s`.", setting->default_text);
    else if (setting->otherwise != NULL)
        text_builder_add_format(text, " When left out: %s.", setting->otherwise);
}

static void add_mapping_reference(struct text_builder *text, const struct setting *setting)
{
    if (setting->mapping != NULL)
        text_builder_add_format(text, " See `%s`.", setting->mapping->title);
}

static void add_setting(struct text_builder *text, const struct setting *setting)
{
    text_builder_add_format(text, "\n### `%s`\n\n*", setting->name);
    add_type(text, setting);
    add_range(text, setting);
    text_builder_add_format(text, ".*");
    add_absence(text, setting);
    text_builder_add_format(text, "\n\n%s", setting->meaning);
    add_mapping_reference(text, setting);
    text_builder_add_format(text, "\n\n```yaml\n%s```\n", setting->example);
}

static void add_refused(struct text_builder *text, const struct settings_mapping *mapping)
{
    size_t count = 0;

    for (size_t i = 0; i < mapping->setting_count; i++) {
        const struct setting *setting = &mapping->settings[i];

        if (setting->refusal == NULL ||
            !slice_ends_with(slice_from_text(setting->refusal), SLICE("not supported yet")))
            continue;
        text_builder_add_format(text, "%s`%s`", count == 0 ? "\nNot supported yet: " : ", ",
                                setting->name);
        count++;
    }
    if (count > 0)
        text_builder_add_format(text, ".\n");
}

char *config_format_documentation(void)
{
    struct text_builder text = {0};

    text_builder_add_format(&text, "%s", introduction);
    for (size_t i = 0; i < settings_mapping_count(); i++) {
        const struct settings_mapping *mapping = settings_mapping_get(i);

        text_builder_add_format(&text, "\n## %s\n\n%s\n", mapping->title, mapping->meaning);
        for (size_t j = 0; j < mapping->setting_count; j++)
            if (mapping->settings[j].refusal == NULL)
                add_setting(&text, &mapping->settings[j]);
        add_refused(&text, mapping);
    }
    return text_builder_take(&text);
}
