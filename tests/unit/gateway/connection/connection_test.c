/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole connections: a TLS client in the same thread, a backend that is faked, and everything
 * between them as a worker has it. Time limits are those of the settings, a few milliseconds;
 * nothing sleeps.
 */
#include "support/test.h"

#include "support/tls_fixture.h"

#include "gateway/connection/connection.h"
#include "gateway/routing/routing.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

enum {
    GIVE_UP_MS = 20 * 1000,
    HEARD_BYTES = 4 * 1024 * 1024,
    LOG_BYTES = 64 * 1024,
    LONG_MS = 60 * 1000,
    QUIET_MS = 40,       /* how long a loop that has nothing to do is watched */
    QUIET_TURNS_MAX = 20 /* a loop that spins has thousands in that time */
};

/* ---- the backend ---- */

struct backend_connection {
    bool is_acquired;
    bool answers;
    bool breaks; /* inside its content */
    size_t content_bytes;
    size_t content_left;
    backend_ready *ready;
    void *owner;
    char head[1024];
    size_t exchanges;
};

static struct backend_connection backend;

static struct backend_connection *fake_acquire(struct backend_worker *worker,
                                               struct backend_pool *pool,
                                               struct backend_attempts *attempts,
                                               backend_ready *ready, void *owner,
                                               struct backend_failure *failure)
{
    (void)worker;
    (void)pool;
    (void)attempts;
    (void)failure;
    assert_false(backend.is_acquired);
    backend.is_acquired = true;
    backend.ready = ready;
    backend.owner = owner;
    backend.content_left = backend.content_bytes;
    backend.exchanges++;
    return &backend;
}

static enum backend_io fake_connected(struct backend_connection *connection,
                                      struct backend_failure *failure)
{
    (void)connection;
    (void)failure;
    return BACKEND_IO_DONE;
}

static bool fake_is_reused(const struct backend_connection *connection)
{
    (void)connection;
    return false;
}

static void fake_send_head(struct backend_connection *connection, struct slice head,
                           enum http_framing framing, bool is_head)
{
    (void)framing;
    (void)is_head;
    assert_true(head.size < sizeof(connection->head));
    memcpy(connection->head, head.data, head.size);
    connection->head[head.size] = '\0';
}

static size_t fake_room(const struct backend_connection *connection)
{
    (void)connection;
    return 1024;
}

static void fake_send_content(struct backend_connection *connection, struct slice content)
{
    (void)connection;
    (void)content;
}

static void fake_send_end(struct backend_connection *connection, struct slice trailers)
{
    (void)connection;
    (void)trailers;
}

static struct http_fields fake_trailers(const struct backend_connection *connection)
{
    (void)connection;
    return (struct http_fields){NULL, 0};
}

static enum backend_io fake_read_head(struct backend_connection *connection,
                                      struct http_response *response,
                                      struct backend_failure *failure)
{
    (void)failure;
    if (!connection->answers)
        return BACKEND_IO_WAIT;
    *response = (struct http_response){
        .version = HTTP_VERSION_1_1,
        .status = 200,
        .reason_phrase = SLICE("OK"),
        .framing = HTTP_FRAMING_LENGTH,
        .content_length = connection->content_bytes,
        .has_content_length = true,
        .keep_alive = true,
    };
    return BACKEND_IO_DONE;
}

static enum backend_io fake_read_content(struct backend_connection *connection, size_t max,
                                         struct slice *content, struct backend_failure *failure)
{
    static char piece[32 * 1024];
    size_t size = connection->content_left < max ? connection->content_left : max;

    if (size == 0)
        return BACKEND_IO_END;
    if (connection->breaks && connection->content_left < connection->content_bytes) {
        *failure = (struct backend_failure){REASON_BACKEND_CLOSED, NULL};
        return BACKEND_IO_FAILED;
    }
    if (size > sizeof(piece))
        size = sizeof(piece);
    memset(piece, '.', sizeof(piece));
    connection->content_left -= size;
    *content = slice_from(piece, size);
    return BACKEND_IO_DONE;
}

static enum backend_io fake_end_turn(struct backend_connection *connection, bool wants_answer)
{
    (void)connection;
    (void)wants_answer;
    return BACKEND_IO_DONE;
}

static void fake_release(struct backend_connection *connection)
{
    if (connection != NULL)
        connection->is_acquired = false;
}

static struct slice fake_endpoint(const struct backend_connection *connection)
{
    (void)connection;
    return SLICE("192.0.2.1:80");
}

static uint16_t fake_source_port(struct backend_connection *connection)
{
    (void)connection;
    return 40000;
}

static bool fake_is_queued(const struct backend_connection *connection)
{
    (void)connection;
    return false;
}

static void fake_blame(struct backend_connection *connection)
{
    (void)connection;
}

static const struct backend_operations fake_backend = {
    .acquire = fake_acquire,
    .connected = fake_connected,
    .is_reused = fake_is_reused,
    .send_head = fake_send_head,
    .room = fake_room,
    .send_content = fake_send_content,
    .send_end = fake_send_end,
    .read_head = fake_read_head,
    .read_content = fake_read_content,
    .trailers = fake_trailers,
    .end_turn = fake_end_turn,
    .release = fake_release,
    .endpoint = fake_endpoint,
    .source_port = fake_source_port,
    .has_answered = fake_is_reused,
    .is_queued = fake_is_queued,
    .has_left = fake_is_reused,
    .blame = fake_blame,
};

/* ---- the gateway's side ---- */

enum which { MAIN, OTHER, LISTENERS };

static struct event_loop *loop;
static struct timer *give_up;
static char log_path[64];
static char log_text[LOG_BYTES];
static struct telemetry *telemetry;
static struct tls_profile *profile;
static struct rewrite_plan *rewrite;
static struct http_name_set *owned_names;
static struct backend_endpoint_settings endpoint;
static struct backend_settings backend_settings;
static struct backend_pool *pool;
static struct route_plan plan;
static struct routing_table *routes;
static struct listener listeners[LISTENERS];
static struct listener_group *group;
static struct connection_limits limits;
static uint64_t trace_state[2];
static struct connection_generation generation;
static struct connection_entrance entrance;
static struct connection_environment environment;
static atomic_size_t open_count;
static size_t turns;
static unsigned unused_calls;

static void on_give_up(void *context)
{
    (void)context;
    print_error("nothing happened for too long\n");
    abort();
}

static void on_unused(void *context)
{
    (void)context;
    unused_calls++;
}

static void open_telemetry(void)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_FILE, .path = log_path};
    struct error error = {0};
    int fd;

    snprintf(log_path, sizeof(log_path), "/tmp/sallyport-test-XXXXXX");
    fd = mkstemp(log_path);
    assert_true(fd >= 0);
    close(fd);
    telemetry = telemetry_create(&settings, 1, &error);
    assert_non_null(telemetry);
}

static void make_listeners(void)
{
    static const char *const other_hosts[] = {"other.example", NULL};
    static const struct tls_fixture_profile wanted = {.ask = TLS_ASK_NOBODY};
    static const struct route_match_settings match = {.name = "all"};
    const struct route_plan *plans[] = {&plan};
    const struct listener *members[] = {&listeners[MAIN], &listeners[OTHER]};
    const struct rewrite_settings nothing = {.identity_headers = NULL};
    struct socket_address address = {.size = 0};
    struct error error = {0};

    profile = tls_fixture_profile(&wanted, NULL);
    owned_names = rewrite_owned_names_create();
    rewrite = rewrite_plan_create(&nothing, owned_names);
    endpoint.url = "http://127.0.0.1:9";
    backend_settings = (struct backend_settings){.name = "backend",
                                                 .endpoints = &endpoint,
                                                 .endpoint_count = 1,
                                                 .connect_timeout_ms = LONG_MS,
                                                 .response_timeout_ms = LONG_MS};
    pool = backend_pool_create(&backend_settings, 0, NULL, NULL, &error);
    assert_non_null(pool);
    plan = (struct route_plan){
        .demand = {.mode = CLIENT_CERTIFICATE_NONE}, .rewrite = rewrite, .pool = pool};
    routes = routing_table_create(&match, plans, 1, &error);
    assert_non_null(routes);
    for (size_t i = 0; i < LISTENERS; i++)
        listeners[i] = (struct listener){.name = i == MAIN ? "main" : "other",
                                         .hosts = i == MAIN ? NULL : other_hosts,
                                         .profile = profile,
                                         .routes = routes,
                                         .server_token = "sallyport",
                                         .demand = {.mode = CLIENT_CERTIFICATE_NONE},
                                         .digest = {(unsigned char)i}};
    group = listener_group_create(&address, members, LISTENERS, &error);
    assert_non_null(group);
}

static void open_world(void)
{
    loop = event_loop_create();
    give_up = timer_create_on(loop, on_give_up, NULL);
    open_telemetry();
    make_listeners();
    backend = (struct backend_connection){.answers = true, .content_bytes = 2};
    limits = (struct connection_limits){
        .connections = 10,
        .handshake_ms = LONG_MS,
        .request_ms = LONG_MS,
        .pipelined_requests = 100,
        .keep_alive_ms = LONG_MS,
        .request_header_bytes = 4096,
        .request_header_count = 20,
        .request_target_bytes = 1024,
        .response_idle_ms = LONG_MS,
    };
    trace_state[0] = 1;
    unused_calls = 0;
    generation = (struct connection_generation){
        .exchange = {.telemetry = telemetry_worker(telemetry, 0),
                     .backend_operations = &fake_backend,
                     .pseudonym = SLICE("sallyport"),
                     .owned_names = owned_names,
                     .request_idle_ms = LONG_MS,
                     .response_idle_ms = LONG_MS,
                     .scratch = memory_allocate(EXCHANGE_SCRATCH_BYTES),
                     .scratch_bytes = EXCHANGE_SCRATCH_BYTES,
                     .trace_state = trace_state},
        .limits = &limits,
        .users = 1,
        .on_unused = on_unused,
    };
    entrance =
        (struct connection_entrance){.generation = &generation, .group = group, .port = 8443};
    environment = (struct connection_environment){
        .loop = loop,
        .turn = tls_turn_create(),
        .telemetry = telemetry_worker(telemetry, 0),
        .blocks = {.small = pool_create(CLIENT_HTTP1_SMALL_BYTES, 10, 0),
                   .large = pool_create(CLIENT_HTTP1_BLOCK_BYTES, 10, 0)},
        .exchanges = pool_create(exchange_size(), 10, 0),
        .scratch = memory_allocate(CONNECTION_SCRATCH_BYTES),
        .scratch_bytes = CONNECTION_SCRATCH_BYTES,
        .next_id = 1,
        .open_everywhere = &open_count,
    };
    list_init(&environment.connections);
    list_init(&environment.again);
    list_init(&environment.pending);
}

static void read_log(void)
{
    FILE *file = fopen(log_path, "r");
    size_t size;

    assert_non_null(file);
    size = fread(log_text, 1, sizeof(log_text) - 1, file);
    log_text[size] = '\0';
    fclose(file);
    unlink(log_path);
}

static void assert_records(size_t count)
{
    size_t seen = 0;

    for (size_t i = 0; log_text[i] != '\0'; i++)
        seen += log_text[i] == '\n';
    if (seen != count)
        print_error("%s\n", log_text);
    assert_int_equal(seen, count);
}

static void assert_record(const char *member)
{
    if (strstr(log_text, member) == NULL)
        print_error("%s is not in %s\n", member, log_text);
    assert_non_null(strstr(log_text, member));
}

/* ---- the client's side, and the loop ---- */

static struct tls_fixture_pair client; /* its server is the connection under test */
static SSL_CTX *client_context;
static char *heard;
static size_t heard_size;
static bool client_is_paused;
static bool client_sees_end;

/* Its socket takes little, so that much of what it sends has to wait. */
static void open_connection(int fds[2])
{
    struct socket_address peer;
    int little = 16 * 1024;

    assert_true(socket_address_parse(SLICE("192.0.2.7:4711"), &peer, NULL));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &little, sizeof(little)), 0);
    connection_open(&environment, &entrance, fds[0], &peer, NULL);
}

static void connect_client(const char *server_name)
{
    int fds[2];

    open_connection(fds);
    client = (struct tls_fixture_pair){.client_fd = fds[1]};
    client_context = tls_fixture_client(TLS1_3_VERSION, NULL);
    heard = memory_allocate(HEARD_BYTES);
    heard_size = 0;
    client_is_paused = false;
    client_sees_end = false;
    tls_fixture_start_client(&client, client_context, server_name);
}

static void client_step(void)
{
    char byte;
    int count;

    if (client.client == NULL || client_is_paused || client.client_fd < 0)
        return;
    /* The end of the socket shows only when everything before it was read. */
    tls_fixture_client_step(&client);
    do {
        count = tls_fixture_client_read(&client, heard + heard_size,
                                        (int)(HEARD_BYTES - 1 - heard_size));
        if (count > 0)
            heard_size += (size_t)count;
    } while (count > 0);
    heard[heard_size] = '\0';
    client_sees_end = recv(client.client_fd, &byte, 1, MSG_PEEK) == 0;
}

static bool (*wanted)(void);
static bool has_stopped;

static void on_turn_end(void *context)
{
    (void)context;
    turns++;
    connection_continue(&environment);
    client_step();
    /* Once: the turn that stopped the loop has an end as well. */
    if (has_stopped || !wanted())
        return;
    has_stopped = true;
    event_loop_stop(loop);
}

static void run_until(bool (*condition)(void))
{
    wanted = condition;
    has_stopped = false;
    timer_start(give_up, GIVE_UP_MS);
    event_loop_set_turn_end(loop, on_turn_end, NULL);
    client_step();
    event_loop_run(loop);
    event_loop_set_turn_end(loop, NULL, NULL);
    timer_stop(give_up);
}

static bool nothing_is_open(void)
{
    return atomic_load(&open_count) == 0;
}

static bool sees_end(void)
{
    return client_sees_end;
}

/* For a client that does not read. */
static bool nothing_more_comes(void)
{
    char byte;

    return recv(client.client_fd, &byte, 1, MSG_PEEK) == 0;
}

static bool no_exchange_runs(void)
{
    return pool_in_use(environment.exchanges) == 0;
}

static bool handshake_is_done(void)
{
    return client.is_client_done;
}

static bool backend_is_asked(void)
{
    return backend.is_acquired;
}

static bool backend_was_asked(void)
{
    return backend.exchanges > 0;
}

/* How many answers have come whole, each with its content of dots. */
static size_t answers(void)
{
    size_t count = 0;

    for (const char *at = strstr(heard, "\r\n\r\n"); at != NULL; at = strstr(at + 4, "\r\n\r\n")) {
        size_t dots = strspn(at + 4, ".");

        count += dots == backend.content_bytes;
    }
    return count;
}

static bool has_one_answer(void)
{
    return answers() == 1;
}

static bool has_two_answers(void)
{
    return answers() == 2;
}

static bool has_forty_answers(void)
{
    return answers() == 40;
}

static bool quiet_is_over;

static bool is_over(void)
{
    return quiet_is_over;
}

static void on_quiet_is_over(void *context)
{
    (void)context;
    quiet_is_over = true;
}

/* Nothing happens outside, so nothing happens inside. */
static void assert_quiet(void)
{
    struct timer *timer = timer_create_on(loop, on_quiet_is_over, NULL);

    quiet_is_over = false;
    timer_start(timer, QUIET_MS);
    turns = 0;
    run_until(is_over);
    assert_true(turns < QUIET_TURNS_MAX);
    timer_destroy(timer);
}

static void hang_up(void)
{
    if (client.client != NULL)
        SSL_free(client.client);
    client.client = NULL;
    tls_fixture_hang_up(&client);
}

static void close_client(void)
{
    hang_up();
    SSL_CTX_free(client_context);
    memory_release(heard);
}

static void close_world(void)
{
    if (atomic_load(&open_count) > 0)
        run_until(nothing_is_open);
    assert_int_equal(environment.connections.count, 0);
    assert_int_equal(environment.again.count, 0);
    assert_int_equal(entrance.users, 0);
    assert_false(backend.is_acquired);
    assert_int_equal(pool_in_use(environment.blocks.small), 0);
    assert_int_equal(pool_in_use(environment.blocks.large), 0);
    pool_destroy(environment.blocks.small);
    pool_destroy(environment.blocks.large);
    pool_destroy(environment.exchanges);
    tls_turn_destroy(environment.turn);
    memory_release(environment.scratch);
    memory_release(generation.exchange.scratch);
    timer_destroy(give_up);
    event_loop_destroy(loop);
    telemetry_destroy(telemetry);
    read_log();
    listener_group_destroy(group);
    routing_table_destroy(routes);
    backend_pool_destroy(pool);
    rewrite_plan_destroy(rewrite);
    http_name_set_destroy(owned_names);
    tls_profile_release(profile);
}

static bool got_close_notify(void)
{
    return (SSL_get_shutdown(client.client) & SSL_RECEIVED_SHUTDOWN) != 0;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- serving ---- */

TEST(a_connection_serves_until_the_client_closes_it)
{
    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    assert_int_equal(atomic_load(&open_count), 1);
    tls_fixture_client_write(&client, GET);
    run_until(has_one_answer);
    assert_int_equal(pool_in_use(environment.blocks.small), 0);
    assert_int_equal(pool_in_use(environment.blocks.large), 0);
    tls_fixture_client_write(&client, GET);
    run_until(has_two_answers);
    assert_quiet();
    SSL_shutdown(client.client);
    tls_fixture_flush(&client);
    run_until(sees_end);
    assert_true(got_close_notify());
    close_client();
    close_world();
    assert_records(2);
    assert_record("\"client_address\":\"192.0.2.7:4711\"");
    assert_record("\"tls_version\":\"TLSv1.3\"");
    assert_record("\"listener\":\"main\"");
    assert_record("\"connection_id\":1,");
}

TEST(the_server_name_chooses_the_listener)
{
    open_world();
    connect_client("other.example");
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
    run_until(has_one_answer);
    /* A host of the first listener, which judges differently, is not served here. */
    tls_fixture_client_write(&client, GET);
    run_until(sees_end);
    assert_non_null(strstr(heard, "HTTP/1.1 421 "));
    assert_true(got_close_notify());
    close_client();
    close_world();
    assert_records(2);
    assert_record("\"server_name\":\"other.example\"");
    assert_record("\"listener\":\"other\"");
    assert_record("\"reason\":\"request_misdirected\"");
}

TEST(pipelined_requests_are_all_answered_in_order)
{
    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    for (unsigned i = 0; i < 40; i++)
        tls_fixture_client_write(&client, GET);
    run_until(has_forty_answers);
    assert_int_equal(backend.exchanges, 40);
    close_client();
    close_world();
    assert_records(40);
}

/* The requests lie in our memory while the client takes nothing; no event of the socket tells of
 * them when it does. With the smaller answers a turn ends between two requests, with the larger
 * ones inside an answer. */
TEST(pipelined_requests_go_on_when_the_client_takes_their_answers)
{
    static const size_t sizes[] = {5 * 1024, 50 * 1024};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char requests[40 * sizeof(GET)];

        open_world();
        backend.content_bytes = sizes[i];
        connect_client(NULL);
        run_until(handshake_is_done);
        for (unsigned j = 0; j < 40; j++)
            memcpy(requests + j * strlen(GET), GET, sizeof(GET));
        client_is_paused = true;
        tls_fixture_client_write(&client, requests);
        assert_quiet();
        assert_true(backend.exchanges < 40);
        client_is_paused = false;
        run_until(has_forty_answers);
        close_client();
        close_world();
        assert_records(40);
    }
}

TEST(a_client_that_takes_nothing_costs_no_time)
{
    open_world();
    backend.content_bytes = 1024 * 1024;
    connect_client(NULL);
    run_until(handshake_is_done);
    client_is_paused = true;
    tls_fixture_client_write(&client, GET GET);
    assert_quiet();
    assert_int_equal(backend.exchanges, 1);
    client_is_paused = false;
    run_until(has_two_answers);
    close_client();
    close_world();
    assert_records(2);
}

TEST(a_backend_is_not_asked_again_and_again)
{
    open_world();
    backend.answers = false;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(backend_is_asked);
    assert_quiet();
    backend.answers = true;
    backend.ready(backend.owner);
    client_step();
    assert_int_equal(answers(), 1);
    close_client();
    close_world();
    assert_records(1);
}

/* ---- clients that go, or come not ---- */

TEST(a_client_that_goes_while_the_backend_works_is_noticed)
{
    open_world();
    backend.answers = false;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(backend_is_asked);
    hang_up();
    run_until(nothing_is_open);
    assert_false(backend.is_acquired);
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"request_abandoned\"");
    assert_record("\"status\":499");
}

TEST(a_client_that_goes_inside_its_content_is_noticed)
{
    open_world();
    backend.answers = false;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client,
                             "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234");
    run_until(backend_is_asked);
    assert_quiet();
    hang_up();
    run_until(nothing_is_open);
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"request_abandoned\"");
    assert_record("\"received_bytes\":4,");
}

TEST(a_client_that_does_not_begin_is_timed_out)
{
    int fds[2];

    open_world();
    limits.handshake_ms = 5;
    open_connection(fds);
    client = (struct tls_fixture_pair){.client_fd = fds[1]};
    run_until(nothing_more_comes);
    tls_fixture_hang_up(&client);
    close_world();
    assert_records(1);
    assert_record("\"type\":\"handshake\"");
    assert_record("\"reason\":\"handshake_timeout\"");
    assert_record("\"certificate_presented\":false");
}

TEST(a_handshake_that_is_abandoned_is_recorded)
{
    open_world();
    connect_client("other.example");
    tls_fixture_client_step(&client);
    hang_up();
    run_until(nothing_is_open);
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"handshake_abandoned\"");
}

TEST(a_client_that_speaks_plain_http_is_told_so)
{
    int fds[2];
    char answer[4096];
    ssize_t size;

    open_world();
    open_connection(fds);
    assert_int_equal(send(fds[1], GET, strlen(GET), 0), strlen(GET));
    assert_quiet();
    size = recv(fds[1], answer, sizeof(answer) - 1, 0);
    assert_true(size > 0);
    answer[size] = '\0';
    assert_memory_equal(answer, "HTTP/1.1 400 ", 13);
    assert_non_null(strstr(answer, "plain HTTP request was sent to HTTPS port"));
    close(fds[1]);
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"handshake_not_tls\"");
}

TEST(an_idle_connection_is_closed_in_time)
{
    open_world();
    limits.keep_alive_ms = 5;
    connect_client(NULL);
    run_until(handshake_is_done);
    run_until(sees_end);
    assert_true(got_close_notify());
    assert_string_equal(heard, "");
    close_client();
    close_world();
    assert_records(0);
}

TEST(half_a_head_is_answered_when_time_is_up)
{
    open_world();
    limits.request_ms = 5;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, "GET / HT");
    run_until(sees_end);
    assert_memory_equal(heard, "HTTP/1.1 408 ", 13);
    assert_non_null(strstr(heard, "\r\nConnection: close\r\n"));
    assert_true(got_close_notify());
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"request_timeout\"");
}

TEST(a_client_that_never_takes_the_answer_is_given_up)
{
    open_world();
    backend.content_bytes = 1024 * 1024;
    generation.exchange.response_idle_ms = 5;
    connect_client(NULL);
    run_until(handshake_is_done);
    client_is_paused = true;
    tls_fixture_client_write(&client, GET);
    run_until(backend_was_asked);
    run_until(no_exchange_runs);
    client_is_paused = false;
    run_until(sees_end);
    assert_int_equal(answers(), 0);
    assert_false(got_close_notify());
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"client_too_slow\"");
}

/* ---- answers that end the connection ---- */

TEST(an_answer_before_the_content_is_complete_reaches_the_client)
{
    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client,
                             "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n1234");
    run_until(sees_end);
    assert_int_equal(answers(), 1);
    assert_non_null(strstr(heard, "\r\nConnection: close\r\n"));
    assert_true(got_close_notify());
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"status\":200");
}

TEST(an_answer_that_breaks_off_has_no_proper_end)
{
    open_world();
    backend.content_bytes = 100 * 1024;
    backend.breaks = true;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(sees_end);
    assert_int_equal(answers(), 0);
    assert_false(got_close_notify());
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"backend_closed\"");
}

TEST(a_malformed_head_is_answered_and_closed)
{
    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, "GET / HTTP/1.1\r\nHost : x\r\n\r\n" GET);
    run_until(sees_end);
    assert_memory_equal(heard, "HTTP/1.1 400 ", 13);
    assert_int_equal(backend.exchanges, 0);
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"request_header_malformed\"");
}

/* It has not taken all of the last answer, and goes on to send: nothing is read meanwhile. */
TEST(a_closing_connection_costs_no_time)
{
    open_world();
    backend.content_bytes = 150 * 1024;
    connect_client(NULL);
    run_until(handshake_is_done);
    client_is_paused = true;
    tls_fixture_client_write(&client, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    run_until(backend_was_asked);
    assert_true(no_exchange_runs());
    tls_fixture_client_write(&client, GET GET);
    assert_quiet();
    client_is_paused = false;
    run_until(sees_end);
    assert_int_equal(answers(), 1);
    assert_true(got_close_notify());
    close_client();
    close_world();
    assert_records(1);
}

/* ---- limits ---- */

TEST(without_memory_for_a_request_the_connection_closes)
{
    struct telemetry_totals totals;

    open_world();
    pool_destroy(environment.blocks.small);
    environment.blocks.small = pool_create(CLIENT_HTTP1_SMALL_BYTES, 0, 0);
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(sees_end);
    assert_string_equal(heard, "");
    telemetry_total(telemetry, &totals);
    assert_int_equal(totals.connections_refused, 1);
    close_client();
    close_world();
    assert_records(0);
}

TEST(without_memory_for_an_exchange_the_connection_closes)
{
    open_world();
    pool_destroy(environment.exchanges);
    environment.exchanges = pool_create(exchange_size(), 0, 0);
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(sees_end);
    assert_string_equal(heard, "");
    close_client();
    close_world();
}

/* ---- draining ---- */

TEST(draining_closes_what_is_idle_and_lets_finish_what_runs)
{
    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(has_one_answer);
    connection_drain_all(&environment);
    run_until(sees_end);
    assert_true(got_close_notify());
    close_client();
    close_world();

    open_world();
    backend.answers = false;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(backend_is_asked);
    connection_drain_all(&environment);
    assert_int_equal(atomic_load(&open_count), 1);
    backend.answers = true;
    backend.ready(backend.owner);
    run_until(sees_end);
    assert_int_equal(answers(), 1);
    assert_non_null(strstr(heard, "\r\nConnection: close\r\n"));
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"status\":200");
}

/* It was made for a request, which may still come. */
TEST(draining_lets_a_new_connection_have_its_request)
{
    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    connection_drain_all(&environment);
    assert_quiet();
    assert_int_equal(atomic_load(&open_count), 1);
    tls_fixture_client_write(&client, GET);
    run_until(sees_end);
    assert_int_equal(answers(), 1);
    assert_non_null(strstr(heard, "\r\nConnection: close\r\n"));
    close_client();
    close_world();
    assert_records(1);
}

TEST(draining_in_the_handshake_lets_it_finish)
{
    open_world();
    connect_client(NULL);
    connection_drain_all(&environment);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(sees_end);
    assert_int_equal(answers(), 1);
    close_client();
    close_world();
    assert_records(1);
}

TEST(what_is_ended_at_once_is_recorded)
{
    open_world();
    backend.answers = false;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(backend_is_asked);
    connection_close_all(&environment);
    assert_true(nothing_is_open());
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"request_abandoned\"");
}

/* ---- generations ---- */

TEST(the_next_request_is_decided_by_the_generation_of_its_time)
{
    struct connection_generation next;

    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(has_one_answer);
    assert_int_equal(generation.users, 2);
    next = generation;
    next.users = 1;
    entrance.generation = &next;
    generation.users--;
    tls_fixture_client_write(&client, GET);
    run_until(has_two_answers);
    assert_int_equal(unused_calls, 1);
    assert_int_equal(next.users, 2);
    close_client();
    close_world();
    assert_int_equal(next.users, 1);
    assert_records(2);
}

TEST(a_request_that_runs_stays_with_its_generation)
{
    struct connection_generation next;

    open_world();
    backend.answers = false;
    connect_client(NULL);
    run_until(handshake_is_done);
    tls_fixture_client_write(&client, GET);
    run_until(backend_is_asked);
    next = generation;
    next.users = 1;
    entrance.generation = &next;
    generation.users--;
    assert_quiet();
    assert_int_equal(unused_calls, 0);
    backend.answers = true;
    backend.ready(backend.owner);
    run_until(has_one_answer);
    close_client();
    close_world();
    assert_int_equal(unused_calls, 1);
    assert_records(1);
}

TEST(a_connection_whose_address_is_gone_is_told_at_its_next_request)
{
    open_world();
    connect_client(NULL);
    run_until(handshake_is_done);
    entrance.group = NULL;
    tls_fixture_client_write(&client, GET);
    run_until(sees_end);
    assert_non_null(strstr(heard, "HTTP/1.1 421 "));
    close_client();
    close_world();
    assert_records(1);
    assert_record("\"reason\":\"request_misdirected\"");
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(a_connection_serves_until_the_client_closes_it),
        cmocka_unit_test(the_server_name_chooses_the_listener),
        cmocka_unit_test(pipelined_requests_are_all_answered_in_order),
        cmocka_unit_test(pipelined_requests_go_on_when_the_client_takes_their_answers),
        cmocka_unit_test(a_client_that_takes_nothing_costs_no_time),
        cmocka_unit_test(a_backend_is_not_asked_again_and_again),
        cmocka_unit_test(a_client_that_goes_while_the_backend_works_is_noticed),
        cmocka_unit_test(a_client_that_goes_inside_its_content_is_noticed),
        cmocka_unit_test(a_client_that_does_not_begin_is_timed_out),
        cmocka_unit_test(a_handshake_that_is_abandoned_is_recorded),
        cmocka_unit_test(a_client_that_speaks_plain_http_is_told_so),
        cmocka_unit_test(an_idle_connection_is_closed_in_time),
        cmocka_unit_test(half_a_head_is_answered_when_time_is_up),
        cmocka_unit_test(a_client_that_never_takes_the_answer_is_given_up),
        cmocka_unit_test(an_answer_before_the_content_is_complete_reaches_the_client),
        cmocka_unit_test(an_answer_that_breaks_off_has_no_proper_end),
        cmocka_unit_test(a_malformed_head_is_answered_and_closed),
        cmocka_unit_test(a_closing_connection_costs_no_time),
        cmocka_unit_test(without_memory_for_a_request_the_connection_closes),
        cmocka_unit_test(without_memory_for_an_exchange_the_connection_closes),
        cmocka_unit_test(draining_closes_what_is_idle_and_lets_finish_what_runs),
        cmocka_unit_test(draining_lets_a_new_connection_have_its_request),
        cmocka_unit_test(draining_in_the_handshake_lets_it_finish),
        cmocka_unit_test(what_is_ended_at_once_is_recorded),
        cmocka_unit_test(the_next_request_is_decided_by_the_generation_of_its_time),
        cmocka_unit_test(a_request_that_runs_stays_with_its_generation),
        cmocka_unit_test(a_connection_whose_address_is_gone_is_told_at_its_next_request));
}
