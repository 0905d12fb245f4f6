/* SPDX-License-Identifier: Apache-2.0
 *
 * Setting and prefixing errors. What does not fit is cut off at the end, never at the front,
 * where the most general words are. The arguments may be the error's own text.
 */
#include "runtime/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/buffer.h"

void error_reset(struct error *error)
{
    if (error == NULL)
        return;
    error->kind = ERROR_NONE;
    error->text[0] = '\0';
}

void error_set(struct error *error, enum error_kind kind, const char *format, ...)
{
    char text[sizeof error->text] = "";
    va_list arguments;

    if (error == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    error->kind = kind;
    memcpy(error->text, text, sizeof text);
}

static void append_what_fits(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, slice_first(slice_from_text(text), buffer_room(buffer)));
}

void error_prefix(struct error *error, const char *format, ...)
{
    char prefix[sizeof error->text] = "";
    char text[sizeof error->text] = "";
    struct buffer buffer;
    va_list arguments;

    if (error == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);

    buffer_init(&buffer, text, sizeof text - 1);
    append_what_fits(&buffer, prefix);
    if (error->text[0] != '\0') {
        append_what_fits(&buffer, ": ");
        append_what_fits(&buffer, error->text);
    }
    memcpy(error->text, text, sizeof text);
}
