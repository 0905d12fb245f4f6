/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists for tests, made by libcrypto, which is not what reads them:
 *
 *     struct crl *list = crl_fixture(&(struct crl_spec){.number = 1, .revoked = {"0a"}}, &root);
 *
 * Whatever cannot be made ends the test program.
 */
#pragma once

#include <openssl/x509v3.h>

#include "protocol/x509/crl.h"
#include "support/certificate_fixture.h"

enum { CRL_SPEC_ENTRIES_MAX = 8 };

struct crl_spec {
    const char *revoked[CRL_SPEC_ENTRIES_MAX]; /* serials, hexadecimal; up to the first NULL */
    int reasons[CRL_SPEC_ENTRIES_MAX];         /* CRLReason of each; 0: none is given */
    int64_t this_update;                       /* 0: FIXTURE_NOW - FIXTURE_DAY */
    int64_t next_update;                       /* 0: FIXTURE_NOW + FIXTURE_DAY; -1: none */
    long number;                               /* 0: none */
    long base;                                 /* of a delta list; 0: it is none */
    const struct fixture *signer;              /* instead of the issuer */
    const struct fixture_extension *extensions;
    size_t extension_count;
    const struct fixture_extension *entry_extension; /* of the first entry */
    bool has_key_identifier;
    bool is_sha1;
    bool is_version1;
};

FIXTURE_FUNCTION X509_EXTENSION *crl_fixture_extension(const struct fixture_extension *extension)
{
    ASN1_OBJECT *object = OBJ_txt2obj(extension->oid, 0);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *made = NULL;

    fixture_demand(object != NULL &&
                       ASN1_OCTET_STRING_set(value, (const unsigned char *)extension->value.data,
                                             (int)extension->value.size) == 1,
                   "extension");
    made = X509_EXTENSION_create_by_OBJ(NULL, object, extension->critical, value);
    fixture_demand(made != NULL, "extension");
    ASN1_OBJECT_free(object);
    ASN1_OCTET_STRING_free(value);
    return made;
}

FIXTURE_FUNCTION void crl_fixture_add_number(X509_CRL *list, int nid, long number, bool critical)
{
    ASN1_INTEGER *value = ASN1_INTEGER_new();

    fixture_demand(ASN1_INTEGER_set(value, number) == 1 &&
                       X509_CRL_add1_ext_i2d(list, nid, value, critical, 0) == 1,
                   "CRL number");
    ASN1_INTEGER_free(value);
}

FIXTURE_FUNCTION void crl_fixture_add_entry(X509_CRL *list, const struct crl_spec *spec, size_t i)
{
    X509_REVOKED *entry = X509_REVOKED_new();
    ASN1_TIME *date = ASN1_TIME_set(NULL, FIXTURE_NOW - 2 * FIXTURE_DAY);
    BIGNUM *number = NULL;
    ASN1_INTEGER *serial;

    fixture_demand(BN_hex2bn(&number, spec->revoked[i]) > 0, "serial");
    serial = BN_to_ASN1_INTEGER(number, NULL);
    fixture_demand(X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
                       X509_REVOKED_set_revocationDate(entry, date) == 1,
                   "entry");
    if (spec->reasons[i] != 0) {
        ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();

        fixture_demand(ASN1_ENUMERATED_set(reason, spec->reasons[i]) == 1 &&
                           X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, reason, 0, 0) == 1,
                       "reason");
        ASN1_ENUMERATED_free(reason);
    }
    if (i == 0 && spec->entry_extension != NULL) {
        X509_EXTENSION *extension = crl_fixture_extension(spec->entry_extension);

        fixture_demand(X509_REVOKED_add_ext(entry, extension, -1) == 1, "entry extension");
        X509_EXTENSION_free(extension);
    }
    fixture_demand(X509_CRL_add0_revoked(list, entry) == 1, "entry");
    ASN1_INTEGER_free(serial);
    ASN1_TIME_free(date);
    BN_free(number);
}

FIXTURE_FUNCTION void crl_fixture_set_times(X509_CRL *list, const struct crl_spec *spec)
{
    ASN1_TIME *begin =
        ASN1_TIME_set(NULL, spec->this_update == 0 ? FIXTURE_NOW - FIXTURE_DAY : spec->this_update);
    ASN1_TIME *end =
        ASN1_TIME_set(NULL, spec->next_update == 0 ? FIXTURE_NOW + FIXTURE_DAY : spec->next_update);

    fixture_demand(X509_CRL_set1_lastUpdate(list, begin) == 1 &&
                       (spec->next_update < 0 || X509_CRL_set1_nextUpdate(list, end) == 1),
                   "times");
    ASN1_TIME_free(begin);
    ASN1_TIME_free(end);
}

FIXTURE_FUNCTION void crl_fixture_add_extensions(X509_CRL *list, const struct crl_spec *spec,
                                                 const struct fixture *issuer)
{
    if (spec->number != 0)
        crl_fixture_add_number(list, NID_crl_number, spec->number, false);
    if (spec->base != 0)
        crl_fixture_add_number(list, NID_delta_crl, spec->base, true);
    for (size_t i = 0; i < spec->extension_count; i++) {
        X509_EXTENSION *extension = crl_fixture_extension(&spec->extensions[i]);

        fixture_demand(X509_CRL_add_ext(list, extension, -1) == 1, "extension");
        X509_EXTENSION_free(extension);
    }
    if (spec->has_key_identifier) {
        AUTHORITY_KEYID *identifier = AUTHORITY_KEYID_new();
        const ASN1_OCTET_STRING *key = X509_get0_subject_key_id(issuer->certificate);

        identifier->keyid = ASN1_OCTET_STRING_dup(key);
        fixture_demand(
            X509_CRL_add1_ext_i2d(list, NID_authority_key_identifier, identifier, 0, 0) == 1,
            "key identifier");
        AUTHORITY_KEYID_free(identifier);
    }
}

/* The list as DER; the caller frees it with OPENSSL_free. */
FIXTURE_FUNCTION unsigned char *crl_fixture_der(const struct crl_spec *spec,
                                                const struct fixture *issuer, size_t *size)
{
    X509_CRL *list = X509_CRL_new();
    const struct fixture *signer = spec->signer == NULL ? issuer : spec->signer;
    bool hashes = EVP_PKEY_get_base_id(signer->key) != EVP_PKEY_ED25519;
    const EVP_MD *hash = spec->is_sha1 ? EVP_sha1() : EVP_sha256();
    unsigned char *der = NULL;
    int length;

    fixture_demand(X509_CRL_set_version(list, spec->is_version1 ? 0 : 1) == 1 &&
                       X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate)) ==
                           1,
                   "list");
    crl_fixture_set_times(list, spec);
    for (size_t i = 0; i < CRL_SPEC_ENTRIES_MAX && spec->revoked[i] != NULL; i++)
        crl_fixture_add_entry(list, spec, i);
    crl_fixture_add_extensions(list, spec, issuer);
    fixture_demand(X509_CRL_sign(list, signer->key, hashes ? hash : NULL) > 0, "signature");
    length = i2d_X509_CRL(list, &der);
    fixture_demand(length > 0, "DER");
    *size = (size_t)length;
    X509_CRL_free(list);
    return der;
}

/* NULL, and the error, when it is refused. */
FIXTURE_FUNCTION struct crl *crl_fixture_read(const struct crl_spec *spec,
                                              const struct fixture *issuer, struct error *error)
{
    size_t size = 0;
    unsigned char *der = crl_fixture_der(spec, issuer, &size);
    struct crl_set set = {.count = 0};
    struct crl *list = NULL;

    if (crl_set_read(&set, (char *)der, size, error))
        list = set.lists[0];
    OPENSSL_free(der);
    return list;
}

FIXTURE_FUNCTION struct crl *crl_fixture(const struct crl_spec *spec, const struct fixture *issuer)
{
    struct error error = {.kind = ERROR_NONE};
    struct crl *list = crl_fixture_read(spec, issuer, &error);

    if (list == NULL)
        fprintf(stderr, "%s\n", error.text);
    fixture_demand(list != NULL, "reading the list");
    return list;
}
