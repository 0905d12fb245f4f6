/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings table as text for people: docs/CONFIGURATION.md. Each example is a piece of a
 * configuration that loads; a test puts every one into its frame and loads it.
 */
#include "app/config/config.h"

#include "app/config/setting_value_internal.h"
#include "app/config/settings_table.h"
#include "app/config/text_builder_internal.h"

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

/* --- Examples --------------------------------------------------------------------------------- */

static struct slice first_line(struct slice text)
{
    return slice_first(text, slice_find(text, '\n'));
}

static size_t indentation_of(struct slice line)
{
    size_t blanks = 0;

    while (blanks < line.size && line.data[blanks] == ' ')
        blanks++;
    return blanks;
}

/* Does one of the lines, at their own left margin, set what this line of the frame sets? */
static bool is_set_by(struct slice frame_line, struct slice lines)
{
    struct slice setting = slice_after(frame_line, indentation_of(frame_line));
    struct slice name = slice_first(setting, slice_find(setting, ':') + 1);

    if (!slice_ends_with(name, SLICE(":")))
        return false;
    while (!slice_is_empty(lines)) {
        struct slice line = first_line(lines);

        if (slice_starts_with(line, name))
            return true;
        lines = slice_after(lines, line.size + 1);
    }
    return false;
}

static size_t indentation_of_place(struct slice frame)
{
    while (!slice_is_empty(frame)) {
        struct slice line = first_line(frame);
        size_t indentation = indentation_of(line);

        if (slice_equals(slice_after(line, indentation), SLICE("@")))
            return indentation;
        frame = slice_after(frame, line.size + 1);
    }
    return 0;
}

static void add_indented(struct text_builder *text, struct slice lines, size_t indentation)
{
    while (!slice_is_empty(lines)) {
        struct slice line = first_line(lines);

        text_builder_add_format(text, "%*s%.*s\n", (int)indentation, "", SLICE_FORMAT(line));
        lines = slice_after(lines, line.size + 1);
    }
}

/* The frame's line that sets the same goes, with what stands below it, further to the right. */
static struct slice skip_setting(struct slice frame, size_t indentation)
{
    frame = slice_after(frame, first_line(frame).size + 1);
    while (!slice_is_empty(frame) && indentation_of(first_line(frame)) > indentation)
        frame = slice_after(frame, first_line(frame).size + 1);
    return frame;
}

char *settings_mapping_format(const struct settings_mapping *mapping, const char *lines,
                              unsigned *line, unsigned *column)
{
    struct slice frame = slice_from_text(mapping->frame);
    size_t indentation = indentation_of_place(frame);
    struct text_builder text = {0};
    unsigned line_count = 0;

    while (!slice_is_empty(frame)) {
        struct slice frame_line = first_line(frame);
        bool is_same_level = indentation_of(frame_line) == indentation;

        if (is_same_level && slice_ends_with(frame_line, SLICE("@"))) {
            *line = line_count + 1;
            *column = (unsigned)indentation + 1;
            add_indented(&text, slice_from_text(lines), indentation);
        } else if (is_same_level && is_set_by(frame_line, slice_from_text(lines))) {
            frame = skip_setting(frame, indentation);
            continue;
        } else {
            text_builder_add_format(&text, "%.*s\n", SLICE_FORMAT(frame_line));
        }
        line_count++;
        frame = slice_after(frame, frame_line.size + 1);
    }
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
    "- **Text** that YAML would read as a number, or as true or false, must be quoted: `\"1.2\"`.\n"
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
