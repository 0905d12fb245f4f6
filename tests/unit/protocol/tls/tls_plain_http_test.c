/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "protocol/tls/tls_plain_http_internal.h"

TEST(knows_a_method_and_its_beginnings)
{
    static const struct {
        const char *bytes;
        enum tls_plain_http expected;
    } rows[] = {
        {"GET / HTTP/1.1", TLS_PLAIN_HTTP_YES}, {"GET ", TLS_PLAIN_HTTP_YES},
        {"DELETE /x", TLS_PLAIN_HTTP_YES},      {"PATCH /", TLS_PLAIN_HTTP_YES},
        {"PRI * HTTP/2.0", TLS_PLAIN_HTTP_YES}, {"CONNECT a:1", TLS_PLAIN_HTTP_YES},
        {"G", TLS_PLAIN_HTTP_PERHAPS},          {"P", TLS_PLAIN_HTTP_PERHAPS},
        {"OPTIONS", TLS_PLAIN_HTTP_PERHAPS},    {"", TLS_PLAIN_HTTP_PERHAPS},
        {"get / HTTP/1.1", TLS_PLAIN_HTTP_NO},  {"GETS", TLS_PLAIN_HTTP_NO},
        {" GET /", TLS_PLAIN_HTTP_NO},          {"EHLO me", TLS_PLAIN_HTTP_NO},
        {"\x16\x03\x01", TLS_PLAIN_HTTP_NO},    {"GET\t/", TLS_PLAIN_HTTP_NO},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(tls_plain_http_detect(slice_from_text(rows[i].bytes)), rows[i].expected);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(knows_a_method_and_its_beginnings));
}
