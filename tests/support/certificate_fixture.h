/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates for tests, made in the process: good ones with two words, bad ones in every way
 * that a setting can say. A certificate comes with its key, so that it can issue others:
 *
 *     struct fixture root = fixture_root("Root");
 *     struct fixture alice = fixture_leaf("alice", &root);
 *     struct fixture late = fixture_make(
 *         &(struct fixture_spec){.common_name = "late", .not_after = FIXTURE_NOW - 1}, &root);
 *
 * Whatever cannot be made ends the test program. Times are seconds since 1970; unless said
 * otherwise a certificate is valid from FIXTURE_NOW - FIXTURE_DAY to FIXTURE_NOW + 365 days.
 */
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/slice.h"

/* A header of helpers: no test uses all of them. */
#define FIXTURE_FUNCTION static __attribute__((unused))

#define FIXTURE_NOW ((int64_t)1790000000) /* 2026-09-21 */
#define FIXTURE_DAY ((int64_t)86400)

enum fixture_key_kind {
    FIXTURE_KEY_P256,
    FIXTURE_KEY_P384,
    FIXTURE_KEY_P521,
    FIXTURE_KEY_SECP256K1,
    FIXTURE_KEY_EXPLICIT, /* P-256 with its parameters spelled out */
    FIXTURE_KEY_RSA2048,
    FIXTURE_KEY_RSA1024,
    FIXTURE_KEY_ED25519,
    FIXTURE_KEY_ED448
};

/* One subject alternative name with any bytes in it; for FIXTURE_NAME_UPN an otherName. */
enum fixture_name_kind {
    FIXTURE_NAME_DNS = GEN_DNS,
    FIXTURE_NAME_URI = GEN_URI,
    FIXTURE_NAME_EMAIL = GEN_EMAIL,
    FIXTURE_NAME_IP = GEN_IPADD,
    FIXTURE_NAME_UPN = GEN_OTHERNAME
};

struct fixture_name {
    enum fixture_name_kind kind;
    struct slice bytes;
};

/* An extension as bytes: `oid` in numbers or by OpenSSL's short name. */
struct fixture_extension {
    const char *oid;
    bool critical;
    struct slice value;
};

struct fixture_spec {
    const char *common_name;  /* NULL: an empty subject, unless `name` is there */
    const char *organization; /* NULL: none; comes before the common name in the encoding */
    X509_NAME *name;          /* instead of both; borrowed */
    enum fixture_key_kind key_kind;
    EVP_PKEY *key;      /* instead of a new one; borrowed */
    int64_t not_before; /* 0: FIXTURE_NOW - FIXTURE_DAY */
    int64_t not_after;  /* 0: FIXTURE_NOW + 365 days */
    const char *serial; /* hexadecimal; NULL: random */
    bool version1;      /* no extension is added then */
    bool sha1;          /* signed with SHA-1 */
    bool without_key_identifiers;
    /* As in OpenSSL's configuration, "critical,CA:TRUE,pathlen:0"; NULL: absent. */
    const char *basic_constraints;
    const char *key_usage;
    const char *extended_key_usage;
    const char *subject_alt_name;
    const char *name_constraints;
    const char *policies;
    const char *policy_constraints;
    const struct fixture_name *names; /* instead of subject_alt_name */
    size_t name_count;
    const struct fixture_extension *extensions; /* after the others */
    size_t extension_count;
};

struct fixture {
    X509 *certificate;
    EVP_PKEY *key;
};

FIXTURE_FUNCTION void fixture_demand(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "certificate fixture: %s failed\n", what);
    abort();
}

FIXTURE_FUNCTION EVP_PKEY *fixture_key_explicit(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;

    fixture_demand(EVP_PKEY_keygen_init(context) == 1 &&
                       EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1) == 1 &&
                       EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_EXPLICIT_CURVE) == 1 &&
                       EVP_PKEY_keygen(context, &key) == 1,
                   "explicit EC key");
    EVP_PKEY_CTX_free(context);
    return key;
}

/* The caller frees it with EVP_PKEY_free. */
FIXTURE_FUNCTION EVP_PKEY *fixture_key_create(enum fixture_key_kind kind)
{
    EVP_PKEY *key = NULL;

    switch (kind) {
    case FIXTURE_KEY_P256:
        key = EVP_EC_gen("P-256");
        break;
    case FIXTURE_KEY_P384:
        key = EVP_EC_gen("P-384");
        break;
    case FIXTURE_KEY_P521:
        key = EVP_EC_gen("P-521");
        break;
    case FIXTURE_KEY_SECP256K1:
        key = EVP_EC_gen("secp256k1");
        break;
    case FIXTURE_KEY_EXPLICIT:
        key = fixture_key_explicit();
        break;
    case FIXTURE_KEY_RSA2048:
        key = EVP_RSA_gen(2048);
        break;
    case FIXTURE_KEY_RSA1024:
        key = EVP_RSA_gen(1024);
        break;
    case FIXTURE_KEY_ED25519:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        break;
    case FIXTURE_KEY_ED448:
        key = EVP_PKEY_Q_keygen(NULL, NULL, "ED448");
        break;
    default:
        break;
    }
    fixture_demand(key != NULL, "key");
    return key;
}

FIXTURE_FUNCTION void fixture_set_serial(X509 *certificate, const char *serial)
{
    BIGNUM *number = NULL;

    if (serial == NULL) {
        number = BN_new();
        fixture_demand(BN_rand(number, 120, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1, "serial");
    } else {
        fixture_demand(BN_hex2bn(&number, serial) > 0, "serial");
    }
    fixture_demand(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL,
                   "serial");
    BN_free(number);
}

FIXTURE_FUNCTION void fixture_name_add(X509_NAME *name, const char *attribute, int type,
                                       struct slice bytes)
{
    fixture_demand(X509_NAME_add_entry_by_txt(name, attribute, type,
                                              (const unsigned char *)bytes.data, (int)bytes.size,
                                              -1, 0) == 1,
                   "name");
}

FIXTURE_FUNCTION void fixture_set_subject(X509 *certificate, const struct fixture_spec *spec)
{
    X509_NAME *name = NULL;

    if (spec->name != NULL) {
        fixture_demand(X509_set_subject_name(certificate, spec->name) == 1, "subject");
        return;
    }
    name = X509_NAME_new();
    if (spec->organization != NULL)
        fixture_name_add(name, "O", MBSTRING_UTF8, slice_from_text(spec->organization));
    if (spec->common_name != NULL)
        fixture_name_add(name, "CN", MBSTRING_UTF8, slice_from_text(spec->common_name));
    fixture_demand(X509_set_subject_name(certificate, name) == 1, "subject");
    X509_NAME_free(name);
}

FIXTURE_FUNCTION void fixture_set_times(X509 *certificate, const struct fixture_spec *spec)
{
    int64_t from = spec->not_before == 0 ? FIXTURE_NOW - FIXTURE_DAY : spec->not_before;
    int64_t until = spec->not_after == 0 ? FIXTURE_NOW + 365 * FIXTURE_DAY : spec->not_after;

    fixture_demand(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from) != NULL &&
                       ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until) != NULL,
                   "validity");
}

FIXTURE_FUNCTION void fixture_add_configured(X509 *certificate, X509 *issuer, int nid,
                                             const char *value)
{
    X509_EXTENSION *extension = NULL;
    CONF *configuration = NULL;
    X509V3_CTX context;

    if (value == NULL)
        return;
    configuration = NCONF_new(NULL);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    /* Policies want a configuration to look into, even an empty one. */
    X509V3_set_nconf(&context, configuration);
    extension = X509V3_EXT_nconf_nid(configuration, &context, nid, value);
    fixture_demand(extension != NULL && X509_add_ext(certificate, extension, -1) == 1, value);
    NCONF_free(configuration);
    X509_EXTENSION_free(extension);
}

FIXTURE_FUNCTION void fixture_add_extension(X509 *certificate,
                                            const struct fixture_extension *specified)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OBJECT *oid = OBJ_txt2obj(specified->oid, 0);
    X509_EXTENSION *extension = NULL;

    fixture_demand(oid != NULL &&
                       ASN1_OCTET_STRING_set(value, (const unsigned char *)specified->value.data,
                                             (int)specified->value.size) == 1,
                   specified->oid);
    extension = X509_EXTENSION_create_by_OBJ(NULL, oid, specified->critical, value);
    fixture_demand(extension != NULL && X509_add_ext(certificate, extension, -1) == 1,
                   specified->oid);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(oid);
}

FIXTURE_FUNCTION GENERAL_NAME *fixture_general_name(const struct fixture_name *specified)
{
    GENERAL_NAME *general = GENERAL_NAME_new();
    int type = V_ASN1_IA5STRING;
    ASN1_STRING *string = NULL;

    if (specified->kind == FIXTURE_NAME_UPN)
        type = V_ASN1_UTF8STRING;
    else if (specified->kind == FIXTURE_NAME_IP)
        type = V_ASN1_OCTET_STRING;
    string = ASN1_STRING_type_new(type);
    fixture_demand(ASN1_STRING_set(string, specified->bytes.data, (int)specified->bytes.size) == 1,
                   "alternative name");
    if (specified->kind == FIXTURE_NAME_UPN) {
        ASN1_TYPE *value = ASN1_TYPE_new();

        ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string);
        fixture_demand(GENERAL_NAME_set0_othername(general, OBJ_nid2obj(NID_ms_upn), value) == 1,
                       "UPN");
    } else {
        GENERAL_NAME_set0_value(general, (int)specified->kind, string);
    }
    return general;
}

FIXTURE_FUNCTION void fixture_add_names(X509 *certificate, const struct fixture_name *names,
                                        size_t count)
{
    GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();

    for (size_t i = 0; i < count; i++)
        sk_GENERAL_NAME_push(list, fixture_general_name(&names[i]));
    fixture_demand(X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, 0) == 1,
                   "alternative names");
    GENERAL_NAMES_free(list);
}

FIXTURE_FUNCTION void fixture_add_extensions(X509 *certificate, X509 *issuer,
                                             const struct fixture_spec *spec)
{
    if (!spec->without_key_identifiers) {
        fixture_add_configured(certificate, issuer, NID_subject_key_identifier, "hash");
        /* An issuer without an identifier has none to repeat. */
        if (X509_get_ext_by_NID(issuer, NID_subject_key_identifier, -1) >= 0)
            fixture_add_configured(certificate, issuer, NID_authority_key_identifier, "keyid");
    }
    fixture_add_configured(certificate, issuer, NID_basic_constraints, spec->basic_constraints);
    fixture_add_configured(certificate, issuer, NID_key_usage, spec->key_usage);
    fixture_add_configured(certificate, issuer, NID_ext_key_usage, spec->extended_key_usage);
    fixture_add_configured(certificate, issuer, NID_subject_alt_name, spec->subject_alt_name);
    fixture_add_configured(certificate, issuer, NID_name_constraints, spec->name_constraints);
    fixture_add_configured(certificate, issuer, NID_certificate_policies, spec->policies);
    fixture_add_configured(certificate, issuer, NID_policy_constraints, spec->policy_constraints);
    if (spec->name_count > 0)
        fixture_add_names(certificate, spec->names, spec->name_count);
    for (size_t i = 0; i < spec->extension_count; i++)
        fixture_add_extension(certificate, &spec->extensions[i]);
}

FIXTURE_FUNCTION const EVP_MD *fixture_signature_digest(const EVP_PKEY *key, bool sha1)
{
    int kind = EVP_PKEY_get_base_id(key);

    if (kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448)
        return NULL;
    return sha1 ? EVP_sha1() : EVP_sha256();
}

/* `issuer` NULL: signed by itself. */
FIXTURE_FUNCTION struct fixture fixture_make(const struct fixture_spec *spec,
                                             const struct fixture *issuer)
{
    struct fixture made = {.certificate = X509_new()};
    X509 *issuing = NULL;
    EVP_PKEY *signing = NULL;

    if (spec->key != NULL) {
        made.key = spec->key;
        EVP_PKEY_up_ref(made.key);
    } else {
        made.key = fixture_key_create(spec->key_kind);
    }
    issuing = issuer == NULL ? made.certificate : issuer->certificate;
    signing = issuer == NULL ? made.key : issuer->key;

    fixture_demand(
        X509_set_version(made.certificate, spec->version1 ? X509_VERSION_1 : X509_VERSION_3) == 1,
        "version");
    fixture_set_serial(made.certificate, spec->serial);
    fixture_set_subject(made.certificate, spec);
    fixture_set_times(made.certificate, spec);
    fixture_demand(X509_set_issuer_name(made.certificate, X509_get_subject_name(issuing)) == 1 &&
                       X509_set_pubkey(made.certificate, made.key) == 1,
                   "certificate");
    if (!spec->version1)
        fixture_add_extensions(made.certificate, issuing, spec);
    fixture_demand(
        X509_sign(made.certificate, signing, fixture_signature_digest(signing, spec->sha1)) > 0,
        "signature");
    return made;
}

FIXTURE_FUNCTION void fixture_free(struct fixture *fixture)
{
    X509_free(fixture->certificate);
    EVP_PKEY_free(fixture->key);
    *fixture = (struct fixture){.certificate = NULL};
}

FIXTURE_FUNCTION struct fixture fixture_root(const char *common_name)
{
    return fixture_make(&(struct fixture_spec){.common_name = common_name,
                                               .not_before = FIXTURE_NOW - 1000 * FIXTURE_DAY,
                                               .not_after = FIXTURE_NOW + 3000 * FIXTURE_DAY,
                                               .basic_constraints = "critical,CA:TRUE",
                                               .key_usage = "critical,keyCertSign,cRLSign"},
                        NULL);
}

FIXTURE_FUNCTION struct fixture fixture_intermediate(const char *common_name,
                                                     const struct fixture *issuer)
{
    return fixture_make(&(struct fixture_spec){.common_name = common_name,
                                               .not_before = FIXTURE_NOW - 100 * FIXTURE_DAY,
                                               .not_after = FIXTURE_NOW + 1000 * FIXTURE_DAY,
                                               .basic_constraints = "critical,CA:TRUE",
                                               .key_usage = "critical,keyCertSign,cRLSign"},
                        issuer);
}

FIXTURE_FUNCTION struct fixture fixture_leaf(const char *common_name, const struct fixture *issuer)
{
    return fixture_make(&(struct fixture_spec){.common_name = common_name,
                                               .basic_constraints = "critical,CA:FALSE",
                                               .key_usage = "critical,digitalSignature",
                                               .extended_key_usage = "clientAuth"},
                        issuer);
}

/* ---- other forms ---- */

struct fixture_bytes {
    char *data; /* the caller frees it with free */
    size_t size;
};

FIXTURE_FUNCTION struct fixture_bytes fixture_der(const X509 *certificate)
{
    int size = i2d_X509(certificate, NULL);
    struct fixture_bytes bytes = {.data = NULL, .size = (size_t)size};
    unsigned char *end = NULL;

    fixture_demand(size > 0, "DER");
    bytes.data = malloc(bytes.size);
    end = (unsigned char *)bytes.data;
    fixture_demand(bytes.data != NULL && i2d_X509(certificate, &end) == size, "DER");
    return bytes;
}

/* NULL when libcrypto cannot parse it. */
FIXTURE_FUNCTION X509 *fixture_parse(struct slice der)
{
    const unsigned char *end = (const unsigned char *)der.data;

    return d2i_X509(NULL, &end, (long)der.size);
}

FIXTURE_FUNCTION struct slice fixture_bytes_slice(struct fixture_bytes bytes)
{
    return slice_from(bytes.data, bytes.size);
}

/* NUL-terminated PEM; the caller frees `data` with free. */
FIXTURE_FUNCTION struct fixture_bytes fixture_pem(X509 *const *certificates, size_t count)
{
    BIO *writing = BIO_new(BIO_s_mem());
    struct fixture_bytes bytes = {.data = NULL};
    char *data = NULL;
    long size = 0;

    for (size_t i = 0; i < count; i++)
        fixture_demand(PEM_write_bio_X509(writing, certificates[i]) == 1, "PEM");
    size = BIO_get_mem_data(writing, &data);
    bytes.size = (size_t)size;
    bytes.data = malloc(bytes.size + 1);
    fixture_demand(bytes.data != NULL, "PEM");
    memcpy(bytes.data, data, bytes.size);
    bytes.data[bytes.size] = '\0';
    BIO_free(writing);
    return bytes;
}

FIXTURE_FUNCTION struct fixture_bytes fixture_key_pem(EVP_PKEY *key)
{
    BIO *writing = BIO_new(BIO_s_mem());
    struct fixture_bytes bytes = {.data = NULL};
    char *data = NULL;

    fixture_demand(PEM_write_bio_PrivateKey(writing, key, NULL, NULL, 0, NULL, NULL) == 1, "PEM");
    bytes.size = (size_t)BIO_get_mem_data(writing, &data);
    bytes.data = malloc(bytes.size + 1);
    fixture_demand(bytes.data != NULL, "PEM");
    memcpy(bytes.data, data, bytes.size);
    bytes.data[bytes.size] = '\0';
    BIO_free(writing);
    return bytes;
}

/* With its own references; the caller frees it with fixture_chain_free. NULLs are left out. */
FIXTURE_FUNCTION STACK_OF(X509) * fixture_chain(X509 *const *certificates, size_t count)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    for (size_t i = 0; i < count; i++) {
        if (certificates[i] == NULL)
            continue;
        X509_up_ref(certificates[i]);
        sk_X509_push(chain, certificates[i]);
    }
    return chain;
}

FIXTURE_FUNCTION void fixture_chain_free(STACK_OF(X509) * chain)
{
    sk_X509_pop_free(chain, X509_free);
}

/* A copy with the lowest bit of the signature's last octet flipped. */
FIXTURE_FUNCTION X509 *fixture_forge(const X509 *certificate)
{
    struct fixture_bytes der = fixture_der(certificate);
    X509 *forged = NULL;

    der.data[der.size - 1] = (char)(der.data[der.size - 1] ^ 1);
    forged = fixture_parse(fixture_bytes_slice(der));
    fixture_demand(forged != NULL, "forgery");
    free(der.data);
    return forged;
}

/* A new file with these bytes and a name of its own; the caller unlinks and frees the path. */
FIXTURE_FUNCTION char *fixture_file(struct slice bytes)
{
    static const char TEMPLATE[] = "/tmp/sallyport-test-XXXXXX";
    char *path = malloc(sizeof TEMPLATE);
    FILE *file = NULL;
    int fd = -1;

    fixture_demand(path != NULL, "file");
    memcpy(path, TEMPLATE, sizeof TEMPLATE);
    fd = mkstemp(path);
    fixture_demand(fd >= 0, "file");
    file = fdopen(fd, "wb");
    fixture_demand(file != NULL &&
                       (bytes.size == 0 || fwrite(bytes.data, 1, bytes.size, file) == bytes.size),
                   "file");
    fixture_demand(fclose(file) == 0, "file");
    return path;
}
