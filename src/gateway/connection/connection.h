/* SPDX-License-Identifier: Apache-2.0
 *
 * One client's connection: handshaking, serving, draining, closing. It owns the socket and the TLS
 * state, and carries one exchange after another. Whatever happens to it or to the backend of its
 * exchange ends in one call, connection_advance, which goes as far as it can and then says what it
 * waits for.
 *
 * Whom it serves was fixed by the handshake: nothing in HTTP can change it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/connection/client_http1.h"
#include "gateway/connection/connection_limits.h"
#include "gateway/connection/rejudge_round.h"
#include "gateway/exchange/exchange.h"
#include "gateway/listener/listener.h"
#include "protocol/tls/tls_connection.h"
#include "runtime/event_loop.h"
#include "runtime/list.h"
#include "runtime/pool.h"
#include "runtime/socket.h"

struct connection;

/* What connections use of one generation. A worker has one of these for each generation that any of
 * its connections still uses. */
struct connection_generation {
    struct exchange_environment exchange;
    const struct connection_limits *limits;
    size_t users; /* connections; the owner counts as one while it is the present generation */
    event_callback *on_unused;
    void *context;
};

/* Where clients come in: one listening address of a worker. It stays while the address is
 * configured, or a connection that came through it is open. */
struct connection_entrance {
    struct connection_generation *generation; /* the present one */
    const struct listener_group *group;       /* of the present one; NULL: the address is gone */
    uint16_t port;
    size_t users;
};

/* Where connections live: one a worker. */
struct connection_environment {
    struct event_loop *loop;
    struct tls_turn *turn;
    struct telemetry_worker *telemetry;
    struct client_blocks blocks;
    struct pool *exchanges; /* exchange_size() each */
    struct list connections;
    struct list again;   /* those with more to do, without an event */
    struct list pending; /* those that wait for news about revocation */
    struct rejudge_round rejudging;
    char *scratch; /* for a head or an answer to a client; used within one call */
    size_t scratch_bytes;
    uint64_t next_id;
    atomic_size_t *open_everywhere; /* of all workers */
    bool draining;
    event_callback *on_closed; /* one connection has gone; may be NULL */
    void *on_closed_context;
};

enum { CONNECTION_SCRATCH_BYTES = 96 * 1024 };

/* Takes the accepted socket, and its address' account, which may be NULL. False: there is no memory
 * for a connection, and both stay the caller's. */
bool connection_open(struct connection_environment *environment,
                     struct connection_entrance *entrance, int fd,
                     const struct socket_address *peer, struct address_account *account);
/* Continues what `again` lists: the loop's turn end calls it. */
void connection_continue(struct connection_environment *environment);
/* Facts about revocation have changed: continues what `pending` lists. */
void connection_recheck_pending(struct connection_environment *environment);
/* Begins to judge open connections again when that is due; the lists are empty by now. */
void connection_start_rejudging(struct connection_environment *environment);
void connection_stop_rejudging(struct connection_environment *environment);
/* Something has changed that decides about all connections: they are judged again, and soon. */
void connection_rejudge_all(struct connection_environment *environment);
/* Finish what runs, take no more. */
void connection_drain_all(struct connection_environment *environment);
/* Ends what is left at once. */
void connection_close_all(struct connection_environment *environment);
