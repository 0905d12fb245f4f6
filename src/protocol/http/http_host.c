/* SPDX-License-Identifier: Apache-2.0
 *
 * One folding of host names. What is not obviously a host with an optional port is refused: there
 * is no user information, no percent-encoding, no zone, and no address in a form of its own.
 */
#include "protocol/http/http_host.h"

#include <arpa/inet.h>

enum { PORT_DIGITS_MAX = 5 };

/* Empty, or ':' and digits. An empty port is allowed and means none (RFC 3986 section 3.2.3). */
static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value = 0;

    if (text.size > 0 && text.data[0] != ':')
        return false;
    if (text.size > 1 + PORT_DIGITS_MAX)
        return false;
    if (text.size > 1 && (!slice_parse_u64(slice_after(text, 1), &value) || value > UINT16_MAX))
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool is_label_character(char byte)
{
    return ascii_is_alphanumeric(byte) || byte == '-' || byte == '_';
}

/* Labels with a dot between two of them. The trailing dot of a fully qualified name is dropped. */
static bool fold_name(struct slice name, char *memory, size_t *size)
{
    bool in_label = false;

    if (name.size > 0 && name.data[name.size - 1] == '.')
        name.size--;
    if (name.size == 0 || name.size > HTTP_HOST_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        bool is_dot = name.data[i] == '.';

        if (is_dot ? !in_label : !is_label_character(name.data[i]))
            return false;
        in_label = !is_dot;
        memory[i] = ascii_lower(name.data[i]);
    }
    *size = name.size;
    return in_label;
}

/* An address has many spellings; all of them fold to the shortest one (RFC 5952). */
static bool fold_ipv6(struct slice literal, char *memory, size_t *size)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (literal.size >= sizeof(text) || memchr(literal.data, '\0', literal.size) != NULL)
        return false;
    memcpy(text, literal.data, literal.size);
    text[literal.size] = '\0';
    if (inet_pton(AF_INET6, text, &address) != 1)
        return false;
    if (inet_ntop(AF_INET6, &address, text, sizeof(text)) == NULL)
        return false;
    *size = strlen(text);
    memcpy(memory, text, *size);
    return true;
}

bool http_host_parse(struct slice authority, char *memory, struct slice *host, uint16_t *port)
{
    bool is_literal = authority.size > 0 && authority.data[0] == '[';
    size_t end = slice_find(authority, is_literal ? ']' : ':');
    uint16_t parsed_port;
    size_t size;

    if (slice_is_empty(authority))
        return false;
    if (is_literal) {
        if (end == authority.size ||
            !fold_ipv6(slice_from(authority.data + 1, end - 1), memory, &size))
            return false;
    } else if (!fold_name(slice_first(authority, end), memory, &size)) {
        return false;
    }
    if (!parse_port(slice_after(authority, is_literal ? end + 1 : end), &parsed_port))
        return false;
    *host = slice_from(memory, size);
    *port = parsed_port;
    return true;
}
