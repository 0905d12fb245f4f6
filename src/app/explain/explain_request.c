/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_request_internal.h.
 */
#include "app/explain/explain_request_internal.h"

#include <string.h>

#include "runtime/address_set.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"

enum { HTTPS_PORT = 443 };

static bool names_field(const char *header, const char *name)
{
    size_t size = strlen(name);

    return slice_equals_ignoring_case(slice_first(slice_from_text(header), size),
                                      slice_from_text(name)) &&
           header[size] == ':';
}

static bool has_host(const struct explain_request_settings *settings)
{
    for (size_t i = 0; i < settings->header_count; i++) {
        if (names_field(settings->headers[i], "Host"))
            return true;
    }
    return false;
}

/* RFC 6066 section 3: an address is no server name. */
static bool is_address(struct slice host)
{
    struct ip_address address;

    return ip_address_parse(host, &address);
}

static bool read_authority(struct slice authority, struct explain_request *request,
                           struct error *error)
{
    struct slice host;

    if (!http_host_parse(authority, request->server_name_memory, &host, &request->port)) {
        error_set(error, ERROR_VALUE, "the URL has no host that can be used");
        return false;
    }
    if (request->port == 0)
        request->port = HTTPS_PORT;
    request->server_name = is_address(host) ? SLICE("") : host;
    return true;
}

static bool read_server_name(struct slice name, struct explain_request *request,
                             struct error *error)
{
    uint16_t port = 0;

    if (name.data == NULL)
        return true;
    request->server_name = name;
    if (slice_is_empty(name) ||
        (http_host_parse(name, request->server_name_memory, &request->server_name, &port) &&
         port == 0 && !is_address(request->server_name)))
        return true;
    error_set(error, ERROR_VALUE, "--server-name takes the name of a host");
    return false;
}

static void add_line(struct text_builder *head, const char *name, struct slice value)
{
    text_builder_add_format(head, "%s: ", name);
    text_builder_add(head, value);
    text_builder_add(head, SLICE("\r\n"));
}

static void write_head(const struct explain_request_settings *settings, struct slice authority,
                       struct slice target, struct explain_request *request)
{
    struct text_builder head = {.text = NULL};

    text_builder_add(&head, slice_is_empty(settings->method) ? SLICE("GET") : settings->method);
    text_builder_add(&head, SLICE(" "));
    if (slice_is_empty(target) || target.data[0] != '/')
        text_builder_add(&head, SLICE("/"));
    text_builder_add(&head, slice_first(target, slice_find(target, '#')));
    text_builder_add(&head, SLICE(" HTTP/1.1\r\n"));
    if (!has_host(settings))
        add_line(&head, "Host", authority);
    for (size_t i = 0; i < settings->header_count; i++) {
        text_builder_add(&head, slice_from_text(settings->headers[i]));
        text_builder_add(&head, SLICE("\r\n"));
    }
    text_builder_add(&head, SLICE("\r\n"));
    request->head = text_builder_take(&head);
}

/* It would become something else than a field, or than one. */
static bool has_line_break(struct slice text)
{
    return slice_find(text, '\r') < text.size || slice_find(text, '\n') < text.size;
}

static bool check_words(const struct explain_request_settings *settings, struct error *error)
{
    bool is_broken = has_line_break(settings->url) || has_line_break(settings->method);

    for (size_t i = 0; i < settings->header_count; i++) {
        is_broken = is_broken || has_line_break(slice_from_text(settings->headers[i]));
        if (strchr(settings->headers[i], ':') == NULL) {
            error_set(error, ERROR_VALUE, "a --header is 'Name: value', and not '%s'",
                      settings->headers[i]);
            return false;
        }
    }
    if (is_broken)
        error_set(error, ERROR_VALUE, "there is a line break in the URL, the method or a header");
    return !is_broken;
}

bool explain_request_make(const struct explain_request_settings *settings,
                          struct explain_request *request, struct error *error)
{
    const struct slice scheme = SLICE("https://");
    struct slice rest = settings->url;
    size_t end = 0;

    *request = (struct explain_request){.head = NULL};
    if (!check_words(settings, error))
        return false;
    if (!slice_equals_ignoring_case(slice_first(rest, scheme.size), scheme)) {
        error_set(error, ERROR_VALUE, "the URL has to begin with https://");
        return false;
    }
    rest = slice_after(rest, scheme.size);
    while (end < rest.size && strchr("/?#", rest.data[end]) == NULL)
        end++;
    if (!read_authority(slice_first(rest, end), request, error) ||
        !read_server_name(settings->server_name, request, error))
        return false;
    write_head(settings, slice_first(rest, end), slice_after(rest, end), request);
    return true;
}

void explain_request_reset(struct explain_request *request)
{
    memory_release(request->head);
    request->head = NULL;
}

/* ---- which address ---- */

static char *list_addresses(const struct generation *generation)
{
    struct text_builder list = {.text = NULL};

    for (size_t i = 0; i < generation_group_count(generation); i++) {
        char text[SOCKET_ADDRESS_TEXT_SIZE];

        socket_address_format(listener_group_address(generation_group(generation, i)), text);
        text_builder_add_format(&list, "%s%s", i == 0 ? "" : ", ", text);
    }
    return text_builder_take(&list);
}

const struct listener_group *explain_request_find_group(const struct explain_request *request,
                                                        const struct generation *generation,
                                                        bool *is_other_port, struct error *error)
{
    size_t count = generation_group_count(generation);
    const struct listener_group *found = NULL;
    size_t matches = 0;
    char *addresses = NULL;

    for (size_t i = 0; i < count; i++) {
        const struct listener_group *group = generation_group(generation, i);

        if (socket_address_port(listener_group_address(group)) == request->port) {
            found = group;
            matches++;
        }
    }
    *is_other_port = matches == 0;
    if (matches == 1 || (matches == 0 && count == 1))
        return matches == 1 ? found : generation_group(generation, 0);
    addresses = list_addresses(generation);
    error_set(error, ERROR_VALUE,
              "%s listens at port %u of the URL; the addresses are %s; say which with --address",
              matches == 0 ? "nobody" : "more than one listener", (unsigned)request->port,
              addresses);
    memory_release(addresses);
    return NULL;
}
