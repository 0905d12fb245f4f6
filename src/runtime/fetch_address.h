/* SPDX-License-Identifier: Apache-2.0
 *
 * Which addresses outgoing fetches may go to. A certificate, a list or a redirect names where to
 * fetch from, so a stranger may have chosen it, and the gateway stands where the stranger cannot
 * go: only addresses of the public Internet are let through, unless the operator allowed a range.
 * An IPv4 address inside IPv6 (::ffff:10.0.0.1) is judged as the IPv4 address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/address_set.h"
#include "runtime/socket.h"

struct fetch_address_settings {
    const struct address_set *allowed; /* whatever the address is; NULL: none */
    const uint16_t *own_ports;         /* that the gateway itself listens on */
    size_t own_port_count;
};

/* NULL when a fetch may connect there, else what the address is, for a message: "a private
 * address", "the gateway itself". */
const char *fetch_address_refusal(const struct fetch_address_settings *settings,
                                  const struct socket_address *address);
