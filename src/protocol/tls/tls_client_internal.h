/* SPDX-License-Identifier: Apache-2.0
 *
 * A client's profile as its connections see it.
 */
#pragma once

#include <openssl/ssl.h>

#include "protocol/tls/tls_client.h"

SSL_CTX *tls_client_profile_context(const struct tls_client_profile *profile);
/* NULL: the endpoint's host. */
const char *tls_client_profile_server_name(const struct tls_client_profile *profile);

/* Called by libssl on a client's connection; the reference becomes ours. */
int tls_client_on_new_session(SSL *ssl, SSL_SESSION *session);
