/* SPDX-License-Identifier: Apache-2.0
 *
 * The generic walk. A value that was refused leaves its field as it was, which is zero.
 */
#include "app/config/settings_reader_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "app/config/setting_value_internal.h"
#include "app/config/special_settings_internal.h"
#include "app/config/suggestion_internal.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"

enum { MESSAGE_SIZE = PROBLEM_TEXT_SIZE };

/* --- Reporting -------------------------------------------------------------------------------- */

/* Instead of words that could quote what a file held. */
static const char secret_refusal[] = "cannot be what the file holds";

static bool is_from_file(const struct yaml_node *node)
{
    return node->is_secret && node->is_expanded && node->text.size > 0;
}

void settings_refuse(struct settings_reader *reader, const struct setting *setting,
                     struct yaml_node *node, const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problem_report_add(reader->report, CONFIG_ERROR, node->position, "%s'%s' %s",
                       node->key == NULL && node->parent != NULL ? "each of " : "", setting->name,
                       is_from_file(node) ? secret_refusal : text);
    yaml_node_mark_faulty(node);
}

void settings_refuse_value(struct settings_reader *reader, struct yaml_node *node,
                           const char *format, ...)
{
    char text[MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (is_from_file(node))
        problem_report_add(reader->report, CONFIG_ERROR, node->position, "this %s", secret_refusal);
    else
        problem_report_add(reader->report, CONFIG_ERROR, node->position, "%s", text);
    yaml_node_mark_faulty(node);
}

void settings_warn(struct settings_reader *reader, struct position position, const char *format,
                   ...)
{
    char text[MESSAGE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problem_report_add(reader->report, CONFIG_WARNING, position, "%s", text);
}

/* What the setting takes, or what each of its list does. The caller releases it. */
static char *format_expectation(const struct setting *setting, const struct yaml_node *node)
{
    bool is_item = node->key == NULL && node->parent != NULL;

    if (!is_item)
        return setting_format_type(setting);
    if (setting->type == SETTING_ITEMS)
        return memory_copy_text("a mapping");
    return memory_copy_text(setting->mapping == NULL ? "text" : "text or a mapping");
}

/* "'depth' must be a whole number, not 'many'". */
static void refuse_type(struct settings_reader *reader, const struct setting *setting,
                        struct yaml_node *node)
{
    char *expected = format_expectation(setting, node);

    if (node->kind == YAML_SCALAR && yaml_node_type(node) == YAML_NOTHING)
        settings_refuse(reader, setting, node, "has no value");
    else if (node->kind == YAML_SCALAR)
        settings_refuse(reader, setting, node, "must be %s, not '%.80s'", expected,
                        node->text.data);
    else
        settings_refuse(reader, setting, node, "must be %s, not %s", expected,
                        yaml_node_describe(node));
    memory_release(expected);
}

/* --- Fields ----------------------------------------------------------------------------------- */

void *settings_field(const struct setting *setting, void *target)
{
    return (char *)target + setting->offset;
}

void settings_store_pointer(const struct setting *setting, void *target, const void *pointer)
{
    assert(setting->size == sizeof(pointer));
    memcpy(settings_field(setting, target), &pointer, sizeof(pointer));
}

void settings_store_count(const struct setting *setting, void *target, size_t count)
{
    memcpy((char *)target + setting->count_offset, &count, sizeof(count));
}

static void store_number(const struct setting *setting, void *target, uint64_t value)
{
    uint32_t small = (uint32_t)value;
    bool truth = value != 0;

    if (setting->size == sizeof(value))
        memcpy(settings_field(setting, target), &value, sizeof(value));
    else if (setting->size == sizeof(small))
        memcpy(settings_field(setting, target), &small, sizeof(small));
    else if (setting->size == sizeof(truth))
        memcpy(settings_field(setting, target), &truth, sizeof(truth));
    else
        assert(setting->size == 0);
}

/* --- Scalars ---------------------------------------------------------------------------------- */

/* A scalar of whatever type, with a value. */
static bool check_scalar(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR || yaml_node_type(node) == YAML_NOTHING) {
        if (node->kind != YAML_SCALAR || !node->is_faulty)
            refuse_type(reader, setting, node);
        return false;
    }
    if (node->is_faulty)
        return false;
    if (slice_is_empty(node->text)) {
        settings_refuse(reader, setting, node, "is empty");
        return false;
    }
    return true;
}

static bool check_quotes(struct settings_reader *reader, struct yaml_node *node)
{
    if (yaml_node_type(node) == YAML_TEXT)
        return true;
    settings_refuse_value(reader, node, "%.80s is read as %s; quote it",
                          node->is_secret ? "this" : node->text.data, yaml_node_describe(node));
    return false;
}

bool settings_check_text(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node)
{
    return check_scalar(reader, setting, node) && check_quotes(reader, node);
}

bool settings_check_name(struct settings_reader *reader, struct yaml_node *node)
{
    struct error error = {0};

    if (node->is_faulty || !check_quotes(reader, node))
        return false;
    if (settings_name_is_valid(node->text, &error))
        return true;
    settings_refuse_value(reader, node, "%s", error.text);
    return false;
}

/* Asks the setting's own judge. */
static bool check_validity(struct settings_reader *reader, const struct setting *setting,
                           struct yaml_node *node)
{
    struct error error = {0};

    if (setting->is_valid == NULL || setting->is_valid(node->text, &error))
        return true;
    settings_refuse_value(reader, node, "%s", error.text);
    return false;
}

const char *settings_make_path(struct settings_reader *reader, const struct yaml_node *node)
{
    return source_files_make_path(reader->sources, node->position.file, node->text);
}

static void read_text(struct settings_reader *reader, const struct setting *setting,
                      struct yaml_node *node, void *target)
{
    if (!settings_check_text(reader, setting, node) || !check_validity(reader, setting, node))
        return;
    if (setting->type == SETTING_PATH)
        settings_store_pointer(setting, target, settings_make_path(reader, node));
    else
        settings_store_pointer(setting, target, node->text.data);
}

static void format_number(const struct setting *setting, uint64_t value,
                          char text[SETTING_VALUE_TEXT_SIZE])
{
    if (setting->type == SETTING_DURATION)
        setting_format_duration(value, text);
    else if (setting->type == SETTING_SIZE)
        setting_format_size(value, text);
    else
        snprintf(text, SETTING_VALUE_TEXT_SIZE, "%" PRIu64, value);
}

static void refuse_range(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node)
{
    char min[SETTING_VALUE_TEXT_SIZE];
    char max[SETTING_VALUE_TEXT_SIZE];

    format_number(setting, setting->min, min);
    format_number(setting, setting->max, max);
    settings_refuse(reader, setting, node, "is %.80s; it must be between %s and %s",
                    node->text.data, min, max);
}

static bool consists_of_digits(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!ascii_is_digit(text.data[i]))
            return false;
    return text.size > 0;
}

/* A number with a unit, or a count, which has none and is not quoted. */
static bool parse_number(const struct setting *setting, const struct yaml_node *node,
                         uint64_t *value)
{
    if (setting->type == SETTING_DURATION)
        return setting_parse_duration(node->text, value);
    if (setting->type == SETTING_SIZE)
        return setting_parse_size(node->text, value);
    return node->is_plain && slice_parse_u64(node->text, value);
}

static void read_number(struct settings_reader *reader, const struct setting *setting,
                        struct yaml_node *node, void *target)
{
    bool is_digits;
    uint64_t value;

    if (!check_scalar(reader, setting, node))
        return;
    is_digits = consists_of_digits(node->text);
    if (!parse_number(setting, node, &value)) {
        if (setting->type == SETTING_DURATION && is_digits)
            settings_refuse(reader, setting, node, "has no unit: write %.20ss, or ms, m or h",
                            node->text.data);
        else if (setting->type == SETTING_COUNT && is_digits && !node->is_plain)
            settings_refuse(reader, setting, node, "must be a number without quotes");
        else if (is_digits)
            refuse_range(reader, setting, node);
        else
            refuse_type(reader, setting, node);
        return;
    }
    if (value < setting->min || value > setting->max)
        refuse_range(reader, setting, node);
    else
        store_number(setting, target, value);
}

static void read_boolean(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node, void *target)
{
    bool is_true = slice_equals(node->text, SLICE("true"));

    if (!check_scalar(reader, setting, node))
        return;
    if (!is_true && !slice_equals(node->text, SLICE("false")))
        refuse_type(reader, setting, node);
    else if (!node->is_plain)
        settings_refuse(reader, setting, node, "must be true or false without quotes");
    else
        store_number(setting, target, is_true);
}

static void read_choice(struct settings_reader *reader, const struct setting *setting,
                        struct yaml_node *node, void *target)
{
    if (!settings_check_text(reader, setting, node))
        return;
    for (const struct setting_choice *choice = setting->choices; choice->name != NULL; choice++) {
        if (!slice_equals(node->text, slice_from_text(choice->name)))
            continue;
        if (choice->is_refused)
            settings_refuse_value(reader, node, "'%s: %s' is not supported yet", setting->name,
                                  choice->name);
        else
            store_number(setting, target, choice->value);
        return;
    }
    refuse_type(reader, setting, node);
}

/* --- Lists ------------------------------------------------------------------------------------ */

bool settings_check_list(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node)
{
    if (node->kind != YAML_SEQUENCE) {
        if (node->kind != YAML_SCALAR || !node->is_faulty)
            refuse_type(reader, setting, node);
        return false;
    }
    if (node->count == 0) {
        if (setting->otherwise != NULL)
            settings_refuse(reader, setting, node, "is empty; leave it out for %s",
                            setting->otherwise);
        else
            settings_refuse(reader, setting, node, "is empty");
        return false;
    }
    return true;
}

bool settings_check_unique(struct settings_reader *reader, struct text_table *seen,
                           struct yaml_node *node)
{
    const struct yaml_node *first = text_table_add(seen, node->text, node);

    if (first == NULL)
        return true;
    settings_refuse_value(reader, node, "'%.80s' is in this list twice; the first is %s",
                          node->text.data,
                          problem_place(reader->memory, first->position, node->position));
    return false;
}

static void read_texts(struct settings_reader *reader, const struct setting *setting,
                       struct yaml_node *node, void *target)
{
    struct text_table seen;
    const char **texts;
    size_t count = 0;

    if (!settings_check_list(reader, setting, node))
        return;
    texts = config_memory_allocate_array(reader->memory, node->count + 1, sizeof(*texts));
    text_table_init(&seen);
    for (struct yaml_node *item = node->first; item != NULL; item = item->next)
        if (settings_check_text(reader, setting, item) && check_validity(reader, setting, item) &&
            settings_check_unique(reader, &seen, item))
            texts[count++] = item->text.data;
    text_table_reset(&seen);
    settings_store_pointer(setting, target, texts);
}

/* What is in a mapping is read as the mapping is: as deep as the table nests, which is not deep.
 * NOLINTBEGIN(misc-no-recursion) */
void settings_read_items(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node, void *target)
{
    size_t item_size = setting->mapping->size;
    char *items;
    size_t i = 0;

    if (!settings_check_list(reader, setting, node))
        return;
    items = config_memory_allocate_array(reader->memory, node->count, item_size);
    for (struct yaml_node *item = node->first; item != NULL; item = item->next, i++) {
        if (item->kind == YAML_MAPPING)
            settings_read_mapping(reader, setting->mapping, item, items + i * item_size);
        else if (item->kind != YAML_SCALAR || !item->is_faulty)
            refuse_type(reader, setting, item);
    }
    settings_store_pointer(setting, target, items);
    settings_store_count(setting, target, node->count);
}

static void read_named_item(struct settings_reader *reader, const struct settings_mapping *mapping,
                            struct yaml_node *node, char *item)
{
    const char *name = node->key->text.data;

    if (settings_check_name(reader, node->key))
        memcpy(item + mapping->name_offset, &name, sizeof(name));
    if (node->kind == YAML_MAPPING) {
        settings_read_mapping(reader, mapping, node, item);
        return;
    }
    if (!node->is_faulty)
        settings_refuse_value(reader, node, "'%.80s' must be a mapping, not %s", name,
                              yaml_node_describe(node));
    /* It is known by name all the same, so that references to it are not refused too. */
    mapping->finish(reader, node, item);
}

static void read_named_lists(struct settings_reader *reader, const struct setting *setting,
                             struct yaml_node *node, void *target)
{
    if (node->kind != YAML_MAPPING) {
        if (node->kind != YAML_SCALAR || !node->is_faulty)
            refuse_type(reader, setting, node);
        return;
    }
    for (struct yaml_node *list = node->first; list != NULL; list = list->next) {
        (void)settings_check_name(reader, list->key);
        setting->read(reader, setting, list, target);
    }
}

static void read_named(struct settings_reader *reader, const struct setting *setting,
                       struct yaml_node *node, void *target)
{
    size_t item_size = setting->mapping->size;
    char *items;
    size_t i = 0;

    if (node->kind != YAML_MAPPING) {
        if (node->kind != YAML_SCALAR || !node->is_faulty)
            refuse_type(reader, setting, node);
        return;
    }
    items = config_memory_allocate_array(reader->memory, node->count + 1, item_size);
    for (struct yaml_node *item = node->first; item != NULL; item = item->next, i++)
        read_named_item(reader, setting->mapping, item, items + i * item_size);
    settings_store_pointer(setting, target, items);
    settings_store_count(setting, target, node->count);
}

/* --- Mappings --------------------------------------------------------------------------------- */

static void read_embedded(struct settings_reader *reader, const struct setting *setting,
                          struct yaml_node *node, void *target)
{
    if (node->kind == YAML_MAPPING)
        settings_read_mapping(reader, setting->mapping, node, settings_field(setting, target));
    else if (node->kind != YAML_SCALAR || !node->is_faulty)
        refuse_type(reader, setting, node);
}

static unsigned form_of(const struct yaml_node *node)
{
    switch (node->kind) {
    case YAML_SEQUENCE:
        return SETTING_FORM_LIST;
    case YAML_MAPPING:
        return SETTING_FORM_MAPPING;
    case YAML_SCALAR:
        break;
    }
    return SETTING_FORM_SCALAR;
}

static void read_special(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node, void *target)
{
    if (node->kind == YAML_SCALAR && !check_scalar(reader, setting, node))
        return;
    if ((setting->forms & form_of(node)) == 0)
        refuse_type(reader, setting, node);
    else
        setting->read(reader, setting, node, target);
}

static void read_setting(struct settings_reader *reader, const struct setting *setting,
                         struct yaml_node *node, void *target)
{
    node->is_secret = node->is_secret || setting->is_secret;
    switch (setting->type) {
    case SETTING_TEXT:
    case SETTING_PATH:
        read_text(reader, setting, node, target);
        return;
    case SETTING_TEXTS:
        read_texts(reader, setting, node, target);
        return;
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_COUNT:
        read_number(reader, setting, node, target);
        return;
    case SETTING_BOOLEAN:
        read_boolean(reader, setting, node, target);
        return;
    case SETTING_CHOICE:
        read_choice(reader, setting, node, target);
        return;
    case SETTING_MAPPING:
        read_embedded(reader, setting, node, target);
        return;
    case SETTING_ITEMS:
        settings_read_items(reader, setting, node, target);
        return;
    case SETTING_NAMED:
        read_named(reader, setting, node, target);
        return;
    case SETTING_NAMED_LISTS:
        read_named_lists(reader, setting, node, target);
        return;
    case SETTING_SPECIAL:
        read_special(reader, setting, node, target);
        return;
    }
}

static const struct setting *find_setting(const struct settings_mapping *mapping, struct slice name)
{
    for (size_t i = 0; i < mapping->setting_count; i++)
        if (slice_equals(name, slice_from_text(mapping->settings[i].name)))
            return &mapping->settings[i];
    return NULL;
}

static void list_known(const struct settings_mapping *mapping, struct text_builder *names)
{
    for (size_t i = 0; i < mapping->setting_count; i++)
        if (mapping->settings[i].refusal == NULL)
            text_builder_add_format(names, "%s%s", names->size == 0 ? "" : ", ",
                                    mapping->settings[i].name);
}

static void refuse_unknown(struct settings_reader *reader, const struct settings_mapping *mapping,
                           struct yaml_node *key)
{
    struct text_builder known = {0};
    struct suggestion suggestion;

    yaml_node_mark_faulty(key);
    key->parent->has_unknown = true;
    suggestion_begin(&suggestion, key->text);
    if (!problem_report_is_full(reader->report))
        for (size_t i = 0; i < mapping->setting_count; i++)
            suggestion_consider(&suggestion, slice_from_text(mapping->settings[i].name));
    if (!slice_is_empty(suggestion.nearest)) {
        key->suggested = find_setting(mapping, suggestion.nearest);
        settings_refuse_value(reader, key, "unknown setting '%.80s'; did you mean '%s'?",
                              key->text.data, suggestion.nearest.data);
        return;
    }
    list_known(mapping, &known);
    settings_refuse_value(reader, key, "unknown setting '%.80s'; known here: %s", key->text.data,
                          known.text);
    text_builder_reset(&known);
}

static void check_names(struct settings_reader *reader, const struct settings_mapping *mapping,
                        struct yaml_node *node)
{
    for (struct yaml_node *value = node->first; value != NULL; value = value->next) {
        const struct setting *setting = find_setting(mapping, value->key->text);

        if (value->key->is_faulty)
            continue;
        if (setting == NULL)
            refuse_unknown(reader, mapping, value->key);
        else if (setting->refusal != NULL)
            settings_refuse_value(reader, value->key, "'%s' %s", setting->name, setting->refusal);
    }
}

static struct yaml_node *create_default_node(struct settings_reader *reader,
                                             const struct setting *setting, enum yaml_kind kind,
                                             struct slice text)
{
    struct yaml_node *node = config_memory_allocate(reader->memory, sizeof(*node));

    node->kind = kind;
    node->is_plain = setting->type == SETTING_COUNT || setting->type == SETTING_BOOLEAN;
    node->text = slice_from(config_memory_copy(reader->memory, text), text.size);
    node->position.file = reader->report->file;
    return node;
}

/* "value" or "[item, item]". */
static struct yaml_node *create_default(struct settings_reader *reader,
                                        const struct setting *setting, struct slice text)
{
    struct yaml_node *list;
    struct yaml_node **link;

    if (!slice_starts_with(text, SLICE("[")))
        return create_default_node(reader, setting, YAML_SCALAR, text);

    list = create_default_node(reader, setting, YAML_SEQUENCE, SLICE(""));
    link = &list->first;
    text = slice_from(text.data + 1, text.size - 2);
    while (!slice_is_empty(text)) {
        size_t size = slice_find(text, ',');

        *link =
            create_default_node(reader, setting, YAML_SCALAR, slice_trim(slice_first(text, size)));
        (*link)->parent = list;
        link = &(*link)->next;
        list->count++;
        text = slice_after(text, size + 1);
    }
    return list;
}

static void apply_default(struct settings_reader *reader, const struct setting *setting,
                          void *target)
{
    if (setting->is_embedded)
        settings_apply_defaults(reader, setting->mapping, settings_field(setting, target));
    else if (setting->default_text != NULL)
        read_setting(reader, setting,
                     create_default(reader, setting, slice_from_text(setting->default_text)),
                     target);
}

void settings_apply_defaults(struct settings_reader *reader, const struct settings_mapping *mapping,
                             void *target)
{
    for (size_t i = 0; i < mapping->setting_count; i++)
        if (mapping->settings[i].refusal == NULL)
            apply_default(reader, &mapping->settings[i], target);
}

/* Somebody who wrote "listner" does not need to hear that 'listeners' is missing. */
static bool is_misspelt(const struct yaml_node *node, const struct setting *setting)
{
    for (const struct yaml_node *value = node->first; value != NULL; value = value->next)
        if (value->key->suggested == setting)
            return true;
    return false;
}

void settings_read_mapping(struct settings_reader *reader, const struct settings_mapping *mapping,
                           struct yaml_node *node, void *target)
{
    if (mapping->has_position)
        memcpy((char *)target + mapping->position_offset, &node->position, sizeof(node->position));
    check_names(reader, mapping, node);
    for (size_t i = 0; i < mapping->setting_count; i++) {
        const struct setting *setting = &mapping->settings[i];
        struct yaml_node *value =
            setting->refusal == NULL ? yaml_node_find(node, setting->name) : NULL;

        if (value != NULL)
            read_setting(reader, setting, value, target);
        else if (setting->is_required && !is_misspelt(node, setting))
            settings_refuse_value(reader, node, "'%s' is missing", setting->name);
        else if (setting->refusal == NULL)
            apply_default(reader, setting, target);
    }
    if (mapping->finish != NULL)
        mapping->finish(reader, node, target);
}
/* NOLINTEND(misc-no-recursion) */
