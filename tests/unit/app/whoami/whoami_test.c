/* SPDX-License-Identifier: Apache-2.0
 *
 * The viewer as its clients see it: a real one on a loopback socket, with its loop on a thread of
 * its own, and raw HTTP from this one.
 */
#include "support/test.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/whoami/whoami.h"
#include "protocol/x509/certificate.h"
#include "runtime/buffer.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

enum { ANSWER_BYTES_MAX = 8 * 1024 * 1024, WAIT_MS = 20000 };

/* ---- the viewer on its thread ---- */

struct fixture {
    struct event_loop *loop;
    struct event_wake *wake;
    struct whoami *whoami;
    pthread_t thread;
    char *answer;
};

static void *run_loop(void *context)
{
    event_loop_run(context);
    return NULL;
}

static void stop_loop(void *context)
{
    event_loop_stop(context);
}

static int start(void **state)
{
    struct fixture *fixture = memory_allocate(sizeof *fixture);
    struct socket_address address;
    struct error error = {ERROR_NONE, ""};

    fixture->answer = memory_allocate(ANSWER_BYTES_MAX + 1);
    fixture->loop = event_loop_create();
    fixture->wake = event_wake_create(fixture->loop, stop_loop, fixture->loop);
    assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &address, &error));
    fixture->whoami = whoami_start(fixture->loop, &address, &error);
    assert_non_null(fixture->whoami);
    assert_int_equal(pthread_create(&fixture->thread, NULL, run_loop, fixture->loop), 0);
    *state = fixture;
    return 0;
}

static int stop(void **state)
{
    struct fixture *fixture = *state;

    event_wake_send(fixture->wake);
    pthread_join(fixture->thread, NULL);
    whoami_stop(fixture->whoami);
    event_wake_destroy(fixture->wake);
    event_loop_destroy(fixture->loop);
    memory_release(fixture->answer);
    memory_release(fixture);
    return 0;
}

/* ---- a client ---- */

static void wait_until(int fd, short events)
{
    struct pollfd waiting = {.fd = fd, .events = events};

    assert_true(poll(&waiting, 1, WAIT_MS) > 0);
}

static int connect_to(const struct fixture *fixture)
{
    struct socket_address address;
    struct error error = {ERROR_NONE, ""};
    int fd = -1;

    whoami_address(fixture->whoami, &address);
    fd = socket_connect(&address, &error);
    assert_true(fd >= 0);
    wait_until(fd, POLLOUT);
    assert_int_equal(socket_connect_result(fd), 0);
    return fd;
}

static void send_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        struct socket_result sent = socket_write(fd, bytes);

        if (sent.outcome == SOCKET_DONE)
            bytes = slice_after(bytes, sent.count);
        else if (sent.outcome == SOCKET_AGAIN)
            wait_until(fd, POLLOUT);
        else
            return; /* refused before all was said */
    }
}

/* Adds what comes to the answer; false at the end of the server's side. */
static bool receive_some(struct fixture *fixture, int fd, size_t *size)
{
    struct socket_result got = {SOCKET_AGAIN, 0, 0};

    while (got.outcome == SOCKET_AGAIN) {
        wait_until(fd, POLLIN);
        assert_true(*size < ANSWER_BYTES_MAX);
        got = socket_read(fd, fixture->answer + *size, ANSWER_BYTES_MAX - *size);
    }
    *size += got.outcome == SOCKET_DONE ? got.count : 0;
    fixture->answer[*size] = '\0';
    return got.outcome == SOCKET_DONE;
}

static void receive_until_close(struct fixture *fixture, int fd)
{
    size_t size = 0;

    while (receive_some(fixture, fd, &size))
        ;
}

/* Exactly one answer with a length, for connections that stay open. */
static void receive_answer(struct fixture *fixture, int fd, bool has_content)
{
    static const char field[] = "Content-Length: ";
    const char *content = NULL;
    size_t expected = 1;
    size_t size = 0;

    while (size < expected) {
        assert_true(receive_some(fixture, fd, &size));
        content = strstr(fixture->answer, "\r\n\r\n");
        expected = size + 1;
        if (content == NULL)
            continue;
        expected = (size_t)(content + 4 - fixture->answer);
        if (has_content)
            expected += strtoul(strstr(fixture->answer, field) + sizeof field - 1, NULL, 10);
    }
    assert_int_equal(size, expected);
}

static const char *ask(struct fixture *fixture, const char *request)
{
    int fd = connect_to(fixture);

    send_all(fd, slice_from_text(request));
    receive_until_close(fixture, fd);
    socket_close(fd);
    return fixture->answer;
}

/* A GET of "/" with further header lines, each with its CR LF. */
static const char *ask_with(struct fixture *fixture, const char *fields)
{
    char *request = memory_format("GET /some/path?a=b HTTP/1.1\r\nHost: viewer\r\n%s"
                                  "Connection: close\r\n\r\n",
                                  fields);
    const char *answer = ask(fixture, request);

    memory_release(request);
    return answer;
}

static void assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("no '%s' in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' in:\n%s", part, text);
}

/* ---- certificates ---- */

enum { CERTIFICATE_BYTES_MAX = 4096 };

struct encoded {
    char base64[CERTIFICATE_BYTES_MAX];
    char pem_url[CERTIFICATE_BYTES_MAX * 2];
};

/* Self-signed, for `days` from now. */
static X509 *make_certificate(const char *name, int days)
{
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509_NAME *subject = X509_get_subject_name(certificate);

    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 0x1234);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1,
                               0);
    X509_set_issuer_name(certificate, subject);
    X509_time_adj_ex(X509_getm_notBefore(certificate), days < 0 ? 2 * days : -1, 0, NULL);
    X509_time_adj_ex(X509_getm_notAfter(certificate), days, 60, NULL);
    X509_set_pubkey(certificate, key);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    EVP_PKEY_free(key);
    return certificate;
}

static void encode(const char *name, int days, struct encoded *encoded)
{
    X509 *certificate = make_certificate(name, days);
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    char pem[CERTIFICATE_BYTES_MAX];
    struct buffer buffer;

    assert_true(size > 0);
    buffer_init(&buffer, encoded->base64, sizeof encoded->base64 - 1);
    assert_true(encode_base64(&buffer, slice_from(der, (size_t)size)));
    *buffer_tail(&buffer) = '\0';
    buffer_init(&buffer, pem, sizeof pem);
    assert_true(certificate_write_pem(&buffer, slice_from(der, (size_t)size)));
    struct slice text = buffer_readable(&buffer);
    buffer_init(&buffer, encoded->pem_url, sizeof encoded->pem_url - 1);
    assert_true(encode_percent(&buffer, text));
    *buffer_tail(&buffer) = '\0';
    OPENSSL_free(der);
    X509_free(certificate);
}

static struct fixture *fixture_of(void **state)
{
    return *state;
}

/* ---- what is shown ---- */

TEST(shows_a_request_without_a_certificate_as_json)
{
    const char *answer = ask_with(fixture_of(state), "X-Mark: a \"quoted\" value\r\n");

    assert_holds(answer, "HTTP/1.1 200 OK\r\n");
    assert_holds(answer, "Content-Type: application/json\r\n");
    assert_holds(answer, "\"certificate\": null");
    assert_holds(answer, "\"path\": \"/some/path\"");
    assert_holds(answer, "\"query\": \"a=b\"");
    assert_holds(answer, "{\"name\": \"X-Mark\", \"value\": \"a \\\"quoted\\\" value\"}");
}

TEST(reads_the_certificate_from_each_header_that_carries_one)
{
    static const char *const names[] = {"Client-Cert", "X-ARR-ClientCert", "X-SSL-Client-Cert",
                                        "X-Client-Cert", "x-arr-clientcert-agw"};
    struct encoded alice;

    encode("alice", 10, &alice);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool is_url = i >= 2;
        const char *colon = i == 0 ? ":" : "";
        char *fields = memory_format("%s: %s%s%s\r\n", names[i], colon,
                                     is_url ? alice.pem_url : alice.base64, colon);
        const char *answer = ask_with(fixture_of(state), fields);

        assert_holds(answer, "\"subject\": \"CN=alice\"");
        assert_holds(answer, "\"serial\": \"1234\"");
        assert_holds(answer, "\"days_left\": 10");
        assert_holds(answer, "\"key\": \"EC P-256\"");
        assert_holds(answer, "\"problem\": null");
        memory_release(fields);
    }
}

TEST(accepts_headers_that_agree_and_a_gateway_that_verified)
{
    struct encoded alice;
    char *fields = NULL;
    const char *answer = NULL;

    encode("alice", 10, &alice);
    fields = memory_format("Client-Cert: :%s:\r\nX-ARR-ClientCert: %s\r\nX-Client-Cert: %s\r\n"
                           "X-Client-Verify: SUCCESS\r\n",
                           alice.base64, alice.base64, alice.pem_url);
    answer = ask_with(fixture_of(state), fields);
    assert_holds(answer, "all headers carry the same certificate");
    assert_holds(answer, "read from 3 headers");
    assert_holds(answer, "\"verification\": \"SUCCESS\"");
    assert_lacks(answer, "\"result\": \"problem\"");
    memory_release(fields);
}

TEST(finds_headers_that_contradict_each_other)
{
    struct encoded alice;
    struct encoded mallory;
    char *fields = NULL;

    encode("alice", 10, &alice);
    encode("mallory", 10, &mallory);
    fields = memory_format("Client-Cert: :%s:\r\nX-ARR-ClientCert: %s\r\n", alice.base64,
                           mallory.base64);
    assert_holds(ask_with(fixture_of(state), fields), "carry different certificates");
    memory_release(fields);
    fields = memory_format("X-ARR-ClientCert: %s\r\nx-arr-clientcert: %s\r\n", alice.base64,
                           alice.base64);
    assert_holds(ask_with(fixture_of(state), fields), "came more than once");
    memory_release(fields);
    assert_holds(ask_with(fixture_of(state), "X-Client-Verify: SUCCESS\r\n"),
                 "says SUCCESS, but no certificate can be read");
    fields = memory_format("Client-Cert: :%s:\r\nX-Client-Verify: FAILED:certificate_expired\r\n",
                           alice.base64);
    assert_holds(ask_with(fixture_of(state), fields),
                 "did not verify the certificate (FAILED:certificate_expired)");
    memory_release(fields);
}

TEST(says_when_a_certificate_is_out_of_date)
{
    struct encoded old;
    char *fields = NULL;

    encode("old", -3, &old);
    fields = memory_format("X-ARR-ClientCert: %s\r\n", old.base64);
    assert_holds(ask_with(fixture_of(state), fields), "the certificate expired 2 days ago");
    memory_release(fields);
}

TEST(says_what_it_cannot_read)
{
    static const struct {
        const char *fields;
        const char *problem;
    } cases[] = {
        {"X-ARR-ClientCert: !!!\r\n", "it is not base64"},
        {"X-ARR-ClientCert:\r\n", "it is empty"},
        {"X-ARR-ClientCert: AAAA\r\n", "X-ARR-ClientCert cannot be read"},
        {"Client-Cert: AAAA\r\n", "not a byte sequence between colons"},
        {"Client-Cert: :\r\n", "not a byte sequence between colons"},
        {"X-Client-Cert: -----BEGIN%2\r\n", "it has a bad escape"},
        {"X-Client-Cert: %2D%2D\r\n", "X-Client-Cert cannot be read"},
        {"X-Client-Cert: -----BEGIN CERTIFICATE-----\r\n", "X-Client-Cert cannot be read"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *answer = ask_with(fixture_of(state), cases[i].fields);

        assert_holds(answer, "HTTP/1.1 200 OK\r\n");
        assert_holds(answer, cases[i].problem);
        assert_holds(answer, "\"result\": \"problem\"");
        assert_holds(answer, "\"certificate\": null");
    }
}

TEST(follows_the_chain_and_says_when_it_breaks)
{
    struct encoded alice;
    struct encoded other;
    char *fields = NULL;
    const char *answer = NULL;

    encode("alice", 10, &alice);
    encode("other", 10, &other);
    /* A self-signed certificate is its own issuer. */
    fields = memory_format("Client-Cert: :%s:\r\nClient-Cert-Chain: :%s:, :%s:\r\n", alice.base64,
                           alice.base64, alice.base64);
    answer = ask_with(fixture_of(state), fields);
    assert_holds(answer, "signed by the one above it (2 issuers)");
    memory_release(fields);
    fields = memory_format("Client-Cert: :%s:\r\nClient-Cert-Chain: :%s:\r\n", alice.base64,
                           other.base64);
    assert_holds(ask_with(fixture_of(state), fields), "is not signed by the one above it");
    memory_release(fields);
    fields = memory_format("Client-Cert: :%s:\r\nClient-Cert-Chain: :AAAA:\r\n", alice.base64);
    assert_holds(ask_with(fixture_of(state), fields), "Client-Cert-Chain cannot be followed");
    memory_release(fields);
}

/* ---- the page ---- */

TEST(gives_browsers_a_page_and_others_json)
{
    static const struct {
        const char *accept;
        bool page;
    } cases[] = {
        {"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n", true},
        {"Accept: text/html\r\n", true},
        {"Accept: application/json;q=0.5, text/html;q=0.6\r\n", true},
        {"Accept: application/json, text/html;q=0.9\r\n", false},
        {"Accept: text/html;q=0\r\n", false},
        {"Accept: text/html;q=x\r\n", false},
        {"Accept: */*\r\n", false},
        {"Accept: application/json\r\n", false},
        {"", false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_holds(ask_with(fixture_of(state), cases[i].accept),
                     cases[i].page ? "Content-Type: text/html" : "Content-Type: application/json");
}

TEST(escapes_everything_it_received)
{
    struct encoded evil;
    char *fields = NULL;
    const char *answer = NULL;

    encode("<script>alert(1)</script>", 10, &evil);
    fields = memory_format("Accept: text/html\r\nX-Evil: \"><script>x</script>\r\n"
                           "X-Client-Verify: <b>NONE\r\nClient-Cert: :%s:\r\n",
                           evil.base64);
    answer = ask_with(fixture_of(state), fields);
    assert_holds(answer, "&lt;script&gt;x&lt;/script&gt;");
    assert_holds(answer, "&lt;b&gt;NONE");
    assert_lacks(answer, "<script");
    assert_lacks(answer, "<b>");
    memory_release(fields);
}

TEST(allows_the_page_its_own_style_sheet_and_nothing_else)
{
    const char *answer = ask_with(fixture_of(state), "Accept: text/html\r\n");
    const char *opening = strstr(answer, "<style>");
    const char *closing = strstr(answer, "</style>");
    unsigned char digest[32];
    char text[128];
    struct buffer buffer;

    assert_non_null(opening);
    assert_non_null(closing);
    opening += strlen("<style>");
    assert_int_equal(
        EVP_Digest(opening, (size_t)(closing - opening), digest, NULL, EVP_sha256(), NULL), 1);
    buffer_init(&buffer, text, sizeof text - 1);
    assert_true(buffer_append(&buffer, SLICE("style-src 'sha256-")));
    assert_true(encode_base64(&buffer, slice_from(digest, sizeof digest)));
    *buffer_tail(&buffer) = '\0';
    assert_holds(answer, text);
    assert_holds(answer, "Content-Security-Policy: default-src 'none';");
    assert_lacks(answer, "style=\"");
}

/* ---- HTTP ---- */

TEST(answers_health_probes)
{
    const char *answer = ask(fixture_of(state), "GET /healthz HTTP/1.1\r\nHost: viewer\r\n"
                                                "Connection: close\r\n\r\n");

    assert_holds(answer, "HTTP/1.1 200 OK\r\n");
    assert_holds(answer, "Content-Length: 2\r\n");
    assert_holds(answer, "\r\n\r\nok");
}

TEST(keeps_the_connection_and_skips_content)
{
    struct fixture *fixture = fixture_of(state);
    static const struct {
        const char *request;
        const char *mark;
    } cases[] = {
        {"POST /first HTTP/1.1\r\nHost: v\r\nContent-Length: 5\r\n\r\nhello",
         "\"path\": \"/first\""},
        {"PUT /second HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n"
         "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n",
         "\"path\": \"/second\""},
        {"GET /third HTTP/1.1\r\nHost: v\r\n\r\n", "\"path\": \"/third\""},
    };
    int fd = connect_to(fixture);

    for (size_t i = 0; i < 3; i++) {
        send_all(fd, slice_from_text(cases[i].request));
        receive_answer(fixture, fd, true);
        assert_holds(fixture->answer, cases[i].mark);
    }
    socket_close(fd);
}

TEST(sends_no_content_to_head)
{
    struct fixture *fixture = fixture_of(state);
    int fd = connect_to(fixture);

    send_all(fd, SLICE("HEAD / HTTP/1.1\r\nHost: v\r\n\r\n"));
    receive_answer(fixture, fd, false);
    assert_holds(fixture->answer, "Content-Length: ");
    assert_lacks(fixture->answer, "Content-Length: 0\r\n");
    send_all(fd, SLICE("GET /healthz HTTP/1.1\r\nHost: v\r\n\r\n"));
    receive_answer(fixture, fd, true);
    assert_holds(fixture->answer, "\r\n\r\nok");
    socket_close(fd);
}

TEST(reads_requests_that_arrive_byte_by_byte)
{
    struct fixture *fixture = fixture_of(state);
    static const char request[] = "POST /slow HTTP/1.1\r\nHost: v\r\nContent-Length: 3\r\n\r\nabc";
    int fd = connect_to(fixture);

    for (size_t i = 0; i < sizeof request - 1; i++)
        send_all(fd, slice_from(request + i, 1));
    receive_answer(fixture, fd, true);
    assert_holds(fixture->answer, "\"path\": \"/slow\"");
    socket_close(fd);
}

TEST(answers_pipelined_requests_in_order_and_all_of_them)
{
    enum { REQUESTS = 50 };
    struct fixture *fixture = fixture_of(state);
    int fd = connect_to(fixture);
    const char *at = fixture->answer;

    for (unsigned i = 0; i < REQUESTS; i++) {
        char request[96];
        int size = snprintf(request, sizeof request, "GET /number/%u HTTP/1.1\r\nHost: v\r\n%s\r\n",
                            i, i == REQUESTS - 1 ? "Connection: close\r\n" : "");

        send_all(fd, slice_from(request, (size_t)size));
    }
    receive_until_close(fixture, fd);
    for (unsigned i = 0; i < REQUESTS; i++) {
        char mark[64];

        snprintf(mark, sizeof mark, "\"path\": \"/number/%u\"", i);
        at = strstr(at, mark);
        assert_non_null(at);
    }
    socket_close(fd);
}

TEST(refuses_what_is_too_large_or_malformed)
{
    struct fixture *fixture = fixture_of(state);
    char *large = memory_allocate(70 * 1024);
    char *request = NULL;

    assert_holds(ask(fixture, "GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400 Bad Request\r\n");
    assert_holds(ask(fixture, "nonsense\r\n\r\n"), "Connection: close\r\n");
    assert_holds(ask(fixture, "POST / HTTP/1.1\r\nHost: v\r\nContent-Length: 1048577\r\n\r\n"),
                 "HTTP/1.1 413 ");
    assert_holds(ask(fixture, "POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "x\r\n"),
                 "HTTP/1.1 400 ");
    memset(large, 'a', 70 * 1024 - 1);
    request = memory_format("GET / HTTP/1.1\r\nHost: v\r\nX-Large: %s\r\n\r\n", large);
    assert_holds(ask(fixture, request), "HTTP/1.1 431 ");
    memory_release(request);
    memory_release(large);
}

TEST(refuses_chunked_content_beyond_the_limit)
{
    struct fixture *fixture = fixture_of(state);
    char *chunk = memory_allocate(0x10000 + 1);
    int fd = connect_to(fixture);

    memset(chunk, 'a', 0x10000);
    send_all(fd, SLICE("POST / HTTP/1.1\r\nHost: v\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for (unsigned i = 0; i < 17; i++) {
        send_all(fd, SLICE("10000\r\n"));
        send_all(fd, slice_from(chunk, 0x10000));
        send_all(fd, SLICE("\r\n"));
    }
    receive_until_close(fixture, fd);
    assert_holds(fixture->answer, "HTTP/1.1 413 ");
    socket_close(fd);
    memory_release(chunk);
}

TEST(answers_at_once_who_waits_for_leave_to_send)
{
    assert_holds(ask(fixture_of(state), "POST /expects HTTP/1.1\r\nHost: v\r\nContent-Length: 9\r\n"
                                        "Expect: 100-continue\r\n\r\n"),
                 "\"path\": \"/expects\"");
}

TEST(shows_headers_that_grow_when_escaped)
{
    char quotes[30 * 1024];
    char *fields = NULL;
    const char *answer = NULL;

    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = '\0';
    fields = memory_format("Accept: text/html\r\nX-Quotes: %s\r\n", quotes);
    answer = ask_with(fixture_of(state), fields);
    assert_holds(answer, "HTTP/1.1 200 OK\r\n");
    assert_holds(answer, "</html>");
    memory_release(fields);
}

TEST(one_connection_does_not_disturb_another)
{
    enum { OTHERS = 40 };
    struct fixture *fixture = fixture_of(state);
    int others[OTHERS];
    int fd = -1;

    /* Silent ones, ones in the middle of a request, ones that have gone without reading. */
    for (unsigned i = 0; i < OTHERS; i++) {
        others[i] = connect_to(fixture);
        if (i % 3 == 1)
            send_all(others[i], SLICE("GET / HTTP/1.1\r\nHo"));
        if (i % 3 == 2) {
            send_all(others[i], SLICE("GET / HTTP/1.1\r\nHost: v\r\n\r\n"));
            socket_close_hard(others[i]);
        }
    }
    fd = connect_to(fixture);
    send_all(fd, SLICE("GET /mine HTTP/1.1\r\nHost: v\r\n\r\n"));
    receive_answer(fixture, fd, true);
    assert_holds(fixture->answer, "\"path\": \"/mine\"");
    socket_close(fd);
    for (unsigned i = 0; i < OTHERS; i++) {
        if (i % 3 != 2)
            socket_close(others[i]);
    }
}

/* More than are served at a time: who waits is served when others have gone. */
TEST(serves_those_beyond_the_limit_when_others_have_gone)
{
    enum { CROWD = 300 };
    struct fixture *fixture = fixture_of(state);
    int crowd[CROWD];
    int late = -1;

    for (unsigned i = 0; i < CROWD; i++)
        crowd[i] = connect_to(fixture);
    late = connect_to(fixture);
    send_all(late, SLICE("GET /late HTTP/1.1\r\nHost: v\r\n\r\n"));
    for (unsigned i = 0; i < CROWD; i++)
        socket_close(crowd[i]);
    receive_answer(fixture, late, true);
    assert_holds(fixture->answer, "\"path\": \"/late\"");
    socket_close(late);
}

#define VIEWER_TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    return RUN_TESTS(
        VIEWER_TEST(shows_a_request_without_a_certificate_as_json),
        VIEWER_TEST(reads_the_certificate_from_each_header_that_carries_one),
        VIEWER_TEST(accepts_headers_that_agree_and_a_gateway_that_verified),
        VIEWER_TEST(finds_headers_that_contradict_each_other),
        VIEWER_TEST(says_when_a_certificate_is_out_of_date), VIEWER_TEST(says_what_it_cannot_read),
        VIEWER_TEST(follows_the_chain_and_says_when_it_breaks),
        VIEWER_TEST(gives_browsers_a_page_and_others_json),
        VIEWER_TEST(escapes_everything_it_received),
        VIEWER_TEST(allows_the_page_its_own_style_sheet_and_nothing_else),
        VIEWER_TEST(answers_health_probes), VIEWER_TEST(keeps_the_connection_and_skips_content),
        VIEWER_TEST(sends_no_content_to_head), VIEWER_TEST(reads_requests_that_arrive_byte_by_byte),
        VIEWER_TEST(answers_pipelined_requests_in_order_and_all_of_them),
        VIEWER_TEST(refuses_what_is_too_large_or_malformed),
        VIEWER_TEST(refuses_chunked_content_beyond_the_limit),
        VIEWER_TEST(answers_at_once_who_waits_for_leave_to_send),
        VIEWER_TEST(shows_headers_that_grow_when_escaped),
        VIEWER_TEST(one_connection_does_not_disturb_another),
        VIEWER_TEST(serves_those_beyond_the_limit_when_others_have_gone));
}
