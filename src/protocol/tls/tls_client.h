/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS as a client, towards a server whose chain and name are always checked: there is no setting
 * that turns this off. A profile is what one kind of server is met with (trust, name, our own
 * certificate, versions); a connection is one socket under it. Both work in turns, as
 * tls_connection.h says, with a tls_turn of their own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason/reason.h"
#include "protocol/tls/tls_connection.h"
#include "protocol/tls/tls_profile.h"
#include "protocol/x509/trust_store.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct tls_client_profile;
struct tls_client_connection;
struct tls_client_session;

struct tls_client_settings {
    /* Versions, ciphers and groups; `certificates` is what servers are shown, none or one. First,
     * so that the settings table can fill both. */
    struct tls_profile_settings tls;
    struct trust_anchor_source *trust; /* none: the system's */
    size_t trust_count;
    const char *server_name; /* a DNS name or an address; NULL: the host of the endpoint */
};

/* Where the system keeps the CA certificates that it trusts; NULL: nowhere. */
const char *tls_client_system_trust(void);

/* Reads every file that the settings name. NULL, and an error that begins with a position, when one
 * cannot be used: trust is never wider than what was written. */
struct tls_client_profile *tls_client_profile_create(const struct tls_client_settings *settings,
                                                     struct error *error);
/* NULL is fine. */
void tls_client_profile_destroy(struct tls_client_profile *profile);
/* SHA-256 over all that decides whom it trusts and what it shows: the contents of the files, not
 * their names. Two profiles of one digest may share connections. */
struct slice tls_client_profile_digest(const struct tls_client_profile *profile);

/* `host` is whom the certificate must name, unless the profile says another; a DNS name goes out as
 * SNI. `session` is offered for resumption, or NULL. The descriptor stays the caller's.
 * NULL: there is no memory. */
struct tls_client_connection *tls_client_connection_create(struct tls_turn *turn,
                                                           const struct tls_client_profile *profile,
                                                           int fd, const char *host,
                                                           struct tls_client_session *session);
/* NULL is fine. Sends nothing. */
void tls_client_connection_destroy(struct tls_client_connection *connection);

/* DONE: the server holds the key of a certificate that is trusted and has the name. */
enum tls_outcome tls_client_handshake(struct tls_client_connection *connection);
/* With TLS_DONE at least one byte in `*count`. CLOSED only after close_notify: an end without it is
 * a failure, because it may have come from anybody. */
enum tls_outcome tls_client_read(struct tls_client_connection *connection, char *memory,
                                 size_t size, size_t *count);
/* Bytes came that nobody has read. */
bool tls_client_has_input(const struct tls_client_connection *connection);
/* All of it, collected until the turn ends; false when there is no room, or it failed. */
bool tls_client_write(struct tls_client_connection *connection, struct slice bytes);
/* Collects close_notify. */
void tls_client_close_write(struct tls_client_connection *connection);
/* Output of an earlier turn waits for the socket. */
bool tls_client_has_tail(const struct tls_client_connection *connection);
/* As tls_connection_end_turn. */
enum tls_outcome tls_client_end_turn(struct tls_client_connection *connection);

struct tls_client_failure {
    enum reason reason; /* a BACKEND_ reason */
    const char *detail; /* static words */
};
struct tls_client_failure tls_client_connection_failure(
    const struct tls_client_connection *connection);
bool tls_client_was_resumed(const struct tls_client_connection *connection);
/* The server's certificate is no longer valid: a connection that is kept open must not be used. */
bool tls_client_has_expired(const struct tls_client_connection *connection, int64_t now);

/* The newest session that the server gave, for the next connection to the same server with the same
 * profile; NULL: none since the last call. The caller releases it. */
struct tls_client_session *tls_client_take_session(struct tls_client_connection *connection);
/* NULL is fine. */
void tls_client_session_release(struct tls_client_session *session);
