/* SPDX-License-Identifier: Apache-2.0
 *
 * See expansion_internal.h. A value that was expanded is read as whatever its setting takes: it is
 * text where text is wanted, and a number where a number is. What a file held is a secret: it is
 * shown nowhere.
 */
#include "app/config/expansion_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"

enum { EXPANDED_BYTES_MAX = 64 * 1024 };

struct expanding {
    struct source_files *sources;
    struct yaml_node *node;
    struct text_builder text;
};

static bool refuse(const struct expanding *expanding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool refuse(const struct expanding *expanding, const char *format, ...)
{
    char text[PROBLEM_TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    problem_report_add(expanding->sources->report, CONFIG_ERROR, expanding->node->position, "%s",
                       text);
    yaml_node_mark_faulty(expanding->node);
    return false;
}

static bool is_variable_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++)
        if (!ascii_is_alphanumeric(name.data[i]) && name.data[i] != '_')
            return false;
    return name.size > 0 && !ascii_is_digit(name.data[0]);
}

/* As in a shell: the default also stands for what is set and empty. */
static bool expand_variable(struct expanding *expanding, struct slice inside)
{
    size_t colon = slice_find(inside, ':');
    struct slice name = slice_first(inside, colon);
    struct slice rest = slice_after(inside, colon);
    bool has_default = slice_starts_with(rest, SLICE(":-"));
    const char *value;
    char *name_text;

    if (!is_variable_name(name) || (!has_default && !slice_is_empty(rest)))
        return refuse(expanding,
                      "'${%.*s}' is not an expansion; write ${NAME}, ${NAME:-default} or "
                      "${file:PATH}, and $$ for a dollar sign",
                      SLICE_FORMAT(slice_first(inside, 80)));
    name_text = memory_copy_slice(name);
    value = getenv(name_text);
    memory_release(name_text);
    if (has_default && (value == NULL || value[0] == '\0')) {
        text_builder_add(&expanding->text, slice_after(rest, 2));
        return true;
    }
    if (value == NULL)
        return refuse(expanding, "the environment variable '%.*s' is not set", SLICE_FORMAT(name));
    text_builder_add(&expanding->text, slice_from_text(value));
    return true;
}

/* Tools end a file with a line break that is no part of what it holds. */
static struct slice without_line_end(struct slice text)
{
    if (slice_ends_with(text, SLICE("\n")))
        text.size--;
    if (slice_ends_with(text, SLICE("\r")))
        text.size--;
    return text;
}

static bool expand_file(struct expanding *expanding, struct slice path_text)
{
    struct error error = {0};
    const char *path;
    char *data = NULL;
    size_t size = 0;

    if (slice_is_empty(path_text))
        return refuse(expanding, "'${file:}' names no file");
    expanding->node->is_secret = true;
    path = source_files_make_path(expanding->sources, expanding->node->position.file, path_text);
    source_files_note(expanding->sources, path, false);
    if (!file_read(path, EXPANSION_FILE_BYTES_MAX, &data, &size, &error))
        return refuse(expanding, "%s", error.text);
    text_builder_add(&expanding->text, without_line_end(slice_from(data, size)));
    memory_wipe_and_release(data, size);
    return true;
}

/* `rest` begins with "${", and afterwards behind the "}". */
static bool expand_one(struct expanding *expanding, struct slice *rest)
{
    struct slice file = SLICE("file:");
    struct slice inside = slice_after(*rest, 2);
    size_t size = slice_find(inside, '}');

    if (size == inside.size)
        return refuse(expanding, "'${' is not closed by '}'; write $$ for a dollar sign");
    inside = slice_first(inside, size);
    *rest = slice_after(*rest, 2 + size + 1);
    if (slice_find(inside, '$') < inside.size)
        return refuse(expanding, "there is a '$' inside of '${...}', which cannot be nested");
    if (slice_starts_with(inside, file))
        return expand_file(expanding, slice_after(inside, file.size));
    return expand_variable(expanding, inside);
}

static bool expand_all(struct expanding *expanding)
{
    struct slice rest = expanding->node->text;

    while (!slice_is_empty(rest)) {
        size_t plain = slice_find(rest, '$');

        text_builder_add(&expanding->text, slice_first(rest, plain));
        rest = slice_after(rest, plain);
        if (slice_starts_with(rest, SLICE("${"))) {
            if (!expand_one(expanding, &rest))
                return false;
            expanding->node->is_expanded = true;
        } else if (!slice_is_empty(rest)) {
            text_builder_add(&expanding->text, SLICE("$"));
            rest = slice_after(rest, slice_starts_with(rest, SLICE("$$")) ? 2 : 1);
        }
        if (expanding->text.size > EXPANDED_BYTES_MAX)
            return refuse(expanding, "this is longer than %d bytes when it is expanded",
                          EXPANDED_BYTES_MAX);
    }
    return true;
}

/* What came from outside was not checked with the file's own text. */
static bool check_expanded(const struct expanding *expanding)
{
    if (yaml_text_is_line(slice_from(expanding->text.text, expanding->text.size)))
        return true;
    return refuse(expanding, "what this expands to is not one line of UTF-8 without control "
                             "characters");
}

static void expand_scalar(struct yaml_node *node, struct source_files *sources)
{
    struct expanding expanding = {.sources = sources, .node = node};

    if (expand_all(&expanding) && (expanding.text.size == 0 || check_expanded(&expanding))) {
        size_t size = expanding.text.size;
        struct slice text = slice_from(size == 0 ? "" : expanding.text.text, size);

        node->text = slice_from(config_memory_copy(sources->memory, text), size);
        /* Quotes may be there for the sake of the braces, so that they mean nothing. */
        if (node->is_expanded)
            node->is_plain = true;
    }
    if (expanding.text.text != NULL)
        memory_wipe(expanding.text.text, expanding.text.size);
    text_builder_reset(&expanding.text);
}

/* The next in the order of the text. */
static struct yaml_node *next_of(struct yaml_node *node)
{
    if (node->first != NULL)
        return node->first;
    while (node != NULL && node->next == NULL)
        node = node->parent;
    return node == NULL ? NULL : node->next;
}

void expansion_apply(struct yaml_node *root, struct source_files *sources)
{
    for (struct yaml_node *node = root; node != NULL; node = next_of(node))
        if (node->kind == YAML_SCALAR && !node->is_faulty &&
            slice_find(node->text, '$') < node->text.size)
            expand_scalar(node, sources);
}
