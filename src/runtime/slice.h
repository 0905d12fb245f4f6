/* SPDX-License-Identifier: Apache-2.0
 *
 * A slice is a view of bytes that somebody else owns: a pointer and a size, passed by value.
 * It may hold NUL bytes and is not terminated. Everything that came from a wire is a slice;
 * `const char *` is reserved for text of ours that ends in NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *data;
    size_t size;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})

/* The same, for the initializers of static tables, which must be constant. */
#define SLICE_STATIC(literal)                                                                      \
    {                                                                                              \
        "" literal, sizeof(literal) - 1                                                            \
    }

/* "%.*s" arguments for a slice of ours that is known to be short. */
#define SLICE_FORMAT(slice) (int)(slice).size, (slice).data

static inline struct slice slice_from(const void *data, size_t size)
{
    return (struct slice){data, size};
}

/* NULL gives an empty slice. */
static inline struct slice slice_from_text(const char *text)
{
    return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

static inline bool slice_is_empty(struct slice slice)
{
    return slice.size == 0;
}

static inline bool slice_equals(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ASCII only, whatever the locale. */
static inline char ascii_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static inline bool ascii_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool ascii_is_alphanumeric(char byte)
{
    char lower = ascii_lower(byte);

    return ascii_is_digit(byte) || (lower >= 'a' && lower <= 'z');
}

bool slice_equals_ignoring_case(struct slice a, struct slice b);
bool slice_starts_with(struct slice slice, struct slice prefix);
bool slice_ends_with(struct slice slice, struct slice suffix);

/* What follows the first `count` bytes; empty when there are fewer. */
static inline struct slice slice_after(struct slice slice, size_t count)
{
    size_t skipped = count < slice.size ? count : slice.size;

    /* An empty slice may have no data, to which not even zero may be added. */
    return (struct slice){skipped == 0 ? slice.data : slice.data + skipped, slice.size - skipped};
}

/* The first `count` bytes, or all when there are fewer. */
static inline struct slice slice_first(struct slice slice, size_t count)
{
    return (struct slice){slice.data, count < slice.size ? count : slice.size};
}

/* The position of the first `byte`, or the slice's size when there is none. */
size_t slice_find(struct slice slice, char byte);

/* Without spaces and tabs at both ends. */
struct slice slice_trim(struct slice slice);

/* Digits only, no sign, no blanks; false on anything else and on overflow. */
bool slice_parse_u64(struct slice slice, uint64_t *value);
