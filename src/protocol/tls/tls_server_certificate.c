/* SPDX-License-Identifier: Apache-2.0
 *
 * Chain and key from PEM. Blocks of other kinds are passed over, so that one file may hold both.
 * Anything that begins like PEM and is not is an error: a half-written file never counts as a
 * shorter chain. The bytes of keys are wiped as soon as they have been parsed.
 */
#include "protocol/tls/tls_server_certificate_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "runtime/file.h"
#include "runtime/memory.h"

enum { PEM_FILE_BYTES_MAX = 1024 * 1024 };

/* A PEM file in memory, and the block that was read last. */
struct pem_file {
    const char *path;
    char *data;
    size_t size;
    BIO *reader;
    char *name;
    char *header;
    unsigned char *block;
    long block_size;
};

static void release_block(struct pem_file *file)
{
    OPENSSL_free(file->name);
    OPENSSL_free(file->header);
    OPENSSL_clear_free(file->block, file->block == NULL ? 0 : (size_t)file->block_size);
    file->name = file->header = NULL;
    file->block = NULL;
    file->block_size = 0;
}

static void close_pem(struct pem_file *file)
{
    release_block(file);
    BIO_free(file->reader);
    if (file->data != NULL)
        memory_wipe_and_release(file->data, file->size);
}

static bool open_pem(struct pem_file *file, const char *path, const char *what, struct error *error)
{
    *file = (struct pem_file){.path = path};
    if (path == NULL) {
        error_set(error, ERROR_VALUE, "no %s file is given", what);
        return false;
    }
    if (!file_read(path, PEM_FILE_BYTES_MAX, &file->data, &file->size, error)) {
        error_prefix(error, "%s file", what);
        return false;
    }
    file->reader = BIO_new_mem_buf(file->data, (int)file->size);
    if (file->reader == NULL) {
        error_set(error, ERROR_SYSTEM, "'%s' cannot be read from memory", path);
        return false;
    }
    return true;
}

enum pem_outcome { PEM_BLOCK, PEM_END, PEM_MALFORMED };

static enum pem_outcome next_block(struct pem_file *file)
{
    unsigned long code = 0;

    release_block(file);
    ERR_clear_error();
    if (PEM_read_bio(file->reader, &file->name, &file->header, &file->block, &file->block_size) ==
        1)
        return PEM_BLOCK;

    code = ERR_peek_last_error();
    file->name = file->header = NULL;
    file->block = NULL;
    ERR_clear_error();
    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
               ? PEM_END
               : PEM_MALFORMED;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

/* ---- the chain ---- */

static X509 *parse_certificate(const struct pem_file *file)
{
    const unsigned char *at = file->block;
    X509 *parsed = d2i_X509(NULL, &at, file->block_size);

    if (parsed != NULL && at == file->block + file->block_size)
        return parsed;
    X509_free(parsed);
    ERR_clear_error();
    return NULL;
}

static bool read_chain(struct pem_file *file, struct tls_server_certificate *certificate,
                       struct error *error)
{
    static const char *const names[] = {PEM_STRING_X509, PEM_STRING_X509_OLD, NULL};
    enum pem_outcome outcome = PEM_END;
    int number = 0;

    for (outcome = next_block(file); outcome == PEM_BLOCK; outcome = next_block(file)) {
        X509 *parsed = NULL;

        if (!is_one_of(file->name, names))
            continue;
        number++;
        parsed = parse_certificate(file);
        if (parsed == NULL) {
            error_set(error, ERROR_CERTIFICATE, "certificate %d in '%s' is malformed", number,
                      file->path);
            return false;
        }
        if (certificate->leaf == NULL)
            certificate->leaf = parsed;
        else
            sk_X509_push(certificate->intermediates, parsed);
    }
    if (outcome == PEM_MALFORMED) {
        error_set(error, ERROR_CERTIFICATE, "the PEM in '%s' is malformed", file->path);
        return false;
    }
    if (certificate->leaf == NULL) {
        error_set(error, ERROR_CERTIFICATE, "there is no certificate in '%s'", file->path);
        return false;
    }
    return true;
}

static bool load_chain(const char *path, struct tls_server_certificate *certificate,
                       struct error *error)
{
    struct pem_file file;
    bool loaded = open_pem(&file, path, "certificate", error);

    loaded = loaded && read_chain(&file, certificate, error);
    close_pem(&file);
    return loaded;
}

/* ---- the key ---- */

static bool is_encrypted(const struct pem_file *file)
{
    /* PKCS #8 says it by its name, the older forms by a header, RFC 1421 section 4.6.1.1. */
    return strcmp(file->name, PEM_STRING_PKCS8) == 0 || strstr(file->header, "ENCRYPTED") != NULL;
}

static EVP_PKEY *parse_key(const struct pem_file *file)
{
    const unsigned char *at = file->block;
    EVP_PKEY *parsed = d2i_AutoPrivateKey(NULL, &at, file->block_size);

    if (parsed != NULL && at == file->block + file->block_size)
        return parsed;
    EVP_PKEY_free(parsed);
    ERR_clear_error();
    return NULL;
}

static EVP_PKEY *read_key(struct pem_file *file, struct error *error)
{
    static const char *const names[] = {PEM_STRING_PKCS8, PEM_STRING_PKCS8INF, PEM_STRING_RSA,
                                        PEM_STRING_ECPRIVATEKEY, NULL};
    enum pem_outcome outcome = next_block(file);
    EVP_PKEY *parsed = NULL;

    while (outcome == PEM_BLOCK && !is_one_of(file->name, names))
        outcome = next_block(file);

    if (outcome == PEM_MALFORMED) {
        error_set(error, ERROR_CERTIFICATE, "the PEM in '%s' is malformed", file->path);
    } else if (outcome == PEM_END) {
        error_set(error, ERROR_CERTIFICATE, "there is no private key in '%s'", file->path);
    } else if (is_encrypted(file)) {
        error_set(error, ERROR_CERTIFICATE,
                  "the private key in '%s' is encrypted; encrypted keys are not supported yet",
                  file->path);
    } else {
        parsed = parse_key(file);
        if (parsed == NULL)
            error_set(error, ERROR_CERTIFICATE, "the private key in '%s' is malformed", file->path);
    }
    return parsed;
}

static EVP_PKEY *load_key(const char *path, struct error *error)
{
    struct pem_file file;
    EVP_PKEY *key = NULL;

    if (open_pem(&file, path, "key", error))
        key = read_key(&file, error);
    close_pem(&file);
    return key;
}

/* ---- both ---- */

static bool is_key_of(X509 *certificate, EVP_PKEY *key)
{
    EVP_PKEY *public_key = X509_get0_pubkey(certificate);

    return public_key != NULL && EVP_PKEY_eq(public_key, key) == 1;
}

static bool check_key(const struct tls_certificate_settings *settings,
                      const struct tls_server_certificate *certificate, struct error *error)
{
    if (is_key_of(certificate->leaf, certificate->key))
        return true;
    for (int i = 0; i < sk_X509_num(certificate->intermediates); i++) {
        if (!is_key_of(sk_X509_value(certificate->intermediates, i), certificate->key))
            continue;
        error_set(error, ERROR_CERTIFICATE,
                  "the server's certificate must come first in '%s'; the key belongs to "
                  "certificate %d",
                  settings->chain, i + 2);
        return false;
    }
    error_set(error, ERROR_CERTIFICATE,
              "the private key in '%s' does not match the certificate in '%s'", settings->key,
              settings->chain);
    return false;
}

bool tls_server_certificate_load(const struct tls_certificate_settings *settings,
                                 struct tls_server_certificate *certificate, struct error *error)
{
    *certificate = (struct tls_server_certificate){.intermediates = sk_X509_new_null()};
    if (load_chain(settings->chain, certificate, error)) {
        certificate->key = load_key(settings->key, error);
        if (certificate->key != NULL && check_key(settings, certificate, error))
            return true;
    }
    tls_server_certificate_reset(certificate);
    return false;
}

bool tls_server_certificate_use(const struct tls_server_certificate *certificate, SSL_CTX *context,
                                const struct tls_certificate_settings *settings,
                                struct error *error)
{
    const char *words = NULL;

    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(context, certificate->leaf, certificate->key,
                                 certificate->intermediates, 1) == 1)
        return true;
    words = ERR_reason_error_string(ERR_peek_last_error());
    error_set(error, ERROR_CERTIFICATE, "the certificate in '%s' cannot be used: %s",
              settings->chain, words == NULL ? "unknown" : words);
    ERR_clear_error();
    return false;
}

void tls_server_certificate_reset(struct tls_server_certificate *certificate)
{
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->intermediates, X509_free);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct tls_server_certificate){0};
}
