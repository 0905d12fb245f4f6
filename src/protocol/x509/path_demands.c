/* SPDX-License-Identifier: Apache-2.0
 *
 * See path_demands.h.
 */
#include "protocol/x509/path_demands.h"

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "protocol/x509/public_key_internal.h"
#include "protocol/x509/trust_store_internal.h"

unsigned path_key_type_parse(struct slice name)
{
    static const struct {
        const char *name;
        enum path_key_type type;
    } TYPES[] = {
        {"RSA", PATH_KEY_RSA},    {"P-256", PATH_KEY_P256},      {"P-384", PATH_KEY_P384},
        {"P-521", PATH_KEY_P521}, {"Ed25519", PATH_KEY_ED25519}, {"Ed448", PATH_KEY_ED448},
    };

    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (slice_equals(name, slice_from_text(TYPES[i].name)))
            return TYPES[i].type;
    return 0;
}

static unsigned type_of_curve(int curve)
{
    switch (curve) {
    case NID_X9_62_prime256v1:
        return PATH_KEY_P256;
    case NID_secp384r1:
        return PATH_KEY_P384;
    case NID_secp521r1:
        return PATH_KEY_P521;
    default:
        return 0;
    }
}

static unsigned type_of(const struct public_key *key)
{
    switch (key->kind) {
    case PUBLIC_KEY_RSA:
        return PATH_KEY_RSA;
    case PUBLIC_KEY_EC:
        return type_of_curve(key->curve);
    case PUBLIC_KEY_ED25519:
        return PATH_KEY_ED25519;
    case PUBLIC_KEY_ED448:
        return PATH_KEY_ED448;
    case PUBLIC_KEY_EC_UNNAMED:
    case PUBLIC_KEY_UNKNOWN:
    default:
        return 0;
    }
}

static bool is_key_enough(const struct path_demands *demands, const X509 *certificate)
{
    struct public_key key = public_key_read(certificate);

    if (demands->key_types != 0 && (demands->key_types & type_of(&key)) == 0)
        return false;
    return key.kind != PUBLIC_KEY_RSA || key.bits >= demands->rsa_bits_min;
}

/* EdDSA has its hash inside, of 512 bits. */
static bool is_signature_enough(const struct path_demands *demands, X509 *certificate)
{
    int key = NID_undef;
    int bits = 0;

    if (X509_get_signature_info(certificate, NULL, &key, &bits, NULL) != 1 || bits < 0)
        return false;
    if (key == NID_ED25519 || key == NID_ED448)
        return true;
    return (unsigned)bits >= demands->hash_bits_min;
}

static enum reason check_strength(const struct path_demands *demands, STACK_OF(X509) * path)
{
    int count = sk_X509_num(path);

    for (int i = 0; i < count; i++)
        if (!is_key_enough(demands, sk_X509_value(path, i)))
            return REASON_CERTIFICATE_KEY_UNACCEPTABLE;
    /* The anchor is trusted for what it is, not for what its signature says. */
    for (int i = 0; demands->hash_bits_min > 0 && i + 1 < count; i++)
        if (!is_signature_enough(demands, sk_X509_value(path, i)))
            return REASON_CERTIFICATE_SIGNATURE_WEAK;
    return REASON_NONE;
}

static bool has_usage(STACK_OF(ASN1_OBJECT) * usages, const ASN1_OBJECT *usage)
{
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); i++)
        if (OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), usage) == 0)
            return true;
    return false;
}

static bool has_usages(X509 *leaf, STACK_OF(ASN1_OBJECT) * demanded)
{
    STACK_OF(ASN1_OBJECT) *usages = X509_get_ext_d2i(leaf, NID_ext_key_usage, NULL, NULL);
    bool has_all = usages != NULL;

    for (int i = 0; has_all && i < sk_ASN1_OBJECT_num(demanded); i++)
        has_all = has_usage(usages, sk_ASN1_OBJECT_value(demanded, i));
    sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
    return has_all;
}

/* Whatever the certificate is for, it signs a handshake. Without the extension every use is
 * allowed, and the flags are all set. */
static bool may_sign_handshake(X509 *leaf)
{
    return (X509_get_key_usage(leaf) & (KU_DIGITAL_SIGNATURE | KU_KEY_AGREEMENT)) != 0;
}

static enum reason check_purpose(const struct path_demands *demands, X509 *leaf)
{
    bool is_good = true;

    if (demands->purpose == PATH_PURPOSE_CLIENT_REQUIRED)
        is_good = (X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) != 0;
    else if (demands->purpose == PATH_PURPOSE_ANY)
        is_good = may_sign_handshake(leaf);
    if (is_good && demands->usages != NULL)
        is_good = has_usages(leaf, demands->usages);
    return is_good ? REASON_NONE : REASON_CERTIFICATE_PURPOSE_WRONG;
}

static bool have_equal_keys(const X509 *a, const X509 *b)
{
    EVP_PKEY *left = X509_get0_pubkey(a);
    EVP_PKEY *right = X509_get0_pubkey(b);

    return left != NULL && right != NULL && EVP_PKEY_eq(left, right) == 1;
}

/* A CA is a name and a key (RFC 5280 section 6.1.1 (d)): its certificates come and go. */
static bool is_issuer(const struct trust_store *issuers, const X509 *certificate)
{
    for (size_t i = 0; i < trust_store_count(issuers); i++) {
        const X509 *issuer = trust_store_anchor(issuers, i);

        if (X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_subject_name(certificate)) == 0 &&
            have_equal_keys(issuer, certificate))
            return true;
    }
    return false;
}

static bool is_issuer_named(STACK_OF(X509_NAME) * names, const X509 *leaf)
{
    for (int i = 0; i < sk_X509_NAME_num(names); i++)
        if (X509_NAME_cmp(sk_X509_NAME_value(names, i), X509_get_issuer_name(leaf)) == 0)
            return true;
    return false;
}

/* What has signed the leaf: the next of the path, or itself when it is the anchor. */
static enum reason check_issuer(const struct path_demands *demands, STACK_OF(X509) * path)
{
    X509 *leaf = sk_X509_value(path, 0);
    X509 *signer = sk_X509_num(path) > 1 ? sk_X509_value(path, 1) : leaf;

    if (demands->issuers != NULL && !is_issuer(demands->issuers, signer))
        return REASON_ISSUER_NOT_ALLOWED;
    if (demands->issuer_names != NULL && !is_issuer_named(demands->issuer_names, leaf))
        return REASON_ISSUER_NOT_ALLOWED;
    return REASON_NONE;
}

enum reason path_demands_check(const struct path_demands *demands, STACK_OF(X509) * path)
{
    enum reason reason = check_strength(demands, path);

    if (reason == REASON_NONE)
        reason = check_purpose(demands, sk_X509_value(path, 0));
    if (reason == REASON_NONE)
        reason = check_issuer(demands, path);
    return reason;
}
