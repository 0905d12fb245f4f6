/* SPDX-License-Identifier: Apache-2.0
 *
 * One key can be written in two ways, and whoever asks a CA for a certificate chooses: a point
 * compressed or not (RFC 5480 section 2.2), and RSA with NULL behind its name or, against RFC 3279
 * section 2.3.1, nothing.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <string.h>

#include "protocol/x509/certificate_facts.h"

enum { POINT_WHOLE = 0x04, POINT_EVEN = 0x02, FIELD_BYTES_MAX = 66 };

struct written_key {
    ASN1_OBJECT *type;
    X509_ALGOR *algorithm;
    const unsigned char *bytes;
    int size;
};

static bool write_y(const X509 *certificate, unsigned char *to, int size)
{
    BIGNUM *y = NULL;
    bool is_written =
        EVP_PKEY_get_bn_param(X509_get0_pubkey(certificate), OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
        BN_bn2binpad(y, to, size) == size;

    BN_free(y);
    return is_written;
}

/* The size of the point in its other form; 0: there is none. */
static int turn_point(const X509 *certificate, const struct written_key *key,
                      unsigned char point[1 + 2 * FIELD_BYTES_MAX])
{
    int field = key->bytes[0] == POINT_WHOLE ? (key->size - 1) / 2 : key->size - 1;

    if (field <= 0 || field > FIELD_BYTES_MAX)
        return 0;
    memcpy(point + 1, key->bytes + 1, (size_t)field);
    if (key->bytes[0] == POINT_WHOLE) {
        point[0] = (unsigned char)(POINT_EVEN | (key->bytes[key->size - 1] & 1));
        return 1 + field;
    }
    point[0] = POINT_WHOLE;
    return write_y(certificate, point + 1 + field, field) ? 1 + 2 * field : 0;
}

/* Takes `parameter`. */
static bool digest_key(const struct written_key *key, int parameter_type, void *parameter,
                       const unsigned char *bytes, int size, unsigned char *digest)
{
    X509_PUBKEY *written = X509_PUBKEY_new();
    ASN1_OBJECT *type = OBJ_dup(key->type);
    unsigned char *copy = OPENSSL_memdup(bytes, (size_t)size);
    unsigned char *der = NULL;
    int der_size = 0;

    if (written != NULL && type != NULL && copy != NULL &&
        X509_PUBKEY_set0_param(written, type, parameter_type, parameter, copy, size) == 1) {
        type = NULL; /* all of them are the key's now */
        copy = NULL;
        parameter = NULL;
        der_size = i2d_X509_PUBKEY(written, &der);
    }
    if (der_size > 0)
        SHA256(der, (size_t)der_size, digest);
    OPENSSL_free(der);
    OPENSSL_free(copy);
    ASN1_OBJECT_free(type);
    ASN1_OBJECT_free(parameter);
    X509_PUBKEY_free(written);
    return der_size > 0;
}

static bool digest_other(const X509 *certificate, const struct written_key *key,
                         unsigned char *digest)
{
    unsigned char point[1 + 2 * FIELD_BYTES_MAX];
    const void *parameter = NULL;
    int parameter_type = V_ASN1_UNDEF;
    int size;

    X509_ALGOR_get0(NULL, &parameter_type, &parameter, key->algorithm);
    if (OBJ_obj2nid(key->type) == NID_rsaEncryption)
        return digest_key(key, parameter_type == V_ASN1_NULL ? V_ASN1_UNDEF : V_ASN1_NULL, NULL,
                          key->bytes, key->size, digest);
    if (OBJ_obj2nid(key->type) != NID_X9_62_id_ecPublicKey || parameter_type != V_ASN1_OBJECT)
        return false;
    size = turn_point(certificate, key, point);
    return size > 0 && digest_key(key, V_ASN1_OBJECT, OBJ_dup(parameter), point, size, digest);
}

bool certificate_key_other_digest(const X509 *certificate,
                                  unsigned char digest[CERTIFICATE_DIGEST_BYTES])
{
    struct written_key key = {.size = 0};
    bool is_computed;

    ERR_set_mark();
    is_computed = X509_PUBKEY_get0_param(&key.type, &key.bytes, &key.size, &key.algorithm,
                                         X509_get_X509_PUBKEY(certificate)) == 1 &&
                  key.size > 1 && digest_other(certificate, &key, digest);
    ERR_pop_to_mark();
    return is_computed;
}
