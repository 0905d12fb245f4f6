/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings table as a JSON Schema (draft 7), for editors. It says of what kind a value is, and
 * no more than that: what it accepts may still be refused, and what it refuses always is.
 */
#include "app/config/config.h"

#include <inttypes.h>

#include "app/config/settings_table.h"
#include "runtime/text_builder.h"

/* Text that holds an expansion may become anything. */
#define EXPANSION "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}"

/* --- JSON ------------------------------------------------------------------------------------- */

static void add_string(struct text_builder *text, const char *value)
{
    text_builder_add(text, SLICE("\""));
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            text_builder_add(text, SLICE("\\"));
        text_builder_add(text, slice_from(value, 1));
    }
    text_builder_add(text, SLICE("\""));
}

static void add_reference(struct text_builder *text, const struct settings_mapping *mapping)
{
    size_t index = 0;

    while (settings_mapping_get(index) != mapping)
        index++;
    text_builder_add_format(text, "{\"$ref\":\"#/definitions/mapping-%zu\"}", index);
}

/* --- Values ----------------------------------------------------------------------------------- */

static void add_choices(struct text_builder *text, const struct setting_choice *choices)
{
    const char *separator = "";

    text_builder_add(text, SLICE("{\"enum\":["));
    for (; choices->name != NULL; choices++) {
        if (choices->is_refused)
            continue;
        text_builder_add_format(text, "%s", separator);
        add_string(text, choices->name);
        separator = ",";
    }
    text_builder_add(text, SLICE("]}"));
}

/* What stands in a list, or alone. */
static void add_forms(struct text_builder *text, const struct setting *setting)
{
    static const char scalar[] = "{\"type\":[\"string\",\"number\",\"boolean\"]}";
    const char *separator = "";

    text_builder_add(text, SLICE("{\"anyOf\":["));
    if ((setting->forms & SETTING_FORM_SCALAR) != 0) {
        text_builder_add_format(text, "%s", scalar);
        separator = ",";
    }
    if ((setting->forms & SETTING_FORM_LIST) != 0) {
        text_builder_add_format(text, "%s{\"type\":\"array\",\"items\":{\"anyOf\":[%s", separator,
                                scalar);
        if (setting->mapping != NULL && (setting->forms & SETTING_FORM_MAPPING) == 0) {
            text_builder_add(text, SLICE(","));
            add_reference(text, setting->mapping);
        }
        text_builder_add(text, SLICE("]}}"));
        separator = ",";
    }
    if ((setting->forms & SETTING_FORM_MAPPING) != 0) {
        text_builder_add_format(text, "%s", separator);
        add_reference(text, setting->mapping);
    }
    text_builder_add(text, SLICE("]}"));
}

static void add_type(struct text_builder *text, const struct setting *setting)
{
    switch (setting->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        text_builder_add(text, SLICE("{\"type\":\"string\",\"minLength\":1}"));
        break;
    case SETTING_TEXTS:
        text_builder_add(text, SLICE("{\"type\":\"array\",\"minItems\":1,\"items\":"
                                     "{\"type\":\"string\",\"minLength\":1}}"));
        break;
    case SETTING_DURATION:
        text_builder_add(text, SLICE("{\"anyOf\":[{\"type\":\"string\",\"pattern\":"
                                     "\"^[0-9]+(ms|s|m|h)$\"}," EXPANSION "]}"));
        break;
    case SETTING_SIZE:
        text_builder_add(text, SLICE("{\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},"
                                     "{\"type\":\"string\",\"pattern\":"
                                     "\"^[0-9]+(B|KiB|MiB|GiB|TiB)?$\"}," EXPANSION "]}"));
        break;
    case SETTING_COUNT:
        text_builder_add_format(text,
                                "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":%" PRIu64
                                ",\"maximum\":%" PRIu64 "}," EXPANSION "]}",
                                setting->min, setting->max);
        break;
    case SETTING_BOOLEAN:
        text_builder_add(text, SLICE("{\"anyOf\":[{\"type\":\"boolean\"}," EXPANSION "]}"));
        break;
    case SETTING_CHOICE:
        text_builder_add(text, SLICE("{\"anyOf\":["));
        add_choices(text, setting->choices);
        text_builder_add(text, SLICE("," EXPANSION "]}"));
        break;
    case SETTING_MAPPING:
        add_reference(text, setting->mapping);
        break;
    case SETTING_ITEMS:
        text_builder_add(text, SLICE("{\"type\":\"array\",\"minItems\":1,\"items\":"));
        add_reference(text, setting->mapping);
        text_builder_add(text, SLICE("}"));
        break;
    case SETTING_NAMED:
        text_builder_add(text, SLICE("{\"type\":\"object\",\"additionalProperties\":"));
        add_reference(text, setting->mapping);
        text_builder_add(text, SLICE("}"));
        break;
    case SETTING_NAMED_LISTS:
        text_builder_add(text, SLICE("{\"type\":\"object\",\"additionalProperties\":"
                                     "{\"type\":\"array\",\"minItems\":1,\"items\":"));
        add_reference(text, setting->mapping);
        text_builder_add(text, SLICE("}}"));
        break;
    case SETTING_SPECIAL:
        add_forms(text, setting);
        break;
    }
}

/* --- Mappings --------------------------------------------------------------------------------- */

/* "$ref" keeps editors from looking at what stands beside it, so the type is one of several
 * conditions. */
static void add_setting(struct text_builder *text, const struct setting *setting)
{
    text_builder_add(text, SLICE("\n        "));
    add_string(text, setting->name);
    text_builder_add(text, SLICE(":{\"description\":"));
    add_string(text, setting->meaning);
    if (setting->default_text != NULL) {
        text_builder_add(text, SLICE(",\"default\":"));
        add_string(text, setting->default_text);
    }
    text_builder_add(text, SLICE(",\"allOf\":["));
    add_type(text, setting);
    text_builder_add(text, SLICE("]}"));
}

static void add_required(struct text_builder *text, const struct settings_mapping *mapping)
{
    const char *separator = "";

    text_builder_add(text, SLICE("\n      \"required\":["));
    for (size_t i = 0; i < mapping->setting_count; i++) {
        if (!mapping->settings[i].is_required)
            continue;
        text_builder_add_format(text, "%s", separator);
        add_string(text, mapping->settings[i].name);
        separator = ",";
    }
    text_builder_add(text, SLICE("]"));
}

static void add_mapping(struct text_builder *text, const struct settings_mapping *mapping,
                        size_t index)
{
    const char *separator = "";

    text_builder_add_format(text, "%s\n    \"mapping-%zu\":{\"type\":\"object\",\"title\":",
                            index == 0 ? "" : ",", index);
    add_string(text, mapping->title);
    text_builder_add(text, SLICE(",\"description\":"));
    add_string(text, mapping->meaning);
    text_builder_add(text, SLICE(",\"additionalProperties\":false,"));
    add_required(text, mapping);
    text_builder_add(text, SLICE(",\n      \"properties\":{"));
    for (size_t i = 0; i < mapping->setting_count; i++) {
        if (mapping->settings[i].refusal != NULL)
            continue;
        text_builder_add_format(text, "%s", separator);
        add_setting(text, &mapping->settings[i]);
        separator = ",";
    }
    text_builder_add(text, SLICE("}}"));
}

char *config_format_schema(void)
{
    struct text_builder text = {0};

    text_builder_add(&text, SLICE("{\n  \"$schema\":\"http://json-schema.org/draft-07/schema#\",\n"
                                  "  \"title\":\"sallyport.yaml\",\n"
                                  "  \"allOf\":[{\"$ref\":\"#/definitions/mapping-0\"}],\n"
                                  "  \"definitions\":{"));
    for (size_t i = 0; i < settings_mapping_count(); i++)
        add_mapping(&text, settings_mapping_get(i), i);
    text_builder_add(&text, SLICE("}\n}\n"));
    return text_builder_take(&text);
}
