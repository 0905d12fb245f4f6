/* SPDX-License-Identifier: Apache-2.0
 *
 * One SSL_CTX for each way in which servers are met. The peer is verified always, names are taken
 * from subjectAltName alone (RFC 9525 section 6.3), nothing is renegotiated.
 */
#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <unistd.h>

#include "protocol/tls/tls_client_internal.h"
#include "protocol/tls/tls_server_certificate_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum {
    DIGEST_BYTES = 32,
    SYSTEM_TRUST_BYTES_MAX = 16 * 1024 * 1024,
    CERTIFICATE_LIST_BYTES_MAX = 64 * 1024,
    DEPTH_MAX = 8
};

static const char default_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char default_groups[] = "X25519:P-256:P-384";
static const unsigned char alpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

/* As in tls_profile.c: from 3.2 on libssl takes certificates that are compressed, and claim to be
 * of any size (CVE-2025-66199). */
#ifndef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define SSL_OP_NO_RX_CERTIFICATE_COMPRESSION 0
#endif

static const uint64_t context_options =
    SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION;

struct tls_client_profile {
    SSL_CTX *context;
    char *server_name;
    unsigned char digest[DIGEST_BYTES];
};

SSL_CTX *tls_client_profile_context(const struct tls_client_profile *profile)
{
    return profile->context;
}

const char *tls_client_profile_server_name(const struct tls_client_profile *profile)
{
    return profile->server_name;
}

struct slice tls_client_profile_digest(const struct tls_client_profile *profile)
{
    return slice_from(profile->digest, sizeof profile->digest);
}

static void prefix_position(const struct position *position, struct error *error)
{
    if (position->file != NULL)
        error_prefix(error, "%s:%u:%u", position->file, position->line, position->column);
}

/* ---- digests ---- */

static void digest_bytes(EVP_MD_CTX *digest, struct slice bytes)
{
    uint64_t size = bytes.size;

    EVP_DigestUpdate(digest, &size, sizeof size);
    EVP_DigestUpdate(digest, bytes.data, bytes.size);
}

static void digest_text(EVP_MD_CTX *digest, const char *text)
{
    digest_bytes(digest, slice_from_text(text == NULL ? "" : text));
}

static void digest_certificate(EVP_MD_CTX *digest, const X509 *certificate)
{
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int done = X509_digest(certificate, EVP_sha256(), bytes, &size);

    assert(done == 1);
    digest_bytes(digest, slice_from(bytes, size));
}

/* ---- trust ---- */

const char *tls_client_system_trust(void)
{
    static const char *const places[] = {"/etc/ssl/certs/ca-certificates.crt",
                                         "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], R_OK) == 0)
            return places[i];
    }
    return NULL;
}

static size_t add_certificates(X509_STORE *store, BIO *bundle)
{
    size_t count = 0;

    for (;;) {
        X509 *certificate = PEM_read_bio_X509(bundle, NULL, NULL, NULL);
        bool added = certificate != NULL && X509_STORE_add_cert(store, certificate) == 1;

        X509_free(certificate);
        if (!added)
            break;
        count++;
    }
    /* The end of the file is told as "no start line"; anything else spoils the whole. */
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        count = 0;
    ERR_clear_error();
    return count;
}

/* The system's bundle is its own to judge: what is in it is not held to our rules for anchors. */
static bool trust_system(struct tls_client_profile *profile, EVP_MD_CTX *digest,
                         struct error *error)
{
    const char *path = tls_client_system_trust();
    char *data = NULL;
    size_t size = 0;
    BIO *bundle = NULL;
    bool trusted = false;

    if (path == NULL) {
        error_set(error, ERROR_FILE,
                  "the system has no CA certificates (package ca-certificates); set 'trust'");
        return false;
    }
    if (!file_read(path, SYSTEM_TRUST_BYTES_MAX, &data, &size, error))
        return false;
    bundle = BIO_new_mem_buf(data, (int)size);
    trusted =
        bundle != NULL && add_certificates(SSL_CTX_get_cert_store(profile->context), bundle) > 0;
    if (trusted)
        digest_bytes(digest, slice_from(data, size));
    else
        error_set(error, ERROR_CERTIFICATE, "'%s' holds what is no certificate", path);
    BIO_free(bundle);
    memory_release(data);
    return trusted;
}

static bool trust_files(struct tls_client_profile *profile,
                        const struct tls_client_settings *settings, EVP_MD_CTX *digest,
                        struct error *error)
{
    struct trust_store *anchors = trust_store_load(settings->trust, settings->trust_count, error);

    if (anchors == NULL)
        return false;
    SSL_CTX_set1_cert_store(profile->context, trust_store_library(anchors));
    digest_bytes(digest, trust_store_digest(anchors));
    trust_store_destroy(anchors);
    return true;
}

static bool set_trust(struct tls_client_profile *profile,
                      const struct tls_client_settings *settings, EVP_MD_CTX *digest,
                      struct error *error)
{
    if (settings->trust_count > 0)
        return trust_files(profile, settings, digest, error);
    if (trust_system(profile, digest, error))
        return true;
    prefix_position(&settings->tls.position, error);
    return false;
}

/* ---- what we are and speak ---- */

static bool set_certificate(struct tls_client_profile *profile,
                            const struct tls_client_settings *settings, EVP_MD_CTX *digest,
                            struct error *error)
{
    struct tls_server_certificate ours = {.leaf = NULL};
    bool used;

    if (settings->tls.certificate_count == 0)
        return true;
    used = tls_server_certificate_load(&settings->tls.certificates[0], &ours, error) &&
           tls_server_certificate_use(&ours, profile->context, error);
    if (used) {
        digest_certificate(digest, ours.leaf);
        for (int i = 0; i < sk_X509_num(ours.intermediates); i++)
            digest_certificate(digest, sk_X509_value(ours.intermediates, i));
    } else {
        prefix_position(&settings->tls.certificates[0].position, error);
    }
    tls_server_certificate_reset(&ours);
    return used;
}

static bool refuse(const char *what, const char *value, struct error *error)
{
    error_set(error, ERROR_VALUE, "%s '%s' cannot be used", what, value);
    ERR_clear_error();
    return false;
}

static bool set_algorithms(struct tls_client_profile *profile,
                           const struct tls_profile_settings *settings, struct error *error)
{
    SSL_CTX *context = profile->context;
    const char *ciphers = settings->ciphers == NULL ? default_ciphers : settings->ciphers;
    const char *groups = settings->groups == NULL ? default_groups : settings->groups;
    int min = settings->min_version == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    int max = settings->max_version == TLS_VERSION_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    union { /* libssl only reads it */
        const char *constant;
        char *text;
    } read_only = {.constant = groups};

    if (min > max) {
        error_set(error, ERROR_VALUE, "the highest TLS version is below the lowest");
        return false;
    }
    if (SSL_CTX_set_cipher_list(context, ciphers) != 1)
        return refuse("the cipher list", ciphers, error);
    if (settings->cipher_suites != NULL &&
        SSL_CTX_set_ciphersuites(context, settings->cipher_suites) != 1)
        return refuse("the TLS 1.3 cipher suite list", settings->cipher_suites, error);
    if (SSL_CTX_set1_groups_list(context, read_only.text) != 1)
        return refuse("the group list", groups, error);
    return SSL_CTX_set_min_proto_version(context, min) == 1 &&
           SSL_CTX_set_max_proto_version(context, max) == 1 &&
           SSL_CTX_set_alpn_protos(context, alpn, sizeof alpn) == 0;
}

static void digest_settings(EVP_MD_CTX *digest, const struct tls_client_settings *settings)
{
    unsigned char versions[] = {(unsigned char)settings->tls.min_version,
                                (unsigned char)settings->tls.max_version};

    digest_bytes(digest, slice_from(versions, sizeof versions));
    digest_text(digest, settings->tls.ciphers);
    digest_text(digest, settings->tls.cipher_suites);
    digest_text(digest, settings->tls.groups);
    digest_text(digest, settings->server_name);
}

static bool configure(struct tls_client_profile *profile,
                      const struct tls_client_settings *settings, EVP_MD_CTX *digest,
                      struct error *error)
{
    SSL_CTX *context = profile->context;

    SSL_CTX_clear_options(context, SSL_CTX_get_options(context));
    SSL_CTX_set_options(context, context_options);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 0);
    SSL_CTX_set_security_level(context, 2);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_verify_depth(context, DEPTH_MAX);
    SSL_CTX_set_max_cert_list(context, CERTIFICATE_LIST_BYTES_MAX);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL |
                                                SSL_SESS_CACHE_NO_AUTO_CLEAR);
    SSL_CTX_sess_set_new_cb(context, tls_client_on_new_session);
    digest_settings(digest, settings);
    if (!set_algorithms(profile, &settings->tls, error)) {
        prefix_position(&settings->tls.position, error);
        return false;
    }
    return set_trust(profile, settings, digest, error) &&
           set_certificate(profile, settings, digest, error);
}

struct tls_client_profile *tls_client_profile_create(const struct tls_client_settings *settings,
                                                     struct error *error)
{
    struct tls_client_profile *profile = memory_allocate(sizeof *profile);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool created;

    profile->context = SSL_CTX_new(TLS_client_method());
    assert(profile->context != NULL && digest != NULL);
    EVP_DigestInit_ex(digest, EVP_sha256(), NULL);
    profile->server_name = memory_copy_text(settings->server_name);
    created = configure(profile, settings, digest, error);
    EVP_DigestFinal_ex(digest, profile->digest, NULL);
    EVP_MD_CTX_free(digest);
    if (created)
        return profile;
    tls_client_profile_destroy(profile);
    return NULL;
}

void tls_client_profile_destroy(struct tls_client_profile *profile)
{
    if (profile == NULL)
        return;
    SSL_CTX_free(profile->context);
    memory_release(profile->server_name);
    memory_release(profile);
}
