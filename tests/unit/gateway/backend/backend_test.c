/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections to backends over real sockets on the loopback: the test is the backend, byte for
 * byte, and a user who pulls answers as an exchange does. Nothing sleeps: what is waited for is an
 * event of the loop.
 */
#include "support/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/backend/backend.h"
#include "runtime/memory.h"
#include "runtime/socket.h"
#include "runtime/timer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    GIVE_UP_MS = 20 * 1000,
    CONTENT_MAX = 64 * 1024,
    REQUEST_MAX = 64 * 1024,
    ORIGINS_MAX = 3,
    ALL = 1 << 20
};

/* ---- the loop, the pool, the backend ---- */

static struct event_loop *loop;
static struct timer *give_up;
static struct backend_worker *worker;
static struct backend_endpoint_settings endpoints[ORIGINS_MAX];
static struct backend_settings settings;
static struct backend_pool *pool;
static int origins[ORIGINS_MAX];
static char urls[ORIGINS_MAX][SOCKET_ADDRESS_TEXT_SIZE + 8];

static void on_give_up(void *context)
{
    (void)context;
    print_error("nothing happened for too long\n");
    abort();
}

static void open_origin(size_t index)
{
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    struct socket_address address;

    assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &address, NULL));
    origins[index] = socket_listen(&address, 16, false, NULL);
    assert_true(origins[index] >= 0 && socket_local_address(origins[index], &address));
    socket_address_format(&address, text);
    snprintf(urls[index], sizeof(urls[index]), "http://%s", text);
    endpoints[index].url = urls[index];
}

static void open_world_with(size_t origin_count)
{
    const struct backend_worker_settings worker_settings = {.trailer_bytes = 16 * 1024,
                                                            .trailer_count = 32,
                                                            .pools = 1,
                                                            .response_header_bytes = 32 * 1024,
                                                            .response_header_count = 1000};
    struct error error = {0};

    for (size_t i = 0; i < ORIGINS_MAX; i++)
        origins[i] = -1;
    for (size_t i = 0; i < origin_count; i++)
        open_origin(i);
    settings = (struct backend_settings){
        .name = "backend",
        .endpoints = endpoints,
        .endpoint_count = origin_count,
        .connections_max = 4,
        .idle_max = 2,
        .idle_ms = 60 * 1000,
    };
    pool = backend_pool_create(&settings, 0, NULL, NULL, &error);
    assert_non_null(pool);
    loop = event_loop_create();
    give_up = timer_create_on(loop, on_give_up, NULL);
    worker = backend_worker_create(loop, &worker_settings);
}

/* Settings other than the endpoints have changed. */
static void renew_pool(void)
{
    struct error error = {0};

    backend_worker_keep(worker, NULL, 0);
    backend_pool_destroy(pool);
    pool = backend_pool_create(&settings, 0, NULL, NULL, &error);
    assert_non_null(pool);
    backend_worker_keep(worker, &pool, 1);
}

static void open_world(void)
{
    open_world_with(1);
}

static void close_world(void)
{
    backend_worker_destroy(worker);
    backend_pool_destroy(pool);
    timer_destroy(give_up);
    event_loop_destroy(loop);
    for (size_t i = 0; i < ORIGINS_MAX; i++)
        socket_close(origins[i]);
}

static bool (*wanted)(void *context);
static void *wanted_context;
static bool has_stopped;

static void on_turn_end(void *context)
{
    (void)context;
    /* Once: the turn that stopped the loop has an end as well. */
    if (has_stopped || !wanted(wanted_context))
        return;
    has_stopped = true;
    event_loop_stop(loop);
}

static void run_until(bool (*condition)(void *context), void *context)
{
    wanted = condition;
    wanted_context = context;
    has_stopped = false;
    timer_start(give_up, GIVE_UP_MS);
    event_loop_set_turn_end(loop, on_turn_end, NULL);
    event_loop_run(loop);
    event_loop_set_turn_end(loop, NULL, NULL);
    timer_stop(give_up);
}

static bool nothing_is_idle(void *context)
{
    (void)context;
    return backend_worker_idle(worker) == 0;
}

/* The backend's end of a connection that was made: blocking, and without delay. */
static int accept_at(size_t index)
{
    int fd = accept(origins[index], NULL, NULL);
    int one = 1;

    /* The listening socket does not block; what connects over the loopback is there at once. */
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)), 0);
    return fd;
}

static int accept_one(void)
{
    return accept_at(0);
}

static bool has_visitor(void)
{
    int fd = accept(origins[0], NULL, NULL);

    socket_close(fd);
    return fd >= 0;
}

static void say(int fd, struct slice bytes)
{
    while (!slice_is_empty(bytes)) {
        ssize_t count = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        assert_true(count > 0);
        bytes = slice_after(bytes, (size_t)count);
    }
}

/* Waits for exactly these bytes. */
static void assert_hears(int fd, const char *expected)
{
    static char heard[REQUEST_MAX];
    size_t size = strlen(expected);

    assert_int_equal(recv(fd, heard, size, MSG_WAITALL), size);
    assert_memory_equal(heard, expected, size);
}

/* ---- the user ---- */

struct user {
    struct backend_connection *connection;
    struct backend_attempts attempts;
    bool is_ready;
    bool has_head;
    struct http_response response;
    struct backend_failure failure;
    size_t max; /* of content to be read at once */
    char content[CONTENT_MAX];
    size_t content_size;
};

static void on_ready(void *owner)
{
    struct user *user = owner;

    user->is_ready = true;
}

static bool is_ready(void *context)
{
    const struct user *user = context;

    return user->is_ready;
}

static void wait_for(struct user *user)
{
    run_until(is_ready, user);
    user->is_ready = false;
}

static bool acquire(struct user *user, size_t attempt)
{
    enum backend_io io;

    *user = (struct user){.max = ALL};
    user->attempts.count = attempt;
    user->connection =
        backend_http1.acquire(worker, pool, &user->attempts, on_ready, user, &user->failure);
    if (user->connection == NULL)
        return false;
    for (;;) {
        io = backend_http1.connected(user->connection, &user->failure);
        if (io != BACKEND_IO_WAIT)
            break;
        (void)backend_http1.end_turn(user->connection, true);
        wait_for(user);
    }
    return io == BACKEND_IO_DONE;
}

static void release(struct user *user)
{
    backend_http1.release(user->connection);
    user->connection = NULL;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

static void ask_for(struct user *user, const char *head, bool is_head)
{
    backend_http1.send_head(user->connection, slice_from_text(head), HTTP_FRAMING_NONE, is_head);
    backend_http1.send_end(user->connection, SLICE(""));
    assert_int_equal(backend_http1.end_turn(user->connection, true), BACKEND_IO_DONE);
}

static void ask(struct user *user)
{
    ask_for(user, GET, false);
}

/* As far as it goes: WAIT, END or FAILED. */
static enum backend_io pull(struct user *user)
{
    for (;;) {
        struct slice content = {NULL, 0};
        enum backend_io io;

        if (!user->has_head || user->response.status < 200) {
            io = backend_http1.read_head(user->connection, &user->response, &user->failure);
            user->has_head = io == BACKEND_IO_DONE;
        } else {
            io = backend_http1.read_content(user->connection, user->max, &content, &user->failure);
            if (io == BACKEND_IO_DONE) {
                assert_true(content.size > 0 && content.size <= user->max);
                assert_true(user->content_size + content.size < CONTENT_MAX);
                memcpy(user->content + user->content_size, content.data, content.size);
                user->content_size += content.size;
            }
        }
        if (io != BACKEND_IO_DONE) {
            if (io == BACKEND_IO_WAIT)
                (void)backend_http1.end_turn(user->connection, true);
            return io;
        }
    }
}

static enum backend_io pull_to_the_end(struct user *user)
{
    enum backend_io io = pull(user);

    while (io == BACKEND_IO_WAIT) {
        wait_for(user);
        io = pull(user);
    }
    return io;
}

/* One whole exchange on a connection whose backend's end is `fd`. */
static void exchange(struct user *user, int fd, const char *answer)
{
    ask(user);
    assert_hears(fd, GET);
    say(fd, slice_from_text(answer));
    assert_int_equal(pull_to_the_end(user), BACKEND_IO_END);
}

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- used again, or not ---- */

TEST(a_connection_serves_one_request_after_another)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    assert_false(backend_http1.is_reused(user.connection));
    fd = accept_one();
    for (unsigned i = 0; i < 3; i++) {
        exchange(&user, fd, OK_ANSWER);
        assert_int_equal(user.content_size, 2);
        release(&user);
        assert_int_equal(backend_worker_idle(worker), 1);
        assert_true(acquire(&user, 0));
        assert_true(backend_http1.is_reused(user.connection));
        assert_false(backend_http1.has_answered(user.connection));
        assert_int_equal(backend_worker_idle(worker), 0);
    }
    release(&user);
    assert_false(has_visitor());
    socket_close(fd);
    close_world();
}

TEST(a_later_attempt_has_a_connection_of_its_own)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    exchange(&user, fd, OK_ANSWER);
    release(&user);
    assert_true(acquire(&user, 1));
    assert_false(backend_http1.is_reused(user.connection));
    assert_int_equal(backend_worker_idle(worker), 1);
    release(&user);
    socket_close(fd);
    close_world();
}

TEST(what_leaves_a_doubt_is_never_used_again)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokX",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nHTTP/1.1",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\nX",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n\r\n",
    };

    for (size_t i = 0; i < COUNT(answers); i++) {
        struct user user;
        char byte;
        int fd;

        open_world();
        assert_true(acquire(&user, 0));
        fd = accept_one();
        exchange(&user, fd, answers[i]);
        release(&user);
        /* What is here already closes it now, what is still with the kernel at its next use. */
        assert_true(acquire(&user, 0));
        assert_false(backend_http1.is_reused(user.connection));
        release(&user);
        assert_true(recv(fd, &byte, 1, 0) <= 0);
        socket_close(fd);
        close_world();
    }
}

TEST(an_answer_to_head_with_content_is_never_used_again)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    ask_for(&user, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", true);
    say(fd, SLICE(OK_ANSWER));
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_END);
    assert_int_equal(user.content_size, 0);
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 0);
    socket_close(fd);
    close_world();
}

TEST(a_connection_with_half_a_request_is_never_used_again)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    backend_http1.send_head(user.connection, SLICE("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"),
                            HTTP_FRAMING_LENGTH, false);
    backend_http1.send_content(user.connection, SLICE("1234"));
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_DONE);
    say(fd, SLICE(OK_ANSWER));
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_END);
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 0);
    socket_close(fd);
    close_world();
}

TEST(a_connection_whose_answer_was_not_read_is_never_used_again)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    ask(&user);
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 0);
    socket_close(fd);

    /* Nothing was even sent. */
    assert_true(acquire(&user, 0));
    fd = accept_one();
    backend_http1.send_head(user.connection, SLICE(GET), HTTP_FRAMING_NONE, false);
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 0);
    assert_true(acquire(&user, 0));
    backend_http1.send_head(user.connection, SLICE(GET), HTTP_FRAMING_NONE, false);
    release(&user);
    socket_close(fd);
    close_world();
}

TEST(an_idle_connection_that_the_backend_closes_is_dropped)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    exchange(&user, fd, OK_ANSWER);
    release(&user);
    socket_close(fd);
    run_until(nothing_is_idle, NULL);
    close_world();
}

/* An answer that nobody asked for must not become the next one's. */
TEST(an_idle_connection_that_speaks_is_dropped)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    exchange(&user, fd, OK_ANSWER);
    release(&user);
    say(fd, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"));
    run_until(nothing_is_idle, NULL);
    socket_close(fd);
    close_world();
}

/* The loop has not had a turn yet. */
TEST(what_came_while_it_was_idle_is_seen_before_it_is_used)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    exchange(&user, fd, OK_ANSWER);
    release(&user);
    say(fd, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"));
    assert_int_equal(backend_worker_idle(worker), 1);
    assert_true(acquire(&user, 0));
    assert_false(backend_http1.is_reused(user.connection));
    socket_close(fd);
    fd = accept_one();
    exchange(&user, fd, OK_ANSWER);
    assert_memory_equal(user.content, "ok", 2);
    release(&user);
    socket_close(fd);
    close_world();
}

TEST(a_used_connection_that_closes_says_so)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    exchange(&user, fd, OK_ANSWER);
    release(&user);
    assert_true(acquire(&user, 0));
    socket_close(fd);
    ask(&user);
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_FAILED);
    assert_int_equal(user.failure.reason, REASON_BACKEND_CLOSED);
    assert_true(backend_http1.is_reused(user.connection));
    assert_false(backend_http1.has_answered(user.connection));
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 0);
    close_world();
}

TEST(no_more_connections_are_kept_than_allowed)
{
    struct user users[3];
    int fds[3];

    open_world();
    for (size_t i = 0; i < 3; i++) {
        assert_true(acquire(&users[i], 0));
        fds[i] = accept_one();
    }
    for (size_t i = 0; i < 3; i++)
        exchange(&users[i], fds[i], OK_ANSWER);
    for (size_t i = 0; i < 3; i++)
        release(&users[i]);
    assert_int_equal(backend_worker_idle(worker), 2);
    for (size_t i = 0; i < 3; i++)
        socket_close(fds[i]);
    close_world();
}

TEST(no_more_connections_are_opened_than_allowed)
{
    struct user users[5];

    open_world();
    for (size_t i = 0; i < 4; i++)
        assert_true(acquire(&users[i], i));
    assert_false(acquire(&users[4], 0));
    assert_null(users[4].connection);
    assert_int_equal(users[4].failure.reason, REASON_BACKEND_BUSY);
    release(&users[0]);
    assert_true(acquire(&users[4], 0));
    for (size_t i = 1; i < 5; i++)
        release(&users[i]);
    close_world();
}

TEST(idle_connections_are_closed_in_time)
{
    struct user user;
    char byte;
    int fd;

    open_world();
    settings.idle_ms = 1;
    renew_pool();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    exchange(&user, fd, OK_ANSWER);
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 1);
    run_until(nothing_is_idle, NULL);
    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    socket_close(fd);
    close_world();
}

TEST(a_pool_that_is_no_longer_kept_closes_its_connections)
{
    struct user idle;
    struct user busy;
    int fds[2];

    open_world();
    assert_true(acquire(&idle, 0));
    fds[0] = accept_one();
    assert_true(acquire(&busy, 0));
    fds[1] = accept_one();
    exchange(&idle, fds[0], OK_ANSWER);
    release(&idle);
    backend_worker_keep(worker, &pool, 1);
    assert_int_equal(backend_worker_idle(worker), 1);
    backend_worker_keep(worker, NULL, 0);
    assert_int_equal(backend_worker_idle(worker), 0);
    exchange(&busy, fds[1], OK_ANSWER);
    release(&busy);
    assert_int_equal(backend_worker_idle(worker), 0);
    socket_close(fds[0]);
    socket_close(fds[1]);
    close_world();
}

/* ---- connecting ---- */

TEST(connections_go_to_one_address_after_the_other)
{
    char expected[ORIGINS_MAX][SOCKET_ADDRESS_TEXT_SIZE];
    struct user users[4];

    open_world_with(3);
    assert_int_equal(backend_pool_addresses(pool), 3);
    for (size_t i = 0; i < 3; i++)
        snprintf(expected[i], sizeof(expected[i]), "%s", urls[i] + strlen("http://"));
    for (size_t i = 0; i < 4; i++) {
        assert_true(acquire(&users[i], i));
        assert_true(slice_equals(backend_http1.endpoint(users[i].connection),
                                 slice_from_text(expected[i % 3])));
        socket_close(accept_at(i % 3));
    }
    for (size_t i = 0; i < 4; i++)
        release(&users[i]);
    close_world();
}

TEST(a_connection_that_is_refused_says_so)
{
    struct user user;

    open_world();
    socket_close(origins[0]);
    origins[0] = -1;
    assert_false(acquire(&user, 0));
    assert_non_null(user.connection);
    assert_int_equal(user.failure.reason, REASON_BACKEND_UNREACHABLE);
    assert_string_equal(user.failure.detail, "connection refused");
    release(&user);
    close_world();
}

/* A listening queue that is full drops who comes, as a network would that loses packets. */
TEST(a_connection_that_takes_time_is_waited_for)
{
    enum { TAKERS = 8 };
    struct socket_address address;
    struct user user = {.max = ALL};
    int takers[TAKERS];

    open_world();
    assert_true(socket_local_address(origins[0], &address));
    assert_int_equal(listen(origins[0], 0), 0);
    for (size_t i = 0; i < TAKERS; i++)
        takers[i] = socket_connect(&address, NULL);
    user.connection =
        backend_http1.acquire(worker, pool, &user.attempts, on_ready, &user, &user.failure);
    assert_non_null(user.connection);
    assert_int_equal(backend_http1.connected(user.connection, &user.failure), BACKEND_IO_WAIT);
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_WAIT);
    release(&user);
    for (size_t i = 0; i < TAKERS; i++)
        socket_close(takers[i]);
    close_world();
}

/* ---- reading ---- */

struct answer_case {
    const char *answer;
    const char *content;
    unsigned status;
    bool closes; /* the backend closes behind it */
    bool to_head;
};

static const struct answer_case answer_cases[] = {
    {OK_ANSWER, "ok", 200, false, false},
    {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200, false, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n1;x=y\r\nd\r\n0\r\nA: b\r\n\r\n",
     "abcd", 200, false, false},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", 200, false, false},
    {"HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", 200, true, false},
    {"HTTP/1.0 200 OK\r\n\r\n", "", 200, true, false},
    {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, false, false},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 304, false, false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "", 200, false, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", 200, false, true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" OK_ANSWER, "ok",
     200, false, false},
};

static void assert_answer(struct user *user, const struct answer_case *expected)
{
    assert_int_equal(user->response.status, expected->status);
    assert_int_equal(user->content_size, strlen(expected->content));
    assert_memory_equal(user->content, expected->content, user->content_size);
    release(user);
    assert_int_equal(backend_worker_idle(worker), expected->closes ? 0 : 1);
}

/* All on one connection, as long as it can be used. */
TEST(answers_are_the_same_however_they_are_split)
{
    struct user user;
    uint32_t seed = 5;
    int fd = -1;

    open_world();
    for (size_t i = 0; i < COUNT(answer_cases); i++) {
        const struct answer_case *now = &answer_cases[i];
        struct slice answer = slice_from_text(now->answer);

        for (size_t split = 0; split <= answer.size; split++) {
            enum backend_io io = BACKEND_IO_WAIT;

            assert_true(acquire(&user, 0));
            if (!backend_http1.is_reused(user.connection)) {
                socket_close(fd);
                fd = accept_one();
            }
            user.max = random_below(&seed, 2) == 0 ? ALL : 1 + random_below(&seed, 4);
            ask_for(&user, GET, now->to_head);
            assert_hears(fd, GET);
            if (split > 0) {
                say(fd, slice_first(answer, split));
                wait_for(&user);
                io = pull(&user);
            }
            say(fd, slice_after(answer, split));
            if (now->closes)
                (void)shutdown(fd, SHUT_WR);
            if (io == BACKEND_IO_WAIT)
                io = pull_to_the_end(&user);
            assert_int_equal(io, BACKEND_IO_END);
            assert_answer(&user, now);
        }
    }
    socket_close(fd);
    close_world();
}

TEST(answers_are_the_same_byte_by_byte)
{
    open_world();
    for (size_t i = 0; i < COUNT(answer_cases); i++) {
        const struct answer_case *now = &answer_cases[i];
        struct user user;
        enum backend_io io = BACKEND_IO_WAIT;
        int fd;

        assert_true(acquire(&user, 1));
        fd = accept_one();
        ask_for(&user, GET, now->to_head);
        for (size_t j = 0; now->answer[j] != '\0'; j++) {
            say(fd, slice_from(now->answer + j, 1));
            wait_for(&user);
            assert_int_equal(io, BACKEND_IO_WAIT);
            io = pull(&user);
        }
        if (now->closes) {
            (void)shutdown(fd, SHUT_WR);
            io = pull_to_the_end(&user);
        }
        assert_int_equal(io, BACKEND_IO_END);
        assert_int_equal(user.response.status, now->status);
        assert_int_equal(user.content_size, strlen(now->content));
        assert_memory_equal(user.content, now->content, user.content_size);
        release(&user);
        /* Its backend's end closes, so that the next one starts with nothing idle. */
        socket_close(fd);
        if (backend_worker_idle(worker) > 0)
            run_until(nothing_is_idle, NULL);
    }
    close_world();
}

TEST(answers_that_are_wrong_or_break_off_fail)
{
    static const struct {
        const char *answer;
        enum reason reason;
        unsigned status; /* that was read before */
    } cases[] = {
        {"", REASON_BACKEND_CLOSED, 0},
        {"HTTP/1.1 200 OK\r\nContent-", REASON_BACKEND_CLOSED, 0},
        {"HTTP/1.1 100 Continue\r\n\r\n", REASON_BACKEND_CLOSED, 100},
        {"SSH-2.0-OpenSSH", REASON_BACKEND_RESPONSE_MALFORMED, 0},
        {"HTTP/1.1 200 OK\nContent-Length: 0\n\n", REASON_BACKEND_RESPONSE_MALFORMED, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         REASON_BACKEND_RESPONSE_MALFORMED, 0},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf", REASON_BACKEND_CLOSED, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nha", REASON_BACKEND_CLOSED,
         200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nha\r\n0\r\n",
         REASON_BACKEND_CLOSED, 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nha\r\nx\r\n",
         REASON_BACKEND_RESPONSE_MALFORMED, 200},
    };

    open_world();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct user user;
        int fd;

        assert_true(acquire(&user, 0));
        fd = accept_one();
        ask(&user);
        assert_hears(fd, GET);
        say(fd, slice_from_text(cases[i].answer));
        (void)shutdown(fd, SHUT_WR);
        assert_int_equal(pull_to_the_end(&user), BACKEND_IO_FAILED);
        assert_int_equal(user.failure.reason, cases[i].reason);
        assert_int_equal(user.response.status, cases[i].status);
        assert_int_equal(backend_http1.has_answered(user.connection), cases[i].answer[0] != '\0');
        release(&user);
        assert_int_equal(backend_worker_idle(worker), 0);
        socket_close(fd);
    }
    close_world();
}

TEST(a_reset_connection_fails)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    ask(&user);
    assert_hears(fd, GET);
    socket_close_hard(fd);
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_FAILED);
    assert_int_equal(user.failure.reason, REASON_BACKEND_CLOSED);
    release(&user);

    assert_true(acquire(&user, 0));
    fd = accept_one();
    ask(&user);
    assert_hears(fd, GET);
    say(fd, SLICE("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf"));
    wait_for(&user);
    assert_int_equal(pull(&user), BACKEND_IO_WAIT);
    socket_close_hard(fd);
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_FAILED);
    assert_int_equal(user.failure.reason, REASON_BACKEND_CLOSED);
    release(&user);
    close_world();
}

/* Each in turn has the whole room of a head, however many there are. */
TEST(interim_answers_do_not_use_up_the_room_of_a_head)
{
    enum { INTERIM_BYTES = 30 * 1024, INTERIM = 16 };
    char *interim = memory_allocate(INTERIM_BYTES);
    struct user user;
    size_t used;
    int fd;

    used = (size_t)snprintf(interim, INTERIM_BYTES, "HTTP/1.1 103 Early Hints\r\nLink: ");
    memset(interim + used, 'x', INTERIM_BYTES - used);
    memcpy(interim + INTERIM_BYTES - 4, "\r\n\r\n", 4);
    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    ask(&user);
    for (size_t i = 0; i < INTERIM; i++) {
        say(fd, slice_from(interim, INTERIM_BYTES));
        while (!user.has_head) {
            wait_for(&user);
            assert_int_equal(pull(&user), BACKEND_IO_WAIT);
            if (user.response.status == 103)
                break;
        }
        user.response.status = 0;
    }
    say(fd, SLICE(OK_ANSWER));
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_END);
    assert_int_equal(user.response.status, 200);
    release(&user);
    socket_close(fd);
    close_world();
    memory_release(interim);
}

TEST(a_head_may_have_as_many_fields_as_allowed_and_no_more)
{
    open_world();
    for (size_t extra = 0; extra < 2; extra++) {
        struct user user;
        int fd;

        assert_true(acquire(&user, 0));
        fd = accept_one();
        ask(&user);
        say(fd, SLICE("HTTP/1.1 204 No Content\r\n"));
        for (size_t i = 0; i < 1000 + extra; i++)
            say(fd, SLICE("A: b\r\n"));
        say(fd, SLICE("\r\n"));
        if (extra == 0) {
            assert_int_equal(pull_to_the_end(&user), BACKEND_IO_END);
            assert_int_equal(user.response.fields.count, 1000);
        } else {
            assert_int_equal(pull_to_the_end(&user), BACKEND_IO_FAILED);
            assert_int_equal(user.failure.reason, REASON_BACKEND_HEADERS_TOO_MANY);
        }
        release(&user);
        socket_close(fd);
        if (backend_worker_idle(worker) > 0)
            run_until(nothing_is_idle, NULL);
    }
    close_world();
}

TEST(a_head_that_never_ends_is_too_large)
{
    struct user user;
    enum backend_io io = BACKEND_IO_WAIT;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    ask(&user);
    say(fd, SLICE("HTTP/1.1 200 OK\r\nA: "));
    for (size_t i = 0; i < 64 && io == BACKEND_IO_WAIT; i++) {
        char block[1024];

        memset(block, 'x', sizeof(block));
        say(fd, slice_from(block, sizeof(block)));
        wait_for(&user);
        io = pull(&user);
    }
    assert_int_equal(io, BACKEND_IO_FAILED);
    assert_int_equal(user.failure.reason, REASON_BACKEND_RESPONSE_TOO_LARGE);
    release(&user);
    socket_close(fd);
    close_world();
}

/* They share the worker's memory, but not what is in it. */
TEST(what_one_connection_has_not_read_yet_is_safe_from_another)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char *const chunks[] = {"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
                                         "1\r\nx\r\n2\r\nyz\r\n0\r\n\r\n"};
    struct user users[2];
    int fds[2];

    open_world();
    for (size_t i = 0; i < 2; i++) {
        assert_true(acquire(&users[i], 0));
        fds[i] = accept_one();
        ask(&users[i]);
        say(fds[i], slice_from_text(head));
        wait_for(&users[i]);
        assert_int_equal(pull(&users[i]), BACKEND_IO_WAIT);
        assert_true(users[i].has_head);
    }
    for (size_t i = 0; i < 2; i++) {
        struct slice content;

        say(fds[i], slice_from_text(chunks[i]));
        wait_for(&users[i]);
        assert_int_equal(
            backend_http1.read_content(users[i].connection, ALL, &content, &users[i].failure),
            BACKEND_IO_DONE);
        users[i].content[users[i].content_size++] = content.data[0];
        assert_int_equal(content.size, 1);
        (void)backend_http1.end_turn(users[i].connection, true);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pull_to_the_end(&users[i]), BACKEND_IO_END);
    assert_memory_equal(users[0].content, "abc", 3);
    assert_memory_equal(users[1].content, "xyz", 3);
    for (size_t i = 0; i < 2; i++) {
        release(&users[i]);
        socket_close(fds[i]);
    }
    close_world();
}

/* ---- trailers ---- */

static enum backend_io exchange_with_trailers(struct user *user, const char *answer)
{
    enum backend_io io;
    int fd;

    assert_true(acquire(user, 0));
    fd = accept_one();
    ask(user);
    assert_hears(fd, GET);
    say(fd, slice_from_text(answer));
    io = pull_to_the_end(user);
    socket_close(fd);
    return io;
}

#define CHUNKED_ANSWER "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"

TEST(trailers_are_there_behind_the_answers_end)
{
    struct http_fields trailers;
    struct user user;

    open_world();
    assert_int_equal(exchange_with_trailers(&user, CHUNKED_ANSWER "X-A: b\r\nX-C:d\r\n\r\n"),
                     BACKEND_IO_END);
    trailers = backend_http1.trailers(user.connection);
    assert_int_equal(trailers.count, 2);
    assert_true(slice_equals(trailers.items[1].name, SLICE("X-C")));
    assert_true(slice_equals(trailers.items[1].value, SLICE("d")));
    /* The end stays the end, however often it is asked for. */
    assert_int_equal(pull(&user), BACKEND_IO_END);
    release(&user);
    close_world();
}

TEST(trailers_beyond_a_limit_are_no_answer)
{
    struct user user;

    open_world();
    backend_worker_set_trailer_limits(worker, 8, 1);
    assert_int_equal(exchange_with_trailers(&user, CHUNKED_ANSWER "X-A: bcd\r\n\r\n"),
                     BACKEND_IO_FAILED);
    assert_string_equal(reason_name(user.failure.reason), "backend_response_too_large");
    release(&user);
    assert_int_equal(exchange_with_trailers(&user, CHUNKED_ANSWER "A:\r\nB:\r\n\r\n"),
                     BACKEND_IO_FAILED);
    assert_string_equal(user.failure.detail, "number of trailer fields");
    release(&user);
    assert_int_equal(exchange_with_trailers(&user, CHUNKED_ANSWER "A: bcd\r\n\r\n"),
                     BACKEND_IO_END);
    release(&user);
    close_world();
}

TEST(trailers_go_out_behind_the_last_chunk_and_nowhere_else)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    backend_http1.send_head(user.connection, SLICE("HEAD "), HTTP_FRAMING_CHUNKED, false);
    backend_http1.send_content(user.connection, SLICE("x"));
    backend_http1.send_end(user.connection, SLICE("X-A: b\r\n"));
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_DONE);
    assert_hears(fd, "HEAD 1\r\nx\r\n0\r\nX-A: b\r\n\r\n");
    say(fd, SLICE(OK_ANSWER));
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_END);
    release(&user);

    assert_true(acquire(&user, 0));
    backend_http1.send_head(user.connection, SLICE("HEAD "), HTTP_FRAMING_LENGTH, false);
    backend_http1.send_content(user.connection, SLICE("x"));
    backend_http1.send_end(user.connection, SLICE("X-A: b\r\n"));
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_DONE);
    assert_hears(fd, "HEAD x");
    release(&user);
    socket_close(fd);
    close_world();
}

/* ---- sending ---- */

TEST(content_is_framed_as_the_head_says)
{
    struct user user;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    backend_http1.send_head(user.connection, SLICE("HEAD1 "), HTTP_FRAMING_CHUNKED, false);
    backend_http1.send_content(user.connection, SLICE("0123456789abcdef"));
    backend_http1.send_content(user.connection, SLICE("x"));
    backend_http1.send_end(user.connection, SLICE(""));
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_DONE);
    assert_hears(fd, "HEAD1 10\r\n0123456789abcdef\r\n1\r\nx\r\n0\r\n\r\n");
    say(fd, SLICE(OK_ANSWER));
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_END);
    release(&user);

    assert_true(acquire(&user, 0));
    assert_true(backend_http1.is_reused(user.connection));
    backend_http1.send_head(user.connection, SLICE("HEAD2 "), HTTP_FRAMING_LENGTH, false);
    backend_http1.send_content(user.connection, SLICE("content"));
    backend_http1.send_end(user.connection, SLICE(""));
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_DONE);
    assert_hears(fd, "HEAD2 content");
    release(&user);
    socket_close(fd);
    close_world();
}

/* Byte number `at` of content that can be told from a repetition of any part of it. */
static char content_byte(size_t at)
{
    return (char)(at % 251 + at / 65521);
}

struct flow {
    struct user user;
    int fd;
    size_t sent;
    size_t heard;
    size_t waits;
};

static void hear_some(struct flow *flow)
{
    static char memory[256 * 1024];
    ssize_t count = recv(flow->fd, memory, sizeof(memory), MSG_DONTWAIT);

    while (count > 0) {
        for (size_t i = 0; i < (size_t)count; i++)
            assert_int_equal(memory[i], content_byte(flow->heard + i));
        flow->heard += (size_t)count;
        count = recv(flow->fd, memory, sizeof(memory), MSG_DONTWAIT);
    }
    assert_true(count < 0 && errno == EAGAIN);
}

/* As much as there is room for, in pieces of any size. */
static void send_some(struct flow *flow, size_t total, uint32_t *seed)
{
    static char piece[64 * 1024];
    size_t room = backend_http1.room(flow->user.connection);

    while (room > 0 && flow->sent < total) {
        size_t size = 1 + random_below(seed, sizeof(piece));

        if (size > room)
            size = room;
        if (size > total - flow->sent)
            size = total - flow->sent;
        for (size_t i = 0; i < size; i++)
            piece[i] = content_byte(flow->sent + i);
        backend_http1.send_content(flow->user.connection, slice_from(piece, size));
        flow->sent += size;
        room = backend_http1.room(flow->user.connection);
    }
}

TEST(a_slow_backend_gets_all_of_a_large_content)
{
    enum { TOTAL = 12 * 1024 * 1024 };
    static struct flow flow;
    uint32_t seed = 9;
    int small = 4096;

    open_world();
    assert_int_equal(setsockopt(origins[0], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_true(acquire(&flow.user, 0));
    flow.fd = accept_one();
    backend_http1.send_head(flow.user.connection, SLICE(""), HTTP_FRAMING_LENGTH, false);
    while (flow.sent < TOTAL) {
        enum backend_io io;

        send_some(&flow, TOTAL, &seed);
        io = backend_http1.end_turn(flow.user.connection, true);
        if (io == BACKEND_IO_WAIT) {
            flow.waits++;
            assert_int_equal(backend_http1.room(flow.user.connection), 0);
            hear_some(&flow);
            wait_for(&flow.user);
        }
    }
    backend_http1.send_end(flow.user.connection, SLICE(""));
    while (backend_http1.end_turn(flow.user.connection, true) == BACKEND_IO_WAIT) {
        hear_some(&flow);
        wait_for(&flow.user);
    }
    while (flow.heard < TOTAL)
        hear_some(&flow);
    assert_true(flow.waits > 0);
    say(flow.fd, SLICE(OK_ANSWER));
    assert_int_equal(pull_to_the_end(&flow.user), BACKEND_IO_END);
    release(&flow.user);
    assert_int_equal(backend_worker_idle(worker), 1);
    socket_close(flow.fd);
    close_world();
}

/* The answer may come before, and is complete all the same. */
TEST(a_backend_that_does_not_take_the_request_can_still_answer)
{
    static char piece[60 * 1024];
    struct user user;
    unsigned turns = 0;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    backend_http1.send_head(user.connection, SLICE("POST / HTTP/1.1\r\n\r\n"), HTTP_FRAMING_LENGTH,
                            false);
    do {
        backend_http1.send_content(user.connection, slice_from(piece, sizeof(piece)));
        turns++;
    } while (backend_http1.end_turn(user.connection, true) == BACKEND_IO_DONE && turns < 1000);
    assert_true(turns < 1000);
    say(fd, SLICE(OK_ANSWER));
    assert_int_equal(pull_to_the_end(&user), BACKEND_IO_END);
    assert_int_equal(user.content_size, 2);
    /* The rest of the request would be the next one's head. */
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 0);
    socket_close(fd);
    close_world();
}

/* Sending fails first; what the backend said before is still read. */
TEST(an_answer_is_read_although_sending_failed)
{
    static char piece[60 * 1024];
    struct user user;
    enum backend_io io;
    int fd;

    open_world();
    assert_true(acquire(&user, 0));
    fd = accept_one();
    backend_http1.send_head(user.connection, SLICE("POST / HTTP/1.1\r\n\r\n"), HTTP_FRAMING_LENGTH,
                            false);
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_DONE);
    say(fd, SLICE(OK_ANSWER));
    wait_for(&user);
    assert_int_equal(pull(&user), BACKEND_IO_END);
    socket_close_hard(fd);
    do {
        backend_http1.send_content(user.connection, slice_from(piece, sizeof(piece)));
        io = backend_http1.end_turn(user.connection, true);
    } while (io == BACKEND_IO_DONE);
    assert_int_equal(io, BACKEND_IO_FAILED);
    assert_int_equal(backend_http1.room(user.connection), 0);
    assert_int_equal(backend_http1.end_turn(user.connection, true), BACKEND_IO_FAILED);
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 0);
    close_world();
}

TEST(nothing_is_released_without_harm)
{
    backend_http1.release(NULL);
    backend_worker_destroy(NULL);
    backend_pool_destroy(NULL);
}

/* ---- endpoints ---- */

TEST(endpoints_are_hosts_and_ports)
{
    static const struct {
        const char *url;
        uint16_t port;
    } cases[] = {
        {"http://127.0.0.1:8080", 8080},   {"http://127.0.0.1:8080/", 8080},
        {"http://127.0.0.1", 80},          {"http://127.0.0.1/", 80},
        {"http://127.0.0.1:65535", 65535},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct backend_endpoint_settings endpoint = {.url = cases[i].url};
        struct backend_settings one = {.name = "b", .endpoints = &endpoint, .endpoint_count = 1};
        struct error error = {0};
        struct backend_pool *made = backend_pool_create(&one, 3, NULL, NULL, &error);

        assert_non_null(made);
        assert_int_equal(backend_pool_addresses(made), 1);
        assert_int_equal(backend_pool_place(made), 3);
        assert_string_equal(backend_pool_settings(made)->name, "b");
        backend_pool_destroy(made);
    }
}

TEST(an_endpoint_that_cannot_be_used_is_an_error_with_its_place)
{
    static const char *const urls_refused[] = {
        "",
        "127.0.0.1:80",
        "https:/127.0.0.1",
        "https://",
        "ftp://127.0.0.1",
        "HTTP://127.0.0.1",
        "http://",
        "http:///",
        "http://:80",
        "http://127.0.0.1:",
        "http://127.0.0.1:0",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:-1",
        "http://127.0.0.1:80:80",
        "http://127.0.0.1:80/path",
        "http://127.0.0.1/path",
        "http://user@127.0.0.1",
        "http://127.0.0.1?x",
        "http://[::1",
        "http://[::1]x",
        "http://[::1]80",
        "http://[]:80",
        "http://::1:80",
    };

    for (size_t i = 0; i < COUNT(urls_refused); i++) {
        struct backend_endpoint_settings two[] = {
            {.url = "http://127.0.0.1:1"},
            {.url = urls_refused[i], .position = {.file = "a.yaml", .line = 7, .column = 9}},
        };
        struct backend_settings wrong = {.name = "b", .endpoints = two, .endpoint_count = 2};
        struct error error = {0};
        struct backend_pool *made = backend_pool_create(&wrong, 0, NULL, NULL, &error);

        if (made != NULL)
            print_error("'%s' was taken\n", urls_refused[i]);
        assert_null(made);
        assert_memory_equal(error.text, "a.yaml:7:9: ", 12);
    }
}

/* ---- names ---- */

static struct ip_address ip(const char *text)
{
    struct ip_address address;

    assert_true(ip_address_parse(slice_from_text(text), &address));
    return address;
}

/* The endpoint of the first origin, by a name that only the test knows the address of. */
static void open_named_world(void)
{
    struct error error = {0};
    const char *port;

    open_world();
    port = strrchr(urls[0], ':');
    memmove(urls[0] + strlen("http://name.test"), port, strlen(port) + 1);
    memcpy(urls[0], "http://name.test", strlen("http://name.test"));
    settings.queue_max = 2;
    settings.queue_timeout_ms = 1000;
    backend_worker_keep(worker, NULL, 0);
    backend_pool_destroy(pool);
    pool = backend_pool_create(&settings, 0, NULL, NULL, &error);
    assert_non_null(pool);
    backend_worker_keep(worker, &pool, 1);
}

static void begin(struct user *user)
{
    *user = (struct user){.max = ALL};
    user->connection =
        backend_http1.acquire(worker, pool, &user->attempts, on_ready, user, &user->failure);
}

TEST(who_comes_before_the_first_address_is_known_waits_for_it)
{
    static struct user users[3];
    struct ip_address address = ip("127.0.0.1");

    open_named_world();
    assert_string_equal(backend_pool_name(pool, 0), "name.test");
    assert_int_equal(backend_pool_addresses(pool), 0);
    for (size_t i = 0; i < COUNT(users); i++)
        begin(&users[i]);
    assert_true(backend_http1.is_queued(users[0].connection));
    assert_true(backend_http1.is_queued(users[1].connection));
    assert_null(users[2].connection);
    assert_int_equal(users[2].failure.reason, REASON_BACKEND_BUSY);

    assert_true(backend_pool_set_addresses(pool, 0, &address, 1));
    assert_false(backend_pool_set_addresses(pool, 0, &address, 1));
    backend_worker_look_again(worker);
    for (size_t i = 0; i < 2; i++) {
        while (backend_http1.connected(users[i].connection, &users[i].failure) == BACKEND_IO_WAIT) {
            (void)backend_http1.end_turn(users[i].connection, true);
            wait_for(&users[i]);
        }
        socket_close(accept_one());
        release(&users[i]);
    }
    close_world();
}

TEST(who_waits_for_a_name_that_has_no_address_is_told)
{
    static struct user user;

    open_named_world();
    begin(&user);
    assert_true(backend_http1.is_queued(user.connection));
    assert_true(backend_pool_set_addresses(pool, 0, NULL, 0));
    backend_worker_look_again(worker);
    wait_for(&user);
    assert_int_equal(backend_http1.connected(user.connection, &user.failure), BACKEND_IO_FAILED);
    assert_int_equal(user.failure.reason, REASON_BACKEND_UNRESOLVED);
    release(&user);

    begin(&user);
    assert_null(user.connection);
    assert_int_equal(user.failure.reason, REASON_BACKEND_UNRESOLVED);
    close_world();
}

TEST(connections_to_an_address_that_is_gone_close_when_they_are_idle)
{
    static struct user user;
    struct ip_address here = ip("127.0.0.1");
    struct ip_address elsewhere = ip("127.0.0.9");
    int fd;

    open_named_world();
    assert_true(backend_pool_set_addresses(pool, 0, &here, 1));
    assert_true(acquire(&user, 0));
    fd = accept_one();
    exchange(&user, fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    release(&user);
    assert_int_equal(backend_worker_idle(worker), 1);

    assert_true(backend_pool_set_addresses(pool, 0, &elsewhere, 1));
    backend_worker_look_again(worker);
    assert_int_equal(backend_worker_idle(worker), 0);
    socket_close(fd);
    close_world();
}

struct seen {
    size_t of_endpoint[3];
    size_t count;
};

static void note_total(void *context, const struct backend_totals *totals)
{
    struct seen *seen = context;

    seen->of_endpoint[totals->endpoint[strlen("http://")] - 'a']++;
    seen->count++;
}

TEST(no_endpoint_takes_the_places_of_all_others)
{
    struct backend_endpoint_settings three[] = {
        {.url = "http://a:1"}, {.url = "http://b:1"}, {.url = "http://c:1"}};
    struct backend_settings many = {.name = "b", .endpoints = three, .endpoint_count = 3};
    struct ip_address addresses[BACKEND_NAME_ADDRESSES_MAX];
    struct seen seen = {.count = 0};
    struct error error = {0};
    struct backend_pool *made = backend_pool_create(&many, 0, NULL, NULL, &error);

    for (size_t i = 0; i < COUNT(addresses); i++) {
        char text[SOCKET_ADDRESS_TEXT_SIZE];

        snprintf(text, sizeof(text), "10.0.0.%zu", i);
        addresses[i] = ip(text);
    }
    assert_non_null(made);
    (void)backend_pool_set_addresses(made, 0, addresses, COUNT(addresses));
    (void)backend_pool_set_addresses(made, 1, addresses, COUNT(addresses));
    (void)backend_pool_set_addresses(made, 2, addresses, 10);
    assert_int_equal(backend_pool_left_out(made), 10);
    backend_pool_visit(made, 0, note_total, &seen);
    assert_int_equal(seen.count, 256);
    assert_int_equal(seen.of_endpoint[0], 123);
    assert_int_equal(seen.of_endpoint[1], 123);
    assert_int_equal(seen.of_endpoint[2], 10);
    backend_pool_destroy(made);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(a_connection_serves_one_request_after_another),
        cmocka_unit_test(who_comes_before_the_first_address_is_known_waits_for_it),
        cmocka_unit_test(who_waits_for_a_name_that_has_no_address_is_told),
        cmocka_unit_test(connections_to_an_address_that_is_gone_close_when_they_are_idle),
        cmocka_unit_test(no_endpoint_takes_the_places_of_all_others),
        cmocka_unit_test(a_later_attempt_has_a_connection_of_its_own),
        cmocka_unit_test(what_leaves_a_doubt_is_never_used_again),
        cmocka_unit_test(an_answer_to_head_with_content_is_never_used_again),
        cmocka_unit_test(a_connection_with_half_a_request_is_never_used_again),
        cmocka_unit_test(a_connection_whose_answer_was_not_read_is_never_used_again),
        cmocka_unit_test(an_idle_connection_that_the_backend_closes_is_dropped),
        cmocka_unit_test(an_idle_connection_that_speaks_is_dropped),
        cmocka_unit_test(what_came_while_it_was_idle_is_seen_before_it_is_used),
        cmocka_unit_test(a_used_connection_that_closes_says_so),
        cmocka_unit_test(no_more_connections_are_kept_than_allowed),
        cmocka_unit_test(no_more_connections_are_opened_than_allowed),
        cmocka_unit_test(idle_connections_are_closed_in_time),
        cmocka_unit_test(a_pool_that_is_no_longer_kept_closes_its_connections),
        cmocka_unit_test(connections_go_to_one_address_after_the_other),
        cmocka_unit_test(a_connection_that_is_refused_says_so),
        cmocka_unit_test(a_connection_that_takes_time_is_waited_for),
        cmocka_unit_test(answers_are_the_same_however_they_are_split),
        cmocka_unit_test(answers_are_the_same_byte_by_byte),
        cmocka_unit_test(answers_that_are_wrong_or_break_off_fail),
        cmocka_unit_test(a_reset_connection_fails),
        cmocka_unit_test(interim_answers_do_not_use_up_the_room_of_a_head),
        cmocka_unit_test(a_head_may_have_as_many_fields_as_allowed_and_no_more),
        cmocka_unit_test(a_head_that_never_ends_is_too_large),
        cmocka_unit_test(what_one_connection_has_not_read_yet_is_safe_from_another),
        cmocka_unit_test(trailers_are_there_behind_the_answers_end),
        cmocka_unit_test(trailers_beyond_a_limit_are_no_answer),
        cmocka_unit_test(trailers_go_out_behind_the_last_chunk_and_nowhere_else),
        cmocka_unit_test(content_is_framed_as_the_head_says),
        cmocka_unit_test(a_slow_backend_gets_all_of_a_large_content),
        cmocka_unit_test(a_backend_that_does_not_take_the_request_can_still_answer),
        cmocka_unit_test(an_answer_is_read_although_sending_failed),
        cmocka_unit_test(nothing_is_released_without_harm),
        cmocka_unit_test(endpoints_are_hosts_and_ports),
        cmocka_unit_test(an_endpoint_that_cannot_be_used_is_an_error_with_its_place));
}
