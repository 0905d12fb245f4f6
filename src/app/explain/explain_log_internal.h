/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of the gateway's access log in its JSON format: one object without objects in it. A line is
 * read by the rules of RFC 8259, or it is malformed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/slice.h"

enum { EXPLAIN_LOG_LINE_BYTES_MAX = 64 * 1024, EXPLAIN_LOG_FIELDS_MAX = 100 };

struct explain_log_field {
    struct slice name;
    struct slice value; /* of a text: what it stands for; else as it is written */
};

struct explain_log_line {
    struct explain_log_field fields[EXPLAIN_LOG_FIELDS_MAX];
    size_t count;
};

/* Texts are decoded in place: the slices point into `text`, which is changed. */
bool explain_log_parse(char *text, size_t size, struct explain_log_line *line);
/* Empty when there is no such field. */
struct slice explain_log_get(const struct explain_log_line *line, const char *name);
