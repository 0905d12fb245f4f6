/* SPDX-License-Identifier: Apache-2.0
 *
 * See connection.h. The states are rows of one table; only enter() changes the state. An event
 * notes nothing but that something happened: connection_advance finds out what, and at its end
 * sets the events and the deadline that it waits for.
 */
#include "gateway/connection/connection.h"

#include <assert.h>
#include <string.h>

#include "gateway/connection/client_http1.h"
#include "gateway/connection/pace.h"
#include "gateway/identity/chain_standing.h"
#include "gateway/identity/verdict.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

enum connection_state {
    CONNECTION_HANDSHAKING,
    CONNECTION_SERVING,
    CONNECTION_DRAINING,
    CONNECTION_CLOSING,
    CONNECTION_CLOSED,
    CONNECTION_STATES
};

enum step { STEP_WAIT, STEP_AGAIN, STEP_FINISHED };

enum connection_limit { LIMIT_NONE, LIMIT_HANDSHAKE, LIMIT_SERVING, LIMIT_LINGER };

enum {
    ROUNDS_MAX = 4,            /* turns in one visit before others get theirs */
    EXCHANGES_MAX = 32,        /* pipelined requests answered in one turn */
    LINGER_MS = 2000,          /* how long a closing connection waits for the client to close */
    LINGER_BYTES_MAX = 1 << 20 /* what it reads and throws away meanwhile */
};

struct connection {
    struct list_link link;
    struct list_link again_link;
    struct list_link revocation_link;
    struct connection_environment *environment;
    struct connection_entrance *entrance;
    struct connection_generation *generation; /* the one that it was last served under */
    enum connection_state state;
    int fd;
    struct address_account *account; /* NULL: its address has no limits */
    struct event_watch *watch;
    struct timer *timer;
    uint64_t wait_ends_ms; /* the wait limit of the state; 0: none */
    uint64_t deadline_ms;  /* the first of all limits on time; 0: none */
    uint64_t armed_ms;     /* when the timer fires; 0: it is not running */
    uint64_t since_ms;     /* what the present wait is counted from */
    uint64_t seen_progress;
    uint64_t seen_sent;
    uint64_t seen_taken;
    struct pace request_pace;
    struct pace response_pace;
    unsigned ready;
    bool is_advancing;
    bool is_again;
    bool wants_revocation; /* its exchange waits for news about revocation */

    struct tls_connection *tls;
    bool wants_write; /* output of TLS waits for the socket */
    bool wants_turn;
    bool is_broken; /* the end must not look like a proper one */
    bool is_write_closed;
    size_t lingered_bytes;
    enum reason chain_reason; /* what the handshake's judgement refused by alert */
    bool has_chain_trial;     /* the trial was judged beside it, and said this */
    enum reason chain_trial_reason;
    bool was_accepted;   /* by some judging context of its listener, or so its session says */
    size_t accepted_by;  /* which of the listener's contexts did last: a good guess */
    int64_t holds_until; /* between requests: when that ends; INT64_MAX: nobody knows of an end */

    struct exchange_connection_facts facts;
    struct client_http1 client;
    struct exchange *exchange;
    uint64_t exchanges;
    uint64_t seen_received; /* when the requests that are here began to be counted */
    uint64_t pipelined;     /* of them, the ones that were served */
    int64_t accepted_wall_ms;
    uint64_t accepted_us;
    char client_address[SOCKET_ADDRESS_TEXT_SIZE];
};

static enum step handshake(struct connection *connection);
static enum step serve(struct connection *connection);
static enum step linger(struct connection *connection);
static void connection_advance(struct connection *connection);

#define TO(state) (1u << (state))

struct state_row {
    const char *name;
    enum step (*run)(struct connection *connection);
    enum connection_limit limit;
    unsigned leads_to;
};

/* clang-format off */
static const struct state_row states[CONNECTION_STATES] = {
    /* name, what it does, how long it may wait,
     *     where it may lead */
    [CONNECTION_HANDSHAKING] = {"handshaking", handshake, LIMIT_HANDSHAKE,
        TO(CONNECTION_SERVING) | TO(CONNECTION_CLOSING)},
    [CONNECTION_SERVING] = {"serving", serve, LIMIT_SERVING,
        TO(CONNECTION_DRAINING) | TO(CONNECTION_CLOSING)},
    [CONNECTION_DRAINING] = {"draining", serve, LIMIT_SERVING,
        TO(CONNECTION_CLOSING)},
    [CONNECTION_CLOSING] = {"closing", linger, LIMIT_LINGER,
        TO(CONNECTION_CLOSED)},
    [CONNECTION_CLOSED] = {"closed", NULL, LIMIT_NONE,
        0},
};
/* clang-format on */

static uint64_t now_ms(const struct connection *connection)
{
    return event_loop_now_ms(connection->environment->loop);
}

static enum step enter(struct connection *connection, enum connection_state state)
{
    assert((states[connection->state].leads_to & TO(state)) != 0);
    connection->state = state;
    connection->since_ms = now_ms(connection);
    return state == CONNECTION_CLOSED ? STEP_FINISHED : STEP_AGAIN;
}

/* ---- the handshake ------------------------------------------------------------------------------
 */

static struct tls_profile *choose_profile(void *owner, struct slice server_name)
{
    struct connection *connection = owner;
    const struct listener *found = listener_group_find(connection->facts.group, server_name);

    /* A name that nobody serves gets the first listener's certificate; its requests are then judged
     * by their Host, with this same look-up. */
    if (found == NULL)
        found = listener_group_first(connection->facts.group);
    connection->facts.listener = found;
    return found->profile;
}

/* What lists say at once. Nothing is asked for here: possession of the key is not proven yet. */
static enum reason judge_revocation(const struct connection *connection,
                                    const struct judging_context *context, struct verdict *verdict)
{
    struct revocation_result result =
        verdict_check_revocation(verdict, judging_context_revocation(context),
                                 connection->generation->exchange.stores.revocation,
                                 REVOCATION_UNPROVEN, clock_wall_seconds());

    if (result.status == REVOCATION_GOOD || result.status == REVOCATION_PENDING)
        return REASON_NONE;
    return result.reason;
}

static int library_error_of(enum reason reason)
{
    if (reason == REASON_NONE)
        return X509_V_OK;
    return reason == REASON_CERTIFICATE_REVOKED || reason == REASON_ISSUER_REVOKED
               ? X509_V_ERR_CERT_REVOKED
               : X509_V_ERR_UNABLE_TO_GET_CRL;
}

/* Who is refused in the handshake makes no request of which the trial could be asked. */
static void try_chain(struct connection *connection, struct judging_context *context,
                      struct presented_certificate *presented, int64_t now)
{
    struct judging_context *trial = judging_context_trial(context);
    struct verdict *verdict = NULL;

    if (trial == NULL || connection->chain_reason == REASON_NONE)
        return;
    verdict = verdict_store_judge(connection->generation->exchange.stores.verdicts, trial,
                                  presented, now);
    if (verdict == NULL)
        return;
    connection->has_chain_trial = true;
    connection->chain_trial_reason = verdict_reason(verdict);
    if (verdict_is_accepted(verdict))
        connection->chain_trial_reason = judge_revocation(connection, trial, verdict);
    verdict_release(verdict);
}

/* Whatever the listener does with who is refused: with this result no handshake goes on. */
static int refuse_for_memory(struct connection *connection)
{
    connection->chain_reason = REASON_BUDGET_EXCEEDED;
    return X509_V_ERR_OUT_OF_MEM;
}

static int judge_chain(void *owner, X509 *leaf, STACK_OF(X509) * untrusted)
{
    struct connection *connection = owner;
    const struct authentication_demand *demand = &connection->facts.listener->demand;
    struct presented_certificate *presented = presented_certificate_create(leaf, untrusted);
    struct presented_table *chains = connection->generation->exchange.stores.chains;
    int library_error = X509_V_OK;

    if (presented == NULL)
        return refuse_for_memory(connection);
    if (chains != NULL)
        presented = presented_table_find(chains, presented);
    tls_connection_set_attachment(connection->tls, presented);
    if (demand->context != NULL) {
        struct verdict *verdict =
            verdict_store_judge(connection->generation->exchange.stores.verdicts, demand->context,
                                presented, clock_wall_seconds());

        if (verdict == NULL) {
            presented_certificate_release(presented);
            return refuse_for_memory(connection);
        }
        connection->chain_reason = verdict_reason(verdict);
        library_error = verdict_library_error(verdict);
        if (verdict_is_accepted(verdict)) {
            connection->chain_reason = judge_revocation(connection, demand->context, verdict);
            library_error = library_error_of(connection->chain_reason);
            connection->holds_until = verdict_valid_until(verdict);
        }
        verdict_release(verdict);
        if (connection->facts.listener->on_failure == CLIENT_CERTIFICATE_ON_FAILURE_ALERT)
            try_chain(connection, demand->context, presented, clock_wall_seconds());
    }
    presented_certificate_release(presented);
    return library_error;
}

/* Does anybody whom requests of this connection may meet accept this chain? */
static struct chain_standing standing_of(struct connection *connection,
                                         struct presented_certificate *presented, int64_t now)
{
    const struct listener *listener = connection->facts.listener;

    return chain_standing_of(listener->contexts, listener->context_count, connection->accepted_by,
                             presented, &connection->generation->exchange.stores, now);
}

/* Resumption restores the chain, never the decision. */
static bool may_resume(void *owner, void *attachment)
{
    struct connection *connection = owner;
    struct chain_standing standing = standing_of(connection, attachment, clock_wall_seconds());

    connection->holds_until = standing.valid_until;
    return standing.reason == REASON_NONE;
}

static void *acquire_presented(void *attachment)
{
    return presented_certificate_acquire(attachment);
}

static void release_presented(void *attachment)
{
    presented_certificate_release(attachment);
}

static size_t presented_bytes(const void *attachment)
{
    return presented_certificate_bytes(attachment);
}

static const struct tls_owner_operations owner_operations = {
    .choose_profile = choose_profile,
    .judge_chain = judge_chain,
    .may_resume = may_resume,
    .acquire_attachment = acquire_presented,
    .release_attachment = release_presented,
    .attachment_bytes = presented_bytes,
};

static void describe_connection(struct connection *connection)
{
    struct tls_facts tls = tls_connection_facts(connection->tls);
    struct record_connection *record = &connection->facts.record;

    record->client_address = slice_from_text(connection->client_address);
    record->listener = slice_from_text(connection->facts.listener->name);
    record->tls_version = tls.version;
    record->tls_cipher = tls.cipher;
    record->server_name = tls.server_name;
    record->resumed = tls.resumed;
}

/* TLS knows that the owner refused the chain; the owner knows why. */
static enum reason handshake_reason(const struct connection *connection,
                                    const struct tls_failure *failure)
{
    if (failure->reason == REASON_CERTIFICATE_REFUSED &&
        reason_is_certificate(connection->chain_reason))
        return connection->chain_reason;
    return failure->reason;
}

/* Who connects, says nothing and goes again asks whether the port is open, and costs nothing. */
static void note_failure(struct connection *connection, enum reason reason)
{
    if (reason == REASON_HANDSHAKE_ABANDONED && tls_connection_bytes_received(connection->tls) == 0)
        return;
    address_account_fail(connection->account, &connection->generation->limits->address,
                         clock_monotonic_us());
}

static struct record_certificate describe_chain(struct presented_certificate *presented)
{
    const struct certificate_description *description =
        presented == NULL ? NULL : presented_certificate_describe(presented);

    if (description == NULL)
        return (struct record_certificate){.subject = SLICE("")};
    return (struct record_certificate){
        .subject = description->subject,
        .issuer = description->issuer,
        .serial = description->serial,
        .sha256 = description->sha256,
        .sha1 = description->sha1,
    };
}

static void report_handshake(struct connection *connection, enum reason reason, struct slice detail)
{
    struct presented_certificate *presented = tls_connection_attachment(connection->tls);
    struct handshake_record record = {
        .started_wall_ms = connection->accepted_wall_ms,
        .duration_us = clock_monotonic_us() - connection->accepted_us,
        .reason = reason,
        .detail = detail,
        .certificate_presented = presented != NULL,
        .has_trial = connection->has_chain_trial,
        .trial = connection->chain_trial_reason,
    };

    describe_connection(connection);
    record.connection = connection->facts.record;
    record.certificate = describe_chain(presented);
    telemetry_report_handshake(connection->environment->telemetry, &record);
    note_failure(connection, reason);
}

/* Plain HTTP on the TLS port gets an answer that a person can read, in clear: it says nothing about
 * anybody. */
static void answer_plain_http(struct connection *connection)
{
    struct connection_environment *environment = connection->environment;
    struct buffer answer;
    uint64_t content_bytes;
    struct answer_facts facts = {
        .reason = REASON_HANDSHAKE_NOT_TLS,
        .server_token = connection->facts.listener->server_token,
        .generic = true,
        .close = true,
        .now = clock_wall_seconds(),
    };

    buffer_init(&answer, environment->scratch, environment->scratch_bytes);
    if (answer_write(&answer, &facts, &content_bytes))
        tls_connection_write_raw(connection->tls, buffer_readable(&answer));
}

static enum step handshake_failed(struct connection *connection)
{
    struct tls_failure failure = tls_connection_failure(connection->tls);

    report_handshake(connection, handshake_reason(connection, &failure),
                     slice_from_text(failure.detail));
    if (tls_connection_is_plain_http(connection->tls))
        answer_plain_http(connection);
    connection->is_write_closed = true;
    return enter(connection, CONNECTION_CLOSING);
}

/* Possession of the key is proven from here on. */
static enum step handshake_finished(struct connection *connection)
{
    struct presented_table *chains = connection->generation->exchange.stores.chains;

    connection->facts.presented = tls_connection_attachment(connection->tls);
    if (chains != NULL && connection->facts.presented != NULL)
        presented_table_add(chains, connection->facts.presented);
    describe_connection(connection);
    telemetry_count_handshake(connection->environment->telemetry, &connection->facts.record);
    connection->was_accepted =
        connection->facts.presented != NULL && !reason_is_certificate(connection->chain_reason);
    client_http1_init(&connection->client, connection->tls, connection->generation->limits,
                      connection->generation->exchange.owned_names, connection->environment->blocks,
                      connection->environment->scratch, connection->environment->scratch_bytes);
    client_http1_set_pseudonym(&connection->client, connection->generation->exchange.pseudonym);
    return enter(connection, CONNECTION_SERVING);
}

static enum step handshake(struct connection *connection)
{
    switch (tls_connection_handshake(connection->tls)) {
    case TLS_DONE:
        return handshake_finished(connection);
    case TLS_WANTS_READ:
    case TLS_WANTS_WRITE:
        return STEP_WAIT;
    case TLS_CLOSED:
    case TLS_FAILED:
        break;
    }
    return handshake_failed(connection);
}

/* ---- serving
 * ------------------------------------------------------------------------------------- */

static void on_backend_ready(void *owner)
{
    struct client_http1 *client = owner;

    connection_advance(LIST_ITEM(client, struct connection, client));
}

/* Does the connection end behind this request, because it has carried as many as it may, or because
 * too many came at once? Those that came at once are the ones that are served without anything
 * being received between them. */
static bool is_last_request(struct connection *connection)
{
    const struct connection_limits *limits = connection->generation->limits;
    struct telemetry_worker *telemetry = connection->environment->telemetry;
    uint64_t received = tls_connection_bytes_received(connection->tls);

    connection->pipelined = received == connection->seen_received ? connection->pipelined + 1 : 1;
    connection->seen_received = received;
    if (limits->connection_requests != 0 && connection->exchanges >= limits->connection_requests) {
        telemetry_count_limit(telemetry, TELEMETRY_LIMIT_CONNECTION_REQUESTS);
        return true;
    }
    if (connection->pipelined < limits->pipelined_requests ||
        !(client_http1_has_begun(&connection->client) || tls_connection_has_input(connection->tls)))
        return false;
    telemetry_count_limit(telemetry, TELEMETRY_LIMIT_PIPELINED_REQUESTS);
    return true;
}

static struct exchange_present present_of(void *owner)
{
    struct client_http1 *client = owner;
    const struct connection_entrance *entrance =
        LIST_ITEM(client, struct connection, client)->entrance;

    return (struct exchange_present){&entrance->generation->exchange, entrance->group};
}

static bool begin_exchange(struct connection *connection, const struct http_request *request,
                           enum reason refusal, const char *detail)
{
    struct connection_environment *environment = connection->environment;
    void *memory = pool_acquire(environment->exchanges);
    struct exchange_start start = {
        .environment = &connection->generation->exchange,
        .client_operations = &client_http1_operations,
        .client = &connection->client,
        .connection = &connection->facts,
        .present = present_of,
        .ready = on_backend_ready,
        .request = request,
        .refusal = refusal,
        .refusal_detail = detail,
        .started_wall_ms = clock_wall_ms(),
        .started_us = clock_monotonic_us(),
        .draining = environment->draining,
    };

    if (memory == NULL)
        return false;
    connection->exchanges++;
    if (request != NULL && is_last_request(connection))
        start.draining = true;
    connection->exchange = exchange_init(memory, &start);
    connection->request_pace = (struct pace){0};
    connection->since_ms = now_ms(connection);
    connection->seen_progress = 0;
    return true;
}

static void end_exchange(struct connection *connection)
{
    bool must_close = exchange_must_close(connection->exchange);

    connection->is_broken =
        exchange_is_broken(connection->exchange) || connection->client.has_failed;
    if (exchange_has_identity(connection->exchange)) {
        connection->was_accepted = true;
        connection->holds_until = exchange_holds_until(connection->exchange);
    }
    exchange_reset(connection->exchange);
    pool_release(connection->environment->exchanges, connection->exchange);
    connection->exchange = NULL;
    if (must_close || connection->client.answer_closes || connection->client.has_failed)
        connection->client.answer_closes = true;
    client_http1_next(&connection->client);
    connection->since_ms = now_ms(connection);
}

static void use_generation(struct connection *connection, struct connection_generation *generation)
{
    connection->generation = generation;
    generation->users++;
}

static void leave_generation(struct connection *connection)
{
    struct connection_generation *generation = connection->generation;

    if (--generation->users == 0)
        generation->on_unused(generation->context);
}

/* Each request is decided by the present generation. The connection belongs to the listener of
 * today that serves the name it was made to; what its handshake proved is judged by that listener's
 * routes. */
static void move_on(struct connection *connection)
{
    struct connection_entrance *entrance = connection->entrance;
    struct slice server_name = tls_connection_facts(connection->tls).server_name;
    const struct listener *listener;

    if (connection->generation == entrance->generation || entrance->group == NULL)
        return;
    listener = listener_group_find(entrance->group, server_name);
    connection->facts.group = entrance->group;
    connection->facts.listener =
        listener == NULL ? listener_group_first(entrance->group) : listener;
    leave_generation(connection);
    use_generation(connection, entrance->generation);
    client_http1_set_generation(&connection->client, connection->generation->limits,
                                connection->generation->exchange.owned_names);
    client_http1_set_pseudonym(&connection->client, connection->generation->exchange.pseudonym);
}

static enum step close_connection(struct connection *connection)
{
    return enter(connection, CONNECTION_CLOSING);
}

/* AGAIN: there is an exchange now. */
static enum step next_request(struct connection *connection)
{
    enum reason reason = REASON_INTERNAL;
    const char *detail = NULL;
    bool had_begun = client_http1_has_begun(&connection->client);

    move_on(connection);
    switch (client_http1_read_request(&connection->client, &reason, &detail)) {
    case CLIENT_HTTP1_REQUEST:
        /* The listeners of this address are gone, and their routes with them. */
        reason = connection->entrance->group == NULL ? REASON_REQUEST_MISDIRECTED : REASON_NONE;
        if (begin_exchange(connection, &connection->client.request, reason, NULL))
            return STEP_AGAIN;
        return close_connection(connection);
    case CLIENT_HTTP1_REFUSED:
        if (begin_exchange(connection, NULL, reason, detail))
            return STEP_AGAIN;
        return close_connection(connection);
    case CLIENT_HTTP1_WAIT:
        if (!had_begun && client_http1_has_begun(&connection->client))
            connection->since_ms = now_ms(connection);
        /* Between requests there is nothing to finish; a connection that never had one may still
         * send the request that it was made for. */
        if (connection->state == CONNECTION_DRAINING && connection->exchanges > 0 &&
            !client_http1_has_begun(&connection->client))
            return close_connection(connection);
        return STEP_WAIT;
    case CLIENT_HTTP1_CLOSED:
        /* RFC 5246 section 7.2.1: a close_notify is answered by one. */
        connection->is_broken = tls_connection_facts(connection->tls).is_truncated;
        return close_connection(connection);
    case CLIENT_HTTP1_FULL:
        break;
    }
    telemetry_count_connection_refused(connection->environment->telemetry);
    return close_connection(connection);
}

/* The client has gone while the backend works for it. A client that still has content to send is
 * found out by reading; one that has said that it sends no more is waiting for its answer. */
static bool is_abandoned(struct connection *connection)
{
    return (connection->ready & EVENT_HANGUP) != 0 &&
           !exchange_wants_content(connection->exchange) &&
           !client_http1_has_ended(&connection->client);
}

/* Of a next request. Without any, the socket says when some comes: looking is a system call, and
 * mostly in vain. */
static bool has_input(const struct connection *connection)
{
    return client_http1_has_begun(&connection->client) || tls_connection_has_input(connection->tls);
}

static enum step serve(struct connection *connection)
{
    if (connection->environment->draining && connection->state == CONNECTION_SERVING)
        return enter(connection, CONNECTION_DRAINING);
    for (unsigned i = 0; i < EXCHANGES_MAX; i++) {
        if (connection->exchange == NULL) {
            enum step step;

            if (connection->client.has_failed) {
                connection->is_broken = true;
                return close_connection(connection);
            }
            /* No new request while the answers to earlier ones wait for the client. The next one
             * may be here already, so that no event will tell of it. */
            if (tls_connection_room(connection->tls) == 0) {
                connection->wants_turn = true;
                return STEP_WAIT;
            }
            step = next_request(connection);
            if (connection->exchange == NULL)
                return step;
        } else if (is_abandoned(connection)) {
            exchange_abort(connection->exchange, REASON_REQUEST_ABANDONED, NULL);
        }
        exchange_advance(connection->exchange);
        if (connection->client.has_failed)
            exchange_abort(connection->exchange, REASON_REQUEST_ABANDONED, "writing failed");
        if (!exchange_is_finished(connection->exchange))
            return STEP_WAIT;
        end_exchange(connection);
        if (connection->client.answer_closes)
            return close_connection(connection);
        if (connection->state == CONNECTION_SERVING && !has_input(connection))
            return STEP_WAIT;
    }
    connection->wants_turn = true;
    return STEP_WAIT;
}

/* ---- closing
 * -------------------------------------------------------------------------------------- */

/* Reads on for a while behind the last answer, so that the client can read it: closing with unread
 * bytes makes TCP throw away what is still on its way (RFC 9112 section 9.6). */
static enum step linger(struct connection *connection)
{
    char memory[4096];

    if (!connection->is_write_closed) {
        connection->is_write_closed = true;
        client_http1_flush(&connection->client);
        if (!connection->is_broken)
            tls_connection_close_write(connection->tls);
    }
    if (tls_connection_end_turn(connection->tls) == TLS_FAILED)
        return enter(connection, CONNECTION_CLOSED);
    if (tls_connection_has_output(connection->tls))
        return STEP_WAIT;
    while (connection->lingered_bytes < LINGER_BYTES_MAX) {
        struct socket_result got = socket_read(connection->fd, memory, sizeof(memory));

        /* A client that has closed its side needs no word that we close ours. */
        if (got.outcome == SOCKET_AGAIN) {
            socket_shutdown_write(connection->fd);
            return STEP_WAIT;
        }
        if (got.outcome != SOCKET_DONE)
            break;
        connection->lingered_bytes += got.count;
    }
    return enter(connection, CONNECTION_CLOSED);
}

static void destroy(struct connection *connection)
{
    struct connection_environment *environment = connection->environment;

    if (connection->exchange != NULL) {
        exchange_abort(connection->exchange, REASON_REQUEST_ABANDONED, NULL);
        exchange_reset(connection->exchange);
        pool_release(environment->exchanges, connection->exchange);
    }
    if (connection->client.blocks.small != NULL)
        client_http1_reset(&connection->client);
    if (connection->is_again)
        list_remove(&environment->again, &connection->again_link);
    if (connection->wants_revocation)
        list_remove(&environment->pending, &connection->revocation_link);
    rejudge_round_leave(&environment->rejudging, &connection->link);
    list_remove(&environment->connections, &connection->link);
    event_watch_destroy(connection->watch);
    timer_destroy(connection->timer);
    tls_connection_destroy(connection->tls);
    socket_close(connection->fd);
    leave_generation(connection);
    address_account_leave(connection->account);
    connection->entrance->users--;
    memory_release(connection);
    atomic_fetch_sub_explicit(environment->open_everywhere, 1, memory_order_relaxed);
    if (environment->on_closed != NULL)
        environment->on_closed(environment->on_closed_context);
}

/* ---- waiting
 * --------------------------------------------------------------------------------------- */

static unsigned interest(const struct connection *connection)
{
    unsigned wanted = connection->wants_write ? (unsigned)EVENT_WRITABLE : 0u;

    switch (connection->state) {
    case CONNECTION_HANDSHAKING:
        return wanted | EVENT_READABLE;
    case CONNECTION_CLOSING:
        /* Nothing is read before everything is sent. */
        return connection->wants_write ? wanted : (unsigned)EVENT_READABLE;
    case CONNECTION_SERVING:
    case CONNECTION_DRAINING:
        if (connection->exchange == NULL)
            return connection->wants_write ? wanted : (unsigned)EVENT_READABLE;
        if (exchange_wants_content(connection->exchange))
            return wanted | EVENT_READABLE;
        /* The end of a client that has ended properly is known; it would be told again and again.
         */
        return connection->client.has_ended ? wanted : wanted | EVENT_HANGUP;
    case CONNECTION_CLOSED:
    case CONNECTION_STATES:
        break;
    }
    return EVENT_NONE;
}

/* How long the present wait may last, in ms from since_ms; 0: for ever. */
static uint64_t wait_limit_ms(const struct connection *connection)
{
    const struct connection_limits *limits = connection->generation->limits;

    switch (states[connection->state].limit) {
    case LIMIT_NONE:
        return 0;
    case LIMIT_HANDSHAKE:
        return limits->handshake_ms;
    case LIMIT_LINGER:
        return connection->wants_write && !connection->is_broken ? limits->response_idle_ms
                                                                 : LINGER_MS;
    case LIMIT_SERVING:
        break;
    }
    if (connection->exchange != NULL)
        return exchange_wait_limit_ms(connection->exchange);
    if (connection->wants_write)
        return limits->response_idle_ms;
    return client_http1_has_begun(&connection->client) ? limits->request_ms : limits->keep_alive_ms;
}

/* A client that is slow to take what waits for it is not one that takes nothing. A handshake has
 * one limit for all of it, and what is given up has no claim to more time. */
static void note_what_was_taken(struct connection *connection)
{
    uint64_t sent = tls_connection_bytes_sent(connection->tls);

    if (sent != connection->seen_sent && connection->wants_write && !connection->is_broken &&
        connection->state != CONNECTION_HANDSHAKING)
        connection->since_ms = now_ms(connection);
    connection->seen_sent = sent;
}

static uint64_t received_bytes(void *context)
{
    const struct connection *connection = context;

    return exchange_received_bytes(connection->exchange);
}

/* What the client has taken, or its kernel for it: what lies in ours is not with the client. */
static uint64_t taken_bytes(void *context)
{
    const struct connection *connection = context;
    uint64_t sent = tls_connection_bytes_sent(connection->tls);
    uint64_t waiting = socket_unacknowledged(connection->fd);

    return sent > waiting ? sent - waiting : 0;
}

static bool is_serving(const struct connection *connection)
{
    return connection->state == CONNECTION_SERVING || connection->state == CONNECTION_DRAINING;
}

static struct pace_limits pace_limits_of(const struct connection *connection, uint64_t rate)
{
    const struct connection_limits *limits = connection->generation->limits;

    return (struct pace_limits){
        .rate = rate, .window_ms = limits->rate_window_ms, .grace_ms = limits->rate_grace_ms};
}

/* Whom does the gateway wait for? The request's content is the client's to send only while the
 * backend has room for it, and its answer its to take only while the socket is full. */
static void note_pace(struct connection *connection)
{
    const struct connection_limits *limits = connection->generation->limits;
    struct pace_limits request = pace_limits_of(connection, limits->request_rate);
    struct pace_limits response = pace_limits_of(connection, limits->response_rate);
    uint64_t now = now_ms(connection);
    bool awaits_content = is_serving(connection) && connection->exchange != NULL &&
                          exchange_awaits_content(connection->exchange);

    pace_note(&connection->request_pace, &request, now, awaits_content, received_bytes, connection);
    pace_note(&connection->response_pace, &response, now,
              connection->wants_write && connection->state != CONNECTION_HANDSHAKING, taken_bytes,
              connection);
}

/* REASON_NONE, or that the client moves too little. */
static enum reason judge_pace(struct connection *connection)
{
    const struct connection_limits *limits = connection->generation->limits;
    struct pace_limits request = pace_limits_of(connection, limits->request_rate);
    struct pace_limits response = pace_limits_of(connection, limits->response_rate);
    uint64_t now = now_ms(connection);

    if (pace_is_too_slow(&connection->response_pace, &response, now, taken_bytes, connection))
        return REASON_CLIENT_RATE_TOO_LOW;
    if (connection->exchange != NULL &&
        pace_is_too_slow(&connection->request_pace, &request, now, received_bytes, connection))
        return REASON_REQUEST_TOO_SLOW;
    return REASON_NONE;
}

/* Bytes may have left for the client though its socket is still too full to say so. */
static bool has_taken_more(struct connection *connection)
{
    uint64_t taken = taken_bytes(connection);
    bool more = taken > connection->seen_taken;

    connection->seen_taken = taken;
    return more && !connection->is_broken && connection->state != CONNECTION_HANDSHAKING;
}

/* The sooner of two times; 0 is none. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
    if (a == 0 || b == 0)
        return a == 0 ? b : a;
    return a < b ? a : b;
}

/* The timer is moved only when it would fire too late; when it fires too early it is started again.
 * So a busy connection leaves it alone. */
static void set_deadline(struct connection *connection)
{
    uint64_t now = now_ms(connection);
    uint64_t limit;

    if (connection->exchange != NULL &&
        exchange_progress(connection->exchange) != connection->seen_progress) {
        connection->seen_progress = exchange_progress(connection->exchange);
        connection->since_ms = now;
    }
    limit = wait_limit_ms(connection);
    note_pace(connection);
    connection->wait_ends_ms = limit == 0 ? 0 : connection->since_ms + limit;
    connection->deadline_ms =
        sooner(connection->wait_ends_ms, sooner(pace_deadline_ms(&connection->request_pace),
                                                pace_deadline_ms(&connection->response_pace)));
    if (connection->deadline_ms == 0 ||
        (connection->armed_ms != 0 && connection->armed_ms <= connection->deadline_ms))
        return;
    connection->armed_ms = connection->deadline_ms;
    timer_start(connection->timer,
                connection->deadline_ms > now ? connection->deadline_ms - now : 0);
}

/* One turn of TLS and of the backend's connection ends. True: there is more to do at once. */
static bool end_turn(struct connection *connection)
{
    bool again = connection->wants_turn;
    enum tls_outcome outcome;

    connection->wants_turn = false;
    client_http1_flush(&connection->client);
    outcome = tls_connection_end_turn(connection->tls);
    note_what_was_taken(connection);
    switch (outcome) {
    case TLS_DONE:
        connection->wants_write = false;
        break;
    case TLS_WANTS_READ:
    case TLS_WANTS_WRITE:
        connection->wants_write = true;
        break;
    case TLS_CLOSED:
    case TLS_FAILED:
        connection->wants_write = false;
        connection->client.has_failed = true;
        connection->is_broken = true;
        if (connection->exchange != NULL)
            exchange_abort(connection->exchange, REASON_REQUEST_ABANDONED, "writing failed");
        if (connection->state != CONNECTION_CLOSING) {
            if (connection->state == CONNECTION_HANDSHAKING)
                report_handshake(connection, REASON_HANDSHAKE_ABANDONED, SLICE("writing failed"));
            (void)enter(connection, CONNECTION_CLOSING);
        }
        return true;
    }
    if (connection->exchange != NULL && exchange_end_turn(connection->exchange))
        again = true;
    return again && !connection->wants_write;
}

static void ask_for_another_turn(struct connection *connection)
{
    if (connection->is_again)
        return;
    connection->is_again = true;
    list_append(&connection->environment->again, &connection->again_link);
    event_loop_continue(connection->environment->loop);
}

static void note_pending(struct connection *connection)
{
    bool is_pending =
        connection->exchange != NULL && exchange_wants_revocation(connection->exchange);

    if (is_pending == connection->wants_revocation)
        return;
    connection->wants_revocation = is_pending;
    if (is_pending)
        list_append(&connection->environment->pending, &connection->revocation_link);
    else
        list_remove(&connection->environment->pending, &connection->revocation_link);
}

static void note_end(struct connection *connection)
{
    int64_t ends_at = connection->exchange != NULL ? exchange_holds_until(connection->exchange)
                                                   : connection->holds_until;

    rejudge_round_note_end(&connection->environment->rejudging, ends_at);
}

/* Steps until the state waits. */
static enum step run(struct connection *connection)
{
    enum step step;

    do {
        step = states[connection->state].run(connection);
    } while (step == STEP_AGAIN);
    return step;
}

static void connection_advance(struct connection *connection)
{
    bool again = true;

    assert(!connection->is_advancing);
    connection->is_advancing = true;
    for (unsigned i = 0; again && i < ROUNDS_MAX; i++) {
        if (run(connection) == STEP_FINISHED) {
            destroy(connection);
            return;
        }
        again = end_turn(connection);
    }
    connection->is_advancing = false;
    connection->ready = 0;
    if (again)
        ask_for_another_turn(connection);
    note_pending(connection);
    note_end(connection);
    event_watch_set(connection->watch, interest(connection));
    set_deadline(connection);
}

static void on_event(void *context, unsigned ready)
{
    struct connection *connection = context;

    connection->ready = ready;
    connection_advance(connection);
}

static enum step time_out(struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_HANDSHAKING:
        report_handshake(connection, REASON_HANDSHAKE_TIMEOUT, (struct slice){NULL, 0});
        connection->is_broken = true;
        return close_connection(connection);
    case CONNECTION_SERVING:
    case CONNECTION_DRAINING:
        if (connection->exchange != NULL) {
            exchange_time_out(connection->exchange);
            return STEP_AGAIN;
        }
        if (!connection->wants_write && client_http1_has_begun(&connection->client) &&
            begin_exchange(connection, NULL, REASON_REQUEST_TIMEOUT, NULL))
            return STEP_AGAIN;
        connection->is_broken = connection->wants_write;
        telemetry_count_limit(connection->environment->telemetry,
                              connection->wants_write ? TELEMETRY_LIMIT_RESPONSE_IDLE_TIME
                                                      : TELEMETRY_LIMIT_KEEP_ALIVE);
        return close_connection(connection);
    case CONNECTION_CLOSING:
        if (connection->wants_write && !connection->is_broken)
            telemetry_count_limit(connection->environment->telemetry,
                                  TELEMETRY_LIMIT_RESPONSE_IDLE_TIME);
        return enter(connection, CONNECTION_CLOSED);
    case CONNECTION_CLOSED:
    case CONNECTION_STATES:
        break;
    }
    return STEP_FINISHED;
}

/* The exchange says so in its record; behind it there is only a counter. */
static enum step give_up_slow(struct connection *connection, enum reason reason)
{
    if (connection->exchange != NULL) {
        exchange_give_up(connection->exchange, reason);
        return STEP_AGAIN;
    }
    telemetry_count_limit(connection->environment->telemetry, TELEMETRY_LIMIT_RESPONSE_RATE);
    connection->is_broken = true;
    return connection->state == CONNECTION_CLOSING ? enter(connection, CONNECTION_CLOSED)
                                                   : close_connection(connection);
}

/* A limit on time has passed: which? */
static enum step pass_deadline(struct connection *connection)
{
    enum reason slow = judge_pace(connection);

    if (slow != REASON_NONE)
        return give_up_slow(connection, slow);
    if (connection->wait_ends_ms == 0 || now_ms(connection) < connection->wait_ends_ms)
        return STEP_AGAIN;
    if (connection->wants_write && has_taken_more(connection)) {
        connection->since_ms = now_ms(connection);
        return STEP_AGAIN;
    }
    return time_out(connection);
}

static void on_timer(void *context)
{
    struct connection *connection = context;
    uint64_t now = now_ms(connection);

    connection->armed_ms = 0;
    if (connection->deadline_ms == 0)
        return;
    if (now < connection->deadline_ms) {
        connection->armed_ms = connection->deadline_ms;
        timer_start(connection->timer, connection->deadline_ms - now);
        return;
    }
    if (pass_deadline(connection) == STEP_FINISHED) {
        destroy(connection);
        return;
    }
    connection_advance(connection);
}

/* ---- judging again
 * ------------------------------------------------------------------------------- */

static void count_rejudged(const struct connection *connection, enum telemetry_rejudged refused,
                           enum reason reason)
{
    telemetry_count_rejudged(connection->environment->telemetry,
                             reason == REASON_NONE ? TELEMETRY_REJUDGED_KEPT : refused, reason);
}

static bool rejudge_served(struct connection *connection)
{
    enum reason reason;

    if (connection->exchange == NULL || !exchange_judge_again(connection->exchange, &reason))
        return false;
    count_rejudged(connection, TELEMETRY_REJUDGED_ENDED, reason);
    if (reason == REASON_NONE)
        note_end(connection);
    else
        connection_advance(connection);
    return true;
}

/* Its client hears of it as of any other end of an idle connection, and with its next connection
 * why. */
static void close_refused(struct connection *connection, enum reason reason)
{
    struct handshake_record record = {
        .started_wall_ms = connection->accepted_wall_ms,
        .duration_us = clock_monotonic_us() - connection->accepted_us,
        .reason = reason,
        .detail = SLICE("judged again between requests"),
        .certificate_presented = true,
        .possession_proven = true,
        .certificate = describe_chain(connection->facts.presented),
        .was_open = true,
    };

    describe_connection(connection);
    record.connection = connection->facts.record;
    telemetry_report_closing(connection->environment->telemetry, &record);
    (void)close_connection(connection);
    connection_advance(connection);
}

/* Who was never accepted has nothing that could be taken away. */
static bool is_idle(const struct connection *connection)
{
    return is_serving(connection) && connection->exchange == NULL && connection->was_accepted &&
           connection->facts.presented != NULL;
}

static bool rejudge_idle(struct connection *connection, int64_t now)
{
    struct chain_standing standing;

    if (!is_idle(connection))
        return false;
    move_on(connection);
    standing = standing_of(connection, connection->facts.presented, now);
    count_rejudged(connection, TELEMETRY_REJUDGED_CLOSED, standing.reason);
    if (standing.reason != REASON_NONE) {
        close_refused(connection, standing.reason);
        return true;
    }
    connection->accepted_by = standing.accepted_by;
    connection->holds_until = standing.valid_until;
    note_end(connection);
    return true;
}

/* Is the end of what it was judged by still to come? */
static bool holds(const struct connection *connection, int64_t now)
{
    return now < (connection->exchange != NULL ? exchange_holds_until(connection->exchange)
                                               : connection->holds_until);
}

static bool rejudge(struct rejudge_round *round, struct list_link *link, int64_t now)
{
    struct connection *connection = LIST_ITEM(link, struct connection, link);

    if (round->scope == REJUDGE_DUE && holds(connection, now)) {
        note_end(connection);
        return false;
    }
    return round->pass == REJUDGE_SERVED ? rejudge_served(connection)
                                         : rejudge_idle(connection, now);
}

void connection_start_rejudging(struct connection_environment *environment)
{
    rejudge_round_init(&environment->rejudging, environment->loop, &environment->connections,
                       rejudge);
}

void connection_stop_rejudging(struct connection_environment *environment)
{
    rejudge_round_reset(&environment->rejudging);
}

void connection_rejudge_all(struct connection_environment *environment)
{
    rejudge_round_note_change(&environment->rejudging);
}

/* ---- from outside
 * ------------------------------------------------------------------------------------ */

/* The parts that have to be there before anything is counted. */
static bool create_parts(struct connection *connection, struct tls_profile *profile)
{
    struct connection_environment *environment = connection->environment;

    connection->watch =
        event_watch_try_create(environment->loop, connection->fd, on_event, connection);
    connection->timer = timer_try_create_on(environment->loop, on_timer, connection);
    if (connection->watch != NULL && connection->timer != NULL)
        connection->tls = tls_connection_create(environment->turn, profile, connection->fd,
                                                &owner_operations, connection);
    if (connection->tls != NULL)
        return true;
    event_watch_destroy(connection->watch);
    timer_destroy(connection->timer);
    return false;
}

bool connection_open(struct connection_environment *environment,
                     struct connection_entrance *entrance, int fd,
                     const struct socket_address *peer, struct address_account *account)
{
    struct connection *connection = memory_try_allocate(sizeof(*connection));
    const struct listener *first = listener_group_first(entrance->group);

    if (connection == NULL)
        return false;
    connection->environment = environment;
    connection->fd = fd;
    if (!create_parts(connection, first->profile)) {
        memory_release(connection);
        return false;
    }
    connection->account = account;
    connection->entrance = entrance;
    entrance->users++;
    use_generation(connection, entrance->generation);
    connection->facts.group = entrance->group;
    connection->facts.listener = first;
    connection->facts.listener_port = entrance->port;
    connection->facts.record.id = environment->next_id++;
    connection->chain_reason = REASON_UNDECIDED;
    connection->has_chain_trial = false;
    connection->holds_until = INT64_MAX;
    connection->accepted_wall_ms = clock_wall_ms();
    connection->accepted_us = clock_monotonic_us();
    connection->since_ms = now_ms(connection);
    socket_address_format(peer, connection->client_address);
    connection->facts.peer = ip_address_of(peer);
    list_append(&environment->connections, &connection->link);
    atomic_fetch_add_explicit(environment->open_everywhere, 1, memory_order_relaxed);
    event_watch_set(connection->watch, EVENT_READABLE);
    set_deadline(connection);
    return true;
}

void connection_continue(struct connection_environment *environment)
{
    size_t count = environment->again.count;

    while (count-- > 0 && !list_is_empty(&environment->again)) {
        struct connection *connection =
            LIST_ITEM(list_first(&environment->again), struct connection, again_link);

        list_remove(&environment->again, &connection->again_link);
        connection->is_again = false;
        connection_advance(connection);
    }
    rejudge_round_continue(&environment->rejudging);
}

/* Calls `visit` for each connection there is now; `visit` may destroy the one it is given. */
static void for_each(struct connection_environment *environment,
                     void (*visit)(struct connection *connection))
{
    struct list_link *link = list_first(&environment->connections);

    while (link != NULL) {
        struct list_link *next = list_next(&environment->connections, link);

        visit(LIST_ITEM(link, struct connection, link));
        link = next;
    }
}

static void drain(struct connection *connection)
{
    if (connection->exchange != NULL)
        exchange_drain(connection->exchange);
    connection_advance(connection);
}

void connection_recheck_pending(struct connection_environment *environment)
{
    for (struct list_link *link = list_first(&environment->pending); link != NULL;
         link = list_next(&environment->pending, link))
        ask_for_another_turn(LIST_ITEM(link, struct connection, revocation_link));
}

void connection_drain_all(struct connection_environment *environment)
{
    environment->draining = true;
    for_each(environment, drain);
}

void connection_close_all(struct connection_environment *environment)
{
    for_each(environment, destroy);
}
