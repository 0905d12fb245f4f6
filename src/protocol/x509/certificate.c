/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading one certificate: from PEM or DER, and back. What it says as text is in
 * certificate_description.c, what it must be in certificate_limits.c.
 */
#include "protocol/x509/certificate.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <time.h>

#include "protocol/x509/certificate_internal.h"
#include "protocol/x509/pem_internal.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

bool certificate_der(const X509 *certificate, struct arena *arena, struct slice *der)
{
    int size = i2d_X509(certificate, NULL);
    unsigned char *data = NULL;
    unsigned char *end = NULL;

    if (size <= 0)
        return false;
    data = arena_allocate(arena, (size_t)size);
    end = data;
    if (data == NULL || i2d_X509(certificate, &end) != size)
        return false;
    *der = slice_from(data, (size_t)size);
    return true;
}

bool certificate_write_pem(struct buffer *to, struct slice der)
{
    enum { LINE_BYTES = 48 }; /* 64 characters of base64: RFC 7468 section 2 */
    struct buffer writing = *to;

    if (!buffer_append(&writing, SLICE("-----BEGIN CERTIFICATE-----\n")))
        return false;
    while (!slice_is_empty(der)) {
        if (!encode_base64(&writing, slice_first(der, LINE_BYTES)) ||
            !buffer_append_byte(&writing, '\n'))
            return false;
        der = slice_after(der, LINE_BYTES);
    }
    if (!buffer_append(&writing, SLICE("-----END CERTIFICATE-----\n")))
        return false;
    /* Everything or nothing: the caller's buffer moves on only when all of it is there. */
    *to = writing;
    return true;
}

bool certificate_time(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm broken_down;

    /* libcrypto takes NULL for "now". */
    if (time == NULL || ASN1_TIME_to_tm(time, &broken_down) != 1)
        return false;
    *seconds = (int64_t)timegm(&broken_down);
    return true;
}

void certificate_sha256(struct slice der, unsigned char digest[32])
{
    SHA256((const unsigned char *)der.data, der.size, digest);
}

X509 *certificate_from_der(struct slice der, struct error *error)
{
    const unsigned char *end = (const unsigned char *)der.data;
    X509 *certificate = NULL;

    ERR_set_mark();
    if (der.size <= INT32_MAX)
        certificate = d2i_X509(NULL, &end, (long)der.size);
    ERR_pop_to_mark();
    if (certificate == NULL) {
        error_set(error, ERROR_CERTIFICATE, "it is not an X.509 certificate");
        return NULL;
    }
    if ((const char *)end != der.data + der.size) {
        error_set(error, ERROR_CERTIFICATE, "there are bytes behind the certificate");
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

bool certificate_looks_like_der(struct slice bytes)
{
    return bytes.size > 0 && bytes.data[0] == 0x30;
}

X509 *certificate_from_pem_block(const struct pem_block *block, struct error *error)
{
    X509 *certificate = NULL;
    char *der = NULL;
    size_t size = 0;

    if (!pem_decode(block, &der, &size, error))
        return NULL;
    certificate = certificate_from_der(slice_from(der, size), error);
    if (certificate == NULL)
        error_prefix(error, "the block that begins in line %u", block->line);
    memory_release(der);
    return certificate;
}

static X509 *parse_pem(struct slice text, struct error *error)
{
    struct pem_reader reader;
    struct pem_block block;
    struct pem_block another;
    enum pem_outcome outcome;

    pem_reader_init(&reader, text);
    outcome = pem_read(&reader, &block, error);
    if (outcome == PEM_BROKEN)
        return NULL;
    if (outcome == PEM_END) {
        error_set(error, ERROR_CERTIFICATE, "there is no certificate, neither as PEM nor as DER");
        return NULL;
    }
    if (!pem_is_certificate(&block)) {
        error_set(error, ERROR_CERTIFICATE, "line %u begins a block '%.*s', not a certificate",
                  block.line, SLICE_FORMAT(block.label));
        return NULL;
    }
    outcome = pem_read(&reader, &another, error);
    if (outcome == PEM_BROKEN)
        return NULL;
    if (outcome == PEM_BLOCK) {
        error_set(error, ERROR_CERTIFICATE, "there is a second block, in line %u", another.line);
        return NULL;
    }
    return certificate_from_pem_block(&block, error);
}

X509 *certificate_parse(struct slice bytes, struct error *error)
{
    if (certificate_looks_like_der(bytes))
        return certificate_from_der(bytes, error);
    return parse_pem(bytes, error);
}
