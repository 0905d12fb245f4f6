/* SPDX-License-Identifier: Apache-2.0
 *
 * Chain and key from PEM. Blocks of other kinds are passed over, so that one file may hold both.
 * Anything that begins like PEM and is not is an error: a half-written file never counts as a
 * shorter chain. The bytes of keys are wiped as soon as they have been parsed.
 */
#include "protocol/tls/tls_server_certificate_internal.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <string.h>
#include <unistd.h>

#include "protocol/tls/tls_pfx_internal.h"
#include "protocol/tls/tls_pkcs11_internal.h"
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

static EVP_PKEY *parse_key(const unsigned char *data, long size)
{
    const unsigned char *at = data;
    EVP_PKEY *parsed = d2i_AutoPrivateKey(NULL, &at, size);

    if (parsed != NULL && at == data + size)
        return parsed;
    EVP_PKEY_free(parsed);
    ERR_clear_error();
    return NULL;
}

/* RFC 5958 section 3. */
static EVP_PKEY *decrypt_pkcs8(const struct pem_file *file, const char *password)
{
    const unsigned char *at = file->block;
    X509_SIG *encrypted = d2i_X509_SIG(NULL, &at, file->block_size);
    PKCS8_PRIV_KEY_INFO *decrypted = NULL;
    EVP_PKEY *key = NULL;

    if (encrypted != NULL)
        decrypted = PKCS8_decrypt(encrypted, password, (int)strlen(password));
    if (decrypted != NULL)
        key = EVP_PKCS82PKEY(decrypted);
    PKCS8_PRIV_KEY_INFO_free(decrypted);
    X509_SIG_free(encrypted);
    ERR_clear_error();
    return key;
}

static int give_password(char *buffer, int size, int writes, void *context)
{
    const char *password = context;
    size_t length = strlen(password);

    (void)writes;
    if (size < 0 || length > (size_t)size)
        return -1;
    memcpy(buffer, password, length);
    return (int)length;
}

/* In place: the block becomes what was encrypted. */
static EVP_PKEY *decrypt_traditional(struct pem_file *file, const char *password)
{
    char *copy = memory_copy_text(password);
    EVP_CIPHER_INFO cipher;
    EVP_PKEY *key = NULL;

    if (PEM_get_EVP_CIPHER_INFO(file->header, &cipher) == 1 &&
        PEM_do_header(&cipher, file->block, &file->block_size, give_password, copy) == 1)
        key = parse_key(file->block, file->block_size);
    memory_wipe_and_release(copy, strlen(password));
    ERR_clear_error();
    return key;
}

static EVP_PKEY *decrypt_key(struct pem_file *file, const char *password)
{
    return strcmp(file->name, PEM_STRING_PKCS8) == 0 ? decrypt_pkcs8(file, password)
                                                     : decrypt_traditional(file, password);
}

static EVP_PKEY *read_key_block(struct pem_file *file, const char *password, struct error *error)
{
    EVP_PKEY *key = NULL;

    if (is_encrypted(file) && password == NULL) {
        error_set(error, ERROR_CERTIFICATE,
                  "the private key in '%s' is encrypted: 'key_password' is needed", file->path);
    } else if (is_encrypted(file)) {
        key = decrypt_key(file, password);
        if (key == NULL)
            error_set(error, ERROR_CERTIFICATE,
                      "the private key in '%s' cannot be decrypted with this 'key_password'",
                      file->path);
    } else if (password != NULL) {
        error_set(error, ERROR_CERTIFICATE,
                  "the private key in '%s' is not encrypted, and there is a 'key_password'",
                  file->path);
    } else {
        key = parse_key(file->block, file->block_size);
        if (key == NULL)
            error_set(error, ERROR_CERTIFICATE, "the private key in '%s' is malformed", file->path);
    }
    return key;
}

static EVP_PKEY *read_key(struct pem_file *file, const char *password, struct error *error)
{
    static const char *const names[] = {PEM_STRING_PKCS8, PEM_STRING_PKCS8INF, PEM_STRING_RSA,
                                        PEM_STRING_ECPRIVATEKEY, NULL};
    enum pem_outcome outcome = next_block(file);

    while (outcome == PEM_BLOCK && !is_one_of(file->name, names))
        outcome = next_block(file);

    if (outcome == PEM_MALFORMED)
        error_set(error, ERROR_CERTIFICATE, "the PEM in '%s' is malformed", file->path);
    else if (outcome == PEM_END)
        error_set(error, ERROR_CERTIFICATE, "there is no private key in '%s'", file->path);
    return outcome == PEM_BLOCK ? read_key_block(file, password, error) : NULL;
}

static EVP_PKEY *load_key_file(const char *path, const char *password, struct error *error)
{
    struct pem_file file;
    EVP_PKEY *key = NULL;

    if (open_pem(&file, path, "key", error))
        key = read_key(&file, password, error);
    close_pem(&file);
    return key;
}

/* What settings say outright is a file or in a token; what was found in a directory is a file. */
static EVP_PKEY *load_key(const struct tls_certificate_settings *settings,
                          const struct tls_server_certificate *certificate, struct error *error)
{
    if (tls_pkcs11_is_uri(settings->key))
        return tls_pkcs11_load_key(settings->key, settings->key_password, error);
    return load_key_file(certificate->key_path, settings->key_password, error);
}

/* ---- directories ---- */

/* cert-manager and others for Kubernetes; certbot; the SPIFFE helper. A chain, then its key. */
static const char *const directory_files[] = {
    "tls.crt", "tls.key", "fullchain.pem", "privkey.pem", "svid.pem", "svid_key.pem", NULL};

const char *tls_certificate_directory_file(size_t index)
{
    return directory_files[index];
}

static bool is_in(const char *directory, const char *file)
{
    char *path = memory_format("%s/%s", directory, file);
    bool exists = access(path, F_OK) == 0;

    memory_release(path);
    return exists;
}

/* Which of two layouts is meant is nothing to guess. */
static bool find_in_directory(const char *directory, struct tls_server_certificate *certificate,
                              struct error *error)
{
    size_t found = SIZE_MAX;

    for (size_t i = 0; directory_files[i] != NULL; i += 2) {
        if (!is_in(directory, directory_files[i]) && !is_in(directory, directory_files[i + 1]))
            continue;
        if (found != SIZE_MAX) {
            error_set(error, ERROR_FILE,
                      "directory '%s' holds '%s' and '%s'; write 'chain' and 'key' instead",
                      directory, directory_files[found], directory_files[i]);
            return false;
        }
        found = i;
    }
    if (found == SIZE_MAX) {
        error_set(error, ERROR_FILE,
                  "directory '%s' holds none of tls.crt and tls.key, fullchain.pem and "
                  "privkey.pem, svid.pem and svid_key.pem",
                  directory);
        return false;
    }
    certificate->chain_path = memory_format("%s/%s", directory, directory_files[found]);
    certificate->key_path = memory_format("%s/%s", directory, directory_files[found + 1]);
    return true;
}

const char *tls_certificate_settings_path(const struct tls_certificate_settings *settings)
{
    if (settings->pfx != NULL)
        return settings->pfx;
    return settings->directory != NULL ? settings->directory : settings->chain;
}

/* ---- both ---- */

static bool is_key_of(X509 *certificate, EVP_PKEY *key)
{
    EVP_PKEY *public_key = X509_get0_pubkey(certificate);

    return public_key != NULL && EVP_PKEY_eq(public_key, key) == 1;
}

static bool check_key(const struct tls_server_certificate *certificate, struct error *error)
{
    if (is_key_of(certificate->leaf, certificate->key))
        return true;
    for (int i = 0; i < sk_X509_num(certificate->intermediates); i++) {
        if (!is_key_of(sk_X509_value(certificate->intermediates, i), certificate->key))
            continue;
        error_set(error, ERROR_CERTIFICATE,
                  "the server's certificate must come first in '%s'; the key belongs to "
                  "certificate %d",
                  certificate->chain_path, i + 2);
        return false;
    }
    error_set(error, ERROR_CERTIFICATE,
              "the private key in '%s' does not match the certificate in '%s'",
              certificate->key_path, certificate->chain_path);
    return false;
}

/* Finds out which files there are, and nothing more. */
static bool find_files(const struct tls_certificate_settings *settings,
                       struct tls_server_certificate *certificate, struct error *error)
{
    if (settings->directory != NULL)
        return find_in_directory(settings->directory, certificate, error);
    certificate->chain_path =
        memory_copy_text(settings->pfx != NULL ? settings->pfx : settings->chain);
    if (tls_pkcs11_is_uri(settings->key))
        certificate->key_path = tls_pkcs11_describe(settings->key);
    else
        certificate->key_path =
            memory_copy_text(settings->pfx != NULL ? settings->pfx : settings->key);
    return true;
}

bool tls_server_certificate_load(const struct tls_certificate_settings *settings,
                                 struct tls_server_certificate *certificate, struct error *error)
{
    bool loaded;

    *certificate = (struct tls_server_certificate){.intermediates = sk_X509_new_null()};
    loaded = find_files(settings, certificate, error);
    if (loaded && settings->pfx != NULL) {
        loaded = tls_pfx_load(settings, certificate, error);
    } else if (loaded) {
        loaded = load_chain(certificate->chain_path, certificate, error);
        if (loaded)
            certificate->key = load_key(settings, certificate, error);
        loaded = loaded && certificate->key != NULL;
    }
    if (loaded && check_key(certificate, error))
        return true;
    tls_server_certificate_reset(certificate);
    return false;
}

bool tls_server_certificate_use(const struct tls_server_certificate *certificate, SSL_CTX *context,
                                struct error *error)
{
    const char *words = NULL;

    ERR_clear_error();
    if (SSL_CTX_use_cert_and_key(context, certificate->leaf, certificate->key,
                                 certificate->intermediates, 1) == 1)
        return true;
    words = ERR_reason_error_string(ERR_peek_last_error());
    error_set(error, ERROR_CERTIFICATE, "the certificate in '%s' cannot be used: %s",
              certificate->chain_path, words == NULL ? "unknown" : words);
    ERR_clear_error();
    return false;
}

void tls_server_certificate_reset(struct tls_server_certificate *certificate)
{
    X509_free(certificate->leaf);
    sk_X509_pop_free(certificate->intermediates, X509_free);
    EVP_PKEY_free(certificate->key);
    memory_release(certificate->chain_path);
    memory_release(certificate->key_path);
    *certificate = (struct tls_server_certificate){0};
}
