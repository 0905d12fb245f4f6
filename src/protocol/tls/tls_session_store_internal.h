/* SPDX-License-Identifier: Apache-2.0
 *
 * The session store as the callbacks of a handshake see it. An SSL_SESSION is never shared between
 * handshakes: libssl writes to the one that it resumes from (it marks it as not resumable after a
 * fatal alert, for one), so each resumption gets an object of its own.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/tls/tls_connection.h"
#include "protocol/tls/tls_session_store.h"
#include "runtime/slice.h"

/* What a session keeps for us, and a resumed connection gets back. */
struct tls_session_origin {
    struct slice server_name; /* the session is resumed under this name only */
    void *attachment;         /* NULL when there is none */
    const struct tls_owner_operations *operations;
    int64_t established_at; /* when the first full handshake ended, by the store's clock */
};

/* What a client's offer must agree with, or else there is a full handshake. */
struct tls_session_wish {
    struct slice id;
    struct slice context;
    struct slice server_name;
    int version;
};

/* Keeps a session of a finished handshake until its absolute end; copies, takes no reference. */
void tls_session_store_keep(struct tls_session_store *store, const SSL_SESSION *session,
                            const struct tls_session_origin *origin);
/* A session for this handshake alone, or NULL; the caller owns it. */
SSL_SESSION *tls_session_store_resume(struct tls_session_store *store,
                                      const struct tls_session_wish *wish);
/* The origin of a session that tls_session_store_resume made, or of one that was renewed from it;
 * NULL otherwise. Borrowed from the session. */
const struct tls_session_origin *tls_session_store_origin(const struct tls_session_store *store,
                                                          const SSL_SESSION *session);
/* After a fatal alert, RFC 8446 section 6.2 and RFC 5246 section 7.2.2. */
void tls_session_store_forget(struct tls_session_store *store, const SSL_SESSION *session);

int64_t tls_session_store_now(const struct tls_session_store *store);
unsigned tls_session_store_lifetime(const struct tls_session_store *store);
