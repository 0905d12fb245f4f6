/* SPDX-License-Identifier: Apache-2.0
 *
 * See manual_page.h. The language of the pages is that of man(7).
 */
#include "app/manual_page.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/slice.h"

struct page_writer {
    FILE *to;
    bool is_code;      /* between ``` and ``` */
    bool is_heading;   /* the last line, and a paragraph need not be begun */
    bool is_paragraph; /* the next line of text continues one */
};

/* A backslash begins a command; a hyphen would be typeset as a dash, which nobody can paste. */
static void write_byte(const struct page_writer *writer, char byte)
{
    if (byte == '\\')
        fputs("\\e", writer->to);
    else if (byte == '-')
        fputs("\\-", writer->to);
    else
        fputc(byte, writer->to);
}

/* A line that begins with a dot or a quote would be read as a request. */
static void write_start(const struct page_writer *writer, struct slice line)
{
    if (slice_starts_with(line, SLICE(".")) || slice_starts_with(line, SLICE("'")))
        fputs("\\&", writer->to);
}

static void write_literal(const struct page_writer *writer, struct slice line)
{
    write_start(writer, line);
    for (size_t i = 0; i < line.size; i++)
        write_byte(writer, line.data[i]);
}

/* `code` and **strong** in bold, *emphasis* in italics. */
static void write_text(const struct page_writer *writer, struct slice line)
{
    const char *font = NULL;
    bool is_in_code = false;

    write_start(writer, line);
    for (size_t i = 0; i < line.size; i++) {
        bool is_strong = slice_starts_with(slice_after(line, i), SLICE("**"));
        bool is_mark = line.data[i] == '`' || (line.data[i] == '*' && !is_in_code);

        if (!is_mark) {
            write_byte(writer, line.data[i]);
            continue;
        }
        is_in_code = line.data[i] == '`' && !is_in_code;
        font = font != NULL ? NULL : line.data[i] == '`' || is_strong ? "\\fB" : "\\fI";
        fputs(font == NULL ? "\\fR" : font, writer->to);
        i += line.data[i] == '*' && is_strong ? 1 : 0;
    }
}

static void write_heading(struct page_writer *writer, const char *request, struct slice title)
{
    fprintf(writer->to, "%s ", request);
    write_text(writer, title);
    fputc('\n', writer->to);
    writer->is_heading = true;
}

static void toggle_code(struct page_writer *writer)
{
    writer->is_code = !writer->is_code;
    fputs(writer->is_code ? ".PP\n.RS 4\n.EX\n" : ".EE\n.RE\n", writer->to);
}

static void write_line(struct page_writer *writer, struct slice line)
{
    if (slice_starts_with(line, SLICE("```"))) {
        toggle_code(writer);
    } else if (writer->is_code) {
        write_literal(writer, line);
        fputc('\n', writer->to);
    } else if (slice_is_empty(line)) {
        writer->is_paragraph = false;
    } else if (slice_starts_with(line, SLICE("### "))) {
        write_heading(writer, ".SS", slice_after(line, 4));
    } else if (slice_starts_with(line, SLICE("## "))) {
        write_heading(writer, ".SH", slice_after(line, 3));
    } else if (slice_starts_with(line, SLICE("- "))) {
        writer->is_heading = false;
        fputs(".IP \\(bu 2\n", writer->to);
        write_text(writer, slice_after(line, 2));
        fputc('\n', writer->to);
    } else if (!slice_starts_with(line, SLICE("# "))) {
        fputs(writer->is_paragraph || writer->is_heading ? "" : ".PP\n", writer->to);
        write_text(writer, line);
        fputc('\n', writer->to);
        writer->is_paragraph = true;
        writer->is_heading = false;
    }
}

void manual_print(const struct manual_page *page, const char *markdown, FILE *to)
{
    struct page_writer writer = {.to = to};
    struct slice rest = slice_from_text(markdown);

    fprintf(to, ".TH %s %s \"\" \"sallyport %s\"\n", page->name, page->section, SALLYPORT_VERSION);
    if (page->about != NULL)
        fprintf(to, ".SH Name\n%s\n.SH Description\n", page->about);
    writer.is_heading = page->about != NULL;
    while (!slice_is_empty(rest)) {
        size_t end = slice_find(rest, '\n');

        write_line(&writer, slice_first(rest, end));
        rest = slice_after(rest, end + 1);
    }
}
