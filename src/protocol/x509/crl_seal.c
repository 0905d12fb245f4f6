/* SPDX-License-Identifier: Apache-2.0
 *
 * A list's signature is verified when the issuer's key is at hand, which may be much later than the
 * list was read: of most signatures a digest of the signed part is enough. RSA-PSS and EdDSA are
 * left to libcrypto, and need the signed part itself.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <string.h>

#include "protocol/x509/crl_internal.h"
#include "runtime/memory.h"

struct crl_seal {
    X509_ALGOR *algorithm;
    unsigned char *signature;
    size_t signature_size;
    const EVP_MD *hash; /* NULL: the signed part is kept */
    int key_type;
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size;
    char *signed_part;
    size_t signed_size;
};

static const EVP_MD *find_hash(int signature, int *key_type)
{
    int hash = NID_undef;

    if (OBJ_find_sigid_algs(signature, &hash, key_type) != 1)
        return NULL;
    switch (hash) {
    case NID_sha256:
        return EVP_sha256();
    case NID_sha384:
        return EVP_sha384();
    case NID_sha512:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static bool is_kept_whole(int signature)
{
    return signature == NID_rsassaPss || signature == NID_ED25519 || signature == NID_ED448;
}

static X509_ALGOR *read_algorithm(struct slice der, int *signature)
{
    const unsigned char *at = (const unsigned char *)der.data;
    X509_ALGOR *algorithm = d2i_X509_ALGOR(NULL, &at, (long)der.size);
    const ASN1_OBJECT *object = NULL;

    *signature = NID_undef;
    if (algorithm != NULL) {
        X509_ALGOR_get0(&object, NULL, NULL, algorithm);
        *signature = OBJ_obj2nid(object);
    }
    return algorithm;
}

static void keep_signed_part(struct crl_seal *seal, struct slice part)
{
    seal->signed_part = memory_allocate(part.size + 1);
    memcpy(seal->signed_part, part.data, part.size);
    seal->signed_size = part.size;
}

struct crl_seal *crl_seal_create(const struct crl_parts *parts, struct error *error)
{
    struct crl_seal *seal = memory_allocate(sizeof *seal);
    int signature;

    ERR_set_mark();
    seal->algorithm = read_algorithm(parts->algorithm, &signature);
    seal->hash = find_hash(signature, &seal->key_type);
    ERR_pop_to_mark();
    seal->signature = memory_allocate(parts->signature.size);
    memcpy(seal->signature, parts->signature.data, parts->signature.size);
    seal->signature_size = parts->signature.size;
    if (seal->hash == NULL && is_kept_whole(signature)) {
        keep_signed_part(seal, parts->signed_part);
        return seal;
    }
    if (seal->hash != NULL && EVP_Digest(parts->signed_part.data, parts->signed_part.size,
                                         seal->digest, &seal->digest_size, seal->hash, NULL) == 1)
        return seal;
    error_set(error, ERROR_CERTIFICATE, "it is signed with %s, which is not accepted",
              signature == NID_undef ? "an unknown algorithm" : OBJ_nid2ln(signature));
    crl_seal_destroy(seal);
    return NULL;
}

void crl_seal_destroy(struct crl_seal *seal)
{
    if (seal == NULL)
        return;
    X509_ALGOR_free(seal->algorithm);
    memory_release(seal->signature);
    memory_release(seal->signed_part);
    memory_release(seal);
}

bool crl_seal_digest(const struct crl_seal *seal, const struct crl_parts *parts,
                     unsigned char digest[CRL_DIGEST_BYTES])
{
    if (seal->hash != NULL && EVP_MD_get_type(seal->hash) == NID_sha256) {
        memcpy(digest, seal->digest, CRL_DIGEST_BYTES);
        return true;
    }
    return EVP_Digest(parts->signed_part.data, parts->signed_part.size, digest, NULL, EVP_sha256(),
                      NULL) == 1;
}

static bool verify_digest(const struct crl_seal *seal, EVP_PKEY *key)
{
    EVP_PKEY_CTX *context = NULL;
    bool verified = false;

    if (EVP_PKEY_get_base_id(key) != seal->key_type)
        return false;
    context = EVP_PKEY_CTX_new(key, NULL);
    verified = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
               EVP_PKEY_CTX_set_signature_md(context, seal->hash) == 1 &&
               EVP_PKEY_verify(context, seal->signature, seal->signature_size, seal->digest,
                               seal->digest_size) == 1;
    EVP_PKEY_CTX_free(context);
    return verified;
}

/* An ASN1_TYPE of a sequence is written as the bytes that it holds. */
static bool verify_whole(const struct crl_seal *seal, EVP_PKEY *key)
{
    ASN1_TYPE *whole = ASN1_TYPE_new();
    ASN1_STRING *bytes = ASN1_STRING_new();
    ASN1_BIT_STRING *signature = ASN1_BIT_STRING_new();
    bool verified = false;

    if (whole == NULL || bytes == NULL || signature == NULL || seal->signed_size > INT32_MAX ||
        seal->signature_size > INT32_MAX ||
        ASN1_STRING_set(bytes, seal->signed_part, (int)seal->signed_size) != 1 ||
        ASN1_BIT_STRING_set(signature, seal->signature, (int)seal->signature_size) != 1)
        goto cleanup;
    signature->flags &= ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07);
    signature->flags |= ASN1_STRING_FLAG_BITS_LEFT;
    ASN1_TYPE_set(whole, V_ASN1_SEQUENCE, bytes);
    bytes = NULL;
    verified =
        ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), seal->algorithm, signature, whole, key) == 1;

cleanup:
    ASN1_TYPE_free(whole);
    ASN1_STRING_free(bytes);
    ASN1_BIT_STRING_free(signature);
    return verified;
}

bool crl_seal_verify(const struct crl_seal *seal, EVP_PKEY *key)
{
    bool verified;

    ERR_set_mark();
    verified = seal->hash != NULL ? verify_digest(seal, key) : verify_whole(seal, key);
    ERR_pop_to_mark();
    return verified;
}
