/* SPDX-License-Identifier: Apache-2.0
 *
 * The request head that a backend sees, and everything that a client may try in order to have a
 * word in it: names of others in all spellings, Connection, framing, and identities that are not
 * its own.
 */
#include "support/test.h"

#include <ctype.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/rewrite/rewrite.h"
#include "protocol/http/http_read.h"
#include "protocol/x509/trust_store.h"
#include "runtime/memory.h"
#include "support/certificate_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { HEAD_BYTES_MAX = 64 * 1024, FIELDS_MAX = 100 };

static const char trace_id[] = "0123456789abcdef0123456789abcdef";

/* ---- helpers ---- */

static char head_memory[HEAD_BYTES_MAX];
static char read_memory[HEAD_BYTES_MAX];
static char read_again_memory[HEAD_BYTES_MAX];
static char facts_memory[HEAD_BYTES_MAX];
static struct arena facts_arena;

static const struct authentication anonymous = {.reason = REASON_NONE};

static struct rewrite_request_facts facts_of(enum client_certificate_mode mode)
{
    arena_init(&facts_arena, facts_memory, sizeof(facts_memory));
    return (struct rewrite_request_facts){
        .forwarded_for = SLICE("192.0.2.7"),
        .listener_port = 8443,
        .trace_id = trace_id,
        .pseudonym = SLICE("sallyport"),
        .host = SLICE("api.example.com"),
        .authentication = &anonymous,
        .mode = mode,
        .arena = &facts_arena,
    };
}

static struct http_read read_head(struct slice text, char *memory, struct http_request *request)
{
    static const struct http_limits limits = {HEAD_BYTES_MAX, 8192, FIELDS_MAX};
    struct http_read_progress progress = {0};
    struct arena arena;

    arena_init(&arena, memory, HEAD_BYTES_MAX);
    return http_read_request(text, &limits, &progress, &arena, request);
}

static struct http_request request_from(const char *text)
{
    struct http_request request = {0};
    struct http_read read = read_head(slice_from_text(text), read_memory, &request);

    if (read.outcome != HTTP_READ_COMPLETE)
        print_error("%s\n%s\n", text, reason_name(read.reason));
    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    return request;
}

/* Fields that the reader would refuse, as a listener that lets them pass may have them. */
static struct http_request request_with(struct http_field *fields, size_t count)
{
    return (struct http_request){
        .method = SLICE("GET"),
        .version = HTTP_VERSION_1_1,
        .authority = SLICE("api.example.com"),
        .host = SLICE("api.example.com"),
        .path = SLICE("/"),
        .fields = {fields, count},
        .keep_alive = true,
    };
}

struct outgoing {
    enum reason reason;
    struct slice head;
    size_t stripped;
    struct http_request request; /* the head, read again */
};

static struct outgoing rewrite_into(const struct rewrite_settings *settings,
                                    const struct http_request *request,
                                    const struct rewrite_request_facts *facts, size_t capacity)
{
    struct http_name_set *owned = rewrite_owned_names_create();
    struct rewrite_plan *plan = rewrite_plan_create(settings, owned);
    struct outgoing outgoing = {.stripped = 4711};
    struct buffer to;

    for (size_t i = 0; i < settings->identity_header_count; i++)
        http_name_set_add(owned, slice_from_text(settings->identity_headers[i].name));
    buffer_init(&to, head_memory, capacity);
    outgoing.reason = rewrite_request_head(plan, request, facts, &to, &outgoing.stripped);
    outgoing.head = buffer_readable(&to);
    if (outgoing.reason == REASON_NONE)
        assert_int_equal(read_head(outgoing.head, read_again_memory, &outgoing.request).outcome,
                         HTTP_READ_COMPLETE);
    else
        assert_true(outgoing.head.size == 0 && outgoing.stripped == 4711);
    rewrite_plan_destroy(plan);
    http_name_set_destroy(owned);
    return outgoing;
}

static struct outgoing rewrite(const struct rewrite_settings *settings,
                               const struct http_request *request,
                               const struct rewrite_request_facts *facts)
{
    return rewrite_into(settings, request, facts, sizeof(head_memory));
}

static struct outgoing rewrite_plainly(const struct http_request *request)
{
    static const struct rewrite_settings settings = {0};
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_REQUIRED);

    return rewrite(&settings, request, &facts);
}

static struct slice value_of(const struct outgoing *outgoing, const char *name)
{
    const struct http_field *field =
        http_fields_find(&outgoing->request.fields, slice_from_text(name));

    return field == NULL ? SLICE("(absent)") : field->value;
}

static void assert_value(const struct outgoing *outgoing, const char *name, const char *value)
{
    struct slice given = value_of(outgoing, name);

    if (!slice_equals(given, slice_from_text(value)))
        print_error("%s: %.*s, not %s\n", name, SLICE_FORMAT(given), value);
    assert_true(slice_equals(given, slice_from_text(value)));
    assert_true(http_fields_count(&outgoing->request.fields, slice_from_text(name)) <= 1);
}

/* Is any field's folded name this one? */
static size_t count_folded(const struct outgoing *outgoing, struct slice name)
{
    size_t count = 0;

    for (size_t i = 0; i < outgoing->request.fields.count; i++) {
        if (http_name_folds_equal(outgoing->request.fields.items[i].name, name))
            count++;
    }
    return count;
}

/* ---- the head ---- */

TEST(a_head_is_written_anew_with_what_only_we_know)
{
    struct http_request request = request_from("POST //a/%62?x=1&y HTTP/1.1\r\n"
                                               "Accept: text/plain\r\n"
                                               "Host: API.example.com:8443\r\n"
                                               "Content-Length: 5\r\n"
                                               "Cookie: a=1\r\n"
                                               "\r\n");
    struct outgoing outgoing = rewrite_plainly(&request);

    assert_int_equal(outgoing.reason, REASON_NONE);
    assert_int_equal(outgoing.stripped, 0);
    assert_true(
        slice_equals(outgoing.head, SLICE("POST /a/b?x=1&y HTTP/1.1\r\n"
                                          "Host: api.example.com\r\n"
                                          "Accept: text/plain\r\n"
                                          "Cookie: a=1\r\n"
                                          "Content-Length: 5\r\n"
                                          "Via: 1.1 sallyport\r\n"
                                          "X-Forwarded-For: 192.0.2.7\r\n"
                                          "X-Forwarded-Proto: https\r\n"
                                          "X-Forwarded-Port: 8443\r\n"
                                          "X-Forwarded-Host: API.example.com:8443\r\n"
                                          "X-Original-Host: API.example.com:8443\r\n"
                                          "X-AppGW-Trace-Id: 0123456789abcdef0123456789abcdef\r\n"
                                          "\r\n")));
}

TEST(the_host_is_the_one_that_was_chosen_whatever_the_client_called_it)
{
    static const struct rewrite_settings settings = {0};
    struct http_request request = request_from("GET http://asked.example/x HTTP/1.1\r\n"
                                               "Host: asked.example\r\n\r\n");
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_REQUIRED);
    struct outgoing outgoing;

    facts.host = SLICE("backend.internal:8080");
    outgoing = rewrite(&settings, &request, &facts);
    assert_value(&outgoing, "Host", "backend.internal:8080");
    assert_value(&outgoing, "X-Forwarded-Host", "asked.example");
    assert_value(&outgoing, "X-Original-Host", "asked.example");
    assert_true(slice_equals(outgoing.request.path, SLICE("/x")));
}

TEST(framing_is_ours_and_says_what_the_reader_found)
{
    static const struct {
        const char *fields;
        enum http_framing framing;
        uint64_t content_length;
        bool has_content_length;
    } cases[] = {
        {"", HTTP_FRAMING_NONE, 0, false},
        {"Content-Length: 0\r\n", HTTP_FRAMING_NONE, 0, true},
        {"Content-Length: 9007199254740993\r\n", HTTP_FRAMING_LENGTH, 9007199254740993, true},
        {"Content-Length: 7\r\n", HTTP_FRAMING_LENGTH, 7, true},
        {"transfer-encoding: CHUNKED\r\n", HTTP_FRAMING_CHUNKED, 0, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[256];
        struct http_request request;
        struct outgoing outgoing;

        snprintf(text, sizeof(text), "PUT / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
        request = request_from(text);
        outgoing = rewrite_plainly(&request);
        assert_int_equal(outgoing.request.framing, cases[i].framing);
        assert_int_equal(outgoing.request.content_length, cases[i].content_length);
        assert_int_equal(outgoing.request.has_content_length, cases[i].has_content_length);
        assert_true(count_folded(&outgoing, SLICE("Content-Length")) +
                        count_folded(&outgoing, SLICE("Transfer-Encoding")) <=
                    1);
    }
}

TEST(a_message_whose_end_nobody_knows_is_not_forwarded)
{
    struct http_request request = request_from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

    request.framing = HTTP_FRAMING_UNTIL_CLOSE;
    assert_int_equal(rewrite_plainly(&request).reason, REASON_REQUEST_FRAMING_AMBIGUOUS);
}

TEST(hop_by_hop_fields_stay_behind)
{
    struct http_request request = request_from("GET / HTTP/1.1\r\n"
                                               "Host: a\r\n"
                                               "Connection: keep-alive, X-Secret, TE\r\n"
                                               "CONNECTION: x-other\r\n"
                                               "Keep-Alive: timeout=5\r\n"
                                               "Proxy-Connection: keep-alive\r\n"
                                               "Proxy-Authorization: Basic eA==\r\n"
                                               "TE: trailers\r\n"
                                               "Trailer: X-Check\r\n"
                                               "Upgrade: websocket\r\n"
                                               "HTTP2-Settings: AAMAAABk\r\n"
                                               "X-Secret: 1\r\n"
                                               "x-OTHER: 2\r\n"
                                               "Expect: 100-continue\r\n"
                                               "Authorization: Bearer a\r\n"
                                               "\r\n");
    struct outgoing outgoing = rewrite_plainly(&request);
    static const char *const gone[] = {
        "Keep-Alive", "Proxy-Connection", "Proxy-Authorization",
        "Trailer",    "Upgrade",          "HTTP2-Settings",
        "X-Secret",   "X-Other",          "Expect",
    };

    assert_int_equal(outgoing.reason, REASON_NONE);
    assert_int_equal(outgoing.stripped, 0);
    for (size_t i = 0; i < COUNT(gone); i++)
        assert_value(&outgoing, gone[i], "(absent)");
    assert_value(&outgoing, "Authorization", "Bearer a");
    assert_value(&outgoing, "Connection", "TE");
    assert_value(&outgoing, "TE", "trailers");
}

TEST(trailers_are_wanted_from_a_backend_where_the_client_can_take_them)
{
    static const struct {
        struct slice text;
        const char *te;
    } cases[] = {
        {SLICE_STATIC("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "(absent)"},
        {SLICE_STATIC("GET / HTTP/1.1\r\nHost: a\r\nTE: deflate;q=0.5\r\n\r\n"), "(absent)"},
        {SLICE_STATIC("GET / HTTP/1.1\r\nHost: a\r\nTE: xtrailers\r\n\r\n"), "(absent)"},
        {SLICE_STATIC("GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, Trailers\r\n\r\n"), "trailers"},
        {SLICE_STATIC("GET / HTTP/1.1\r\nHost: a\r\nTE: gzip\r\nte: trailers\r\n\r\n"), "trailers"},
        {SLICE_STATIC("GET / HTTP/1.0\r\nHost: a\r\nTE: trailers\r\n\r\n"), "(absent)"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_request request = request_from(cases[i].text.data);
        struct outgoing outgoing = rewrite_plainly(&request);

        assert_value(&outgoing, "TE", cases[i].te);
    }
}

TEST(trailers_are_announced_where_they_can_come_and_may)
{
    struct http_request request =
        request_from("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                     "Trailer: X-Arr-ClientCert, X-Check, Content-Length\r\n\r\n");
    struct outgoing outgoing = rewrite_plainly(&request);

    assert_value(&outgoing, "Trailer", "X-Check");
    request = request_from("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                           "Trailer: X-Check\r\n\r\n");
    outgoing = rewrite_plainly(&request);
    assert_value(&outgoing, "Trailer", "(absent)");
}

TEST(a_backend_is_asked_to_continue_where_the_client_waits_for_it)
{
    struct http_request request = request_from("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                                               "Expect: 100-continue\r\n\r\n");
    static const struct rewrite_settings settings = {0};
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_NONE);
    struct outgoing outgoing;

    facts.expects_continue = true;
    outgoing = rewrite(&settings, &request, &facts);
    assert_value(&outgoing, "Expect", "100-continue");
    request = request_from("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                           "Expect: 100-continue\r\n\r\n");
    outgoing = rewrite(&settings, &request, &facts);
    assert_value(&outgoing, "Expect", "(absent)");
}

TEST(the_hops_that_options_may_still_make_are_counted_down)
{
    static const struct {
        const char *text;
        const char *left;
        enum reason reason;
        bool ends_here;
    } cases[] = {
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 7\r\n\r\n", "6", REASON_NONE, false},
        {"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n", "0", REASON_NONE, false},
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", "(absent)", REASON_NONE, true},
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", "(absent)", REASON_NONE, false},
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: x\r\n\r\n", "(absent)",
         REASON_REQUEST_HEADER_MALFORMED, true},
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: -1\r\n\r\n", "(absent)",
         REASON_REQUEST_HEADER_MALFORMED, true},
        {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nMax-Forwards: 2\r\n\r\n", "(absent)",
         REASON_REQUEST_HEADER_MALFORMED, true},
        {"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", "0", REASON_NONE, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_request request = request_from(cases[i].text);
        struct outgoing outgoing = rewrite_plainly(&request);
        bool ends_here = !cases[i].ends_here;

        assert_int_equal(rewrite_check_hops(&request, SLICE("sallyport"), &ends_here),
                         cases[i].reason);
        assert_int_equal(ends_here, cases[i].ends_here);
        assert_value(&outgoing, "Max-Forwards", cases[i].left);
    }
}

TEST(a_request_that_was_here_before_is_recognised)
{
    static const struct {
        const char *via;
        bool is_loop;
    } cases[] = {
        {"1.1 sallyport", true},
        {"1.0 cdn, 1.1 SallyPort", true},
        {"HTTP/1.1 sallyport (with a comment), 1.1 last", true},
        {"1.1 \t sallyport", true},
        {"1.1 sallyport-2", false},
        {"1.1 my.sallyport", false},
        {"sallyport", false},
        {"1.1 cdn (sallyport)", false},
        {"", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[256];
        struct http_request request;
        bool ends_here;

        (void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nVia: x\r\nVia: %s\r\n\r\n",
                       cases[i].via);
        request = request_from(text);
        assert_int_equal(rewrite_check_hops(&request, SLICE("sallyport"), &ends_here),
                         cases[i].is_loop ? REASON_REQUEST_LOOP : REASON_NONE);
    }
}

TEST(via_names_the_version_in_which_a_request_came_and_keeps_earlier_proxies)
{
    struct http_request request = request_from("GET / HTTP/1.0\r\nHost: a\r\nVia: 1.1 cdn\r\n\r\n");
    struct outgoing outgoing = rewrite_plainly(&request);
    const struct http_fields *fields = &outgoing.request.fields;
    struct slice last = SLICE("");

    assert_int_equal(http_fields_count(fields, SLICE("Via")), 2);
    assert_true(slice_equals(value_of(&outgoing, "Via"), SLICE("1.1 cdn")));
    for (size_t i = 0; i < fields->count; i++) {
        if (slice_equals(fields->items[i].name, SLICE("Via")))
            last = fields->items[i].value;
    }
    assert_true(slice_equals(last, SLICE("1.0 sallyport")));
}

TEST(repeated_fields_pass_in_their_order)
{
    struct http_request request = request_from("GET / HTTP/1.1\r\nHost: a\r\n"
                                               "X-List: 1\r\nAccept: */*\r\nX-List: 2\r\n\r\n");
    struct outgoing outgoing = rewrite_plainly(&request);

    assert_int_equal(http_fields_count(&outgoing.request.fields, SLICE("X-List")), 2);
    assert_value(&outgoing, "Accept", "*/*");
    assert_true(slice_equals(value_of(&outgoing, "X-List"), SLICE("1")));
}

/* ---- traces ---- */

#define TRACE_FIELDS                                                                               \
    "TraceParent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"                     \
    "Tracestate: a=1\r\n"

static struct outgoing rewrite_traced(const struct http_trace *trace)
{
    static const struct rewrite_settings settings = {0};
    struct http_request request = request_from("GET / HTTP/1.1\r\n"
                                               "Host: api.example.com\r\n" TRACE_FIELDS "\r\n");
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_NONE);

    facts.trace = trace;
    return rewrite(&settings, &request, &facts);
}

TEST(the_backend_is_told_of_the_trace_by_us_alone)
{
    struct http_trace trace = {.id = "4bf92f3577b34da6a3ce929d0e0e4736",
                               .span_id = "0123456789abcdef",
                               .is_sampled = true};
    struct outgoing outgoing = rewrite_traced(&trace);

    assert_int_equal(outgoing.reason, REASON_NONE);
    assert_value(&outgoing, "traceparent",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736-0123456789abcdef-01");
    assert_value(&outgoing, "tracestate", "(absent)");

    trace.is_continued = true;
    outgoing = rewrite_traced(&trace);
    assert_value(&outgoing, "traceparent",
                 "00-4bf92f3577b34da6a3ce929d0e0e4736-0123456789abcdef-01");
    assert_value(&outgoing, "tracestate", "a=1");

    outgoing = rewrite_traced(NULL);
    assert_value(&outgoing, "traceparent", "(absent)");
    assert_value(&outgoing, "tracestate", "(absent)");
}

/* ---- names that are ours ---- */

/* A considered selection of every family; all of them carry an identity or an origin somewhere. */
static const char *const our_names[] = {
    "Client-Cert",
    "Client-Cert-Chain",
    "X-ARR-ClientCert",
    "X-ARR-SSL",
    "X-ARR-LOG-ID",
    "X-ARR-Anything",
    "X-AppGW-Trace-Id",
    "X-Client-Cert-Verification",
    "X-Client-Cert-Anything",
    "X-Client-Cert",
    "X-Client-Cert1",
    "Client-Certificate",
    "X-ClientCertDN",
    "X-Client-Certificate",
    "X-Client-Certificate-Subject",
    "X-Client-Subject",
    "X-Client-Verify",
    "X-Client-DN",
    "SSL_CLIENT_VERIFY",
    "SSL_CLIENT_CERT",
    "SSL_CLIENT_S_DN",
    "SSL_CLIENT_S_DN_CN",
    "SSL_CLIENT_SAN_DNS_0",
    "SSL_SESSION_ID",
    "X-SSL",
    "X-SSL-Client-Cert",
    "X-SSL-Client-Verify",
    "X-SSL-Client-DN",
    "X-SSL-Whatever",
    "ssl-client-subject-dn",
    "SSLClientCertb64",
    "X-Forwarded-Client-Cert",
    "X-Forwarded-Tls-Client-Cert",
    "X-Forwarded-Tls-Client-Cert-Info",
    "X-Amzn-Mtls-Clientcert",
    "X-Amzn-Mtls-Clientcert-Serial-Number",
    "X-Amzn-Mtls-Clientcert-Leaf",
    "Cf-Client-Cert-Der-Base64",
    "Cf-Client-Cert-Sha256",
    "Cf-Cert-Verified",
    "Remote-User",
    "X-Remote-User",
    "X-Remote-Extra-Scopes",
    "X-WebAuth-User",
    "X-Consumer-Username",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "WL-Proxy-Client-Cert",
    "$WSCC",
    "Forwarded",
    "X-Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Host",
    "X-Forwarded-User",
    "X-Forwarded-Prefix",
    "X-Original-Host",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Real-IP",
    "Client-IP",
    "True-Client-IP",
    "Proxy",
    "Front-End-Https",
};

/* What we write ourselves when nobody was verified. */
static bool is_written_by_us(struct slice name)
{
    static const char *const written[] = {
        "X-Forwarded-For",  "X-Forwarded-Proto", "X-Forwarded-Port",
        "X-Forwarded-Host", "X-Original-Host",   "X-AppGW-Trace-Id",
    };

    for (size_t i = 0; i < COUNT(written); i++) {
        if (http_name_folds_equal(name, slice_from_text(written[i])))
            return true;
    }
    return false;
}

static void assert_is_stripped(struct slice name)
{
    struct http_field fields[] = {{SLICE("Accept"), SLICE("a")}, {name, SLICE("forged")}};
    struct http_request request = request_with(fields, COUNT(fields));
    struct outgoing outgoing = rewrite_plainly(&request);
    size_t expected = is_written_by_us(name) ? 1 : 0;

    if (outgoing.stripped != 1 || count_folded(&outgoing, name) != expected)
        print_error("%.*s\n", SLICE_FORMAT(name));
    assert_int_equal(outgoing.reason, REASON_NONE);
    assert_int_equal(outgoing.stripped, 1);
    assert_int_equal(count_folded(&outgoing, name), expected);
    for (size_t i = 0; i < outgoing.request.fields.count; i++)
        assert_false(slice_equals(outgoing.request.fields.items[i].value, SLICE("forged")));
}

static void spell(const char *name, char separator, int (*change)(int), char *spelling)
{
    size_t i = 0;

    for (; name[i] != '\0'; i++) {
        char byte = (char)change((unsigned char)name[i]);

        spelling[i] = byte == '-' || byte == '_' || byte == '$' ? separator : byte;
    }
    spelling[i] = '\0';
}

static int keep(int byte)
{
    return byte;
}

static int swap_case(int byte)
{
    return isupper(byte) ? tolower(byte) : toupper(byte);
}

/* CVE-2026-39858, GHSA-f59h-q822-g45g, GHSA-49wc-4hcv-v58q, CVE-2015-0219: CGI and its heirs take
 * these spellings for one name. */
TEST(no_spelling_of_our_names_passes)
{
    static int (*const changes[])(int) = {keep, tolower, toupper, swap_case};
    static const char separators[] = "-_.~!+|^";

    for (size_t i = 0; i < COUNT(our_names); i++) {
        assert_is_stripped(slice_from_text(our_names[i]));
        for (size_t j = 0; j < COUNT(changes); j++) {
            for (size_t k = 0; k + 1 < sizeof(separators); k++) {
                char spelling[64];

                spell(our_names[i], separators[k], changes[j], spelling);
                assert_is_stripped(slice_from_text(spelling));
            }
        }
    }
}

TEST(every_name_of_the_fixed_list_and_every_short_name_is_stripped)
{
    for (size_t i = 0; identity_header_short_name(i) != NULL; i++) {
        struct identity_header_settings headers[IDENTITY_PRESET_MAX];
        size_t count =
            identity_header_find(slice_from_text(identity_header_short_name(i)), headers);

        assert_true(count > 0);
        for (size_t j = 0; j < count; j++)
            assert_is_stripped(slice_from_text(headers[j].name));
    }
}

/* The reader refuses a blank behind a name; should it ever pass, it is no way around. */
TEST(a_name_with_a_blank_behind_it_is_never_forwarded)
{
    static const struct slice names[] = {SLICE_STATIC("Client-Cert "),
                                         SLICE_STATIC("Client-Cert\t"),
                                         SLICE_STATIC(" Client-Cert"), SLICE_STATIC("Client Cert")};

    for (size_t i = 0; i < COUNT(names); i++) {
        struct http_field fields[] = {{names[i], SLICE("forged")}};
        struct http_request request = request_with(fields, COUNT(fields));
        struct outgoing outgoing = rewrite_plainly(&request);

        if (outgoing.reason == REASON_NONE)
            assert_int_equal(outgoing.stripped, 1);
        else
            assert_int_equal(outgoing.reason, REASON_REQUEST_HEADER_MALFORMED);
    }
}

TEST(a_name_that_a_route_of_the_generation_fills_is_stripped_on_every_route)
{
    static const struct rewrite_settings settings = {0};
    struct http_name_set *owned = rewrite_owned_names_create();
    struct rewrite_plan *plan = rewrite_plan_create(&settings, owned);
    struct http_field fields[] = {{SLICE("X_Partner.Identity"), SLICE("forged")}};
    struct http_request request = request_with(fields, COUNT(fields));
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_NONE);
    struct buffer to;
    size_t stripped = 0;

    http_name_set_add(owned, SLICE("X-Partner-Identity"));
    buffer_init(&to, head_memory, sizeof(head_memory));
    assert_int_equal(rewrite_request_head(plan, &request, &facts, &to, &stripped), REASON_NONE);
    assert_int_equal(stripped, 1);
    assert_null(memmem(to.data, to.written, "forged", 6));
    rewrite_plan_destroy(plan);
    rewrite_plan_destroy(NULL);
    http_name_set_destroy(owned);
}

TEST(similar_names_that_are_nobodys_identity_pass)
{
    static const char *const names[] = {
        "X-Client",      "X-Client-Version", "Client",        "X-Request-ID", "X-Forward",
        "X-Originator",  "Remote-Address",   "X-Amzn-Id",     "X-SSLify",     "Cf-Ray",
        "Authorization", "Origin",           "X-Traceparent", "X-Arrow",      "Proxy-Status",
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        struct http_field fields[] = {{slice_from_text(names[i]), SLICE("kept")}};
        struct http_request request = request_with(fields, COUNT(fields));
        struct outgoing outgoing = rewrite_plainly(&request);

        assert_int_equal(outgoing.stripped, 0);
        assert_value(&outgoing, names[i], "kept");
    }
}

/* ---- Connection ---- */

static enum reason check_connection(struct http_field *fields, size_t count)
{
    struct http_name_set *owned = rewrite_owned_names_create();
    struct http_request request = request_with(fields, count);
    enum reason reason = rewrite_check_connection(owned, &request);

    http_name_set_destroy(owned);
    return reason;
}

/* CVE-2022-31813, CVE-2024-45410, CVE-2022-1388. */
TEST(connection_may_not_name_what_is_not_the_clients_to_remove)
{
    static const char *const options[] = {
        "X-ARR-ClientCert",
        "Client-Cert",
        "close, Client-Cert",
        "client_cert",
        "CLIENT.CERT",
        "X-Forwarded-For",
        "x_forwarded_for",
        "X-Forwarded-Anything",
        "Forwarded",
        "X-Real-IP",
        "Host",
        "hOsT",
        "Content-Length",
        "Transfer-Encoding",
        "Transfer_Encoding",
        "Authorization",
        "Cookie",
        "Via",
        "X-AppGW-Trace-Id",
        "X-Original-URL",
        "Proxy",
        "keep-alive,,X-SSL-Client-Verify",
        "a b",
        "\"close\"",
        "close;x",
        "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q",
    };

    for (size_t i = 0; i < COUNT(our_names); i++) {
        struct http_field fields[] = {{SLICE("Connection"), slice_from_text(our_names[i])}};

        assert_int_equal(check_connection(fields, 1), REASON_REQUEST_CONNECTION_MALFORMED);
    }
    for (size_t i = 0; i < COUNT(options); i++) {
        struct http_field fields[] = {{SLICE("cONNECTION"), SLICE("keep-alive")},
                                      {SLICE("CoNnEcTiOn"), slice_from_text(options[i])}};

        if (check_connection(fields, 2) != REASON_REQUEST_CONNECTION_MALFORMED)
            print_error("%s\n", options[i]);
        assert_int_equal(check_connection(fields, 2), REASON_REQUEST_CONNECTION_MALFORMED);
    }
}

TEST(connection_may_name_the_clients_own_fields)
{
    static const char *const options[] = {
        "",
        "close",
        "Keep-Alive",
        "keep-alive, TE",
        "TE",
        "Upgrade",
        "Upgrade, HTTP2-Settings",
        "X-My-Own",
        ",, close ,",
        "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p",
        "close,close,close,close,close,close,close,close,close,close,close,close,TE,close,close,x",
    };

    for (size_t i = 0; i < COUNT(options); i++) {
        struct http_field fields[] = {{SLICE("Connection"), slice_from_text(options[i])}};

        assert_int_equal(check_connection(fields, 1), REASON_NONE);
    }
    assert_int_equal(check_connection(NULL, 0), REASON_NONE);
}

/* Should the check be forgotten: ours are added after the client's were removed. */
TEST(connection_cannot_remove_what_we_add)
{
    struct http_field fields[] = {
        {SLICE("Connection"), SLICE("Host, Via, X-Forwarded-For, X-AppGW-Trace-Id")},
        {SLICE("X-Forwarded-For"), SLICE("198.51.100.1")}};
    struct http_request request = request_with(fields, COUNT(fields));
    struct outgoing outgoing = rewrite_plainly(&request);

    assert_value(&outgoing, "Host", "api.example.com");
    assert_value(&outgoing, "Via", "1.1 sallyport");
    assert_value(&outgoing, "X-Forwarded-For", "192.0.2.7");
    assert_value(&outgoing, "X-AppGW-Trace-Id", trace_id);
}

/* ---- who the client is ---- */

static const struct identity_header_settings all_headers[] = {
    {.name = "Client-Cert", .format = IDENTITY_FORMAT_RFC9440},
    {.name = "Client-Cert-Chain", .format = IDENTITY_FORMAT_RFC9440_CHAIN},
    {.name = "X-ARR-ClientCert", .format = IDENTITY_FORMAT_DER_BASE64},
    {.name = "ssl-client-cert", .format = IDENTITY_FORMAT_PEM_URL},
    {.name = "X-Subject", .format = IDENTITY_FORMAT_SUBJECT},
    {.name = "X-Issuer", .format = IDENTITY_FORMAT_ISSUER},
    {.name = "X-Serial", .format = IDENTITY_FORMAT_SERIAL},
    {.name = "X-Sha256", .format = IDENTITY_FORMAT_SHA256},
    {.name = "X-Sha1", .format = IDENTITY_FORMAT_SHA1},
    {.name = "X-Principal", .format = IDENTITY_FORMAT_PRINCIPAL},
};

static const struct identity_header_settings verification_header[] = {
    {.name = "X-Client-Cert-Verification", .format = IDENTITY_FORMAT_VERIFICATION}};

static const struct rewrite_settings all_settings = {.identity_headers = all_headers,
                                                     .identity_header_count = COUNT(all_headers),
                                                     .forward_unverified = false};
static const struct rewrite_settings unverified_settings = {.identity_headers = all_headers,
                                                            .identity_header_count =
                                                                COUNT(all_headers),
                                                            .forward_unverified = true};
static const struct rewrite_settings verification_settings = {.identity_headers =
                                                                  verification_header,
                                                              .identity_header_count = 1,
                                                              .forward_unverified = false};

/* A client with a verified certificate, its parts alive as long as this. */
struct verified_client {
    struct fixture root;
    struct fixture intermediate;
    struct fixture leaf;
    struct trust_anchor_source source;
    struct fixture_bytes pem;
    char *path;
    struct judging_context *context;
    struct authentication_stores stores;
    struct presented_certificate *presented;
    struct authentication authentication;
};

static void client_start(struct verified_client *client)
{
    struct trust_profile_settings profile = {
        .anchors = &client->source, .anchor_count = 1, .depth = 4};
    struct verdict_store_settings verdicts = {1 << 20, 1 << 20, 60};
    struct authentication_demand demand = {.mode = CLIENT_CERTIFICATE_REQUIRED};
    STACK_OF(X509) *untrusted = NULL;
    struct error error = {0};

    *client = (struct verified_client){.root = fixture_root("Root")};
    client->intermediate = fixture_intermediate("Issuing", &client->root);
    client->leaf = fixture_leaf("alice", &client->intermediate);
    client->pem = fixture_pem(&client->root.certificate, 1);
    client->path = fixture_file(fixture_bytes_slice(client->pem));
    client->source = (struct trust_anchor_source){.path = client->path};
    client->context = judging_context_create(&profile, &error);
    assert_non_null(client->context);
    client->stores.verdicts = verdict_store_create(&verdicts);
    client->stores.identities = identity_table_create(1 << 20, ~0U);
    untrusted = fixture_chain(&client->intermediate.certificate, 1);
    client->presented = presented_certificate_create(client->leaf.certificate, untrusted);
    fixture_chain_free(untrusted);
    demand.context = client->context;
    client->authentication =
        authentication_check(&demand, client->presented, &client->stores, FIXTURE_NOW);
    assert_string_equal(reason_name(client->authentication.reason), "none");
    assert_non_null(client->authentication.identity);
}

static void client_end(struct verified_client *client)
{
    authentication_reset(&client->authentication);
    presented_certificate_release(client->presented);
    identity_table_destroy(client->stores.identities);
    verdict_store_destroy(client->stores.verdicts);
    judging_context_release(client->context);
    unlink(client->path);
    free(client->path);
    free(client->pem.data);
    fixture_free(&client->leaf);
    fixture_free(&client->intermediate);
    fixture_free(&client->root);
}

static const char forging_request[] = "GET / HTTP/1.1\r\nHost: a\r\n"
                                      "Client-Cert: :Zm9yZ2Vk:\r\n"
                                      "X-ARR-ClientCert: forged\r\n"
                                      "X-Client-Cert-Verification: SUCCESS\r\n"
                                      "X-Subject: CN=forged\r\n\r\n";

/* GHSA-7r4p-vjf4-gxv4: nothing verified, and the client says it itself. */
static void assert_no_identity(const struct outgoing *outgoing)
{
    assert_int_equal(outgoing->reason, REASON_NONE);
    for (size_t i = 0; i < COUNT(all_headers); i++)
        assert_value(outgoing, all_headers[i].name, "(absent)");
    assert_null(memmem(outgoing->head.data, outgoing->head.size, "forged", 6));
    assert_null(memmem(outgoing->head.data, outgoing->head.size, "alice", 5));
}

TEST(a_verified_client_is_introduced_in_every_format)
{
    struct verified_client client;
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_REQUIRED);
    struct http_request request = request_from(forging_request);
    struct outgoing outgoing;

    client_start(&client);
    facts.authentication = &client.authentication;
    facts.presented = client.presented;
    outgoing = rewrite(&all_settings, &request, &facts);
    assert_int_equal(outgoing.reason, REASON_NONE);
    assert_int_equal(outgoing.stripped, 4);
    for (size_t i = 0; i < COUNT(all_headers); i++) {
        struct slice value = identity_header(client.authentication.identity, all_headers[i].format);

        assert_true(value.size > 0);
        assert_true(slice_equals(value_of(&outgoing, all_headers[i].name), value));
        assert_int_equal(count_folded(&outgoing, slice_from_text(all_headers[i].name)), 1);
    }
    assert_value(&outgoing, "X-Subject", "CN=alice");
    assert_value(&outgoing, "X-Client-Cert-Verification", "(absent)");

    outgoing = rewrite(&verification_settings, &request, &facts);
    assert_value(&outgoing, "X-Client-Cert-Verification", "SUCCESS");
    outgoing = rewrite(&unverified_settings, &request, &facts);
    assert_value(&outgoing, "X-Client-Cert-Verification", "SUCCESS");
    client_end(&client);
}

TEST(who_was_not_verified_has_no_identity_headers)
{
    static const enum client_certificate_mode modes[] = {
        CLIENT_CERTIFICATE_REQUIRED, CLIENT_CERTIFICATE_OPTIONAL, CLIENT_CERTIFICATE_UNVERIFIED,
        CLIENT_CERTIFICATE_NONE};
    struct http_request request = request_from(forging_request);

    for (size_t i = 0; i < COUNT(modes); i++) {
        struct rewrite_request_facts facts = facts_of(modes[i]);
        struct outgoing outgoing = rewrite(&all_settings, &request, &facts);

        assert_no_identity(&outgoing);
        assert_value(&outgoing, "X-Client-Cert-Verification", "(absent)");
        outgoing = rewrite(&verification_settings, &request, &facts);
        assert_value(&outgoing, "X-Client-Cert-Verification",
                     modes[i] == CLIENT_CERTIFICATE_NONE ? "(absent)" : "NONE");
    }
}

TEST(a_certificate_that_was_only_shown_is_no_identity)
{
    struct verified_client client;
    struct http_request request = request_from(forging_request);
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_UNVERIFIED);
    struct outgoing outgoing;

    client_start(&client);
    facts.presented = client.presented;
    outgoing = rewrite(&all_settings, &request, &facts);
    assert_no_identity(&outgoing);
    outgoing = rewrite(&verification_settings, &request, &facts);
    assert_value(&outgoing, "X-Client-Cert-Verification", "NONE");

    /* Not even with `unverified: true`, where the mode would have judged it. */
    facts = facts_of(CLIENT_CERTIFICATE_OPTIONAL);
    facts.presented = client.presented;
    outgoing = rewrite(&unverified_settings, &request, &facts);
    assert_no_identity(&outgoing);
    assert_value(&outgoing, "X-Client-Cert-Verification", "NONE");
    client_end(&client);
}

TEST(what_was_not_verified_is_forwarded_where_a_route_says_so_and_says_that_it_was_not)
{
    struct verified_client client;
    struct http_request request = request_from(forging_request);
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_UNVERIFIED);
    struct outgoing outgoing;

    client_start(&client);
    facts.presented = client.presented;
    outgoing = rewrite(&unverified_settings, &request, &facts);
    assert_int_equal(outgoing.reason, REASON_NONE);
    assert_value(&outgoing, "X-Client-Cert-Verification", "PASSTHROUGH");
    assert_value(&outgoing, "X-Subject", "CN=alice");
    assert_true(
        slice_equals(value_of(&outgoing, "X-ARR-ClientCert"),
                     identity_header(client.authentication.identity, IDENTITY_FORMAT_DER_BASE64)));
    assert_value(&outgoing, "X-Principal", "(absent)");
    assert_value(&outgoing, "Client-Cert-Chain", "(absent)");

    facts.presented = NULL;
    outgoing = rewrite(&unverified_settings, &request, &facts);
    assert_no_identity(&outgoing);
    assert_value(&outgoing, "X-Client-Cert-Verification", "NONE");
    client_end(&client);
}

TEST(the_verification_header_has_the_name_that_the_route_gives_it)
{
    static const struct identity_header_settings headers[] = {
        {.name = "X-Verified", .format = IDENTITY_FORMAT_VERIFICATION}};
    static const struct rewrite_settings settings = {
        .identity_headers = headers, .identity_header_count = 1, .forward_unverified = true};
    struct http_request request = request_from(forging_request);
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_UNVERIFIED);
    struct outgoing outgoing = rewrite(&settings, &request, &facts);

    assert_value(&outgoing, "X-Verified", "NONE");
    assert_value(&outgoing, "X-Client-Cert-Verification", "(absent)");
}

/* A route on which certificates play no part says nothing about them, whatever it was given. */
TEST(mode_none_never_yields_an_identity_header)
{
    struct verified_client client;
    struct http_request request = request_from(forging_request);
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_NONE);
    struct outgoing outgoing;

    client_start(&client);
    facts.presented = client.presented;
    facts.authentication = &client.authentication;
    outgoing = rewrite(&unverified_settings, &request, &facts);
    assert_no_identity(&outgoing);
    assert_value(&outgoing, "X-Client-Cert-Verification", "(absent)");
    outgoing = rewrite(&verification_settings, &request, &facts);
    assert_value(&outgoing, "X-Client-Cert-Verification", "(absent)");
    client_end(&client);
}

/* Traefik #13260: the next request without a certificate must not inherit the last one's. */
TEST(an_identity_does_not_outlive_its_request)
{
    struct verified_client client;
    struct http_request request = request_from(forging_request);
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_OPTIONAL);
    struct outgoing outgoing;

    client_start(&client);
    for (size_t i = 0; i < 3; i++) {
        facts.authentication = &client.authentication;
        outgoing = rewrite(&all_settings, &request, &facts);
        assert_value(&outgoing, "X-Subject", "CN=alice");
        facts.authentication = &anonymous;
        outgoing = rewrite(&all_settings, &request, &facts);
        assert_no_identity(&outgoing);
    }
    client_end(&client);
}

TEST(nothing_is_forwarded_for_a_request_that_was_not_authenticated)
{
    struct http_request request = request_from("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    static const struct authentication undecided = {0};
    static const struct authentication refused = {.reason = REASON_CERTIFICATE_EXPIRED};
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_REQUIRED);

    facts.authentication = &undecided;
    assert_int_equal(rewrite(&all_settings, &request, &facts).reason, REASON_INTERNAL);
    facts.authentication = &refused;
    assert_int_equal(rewrite(&all_settings, &request, &facts).reason, REASON_INTERNAL);
    facts.authentication = NULL;
    assert_int_equal(rewrite(&all_settings, &request, &facts).reason, REASON_INTERNAL);
}

/* ---- limits ---- */

TEST(a_head_that_does_not_fit_is_not_written_and_says_whose_fields_were_too_many)
{
    struct verified_client client;
    struct http_request request =
        request_from("GET / HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n");
    struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_REQUIRED);
    size_t anonymous_size;
    size_t whole_size;

    client_start(&client);
    anonymous_size = rewrite(&all_settings, &request, &facts).head.size;
    facts.authentication = &client.authentication;
    whole_size = rewrite(&all_settings, &request, &facts).head.size;
    for (size_t capacity = 0; capacity < whole_size; capacity += 1 + capacity / 64) {
        enum reason reason = rewrite_into(&all_settings, &request, &facts, capacity).reason;

        assert_int_equal(reason, capacity < anonymous_size - 2 ? REASON_REQUEST_HEADER_TOO_LARGE
                                                               : REASON_IDENTITY_HEADER_TOO_LARGE);
    }
    assert_int_equal(rewrite_into(&all_settings, &request, &facts, whole_size).reason, REASON_NONE);
    client_end(&client);
}

TEST(a_presented_certificate_without_room_is_refused_and_not_left_out)
{
    static const enum identity_format formats[] = {
        IDENTITY_FORMAT_DER_BASE64, IDENTITY_FORMAT_RFC9440, IDENTITY_FORMAT_PEM_URL};
    struct verified_client client;
    struct http_request request = request_from(forging_request);

    client_start(&client);
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct identity_header_settings header = {"X-Certificate", formats[i]};
        struct rewrite_settings settings = {&header, 1, true};
        struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_UNVERIFIED);

        facts.presented = client.presented;
        arena_init(&facts_arena, facts_memory, 16);
        assert_int_equal(rewrite(&settings, &request, &facts).reason,
                         REASON_IDENTITY_HEADER_TOO_LARGE);
    }
    client_end(&client);
}

TEST(what_would_be_a_line_of_its_own_is_refused)
{
    static const struct slice values[] = {SLICE_STATIC("a\r\nClient-Cert: :eA==:"),
                                          SLICE_STATIC("a\nb"), SLICE_STATIC("a\rb"),
                                          SLICE_STATIC("a\0b")};
    static const struct rewrite_settings settings = {0};

    for (size_t i = 0; i < COUNT(values); i++) {
        struct http_field fields[] = {{SLICE("Accept"), values[i]}};
        struct http_request request = request_with(fields, COUNT(fields));
        struct rewrite_request_facts facts = facts_of(CLIENT_CERTIFICATE_REQUIRED);

        assert_int_equal(rewrite_plainly(&request).reason, REASON_REQUEST_HEADER_MALFORMED);
        request.fields.count = 0;
        request.authority = values[i];
        assert_int_equal(rewrite_plainly(&request).reason, REASON_REQUEST_HEADER_MALFORMED);
        request.authority = SLICE("");
        facts.host = values[i];
        assert_int_equal(rewrite(&settings, &request, &facts).reason,
                         REASON_REQUEST_HEADER_MALFORMED);
    }
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(the_backend_is_told_of_the_trace_by_us_alone),
        cmocka_unit_test(a_head_is_written_anew_with_what_only_we_know),
        cmocka_unit_test(the_host_is_the_one_that_was_chosen_whatever_the_client_called_it),
        cmocka_unit_test(framing_is_ours_and_says_what_the_reader_found),
        cmocka_unit_test(a_message_whose_end_nobody_knows_is_not_forwarded),
        cmocka_unit_test(hop_by_hop_fields_stay_behind),
        cmocka_unit_test(trailers_are_wanted_from_a_backend_where_the_client_can_take_them),
        cmocka_unit_test(trailers_are_announced_where_they_can_come_and_may),
        cmocka_unit_test(a_backend_is_asked_to_continue_where_the_client_waits_for_it),
        cmocka_unit_test(the_hops_that_options_may_still_make_are_counted_down),
        cmocka_unit_test(a_request_that_was_here_before_is_recognised),
        cmocka_unit_test(via_names_the_version_in_which_a_request_came_and_keeps_earlier_proxies),
        cmocka_unit_test(repeated_fields_pass_in_their_order),
        cmocka_unit_test(no_spelling_of_our_names_passes),
        cmocka_unit_test(every_name_of_the_fixed_list_and_every_short_name_is_stripped),
        cmocka_unit_test(a_name_with_a_blank_behind_it_is_never_forwarded),
        cmocka_unit_test(a_name_that_a_route_of_the_generation_fills_is_stripped_on_every_route),
        cmocka_unit_test(similar_names_that_are_nobodys_identity_pass),
        cmocka_unit_test(connection_may_not_name_what_is_not_the_clients_to_remove),
        cmocka_unit_test(connection_may_name_the_clients_own_fields),
        cmocka_unit_test(connection_cannot_remove_what_we_add),
        cmocka_unit_test(a_verified_client_is_introduced_in_every_format),
        cmocka_unit_test(who_was_not_verified_has_no_identity_headers),
        cmocka_unit_test(a_certificate_that_was_only_shown_is_no_identity),
        cmocka_unit_test(
            what_was_not_verified_is_forwarded_where_a_route_says_so_and_says_that_it_was_not),
        cmocka_unit_test(the_verification_header_has_the_name_that_the_route_gives_it),
        cmocka_unit_test(mode_none_never_yields_an_identity_header),
        cmocka_unit_test(an_identity_does_not_outlive_its_request),
        cmocka_unit_test(nothing_is_forwarded_for_a_request_that_was_not_authenticated),
        cmocka_unit_test(
            a_head_that_does_not_fit_is_not_written_and_says_whose_fields_were_too_many),
        cmocka_unit_test(a_presented_certificate_without_room_is_refused_and_not_left_out),
        cmocka_unit_test(what_would_be_a_line_of_its_own_is_refused));
}
