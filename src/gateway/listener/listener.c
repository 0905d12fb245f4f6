/* SPDX-License-Identifier: Apache-2.0
 *
 * The grammar of the names in `hosts`: labels as RFC 1123 section 2.1 allows, '_' besides, and "*"
 * as the whole first label.
 */
#include "gateway/listener/listener.h"

static const size_t label_bytes_max = 63;

static bool is_label(struct slice label)
{
    if (slice_is_empty(label) || label.size > label_bytes_max)
        return false;
    for (size_t i = 0; i < label.size; i++) {
        if (!ascii_is_alphanumeric(label.data[i]) && label.data[i] != '-' && label.data[i] != '_')
            return false;
    }
    return label.data[0] != '-' && label.data[label.size - 1] != '-';
}

static bool are_labels(struct slice name)
{
    size_t end = slice_find(name, '.');

    while (end < name.size) {
        if (!is_label(slice_first(name, end)))
            return false;
        name = slice_after(name, end + 1);
        end = slice_find(name, '.');
    }
    return is_label(name);
}

static bool has_non_ascii(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] >= 0x80)
            return true;
    }
    return false;
}

bool listener_host_is_valid(struct slice host, struct error *error)
{
    struct slice name = slice_starts_with(host, SLICE("*.")) ? slice_after(host, 2) : host;

    if (slice_ends_with(name, SLICE(".")))
        name.size--;
    if (host.size > LISTENER_HOST_BYTES_MAX) {
        error_set(error, ERROR_LIMIT, "a host name has more than %d bytes",
                  (int)LISTENER_HOST_BYTES_MAX);
        return false;
    }
    if (has_non_ascii(host)) {
        error_set(error, ERROR_SYNTAX, "host '%.*s' is not ASCII; write its 'xn--' form",
                  SLICE_FORMAT(host));
        return false;
    }
    if (slice_find(name, ':') < name.size) {
        error_set(error, ERROR_SYNTAX,
                  "host '%.*s' has a ':'; hosts have no port here, the address has it",
                  SLICE_FORMAT(host));
        return false;
    }
    if (slice_find(name, '*') < name.size) {
        error_set(error, ERROR_SYNTAX,
                  "host '%.*s' has a '*' that is not its whole first label, as in '*.example.com'",
                  SLICE_FORMAT(host));
        return false;
    }
    if (!are_labels(name)) {
        error_set(error, ERROR_SYNTAX,
                  "host '%.*s' is neither a name, as 'api.example.com', nor '*.' and a name",
                  SLICE_FORMAT(host));
        return false;
    }
    return true;
}
