/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunked decoder has held each line to the form of a field line already; it is the reader of
 * heads that says what they are.
 */
#include "protocol/http/http_trailer.h"

#include "protocol/http/http_head_internal.h"

static size_t count_lines(struct slice section)
{
    size_t lines = 0;

    for (size_t at = slice_find(section, '\n'); at < section.size;
         at += 1 + slice_find(slice_after(section, at + 1), '\n'))
        lines++;
    return lines;
}

const char *http_trailers_read(struct slice section, size_t count_max, struct arena *arena,
                               struct http_fields *fields)
{
    struct http_head head = {.fields = {NULL, 0}};
    struct http_field *items;
    const char *problem;
    size_t lines;

    *fields = head.fields;
    if (slice_is_empty(section))
        return NULL;
    lines = count_lines(section) - 1; /* the last is empty */
    if (lines > count_max)
        return "number of trailer fields";
    items = arena_allocate(arena, lines * sizeof(*items));
    if (items == NULL)
        return "memory for trailer fields";
    problem = http_head_read_fields(section, items, &head);
    if (problem == NULL)
        *fields = head.fields;
    return problem;
}
