/* SPDX-License-Identifier: Apache-2.0
 *
 * How far a message has come and may still go: Via, and Max-Forwards of OPTIONS.
 */
#include "gateway/rewrite/rewrite_internal.h"

/* RFC 9110 section 7.6.3: [ protocol-name "/" ] protocol-version RWS received-by [ RWS comment ].
 * A comment with commas in it looks like more elements than there are; taking one for our own name
 * refuses the request, which is the client's own doing. */
static bool was_received_by(struct slice element, struct slice pseudonym)
{
    size_t at = 0;
    size_t end;

    while (at < element.size && element.data[at] != ' ' && element.data[at] != '\t')
        at++;
    element = slice_trim(slice_after(element, at));
    for (end = 0; end < element.size && element.data[end] != ' ' && element.data[end] != '\t';)
        end++;
    return slice_equals_ignoring_case(slice_first(element, end), pseudonym);
}

static bool is_loop(const struct http_fields *fields, struct slice pseudonym)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct slice element;

        if (!slice_equals_ignoring_case(fields->items[i].name, SLICE("Via")))
            continue;
        while (http_list_next(&rest, &element)) {
            if (was_received_by(element, pseudonym))
                return true;
        }
    }
    return false;
}

/* RFC 9110 section 7.6.2. Other methods than OPTIONS and TRACE may ignore the field, and do. */
bool rewrite_counts_forwards(const struct http_request *request)
{
    return slice_equals(request->method, SLICE("OPTIONS"));
}

/* What is malformed cannot be counted down: 0 stands for it as well. */
static enum reason read_max_forwards(const struct http_request *request, bool *is_there,
                                     uint64_t *left)
{
    const struct http_field *field = http_fields_find(&request->fields, SLICE("Max-Forwards"));

    *is_there = field != NULL && rewrite_counts_forwards(request);
    *left = 0;
    if (!*is_there)
        return REASON_NONE;
    if (http_fields_count(&request->fields, SLICE("Max-Forwards")) > 1 ||
        !slice_parse_u64(field->value, left))
        return REASON_REQUEST_HEADER_MALFORMED;
    return REASON_NONE;
}

enum reason rewrite_check_hops(const struct http_request *request, struct slice pseudonym,
                               bool *ends_here)
{
    bool is_there;
    uint64_t left;
    enum reason reason = read_max_forwards(request, &is_there, &left);

    *ends_here = is_there && left == 0;
    if (reason != REASON_NONE)
        return reason;
    return is_loop(&request->fields, pseudonym) ? REASON_REQUEST_LOOP : REASON_NONE;
}

void rewrite_write_max_forwards(struct rewrite_writer *writer, const struct http_request *request)
{
    bool is_there;
    uint64_t left;

    if (read_max_forwards(request, &is_there, &left) == REASON_NONE && is_there && left > 0)
        rewrite_write_u64(writer, SLICE("Max-Forwards"), left - 1);
}

/* RFC 9110 section 7.6.3. */
void rewrite_write_via(struct rewrite_writer *writer, enum http_version received,
                       struct slice pseudonym)
{
    char memory[VIA_BYTES_MAX];
    struct buffer value;

    buffer_init(&value, memory, sizeof(memory));
    if (!buffer_append(&value, received == HTTP_VERSION_1_0 ? SLICE("1.0 ") : SLICE("1.1 ")) ||
        !buffer_append(&value, pseudonym))
        writer->outcome = HTTP_WRITE_REFUSED;
    rewrite_write_field(writer, SLICE("Via"), buffer_readable(&value));
}
