/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk, as a state machine. Each state is a row of `states`: what it does, how long it may
 * wait, where it may lead. Only enter() changes the state. A state function returns AGAIN to go on
 * at once, WAIT until something happens, or FINISHED.
 */
#include "gateway/exchange/exchange.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/exchange/admission_internal.h"
#include "gateway/exchange/rejudgement_internal.h"
#include "gateway/routing/routing.h"
#include "protocol/http/http_forwarded_for.h"
#include "protocol/http/http_trace.h"
#include "protocol/http/http_write.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/clock.h"

enum exchange_state {
    EXCHANGE_DECIDING,
    EXCHANGE_AUTHENTICATING,
    EXCHANGE_CONNECTING,
    EXCHANGE_RELAYING,
    EXCHANGE_ANSWERING,
    EXCHANGE_REPORTING,
    EXCHANGE_FINISHED,
    EXCHANGE_STATES
};

enum step { STEP_WAIT, STEP_AGAIN, STEP_FINISHED };

enum exchange_limit { LIMIT_NONE, LIMIT_REVOCATION, LIMIT_CONNECT, LIMIT_RELAY, LIMIT_ANSWER };

/* One direction of relaying. */
struct pump {
    bool is_done;
    bool has_begun; /* of the response: its head went to the client */
    uint64_t bytes;
};

enum {
    INTERIM_RESPONSES_MAX = 16, /* 1xx before one final response */
    CONTENT_PIECE_BYTES = 16 * 1024,
    CONTENT_ROOM_BYTES = 16 * 1024, /* less is not worth a system call */
    CHUNK_OVERHEAD_BYTES = 64,      /* room kept for what framing adds to a piece of content */
    SENT_AGAIN_MAX = 3, /* a request that endpoints close upon is not shown to all of them */
    SCRATCH_ARENA_BYTES = 16 * 1024,
    HEAD_ROOM_BYTES = 80 * 1024, /* before a response's head, or an answer, is begun */
    CONTENT_TYPE_BYTES_MAX = 64, /* for the log */
    STATUS_CONTINUE = 100,
    STATUS_SWITCHING_PROTOCOLS = 101,
    STATUS_OK = 200,
    STATUS_NO_CONTENT = 204,
    US_OF_MS = 1000,
    STATUS_CLIENT_GONE = 499, /* for the log only: nobody is there to be answered */
};

struct exchange {
    enum exchange_state state;
    struct exchange_start start;
    struct exchange_environment *environment;
    const struct http_request *request;
    const struct listener *listener;
    const struct route *route;
    struct authentication authentication;
    struct admission admission;
    struct rejudgement rejudged; /* the last time, of those after the first */
    uint64_t judging_since_us;   /* how long it has been pending; 0: it is not */
    int64_t holds_until;         /* what the request was let through by */
    struct backend_connection *backend;
    struct backend_attempts attempts;
    struct backend_failure last_failure; /* of an attempt that another one followed */
    unsigned sent_again;
    bool is_queued;         /* when it was last looked at */
    bool has_waited;        /* since the client was last authenticated */
    bool has_no_time;       /* revocation was waited for long enough */
    bool ends_here;         /* a request for what the gateway itself can do */
    bool wants_client_room; /* it stopped for lack of room, not of input */
    bool wants_backend_room;
    bool draining;
    bool must_close;
    bool is_broken;
    struct pump request_pump;
    struct pump response_pump;
    struct http_response response; /* the backend's, while its connection is ours */
    unsigned interim_responses;
    unsigned status;
    unsigned backend_status;
    uint64_t sent_us;     /* when the backend had the head */
    uint64_t answered_us; /* when its answer began */
    enum reason reason;
    const char *detail;
    size_t stripped;
    bool awaits_continue; /* the backend was asked, and so was the client told to wait */
    uint64_t progress;
    char endpoint[SOCKET_ADDRESS_TEXT_SIZE];
    size_t endpoint_size;
    uint16_t source_port;
    char content_type[CONTENT_TYPE_BYTES_MAX]; /* of the backend's answer */
    size_t content_type_size;
    struct http_trace trace;
    struct ip_address client; /* who made the request, as far as it can be trusted */
    bool trusts_peer;         /* a trusted proxy is at the other end of the connection */
    char client_text[SOCKET_ADDRESS_TEXT_SIZE]; /* as a trusted proxy named it; else empty */
};

static enum step decide(struct exchange *exchange);
static enum step authenticate_client(struct exchange *exchange);
static enum step connect_backend(struct exchange *exchange);
static enum step relay(struct exchange *exchange);
static enum step answer(struct exchange *exchange);
static enum step report(struct exchange *exchange);

#define TO(state) (1u << (state))

struct state_row {
    const char *name;
    enum step (*run)(struct exchange *exchange);
    enum exchange_limit limit;
    unsigned leads_to;
};

/* clang-format off */
static const struct state_row states[EXCHANGE_STATES] = {
    /* name, what it does, how long it may wait,
     *     where it may lead */
    [EXCHANGE_DECIDING] = {"deciding", decide, LIMIT_NONE,
        TO(EXCHANGE_AUTHENTICATING) | TO(EXCHANGE_ANSWERING) | TO(EXCHANGE_REPORTING)},
    [EXCHANGE_AUTHENTICATING] = {"authenticating", authenticate_client, LIMIT_REVOCATION,
        TO(EXCHANGE_CONNECTING) | TO(EXCHANGE_ANSWERING) | TO(EXCHANGE_REPORTING)},
    [EXCHANGE_CONNECTING] = {"connecting", connect_backend, LIMIT_CONNECT,
        TO(EXCHANGE_AUTHENTICATING) | TO(EXCHANGE_RELAYING) | TO(EXCHANGE_ANSWERING) |
        TO(EXCHANGE_REPORTING)},
    [EXCHANGE_RELAYING] = {"relaying", relay, LIMIT_RELAY,
        TO(EXCHANGE_CONNECTING) | TO(EXCHANGE_ANSWERING) | TO(EXCHANGE_REPORTING)},
    [EXCHANGE_ANSWERING] = {"answering", answer, LIMIT_ANSWER,
        TO(EXCHANGE_REPORTING)},
    [EXCHANGE_REPORTING] = {"reporting", report, LIMIT_NONE,
        TO(EXCHANGE_FINISHED)},
    [EXCHANGE_FINISHED] = {"finished", NULL, LIMIT_NONE,
        0},
};
/* clang-format on */

static enum step enter(struct exchange *exchange, enum exchange_state state)
{
    assert((states[exchange->state].leads_to & TO(state)) != 0);
    exchange->state = state;
    exchange->progress++;
    return state == EXCHANGE_FINISHED ? STEP_FINISHED : STEP_AGAIN;
}

/* ---- refusals -----------------------------------------------------------------------------------
 */

static void release_backend(struct exchange *exchange)
{
    exchange->environment->backend_operations->release(exchange->backend);
    exchange->backend = NULL;
}

/* The gateway answers itself, with the status of the reason. */
static enum step answer_with(struct exchange *exchange, enum reason reason, const char *detail)
{
    exchange->reason = reason;
    exchange->detail = detail;
    return enter(exchange, EXCHANGE_ANSWERING);
}

/* Too late for an answer of our own, or nobody is there to read it: the client sees that the
 * response is not complete. */
static enum step break_off(struct exchange *exchange, enum reason reason, const char *detail)
{
    if (!exchange->response_pump.has_begun)
        exchange->status = reason_status(reason);
    exchange->reason = reason;
    exchange->detail = detail;
    exchange->is_broken = true;
    exchange->must_close = true;
    return enter(exchange, EXCHANGE_REPORTING);
}

static enum step refuse(struct exchange *exchange, enum reason reason, const char *detail)
{
    if (exchange->response_pump.has_begun || reason_status(reason) == STATUS_CLIENT_GONE)
        return break_off(exchange, reason, detail);
    return answer_with(exchange, reason, detail);
}

/* ---- deciding
 * ------------------------------------------------------------------------------------ */

/* Seconds since 1970. */
static int64_t decision_time(const struct exchange *exchange)
{
    int64_t imagined = exchange->environment->decision_time;

    return imagined == 0 ? clock_wall_seconds() : imagined;
}

/* The certificate of the connection, judged for this demand; what was judged before is forgotten.
 */
static enum reason authenticate(struct exchange *exchange)
{
    const struct authentication_demand *demand =
        exchange->route == NULL ? &exchange->listener->demand : &exchange->route->plan->demand;
    const struct exchange_connection_facts *connection = exchange->start.connection;
    const struct authentication_stores *stores = &exchange->environment->stores;

    authentication_reset(&exchange->authentication);
    exchange->authentication =
        exchange->has_no_time
            ? authentication_check_finally(demand, connection->presented, stores,
                                           decision_time(exchange))
            : authentication_check(demand, connection->presented, stores, decision_time(exchange));
    exchange->has_waited = false;
    return exchange->authentication.reason;
}

static enum step refuse_client(struct exchange *exchange, enum reason reason)
{
    const char *detail = exchange->authentication.revocation.detail;
    bool is_of_policy = exchange->authentication.reason == REASON_NONE;

    if (exchange->rejudged.reason != REASON_NONE)
        return answer_with(exchange, reason, exchange->rejudged.detail);
    return answer_with(exchange, reason, is_of_policy || detail[0] == '\0' ? NULL : detail);
}

/* Is there time to wait for what is not known of revocation? */
static bool has_time(const struct exchange *exchange)
{
    uint64_t limit_us = exchange->environment->revocation_wait_ms * US_OF_MS;

    return exchange->judging_since_us == 0 ||
           clock_monotonic_us() - exchange->judging_since_us < limit_us;
}

static enum reason rejudge(struct exchange *exchange, const struct exchange_present *present,
                           bool may_wait)
{
    const struct rejudgement_subject subject = {
        .connection = exchange->start.connection,
        .request = exchange->request,
        .client = exchange->client,
        .environment = exchange->environment,
        .route = exchange->route,
        .has_time = may_wait,
    };

    exchange->rejudged = rejudgement_of(&subject, present);
    exchange->holds_until = exchange->rejudged.holds_until;
    return exchange->rejudged.reason;
}

/* A wait may have outlived the configuration under which the request came. */
static enum reason admit_at_present(struct exchange *exchange)
{
    struct exchange_present present;

    if (exchange->start.present == NULL)
        return REASON_NONE;
    present = exchange->start.present(exchange->start.client);
    if (present.environment == exchange->environment)
        return REASON_NONE;
    return rejudge(exchange, &present, false);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* May the client make this request of the route? Asked once more after each wait, as a whole. */
static enum reason admit(struct exchange *exchange)
{
    enum reason reason = authenticate(exchange);
    struct policy_request request = {
        .authentication = &exchange->authentication,
        .presented = exchange->start.connection->presented,
        .http = exchange->request,
        .source = exchange->client,
        .now = decision_time(exchange),
    };

    exchange->admission = (struct admission){.is_decided = false};
    if (reason != REASON_NONE || exchange->route == NULL)
        return reason;
    request.demand = &exchange->route->plan->demand;
    exchange->holds_until = earlier(authentication_holds_until(&exchange->authentication),
                                    admission_holds_until(exchange->route->plan, &request));
    reason = admission_decide(exchange->route->plan, &request, &exchange->admission);
    return reason == REASON_NONE ? admit_at_present(exchange) : reason;
}

/* Which listener serves the request's host? A host of another listener is served on this connection
 * only when both judge clients alike (DESIGN: one look-up for SNI and Host). */
static enum reason choose_listener(struct exchange *exchange)
{
    const struct exchange_connection_facts *connection = exchange->start.connection;
    const struct listener *found = listener_group_find(connection->group, exchange->request->host);

    if (found == NULL)
        return REASON_HOST_NOT_FOUND;
    if (found != connection->listener &&
        memcmp(found->digest, connection->listener->digest, LISTENER_DIGEST_BYTES) != 0)
        return REASON_REQUEST_MISDIRECTED;
    exchange->listener = found;
    return REASON_NONE;
}

/* Our peer, or whom a trusted proxy names. */
static enum reason find_client(struct exchange *exchange)
{
    const struct ip_address *peer = &exchange->start.connection->peer;
    struct http_forwarded_for forwarded;

    exchange->trusts_peer = address_set_has(exchange->listener->trusted_proxies, peer);
    if (!exchange->trusts_peer)
        return REASON_NONE;
    switch (http_forwarded_for_read(&exchange->request->fields, exchange->listener->trusted_proxies,
                                    &forwarded)) {
    case HTTP_FORWARDED_CLIENT:
        exchange->client = forwarded.client;
        http_forwarded_address_format(&forwarded.client, forwarded.client_port,
                                      exchange->client_text);
        return REASON_NONE;
    case HTTP_FORWARDED_NOBODY:
        return REASON_NONE;
    case HTTP_FORWARDED_MALFORMED:
        break;
    }
    return REASON_FORWARDED_FOR_MALFORMED;
}

/* What the next one may believe: the client, and the proxies behind it. */
static struct slice forwarded_for(const struct exchange *exchange,
                                  char text[HTTP_FORWARDED_TEXT_MAX])
{
    const struct ip_address *peer = &exchange->start.connection->peer;
    struct http_forwarded_for forwarded;

    if (exchange->trusts_peer &&
        http_forwarded_for_read(&exchange->request->fields, exchange->listener->trusted_proxies,
                                &forwarded) == HTTP_FORWARDED_CLIENT)
        http_forwarded_for_format(&forwarded, peer, text);
    else
        ip_address_format(peer, text);
    return slice_from_text(text);
}

static bool content_is_too_large(const struct exchange *exchange, uint64_t bytes)
{
    uint64_t limit = exchange->environment->request_content_bytes_max;

    return limit != 0 && bytes > limit;
}

/* Behind an answer of our own, what was not read of the request cannot be told from a next one. */
static bool closes_behind_answer(const struct exchange *exchange)
{
    const struct http_request *request = exchange->request;

    return exchange->draining || request == NULL ||
           (request->framing != HTTP_FRAMING_NONE && !exchange->request_pump.is_done);
}

/* RFC 9110 section 7.6.2: an OPTIONS that may go no further is answered here, and ends the way of
 * whoever looks for where it goes. */
static enum step answer_options(struct exchange *exchange)
{
    const struct exchange_client_operations *client = exchange->start.client_operations;
    struct http_field allow = {SLICE("Allow"), SLICE(ANSWER_ALLOWED_METHODS)};
    const struct http_response response = {
        .version = HTTP_VERSION_1_1,
        .status = STATUS_NO_CONTENT,
        .fields = {&allow, 1},
        .framing = HTTP_FRAMING_NONE,
    };
    enum reason reason;

    exchange->must_close = closes_behind_answer(exchange);
    reason = client->send_head(exchange->start.client, &response, exchange->must_close);
    if (reason != REASON_NONE)
        return answer_with(exchange, reason, NULL);
    client->send_end(exchange->start.client, SLICE(""));
    exchange->response_pump.has_begun = true;
    exchange->status = response.status;
    return enter(exchange, EXCHANGE_REPORTING);
}

static enum step decide(struct exchange *exchange)
{
    const struct http_request *request = exchange->request;
    enum reason reason;

    if (exchange->start.refusal != REASON_NONE)
        return answer_with(exchange, exchange->start.refusal, exchange->start.refusal_detail);

    reason = rewrite_check_connection(exchange->environment->owned_names, request);
    if (reason == REASON_NONE)
        reason =
            rewrite_check_hops(request, exchange->environment->pseudonym, &exchange->ends_here);
    if (reason == REASON_NONE)
        reason = choose_listener(exchange);
    if (reason == REASON_NONE)
        reason = find_client(exchange);
    if (reason != REASON_NONE)
        return answer_with(exchange, reason, NULL);

    exchange->route = routing_match(exchange->listener->routes, request);
    return enter(exchange, EXCHANGE_AUTHENTICATING);
}

/* Again and again while revocation is pending, and again after each later wait. */
static enum step authenticate_client(struct exchange *exchange)
{
    enum reason reason = admit(exchange);

    if (exchange->authentication.is_pending)
        return STEP_WAIT;
    if (reason != REASON_NONE)
        return refuse_client(exchange, reason);
    /* Which routes exist is not for those to learn whom the listener would refuse. */
    if (exchange->route == NULL)
        return answer_with(exchange, REASON_ROUTE_NOT_FOUND, NULL);
    if (content_is_too_large(exchange, exchange->request->content_length))
        return answer_with(exchange, REASON_REQUEST_CONTENT_TOO_LARGE, NULL);
    if (exchange->ends_here)
        return answer_options(exchange);
    return enter(exchange, EXCHANGE_CONNECTING);
}

/* ---- connecting
 * ----------------------------------------------------------------------------------- */

/* Another address, while there are some that were not tried. Nothing was sent yet. */
static enum step try_next_address(struct exchange *exchange, const struct backend_failure *failure)
{
    release_backend(exchange);
    exchange->progress++; /* each address may take the whole time */
    if (failure->reason == REASON_NONE)
        return answer_with(exchange, exchange->last_failure.reason, exchange->last_failure.detail);
    if (failure->reason == REASON_BACKEND_BUSY || failure->reason == REASON_BACKEND_UNRESOLVED)
        return answer_with(exchange, failure->reason, failure->detail);
    exchange->last_failure = *failure;
    return STEP_AGAIN;
}

/* RFC 9110 section 10.1.1: whether content is wanted is for the backend to say, unless it was
 * configured as one that does not. */
static bool asks_backend_to_continue(const struct exchange *exchange)
{
    return exchange->request->expects_continue &&
           backend_pool_settings(exchange->route->plan->pool)->expect == BACKEND_EXPECT_FORWARD;
}

static enum reason write_outgoing_head(struct exchange *exchange, struct buffer *head)
{
    struct exchange_environment *environment = exchange->environment;
    const struct route_plan *plan = exchange->route->plan;
    const struct exchange_connection_facts *connection = exchange->start.connection;
    char forwarded[HTTP_FORWARDED_TEXT_MAX];
    struct arena arena;
    struct rewrite_request_facts facts = {
        .forwarded_for = forwarded_for(exchange, forwarded),
        .trusts_peer = exchange->trusts_peer,
        .listener_port = connection->listener_port,
        .trace_id = exchange->trace.id,
        .trace = &exchange->trace,
        .pseudonym = environment->pseudonym,
        .expects_continue = asks_backend_to_continue(exchange),
        .host = plan->host == NULL ? exchange->request->authority : slice_from_text(plan->host),
        .authentication = &exchange->authentication,
        .user = admission_user(&exchange->admission),
        .mode = plan->demand.mode,
        .presented = plan->demand.mode == CLIENT_CERTIFICATE_NONE ? NULL : connection->presented,
        .arena = &arena,
    };

    arena_init(&arena, environment->scratch, SCRATCH_ARENA_BYTES);
    buffer_init(head, environment->scratch + SCRATCH_ARENA_BYTES,
                environment->scratch_bytes - SCRATCH_ARENA_BYTES);
    exchange->stripped = 0;
    return rewrite_request_head(plan->rewrite, exchange->request, &facts, head,
                                &exchange->stripped);
}

/* The first byte to a backend goes out behind a judgement that is no older than the last wait. */
static enum step send_request(struct exchange *exchange)
{
    const struct backend_operations *operations = exchange->environment->backend_operations;
    struct buffer head;
    enum reason reason = REASON_NONE;

    if (exchange->has_waited)
        reason = admit(exchange);
    if (reason != REASON_NONE) {
        release_backend(exchange);
        if (exchange->authentication.is_pending)
            return enter(exchange, EXCHANGE_AUTHENTICATING);
        return refuse_client(exchange, reason);
    }
    reason = write_outgoing_head(exchange, &head);
    if (reason != REASON_NONE) {
        release_backend(exchange);
        return answer_with(exchange, reason, NULL);
    }
    operations->send_head(exchange->backend, buffer_readable(&head), exchange->request->framing,
                          exchange->request->is_head);
    exchange->source_port = operations->source_port(exchange->backend);
    exchange->sent_us = clock_monotonic_us();
    exchange->answered_us = 0;
    if (exchange->request->framing == HTTP_FRAMING_NONE) {
        operations->send_end(exchange->backend, SLICE(""));
        exchange->request_pump.is_done = true;
    } else if (asks_backend_to_continue(exchange)) {
        exchange->awaits_continue = true;
    } else {
        exchange->start.client_operations->invite_content(exchange->start.client);
    }
    return enter(exchange, EXCHANGE_RELAYING);
}

static void remember_endpoint(struct exchange *exchange)
{
    struct slice endpoint = exchange->environment->backend_operations->endpoint(exchange->backend);

    endpoint = slice_first(endpoint, sizeof(exchange->endpoint));
    memcpy(exchange->endpoint, endpoint.data, endpoint.size);
    exchange->endpoint_size = endpoint.size;
}

/* Connecting may take its whole time, whatever the queue has taken. */
static void leave_queue(struct exchange *exchange)
{
    bool is_queued = exchange->environment->backend_operations->is_queued(exchange->backend);

    if (exchange->is_queued != is_queued)
        exchange->progress++;
    exchange->is_queued = is_queued;
}

static enum step connect_backend(struct exchange *exchange)
{
    const struct backend_operations *operations = exchange->environment->backend_operations;
    struct backend_failure failure = {REASON_INTERNAL, NULL};

    if (exchange->backend == NULL) {
        exchange->backend = operations->acquire(
            exchange->environment->backends, exchange->route->plan->pool, &exchange->attempts,
            exchange->start.ready, exchange->start.client, &failure);
        if (exchange->backend == NULL)
            return try_next_address(exchange, &failure);
    }
    leave_queue(exchange);
    switch (operations->connected(exchange->backend, &failure)) {
    case BACKEND_IO_DONE:
        remember_endpoint(exchange);
        return send_request(exchange);
    case BACKEND_IO_WAIT:
        exchange->has_waited = true;
        return STEP_WAIT;
    case BACKEND_IO_FAILED:
    case BACKEND_IO_END:
        break;
    }
    remember_endpoint(exchange);
    return try_next_address(exchange, &failure);
}

/* ---- relaying
 * -------------------------------------------------------------------------------------- */

/* May the request go out again, to whoever is next? No byte of an answer came, its content is all
 * still with the client, and it is idempotent (RFC 9110 section 9.2.2) or nothing of it has left.
 */
static bool may_send_again(const struct exchange *exchange)
{
    const struct backend_operations *operations = exchange->environment->backend_operations;

    return exchange->sent_again < SENT_AGAIN_MAX && !operations->has_answered(exchange->backend) &&
           exchange->request_pump.bytes == 0 &&
           (http_method_is_idempotent(exchange->request->method) ||
            !operations->has_left(exchange->backend));
}

static enum step backend_failed(struct exchange *exchange, const struct backend_failure *failure)
{
    if (failure->reason == REASON_BACKEND_CLOSED && !exchange->response_pump.has_begun &&
        may_send_again(exchange)) {
        release_backend(exchange);
        exchange->sent_again++;
        exchange->last_failure = *failure;
        exchange->request_pump = (struct pump){0};
        exchange->awaits_continue = false;
        exchange->has_waited = true;
        return enter(exchange, EXCHANGE_CONNECTING);
    }
    release_backend(exchange);
    return refuse(exchange, failure->reason, failure->detail);
}

/* The lines to send behind the last chunk, in the scratch memory. What may not stand there, or is
 * not wanted, is left out. */
static struct slice filter_trailers(struct exchange *exchange, const struct http_fields *head,
                                    const struct http_fields *trailers, size_t *stripped)
{
    const struct exchange_environment *environment = exchange->environment;
    struct buffer lines;

    *stripped = 0;
    if (trailers->count == 0)
        return SLICE("");
    buffer_init(&lines, environment->scratch, environment->scratch_bytes);
    if (!rewrite_trailers(environment->owned_names, head, trailers, &lines, stripped))
        return SLICE("");
    return buffer_readable(&lines);
}

static void end_request(struct exchange *exchange)
{
    struct http_fields trailers =
        exchange->start.client_operations->trailers(exchange->start.client);
    size_t stripped;
    struct slice lines =
        filter_trailers(exchange, &exchange->request->fields, &trailers, &stripped);

    exchange->environment->backend_operations->send_end(exchange->backend, lines);
    exchange->stripped += stripped;
    exchange->request_pump.is_done = true;
}

/* False: the client has no room for the trailers yet. */
static bool end_response(struct exchange *exchange)
{
    const struct exchange_client_operations *client = exchange->start.client_operations;
    struct http_fields trailers =
        exchange->environment->backend_operations->trailers(exchange->backend);
    size_t stripped = 0;
    struct slice lines = SLICE("");

    if (rewrite_accepts_trailers(exchange->request))
        lines = filter_trailers(exchange, &exchange->response.fields, &trailers, &stripped);
    if (client->room(exchange->start.client) < lines.size + CHUNK_OVERHEAD_BYTES)
        return false;
    client->send_end(exchange->start.client, lines);
    exchange->stripped += stripped;
    exchange->response_pump.is_done = true;
    return true;
}

/* Client to backend. */
static enum step pump_request(struct exchange *exchange)
{
    const struct exchange_client_operations *client = exchange->start.client_operations;
    const struct backend_operations *backend = exchange->environment->backend_operations;

    while (!exchange->request_pump.is_done) {
        size_t room = backend->room(exchange->backend);
        struct slice content = {NULL, 0};
        enum reason reason = REASON_INTERNAL;

        if (room == 0) {
            exchange->wants_backend_room = true;
            return STEP_WAIT;
        }
        if (room > CONTENT_PIECE_BYTES)
            room = CONTENT_PIECE_BYTES;
        switch (client->read_content(exchange->start.client, room, &content, &reason)) {
        case CLIENT_IO_WAIT:
            return STEP_WAIT;
        case CLIENT_IO_FAILED:
            release_backend(exchange);
            return refuse(exchange, reason, NULL);
        case CLIENT_IO_END:
            end_request(exchange);
            break;
        case CLIENT_IO_DATA:
            exchange->awaits_continue = false;
            exchange->request_pump.bytes += content.size;
            if (content_is_too_large(exchange, exchange->request_pump.bytes)) {
                release_backend(exchange);
                return refuse(exchange, REASON_REQUEST_CONTENT_TOO_LARGE, NULL);
            }
            backend->send_content(exchange->backend, content);
            break;
        }
        exchange->progress++;
    }
    return STEP_AGAIN;
}

/* For what comes next of the response: its head, or some content. */
static bool client_has_room(const struct exchange *exchange)
{
    size_t room = exchange->start.client_operations->room(exchange->start.client);

    return exchange->response_pump.has_begun ? room >= CONTENT_ROOM_BYTES : room >= HEAD_ROOM_BYTES;
}

static void remember_content_type(struct exchange *exchange, const struct http_response *response)
{
    const struct http_field *field = http_fields_find(&response->fields, SLICE("Content-Type"));
    struct slice type;

    if (field == NULL)
        return;
    type = slice_first(field->value, sizeof(exchange->content_type));
    memcpy(exchange->content_type, type.data, type.size);
    exchange->content_type_size = type.size;
}

/* RFC 9110 section 15.2: a proxy passes on what it has not asked for itself. "100 Continue" is for
 * a client that waits for it; invite_content knows whether it does. */
static enum reason pass_interim(struct exchange *exchange, const struct http_response *response,
                                const char **detail)
{
    const struct exchange_client_operations *client = exchange->start.client_operations;

    *detail = NULL;
    if (++exchange->interim_responses > INTERIM_RESPONSES_MAX)
        *detail = "endless interim responses";
    if (response->status == STATUS_SWITCHING_PROTOCOLS)
        *detail = "switched protocols unasked";
    if (*detail != NULL)
        return REASON_BACKEND_RESPONSE_MALFORMED;
    if (response->status != STATUS_CONTINUE)
        return client->send_interim(exchange->start.client, response);
    exchange->awaits_continue = false;
    client->invite_content(exchange->start.client);
    return REASON_NONE;
}

/* DONE: the head of the answer that counts is in `exchange->response`. */
static enum backend_io read_final_head(struct exchange *exchange, struct backend_failure *failure)
{
    const struct backend_operations *backend = exchange->environment->backend_operations;
    struct http_response *response = &exchange->response;

    for (;;) {
        enum backend_io io;

        if (!client_has_room(exchange)) {
            exchange->wants_client_room = true;
            return BACKEND_IO_WAIT;
        }
        io = backend->read_head(exchange->backend, response, failure);
        if (io != BACKEND_IO_DONE)
            return io;
        exchange->progress++;
        if (response->status >= STATUS_OK)
            return BACKEND_IO_DONE;
        failure->reason = pass_interim(exchange, response, &failure->detail);
        if (failure->reason != REASON_NONE)
            return BACKEND_IO_FAILED;
    }
}

/* AGAIN: the response has begun. */
static enum step begin_response(struct exchange *exchange)
{
    const struct exchange_client_operations *client = exchange->start.client_operations;
    struct backend_failure failure = {REASON_BACKEND_RESPONSE_MALFORMED, NULL};
    const struct http_response *response = &exchange->response;
    enum backend_io io = read_final_head(exchange, &failure);
    enum reason reason;

    if (io == BACKEND_IO_WAIT)
        return STEP_WAIT;
    if (io != BACKEND_IO_DONE)
        return backend_failed(exchange, &failure);

    exchange->awaits_continue = false;
    exchange->answered_us = clock_monotonic_us();
    exchange->backend_status = response->status;
    /* An answer that comes before the request is complete ends the connection behind it: whatever
     * of the request is still under way cannot be told from a next one. */
    exchange->must_close = exchange->draining || !exchange->request_pump.is_done;
    reason = client->send_head(exchange->start.client, response, exchange->must_close);
    if (reason != REASON_NONE) {
        release_backend(exchange);
        return answer_with(exchange, reason, NULL);
    }
    remember_content_type(exchange, response);
    exchange->status = response->status;
    exchange->response_pump.has_begun = true;
    return STEP_AGAIN;
}

/* Backend to client. */
static enum step pump_response(struct exchange *exchange)
{
    const struct exchange_client_operations *client = exchange->start.client_operations;
    const struct backend_operations *backend = exchange->environment->backend_operations;

    if (!exchange->response_pump.has_begun) {
        enum step step = begin_response(exchange);

        if (!exchange->response_pump.has_begun)
            return step;
    }
    while (!exchange->response_pump.is_done) {
        struct backend_failure failure = {REASON_INTERNAL, NULL};
        size_t room = client->room(exchange->start.client);
        struct slice content = {NULL, 0};

        if (!client_has_room(exchange)) {
            exchange->wants_client_room = true;
            return STEP_WAIT;
        }
        switch (backend->read_content(exchange->backend, room - CHUNK_OVERHEAD_BYTES, &content,
                                      &failure)) {
        case BACKEND_IO_WAIT:
            return STEP_WAIT;
        case BACKEND_IO_FAILED:
            return backend_failed(exchange, &failure);
        case BACKEND_IO_END:
            if (!end_response(exchange)) {
                exchange->wants_client_room = true;
                return STEP_WAIT;
            }
            break;
        case BACKEND_IO_DONE:
            client->send_content(exchange->start.client, content);
            exchange->response_pump.bytes += content.size;
            break;
        }
        exchange->progress++;
    }
    return STEP_AGAIN;
}

static enum step relay(struct exchange *exchange)
{
    enum step step;

    (void)pump_request(exchange);
    if (exchange->state != EXCHANGE_RELAYING)
        return STEP_AGAIN;
    step = pump_response(exchange);
    if (exchange->state != EXCHANGE_RELAYING)
        return STEP_AGAIN;
    if (!exchange->response_pump.is_done)
        return step == STEP_AGAIN ? STEP_WAIT : step;
    if (!exchange->request_pump.is_done)
        exchange->must_close = true;
    release_backend(exchange);
    return enter(exchange, EXCHANGE_REPORTING);
}

/* ---- answering and reporting
 * ------------------------------------------------------------------------ */

/* May the connection serve another request behind this refusal? Only when the request was read to
 * its end and nothing about the client itself was refused. */
static bool closes_behind(const struct exchange *exchange)
{
    if (exchange->must_close || closes_behind_answer(exchange))
        return true;
    switch (reason_status(exchange->reason)) {
    case 403:
    case 404:
    case 502:
    case 503:
    case 504:
        return false;
    default:
        return true;
    }
}

static enum step answer(struct exchange *exchange)
{
    const struct listener *listener = exchange->listener;
    struct answer_facts facts = {
        .reason = exchange->reason,
        .server_token = listener->server_token,
        .trace_id = exchange->trace.id,
        .generic = reason_is_certificate(exchange->reason) &&
                   listener->error_detail == CLIENT_CERTIFICATE_DETAIL_GENERIC,
        .close = closes_behind(exchange),
        .pseudonym = exchange->environment->pseudonym,
        .now = clock_wall_seconds(),
        .request = exchange->request,
    };

    if (!client_has_room(exchange)) {
        exchange->wants_client_room = true;
        return STEP_WAIT;
    }
    exchange->status = reason_status(exchange->reason);
    exchange->must_close = facts.close;
    exchange->response_pump.has_begun = true;
    exchange->response_pump.bytes =
        exchange->start.client_operations->send_answer(exchange->start.client, &facts);
    return enter(exchange, EXCHANGE_REPORTING);
}

/* As the verification header would say it; empty when the walk ended before anything was judged. */
static const char *verification_name(const struct exchange *exchange, char *memory, size_t size)
{
    const struct authentication *authentication = &exchange->authentication;

    if (authentication->reason == REASON_UNDECIDED)
        return "";
    if (exchange->start.connection->presented == NULL ||
        (exchange->route != NULL && exchange->route->plan->demand.mode == CLIENT_CERTIFICATE_NONE))
        return "NONE";
    if (authentication->identity != NULL)
        return "SUCCESS";
    if (authentication->reason == REASON_NONE)
        return "PASSTHROUGH";
    (void)snprintf(memory, size, "FAILED:%s", reason_name(authentication->reason));
    return memory;
}

static void describe_certificate(struct exchange *exchange, struct exchange_record *record)
{
    struct presented_certificate *presented = exchange->start.connection->presented;
    const struct certificate_description *description;

    if (exchange->authentication.identity != NULL)
        record->principal = identity_principal(exchange->authentication.identity);
    if (presented == NULL)
        return;
    description = presented_certificate_describe(presented);
    if (description == NULL)
        return;
    record->certificate = (struct record_certificate){
        .subject = description->subject,
        .issuer = description->issuer,
        .serial = description->serial,
        .sha256 = description->sha256,
        .sha1 = description->sha1,
    };
}

static struct slice value_of(const struct http_request *request, struct slice name)
{
    const struct http_field *field = http_fields_find(&request->fields, name);

    return field == NULL ? SLICE("") : field->value;
}

static void describe_request(const struct http_request *request, struct exchange_record *record)
{
    if (request == NULL)
        return;
    record->method = request->method;
    record->host = request->authority;
    record->target = request->target;
    record->protocol = request->version == HTTP_VERSION_1_0 ? SLICE("HTTP/1.0") : SLICE("HTTP/1.1");
    record->user_agent = value_of(request, SLICE("User-Agent"));
    record->referer = value_of(request, SLICE("Referer"));
}

static void describe_route(const struct exchange *exchange, struct exchange_record *record)
{
    if (exchange->route == NULL)
        return;
    record->route = slice_from_text(exchange->route->name);
    record->mode =
        slice_from_text(client_certificate_mode_name(exchange->route->plan->demand.mode));
    record->backend = slice_from_text(backend_pool_settings(exchange->route->plan->pool)->name);
    record->endpoint = slice_from(exchange->endpoint, exchange->endpoint_size);
    record->source_port = exchange->source_port;
    record->content_type = slice_from(exchange->content_type, exchange->content_type_size);
    record->series = exchange->route->plan->series;
    admission_describe(exchange->route->plan, &exchange->admission, record);
    record->backend_host = exchange->route->plan->host == NULL
                               ? record->host
                               : slice_from_text(exchange->route->plan->host);
}

/* Only who was judged has a verdict: an accepted certificate, or what was wrong with it. */
static enum reason verdict_of(const struct exchange *exchange)
{
    const struct authentication *authentication = &exchange->authentication;

    if (authentication->reason == REASON_NONE && authentication->identity == NULL)
        return REASON_UNDECIDED;
    return authentication->reason;
}

static enum step report(struct exchange *exchange)
{
    char verification[64];
    struct exchange_record record = {
        .connection = exchange->start.connection->record,
        .started_wall_ms = exchange->start.started_wall_ms,
        .duration_us = clock_monotonic_us() - exchange->start.started_us,
        .trace_id = exchange->trace.id,
        .status = exchange->status,
        .backend_status = exchange->backend_status,
        .received_bytes = exchange->request_pump.bytes,
        .sent_bytes = exchange->response_pump.bytes,
        .reason = exchange->reason,
        .detail = slice_from_text(exchange->detail),
        .stripped_headers = exchange->stripped,
        .verdict = verdict_of(exchange),
        .trust_anchor = exchange->authentication.anchor,
        .has_trial = exchange->authentication.has_trial,
        .trial = exchange->authentication.trial_reason,
        .series = exchange->listener->series,
    };

    if (exchange->answered_us != 0) {
        record.backend_us = exchange->answered_us - exchange->sent_us;
        record.answer_us = clock_monotonic_us() - exchange->answered_us;
    }
    if (exchange->client_text[0] != '\0') {
        record.connection.peer_address = record.connection.client_address;
        record.connection.client_address = slice_from_text(exchange->client_text);
    }
    record.connection.listener = slice_from_text(exchange->listener->name);
    describe_request(exchange->request, &record);
    describe_route(exchange, &record);
    describe_certificate(exchange, &record);
    record.verification =
        slice_from_text(verification_name(exchange, verification, sizeof(verification)));
    telemetry_report_exchange(exchange->environment->telemetry, &record);
    return enter(exchange, EXCHANGE_FINISHED);
}

/* ---- the machine
 * -------------------------------------------------------------------------------------- */

/* Identifiers, not secrets: a generator (xorshift128+) of the worker's, seeded by the kernel. */
static uint64_t next_trace_word(uint64_t state[2])
{
    uint64_t a = state[0];
    uint64_t b = state[1];

    state[0] = b;
    a ^= a << 23;
    state[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
    return state[1] + b;
}

static void start_trace(struct exchange *exchange)
{
    uint64_t *state = exchange->environment->trace_state;
    uint64_t words[3] = {next_trace_word(state), next_trace_word(state), next_trace_word(state)};

    exchange->trace =
        http_trace_start(exchange->request == NULL ? NULL : &exchange->request->fields, words);
}

size_t exchange_size(void)
{
    return sizeof(struct exchange);
}

struct exchange *exchange_init(void *memory, const struct exchange_start *start)
{
    struct exchange *exchange = memory;

    memset(exchange, 0, sizeof(*exchange));
    exchange->start = *start;
    exchange->environment = start->environment;
    exchange->request = start->request;
    exchange->listener = start->connection->listener;
    exchange->draining = start->draining;
    exchange->client = start->connection->peer;
    exchange->reason = REASON_NONE;
    exchange->holds_until = INT64_MAX;
    exchange->rejudged.reason = REASON_NONE;
    start_trace(exchange);
    return exchange;
}

void exchange_advance(struct exchange *exchange)
{
    exchange->wants_client_room = false;
    exchange->wants_backend_room = false;
    while (exchange->state != EXCHANGE_FINISHED &&
           states[exchange->state].run(exchange) == STEP_AGAIN)
        continue;
}

void exchange_abort(struct exchange *exchange, enum reason reason, const char *detail)
{
    if (exchange->state == EXCHANGE_FINISHED)
        return;
    release_backend(exchange);
    if (exchange->state != EXCHANGE_REPORTING)
        (void)break_off(exchange, reason, detail);
    exchange_advance(exchange);
}

/* Who kept us waiting? */
static enum reason blame(const struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_CONNECTING)
        return exchange->is_queued ? REASON_BACKEND_QUEUE_TIMEOUT : REASON_BACKEND_CONNECT_TIMEOUT;
    if (!client_has_room(exchange))
        return REASON_CLIENT_TOO_SLOW;
    if (!exchange->request_pump.is_done && !exchange->response_pump.has_begun &&
        !exchange->awaits_continue &&
        exchange->environment->backend_operations->room(exchange->backend) > 0)
        return REASON_REQUEST_CONTENT_TIMEOUT;
    return REASON_BACKEND_RESPONSE_TIMEOUT;
}

void exchange_time_out(struct exchange *exchange)
{
    enum reason reason;

    if (states[exchange->state].limit == LIMIT_NONE)
        return;
    if (exchange->state == EXCHANGE_ANSWERING) {
        exchange_abort(exchange, REASON_CLIENT_TOO_SLOW, NULL);
        return;
    }
    if (exchange->state == EXCHANGE_AUTHENTICATING) {
        exchange->has_no_time = true;
        exchange_advance(exchange);
        return;
    }
    reason = blame(exchange);
    if (reason == REASON_BACKEND_CONNECT_TIMEOUT || reason == REASON_BACKEND_RESPONSE_TIMEOUT)
        exchange->environment->backend_operations->blame(exchange->backend);
    if (reason == REASON_BACKEND_CONNECT_TIMEOUT) {
        struct backend_failure failure = {reason, NULL};

        remember_endpoint(exchange);
        (void)try_next_address(exchange, &failure);
    } else {
        release_backend(exchange);
        (void)refuse(exchange, reason, NULL);
    }
    exchange_advance(exchange);
}

void exchange_give_up(struct exchange *exchange, enum reason reason)
{
    if (exchange->state == EXCHANGE_RELAYING) {
        release_backend(exchange);
        (void)refuse(exchange, reason, NULL);
        exchange_advance(exchange);
    } else {
        exchange_abort(exchange, reason, NULL);
    }
}

/* Between being let through and being answered, or refused, by the gateway itself. */
static bool is_let_through(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_CONNECTING || exchange->state == EXCHANGE_RELAYING;
}

bool exchange_judge_again(struct exchange *exchange, enum reason *reason)
{
    struct exchange_present present = {.environment = exchange->environment};

    if (!is_let_through(exchange))
        return false;
    if (exchange->start.present != NULL)
        present = exchange->start.present(exchange->start.client);
    *reason = rejudge(exchange, &present, has_time(exchange));
    if (!exchange->rejudged.is_pending) {
        exchange->judging_since_us = 0;
    } else {
        if (exchange->judging_since_us == 0)
            exchange->judging_since_us = clock_monotonic_us();
        exchange->holds_until = clock_wall_seconds() + 1;
    }
    if (*reason != REASON_NONE) {
        release_backend(exchange);
        (void)refuse(exchange, *reason, exchange->rejudged.detail);
    }
    return true;
}

int64_t exchange_holds_until(const struct exchange *exchange)
{
    return is_let_through(exchange) || exchange->state == EXCHANGE_FINISHED ? exchange->holds_until
                                                                            : INT64_MAX;
}

bool exchange_has_identity(const struct exchange *exchange)
{
    return exchange->authentication.identity != NULL;
}

bool exchange_end_turn(struct exchange *exchange)
{
    const struct backend_operations *backend = exchange->environment->backend_operations;

    /* While the client has no room the answer stays with the kernel, and the backend is slowed
     * down. */
    if (exchange->backend != NULL &&
        backend->end_turn(exchange->backend, client_has_room(exchange)) != BACKEND_IO_DONE)
        return exchange->wants_client_room;
    return exchange->wants_client_room || exchange->wants_backend_room;
}

bool exchange_is_finished(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_FINISHED;
}

bool exchange_must_close(const struct exchange *exchange)
{
    return exchange->must_close;
}

bool exchange_is_broken(const struct exchange *exchange)
{
    return exchange->is_broken;
}

bool exchange_awaits_content(const struct exchange *exchange)
{
    return exchange_wants_content(exchange) && !exchange->response_pump.has_begun &&
           !exchange->awaits_continue;
}

uint64_t exchange_received_bytes(const struct exchange *exchange)
{
    return exchange->request_pump.bytes;
}

bool exchange_wants_revocation(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_AUTHENTICATING;
}

bool exchange_wants_content(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_RELAYING && !exchange->request_pump.is_done &&
           exchange->backend != NULL &&
           exchange->environment->backend_operations->room(exchange->backend) > 0;
}

uint64_t exchange_wait_limit_ms(const struct exchange *exchange)
{
    const struct backend_settings *settings;
    enum reason reason;

    switch (states[exchange->state].limit) {
    case LIMIT_NONE:
        return 0;
    case LIMIT_ANSWER:
        return exchange->environment->response_idle_ms;
    case LIMIT_REVOCATION:
        return exchange->environment->revocation_wait_ms;
    case LIMIT_CONNECT:
    case LIMIT_RELAY:
        break;
    }
    settings = backend_pool_settings(exchange->route->plan->pool);
    if (states[exchange->state].limit == LIMIT_CONNECT)
        return exchange->is_queued ? settings->queue_timeout_ms : settings->connect_timeout_ms;
    reason = blame(exchange);
    if (reason == REASON_CLIENT_TOO_SLOW)
        return exchange->environment->response_idle_ms;
    if (reason == REASON_REQUEST_CONTENT_TIMEOUT)
        return exchange->environment->request_idle_ms;
    return settings->response_timeout_ms;
}

uint64_t exchange_progress(const struct exchange *exchange)
{
    return exchange->progress;
}

void exchange_drain(struct exchange *exchange)
{
    exchange->draining = true;
}

struct exchange_decision exchange_get_decision(const struct exchange *exchange)
{
    return (struct exchange_decision){
        .listener = exchange->listener,
        .route = exchange->route,
        .authentication = &exchange->authentication,
        .has_policy = exchange->admission.is_decided,
        .policy = exchange->admission.decision,
        .has_policy_trial = exchange->admission.is_tried,
        .policy_trial = exchange->admission.trial,
        .user = admission_user(&exchange->admission),
        .client = exchange->client,
        .stripped = exchange->stripped,
        .reason = exchange->reason,
        .detail = exchange->detail,
        .status = exchange->status,
    };
}

void exchange_reset(struct exchange *exchange)
{
    assert(exchange->state == EXCHANGE_FINISHED);
    authentication_reset(&exchange->authentication);
}

const char *exchange_state_name(const struct exchange *exchange)
{
    return states[exchange->state].name;
}
