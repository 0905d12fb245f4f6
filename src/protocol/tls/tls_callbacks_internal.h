/* SPDX-License-Identifier: Apache-2.0
 *
 * What libssl asks during a handshake: which profile, which protocol, is this chain acceptable, is
 * there a session. Each SSL carries its connection, and the answers come from there: of two
 * contexts, the one that a connection began with and the one that serves it, libssl asks now one
 * and now the other.
 */
#pragma once

#include <openssl/ssl.h>

/* For each context of ours. */
void tls_callbacks_install(SSL_CTX *context);
/* Secrets go to the key log of the connection's profile. */
void tls_callbacks_log_keys(SSL_CTX *context);
/* For a connection's SSL; its data must already be the connection. */
void tls_callbacks_watch(SSL *ssl);
