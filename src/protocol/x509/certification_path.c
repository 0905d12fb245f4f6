/* SPDX-License-Identifier: Apache-2.0
 *
 * Path validation in three parts: limits before libcrypto computes anything, libcrypto's own
 * validation, and what libcrypto lets pass but RFC 5280 does not.
 *
 * Building is bounded: libcrypto never goes back on a choice of issuer, so that there are at most
 * depth + 2 steps, each over at most CERTIFICATE_CHAIN_COUNT_MAX presented certificates, our own
 * intermediates, and the anchors of one name; and signatures are verified from the anchor down, so
 * that a chain that nobody trusted has signed costs one verification. Only where there were several
 * issuers of one name are other ways looked for, within the limits of path_search_internal.h.
 *
 * X509_V_FLAG_X509_STRICT is not set: it refuses anchors without a key usage, as 'openssl req
 * -x509' makes them, and leaves without an authority key identifier, as 'openssl x509 -req' makes
 * them.
 */
#include "protocol/x509/certification_path.h"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/path_search_internal.h"
#include "protocol/x509/trust_store_internal.h"

/* 112 bits of security: RSA 2048 and SHA-224 pass, SHA-1 does not. */
enum { AUTHENTICATION_LEVEL = 2 };

static struct certification_path refuse(enum reason reason, int library_error)
{
    return (struct certification_path){
        .reason = reason, .library_error = library_error, .valid_until = INT64_MAX};
}

/* The own checks' nearest words of the library; none of them is ever X509_V_OK. */
static struct certification_path refuse_for(enum reason reason)
{
    switch ((int)reason) {
    case REASON_CERTIFICATE_KEY_UNACCEPTABLE:
        return refuse(reason, X509_V_ERR_EE_KEY_TOO_SMALL);
    case REASON_CERTIFICATE_CHAIN_TOO_LARGE:
    case REASON_CERTIFICATE_PATH_TOO_LONG:
        return refuse(reason, X509_V_ERR_CERT_CHAIN_TOO_LONG);
    case REASON_ISSUER_NOT_A_CA:
        return refuse(reason, X509_V_ERR_INVALID_CA);
    case REASON_CERTIFICATE_SIGNATURE_WEAK:
        return refuse(reason, X509_V_ERR_CA_MD_TOO_WEAK);
    case REASON_CERTIFICATE_PURPOSE_WRONG:
        return refuse(reason, X509_V_ERR_INVALID_PURPOSE);
    case REASON_INTERNAL:
        return refuse(reason, X509_V_ERR_UNSPECIFIED);
    default:
        return refuse(reason, X509_V_ERR_CERT_REJECTED);
    }
}

static enum reason check_certificate(X509 *certificate)
{
    enum reason reason = certificate_check_limits(certificate);

    if (reason != REASON_NONE)
        return reason;
    /* An extension that libcrypto knows and cannot read, or that contradicts another. */
    if ((X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0)
        return REASON_CERTIFICATE_MALFORMED;
    return REASON_NONE;
}

static enum reason check_presented(X509 *leaf, STACK_OF(X509) * untrusted)
{
    enum reason reason = check_certificate(leaf);
    int count = untrusted == NULL ? 0 : sk_X509_num(untrusted);

    if (count > CERTIFICATE_CHAIN_COUNT_MAX)
        return REASON_CERTIFICATE_CHAIN_TOO_LARGE;
    for (int i = 0; i < count && reason == REASON_NONE; i++)
        reason = check_certificate(sk_X509_value(untrusted, i));
    return reason;
}

/* `is_leaf`: whether the error is about the client's own certificate. */
static enum reason reason_of_time(int library_error, bool is_leaf)
{
    if (library_error == X509_V_ERR_CERT_HAS_EXPIRED)
        return is_leaf ? REASON_CERTIFICATE_EXPIRED : REASON_ISSUER_EXPIRED;
    return is_leaf ? REASON_CERTIFICATE_NOT_YET_VALID : REASON_ISSUER_NOT_YET_VALID;
}

static enum reason reason_of(int library_error, bool is_leaf)
{
    switch (library_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return reason_of_time(library_error, is_leaf);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return REASON_CERTIFICATE_SELF_SIGNED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_SUBJECT_ISSUER_MISMATCH:
    case X509_V_ERR_AKID_SKID_MISMATCH:
    case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
        return REASON_CERTIFICATE_ISSUER_UNKNOWN;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_SIGNATURE_ALGORITHM_INCONSISTENCY:
        return REASON_CERTIFICATE_SIGNATURE_INVALID;
    case X509_V_ERR_CA_MD_TOO_WEAK:
    case X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM:
        return REASON_CERTIFICATE_SIGNATURE_WEAK;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_EC_KEY_EXPLICIT_PARAMS:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    case X509_V_ERR_NO_ISSUER_PUBLIC_KEY:
        return REASON_CERTIFICATE_KEY_UNACCEPTABLE;
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        return REASON_ISSUER_NOT_A_CA;
    case X509_V_ERR_INVALID_PURPOSE:
        return REASON_CERTIFICATE_PURPOSE_WRONG;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        return REASON_CERTIFICATE_PATH_TOO_LONG;
    /* Constraints that cannot be understood cannot be satisfied. */
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
        return REASON_CERTIFICATE_NAME_NOT_PERMITTED;
    case X509_V_ERR_NO_EXPLICIT_POLICY:
        return REASON_CERTIFICATE_POLICY_MISSING;
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
        return REASON_CERTIFICATE_EXTENSION_UNKNOWN;
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
    case X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH:
    case X509_V_ERR_INVALID_EXTENSION:
    case X509_V_ERR_INVALID_POLICY_EXTENSION:
        return REASON_CERTIFICATE_MALFORMED;
    case X509_V_ERR_INVALID_CALL:
    case X509_V_ERR_STORE_LOOKUP:
        return REASON_INTERNAL;
    /* X509_V_ERR_OUT_OF_MEM, too: so a tree of policies ends that grew too large. */
    default:
        return REASON_CERTIFICATE_REFUSED;
    }
}

/* RFC 5280 section 6.1.1 (c) and (e). Without a demand the initial set is any-policy; libcrypto's
 * would be empty. */
static bool prepare_policies(X509_VERIFY_PARAM *parameters, const struct path_demands *demands)
{
    if (demands->policies == NULL)
        return X509_VERIFY_PARAM_add0_policy(parameters, OBJ_nid2obj(NID_any_policy)) == 1;
    return X509_VERIFY_PARAM_set1_policies(parameters, demands->policies) == 1 &&
           X509_VERIFY_PARAM_set_flags(parameters, X509_V_FLAG_EXPLICIT_POLICY) == 1;
}

static bool prepare(X509_STORE_CTX *context, const struct certification_path_settings *settings,
                    X509 *leaf, STACK_OF(X509) * untrusted, int64_t now)
{
    X509_VERIFY_PARAM *parameters = NULL;
    unsigned long flags = X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_POLICY_CHECK;
    int purpose =
        settings->demands.purpose == PATH_PURPOSE_ANY ? X509_PURPOSE_ANY : X509_PURPOSE_SSL_CLIENT;

    if (settings->depth > CERTIFICATION_PATH_DEPTH_MAX ||
        X509_STORE_CTX_init(context, trust_store_library(settings->anchors), leaf, untrusted) != 1)
        return false;
    if (settings->partial_chain)
        flags |= X509_V_FLAG_PARTIAL_CHAIN;
    parameters = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(parameters, (time_t)now);
    X509_VERIFY_PARAM_set_depth(parameters, (int)settings->depth);
    X509_VERIFY_PARAM_set_auth_level(parameters, AUTHENTICATION_LEVEL);
    return X509_VERIFY_PARAM_set_flags(parameters, flags) == 1 &&
           prepare_policies(parameters, &settings->demands) &&
           X509_VERIFY_PARAM_set_purpose(parameters, purpose) == 1 &&
           X509_VERIFY_PARAM_set_trust(parameters, X509_TRUST_SSL_CLIENT) == 1;
}

static struct certification_path refuse_with_error_of(X509_STORE_CTX *context)
{
    int library_error = X509_STORE_CTX_get_error(context);
    struct certification_path path;

    /* A failure without an error is a failure all the same. */
    if (library_error == X509_V_OK)
        return refuse_for(REASON_INTERNAL);
    path = refuse(reason_of(library_error, X509_STORE_CTX_get_error_depth(context) == 0),
                  library_error);
    if (library_error == X509_V_ERR_CERT_NOT_YET_VALID) {
        X509 *certificate = X509_STORE_CTX_get_current_cert(context);

        if (certificate == NULL ||
            !certificate_time(X509_get0_notBefore(certificate), &path.valid_until))
            path.valid_until = INT64_MAX;
    }
    return path;
}

/* RFC 5280 section 6.1.4 (k): libcrypto takes some certificates for CAs that do not say so. */
static bool are_issuers_cas(STACK_OF(X509) * certificates)
{
    for (int i = 1; i < sk_X509_num(certificates); i++)
        if (X509_check_ca(sk_X509_value(certificates, i)) != 1)
            return false;
    return true;
}

static bool find_validity(STACK_OF(X509) * certificates, int64_t *from, int64_t *until)
{
    *from = INT64_MIN;
    *until = INT64_MAX;
    for (int i = 0; i < sk_X509_num(certificates); i++) {
        const X509 *certificate = sk_X509_value(certificates, i);
        int64_t not_before = 0;
        int64_t not_after = 0;

        if (!certificate_time(X509_get0_notBefore(certificate), &not_before) ||
            !certificate_time(X509_get0_notAfter(certificate), &not_after))
            return false;
        if (not_before > *from)
            *from = not_before;
        if (not_after < *until)
            *until = not_after;
    }
    return true;
}

static struct certification_path accept_path_of(X509_STORE_CTX *context,
                                                const struct certification_path_settings *settings,
                                                int64_t now)
{
    struct certification_path path = {.reason = REASON_NONE, .library_error = X509_V_OK};
    STACK_OF(X509) *certificates = X509_STORE_CTX_get0_chain(context);
    enum reason demand;

    if (certificates == NULL || sk_X509_num(certificates) == 0)
        return refuse_for(REASON_INTERNAL);
    if (!are_issuers_cas(certificates))
        return refuse_for(REASON_ISSUER_NOT_A_CA);
    /* The leaf and the anchor are not counted. */
    if (sk_X509_num(certificates) - 2 > (int)settings->depth)
        return refuse_for(REASON_CERTIFICATE_PATH_TOO_LONG);
    if (!find_validity(certificates, &path.valid_from, &path.valid_until))
        return refuse_for(REASON_CERTIFICATE_MALFORMED);
    /* Two readings of the same times must agree. */
    if (now < path.valid_from || now >= path.valid_until)
        return refuse_for(REASON_INTERNAL);
    demand = path_demands_check(&settings->demands, certificates);
    if (demand != REASON_NONE)
        return refuse_for(demand);
    path.certificates = X509_STORE_CTX_get1_chain(context);
    if (path.certificates == NULL)
        return refuse_for(REASON_INTERNAL);
    return path;
}

/* What the client showed comes first. The list is the caller's, its certificates are not. */
static STACK_OF(X509) * collect_untrusted(const struct certification_path_settings *settings,
                                          STACK_OF(X509) * presented)
{
    STACK_OF(X509) *all = presented == NULL ? sk_X509_new_null() : sk_X509_dup(presented);
    size_t count = settings->intermediates == NULL ? 0 : trust_store_count(settings->intermediates);

    for (size_t i = 0; all != NULL && i < count; i++)
        sk_X509_push(all, trust_store_certificate(settings->intermediates, i));
    return all;
}

/* `search` NULL: of several issuers of one name the first that is found. */
static struct certification_path attempt(const struct certification_path_settings *settings,
                                         X509 *leaf, STACK_OF(X509) * untrusted, int64_t now,
                                         struct path_search *search)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    struct certification_path path = refuse_for(REASON_INTERNAL);

    if (context == NULL || !prepare(context, settings, leaf, untrusted, now))
        goto cleanup;
    if (search != NULL)
        path_search_join(search, context);
    if (X509_verify_cert(context) == 1 && X509_STORE_CTX_get_error(context) == X509_V_OK)
        path = accept_path_of(context, settings, now);
    else
        path = refuse_with_error_of(context);

cleanup:
    X509_STORE_CTX_free(context);
    return path;
}

/* What is wrong with the leaf alone is wrong whoever has issued it. */
static bool depends_on_way(enum reason reason)
{
    switch ((int)reason) {
    case REASON_NONE:
    case REASON_CERTIFICATE_EXPIRED:
    case REASON_CERTIFICATE_NOT_YET_VALID:
    case REASON_CERTIFICATE_MALFORMED:
    case REASON_INTERNAL:
        return false;
    default:
        return true;
    }
}

struct other_way {
    const struct certification_path_settings *settings;
    X509 *leaf;
    int64_t now;
    struct path_search search;
    struct certification_path path;
};

static bool validate_way(void *owner, STACK_OF(X509) * way)
{
    struct other_way *other = owner;

    other->path = attempt(other->settings, other->leaf, way, other->now, &other->search);
    return other->path.reason == REASON_NONE;
}

/* The reason of a refusal is that of the first way: it is the one that its owner meant. */
static struct certification_path verify(const struct certification_path_settings *settings,
                                        X509 *leaf, STACK_OF(X509) * untrusted, int64_t now)
{
    X509_STORE *store = trust_store_library(settings->anchors);
    STACK_OF(X509) *helping = collect_untrusted(settings, untrusted);
    struct certification_path path = refuse_for(REASON_INTERNAL);
    struct other_way other = {.settings = settings, .leaf = leaf, .now = now};

    if (helping != NULL)
        path = attempt(settings, leaf, helping, now, NULL);
    if (depends_on_way(path.reason) && path_search_has_choice(store, leaf, helping)) {
        path_search_init(&other.search);
        if (path_search_find(&other.search, store, leaf, helping, validate_way, &other))
            path = other.path;
    }
    sk_X509_free(helping);
    return path;
}

struct certification_path certification_path_verify(
    const struct certification_path_settings *settings, X509 *leaf, STACK_OF(X509) * untrusted,
    int64_t now)
{
    struct certification_path path;
    enum reason reason;

    /* The caller may be inside a handshake, and libssl reads this thread's error queue. */
    ERR_set_mark();
    reason = check_presented(leaf, untrusted);
    path = reason == REASON_NONE ? verify(settings, leaf, untrusted, now) : refuse_for(reason);
    ERR_pop_to_mark();
    return path;
}
