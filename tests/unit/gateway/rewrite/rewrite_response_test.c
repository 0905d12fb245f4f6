/* SPDX-License-Identifier: Apache-2.0
 *
 * The response head that a client sees: what stays with the backend's connection, how the content
 * is framed, and what may not be cached for others.
 */
#include "support/test.h"

#include <stdio.h>

#include "gateway/rewrite/rewrite.h"
#include "protocol/http/http_read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { HEAD_BYTES_MAX = 16 * 1024, FIELDS_MAX = 200 };

static const int64_t now = 1795237200; /* Sat, 21 Nov 2026 05:00:00 GMT */

static char head_memory[HEAD_BYTES_MAX];
static char read_memory[HEAD_BYTES_MAX];

static struct http_response response_from(const char *text, bool to_head)
{
    static const struct http_limits limits = {HEAD_BYTES_MAX, 0, FIELDS_MAX};
    struct http_read_progress progress = {0};
    struct http_response response = {0};
    struct arena arena;
    struct http_read read;

    arena_init(&arena, read_memory, sizeof(read_memory));
    read =
        http_read_response(slice_from_text(text), &limits, &progress, to_head, &arena, &response);
    if (read.outcome != HTTP_READ_COMPLETE)
        print_error("%s\n%s\n", text, reason_name(read.reason));
    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    return response;
}

static struct rewrite_response_facts facts_of(enum http_framing framing)
{
    return (struct rewrite_response_facts){.client_version = HTTP_VERSION_1_1,
                                           .pseudonym = SLICE("sallyport"),
                                           .framing = framing,
                                           .now = now};
}

static struct slice rewrite(const struct http_response *response,
                            const struct rewrite_response_facts *facts, enum reason expected)
{
    struct buffer to;
    enum reason reason;

    buffer_init(&to, head_memory, sizeof(head_memory));
    reason = rewrite_response_head(response, facts, &to);
    assert_string_equal(reason_name(reason), reason_name(expected));
    if (reason != REASON_NONE)
        assert_int_equal(to.written, 0);
    return buffer_readable(&to);
}

static void assert_rewritten(const char *text, bool to_head,
                             const struct rewrite_response_facts *facts, const char *expected)
{
    struct http_response response = response_from(text, to_head);
    struct slice head = rewrite(&response, facts, REASON_NONE);

    if (!slice_equals(head, slice_from_text(expected)))
        print_error("%.*s", SLICE_FORMAT(head));
    assert_true(slice_equals(head, slice_from_text(expected)));
}

TEST(fields_pass_in_order_and_those_of_the_backends_connection_do_not)
{
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_LENGTH);

    assert_rewritten("HTTP/1.1 200 Fine\r\n"
                     "Server: backend/1\r\n"
                     "Date: Fri, 20 Nov 2026 05:00:00 GMT\r\n"
                     "Connection: keep-alive, X-Internal\r\n"
                     "Keep-Alive: timeout=5\r\n"
                     "X-Internal: 1\r\n"
                     "Proxy-Connection: keep-alive\r\n"
                     "Upgrade: h2c\r\n"
                     "Trailer: X-Check\r\n"
                     "Set-Cookie: a=1; Path=/\r\n"
                     "Set-Cookie: b=2, c\r\n"
                     "set-cookie: c=3\r\n"
                     "Content-Length: 3\r\n"
                     "\r\n",
                     false, &facts,
                     "HTTP/1.1 200 Fine\r\n"
                     "Server: backend/1\r\n"
                     "Date: Fri, 20 Nov 2026 05:00:00 GMT\r\n"
                     "Set-Cookie: a=1; Path=/\r\n"
                     "Set-Cookie: b=2, c\r\n"
                     "set-cookie: c=3\r\n"
                     "Content-Length: 3\r\n"
                     "Via: 1.1 sallyport\r\n"
                     "\r\n");
}

TEST(an_answer_without_a_date_gets_one)
{
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    assert_rewritten("HTTP/1.0 204 No Content\r\n\r\n", false, &facts,
                     "HTTP/1.1 204 No Content\r\n"
                     "Via: 1.0 sallyport\r\n"
                     "Date: Sat, 21 Nov 2026 05:00:00 GMT\r\n"
                     "\r\n");
}

TEST(chunks_go_to_clients_of_http_1_1_only)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_CHUNKED);
    struct http_response response = response_from(text, false);

    assert_rewritten(text, false, &facts,
                     "HTTP/1.1 200 OK\r\nDate: x\r\nTransfer-Encoding: chunked\r\n"
                     "Via: 1.1 sallyport\r\n\r\n");
    facts.client_version = HTTP_VERSION_1_0;
    (void)rewrite(&response, &facts, REASON_INTERNAL);
    facts.framing = HTTP_FRAMING_UNTIL_CLOSE;
    assert_rewritten(
        text, false, &facts,
        "HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 sallyport\r\nConnection: close\r\n\r\n");
}

TEST(the_connection_field_says_what_becomes_of_the_connection)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n";
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    assert_rewritten(
        text, false, &facts,
        "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\nVia: 1.1 sallyport\r\n\r\n");
    facts.close = true;
    assert_rewritten(text, false, &facts,
                     "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\nVia: 1.1 sallyport\r\n"
                     "Connection: close\r\n\r\n");
    facts.close = false;
    facts.client_version = HTTP_VERSION_1_0;
    assert_rewritten(text, false, &facts,
                     "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\nVia: 1.1 sallyport\r\n"
                     "Connection: keep-alive\r\n\r\n");
}

TEST(an_answer_to_head_keeps_the_length_that_there_would_have_been)
{
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    assert_rewritten("HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1234\r\n\r\n", true, &facts,
                     "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 1234\r\n"
                     "Via: 1.1 sallyport\r\n\r\n");
    assert_rewritten("HTTP/1.1 304 Not Modified\r\nDate: x\r\nContent-Length: 1234\r\n\r\n", false,
                     &facts,
                     "HTTP/1.1 304 Not Modified\r\nDate: x\r\nContent-Length: 1234\r\n"
                     "Via: 1.1 sallyport\r\n\r\n");
}

/* RFC 9110 section 8.6. */
TEST(interim_answers_and_204_have_no_length)
{
    struct http_response response = {.version = HTTP_VERSION_1_1,
                                     .status = 204,
                                     .reason_phrase = SLICE("No Content"),
                                     .has_content_length = true};
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    facts.close = true;
    assert_true(slice_equals(rewrite(&response, &facts, REASON_NONE),
                             SLICE("HTTP/1.1 204 No Content\r\nVia: 1.1 sallyport\r\n"
                                   "Date: Sat, 21 Nov 2026 05:00:00 GMT\r\n"
                                   "Connection: close\r\n\r\n")));
    response.status = 103;
    response.reason_phrase = SLICE("");
    assert_true(slice_equals(rewrite(&response, &facts, REASON_NONE),
                             SLICE("HTTP/1.1 103 Early Hints\r\nVia: 1.1 sallyport\r\n\r\n")));
}

/* RFC 9440 section 2.4. */
TEST(what_varies_by_identity_varies_by_everything)
{
    static const struct {
        const char *vary;
        bool by_identity;
    } cases[] = {
        {"Client-Cert", true},
        {"client-cert", true},
        {"Accept, CLIENT-CERT-CHAIN", true},
        {"Accept\r\nVary: Cookie, X-ARR-ClientCert", true},
        {"Client_Cert", true},
        {"X-Client-Cert-Subject", true},
        {"Client-Cert\r\nVary: Accept", true},
        {"Accept", false},
        {"Accept, X-Forwarded-Proto", false},
        {"*", false},
        {"X-Client-Version", false},
    };
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[256];
        char expected[256];

        snprintf(text, sizeof(text), "HTTP/1.1 204 No Content\r\nDate: x\r\nVary: %s\r\n\r\n",
                 cases[i].vary);
        snprintf(expected, sizeof(expected),
                 "HTTP/1.1 204 No Content\r\nDate: x\r\nVary: %s\r\nVia: 1.1 sallyport\r\n\r\n",
                 cases[i].by_identity ? "*" : cases[i].vary);
        assert_rewritten(text, false, &facts, expected);
    }
}

TEST(what_varies_by_a_header_of_the_generation_varies_by_everything)
{
    static const char text[] =
        "HTTP/1.1 204 No Content\r\nDate: x\r\nVary: x-partner-identity\r\n\r\n";
    struct http_name_set *owned = rewrite_owned_names_create();
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    http_name_set_add(owned, SLICE("X-Partner-Identity"));
    assert_rewritten(text, false, &facts,
                     "HTTP/1.1 204 No Content\r\nDate: x\r\nVary: x-partner-identity\r\n"
                     "Via: 1.1 sallyport\r\n\r\n");
    facts.owned_names = owned;
    assert_rewritten(text, false, &facts,
                     "HTTP/1.1 204 No Content\r\nDate: x\r\nVary: *\r\n"
                     "Via: 1.1 sallyport\r\n\r\n");
    http_name_set_destroy(owned);
}

/* RFC 9440 section 2.1. */
TEST(a_backend_cannot_give_a_certificate_away)
{
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    assert_rewritten("HTTP/1.1 204 No Content\r\nDate: x\r\nClient-Cert: :eA==:\r\n"
                     "client-cert-chain: :eA==:\r\n\r\n",
                     false, &facts,
                     "HTTP/1.1 204 No Content\r\nDate: x\r\nVia: 1.1 sallyport\r\n\r\n");
}

TEST(the_client_learns_the_trace_id_only_when_it_is_to)
{
    static const char text[] = "HTTP/1.1 204 No Content\r\nDate: x\r\nX-AppGW-Trace-Id: no\r\n\r\n";
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    facts.trace_id = "0123456789abcdef0123456789abcdef";
    assert_rewritten(text, false, &facts,
                     "HTTP/1.1 204 No Content\r\nDate: x\r\nVia: 1.1 sallyport\r\n"
                     "X-AppGW-Trace-Id: 0123456789abcdef0123456789abcdef\r\n\r\n");
    facts.trace_id = NULL;
    assert_rewritten("HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", false, &facts,
                     "HTTP/1.1 204 No Content\r\nDate: x\r\nVia: 1.1 sallyport\r\n\r\n");
}

TEST(a_backend_cannot_write_lines_that_are_not_its_own)
{
    static const struct slice values[] = {SLICE_STATIC("a\r\nSet-Cookie: b"), SLICE_STATIC("a\nb"),
                                          SLICE_STATIC("a\0b")};
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    for (size_t i = 0; i < COUNT(values); i++) {
        struct http_field field = {SLICE("X-Value"), values[i]};
        struct http_response response = {.version = HTTP_VERSION_1_1, .status = 204};

        response.fields = (struct http_fields){&field, 1};
        (void)rewrite(&response, &facts, REASON_BACKEND_RESPONSE_MALFORMED);
        response.fields.count = 0;
        response.reason_phrase = values[i];
        (void)rewrite(&response, &facts, REASON_BACKEND_RESPONSE_MALFORMED);
    }
}

TEST(a_connection_field_that_names_too_much_is_malformed)
{
    struct http_field fields[] = {{SLICE("Connection"), SLICE("a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p")},
                                  {SLICE("Connection"), SLICE("q")}};
    struct http_response response = {
        .version = HTTP_VERSION_1_1, .status = 204, .fields = {fields, 1}};
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_NONE);

    (void)rewrite(&response, &facts, REASON_NONE);
    response.fields.count = 2;
    (void)rewrite(&response, &facts, REASON_BACKEND_RESPONSE_MALFORMED);
}

TEST(a_head_that_does_not_fit_is_not_written)
{
    struct http_response response =
        response_from("HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 3\r\n\r\n", false);
    struct rewrite_response_facts facts = facts_of(HTTP_FRAMING_LENGTH);
    size_t whole = rewrite(&response, &facts, REASON_NONE).size;
    struct buffer to;

    for (size_t capacity = 0; capacity < whole; capacity++) {
        buffer_init(&to, head_memory, capacity);
        assert_int_equal(rewrite_response_head(&response, &facts, &to),
                         REASON_BACKEND_RESPONSE_TOO_LARGE);
        assert_int_equal(to.written, 0);
    }
    buffer_init(&to, head_memory, whole);
    assert_int_equal(rewrite_response_head(&response, &facts, &to), REASON_NONE);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(fields_pass_in_order_and_those_of_the_backends_connection_do_not),
        cmocka_unit_test(an_answer_without_a_date_gets_one),
        cmocka_unit_test(chunks_go_to_clients_of_http_1_1_only),
        cmocka_unit_test(the_connection_field_says_what_becomes_of_the_connection),
        cmocka_unit_test(an_answer_to_head_keeps_the_length_that_there_would_have_been),
        cmocka_unit_test(interim_answers_and_204_have_no_length),
        cmocka_unit_test(what_varies_by_identity_varies_by_everything),
        cmocka_unit_test(what_varies_by_a_header_of_the_generation_varies_by_everything),
        cmocka_unit_test(a_backend_cannot_give_a_certificate_away),
        cmocka_unit_test(the_client_learns_the_trace_id_only_when_it_is_to),
        cmocka_unit_test(a_backend_cannot_write_lines_that_are_not_its_own),
        cmocka_unit_test(a_connection_field_that_names_too_much_is_malformed),
        cmocka_unit_test(a_head_that_does_not_fit_is_not_written));
}
