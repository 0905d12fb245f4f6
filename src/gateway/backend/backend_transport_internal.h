/* SPDX-License-Identifier: Apache-2.0
 *
 * What carries a connection's bytes: TCP, or TLS over it. HTTP/1.1 above knows no difference. With
 * TLS, what is written leaves at the end of the turn.
 */
#pragma once

#include <stdbool.h>

#include "gateway/backend/backend.h"
#include "protocol/tls/tls_client.h"
#include "runtime/socket.h"

struct backend_transport {
    int fd;
    bool is_connected;                 /* TCP is */
    struct tls_client_connection *tls; /* NULL: plain */
};

/* Begins to connect. `profile` is NULL for plain TCP. False and a failure when that fails at once.
 */
bool backend_transport_open(struct backend_transport *transport,
                            const struct socket_address *address, struct tls_turn *turn,
                            const struct tls_client_profile *profile, const char *host,
                            struct tls_client_session *session, struct backend_failure *failure);
void backend_transport_close(struct backend_transport *transport);

/* DONE: bytes may be written. */
enum backend_io backend_transport_connected(struct backend_transport *transport,
                                            struct backend_failure *failure);
/* FAILED: see backend_transport_explain. */
struct socket_result backend_transport_read(struct backend_transport *transport, char *memory,
                                            size_t size);
struct socket_result backend_transport_write(struct backend_transport *transport,
                                             struct slice bytes);
/* Why reading failed, where TLS knows better than `otherwise`. */
struct backend_failure backend_transport_explain(const struct backend_transport *transport,
                                                 struct backend_failure otherwise);
/* Sends what TLS has collected. WAIT: the socket did not take all of it. */
enum backend_io backend_transport_end_turn(struct backend_transport *transport);
/* Output of an earlier turn waits for the socket. */
bool backend_transport_has_tail(const struct backend_transport *transport);
/* Bytes came that nobody has read. */
bool backend_transport_has_input(const struct backend_transport *transport);
/* It was connected, nothing waits to be read, and the peer has not closed. */
bool backend_transport_is_quiet(struct backend_transport *transport, int64_t now);
/* Which events to wait for while it is opening. */
unsigned backend_transport_opening_events(const struct backend_transport *transport);
