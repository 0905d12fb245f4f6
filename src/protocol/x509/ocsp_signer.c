/* SPDX-License-Identifier: Apache-2.0
 *
 * RFC 6960 section 4.2.2.2: the issuer's own key, or a delegate that this very key certified with
 * id-kp-OCSPSigning. Responders that somebody merely configured are not known here. Whether a
 * delegate was revoked in turn is not asked, whether or not it says ocsp-nocheck: its lifetime is
 * short, and who could ask would be asking forever.
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/ocsp_internal.h"

enum { SECURITY_BITS_MIN = 112 };

/* ---- the signature ---- */

static bool is_strong_digest(int nid)
{
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* Without parameters RSA-PSS means SHA-1. */
static bool is_strong_pss(const X509_ALGOR *algorithm)
{
    const void *value = NULL;
    int type = 0;
    RSA_PSS_PARAMS *parameters = NULL;
    const ASN1_OBJECT *digest = NULL;
    bool is_strong = false;

    X509_ALGOR_get0(NULL, &type, &value, algorithm);
    if (type != V_ASN1_SEQUENCE)
        return false;
    parameters = ASN1_item_unpack(value, ASN1_ITEM_rptr(RSA_PSS_PARAMS));
    if (parameters != NULL && parameters->hashAlgorithm != NULL) {
        X509_ALGOR_get0(&digest, NULL, NULL, parameters->hashAlgorithm);
        is_strong = is_strong_digest(OBJ_obj2nid(digest));
    }
    RSA_PSS_PARAMS_free(parameters);
    return is_strong;
}

static bool is_strong(const X509_ALGOR *algorithm)
{
    const ASN1_OBJECT *object = NULL;
    int digest = NID_undef;
    int nid;

    X509_ALGOR_get0(&object, NULL, NULL, algorithm);
    nid = OBJ_obj2nid(object);
    if (nid == NID_ED25519 || nid == NID_ED448)
        return true;
    if (nid == NID_rsassaPss)
        return is_strong_pss(algorithm);
    return OBJ_find_sigid_algs(nid, &digest, NULL) == 1 && is_strong_digest(digest);
}

/* The signed part is encoded again, which gives the bytes that came, since they were DER. */
static bool has_signed(X509 *signer, const OCSP_BASICRESP *answer)
{
    EVP_PKEY *key = X509_get0_pubkey(signer);
    const OCSP_RESPDATA *data = OCSP_resp_get0_respdata(answer);

    return key != NULL &&
           ASN1_item_verify(ASN1_ITEM_rptr(OCSP_RESPDATA), OCSP_resp_get0_tbs_sigalg(answer),
                            OCSP_resp_get0_signature(answer), data, key) == 1;
}

/* ---- the signer ---- */

/* By name, or by the SHA-1 of its public key. */
static bool is_named(const OCSP_BASICRESP *answer, const X509 *certificate)
{
    const ASN1_OCTET_STRING *key = NULL;
    const X509_NAME *name = NULL;
    unsigned char digest[SHA_DIGEST_LENGTH];

    if (OCSP_resp_get0_id(answer, &key, &name) != 1)
        return false;
    if (name != NULL)
        return X509_NAME_cmp(X509_get_subject_name(certificate), name) == 0;
    return key != NULL && ASN1_STRING_length(key) == SHA_DIGEST_LENGTH &&
           X509_pubkey_digest(certificate, EVP_sha1(), digest, NULL) == 1 &&
           memcmp(ASN1_STRING_get0_data(key), digest, sizeof digest) == 0;
}

static bool is_issued_by(X509 *certificate, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    int bits = 0;

    return key != NULL &&
           X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0 &&
           X509_get_signature_info(certificate, NULL, NULL, &bits, NULL) == 1 &&
           bits >= SECURITY_BITS_MIN && X509_verify(certificate, key) == 1;
}

static bool is_valid_now(const X509 *certificate, const struct ocsp_expectation *expected)
{
    int64_t begin = 0;
    int64_t end = 0;

    return certificate_time(X509_get0_notBefore(certificate), &begin) &&
           certificate_time(X509_get0_notAfter(certificate), &end) &&
           begin <= expected->now + expected->skew_seconds && expected->now <= end;
}

/* anyExtendedKeyUsage is not enough. */
static bool may_sign_answers(X509 *certificate)
{
    return (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0 &&
           (X509_get_extended_key_usage(certificate) & XKU_OCSP_SIGN) != 0 &&
           (X509_get_key_usage(certificate) & (KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION)) != 0;
}

static enum ocsp_outcome check_delegate(X509 *delegate, const struct ocsp_expectation *expected)
{
    if (certificate_check_limits(delegate) != REASON_NONE)
        return OCSP_SIGNER_INVALID;
    if (!is_issued_by(delegate, expected->issuer))
        return OCSP_SIGNER_UNKNOWN;
    if ((X509_get_extension_flags(delegate) & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0)
        return OCSP_SIGNER_INVALID;
    if (!may_sign_answers(delegate))
        return OCSP_SIGNER_NOT_AUTHORIZED;
    return is_valid_now(delegate, expected) ? OCSP_IS_GOOD : OCSP_SIGNER_INVALID;
}

/* Of several that bear the name, one is enough; else what was wrong with the last. */
static enum ocsp_outcome check_delegates(const OCSP_BASICRESP *answer,
                                         const struct ocsp_expectation *expected)
{
    const STACK_OF(X509) *shown = OCSP_resp_get0_certs(answer);
    enum ocsp_outcome outcome = OCSP_SIGNER_UNKNOWN;

    for (int i = 0; i < sk_X509_num(shown) && i < OCSP_CERTIFICATES_MAX; i++) {
        X509 *delegate = sk_X509_value(shown, i);

        if (!is_named(answer, delegate))
            continue;
        outcome = check_delegate(delegate, expected);
        if (outcome == OCSP_IS_GOOD && !has_signed(delegate, answer))
            outcome = OCSP_ANSWER_FORGED;
        if (outcome == OCSP_IS_GOOD)
            return outcome;
    }
    return outcome;
}

enum ocsp_outcome ocsp_check_signer(const OCSP_BASICRESP *answer,
                                    const struct ocsp_expectation *expected)
{
    bool names_issuer = is_named(answer, expected->issuer);
    enum ocsp_outcome outcome;

    if (!is_strong(OCSP_resp_get0_tbs_sigalg(answer)))
        return OCSP_ANSWER_WEAKLY_SIGNED;
    if (names_issuer && has_signed(expected->issuer, answer))
        return OCSP_IS_GOOD;
    outcome = check_delegates(answer, expected);
    return outcome == OCSP_SIGNER_UNKNOWN && names_issuer ? OCSP_ANSWER_FORGED : outcome;
}
