/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk between a fake client and a fake backend. Both write what is asked of them into one
 * journal, so that a test reads like the dialogue it is about; both check on every call that
 * nobody sends more than there is room for, or answers twice.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/exchange/exchange.h"
#include "gateway/routing/routing.h"
#include "protocol/http/http_read.h"
#include "runtime/memory.h"
#include "support/certificate_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    JOURNAL_BYTES = 16 * 1024,
    PLENTY = 256 * 1024, /* room for anything */
    BACKENDS = 6,
    HEADS = 20,
    LOG_BYTES = 64 * 1024,
    REQUEST_ARENA_BYTES = 16 * 1024,
    TRIES_MAX = 10000
};

/* ---- the journal ---- */

static char journal[JOURNAL_BYTES];

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    size_t used = strlen(journal);
    va_list arguments;

    if (used > 0)
        used += (size_t)snprintf(journal + used, sizeof(journal) - used, ", ");
    va_start(arguments, format);
    vsnprintf(journal + used, sizeof(journal) - used, format, arguments);
    va_end(arguments);
}

/* Asserts what was noted since the last time. */
static void assert_journal(const char *expected)
{
    char seen[JOURNAL_BYTES];

    memcpy(seen, journal, sizeof(seen));
    journal[0] = '\0';
    assert_string_equal(seen, expected);
}

/* ---- the client ---- */

struct fake_client {
    struct slice content; /* that has come and was not read */
    bool content_ends;
    enum reason content_fails; /* UNDECIDED: it does not */
    struct http_fields trailers;
    size_t room;
    enum reason head_refused;
    bool has_head;
    bool has_end;
    size_t content_bytes;
    bool closes;
    bool generic;
    enum reason answered;
};

static enum client_io client_read_content(void *context, size_t max, struct slice *content,
                                          enum reason *reason)
{
    struct fake_client *client = context;

    assert_true(max > 0);
    if (!slice_is_empty(client->content)) {
        *content = slice_first(client->content, max);
        client->content = slice_after(client->content, content->size);
        return CLIENT_IO_DATA;
    }
    if (client->content_fails != REASON_UNDECIDED) {
        *reason = client->content_fails;
        return CLIENT_IO_FAILED;
    }
    return client->content_ends ? CLIENT_IO_END : CLIENT_IO_WAIT;
}

static void client_invite_content(void *context)
{
    (void)context;
    note("invite");
}

static size_t client_room(void *context)
{
    const struct fake_client *client = context;

    return client->room;
}

static enum reason client_send_head(void *context, const struct http_response *response, bool close)
{
    struct fake_client *client = context;

    assert_false(client->has_head);
    if (client->head_refused != REASON_UNDECIDED)
        return client->head_refused;
    client->has_head = true;
    client->closes = close;
    note("client: %u%s", response->status, close ? " close" : "");
    return REASON_NONE;
}

static void client_send_content(void *context, struct slice content)
{
    struct fake_client *client = context;

    assert_true(client->has_head && !client->has_end && content.size > 0);
    assert_true(content.size <= client->room);
    client->room -= content.size;
    client->content_bytes += content.size;
    if (content.size <= 64)
        note("client: '%.*s'", SLICE_FORMAT(content));
}

/* The lines of a trailer section, as one. */
static void note_end(const char *who, struct slice trailers)
{
    char text[256] = "";

    assert_true(trailers.size < sizeof(text));
    if (trailers.size > 0)
        memcpy(text, trailers.data, trailers.size);
    for (char *at = text; *at != '\0'; at++) {
        if (*at == '\r')
            *at = ';';
        else if (*at == '\n')
            *at = ' ';
    }
    note("%s: end%s%s", who, trailers.size > 0 ? " " : "", text);
}

static void client_send_end(void *context, struct slice trailers)
{
    struct fake_client *client = context;

    assert_true(client->has_head && !client->has_end);
    client->has_end = true;
    note_end("client", trailers);
}

static struct http_fields client_trailers(void *context)
{
    const struct fake_client *client = context;

    return client->trailers;
}

static enum reason client_send_interim(void *context, const struct http_response *response)
{
    const struct fake_client *client = context;

    assert_false(client->has_head);
    note("client: %u", response->status);
    return REASON_NONE;
}

static uint64_t client_send_answer(void *context, const struct answer_facts *facts)
{
    struct fake_client *client = context;

    assert_false(client->has_head);
    client->has_head = true;
    client->has_end = true;
    client->closes = facts->close;
    client->generic = facts->generic;
    client->answered = facts->reason;
    note("client: %u %s%s", reason_status(facts->reason), reason_name(facts->reason),
         facts->close ? " close" : "");
    return 77;
}

static const struct exchange_client_operations fake_client = {
    .read_content = client_read_content,
    .trailers = client_trailers,
    .invite_content = client_invite_content,
    .room = client_room,
    .send_interim = client_send_interim,
    .send_head = client_send_head,
    .send_content = client_send_content,
    .send_end = client_send_end,
    .send_answer = client_send_answer,
};

/* ---- backends ---- */

/* One connection as a script: what acquire gives, and what is there to be read of it. */
struct backend_connection {
    enum reason refused; /* UNDECIDED: acquire gives a connection */
    enum backend_io connected;
    enum reason connect_failure;
    bool is_reused;
    bool has_answered;
    size_t room;
    unsigned heads[HEADS];
    size_t head_count;
    size_t heads_read;
    struct slice content;
    struct http_fields trailers;
    bool ends;
    enum reason fails; /* UNDECIDED: it does not */
    enum backend_io turn;
    char head[4096]; /* what it was sent */
    bool is_acquired;
    bool is_released;
    bool has_end;
    bool is_queued;
    bool has_kept; /* nothing of the request has left */
    bool wants_answer;
    size_t content_bytes;
};

static struct backend_connection backends[BACKENDS];
static size_t backends_used;

static struct backend_connection *fake_acquire(struct backend_worker *worker,
                                               struct backend_pool *pool,
                                               struct backend_attempts *attempts,
                                               backend_ready *ready, void *owner,
                                               struct backend_failure *failure)
{
    struct backend_connection *backend = &backends[backends_used];

    assert_null(worker);
    assert_true(pool != NULL && ready != NULL && owner != NULL);
    /* As the real one: an address is tried once, a used connection is none. */
    if (attempts->count >= BACKEND_ATTEMPTS_MAX ||
        attempts->tried_count >= backend_pool_addresses(pool)) {
        *failure = (struct backend_failure){REASON_NONE, NULL};
        return NULL;
    }
    assert_true(backends_used < BACKENDS);
    backends_used++;
    note("acquire %zu", attempts->count++);
    if (!backend->is_reused)
        attempts->tried_count++;
    if (backend->refused != REASON_UNDECIDED) {
        *failure = (struct backend_failure){backend->refused, "refused"};
        return NULL;
    }
    backend->is_acquired = true;
    return backend;
}

static enum backend_io fake_connected(struct backend_connection *backend,
                                      struct backend_failure *failure)
{
    assert_false(backend->is_released);
    if (backend->connected == BACKEND_IO_FAILED)
        *failure = (struct backend_failure){backend->connect_failure, "connect"};
    return backend->connected;
}

static bool fake_is_reused(const struct backend_connection *backend)
{
    return backend->is_reused;
}

static void fake_send_head(struct backend_connection *backend, struct slice head,
                           enum http_framing framing, bool is_head)
{
    size_t line = slice_find(head, '\r');

    assert_false(backend->is_released);
    assert_true(head.size < sizeof(backend->head));
    memcpy(backend->head, head.data, head.size);
    backend->head[head.size] = '\0';
    note("backend: %.*s%s%s", (int)line, head.data, framing == HTTP_FRAMING_CHUNKED ? " +" : "",
         is_head ? " (head)" : "");
}

static size_t fake_room(const struct backend_connection *backend)
{
    assert_false(backend->is_released);
    return backend->room;
}

static void fake_send_content(struct backend_connection *backend, struct slice content)
{
    assert_true(!backend->is_released && !backend->has_end && content.size > 0);
    assert_true(content.size <= backend->room);
    backend->room -= content.size;
    backend->content_bytes += content.size;
    if (content.size <= 64)
        note("backend: '%.*s'", SLICE_FORMAT(content));
}

static void fake_send_end(struct backend_connection *backend, struct slice trailers)
{
    assert_true(!backend->is_released && !backend->has_end);
    backend->has_end = true;
    note_end("backend", trailers);
}

static struct http_fields fake_trailers(const struct backend_connection *backend)
{
    assert_true(!backend->is_released && backend->ends);
    return backend->trailers;
}

static enum backend_io fake_failure(const struct backend_connection *backend,
                                    struct backend_failure *failure)
{
    if (backend->fails == REASON_UNDECIDED)
        return BACKEND_IO_WAIT;
    *failure = (struct backend_failure){backend->fails, "backend"};
    return BACKEND_IO_FAILED;
}

static enum backend_io fake_read_head(struct backend_connection *backend,
                                      struct http_response *response,
                                      struct backend_failure *failure)
{
    assert_false(backend->is_released);
    if (backend->heads_read == backend->head_count)
        return fake_failure(backend, failure);
    backend->has_answered = true;
    *response = (struct http_response){
        .version = HTTP_VERSION_1_1,
        .status = backend->heads[backend->heads_read++],
        .framing = HTTP_FRAMING_CHUNKED,
        .keep_alive = true,
    };
    return BACKEND_IO_DONE;
}

static enum backend_io fake_read_content(struct backend_connection *backend, size_t max,
                                         struct slice *content, struct backend_failure *failure)
{
    assert_true(!backend->is_released && max > 0);
    if (!slice_is_empty(backend->content)) {
        *content = slice_first(backend->content, max);
        backend->content = slice_after(backend->content, content->size);
        return BACKEND_IO_DONE;
    }
    return backend->ends ? BACKEND_IO_END : fake_failure(backend, failure);
}

static enum backend_io fake_end_turn(struct backend_connection *backend, bool wants_answer)
{
    assert_false(backend->is_released);
    backend->wants_answer = wants_answer;
    return backend->turn;
}

static void fake_release(struct backend_connection *backend)
{
    if (backend == NULL)
        return;
    assert_true(backend->is_acquired && !backend->is_released);
    backend->is_released = true;
    note("release");
}

static uint16_t fake_source_port(struct backend_connection *backend)
{
    (void)backend;
    return 40000;
}

static struct slice fake_endpoint(const struct backend_connection *backend)
{
    static char name[] = "192.0.2.0:80";

    name[8] = (char)('1' + (backend - backends));
    return slice_from_text(name);
}

static bool fake_has_answered(const struct backend_connection *backend)
{
    return backend->has_answered;
}

static bool fake_is_queued(const struct backend_connection *backend)
{
    return backend->is_queued;
}

static bool fake_has_left(const struct backend_connection *backend)
{
    return !backend->has_kept;
}

static void fake_blame(struct backend_connection *backend)
{
    (void)backend;
    note("blame");
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
    .has_answered = fake_has_answered,
    .is_queued = fake_is_queued,
    .has_left = fake_has_left,
    .blame = fake_blame,
};

/* ---- the world around an exchange ---- */

enum which { MAIN, TWIN, OTHER, LISTENERS };

struct world {
    char log_path[64];
    char log[LOG_BYTES];
    struct telemetry *telemetry;
    struct http_name_set *owned_names;
    struct backend_endpoint_settings endpoints[3];
    struct backend_settings backend_settings;
    struct backend_pool *pool;
    struct rewrite_plan *rewrite;
    struct route_plan plans[LISTENERS];
    struct routing_table *routes[LISTENERS];
    struct listener listeners[LISTENERS];
    struct listener_group *group;
    struct exchange_environment environment;
    uint64_t trace_state[2];
    struct exchange_connection_facts connection;
    struct fake_client client;
    char *request_arena;
    struct http_request request;
    bool draining;
    struct exchange_present present; /* zero: what it began under */
    struct exchange *exchange;
    size_t exchanges;
};

static struct world world;

static void on_ready(void *owner)
{
    assert_ptr_equal(owner, &world.client);
}

static void open_log(void)
{
    struct telemetry_settings settings = {.target = ACCESS_LOG_FILE, .path = world.log_path};
    struct error error = {0};
    int fd;

    snprintf(world.log_path, sizeof(world.log_path), "/tmp/sallyport-test-XXXXXX");
    fd = mkstemp(world.log_path);
    assert_true(fd >= 0);
    close(fd);
    world.telemetry = telemetry_create(&settings, 1, &error);
    assert_non_null(world.telemetry);
}

static void open_pool_that(size_t addresses, enum backend_expect expect)
{
    struct error error = {0};

    for (size_t i = 0; i < addresses; i++)
        world.endpoints[i].url = "http://127.0.0.1:9";
    world.backend_settings = (struct backend_settings){
        .name = "backend",
        .endpoints = world.endpoints,
        .endpoint_count = addresses,
        .connect_timeout_ms = 11,
        .response_timeout_ms = 22,
        .connections_max = 4,
        .expect = expect,
    };
    world.pool = backend_pool_create(&world.backend_settings, 0, NULL, NULL, &error);
    assert_non_null(world.pool);
}

static void open_pool(size_t addresses)
{
    open_pool_that(addresses, BACKEND_EXPECT_FORWARD);
}

static void make_listener(enum which which, const char *name, const char *const *hosts,
                          const char *const *paths, unsigned char digest)
{
    struct listener *listener = &world.listeners[which];
    const struct route_match_settings match = {.name = name, .paths = paths};
    const struct route_plan *plan = &world.plans[which];
    struct error error = {0};

    world.plans[which] = (struct route_plan){
        .demand = {.mode = CLIENT_CERTIFICATE_NONE},
        .rewrite = world.rewrite,
        .pool = world.pool,
    };
    world.routes[which] = routing_table_create(&match, &plan, 1, &error);
    assert_non_null(world.routes[which]);
    *listener = (struct listener){
        .name = name,
        .hosts = hosts,
        .routes = world.routes[which],
        .server_token = "sallyport",
        .demand = {.mode = CLIENT_CERTIFICATE_NONE},
        .digest = {digest},
    };
}

static void make_listeners(void)
{
    static const char *const main_hosts[] = {"main.example", NULL};
    static const char *const twin_hosts[] = {"twin.example", NULL};
    static const char *const other_hosts[] = {"other.example", NULL};
    static const char *const paths[] = {"/app/*", NULL};
    const struct listener *members[LISTENERS];
    struct socket_address address = {.size = 0};
    struct error error = {0};

    make_listener(MAIN, "main", main_hosts, paths, 1);
    make_listener(TWIN, "twin", twin_hosts, NULL, 1);
    make_listener(OTHER, "other", other_hosts, NULL, 2);
    for (size_t i = 0; i < LISTENERS; i++)
        members[i] = &world.listeners[i];
    world.group = listener_group_create(&address, members, LISTENERS, &error);
    assert_non_null(world.group);
}

static struct ip_address peer_address(void)
{
    struct ip_address address;

    assert_true(ip_address_parse(SLICE("192.0.2.200"), &address));
    return address;
}

static void open_world_with(size_t addresses)
{
    const struct rewrite_settings rewrite = {.identity_headers = NULL};
    const struct verdict_store_settings verdicts = {.accepted_bytes_max = 0};

    memset(&world, 0, sizeof(world));
    memset(backends, 0, sizeof(backends));
    backends_used = 0;
    journal[0] = '\0';
    for (size_t i = 0; i < BACKENDS; i++) {
        backends[i].connected = BACKEND_IO_DONE;
        backends[i].turn = BACKEND_IO_DONE;
        backends[i].room = PLENTY;
    }
    open_log();
    world.owned_names = rewrite_owned_names_create();
    world.rewrite = rewrite_plan_create(&rewrite, world.owned_names);
    open_pool(addresses);
    make_listeners();
    world.environment = (struct exchange_environment){
        .stores = {.verdicts = verdict_store_create(&verdicts),
                   .identities = identity_table_create(1024 * 1024, 0)},
        .telemetry = telemetry_worker(world.telemetry, 0),
        .pseudonym = SLICE("sallyport"),
        .backend_operations = &fake_backend,
        .owned_names = world.owned_names,
        .request_idle_ms = 33,
        .response_idle_ms = 44,
        .scratch = memory_allocate(EXCHANGE_SCRATCH_BYTES),
        .scratch_bytes = EXCHANGE_SCRATCH_BYTES,
        .trace_state = world.trace_state,
    };
    world.trace_state[0] = 1;
    world.trace_state[1] = 2;
    world.connection = (struct exchange_connection_facts){
        .group = world.group,
        .listener = &world.listeners[MAIN],
        .peer = peer_address(),
        .listener_port = 8443,
        .record = {.id = 7, .tls_version = "TLSv1.3", .tls_cipher = ""},
    };
    world.client = (struct fake_client){.room = PLENTY};
    world.request_arena = memory_allocate(REQUEST_ARENA_BYTES);
}

static void open_world(void)
{
    open_world_with(1);
}

static struct exchange_present tell_present(void *client)
{
    assert_ptr_equal(client, &world.client);
    if (world.present.environment != NULL)
        return world.present;
    return (struct exchange_present){&world.environment, world.group};
}

static void start_with(const struct http_request *request, enum reason refusal)
{
    struct exchange_start start = {
        .environment = &world.environment,
        .client_operations = &fake_client,
        .client = &world.client,
        .connection = &world.connection,
        .present = tell_present,
        .ready = on_ready,
        .request = request,
        .refusal = refusal,
        .refusal_detail = refusal == REASON_NONE ? NULL : "why",
        .draining = world.draining,
    };
    void *memory = malloc(exchange_size());

    /* What was here before must not matter. */
    memset(memory, 0xa5, exchange_size());
    world.exchange = exchange_init(memory, &start);
    world.exchanges++;
}

/* `text` is a literal: the request's slices point into it. */
static void start(const char *text)
{
    const struct http_limits limits = {.head_bytes = 8192, .target_bytes = 4096, .fields = 20};
    struct http_read_progress progress = {0};
    struct http_read read;
    struct arena arena;

    arena_init(&arena, world.request_arena, REQUEST_ARENA_BYTES);
    read = http_read_request(slice_from_text(text), &limits, &progress, &arena, &world.request);
    assert_int_equal(read.outcome, HTTP_READ_COMPLETE);
    start_with(&world.request, REASON_NONE);
}

/* As an owner does it; true when there is more to do at once. */
static bool turn(void)
{
    exchange_advance(world.exchange);
    return !exchange_is_finished(world.exchange) && exchange_end_turn(world.exchange);
}

static void end_exchange(void)
{
    assert_true(exchange_is_finished(world.exchange));
    for (size_t i = 0; i < BACKENDS; i++)
        assert_int_equal(backends[i].is_acquired, backends[i].is_released);
    exchange_reset(world.exchange);
    free(world.exchange);
    world.exchange = NULL;
}

static size_t read_log(void)
{
    FILE *file = fopen(world.log_path, "r");
    size_t lines = 0;
    size_t size;

    assert_non_null(file);
    size = fread(world.log, 1, sizeof(world.log) - 1, file);
    world.log[size] = '\0';
    fclose(file);
    unlink(world.log_path);
    for (size_t i = 0; i < size; i++)
        lines += world.log[i] == '\n';
    return lines;
}

/* Every exchange, all of which are finished, has left one record. */
static void close_world(void)
{
    end_exchange();
    telemetry_destroy(world.telemetry);
    verdict_store_destroy(world.environment.stores.verdicts);
    identity_table_destroy(world.environment.stores.identities);
    memory_release(world.environment.scratch);
    memory_release(world.request_arena);
    listener_group_destroy(world.group);
    for (size_t i = 0; i < LISTENERS; i++)
        routing_table_destroy(world.routes[i]);
    rewrite_plan_destroy(world.rewrite);
    http_name_set_destroy(world.owned_names);
    backend_pool_destroy(world.pool);
    assert_int_equal(read_log(), world.exchanges);
}

/* After close_world. */
static void assert_record(const char *member)
{
    if (strstr(world.log, member) == NULL)
        print_error("%s is not in %s\n", member, world.log);
    assert_non_null(strstr(world.log, member));
}

static void assert_state(const char *name)
{
    assert_string_equal(exchange_state_name(world.exchange), name);
}

static void backend_answers(size_t index, unsigned status, const char *content)
{
    backends[index].heads[backends[index].head_count++] = status;
    backends[index].content = slice_from_text(content);
    backends[index].ends = true;
}

#define GET "GET /app/x HTTP/1.1\r\nHost: main.example\r\n\r\n"
#define POST_EXPECTING                                                                             \
    "POST /app/x HTTP/1.1\r\nHost: main.example\r\nExpect: 100-continue\r\n"                       \
    "Content-Length: 10\r\n\r\n"
#define POST "POST /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: 10\r\n\r\n"
#define POST_CHUNKED                                                                               \
    "POST /app/x HTTP/1.1\r\nHost: main.example\r\nTransfer-Encoding: chunked\r\n\r\n"

/* ---- both ways ---- */

TEST(a_request_goes_out_and_its_answer_comes_back)
{
    open_world();
    start("GET /app/x?y=1 HTTP/1.1\r\nHost: main.example:8443\r\nUser-Agent: curl\r\n"
          "Client-Cert: :Zm9v:\r\n\r\n");
    assert_state("deciding");
    assert_false(turn());
    assert_state("relaying");
    assert_journal("acquire 0, backend: GET /app/x?y=1 HTTP/1.1, backend: end");
    assert_true(backends[0].wants_answer);
    assert_false(exchange_wants_content(world.exchange));
    assert_non_null(strstr(backends[0].head, "\r\nHost: main.example:8443\r\n"));
    assert_non_null(strstr(backends[0].head, "\r\nX-Forwarded-For: 192.0.2.200\r\n"));
    assert_non_null(strstr(backends[0].head, "\r\nX-Forwarded-Port: 8443\r\n"));
    assert_null(strstr(backends[0].head, "Client-Cert"));

    backend_answers(0, 200, "hello");
    assert_false(turn());
    assert_journal("client: 200, client: 'hello', client: end, release");
    assert_false(exchange_must_close(world.exchange));
    assert_false(exchange_is_broken(world.exchange));
    close_world();
    assert_record("\"status\":200");
    assert_record("\"backend_status\":200");
    assert_record("\"reason\":\"none\"");
    assert_record("\"target\":\"/app/x?y=1\"");
    assert_record("\"host\":\"main.example:8443\"");
    assert_record("\"user_agent\":\"curl\"");
    assert_record("\"route\":\"main\"");
    assert_record("\"endpoint\":\"192.0.2.1:80\"");
    assert_record("\"sent_bytes\":5,");
    assert_record("\"stripped_headers\":1,");
    assert_record("\"connection_id\":7,");
    assert_record("\"verification\":\"NONE\"");
}

TEST(a_host_of_the_backends_own_replaces_the_clients)
{
    open_world();
    world.plans[MAIN].host = "internal.example";
    start(GET);
    (void)turn();
    assert_non_null(strstr(backends[0].head, "\r\nHost: internal.example\r\n"));
    assert_non_null(strstr(backends[0].head, "\r\nX-Forwarded-Host: main.example\r\n"));
    exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    close_world();
}

TEST(content_goes_both_ways_as_it_comes)
{
    open_world();
    start(POST_CHUNKED);
    assert_false(turn());
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1 +, invite");
    assert_true(exchange_wants_content(world.exchange));
    world.client.content = SLICE("one");
    assert_false(turn());
    assert_journal("backend: 'one'");
    world.client.content = SLICE("two");
    world.client.content_ends = true;
    assert_false(turn());
    assert_journal("backend: 'two', backend: end");
    assert_false(exchange_wants_content(world.exchange));
    backend_answers(0, 201, "A");
    backends[0].ends = false;
    assert_false(turn());
    assert_journal("client: 201, client: 'A'");
    backends[0].ends = true;
    assert_false(turn());
    assert_journal("client: end, release");
    assert_false(exchange_must_close(world.exchange));
    close_world();
    assert_record("\"received_bytes\":6,");
    assert_record("\"sent_bytes\":1,");
}

/* The fakes assert that nobody writes more than there is room for. */
TEST(no_more_content_moves_than_there_is_room_for)
{
    enum { BYTES = 200 * 1024 };
    char *bytes = memory_allocate(BYTES);
    uint32_t seed = 3;
    unsigned tries = 0;
    bool again;

    open_world();
    start(POST_CHUNKED);
    world.client.content = slice_from(bytes, BYTES);
    world.client.content_ends = true;
    backends[0].room = 0;
    assert_true(turn());
    assert_false(exchange_wants_content(world.exchange));
    assert_int_equal(world.client.content.size, BYTES);
    while (backends[0].content_bytes < BYTES && tries++ < TRIES_MAX) {
        backends[0].room = random_below(&seed, 5) == 0 ? 0 : random_below(&seed, 40 * 1024);
        again = turn();
        assert_int_equal(again, !backends[0].has_end);
    }
    assert_int_equal(backends[0].content_bytes, BYTES);
    backends[0].room = PLENTY;
    assert_false(turn());
    assert_true(backends[0].has_end);

    backend_answers(0, 200, "");
    backends[0].content = slice_from(bytes, BYTES);
    while (!exchange_is_finished(world.exchange) && tries++ < TRIES_MAX) {
        world.client.room = random_below(&seed, 3) == 0 ? 0 : random_below(&seed, 160 * 1024);
        again = turn();
        assert_int_equal(again, !exchange_is_finished(world.exchange));
    }
    assert_int_equal(world.client.content_bytes, BYTES);
    close_world();
    memory_release(bytes);
    assert_record("\"received_bytes\":204800,");
    assert_record("\"sent_bytes\":204800,");
}

/* Nothing is asked of a backend that nobody can take: else its socket, which is readable, would
 * keep the loop turning. */
TEST(an_answer_is_not_waited_for_while_the_client_has_no_room_for_it)
{
    open_world();
    start(GET);
    world.client.room = 79 * 1024;
    assert_true(turn());
    assert_false(backends[0].wants_answer);
    backend_answers(0, 200, "");
    backends[0].content = slice_from("12345", 5);
    assert_true(turn());
    assert_false(backends[0].wants_answer);
    world.client.room = 80 * 1024;
    backends[0].ends = false;
    assert_false(turn());
    assert_true(backends[0].wants_answer);
    world.client.room = 16 * 1024 - 1;
    backends[0].content = SLICE("6");
    assert_true(turn());
    assert_false(backends[0].wants_answer);
    world.client.room = 16 * 1024 + 1;
    assert_false(turn());
    assert_true(backends[0].wants_answer);
    backends[0].ends = true;
    assert_false(turn());
    close_world();
    assert_record("\"sent_bytes\":6,");
}

/* A turn without events is asked for only where it can change something. */
TEST(a_full_backend_is_waited_for_and_not_asked_again)
{
    open_world();
    start(POST);
    backends[0].room = 4;
    backends[0].turn = BACKEND_IO_WAIT;
    world.client.content = SLICE("0123456789");
    assert_false(turn());
    assert_int_equal(backends[0].content_bytes, 4);
    /* Room came by itself: the output left within the turn. */
    backends[0].turn = BACKEND_IO_DONE;
    assert_true(turn());
    backends[0].turn = BACKEND_IO_FAILED;
    assert_false(turn());
    /* The client's room is another matter: it is there as soon as its output is sent. */
    backends[0].turn = BACKEND_IO_WAIT;
    world.client.room = 0;
    assert_true(turn());
    exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    close_world();
}

TEST(an_answer_before_the_request_is_complete_ends_the_connection)
{
    open_world();
    start(POST);
    world.client.content = SLICE("01234");
    (void)turn();
    backend_answers(0, 403, "no");
    (void)turn();
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, invite, backend: '01234', "
                   "client: 403 close, client: 'no', client: end, release");
    assert_true(exchange_must_close(world.exchange));
    assert_false(exchange_is_broken(world.exchange));
    close_world();
    assert_record("\"status\":403");
    assert_record("\"reason\":\"none\"");
}

/* It was told that the connection closes; that holds. */
TEST(an_early_answer_closes_although_the_request_was_completed_later)
{
    open_world();
    start(POST);
    (void)turn();
    backend_answers(0, 200, "a");
    backends[0].ends = false;
    (void)turn();
    world.client.content = SLICE("0123456789");
    world.client.content_ends = true;
    backends[0].ends = true;
    (void)turn();
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, invite, client: 200 close, "
                   "client: 'a', backend: '0123456789', backend: end, client: end, release");
    assert_true(exchange_must_close(world.exchange));
    close_world();
}

TEST(a_request_for_a_head_says_so)
{
    open_world();
    start("HEAD /app/x HTTP/1.1\r\nHost: main.example\r\n\r\n");
    (void)turn();
    assert_journal("acquire 0, backend: HEAD /app/x HTTP/1.1 (head), backend: end");
    backend_answers(0, 200, "");
    (void)turn();
    close_world();
}

TEST(the_connection_closes_behind_an_exchange_that_is_drained)
{
    open_world();
    world.draining = true;
    start(GET);
    backend_answers(0, 200, "");
    (void)turn();
    assert_true(world.client.closes && exchange_must_close(world.exchange));
    close_world();

    open_world();
    start(GET);
    (void)turn();
    exchange_drain(world.exchange);
    backend_answers(0, 200, "");
    (void)turn();
    assert_true(world.client.closes && exchange_must_close(world.exchange));
    close_world();
}

/* ---- interim answers ---- */

TEST(interim_answers_are_passed_on)
{
    open_world();
    start(GET);
    backend_answers(0, 100, "");
    backend_answers(0, 103, "");
    backend_answers(0, 200, "x");
    (void)turn();
    /* Whether it waits to be invited, the client's side knows. */
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, invite, client: 103, "
                   "client: 200, client: 'x', client: end, release");
    close_world();
    assert_record("\"backend_status\":200");
}

TEST(a_backend_is_asked_whether_content_is_wanted)
{
    open_world();
    world.client.content_ends = true;
    start(POST_EXPECTING);
    (void)turn();
    assert_non_null(strstr(backends[0].head, "\r\nExpect: 100-continue\r\n"));
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, backend: end");
    backend_answers(0, 100, "");
    (void)turn();
    assert_journal("invite");
    backend_answers(0, 200, "");
    (void)turn();
    assert_journal("client: 200, client: end, release");
    close_world();
}

TEST(a_client_that_waits_for_the_backends_word_is_not_late)
{
    open_world();
    start(POST_EXPECTING);
    (void)turn();
    exchange_time_out(world.exchange);
    assert_non_null(strstr(journal, "504 backend_response_timeout close"));
    journal[0] = '\0';
    close_world();
}

TEST(the_gateway_answers_for_a_backend_that_does_not_know_of_100)
{
    open_world();
    backend_pool_destroy(world.pool);
    open_pool_that(1, BACKEND_EXPECT_ANSWER);
    world.plans[MAIN].pool = world.pool;
    start(POST_EXPECTING);
    (void)turn();
    assert_null(strstr(backends[0].head, "Expect"));
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, invite");
    exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    journal[0] = '\0';
    close_world();
}

#define OPTIONS_HERE "OPTIONS /app/x HTTP/1.1\r\nHost: main.example\r\nMax-Forwards: 0\r\n\r\n"

TEST(options_that_may_go_no_further_are_answered_here)
{
    open_world();
    start(OPTIONS_HERE);
    (void)turn();
    assert_journal("client: 204, client: end");
    close_world();
    assert_record("\"status\":204");
    assert_record("\"reason\":\"none\"");
}

TEST(a_request_that_goes_round_in_circles_is_refused)
{
    open_world();
    start("GET /app/x HTTP/1.1\r\nHost: main.example\r\nVia: 1.1 sallyport\r\n\r\n");
    (void)turn();
    assert_journal("client: 508 request_loop close");
    close_world();
}

static struct http_field trailer_fields[] = {
    {SLICE_STATIC("X-Check"), SLICE_STATIC("1")},
    {SLICE_STATIC("X-Arr_ClientCert"), SLICE_STATIC("forged")},
    {SLICE_STATIC("X-Named"), SLICE_STATIC("2")},
    {SLICE_STATIC("Content-Length"), SLICE_STATIC("3")},
    {SLICE_STATIC("Content-Digest"), SLICE_STATIC("4")},
};
static const struct http_fields all_trailers = {trailer_fields, COUNT(trailer_fields)};

TEST(trailers_of_a_request_pass_without_what_may_not_stand_there)
{
    open_world();
    world.client.content = SLICE("x");
    world.client.content_ends = true;
    world.client.trailers = all_trailers;
    start("POST /app/x HTTP/1.1\r\nHost: main.example\r\nConnection: x-named\r\n"
          "Transfer-Encoding: chunked\r\n\r\n");
    backend_answers(0, 200, "");
    (void)turn();
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1 +, invite, backend: 'x', "
                   "backend: end X-Check: 1; Content-Digest: 4; , "
                   "client: 200, client: end, release");
    close_world();
    assert_record("\"stripped_headers\":3,");
}

static void answers_with_trailers(const char *request, const char *expected)
{
    open_world();
    start(request);
    backends[0].trailers = all_trailers;
    backend_answers(0, 200, "");
    (void)turn();
    assert_non_null(strstr(journal, expected));
    journal[0] = '\0';
    close_world();
}

TEST(trailers_of_an_answer_pass_to_a_client_that_takes_them)
{
    answers_with_trailers("GET /app/x HTTP/1.1\r\nHost: main.example\r\nTE: trailers\r\n\r\n",
                          "client: end X-Check: 1; X-Named: 2; Content-Digest: 4; , release");
    answers_with_trailers(GET, "client: end, release");
    answers_with_trailers("GET /app/x HTTP/1.0\r\nHost: main.example\r\nTE: trailers\r\n\r\n",
                          "client: end, release");
}

TEST(endless_interim_answers_are_refused)
{
    open_world();
    start(GET);
    for (size_t i = 0; i < 17; i++)
        backend_answers(0, 103, "");
    (void)turn();
    assert_true(strstr(journal, "client: 103, client: 103, ") != NULL);
    assert_true(strstr(journal, "client: 103, release, client: 502 backend_response_malformed") !=
                NULL);
    journal[0] = '\0';
    close_world();
    assert_record("\"detail\":\"endless interim responses\"");
    assert_record("\"backend_status\":0");
}

TEST(a_backend_cannot_switch_protocols)
{
    open_world();
    start(GET);
    backend_answers(0, 101, "");
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_response_malformed");
    close_world();
    assert_record("\"detail\":\"switched protocols unasked\"");
}

/* ---- backends that fail ---- */

TEST(the_next_address_is_tried_when_one_cannot_be_reached)
{
    open_world_with(3);
    start(GET);
    backends[0].connected = BACKEND_IO_FAILED;
    backends[0].connect_failure = REASON_BACKEND_UNREACHABLE;
    backends[1].refused = REASON_BACKEND_UNREACHABLE;
    backend_answers(2, 200, "");
    (void)turn();
    assert_journal("acquire 0, release, acquire 1, acquire 2, backend: GET /app/x HTTP/1.1, "
                   "backend: end, client: 200, client: end, release");
    close_world();
    assert_record("\"endpoint\":\"192.0.2.3:80\"");
}

TEST(a_backend_that_cannot_be_reached_at_all_is_a_bad_gateway)
{
    open_world_with(2);
    start(GET);
    for (size_t i = 0; i < 2; i++) {
        backends[i].connected = BACKEND_IO_FAILED;
        backends[i].connect_failure = REASON_BACKEND_UNREACHABLE;
    }
    (void)turn();
    assert_journal("acquire 0, release, acquire 1, release, client: 502 backend_unreachable");
    assert_false(exchange_must_close(world.exchange));
    close_world();
    assert_record("\"status\":502");
    assert_record("\"reason\":\"backend_unreachable\"");
    assert_record("\"detail\":\"connect\"");
    assert_record("\"backend_duration\":0.000000");
}

/* The limit holds for all addresses together. */
TEST(a_busy_backend_is_not_asked_at_its_next_address)
{
    open_world_with(3);
    start(POST);
    backends[0].refused = REASON_BACKEND_BUSY;
    (void)turn();
    assert_journal("acquire 0, client: 503 backend_busy close");
    close_world();
}

TEST(each_address_may_take_the_whole_time_to_connect)
{
    uint64_t progress;

    open_world_with(2);
    start(GET);
    backends[0].connected = BACKEND_IO_WAIT;
    backends[1].connected = BACKEND_IO_WAIT;
    (void)turn();
    assert_state("connecting");
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 11);
    progress = exchange_progress(world.exchange);
    exchange_time_out(world.exchange);
    assert_state("connecting");
    assert_true(exchange_progress(world.exchange) > progress);
    exchange_time_out(world.exchange);
    assert_journal("acquire 0, blame, release, acquire 1, blame, release, "
                   "client: 504 backend_connect_timeout");
    close_world();
    assert_record("\"reason\":\"backend_connect_timeout\"");
}

/* ---- sent again ---- */

static void pooled_connection_closes(const char *request)
{
    open_world();
    start(request);
    backends[0].is_reused = true;
    (void)turn();
    backends[0].fails = REASON_BACKEND_CLOSED;
    backend_answers(1, 200, "");
    (void)turn();
}

TEST(a_kept_alive_connection_that_closed_is_replaced_once)
{
    pooled_connection_closes(GET);
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, acquire 1, "
                   "backend: GET /app/x HTTP/1.1, backend: end, client: 200, client: end, "
                   "release");
    close_world();
    assert_record("\"status\":200");

    open_world();
    start(GET);
    backends[0].is_reused = true;
    backends[0].fails = REASON_BACKEND_CLOSED;
    backends[1].fails = REASON_BACKEND_CLOSED;
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, acquire 1, "
                   "backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_closed");
    close_world();
    assert_record("\"reason\":\"backend_closed\"");
}

TEST(what_may_have_been_done_is_not_asked_again)
{
    pooled_connection_closes("POST /app/x HTTP/1.1\r\nHost: main.example\r\n\r\n");
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_closed");
    close_world();
}

TEST(content_that_is_still_with_the_client_is_sent_again)
{
    pooled_connection_closes(
        "PUT /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: 10\r\n\r\n");
    assert_journal("acquire 0, backend: PUT /app/x HTTP/1.1, invite, release, "
                   "acquire 1, backend: PUT /app/x HTTP/1.1, invite, client: 200 close, "
                   "client: end, release");
    close_world();
}

TEST(content_that_has_left_the_client_is_not_sent_again)
{
    open_world();
    start("PUT /app/x HTTP/1.1\r\nHost: main.example\r\nContent-Length: 10\r\n\r\n");
    world.client.content = SLICE("half");
    backends[0].is_reused = true;
    (void)turn();
    backends[0].fails = REASON_BACKEND_CLOSED;
    (void)turn();
    assert_non_null(strstr(journal, "release, client: 502 backend_closed close"));
    assert_null(strstr(journal, "acquire 1"));
    close_world();
}

TEST(what_was_answered_by_a_byte_is_not_sent_again)
{
    open_world();
    start(GET);
    backends[0].is_reused = true;
    backends[0].has_answered = true;
    backends[0].fails = REASON_BACKEND_CLOSED;
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_closed");
    close_world();
}

TEST(what_was_answered_badly_is_not_sent_again)
{
    open_world();
    start(GET);
    backends[0].is_reused = true;
    backends[0].fails = REASON_BACKEND_RESPONSE_MALFORMED;
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_response_malformed");
    close_world();
}

TEST(what_may_be_repeated_goes_to_the_next_endpoint_when_one_closes)
{
    open_world_with(3);
    start(GET);
    backends[0].fails = REASON_BACKEND_CLOSED;
    backends[1].fails = REASON_BACKEND_CLOSED;
    backends[2].fails = REASON_BACKEND_CLOSED;
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "acquire 1, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "acquire 2, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_closed");
    close_world();
}

TEST(what_may_not_be_repeated_is_when_nothing_of_it_has_left)
{
    static const char post[] = "POST /app/x HTTP/1.1\r\nHost: main.example\r\n\r\n";

    open_world_with(3);
    start(post);
    backends[0].fails = REASON_BACKEND_CLOSED;
    backends[0].has_kept = true;
    backends[1].fails = REASON_BACKEND_CLOSED;
    (void)turn();
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, backend: end, release, "
                   "acquire 1, backend: POST /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_closed");
    close_world();
}

TEST(an_answer_that_breaks_off_never_looks_complete)
{
    open_world();
    start(GET);
    backends[0].is_reused = true;
    backends[0].heads[backends[0].head_count++] = 200;
    backends[0].content = SLICE("half");
    backends[0].fails = REASON_BACKEND_CLOSED;
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, client: 200, "
                   "client: 'half', release");
    assert_false(world.client.has_end);
    assert_true(exchange_is_broken(world.exchange) && exchange_must_close(world.exchange));
    close_world();
    assert_record("\"status\":200");
    assert_record("\"reason\":\"backend_closed\"");
    assert_record("\"sent_bytes\":4,");
}

TEST(a_head_that_the_client_cannot_be_told_is_a_bad_gateway)
{
    open_world();
    start(GET);
    world.client.head_refused = REASON_BACKEND_RESPONSE_MALFORMED;
    backend_answers(0, 200, "x");
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "client: 502 backend_response_malformed");
    close_world();
    assert_record("\"status\":502");
    assert_record("\"backend_status\":200");
}

/* ---- who is too slow ---- */

TEST(a_client_that_sends_no_content_is_too_late)
{
    open_world();
    start(POST);
    world.client.content = SLICE("01234");
    (void)turn();
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 33);
    exchange_time_out(world.exchange);
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, invite, backend: '01234', release, "
                   "client: 408 request_content_timeout close");
    close_world();
    assert_record("\"reason\":\"request_content_timeout\"");
}

TEST(a_backend_that_does_not_answer_is_a_timeout_of_the_gateway)
{
    open_world();
    start(GET);
    (void)turn();
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 22);
    exchange_time_out(world.exchange);
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, blame, release, "
                   "client: 504 backend_response_timeout");
    close_world();
    assert_record("\"reason\":\"backend_response_timeout\"");
}

TEST(a_backend_that_takes_no_content_is_too_slow)
{
    open_world();
    start(POST);
    backends[0].room = 0;
    (void)turn();
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 22);
    exchange_time_out(world.exchange);
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, invite, blame, release, "
                   "client: 504 backend_response_timeout close");
    close_world();
}

TEST(a_backend_that_stops_inside_its_answer_breaks_it_off)
{
    open_world();
    start(GET);
    backend_answers(0, 200, "half");
    backends[0].ends = false;
    (void)turn();
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 22);
    exchange_time_out(world.exchange);
    assert_true(exchange_is_broken(world.exchange) && !world.client.has_end);
    close_world();
    assert_record("\"reason\":\"backend_response_timeout\"");
    assert_record("\"status\":200");
}

TEST(a_client_that_takes_nothing_is_too_slow)
{
    open_world();
    start(GET);
    backend_answers(0, 200, "");
    world.client.room = 80 * 1024;
    backends[0].ends = false;
    (void)turn();
    world.client.room = 0;
    (void)turn();
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 44);
    exchange_time_out(world.exchange);
    assert_true(exchange_is_broken(world.exchange));
    close_world();
    assert_record("\"reason\":\"client_too_slow\"");
    assert_record("\"status\":200");
}

/* Answers to earlier requests fill its room: nobody would read a word about it. */
TEST(a_client_without_room_for_a_head_is_not_answered_when_time_is_up)
{
    open_world();
    start(GET);
    world.client.room = 0;
    (void)turn();
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 44);
    exchange_time_out(world.exchange);
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release");
    assert_true(exchange_is_broken(world.exchange));
    close_world();
    assert_record("\"status\":499");
    assert_record("\"reason\":\"client_too_slow\"");
}

TEST(a_client_that_does_not_take_a_refusal_is_given_up)
{
    open_world();
    world.client.room = 0;
    start("GET /nowhere HTTP/1.1\r\nHost: main.example\r\n\r\n");
    assert_true(turn());
    assert_state("answering");
    assert_int_equal(exchange_wait_limit_ms(world.exchange), 44);
    exchange_time_out(world.exchange);
    assert_journal("");
    close_world();
    assert_record("\"status\":499");
}

/* ---- content that is refused ---- */

TEST(content_that_says_it_is_too_large_is_refused_before_any_backend_is_asked)
{
    open_world();
    world.environment.request_content_bytes_max = 9;
    start(POST);
    (void)turn();
    assert_journal("client: 413 request_content_too_large close");
    assert_true(exchange_must_close(world.exchange));
    close_world();

    open_world();
    world.environment.request_content_bytes_max = 10;
    start(POST);
    world.client.content = SLICE("0123456789");
    world.client.content_ends = true;
    backend_answers(0, 200, "");
    (void)turn();
    assert_true(backends[0].has_end);
    close_world();
    assert_record("\"status\":200");
}

TEST(content_that_grows_too_large_is_refused_on_the_way)
{
    open_world();
    world.environment.request_content_bytes_max = 5;
    start(POST_CHUNKED);
    world.client.content = SLICE("01234");
    (void)turn();
    world.client.content = SLICE("5");
    (void)turn();
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1 +, invite, backend: '01234', "
                   "release, client: 413 request_content_too_large close");
    assert_false(backends[0].has_end);
    close_world();
    assert_record("\"received_bytes\":6,");
}

TEST(malformed_content_is_refused_and_never_completed)
{
    open_world();
    start(POST_CHUNKED);
    world.client.content = SLICE("good");
    world.client.content_fails = REASON_REQUEST_CHUNK_MALFORMED;
    (void)turn();
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1 +, invite, backend: 'good', "
                   "release, client: 400 request_chunk_malformed close");
    assert_false(backends[0].has_end);
    close_world();
    assert_record("\"reason\":\"request_chunk_malformed\"");
}

TEST(malformed_content_behind_an_early_answer_breaks_it_off)
{
    open_world();
    start(POST_CHUNKED);
    backend_answers(0, 200, "a");
    backends[0].ends = false;
    (void)turn();
    world.client.content_fails = REASON_REQUEST_CHUNK_MALFORMED;
    (void)turn();
    assert_true(exchange_is_broken(world.exchange) && !world.client.has_end);
    close_world();
    assert_record("\"reason\":\"request_chunk_malformed\"");
    assert_record("\"status\":200");
}

TEST(a_client_that_goes_away_inside_its_content_is_not_answered)
{
    open_world();
    start(POST);
    world.client.content = SLICE("0123");
    world.client.content_fails = REASON_REQUEST_ABANDONED;
    (void)turn();
    assert_journal("acquire 0, backend: POST /app/x HTTP/1.1, invite, backend: '0123', release");
    assert_true(exchange_is_broken(world.exchange) && exchange_must_close(world.exchange));
    close_world();
    assert_record("\"status\":499");
    assert_record("\"reason\":\"request_abandoned\"");
}

TEST(a_request_that_could_not_be_read_is_answered_and_closed)
{
    open_world();
    start_with(NULL, REASON_REQUEST_HEADER_MALFORMED);
    assert_false(turn());
    assert_journal("client: 400 request_header_malformed close");
    assert_true(exchange_must_close(world.exchange));
    close_world();
    assert_record("\"detail\":\"why\"");
    assert_null(strstr(world.log, "\"method\""));
}

/* ---- whose host, whose route ---- */

TEST(a_host_that_is_judged_alike_is_served_on_the_connection)
{
    open_world();
    start("GET /x HTTP/1.1\r\nHost: TWIN.example\r\n\r\n");
    backend_answers(0, 200, "");
    (void)turn();
    close_world();
    assert_record("\"status\":200");
    assert_record("\"listener\":\"twin\"");
    assert_record("\"route\":\"twin\"");
}

TEST(a_host_that_is_judged_differently_is_misdirected)
{
    open_world();
    start("GET /x HTTP/1.1\r\nHost: other.example\r\n\r\n");
    (void)turn();
    assert_journal("client: 421 request_misdirected close");
    close_world();
    assert_record("\"listener\":\"main\"");
}

TEST(a_host_that_nobody_serves_is_not_found)
{
    open_world();
    start("GET /app/x HTTP/1.1\r\nHost: nobody.example\r\n\r\n");
    (void)turn();
    assert_journal("client: 404 host_not_found");
    assert_false(exchange_must_close(world.exchange));
    close_world();
}

TEST(a_path_without_a_route_is_not_found)
{
    open_world();
    start("GET /nowhere HTTP/1.1\r\nHost: main.example\r\n\r\n");
    (void)turn();
    assert_journal("client: 404 route_not_found");
    assert_false(exchange_must_close(world.exchange));
    close_world();
    assert_null(strstr(world.log, "\"route\""));
}

/* Its content was not read, and must not be taken for the next request. */
TEST(the_connection_closes_behind_a_refusal_of_a_request_with_content)
{
    open_world();
    start("POST /nowhere HTTP/1.1\r\nHost: main.example\r\nContent-Length: 1\r\n\r\n");
    world.client.content = SLICE("x");
    (void)turn();
    assert_journal("client: 404 route_not_found close");
    assert_true(exchange_must_close(world.exchange));
    close_world();
}

TEST(a_connection_field_that_names_ours_is_refused)
{
    open_world();
    http_name_set_add(world.owned_names, SLICE("X-Our-Own"));
    start("GET /app/x HTTP/1.1\r\nHost: main.example\r\nConnection: x_our_own\r\n\r\n");
    (void)turn();
    assert_journal("client: 400 request_connection_malformed close");
    close_world();
}

/* ---- who the client is ---- */

struct people {
    struct fixture root;
    struct fixture other_root;
    struct fixture alice;
    struct presented_certificate *presented;
    char *root_path;
    char *other_path;
    struct judging_context *accepts;
    struct judging_context *refuses;
};

static struct judging_context *context_of(const struct fixture *root, char **path)
{
    struct fixture_bytes pem = fixture_pem(&root->certificate, 1);
    struct trust_anchor_source source;
    struct trust_profile_settings settings = {
        .anchors = &source, .anchor_count = 1, .depth = 4, .send_ca_names = true};
    struct error error = {0};
    struct judging_context *context;

    *path = fixture_file(fixture_bytes_slice(pem));
    free(pem.data);
    source = (struct trust_anchor_source){.path = *path};
    context = judging_context_create(&settings, &error);
    assert_non_null(context);
    unlink(*path);
    free(*path);
    return context;
}

/* Valid today, whenever that is. */
static struct people make_people(void)
{
    struct people people = {.root = fixture_root("Root"), .other_root = fixture_root("Other")};
    const struct fixture_spec alice = {
        .common_name = "alice",
        .not_before = (int64_t)time(NULL) - FIXTURE_DAY,
        .not_after = (int64_t)time(NULL) + FIXTURE_DAY,
        .basic_constraints = "critical,CA:FALSE",
        .key_usage = "critical,digitalSignature",
        .extended_key_usage = "clientAuth",
    };

    people.alice = fixture_make(&alice, &people.root);
    people.presented = presented_certificate_create(people.alice.certificate, NULL);
    people.accepts = context_of(&people.root, &people.root_path);
    people.refuses = context_of(&people.other_root, &people.other_path);
    return people;
}

static void release_people(struct people *people)
{
    presented_certificate_release(people->presented);
    judging_context_release(people->accepts);
    judging_context_release(people->refuses);
    fixture_free(&people->alice);
    fixture_free(&people->root);
    fixture_free(&people->other_root);
}

static void demand(enum client_certificate_mode mode, struct judging_context *context)
{
    world.listeners[MAIN].demand = (struct authentication_demand){mode, context};
    world.plans[MAIN].demand = (struct authentication_demand){mode, context};
}

TEST(who_is_accepted_is_named_in_the_record)
{
    struct people people = make_people();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.accepts);
    world.connection.presented = people.presented;
    start(GET);
    backend_answers(0, 200, "");
    (void)turn();
    close_world();
    release_people(&people);
    assert_record("\"verification\":\"SUCCESS\"");
    assert_record("\"mode\":\"required\"");
    assert_record("\"principal\":\"CN=alice\"");
    assert_record("\"certificate_subject\":\"CN=alice\"");
}

TEST(who_is_refused_reaches_no_backend)
{
    struct people people = make_people();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    world.connection.presented = people.presented;
    start(GET);
    (void)turn();
    assert_journal("client: 400 certificate_issuer_unknown close");
    assert_false(world.client.generic);
    close_world();
    release_people(&people);
    assert_record("\"verification\":\"FAILED:certificate_issuer_unknown\"");
    assert_record("\"certificate_subject\":\"CN=alice\"");
    assert_null(strstr(world.log, "\"principal\""));
}

TEST(who_shows_nothing_is_refused_where_a_certificate_is_required)
{
    struct people people = make_people();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.accepts);
    world.listeners[MAIN].error_detail = CLIENT_CERTIFICATE_DETAIL_GENERIC;
    start(GET);
    (void)turn();
    assert_journal("client: 400 certificate_missing close");
    assert_true(world.client.generic);
    close_world();
    release_people(&people);
    assert_record("\"verification\":\"NONE\"");
}

/* Which routes exist is not for strangers to learn. */
TEST(who_is_refused_does_not_learn_which_routes_there_are)
{
    struct people people = make_people();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    world.connection.presented = people.presented;
    start("GET /nowhere HTTP/1.1\r\nHost: main.example\r\n\r\n");
    (void)turn();
    assert_journal("client: 400 certificate_issuer_unknown close");
    close_world();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.accepts);
    world.connection.presented = people.presented;
    start("GET /nowhere HTTP/1.1\r\nHost: main.example\r\n\r\n");
    (void)turn();
    assert_journal("client: 404 route_not_found");
    close_world();
    release_people(&people);
}

/* A route that forgot its rules accepts nobody. */
TEST(a_demand_without_rules_refuses)
{
    open_world();
    world.plans[MAIN].demand = (struct authentication_demand){CLIENT_CERTIFICATE_REQUIRED, NULL};
    start(GET);
    (void)turn();
    assert_journal("client: 500 internal close");
    close_world();
}

TEST(who_waited_is_judged_again_before_a_byte_goes_out)
{
    struct people people = make_people();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.accepts);
    world.connection.presented = people.presented;
    start(GET);
    backends[0].connected = BACKEND_IO_WAIT;
    (void)turn();
    assert_journal("acquire 0");
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    backends[0].connected = BACKEND_IO_DONE;
    (void)turn();
    assert_journal("release, client: 400 certificate_issuer_unknown close");
    assert_string_equal(backends[0].head, "");
    close_world();
    release_people(&people);
    assert_record("\"reason\":\"certificate_issuer_unknown\"");
    assert_null(strstr(world.log, "\"principal\""));
}

TEST(who_is_sent_again_is_judged_again)
{
    struct people people = make_people();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.accepts);
    world.connection.presented = people.presented;
    start(GET);
    backends[0].is_reused = true;
    (void)turn();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    backends[0].fails = REASON_BACKEND_CLOSED;
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, acquire 1, "
                   "release, client: 400 certificate_issuer_unknown close");
    assert_string_equal(backends[1].head, "");
    close_world();
    release_people(&people);
}

/* ---- judged again ---- */

/* Of alice's, who is accepted when it starts. */
static struct people start_accepted(const char *text)
{
    struct people people = make_people();

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.accepts);
    world.connection.presented = people.presented;
    start(text);
    return people;
}

static void assert_judged_again(enum reason expected)
{
    enum reason reason = REASON_UNDECIDED;

    assert_true(exchange_judge_again(world.exchange, &reason));
    assert_string_equal(reason_name(reason), reason_name(expected));
}

TEST(who_is_accepted_still_is_not_disturbed)
{
    struct people people = start_accepted(GET);

    (void)turn();
    assert_judged_again(REASON_NONE);
    backend_answers(0, 200, "hello");
    (void)turn();
    assert_true(exchange_is_finished(world.exchange));
    assert_false(exchange_must_close(world.exchange));
    close_world();
    release_people(&people);
    assert_record("\"reason\":\"none\"");
}

TEST(who_is_accepted_no_longer_is_answered_while_nothing_was)
{
    struct people people = start_accepted(GET);

    (void)turn();
    assert_string_equal(exchange_state_name(world.exchange), "relaying");
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    assert_judged_again(REASON_CERTIFICATE_ISSUER_UNKNOWN);
    (void)turn();
    assert_journal("acquire 0, backend: GET /app/x HTTP/1.1, backend: end, release, "
                   "client: 400 certificate_issuer_unknown close");
    close_world();
    release_people(&people);
    assert_record("\"detail\":\"judged again\"");
    assert_record("\"principal\":\"CN=alice\"");
}

TEST(an_answer_that_has_begun_breaks_off_when_its_client_is_accepted_no_longer)
{
    struct people people = start_accepted(GET);

    (void)turn();
    backend_answers(0, 200, "hello");
    backends[0].ends = false;
    (void)turn();
    assert_string_equal(exchange_state_name(world.exchange), "relaying");
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    assert_judged_again(REASON_CERTIFICATE_ISSUER_UNKNOWN);
    (void)turn();
    assert_true(exchange_is_broken(world.exchange));
    assert_true(exchange_must_close(world.exchange));
    close_world();
    release_people(&people);
    assert_record("\"status\":200");
    assert_record("\"reason\":\"certificate_issuer_unknown\"");
}

TEST(who_waits_for_a_backend_is_judged_again_too)
{
    struct people people = start_accepted(GET);

    backends[0].connected = BACKEND_IO_WAIT;
    (void)turn();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    assert_judged_again(REASON_CERTIFICATE_ISSUER_UNKNOWN);
    (void)turn();
    assert_journal("acquire 0, release, client: 400 certificate_issuer_unknown close");
    close_world();
    release_people(&people);
}

TEST(who_was_refused_or_has_its_answer_is_not_judged_again)
{
    struct people people = make_people();
    enum reason reason;

    open_world();
    demand(CLIENT_CERTIFICATE_REQUIRED, people.refuses);
    world.connection.presented = people.presented;
    start(GET);
    assert_false(exchange_judge_again(world.exchange, &reason));
    world.client.room = 0;
    (void)turn();
    assert_string_equal(exchange_state_name(world.exchange), "answering");
    assert_false(exchange_judge_again(world.exchange, &reason));
    assert_true(exchange_holds_until(world.exchange) == INT64_MAX);
    exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    close_world();
    release_people(&people);
}

TEST(a_judgement_holds_until_the_certificate_ends)
{
    struct people people = start_accepted(GET);
    int64_t until;

    (void)turn();
    until = exchange_holds_until(world.exchange);
    assert_true(until > (int64_t)time(NULL));
    assert_true(until <= (int64_t)time(NULL) + FIXTURE_DAY + 1);
    exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    close_world();
    release_people(&people);
}

/* The listeners of the group stand for the configuration of now: by host and path as ever. */
TEST(who_is_judged_again_is_judged_by_the_configuration_of_now)
{
    struct people people = start_accepted(GET);
    struct exchange_environment next = world.environment;
    const struct route_plan *plan = &world.plans[MAIN];
    struct route_plan strict = *plan;
    const struct route_match_settings everywhere = {.name = "all"};
    const struct route_match_settings elsewhere = {
        .name = "elsewhere", .paths = (const char *const[]){"/elsewhere", NULL}};
    struct error error = {0};
    const struct route_plan *plans[] = {&strict};
    struct routing_table *routes = routing_table_create(&everywhere, plans, 1, &error);
    struct routing_table *others = routing_table_create(&elsewhere, plans, 1, &error);
    struct listener listener = world.listeners[MAIN];
    const struct listener *members[] = {&listener};
    struct socket_address address = {.size = 0};
    struct listener_group *group = listener_group_create(&address, members, 1, &error);

    strict.demand.context = people.refuses;
    (void)turn();
    world.present = (struct exchange_present){&next, group};

    /* No route of now serves it: its own goes on judging. */
    listener.routes = others;
    assert_judged_again(REASON_NONE);
    /* The address is gone. */
    world.present.group = NULL;
    assert_judged_again(REASON_NONE);
    world.present.group = group;
    listener.routes = routes;
    assert_judged_again(REASON_CERTIFICATE_ISSUER_UNKNOWN);
    (void)turn();
    close_world();
    listener_group_destroy(group);
    routing_table_destroy(others);
    routing_table_destroy(routes);
    release_people(&people);
}

TEST(who_waited_past_a_change_of_the_configuration_is_judged_by_both)
{
    struct people people = start_accepted(GET);
    struct exchange_environment next = world.environment;
    struct listener listener = world.listeners[MAIN];
    struct route_plan strict = world.plans[MAIN];
    const struct route_match_settings everywhere = {.name = "all"};
    const struct route_plan *plans[] = {&strict};
    struct error error = {0};
    struct routing_table *routes = routing_table_create(&everywhere, plans, 1, &error);
    const struct listener *members[] = {&listener};
    struct socket_address address = {.size = 0};
    struct listener_group *group = listener_group_create(&address, members, 1, &error);

    strict.demand.context = people.refuses;
    listener.routes = routes;
    backends[0].connected = BACKEND_IO_WAIT;
    (void)turn();
    world.present = (struct exchange_present){&next, group};
    backends[0].connected = BACKEND_IO_DONE;
    (void)turn();
    assert_journal("acquire 0, release, client: 400 certificate_issuer_unknown close");
    assert_string_equal(backends[0].head, "");
    close_world();
    listener_group_destroy(group);
    routing_table_destroy(routes);
    release_people(&people);
}

/* ---- ends ---- */

TEST(an_abort_in_any_state_leaves_one_record)
{
    static const char *const states[] = {"deciding", "connecting", "relaying", "relaying",
                                         "answering"};

    for (size_t i = 0; i < COUNT(states); i++) {
        open_world();
        start(i == 4 ? "GET /nowhere HTTP/1.1\r\nHost: main.example\r\n\r\n" : POST);
        if (i == 1)
            backends[0].connected = BACKEND_IO_WAIT;
        if (i == 4)
            world.client.room = 0;
        if (i > 0)
            (void)turn();
        if (i == 3) {
            backend_answers(0, 200, "a");
            backends[0].ends = false;
            (void)turn();
        }
        assert_state(states[i]);
        exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, "gone");
        assert_state("finished");
        assert_true(exchange_is_broken(world.exchange) && exchange_must_close(world.exchange));
        assert_false(world.client.has_end);
        /* Again, and late: nothing happens. */
        exchange_abort(world.exchange, REASON_INTERNAL, NULL);
        exchange_time_out(world.exchange);
        exchange_advance(world.exchange);
        assert_int_equal(exchange_wait_limit_ms(world.exchange), 0);
        close_world();
        assert_record("\"reason\":\"request_abandoned\"");
        assert_record("\"detail\":\"gone\"");
        assert_record(i == 3 ? "\"status\":200" : "\"status\":499");
    }
}

TEST(an_abort_behind_the_end_changes_nothing)
{
    open_world();
    start(GET);
    backend_answers(0, 200, "");
    (void)turn();
    exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    assert_false(exchange_is_broken(world.exchange));
    close_world();
    assert_record("\"reason\":\"none\"");
}

TEST(each_exchange_has_a_trace_id_of_its_own)
{
    static const char name[] = "X-AppGW-Trace-Id: ";
    const char *ids[2];

    open_world();
    for (size_t i = 0; i < COUNT(ids); i++) {
        if (i > 0)
            end_exchange();
        start(GET);
        (void)turn();
        ids[i] = strstr(backends[i].head, name);
        assert_non_null(ids[i]);
        ids[i] += strlen(name);
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
        exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    }
    assert_memory_not_equal(ids[0], ids[1], 32);
    close_world();
}

TEST(the_trace_of_a_client_is_that_of_its_record_and_of_its_backend)
{
    static const char id[] = "4bf92f3577b34da6a3ce929d0e0e4736";

    open_world();
    start("GET /app/x HTTP/1.1\r\nHost: main.example\r\nTracestate: a=1\r\n"
          "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\r\n\r\n");
    (void)turn();
    assert_non_null(strstr(backends[0].head, "X-AppGW-Trace-Id: 4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_non_null(strstr(backends[0].head, "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-"));
    assert_null(strstr(backends[0].head, "00f067aa0ba902b7"));
    assert_non_null(strstr(backends[0].head, "Tracestate: a=1\r\n"));
    exchange_abort(world.exchange, REASON_REQUEST_ABANDONED, NULL);
    close_world();
    assert_record(id);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(the_trace_of_a_client_is_that_of_its_record_and_of_its_backend),
        cmocka_unit_test(a_request_goes_out_and_its_answer_comes_back),
        cmocka_unit_test(a_host_of_the_backends_own_replaces_the_clients),
        cmocka_unit_test(content_goes_both_ways_as_it_comes),
        cmocka_unit_test(no_more_content_moves_than_there_is_room_for),
        cmocka_unit_test(an_answer_is_not_waited_for_while_the_client_has_no_room_for_it),
        cmocka_unit_test(a_full_backend_is_waited_for_and_not_asked_again),
        cmocka_unit_test(an_answer_before_the_request_is_complete_ends_the_connection),
        cmocka_unit_test(an_early_answer_closes_although_the_request_was_completed_later),
        cmocka_unit_test(a_request_for_a_head_says_so),
        cmocka_unit_test(the_connection_closes_behind_an_exchange_that_is_drained),
        cmocka_unit_test(interim_answers_are_passed_on),
        cmocka_unit_test(a_backend_is_asked_whether_content_is_wanted),
        cmocka_unit_test(a_client_that_waits_for_the_backends_word_is_not_late),
        cmocka_unit_test(the_gateway_answers_for_a_backend_that_does_not_know_of_100),
        cmocka_unit_test(options_that_may_go_no_further_are_answered_here),
        cmocka_unit_test(a_request_that_goes_round_in_circles_is_refused),
        cmocka_unit_test(trailers_of_a_request_pass_without_what_may_not_stand_there),
        cmocka_unit_test(trailers_of_an_answer_pass_to_a_client_that_takes_them),
        cmocka_unit_test(endless_interim_answers_are_refused),
        cmocka_unit_test(a_backend_cannot_switch_protocols),
        cmocka_unit_test(the_next_address_is_tried_when_one_cannot_be_reached),
        cmocka_unit_test(a_backend_that_cannot_be_reached_at_all_is_a_bad_gateway),
        cmocka_unit_test(a_busy_backend_is_not_asked_at_its_next_address),
        cmocka_unit_test(each_address_may_take_the_whole_time_to_connect),
        cmocka_unit_test(a_kept_alive_connection_that_closed_is_replaced_once),
        cmocka_unit_test(what_may_have_been_done_is_not_asked_again),
        cmocka_unit_test(content_that_is_still_with_the_client_is_sent_again),
        cmocka_unit_test(content_that_has_left_the_client_is_not_sent_again),
        cmocka_unit_test(what_was_answered_by_a_byte_is_not_sent_again),
        cmocka_unit_test(what_was_answered_badly_is_not_sent_again),
        cmocka_unit_test(what_may_be_repeated_goes_to_the_next_endpoint_when_one_closes),
        cmocka_unit_test(what_may_not_be_repeated_is_when_nothing_of_it_has_left),
        cmocka_unit_test(an_answer_that_breaks_off_never_looks_complete),
        cmocka_unit_test(a_head_that_the_client_cannot_be_told_is_a_bad_gateway),
        cmocka_unit_test(a_client_that_sends_no_content_is_too_late),
        cmocka_unit_test(a_backend_that_does_not_answer_is_a_timeout_of_the_gateway),
        cmocka_unit_test(a_backend_that_takes_no_content_is_too_slow),
        cmocka_unit_test(a_backend_that_stops_inside_its_answer_breaks_it_off),
        cmocka_unit_test(a_client_that_takes_nothing_is_too_slow),
        cmocka_unit_test(a_client_without_room_for_a_head_is_not_answered_when_time_is_up),
        cmocka_unit_test(a_client_that_does_not_take_a_refusal_is_given_up),
        cmocka_unit_test(content_that_says_it_is_too_large_is_refused_before_any_backend_is_asked),
        cmocka_unit_test(content_that_grows_too_large_is_refused_on_the_way),
        cmocka_unit_test(malformed_content_is_refused_and_never_completed),
        cmocka_unit_test(malformed_content_behind_an_early_answer_breaks_it_off),
        cmocka_unit_test(a_client_that_goes_away_inside_its_content_is_not_answered),
        cmocka_unit_test(a_request_that_could_not_be_read_is_answered_and_closed),
        cmocka_unit_test(a_host_that_is_judged_alike_is_served_on_the_connection),
        cmocka_unit_test(a_host_that_is_judged_differently_is_misdirected),
        cmocka_unit_test(a_host_that_nobody_serves_is_not_found),
        cmocka_unit_test(a_path_without_a_route_is_not_found),
        cmocka_unit_test(the_connection_closes_behind_a_refusal_of_a_request_with_content),
        cmocka_unit_test(a_connection_field_that_names_ours_is_refused),
        cmocka_unit_test(who_is_accepted_is_named_in_the_record),
        cmocka_unit_test(who_is_refused_reaches_no_backend),
        cmocka_unit_test(who_shows_nothing_is_refused_where_a_certificate_is_required),
        cmocka_unit_test(who_is_refused_does_not_learn_which_routes_there_are),
        cmocka_unit_test(a_demand_without_rules_refuses),
        cmocka_unit_test(who_waited_is_judged_again_before_a_byte_goes_out),
        cmocka_unit_test(who_is_sent_again_is_judged_again),
        cmocka_unit_test(who_is_accepted_still_is_not_disturbed),
        cmocka_unit_test(who_is_accepted_no_longer_is_answered_while_nothing_was),
        cmocka_unit_test(an_answer_that_has_begun_breaks_off_when_its_client_is_accepted_no_longer),
        cmocka_unit_test(who_waits_for_a_backend_is_judged_again_too),
        cmocka_unit_test(who_was_refused_or_has_its_answer_is_not_judged_again),
        cmocka_unit_test(a_judgement_holds_until_the_certificate_ends),
        cmocka_unit_test(who_is_judged_again_is_judged_by_the_configuration_of_now),
        cmocka_unit_test(who_waited_past_a_change_of_the_configuration_is_judged_by_both),
        cmocka_unit_test(an_abort_in_any_state_leaves_one_record),
        cmocka_unit_test(an_abort_behind_the_end_changes_nothing),
        cmocka_unit_test(each_exchange_has_a_trace_id_of_its_own));
}
