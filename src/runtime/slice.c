/* SPDX-License-Identifier: Apache-2.0
 *
 * Comparing, searching and trimming of slices. Nothing here allocates or writes, an empty slice
 * may have no data at all, and letters are ASCII whatever the locale says.
 */
#include "runtime/slice.h"

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

bool slice_equals_ignoring_case(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    }
    return true;
}

bool slice_starts_with(struct slice slice, struct slice prefix)
{
    return slice.size >= prefix.size && slice_equals(slice_first(slice, prefix.size), prefix);
}

bool slice_ends_with(struct slice slice, struct slice suffix)
{
    return slice.size >= suffix.size &&
           slice_equals(slice_after(slice, slice.size - suffix.size), suffix);
}

size_t slice_find(struct slice slice, char byte)
{
    const char *found = NULL;

    if (slice.size > 0)
        found = memchr(slice.data, byte, slice.size);
    return found == NULL ? slice.size : (size_t)(found - slice.data);
}

struct slice slice_trim(struct slice slice)
{
    while (slice.size > 0 && is_blank(slice.data[0]))
        slice = slice_after(slice, 1);
    while (slice.size > 0 && is_blank(slice.data[slice.size - 1]))
        slice.size--;
    return slice;
}

bool slice_parse_u64(struct slice slice, uint64_t *value)
{
    uint64_t parsed = 0;

    if (slice.size == 0)
        return false;
    for (size_t i = 0; i < slice.size; i++) {
        if (!ascii_is_digit(slice.data[i]))
            return false;
        if (__builtin_mul_overflow(parsed, 10U, &parsed) ||
            __builtin_add_overflow(parsed, (uint64_t)(slice.data[i] - '0'), &parsed))
            return false;
    }
    *value = parsed;
    return true;
}
