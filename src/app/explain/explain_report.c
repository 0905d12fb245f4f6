/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_report_internal.h.
 */
#include "app/explain/explain_report_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/buffer.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

enum {
    ESCAPED_BYTES_MAX = 6, /* of one byte: \u001b */
    NAME_COLUMNS = 22,
    VALUE_COLUMNS_MAX = 160 /* of a value for people */
};

/* ---- collecting ---- */

void explain_steps_begin(struct explain_steps *steps, const char *name)
{
    steps->items = memory_resize(steps->items, (steps->count + 1) * sizeof *steps->items);
    steps->items[steps->count++] = (struct explain_step){.name = name};
}

static void add(struct explain_steps *steps, const char *name, char *text, enum explain_value kind)
{
    struct explain_step *step = &steps->items[steps->count - 1];

    step->fields = memory_resize(step->fields, (step->count + 1) * sizeof *step->fields);
    step->fields[step->count++] = (struct explain_field){name, text, kind};
}

void explain_steps_add(struct explain_steps *steps, const char *name, struct slice text)
{
    if (!slice_is_empty(text))
        add(steps, name, memory_copy_slice(text), EXPLAIN_TEXT);
}

void explain_steps_add_item(struct explain_steps *steps, const char *name, struct slice text)
{
    add(steps, name, memory_copy_slice(text), EXPLAIN_ITEM);
}

void explain_steps_add_number(struct explain_steps *steps, const char *name, uint64_t number)
{
    add(steps, name, memory_format("%" PRIu64, number), EXPLAIN_NUMBER);
}

void explain_steps_add_flag(struct explain_steps *steps, const char *name, bool flag)
{
    add(steps, name, memory_copy_text(flag ? "true" : "false"), EXPLAIN_FLAG);
}

void explain_steps_add_position(struct explain_steps *steps, const char *name,
                                const struct position *position)
{
    if (position->file != NULL)
        add(steps, name,
            memory_format("%s:%u:%u", position->file, position->line, position->column),
            EXPLAIN_TEXT);
}

void explain_steps_reset(struct explain_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++) {
        for (size_t j = 0; j < steps->items[i].count; j++)
            memory_release(steps->items[i].fields[j].text);
        memory_release(steps->items[i].fields);
    }
    memory_release(steps->items);
    *steps = (struct explain_steps){NULL, 0};
}

/* ---- escaping ---- */

typedef bool encoder(struct buffer *to, struct slice bytes);

static void add_encoded(struct text_builder *to, struct slice text, encoder *encode)
{
    size_t capacity = text.size * ESCAPED_BYTES_MAX + 2;
    char *memory = memory_allocate(capacity);
    struct buffer escaped;

    buffer_init(&escaped, memory, capacity);
    (void)encode(&escaped, text);
    text_builder_add(to, buffer_readable(&escaped));
    memory_release(memory);
}

void explain_add_json_text(struct text_builder *to, struct slice text)
{
    add_encoded(to, text, encode_json);
}

void explain_add_printable(struct text_builder *to, struct slice text)
{
    add_encoded(to, text, encode_printable);
}

/* ---- for people ---- */

static void add_value(struct text_builder *to, const struct explain_field *field)
{
    struct slice text = slice_from_text(field->text);

    if (field->kind == EXPLAIN_FLAG)
        text = strcmp(field->text, "true") == 0 ? SLICE("yes") : SLICE("no");
    explain_add_printable(to, slice_first(text, VALUE_COLUMNS_MAX));
    if (text.size > VALUE_COLUMNS_MAX)
        text_builder_add_format(to, "... (%zu bytes)", text.size);
}

static void add_label(struct text_builder *to, const char *name)
{
    char label[NAME_COLUMNS + 1];

    (void)snprintf(label, sizeof label, "%s", name);
    for (char *at = label; *at != '\0'; at++)
        *at = *at == '_' ? ' ' : *at;
    text_builder_add_format(to, "  %-*s ", NAME_COLUMNS, label);
}

static bool continues_list(const struct explain_step *step, size_t index)
{
    return index > 0 && step->fields[index].kind == EXPLAIN_ITEM &&
           step->fields[index - 1].kind == EXPLAIN_ITEM &&
           strcmp(step->fields[index].name, step->fields[index - 1].name) == 0;
}

char *explain_format_text(const struct explain_steps *steps)
{
    struct text_builder text = {.text = NULL};

    for (size_t i = 0; i < steps->count; i++) {
        const struct explain_step *step = &steps->items[i];

        text_builder_add_format(&text, "%s%s\n", i == 0 ? "" : "\n", step->name);
        for (size_t j = 0; j < step->count; j++) {
            add_label(&text, continues_list(step, j) ? "" : step->fields[j].name);
            add_value(&text, &step->fields[j]);
            text_builder_add(&text, SLICE("\n"));
        }
    }
    return text_builder_take(&text);
}

/* ---- for programs ---- */

static void add_json_field(struct text_builder *to, const struct explain_step *step, size_t index)
{
    const struct explain_field *field = &step->fields[index];
    bool continues = continues_list(step, index);

    if (!continues)
        text_builder_add_format(to, ",\"%s\":%s", field->name,
                                field->kind == EXPLAIN_ITEM ? "[" : "");
    else
        text_builder_add(to, SLICE(","));
    if (field->kind == EXPLAIN_NUMBER || field->kind == EXPLAIN_FLAG)
        text_builder_add(to, slice_from_text(field->text));
    else
        explain_add_json_text(to, slice_from_text(field->text));
    if (field->kind == EXPLAIN_ITEM &&
        (index + 1 == step->count || !continues_list(step, index + 1)))
        text_builder_add(to, SLICE("]"));
}

char *explain_format_json(const struct explain_steps *steps)
{
    struct text_builder text = {.text = NULL};

    text_builder_add(&text, SLICE("["));
    for (size_t i = 0; i < steps->count; i++) {
        text_builder_add_format(&text, "%s\n  {\"step\":\"%s\"", i == 0 ? "" : ",",
                                steps->items[i].name);
        for (size_t j = 0; j < steps->items[i].count; j++)
            add_json_field(&text, &steps->items[i], j);
        text_builder_add(&text, SLICE("}"));
    }
    text_builder_add(&text, SLICE("\n]"));
    return text_builder_take(&text);
}
