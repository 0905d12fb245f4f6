/* SPDX-License-Identifier: Apache-2.0
 *
 * ServerNameList: a length of two bytes, then the names, each a type of one byte and a value with
 * a length of two bytes. Only host_name (0) was ever defined, and it may appear once.
 */
#include "protocol/tls/tls_server_name_internal.h"

#include <stddef.h>

enum {
    LIST_LENGTH_BYTES = 2,
    NAME_HEADER_BYTES = 3,
    NAME_TYPE_HOST = 0,
};

static size_t read_u16(struct slice bytes, size_t at)
{
    return (size_t)(unsigned char)bytes.data[at] << 8 | (unsigned char)bytes.data[at + 1];
}

bool tls_server_name_parse(struct slice extension, struct slice *name)
{
    struct slice found;

    if (extension.size < LIST_LENGTH_BYTES + NAME_HEADER_BYTES ||
        read_u16(extension, 0) != extension.size - LIST_LENGTH_BYTES ||
        extension.data[LIST_LENGTH_BYTES] != NAME_TYPE_HOST)
        return false;

    found = slice_after(extension, LIST_LENGTH_BYTES + NAME_HEADER_BYTES);
    if (read_u16(extension, LIST_LENGTH_BYTES + 1) != found.size || found.size == 0 ||
        found.size > TLS_SERVER_NAME_BYTES_MAX || slice_find(found, '\0') != found.size)
        return false;
    *name = found;
    return true;
}
