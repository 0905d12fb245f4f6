/* SPDX-License-Identifier: Apache-2.0
 *
 * Host names: one folding, for SNI and Host alike. Lower case, without one trailing dot.
 */
#pragma once

#include "runtime/arena.h"
#include "runtime/slice.h"

enum { HTTP_HOST_BYTES_MAX = 255 };

/* Splits "host", "host:port", "[v6]", "[v6]:port" (RFC 9110 section 7.2) and checks it: letters,
 * digits, '-', '.', '_' and nothing else in a name; no empty label, no empty host; a port of digits
 * up to 65535, or empty. The host is folded into `memory` (HTTP_HOST_BYTES_MAX bytes), an IPv6
 * literal without its brackets. `port` is 0 when there is none. */
bool http_host_parse(struct slice authority, char *memory, struct slice *host, uint16_t *port);
