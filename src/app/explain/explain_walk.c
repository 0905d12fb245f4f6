/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_walk_internal.h.
 */
#include "app/explain/explain_walk_internal.h"

#include <string.h>

#include "gateway/identity/verdict.h"
#include "protocol/http/http_read.h"
#include "runtime/arena.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { REQUEST_ARENA_BYTES = 256 * 1024, WAIT_MS_MAX = 30000 };

/* ---- what the configuration says ---- */

const struct listener_settings *explain_find_listener(const struct generation *generation,
                                                      const struct listener *listener)
{
    const struct generation_settings *settings = generation_get_settings(generation);

    for (size_t i = 0; i < settings->listener_count; i++) {
        if (strcmp(settings->listeners[i].name, listener->name) == 0)
            return &settings->listeners[i];
    }
    return NULL;
}

const struct route_settings *explain_find_route(const struct generation *generation,
                                                const struct listener *listener,
                                                const struct route *route)
{
    const struct listener_settings *settings = explain_find_listener(generation, listener);

    for (size_t i = 0; settings != NULL && route != NULL && i < settings->route_count; i++) {
        if (strcmp(settings->routes[i].match.name, route->name) == 0)
            return &settings->routes[i];
    }
    return NULL;
}

const struct trust_profile_settings *explain_find_trust(const struct generation *generation,
                                                        const struct judging_context *context)
{
    for (size_t i = 0; context != NULL && i < generation_trust_count(generation); i++) {
        if (generation_trust(generation, i) == context)
            return generation_trust_settings(generation, i);
    }
    return NULL;
}

/* Is a certificate asked for? When the listener or any of its routes has a use for one. */
static bool asks(const struct generation *generation, const struct listener *listener)
{
    const struct listener_settings *settings = explain_find_listener(generation, listener);

    if (listener->demand.mode != CLIENT_CERTIFICATE_NONE)
        return true;
    for (size_t i = 0; settings != NULL && i < settings->route_count; i++) {
        const struct client_certificate_settings *own = &settings->routes[i].client_certificate;

        if (own->has_mode && own->mode != CLIENT_CERTIFICATE_NONE)
            return true;
    }
    return false;
}

/* ---- the handshake ---- */

/* Before possession is proven nothing is asked for, and what is pending is left to the request. */
static enum reason judge_chain(const struct authentication_demand *demand,
                               struct presented_certificate *presented,
                               const struct authentication_stores *stores, int64_t now)
{
    struct verdict *verdict =
        verdict_store_judge(stores->verdicts, demand->context, presented, now);
    enum reason reason = verdict_reason(verdict);
    struct revocation_result revocation;

    if (verdict_is_accepted(verdict)) {
        revocation = verdict_check_revocation(verdict, judging_context_revocation(demand->context),
                                              stores->revocation, REVOCATION_UNPROVEN, now);
        if (revocation.status != REVOCATION_GOOD && revocation.status != REVOCATION_PENDING)
            reason = revocation.reason;
    }
    verdict_release(verdict);
    return reason;
}

/* Only a listener that refuses by alert refuses here. */
static enum reason shake_hands(const struct listener *listener,
                               struct presented_certificate *presented,
                               const struct authentication_stores *stores, int64_t now)
{
    const struct authentication_demand *demand = &listener->demand;

    if (listener->on_failure != CLIENT_CERTIFICATE_ON_FAILURE_ALERT || demand->context == NULL)
        return REASON_NONE;
    if (presented != NULL)
        return judge_chain(demand, presented, stores, now);
    return demand->mode == CLIENT_CERTIFICATE_REQUIRED ? REASON_CERTIFICATE_MISSING : REASON_NONE;
}

/* ---- a client and a backend that are not there ---- */

struct stage {
    struct buffer *backend_head;
    bool is_forwarded;
    bool is_answered; /* by the gateway, and not by a refusal */
};

static enum client_io read_nothing(void *client, size_t max, struct slice *content,
                                   enum reason *reason)
{
    (void)client;
    (void)max;
    (void)content;
    (void)reason;
    return CLIENT_IO_WAIT;
}

static struct http_fields no_client_trailers(void *client)
{
    (void)client;
    return (struct http_fields){NULL, 0};
}

static void invite_nobody(void *client)
{
    (void)client;
}

static size_t endless_room(void *client)
{
    (void)client;
    return SIZE_MAX;
}

static enum reason drop_interim(void *client, const struct http_response *response)
{
    (void)client;
    (void)response;
    return REASON_NONE;
}

static enum reason note_head(void *client, const struct http_response *response, bool close)
{
    struct stage *stage = client;

    (void)response;
    (void)close;
    stage->is_answered = true;
    return REASON_NONE;
}

static void drop_content(void *client, struct slice content)
{
    (void)client;
    (void)content;
}

static uint64_t drop_answer(void *client, const struct answer_facts *facts)
{
    (void)client;
    (void)facts;
    return 0;
}

static const struct exchange_client_operations absent_client = {
    .read_content = read_nothing,
    .trailers = no_client_trailers,
    .invite_content = invite_nobody,
    .room = endless_room,
    .send_interim = drop_interim,
    .send_head = note_head,
    .send_content = drop_content,
    .send_end = drop_content,
    .send_answer = drop_answer,
};

/* The stage stands for the connection: the exchange never looks into one. */
static struct stage *stage_of(const struct backend_connection *connection)
{
    return (struct stage *)(uintptr_t)connection;
}

static struct backend_connection *take_stage(struct backend_worker *worker,
                                             struct backend_pool *pool,
                                             struct backend_attempts *attempts,
                                             backend_ready *ready, void *owner,
                                             struct backend_failure *failure)
{
    (void)worker;
    (void)pool;
    (void)attempts;
    (void)ready;
    (void)failure;
    return owner;
}

static bool is_false(const struct backend_connection *connection)
{
    (void)connection;
    return false;
}

static enum backend_io connect_at_once(struct backend_connection *connection,
                                       struct backend_failure *failure)
{
    (void)connection;
    (void)failure;
    return BACKEND_IO_DONE;
}

static void keep_head(struct backend_connection *connection, struct slice head,
                      enum http_framing framing, bool is_head)
{
    struct stage *stage = stage_of(connection);

    (void)framing;
    (void)is_head;
    stage->is_forwarded = buffer_append(stage->backend_head, head);
}

static size_t no_backend_room(const struct backend_connection *connection)
{
    (void)connection;
    return 0;
}

static void drop_backend_content(struct backend_connection *connection, struct slice content)
{
    (void)connection;
    (void)content;
}

static enum backend_io read_no_head(struct backend_connection *connection,
                                    struct http_response *response, struct backend_failure *failure)
{
    (void)connection;
    (void)response;
    (void)failure;
    return BACKEND_IO_WAIT;
}

static enum backend_io read_no_content(struct backend_connection *connection, size_t max,
                                       struct slice *content, struct backend_failure *failure)
{
    (void)connection;
    (void)max;
    (void)content;
    (void)failure;
    return BACKEND_IO_WAIT;
}

static struct http_fields no_backend_trailers(const struct backend_connection *connection)
{
    (void)connection;
    return (struct http_fields){NULL, 0};
}

static enum backend_io end_no_turn(struct backend_connection *connection, bool wants_answer)
{
    (void)connection;
    (void)wants_answer;
    return BACKEND_IO_DONE;
}

static void ignore_connection(struct backend_connection *connection)
{
    (void)connection;
}

static struct slice no_endpoint(const struct backend_connection *connection)
{
    (void)connection;
    return SLICE("");
}

static uint16_t no_port(struct backend_connection *connection)
{
    (void)connection;
    return 0;
}

static const struct backend_operations absent_backend = {
    .acquire = take_stage,
    .is_queued = is_false,
    .connected = connect_at_once,
    .is_reused = is_false,
    .send_head = keep_head,
    .room = no_backend_room,
    .send_content = drop_backend_content,
    .send_end = drop_backend_content,
    .read_head = read_no_head,
    .read_content = read_no_content,
    .trailers = no_backend_trailers,
    .end_turn = end_no_turn,
    .release = ignore_connection,
    .endpoint = no_endpoint,
    .source_port = no_port,
    .has_answered = is_false,
    .has_left = is_false,
    .blame = ignore_connection,
};

static void on_never(void *owner)
{
    (void)owner;
}

/* ---- the exchange ---- */

struct walk {
    const struct explain_workshop *workshop;
    struct explain_bench *bench;
    const struct connection_limits *limits;
    struct explain_findings findings;
    explain_visitor *visit;
    void *context;
    char *scratch;
    uint64_t trace_state[2];
    struct buffer backend_head;
};

static void visit_refusal(struct walk *walk, enum reason reason)
{
    walk->findings.reason = reason;
    walk->visit(walk->context, &walk->findings);
}

/* Once the walk has come to its end: at an answer of the gateway, or where it waits for a
 * backend's.
 */
static void visit_exchange(struct walk *walk, const struct exchange *exchange,
                           const struct stage *stage)
{
    struct exchange_decision decision = exchange_get_decision(exchange);
    bool is_allowed = stage->is_forwarded || stage->is_answered;

    walk->findings.decision = &decision;
    walk->findings.reason = is_allowed ? REASON_NONE : decision.reason;
    /* A walk that came to no end was not allowed. */
    if (!is_allowed && decision.reason == REASON_NONE)
        walk->findings.reason = REASON_INTERNAL;
    walk->findings.detail = is_allowed ? NULL : decision.detail;
    walk->findings.is_answered_here = stage->is_answered;
    walk->findings.backend_head = buffer_readable(&walk->backend_head);
    walk->visit(walk->context, &walk->findings);
}

static void wait_for_news(struct walk *walk, struct exchange *exchange)
{
    uint64_t limit = walk->limits->revocation_ms;
    uint64_t deadline = clock_monotonic_ms() + (limit < WAIT_MS_MAX ? limit : WAIT_MS_MAX);

    while (exchange_wants_revocation(exchange)) {
        uint64_t now = clock_monotonic_ms();

        if (now >= deadline) {
            walk->findings.has_waited = true;
            exchange_time_out(exchange);
            return;
        }
        /* Who waited for less than that, because its clock had stood still, waits again. */
        (void)walk->workshop->wait(walk->bench, deadline - now);
        exchange_advance(exchange);
    }
}

static void run_exchange(struct walk *walk, const struct exchange_start *start, struct stage *stage)
{
    void *memory = memory_allocate(exchange_size());
    struct exchange *exchange = exchange_init(memory, start);

    exchange_advance(exchange);
    wait_for_news(walk, exchange);
    visit_exchange(walk, exchange, stage);
    exchange_abort(exchange, REASON_INTERNAL, NULL);
    exchange_reset(exchange);
    memory_release(memory);
}

static struct exchange_environment environment_of(struct walk *walk)
{
    const struct generation *generation = walk->bench->generation;
    const char *pseudonym = generation_get_settings(generation)->pseudonym;

    return (struct exchange_environment){
        .stores = walk->bench->stores,
        .telemetry = walk->bench->telemetry,
        .backend_operations = &absent_backend,
        .owned_names = generation_owned_names(generation),
        .pseudonym = pseudonym == NULL ? SLICE("explain") : slice_from_text(pseudonym),
        .request_content_bytes_max = walk->limits->request_content_bytes,
        .request_idle_ms = walk->limits->request_idle_ms,
        .response_idle_ms = walk->limits->response_idle_ms,
        .revocation_wait_ms = walk->limits->revocation_ms,
        .scratch = walk->scratch,
        .scratch_bytes = EXCHANGE_SCRATCH_BYTES,
        .trace_state = walk->trace_state,
        .decision_time = walk->findings.question->time,
    };
}

static void request(struct walk *walk, struct arena *arena)
{
    const struct explain_question *question = walk->findings.question;
    const struct http_limits limits = {
        .head_bytes = walk->limits->request_header_bytes,
        .target_bytes = walk->limits->request_target_bytes,
        .fields = walk->limits->request_header_count,
    };
    struct http_read_progress progress = {0};
    struct http_request read_request;
    struct http_read read =
        http_read_request(question->head, &limits, &progress, arena, &read_request);
    struct exchange_environment environment = environment_of(walk);
    struct exchange_connection_facts connection = {
        .group = question->group,
        .listener = walk->findings.connected,
        .presented = walk->findings.is_asked ? question->presented : NULL,
        .peer = question->source,
        .listener_port = socket_address_port(listener_group_address(question->group)),
    };
    struct stage stage = {.backend_head = &walk->backend_head};
    struct exchange_start start = {
        .environment = &environment,
        .client_operations = &absent_client,
        .client = &stage,
        .connection = &connection,
        .ready = on_never,
        .request = read.outcome == HTTP_READ_COMPLETE ? &read_request : NULL,
        .refusal = REASON_NONE,
        .started_wall_ms = clock_wall_ms(),
        .started_us = clock_monotonic_us(),
    };

    walk->findings.request = start.request;
    if (start.request == NULL) {
        /* All of it is here: what is incomplete is larger than a head may be. */
        start.refusal =
            read.outcome == HTTP_READ_REFUSED ? read.reason : REASON_REQUEST_HEADER_MALFORMED;
        start.refusal_detail = read.outcome == HTTP_READ_REFUSED ? read.detail : NULL;
    }
    run_exchange(walk, &start, &stage);
}

void explain_walk(const struct explain_workshop *workshop, struct explain_bench *bench,
                  const struct explain_question *question, explain_visitor *visit, void *context)
{
    const struct listener *connected = listener_group_find(question->group, question->server_name);
    int64_t now = question->time == 0 ? clock_wall_seconds() : question->time;
    char *arena_memory = memory_allocate(REQUEST_ARENA_BYTES);
    char *head_memory = memory_allocate(EXCHANGE_SCRATCH_BYTES);
    struct arena arena;
    struct walk walk = {
        .workshop = workshop,
        .bench = bench,
        .limits = &generation_get_settings(bench->generation)->limits,
        .visit = visit,
        .context = context,
        .scratch = memory_allocate(EXCHANGE_SCRATCH_BYTES),
        .trace_state = {1, 2},
    };

    if (connected == NULL)
        connected = listener_group_first(question->group);
    arena_init(&arena, arena_memory, REQUEST_ARENA_BYTES);
    buffer_init(&walk.backend_head, head_memory, EXCHANGE_SCRATCH_BYTES);
    walk.findings = (struct explain_findings){
        .question = question,
        .generation = bench->generation,
        .connected = connected,
        .is_asked = asks(bench->generation, connected),
    };
    walk.findings.handshake = shake_hands(
        connected, walk.findings.is_asked ? question->presented : NULL, &bench->stores, now);
    if (walk.findings.handshake == REASON_NONE)
        request(&walk, &arena);
    else
        visit_refusal(&walk, walk.findings.handshake);
    memory_release(walk.scratch);
    memory_release(head_memory);
    memory_release(arena_memory);
}
