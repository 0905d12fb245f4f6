/* SPDX-License-Identifier: Apache-2.0
 *
 * Text that grows at its end, by doubling.
 */
#include "runtime/text_builder.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/memory.h"

enum { CAPACITY_MIN = 64 };

static void make_room(struct text_builder *builder, size_t size)
{
    size_t needed = builder->size + size + 1;
    size_t capacity = builder->capacity == 0 ? CAPACITY_MIN : builder->capacity;

    if (needed <= builder->capacity)
        return;
    while (capacity < needed)
        capacity *= 2;
    builder->text = memory_resize(builder->text, capacity);
    builder->capacity = capacity;
}

void text_builder_add(struct text_builder *builder, struct slice text)
{
    make_room(builder, text.size);
    if (text.size > 0)
        memcpy(builder->text + builder->size, text.data, text.size);
    builder->size += text.size;
    builder->text[builder->size] = '\0';
}

void text_builder_add_format(struct text_builder *builder, const char *format, ...)
{
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    assert(size >= 0);

    make_room(builder, (size_t)size);
    va_start(arguments, format);
    vsnprintf(builder->text + builder->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    builder->size += (size_t)size;
}

char *text_builder_take(struct text_builder *builder)
{
    char *text;

    make_room(builder, 0);
    text = builder->text;
    text[builder->size] = '\0';
    *builder = (struct text_builder){0};
    return text;
}

void text_builder_reset(struct text_builder *builder)
{
    memory_release(builder->text);
    *builder = (struct text_builder){0};
}
