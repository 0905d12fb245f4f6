/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about messages and their parts. Nothing here reads from a wire or changes a message.
 */
#include "protocol/http/http_message.h"

#include "protocol/http/http_characters_internal.h"

const struct http_field *http_fields_find(const struct http_fields *fields, struct slice name)
{
    for (size_t i = 0; i < fields->count; i++) {
        if (slice_equals_ignoring_case(fields->items[i].name, name))
            return &fields->items[i];
    }
    return NULL;
}

size_t http_fields_count(const struct http_fields *fields, struct slice name)
{
    size_t count = 0;

    for (size_t i = 0; i < fields->count; i++) {
        if (slice_equals_ignoring_case(fields->items[i].name, name))
            count++;
    }
    return count;
}

bool http_method_is_idempotent(struct slice method)
{
    return slice_equals(method, SLICE("GET")) || slice_equals(method, SLICE("HEAD")) ||
           slice_equals(method, SLICE("PUT")) || slice_equals(method, SLICE("DELETE")) ||
           slice_equals(method, SLICE("OPTIONS")) || slice_equals(method, SLICE("TRACE"));
}

bool http_is_token(struct slice text)
{
    return text.size > 0 && http_characters_are(text, HTTP_CHARACTER_TOKEN);
}

/* The IANA registry of status codes, as of RFC 9110. */
static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    /* clang-format off */
    {100, "Continue"}, {101, "Switching Protocols"}, {102, "Processing"}, {103, "Early Hints"},
    {200, "OK"}, {201, "Created"}, {202, "Accepted"}, {203, "Non-Authoritative Information"},
    {204, "No Content"}, {205, "Reset Content"}, {206, "Partial Content"}, {207, "Multi-Status"},
    {208, "Already Reported"}, {226, "IM Used"},
    {300, "Multiple Choices"}, {301, "Moved Permanently"}, {302, "Found"}, {303, "See Other"},
    {304, "Not Modified"}, {305, "Use Proxy"}, {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"}, {401, "Unauthorized"}, {402, "Payment Required"}, {403, "Forbidden"},
    {404, "Not Found"}, {405, "Method Not Allowed"}, {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"}, {408, "Request Timeout"}, {409, "Conflict"},
    {410, "Gone"}, {411, "Length Required"}, {412, "Precondition Failed"},
    {413, "Content Too Large"}, {414, "URI Too Long"}, {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"}, {417, "Expectation Failed"}, {421, "Misdirected Request"},
    {422, "Unprocessable Content"}, {423, "Locked"}, {424, "Failed Dependency"},
    {425, "Too Early"}, {426, "Upgrade Required"}, {428, "Precondition Required"},
    {429, "Too Many Requests"}, {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"}, {501, "Not Implemented"}, {502, "Bad Gateway"},
    {503, "Service Unavailable"}, {504, "Gateway Timeout"}, {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"}, {507, "Insufficient Storage"}, {508, "Loop Detected"},
    {511, "Network Authentication Required"},
    /* clang-format on */
};

const char *http_reason_phrase(unsigned status)
{
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "Unknown";
}

bool http_list_has_token(struct slice list, struct slice token)
{
    struct slice element;

    while (http_list_next(&list, &element)) {
        if (slice_equals_ignoring_case(element, token))
            return true;
    }
    return false;
}

bool http_list_next(struct slice *rest, struct slice *element)
{
    while (rest->size > 0) {
        size_t comma = slice_find(*rest, ',');
        struct slice trimmed = slice_trim(slice_first(*rest, comma));

        *rest = slice_after(*rest, comma + 1);
        if (!slice_is_empty(trimmed)) {
            *element = trimmed;
            return true;
        }
    }
    return false;
}
