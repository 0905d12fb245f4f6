/* SPDX-License-Identifier: Apache-2.0
 *
 * A base is unambiguous because a line has one end, a name has no quote in it, and the last line
 * lists the names of all the others. What would break one of these is refused.
 */
#include "protocol/signature/http_signature.h"

#include <string.h>

enum {
    COMPONENT_OVERHEAD = 16, /* quotes, blanks and ends, twice */
    PARAMETERS_OVERHEAD = 256
};

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~')
            return false;
    }
    return true;
}

/* RFC 9110 section 5.6.2, behind "@" for what is derived. */
static bool is_name(struct slice name)
{
    size_t i = slice_starts_with(name, SLICE("@")) ? 1 : 0;

    if (i == name.size)
        return false;
    for (; i < name.size; i++) {
        if (!ascii_is_alphanumeric(name.data[i]) &&
            (name.data[i] == '\0' || strchr("!#$%&'*+-.^_`|~", name.data[i]) == NULL))
            return false;
    }
    return true;
}

static bool are_signable(const struct http_signature_component *components, size_t count)
{
    if (count > HTTP_SIGNATURE_COMPONENTS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!is_name(components[i].name) || !is_printable(slice_trim(components[i].value)))
            return false;
        for (size_t j = 0; j < i; j++) {
            if (slice_equals_ignoring_case(components[i].name, components[j].name))
                return false;
        }
    }
    return true;
}

static bool append_name(struct buffer *to, struct slice name)
{
    bool complete = buffer_append_byte(to, '"');

    for (size_t i = 0; complete && i < name.size; i++)
        complete = buffer_append_byte(to, ascii_lower(name.data[i]));
    return complete && buffer_append_byte(to, '"');
}

static bool append_time(struct buffer *to, struct slice key, int64_t seconds)
{
    return seconds == 0 ||
           (seconds > 0 && buffer_append(to, key) && buffer_append_u64(to, (uint64_t)seconds));
}

/* RFC 8941 section 3.3.3. */
static bool append_string(struct buffer *to, struct slice key, struct slice text)
{
    bool complete = true;

    if (slice_is_empty(text))
        return true;
    if (!is_printable(text) || !buffer_append(to, key) || !buffer_append_byte(to, '"'))
        return false;
    for (size_t i = 0; complete && i < text.size; i++) {
        bool is_special = text.data[i] == '"' || text.data[i] == '\\';

        complete =
            (!is_special || buffer_append_byte(to, '\\')) && buffer_append_byte(to, text.data[i]);
    }
    return complete && buffer_append_byte(to, '"');
}

static bool append_parameters(struct buffer *to, const struct http_signature_component *components,
                              size_t count, const struct http_signature_parameters *parameters)
{
    bool complete = buffer_append_byte(to, '(');

    for (size_t i = 0; complete && i < count; i++)
        complete = (i == 0 || buffer_append_byte(to, ' ')) && append_name(to, components[i].name);
    return complete && buffer_append_byte(to, ')') &&
           append_time(to, SLICE(";created="), parameters->created) &&
           append_time(to, SLICE(";expires="), parameters->expires) &&
           append_string(to, SLICE(";nonce="), parameters->nonce) &&
           append_string(to, SLICE(";alg="), parameters->algorithm) &&
           append_string(to, SLICE(";keyid="), parameters->keyid) &&
           append_string(to, SLICE(";tag="), parameters->tag);
}

static bool append_line(struct buffer *to, const struct http_signature_component *component)
{
    return append_name(to, component->name) && buffer_append(to, SLICE(": ")) &&
           buffer_append(to, slice_trim(component->value)) && buffer_append_byte(to, '\n');
}

static bool keep_if(bool complete, struct buffer *to, size_t start)
{
    if (!complete)
        to->written = start;
    return complete;
}

size_t http_signature_bytes_max(const struct http_signature_component *components, size_t count,
                                const struct http_signature_parameters *parameters)
{
    size_t size = PARAMETERS_OVERHEAD + 2 * (parameters->nonce.size + parameters->algorithm.size +
                                             parameters->keyid.size + parameters->tag.size);

    for (size_t i = 0; i < count; i++)
        size += 2 * components[i].name.size + components[i].value.size + COMPONENT_OVERHEAD;
    return size;
}

bool http_signature_write_parameters(const struct http_signature_component *components,
                                     size_t count,
                                     const struct http_signature_parameters *parameters,
                                     struct buffer *to)
{
    size_t start = to->written;

    return keep_if(are_signable(components, count) &&
                       append_parameters(to, components, count, parameters),
                   to, start);
}

bool http_signature_write_base(const struct http_signature_component *components, size_t count,
                               const struct http_signature_parameters *parameters,
                               struct buffer *to)
{
    size_t start = to->written;
    bool complete = are_signable(components, count);

    for (size_t i = 0; complete && i < count; i++)
        complete = append_line(to, &components[i]);
    return keep_if(complete && buffer_append(to, SLICE("\"@signature-params\": ")) &&
                       append_parameters(to, components, count, parameters),
                   to, start);
}
