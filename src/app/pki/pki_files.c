/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and keys as files. What is secret is put together in memory that is wiped, and
 * written in one piece to a file that nobody else can have opened before.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <sys/stat.h>

#include "app/pki/pki.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/slice.h"

static void set_encoding_error(struct error *error, const char *path)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    error_set(error, ERROR_CERTIFICATE, "'%s' cannot be encoded: %s", path,
              reason == NULL ? "libcrypto does not say why" : reason);
    ERR_clear_error();
}

/* Creates the file of what was collected, and wipes it. */
static bool write_collected(const char *path, BIO *collected, struct error *error)
{
    char *data = NULL;
    long size = BIO_get_mem_data(collected, &data);
    bool written = size > 0 && file_write_private(path, slice_from(data, (size_t)size), error);

    if (size > 0)
        memory_wipe(data, (size_t)size);
    return written;
}

bool pki_write_chain(const char *path, const struct pki_certificate *certificate,
                     const struct pki_certificate *const *others, size_t other_count,
                     struct error *error)
{
    BIO *collected = BIO_new(BIO_s_mem());
    bool encoded =
        collected != NULL && PEM_write_bio_X509(collected, certificate->certificate) == 1;
    bool written = false;

    for (size_t i = 0; encoded && i < other_count; i++)
        encoded = PEM_write_bio_X509(collected, others[i]->certificate) == 1;
    if (!encoded) {
        set_encoding_error(error, path);
        goto cleanup;
    }
    if (!write_collected(path, collected, error))
        goto cleanup;
    /* Certificates are public. */
    if (chmod(path, 0644) != 0) {
        error_set(error, ERROR_FILE, "'%s' cannot be made readable: %s", path, strerror(errno));
        goto cleanup;
    }
    written = true;

cleanup:
    BIO_free(collected);
    return written;
}

bool pki_write_key(const char *path, const struct pki_certificate *certificate, struct error *error)
{
    BIO *collected = BIO_new(BIO_s_mem());
    bool written = false;

    if (collected == NULL ||
        PEM_write_bio_PrivateKey(collected, certificate->key, NULL, NULL, 0, NULL, NULL) != 1)
        set_encoding_error(error, path);
    else
        written = write_collected(path, collected, error);
    BIO_free(collected);
    return written;
}

/* The certificates stay their owners'. */
static STACK_OF(X509) *
    stack_certificates(const struct pki_certificate *const *certificates, size_t count)
{
    STACK_OF(X509) *stack = sk_X509_new_null();

    for (size_t i = 0; stack != NULL && i < count; i++) {
        if (sk_X509_push(stack, certificates[i]->certificate) <= 0) {
            sk_X509_free(stack);
            stack = NULL;
        }
    }
    return stack;
}

bool pki_write_pkcs12(const char *path, const struct pki_certificate *certificate,
                      const struct pki_certificate *const *others, size_t other_count,
                      const char *password, struct error *error)
{
    BIO *collected = BIO_new(BIO_s_mem());
    STACK_OF(X509) *issuers = stack_certificates(others, other_count);
    PKCS12 *bundle = NULL;
    bool written = false;

    if (collected != NULL && issuers != NULL)
        bundle = PKCS12_create(password, NULL, certificate->key, certificate->certificate, issuers,
                               0, 0, 0, 0, 0);
    if (bundle == NULL || i2d_PKCS12_bio(collected, bundle) != 1)
        set_encoding_error(error, path);
    else
        written = write_collected(path, collected, error);
    PKCS12_free(bundle);
    sk_X509_free(issuers);
    BIO_free(collected);
    return written;
}
