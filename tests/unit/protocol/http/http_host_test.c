/* SPDX-License-Identifier: Apache-2.0
 *
 * Authorities that fold to a host and a port, and those that are none.
 */
#include "support/test.h"

#include "protocol/http/http_host.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(a_host_is_folded_and_its_port_is_read)
{
    const struct {
        struct slice authority;
        const char *host;
        uint16_t port;
    } cases[] = {
        {SLICE("a"), "a", 0},
        {SLICE("Example.COM"), "example.com", 0},
        {SLICE("example.com."), "example.com", 0},
        {SLICE("example.com.:443"), "example.com", 443},
        {SLICE("example.com:"), "example.com", 0},
        {SLICE("example.com:0"), "example.com", 0},
        {SLICE("example.com:65535"), "example.com", 65535},
        {SLICE("example.com:00443"), "example.com", 443},
        {SLICE("my_service-1.Internal"), "my_service-1.internal", 0},
        {SLICE("xn--mnchen-3ya.de"), "xn--mnchen-3ya.de", 0},
        {SLICE("127.0.0.1:8443"), "127.0.0.1", 8443},
        {SLICE("[::1]"), "::1", 0},
        {SLICE("[::1]:8443"), "::1", 8443},
        {SLICE("[::1]:"), "::1", 0},
        {SLICE("[2001:DB8:0:0::1]"), "2001:db8::1", 0},
        {SLICE("[0:0:0:0:0:0:0:1]"), "::1", 0},
        {SLICE("[::FFFF:10.0.0.1]"), "::ffff:10.0.0.1", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char memory[HTTP_HOST_BYTES_MAX];
        struct slice host;
        uint16_t port;

        if (!http_host_parse(cases[i].authority, memory, &host, &port))
            fail_msg("refused: %.*s", SLICE_FORMAT(cases[i].authority));
        assert_true(slice_equals(host, slice_from_text(cases[i].host)));
        assert_int_equal(port, cases[i].port);
    }
}

TEST(what_is_no_host_is_refused)
{
    const struct slice cases[] = {
        SLICE(""),           SLICE("."),           SLICE(".a"),          SLICE("a..b"),
        SLICE("a.."),        SLICE(".."),          SLICE(":80"),         SLICE("a:b"),
        SLICE("a:80:80"),    SLICE("a:65536"),     SLICE("a:-1"),        SLICE("a:+1"),
        SLICE("a: 80"),      SLICE("a:80 "),       SLICE("a:000443"),    SLICE("a b"),
        SLICE(" a"),         SLICE("a\t"),         SLICE("a,b"),         SLICE("a/b"),
        SLICE("a\\b"),       SLICE("a?b"),         SLICE("a#b"),         SLICE("u@a"),
        SLICE("u:p@a"),      SLICE("%61"),         SLICE("a%00"),        SLICE("a\0"),
        SLICE("a\0.b"),      SLICE("\xc3\xbc"),    SLICE("a\x80"),       SLICE("*"),
        SLICE("*.a"),        SLICE("a;b"),         SLICE("a=b"),         SLICE("a'b"),
        SLICE("a\"b"),       SLICE("a<b>"),        SLICE("::1"),         SLICE("["),
        SLICE("[]"),         SLICE("[::1"),        SLICE("::1]"),        SLICE("[::1]a"),
        SLICE("[::1]80"),    SLICE("[::1]:x"),     SLICE("[::1]:65536"), SLICE("[::1%25eth0]"),
        SLICE("[::1%eth0]"), SLICE("[fe80::1%1]"), SLICE("[v1.a]"),      SLICE("[1.2.3.4]"),
        SLICE("[::1 ]"),     SLICE("[ ::1]"),      SLICE("[::1\0]"),     SLICE("[12345::]"),
        SLICE("[a]"),        SLICE("a[::1]"),      SLICE("[[::1]]"),     SLICE("[::1]."),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char memory[HTTP_HOST_BYTES_MAX];
        struct slice host = SLICE("untouched");
        uint16_t port = 7;

        if (http_host_parse(cases[i], memory, &host, &port))
            fail_msg("accepted: %.*s", SLICE_FORMAT(cases[i]));
        assert_true(slice_equals(host, SLICE("untouched")));
        assert_int_equal(port, 7);
    }
}

TEST(a_host_has_a_longest_length)
{
    char text[HTTP_HOST_BYTES_MAX + 2];
    char memory[HTTP_HOST_BYTES_MAX];
    struct slice host;
    uint16_t port;

    memset(text, 'a', sizeof(text));
    assert_true(http_host_parse(slice_from(text, HTTP_HOST_BYTES_MAX), memory, &host, &port));
    assert_int_equal(host.size, HTTP_HOST_BYTES_MAX);
    assert_false(http_host_parse(slice_from(text, HTTP_HOST_BYTES_MAX + 1), memory, &host, &port));
    text[HTTP_HOST_BYTES_MAX] = '.';
    assert_true(http_host_parse(slice_from(text, HTTP_HOST_BYTES_MAX + 1), memory, &host, &port));
    memset(text, '1', sizeof(text));
    text[0] = '[';
    text[sizeof(text) - 1] = ']';
    assert_false(http_host_parse(slice_from(text, sizeof(text)), memory, &host, &port));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_host_is_folded_and_its_port_is_read),
                     cmocka_unit_test(what_is_no_host_is_refused),
                     cmocka_unit_test(a_host_has_a_longest_length));
}
