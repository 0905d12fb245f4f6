/* SPDX-License-Identifier: Apache-2.0
 *
 * For each curve that a client's key may be on: a certificate, the same with one bit of the
 * signature flipped, and with a public key that is no point of the curve. For P-256, which servers'
 * keys and key exchange use and which is fast, somebody else's key, signing and agreeing besides.
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "protocol/x509/key_decoding_internal.h"
#include "runtime/memory.h"

enum {
    DER_BYTES_MAX = 1024,
    SIGNATURE_BYTES_MAX = 160,
    SECRET_BYTES_MAX = 80,
    SAMPLE_COUNT = 3,
    VALID_SECONDS = 3600
};

/* The names that libssl uses. The legacy way does not know NIST's ("P-256"). */
static const char *const curves[SAMPLE_COUNT] = {"prime256v1", "secp384r1", "secp521r1"};

struct sample {
    EVP_PKEY *key;
    unsigned char der[DER_BYTES_MAX];
    size_t der_size;
    size_t point_end; /* behind the last octet of the public key */
};

struct key_self_test {
    struct sample samples[SAMPLE_COUNT];
    EVP_PKEY *other_key; /* on the first one's curve */
};

/* ---- making ---- */

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *made = X509_new();
    X509_NAME *name = made == NULL ? NULL : X509_get_subject_name(made);

    if (made != NULL && X509_set_version(made, X509_VERSION_3) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"self-test", -1,
                                   -1, 0) == 1 &&
        X509_set_issuer_name(made, name) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(made), 0) != NULL &&
        X509_gmtime_adj(X509_getm_notAfter(made), VALID_SECONDS) != NULL &&
        X509_set_pubkey(made, key) == 1 && X509_sign(made, key, EVP_sha256()) > 0)
        return made;
    X509_free(made);
    return NULL;
}

/* Where the public key's bytes end in the DER. */
static bool find_point(struct sample *sample, const X509 *certificate)
{
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(certificate);
    size_t size = (size_t)ASN1_STRING_length(bits);
    const unsigned char *point =
        memmem(sample->der, sample->der_size, ASN1_STRING_get0_data(bits), size);

    if (point == NULL)
        return false;
    sample->point_end = (size_t)(point - sample->der) + size;
    return true;
}

static bool make_sample(struct sample *sample, const char *curve)
{
    X509 *certificate = NULL;
    unsigned char *end = sample->der;
    int size = 0;
    bool made = false;

    sample->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    if (sample->key == NULL)
        return false;
    certificate = make_certificate(sample->key);
    size = certificate == NULL ? 0 : i2d_X509(certificate, NULL);
    if (size > 0 && size <= DER_BYTES_MAX && i2d_X509(certificate, &end) == size) {
        sample->der_size = (size_t)size;
        made = find_point(sample, certificate);
    }
    X509_free(certificate);
    return made;
}

struct key_self_test *key_self_test_create(void)
{
    struct key_self_test *test = memory_allocate(sizeof *test);

    bool made = false;

    test->other_key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[0]);
    made = test->other_key != NULL;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        made = made && make_sample(&test->samples[i], curves[i]);
    if (made)
        return test;
    key_self_test_destroy(test);
    return NULL;
}

void key_self_test_destroy(struct key_self_test *test)
{
    if (test == NULL)
        return;
    for (size_t i = 0; i < SAMPLE_COUNT; i++)
        EVP_PKEY_free(test->samples[i].key);
    EVP_PKEY_free(test->other_key);
    memory_release(test);
}

/* ---- decoding and verifying ---- */

/* The certificate with one bit at `place` flipped; nothing is flipped behind the end. */
static X509 *decode(const struct sample *sample, size_t place)
{
    unsigned char der[DER_BYTES_MAX];
    const unsigned char *end = der;

    memcpy(der, sample->der, sample->der_size);
    if (place < sample->der_size)
        der[place] ^= 1;
    return d2i_X509(NULL, &end, (long)sample->der_size);
}

static bool accepts(const struct sample *sample, bool is_legacy)
{
    X509 *certificate = decode(sample, sample->der_size);
    EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    bool accepted = key != NULL && EVP_PKEY_eq(key, sample->key) == 1 &&
                    (EVP_PKEY_get0_provider(key) == NULL) == is_legacy &&
                    X509_verify(certificate, key) == 1 &&
                    X509_verify(certificate, sample->key) == 1;

    X509_free(certificate);
    return accepted;
}

static bool refuses_other_key(const struct sample *sample, EVP_PKEY *other_key)
{
    X509 *certificate = decode(sample, sample->der_size);
    bool refused = certificate != NULL && X509_verify(certificate, other_key) != 1;

    X509_free(certificate);
    return refused;
}

/* The signature's last octet. */
static bool refuses_forgery(const struct sample *sample)
{
    X509 *certificate = decode(sample, sample->der_size - 1);
    bool refused = certificate != NULL && X509_get0_pubkey(certificate) != NULL &&
                   X509_verify(certificate, X509_get0_pubkey(certificate)) != 1;

    X509_free(certificate);
    return refused;
}

static bool refuses_false_point(const struct sample *sample)
{
    X509 *certificate = decode(sample, sample->point_end - 1);
    bool refused = certificate != NULL && X509_get0_pubkey(certificate) == NULL;

    X509_free(certificate);
    return refused;
}

/* ---- signing and agreeing ---- */

static bool verifies(EVP_PKEY *key, const unsigned char *signature, size_t size, const char *text)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool verified =
        EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) == 1 &&
        EVP_DigestVerify(context, signature, size, (const unsigned char *)text, strlen(text)) == 1;

    EVP_MD_CTX_free(context);
    return verified;
}

/* With the private key, as a server does; verified with the key that a certificate brings. */
static bool signs(const struct sample *sample, EVP_PKEY *other_key)
{
    static const char text[] = "what is signed";
    unsigned char signature[SIGNATURE_BYTES_MAX];
    size_t size = sizeof signature;
    X509 *certificate = decode(sample, sample->der_size);
    EVP_PKEY *key = certificate == NULL ? NULL : X509_get0_pubkey(certificate);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good =
        key != NULL &&
        EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, sample->key, NULL) == 1 &&
        EVP_DigestSign(context, signature, &size, (const unsigned char *)text, strlen(text)) == 1 &&
        verifies(key, signature, size, text) && !verifies(key, signature, size, "something else") &&
        !verifies(other_key, signature, size, text);

    EVP_MD_CTX_free(context);
    X509_free(certificate);
    return is_good;
}

/* As libssl does: of the peer there are only the octets of a point. */
static bool derive(EVP_PKEY *own, EVP_PKEY *other, unsigned char *secret, size_t *size)
{
    unsigned char *point = NULL;
    size_t point_size = EVP_PKEY_get1_encoded_public_key(other, &point);
    EVP_PKEY *peer = EVP_PKEY_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    bool derived = peer != NULL && context != NULL && point_size > 0 &&
                   EVP_PKEY_copy_parameters(peer, own) == 1 &&
                   EVP_PKEY_set1_encoded_public_key(peer, point, point_size) == 1 &&
                   EVP_PKEY_derive_init(context) == 1 &&
                   EVP_PKEY_derive_set_peer(context, peer) == 1 &&
                   EVP_PKEY_derive(context, secret, size) == 1;

    EVP_PKEY_CTX_free(context);
    EVP_PKEY_free(peer);
    OPENSSL_free(point);
    return derived;
}

/* Between a key that is made now, whichever way that is, and one that was made the plain way. */
static bool agrees(const struct sample *sample, const char *curve)
{
    EVP_PKEY *fresh = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
    unsigned char ours[SECRET_BYTES_MAX], theirs[SECRET_BYTES_MAX];
    size_t our_size = sizeof ours, their_size = sizeof theirs;
    bool agreed = fresh != NULL && derive(fresh, sample->key, ours, &our_size) &&
                  derive(sample->key, fresh, theirs, &their_size) && our_size == their_size &&
                  memcmp(ours, theirs, our_size) == 0;

    EVP_PKEY_free(fresh);
    return agreed;
}

bool key_self_test_passes(const struct key_self_test *test, bool is_legacy)
{
    const struct sample *first = &test->samples[0];

    for (size_t i = 0; i < SAMPLE_COUNT; i++) {
        const struct sample *sample = &test->samples[i];

        if (!accepts(sample, is_legacy) || !refuses_forgery(sample) || !refuses_false_point(sample))
            return false;
    }
    return refuses_other_key(first, test->other_key) && signs(first, test->other_key) &&
           agrees(first, curves[0]);
}
