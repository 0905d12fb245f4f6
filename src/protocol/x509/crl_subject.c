/* SPDX-License-Identifier: Apache-2.0
 *
 * Distribution points are read with the same strict walk as lists, not as libcrypto's objects,
 * whose comparison of names has had its own history (CVE-2020-1971, CVE-2023-0286): names are equal
 * when their bytes are.
 */
#include "protocol/x509/crl_subject.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "protocol/x509/crl_internal.h"
#include "protocol/x509/der_internal.h"

enum { NAME_URI = 6 };

static bool read_serial(X509 *certificate, struct crl_subject *subject)
{
    unsigned char der[CRL_SERIAL_BYTES_MAX + 8];
    unsigned char *at = der;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    int size = i2d_ASN1_INTEGER(serial, NULL);
    struct slice rest;
    struct slice content;

    subject->serial_size = 0;
    if (size <= 0 || (size_t)size > sizeof der)
        return true; /* no list has such an entry, nor can one be looked for */
    size = i2d_ASN1_INTEGER(serial, &at);
    rest = slice_from(der, (size_t)(size > 0 ? size : 0));
    if (!der_read_universal(&rest, DER_INTEGER, &content))
        return false;
    if (content.size > sizeof subject->serial)
        return true;
    memcpy(subject->serial, content.data, content.size);
    subject->serial_size = content.size;
    return true;
}

/* DistributionPoint: of a point with a cRLIssuer the list is another's, and of no use here. */
static bool read_point(struct slice point, struct crl_subject *subject)
{
    struct slice names = {NULL, 0};
    bool is_indirect = false;
    struct der_element element;
    struct der_element name;

    while (!slice_is_empty(point)) {
        if (!der_read_element(&point, &element) || element.universal)
            return false;
        if (element.tag == 2)
            is_indirect = true;
        if (element.tag != 0)
            continue;
        if (!der_read_element(&element.content, &name) || name.universal)
            return false;
        if (name.tag == 0) /* fullName */
            names = name.content;
    }
    return is_indirect || crl_parse_names(names, subject->names, &subject->name_count);
}

static bool read_points(struct slice value, struct crl_subject *subject)
{
    struct slice points;

    if (!der_read_universal(&value, DER_SEQUENCE, &points) || !slice_is_empty(value))
        return false;
    while (!slice_is_empty(points)) {
        struct slice point;

        if (!der_read_universal(&points, DER_SEQUENCE, &point) || !read_point(point, subject))
            return false;
    }
    return true;
}

bool crl_subject_read(X509 *certificate, struct crl_subject *subject)
{
    int index = X509_get_ext_by_NID(certificate, NID_crl_distribution_points, -1);
    const ASN1_OCTET_STRING *value;

    memset(subject, 0, sizeof *subject);
    subject->is_ca = (X509_get_extension_flags(certificate) & EXFLAG_CA) != 0;
    if (!read_serial(certificate, subject))
        return false;
    if (index < 0)
        return true;
    subject->has_points = true;
    value = X509_EXTENSION_get_data(X509_get_ext(certificate, index));
    return value != NULL &&
           read_points(slice_from(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)),
                       subject);
}

struct slice crl_name_uri(struct slice general_name)
{
    struct der_element element;

    if (der_read_element(&general_name, &element) && !element.universal && !element.constructed &&
        element.tag == NAME_URI && element.content.size <= CRL_URI_BYTES_MAX &&
        slice_find(element.content, '\0') == element.content.size)
        return element.content;
    return slice_from(NULL, 0);
}

static bool shares_name(const struct crl_scope *scope, const struct crl_subject *subject)
{
    for (size_t i = 0; i < scope->name_count; i++) {
        for (size_t j = 0; j < subject->name_count; j++) {
            if (slice_equals(scope->names[i], subject->names[j]))
                return true;
        }
    }
    return false;
}

bool crl_covers(const struct crl *list, const struct crl_subject *subject)
{
    const struct crl_scope *scope = &crl_get_facts(list)->scope;

    if (subject->serial_size == 0 || (subject->is_ca ? scope->only_user : scope->only_ca))
        return false;
    return scope->name_count == 0 || shares_name(scope, subject);
}

/* Of the name a short digest of its canonical form, which is all that libcrypto gives away of it,
 * is enough: only who holds the key could make use of another name with the same. */
bool crl_issuer_id(X509 *issuer, unsigned char id[CRL_ISSUER_ID_BYTES])
{
    EVP_PKEY *public_key = X509_get0_pubkey(issuer);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    unsigned char *key = NULL;
    int is_named = 0;
    unsigned long name = X509_NAME_hash_ex(X509_get_subject_name(issuer), NULL, NULL, &is_named);
    int key_size = public_key == NULL ? 0 : i2d_PUBKEY(public_key, &key);
    bool done = hash != NULL && key_size > 0 && is_named == 1 &&
                EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(hash, &name, sizeof name) == 1 &&
                EVP_DigestUpdate(hash, key, (size_t)key_size) == 1 &&
                EVP_DigestFinal_ex(hash, id, NULL) == 1;

    OPENSSL_free(key);
    EVP_MD_CTX_free(hash);
    return done;
}
