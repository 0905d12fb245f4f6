/* SPDX-License-Identifier: Apache-2.0
 *
 * An exchange: one request and its response, and the walk between them. It knows its client and its
 * backend by two interfaces only; HTTP/1.1 stands behind both today, fakes in the unit tests. It is
 * a state machine that is advanced when anything happened: it pulls content from one side as far as
 * the other side has room, and never holds more than a turn's worth.
 *
 * It ends in exactly one record, whatever happens.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/backend/backend.h"
#include "gateway/exchange/answer.h"
#include "gateway/exchange/route_plan.h"
#include "gateway/identity/authentication.h"
#include "gateway/listener/listener.h"
#include "gateway/policy/policy.h"
#include "gateway/rewrite/rewrite.h"
#include "gateway/telemetry/telemetry.h"
#include "protocol/http/http_message.h"
#include "protocol/reason/reason.h"
#include "runtime/address_set.h"
#include "runtime/slice.h"

struct exchange;

enum client_io {
    CLIENT_IO_FAILED, /* with a reason: malformed, or the client is gone */
    CLIENT_IO_DATA,
    CLIENT_IO_WAIT,
    CLIENT_IO_END
};

/* What an exchange asks of its client's side. Nothing here calls back into the exchange. */
struct exchange_client_operations {
    /* DATA: between 1 and `max` bytes of the request's content, valid until the next call. */
    enum client_io (*read_content)(void *client, size_t max, struct slice *content,
                                   enum reason *reason);
    /* Behind the content's END: its trailers, which live as long as the request. */
    struct http_fields (*trailers)(void *client);
    /* The content is wanted now: a client that waits for "100 Continue" gets it. */
    void (*invite_content)(void *client);
    /* How much content of the answer may be sent now. */
    size_t (*room)(void *client);
    /* An answer of the backend before the one that counts, not 100 (Continue): for clients that
     * know of such. REASON_NONE, or why it cannot be sent. */
    enum reason (*send_interim)(void *client, const struct http_response *response);
    /* `close`: the connection ends behind this answer. REASON_NONE, or why the head cannot be sent;
     * then nothing was. */
    enum reason (*send_head)(void *client, const struct http_response *response, bool close);
    void (*send_content)(void *client, struct slice content);
    /* `trailers`: the lines of a trailer section; they go out where the framing has a place. */
    void (*send_end)(void *client, struct slice trailers);
    /* A whole answer of the gateway's own. Returns how many bytes of it are content. */
    uint64_t (*send_answer)(void *client, const struct answer_facts *facts);
};

/* Where an exchange happens: one a worker. */
struct exchange_environment {
    struct authentication_stores stores;
    struct telemetry_worker *telemetry;
    struct backend_worker *backends;
    const struct backend_operations *backend_operations;
    const struct http_name_set *owned_names;
    struct slice pseudonym;             /* by which Via and Proxy-Status name this gateway */
    uint64_t request_content_bytes_max; /* 0: no limit */
    uint64_t request_idle_ms;
    uint64_t response_idle_ms;
    uint64_t revocation_wait_ms; /* how long a request waits for the first news */
    char *scratch;               /* for an outgoing head; used within one call */
    size_t scratch_bytes;
    uint64_t *trace_state; /* two words of a generator of trace ids, the worker's; not secret */
    int64_t decision_time; /* seconds since 1970, for who asks what would be then; 0: it is now */
};

enum { EXCHANGE_SCRATCH_BYTES = 112 * 1024 };

/* What the exchange knows of the connection it came on; lives as long as the exchange. */
struct exchange_connection_facts {
    const struct listener_group *group;
    const struct listener *listener;         /* chosen in the handshake */
    struct presented_certificate *presented; /* NULL: none */
    struct ip_address peer;                  /* who is at the other end: client or proxy */
    uint16_t listener_port;
    struct record_connection record;
};

/* What is in use now: it may have changed since the exchange began. */
struct exchange_present {
    const struct exchange_environment *environment;
    const struct listener_group *group; /* NULL: the address is gone */
};

struct exchange_start {
    struct exchange_environment *environment;
    const struct exchange_client_operations *client_operations;
    void *client;
    const struct exchange_connection_facts *connection;
    /* Asked with the client when something has to be judged again; NULL: nothing changes. */
    struct exchange_present (*present)(void *client);
    backend_ready *ready;               /* called with the client when the backend has something */
    const struct http_request *request; /* NULL: it could not be read, see `refusal` */
    enum reason refusal;                /* REASON_NONE, or why the gateway answers at once */
    const char *refusal_detail;         /* static words, or NULL */
    int64_t started_wall_ms;
    uint64_t started_us;
    bool draining; /* the connection ends behind this exchange */
};

/* For a pool of the worker's. */
size_t exchange_size(void);
/* In memory of exchange_size() bytes, which the caller keeps. */
struct exchange *exchange_init(void *memory, const struct exchange_start *start);

/* Goes as far as it can. Call it when the client or the backend is ready, or time has passed. */
void exchange_advance(struct exchange *exchange);
/* The client is gone, or was given up: ends the exchange with that reason. */
void exchange_abort(struct exchange *exchange, enum reason reason, const char *detail);
/* The wait limit of the state has passed. */
void exchange_time_out(struct exchange *exchange);

/* The client is too slow: answers with the reason while that can be done, else breaks off. */
void exchange_give_up(struct exchange *exchange, enum reason reason);

/* An exchange whose request was let through is judged once more: as a whole, by what is known now
 * and by the configuration of now. When that refuses, it is ended; advance it then. False: there is
 * nothing to judge, it was not let through yet, or was refused. */
bool exchange_judge_again(struct exchange *exchange, enum reason *reason);
/* The first second, since 1970, in which that may come to something else though nothing has
 * changed; INT64_MAX: none. */
int64_t exchange_holds_until(const struct exchange *exchange);
/* Was the client's certificate accepted for it? */
bool exchange_has_identity(const struct exchange *exchange);

/* Sends what the backend is to get, and asks for its events. True: there is more to do at once,
 * without an event, as soon as the client's output is sent. */
bool exchange_end_turn(struct exchange *exchange);

bool exchange_is_finished(const struct exchange *exchange);
/* Once finished: the connection cannot serve another exchange. */
bool exchange_must_close(const struct exchange *exchange);
/* Once finished: the answer could not be completed, so that it must not look complete. */
bool exchange_is_broken(const struct exchange *exchange);
/* Of the request's content, so far. */
uint64_t exchange_received_bytes(const struct exchange *exchange);
/* Does it wait for news about revocation? Advance it when the facts have changed. */
bool exchange_wants_revocation(const struct exchange *exchange);
/* Does it wait for content of the client? */
bool exchange_wants_content(const struct exchange *exchange);
/* Is it that content which the exchange waits for, and no answer has begun? */
bool exchange_awaits_content(const struct exchange *exchange);
/* How long the present state may wait, in ms, from the last progress. 0: no limit of its own. */
uint64_t exchange_wait_limit_ms(const struct exchange *exchange);
/* Counts up with each step forward, so that the owner can see progress. */
uint64_t exchange_progress(const struct exchange *exchange);
/* From now on the connection closes behind the answer. */
void exchange_drain(struct exchange *exchange);
/* What the walk has come to, for who explains it. Borrowed, until the exchange goes on. */
struct exchange_decision {
    const struct listener *listener;
    const struct route *route; /* NULL: none, or it did not come so far */
    const struct authentication *authentication;
    bool has_policy; /* the route has one, and it was asked */
    struct policy_decision policy;
    bool has_policy_trial;
    struct policy_decision policy_trial;
    struct slice user;
    struct ip_address client; /* the peer, or whom a trusted proxy names */
    size_t stripped;
    enum reason reason;
    const char *detail;
    unsigned status; /* of an answer of the gateway's own */
};
struct exchange_decision exchange_get_decision(const struct exchange *exchange);
/* Releases what it holds. It must be finished. */
void exchange_reset(struct exchange *exchange);
const char *exchange_state_name(const struct exchange *exchange);
