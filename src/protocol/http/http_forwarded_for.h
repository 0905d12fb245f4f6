/* SPDX-License-Identifier: Apache-2.0
 *
 * X-Forwarded-For, read from its end: each proxy adds the address of whoever connected to it, so
 * that only as much of the list is true as trusted proxies have written. The client is the
 * right-most address that is not trusted; what stands left of it was written by that client, and
 * nobody looks at it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/http/http_message.h"
#include "runtime/address_set.h"

enum {
    HTTP_FORWARDED_HOPS_MAX = 32, /* trusted proxies between the client and our peer */
    HTTP_FORWARDED_TEXT_MAX = (HTTP_FORWARDED_HOPS_MAX + 2) * (IP_ADDRESS_TEXT_SIZE + 1)
};

enum http_forwarded_outcome {
    HTTP_FORWARDED_MALFORMED, /* where an address should be is none, or there are too many hops */
    HTTP_FORWARDED_NOBODY,    /* the list is empty: our peer speaks for itself */
    HTTP_FORWARDED_CLIENT
};

struct http_forwarded_for {
    struct ip_address client;
    uint16_t client_port;                            /* 0: not told */
    struct ip_address hops[HTTP_FORWARDED_HOPS_MAX]; /* behind the client, in the list's order */
    size_t hop_count;
};

/* Call it only for a peer that is trusted itself. `forwarded` is filled with CLIENT only. Each
 * element is "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:4711";
 * an IPv4 address inside IPv6 is the IPv4 address, zones and names are malformed, empty elements
 * are skipped. Several fields are one list. When all are trusted, the first is the client. */
enum http_forwarded_outcome http_forwarded_for_read(const struct http_fields *fields,
                                                    const struct address_set *trusted,
                                                    struct http_forwarded_for *forwarded);

/* The list as the next one may believe it: client, hops, peer. NUL-terminated. */
void http_forwarded_for_format(const struct http_forwarded_for *forwarded,
                               const struct ip_address *peer, char text[HTTP_FORWARDED_TEXT_MAX]);

/* "192.0.2.1", "192.0.2.1:4711", "[2001:db8::1]:4711"; without the port when it is 0. */
void http_forwarded_address_format(const struct ip_address *address, uint16_t port,
                                   char text[SOCKET_ADDRESS_TEXT_SIZE]);
/* An address with or without a port, as above; `port` is 0 when there is none. */
bool http_forwarded_address_parse(struct slice text, struct ip_address *address, uint16_t *port);
