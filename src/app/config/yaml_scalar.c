/* SPDX-License-Identifier: Apache-2.0
 *
 * What an unquoted scalar is read as: the core schema of YAML 1.2.2, section 10.3.2.
 */
#include "app/config/yaml_document_internal.h"

static bool is_one_of(struct slice text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (slice_equals(text, slice_from_text(*words)))
            return true;
    return false;
}

static size_t count_digits(struct slice text)
{
    size_t count = 0;

    while (count < text.size && ascii_is_digit(text.data[count]))
        count++;
    return count;
}

static struct slice without_sign(struct slice text)
{
    bool has_sign = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');

    return slice_after(text, has_sign ? 1 : 0);
}

static bool consists_of(struct slice text, const char *characters)
{
    for (size_t i = 0; i < text.size; i++)
        if (strchr(characters, text.data[i]) == NULL)
            return false;
    return text.size > 0;
}

/* [0-9]+ ( "." [0-9]* )? or "." [0-9]+, then ( [eE] [-+]? [0-9]+ )? */
static bool is_decimal(struct slice text)
{
    size_t whole = count_digits(text);
    size_t fraction = 0;

    text = slice_after(text, whole);
    if (text.size > 0 && text.data[0] == '.') {
        fraction = count_digits(slice_after(text, 1));
        text = slice_after(text, 1 + fraction);
    }
    if (whole + fraction == 0)
        return false;
    if (text.size > 0 && ascii_lower(text.data[0]) == 'e') {
        text = without_sign(slice_after(text, 1));
        return text.size > 0 && count_digits(text) == text.size;
    }
    return slice_is_empty(text);
}

static bool is_number(struct slice text)
{
    static const char *const not_finite[] = {".inf", ".Inf", ".INF", NULL};
    static const char *const not_a_number[] = {".nan", ".NaN", ".NAN", NULL};

    if (slice_starts_with(text, SLICE("0o")))
        return consists_of(slice_after(text, 2), "01234567");
    if (slice_starts_with(text, SLICE("0x")))
        return consists_of(slice_after(text, 2), "0123456789abcdefABCDEF");
    return is_decimal(without_sign(text)) || is_one_of(without_sign(text), not_finite) ||
           is_one_of(text, not_a_number);
}

enum yaml_type yaml_node_type(const struct yaml_node *node)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const booleans[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};

    if (node->kind != YAML_SCALAR || !node->is_plain || node->is_expanded)
        return YAML_TEXT;
    if (is_one_of(node->text, nothing))
        return YAML_NOTHING;
    if (is_one_of(node->text, booleans))
        return YAML_BOOLEAN;
    return is_number(node->text) ? YAML_NUMBER : YAML_TEXT;
}

const char *yaml_node_describe(const struct yaml_node *node)
{
    static const char *const types[] = {
        [YAML_TEXT] = "text",
        [YAML_NOTHING] = "nothing",
        [YAML_BOOLEAN] = "true or false",
        [YAML_NUMBER] = "a number",
    };

    switch (node->kind) {
    case YAML_SEQUENCE:
        return "a list";
    case YAML_MAPPING:
        return "a mapping";
    case YAML_SCALAR:
        break;
    }
    return types[yaml_node_type(node)];
}
