/* SPDX-License-Identifier: Apache-2.0
 *
 * A profile as the connections that use it see it.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "protocol/tls/tls_profile.h"
#include "runtime/slice.h"

SSL_CTX *tls_profile_context(const struct tls_profile *profile);
/* NULL: connections of this profile are not resumed. */
struct tls_session_store *tls_profile_sessions(const struct tls_profile *profile);
struct slice tls_profile_session_context(const struct tls_profile *profile);
bool tls_profile_refuses_by_alert(const struct tls_profile *profile);
/* In the order of preference and the form of RFC 7301 section 3.1. */
struct slice tls_profile_alpn(const struct tls_profile *profile);

/* NULL: there is none. */
const struct tls_key_log *tls_profile_key_log(const struct tls_profile *profile);

/* Makes a connection that was created for another profile one of this. Only within the
 * ClientHello callback, before anything has been negotiated. */
bool tls_profile_apply(SSL *ssl, const struct tls_profile *profile);
