/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates as header values. Each size is computed before anything is written, so that a
 * value is whole or absent; every value is printable ASCII.
 */
#include "gateway/identity/certificate_header_internal.h"

#include <string.h>

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

/* In which clothes a PEM text goes into a header. */
struct escape {
    const char *kept; /* besides letters, digits and "-._~" */
    struct slice before;
    struct slice behind;
};

static const struct escape plain_escape = {"", {NULL, 0}, {NULL, 0}};
/* AWS leaves these alone, which readers that take "+" for a space must know. */
static const struct escape alb_escape = {"+=/", {NULL, 0}, {NULL, 0}};
static const struct escape xfcc_cert_escape = {"", SLICE_STATIC("Cert=\""), SLICE_STATIC("\"")};
static const struct escape xfcc_chain_escape = {"", SLICE_STATIC("Chain=\""), SLICE_STATIC("\"")};

static const struct escape *escape_of(enum identity_format format)
{
    switch ((int)format) {
    case IDENTITY_FORMAT_PEM_ALB:
    case IDENTITY_FORMAT_PEM_ALB_CHAIN:
        return &alb_escape;
    case IDENTITY_FORMAT_XFCC_CERT:
        return &xfcc_cert_escape;
    case IDENTITY_FORMAT_XFCC_CHAIN:
        return &xfcc_chain_escape;
    default:
        return &plain_escape;
    }
}

static bool is_kept(const struct escape *escape, char byte)
{
    return ascii_is_alphanumeric(byte) || (byte != '\0' && strchr("-._~", byte) != NULL) ||
           (byte != '\0' && strchr(escape->kept, byte) != NULL);
}

static size_t escaped_size(const struct escape *escape, struct slice text)
{
    size_t size = escape->before.size + text.size + escape->behind.size;

    for (size_t i = 0; i < text.size; i++) {
        if (!is_kept(escape, text.data[i]))
            size += 2;
    }
    return size;
}

static bool append_escaped(struct buffer *to, const struct escape *escape, struct slice text)
{
    bool complete = buffer_append(to, escape->before);

    for (size_t i = 0; complete && i < text.size; i++) {
        complete = is_kept(escape, text.data[i]) ? buffer_append_byte(to, text.data[i])
                                                 : encode_percent(to, slice_from(&text.data[i], 1));
    }
    return complete && buffer_append(to, escape->behind);
}

static struct slice escape_text(struct slice text, enum identity_format format, struct arena *arena)
{
    const struct escape *escape = escape_of(format);
    struct buffer value;

    if (!open_buffer(&value, escaped_size(escape, text), arena) ||
        !append_escaped(&value, escape, text))
        return SLICE("");
    return buffer_readable(&value);
}

static struct slice encode_escaped_pem(struct slice der, enum identity_format format,
                                       struct arena *arena)
{
    struct buffer pem;

    if (!open_buffer(&pem, pem_size(der.size), arena) || !certificate_write_pem(&pem, der))
        return SLICE("");
    return escape_text(buffer_readable(&pem), format, arena);
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
    return encode_escaped_pem(der, format, arena);
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
    case IDENTITY_FORMAT_PEM_ALB:
    case IDENTITY_FORMAT_XFCC_CERT:
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
    case IDENTITY_FORMAT_VALIDITY_ALB:
    case IDENTITY_FORMAT_TRAEFIK_INFO:
    case IDENTITY_FORMAT_NOT_BEFORE:
    case IDENTITY_FORMAT_NOT_AFTER:
    case IDENTITY_FORMAT_XFCC_HASH:
    case IDENTITY_FORMAT_XFCC_SUBJECT:
    case IDENTITY_FORMAT_XFCC_URI:
    case IDENTITY_FORMAT_XFCC_DNS:
        return certificate_header_encode_text(certificate, description, format, arena);
    case IDENTITY_FORMAT_NONE:
    case IDENTITY_FORMAT_RFC9440_CHAIN:
    case IDENTITY_FORMAT_PRINCIPAL:
    case IDENTITY_FORMAT_VERIFICATION:
    case IDENTITY_FORMAT_USER:
    case IDENTITY_FORMAT_PEM_URL_CHAIN:
    case IDENTITY_FORMAT_PEM_ALB_CHAIN:
    case IDENTITY_FORMAT_DER_BASE64_CHAIN:
    case IDENTITY_FORMAT_XFCC_CHAIN:
    case IDENTITY_FORMAT_XFCC:
    case IDENTITY_FORMAT_COUNT:
    default:
        return SLICE("");
    }
}

/* ---- chains ---------------------------------------------------------------------------------- */

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

static struct slice encode_issuers(STACK_OF(X509) * path, struct arena *arena)
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

/* The leaf and its issuers. A leaf that is itself the anchor is still the leaf. */
static int link_count(STACK_OF(X509) * path)
{
    int count = sk_X509_num(path);

    return count > 1 ? count - 1 : count;
}

static bool append_link(struct buffer *to, struct slice der, bool is_first, bool is_pem)
{
    if (is_pem)
        return certificate_write_pem(to, der);
    return (is_first || buffer_append_byte(to, ',')) && encode_base64(to, der);
}

static bool append_links(struct buffer *to, STACK_OF(X509) * path, bool is_pem, struct arena *arena)
{
    for (int i = 0; i < link_count(path); i++) {
        struct slice der;

        if (!certificate_der(sk_X509_value(path, i), arena, &der) ||
            !append_link(to, der, i == 0, is_pem))
            return false;
    }
    return true;
}

static bool links_size(STACK_OF(X509) * path, bool is_pem, size_t *size)
{
    *size = 0;
    for (int i = 0; i < link_count(path); i++) {
        int der_size = i2d_X509(sk_X509_value(path, i), NULL);

        if (der_size <= 0)
            return false;
        *size += is_pem ? pem_size((size_t)der_size) : encode_base64_size((size_t)der_size) + 1;
    }
    return *size > 0;
}

struct slice certificate_header_encode_chain(STACK_OF(X509) * path, enum identity_format format,
                                             struct arena *arena)
{
    bool is_pem = format != IDENTITY_FORMAT_DER_BASE64_CHAIN;
    struct buffer text;
    size_t size = 0;

    if (format == IDENTITY_FORMAT_RFC9440_CHAIN)
        return encode_issuers(path, arena);
    if (!links_size(path, is_pem, &size) || !open_buffer(&text, size, arena) ||
        !append_links(&text, path, is_pem, arena))
        return SLICE("");
    return is_pem ? escape_text(buffer_readable(&text), format, arena) : buffer_readable(&text);
}
