/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>

#include "protocol/http/http_forwarded_for.h"
#include "runtime/memory.h"

/* ---- one address ---- */

TEST(addresses_come_with_and_without_ports_and_brackets)
{
    static const struct {
        const char *text;
        const char *address;
        uint16_t port;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", 0},
        {"192.0.2.1:4711", "192.0.2.1", 4711},
        {"192.0.2.1:0", "192.0.2.1", 0},
        {"192.0.2.1:65535", "192.0.2.1", 65535},
        {"2001:db8::1", "2001:db8::1", 0},
        {"[2001:db8::1]", "2001:db8::1", 0},
        {"[2001:db8::1]:443", "2001:db8::1", 443},
        {"2001:DB8::0001", "2001:db8::1", 0},
        {"::ffff:192.0.2.1", "192.0.2.1", 0},
        {"[::ffff:192.0.2.1]:80", "192.0.2.1", 80},
        {"2001:db8::1:80", "2001:db8::1:80", 0}, /* no port: an address of its own */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ip_address address;
        uint16_t port = 1;
        char text[IP_ADDRESS_TEXT_SIZE];

        assert_true(http_forwarded_address_parse(slice_from_text(rows[i].text), &address, &port));
        ip_address_format(&address, text);
        assert_string_equal(text, rows[i].address);
        assert_int_equal(port, rows[i].port);
    }
}

TEST(what_is_no_address_is_malformed)
{
    static const char *const texts[] = {
        "",
        "unknown",
        "_hidden",
        "example.com",
        "localhost:80",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:-1",
        "192.0.2.1:+1",
        "192.0.2.1:000080",
        "192.0.2.1:80:80",
        "192.0.2.1 :80",
        "192.0.2.1/32",
        "192.0.2.1 192.0.2.2",
        "192.0.2.1;for=192.0.2.2",
        "[192.0.2.1]",
        "[192.0.2.1]:80",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]80",
        "[2001:db8::1]:",
        "[2001:db8::1]:x",
        "[[2001:db8::1]]",
        "[]",
        "[]:80",
        "[fe80::1%eth0]",
        "fe80::1%eth0",
        "fe80::1%25eth0",
        "\"192.0.2.1\"",
        "for=192.0.2.1",
        "0300.0.2.1",
        "192.0.2",
        "3221225985",
        "0xc0000201",
        "192.0.2.1\x01",
        "\xd9\xa1\xd9\xa9\xd9\xa2.0.2.1",
    };
    struct ip_address address = {.family = IP_FAMILY_NONE};
    uint16_t port = 7;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (http_forwarded_address_parse(slice_from_text(texts[i]), &address, &port))
            fail_msg("'%s' was taken for an address", texts[i]);
    }
    assert_false(http_forwarded_address_parse(SLICE("192.0.2.1\0"), &address, &port));
    assert_int_equal(address.family, IP_FAMILY_NONE);
    assert_int_equal(port, 7);
}

/* ---- lists ---- */

static struct address_set *trusted;

static int make_trusted(void **state)
{
    struct ip_range ranges[2];

    (void)state;
    assert_true(ip_range_parse(SLICE("10.0.0.0/8"), &ranges[0], NULL));
    assert_true(ip_range_parse(SLICE("2001:db8:aaaa::/48"), &ranges[1], NULL));
    trusted = address_set_create(ranges, 2);
    return 0;
}

static int drop_trusted(void **state)
{
    (void)state;
    address_set_destroy(trusted);
    return 0;
}

/* "malformed", "nobody", or the list that goes on to a backend behind the peer 10.9.9.9. */
static const char *continued(const struct http_fields *fields, uint16_t *port)
{
    static char text[HTTP_FORWARDED_TEXT_MAX];
    struct http_forwarded_for forwarded;
    struct ip_address peer;

    assert_true(ip_address_parse(SLICE("10.9.9.9"), &peer));
    switch (http_forwarded_for_read(fields, trusted, &forwarded)) {
    case HTTP_FORWARDED_MALFORMED:
        return "malformed";
    case HTTP_FORWARDED_NOBODY:
        return "nobody";
    case HTTP_FORWARDED_CLIENT:
        break;
    }
    http_forwarded_for_format(&forwarded, &peer, text);
    *port = forwarded.client_port;
    return text;
}

static const char *continued_value(struct slice value)
{
    struct http_field field = {SLICE("X-Forwarded-For"), value};
    struct http_fields fields = {&field, 1};
    uint16_t port;

    return continued(&fields, &port);
}

TEST(the_client_is_the_right_most_address_that_is_not_trusted)
{
    static const struct {
        const char *value;
        const char *continued;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1, 10.9.9.9"},
        {"192.0.2.1:4711", "192.0.2.1, 10.9.9.9"},
        {"192.0.2.1, 10.0.0.1", "192.0.2.1, 10.0.0.1, 10.9.9.9"},
        {"192.0.2.1,10.0.0.1,10.0.0.2:80", "192.0.2.1, 10.0.0.1, 10.0.0.2, 10.9.9.9"},
        {"192.0.2.1, [2001:db8:aaaa::1]:80", "192.0.2.1, 2001:db8:aaaa::1, 10.9.9.9"},
        {"2001:db8::1", "2001:db8::1, 10.9.9.9"},
        /* What a client wrote stays behind: names, trusted addresses, rubbish. */
        {"1.1.1.1, 192.0.2.1", "192.0.2.1, 10.9.9.9"},
        {"10.0.0.1, 192.0.2.1", "192.0.2.1, 10.9.9.9"},
        {"10.0.0.1, 192.0.2.1, 10.0.0.2", "192.0.2.1, 10.0.0.2, 10.9.9.9"},
        {"unknown, 192.0.2.1", "192.0.2.1, 10.9.9.9"},
        {"<script>, \"a, b\", 192.0.2.1", "192.0.2.1, 10.9.9.9"},
        /* A trusted address in another form is trusted, and an untrusted one is not. */
        {"192.0.2.1, ::ffff:10.0.0.1", "192.0.2.1, 10.0.0.1, 10.9.9.9"},
        {"192.0.2.1, ::10.0.0.1", "::10.0.0.1, 10.9.9.9"},
        /* All are trusted: the first made the request. */
        {"10.0.0.1", "10.0.0.1, 10.9.9.9"},
        {"10.0.0.1, 10.0.0.2", "10.0.0.1, 10.0.0.2, 10.9.9.9"},
        /* RFC 9110 section 5.6.1.2. */
        {", , 192.0.2.1 ,\t, 10.0.0.1,", "192.0.2.1, 10.0.0.1, 10.9.9.9"},
        {"", "nobody"},
        {" , ,", "nobody"},
        {",", "nobody"},
        {"unknown", "malformed"},
        {"192.0.2.1, unknown", "malformed"},
        {"192.0.2.1, unknown, 10.0.0.1", "malformed"},
        {"192.0.2.1, fe80::1%eth0", "malformed"},
        {"192.0.2.1, 10.0.0.1:99999", "malformed"},
        {"192.0.2.1 10.0.0.1", "malformed"},
        {"192.0.2.1; 10.0.0.1", "malformed"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(continued_value(slice_from_text(rows[i].value)), rows[i].continued);
}

TEST(several_fields_are_one_list_and_others_do_not_count)
{
    struct http_field items[] = {
        {SLICE("x-forwarded-for"), SLICE("1.1.1.1")},
        {SLICE("Forwarded"), SLICE("for=2.2.2.2")},
        {SLICE("X-FORWARDED-FOR"), SLICE("192.0.2.1:4711")},
        {SLICE("X_Forwarded_For"), SLICE("3.3.3.3")},
        {SLICE("X-Forwarded-For"), SLICE("10.0.0.1")},
        {SLICE("X-Forwarded-For"), SLICE("")},
        {SLICE("X-Forwarded-For-Original"), SLICE("4.4.4.4")},
    };
    struct http_fields fields = {items, sizeof(items) / sizeof(items[0])};
    uint16_t port = 0;

    assert_string_equal(continued(&fields, &port), "192.0.2.1, 10.0.0.1, 10.9.9.9");
    assert_int_equal(port, 4711);
    fields.count = 0;
    assert_string_equal(continued(&fields, &port), "nobody");
}

static char *repeat(const char *element, size_t count, const char *last)
{
    size_t size = strlen(element);
    char *text = memory_allocate(size * count + strlen(last) + 1);

    for (size_t i = 0; i < count; i++)
        memcpy(text + i * size, element, size);
    memcpy(text + size * count, last, strlen(last));
    return text;
}

TEST(ten_thousand_entries_of_a_client_change_nothing)
{
    char *trusted_ones = repeat("10.0.0.1,", 10000, "192.0.2.1");
    char *commas = repeat(",", 10000, "192.0.2.1");
    char *rubbish = repeat("x,", 10000, "192.0.2.1");

    assert_string_equal(continued_value(slice_from_text(trusted_ones)), "192.0.2.1, 10.9.9.9");
    assert_string_equal(continued_value(slice_from_text(commas)), "192.0.2.1, 10.9.9.9");
    assert_string_equal(continued_value(slice_from_text(rubbish)), "192.0.2.1, 10.9.9.9");
    memory_release(trusted_ones);
    memory_release(commas);
    memory_release(rubbish);
}

TEST(there_is_an_end_to_trusted_hops)
{
    char *as_many_as_may_be =
        repeat("2001:db8:aaaa:1111:1111:1111:1111:1111,", HTTP_FORWARDED_HOPS_MAX,
               "2001:db8:aaaa:1111:1111:1111:1111:1111");
    char *one_more = repeat("10.0.0.1,", HTTP_FORWARDED_HOPS_MAX + 1, "10.0.0.1");
    char *many = repeat("10.0.0.1,", 10000, "10.0.0.1");

    assert_true(strlen(continued_value(slice_from_text(as_many_as_may_be))) > 1000);
    assert_string_equal(continued_value(slice_from_text(one_more)), "malformed");
    assert_string_equal(continued_value(slice_from_text(many)), "malformed");
    memory_release(as_many_as_may_be);
    memory_release(one_more);
    memory_release(many);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_with_and_without_ports_and_brackets),
        cmocka_unit_test(what_is_no_address_is_malformed),
        cmocka_unit_test(the_client_is_the_right_most_address_that_is_not_trusted),
        cmocka_unit_test(several_fields_are_one_list_and_others_do_not_count),
        cmocka_unit_test(ten_thousand_entries_of_a_client_change_nothing),
        cmocka_unit_test(there_is_an_end_to_trusted_hops),
    };

    return cmocka_run_group_tests(tests, make_trusted, drop_trusted);
}
