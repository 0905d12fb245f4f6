/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/event_loop.h"
#include "runtime/fetch.h"
#include "runtime/memory.h"
#include "runtime/socket.h"
#include "runtime/timer.h"

enum { CONNECTIONS_MAX = 16, RECEIVED_MAX = 8192, PATIENCE_MS = 20000, DRIP_MS = 50 };

/* ---- a server on the same loop that says what it was told, whatever it is asked ---- */

enum manner {
    AT_ONCE,
    KEEP_OPEN,   /* after the answer */
    DRIP,        /* a byte each DRIP_MS */
    FLOOD,       /* the answer's head, then content for as long as somebody reads */
    FLOOD_HEADS, /* header fields for as long as somebody reads */
};

struct server;

struct server_connection {
    struct server *server;
    int fd;
    struct event_watch *watch;
    struct timer *timer;
    size_t sent;
    bool has_request;
};

struct server {
    struct event_loop *loop;
    int fd;
    struct event_watch *watch;
    uint16_t port;
    enum manner manner;
    char answer[2048];
    struct server_connection connections[CONNECTIONS_MAX];
    size_t count;
    char received[RECEIVED_MAX];
    size_t received_size;
};

static void close_connection(struct server_connection *connection)
{
    if (connection->watch == NULL)
        return;
    event_watch_destroy(connection->watch);
    connection->watch = NULL;
    timer_destroy(connection->timer);
    socket_close(connection->fd);
}

static void send_more(struct server_connection *connection)
{
    struct server *server = connection->server;
    struct slice rest = slice_after(slice_from_text(server->answer), connection->sent);
    struct socket_result result;

    if (server->manner == FLOOD && rest.size == 0)
        rest = slice_from(server->received, RECEIVED_MAX);
    if (server->manner == FLOOD_HEADS && rest.size == 0)
        rest = SLICE("X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n");
    if (server->manner == DRIP)
        rest = slice_first(rest, 1);
    result = socket_write(connection->fd, rest);
    if (result.outcome == SOCKET_FAILED) {
        close_connection(connection);
        return;
    }
    connection->sent += result.count;
    if (connection->sent < strlen(server->answer) || server->manner >= FLOOD) {
        if (server->manner == DRIP)
            timer_start(connection->timer, DRIP_MS);
        else
            event_watch_set(connection->watch, EVENT_WRITABLE);
    } else if (server->manner != KEEP_OPEN) {
        close_connection(connection);
    } else {
        event_watch_set(connection->watch, EVENT_READABLE);
    }
}

static void on_drip(void *context)
{
    send_more(context);
}

static void on_connection_ready(void *context, unsigned ready)
{
    struct server_connection *connection = context;
    struct server *server = connection->server;
    struct socket_result result;

    if ((ready & EVENT_READABLE) != 0) {
        result = socket_read(connection->fd, server->received + server->received_size,
                             RECEIVED_MAX - 1 - server->received_size);
        if (result.outcome == SOCKET_CLOSED || result.outcome == SOCKET_FAILED) {
            close_connection(connection);
            return;
        }
        server->received_size += result.count;
        if (connection->has_request ||
            memmem(server->received, server->received_size, "\r\n\r\n", 4) == NULL)
            return;
        connection->has_request = true;
    }
    if (server->answer[0] != '\0')
        send_more(connection);
}

static void on_connect(void *context, unsigned ready)
{
    struct server *server = context;
    struct server_connection *connection = &server->connections[server->count];
    struct socket_address peer;
    enum socket_outcome outcome;
    int code;
    int fd = socket_accept(server->fd, &peer, &outcome, &code);

    (void)ready;
    if (fd < 0)
        return;
    assert_true(server->count < CONNECTIONS_MAX);
    server->count++;
    *connection = (struct server_connection){.server = server, .fd = fd};
    connection->watch = event_watch_create(server->loop, fd, on_connection_ready, connection);
    connection->timer = timer_create_on(server->loop, on_drip, connection);
    event_watch_set(connection->watch, EVENT_READABLE);
}

static void server_open(struct server *server, struct event_loop *loop)
{
    struct socket_address address;
    struct error error = {0};

    *server = (struct server){.loop = loop};
    assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &address, &error));
    server->fd = socket_listen(&address, 16, false, &error);
    assert_true(server->fd >= 0);
    assert_true(socket_local_address(server->fd, &address));
    server->port = socket_address_port(&address);
    server->watch = event_watch_create(loop, server->fd, on_connect, server);
    event_watch_set(server->watch, EVENT_READABLE);
}

static void server_close(struct server *server)
{
    for (size_t i = 0; i < server->count; i++)
        close_connection(&server->connections[i]);
    event_watch_destroy(server->watch);
    socket_close(server->fd);
}

/* ---- a test's world ---- */

struct world {
    struct event_loop *loop;
    struct server server;
    struct address_set *loopback;
    struct fetch_address_settings addresses;
    struct fetcher *fetcher;
    struct timer *patience;

    unsigned ended;
    unsigned awaited;
    enum fetch_outcome outcome;
    unsigned status;
    char content[1024];
    size_t content_size;
    char content_type[64];
    char etag[64];
    char problem[512];
    char url[256];
    uint64_t duration_ms;
    struct fetch *cancelled_at_end;
};

static void on_impatience(void *context)
{
    struct world *world = context;

    (void)world;
    fail_msg("nothing happened for too long");
}

static void on_end(void *context, const struct fetch_result *result)
{
    struct world *world = context;

    world->outcome = result->outcome;
    world->status = result->status;
    world->content_size = result->content.size;
    if (result->content.size <= sizeof(world->content) && result->content.size > 0)
        memcpy(world->content, result->content.data, result->content.size);
    snprintf(world->content_type, sizeof(world->content_type), "%s", result->content_type);
    snprintf(world->etag, sizeof(world->etag), "%s", result->etag);
    snprintf(world->problem, sizeof(world->problem), "%s", result->problem);
    snprintf(world->url, sizeof(world->url), "%s", result->url);
    world->duration_ms = result->duration_ms;
    fetch_cancel(world->cancelled_at_end);
    world->cancelled_at_end = NULL;
    world->ended++;
    if (world->ended == world->awaited)
        event_loop_stop(world->loop);
}

static void world_open(struct world *world, size_t running_max, size_t waiting_max)
{
    struct ip_range range;
    struct error error = {0};

    *world = (struct world){.loop = event_loop_create(), .awaited = 1};
    server_open(&world->server, world->loop);
    world->fetcher = fetcher_create(
        world->loop,
        &(struct fetcher_settings){.running_max = running_max, .waiting_max = waiting_max}, &error);
    assert_non_null(world->fetcher);
    assert_true(ip_range_parse(SLICE("127.0.0.1"), &range, &error));
    world->loopback = address_set_create(&range, 1);
    world->addresses.allowed = world->loopback;
    fetcher_set_addresses(world->fetcher, &world->addresses);
    world->patience = timer_create_on(world->loop, on_impatience, world);
    timer_start(world->patience, PATIENCE_MS);
}

static void world_close(struct world *world)
{
    fetcher_destroy(world->fetcher);
    address_set_destroy(world->loopback);
    server_close(&world->server);
    timer_destroy(world->patience);
    event_loop_destroy(world->loop);
}

static const struct fetch_limits usual_limits = {
    .time_ms = 5000, .connect_time_ms = 5000, .bytes_max = 64 * 1024, .redirects_max = 3};

static struct fetch *start_at(struct world *world, const char *url,
                              const struct fetch_request *request)
{
    struct fetch_request complete = *request;

    complete.url = url;
    if (complete.limits.time_ms == 0)
        complete.limits = usual_limits;
    return fetch_start(world->fetcher, &complete, on_end, world);
}

static struct fetch *start(struct world *world, const char *path,
                           const struct fetch_request *request)
{
    char url[256];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", (unsigned)world->server.port, path);
    return start_at(world, url, request);
}

/* What became of one GET when the server gives `answer` in that manner. */
static void get(struct world *world, enum manner manner, const char *answer)
{
    world->server.manner = manner;
    snprintf(world->server.answer, sizeof(world->server.answer), "%s", answer);
    assert_non_null(start(world, "/file?a=b", &(struct fetch_request){0}));
    event_loop_run(world->loop);
}

/* ---- tests ---- */

TEST(brings_an_answer_with_its_status_and_content)
{
    struct world world;

    world_open(&world, 4, 4);
    get(&world, KEEP_OPEN,
        "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nETag: \"one\"\r\nContent-Length: "
        "5\r\n\r\nhello");
    assert_int_equal(world.outcome, FETCH_ANSWERED);
    assert_int_equal(world.status, 200);
    assert_memory_equal(world.content, "hello", 5);
    assert_string_equal(world.content_type, "text/x");
    assert_string_equal(world.etag, "\"one\"");
    assert_string_equal(world.problem, "");
    assert_non_null(strstr(world.server.received, "GET /file?a=b HTTP/1.1\r\n"));
    assert_non_null(strstr(world.server.received, "User-Agent: sallyport\r\n"));
    world_close(&world);
}

TEST(posts_content_with_its_type)
{
    struct world world;

    world_open(&world, 4, 4);
    snprintf(world.server.answer, sizeof(world.server.answer),
             "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(start(&world, "/ocsp",
                          &(struct fetch_request){.content = SLICE("a\0b"),
                                                  .content_type = "application/x",
                                                  .known_etag = "\"old\""}));
    event_loop_run(world.loop);
    assert_int_equal(world.outcome, FETCH_ANSWERED);
    assert_int_equal(world.status, 404);
    assert_non_null(strstr(world.server.received, "POST /ocsp HTTP/1.1\r\n"));
    assert_non_null(strstr(world.server.received, "Content-Type: application/x\r\n"));
    assert_non_null(strstr(world.server.received, "If-None-Match: \"old\"\r\n"));
    assert_non_null(strstr(world.server.received, "Content-Length: 3\r\n"));
    assert_null(strstr(world.server.received, "Expect"));
    world_close(&world);
}

TEST(reads_chunked_content)
{
    struct world world;

    world_open(&world, 4, 4);
    get(&world, DRIP,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert_int_equal(world.outcome, FETCH_ANSWERED);
    assert_int_equal(world.content_size, 5);
    assert_memory_equal(world.content, "abcde", 5);
    world_close(&world);
}

/* Each row is a whole life of a fetch against a server that misbehaves. */
TEST(says_what_went_wrong)
{
    static const struct {
        const char *answer;
        enum manner manner;
        enum fetch_outcome outcome;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", AT_ONCE, FETCH_BROKEN},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", AT_ONCE, FETCH_BROKEN},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", AT_ONCE, FETCH_BROKEN},
        {"hello, who is there?\r\n\r\n", AT_ONCE, FETCH_BROKEN},
        {"HTTP/1.1 200 OK\r\nContent-Length: 16000000\r\n\r\n", KEEP_OPEN, FETCH_TOO_LARGE},
        {"HTTP/1.1 200 OK\r\n\r\n", FLOOD, FETCH_TOO_LARGE},
        {"HTTP/1.1 200 OK\r\n", FLOOD_HEADS, FETCH_TOO_LARGE},
        {"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", AT_ONCE,
         FETCH_TOO_MANY_REDIRECTS},
        {"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", AT_ONCE, FETCH_BAD_URL},
        {"HTTP/1.1 302 Found\r\nLocation: gopher://127.0.0.1/\r\n\r\n", AT_ONCE, FETCH_BAD_URL},
        {"HTTP/1.1 302 Found\r\nLocation: http://a:b@127.0.0.1/\r\n\r\n", AT_ONCE, FETCH_BAD_URL},
        {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2/\r\n\r\n", AT_ONCE,
         FETCH_ADDRESS_REFUSED},
        {"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/latest\r\n\r\n", AT_ONCE,
         FETCH_ADDRESS_REFUSED},
        {"HTTP/1.1 302 Found\r\nLocation: http://0x7f000002/\r\n\r\n", AT_ONCE,
         FETCH_ADDRESS_REFUSED},
        {"HTTP/1.1 302 Found\r\nLocation: http://[::ffff:127.0.0.2]/\r\n\r\n", AT_ONCE,
         FETCH_ADDRESS_REFUSED},
        {"HTTP/1.1 302 Found\r\nLocation: http://[::1]/\r\n\r\n", AT_ONCE, FETCH_ADDRESS_REFUSED},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world;

        world_open(&world, 4, 4);
        get(&world, cases[i].manner, cases[i].answer);
        if (world.outcome != cases[i].outcome)
            print_error("case %zu: %s: %s\n", i, fetch_outcome_name(world.outcome), world.problem);
        assert_int_equal(world.outcome, cases[i].outcome);
        assert_string_not_equal(world.problem, "");
        assert_int_equal(world.content_size, 0);
        world_close(&world);
    }
}

TEST(names_the_address_that_it_refused)
{
    struct world world;

    world_open(&world, 4, 4);
    fetcher_set_addresses(world.fetcher, &(struct fetch_address_settings){0});
    get(&world, AT_ONCE, "HTTP/1.1 200 OK\r\n\r\n");
    assert_int_equal(world.outcome, FETCH_ADDRESS_REFUSED);
    assert_non_null(strstr(world.problem, "127.0.0.1:"));
    assert_non_null(strstr(world.problem, "is a loopback address, which is not allowed"));
    assert_int_equal(world.server.count, 0);
    world_close(&world);
}

TEST(follows_redirects_and_says_where_they_led)
{
    struct world world;
    char answer[256];
    struct server other;

    world_open(&world, 4, 4);
    server_open(&other, world.loop);
    snprintf(other.answer, sizeof(other.answer), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    snprintf(answer, sizeof(answer),
             "HTTP/1.1 302 Found\r\nETag: \"not this\"\r\nLocation: http://127.0.0.1:%u/there\r\n"
             "Content-Length: 4\r\n\r\ngone",
             (unsigned)other.port);
    get(&world, AT_ONCE, answer);
    assert_int_equal(world.outcome, FETCH_ANSWERED);
    assert_int_equal(world.content_size, 2);
    assert_string_equal(world.etag, "");
    assert_non_null(strstr(world.url, "/there"));
    server_close(&other);
    world_close(&world);
}

static void check_bad_url(const char *url)
{
    struct world world;

    world_open(&world, 4, 4);
    assert_non_null(start_at(&world, url, &(struct fetch_request){0}));
    event_loop_run(world.loop);
    assert_int_equal(world.outcome, FETCH_BAD_URL);
    world_close(&world);
}

TEST(speaks_http_and_https_only)
{
    check_bad_url("file:///etc/passwd");
    check_bad_url("ldap://127.0.0.1/cn=x");
    check_bad_url("ftp://127.0.0.1/");
    check_bad_url("gopher://127.0.0.1/");
    check_bad_url("");
    check_bad_url("http://");
    check_bad_url("http://user:word@127.0.0.1/");
}

TEST(ends_what_is_silent_at_its_time)
{
    struct world world;

    world_open(&world, 4, 4);
    assert_non_null(
        start(&world, "/",
              &(struct fetch_request){
                  .limits = {.time_ms = 300, .connect_time_ms = 300, .bytes_max = 10}}));
    event_loop_run(world.loop);
    assert_int_equal(world.outcome, FETCH_TIMED_OUT);
    assert_in_range(world.duration_ms, 250, 3000);
    world_close(&world);
}

TEST(ends_what_drips_at_its_time)
{
    struct world world;

    world_open(&world, 4, 4);
    world.server.manner = DRIP;
    memset(world.server.answer, 'a', sizeof(world.server.answer) - 1);
    memcpy(world.server.answer, "HTTP/1.1 200 OK\r\n\r\n", strlen("HTTP/1.1 200 OK\r\n\r\n"));
    assert_non_null(
        start(&world, "/",
              &(struct fetch_request){
                  .limits = {.time_ms = 500, .connect_time_ms = 500, .bytes_max = 10000}}));
    event_loop_run(world.loop);
    assert_int_equal(world.outcome, FETCH_TIMED_OUT);
    assert_in_range(world.duration_ms, 400, 5000);
    world_close(&world);
}

TEST(says_that_nobody_listens)
{
    struct world world;
    struct server gone;
    char url[64];

    world_open(&world, 4, 4);
    server_open(&gone, world.loop);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/", (unsigned)gone.port);
    server_close(&gone);
    assert_non_null(start_at(&world, url, &(struct fetch_request){0}));
    event_loop_run(world.loop);
    assert_int_equal(world.outcome, FETCH_UNREACHABLE);
    world_close(&world);
}

TEST(looks_up_names_without_trusting_them)
{
    struct world world;
    char url[64];

    world_open(&world, 4, 4);
    fetcher_set_addresses(world.fetcher, &(struct fetch_address_settings){0});
    snprintf(url, sizeof(url), "http://localhost:%u/", (unsigned)world.server.port);
    assert_non_null(start_at(&world, url, &(struct fetch_request){0}));
    event_loop_run(world.loop);
    assert_int_equal(world.outcome, FETCH_ADDRESS_REFUSED);
    world_close(&world);
}

/* Nothing of the environment counts. */
TEST(asks_no_proxy_of_the_environment)
{
    struct world world;

    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    world_open(&world, 4, 4);
    get(&world, AT_ONCE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(world.outcome, FETCH_ANSWERED);
    world_close(&world);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

TEST(runs_as_many_as_it_may_and_lets_the_rest_wait)
{
    struct world world;

    world_open(&world, 2, 3);
    world.awaited = 5;
    snprintf(world.server.answer, sizeof(world.server.answer),
             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (unsigned i = 0; i < 5; i++)
        assert_non_null(start(&world, "/", &(struct fetch_request){0}));
    assert_int_equal(fetcher_running(world.fetcher), 2);
    assert_int_equal(fetcher_waiting(world.fetcher), 3);
    assert_null(start(&world, "/", &(struct fetch_request){0}));
    event_loop_run(world.loop);
    assert_int_equal(world.ended, 5);
    assert_int_equal(fetcher_running(world.fetcher), 0);
    world_close(&world);
}

TEST(a_cancelled_fetch_is_not_heard_of_and_makes_room)
{
    struct world world;
    struct fetch *silent;

    world_open(&world, 1, 3);
    silent = start(&world, "/", &(struct fetch_request){0});
    assert_non_null(silent);
    assert_non_null(start(&world, "/", &(struct fetch_request){0}));
    world.cancelled_at_end = start(&world, "/", &(struct fetch_request){0});
    fetch_cancel(silent);
    get(&world, AT_ONCE, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(world.ended, 1);
    world_close(&world);
}

TEST(no_connection_serves_two_fetches)
{
    struct world world;

    world_open(&world, 4, 4);
    get(&world, KEEP_OPEN, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 evil\r\n\r\n");
    world.awaited = 2;
    get(&world, KEEP_OPEN, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    assert_int_equal(world.content_size, 2);
    assert_int_equal(world.server.count, 2);
    world_close(&world);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(brings_an_answer_with_its_status_and_content),
        cmocka_unit_test(posts_content_with_its_type), cmocka_unit_test(reads_chunked_content),
        cmocka_unit_test(says_what_went_wrong), cmocka_unit_test(names_the_address_that_it_refused),
        cmocka_unit_test(follows_redirects_and_says_where_they_led),
        cmocka_unit_test(speaks_http_and_https_only),
        cmocka_unit_test(ends_what_is_silent_at_its_time),
        cmocka_unit_test(ends_what_drips_at_its_time), cmocka_unit_test(says_that_nobody_listens),
        cmocka_unit_test(looks_up_names_without_trusting_them),
        cmocka_unit_test(asks_no_proxy_of_the_environment),
        cmocka_unit_test(runs_as_many_as_it_may_and_lets_the_rest_wait),
        cmocka_unit_test(a_cancelled_fetch_is_not_heard_of_and_makes_room),
        cmocka_unit_test(no_connection_serves_two_fetches));
}
