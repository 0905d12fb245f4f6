/* SPDX-License-Identifier: Apache-2.0
 *
 * Collecting and sorting problems. A text may quote the configuration, which may hold anything:
 * it is made printable here, so that nobody who prints a problem has to.
 */
#include "app/config/problem_report_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/buffer.h"
#include "runtime/encoding.h"

void problem_report_init(struct problem_report *report, struct config_memory *memory,
                         const char *file)
{
    *report = (struct problem_report){.memory = memory, .file = file};
    problem_report_add_file(report, file);
    /* One more than the limit, for the problem that says how many were left out. */
    report->problems.items =
        config_memory_allocate_array(memory, PROBLEMS_MAX + 1, sizeof(struct config_problem));
}

static size_t find_file(const struct problem_report *report, const char *file)
{
    size_t i = 0;

    while (i < report->file_count && strcmp(report->files[i], file) != 0)
        i++;
    return i;
}

void problem_report_add_file(struct problem_report *report, const char *file)
{
    const char **files;

    if (find_file(report, file) < report->file_count)
        return;
    /* All of them end together, so that those before this one may stay where they are. */
    files = config_memory_allocate_array(report->memory, report->file_count + 1, sizeof(*files));
    for (size_t i = 0; i < report->file_count; i++)
        files[i] = report->files[i];
    files[report->file_count++] = file;
    report->files = files;
}

const char *problem_place(struct config_memory *memory, struct position there, struct position here)
{
    if (there.file == NULL || here.file == NULL || strcmp(there.file, here.file) == 0)
        return config_memory_format(memory, "on line %u", there.line);
    return config_memory_format(memory, "at %s:%u", there.file, there.line);
}

bool problem_report_is_full(const struct problem_report *report)
{
    return report->problems.count == PROBLEMS_MAX;
}

static const char *make_printable(struct config_memory *memory, const char *text)
{
    /* Each byte becomes at most four: \xNN. */
    char printable[PROBLEM_TEXT_SIZE * 4];
    struct buffer buffer;

    buffer_init(&buffer, printable, sizeof(printable));
    encode_printable(&buffer, slice_from_text(text));
    return config_memory_copy(memory, buffer_readable(&buffer));
}

void problem_report_add(struct problem_report *report, enum config_severity severity,
                        struct position position, const char *format, ...)
{
    struct config_problems *problems = &report->problems;
    char text[PROBLEM_TEXT_SIZE];
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
        .file = position.file == NULL ? report->file : position.file,
        .line = position.line,
        .column = position.column,
        .text = make_printable(report->memory, text),
    };
}

static int compare_numbers(unsigned a, unsigned b)
{
    return (a > b) - (a < b);
}

static int compare_problems(const struct problem_report *report, const struct config_problem *a,
                            const struct config_problem *b)
{
    size_t a_file = find_file(report, a->file);
    size_t b_file = find_file(report, b->file);

    if (a_file != b_file)
        return a_file < b_file ? -1 : 1;
    if (a->line != b->line)
        return compare_numbers(a->line, b->line);
    if (a->column != b->column)
        return compare_numbers(a->column, b->column);
    if (a->severity != b->severity)
        return compare_numbers(a->severity, b->severity);
    return strcmp(a->text, b->text);
}

/* There are at most PROBLEMS_MAX. */
static void sort_problems(const struct problem_report *report)
{
    struct config_problem *items = report->problems.items;

    for (size_t i = 1; i < report->problems.count; i++) {
        struct config_problem problem = items[i];
        size_t place = i;

        for (; place > 0 && compare_problems(report, &problem, &items[place - 1]) < 0; place--)
            items[place] = items[place - 1];
        items[place] = problem;
    }
}

/* What several listeners share is looked at for each. */
static void drop_repeated_warnings(const struct problem_report *report,
                                   struct config_problems *problems)
{
    size_t kept = 0;

    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];

        if (kept == 0 || problem->severity == CONFIG_ERROR ||
            compare_problems(report, problem, &problems->items[kept - 1]) != 0)
            problems->items[kept++] = *problem;
    }
    problems->count = kept;
}

void problem_report_finish(struct problem_report *report)
{
    struct config_problems *problems = &report->problems;

    sort_problems(report);
    drop_repeated_warnings(report, problems);
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
