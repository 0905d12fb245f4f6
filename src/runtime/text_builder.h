/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that grows at its end, for messages, documents and reports: never on the request path.
 */
#pragma once

#include <stddef.h>

#include "runtime/slice.h"

struct text_builder {
    char *text; /* NUL-terminated; NULL while nothing was added */
    size_t size;
    size_t capacity;
};

void text_builder_add(struct text_builder *builder, struct slice text);
void text_builder_add_format(struct text_builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The text, never NULL, which the caller releases; the builder is empty again. */
char *text_builder_take(struct text_builder *builder);
void text_builder_reset(struct text_builder *builder);
