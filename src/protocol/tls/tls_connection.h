/* SPDX-License-Identifier: Apache-2.0
 *
 * One client's TLS connection over a non-blocking socket. It reads and writes through a BIO of
 * ours: a turn reads up to 64 KiB from the socket at once, collects the records that are written,
 * and sends them with one call. Between turns an idle connection holds no buffer of ours.
 *
 * A turn is one visit of a worker to a connection: any of handshake, read, write, then
 * tls_connection_end_turn, always, before another connection of the same worker is visited.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/reason/reason.h"
#include "protocol/tls/tls_profile.h"
#include "runtime/slice.h"

struct tls_connection;
struct tls_turn;

/* The memory of a worker's turns. One a worker. */
struct tls_turn *tls_turn_create(void);
/* The same, but NULL when there is no memory. */
struct tls_turn *tls_turn_try_create(void);
void tls_turn_destroy(struct tls_turn *turn);

/* Called during the handshake, on the connection's thread. */
struct tls_owner_operations {
    /* Which profile serves this name (as sent: not folded, empty when none came)? Called once,
     * before versions are negotiated. NULL refuses the handshake with the alert unrecognized_name.
     * Borrowed: the connection takes its own reference. */
    struct tls_profile *(*choose_profile)(void *owner, struct slice server_name);
    /* The client has shown this chain (`untrusted` is what came behind the leaf); possession is not
     * proven yet. Returns X509_V_OK or an X509_V_ERR_... value, which ends the handshake only where
     * the profile refuses by alert. Leave what a resumed connection must get back with
     * tls_connection_set_attachment. Not called on resumption. */
    int (*judge_chain)(void *owner, X509 *leaf, STACK_OF(X509) * untrusted);
    /* References of an attachment; called from any thread. */
    void *(*acquire_attachment)(void *attachment);
    void (*release_attachment)(void *attachment);
    size_t (*attachment_bytes)(const void *attachment);
    /* May a session with this attachment be resumed? If not, it is forgotten, and the handshake is
     * a full one. NULL: all may. */
    bool (*may_resume)(void *owner, void *attachment);
};

/* `first` serves until the ClientHello chooses. The descriptor stays the caller's. `operations`
 * must be static, and the same for all connections that share a session store. NULL: there is no
 * memory. */
struct tls_connection *tls_connection_create(struct tls_turn *turn, struct tls_profile *first,
                                             int fd, const struct tls_owner_operations *operations,
                                             void *owner);
/* NULL is fine. Sends nothing. The session stays usable unless the connection failed by an alert or
 * a violation of the protocol; a missing close_notify is no such failure. */
void tls_connection_destroy(struct tls_connection *connection);

enum tls_outcome {
    TLS_FAILED, /* tls_connection_failure says why; only end_turn (which may send an alert),
                 * write_raw and destroy may follow */
    TLS_DONE,
    TLS_WANTS_READ,
    TLS_WANTS_WRITE, /* output waits in the connection until the socket takes it */
    TLS_CLOSED       /* the peer has ended its side: with close_notify, or (is_truncated) without */
};

enum tls_outcome tls_connection_handshake(struct tls_connection *connection);

/* With TLS_DONE at least one byte in `*count`. */
enum tls_outcome tls_connection_read(struct tls_connection *connection, char *memory, size_t size,
                                     size_t *count);
/* Bytes came that have not been read: read again without waiting for the socket. */
bool tls_connection_has_input(const struct tls_connection *connection);

/* How much plain text may be written now: 0 while output of an earlier turn waits for the socket.
 */
size_t tls_connection_room(const struct tls_connection *connection);
/* All of it, at most tls_connection_room(); collected until the turn ends. False: failed. */
bool tls_connection_write(struct tls_connection *connection, struct slice bytes);
/* Collects close_notify; nothing can be written afterwards. */
void tls_connection_close_write(struct tls_connection *connection);

/* Sends what was collected and puts aside what was read and not used. DONE: all is sent.
 * WANTS_WRITE: call tls_connection_end_turn again when the socket is writable. FAILED: the socket
 * is broken. */
enum tls_outcome tls_connection_end_turn(struct tls_connection *connection);
bool tls_connection_has_output(const struct tls_connection *connection);
/* How many bytes the socket has taken: whether a slow client takes any. */
uint64_t tls_connection_bytes_sent(const struct tls_connection *connection);
/* How many it has given. */
uint64_t tls_connection_bytes_received(const struct tls_connection *connection);

struct tls_failure {
    /* A HANDSHAKE_ reason, POSSESSION_UNPROVEN, or REQUEST_ABANDONED when the handshake was
     * finished. CERTIFICATE_REFUSED when the owner's verdict ended it: the owner knows the reason
     * better. CERTIFICATE_MISSING, _MALFORMED and _CHAIN_TOO_LARGE are found here. */
    enum reason reason;
    char detail[160]; /* the library's words, printable */
};
struct tls_failure tls_connection_failure(const struct tls_connection *connection);

struct tls_facts {
    const char *version;      /* "TLSv1.3"; "" before it is known */
    const char *cipher;       /* OpenSSL's name */
    struct slice server_name; /* as sent; empty when none came */
    struct slice alpn;        /* empty when none was negotiated */
    bool resumed;
    bool is_finished;  /* the handshake; proof of possession with it */
    bool is_truncated; /* the peer closed without close_notify */
};
struct tls_facts tls_connection_facts(const struct tls_connection *connection);

/* After TLS_FAILED with HANDSHAKE_NOT_TLS: the client speaks plain HTTP, and can be told so. */
bool tls_connection_is_plain_http(const struct tls_connection *connection);
/* Collects bytes that go out in clear; false, and nothing, unless the client speaks plain HTTP. */
bool tls_connection_write_raw(struct tls_connection *connection, struct slice bytes);

/* The attachment is kept with the connection and with the sessions made from it. The connection
 * takes its own reference. NULL takes it away. */
void tls_connection_set_attachment(struct tls_connection *connection, void *attachment);
/* Borrowed; what was set, or what a resumed session brought along; NULL before the handshake is
 * finished on resumption. */
void *tls_connection_attachment(const struct tls_connection *connection);
