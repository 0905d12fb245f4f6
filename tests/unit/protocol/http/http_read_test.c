/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads that are read, and heads that are refused with which reason. Every head of every table is
 * read whole, byte by byte, and split in two at every place; the results have to be the same.
 */
#include "support/test.h"

#include "protocol/http/http_read.h"

#include <stdio.h>
#include <stdlib.h>

static const struct http_limits limits = {.head_bytes = 8192, .target_bytes = 4096, .fields = 100};

enum { ARENA_SIZE = 64 * 1024 };

static char arena_memory[ARENA_SIZE];

static struct arena fresh_arena(void)
{
    struct arena arena;

    arena_init(&arena, arena_memory, sizeof(arena_memory));
    return arena;
}

static struct http_read read_request_within(struct slice text, const struct http_limits *within,
                                            struct http_request *request)
{
    struct http_read_progress progress = {0};
    struct arena arena = fresh_arena();

    return http_read_request(text, within, &progress, &arena, request);
}

static struct http_read read_request(struct slice text, struct http_request *request)
{
    return read_request_within(text, &limits, request);
}

/* A reader of either kind, for what holds for both. */
typedef struct http_read reader(struct slice input, struct http_read_progress *progress);

static struct http_read request_reader(struct slice input, struct http_read_progress *progress)
{
    struct arena arena = fresh_arena();
    struct http_request request;

    return http_read_request(input, &limits, progress, &arena, &request);
}

static struct http_read response_reader(struct slice input, struct http_read_progress *progress)
{
    struct arena arena = fresh_arena();
    struct http_response response;

    return http_read_response(input, &limits, progress, false, &arena, &response);
}

static void assert_same(struct slice text, struct http_read a, struct http_read b)
{
    if (a.outcome != b.outcome || a.reason != b.reason || a.detail != b.detail ||
        a.consumed != b.consumed)
        print_error("read differently when split: %.*s\n", SLICE_FORMAT(text));
    assert_int_equal(a.outcome, b.outcome);
    assert_string_equal(reason_name(a.reason), reason_name(b.reason));
    assert_ptr_equal(a.detail, b.detail);
    assert_int_equal(a.consumed, b.consumed);
}

static void assert_splits_do_not_matter(reader *read, struct slice text)
{
    struct http_read_progress progress = {0};
    struct http_read whole = read(text, &progress);
    struct http_read by_byte = {.outcome = HTTP_READ_INCOMPLETE};

    progress = (struct http_read_progress){0};
    for (size_t i = 0; i <= text.size && by_byte.outcome == HTTP_READ_INCOMPLETE; i++)
        by_byte = read(slice_first(text, i), &progress);
    assert_same(text, whole, by_byte);

    for (size_t i = 0; i < text.size; i++) {
        struct http_read split;

        progress = (struct http_read_progress){0};
        split = read(slice_first(text, i), &progress);
        if (split.outcome == HTTP_READ_INCOMPLETE)
            split = read(text, &progress);
        assert_same(text, whole, split);
    }
}

static void assert_request_refused(struct slice text, enum reason reason)
{
    struct http_request request;
    struct http_read read = read_request(text, &request);

    if (read.outcome != HTTP_READ_REFUSED || read.reason != reason)
        print_error("not refused with %s: %.*s\n", reason_name(reason), SLICE_FORMAT(text));
    assert_int_equal(read.outcome, HTTP_READ_REFUSED);
    assert_string_equal(reason_name(read.reason), reason_name(reason));
    assert_splits_do_not_matter(request_reader, text);
}

static void assert_slice(struct slice slice, const char *text)
{
    if (!slice_equals(slice, slice_from_text(text)))
        fail_msg("'%.*s' is not '%s'", SLICE_FORMAT(slice), text);
}

struct refused_request {
    struct slice text;
    enum reason reason;
};

static void assert_requests_refused(const struct refused_request *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_request_refused(cases[i].text, cases[i].reason);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* A request whose only oddity is one field. */
#define WITH(field)    SLICE("POST / HTTP/1.1\r\nHost: a\r\n" field "\r\n\r\n")
#define TARGET(target) SLICE("GET " target " HTTP/1.1\r\nHost: a\r\n\r\n")

TEST(a_request_is_read_into_values)
{
    struct http_request request;
    struct slice text =
        SLICE("POST /a/b?x=1&y HTTP/1.1\r\nHost: Example.COM.:8443\r\n"
              "X-One:  spaced value\t\r\nX-Empty:\r\nContent-Length: 42\r\n\r\nBODY");
    struct http_read read = read_request(text, &request);

    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    assert_int_equal(read.reason, REASON_NONE);
    assert_int_equal(read.consumed, text.size - 4);
    assert_slice(request.method, "POST");
    assert_slice(request.target, "/a/b?x=1&y");
    assert_int_equal(request.version, HTTP_VERSION_1_1);
    assert_slice(request.authority, "Example.COM.:8443");
    assert_slice(request.host, "example.com");
    assert_slice(request.path, "/a/b");
    assert_true(request.has_query);
    assert_slice(request.query, "x=1&y");
    assert_int_equal(request.fields.count, 4);
    assert_slice(request.fields.items[1].name, "X-One");
    assert_slice(request.fields.items[1].value, "spaced value");
    assert_slice(request.fields.items[2].value, "");
    assert_int_equal(request.framing, HTTP_FRAMING_LENGTH);
    assert_int_equal(request.content_length, 42);
    assert_true(request.has_content_length);
    assert_true(request.keep_alive);
    assert_false(request.expects_continue);
    assert_false(request.is_head);
}

TEST(requests_in_every_allowed_form_are_accepted)
{
    const struct {
        struct slice text;
        const char *host;
        const char *path;
        const char *query; /* NULL: none */
    } cases[] = {
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "/", NULL},
        {SLICE("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "/", NULL},
        {SLICE("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), "a", "/", NULL},
        {SLICE("GET /? HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "/", ""},
        {SLICE("GET /?a?b/c HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "/", "a?b/c"},
        {SLICE("GET //a//b HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "/a/b", NULL},
        {SLICE("GET /%7euser HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "/~user", NULL},
        {SLICE("GET /?q=[]{}|^\\`%zz%2e%00 HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "/",
         "q=[]{}|^\\`%zz%2e%00"},
        {SLICE("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), "a", "*", NULL},
        {SLICE("GET http://B.example:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n"), "b.example", "/x", "y"},
        {SLICE("GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n"), "b", "/", NULL},
        {SLICE("GET https://b?q HTTP/1.1\r\nHost: a\r\n\r\n"), "b", "/", "q"},
        {SLICE("OPTIONS http://b HTTP/1.1\r\nHost: a\r\n\r\n"), "b", "*", NULL},
        {SLICE("OPTIONS http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"), "b", "/", NULL},
        {SLICE("GET http://b/ HTTP/1.0\r\n\r\n"), "b", "/", NULL},
        {SLICE("GET / HTTP/1.1\r\nHOST: [2001:DB8:0::1]:443\r\n\r\n"), "2001:db8::1", "/", NULL},
        {SLICE("M-SEARCH /x HTTP/1.1\r\nHost:\ta \r\n\r\n"), "a", "/x", NULL},
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\nCookie: n=M\xc3\xbcller\xff\r\n\r\n"), "a", "/", NULL},
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
         "a", "/", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_request request;
        struct http_read read = read_request(cases[i].text, &request);

        assert_splits_do_not_matter(request_reader, cases[i].text);
        if (read.outcome != HTTP_READ_COMPLETE)
            fail_msg("%s: %.*s", reason_name(read.reason), SLICE_FORMAT(cases[i].text));
        assert_int_equal(read.consumed, cases[i].text.size);
        assert_slice(request.host, cases[i].host);
        assert_slice(request.path, cases[i].path);
        assert_int_equal(request.has_query, cases[i].query != NULL);
        if (cases[i].query != NULL)
            assert_slice(request.query, cases[i].query);
    }
}

TEST(a_malformed_request_line_is_refused)
{
    const struct refused_request cases[] = {
        {SLICE("\r\n\r\nGET / HTTP/1.1\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("\rGET / HTTP/1.1\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("\x16\x03\x01\x02"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("\0"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("G\xc3\x84T / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET /\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / \r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/1.1\rHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / http/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/01.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/1.10\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/a.b\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / ICY/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_MALFORMED},
        {SLICE("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), REASON_REQUEST_VERSION_UNSUPPORTED},
        {SLICE("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), REASON_REQUEST_VERSION_UNSUPPORTED},
        {SLICE("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), REASON_REQUEST_VERSION_UNSUPPORTED},
        {SLICE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), REASON_REQUEST_VERSION_UNSUPPORTED},
        {SLICE("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_METHOD_REFUSED},
        {SLICE("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_METHOD_REFUSED},
        {SLICE("get / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_METHOD_UNSUPPORTED},
        {SLICE("Post / HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_METHOD_UNSUPPORTED},
        {SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), REASON_REQUEST_METHOD_UNSUPPORTED},
    };

    assert_requests_refused(cases, COUNT(cases));
}

/* The first line alone decides; nobody waits for a head that an eager typist has ended already. */
TEST(a_line_that_ends_in_lf_alone_is_refused_at_once)
{
    const struct refused_request cases[] = {
        {SLICE("GET / HTTP/1.1\nHost: a\n\n"), REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("GET / HTTP/1.1\n"), REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("GET / HTTP/1.1\r\nHost: a\n"), REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\n\n"), REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("GET / HTTP/1.1\nHost: a\r\n\r\n"), REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("GET / HTTP/1.1\r\nX: y\nTransfer-Encoding: chunked\r\nHost: a\r\n\r\n"),
         REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("\nGET / HTTP/1.1\r\n"), REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("\r\n\nGET / HTTP/1.1\r\n"), REASON_REQUEST_LINE_ENDING_BARE},
        {SLICE("hello\n"), REASON_REQUEST_LINE_ENDING_BARE},
    };

    assert_requests_refused(cases, COUNT(cases));
}

TEST(a_malformed_target_is_refused)
{
    const struct refused_request cases[] = {
        {TARGET("/a b"), REASON_REQUEST_LINE_MALFORMED},
        {TARGET("/a\tb"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/a\rb"), REASON_REQUEST_LINE_MALFORMED},
        {TARGET("/a\0b"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("/a\x01"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/a\x7f"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/\x80"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/\xc3\xbc"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/a#b"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/#"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/?a#b"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/?\""), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/?<"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/?\xff"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/?\0"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/?\x1b"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("*"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("a"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("?a"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("a:443"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("\\a"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("ftp://a/"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("file:///etc/passwd"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http:/a/"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http:///x"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://?x"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://u@a/"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://u:p@a/"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://a#/"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://a\\b/"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://a:99999/"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("http://%61/"), REASON_REQUEST_TARGET_MALFORMED},
        {SLICE("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_TARGET_MALFORMED},
        {SLICE("OPTIONS *?x HTTP/1.1\r\nHost: a\r\n\r\n"), REASON_REQUEST_TARGET_MALFORMED},
        {TARGET("/a/../b"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("/a/%2e%2E/b"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("/a/..;/b"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("/a%2fb"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("/a\\b"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("/a%252fb"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("/a%zz"), REASON_REQUEST_PATH_AMBIGUOUS},
        {TARGET("http://b/../c"), REASON_REQUEST_PATH_AMBIGUOUS},
    };

    assert_requests_refused(cases, COUNT(cases));
}

TEST(a_malformed_field_is_refused)
{
    const struct refused_request cases[] = {
        {WITH(": x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH(":"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X-A : x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X-A\t: x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X A: x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X\xc3\xbc: x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X\0: x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X/Y: x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("\"X\": x"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\r\n folded"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\r\n\tfolded"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH(" X: a"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\r"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\rY: b"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X\rY: b"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\0b"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\x0b"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\x1b[31m"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X: a\x7f"), REASON_REQUEST_HEADER_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Authorization: a\r\nauthorization: a"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Content-Type: a/b\r\nContent-Type: a/b"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("X_Forwarded_For: x"), REASON_REQUEST_HEADER_NAME_REFUSED},
        {WITH("Client_Cert: x"), REASON_REQUEST_HEADER_NAME_REFUSED},
        {WITH("X.ARR.ClientCert: x"), REASON_REQUEST_HEADER_NAME_REFUSED},
        {WITH("Transfer_Encoding: chunked"), REASON_REQUEST_HEADER_NAME_REFUSED},
        {WITH("Content.Length: 3"), REASON_REQUEST_HEADER_NAME_REFUSED},
        {WITH("X!#$%&'*+^`|~: x"), REASON_REQUEST_HEADER_NAME_REFUSED},
    };

    assert_requests_refused(cases, COUNT(cases));
}

TEST(a_missing_repeated_or_malformed_host_is_refused)
{
    const struct refused_request cases[] = {
        {SLICE("GET / HTTP/1.1\r\n\r\n"), REASON_REQUEST_HOST_MISSING},
        {SLICE("GET / HTTP/1.0\r\n\r\n"), REASON_REQUEST_HOST_MISSING},
        {SLICE("GET http://a/ HTTP/1.1\r\n\r\n"), REASON_REQUEST_HOST_MISSING},
        {WITH("Host: a"), REASON_REQUEST_HOST_MALFORMED},
        {WITH("HOST: b"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\nHost:\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET / HTTP/1.1\r\nHost: \xc3\xbc\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
        {SLICE("GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n"), REASON_REQUEST_HOST_MALFORMED},
    };

    assert_requests_refused(cases, COUNT(cases));
}

TEST(an_ambiguous_end_of_a_request_is_refused)
{
    const struct refused_request cases[] = {
        {WITH("Content-Length:"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: "), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: +1"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: -1"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 0x1"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 1,1"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 1, 2"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 1 1"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 1;"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 1.0"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: \"1\""), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 1e3"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: \xa0"
              "1"),
         REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 9223372036854775808"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 18446744073709551616"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 18446744073709551617"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 00000000000000000001"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 1\r\nContent-Length: 1"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 0\r\ncontent-length: 5"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Content-Length: 5\r\nTransfer-Encoding: chunked"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked\r\nContent-Length: 0"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: gzip\r\nContent-Length: 0"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding:"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: ,"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked,"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: ,chunked"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked, chunked"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked, identity"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked;x"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked;q=1"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: \"chunked\""), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked chunked"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: x chunked"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: \xa0"
              "chunked"),
         REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked\xa0"), REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: \x0b"
              "chunked"),
         REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Transfer-Encoding: chunked\x0c"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Transfer-Encoding:\0chunked"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Transfer-Encoding : chunked"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Transfer-Encoding\t: chunked"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Transfer-Encoding:\r\n chunked"), REASON_REQUEST_HEADER_MALFORMED},
        {WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
         REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: chunked\r\nTransfer-encoding: cow"),
         REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"),
         REASON_REQUEST_FRAMING_AMBIGUOUS},
        {SLICE("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
         REASON_REQUEST_FRAMING_AMBIGUOUS},
        {SLICE("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
         REASON_REQUEST_FRAMING_AMBIGUOUS},
        {WITH("Transfer-Encoding: gzip"), REASON_REQUEST_UPGRADE_UNSUPPORTED},
        {WITH("Transfer-Encoding: identity"), REASON_REQUEST_UPGRADE_UNSUPPORTED},
        {WITH("Transfer-Encoding: gzip, chunked"), REASON_REQUEST_UPGRADE_UNSUPPORTED},
        {WITH("Transfer-Encoding: xchunked"), REASON_REQUEST_UPGRADE_UNSUPPORTED},
    };

    assert_requests_refused(cases, COUNT(cases));
}

TEST(the_framing_of_a_request_is_known)
{
    const struct {
        struct slice text;
        enum http_framing framing;
        uint64_t length;
        bool has_length;
    } cases[] = {
        {WITH("X: y"), HTTP_FRAMING_NONE, 0, false},
        {WITH("Content-Length: 0"), HTTP_FRAMING_NONE, 0, true},
        {WITH("Content-Length: 007"), HTTP_FRAMING_LENGTH, 7, true},
        {WITH("content-LENGTH:\t42 \t"), HTTP_FRAMING_LENGTH, 42, true},
        {WITH("Content-Length: 9223372036854775807"), HTTP_FRAMING_LENGTH, INT64_MAX, true},
        {WITH("Transfer-Encoding: chunked"), HTTP_FRAMING_CHUNKED, 0, false},
        {WITH("transfer-encoding: Chunked"), HTTP_FRAMING_CHUNKED, 0, false},
        {SLICE("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"), HTTP_FRAMING_LENGTH, 3,
         true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_request request;

        assert_int_equal(read_request(cases[i].text, &request).outcome, HTTP_READ_COMPLETE);
        assert_int_equal(request.framing, cases[i].framing);
        assert_int_equal(request.content_length, cases[i].length);
        assert_int_equal(request.has_content_length, cases[i].has_length);
    }
}

TEST(connection_says_whether_the_client_stays)
{
    const struct {
        struct slice text;
        bool keep_alive;
    } cases[] = {
        {WITH("Connection: keep-alive"), true},
        {WITH("Connection: Close"), false},
        {WITH("Connection: keep-alive, CLOSE"), false},
        {WITH("Connection: keep-alive\r\nX: y\r\nconnection: close"), false},
        {WITH("Connection: TE, Upgrade, HTTP2-Settings, Keep-Alive"), true},
        {WITH("Connection:"), true},
        {WITH("Connection: , ,"), true},
        {SLICE("GET / HTTP/1.0\r\nHost: a\r\n\r\n"), false},
        {SLICE("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n"), true},
        {SLICE("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive, close\r\n\r\n"), false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_request request;

        assert_int_equal(read_request(cases[i].text, &request).outcome, HTTP_READ_COMPLETE);
        assert_int_equal(request.keep_alive, cases[i].keep_alive);
    }
}

TEST(connection_may_not_name_a_field_that_has_to_stay)
{
    const char *const names[] = {
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Authorization",
        "Connection",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Client-Cert",
        "X-Original-URL",
        "X-Original-Host",
        "X-Rewrite-URL",
        "Client-IP",
        "Proxy",
        "Cookie",
        "Client-Cert",
        "Client-Cert-Chain",
        "Client_Cert",
        "X-ARR-ClientCert",
        "x_arr_clientcert",
        "X.ARR.ClientCert",
        "X-SSL-Client-S",
        "SSL_CLIENT_VERIFY",
        "X_FORWARDED_PROTO",
        "Remote-User",
        "REMOTE.USER",
        "content_length",
        "X-ARR-ClientCert-AGW",
        "X-Real-IP",
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        char text[256];
        const char *const forms[] = {"%s",
                                     "close, %s",
                                     "%s,close",
                                     "keep-alive , %s\t, TE",
                                     "close\r\nConnection: %s",
                                     "close\r\nX: y\r\nCONNECTION: %s"};

        assert_true(http_read_connection_protects(slice_from_text(names[i])));
        for (size_t form = 0; form < COUNT(forms); form++) {
            char options[128];

/* The forms are ours; each has one "%s". */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            snprintf(options, sizeof(options), forms[form], names[i]);
#pragma GCC diagnostic pop
            snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nConnection: %s\r\n\r\n",
                     options);
            assert_request_refused(slice_from_text(text), REASON_REQUEST_CONNECTION_MALFORMED);
        }
    }
    assert_false(http_read_connection_protects(SLICE("")));
    assert_false(http_read_connection_protects(SLICE("TE")));
    assert_false(http_read_connection_protects(SLICE("Upgrade")));
    assert_false(http_read_connection_protects(SLICE("X-Forwarded")));
    assert_false(http_read_connection_protects(SLICE("Hosts")));
}

TEST(connection_that_is_no_short_list_of_tokens_is_refused)
{
    const struct refused_request cases[] = {
        {WITH("Connection: a b"), REASON_REQUEST_CONNECTION_MALFORMED},
        {WITH("Connection: \"close\""), REASON_REQUEST_CONNECTION_MALFORMED},
        {WITH("Connection: close;"), REASON_REQUEST_CONNECTION_MALFORMED},
        {WITH("Connection: \xe9"), REASON_REQUEST_CONNECTION_MALFORMED},
        {WITH("Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"),
         REASON_REQUEST_CONNECTION_MALFORMED},
    };

    assert_requests_refused(cases, COUNT(cases));
}

TEST(only_100_continue_may_be_expected)
{
    struct http_request request;
    const struct refused_request cases[] = {
        {WITH("Expect:"), REASON_REQUEST_EXPECTATION_UNSUPPORTED},
        {WITH("Expect: 200-ok"), REASON_REQUEST_EXPECTATION_UNSUPPORTED},
        {WITH("Expect: 100-continue, x"), REASON_REQUEST_EXPECTATION_UNSUPPORTED},
        {WITH("Expect: 100-continue\r\nExpect: 100-continue"),
         REASON_REQUEST_EXPECTATION_UNSUPPORTED},
    };

    assert_requests_refused(cases, COUNT(cases));
    read_request(WITH("Expect: 100-Continue\r\nContent-Length: 1"), &request);
    assert_true(request.expects_continue);
    read_request(WITH("Expect: 100-continue\r\nContent-Length: 0"), &request);
    assert_false(request.expects_continue);
    read_request(SLICE("POST / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\n"
                       "Content-Length: 1\r\n\r\n"),
                 &request);
    assert_false(request.expects_continue);
}

TEST(limits_are_kept_to_the_byte)
{
    const struct slice text = SLICE("GET /abcd HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
    struct http_limits exact = {.head_bytes = text.size, .target_bytes = 5, .fields = 2};
    struct http_request request;
    struct http_read read;

    assert_int_equal(read_request_within(text, &exact, &request).outcome, HTTP_READ_COMPLETE);

    exact.fields = 1;
    read = read_request_within(text, &exact, &request);
    assert_int_equal(read.outcome, HTTP_READ_REFUSED);
    assert_int_equal(read.reason, REASON_REQUEST_HEADERS_TOO_MANY);
    exact.fields = 2;

    exact.target_bytes = 4;
    read = read_request_within(text, &exact, &request);
    assert_int_equal(read.outcome, HTTP_READ_REFUSED);
    assert_int_equal(read.reason, REASON_REQUEST_TARGET_TOO_LONG);
    exact.target_bytes = 5;

    exact.head_bytes = text.size - 1;
    for (size_t size = 0; size <= text.size; size++) {
        read = read_request_within(slice_first(text, size), &exact, &request);
        if (size < exact.head_bytes) {
            assert_int_equal(read.outcome, HTTP_READ_INCOMPLETE);
            continue;
        }
        assert_int_equal(read.outcome, HTTP_READ_REFUSED);
        assert_int_equal(read.reason, REASON_REQUEST_HEADER_TOO_LARGE);
    }
}

TEST(a_target_that_fills_the_head_is_too_long)
{
    char text[8192];

    memset(text, 'a', sizeof(text));
    memcpy(text, "GET /", 5);
    assert_request_refused(slice_from(text, sizeof(text)), REASON_REQUEST_TARGET_TOO_LONG);
    memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
    assert_request_refused(slice_from(text, sizeof(text)), REASON_REQUEST_HEADER_TOO_LARGE);
}

/* CVE-2021-40346: a size that is kept in 8 bits, or in 16, makes another field of a long name. */
TEST(long_names_stay_whole)
{
    static const struct http_limits large = {
        .head_bytes = 256 * 1024, .target_bytes = 4096, .fields = 100};
    const size_t sizes[] = {254, 255, 256, 257, 270, 511, 512, 65535, 65536, 65550};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        const char *beginning = "POST / HTTP/1.1\r\nHost: a\r\n";
        const char *end = "Content-Length: 1\r\nContent-Length: 2\r\n\r\n";
        char *text = malloc(strlen(beginning) + sizes[i] + strlen(end) + 16);
        struct http_request request;
        struct http_read read;
        size_t size = 0;

        memcpy(text, beginning, strlen(beginning));
        size = strlen(beginning);
        memset(text + size, 'a', sizes[i]);
        memcpy(text + size, "Content-Length", 14);
        size += sizes[i];
        memcpy(text + size, ": 0\r\n", 5);
        size += 5;
        memcpy(text + size, end, strlen(end));
        read = read_request_within(slice_from(text, size + strlen(end)), &large, &request);
        assert_int_equal(read.outcome, HTTP_READ_REFUSED);
        assert_int_equal(read.reason, REASON_REQUEST_FRAMING_AMBIGUOUS);

        memcpy(text + size, "\r\n", 2);
        read = read_request_within(slice_from(text, size + 2), &large, &request);
        assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
        assert_int_equal(request.fields.count, 2);
        assert_int_equal(request.fields.items[1].name.size, sizes[i]);
        assert_false(request.has_content_length);
        free(text);
    }
}

TEST(an_arena_that_is_too_small_is_a_budget_exceeded)
{
    const struct slice text = SLICE("GET //%7e HTTP/1.1\r\nHost: example.com\r\nX: y\r\n\r\n");
    struct http_read read = {.outcome = HTTP_READ_REFUSED};
    size_t size = 0;

    for (; read.outcome != HTTP_READ_COMPLETE; size++) {
        struct http_read_progress progress = {0};
        struct http_request request = {.version = HTTP_VERSION_NONE};
        struct arena arena;

        arena_init(&arena, arena_memory, size);
        read = http_read_request(text, &limits, &progress, &arena, &request);
        if (read.outcome == HTTP_READ_COMPLETE)
            break;
        assert_int_equal(read.reason, REASON_BUDGET_EXCEEDED);
        assert_int_equal(request.version, HTTP_VERSION_NONE);
    }
    assert_in_range(size, 2 * sizeof(struct http_field), 512);
}

TEST(pipelined_requests_are_read_one_after_the_other)
{
    struct slice rest =
        SLICE("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    struct http_read_progress progress = {0};
    struct arena arena = fresh_arena();
    struct http_request request;
    struct http_read read = http_read_request(rest, &limits, &progress, &arena, &request);

    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    assert_slice(request.path, "/1");
    rest = slice_after(rest, read.consumed);
    read = http_read_request(rest, &limits, &progress, &arena, &request);
    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    assert_slice(request.path, "/2");
    assert_int_equal(read.consumed, rest.size);
}

static struct http_read read_response(struct slice text, bool to_head,
                                      struct http_response *response)
{
    struct http_read_progress progress = {0};
    struct arena arena = fresh_arena();

    return http_read_response(text, &limits, &progress, to_head, &arena, response);
}

TEST(a_response_is_read_into_values)
{
    struct slice text = SLICE("HTTP/1.1 404 Nicht gef\xfcnden\r\nServer: x\r\nX_Odd!: \xe4\r\n"
                              "Content-Length: 3\r\n\r\nabc");
    struct http_response response;
    struct http_read read = read_response(text, false, &response);

    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    assert_int_equal(read.consumed, text.size - 3);
    assert_int_equal(response.version, HTTP_VERSION_1_1);
    assert_int_equal(response.status, 404);
    assert_slice(response.reason_phrase, "Nicht gef\xfcnden");
    assert_int_equal(response.fields.count, 3);
    assert_slice(response.fields.items[1].name, "X_Odd!");
    assert_slice(response.fields.items[1].value, "\xe4");
    assert_int_equal(response.framing, HTTP_FRAMING_LENGTH);
    assert_int_equal(response.content_length, 3);
    assert_true(response.has_content_length);
    assert_true(response.keep_alive);
}

TEST(the_framing_of_a_response_is_known)
{
    const struct {
        struct slice text;
        bool to_head;
        enum http_framing framing;
        uint64_t length;
        bool has_length;
        bool keep_alive;
    } cases[] = {
        {SLICE("HTTP/1.1 200 OK\r\n\r\n"), false, HTTP_FRAMING_UNTIL_CLOSE, 0, false, false},
        {SLICE("HTTP/1.1 200\r\n\r\n"), false, HTTP_FRAMING_UNTIL_CLOSE, 0, false, false},
        {SLICE("HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"), false, HTTP_FRAMING_NONE, 0, true,
         true},
        {SLICE("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n"), false, HTTP_FRAMING_LENGTH, 5, true,
         false},
        {SLICE("HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n"), false,
         HTTP_FRAMING_LENGTH, 5, true, true},
        {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"), false,
         HTTP_FRAMING_LENGTH, 5, true, false},
        {SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"), false,
         HTTP_FRAMING_CHUNKED, 0, false, true},
        {SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), true, HTTP_FRAMING_NONE, 0,
         false, true},
        {SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), true, HTTP_FRAMING_NONE, 5, true,
         true},
        {SLICE("HTTP/1.1 200 OK\r\n\r\n"), true, HTTP_FRAMING_NONE, 0, false, true},
        {SLICE("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), false, HTTP_FRAMING_NONE,
         5, true, true},
        {SLICE("HTTP/1.1 304 Not Modified\r\n\r\n"), false, HTTP_FRAMING_NONE, 0, false, true},
        {SLICE("HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n"), false, HTTP_FRAMING_NONE, 0,
         true, true},
        {SLICE("HTTP/1.1 204 No Content\r\n\r\n"), false, HTTP_FRAMING_NONE, 0, false, true},
        {SLICE("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), false, HTTP_FRAMING_NONE, 0,
         false, true},
        {SLICE("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"), false, HTTP_FRAMING_NONE, 0,
         false, false},
        {SLICE("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"), false,
         HTTP_FRAMING_NONE, 0, false, false},
        {SLICE("HTTP/1.1 100 Continue\r\n\r\n"), false, HTTP_FRAMING_NONE, 0, false, true},
        {SLICE("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), false, HTTP_FRAMING_NONE, 0, false,
         true},
        {SLICE("HTTP/1.1 101 Switching Protocols\r\n\r\n"), false, HTTP_FRAMING_NONE, 0, false,
         false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_response response;
        struct http_read read = read_response(cases[i].text, cases[i].to_head, &response);

        if (read.outcome != HTTP_READ_COMPLETE)
            fail_msg("%s: %.*s", read.detail, SLICE_FORMAT(cases[i].text));
        assert_int_equal(response.framing, cases[i].framing);
        assert_int_equal(response.content_length, cases[i].length);
        assert_int_equal(response.has_content_length, cases[i].has_length);
        assert_int_equal(response.keep_alive, cases[i].keep_alive);
        assert_splits_do_not_matter(response_reader, cases[i].text);
    }
}

TEST(a_malformed_response_is_refused)
{
    const struct slice cases[] = {
        SLICE("x"),
        SLICE("\r\nHTTP/1.1 200 OK\r\n\r\n"),
        SLICE("HTTP/2.0 200 OK\r\n\r\n"),
        SLICE("HTTP/2 200\r\n\r\n"),
        SLICE("http/1.1 200 OK\r\n\r\n"),
        SLICE("HTTP/1.2 200 OK\r\n\r\n"),
        SLICE("HTTP/1.1  200 OK\r\n\r\n"),
        SLICE("HTTP/1.1\t200 OK\r\n\r\n"),
        SLICE("HTTP/1.1 20 OK\r\n\r\n"),
        SLICE("HTTP/1.1 2000 OK\r\n\r\n"),
        SLICE("HTTP/1.1 +20 OK\r\n\r\n"),
        SLICE("HTTP/1.1 099 OK\r\n\r\n"),
        SLICE("HTTP/1.1 600 OK\r\n\r\n"),
        SLICE("HTTP/1.1 200OK\r\n\r\n"),
        SLICE("HTTP/1.1 200\tOK\r\n\r\n"),
        SLICE("HTTP/1.1\r\n\r\n"),
        SLICE("HTTP/1.1 200 O\x01K\r\n\r\n"),
        SLICE("HTTP/1.1 200 O\rK\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\n\n"),
        SLICE("HTTP/1.1 200 OK\r\nA: b\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\n A: b\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nA : b\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\n: b\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nA\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nA(: b\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        SLICE("HTTP/1.1 304 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        SLICE(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
        SLICE("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        SLICE("HTTP/1.1 103 Early Hints\r\nContent-Length: 1\r\n\r\n"),
        SLICE("HTTP/1.1 205 Reset\r\nContent-Length: 5\r\n\r\n"),
        SLICE("HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n"),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_response response;
        struct http_read read = read_response(cases[i], false, &response);

        if (read.outcome != HTTP_READ_REFUSED)
            fail_msg("accepted: %.*s", SLICE_FORMAT(cases[i]));
        assert_string_equal(reason_name(read.reason), "backend_response_malformed");
        assert_non_null(read.detail);
        assert_splits_do_not_matter(response_reader, cases[i]);
    }
}

TEST(a_response_beyond_its_limits_is_too_large)
{
    static const struct http_limits small = {.head_bytes = 40, .target_bytes = 0, .fields = 2};
    const struct slice cases[] = {
        SLICE("HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK\r\nA: 123456789012345678\r\n\r\n"),
        SLICE("HTTP/1.1 200 OK OK OK OK OK OK OK OK OK OK OK OK"),
    };
    struct http_response response;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_read_progress progress = {0};
        struct arena arena = fresh_arena();
        struct http_read read =
            http_read_response(cases[i], &small, &progress, false, &arena, &response);

        assert_int_equal(read.outcome, HTTP_READ_REFUSED);
        assert_string_equal(reason_name(read.reason),
                            i == 0 ? "backend_headers_too_many" : "backend_response_too_large");
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_request_is_read_into_values),
                     cmocka_unit_test(requests_in_every_allowed_form_are_accepted),
                     cmocka_unit_test(a_malformed_request_line_is_refused),
                     cmocka_unit_test(a_line_that_ends_in_lf_alone_is_refused_at_once),
                     cmocka_unit_test(a_malformed_target_is_refused),
                     cmocka_unit_test(a_malformed_field_is_refused),
                     cmocka_unit_test(a_missing_repeated_or_malformed_host_is_refused),
                     cmocka_unit_test(an_ambiguous_end_of_a_request_is_refused),
                     cmocka_unit_test(the_framing_of_a_request_is_known),
                     cmocka_unit_test(connection_says_whether_the_client_stays),
                     cmocka_unit_test(connection_may_not_name_a_field_that_has_to_stay),
                     cmocka_unit_test(connection_that_is_no_short_list_of_tokens_is_refused),
                     cmocka_unit_test(only_100_continue_may_be_expected),
                     cmocka_unit_test(limits_are_kept_to_the_byte),
                     cmocka_unit_test(a_target_that_fills_the_head_is_too_long),
                     cmocka_unit_test(long_names_stay_whole),
                     cmocka_unit_test(an_arena_that_is_too_small_is_a_budget_exceeded),
                     cmocka_unit_test(pipelined_requests_are_read_one_after_the_other),
                     cmocka_unit_test(a_response_is_read_into_values),
                     cmocka_unit_test(the_framing_of_a_response_is_known),
                     cmocka_unit_test(a_malformed_response_is_refused),
                     cmocka_unit_test(a_response_beyond_its_limits_is_too_large));
}
