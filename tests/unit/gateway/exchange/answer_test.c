/* SPDX-License-Identifier: Apache-2.0
 *
 * The gateway's own answers, byte for byte where others parse them: nginx's and Azure's pages, and
 * problem details for who asks for JSON.
 */
#include "support/test.h"

#include <stdio.h>

#include "gateway/exchange/answer.h"
#include "protocol/http/http_read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ANSWER_BYTES_MAX = 8192 };

static const int64_t now = 1795237200; /* Sat, 21 Nov 2026 05:00:00 GMT */
static const char trace_id[] = "0123456789abcdef0123456789abcdef";

static char answer_memory[ANSWER_BYTES_MAX];
static char read_memory[ANSWER_BYTES_MAX];

struct answered {
    struct http_response response;
    struct slice content;
};

static struct answered answer(const struct answer_facts *facts)
{
    static const struct http_limits limits = {ANSWER_BYTES_MAX, 0, 32};
    bool to_head = facts->request != NULL && facts->request->is_head;
    struct http_read_progress progress = {0};
    struct answered answered = {.content = SLICE("")};
    uint64_t content_bytes = 4711;
    struct http_read read;
    struct arena arena;
    struct buffer to;

    buffer_init(&to, answer_memory, sizeof(answer_memory));
    assert_true(answer_write(&to, facts, &content_bytes));
    arena_init(&arena, read_memory, sizeof(read_memory));
    read = http_read_response(buffer_readable(&to), &limits, &progress, to_head, &arena,
                              &answered.response);
    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    answered.content = slice_after(buffer_readable(&to), read.consumed);
    assert_int_equal(answered.content.size, content_bytes);
    assert_true(answered.response.has_content_length);
    if (!to_head)
        assert_int_equal(answered.response.content_length, content_bytes);
    return answered;
}

static struct answer_facts facts_of(enum reason reason, const char *token)
{
    return (struct answer_facts){
        .reason = reason, .server_token = token, .trace_id = trace_id, .now = now};
}

static struct slice value_of(const struct answered *answered, const char *name)
{
    const struct http_field *field =
        http_fields_find(&answered->response.fields, slice_from_text(name));

    return field == NULL ? SLICE("(absent)") : field->value;
}

static void assert_value(const struct answered *answered, const char *name, const char *value)
{
    struct slice given = value_of(answered, name);

    if (!slice_equals(given, slice_from_text(value)))
        print_error("%s: %.*s\n", name, SLICE_FORMAT(given));
    assert_true(slice_equals(given, slice_from_text(value)));
}

static void assert_content(const struct answered *answered, const char *content)
{
    if (!slice_equals(answered->content, slice_from_text(content)))
        print_error("%.*s", SLICE_FORMAT(answered->content));
    assert_true(slice_equals(answered->content, slice_from_text(content)));
}

static bool has(const struct answered *answered, const char *text)
{
    return memmem(answered->content.data, answered->content.size, text, strlen(text)) != NULL;
}

/* ---- Azure's pages ---- */

TEST(under_azures_name_pages_are_azures_to_the_byte)
{
    static const struct {
        enum reason reason;
        const char *title;
        const char *heading;
        const char *detail; /* NULL: none */
    } cases[] = {
        {REASON_CERTIFICATE_MISSING, "400 No required SSL certificate was sent", "400 Bad Request",
         "No required SSL certificate was sent"},
        {REASON_CERTIFICATE_EXPIRED, "400 The SSL certificate error", "400 Bad Request",
         "The SSL certificate error"},
        {REASON_CERTIFICATE_ISSUER_UNKNOWN, "400 The SSL certificate error", "400 Bad Request",
         "The SSL certificate error"},
        {REASON_HANDSHAKE_NOT_TLS, "400 The plain HTTP request was sent to HTTPS port",
         "400 Bad Request", "The plain HTTP request was sent to HTTPS port"},
        {REASON_REQUEST_HOST_MISSING, "400 Bad Request", "400 Bad Request", NULL},
        {REASON_ROUTE_NOT_FOUND, "404 Not Found", "404 Not Found", NULL},
        {REASON_REQUEST_TIMEOUT, "408 Request Time-out", "408 Request Time-out", NULL},
        {REASON_REQUEST_CONTENT_TOO_LARGE, "413 Request Entity Too Large",
         "413 Request Entity Too Large", NULL},
        {REASON_REQUEST_TARGET_TOO_LONG, "414 Request-URI Too Large", "414 Request-URI Too Large",
         NULL},
        {REASON_REQUEST_MISDIRECTED, "421 Misdirected Request", "421 Misdirected Request", NULL},
        {REASON_REQUEST_HEADER_TOO_LARGE, "431 Request Header Fields Too Large",
         "431 Request Header Fields Too Large", NULL},
        {REASON_INTERNAL, "500 Internal Server Error", "500 Internal Server Error", NULL},
        {REASON_BACKEND_UNREACHABLE, "502 Bad Gateway", "502 Bad Gateway", NULL},
        {REASON_BACKEND_BUSY, "503 Service Temporarily Unavailable",
         "503 Service Temporarily Unavailable", NULL},
        {REASON_BACKEND_RESPONSE_TIMEOUT, "504 Gateway Time-out", "504 Gateway Time-out", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answer_facts facts = facts_of(cases[i].reason, ANSWER_AZURE_TOKEN);
        struct answered answered = answer(&facts);
        char line[128] = "";
        char page[1024];

        if (cases[i].detail != NULL)
            snprintf(line, sizeof(line), "<center>%s</center>\r\n", cases[i].detail);
        snprintf(page, sizeof(page),
                 "<html>\r\n"
                 "<head><title>%s</title></head>\r\n"
                 "<body>\r\n"
                 "<center><h1>%s</h1></center>\r\n"
                 "%s"
                 "<hr><center>Microsoft-Azure-Application-Gateway/v2</center>\r\n"
                 "</body>\r\n"
                 "</html>\r\n",
                 cases[i].title, cases[i].heading, line);
        assert_content(&answered, page);
        assert_value(&answered, "Content-Type", "text/html");
        assert_value(&answered, "Server", "Microsoft-Azure-Application-Gateway/v2");
        assert_int_equal(answered.response.status, reason_status(cases[i].reason));
        facts.generic = true;
        answered = answer(&facts);
        assert_content(&answered, page);
    }
}

TEST(azure_has_no_other_form_of_answer)
{
    struct http_field accept = {SLICE("Accept"), SLICE("application/json")};
    struct http_request request = {.version = HTTP_VERSION_1_1, .fields = {&accept, 1}};
    struct answer_facts facts = facts_of(REASON_CERTIFICATE_MISSING, ANSWER_AZURE_TOKEN);
    struct answered answered;

    facts.request = &request;
    answered = answer(&facts);
    assert_value(&answered, "Content-Type", "text/html");
    assert_true(has(&answered, "No required SSL certificate was sent"));
}

/* ---- our pages ---- */

TEST(a_page_says_why_and_gives_something_to_find_it_by)
{
    struct answer_facts facts = facts_of(REASON_CERTIFICATE_EXPIRED, "sallyport");
    struct answered answered = answer(&facts);

    assert_content(&answered,
                   "<html>\r\n"
                   "<head><title>400 The SSL certificate error</title></head>\r\n"
                   "<body>\r\n"
                   "<center><h1>400 Bad Request</h1></center>\r\n"
                   "<center>The SSL certificate error</center>\r\n"
                   "<center>certificate_expired: The client certificate has expired.</center>\r\n"
                   "<center>Trace id: 0123456789abcdef0123456789abcdef</center>\r\n"
                   "<hr><center>sallyport</center>\r\n"
                   "</body>\r\n"
                   "</html>\r\n");
    facts = facts_of(REASON_BACKEND_RESPONSE_TIMEOUT, "sallyport");
    answered = answer(&facts);
    assert_content(&answered,
                   "<html>\r\n"
                   "<head><title>504 Gateway Timeout</title></head>\r\n"
                   "<body>\r\n"
                   "<center><h1>504 Gateway Timeout</h1></center>\r\n"
                   "<center>backend_response_timeout: The backend did not answer in time.</center>"
                   "\r\n"
                   "<center>Trace id: 0123456789abcdef0123456789abcdef</center>\r\n"
                   "<hr><center>sallyport</center>\r\n"
                   "</body>\r\n"
                   "</html>\r\n");
}

TEST(a_generic_page_says_no_more_than_nginx_does)
{
    struct answer_facts facts = facts_of(REASON_CERTIFICATE_EXPIRED, "sallyport");
    struct answered answered;

    facts.generic = true;
    answered = answer(&facts);
    assert_content(&answered, "<html>\r\n"
                              "<head><title>400 The SSL certificate error</title></head>\r\n"
                              "<body>\r\n"
                              "<center><h1>400 Bad Request</h1></center>\r\n"
                              "<center>The SSL certificate error</center>\r\n"
                              "<hr><center>sallyport</center>\r\n"
                              "</body>\r\n"
                              "</html>\r\n");
}

TEST(text_from_the_configuration_is_escaped)
{
    struct answer_facts facts = facts_of(REASON_ROUTE_NOT_FOUND, "<b>&\"gate'way\"</b>");
    struct answered answered;

    facts.trace_id = "<i>";
    answered = answer(&facts);
    assert_true(
        has(&answered, "<center>&lt;b&gt;&amp;&quot;gate&#39;way&quot;&lt;/b&gt;</center>"));
    assert_true(has(&answered, "Trace id: &lt;i&gt;"));
}

TEST(nothing_that_a_client_wrote_comes_back)
{
    struct http_field fields[] = {{SLICE("Accept"), SLICE("text/html, forged/type")},
                                  {SLICE("Host"), SLICE("forged")}};
    struct http_request request = {.method = SLICE("forged"),
                                   .target = SLICE("/<script>forged"),
                                   .version = HTTP_VERSION_1_1,
                                   .host = SLICE("forged"),
                                   .path = SLICE("/forged"),
                                   .fields = {fields, COUNT(fields)}};

    for (unsigned i = 0; i < REASON_COUNT; i++) {
        struct answer_facts facts = facts_of((enum reason)i, "sallyport");
        struct answered answered;

        facts.request = &request;
        answered = answer(&facts);
        assert_false(has(&answered, "forged"));
    }
}

TEST(every_reason_has_an_answer_with_an_error_status)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        struct answer_facts facts = facts_of((enum reason)i, "sallyport");
        struct answered answered = answer(&facts);

        assert_true(answered.response.status >= 400 && answered.response.status <= 599);
        assert_value(&answered, "Date", "Sat, 21 Nov 2026 05:00:00 GMT");
        assert_value(&answered, "Server", "sallyport");
        assert_value(&answered, "Cache-Control", "no-store");
        assert_true(has(&answered, reason_name((enum reason)i)));
    }
}

/* ---- the head ---- */

TEST(connection_says_close_when_it_closes)
{
    struct http_request old = {.version = HTTP_VERSION_1_0};
    struct http_request current = {.version = HTTP_VERSION_1_1};
    struct answer_facts facts = facts_of(REASON_ROUTE_NOT_FOUND, "sallyport");
    struct answered answered;

    facts.request = &current;
    answered = answer(&facts);
    assert_value(&answered, "Connection", "(absent)");
    facts.request = &old;
    answered = answer(&facts);
    assert_value(&answered, "Connection", "keep-alive");
    facts.close = true;
    answered = answer(&facts);
    assert_value(&answered, "Connection", "close");
    facts = facts_of(REASON_REQUEST_TIMEOUT, "sallyport");
    answered = answer(&facts);
    assert_value(&answered, "Connection", "close");
}

TEST(a_status_brings_the_fields_that_belong_to_it)
{
    static const struct {
        enum reason reason;
        const char *name;
        const char *value;
    } cases[] = {
        {REASON_DRAINING, "Retry-After", "1"},
        {REASON_BACKEND_BUSY, "Retry-After", "1"},
        {REASON_BUDGET_EXCEEDED, "Retry-After", "1"},
        {REASON_BACKEND_UNREACHABLE, "Retry-After", "(absent)"},
        {REASON_REQUEST_METHOD_UNSUPPORTED, "Allow",
         "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
        {REASON_ROUTE_NOT_FOUND, "Allow", "(absent)"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct answer_facts facts = facts_of(cases[i].reason, "sallyport");
        struct answered answered = answer(&facts);

        assert_value(&answered, cases[i].name, cases[i].value);
    }
}

TEST(an_answer_to_head_has_a_length_and_no_content)
{
    struct http_request request = {.version = HTTP_VERSION_1_1};
    struct answer_facts facts = facts_of(REASON_ROUTE_NOT_FOUND, "sallyport");
    uint64_t length;
    struct answered answered;

    facts.request = &request;
    length = answer(&facts).content.size;
    request.is_head = true;
    answered = answer(&facts);
    assert_int_equal(answered.content.size, 0);
    assert_int_equal(answered.response.content_length, length);
}

TEST(an_answer_that_does_not_fit_is_not_written)
{
    struct answer_facts facts = facts_of(REASON_ROUTE_NOT_FOUND, "sallyport");
    uint64_t content_bytes = 4711;
    struct buffer to;
    size_t whole;

    buffer_init(&to, answer_memory, sizeof(answer_memory));
    assert_true(answer_write(&to, &facts, &content_bytes));
    whole = to.written;
    content_bytes = 4711;
    for (size_t capacity = 0; capacity < whole; capacity++) {
        buffer_init(&to, answer_memory, capacity);
        assert_false(answer_write(&to, &facts, &content_bytes));
        assert_int_equal(to.written, 0);
        assert_int_equal(content_bytes, 4711);
    }
    buffer_init(&to, answer_memory, whole);
    assert_true(answer_write(&to, &facts, &content_bytes));
}

/* ---- problem details ---- */

static struct answered answer_to(struct answer_facts facts, struct http_field *fields, size_t count)
{
    struct http_request request = {.version = HTTP_VERSION_1_1, .fields = {fields, count}};

    facts.request = &request;
    return answer(&facts);
}

TEST(who_asks_for_json_gets_problem_details)
{
    struct http_field accept = {SLICE("accept"), SLICE("application/json")};
    struct answered answered =
        answer_to(facts_of(REASON_CERTIFICATE_EXPIRED, "sallyport"), &accept, 1);

    assert_value(&answered, "Content-Type", "application/problem+json");
    assert_int_equal(answered.response.status, 400);
    assert_content(&answered, "{\"type\":\"urn:sallyport:reason:certificate_expired\","
                              "\"title\":\"The SSL certificate error\","
                              "\"status\":400,"
                              "\"detail\":\"The client certificate has expired.\","
                              "\"reason\":\"certificate_expired\","
                              "\"trace_id\":\"0123456789abcdef0123456789abcdef\"}\n");
    answered = answer_to(facts_of(REASON_ROUTE_NOT_FOUND, "sallyport"), &accept, 1);
    assert_content(&answered, "{\"type\":\"urn:sallyport:reason:route_not_found\","
                              "\"title\":\"Not Found\","
                              "\"status\":404,"
                              "\"detail\":\"No route of the listener matches the request.\","
                              "\"reason\":\"route_not_found\","
                              "\"trace_id\":\"0123456789abcdef0123456789abcdef\"}\n");
}

TEST(generic_problem_details_keep_the_certificates_reason_to_themselves)
{
    struct http_field accept = {SLICE("Accept"), SLICE("application/problem+json")};
    struct answer_facts facts = facts_of(REASON_CERTIFICATE_EXPIRED, "sallyport");
    struct answered answered;

    facts.generic = true;
    answered = answer_to(facts, &accept, 1);
    assert_content(&answered, "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,"
                              "\"trace_id\":\"0123456789abcdef0123456789abcdef\"}\n");
    facts.reason = REASON_ROUTE_NOT_FOUND;
    facts.trace_id = NULL;
    answered = answer_to(facts, &accept, 1);
    assert_true(has(&answered, "\"reason\":\"route_not_found\""));
    assert_false(has(&answered, "trace_id"));
}

TEST(json_is_for_who_names_it_and_prefers_it_to_a_page)
{
    static const struct {
        const char *accept;
        bool json;
    } cases[] = {
        {"application/json", true},
        {"application/problem+json", true},
        {"Application/JSON;charset=utf-8", true},
        {"application/json, text/plain, */*", true},
        {"application/json, */*;q=0.5", true},
        {"text/html;q=0.8, application/json", true},
        {"text/html;q=0.8 , application/json ; q=0.9", true},
        {"text/html;q=0,application/json;q=0.001", true},
        {"application/json;q=1.000,text/html;q=0.999", true},
        {"application/json;q=0.5;q=1, text/html;q=0.6", false},
        {"application/json;v=1;Q=0.7, text/html;q=0.6", true},
        {"text/html;q=0.1, application/json;q=0.2, text/html;q=0.05", true},
        {"application/json, text/*;q=0.9", true},
        {"", false},
        {"*/*", false},
        {"application/*", false},
        {"application/xml", false},
        {"text/html", false},
        {"text/html, application/json", false},
        {"application/json, text/html", false},
        {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
        {"application/json;q=0.5, */*", false},
        {"application/json;q=0.5, text/*;q=0.6, */*;q=0.1", false},
        {"application/json;q=0.5, text/html;q=0.6", false},
        {"application/json;q=0", false},
        {"application/json;q=0.000, */*;q=0", false},
        {"application/json;q=2", false},
        {"application/json;q=1.001", false},
        {"application/json;q=-1", false},
        {"application/json;q=0.1234", false},
        {"application/json;q=", false},
        {"application/json;q=high", false},
        {"application/jsonx", false},
        {"application/json-seq", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_field accept = {SLICE("Accept"), slice_from_text(cases[i].accept)};
        struct answered answered =
            answer_to(facts_of(REASON_ROUTE_NOT_FOUND, "sallyport"), &accept, 1);

        if ((answered.content.data[0] == '{') != cases[i].json)
            print_error("%s\n", cases[i].accept);
        assert_int_equal(answered.content.data[0] == '{', cases[i].json);
    }
}

TEST(several_accept_fields_are_one_list)
{
    struct http_field fields[] = {{SLICE("Accept"), SLICE("text/html;q=0.5")},
                                  {SLICE("Accept"), SLICE("application/json")}};
    struct answered answered =
        answer_to(facts_of(REASON_ROUTE_NOT_FOUND, "sallyport"), fields, COUNT(fields));

    assert_value(&answered, "Content-Type", "application/problem+json");
    fields[0].value = SLICE("text/html");
    answered = answer_to(facts_of(REASON_ROUTE_NOT_FOUND, "sallyport"), fields, COUNT(fields));
    assert_value(&answered, "Content-Type", "text/html");
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(under_azures_name_pages_are_azures_to_the_byte),
        cmocka_unit_test(azure_has_no_other_form_of_answer),
        cmocka_unit_test(a_page_says_why_and_gives_something_to_find_it_by),
        cmocka_unit_test(a_generic_page_says_no_more_than_nginx_does),
        cmocka_unit_test(text_from_the_configuration_is_escaped),
        cmocka_unit_test(nothing_that_a_client_wrote_comes_back),
        cmocka_unit_test(every_reason_has_an_answer_with_an_error_status),
        cmocka_unit_test(connection_says_close_when_it_closes),
        cmocka_unit_test(a_status_brings_the_fields_that_belong_to_it),
        cmocka_unit_test(an_answer_to_head_has_a_length_and_no_content),
        cmocka_unit_test(an_answer_that_does_not_fit_is_not_written),
        cmocka_unit_test(who_asks_for_json_gets_problem_details),
        cmocka_unit_test(generic_problem_details_keep_the_certificates_reason_to_themselves),
        cmocka_unit_test(json_is_for_who_names_it_and_prefers_it_to_a_page),
        cmocka_unit_test(several_accept_fields_are_one_list));
}
