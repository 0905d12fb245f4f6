/* SPDX-License-Identifier: Apache-2.0
 *
 * One SSL_CTX a profile, and what has to be moved to an SSL that was made for another one.
 * Stateful tickets only, no renegotiation, no compression, no early data.
 */
#include "protocol/tls/tls_profile_internal.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "protocol/tls/tls_callbacks_internal.h"
#include "protocol/tls/tls_pkcs11.h"
#include "protocol/tls/tls_server_certificate_internal.h"
#include "protocol/tls/tls_session_store_internal.h"
#include "runtime/memory.h"

enum { KEY_TYPES_MAX = 8 };
enum { DIGEST_BYTES = 32, CERTIFICATE_LIST_BYTES_MAX = 32 * 1024, ALPN_BYTES_MAX = 512 };

/* Forward secrecy and authenticated encryption; the faster AES first. */
static const char default_ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
                                      "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char default_groups[] = "X25519:P-256:P-384";
static const char *const default_alpn[] = {"http/1.1", NULL};

/* From 3.2 on libssl takes certificates that are compressed, and claim to be of any size
 * (CVE-2025-66199). */
#ifndef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define SSL_OP_NO_RX_CERTIFICATE_COMPRESSION 0
#endif

static const uint64_t context_options =
    SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION |
    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
    SSL_OP_PRIORITIZE_CHACHA |
    SSL_OP_ENABLE_MIDDLEBOX_COMPAT /* RFC 8446 appendix D.4: a MUST where the client wants it */;

struct tls_profile {
    atomic_uint references;
    SSL_CTX *context;
    struct tls_session_store *sessions;
    char *groups;
    char *warning;
    unsigned char settings_digest[DIGEST_BYTES];
    unsigned char session_context[DIGEST_BYTES];
    unsigned char alpn[ALPN_BYTES_MAX];
    size_t alpn_size;
    bool refuses_by_alert;
    struct tls_key_log *key_log;
    X509 *certificates[KEY_TYPES_MAX];
    size_t certificate_count;
};

/* ---- what is asked of it ---- */

SSL_CTX *tls_profile_context(const struct tls_profile *profile)
{
    return profile->context;
}

struct tls_session_store *tls_profile_sessions(const struct tls_profile *profile)
{
    return profile->sessions;
}

struct slice tls_profile_session_context(const struct tls_profile *profile)
{
    return slice_from(profile->session_context, sizeof profile->session_context);
}

struct slice tls_profile_settings_digest(const struct tls_profile *profile)
{
    return slice_from(profile->settings_digest, sizeof profile->settings_digest);
}

bool tls_profile_refuses_by_alert(const struct tls_profile *profile)
{
    return profile->refuses_by_alert;
}

struct slice tls_profile_alpn(const struct tls_profile *profile)
{
    return slice_from(profile->alpn, profile->alpn_size);
}

size_t tls_profile_certificate_count(const struct tls_profile *profile)
{
    return profile->certificate_count;
}

const X509 *tls_profile_certificate(const struct tls_profile *profile, size_t index)
{
    return profile->certificates[index];
}

void tls_profile_log_keys(struct tls_profile *profile, struct tls_key_log *log)
{
    profile->key_log = log;
    tls_callbacks_log_keys(profile->context);
}

const struct tls_key_log *tls_profile_key_log(const struct tls_profile *profile)
{
    return profile->key_log;
}

const char *tls_profile_warning(const struct tls_profile *profile)
{
    return profile->warning;
}

struct tls_profile *tls_profile_acquire(struct tls_profile *profile)
{
    atomic_fetch_add_explicit(&profile->references, 1, memory_order_relaxed);
    return profile;
}

void tls_profile_release(struct tls_profile *profile)
{
    if (profile == NULL ||
        atomic_fetch_sub_explicit(&profile->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < profile->certificate_count; i++)
        X509_free(profile->certificates[i]);
    SSL_CTX_free(profile->context);
    memory_release(profile->groups);
    memory_release(profile->warning);
    memory_release(profile);
}

bool tls_profile_apply(SSL *ssl, const struct tls_profile *profile)
{
    SSL_CTX *context = profile->context;

    if (SSL_get_SSL_CTX(ssl) == context)
        return true;
    /* SSL_set_SSL_CTX brings certificates, TLS 1.2 and 1.3 suites, ALPN, CA names and callbacks.
     * Everything else an SSL copies from its first context when it is made, and keeps. */
    SSL_clear_options(ssl, SSL_get_options(ssl));
    SSL_set_options(ssl, SSL_CTX_get_options(context));
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), NULL);
    SSL_set_max_cert_list(ssl, SSL_CTX_get_max_cert_list(context));
    return SSL_set_SSL_CTX(ssl, context) == context &&
           SSL_set_min_proto_version(ssl, (int)SSL_CTX_get_min_proto_version(context)) == 1 &&
           SSL_set_max_proto_version(ssl, (int)SSL_CTX_get_max_proto_version(context)) == 1 &&
           SSL_set_session_id_context(ssl, profile->session_context,
                                      sizeof profile->session_context) == 1 &&
           SSL_set_num_tickets(ssl, SSL_CTX_get_num_tickets(context)) == 1 &&
           SSL_set1_groups_list(ssl, profile->groups) == 1;
}

/* ---- digests ---- */

static void digest_slice(EVP_MD_CTX *digest, struct slice bytes)
{
    uint64_t size = bytes.size;

    /* With its length, so that no two lists of values look the same. */
    EVP_DigestUpdate(digest, &size, sizeof size);
    EVP_DigestUpdate(digest, bytes.data, bytes.size);
}

static void digest_text(EVP_MD_CTX *digest, const char *text)
{
    digest_slice(digest, slice_from_text(text == NULL ? "" : text));
}

static void digest_number(EVP_MD_CTX *digest, uint64_t number)
{
    EVP_DigestUpdate(digest, &number, sizeof number);
}

static EVP_MD_CTX *start_digest(void)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    int started = digest == NULL ? 0 : EVP_DigestInit_ex(digest, EVP_sha256(), NULL);

    assert(started == 1);
    return digest;
}

static void finish_digest(EVP_MD_CTX *digest, unsigned char bytes[DIGEST_BYTES])
{
    int finished = EVP_DigestFinal_ex(digest, bytes, NULL);

    assert(finished == 1);
    EVP_MD_CTX_free(digest);
}

static void digest_certificate(EVP_MD_CTX *digest, X509 *certificate)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int done = X509_digest(certificate, EVP_sha256(), bytes, &size);

    assert(done == 1);
    digest_slice(digest, slice_from(bytes, size));
}

static void digest_certificates(EVP_MD_CTX *digest,
                                const struct tls_server_certificate *certificate)
{
    digest_number(digest, (uint64_t)sk_X509_num(certificate->intermediates));
    digest_certificate(digest, certificate->leaf);
    for (int i = 0; i < sk_X509_num(certificate->intermediates); i++)
        digest_certificate(digest, sk_X509_value(certificate->intermediates, i));
}

static void compute_session_context(struct tls_profile *profile,
                                    const struct tls_client_certificate *client,
                                    const unsigned char given[TLS_SESSION_CONTEXT_BYTES])
{
    EVP_MD_CTX *digest = start_digest();

    digest_slice(digest, slice_from(given, TLS_SESSION_CONTEXT_BYTES));
    digest_slice(digest, tls_profile_settings_digest(profile));
    digest_number(digest, (uint64_t)client->ask);
    digest_number(digest, client->refuse_by_alert);
    finish_digest(digest, profile->session_context);
}

/* ---- settings ---- */

static void prefix_position(struct error *error, const struct position *first,
                            const struct position *second)
{
    const struct position *position = first->file != NULL ? first : second;

    if (position->file != NULL)
        error_prefix(error, "%s:%u:%u", position->file, position->line, position->column);
}

static bool refuse_setting(const char *what, const char *value, struct error *error)
{
    error_set(error, ERROR_VALUE, "%s '%s' cannot be used", what, value);
    ERR_clear_error();
    return false;
}

static bool set_versions(const struct tls_profile *profile,
                         const struct tls_profile_settings *settings, struct error *error)
{
    int min = settings->min_version == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    int max = settings->max_version == TLS_VERSION_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;

    if (min > max) {
        error_set(error, ERROR_VALUE, "the highest TLS version is below the lowest");
        return false;
    }
    return SSL_CTX_set_min_proto_version(profile->context, min) == 1 &&
           SSL_CTX_set_max_proto_version(profile->context, max) == 1;
}

static bool set_algorithms(struct tls_profile *profile, const struct tls_profile_settings *settings,
                           struct error *error)
{
    const char *ciphers = settings->ciphers == NULL ? default_ciphers : settings->ciphers;

    profile->groups =
        memory_copy_text(settings->groups == NULL ? default_groups : settings->groups);
    if (SSL_CTX_set_cipher_list(profile->context, ciphers) != 1)
        return refuse_setting("the cipher list", ciphers, error);
    if (settings->cipher_suites != NULL &&
        SSL_CTX_set_ciphersuites(profile->context, settings->cipher_suites) != 1)
        return refuse_setting("the TLS 1.3 cipher suite list", settings->cipher_suites, error);
    if (SSL_CTX_set1_groups_list(profile->context, profile->groups) != 1)
        return refuse_setting("the group list", profile->groups, error);
    return true;
}

static bool add_alpn(struct tls_profile *profile, const char *name, struct error *error)
{
    size_t size = strlen(name);

    if (size == 0 || size > UINT8_MAX || profile->alpn_size + 1 + size > ALPN_BYTES_MAX)
        return refuse_setting("the ALPN protocol", name, error);
    profile->alpn[profile->alpn_size++] = (unsigned char)size;
    memcpy(profile->alpn + profile->alpn_size, name, size);
    profile->alpn_size += size;
    return true;
}

static bool set_alpn(struct tls_profile *profile, const struct tls_profile_settings *settings,
                     struct error *error)
{
    const char *const *names = settings->alpn == NULL ? default_alpn : settings->alpn;
    bool has_http_1_1 = false;

    for (; *names != NULL; names++) {
        if (!add_alpn(profile, *names, error))
            return false;
        has_http_1_1 = has_http_1_1 || strcmp(*names, "http/1.1") == 0;
    }
    /* Who speaks one speaks the other (RFC 9112 section 2.3), and clients that want HTTP/1.0, such
     * as curl, say so here. */
    return !has_http_1_1 || add_alpn(profile, "http/1.0", error);
}

static bool set_client_certificate(struct tls_profile *profile,
                                   const struct tls_client_certificate *client)
{
    static const int modes[] = {
        [TLS_ASK_NOBODY] = SSL_VERIFY_NONE,
        [TLS_ASK] = SSL_VERIFY_PEER,
        [TLS_ASK_OR_ALERT] = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
    };

    profile->refuses_by_alert = client->refuse_by_alert;
    SSL_CTX_set_verify(profile->context, modes[client->ask], NULL);
    SSL_CTX_set_max_cert_list(profile->context, CERTIFICATE_LIST_BYTES_MAX);
    if (client->ca_names != NULL)
        SSL_CTX_set_client_CA_list(profile->context, SSL_dup_CA_list(client->ca_names));
    return true;
}

static void set_sessions(struct tls_profile *profile, struct tls_session_store *sessions)
{
    SSL_CTX *context = profile->context;

    profile->sessions = sessions;
    SSL_CTX_set_session_id_context(context, profile->session_context,
                                   sizeof profile->session_context);
    /* The mode is the same with and without a store, because libssl looks at the context that the
     * connection began with; the callbacks know the profile that serves it. */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL |
                                                SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_set_num_tickets(context, sessions == NULL ? 0 : 1);
    if (sessions != NULL)
        SSL_CTX_set_timeout(context, (long)tls_session_store_lifetime(sessions));
}

/* A profile without any suite for its versions would fail every handshake. */
static bool check_suites(const struct tls_profile *profile, struct error *error)
{
    SSL *ssl = SSL_new(profile->context);
    STACK_OF(SSL_CIPHER) *suites = ssl == NULL ? NULL : SSL_get1_supported_ciphers(ssl);
    bool usable = suites != NULL && sk_SSL_CIPHER_num(suites) > 0;

    if (!usable)
        error_set(error, ERROR_VALUE, "no cipher suite can be used with these TLS versions");
    sk_SSL_CIPHER_free(suites);
    SSL_free(ssl);
    ERR_clear_error();
    return usable;
}

/* ---- certificates ---- */

static void warn_of(struct tls_profile *profile, const struct tls_server_certificate *certificate)
{
    struct stat status;

    if (profile->warning != NULL)
        return;
    if (X509_cmp_current_time(X509_get0_notAfter(certificate->leaf)) < 0)
        profile->warning =
            memory_format("the certificate in '%s' has expired", certificate->chain_path);
    else if (X509_cmp_current_time(X509_get0_notBefore(certificate->leaf)) > 0)
        profile->warning =
            memory_format("the certificate in '%s' is not valid yet", certificate->chain_path);
    else if (!tls_pkcs11_is_uri(certificate->key_path) &&
             stat(certificate->key_path, &status) == 0 &&
             (status.st_mode & (S_IRGRP | S_IROTH)) != 0)
        profile->warning =
            memory_format("the key in '%s' can be read by %s", certificate->key_path,
                          (status.st_mode & S_IROTH) != 0 ? "everybody" : "everybody of its group");
}

static bool add_certificate(struct tls_profile *profile,
                            const struct tls_certificate_settings *settings, EVP_MD_CTX *digest,
                            int *key_type, struct error *error)
{
    struct tls_server_certificate certificate;
    bool added = false;

    if (!tls_server_certificate_load(settings, &certificate, error))
        return false;
    *key_type = EVP_PKEY_get_base_id(certificate.key);
    added = tls_server_certificate_use(&certificate, profile->context, error);
    if (added) {
        digest_certificates(digest, &certificate);
        X509_up_ref(certificate.leaf);
        profile->certificates[profile->certificate_count++] = certificate.leaf;
        warn_of(profile, &certificate);
    }
    tls_server_certificate_reset(&certificate);
    return added;
}

static bool add_certificates(struct tls_profile *profile,
                             const struct tls_profile_settings *settings, EVP_MD_CTX *digest,
                             struct error *error)
{
    int key_types[KEY_TYPES_MAX];

    if (settings->certificate_count == 0 || settings->certificate_count > KEY_TYPES_MAX) {
        error_set(error, ERROR_VALUE,
                  settings->certificate_count == 0 ? "there is no server certificate"
                                                   : "there are too many server certificates");
        prefix_position(error, &settings->position, &settings->position);
        return false;
    }
    digest_number(digest, settings->certificate_count);
    for (size_t i = 0; i < settings->certificate_count; i++) {
        const struct tls_certificate_settings *one = &settings->certificates[i];
        bool added = add_certificate(profile, one, digest, &key_types[i], error);

        for (size_t j = 0; added && j < i; j++) {
            if (key_types[j] != key_types[i])
                continue;
            error_set(error, ERROR_CERTIFICATE,
                      "the certificates in '%s' and '%s' have the same type of key; a profile "
                      "takes one of each type",
                      tls_certificate_settings_path(&settings->certificates[j]),
                      tls_certificate_settings_path(one));
            added = false;
        }
        if (!added) {
            prefix_position(error, &one->position, &settings->position);
            return false;
        }
    }
    return true;
}

/* ---- making one ---- */

static bool configure(struct tls_profile *profile, const struct tls_profile_settings *settings,
                      const struct tls_client_certificate *client, struct error *error)
{
    SSL_CTX_clear_options(profile->context, SSL_CTX_get_options(profile->context));
    SSL_CTX_set_options(profile->context, context_options);
    SSL_CTX_set_mode(profile->context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY |
                                           SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(profile->context, 0);
    SSL_CTX_set_security_level(profile->context, 2);
    /* For DHE suites that a list of the user's own may name. */
    SSL_CTX_set_dh_auto(profile->context, 1);
    tls_callbacks_install(profile->context);
    if (set_versions(profile, settings, error) && set_algorithms(profile, settings, error) &&
        set_alpn(profile, settings, error) && set_client_certificate(profile, client) &&
        check_suites(profile, error))
        return true;
    prefix_position(error, &settings->position, &settings->position);
    return false;
}

static void digest_settings(EVP_MD_CTX *digest, const struct tls_profile *profile,
                            const struct tls_profile_settings *settings)
{
    digest_number(digest, (uint64_t)SSL_CTX_get_min_proto_version(profile->context));
    digest_number(digest, (uint64_t)SSL_CTX_get_max_proto_version(profile->context));
    digest_text(digest, settings->ciphers == NULL ? default_ciphers : settings->ciphers);
    digest_text(digest, settings->cipher_suites);
    digest_text(digest, profile->groups);
    digest_slice(digest, tls_profile_alpn(profile));
}

struct tls_profile *tls_profile_create(
    const struct tls_profile_settings *settings,
    const struct tls_client_certificate *client_certificate,
    const unsigned char session_context[TLS_SESSION_CONTEXT_BYTES],
    struct tls_session_store *sessions, struct error *error)
{
    struct tls_profile *profile = memory_allocate(sizeof *profile);
    EVP_MD_CTX *digest = start_digest();
    bool created = false;

    atomic_init(&profile->references, 1);
    profile->context = SSL_CTX_new(TLS_server_method());
    assert(profile->context != NULL);
    created = configure(profile, settings, client_certificate, error);
    if (created)
        digest_settings(digest, profile, settings);
    created = created && add_certificates(profile, settings, digest, error);
    finish_digest(digest, profile->settings_digest);
    if (!created) {
        tls_profile_release(profile);
        return NULL;
    }
    compute_session_context(profile, client_certificate, session_context);
    set_sessions(profile, sessions);
    return profile;
}
