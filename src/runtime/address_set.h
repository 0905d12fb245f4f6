/* SPDX-License-Identifier: Apache-2.0
 *
 * IP addresses without ports, ranges of them ("10.0.0.0/8", "2001:db8::/32"), and sets of ranges
 * that are asked whether they hold an address.
 *
 * One address has one form: an IPv4 address inside IPv6 (::ffff:192.0.2.1) is the IPv4 address,
 * wherever it comes from. The two families are kept apart, so that "::/0" holds no IPv4 address.
 * A zeroed address is of no family, equals nothing of the wire, and is in no set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/slice.h"
#include "runtime/socket.h"

enum ip_family { IP_FAMILY_NONE, IP_FAMILY_4, IP_FAMILY_6 };

enum { IP_ADDRESS_BYTES = 16, IP_ADDRESS_TEXT_SIZE = 46 };

struct ip_address {
    enum ip_family family;
    unsigned char bytes[IP_ADDRESS_BYTES]; /* network order; IPv4 uses the first four */
};

/* From the first to the last address, both included. */
struct ip_range {
    struct ip_address first;
    struct ip_address last;
};

struct address_set;

/* "192.0.2.1", "2001:db8::1": no port, brackets, zone, blanks, or octal numbers. */
bool ip_address_parse(struct slice text, struct ip_address *address);
/* Of no family when the socket has neither. */
struct ip_address ip_address_of(const struct socket_address *socket);
/* The other way round, with a port. */
struct socket_address socket_address_of(const struct ip_address *address, uint16_t port);
bool ip_address_equals(const struct ip_address *a, const struct ip_address *b);
/* The address with all but its first `bits` bits cleared: the network that it belongs to. */
struct ip_address ip_address_network(const struct ip_address *address, unsigned bits);
/* NUL-terminated; "unknown" for one of no family. */
void ip_address_format(const struct ip_address *address, char text[IP_ADDRESS_TEXT_SIZE]);

/* An address, or a network as ADDRESS/BITS whose further bits must be zero: "10.1.2.3/8" is more
 * likely a slip than a wish. */
bool ip_range_parse(struct slice text, struct ip_range *range, struct error *error);

/* Copies the ranges, in any order and overlapping as they like. Never NULL. */
struct address_set *address_set_create(const struct ip_range *ranges, size_t count);
/* Of a NULL-terminated list of what ip_range_parse takes; NULL and an error when one is wrong. No
 * list at all is an empty one. */
struct address_set *address_set_parse(const char *const *texts, struct error *error);
/* NULL is fine. */
void address_set_destroy(struct address_set *set);
/* Its cost grows with the logarithm of the number of ranges. NULL holds nothing. */
bool address_set_has(const struct address_set *set, const struct ip_address *address);
bool address_set_is_empty(const struct address_set *set);
