/* SPDX-License-Identifier: Apache-2.0
 *
 * The server_name extension of a ClientHello, RFC 6066 section 3, read strictly: a name that two
 * readers could understand differently could choose two different profiles.
 */
#pragma once

#include <stdbool.h>

#include "runtime/slice.h"

enum { TLS_SERVER_NAME_BYTES_MAX = 255 };

/* `extension` is the extension's content. The name points into it, as it was sent. False when it
 * is anything but exactly one host_name of 1 to 255 bytes without NUL. */
bool tls_server_name_parse(struct slice extension, struct slice *name);
