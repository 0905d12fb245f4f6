/* SPDX-License-Identifier: Apache-2.0
 *
 * See tls_pfx_internal.h. Old tools encrypt with RC2 and 3DES, which only OpenSSL's legacy provider
 * still knows. It is loaded into a library context of its own, for the one file that needs it, and
 * unloaded: no other thread and nothing afterwards can use what it offers. What was read is encoded
 * and decoded again, so that nothing of that context is left in use.
 */
#include "protocol/tls/tls_pfx_internal.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>

#include "runtime/file.h"
#include "runtime/memory.h"

enum { PFX_FILE_BYTES_MAX = 1024 * 1024 };

struct pfx_content {
    EVP_PKEY *key;
    X509 *leaf;
    STACK_OF(X509) * others;
};

enum pfx_outcome { PFX_READ, PFX_MALFORMED, PFX_WRONG_PASSWORD, PFX_UNKNOWN_ENCRYPTION };

static void reset_content(struct pfx_content *content)
{
    EVP_PKEY_free(content->key);
    X509_free(content->leaf);
    sk_X509_pop_free(content->others, X509_free);
    *content = (struct pfx_content){0};
}

/* ---- reading ---- */

/* What is inside of a PFX is decrypted in the thread's default context, whatever context the PFX
 * itself was made in: so this thread has another default for a moment. */
static enum pfx_outcome read_in(OSSL_LIB_CTX *library, struct slice bytes, const char *password,
                                struct pfx_content *content)
{
    OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(library);
    const unsigned char *at = (const unsigned char *)bytes.data;
    PKCS12 *pfx = d2i_PKCS12(NULL, &at, (long)bytes.size);
    enum pfx_outcome outcome = PFX_MALFORMED;

    ERR_clear_error();
    if (pfx != NULL && (const char *)at == bytes.data + bytes.size) {
        if (PKCS12_parse(pfx, password, &content->key, &content->leaf, &content->others) == 1)
            outcome = PFX_READ;
        else if (ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE)
            outcome = PFX_WRONG_PASSWORD;
        else
            outcome = PFX_UNKNOWN_ENCRYPTION;
    }
    PKCS12_free(pfx);
    OSSL_LIB_CTX_set0_default(before);
    ERR_clear_error();
    return outcome;
}

/* ---- out of the context ---- */

static X509 *copy_certificate(const X509 *certificate)
{
    unsigned char *bytes = NULL;
    int size = i2d_X509(certificate, &bytes);
    const unsigned char *at = bytes;
    X509 *copy = size > 0 ? d2i_X509(NULL, &at, size) : NULL;

    OPENSSL_free(bytes);
    return copy;
}

static EVP_PKEY *copy_key(const EVP_PKEY *key)
{
    unsigned char *bytes = NULL;
    int size = i2d_PrivateKey(key, &bytes);
    const unsigned char *at = bytes;
    EVP_PKEY *copy = size > 0 ? d2i_AutoPrivateKey(NULL, &at, size) : NULL;

    OPENSSL_clear_free(bytes, size > 0 ? (size_t)size : 0);
    return copy;
}

/* The bag may hold them in any order, and others too: what counts is who issued whom. A root is not
 * shown, as clients have it or do not trust it. */
static void copy_path(const struct pfx_content *content, STACK_OF(X509) * intermediates)
{
    int left = content->others == NULL ? 0 : sk_X509_num(content->others);
    X509 *last = content->leaf;

    while (left-- > 0) {
        X509 *issuer = NULL;

        for (int i = 0; issuer == NULL && i < sk_X509_num(content->others); i++)
            if (X509_check_issued(sk_X509_value(content->others, i), last) == X509_V_OK)
                issuer = sk_X509_value(content->others, i);
        if (issuer == NULL || X509_self_signed(issuer, 0) == 1)
            return;
        sk_X509_push(intermediates, copy_certificate(issuer));
        last = issuer;
    }
}

static bool take_content(const struct pfx_content *content, const char *path,
                         struct tls_server_certificate *certificate, struct error *error)
{
    if (content->key == NULL || content->leaf == NULL) {
        error_set(error, ERROR_CERTIFICATE, "there is no %s in '%s'",
                  content->key == NULL ? "private key" : "certificate of the key", path);
        return false;
    }
    certificate->leaf = copy_certificate(content->leaf);
    certificate->key = copy_key(content->key);
    copy_path(content, certificate->intermediates);
    ERR_clear_error();
    if (certificate->leaf != NULL && certificate->key != NULL)
        return true;
    error_set(error, ERROR_CERTIFICATE, "the certificate or key in '%s' cannot be used", path);
    return false;
}

/* ---- both ---- */

static enum pfx_outcome load_with(const struct tls_certificate_settings *settings,
                                  struct slice bytes, bool with_legacy,
                                  struct tls_server_certificate *certificate, bool *taken,
                                  struct error *error)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *standard = OSSL_PROVIDER_load(library, "default");
    OSSL_PROVIDER *legacy = with_legacy ? OSSL_PROVIDER_load(library, "legacy") : NULL;
    struct pfx_content content = {0};
    enum pfx_outcome outcome = PFX_UNKNOWN_ENCRYPTION;

    if (standard != NULL && (legacy != NULL || !with_legacy))
        outcome = read_in(library, bytes, settings->password, &content);
    if (outcome == PFX_READ)
        *taken = take_content(&content, settings->pfx, certificate, error);
    reset_content(&content);
    if (legacy != NULL)
        OSSL_PROVIDER_unload(legacy);
    if (standard != NULL)
        OSSL_PROVIDER_unload(standard);
    OSSL_LIB_CTX_free(library);
    ERR_clear_error();
    return outcome;
}

static void explain(enum pfx_outcome outcome, const struct tls_certificate_settings *settings,
                    struct error *error)
{
    if (outcome == PFX_MALFORMED)
        error_set(error, ERROR_CERTIFICATE, "'%s' is not a PFX (PKCS #12), or is cut off",
                  settings->pfx);
    else if (outcome == PFX_WRONG_PASSWORD && settings->password == NULL)
        error_set(error, ERROR_CERTIFICATE, "the PFX '%s' has a password: 'password' is needed",
                  settings->pfx);
    else if (outcome == PFX_WRONG_PASSWORD)
        error_set(error, ERROR_CERTIFICATE, "this 'password' is not that of the PFX '%s'",
                  settings->pfx);
    else
        error_set(error, ERROR_CERTIFICATE,
                  "the PFX '%s' is encrypted in a way that is not known, or damaged",
                  settings->pfx);
}

bool tls_pfx_load(const struct tls_certificate_settings *settings,
                  struct tls_server_certificate *certificate, struct error *error)
{
    enum pfx_outcome outcome;
    bool taken = false;
    char *data = NULL;
    size_t size = 0;

    if (!file_read(settings->pfx, PFX_FILE_BYTES_MAX, &data, &size, error)) {
        error_prefix(error, "PFX file");
        return false;
    }
    outcome = load_with(settings, slice_from(data, size), false, certificate, &taken, error);
    if (outcome == PFX_UNKNOWN_ENCRYPTION)
        outcome = load_with(settings, slice_from(data, size), true, certificate, &taken, error);
    if (outcome != PFX_READ)
        explain(outcome, settings, error);
    memory_wipe_and_release(data, size);
    return taken;
}
