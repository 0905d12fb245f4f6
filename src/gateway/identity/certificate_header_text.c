/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and times of a certificate in the notations of Envoy, Traefik, AWS and nginx. Those
 * notations have separators and quotes, names may have them too, and not every reader knows the
 * same escapes. So no value has a quote or a backslash before one: in a distinguished name they are
 * the pairs of digits that RFC 4514 has for every octet, in a URI they are percent-encoded, and no
 * name of another kind with one in it is written at all.
 */
#include "gateway/identity/certificate_header_internal.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <string.h>
#include <time.h>

#include "runtime/encoding.h"

enum {
    TIME_TEXT_MAX = 40,
    HEX_PER_BYTE = 3,     /* "\22", "%22" */
    OVERHEAD_BYTES = 1024 /* words, quotes, numbers */
};

static bool open_text(struct buffer *buffer, size_t size, struct arena *arena)
{
    char *memory = arena_allocate(arena, size);

    if (memory == NULL)
        return false;
    buffer_init(buffer, memory, size);
    return true;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* RFC 4514, in which "\\" and "\"" may as well be "\5C" and "\22". */
static bool append_distinguished_name(struct buffer *to, struct slice name)
{
    bool complete = true;

    for (size_t i = 0; complete && i < name.size; i++) {
        bool is_pair = name.data[i] == '\\' && i + 1 < name.size;
        char meant = is_pair ? name.data[i + 1] : name.data[i];

        if (meant == '"' || (is_pair && meant == '\\')) {
            complete = buffer_append(to, meant == '"' ? SLICE("\\22") : SLICE("\\5C"));
            i += is_pair ? 1 : 0;
        } else {
            complete = buffer_append_byte(to, name.data[i]);
        }
    }
    return complete;
}

static bool has_any(struct slice text, const char *bytes)
{
    for (; *bytes != '\0'; bytes++) {
        if (slice_find(text, *bytes) != text.size)
            return true;
    }
    return false;
}

/* A URI may have a comma, and may as well have it percent-encoded. */
static bool append_uri(struct buffer *to, struct slice uri, const char *escaped)
{
    bool complete = true;

    for (size_t i = 0; complete && i < uri.size; i++) {
        complete = strchr(escaped, uri.data[i]) == NULL
                       ? buffer_append_byte(to, uri.data[i])
                       : encode_percent(to, slice_from(&uri.data[i], 1));
    }
    return complete;
}

static size_t names_size(const struct certificate_description *description)
{
    size_t size = 0;

    for (size_t i = 0; i < description->name_count; i++)
        size += HEX_PER_BYTE * description->names[i].text.size + sizeof(";URI=\"\"");
    return size;
}

/* ---- X-Forwarded-Client-Cert ----------------------------------------------------------------- */

static bool append_xfcc_name(struct buffer *to, struct slice key, struct slice name)
{
    bool is_quoted = has_any(name, ",;= ");

    if (to->written > 0 && !buffer_append_byte(to, ';'))
        return false;
    return buffer_append(to, key) && (!is_quoted || buffer_append_byte(to, '"')) &&
           append_uri(to, name, "\"\\") && (!is_quoted || buffer_append_byte(to, '"'));
}

/* A pair for each name of the kind; a DNS name with a quote or backslash is no name of a host. */
static struct slice encode_xfcc_names(const struct certificate_description *description,
                                      enum certificate_name_kind kind, struct arena *arena)
{
    struct slice key = kind == CERTIFICATE_NAME_URI ? SLICE("URI=") : SLICE("DNS=");
    struct buffer value;

    if (!open_text(&value, names_size(description) + 1, arena))
        return SLICE("");
    for (size_t i = 0; i < description->name_count; i++) {
        const struct certificate_name *name = &description->names[i];

        if (name->kind != kind || (kind == CERTIFICATE_NAME_DNS && has_any(name->text, "\"\\")))
            continue;
        if (!append_xfcc_name(&value, key, name->text))
            return SLICE("");
    }
    return buffer_readable(&value);
}

static struct slice encode_xfcc_subject(struct slice subject, struct arena *arena)
{
    struct buffer value;

    if (!open_text(&value, HEX_PER_BYTE * subject.size + sizeof("Subject=\"\""), arena) ||
        !buffer_append(&value, SLICE("Subject=\"")) ||
        !append_distinguished_name(&value, subject) || !buffer_append_byte(&value, '"'))
        return SLICE("");
    return buffer_readable(&value);
}

static struct slice encode_xfcc_hash(struct slice sha256, struct arena *arena)
{
    struct buffer value;

    if (!open_text(&value, sha256.size + sizeof("Hash="), arena) ||
        !buffer_append(&value, SLICE("Hash=")) || !buffer_append(&value, sha256))
        return SLICE("");
    return buffer_readable(&value);
}

/* ---- X-Forwarded-Tls-Client-Cert-Info -------------------------------------------------------- */

/* The attributes that Traefik names, in its order; it writes them with "=" and ",". */
static const int traefik_attributes[] = {
    NID_domainComponent, NID_countryName,      NID_stateOrProvinceName,
    NID_localityName,    NID_organizationName, NID_organizationalUnitName,
    NID_commonName,      NID_serialNumber,
};

enum { TRAEFIK_ATTRIBUTES = sizeof(traefik_attributes) / sizeof(traefik_attributes[0]) };

static const char *traefik_key(int nid)
{
    return nid == NID_serialNumber ? "SN" : OBJ_nid2sn(nid);
}

/* RFC 4514 text of one value. */
static bool append_attribute(struct buffer *to, const X509_NAME_ENTRY *entry, int nid, bool *first)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *data = NULL;
    bool complete = false;

    if (memory == NULL)
        return false;
    if (ASN1_STRING_print_ex(memory, X509_NAME_ENTRY_get_data(entry), ASN1_STRFLGS_RFC2253) >= 0) {
        long size = BIO_get_mem_data(memory, &data);

        complete = (*first || buffer_append_byte(to, ',')) &&
                   buffer_append(to, slice_from_text(traefik_key(nid))) &&
                   buffer_append_byte(to, '=') &&
                   append_distinguished_name(to, slice_from(data, size > 0 ? (size_t)size : 0));
    }
    BIO_free(memory);
    *first = false;
    return complete;
}

static bool append_attributes(struct buffer *to, const X509_NAME *name)
{
    bool first = true;

    for (size_t i = 0; i < TRAEFIK_ATTRIBUTES; i++) {
        int nid = traefik_attributes[i];

        for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0;
             at = X509_NAME_get_index_by_NID(name, nid, at)) {
            if (!append_attribute(to, X509_NAME_get_entry(name, at), nid, &first))
                return false;
        }
    }
    return true;
}

static bool append_decimal_serial(struct buffer *to, const X509 *certificate)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *text = number == NULL ? NULL : BN_bn2dec(number);
    bool complete = text != NULL && buffer_append(to, slice_from_text(text));

    OPENSSL_free(text);
    BN_free(number);
    return complete;
}

/* Only what cannot be taken for two names. */
static bool append_alternative_names(struct buffer *to,
                                     const struct certificate_description *description)
{
    static const enum certificate_name_kind order[] = {CERTIFICATE_NAME_DNS, CERTIFICATE_NAME_EMAIL,
                                                       CERTIFICATE_NAME_IP, CERTIFICATE_NAME_URI};
    bool first = true;

    for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        for (size_t j = 0; j < description->name_count; j++) {
            const struct certificate_name *name = &description->names[j];

            if (name->kind != order[i] ||
                (order[i] != CERTIFICATE_NAME_URI && has_any(name->text, ",;\"\\")))
                continue;
            if ((!first && !buffer_append_byte(to, ',')) || !append_uri(to, name->text, ",;\"\\"))
                return false;
            first = false;
        }
    }
    return true;
}

static bool write_traefik_info(struct buffer *to, const X509 *certificate,
                               const struct certificate_description *description)
{
    return buffer_append(to, SLICE("Subject=\"")) &&
           append_attributes(to, X509_get_subject_name(certificate)) &&
           buffer_append(to, SLICE("\";Issuer=\"")) &&
           append_attributes(to, X509_get_issuer_name(certificate)) &&
           buffer_append(to, SLICE("\";SerialNumber=\"")) &&
           append_decimal_serial(to, certificate) &&
           buffer_append_format(to, "\";NB=\"%lld\";NA=\"%lld\";SAN=\"",
                                (long long)description->not_before,
                                (long long)description->not_after) &&
           append_alternative_names(to, description) && buffer_append_byte(to, '"');
}

/* As Traefik's reader expects it: the whole is escaped, a space as "+". */
static bool append_query_escaped(struct buffer *to, struct slice text)
{
    bool complete = true;

    for (size_t i = 0; complete && i < text.size; i++) {
        complete = text.data[i] == ' ' ? buffer_append_byte(to, '+')
                                       : encode_percent(to, slice_from(&text.data[i], 1));
    }
    return complete;
}

static struct slice encode_traefik_info(const X509 *certificate,
                                        const struct certificate_description *description,
                                        struct arena *arena)
{
    size_t size = HEX_PER_BYTE * (description->subject.size + description->issuer.size +
                                  2 * description->serial.size) +
                  names_size(description) + OVERHEAD_BYTES;
    struct buffer text;
    struct buffer value;

    if (!open_text(&text, size, arena) || !write_traefik_info(&text, certificate, description) ||
        !open_text(&value, HEX_PER_BYTE * text.written, arena) ||
        !append_query_escaped(&value, buffer_readable(&text)))
        return SLICE("");
    return buffer_readable(&value);
}

/* ---- times ----------------------------------------------------------------------------------- */

static bool append_iso_time(struct buffer *to, int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct tm parts;

    return gmtime_r(&time, &parts) != NULL &&
           buffer_append_format(to, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900,
                                parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                                parts.tm_sec);
}

/* As libcrypto prints a time, and nginx with it. */
static bool append_printed_time(struct buffer *to, int64_t seconds)
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t time = (time_t)seconds;
    struct tm parts;

    return gmtime_r(&time, &parts) != NULL &&
           buffer_append_format(to, "%s %2d %02d:%02d:%02d %d GMT", months[parts.tm_mon],
                                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                                parts.tm_year + 1900);
}

static struct slice encode_validity(const struct certificate_description *description,
                                    struct arena *arena)
{
    struct buffer value;

    if (!open_text(&value, 3 * (size_t)TIME_TEXT_MAX, arena) ||
        !buffer_append(&value, SLICE("NotBefore=")) ||
        !append_iso_time(&value, description->not_before) ||
        !buffer_append(&value, SLICE(";NotAfter=")) ||
        !append_iso_time(&value, description->not_after))
        return SLICE("");
    return buffer_readable(&value);
}

static struct slice encode_time(int64_t seconds, struct arena *arena)
{
    struct buffer value;

    if (!open_text(&value, TIME_TEXT_MAX, arena) || !append_printed_time(&value, seconds))
        return SLICE("");
    return buffer_readable(&value);
}

struct slice certificate_header_encode_text(const X509 *certificate,
                                            const struct certificate_description *description,
                                            enum identity_format format, struct arena *arena)
{
    switch ((int)format) {
    case IDENTITY_FORMAT_VALIDITY_ALB:
        return encode_validity(description, arena);
    case IDENTITY_FORMAT_TRAEFIK_INFO:
        return encode_traefik_info(certificate, description, arena);
    case IDENTITY_FORMAT_NOT_BEFORE:
        return encode_time(description->not_before, arena);
    case IDENTITY_FORMAT_NOT_AFTER:
        return encode_time(description->not_after, arena);
    case IDENTITY_FORMAT_XFCC_HASH:
        return encode_xfcc_hash(description->sha256, arena);
    case IDENTITY_FORMAT_XFCC_SUBJECT:
        return encode_xfcc_subject(description->subject, arena);
    case IDENTITY_FORMAT_XFCC_URI:
        return encode_xfcc_names(description, CERTIFICATE_NAME_URI, arena);
    case IDENTITY_FORMAT_XFCC_DNS:
        return encode_xfcc_names(description, CERTIFICATE_NAME_DNS, arena);
    default:
        return SLICE("");
    }
}
