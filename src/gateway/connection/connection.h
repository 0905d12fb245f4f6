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

#include "gateway/connection/connection_limits.h"
#include "gateway/exchange/exchange.h"
#include "gateway/listener/listener.h"
#include "protocol/tls/tls_connection.h"
#include "runtime/event_loop.h"
#include "runtime/list.h"
#include "runtime/pool.h"
#include "runtime/socket.h"

struct connection;

/* Where connections live: one a worker. */
struct connection_environment {
    struct event_loop *loop;
    struct tls_turn *turn;
    const struct connection_limits *limits;
    struct exchange_environment *exchange;
    struct telemetry_worker *telemetry;
    struct pool *blocks;    /* connection_block_bytes() each */
    struct pool *exchanges; /* exchange_size() each */
    struct list connections;
    struct list again; /* those with more to do, without an event */
    char *scratch;     /* for a head or an answer to a client; used within one call */
    size_t scratch_bytes;
    uint64_t next_id;
    atomic_size_t *open_everywhere; /* of all workers */
    bool draining;
    event_callback *on_empty; /* the last connection is gone; may be NULL */
    void *on_empty_context;
};

enum { CONNECTION_SCRATCH_BYTES = 96 * 1024 };

size_t connection_block_bytes(const struct connection_limits *limits);

/* Takes the accepted socket. */
void connection_open(struct connection_environment *environment, const struct listener_group *group,
                     int fd, const struct socket_address *peer, uint16_t port);
/* Continues what `again` lists: the loop's turn end calls it. */
void connection_continue(struct connection_environment *environment);
/* Finish what runs, take no more. */
void connection_drain_all(struct connection_environment *environment);
/* Ends what is left at once. */
void connection_close_all(struct connection_environment *environment);
