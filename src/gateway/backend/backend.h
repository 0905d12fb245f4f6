/* SPDX-License-Identifier: Apache-2.0
 *
 * Backends: pools of endpoints, and the connections to them. A pool is immutable and shared; the
 * connections belong to one worker. An exchange uses a connection through `struct
 * backend_operations`, pulling the answer as fast as its client takes it; a fake of the same shape
 * stands in for it in unit tests.
 *
 * A connection goes back to the pool only when its answer ended exactly where its framing said, and
 * nothing came behind it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/backend/backend_settings.h"
#include "protocol/http/http_message.h"
#include "protocol/reason/reason.h"
#include "runtime/address_set.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/slice.h"

/* Of one name. */
enum { BACKEND_NAME_ADDRESSES_MAX = 128 };

struct backend_facts_table;
struct backend_pool;
struct backend_worker;
struct backend_connection;

/* How the pool's endpoints are met that speak TLS; NULL in `*profile` when none does. False and an
 * error with the setting's position when a file cannot be used. */
bool backend_profile_create(const struct backend_settings *settings,
                            struct tls_client_profile **profile, struct error *error);
/* An endpoint that is a name has no address before backend_pool_set_addresses. NULL and an error
 * with the setting's position. `index` is the pool's place among those of its generation. Takes the
 * profile, in any case. `facts` is borrowed; NULL: its own, for one worker. */
struct backend_pool *backend_pool_create(const struct backend_settings *settings, size_t index,
                                         struct tls_client_profile *profile,
                                         struct backend_facts_table *facts, struct error *error);
/* NULL is fine. */
void backend_pool_destroy(struct backend_pool *pool);
const struct backend_settings *backend_pool_settings(const struct backend_pool *pool);
/* NULL: no endpoint speaks TLS. */
const struct tls_client_profile *backend_pool_profile(const struct backend_pool *pool);
size_t backend_pool_place(const struct backend_pool *pool);
/* The name that is the host of the endpoint at `index`; NULL: it is an address. */
const char *backend_pool_name(const struct backend_pool *pool, size_t index);
/* Where the endpoint is from now on, none being an answer too. Workers see it with their next look.
 * On one thread alone, the control thread. False: nothing has changed. */
bool backend_pool_set_addresses(struct backend_pool *pool, size_t index,
                                const struct ip_address *addresses, size_t count);
/* How many addresses are not used because the pool would have too many. On the same thread. */
size_t backend_pool_left_out(struct backend_pool *pool);
/* How many addresses are known now. */
size_t backend_pool_addresses(struct backend_pool *pool);

/* What was counted of one address, by all workers. Texts live as long as the visit. */
struct backend_totals {
    const char *backend;
    const char *endpoint; /* its URL */
    const char *address;
    uint64_t requests;
    uint64_t connect_failures;
    uint64_t ejections;
    uint64_t open; /* connections, the idle ones among them */
    uint64_t idle;
    bool is_ejected;
};
typedef void backend_totals_visitor(void *context, const struct backend_totals *totals);
void backend_pool_visit(struct backend_pool *pool, uint64_t now_ms, backend_totals_visitor *visit,
                        void *context);
/* Requests that wait for a connection, in all workers. */
size_t backend_pool_waiting(const struct backend_pool *pool);

enum { BACKEND_HEADER_BYTES_MAX = 64 * 1024, BACKEND_TRAILER_BYTES_MAX = 17 * 1024 };

/* An address was ejected, or is back. */
struct backend_health_event {
    const char *backend;
    const char *endpoint; /* its URL */
    const char *address;
    bool is_ejected;
    uint64_t for_ms;
};

struct backend_worker_settings {
    size_t index; /* which worker it is: whose counters are written */
    size_t pools;
    size_t response_header_bytes;
    size_t response_header_count;
    size_t trailer_bytes;
    size_t trailer_count;
    /* On the worker's thread; NULL: nobody wants to know. */
    void (*on_health)(void *context, const struct backend_health_event *event);
    void *context;
};

struct backend_worker *backend_worker_create(struct event_loop *loop,
                                             const struct backend_worker_settings *settings);
/* Every connection must have been released. NULL is fine. */
void backend_worker_destroy(struct backend_worker *worker);
/* From now on these pools alone are used, each at its place: idle connections of all others are
 * closed, and busy ones are when they become idle. */
void backend_worker_keep(struct backend_worker *worker, struct backend_pool *const *pools,
                         size_t count);
/* The addresses of a pool may have changed: idle connections to those that are gone are closed, and
 * who waits for an address gets one. */
void backend_worker_look_again(struct backend_worker *worker);
/* From the next answer on; at most BACKEND_HEADER_BYTES_MAX. */
void backend_worker_set_limits(struct backend_worker *worker, size_t response_header_bytes,
                               size_t response_header_count);
/* From the next answer on; fewer bytes than BACKEND_TRAILER_BYTES_MAX, a line end for each field
 * included. */
void backend_worker_set_trailer_limits(struct backend_worker *worker, size_t bytes, size_t count);
/* How many connections wait for their next use. */
size_t backend_worker_idle(const struct backend_worker *worker);

enum backend_io {
    BACKEND_IO_FAILED, /* with a reason; release the connection */
    BACKEND_IO_DONE,   /* connected, or a head or some content is there */
    BACKEND_IO_WAIT,   /* the owner is called when there is more to do */
    BACKEND_IO_END     /* the answer is complete */
};

struct backend_failure {
    enum reason reason;
    const char *detail; /* static words for the log, or NULL */
};

enum { BACKEND_ATTEMPTS_MAX = 4 };

/* What was tried for one request. Zero when nothing was; kept by the owner of the connections as
 * long as it has one. */
struct backend_attempts {
    size_t count;
    size_t tried_count;
    const void *tried[BACKEND_ATTEMPTS_MAX]; /* where a connection of its own was opened */
};

/* Called when the connection is ready for more, never from inside one of the operations. */
typedef void backend_ready(void *owner);

struct backend_operations {
    /* A connection that is open, or opening, or waits in the queue for its turn. The first attempt
     * may take one that was used before; later ones are fresh and go where none went before. NULL:
     * none can be had, and why; REASON_NONE when there is nothing left to be tried. */
    struct backend_connection *(*acquire)(struct backend_worker *worker, struct backend_pool *pool,
                                          struct backend_attempts *attempts, backend_ready *ready,
                                          void *owner, struct backend_failure *failure);
    /* It waits for others to be done. */
    bool (*is_queued)(const struct backend_connection *connection);
    enum backend_io (*connected)(struct backend_connection *connection,
                                 struct backend_failure *failure);
    /* It has served an exchange before, so that it may have been closed meanwhile. */
    bool (*is_reused)(const struct backend_connection *connection);

    /* The head, with its empty line; `framing` is how its content will go. `is_head`: no content
     * comes back. */
    void (*send_head)(struct backend_connection *connection, struct slice head,
                      enum http_framing framing, bool is_head);
    /* How much content may be sent now. */
    size_t (*room)(const struct backend_connection *connection);
    void (*send_content)(struct backend_connection *connection, struct slice content);
    /* `trailers`: the lines of a trailer section; they go out where the framing has a place. At
     * most BACKEND_TRAILER_BYTES_MAX, beyond what room() says. */
    void (*send_end)(struct backend_connection *connection, struct slice trailers);

    /* DONE: a head (1xx too: then call again). Its slices live until the connection is released, or
     * the next head is read. */
    enum backend_io (*read_head)(struct backend_connection *connection,
                                 struct http_response *response, struct backend_failure *failure);
    /* DONE: at most `max` bytes of content, valid until the next call or the turn's end. */
    enum backend_io (*read_content)(struct backend_connection *connection, size_t max,
                                    struct slice *content, struct backend_failure *failure);
    /* Behind the answer's END: its trailers, which live until the connection is released. */
    struct http_fields (*trailers)(const struct backend_connection *connection);

    /* Sends what was collected, and asks for the events that are waited for: `wants_answer` when
     * the owner would read. WAIT: some of it is left, DONE, or FAILED (which reading will explain).
     */
    enum backend_io (*end_turn)(struct backend_connection *connection, bool wants_answer);
    /* Back to the pool, or closed when it cannot serve again. NULL is fine. */
    void (*release)(struct backend_connection *connection);
    /* "127.0.0.1:8080", valid until release. */
    struct slice (*endpoint)(const struct backend_connection *connection);
    /* Of our end of a connection that is open. */
    uint16_t (*source_port)(struct backend_connection *connection);
    /* Did any byte of an answer come since the last head was sent? */
    bool (*has_answered)(const struct backend_connection *connection);
    /* Has anything of the request left, so that it may have been received? */
    bool (*has_left)(const struct backend_connection *connection);
    /* The owner has waited too long: that counts against the endpoint. */
    void (*blame)(struct backend_connection *connection);
};

/* HTTP/1.1 over TCP, or over TLS. */
extern const struct backend_operations backend_http1;
