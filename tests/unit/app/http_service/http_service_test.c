/* SPDX-License-Identifier: Apache-2.0
 *
 * The small HTTP service: what every answer says, and that nobody who idles keeps others out.
 */
#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "app/http_service/http_service.h"

enum { CONNECTIONS_MAX = 2, WAIT_MS = 10000, ANSWER_BYTES_MAX = 64 * 1024, NOW = 1795237200 };

static struct event_loop *loop;
static struct event_wake *wake;
static struct http_service *service;
static pthread_t thread;
static char received[ANSWER_BYTES_MAX + 1];

static struct http_answer answer(void *context, const struct http_request *request, bool close,
                                 struct arena *scratch)
{
    struct http_answer_head head = http_answer_head_for(request, close, NOW);

    assert_ptr_equal(context, &loop);
    assert_non_null(scratch);
    if (slice_equals(request->path, SLICE("/page"))) {
        head.content_type = "text/html";
        head.security_policy = "default-src 'self'";
        head.allow = "GET";
        return http_answer_make(&head, SLICE("<p>"));
    }
    return http_answer_text(head, "text\n");
}

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
    static const struct http_service_settings settings = {
        .answer = answer, .context = &loop, .connections_max = CONNECTIONS_MAX};
    struct socket_address address;

    (void)state;
    loop = event_loop_create();
    wake = event_wake_create(loop, on_stop, loop);
    assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &address, NULL));
    service = http_service_start(loop, &address, &settings, NULL);
    assert_non_null(service);
    return pthread_create(&thread, NULL, run, loop);
}

static int stop(void **state)
{
    (void)state;
    event_wake_send(wake);
    pthread_join(thread, NULL);
    http_service_stop(service);
    event_wake_destroy(wake);
    event_loop_destroy(loop);
    return 0;
}

/* ---- a client ---- */

static void wait_until(int fd, short events)
{
    struct pollfd waiting = {.fd = fd, .events = events};

    assert_true(poll(&waiting, 1, WAIT_MS) > 0);
}

static int connect_to_service(void)
{
    struct socket_address address;
    int fd;

    http_service_address(service, &address);
    fd = socket_connect(&address, NULL);
    assert_true(fd >= 0);
    wait_until(fd, POLLOUT);
    assert_int_equal(socket_connect_result(fd), 0);
    return fd;
}

/* Until `ending` has come, or, with NULL, the connection has ended. */
static void receive(int fd, const char *ending)
{
    size_t size = 0;

    for (;;) {
        struct socket_result got = socket_read(fd, received + size, ANSWER_BYTES_MAX - size);

        if (got.outcome == SOCKET_AGAIN) {
            wait_until(fd, POLLIN);
            continue;
        }
        if (got.outcome != SOCKET_DONE)
            break;
        size += got.count;
        received[size] = '\0';
        if (ending != NULL && strstr(received, ending) != NULL)
            return;
    }
    received[size] = '\0';
    assert_null(ending);
}

static void ask(int fd, const char *request, const char *ending)
{
    struct slice bytes = slice_from_text(request);

    assert_int_equal(socket_write(fd, bytes).count, bytes.size);
    receive(fd, ending);
}

/* ---- answers ---- */

TEST(an_answer_says_what_keeps_browsers_from_making_more_of_it)
{
    int fd = connect_to_service();

    ask(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "text\n");
    assert_string_equal(received,
                        "HTTP/1.1 200 OK\r\n"
                        "Date: Sat, 21 Nov 2026 05:00:00 GMT\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\n"
                        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
                        "Cache-Control: no-store\r\n"
                        "X-Content-Type-Options: nosniff\r\n"
                        "Referrer-Policy: no-referrer\r\n"
                        "Content-Length: 5\r\n\r\ntext\n");
    socket_close(fd);
}

TEST(an_answer_may_say_more)
{
    int fd = connect_to_service();

    ask(fd, "GET /page HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL);
    assert_non_null(strstr(received, "\r\nContent-Type: text/html\r\n"));
    assert_non_null(strstr(received, "\r\nContent-Security-Policy: default-src 'self'\r\n"));
    assert_non_null(strstr(received, "\r\nAllow: GET\r\nConnection: close\r\n"));
    assert_non_null(strstr(received, "\r\nContent-Length: 3\r\n\r\n<p>"));
    socket_close(fd);
}

TEST(an_answer_to_head_has_a_length_and_no_content)
{
    int fd = connect_to_service();

    ask(fd, "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL);
    assert_non_null(strstr(received, "\r\nContent-Length: 5\r\n\r\n"));
    assert_null(strstr(received, "text\n"));
    socket_close(fd);
}

TEST(what_cannot_be_read_is_refused_with_the_reason_in_words)
{
    int fd = connect_to_service();

    ask(fd, "GET / HTTP/1.1\r\n\r\n", NULL);
    assert_int_equal(strncmp(received, "HTTP/1.1 400 ", 13), 0);
    assert_non_null(strstr(received, "The request has no Host header.\n"));
    assert_non_null(strstr(received, "\r\nConnection: close\r\n"));
    socket_close(fd);
}

/* ---- limits ---- */

TEST(who_idles_makes_room_for_others)
{
    int idle[CONNECTIONS_MAX];
    int fd;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        idle[i] = connect_to_service();
        ask(idle[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "text\n");
    }
    fd = connect_to_service();
    ask(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "text\n");
    receive(idle[0], NULL); /* the one that was there for the longest time is gone */
    ask(idle[1], "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "text\n");
    socket_close(fd);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++)
        socket_close(idle[i]);
}

TEST(who_is_in_the_middle_of_a_request_stays)
{
    int busy[CONNECTIONS_MAX];
    int waiting;

    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        busy[i] = connect_to_service();
        ask(busy[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT", "text\n");
    }
    waiting = connect_to_service();
    ask(busy[0], "TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL);
    assert_non_null(strstr(received, "text\n"));
    socket_close(busy[0]);
    ask(waiting, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "text\n");
    ask(busy[1], "TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", NULL);
    assert_non_null(strstr(received, "text\n"));
    socket_close(busy[1]);
    socket_close(waiting);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    return RUN_TESTS(
        SERVED(an_answer_says_what_keeps_browsers_from_making_more_of_it),
        SERVED(an_answer_may_say_more), SERVED(an_answer_to_head_has_a_length_and_no_content),
        SERVED(what_cannot_be_read_is_refused_with_the_reason_in_words),
        SERVED(who_idles_makes_room_for_others), SERVED(who_is_in_the_middle_of_a_request_stays));
}
