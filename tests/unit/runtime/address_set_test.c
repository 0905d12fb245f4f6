/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "runtime/address_set.h"

static struct ip_address address_of(const char *text)
{
    struct ip_address address = {.family = IP_FAMILY_NONE};

    assert_true(ip_address_parse(slice_from_text(text), &address));
    return address;
}

static struct ip_range range_of(const char *text)
{
    struct ip_range range;
    struct error error = {0};

    if (!ip_range_parse(slice_from_text(text), &range, &error))
        fail_msg("%s", error.text);
    return range;
}

static struct address_set *set_of(const char *const *ranges)
{
    struct ip_range parsed[16];
    size_t count = 0;

    for (; ranges[count] != NULL; count++)
        parsed[count] = range_of(ranges[count]);
    return address_set_create(parsed, count);
}

static void assert_formatted(const char *text, const char *expected)
{
    struct ip_address address = address_of(text);
    char formatted[IP_ADDRESS_TEXT_SIZE];

    ip_address_format(&address, formatted);
    assert_string_equal(formatted, expected);
}

TEST(addresses_are_written_in_one_form)
{
    assert_formatted("192.0.2.1", "192.0.2.1");
    assert_formatted("255.255.255.255", "255.255.255.255");
    assert_formatted("2001:DB8:0:0::1", "2001:db8::1");
    assert_formatted("::", "::");
    assert_formatted("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

TEST(an_ipv4_address_inside_ipv6_is_the_ipv4_address)
{
    struct ip_address plain = address_of("192.0.2.1");
    struct ip_address mapped = address_of("::ffff:192.0.2.1");
    struct ip_address hexadecimal = address_of("::ffff:c000:201");
    /* Compatible (deprecated) and translated addresses are not: nobody routes by them. */
    struct ip_address compatible = address_of("::192.0.2.1");

    assert_true(ip_address_equals(&plain, &mapped));
    assert_true(ip_address_equals(&plain, &hexadecimal));
    assert_false(ip_address_equals(&plain, &compatible));
}

TEST(what_is_not_an_address_is_refused)
{
    static const char *const texts[] = {
        "",
        " ",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "0x7f.0.0.1",
        "2130706433",
        "127.1",
        "192.0.2.1:80",
        "192.0.2.1 ",
        " 192.0.2.1",
        "[::1]",
        "::1%eth0",
        "fe80::1%25",
        ":::",
        "1::2::3",
        "12345::",
        "g::",
        "localhost",
        "-",
        "192.0.2.1/32",
        "::ffff:1.2.3",
        "1.2.3.4.5",
        "::1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26",
    };
    struct ip_address address;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (ip_address_parse(slice_from_text(texts[i]), &address))
            fail_msg("'%s' was taken for an address", texts[i]);
    }
    assert_false(ip_address_parse(SLICE("192.0.2.1\0.example"), &address));
}

TEST(a_socket_without_an_address_has_one_of_no_family)
{
    struct socket_address socket = {.size = 0};
    struct ip_address address = ip_address_of(&socket);
    struct ip_range everything[] = {range_of("0.0.0.0/0"), range_of("::/0")};
    struct address_set *set = address_set_create(everything, 2);
    char text[IP_ADDRESS_TEXT_SIZE];

    assert_int_equal(address.family, IP_FAMILY_NONE);
    assert_false(address_set_has(set, &address));
    ip_address_format(&address, text);
    assert_string_equal(text, "unknown");
    address_set_destroy(set);
}

TEST(a_socket_gives_its_address)
{
    struct socket_address socket;
    struct ip_address expected = address_of("2001:db8::5");
    struct ip_address actual;

    assert_true(socket_address_parse(SLICE("[2001:db8::5]:443"), &socket, NULL));
    actual = ip_address_of(&socket);
    assert_true(ip_address_equals(&actual, &expected));
    assert_true(socket_address_parse(SLICE("192.0.2.7:443"), &socket, NULL));
    actual = ip_address_of(&socket);
    expected = address_of("::ffff:192.0.2.7");
    assert_true(ip_address_equals(&actual, &expected));
}

TEST(the_network_of_an_address_is_its_first_bits)
{
    static const struct {
        const char *address;
        unsigned bits;
        const char *network;
    } rows[] = {
        {"2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"},
        {"2001:db8:1:2:3:4:5:6", 61, "2001:db8:1::"},
        {"2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6"},
        {"2001:db8:1:2:3:4:5:6", 0, "::"},
        {"192.0.2.255", 32, "192.0.2.255"},
        {"192.0.2.255", 25, "192.0.2.128"},
        {"192.0.2.255", 0, "0.0.0.0"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip_address address = address_of(rows[i].address);
        struct ip_address network = ip_address_network(&address, rows[i].bits);
        struct ip_address expected = address_of(rows[i].network);

        assert_true(ip_address_equals(&network, &expected));
    }
}

TEST(ranges_that_are_wrong_say_what_is_wrong)
{
    static const struct {
        const char *text;
        const char *error;
    } rows[] = {
        {"10.0.0.0/33", "must have a number from 0 to 32 behind the '/'"},
        {"10.0.0.0/", "must have a number from 0 to 32"},
        {"10.0.0.0/08", "must have a number from 0 to 32"},
        {"10.0.0.0/+8", "must have a number from 0 to 32"},
        {"10.0.0.0/8/8", "must have a number from 0 to 32"},
        {"10.0.0.0/255.0.0.0", "must have a number from 0 to 32"},
        {"10.0.0.0/99999999999999999999", "must have a number from 0 to 32"},
        {"2001:db8::/129", "must have a number from 0 to 128"},
        {"::ffff:10.0.0.0/8", "must have a number"},
        {"10.1.2.3/8", "has bits behind its prefix; write '10.0.0.0/8'"},
        {"2001:db8::1/64", "has bits behind its prefix; write '2001:db8::/64'"},
        {"10.0.0.1/31", "write '10.0.0.0/31'"},
        {"", "'' is not an address"},
        {"/8", "'/8' is not an address"},
        {"example.com", "'example.com' is not an address"},
        {"[::1]/128", "is not an address"},
        {"10.0.0.0-10.0.0.9", "is not an address"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip_range range;
        struct error error = {0};

        if (ip_range_parse(slice_from_text(rows[i].text), &range, &error))
            fail_msg("'%s' was taken for a range", rows[i].text);
        if (strstr(error.text, rows[i].error) == NULL)
            fail_msg("'%s': %s", rows[i].text, error.text);
    }
}

TEST(a_range_holds_its_first_and_its_last_address)
{
    static const struct {
        const char *range;
        const char *address;
        bool has;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "a00::", false},
        {"::ffff:10.0.0.0/104", "10.1.2.3", true},
        {"::ffff:10.0.0.0/104", "11.1.2.3", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"192.0.2.0/31", "192.0.2.2", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "ffff::", true},
        {"::/0", "::ffff:10.0.0.1", false},
        {"::/0", "10.0.0.1", false},
        {"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip_range range = range_of(rows[i].range);
        struct address_set *set = address_set_create(&range, 1);
        struct ip_address address = address_of(rows[i].address);

        if (address_set_has(set, &address) != rows[i].has)
            fail_msg("%s in %s", rows[i].address, rows[i].range);
        address_set_destroy(set);
    }
}

TEST(overlapping_ranges_hold_what_each_holds)
{
    struct address_set *set =
        set_of((const char *const[]){"2001:db8::/32", "10.1.0.0/16", "10.0.0.0/8", "10.255.0.0/16",
                                     "192.0.2.1", "192.0.2.1", "2001:db8:5::/48", NULL});
    static const char *const inside[] = {"10.0.0.1",        "10.1.0.1",  "10.200.0.1",
                                         "10.255.255.255",  "192.0.2.1", "2001:db8:5::1",
                                         "2001:db8:ffff::1"};
    static const char *const outside[] = {"9.9.9.9",   "11.0.0.0", "192.0.2.0",
                                          "192.0.2.2", "::1",      "2001:db9::"};

    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        struct ip_address address = address_of(inside[i]);

        assert_true(address_set_has(set, &address));
    }
    for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        struct ip_address address = address_of(outside[i]);

        assert_false(address_set_has(set, &address));
    }
    address_set_destroy(set);
}

TEST(an_empty_set_and_none_hold_nothing)
{
    struct address_set *set = address_set_create(NULL, 0);
    struct ip_address address = address_of("192.0.2.1");

    assert_true(address_set_is_empty(set));
    assert_true(address_set_is_empty(NULL));
    assert_false(address_set_has(set, &address));
    assert_false(address_set_has(NULL, &address));
    address_set_destroy(set);
    address_set_destroy(NULL);
}

/* 8 bits of the address vary, so that networks and addresses meet often. */
TEST(a_random_set_answers_as_a_plain_list_of_its_networks_does)
{
    enum { ROUNDS = 300, NETWORKS_MAX = 12 };
    uint32_t seed = 4711;

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t count = random_below(&seed, NETWORKS_MAX);
        unsigned networks[NETWORKS_MAX];
        unsigned lengths[NETWORKS_MAX];
        struct ip_range ranges[NETWORKS_MAX];
        struct address_set *set;

        for (size_t i = 0; i < count; i++) {
            char text[64];

            lengths[i] = random_below(&seed, 9);
            networks[i] = random_below(&seed, 256) & (0xffu << (8 - lengths[i])) & 0xffu;
            snprintf(text, sizeof(text), "10.0.0.%u/%u", networks[i], 24 + lengths[i]);
            ranges[i] = range_of(text);
        }
        set = address_set_create(ranges, count);
        for (unsigned host = 0; host < 256; host++) {
            char text[64];
            struct ip_address address;
            bool expected = false;

            for (size_t i = 0; i < count; i++)
                expected =
                    expected || (host >> (8 - lengths[i])) == (networks[i] >> (8 - lengths[i]));
            snprintf(text, sizeof(text), "10.0.0.%u", host);
            address = address_of(text);
            assert_int_equal(address_set_has(set, &address), expected);
        }
        address_set_destroy(set);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(addresses_are_written_in_one_form),
                     cmocka_unit_test(an_ipv4_address_inside_ipv6_is_the_ipv4_address),
                     cmocka_unit_test(what_is_not_an_address_is_refused),
                     cmocka_unit_test(a_socket_without_an_address_has_one_of_no_family),
                     cmocka_unit_test(a_socket_gives_its_address),
                     cmocka_unit_test(the_network_of_an_address_is_its_first_bits),
                     cmocka_unit_test(ranges_that_are_wrong_say_what_is_wrong),
                     cmocka_unit_test(a_range_holds_its_first_and_its_last_address),
                     cmocka_unit_test(overlapping_ranges_hold_what_each_holds),
                     cmocka_unit_test(an_empty_set_and_none_hold_nothing),
                     cmocka_unit_test(a_random_set_answers_as_a_plain_list_of_its_networks_does));
}
