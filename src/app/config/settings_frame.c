/* SPDX-License-Identifier: Apache-2.0
 *
 * A piece of a configuration put into its frame, so that it is a whole one that loads.
 */
#include "app/config/settings_table.h"
#include "runtime/text_builder.h"

static struct slice first_line(struct slice text)
{
    return slice_first(text, slice_find(text, '\n'));
}

static size_t indentation_of(struct slice line)
{
    size_t blanks = 0;

    while (blanks < line.size && line.data[blanks] == ' ')
        blanks++;
    return blanks;
}

/* Does one of the lines, at their own left margin, set what this line of the frame sets? */
static bool is_set_by(struct slice frame_line, struct slice lines)
{
    struct slice setting = slice_after(frame_line, indentation_of(frame_line));
    struct slice name = slice_first(setting, slice_find(setting, ':') + 1);

    if (!slice_ends_with(name, SLICE(":")))
        return false;
    while (!slice_is_empty(lines)) {
        struct slice line = first_line(lines);

        if (slice_starts_with(line, name))
            return true;
        lines = slice_after(lines, line.size + 1);
    }
    return false;
}

/* Where settings of the mapping go: how far to the right, and from where on lines belong to the
 * same mapping. */
struct frame_place {
    size_t indentation;
    const char *mapping_begin;
};

static struct frame_place find_place(struct slice frame)
{
    const char *mapping_begin = frame.data;
    struct frame_place place = {0, frame.data};
    bool is_found = false;

    for (struct slice rest = frame; !is_found && !slice_is_empty(rest);) {
        struct slice line = first_line(rest);

        place.indentation = indentation_of(line);
        is_found = slice_ends_with(line, SLICE("@"));
        rest = slice_after(rest, line.size + 1);
    }
    for (struct slice rest = frame; !slice_is_empty(rest);) {
        struct slice line = first_line(rest);

        if (slice_ends_with(line, SLICE("@")))
            place.mapping_begin = mapping_begin;
        rest = slice_after(rest, line.size + 1);
        if (indentation_of(line) < place.indentation)
            mapping_begin = rest.data;
    }
    return place;
}

static void add_indented(struct text_builder *text, struct slice lines, size_t indentation)
{
    while (!slice_is_empty(lines)) {
        struct slice line = first_line(lines);

        text_builder_add_format(text, "%*s%.*s\n", (int)indentation, "", SLICE_FORMAT(line));
        lines = slice_after(lines, line.size + 1);
    }
}

/* The frame's line that sets the same goes, with what stands below it, further to the right. */
static struct slice skip_setting(struct slice frame, size_t indentation)
{
    frame = slice_after(frame, first_line(frame).size + 1);
    while (!slice_is_empty(frame) && indentation_of(first_line(frame)) > indentation)
        frame = slice_after(frame, first_line(frame).size + 1);
    return frame;
}

char *settings_mapping_format(const struct settings_mapping *mapping, const char *lines,
                              unsigned *line, unsigned *column)
{
    struct slice frame = slice_from_text(mapping->frame);
    struct frame_place place = find_place(frame);
    struct text_builder text = {0};
    unsigned line_count = 0;

    while (!slice_is_empty(frame)) {
        struct slice frame_line = first_line(frame);
        bool is_of_mapping =
            frame.data >= place.mapping_begin && indentation_of(frame_line) == place.indentation;

        if (is_of_mapping && slice_ends_with(frame_line, SLICE("@"))) {
            *line = line_count + 1;
            *column = (unsigned)place.indentation + 1;
            add_indented(&text, slice_from_text(lines), place.indentation);
        } else if (is_of_mapping && is_set_by(frame_line, slice_from_text(lines))) {
            frame = skip_setting(frame, place.indentation);
            continue;
        } else {
            text_builder_add_format(&text, "%.*s\n", SLICE_FORMAT(frame_line));
        }
        line_count++;
        frame = slice_after(frame, frame_line.size + 1);
    }
    return text_builder_take(&text);
}
