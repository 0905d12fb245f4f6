/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/http */
/*
 * Any bytes as names, one a line. The set agrees with a comparison of every name, and holds every
 * alias of what was added.
 */
#include <assert.h>
#include <string.h>

#include "protocol/http/http_name_set.h"
#include "runtime/memory.h"

enum { NAMES_MAX = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t split(struct slice text, struct slice *names)
{
    size_t count = 0;

    while (text.size > 0 && count < NAMES_MAX) {
        names[count] = slice_first(text, slice_find(text, '\n'));
        text = slice_after(text, names[count].size + 1);
        count++;
    }
    return count;
}

static bool has_by_comparison(const struct slice *names, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (http_name_folds_equal(names[i], name))
            return true;
    }
    return false;
}

/* The other case of letters, and another character for what is neither letter nor digit. */
static void check_alias(const struct http_name_set *set, struct slice name)
{
    char *alias = memory_allocate(name.size + 1);

    for (size_t i = 0; i < name.size; i++) {
        char byte = name.data[i];

        if (!ascii_is_alphanumeric(byte))
            byte = byte == '_' ? '.' : '_';
        else if (!ascii_is_digit(byte))
            byte = (char)(byte ^ 0x20);
        alias[i] = byte;
    }
    assert(http_name_folds_equal(slice_from(alias, name.size), name));
    assert(http_name_set_has(set, slice_from(alias, name.size)));
    alias[name.size] = '-';
    assert(!http_name_folds_equal(slice_from(alias, name.size + 1), name));
    memory_release(alias);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice names[NAMES_MAX];
    size_t count = split(slice_from(data, size), names);
    struct http_name_set *set = http_name_set_create();
    size_t distinct = 0;

    for (size_t i = 0; i < count; i++) {
        bool known = has_by_comparison(names, i, names[i]);

        assert(http_name_set_has(set, names[i]) == known);
        http_name_set_add(set, names[i]);
        distinct += known ? 0 : 1;
        assert(http_name_set_count(set) == distinct);
    }
    for (size_t i = 0; i < count; i++) {
        check_alias(set, names[i]);
        assert(http_name_set_has(set, slice_after(names[i], 1)) ==
               has_by_comparison(names, count, slice_after(names[i], 1)));
    }
    http_name_set_destroy(set);
    return 0;
}
