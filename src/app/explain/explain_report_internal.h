/* SPDX-License-Identifier: Apache-2.0
 *
 * An explanation as steps with named values, for people and for programs.
 */
#pragma once

#include <stddef.h>

#include "app/explain/explain_walk_internal.h"
#include "runtime/slice.h"
#include "runtime/text_builder.h"

enum explain_value { EXPLAIN_TEXT, EXPLAIN_NUMBER, EXPLAIN_FLAG, EXPLAIN_ITEM };

struct explain_field {
    const char *name;
    char *text;
    enum explain_value kind; /* items of one name that stand together are a list */
};

struct explain_step {
    const char *name;
    struct explain_field *fields;
    size_t count;
};

struct explain_steps {
    struct explain_step *items;
    size_t count;
};

/* Zero is empty. Names are not copied. */
void explain_steps_begin(struct explain_steps *steps, const char *name);
/* To the step that was begun last. An empty text adds nothing. */
void explain_steps_add(struct explain_steps *steps, const char *name, struct slice text);
void explain_steps_add_item(struct explain_steps *steps, const char *name, struct slice text);
void explain_steps_add_number(struct explain_steps *steps, const char *name, uint64_t number);
void explain_steps_add_flag(struct explain_steps *steps, const char *name, bool flag);
void explain_steps_add_position(struct explain_steps *steps, const char *name,
                                const struct position *position);
void explain_steps_reset(struct explain_steps *steps);

/* What was found, from the connection to the outcome. */
void explain_describe(const struct explain_findings *findings, struct explain_steps *steps);

/* For a terminal: whatever a client or a certificate says is escaped. */
char *explain_format_text(const struct explain_steps *steps);
/* An array of objects. */
char *explain_format_json(const struct explain_steps *steps);
void explain_add_json_text(struct text_builder *to, struct slice text);
void explain_add_printable(struct text_builder *to, struct slice text);
