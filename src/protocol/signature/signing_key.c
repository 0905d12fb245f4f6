/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/signature/signing_key.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <string.h>

#include "runtime/encoding.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum {
    KEY_FILE_BYTES_MAX = 16 * 1024,
    SECRET_BYTES_MIN = 32, /* as much as SHA-256 has: RFC 2104 section 3 */
    SECRET_BYTES_MAX = 256,
    P256_BYTES = 32,
    DER_SIGNATURE_BYTES_MAX = 80
};

struct signing_key {
    enum signing_algorithm algorithm;
    EVP_PKEY *private_key;
    size_t secret_size;
    unsigned char secret[SECRET_BYTES_MAX];
};

struct slice signing_algorithm_name(enum signing_algorithm algorithm)
{
    switch (algorithm) {
    case SIGNING_ECDSA_P256_SHA256:
        return SLICE("ecdsa-p256-sha256");
    case SIGNING_HMAC_SHA256:
        return SLICE("hmac-sha256");
    case SIGNING_NONE:
    default:
        return SLICE("");
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

/* libcrypto would ask at the terminal otherwise. */
static int refuse_password(char *buffer, int size, int writes, void *context)
{
    (void)buffer;
    (void)size;
    (void)writes;
    (void)context;
    return -1;
}

static bool is_p256(const EVP_PKEY *key)
{
    char name[32] = "";

    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, name, sizeof(name), NULL) == 1 &&
           (strcmp(name, "prime256v1") == 0 || strcmp(name, "P-256") == 0);
}

static bool read_private_key(struct signing_key *key, struct slice text, struct error *error)
{
    BIO *reader = BIO_new_mem_buf(text.data, (int)text.size);

    ERR_set_mark();
    if (reader != NULL)
        key->private_key = PEM_read_bio_PrivateKey(reader, NULL, refuse_password, NULL);
    ERR_pop_to_mark();
    BIO_free(reader);
    if (key->private_key == NULL)
        error_set(error, ERROR_CERTIFICATE, "there is no private key without a password in it");
    else if (!is_p256(key->private_key))
        error_set(error, ERROR_CERTIFICATE, "its key is not an EC key on P-256");
    else
        return true;
    return false;
}

static bool read_secret(struct signing_key *key, struct slice text, struct error *error)
{
    struct buffer secret;

    buffer_init(&secret, (char *)key->secret, sizeof(key->secret));
    if (!decode_base64(&secret, slice_trim(text))) {
        error_set(error, ERROR_SYNTAX, "it is not one line of base64 of at most %d octets",
                  SECRET_BYTES_MAX);
        return false;
    }
    key->secret_size = secret.written;
    if (key->secret_size >= SECRET_BYTES_MIN)
        return true;
    error_set(error, ERROR_VALUE, "its secret has %zu octets; %d are the fewest", key->secret_size,
              SECRET_BYTES_MIN);
    return false;
}

/* A line's end belongs to the file, not to the secret. */
static struct slice without_line_end(struct slice text)
{
    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    return text;
}

static bool read_text(struct signing_key *key, struct slice text, struct error *error)
{
    switch (key->algorithm) {
    case SIGNING_ECDSA_P256_SHA256:
        return read_private_key(key, text, error);
    case SIGNING_HMAC_SHA256:
        return read_secret(key, without_line_end(text), error);
    case SIGNING_NONE:
    default:
        error_set(error, ERROR_VALUE, "no algorithm is chosen");
        return false;
    }
}

struct signing_key *signing_key_read(const char *path, enum signing_algorithm algorithm,
                                     struct error *error)
{
    struct signing_key *key;
    char *data = NULL;
    size_t size = 0;
    bool is_read;

    if (!file_read(path, KEY_FILE_BYTES_MAX, &data, &size, error))
        return NULL;
    key = memory_allocate(sizeof(*key));
    key->algorithm = algorithm;
    is_read = read_text(key, slice_from(data, size), error);
    memory_wipe_and_release(data, size);
    if (is_read)
        return key;
    error_prefix(error, "'%s' cannot be the key of signatures", path);
    signing_key_destroy(key);
    return NULL;
}

void signing_key_destroy(struct signing_key *key)
{
    if (key == NULL)
        return;
    EVP_PKEY_free(key->private_key);
    memory_wipe_and_release(key, sizeof(*key));
}

enum signing_algorithm signing_key_algorithm(const struct signing_key *key)
{
    return key->algorithm;
}

/* ---- signatures ------------------------------------------------------------------------------ */

/* The two numbers, of 32 octets each, one behind the other. */
static size_t flatten(const unsigned char *der, size_t size,
                      unsigned char signature[SIGNATURE_BYTES_MAX])
{
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)size);
    bool complete =
        numbers != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, P256_BYTES) == P256_BYTES &&
        BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + P256_BYTES, P256_BYTES) == P256_BYTES;

    ECDSA_SIG_free(numbers);
    return complete ? 2 * (size_t)P256_BYTES : 0;
}

static size_t sign_with_private_key(EVP_PKEY *key, struct slice text,
                                    unsigned char signature[SIGNATURE_BYTES_MAX])
{
    unsigned char der[DER_SIGNATURE_BYTES_MAX];
    size_t size = sizeof(der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_signed =
        context != NULL && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, der, &size, (const unsigned char *)text.data, text.size) == 1;

    EVP_MD_CTX_free(context);
    return is_signed ? flatten(der, size, signature) : 0;
}

size_t signing_key_sign(const struct signing_key *key, struct slice text,
                        unsigned char signature[SIGNATURE_BYTES_MAX])
{
    unsigned size = 0;
    size_t written = 0;

    ERR_set_mark();
    if (key->private_key != NULL)
        written = sign_with_private_key(key->private_key, text, signature);
    else if (key->secret_size > 0 &&
             HMAC(EVP_sha256(), key->secret, (int)key->secret_size,
                  (const unsigned char *)text.data, text.size, signature, &size) != NULL)
        written = size;
    ERR_pop_to_mark();
    return written;
}
