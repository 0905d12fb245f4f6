/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions for OCSP responders, and where to send them.
 */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "protocol/x509/ocsp_internal.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

static const EVP_MD *digest_of(enum ocsp_hash hash)
{
    return hash == OCSP_HASH_SHA256 ? EVP_sha256() : EVP_sha1();
}

/* The short form of a length is enough for any serial that lists and responders know. */
static ASN1_INTEGER *integer_of(struct slice serial)
{
    unsigned char der[2 + 127] = {V_ASN1_INTEGER, (unsigned char)serial.size};
    const unsigned char *at = der;

    if (serial.size == 0 || serial.size > 127)
        return NULL;
    memcpy(der + 2, serial.data, serial.size);
    return d2i_ASN1_INTEGER(NULL, &at, (long)serial.size + 2);
}

OCSP_CERTID *ocsp_certificate_id(X509 *issuer, struct slice serial, const EVP_MD *digest)
{
    ASN1_INTEGER *number = integer_of(serial);
    OCSP_CERTID *id = NULL;

    if (number != NULL)
        id = OCSP_cert_id_new(digest, X509_get_subject_name(issuer),
                              X509_get0_pubkey_bitstr(issuer), number);
    ASN1_INTEGER_free(number);
    return id;
}

static bool add_nonce(OCSP_REQUEST *request, struct slice nonce)
{
    unsigned char bytes[OCSP_NONCE_BYTES];

    if (slice_is_empty(nonce))
        return true;
    if (nonce.size != sizeof bytes)
        return false;
    memcpy(bytes, nonce.data, sizeof bytes);
    return OCSP_request_add1_nonce(request, bytes, sizeof bytes) == 1;
}

static bool append_der(struct buffer *to, OCSP_REQUEST *request)
{
    unsigned char *der = NULL;
    int size = i2d_OCSP_REQUEST(request, &der);
    bool is_written = size > 0 && buffer_append(to, slice_from(der, (size_t)size));

    OPENSSL_free(der);
    return is_written;
}

bool ocsp_write_request(struct buffer *to, X509 *issuer, struct slice serial, enum ocsp_hash hash,
                        struct slice nonce)
{
    OCSP_REQUEST *request;
    OCSP_CERTID *id;
    bool is_written = false;

    ERR_set_mark();
    request = OCSP_REQUEST_new();
    id = ocsp_certificate_id(issuer, serial, digest_of(hash));
    if (request != NULL && id != NULL && OCSP_request_add0_id(request, id) != NULL) {
        id = NULL; /* the request's now */
        is_written = add_nonce(request, nonce) && append_der(to, request);
    }
    OCSP_CERTID_free(id);
    OCSP_REQUEST_free(request);
    ERR_pop_to_mark();
    return is_written;
}

bool ocsp_write_get_url(struct buffer *to, const char *responder, struct slice request)
{
    char base64_memory[OCSP_GET_BYTES_MAX];
    char path_memory[OCSP_GET_BYTES_MAX];
    struct slice base = slice_from_text(responder);
    struct buffer base64;
    struct buffer path;

    buffer_init(&base64, base64_memory, sizeof base64_memory);
    buffer_init(&path, path_memory, sizeof path_memory);
    if (!encode_base64(&base64, request) || !encode_percent(&path, buffer_readable(&base64)))
        return false;
    return buffer_append(to, base) &&
           (slice_ends_with(base, SLICE("/")) || buffer_append_byte(to, '/')) &&
           buffer_append(to, buffer_readable(&path)) && buffer_append_byte(to, '\0');
}

/* A URL that goes into a request line: printable ASCII only. */
bool ocsp_responder_is_usable(struct slice url)
{
    bool is_http = slice_equals_ignoring_case(slice_first(url, 7), SLICE("http://"));
    bool is_https = slice_equals_ignoring_case(slice_first(url, 8), SLICE("https://"));
    size_t host = is_http ? 7 : 8;

    if ((!is_http && !is_https) || url.size > OCSP_URL_BYTES_MAX)
        return false;
    if (url.size <= host || strchr("/:?#@", url.data[host]) != NULL)
        return false;
    for (size_t i = 0; i < url.size; i++) {
        if (url.data[i] <= ' ' || url.data[i] > '~')
            return false;
    }
    return true;
}

static struct slice url_of(const ACCESS_DESCRIPTION *place)
{
    const ASN1_IA5STRING *url = place->location->d.uniformResourceIdentifier;

    if (OBJ_obj2nid(place->method) != NID_ad_OCSP || place->location->type != GEN_URI)
        return SLICE("");
    return slice_from(ASN1_STRING_get0_data(url), (size_t)ASN1_STRING_length(url));
}

static char *find_responder(const X509 *certificate, bool is_first_only)
{
    AUTHORITY_INFO_ACCESS *places;
    char *responder = NULL;
    bool is_over = false;

    ERR_set_mark();
    places = X509_get_ext_d2i(certificate, NID_info_access, NULL, NULL);
    for (int i = 0; !is_over && i < sk_ACCESS_DESCRIPTION_num(places); i++) {
        struct slice url = url_of(sk_ACCESS_DESCRIPTION_value(places, i));

        if (ocsp_responder_is_usable(url))
            responder = memory_copy_slice(url);
        is_over = responder != NULL || (is_first_only && !slice_is_empty(url));
    }
    AUTHORITY_INFO_ACCESS_free(places);
    ERR_pop_to_mark();
    return responder;
}

char *ocsp_responder_of(const X509 *certificate)
{
    return find_responder(certificate, false);
}

char *ocsp_first_http_responder_of(const X509 *certificate)
{
    char *responder = find_responder(certificate, true);
    struct slice scheme = slice_first(slice_from_text(responder), strlen("https"));

    if (!slice_equals_ignoring_case(scheme, SLICE("https")))
        return responder;
    memory_release(responder);
    return NULL;
}
