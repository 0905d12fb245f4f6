/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_client_internal.h.
 */
#include "app/explain/explain_client_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>

#include "runtime/file.h"
#include "runtime/memory.h"

enum { CLIENT_FILE_BYTES_MAX = 1024 * 1024, PASSWORD_BYTES_MAX = 1024, CERTIFICATES_MAX = 100 };

/* ---- PEM and DER ---- */

/* NULL at the end; `is_broken` when something is there that is none. */
static X509 *next_pem(BIO *bytes, bool *is_broken)
{
    X509 *certificate = PEM_read_bio_X509(bytes, NULL, NULL, NULL);
    unsigned long problem = ERR_peek_last_error();

    *is_broken = certificate == NULL && ERR_GET_REASON(problem) != PEM_R_NO_START_LINE;
    ERR_clear_error();
    return certificate;
}

/* Adds what is in the PEM. False when it is broken, or too much. */
static bool add_pem(struct slice text, STACK_OF(X509) * to)
{
    BIO *bytes = BIO_new_mem_buf(text.data, (int)text.size);
    bool is_broken = false;
    X509 *certificate = next_pem(bytes, &is_broken);

    while (certificate != NULL && sk_X509_num(to) < CERTIFICATES_MAX) {
        sk_X509_push(to, certificate);
        certificate = next_pem(bytes, &is_broken);
    }
    is_broken = is_broken || certificate != NULL;
    X509_free(certificate);
    BIO_free(bytes);
    return !is_broken;
}

/* ---- PFX ---- */

/* Only a PKCS #12 begins as one: SEQUENCE { INTEGER 3. */
static PKCS12 *parse_pfx(struct slice bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    PKCS12 *pfx = d2i_PKCS12(NULL, &at, (long)bytes.size);

    ERR_clear_error();
    return pfx;
}

/* The first line. The caller wipes it. */
static bool read_password(const char *path, char **password, size_t *size, struct error *error)
{
    *password = NULL;
    if (path == NULL)
        return true;
    if (!file_read(path, PASSWORD_BYTES_MAX, password, size, error))
        return false;
    (*password)[strcspn(*password, "\r\n")] = '\0';
    return true;
}

static bool add_pfx(PKCS12 *pfx, const struct explain_client_files *files, STACK_OF(X509) * to,
                    struct error *error)
{
    char *password = NULL;
    size_t password_bytes = 0;
    EVP_PKEY *key = NULL;
    X509 *leaf = NULL;
    STACK_OF(X509) *others = NULL;
    bool is_read = read_password(files->password, &password, &password_bytes, error);

    if (!is_read)
        return false;
    is_read = PKCS12_parse(pfx, password == NULL ? "" : password, &key, &leaf, &others) == 1;
    if (!is_read)
        error_set(error, ERROR_CERTIFICATE,
                  ERR_GET_REASON(ERR_peek_last_error()) == PKCS12_R_MAC_VERIFY_FAILURE
                      ? "the password of '%s' is another (--password-file)"
                      : "'%s' is encrypted in a way that only OpenSSL's legacy provider knows; "
                        "convert it, or give the certificate as PEM",
                  files->certificate);
    ERR_clear_error();
    if (leaf != NULL)
        sk_X509_push(to, leaf);
    while (others != NULL && sk_X509_num(others) > 0)
        sk_X509_push(to, sk_X509_shift(others));
    sk_X509_free(others);
    EVP_PKEY_free(key);
    memory_wipe_and_release(password, password_bytes);
    return is_read;
}

/* ---- files ---- */

static bool add_certificate(struct slice bytes, const struct explain_client_files *files,
                            STACK_OF(X509) * to, struct error *error)
{
    PKCS12 *pfx = parse_pfx(bytes);
    X509 *single = NULL;
    bool is_added = true;

    if (pfx != NULL) {
        is_added = add_pfx(pfx, files, to, error);
        PKCS12_free(pfx);
        return is_added;
    }
    if (memmem(bytes.data, bytes.size, "-----BEGIN", 10) != NULL) {
        is_added = add_pem(bytes, to);
    } else {
        single = certificate_parse(bytes, NULL);
        is_added = single != NULL;
        if (is_added)
            sk_X509_push(to, single);
    }
    if (!is_added)
        error_set(error, ERROR_CERTIFICATE, "'%s' is neither PEM, DER nor PFX", files->certificate);
    return is_added;
}

static bool add_file(const char *path, bool is_chain, const struct explain_client_files *files,
                     STACK_OF(X509) * to, struct error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    int before = sk_X509_num(to);
    bool is_added = file_read(path, CLIENT_FILE_BYTES_MAX, &bytes, &size, error);

    if (!is_added)
        return false;
    if (is_chain) {
        is_added = add_pem(slice_from(bytes, size), to);
        if (!is_added)
            error_set(error, ERROR_CERTIFICATE, "'%s' is no PEM of certificates", path);
    } else {
        is_added = add_certificate(slice_from(bytes, size), files, to, error);
    }
    if (is_added && sk_X509_num(to) == before) {
        error_set(error, ERROR_CERTIFICATE, "there is no certificate in '%s'", path);
        is_added = false;
    }
    memory_wipe_and_release(bytes, size);
    return is_added;
}

struct presented_certificate *explain_client_load(const struct explain_client_files *files,
                                                  struct error *error)
{
    STACK_OF(X509) *certificates = sk_X509_new_null();
    struct presented_certificate *presented = NULL;

    if (add_file(files->certificate, false, files, certificates, error) &&
        (files->chain == NULL || add_file(files->chain, true, files, certificates, error))) {
        X509 *leaf = sk_X509_shift(certificates);

        presented = presented_certificate_create(leaf, certificates);
        X509_free(leaf);
    }
    sk_X509_pop_free(certificates, X509_free);
    return presented;
}
