/* SPDX-License-Identifier: Apache-2.0
 *
 * What a certificate says, as printable ASCII. Everything in it was written by whoever made the
 * certificate: what cannot be shown without doubt is escaped, or is not shown, and nothing here
 * believes a size.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/certificate_facts.h"
#include "protocol/x509/public_key_internal.h"
#include "runtime/encoding.h"

/* libcrypto prints the name of an attribute into 80 bytes and cuts what is longer. */
enum { ATTRIBUTE_NAME_BYTES_MAX = 79 };

static bool is_printable(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

/* What was written to memory, as a copy in the arena; refused unless all of it is printable. */
static bool keep_written(BIO *written, struct arena *arena, struct slice *text)
{
    char *data = NULL;
    long size = BIO_get_mem_data(written, &data);
    struct slice copy;

    if (size < 0 || !is_printable(slice_from(data, (size_t)size)))
        return false;
    copy = arena_copy(arena, slice_from(data, (size_t)size));
    if (size > 0 && copy.data == NULL)
        return false;
    *text = copy;
    return true;
}

/* A name cut short could look like another one. */
static bool has_readable_attributes(const X509_NAME *name)
{
    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(X509_NAME_get_entry(name, i));

        if (OBJ_obj2nid(type) == NID_undef &&
            OBJ_obj2txt(NULL, 0, type, 1) > ATTRIBUTE_NAME_BYTES_MAX)
            return false;
    }
    return true;
}

/* RFC 4514, with everything outside printable ASCII escaped as \XX. */
static bool describe_name(const X509_NAME *name, struct arena *arena, struct slice *text)
{
    BIO *writing = NULL;
    bool described = false;

    if (!has_readable_attributes(name))
        return false;
    writing = BIO_new(BIO_s_mem());
    described = writing != NULL && X509_NAME_print_ex(writing, name, 0, XN_FLAG_RFC2253) >= 0 &&
                keep_written(writing, arena, text);
    BIO_free(writing);
    return described;
}

bool certificate_describe_name(struct slice der, struct arena *arena, struct slice *text)
{
    const unsigned char *bytes = (const unsigned char *)der.data;
    X509_NAME *name = NULL;
    bool described = false;

    if (der.size > LONG_MAX)
        return false;
    ERR_set_mark();
    name = d2i_X509_NAME(NULL, &bytes, (long)der.size);
    described = name != NULL && describe_name(name, arena, text);
    X509_NAME_free(name);
    ERR_pop_to_mark();
    return described;
}

/* RFC 4514 section 2.1 writes the last RDN first, so the last common name is the nearest one. */
static bool describe_common_name(const X509_NAME *name, struct arena *arena, struct slice *text)
{
    int last = -1;
    int next = -1;
    BIO *writing = NULL;
    bool described = false;

    do {
        last = next;
        next = X509_NAME_get_index_by_NID(name, NID_commonName, last);
    } while (next >= 0);
    if (last < 0)
        return true;
    writing = BIO_new(BIO_s_mem());
    described =
        writing != NULL &&
        ASN1_STRING_print_ex(writing, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last)),
                             ASN1_STRFLGS_RFC2253) >= 0 &&
        keep_written(writing, arena, text);
    BIO_free(writing);
    return described;
}

static struct slice string_bytes(const ASN1_STRING *string)
{
    return slice_from(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* Whole octets, as openssl and nginx write it, without octets of zero in front. */
static bool describe_serial(const ASN1_INTEGER *serial, struct arena *arena, struct slice *text)
{
    struct slice magnitude = string_bytes(serial);
    struct buffer digits;
    size_t capacity = magnitude.size * 2 + 3;
    char *memory = arena_allocate(arena, capacity);
    size_t start = 1;
    bool negative = ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER;

    if (memory == NULL)
        return false;
    buffer_init(&digits, memory, capacity);
    /* The first place is for the sign. */
    if (!buffer_append_byte(&digits, '0') || !encode_hex_upper(&digits, magnitude))
        return false;
    if (digits.written == 1 && !buffer_append(&digits, SLICE("00")))
        return false;
    while (start + 2 < digits.written && memory[start] == '0' && memory[start + 1] == '0')
        start += 2;
    if (negative)
        memory[--start] = '-';
    *text = slice_from(memory + start, digits.written - start);
    return true;
}

static bool describe_digest(const X509 *certificate, const EVP_MD *algorithm, struct arena *arena,
                            struct slice *text)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    struct buffer digits;
    char *memory = NULL;

    if (X509_digest(certificate, algorithm, digest, &size) != 1)
        return false;
    memory = arena_allocate(arena, (size_t)size * 2);
    if (memory == NULL)
        return false;
    buffer_init(&digits, memory, (size_t)size * 2);
    if (!encode_hex(&digits, slice_from(digest, size)))
        return false;
    *text = buffer_readable(&digits);
    return true;
}

static bool describe_key_digest(const X509 *certificate, struct arena *arena, struct slice *text)
{
    unsigned char digest[CERTIFICATE_DIGEST_BYTES];
    struct buffer digits;
    char *memory = arena_allocate(arena, 2 * sizeof digest);

    if (memory == NULL || !certificate_key_digest(certificate, digest))
        return false;
    buffer_init(&digits, memory, 2 * sizeof digest);
    if (!encode_hex(&digits, slice_from(digest, sizeof digest)))
        return false;
    *text = buffer_readable(&digits);
    return true;
}

/* An algorithm by its name, or by its numbers when it has none here. */
static bool describe_algorithm(const ASN1_OBJECT *algorithm, struct arena *arena,
                               struct slice *text)
{
    char name[128];
    int size = OBJ_obj2txt(name, sizeof name, algorithm, 0);

    if (size <= 0 || (size_t)size >= sizeof name || !is_printable(slice_from_text(name)))
        return false;
    *text = arena_copy(arena, slice_from_text(name));
    return text->data != NULL;
}

static bool describe_key(const X509 *certificate, struct arena *arena, struct slice *text)
{
    struct public_key key = public_key_read(certificate);
    const char *curve = NULL;
    struct buffer name;
    char memory[64];

    buffer_init(&name, memory, sizeof memory);
    switch (key.kind) {
    case PUBLIC_KEY_RSA:
        if (!buffer_append_format(&name, "RSA %u", key.bits))
            return false;
        break;
    case PUBLIC_KEY_EC:
        curve = EC_curve_nid2nist(key.curve);
        if (curve == NULL)
            curve = OBJ_nid2sn(key.curve);
        if (curve == NULL || !buffer_append_format(&name, "EC %s", curve))
            return false;
        break;
    case PUBLIC_KEY_EC_UNNAMED:
        if (!buffer_append(&name, SLICE("EC")))
            return false;
        break;
    case PUBLIC_KEY_ED25519:
        if (!buffer_append(&name, SLICE("Ed25519")))
            return false;
        break;
    case PUBLIC_KEY_ED448:
        if (!buffer_append(&name, SLICE("Ed448")))
            return false;
        break;
    case PUBLIC_KEY_UNKNOWN:
    default:
        return key.algorithm != NULL && describe_algorithm(key.algorithm, arena, text);
    }
    *text = arena_copy(arena, buffer_readable(&name));
    return text->data != NULL;
}

static bool describe_signature(const X509 *certificate, struct arena *arena, struct slice *text)
{
    const ASN1_OBJECT *name = NULL;

    X509_ALGOR_get0(&name, NULL, NULL, X509_get0_tbs_sigalg(certificate));
    return describe_algorithm(name, arena, text);
}

/* Each keeps a name in the arena and reports in `shown` whether it can be shown at all; false
 * when the arena is used up. */

/* DNS, URI and e-mail names are ASCII without blanks (RFC 5280 section 4.2.1.6). A name with a NUL
 * or a control character was made to be read differently by somebody. */
static bool keep_ascii(struct slice bytes, struct arena *arena, struct slice *text, bool *shown)
{
    *shown = bytes.size > 0 && is_printable(bytes) && slice_find(bytes, ' ') == bytes.size;
    if (*shown)
        *text = arena_copy(arena, bytes);
    return !*shown || text->data != NULL;
}

static bool keep_address(struct slice bytes, struct arena *arena, struct slice *text, bool *shown)
{
    char address[INET6_ADDRSTRLEN];
    int family = bytes.size == 4 ? AF_INET : AF_INET6;

    *shown = (bytes.size == 4 || bytes.size == 16) &&
             inet_ntop(family, bytes.data, address, sizeof address) != NULL;
    if (*shown)
        *text = arena_copy(arena, slice_from_text(address));
    return !*shown || text->data != NULL;
}

static bool has_control(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if ((unsigned char)bytes.data[i] < 0x20 || bytes.data[i] == 0x7f)
            return true;
    return false;
}

static bool is_utf8(struct slice bytes)
{
    const unsigned char *rest = (const unsigned char *)bytes.data;
    size_t left = bytes.size;

    while (left > 0) {
        unsigned long value = 0;
        int used = UTF8_getc(rest, (int)left, &value);

        if (used <= 0 || (value >= 0x80 && value < 0xa0))
            return false;
        rest += used;
        left -= (size_t)used;
    }
    return true;
}

/* A user principal name is UTF-8: what is not ASCII becomes \XX, and so does the backslash, so
 * that no two names print alike. */
static bool keep_utf8(struct slice bytes, struct arena *arena, struct slice *text, bool *shown)
{
    struct buffer escaped;
    char *memory = NULL;

    *shown = bytes.size > 0 && !has_control(bytes) && is_utf8(bytes);
    if (!*shown)
        return true;
    memory = arena_allocate(arena, bytes.size * 3);
    if (memory == NULL)
        return false;
    buffer_init(&escaped, memory, bytes.size * 3);
    for (size_t i = 0; i < bytes.size; i++) {
        bool plain = (unsigned char)bytes.data[i] < 0x80 && bytes.data[i] != '\\';

        if (plain ? !buffer_append_byte(&escaped, bytes.data[i])
                  : !(buffer_append_byte(&escaped, '\\') &&
                      encode_hex_upper(&escaped, slice_from(bytes.data + i, 1))))
            return false;
    }
    *text = buffer_readable(&escaped);
    return true;
}

static bool keep_other_name(const OTHERNAME *other, struct arena *arena, struct slice *text,
                            bool *shown)
{
    *shown = false;
    if (OBJ_obj2nid(other->type_id) != NID_ms_upn || other->value == NULL ||
        other->value->type != V_ASN1_UTF8STRING)
        return true;
    return keep_utf8(string_bytes(other->value->value.utf8string), arena, text, shown);
}

static bool describe_general_name(const GENERAL_NAME *general, struct arena *arena,
                                  struct certificate_name *name, bool *shown)
{
    switch (general->type) {
    case GEN_DNS:
        name->kind = CERTIFICATE_NAME_DNS;
        return keep_ascii(string_bytes(general->d.dNSName), arena, &name->text, shown);
    case GEN_URI:
        name->kind = CERTIFICATE_NAME_URI;
        return keep_ascii(string_bytes(general->d.uniformResourceIdentifier), arena, &name->text,
                          shown);
    case GEN_EMAIL:
        name->kind = CERTIFICATE_NAME_EMAIL;
        return keep_ascii(string_bytes(general->d.rfc822Name), arena, &name->text, shown);
    case GEN_IPADD:
        name->kind = CERTIFICATE_NAME_IP;
        return keep_address(string_bytes(general->d.iPAddress), arena, &name->text, shown);
    case GEN_OTHERNAME:
        name->kind = CERTIFICATE_NAME_UPN;
        return keep_other_name(general->d.otherName, arena, &name->text, shown);
    default:
        *shown = false;
        return true;
    }
}

static bool describe_listed_names(const GENERAL_NAMES *listed, struct arena *arena,
                                  struct certificate_description *description)
{
    size_t count = (size_t)sk_GENERAL_NAME_num(listed);
    struct certificate_name *names = arena_allocate_array(arena, count, sizeof *names);
    size_t kept = 0;

    if (count > 0 && names == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        bool shown = false;

        if (!describe_general_name(sk_GENERAL_NAME_value(listed, (int)i), arena, &names[kept],
                                   &shown))
            return false;
        if (shown)
            kept++;
    }
    description->names = names;
    description->name_count = kept;
    return true;
}

static bool describe_alternative_names(const X509 *certificate, struct arena *arena,
                                       struct certificate_description *description)
{
    int found = 0;
    GENERAL_NAMES *listed = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
    bool described = false;

    /* -1: there are none. Anything else without a value cannot be read, or is there twice. */
    if (listed == NULL)
        return found == -1;
    described = describe_listed_names(listed, arena, description);
    GENERAL_NAMES_free(listed);
    return described;
}

static bool describe_constraints(const X509 *certificate,
                                 struct certificate_description *description)
{
    int found = 0;
    BASIC_CONSTRAINTS *constraints =
        X509_get_ext_d2i(certificate, NID_basic_constraints, &found, NULL);

    if (constraints == NULL)
        return found == -1;
    description->is_ca = constraints->ca != 0;
    BASIC_CONSTRAINTS_free(constraints);
    return true;
}

static bool describe_parts(const X509 *certificate, struct arena *arena,
                           struct certificate_description *description)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);

    return describe_name(subject, arena, &description->subject) &&
           describe_common_name(subject, arena, &description->common_name) &&
           describe_name(X509_get_issuer_name(certificate), arena, &description->issuer) &&
           describe_serial(X509_get0_serialNumber(certificate), arena, &description->serial) &&
           describe_digest(certificate, EVP_sha256(), arena, &description->sha256) &&
           describe_digest(certificate, EVP_sha1(), arena, &description->sha1) &&
           describe_key_digest(certificate, arena, &description->key_sha256) &&
           describe_key(certificate, arena, &description->key) &&
           describe_signature(certificate, arena, &description->signature) &&
           certificate_time(X509_get0_notBefore(certificate), &description->not_before) &&
           certificate_time(X509_get0_notAfter(certificate), &description->not_after) &&
           describe_alternative_names(certificate, arena, description) &&
           describe_constraints(certificate, description);
}

bool certificate_describe(const X509 *certificate, struct arena *arena,
                          struct certificate_description *description)
{
    struct certificate_description describing = {.is_ca = false};
    bool described = false;

    ERR_set_mark();
    described = describe_parts(certificate, arena, &describing);
    ERR_pop_to_mark();
    if (described)
        *description = describing;
    return described;
}

static bool copy_text(struct slice text, struct arena *arena, struct slice *copy)
{
    *copy = arena_copy(arena, text);
    return text.size == 0 || copy->data != NULL;
}

static bool copy_names(const struct certificate_description *from, struct arena *arena,
                       struct certificate_description *to)
{
    struct certificate_name *names = arena_allocate_array(arena, from->name_count, sizeof *names);

    if (from->name_count > 0 && names == NULL)
        return false;
    for (size_t i = 0; i < from->name_count; i++) {
        names[i].kind = from->names[i].kind;
        if (!copy_text(from->names[i].text, arena, &names[i].text))
            return false;
    }
    to->names = names;
    return true;
}

bool certificate_description_copy(const struct certificate_description *from, struct arena *arena,
                                  struct certificate_description *to)
{
    struct certificate_description copying = *from;

    if (!copy_text(from->subject, arena, &copying.subject) ||
        !copy_text(from->issuer, arena, &copying.issuer) ||
        !copy_text(from->serial, arena, &copying.serial) ||
        !copy_text(from->sha256, arena, &copying.sha256) ||
        !copy_text(from->sha1, arena, &copying.sha1) ||
        !copy_text(from->key_sha256, arena, &copying.key_sha256) ||
        !copy_text(from->key, arena, &copying.key) ||
        !copy_text(from->signature, arena, &copying.signature) ||
        !copy_text(from->common_name, arena, &copying.common_name) ||
        !copy_names(from, arena, &copying))
        return false;
    *to = copying;
    return true;
}
