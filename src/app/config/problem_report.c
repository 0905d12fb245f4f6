/* SPDX-License-Identifier: Apache-2.0
 *
 * Collecting and sorting problems. A text may quote the configuration, which may hold anything:
 * it is made printable here, so that nobody who prints a problem has to.
 */
#include "app/config/problem_report_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/buffer.h"
#include "runtime/encoding.h"

enum { TEXT_SIZE = 1024 };

void problem_report_init(struct problem_report *report, struct config_memory *memory,
                         const char *file)
{
    *report = (struct problem_report){.memory = memory, .file = file};
    /* One more than the limit, for the problem that says how many were left out. */
    report->problems.items =
        config_memory_allocate_array(memory, PROBLEMS_MAX + 1, sizeof(struct config_problem));
}

bool problem_report_is_full(const struct problem_report *report)
{
    return report->problems.count == PROBLEMS_MAX;
}

static const char *make_printable(struct config_memory *memory, const char *text)
{
    /* Each byte becomes at most four: \xNN. */
    char printable[TEXT_SIZE * 4];
    struct buffer buffer;

    buffer_init(&buffer, printable, sizeof(printable));
    encode_printable(&buffer, slice_from_text(text));
    return config_memory_copy(memory, buffer_readable(&buffer));
}

void problem_report_add(struct problem_report *report, enum config_severity severity,
                        struct position position, const char *format, ...)
{
    struct config_problems *problems = &report->problems;
    char text[TEXT_SIZE];
    va_list arguments;

    if (severity == CONFIG_ERROR)
        problems->errors++;
    if (problem_report_is_full(report)) {
        report->left_out++;
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);

    problems->items[problems->count++] = (struct config_problem){
        .severity = severity,
        .file = report->file,
        .line = position.line,
        .column = position.column,
        .text = make_printable(report->memory, text),
    };
}

static int compare_numbers(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int compare_problems(const void *a_memory, const void *b_memory)
{
    const struct config_problem *a = a_memory;
    const struct config_problem *b = b_memory;

    if (a->line != b->line)
        return compare_numbers(a->line, b->line);
    if (a->column != b->column)
        return compare_numbers(a->column, b->column);
    if (a->severity != b->severity)
        return compare_numbers(a->severity, b->severity);
    return strcmp(a->text, b->text);
}

void problem_report_finish(struct problem_report *report)
{
    struct config_problems *problems = &report->problems;

    if (problems->count > 1)
        qsort(problems->items, problems->count, sizeof(*problems->items), compare_problems);
    if (report->left_out == 0)
        return;
    problems->items[problems->count++] = (struct config_problem){
        .severity = problems->errors > 0 ? CONFIG_ERROR : CONFIG_WARNING,
        .file = report->file,
        .text = config_memory_format(report->memory, "%zu more problems are not shown",
                                     report->left_out),
    };
    report->left_out = 0;
}
