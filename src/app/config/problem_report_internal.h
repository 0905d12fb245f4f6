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
enum { PROBLEMS_MAX = 100 };

struct problem_report {
    struct config_memory *memory;
    const char *file;
    struct config_problems problems;
    size_t left_out;
};

void problem_report_init(struct problem_report *report, struct config_memory *memory,
                         const char *file);
/* Whoever would spend effort on a good sentence may ask first. */
bool problem_report_is_full(const struct problem_report *report);
/* Line 0 is the file as a whole. What came from the file is made printable. */
void problem_report_add(struct problem_report *report, enum config_severity severity,
                        struct position position, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* In order of appearance, once. */
void problem_report_finish(struct problem_report *report);
