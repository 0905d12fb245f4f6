/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this module share: a pool with its targets, which all workers see, and one
 * worker's view of it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/backend/backend.h"
#include "gateway/backend/backend_facts_internal.h"
#include "gateway/backend/backend_transport_internal.h"
#include "protocol/http/http_chunked.h"
#include "protocol/http/http_read.h"
#include "protocol/tls/tls_client.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/list.h"
#include "runtime/socket.h"

/* ---- shared ---- */

enum { BACKEND_ADDRESSES_MAX = 256 };

struct backend_endpoint {
    char *host; /* without brackets */
    uint16_t port;
    bool is_tls;
    size_t weight;
    /* Of the thread that resolves names alone. */
    bool is_name;
    bool is_answered; /* it is known which addresses there are, or that none can be had */
    struct socket_address *addresses;
    size_t address_count;
};

/* One address of an endpoint: where requests go. */
struct backend_target {
    struct socket_address address;
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    size_t endpoint; /* its place in the pool */
    struct backend_facts *facts;
};

/* Immutable; replaced as a whole when an endpoint's addresses change. */
struct backend_targets {
    atomic_size_t references;
    size_t count;
    struct backend_target items[];
};

struct backend_pool {
    struct backend_settings *settings;
    size_t index;
    struct tls_client_profile *profile; /* NULL: every endpoint is plain */
    struct backend_endpoint *endpoints; /* as many as the settings have */
    struct backend_facts_table *facts;
    struct backend_facts_table *own_facts; /* NULL: they are somebody else's */
    pthread_mutex_t lock;                  /* of `targets`, and of decisions to eject */
    struct backend_targets *targets;
    atomic_size_t version;    /* of the targets: of no others of any pool */
    atomic_size_t waiting;    /* requests in the queues of all workers */
    atomic_size_t unanswered; /* names that nothing has been heard of yet */
};

/* The caller releases them. */
struct backend_targets *backend_pool_targets(struct backend_pool *pool);
/* NULL is fine. */
void backend_targets_release(struct backend_targets *targets);

/* ---- one worker's ---- */

/* A target as one worker uses it. */
struct backend_station {
    struct backend_group *group;
    struct backend_target target; /* its facts are shared */
    const struct backend_endpoint *endpoint;
    struct backend_counters *counters;
    struct tls_client_session *session; /* the newest; NULL: none */
    struct list idle;                   /* most recently used first */
    size_t open;                        /* connections: idle, busy, and opening */
    int64_t turn;                       /* of the weighted round robin */
    bool is_retired;                    /* ends with its last connection */
};

/* A pool as one worker uses it. */
struct backend_group {
    struct backend_worker *worker;
    struct backend_pool *pool; /* NULL: nobody has used it yet */
    size_t version;            /* of the targets that the stations are made from */
    bool is_retired;           /* no generation of today has the pool */
    struct backend_station **stations;
    size_t station_count;
    struct list waiting; /* connections without a station, the oldest first */
};

struct backend_worker {
    struct event_loop *loop;
    struct backend_worker_settings settings;
    struct backend_group **groups; /* by the place of a pool */
    size_t group_count;
    struct pool *blocks;
    struct timer *sweep;
    struct timer *dispatch; /* gives connections to those that wait */
    size_t idle_count;
    char *output; /* of the connection whose turn it is */
    const struct backend_connection *output_owner;
    char *content;
    struct tls_turn *turn; /* NULL until a backend speaks TLS */
};

enum backend_phase {
    PHASE_WAITING, /* in the queue: it has no socket yet */
    PHASE_OPENING,
    PHASE_IDLE,
    PHASE_BUSY,
    PHASE_BROKEN
};

struct backend_connection {
    struct list_link link;
    struct backend_worker *worker;
    struct backend_group *group;
    struct backend_station *station; /* NULL while it waits */
    struct event_watch *watch;
    struct backend_transport transport;
    enum backend_phase phase;
    bool is_reused;
    bool has_answered;
    bool has_sent;    /* the request was begun */
    bool has_left;    /* something of it has left */
    bool is_sent;     /* the request, to its end */
    bool is_complete; /* the answer, to its end */
    bool send_failed;
    uint64_t idle_since_ms;
    backend_ready *ready;
    void *owner;
    struct backend_attempts *attempts; /* the owner's */
    struct backend_failure failure;    /* of one that is broken before its owner asked */

    struct buffer
        output; /* in the worker's memory during a turn, else the heap: what is left to send */
    char *tail;

    enum http_framing request_framing;
    bool is_head;

    char *block;        /* of the worker's pool while an answer is read */
    struct buffer head; /* in the block */
    struct arena arena; /* in the block */
    struct http_read_progress progress;
    struct http_response response;
    struct slice input; /* received, not handed on yet: in the block, the worker's content memory,
                           or `aside` */
    char *aside;
    struct http_chunked chunked;
    struct http_fields trailers; /* of the answer, once it is complete; in the arena */
    uint64_t left;
    uint16_t source_port; /* 0: nobody has asked for it */
};

enum {
    BACKEND_OUTPUT_BYTES = 208 * 1024,    /* collected in one turn, head included */
    BACKEND_CONTENT_BYTES = 256 * 1024,   /* read in one turn */
    BACKEND_HEAD_SLACK_BYTES = 16 * 1024, /* content that may come along with a head */
    BACKEND_ARENA_BYTES = 60 * 1024 /* for the fields of a head, and the trailers, as many as can be
                                      configured */
};

/* As backend_operations.acquire; the request's own state is the protocol's to set. */
struct backend_connection *backend_worker_acquire(struct backend_worker *worker,
                                                  struct backend_pool *pool,
                                                  struct backend_attempts *attempts,
                                                  backend_ready *ready, void *owner,
                                                  struct backend_failure *failure);
/* To the idle ones of its station, or closed when those are enough. */
void backend_worker_give_back(struct backend_connection *connection);
/* In whatever phase it is. */
void backend_worker_close(struct backend_connection *connection);
/* The endpoint has answered, or failed. */
void backend_worker_note_success(struct backend_connection *connection);
void backend_worker_note_failure(struct backend_connection *connection);
void backend_worker_note_connect_failure(struct backend_connection *connection);

/* ---- choosing ---- */

/* Where the next request goes: an endpoint that is not ejected before one that is, then by weight.
 * NULL with `*is_full`: some could serve, and have no connection left. NULL without: none is left
 * to be tried. */
struct backend_station *backend_balance_choose(struct backend_group *group,
                                               const struct backend_attempts *attempts,
                                               uint64_t now_ms, bool *is_full);
