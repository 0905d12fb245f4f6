/* SPDX-License-Identifier: Apache-2.0
 *
 * libfyaml reads the text and yields events; the tree is built here, so that positions, limits
 * and duplicate names are ours and an alias is never followed. The bytes are checked before
 * libfyaml sees them: it reads nothing but UTF-8 without control characters.
 */
#include "app/config/yaml_document_internal.h"

#include <assert.h>
#include <libfyaml.h>

#include "app/config/text_table_internal.h"

struct building {
    const char *file;
    struct slice text;
    struct config_memory *memory;
    struct problem_report *report;
    struct yaml_node *open[YAML_DEPTH_MAX]; /* the containers that events are inside of */
    struct yaml_node *keys[YAML_DEPTH_MAX]; /* of each mapping, the key that waits for its value */
    size_t depth;
    size_t node_count;
    struct yaml_node *root;
    size_t document_count;
};

static struct position position_at(const struct building *building, unsigned line, unsigned column)
{
    return (struct position){building->file, line, column};
}

/* libfyaml counts from 0. */
static struct position position_of(const struct building *building, const struct fy_mark *mark)
{
    return position_at(building, (unsigned)mark->line + 1, (unsigned)mark->column + 1);
}

/* --- Bytes ------------------------------------------------------------------------------------ */

static bool is_continuation(struct slice text, size_t at)
{
    return at < text.size && ((unsigned char)text.data[at] & 0xC0) == 0x80;
}

/* How many bytes the character at the front has; 0 when it is not UTF-8 (RFC 3629). */
static size_t character_size(struct slice text)
{
    unsigned char first = (unsigned char)text.data[0];
    unsigned char second = text.size > 1 ? (unsigned char)text.data[1] : 0;

    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return is_continuation(text, 1) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        bool is_overlong = first == 0xE0 && second < 0xA0;
        bool is_surrogate = first == 0xED && second > 0x9F;

        return !is_overlong && !is_surrogate && is_continuation(text, 1) && is_continuation(text, 2)
                   ? 3
                   : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        bool is_overlong = first == 0xF0 && second < 0x90;
        bool is_too_large = first == 0xF4 && second > 0x8F;

        return !is_overlong && !is_too_large && is_continuation(text, 1) &&
                       is_continuation(text, 2) && is_continuation(text, 3)
                   ? 4
                   : 0;
    }
    return 0;
}

static bool is_control(char byte)
{
    return ((unsigned char)byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') ||
           byte == 0x7F;
}

static bool check_characters(const struct building *building, struct slice text)
{
    struct position position = position_at(building, 1, 1);

    while (!slice_is_empty(text)) {
        size_t size = character_size(text);

        if (size == 0) {
            problem_report_add(building->report, CONFIG_ERROR, position, "this is not UTF-8");
            return false;
        }
        if (is_control(text.data[0])) {
            problem_report_add(building->report, CONFIG_ERROR, position,
                               "a control character (0x%02X) is not allowed here",
                               (unsigned)text.data[0]);
            return false;
        }
        if (text.data[0] == '\n') {
            position.line++;
            position.column = 1;
        } else {
            position.column++;
        }
        text = slice_after(text, size);
    }
    return true;
}

bool yaml_text_is_line(struct slice text)
{
    while (!slice_is_empty(text)) {
        size_t size = character_size(text);

        if (size == 0 || (unsigned char)text.data[0] < 0x20 || text.data[0] == 0x7F)
            return false;
        text = slice_after(text, size);
    }
    return true;
}

/* Tabs are how most YAML breaks, and libfyaml's words for it seldom mention them. */
static void report_tab_indentation(const struct building *building, struct slice text)
{
    for (unsigned line = 1; !slice_is_empty(text); line++) {
        size_t line_size = slice_find(text, '\n');
        size_t blanks = 0;

        while (blanks < line_size && text.data[blanks] == ' ')
            blanks++;
        if (blanks < line_size && text.data[blanks] == '\t') {
            problem_report_add(building->report, CONFIG_ERROR,
                               position_at(building, line, (unsigned)blanks + 1),
                               "a tab indents this line; YAML wants spaces");
            return;
        }
        text = slice_after(text, line_size + 1);
    }
}

/* --- Nodes ------------------------------------------------------------------------------------ */

void yaml_node_mark_faulty(struct yaml_node *node)
{
    for (; node != NULL && !node->is_faulty; node = node->parent)
        node->is_faulty = true;
}

static void refuse_node(const struct building *building, struct yaml_node *node, const char *text)
{
    problem_report_add(building->report, CONFIG_ERROR, node->position, "%s", text);
    yaml_node_mark_faulty(node);
}

struct yaml_node *yaml_node_find(const struct yaml_node *mapping, const char *name)
{
    if (mapping->kind != YAML_MAPPING)
        return NULL;
    for (struct yaml_node *value = mapping->first; value != NULL; value = value->next)
        if (slice_equals(value->key->text, slice_from_text(name)))
            return value;
    return NULL;
}

static void append_child(struct yaml_node *parent, struct yaml_node *child)
{
    if (parent->last == NULL)
        parent->first = child;
    else
        parent->last->next = child;
    parent->last = child;
    parent->count++;
}

/* The first of what waits for a pair in a mapping is the key, the second the value. */
static void add_to_mapping(struct building *building, struct yaml_node *mapping,
                           struct yaml_node *node)
{
    struct yaml_node **key = &building->keys[building->depth - 1];

    if (*key == NULL) {
        *key = node;
        if (node->kind != YAML_SCALAR)
            refuse_node(building, node, "the name of a setting must be text");
        return;
    }
    node->key = *key;
    *key = NULL;
    if (node->key->kind == YAML_SCALAR)
        append_child(mapping, node);
}

static void add_node(struct building *building, struct yaml_node *node)
{
    struct yaml_node *parent = building->depth == 0 ? NULL : building->open[building->depth - 1];

    node->parent = parent;
    if (parent == NULL)
        building->root = node;
    else if (parent->kind == YAML_SEQUENCE)
        append_child(parent, node);
    else
        add_to_mapping(building, parent, node);
}

/* Where a node without a text of its own, such as the value of "tls:", seems to be. */
static struct position fallback_position(const struct building *building)
{
    if (building->depth == 0)
        return position_at(building, 1, 1);
    if (building->keys[building->depth - 1] != NULL)
        return building->keys[building->depth - 1]->position;
    return building->open[building->depth - 1]->position;
}

static void refuse_decoration(const struct building *building, struct yaml_node *node,
                              struct fy_token *anchor, struct fy_token *tag)
{
    if (anchor != NULL)
        refuse_node(building, node, "anchors and aliases are not supported: write it out");
    if (tag != NULL)
        refuse_node(building, node, "tags are not supported");
}

static struct yaml_node *create_node(struct building *building, struct fy_event *event,
                                     enum yaml_kind kind)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    struct yaml_node *node = config_memory_allocate(building->memory, sizeof(*node));

    node->kind = kind;
    node->position = mark == NULL ? fallback_position(building) : position_of(building, mark);
    node->text = SLICE("");
    add_node(building, node);
    return node;
}

/* An escape in double quotes can write any character; of those that control, none is wanted. */
static bool has_control_character(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7F)
            return true;
    return false;
}

/* As it was written, without quotes and with escapes. */
static struct slice written_text(const struct building *building, struct fy_token *value)
{
    const struct fy_mark *start = fy_token_start_mark(value);
    const struct fy_mark *end = fy_token_end_mark(value);

    if (start == NULL || end == NULL || end->input_pos < start->input_pos)
        return SLICE("");
    return slice_first(slice_after(building->text, start->input_pos),
                       end->input_pos - start->input_pos);
}

static bool has_text(struct slice text, struct slice wanted)
{
    for (; text.size >= wanted.size; text = slice_after(text, 1))
        if (slice_starts_with(text, wanted))
            return true;
    return false;
}

/* NULL, or why a scalar is refused before libfyaml is asked for its text. libfyaml 0.7.12 forgets
 * memory, and yields text that it never wrote, where one escape follows another in single quotes
 * or across lines; and no setting needs more than a line. */
static const char *find_refusal(const struct building *building, struct fy_token *value,
                                enum fy_scalar_style style)
{
    struct slice written = written_text(building, value);

    if (style == FYSS_LITERAL || style == FYSS_FOLDED || slice_find(written, '\n') < written.size)
        return "a value must be on one line";
    if (style == FYSS_SINGLE_QUOTED && has_text(written, SLICE("''''")))
        return "several quotes in a row must be written in double quotes";
    return NULL;
}

static void read_scalar(const struct building *building, struct yaml_node *node,
                        struct fy_token *value)
{
    enum fy_scalar_style style = fy_token_scalar_style(value);
    const char *refusal = find_refusal(building, value, style);
    const char *text;
    size_t size = 0;

    node->is_plain = style == FYSS_PLAIN;
    /* libfyaml's mark is behind the quote. */
    if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && node->position.column > 1)
        node->position.column--;
    if (refusal != NULL) {
        refuse_node(building, node, refusal);
        return;
    }
    text = fy_token_get_text(value, &size);
    if (text == NULL) {
        refuse_node(building, node, "this value cannot be read");
        return;
    }
    node->text = slice_from(config_memory_copy(building->memory, slice_from(text, size)), size);
    if (has_control_character(node->text))
        refuse_node(building, node, "a line break or control character is not allowed in a value");
}

static void add_scalar(struct building *building, struct fy_event *event)
{
    struct yaml_node *node = create_node(building, event, YAML_SCALAR);

    node->is_plain = true;
    if (event->scalar.value != NULL)
        read_scalar(building, node, event->scalar.value);
    refuse_decoration(building, node, event->scalar.anchor, event->scalar.tag);
}

static void add_alias(struct building *building, struct fy_event *event)
{
    struct yaml_node *node = create_node(building, event, YAML_SCALAR);

    node->is_plain = true;
    /* libfyaml's mark is behind the star. */
    if (node->position.column > 1)
        node->position.column--;
    refuse_node(building, node, "anchors and aliases are not supported: write it out");
}

static bool open_container(struct building *building, struct fy_event *event, enum yaml_kind kind,
                           struct fy_token *anchor, struct fy_token *tag)
{
    struct yaml_node *node = create_node(building, event, kind);

    refuse_decoration(building, node, anchor, tag);
    if (building->depth == YAML_DEPTH_MAX) {
        problem_report_add(building->report, CONFIG_ERROR, node->position,
                           "this is nested deeper than %d levels", YAML_DEPTH_MAX);
        return false;
    }
    building->open[building->depth] = node;
    building->keys[building->depth] = NULL;
    building->depth++;
    return true;
}

/* The first of two wins; the second is reported and forgotten. */
static void drop_duplicates(struct building *building, struct yaml_node *mapping)
{
    struct yaml_node **link = &mapping->first;
    struct text_table names;

    text_table_init(&names);
    mapping->last = NULL;
    while (*link != NULL) {
        struct yaml_node *value = *link;
        const struct yaml_node *before = text_table_add(&names, value->key->text, value->key);

        if (before == NULL) {
            mapping->last = value;
            link = &value->next;
            continue;
        }
        problem_report_add(building->report, CONFIG_ERROR, value->key->position,
                           "'%s' is set twice; the first is on line %u", before->text.data,
                           before->position.line);
        yaml_node_mark_faulty(mapping);
        *link = value->next;
        mapping->count--;
    }
    text_table_reset(&names);
}

static void close_container(struct building *building)
{
    struct yaml_node *node;

    assert(building->depth > 0);
    building->depth--;
    node = building->open[building->depth];
    if (node->kind == YAML_MAPPING && node->count > 1)
        drop_duplicates(building, node);
}

/* --- Events ----------------------------------------------------------------------------------- */

static bool begin_document(struct building *building, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    building->document_count++;
    if (building->document_count == 1)
        return true;
    problem_report_add(building->report, CONFIG_ERROR,
                       mark == NULL ? position_at(building, 1, 1) : position_of(building, mark),
                       "a second document begins here; a configuration is one document");
    return false;
}

static bool count_node(struct building *building, struct fy_event *event)
{
    const struct fy_mark *mark = fy_event_start_mark(event);

    building->node_count++;
    if (building->node_count <= YAML_NODES_MAX)
        return true;
    problem_report_add(building->report, CONFIG_ERROR,
                       mark == NULL ? fallback_position(building) : position_of(building, mark),
                       "the configuration has more than %d values", YAML_NODES_MAX);
    return false;
}

/* False ends the parsing; the report says why. */
static bool on_event(struct building *building, struct fy_event *event)
{
    switch (event->type) {
    case FYET_DOCUMENT_START:
        return begin_document(building, event);
    case FYET_MAPPING_START:
        return count_node(building, event) &&
               open_container(building, event, YAML_MAPPING, event->mapping_start.anchor,
                              event->mapping_start.tag);
    case FYET_SEQUENCE_START:
        return count_node(building, event) &&
               open_container(building, event, YAML_SEQUENCE, event->sequence_start.anchor,
                              event->sequence_start.tag);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        close_container(building);
        return true;
    case FYET_SCALAR:
        if (!count_node(building, event))
            return false;
        add_scalar(building, event);
        return true;
    case FYET_ALIAS:
        if (!count_node(building, event))
            return false;
        add_alias(building, event);
        return true;
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_STREAM_END:
    case FYET_DOCUMENT_END:
        return true;
    }
    return true;
}

static bool read_events(struct building *building, struct fy_parser *parser)
{
    struct fy_event *event = fy_parser_parse(parser);

    while (event != NULL) {
        bool goes_on = on_event(building, event);

        fy_parser_event_free(parser, event);
        if (!goes_on)
            return false;
        event = fy_parser_parse(parser);
    }
    return true;
}

static void report_syntax_errors(const struct building *building, struct fy_diag *diagnostics,
                                 struct slice text)
{
    bool mentions_tabs = false;
    void *iterator = NULL;
    struct fy_diag_error *found = fy_diag_errors_iterate(diagnostics, &iterator);

    if (found == NULL)
        problem_report_add(building->report, CONFIG_ERROR, position_at(building, 0, 0),
                           "this is not YAML");
    for (; found != NULL; found = fy_diag_errors_iterate(diagnostics, &iterator)) {
        bool has_position = found->line > 0 && found->column > 0;

        problem_report_add(building->report, CONFIG_ERROR,
                           position_at(building, has_position ? (unsigned)found->line : 0,
                                       has_position ? (unsigned)found->column : 0),
                           "this is not YAML: %s", found->msg);
        if (strstr(found->msg, "tab ") != NULL)
            mentions_tabs = true;
    }
    if (!mentions_tabs)
        report_tab_indentation(building, text);
}

static void discard_output(struct fy_diag *diagnostics, void *user, const char *text, size_t size)
{
    (void)diagnostics;
    (void)user;
    (void)text;
    (void)size;
}

/* Collects what libfyaml has to say, none of which may reach standard error. */
static struct fy_diag *create_diagnostics(void)
{
    struct fy_diag_cfg settings;
    struct fy_diag *diagnostics;

    fy_diag_cfg_default(&settings);
    settings.fp = NULL;
    settings.output_fn = discard_output;
    settings.colorize = false;
    diagnostics = fy_diag_create(&settings);
    if (diagnostics != NULL)
        fy_diag_set_collect_errors(diagnostics, true);
    return diagnostics;
}

static bool parse_events(struct building *building, struct slice text)
{
    struct fy_diag *diagnostics = create_diagnostics();
    struct fy_parse_cfg settings = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DISABLE_MMAP_OPT |
                 FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
        .diag = diagnostics,
    };
    struct fy_parser *parser = diagnostics == NULL ? NULL : fy_parser_create(&settings);
    bool is_complete = false;

    if (parser == NULL || fy_parser_set_string(parser, text.data, text.size) != 0) {
        problem_report_add(building->report, CONFIG_ERROR, position_at(building, 0, 0),
                           "the YAML parser cannot be started");
        goto cleanup;
    }
    if (!read_events(building, parser))
        goto cleanup;
    if (fy_parser_get_stream_error(parser)) {
        report_syntax_errors(building, diagnostics, text);
        goto cleanup;
    }
    is_complete = true;

cleanup:
    if (parser != NULL)
        fy_parser_destroy(parser);
    if (diagnostics != NULL)
        fy_diag_destroy(diagnostics);
    return is_complete;
}

static struct slice without_byte_order_mark(struct slice text)
{
    struct slice mark = SLICE("\xEF\xBB\xBF");

    return slice_starts_with(text, mark) ? slice_after(text, mark.size) : text;
}

struct yaml_node *yaml_document_parse(struct slice text, const char *file,
                                      struct config_memory *memory, struct problem_report *report)
{
    struct building building = {.file = file, .memory = memory, .report = report};

    if (text.size > CONFIG_FILE_BYTES_MAX) {
        problem_report_add(report, CONFIG_ERROR, position_at(&building, 0, 0),
                           "the configuration is larger than %d bytes", CONFIG_FILE_BYTES_MAX);
        return NULL;
    }
    text = without_byte_order_mark(text);
    if (!check_characters(&building, text))
        return NULL;
    building.text = text;
    if (!slice_is_empty(text) && !parse_events(&building, text))
        return NULL;
    if (building.root == NULL || yaml_node_type(building.root) == YAML_NOTHING) {
        problem_report_add(report, CONFIG_ERROR, position_at(&building, 1, 1),
                           "the configuration is empty");
        return NULL;
    }
    if (building.root->kind != YAML_MAPPING) {
        problem_report_add(report, CONFIG_ERROR, building.root->position,
                           "a configuration is a mapping of settings, not %s",
                           yaml_node_describe(building.root));
        return NULL;
    }
    return building.root;
}
