/* SPDX-License-Identifier: Apache-2.0 */
/* module: gateway/policy */
/*
 * Patterns, names and values of rules. The input is a byte for the kind, a line with a pattern, and
 * a name. What a pattern matches has no NUL; who is strict matches no more than who is generous; a
 * pattern without a star matches its own form and nothing else; and a star never reaches across a
 * separator.
 */
#include <assert.h>
#include <string.h>

#include "gateway/policy/fingerprint_file_internal.h"
#include "gateway/policy/name_pattern_internal.h"
#include "gateway/policy/time_window_internal.h"
#include "gateway/policy/value_forms_internal.h"

enum { MEMORY_BYTES = 128 * 1024, KINDS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_of(struct slice text, char character)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == character ? 1 : 0;
    return count;
}

static bool has_deep_star(struct slice text)
{
    for (size_t i = 0; i + 1 < text.size; i++)
        if (text.data[i] == '*' && text.data[i + 1] == '*')
            return true;
    return false;
}

static void check_match(const struct name_pattern *pattern, struct slice name)
{
    static const char separators[KINDS] = {'.', '/', '@', '@', '-'};
    static const enum certificate_fact_kind kinds[KINDS] = {
        CERTIFICATE_FACT_DNS, CERTIFICATE_FACT_URI, CERTIFICATE_FACT_EMAIL, CERTIFICATE_FACT_UPN,
        CERTIFICATE_FACT_SID};
    bool strict = name_pattern_matches(pattern, name, false);
    bool generous = name_pattern_matches(pattern, name, true);
    bool has_star = slice_find(pattern->text, '*') < pattern->text.size;

    assert(!strict || generous);
    if (!has_star)
        assert(strict == slice_equals(pattern->text, name));
    if (!strict || has_deep_star(pattern->text))
        return;
    for (size_t i = 0; i < KINDS; i++)
        if (pattern->kind == kinds[i])
            assert(count_of(pattern->text, separators[i]) == count_of(name, separators[i]));
}

static void check_patterns(enum certificate_fact_kind kind, struct slice text, struct slice name)
{
    static char memory[MEMORY_BYTES];
    struct error error = {.kind = ERROR_NONE};
    struct name_pattern pattern;
    struct slice form;
    struct slice again;
    struct arena arena;
    bool has_form;

    arena_init(&arena, memory, sizeof(memory));
    has_form = certificate_fact_canonicalise(kind, name, &arena, &form);
    if (has_form) {
        assert(slice_find(form, '\0') == form.size);
        assert(certificate_fact_canonicalise(kind, form, &arena, &again));
        assert(slice_equals(form, again));
    }
    if (!name_pattern_parse(kind, text, &arena, &pattern, &error)) {
        assert(error.kind != ERROR_NONE);
        return;
    }
    if (has_form)
        check_match(&pattern, form);
}

static void check_values(struct slice text)
{
    static char memory[MEMORY_BYTES];
    unsigned char digest[FINGERPRINT_BYTES_MAX];
    struct error error = {.kind = ERROR_NONE};
    struct time_window window;
    struct slice value;
    struct slice again;
    struct arena arena;

    arena_init(&arena, memory, sizeof(memory));
    if (value_parse_serial(text, &arena, &value, &error)) {
        assert(value_parse_serial(value, &arena, &again, &error));
        assert(slice_equals(value, again));
    }
    (void)value_parse_attribute(text, &arena, &value, &error);
    (void)value_parse_host(text, &arena, &value, &error);
    (void)value_parse_object(text, &arena, &value, &error);
    (void)fingerprint_parse(text, digest);
    if (time_window_parse(text, &window, &error))
        (void)time_window_has(&window, (int64_t)text.size * 86399);
    if (name_pattern_matches_text(text, text, false))
        assert(name_pattern_matches_text(text, text, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum certificate_fact_kind kinds[KINDS] = {
        CERTIFICATE_FACT_DNS, CERTIFICATE_FACT_URI, CERTIFICATE_FACT_EMAIL, CERTIFICATE_FACT_UPN,
        CERTIFICATE_FACT_SID};
    struct slice input = slice_from(data, size);
    struct slice rest = slice_after(input, 1);
    struct slice pattern = slice_first(rest, slice_find(rest, '\n'));

    if (size == 0)
        return 0;
    check_patterns(kinds[data[0] % KINDS], pattern, slice_after(rest, pattern.size + 1));
    check_values(pattern);
    return 0;
}
