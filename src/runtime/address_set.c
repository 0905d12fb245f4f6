/* SPDX-License-Identifier: Apache-2.0
 *
 * See address_set.h. A set is its ranges in order, without overlaps: the range that could hold an
 * address is the last one that begins at or before it.
 */
#include "runtime/address_set.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

enum { IPV4_BYTES = 4, BITS_IN_BYTE = 8, RANGE_SHOWN_BYTES = 64 };

/* What ::ffff:0:0/96 begins with. */
static const unsigned char mapped_prefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct address_set {
    size_t count;
    struct ip_range ranges[];
};

/* ---- addresses ------------------------------------------------------------------------------- */

static struct ip_address from_ipv4(const void *bytes)
{
    struct ip_address address = {.family = IP_FAMILY_4};

    memcpy(address.bytes, bytes, IPV4_BYTES);
    return address;
}

static struct ip_address from_ipv6(const unsigned char bytes[IP_ADDRESS_BYTES])
{
    struct ip_address address = {.family = IP_FAMILY_6};

    if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
        return from_ipv4(bytes + sizeof(mapped_prefix));
    memcpy(address.bytes, bytes, IP_ADDRESS_BYTES);
    return address;
}

bool ip_address_parse(struct slice text, struct ip_address *address)
{
    char terminated[INET6_ADDRSTRLEN] = "";
    struct in_addr in;
    struct in6_addr in6;

    if (text.size == 0 || text.size >= sizeof(terminated))
        return false;
    memcpy(terminated, text.data, text.size);
    /* A NUL inside would hide what follows it. */
    if (strlen(terminated) != text.size)
        return false;
    if (inet_pton(AF_INET, terminated, &in) == 1) {
        *address = from_ipv4(&in);
        return true;
    }
    if (inet_pton(AF_INET6, terminated, &in6) != 1)
        return false;
    *address = from_ipv6(in6.s6_addr);
    return true;
}

struct ip_address ip_address_of(const struct socket_address *socket)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (socket->storage.ss_family == AF_INET) {
        memcpy(&in, &socket->storage, sizeof(in));
        return from_ipv4(&in.sin_addr);
    }
    if (socket->storage.ss_family == AF_INET6) {
        memcpy(&in6, &socket->storage, sizeof(in6));
        return from_ipv6(in6.sin6_addr.s6_addr);
    }
    return (struct ip_address){.family = IP_FAMILY_NONE};
}

struct socket_address socket_address_of(const struct ip_address *address, uint16_t port)
{
    struct socket_address socket = {.size = 0};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (address->family == IP_FAMILY_4) {
        memcpy(&in.sin_addr, address->bytes, sizeof(in.sin_addr));
        memcpy(&socket.storage, &in, sizeof(in));
        socket.size = sizeof(in);
    } else if (address->family == IP_FAMILY_6) {
        memcpy(&in6.sin6_addr, address->bytes, sizeof(in6.sin6_addr));
        memcpy(&socket.storage, &in6, sizeof(in6));
        socket.size = sizeof(in6);
    }
    return socket;
}

/* Families apart, then as numbers. */
static int compare(const struct ip_address *a, const struct ip_address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, IP_ADDRESS_BYTES);
}

bool ip_address_equals(const struct ip_address *a, const struct ip_address *b)
{
    return compare(a, b) == 0;
}

static unsigned family_bits(enum ip_family family)
{
    return (family == IP_FAMILY_4 ? IPV4_BYTES : IP_ADDRESS_BYTES) * BITS_IN_BYTE;
}

/* The bits of byte `index` that lie behind the first `bits` of the address. */
static unsigned char host_mask(size_t index, unsigned bits)
{
    size_t before = index * BITS_IN_BYTE;

    if (bits <= before)
        return 0xff;
    if (bits >= before + BITS_IN_BYTE)
        return 0;
    return (unsigned char)(0xffu >> (bits - before));
}

struct ip_address ip_address_network(const struct ip_address *address, unsigned bits)
{
    struct ip_address network = *address;

    for (size_t i = 0; i < IP_ADDRESS_BYTES; i++)
        network.bytes[i] &= (unsigned char)~host_mask(i, bits);
    return network;
}

/* The network's last address. */
static struct ip_address last_of(const struct ip_address *network, unsigned bits)
{
    struct ip_address last = *network;

    for (size_t i = 0; i < family_bits(network->family) / BITS_IN_BYTE; i++)
        last.bytes[i] |= host_mask(i, bits);
    return last;
}

void ip_address_format(const struct ip_address *address, char text[IP_ADDRESS_TEXT_SIZE])
{
    if (address->family == IP_FAMILY_NONE)
        snprintf(text, IP_ADDRESS_TEXT_SIZE, "unknown");
    else
        inet_ntop(address->family == IP_FAMILY_4 ? AF_INET : AF_INET6, address->bytes, text,
                  IP_ADDRESS_TEXT_SIZE);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* How many bits of ADDRESS in "ADDRESS/BITS" name the network; a mapped IPv4 address is counted as
 * the IPv6 address that it is written as. */
static bool parse_bits(struct slice text, struct slice host, enum ip_family family, unsigned *bits)
{
    unsigned all = family_bits(family);
    bool is_mapped = family == IP_FAMILY_4 && slice_find(host, ':') < host.size;
    uint64_t offset = is_mapped ? sizeof(mapped_prefix) * BITS_IN_BYTE : 0;
    uint64_t value = 0;

    if (text.size == 0 || text.size > 3 || (text.size > 1 && text.data[0] == '0') ||
        !slice_parse_u64(text, &value) || value < offset || value - offset > all)
        return false;
    *bits = (unsigned)(value - offset);
    return true;
}

bool ip_range_parse(struct slice text, struct ip_range *range, struct error *error)
{
    struct slice shown = slice_first(text, RANGE_SHOWN_BYTES);
    struct slice host = slice_first(text, slice_find(text, '/'));
    char network_text[IP_ADDRESS_TEXT_SIZE];
    struct ip_address address;
    struct ip_address network;
    unsigned bits = 0;

    if (!ip_address_parse(host, &address)) {
        error_set(error, ERROR_SYNTAX,
                  "'%.*s' is not an address like '192.0.2.1' or '2001:db8::1', nor a network like "
                  "'10.0.0.0/8'",
                  SLICE_FORMAT(shown));
        return false;
    }
    if (host.size == text.size) {
        *range = (struct ip_range){address, address};
        return true;
    }
    if (!parse_bits(slice_after(text, host.size + 1), host, address.family, &bits)) {
        error_set(error, ERROR_SYNTAX, "'%.*s' must have a number from 0 to %u behind the '/'",
                  SLICE_FORMAT(shown), family_bits(address.family));
        return false;
    }
    network = ip_address_network(&address, bits);
    if (!ip_address_equals(&network, &address)) {
        ip_address_format(&network, network_text);
        error_set(error, ERROR_VALUE, "'%.*s' has bits behind its prefix; write '%s/%u'",
                  SLICE_FORMAT(shown), network_text, bits);
        return false;
    }
    *range = (struct ip_range){network, last_of(&network, bits)};
    return true;
}

/* ---- sets ------------------------------------------------------------------------------------ */

static int compare_starts(const void *a, const void *b)
{
    const struct ip_range *left = a;
    const struct ip_range *right = b;

    return compare(&left->first, &right->first);
}

/* Ranges that overlap become one; they are in order. */
static size_t merge(struct ip_range *ranges, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct ip_range *last = kept == 0 ? NULL : &ranges[kept - 1];

        if (last == NULL || compare(&ranges[i].first, &last->last) > 0)
            ranges[kept++] = ranges[i];
        else if (compare(&ranges[i].last, &last->last) > 0)
            last->last = ranges[i].last;
    }
    return kept;
}

struct address_set *address_set_create(const struct ip_range *ranges, size_t count)
{
    struct address_set *set = memory_allocate(sizeof(*set) + count * sizeof(set->ranges[0]));

    if (count == 0)
        return set;
    memcpy(set->ranges, ranges, count * sizeof(set->ranges[0]));
    qsort(set->ranges, count, sizeof(set->ranges[0]), compare_starts);
    set->count = merge(set->ranges, count);
    return set;
}

struct address_set *address_set_parse(const char *const *texts, struct error *error)
{
    struct address_set *set = NULL;
    struct ip_range *ranges;
    size_t count = 0;

    while (texts != NULL && texts[count] != NULL)
        count++;
    ranges = memory_allocate_array(count, sizeof(*ranges));
    for (size_t i = 0; i < count; i++) {
        if (!ip_range_parse(slice_from_text(texts[i]), &ranges[i], error))
            goto cleanup;
    }
    set = address_set_create(ranges, count);

cleanup:
    memory_release(ranges);
    return set;
}

void address_set_destroy(struct address_set *set)
{
    memory_release(set);
}

bool address_set_has(const struct address_set *set, const struct ip_address *address)
{
    size_t low = 0;
    size_t high = set == NULL ? 0 : set->count;

    if (address->family == IP_FAMILY_NONE)
        return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&set->ranges[middle].first, address) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && compare(address, &set->ranges[low - 1].last) <= 0;
}

bool address_set_is_empty(const struct address_set *set)
{
    return set == NULL || set->count == 0;
}
