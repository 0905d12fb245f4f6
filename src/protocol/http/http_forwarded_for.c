/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_forwarded_for.h. The list is walked backwards without being taken apart, and the walk
 * ends at the client: what a client wrote costs nothing, however long it is.
 */
#include "protocol/http/http_forwarded_for.h"

#include <assert.h>
#include <stdio.h>

enum { PORT_DIGITS_MAX = 5 };

/* ---- one element ----------------------------------------------------------------------------- */

static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value = 0;

    if (text.size > PORT_DIGITS_MAX || !slice_parse_u64(text, &value) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

/* "[2001:db8::1]" with or without ":4711". */
static bool parse_bracketed(struct slice text, struct ip_address *address, uint16_t *port)
{
    size_t end = slice_find(text, ']');
    struct slice inside = slice_after(slice_first(text, end), 1);
    struct slice rest = slice_after(text, end + 1);

    if (end == text.size || slice_find(inside, ':') == inside.size ||
        !ip_address_parse(inside, address))
        return false;
    if (slice_is_empty(rest))
        return true;
    return rest.data[0] == ':' && parse_port(slice_after(rest, 1), port);
}

bool http_forwarded_address_parse(struct slice text, struct ip_address *address, uint16_t *port)
{
    size_t colon = slice_find(text, ':');
    struct slice behind = slice_after(text, colon + 1);
    struct ip_address parsed;
    uint16_t parsed_port = 0;
    bool is_parsed;

    if (slice_starts_with(text, SLICE("[")))
        is_parsed = parse_bracketed(text, &parsed, &parsed_port);
    else if (colon < text.size && slice_find(behind, ':') == behind.size)
        is_parsed =
            ip_address_parse(slice_first(text, colon), &parsed) && parse_port(behind, &parsed_port);
    else
        is_parsed = ip_address_parse(text, &parsed);
    if (!is_parsed)
        return false;
    *address = parsed;
    *port = parsed_port;
    return true;
}

void http_forwarded_address_format(const struct ip_address *address, uint16_t port,
                                   char text[SOCKET_ADDRESS_TEXT_SIZE])
{
    char host[IP_ADDRESS_TEXT_SIZE];

    ip_address_format(address, host);
    if (port == 0)
        snprintf(text, SOCKET_ADDRESS_TEXT_SIZE, "%s", host);
    else if (address->family == IP_FAMILY_6)
        snprintf(text, SOCKET_ADDRESS_TEXT_SIZE, "[%s]:%u", host, (unsigned)port);
    else
        snprintf(text, SOCKET_ADDRESS_TEXT_SIZE, "%s:%u", host, (unsigned)port);
}

/* ---- the list -------------------------------------------------------------------------------- */

/* The walk's place: what is left of the field at hand, and how many fields are left before it. */
struct walk {
    const struct http_fields *fields;
    size_t fields_left;
    struct slice rest;
};

static size_t find_last(struct slice text, char byte)
{
    for (size_t i = text.size; i > 0; i--) {
        if (text.data[i - 1] == byte)
            return i - 1;
    }
    return text.size;
}

static bool take_field_before(struct walk *walk)
{
    while (walk->fields_left > 0) {
        const struct http_field *field = &walk->fields->items[--walk->fields_left];

        if (!slice_equals_ignoring_case(field->name, SLICE("X-Forwarded-For")))
            continue;
        walk->rest = field->value;
        return true;
    }
    return false;
}

/* The element before the one that was taken last; false when there is none. */
static bool take_before(struct walk *walk, struct slice *element)
{
    do {
        size_t comma;

        if (slice_is_empty(walk->rest) && !take_field_before(walk))
            return false;
        comma = find_last(walk->rest, ',');
        *element = comma == walk->rest.size ? walk->rest : slice_after(walk->rest, comma + 1);
        walk->rest = comma == walk->rest.size ? SLICE("") : slice_first(walk->rest, comma);
        *element = slice_trim(*element);
    } while (slice_is_empty(*element));
    return true;
}

/* The hops were met from the last to the first. */
static void reverse(struct ip_address *hops, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        struct ip_address other = hops[count - 1 - i];

        hops[count - 1 - i] = hops[i];
        hops[i] = other;
    }
}

enum http_forwarded_outcome http_forwarded_for_read(const struct http_fields *fields,
                                                    const struct address_set *trusted,
                                                    struct http_forwarded_for *forwarded)
{
    struct walk walk = {.fields = fields, .fields_left = fields->count};
    struct http_forwarded_for read = {.client_port = 0};
    struct slice element;
    bool has_client = false;

    while (take_before(&walk, &element)) {
        if (has_client) {
            if (read.hop_count == HTTP_FORWARDED_HOPS_MAX)
                return HTTP_FORWARDED_MALFORMED;
            read.hops[read.hop_count++] = read.client;
        }
        if (!http_forwarded_address_parse(element, &read.client, &read.client_port))
            return HTTP_FORWARDED_MALFORMED;
        has_client = true;
        if (!address_set_has(trusted, &read.client))
            break;
    }
    if (!has_client)
        return HTTP_FORWARDED_NOBODY;
    reverse(read.hops, read.hop_count);
    *forwarded = read;
    return HTTP_FORWARDED_CLIENT;
}

/* ---- the list that goes on ------------------------------------------------------------------- */

static size_t append(char *text, size_t used, const struct ip_address *address)
{
    char formatted[IP_ADDRESS_TEXT_SIZE];
    int written;

    ip_address_format(address, formatted);
    written =
        snprintf(text + used, HTTP_FORWARDED_TEXT_MAX - used, used == 0 ? "%s" : ", %s", formatted);
    assert(written > 0 && (size_t)written < HTTP_FORWARDED_TEXT_MAX - used);
    return used + (size_t)written;
}

void http_forwarded_for_format(const struct http_forwarded_for *forwarded,
                               const struct ip_address *peer, char text[HTTP_FORWARDED_TEXT_MAX])
{
    size_t used = append(text, 0, &forwarded->client);

    for (size_t i = 0; i < forwarded->hop_count; i++)
        used = append(text, used, &forwarded->hops[i]);
    (void)append(text, used, peer);
}
