/* SPDX-License-Identifier: Apache-2.0
 *
 * The Connection field: what it asks to be removed, and who may ask for what. Were a client
 * allowed to name our fields, or those that a backend decides by, it could take from a request
 * what it dislikes (CVE-2022-31813, CVE-2024-45410). Its own fields are removed before ours are
 * added, so that naming ours would have no effect; it is refused all the same, because nobody
 * does it by mistake.
 */
#include "gateway/rewrite/rewrite_internal.h"

/* RFC 9110 section 7.6.1: not a field that is meant for all recipients. */
static const struct slice protected_names[] = {
    SLICE_STATIC("Host"),
    SLICE_STATIC("Content-Length"),
    SLICE_STATIC("Transfer-Encoding"),
    SLICE_STATIC("Content-Type"),
    SLICE_STATIC("Content-Encoding"),
    SLICE_STATIC("Expect"),
    SLICE_STATIC("Authorization"),
    SLICE_STATIC("Cookie"),
    SLICE_STATIC("Origin"),
    SLICE_STATIC("Via"),
    {NULL, 0},
};

bool rewrite_collect_connection_options(const struct http_fields *fields,
                                        struct rewrite_connection_options *options)
{
    struct rewrite_connection_options collected = {.count = 0};

    for (size_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct slice option;

        if (!slice_equals_ignoring_case(fields->items[i].name, SLICE("Connection")))
            continue;
        while (http_list_next(&rest, &option)) {
            if (slice_equals_ignoring_case(option, SLICE("close")) ||
                slice_equals_ignoring_case(option, SLICE("keep-alive")))
                continue;
            if (!http_is_token(option) || collected.count == REWRITE_CONNECTION_OPTIONS_MAX)
                return false;
            collected.names[collected.count++] = option;
        }
    }
    *options = collected;
    return true;
}

/* By folded name: a backend that reads "X_Secret" as "X-Secret" is not given one for the other. */
bool rewrite_is_connection_option(const struct rewrite_connection_options *options,
                                  struct slice name)
{
    for (size_t i = 0; i < options->count; i++) {
        if (http_name_folds_equal(options->names[i], name))
            return true;
    }
    return false;
}

enum reason rewrite_check_connection(const struct http_name_set *owned_names,
                                     const struct http_request *request)
{
    struct rewrite_connection_options options;

    if (!rewrite_collect_connection_options(&request->fields, &options))
        return REASON_REQUEST_CONNECTION_MALFORMED;
    for (size_t i = 0; i < options.count; i++) {
        if (rewrite_is_identity_name(owned_names, options.names[i]) ||
            rewrite_is_forwarding_name(options.names[i]) ||
            rewrite_name_is_among(options.names[i], protected_names))
            return REASON_REQUEST_CONNECTION_MALFORMED;
    }
    return REASON_NONE;
}
