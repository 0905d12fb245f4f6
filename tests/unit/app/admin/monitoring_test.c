/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may read what the monitoring listener says, and who learns nothing.
 */
#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "app/admin/monitoring.h"
#include "runtime/memory.h"

enum { WAIT_MS = 10000, ANSWER_BYTES_MAX = 64 * 1024 };

static struct event_loop *loop;
static struct event_wake *wake;
static struct gateway_status status;
static struct monitoring *monitoring;
static pthread_t thread;
static char received[ANSWER_BYTES_MAX + 1];

static void *run(void *context)
{
    event_loop_run(context);
    return NULL;
}

static void on_stop(void *context)
{
    event_loop_stop(context);
}

static int start(void **state)
{
    static const char *const hosts[] = {"Gateway.Internal", NULL};
    static const struct monitoring_settings settings = {"127.0.0.1:0", hosts};

    (void)state;
    status = (struct gateway_status){.phase = GATEWAY_SERVING};
    loop = event_loop_create();
    wake = event_wake_create(loop, on_stop, loop);
    monitoring = monitoring_start(loop, &settings, &status, NULL);
    assert_non_null(monitoring);
    return pthread_create(&thread, NULL, run, loop);
}

static int stop(void **state)
{
    (void)state;
    event_wake_send(wake);
    pthread_join(thread, NULL);
    monitoring_stop(monitoring);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
    return 0;
}

/* The status of the answer; its text is in `received`. */
static unsigned ask(const char *line, const char *fields)
{
    char *request = memory_format("%s HTTP/1.1\r\n%s\r\nConnection: close\r\n\r\n", line, fields);
    struct slice bytes = slice_from_text(request);
    struct socket_address address;
    struct pollfd waiting = {.events = POLLOUT};
    unsigned code = 0;
    size_t size = 0;

    monitoring_address(monitoring, &address);
    waiting.fd = socket_connect(&address, NULL);
    assert_true(waiting.fd >= 0 && poll(&waiting, 1, WAIT_MS) > 0);
    assert_int_equal(socket_write(waiting.fd, bytes).count, bytes.size);
    waiting.events = POLLIN;
    for (;;) {
        struct socket_result got;

        assert_true(poll(&waiting, 1, WAIT_MS) > 0);
        got = socket_read(waiting.fd, received + size, ANSWER_BYTES_MAX - size);
        if (got.outcome != SOCKET_DONE && got.outcome != SOCKET_AGAIN)
            break;
        size += got.count;
    }
    received[size] = '\0';
    socket_close(waiting.fd);
    memory_release(request);
    assert_int_equal(strncmp(received, "HTTP/1.1 ", 9), 0);
    for (const char *at = received + 9; *at != ' '; at++)
        code = code * 10 + (unsigned)(*at - '0');
    return code;
}

TEST(a_gateway_that_serves_is_ready)
{
    assert_int_equal(ask("GET /readyz", "Host: localhost"), 200);
    assert_non_null(strstr(received, "\r\n\r\nserving\n"));
    assert_int_equal(ask("GET /livez", "Host: localhost"), 200);
    assert_int_equal(ask("HEAD /readyz", "Host: localhost"), 200);
    assert_null(strstr(received, "serving"));
}

static int start_draining(void **state)
{
    int code = start(state);

    status.phase = GATEWAY_DRAINING; /* nobody has asked yet */
    return code;
}

TEST(a_gateway_that_drains_is_alive_and_not_ready)
{
    assert_int_equal(ask("GET /readyz", "Host: localhost"), 503);
    assert_non_null(strstr(received, "\r\n\r\ndraining\n"));
    assert_int_equal(ask("GET /livez", "Host: localhost"), 200);
}

TEST(only_known_names_are_answered)
{
    static const char *const known[] = {
        "Host: localhost",        "Host: LocalHost:9101",     "Host: 127.0.0.1",
        "Host: 10.1.2.3:80",      "Host: [::1]:9101",         "Host: [2001:db8::7]",
        "Host: gateway.internal", "Host: GATEWAY.internal:1",
    };
    static const char *const unknown[] = {
        "Host: evil.example",
        "Host: localhost.evil.example",
        "Host: 127.0.0.1.evil.example",
        "Host: gateway.internal.evil",
        "Host: internal",
        "Host: 127.1",
        "Host: 0x7f000001",
        "Host: 2130706433",
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_int_equal(ask("GET /livez", known[i]), 200);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_int_equal(ask("GET /livez", unknown[i]), 421);
}

TEST(pages_of_other_sites_are_not_answered)
{
    static const char *const refused[] = {
        "Host: localhost\r\nOrigin: https://evil.example",
        "Host: localhost\r\nOrigin: null",
        "Host: localhost\r\nOrigin: http://localhost",
        "Host: localhost\r\nSec-Fetch-Site: cross-site",
        "Host: localhost\r\nSec-Fetch-Site: same-site",
        "Host: localhost\r\nSec-Fetch-Site: other",
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(ask("GET /livez", refused[i]), 403);
    assert_int_equal(ask("GET /livez", "Host: localhost\r\nSec-Fetch-Site: none"), 200);
    assert_int_equal(ask("GET /livez", "Host: localhost\r\nSec-Fetch-Site: same-origin"), 200);
}

TEST(there_is_nothing_to_do_but_to_read)
{
    static const char *const methods[] = {"POST /readyz", "PUT /metrics", "DELETE /livez",
                                          "OPTIONS /livez", "PATCH /"};

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        assert_int_equal(ask(methods[i], "Host: localhost"), 405);
        assert_non_null(strstr(received, "\r\nAllow: GET, HEAD\r\n"));
    }
    assert_int_equal(ask("GET /", "Host: localhost"), 200);
    assert_int_equal(ask("GET /metrics/", "Host: localhost"), 404);
    assert_int_equal(ask("GET /reload", "Host: localhost"), 404);
}

TEST(an_address_that_is_taken_is_an_error)
{
    struct monitoring_settings settings = {.hosts = NULL};
    struct socket_address address;
    struct error error = {0};
    char text[SOCKET_ADDRESS_TEXT_SIZE];

    monitoring_address(monitoring, &address);
    socket_address_format(&address, text);
    settings.address = text;
    assert_null(monitoring_start(loop, &settings, &status, &error));
    assert_int_equal(strncmp(error.text, "monitoring: ", 12), 0);
    monitoring_stop(NULL);
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    return RUN_TESTS(
        WATCHED(a_gateway_that_serves_is_ready),
        cmocka_unit_test_setup_teardown(a_gateway_that_drains_is_alive_and_not_ready,
                                        start_draining, stop),
        WATCHED(only_known_names_are_answered), WATCHED(pages_of_other_sites_are_not_answered),
        WATCHED(there_is_nothing_to_do_but_to_read), WATCHED(an_address_that_is_taken_is_an_error));
}
