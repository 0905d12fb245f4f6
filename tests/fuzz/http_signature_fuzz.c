/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/signature */
/*
 * Any names and values in a signature base. The input is lines of "NAME:VALUE" ended by 0xff. What
 * is written can be taken apart again in one way: as many lines as components, each with its name
 * in quotes, and a last one that lists them.
 */
#include <assert.h>
#include <string.h>

#include "protocol/signature/http_signature.h"

enum { COMPONENTS_MAX = 8, MEMORY_SIZE = 1 << 16 };

static char memory[MEMORY_SIZE];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_byte(struct slice text, char byte)
{
    size_t count = 0;

    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == byte;
    return count;
}

static size_t read_components(struct slice input, struct http_signature_component *components,
                              struct slice *rest)
{
    size_t count = 0;

    while (count < COMPONENTS_MAX && !slice_is_empty(input)) {
        struct slice line = slice_first(input, slice_find(input, '\xff'));
        size_t colon = slice_find(line, ':');

        components[count++] = (struct http_signature_component){
            slice_first(line, colon), slice_after(line, colon < line.size ? colon + 1 : line.size)};
        input = slice_after(input, line.size < input.size ? line.size + 1 : input.size);
    }
    *rest = input;
    return count;
}

static void check_base(struct slice base, const struct http_signature_component *components,
                       size_t count)
{
    assert(count_byte(base, '\n') == count);
    assert(count_byte(base, '\r') == 0 && count_byte(base, '\0') == 0);
    for (size_t i = 0; i < count; i++) {
        struct slice line = slice_first(base, slice_find(base, '\n'));
        struct slice name = components[i].name;

        assert(line.size >= name.size + 4 && line.data[0] == '"');
        assert(slice_equals_ignoring_case(slice_from(line.data + 1, name.size), name));
        assert(memcmp(line.data + 1 + name.size, "\": ", 3) == 0);
        assert(slice_equals(slice_after(line, name.size + 4), slice_trim(components[i].value)));
        base = slice_after(base, line.size + 1);
    }
    assert(slice_starts_with(base, SLICE("\"@signature-params\": (")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_signature_component components[COMPONENTS_MAX];
    struct http_signature_parameters parameters = {.created = 1, .expires = 2};
    size_t count = read_components(slice_from(data, size), components, &parameters.nonce);
    size_t needed = http_signature_bytes_max(components, count, &parameters);
    struct buffer to;
    struct buffer alone;

    buffer_init(&to, memory, sizeof(memory) / 2);
    buffer_init(&alone, memory + sizeof(memory) / 2, sizeof(memory) / 2);
    if (!http_signature_write_base(components, count, &parameters, &to)) {
        assert(to.written == 0);
        return 0;
    }
    assert(to.written <= needed);
    check_base(buffer_readable(&to), components, count);
    assert(http_signature_write_parameters(components, count, &parameters, &alone));
    assert(slice_ends_with(buffer_readable(&to), buffer_readable(&alone)));
    return 0;
}
