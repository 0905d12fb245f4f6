/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading subjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 3279, RFC 5480, RFC 8410).
 */
#include "protocol/x509/public_key_internal.h"

#include <openssl/objects.h>

#include "protocol/x509/der_internal.h"

enum { RSA_EXPONENT_BYTES_MAX = 8 };

static bool is_positive(struct slice integer)
{
    return integer.size > 0 && (unsigned char)integer.data[0] < 0x80;
}

static bool is_odd(struct slice integer)
{
    return integer.size > 0 && ((unsigned char)integer.data[integer.size - 1] & 1) != 0;
}

static struct slice without_sign_octet(struct slice integer)
{
    return integer.size > 1 && integer.data[0] == 0 ? slice_after(integer, 1) : integer;
}

static unsigned count_bits(struct slice magnitude)
{
    unsigned bits = (unsigned)(magnitude.size - 1) * 8;

    for (unsigned top = (unsigned char)magnitude.data[0]; top > 0; top >>= 1)
        bits++;
    return bits;
}

/* With the exponent 1 everybody can sign, and large exponents only cost time. */
static bool is_good_exponent(struct slice exponent)
{
    struct slice magnitude = without_sign_octet(exponent);

    return is_positive(exponent) && is_odd(exponent) && magnitude.size <= RSA_EXPONENT_BYTES_MAX &&
           !(magnitude.size == 1 && magnitude.data[0] == 1);
}

/* RFC 3279 section 2.3.1: SEQUENCE { modulus INTEGER, publicExponent INTEGER }. */
static void read_rsa(struct slice bytes, struct public_key *key)
{
    struct slice rest = bytes;
    struct slice numbers;
    struct slice modulus;
    struct slice exponent;

    key->kind = PUBLIC_KEY_RSA;
    if (!der_is_strict(bytes) || !der_read_universal(&rest, DER_SEQUENCE, &numbers) ||
        !der_read_universal(&numbers, DER_INTEGER, &modulus) ||
        !der_read_universal(&numbers, DER_INTEGER, &exponent) || !slice_is_empty(numbers))
        return;
    if (!is_positive(modulus))
        return;
    key->bits = count_bits(without_sign_octet(modulus));
    key->well_formed = is_odd(modulus) && is_good_exponent(exponent);
}

static size_t field_bytes(int curve)
{
    switch (curve) {
    case NID_X9_62_prime256v1:
        return 32;
    case NID_secp384r1:
        return 48;
    case NID_secp521r1:
        return 66;
    default:
        return 0;
    }
}

/* SEC 1 section 2.3.3. The point at infinity, one octet, is a key with which everybody can sign. */
static bool is_point(struct slice bytes, int curve)
{
    size_t field = field_bytes(curve);

    if (slice_is_empty(bytes) || field == 0)
        return false;
    if (bytes.data[0] == 0x04)
        return bytes.size == 1 + 2 * field;
    return (bytes.data[0] == 0x02 || bytes.data[0] == 0x03) && bytes.size == 1 + field;
}

/* RFC 5480 section 2.1.1: the curve must be given by name. Parameters of the client's own making
 * have led libraries into endless loops and into accepting forged keys. */
static void read_ec(struct slice bytes, const X509_ALGOR *algorithm, struct public_key *key)
{
    const void *parameter = NULL;
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(NULL, &type, &parameter, algorithm);
    if (type != V_ASN1_OBJECT) {
        key->kind = PUBLIC_KEY_EC_UNNAMED;
        return;
    }
    key->kind = PUBLIC_KEY_EC;
    key->curve = OBJ_obj2nid(parameter);
    key->well_formed = is_point(bytes, key->curve);
}

/* RFC 8410 section 3: no parameters. */
static void read_edwards(struct slice bytes, const X509_ALGOR *algorithm, size_t size,
                         struct public_key *key)
{
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(NULL, &type, NULL, algorithm);
    key->well_formed = type == V_ASN1_UNDEF && bytes.size == size;
}

struct public_key public_key_read(const X509 *certificate)
{
    struct public_key key = {.kind = PUBLIC_KEY_UNKNOWN, .curve = NID_undef};
    ASN1_OBJECT *object = NULL;
    X509_ALGOR *algorithm = NULL;
    const unsigned char *data = NULL;
    struct slice bytes;
    int size = 0;

    if (X509_PUBKEY_get0_param(&object, &data, &size, &algorithm,
                               X509_get_X509_PUBKEY(certificate)) != 1 ||
        size < 0)
        return key;
    bytes = slice_from(data, (size_t)size);
    key.algorithm = object;
    switch (OBJ_obj2nid(object)) {
    case NID_rsaEncryption:
    case NID_rsassaPss:
        read_rsa(bytes, &key);
        break;
    case NID_X9_62_id_ecPublicKey:
        read_ec(bytes, algorithm, &key);
        break;
    case NID_ED25519:
        key.kind = PUBLIC_KEY_ED25519;
        read_edwards(bytes, algorithm, 32, &key);
        break;
    case NID_ED448:
        key.kind = PUBLIC_KEY_ED448;
        read_edwards(bytes, algorithm, 57, &key);
        break;
    default:
        break;
    }
    return key;
}
