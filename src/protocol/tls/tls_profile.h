/* SPDX-License-Identifier: Apache-2.0
 *
 * What one listener says about TLS: versions, suites, server certificates, ALPN, and whether it
 * asks clients for a certificate. Built once from settings, immutable, reference-counted, shared by
 * all workers.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/position.h"
#include "runtime/slice.h"

struct tls_key_log;
struct tls_profile;
struct tls_session_store;

enum tls_version { TLS_VERSION_DEFAULT, TLS_VERSION_1_2, TLS_VERSION_1_3 };

/* Chain and key, or a directory, or a PFX. */
struct tls_certificate_settings {
    const char *chain;        /* PEM: leaf first, then intermediates */
    const char *key;          /* PEM, or the PKCS #11 URI of a key in a token */
    const char *key_password; /* or the PIN of the token; NULL: there is none here */
    const char *directory;    /* with the files of tls_certificate_directory_file */
    const char *pfx;          /* PKCS #12: certificate, key and intermediates in any order */
    const char *password;     /* of the PFX; NULL: none */
    struct position position;
};

/* What a directory may hold: a chain, its key, the next chain, ...; NULL behind the last. */
const char *tls_certificate_directory_file(size_t index);
/* The path that the settings name first, for messages. */
const char *tls_certificate_settings_path(const struct tls_certificate_settings *settings);

struct tls_profile_settings {
    const char *name;                              /* NULL for a profile in place */
    struct tls_certificate_settings *certificates; /* at most one of each key type */
    size_t certificate_count;
    enum tls_version min_version; /* DEFAULT: 1.2 */
    enum tls_version max_version; /* DEFAULT: 1.3 */
    const char *ciphers;       /* TLS 1.2, OpenSSL list; NULL: our default (ECDHE with AEAD only) */
    const char *cipher_suites; /* TLS 1.3; NULL: OpenSSL's */
    const char *groups;        /* NULL: X25519:P-256:P-384 */
    const char *const *alpn;   /* in order of preference; NULL-terminated; NULL: http/1.1 */
    struct position position;
};

/* Zero asks nobody, and a route that needs a certificate then refuses. */
enum tls_ask {
    TLS_ASK_NOBODY,
    TLS_ASK,         /* send a CertificateRequest; what comes, or does not, is judged later */
    TLS_ASK_OR_ALERT /* nothing shown ends the handshake with an alert */
};

struct tls_client_certificate {
    enum tls_ask ask;
    bool refuse_by_alert; /* a chain that the owner refuses ends the handshake with an alert */
    const STACK_OF(X509_NAME) * ca_names; /* borrowed, copied; NULL: no names */
};

enum { TLS_SESSION_CONTEXT_BYTES = 32 };

/* `session_context` names listener, profile, mode and the digest of the client-certificate
 * settings: a session of one context is never resumed in another, nor after any of the TLS settings
 * changed. `sessions` may be NULL: nothing is resumed. NULL and an error that begins with the
 * setting's position when a certificate or key cannot be used: missing, malformed, not to be
 * decrypted, not matching. A certificate that has expired can be used; see tls_profile_warning. */
struct tls_profile *tls_profile_create(
    const struct tls_profile_settings *settings,
    const struct tls_client_certificate *client_certificate,
    const unsigned char session_context[TLS_SESSION_CONTEXT_BYTES],
    struct tls_session_store *sessions, struct error *error);
struct tls_profile *tls_profile_acquire(struct tls_profile *profile);
/* NULL is fine. */
void tls_profile_release(struct tls_profile *profile);
/* SHA-256 over everything that a connection's TLS properties depend on (versions, suites, groups,
 * certificates, ALPN). */
struct slice tls_profile_settings_digest(const struct tls_profile *profile);
/* The server certificates, in the order of the settings. Borrowed. */
size_t tls_profile_certificate_count(const struct tls_profile *profile);
const X509 *tls_profile_certificate(const struct tls_profile *profile, size_t index);
/* The secrets of connections are written there from now on: before the first one is made. The log
 * is borrowed. */
void tls_profile_log_keys(struct tls_profile *profile, struct tls_key_log *log);
/* What works and should not stay so, as one sentence: a certificate that is not valid now, or a key
 * that everybody may read. NULL when there is nothing. Borrowed. */
const char *tls_profile_warning(const struct tls_profile *profile);
