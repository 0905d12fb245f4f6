/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/fetch_address.h"

static struct socket_address address_of(const char *text)
{
    struct socket_address address;
    struct error error = {0};

    assert_true(socket_address_parse(slice_from_text(text), &address, &error));
    return address;
}

static const char *refusal_of(const char *text)
{
    struct fetch_address_settings settings = {.allowed = NULL};
    struct socket_address address = address_of(text);

    return fetch_address_refusal(&settings, &address);
}

/* Row 104 of the list of attacks: a certificate that names an address of ours. */
TEST(refuses_what_is_not_of_the_public_internet)
{
    static const struct {
        const char *address;
        const char *refusal;
    } cases[] = {
        {"0.0.0.0:80", "an unspecified address"},
        {"0.1.2.3:80", "an unspecified address"},
        {"10.0.0.1:80", "a private address"},
        {"100.64.0.1:80", "an address behind a carrier's NAT"},
        {"127.0.0.1:80", "a loopback address"},
        {"127.255.255.254:80", "a loopback address"},
        {"168.63.129.16:32526", "an address of Azure's hosts"},
        {"169.254.169.254:80", "a link-local address"},
        {"172.16.0.1:80", "a private address"},
        {"172.31.255.255:80", "a private address"},
        {"192.0.0.170:80", "a special-purpose address"},
        {"192.88.99.1:80", "a 6to4 address"},
        {"192.168.1.1:80", "a private address"},
        {"198.19.0.1:80", "an address for benchmarks"},
        {"203.0.113.9:80", "an address for documentation"},
        {"224.0.0.1:80", "a multicast address"},
        {"255.255.255.255:80", "a reserved address"},
        {"[::]:80", "an unspecified address"},
        {"[::1]:80", "a loopback address"},
        {"[::2]:80", "a reserved address"},
        {"[::ffff:127.0.0.1]:80", "a loopback address"},
        {"[::ffff:10.1.2.3]:80", "a private address"},
        {"[::127.0.0.1]:80", "a reserved address"},
        {"[64:ff9b::7f00:1]:80", "a NAT64 address"},
        {"[64:ff9b:1::1]:80", "a NAT64 address"},
        {"[2001::1]:80", "a Teredo address"},
        {"[2001:db8::1]:80", "an address for documentation"},
        {"[2002:7f00:1::]:80", "a 6to4 address"},
        {"[fc00::1]:80", "a private address"},
        {"[fdff::1]:80", "a private address"},
        {"[fe80::1]:80", "a link-local address"},
        {"[fec0::1]:80", "a reserved address"},
        {"[ff02::1]:80", "a multicast address"},
        {"[5f00::1]:80", "a reserved address"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *refusal = refusal_of(cases[i].address);

        if (refusal == NULL)
            print_error("%s was let through\n", cases[i].address);
        assert_non_null(refusal);
        assert_string_equal(refusal, cases[i].refusal);
    }
}

TEST(lets_public_addresses_through)
{
    static const char *const addresses[] = {
        "1.1.1.1:80",        "9.255.255.255:80",  "11.0.0.0:80",      "100.63.255.255:80",
        "100.128.0.0:80",    "172.15.0.1:80",     "172.32.0.1:80",    "192.0.1.1:80",
        "223.255.255.1:443", "[2606:4700::1]:80", "[2001:200::1]:80", "[::ffff:8.8.8.8]:80",
    };

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++)
        assert_null(refusal_of(addresses[i]));
}

TEST(lets_through_what_the_operator_allowed)
{
    struct ip_range range;
    struct error error = {0};
    struct fetch_address_settings settings = {0};
    struct socket_address inside = address_of("127.0.0.1:80");
    struct socket_address mapped = address_of("[::ffff:127.0.0.1]:80");
    struct socket_address outside = address_of("10.0.0.1:80");
    struct address_set *allowed;

    assert_true(ip_range_parse(SLICE("127.0.0.0/8"), &range, &error));
    allowed = address_set_create(&range, 1);
    settings.allowed = allowed;
    assert_null(fetch_address_refusal(&settings, &inside));
    assert_null(fetch_address_refusal(&settings, &mapped));
    assert_non_null(fetch_address_refusal(&settings, &outside));
    address_set_destroy(allowed);
}

TEST(refuses_the_gateway_itself)
{
    static const uint16_t ports[] = {8443, 9443};
    struct fetch_address_settings settings = {.own_ports = ports, .own_port_count = 2};
    struct socket_address own = address_of("127.0.0.1:9443");
    struct socket_address other = address_of("127.0.0.1:80");

    assert_string_equal(fetch_address_refusal(&settings, &own), "the gateway itself");
    assert_string_equal(fetch_address_refusal(&settings, &other), "a loopback address");
}

TEST(refuses_a_family_that_is_no_address)
{
    struct fetch_address_settings settings = {0};
    struct socket_address address = {.size = sizeof(sa_family_t)};

    address.storage.ss_family = AF_UNIX;
    assert_non_null(fetch_address_refusal(&settings, &address));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(refuses_what_is_not_of_the_public_internet),
                     cmocka_unit_test(lets_public_addresses_through),
                     cmocka_unit_test(lets_through_what_the_operator_allowed),
                     cmocka_unit_test(refuses_the_gateway_itself),
                     cmocka_unit_test(refuses_a_family_that_is_no_address));
}
