/* SPDX-License-Identifier: Apache-2.0
 *
 * What a certificate must be before anything else looks at it: DER through and through, of
 * moderate size, with a key that is neither weak nor expensive. Nothing here computes with a key.
 */
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/der_internal.h"
#include "protocol/x509/public_key_internal.h"
#include "runtime/memory.h"

/* libcrypto keeps the TBSCertificate as it was received and gives the same bytes back. */
static bool is_strict_der(const X509 *certificate)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    bool strict = false;

    if (size > 0)
        strict = der_is_strict(slice_from(der, (size_t)size));
    OPENSSL_free(der);
    return strict;
}

/* Extensions that libcrypto reads must be DER inside as well; the value of any other is opaque. */
static bool is_strict_extension(X509_EXTENSION *extension)
{
    const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(extension);

    if (X509V3_EXT_get(extension) == NULL)
        return true;
    return der_is_strict(
        slice_from(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)));
}

/* RFC 5280 section 4.2: no extension twice; section 4.1.2.1: none before version 3. */
static bool are_good_extensions(const X509 *certificate)
{
    int count = X509_get_ext_count(certificate);

    if (count > CERTIFICATE_EXTENSION_COUNT_MAX)
        return false;
    if (count > 0 && X509_get_version(certificate) != X509_VERSION_3)
        return false;
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate, i);
        const ASN1_OBJECT *name = X509_EXTENSION_get_object(extension);

        if (X509_get_ext_by_OBJ(certificate, name, i) >= 0 || !is_strict_extension(extension))
            return false;
    }
    return true;
}

static bool is_acceptable_key(const X509 *certificate)
{
    struct public_key key = public_key_read(certificate);

    switch (key.kind) {
    case PUBLIC_KEY_RSA:
        if (key.bits < CERTIFICATE_RSA_BITS_MIN || key.bits > CERTIFICATE_RSA_BITS_MAX)
            return false;
        break;
    case PUBLIC_KEY_EC: /* well formed only on P-256, P-384 and P-521 */
    case PUBLIC_KEY_ED25519:
    case PUBLIC_KEY_ED448:
        break;
    case PUBLIC_KEY_EC_UNNAMED:
    case PUBLIC_KEY_UNKNOWN:
    default:
        return false;
    }
    /* libcrypto has the last word: a point off the curve, for example, is no key. */
    return key.well_formed && X509_get0_pubkey(certificate) != NULL;
}

enum reason certificate_check_limits(const X509 *certificate)
{
    enum reason reason = REASON_NONE;

    ERR_set_mark();
    if (!is_strict_der(certificate) || !are_good_extensions(certificate))
        reason = REASON_CERTIFICATE_MALFORMED;
    else if (!is_acceptable_key(certificate))
        reason = REASON_CERTIFICATE_KEY_UNACCEPTABLE;
    ERR_pop_to_mark();
    return reason;
}
