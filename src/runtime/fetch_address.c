/* SPDX-License-Identifier: Apache-2.0
 *
 * The ranges are those of the registries for special purposes (RFC 6890 and its updates). Of IPv6
 * only 2000::/3 is given out for global use, so that all else is refused as a whole. Ranges that
 * carry an IPv4 address in disguise (6to4, Teredo, NAT64) are refused too: what they lead to is
 * not in the address's own family to be seen. One address looks public and is not: in Azure's
 * networks the host of a virtual machine answers at it, and hands out what configures the machine.
 */
#include "runtime/fetch_address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <unistd.h>

struct special_range {
    struct ip_range range;
    const char *meaning;
};

/* clang-format off */
#define V4(a, b, c, d) {IP_FAMILY_4, {a, b, c, d}}
#define V6_HALF(a, b, c, d) (a) >> 8, (a) & 255, (b) >> 8, (b) & 255, \
                            (c) >> 8, (c) & 255, (d) >> 8, (d) & 255
#define V6(a, b, c, d) {IP_FAMILY_6, {V6_HALF(a, b, c, d)}}
#define V6_END(a, b, c, d) {IP_FAMILY_6, {V6_HALF(a, b, c, d), 255, 255, 255, 255, \
                                          255, 255, 255, 255}}

/* The first that holds the address names it. */
static const struct special_range special_ranges[] = {
    {{V4(0, 0, 0, 0),       V4(0, 255, 255, 255)},     "an unspecified address"},
    {{V4(10, 0, 0, 0),      V4(10, 255, 255, 255)},    "a private address"},
    {{V4(100, 64, 0, 0),    V4(100, 127, 255, 255)},   "an address behind a carrier's NAT"},
    {{V4(127, 0, 0, 0),     V4(127, 255, 255, 255)},   "a loopback address"},
    {{V4(168, 63, 129, 16), V4(168, 63, 129, 16)},     "an address of Azure's hosts"},
    {{V4(169, 254, 0, 0),   V4(169, 254, 255, 255)},   "a link-local address"},
    {{V4(172, 16, 0, 0),    V4(172, 31, 255, 255)},    "a private address"},
    {{V4(192, 0, 0, 0),     V4(192, 0, 0, 255)},       "a special-purpose address"},
    {{V4(192, 0, 2, 0),     V4(192, 0, 2, 255)},       "an address for documentation"},
    {{V4(192, 88, 99, 0),   V4(192, 88, 99, 255)},     "a 6to4 address"},
    {{V4(192, 168, 0, 0),   V4(192, 168, 255, 255)},   "a private address"},
    {{V4(198, 18, 0, 0),    V4(198, 19, 255, 255)},    "an address for benchmarks"},
    {{V4(198, 51, 100, 0),  V4(198, 51, 100, 255)},    "an address for documentation"},
    {{V4(203, 0, 113, 0),   V4(203, 0, 113, 255)},     "an address for documentation"},
    {{V4(224, 0, 0, 0),     V4(239, 255, 255, 255)},   "a multicast address"},
    {{V4(240, 0, 0, 0),     V4(255, 255, 255, 255)},   "a reserved address"},

    {{{IP_FAMILY_6, {0}},   {IP_FAMILY_6, {0}}},       "an unspecified address"},
    {{{IP_FAMILY_6, {[15] = 1}}, {IP_FAMILY_6, {[15] = 1}}}, "a loopback address"},
    {{V6(0x64, 0xff9b, 0, 0), V6_END(0x64, 0xff9b, 0xffff, 0xffff)},
     "a NAT64 address"},
    {{V6(0xfc00, 0, 0, 0), V6_END(0xfdff, 0xffff, 0xffff, 0xffff)},
     "a private address"},
    {{V6(0xfe80, 0, 0, 0), V6_END(0xfebf, 0xffff, 0xffff, 0xffff)},
     "a link-local address"},
    {{V6(0xff00, 0, 0, 0), V6_END(0xffff, 0xffff, 0xffff, 0xffff)},
     "a multicast address"},
    {{V6(0x2001, 0, 0, 0), V6_END(0x2001, 0, 0xffff, 0xffff)},
     "a Teredo address"},
    {{V6(0x2001, 0, 0, 0), V6_END(0x2001, 0x01ff, 0xffff, 0xffff)},
     "a special-purpose address"},
    {{V6(0x2001, 0xdb8, 0, 0), V6_END(0x2001, 0xdb8, 0xffff, 0xffff)},
     "an address for documentation"},
    {{V6(0x2002, 0, 0, 0), V6_END(0x2002, 0xffff, 0xffff, 0xffff)},
     "a 6to4 address"},
    {{V6(0x3fff, 0, 0, 0), V6_END(0x3fff, 0x0fff, 0xffff, 0xffff)},
     "an address for documentation"},
    {{V6(0, 0, 0, 0), V6_END(0x1fff, 0xffff, 0xffff, 0xffff)},
     "a reserved address"},
    {{V6(0x4000, 0, 0, 0), V6_END(0xffff, 0xffff, 0xffff, 0xffff)},
     "a reserved address"},
};
/* clang-format on */

static bool holds(const struct ip_range *range, const struct ip_address *address)
{
    return range->first.family == address->family &&
           memcmp(range->first.bytes, address->bytes, IP_ADDRESS_BYTES) <= 0 &&
           memcmp(address->bytes, range->last.bytes, IP_ADDRESS_BYTES) <= 0;
}

static const char *special_meaning(const struct ip_address *address)
{
    for (size_t i = 0; i < sizeof(special_ranges) / sizeof(special_ranges[0]); i++) {
        if (holds(&special_ranges[i].range, address))
            return special_ranges[i].meaning;
    }
    return NULL;
}

/* The kernel answers from the address itself when that belongs to this machine. A datagram socket
 * asks without sending anything. */
static bool is_of_this_machine(const struct socket_address *address)
{
    struct socket_address local;
    struct ip_address here;
    struct ip_address there = ip_address_of(address);
    int fd = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_ours = false;

    if (fd < 0)
        return true; /* Nobody can say. */
    if (connect(fd, (const struct sockaddr *)&address->storage, address->size) == 0 &&
        socket_local_address(fd, &local)) {
        here = ip_address_of(&local);
        is_ours = ip_address_equals(&here, &there);
    }
    close(fd);
    return is_ours;
}

static bool is_own_port(const struct fetch_address_settings *settings, uint16_t port)
{
    for (size_t i = 0; i < settings->own_port_count; i++) {
        if (settings->own_ports[i] == port)
            return true;
    }
    return false;
}

const char *fetch_address_refusal(const struct fetch_address_settings *settings,
                                  const struct socket_address *address)
{
    struct ip_address there = ip_address_of(address);

    if (there.family == IP_FAMILY_NONE)
        return "no address of the Internet";
    if (address_set_has(settings->allowed, &there))
        return NULL;
    if (is_own_port(settings, socket_address_port(address)) && is_of_this_machine(address))
        return "the gateway itself";
    return special_meaning(&there);
}
