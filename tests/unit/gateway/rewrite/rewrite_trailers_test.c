/* SPDX-License-Identifier: Apache-2.0
 *
 * Which trailers pass: none that could say again what the head has said, or who the client is.
 */
#include "support/test.h"

#include "gateway/rewrite/rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { BUFFER_BYTES = 4096 };

static char memory[BUFFER_BYTES];

struct outcome {
    bool is_written;
    size_t stripped;
    struct slice lines;
};

static struct outcome rewrite_one(const char *head_name, const char *head_value, const char *name)
{
    struct http_name_set *owned = rewrite_owned_names_create();
    struct http_field head = {slice_from_text(head_name), slice_from_text(head_value)};
    struct http_field trailer = {slice_from_text(name), SLICE("v")};
    const struct http_fields heads = {&head, 1};
    const struct http_fields trailers = {&trailer, 1};
    struct outcome outcome = {.stripped = 4711};
    struct buffer to;

    http_name_set_add(owned, SLICE("X-Partner-Name"));
    buffer_init(&to, memory, sizeof(memory));
    outcome.is_written = rewrite_trailers(owned, &heads, &trailers, &to, &outcome.stripped);
    outcome.lines = buffer_readable(&to);
    http_name_set_destroy(owned);
    return outcome;
}

TEST(what_belongs_to_the_head_or_to_us_never_passes)
{
    /* clang-format off */
    static const char *const names[] = {
        /* framing and hop-by-hop */
        "Transfer-Encoding", "content-length", "Connection", "Keep-Alive", "Proxy-Connection", "TE",
        "Trailer", "Upgrade", "Proxy-Authorization", "Proxy-Status",
        /* routing and request modifiers */
        "Host", "Max-Forwards", "Via", "Expect", "If-Match", "IF-NONE-MATCH", "Range",
        "Cache-Control", "X-HTTP-Method-Override",
        /* authentication */
        "Authorization", "Cookie", "Set-Cookie", "WWW-Authenticate", "Sec-Fetch-Site",
        /* how the content is read */
        "Content-Type", "Content-Encoding", "Content-Range", "Content-Disposition",
        "Content-Security-Policy", "Access-Control-Allow-Origin",
        /* response controls */
        "Age", "Date", "Expires", "Location", "Retry-After", "Vary",
        /* identity, in any spelling, and what a route fills */
        "Client-Cert", "X-ARR-ClientCert", "x-arr-CLIENTCERT", "X_ARR_ClientCert",
        "X.ARR.ClientCert", "SSL_CLIENT_VERIFY", "X-Forwarded-Client-Cert", "Remote-User",
        "X-Partner-Name",
        /* forwarding and tracing */
        "Forwarded", "X-Forwarded-For", "X-Real-IP", "X-Original-URL", "Proxy", "traceparent",
        /* names that a backend may read as others */
        "Content_Length", "X.Check", "a!b",
    };
    /* clang-format on */

    for (size_t i = 0; i < COUNT(names); i++) {
        struct outcome outcome = rewrite_one("Accept", "*", names[i]);

        if (outcome.lines.size != 0)
            print_error("%s", names[i]);
        assert_true(outcome.is_written);
        assert_int_equal(outcome.lines.size, 0);
        assert_int_equal(outcome.stripped, 1);
    }
}

TEST(what_is_known_at_the_end_only_passes)
{
    static const char *const names[] = {"X-Checksum",    "grpc-status",    "grpc-message",
                                        "Server-Timing", "Content-Digest", "Repr-Digest",
                                        "ETag",          "Signature"};

    for (size_t i = 0; i < COUNT(names); i++) {
        struct outcome outcome = rewrite_one("Accept", "*", names[i]);
        char expected[64];

        (void)snprintf(expected, sizeof(expected), "%s: v\r\n", names[i]);
        assert_true(outcome.is_written);
        assert_int_equal(outcome.stripped, 0);
        assert_true(slice_equals(outcome.lines, slice_from_text(expected)));
    }
}

TEST(what_connection_names_is_removed_behind_the_content_too)
{
    assert_int_equal(rewrite_one("Connection", "close, x-CHECK", "X-Check").stripped, 1);
    assert_int_equal(rewrite_one("Connection", "close", "X-Check").stripped, 0);
    assert_false(rewrite_one("Connection", "a b", "X-Check").is_written);
}

TEST(nothing_is_written_without_room_for_all)
{
    struct http_field items[] = {{SLICE("A"), SLICE("1")}, {SLICE("B"), SLICE("2")}};
    const struct http_fields trailers = {items, COUNT(items)};
    const struct http_fields none = {NULL, 0};
    struct buffer to;
    size_t stripped;

    buffer_init(&to, memory, 11);
    assert_false(rewrite_trailers(NULL, &none, &trailers, &to, &stripped));
    assert_int_equal(to.written, 0);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(what_belongs_to_the_head_or_to_us_never_passes),
                     cmocka_unit_test(what_is_known_at_the_end_only_passes),
                     cmocka_unit_test(what_connection_names_is_removed_behind_the_content_too),
                     cmocka_unit_test(nothing_is_written_without_room_for_all));
}
