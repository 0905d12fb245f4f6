/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates as header values. Each size is computed before anything is written, so that a
 * value is whole or absent; every value is printable ASCII.
 */
#include "gateway/identity/certificate_header_internal.h"

#include "runtime/encoding.h"

static bool open_buffer(struct buffer *buffer, size_t size, struct arena *arena)
{
    char *memory = arena_allocate(arena, size);

    if (memory == NULL)
        return false;
    buffer_init(buffer, memory, size);
    return true;
}

static struct slice encode_bare_base64(struct slice der, struct arena *arena)
{
    struct buffer value;

    if (!open_buffer(&value, encode_base64_size(der.size), arena) || !encode_base64(&value, der))
        return SLICE("");
    return buffer_readable(&value);
}

/* RFC 8941 section 3.3.5: a byte sequence. */
static bool append_byte_sequence(struct buffer *to, struct slice der)
{
    return buffer_append_byte(to, ':') && encode_base64(to, der) && buffer_append_byte(to, ':');
}

/* RFC 9440 section 2.2. */
static struct slice encode_byte_sequence(struct slice der, struct arena *arena)
{
    struct buffer value;

    if (!open_buffer(&value, encode_base64_size(der.size) + 2, arena) ||
        !append_byte_sequence(&value, der))
        return SLICE("");
    return buffer_readable(&value);
}

static size_t pem_size(size_t der_size)
{
    size_t lines = (der_size + 47) / 48;

    return sizeof "-----BEGIN CERTIFICATE-----\n" - 1 + encode_base64_size(der_size) + lines +
           sizeof "-----END CERTIFICATE-----\n" - 1;
}

/* As encode_percent writes it. */
static size_t percent_size(struct slice text)
{
    size_t size = text.size;

    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];

        if (!ascii_is_alphanumeric(byte) && byte != '-' && byte != '.' && byte != '_' &&
            byte != '~')
            size += 2;
    }
    return size;
}

static struct slice encode_escaped_pem(struct slice der, struct arena *arena)
{
    struct buffer pem;
    struct buffer value;

    if (!open_buffer(&pem, pem_size(der.size), arena) || !certificate_write_pem(&pem, der))
        return SLICE("");
    if (!open_buffer(&value, percent_size(buffer_readable(&pem)), arena) ||
        !encode_percent(&value, buffer_readable(&pem)))
        return SLICE("");
    return buffer_readable(&value);
}

static struct slice encode_der(const X509 *certificate, enum identity_format format,
                               struct arena *arena)
{
    struct slice der;

    if (!certificate_der(certificate, arena, &der))
        return SLICE("");
    if (format == IDENTITY_FORMAT_DER_BASE64)
        return encode_bare_base64(der, arena);
    if (format == IDENTITY_FORMAT_RFC9440)
        return encode_byte_sequence(der, arena);
    return encode_escaped_pem(der, arena);
}

static struct slice copy_text(struct slice text, struct arena *arena)
{
    struct slice copy = arena_copy(arena, text);

    return copy.data == NULL ? SLICE("") : copy;
}

struct slice certificate_header_encode(const X509 *certificate,
                                       const struct certificate_description *description,
                                       enum identity_format format, struct arena *arena)
{
    switch (format) {
    case IDENTITY_FORMAT_DER_BASE64:
    case IDENTITY_FORMAT_RFC9440:
    case IDENTITY_FORMAT_PEM_URL:
        return encode_der(certificate, format, arena);
    case IDENTITY_FORMAT_SUBJECT:
        return copy_text(description->subject, arena);
    case IDENTITY_FORMAT_ISSUER:
        return copy_text(description->issuer, arena);
    case IDENTITY_FORMAT_SERIAL:
        return copy_text(description->serial, arena);
    case IDENTITY_FORMAT_SHA256:
        return copy_text(description->sha256, arena);
    case IDENTITY_FORMAT_SHA1:
        return copy_text(description->sha1, arena);
    case IDENTITY_FORMAT_NONE:
    case IDENTITY_FORMAT_RFC9440_CHAIN:
    case IDENTITY_FORMAT_PRINCIPAL:
    case IDENTITY_FORMAT_VERIFICATION:
    case IDENTITY_FORMAT_USER:
    case IDENTITY_FORMAT_COUNT:
    default:
        return SLICE("");
    }
}

static int issuer_count(STACK_OF(X509) * path)
{
    return sk_X509_num(path) - 2;
}

static bool chain_size(STACK_OF(X509) * path, size_t *size)
{
    *size = 0;
    for (int i = 1; i <= issuer_count(path); i++) {
        int der_size = i2d_X509(sk_X509_value(path, i), NULL);

        if (der_size <= 0)
            return false;
        *size += encode_base64_size((size_t)der_size) + sizeof ", ::" - 1;
    }
    return true;
}

static bool append_issuer(struct buffer *to, const X509 *issuer, bool is_first, struct arena *arena)
{
    struct slice der;

    return certificate_der(issuer, arena, &der) && (is_first || buffer_append(to, SLICE(", "))) &&
           append_byte_sequence(to, der);
}

struct slice certificate_header_encode_chain(STACK_OF(X509) * path, struct arena *arena)
{
    struct buffer value;
    size_t size = 0;

    if (issuer_count(path) <= 0 || !chain_size(path, &size) || !open_buffer(&value, size, arena))
        return SLICE("");
    for (int i = 1; i <= issuer_count(path); i++)
        if (!append_issuer(&value, sk_X509_value(path, i), i == 1, arena))
            return SLICE("");
    return buffer_readable(&value);
}
