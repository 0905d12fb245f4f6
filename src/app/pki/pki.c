/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates as RFC 5280 wants them. A profile, one row a role, says what a certificate may do;
 * extensions are built as values, never from text, so that no name can smuggle in another.
 */
#include "app/pki/pki.h"

#include <assert.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "runtime/memory.h"
#include "runtime/random.h"

enum { SERIAL_BYTES = 20, RSA_BITS = 2048, NO_PATH_LENGTH = -1 };

/* The bits of RFC 5280 section 4.2.1.3, as they are numbered there. */
enum { DIGITAL_SIGNATURE = 0, KEY_ENCIPHERMENT = 2, KEY_CERT_SIGN = 5, CRL_SIGN = 6 };

struct profile {
    bool is_ca;
    long path_length;
    unsigned key_usage;   /* a set of 1 << bit */
    int extended_purpose; /* a NID, or NID_undef */
};

/* clang-format off */
static const struct profile profiles[] = {
    [PKI_ROOT]         = {true,  NO_PATH_LENGTH, 1U << KEY_CERT_SIGN | 1U << CRL_SIGN, NID_undef},
    [PKI_INTERMEDIATE] = {true,  0,              1U << KEY_CERT_SIGN | 1U << CRL_SIGN, NID_undef},
    [PKI_SERVER]       = {false, NO_PATH_LENGTH, 1U << DIGITAL_SIGNATURE, NID_server_auth},
    [PKI_CLIENT]       = {false, NO_PATH_LENGTH, 1U << DIGITAL_SIGNATURE, NID_client_auth},
};
/* clang-format on */

/* What libcrypto says, and nothing of it is left for the next one. */
static void set_library_error(struct error *error, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    error_set(error, ERROR_CERTIFICATE, "%s: %s", what,
              reason == NULL ? "libcrypto does not say why" : reason);
    ERR_clear_error();
}

/* ---- names ---- */

static bool add_name_part(X509_NAME *name, int nid, const char *text)
{
    return text == NULL || X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8,
                                                      (const unsigned char *)text, -1, -1, 0) == 1;
}

static bool set_subject(X509 *certificate, const struct pki_request *request, struct error *error)
{
    X509_NAME *name = X509_NAME_new();
    bool set = name != NULL && add_name_part(name, NID_organizationName, request->organization) &&
               add_name_part(name, NID_commonName, request->common_name) &&
               X509_set_subject_name(certificate, name) == 1;

    if (!set)
        set_library_error(error, "the subject's name cannot be put in a certificate");
    X509_NAME_free(name);
    return set;
}

/* An IA5String that means what it looks like: no blanks, no controls, ASCII (RFC 5280 4.2.1.6). */
static bool is_plain(const char *text)
{
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return false;
    }
    return true;
}

static ASN1_STRING *general_name_value(int type, const char *text)
{
    ASN1_STRING *value = NULL;

    if (type == GEN_IPADD)
        return a2i_IPADDRESS(text);
    if (!is_plain(text))
        return NULL;
    value = ASN1_IA5STRING_new();
    if (value != NULL && ASN1_STRING_set(value, text, -1) != 1) {
        ASN1_STRING_free(value);
        value = NULL;
    }
    return value;
}

static bool add_general_name(GENERAL_NAMES *names, int type, const char *text, struct error *error)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_STRING *value = general_name_value(type, text);

    if (name == NULL || value == NULL) {
        error_set(error, ERROR_VALUE, "'%s' cannot be a name in a certificate", text);
        ERR_clear_error();
        goto failed;
    }
    GENERAL_NAME_set0_value(name, type, value);
    value = NULL;
    if (sk_GENERAL_NAME_push(names, name) <= 0) {
        set_library_error(error, "a name cannot be added");
        goto failed;
    }
    return true;

failed:
    ASN1_STRING_free(value);
    GENERAL_NAME_free(name);
    return false;
}

static bool add_general_names(GENERAL_NAMES *names, int type, const char *const *texts,
                              struct error *error)
{
    for (; texts != NULL && *texts != NULL; texts++) {
        if (!add_general_name(names, type, *texts, error))
            return false;
    }
    return true;
}

/* ---- extensions ---- */

enum criticality { NOT_CRITICAL, CRITICAL };

static bool add_extension(X509 *certificate, int nid, void *value, enum criticality criticality,
                          struct error *error)
{
    if (value != NULL && X509_add1_ext_i2d(certificate, nid, value, criticality == CRITICAL,
                                           X509V3_ADD_DEFAULT) == 1)
        return true;
    set_library_error(error, OBJ_nid2ln(nid));
    return false;
}

static bool add_alternative_names(X509 *certificate, const struct pki_request *request,
                                  struct error *error)
{
    const char *const emails[] = {request->email, NULL};
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool added = names != NULL && add_general_names(names, GEN_DNS, request->dns_names, error) &&
                 add_general_names(names, GEN_IPADD, request->ip_addresses, error) &&
                 add_general_names(names, GEN_URI, request->uris, error) &&
                 add_general_names(names, GEN_EMAIL, emails, error);

    /* An empty list is not a SubjectAltName: there is at least one (RFC 5280 section 4.2.1.6). */
    if (added && sk_GENERAL_NAME_num(names) > 0)
        added = add_extension(certificate, NID_subject_alt_name, names, NOT_CRITICAL, error);
    GENERAL_NAMES_free(names);
    return added;
}

static bool add_basic_constraints(X509 *certificate, const struct profile *profile,
                                  struct error *error)
{
    BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    bool added = false;

    if (constraints != NULL) {
        constraints->ca = profile->is_ca ? 0xff : 0;
        if (profile->path_length != NO_PATH_LENGTH)
            constraints->pathlen = ASN1_INTEGER_new();
        if (constraints->pathlen != NULL)
            ASN1_INTEGER_set(constraints->pathlen, profile->path_length);
    }
    added = add_extension(certificate, NID_basic_constraints, constraints, CRITICAL, error);
    BASIC_CONSTRAINTS_free(constraints);
    return added;
}

/* RSA key transport exists in TLS 1.2 only, and for servers; everything else is a signature. */
static unsigned key_usage_of(const struct pki_request *request)
{
    unsigned usage = profiles[request->role].key_usage;

    if (request->role == PKI_SERVER && request->key == PKI_KEY_RSA_2048)
        usage |= 1U << KEY_ENCIPHERMENT;
    return usage;
}

static bool add_key_usage(X509 *certificate, unsigned usage, struct error *error)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    bool added = false;

    for (int bit = 0; bits != NULL && bit <= CRL_SIGN; bit++) {
        if ((usage & 1U << bit) != 0)
            ASN1_BIT_STRING_set_bit(bits, bit, 1);
    }
    added = add_extension(certificate, NID_key_usage, bits, CRITICAL, error);
    ASN1_BIT_STRING_free(bits);
    return added;
}

static bool add_extended_key_usage(X509 *certificate, int purpose, struct error *error)
{
    EXTENDED_KEY_USAGE *purposes = NULL;
    bool added = false;

    if (purpose == NID_undef)
        return true;
    purposes = EXTENDED_KEY_USAGE_new();
    added = purposes != NULL && sk_ASN1_OBJECT_push(purposes, OBJ_nid2obj(purpose)) > 0 &&
            add_extension(certificate, NID_ext_key_usage, purposes, NOT_CRITICAL, error);
    EXTENDED_KEY_USAGE_free(purposes);
    return added;
}

/* The SHA-1 of the key's bits: RFC 5280 section 4.2.1.2, method 1. A name, not a protection. */
static bool add_subject_key_identifier(X509 *certificate, struct error *error)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    ASN1_OCTET_STRING *identifier = ASN1_OCTET_STRING_new();
    bool added = false;

    if (identifier != NULL &&
        X509_pubkey_digest(certificate, EVP_sha1(), digest, &digest_size) == 1 &&
        ASN1_OCTET_STRING_set(identifier, digest, (int)digest_size) == 1)
        added =
            add_extension(certificate, NID_subject_key_identifier, identifier, NOT_CRITICAL, error);
    else
        set_library_error(error, "the key's identifier cannot be computed");
    ASN1_OCTET_STRING_free(identifier);
    return added;
}

static bool add_authority_key_identifier(X509 *certificate, const X509 *issuer, struct error *error)
{
    /* Computing the cached fields of the issuer needs a certificate that may be changed. */
    X509 *authority = X509_dup(issuer);
    const ASN1_OCTET_STRING *issuer_key =
        authority == NULL ? NULL : X509_get0_subject_key_id(authority);
    AUTHORITY_KEYID *identifier = AUTHORITY_KEYID_new();
    bool added = false;

    if (identifier != NULL && issuer_key != NULL)
        identifier->keyid = ASN1_OCTET_STRING_dup(issuer_key);
    if (identifier != NULL && identifier->keyid != NULL)
        added = add_extension(certificate, NID_authority_key_identifier, identifier, NOT_CRITICAL,
                              error);
    else
        set_library_error(error, "the issuer has no key identifier");
    AUTHORITY_KEYID_free(identifier);
    X509_free(authority);
    return added;
}

static bool add_extensions(X509 *certificate, const struct pki_request *request,
                           const struct pki_certificate *issuer, struct error *error)
{
    const struct profile *profile = &profiles[request->role];

    return add_basic_constraints(certificate, profile, error) &&
           add_key_usage(certificate, key_usage_of(request), error) &&
           add_extended_key_usage(certificate, profile->extended_purpose, error) &&
           add_subject_key_identifier(certificate, error) &&
           (issuer == NULL ||
            add_authority_key_identifier(certificate, issuer->certificate, error)) &&
           add_alternative_names(certificate, request, error);
}

/* ---- issuing ---- */

static EVP_PKEY *generate_key(enum pki_key kind, struct error *error)
{
    EVP_PKEY *key =
        kind == PKI_KEY_RSA_2048 ? EVP_RSA_gen((unsigned)RSA_BITS) : EVP_EC_gen("P-256");

    if (key == NULL)
        set_library_error(error, "a key cannot be made");
    return key;
}

static bool set_serial(X509 *certificate)
{
    unsigned char octets[SERIAL_BYTES];
    BIGNUM *number = NULL;
    bool set = false;

    /* Positive, and always of the same length: the first octet is between 0x40 and 0x7f. */
    random_fill(octets, sizeof octets);
    octets[0] = (unsigned char)((octets[0] & 0x3f) | 0x40);
    number = BN_bin2bn(octets, sizeof octets, NULL);
    set = number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

static bool set_validity(X509 *certificate, const struct pki_request *request, struct error *error)
{
    if (request->not_after < request->not_before) {
        error_set(error, ERROR_VALUE, "the certificate would end before it begins");
        return false;
    }
    if (ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)request->not_before) != NULL &&
        ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)request->not_after) != NULL)
        return true;
    set_library_error(error, "the dates cannot be put in a certificate");
    return false;
}

/* Without an issuer the certificate signs itself. */
static bool sign(X509 *certificate, EVP_PKEY *key, const struct pki_certificate *issuer,
                 struct error *error)
{
    const X509 *signer = issuer == NULL ? certificate : issuer->certificate;
    EVP_PKEY *signing_key = issuer == NULL ? key : issuer->key;

    if (X509_set_issuer_name(certificate, X509_get_subject_name(signer)) == 1 &&
        X509_sign(certificate, signing_key, EVP_sha256()) > 0)
        return true;
    set_library_error(error, "the certificate cannot be signed");
    return false;
}

bool pki_issue(const struct pki_request *request, const struct pki_certificate *issuer,
               struct pki_certificate *issued, struct error *error)
{
    struct pki_certificate issuing = {.certificate = X509_new()};
    bool done = false;

    assert(request->common_name != NULL);
    issuing.key = generate_key(request->key, error);
    if (issuing.key == NULL)
        goto cleanup;
    if (issuing.certificate == NULL || X509_set_version(issuing.certificate, X509_VERSION_3) != 1 ||
        X509_set_pubkey(issuing.certificate, issuing.key) != 1 ||
        !set_serial(issuing.certificate)) {
        set_library_error(error, "a certificate cannot be made");
        goto cleanup;
    }
    if (!set_subject(issuing.certificate, request, error) ||
        !set_validity(issuing.certificate, request, error) ||
        !add_extensions(issuing.certificate, request, issuer, error) ||
        !sign(issuing.certificate, issuing.key, issuer, error))
        goto cleanup;

    *issued = issuing;
    issuing = (struct pki_certificate){NULL, NULL};
    done = true;

cleanup:
    if (!done)
        error_prefix(error, "certificate '%s'", request->common_name);
    pki_certificate_reset(&issuing);
    return done;
}

void pki_certificate_reset(struct pki_certificate *certificate)
{
    X509_free(certificate->certificate);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct pki_certificate){NULL, NULL};
}
