/* SPDX-License-Identifier: Apache-2.0
 *
 * The problems of a configuration, collected while it is read and sorted at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "app/config/config.h"
#include "app/config/config_memory_internal.h"
#include "runtime/position.h"

/* More are counted, not kept. */
enum { PROBLEMS_MAX = 100, PROBLEM_TEXT_SIZE = 1024 };

struct problem_report {
    struct config_memory *memory;
    const char *file;   /* of what has no position */
    const char **files; /* all that have one, in the order that they were read in */
    size_t file_count;
    struct config_problems problems;
    size_t left_out;
};

void problem_report_init(struct problem_report *report, struct config_memory *memory,
                         const char *file);
/* Problems of this file come behind those of the files that were added before. */
void problem_report_add_file(struct problem_report *report, const char *file);
/* Whoever would spend effort on a good sentence may ask first. */
bool problem_report_is_full(const struct problem_report *report);
/* Line 0 is the file as a whole. What came from the file is made printable. */
void problem_report_add(struct problem_report *report, enum config_severity severity,
                        struct position position, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Where something else is, seen from `here`: "on line 7", or "at FILE:7". */
const char *problem_place(struct config_memory *memory, struct position there,
                          struct position here);
/* In order of appearance, once. */
void problem_report_finish(struct problem_report *report);
