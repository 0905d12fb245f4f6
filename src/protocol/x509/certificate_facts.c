/* SPDX-License-Identifier: Apache-2.0
 *
 * See certificate_facts.h. Lists that RFC 5280 defines are read by libcrypto, the extensions that
 * it does not know by our own reader of DER.
 */
#include "protocol/x509/certificate_facts.h"

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "protocol/x509/certificate_name_form_internal.h"
#include "protocol/x509/der_internal.h"
#include "protocol/x509/public_key_internal.h"

enum {
    SCRATCH_BYTES = 32 * 1024,
    SCRATCH_BYTES_FACTOR = 16,
    FACTS_BYTES_EACH = 8, /* a name or purpose takes at least as many octets of DER */
    ED25519_BITS = 256,
    ED448_BITS = 448
};

struct fact_list {
    struct arena *arena;
    struct certificate_fact *facts;
    size_t count;
    size_t capacity;
    unsigned undecodable;
};

static struct slice string_bytes(const ASN1_STRING *string)
{
    return slice_from(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static void mark_undecodable(struct fact_list *list, enum certificate_fact_kind kind)
{
    list->undecodable |= 1U << (unsigned)kind;
}

static void add_fact(struct fact_list *list, enum certificate_fact_kind kind, struct slice bytes)
{
    struct slice kept = arena_copy(list->arena, bytes);

    /* Left out, somebody would think that it is not there. */
    if (slice_is_empty(bytes) || kept.data == NULL || list->count == list->capacity)
        mark_undecodable(list, kind);
    else
        list->facts[list->count++] = (struct certificate_fact){kind, kept};
}

/* ---- names ----------------------------------------------------------------------------------- */

static void add_text_name(struct fact_list *list, enum certificate_fact_kind kind,
                          struct slice text)
{
    struct slice canonical;

    if (certificate_fact_canonicalise(kind, text, list->arena, &canonical))
        add_fact(list, kind, canonical);
    else
        mark_undecodable(list, kind);
}

static void add_other_name(struct fact_list *list, const OTHERNAME *other)
{
    if (OBJ_obj2nid(other->type_id) != NID_ms_upn)
        return;
    if (other->value == NULL || other->value->type != V_ASN1_UTF8STRING)
        mark_undecodable(list, CERTIFICATE_FACT_UPN);
    else
        add_text_name(list, CERTIFICATE_FACT_UPN, string_bytes(other->value->value.utf8string));
}

static void add_address(struct fact_list *list, struct slice octets)
{
    if (octets.size == 4 || octets.size == 16)
        add_fact(list, CERTIFICATE_FACT_IP, octets);
    else
        mark_undecodable(list, CERTIFICATE_FACT_IP);
}

static void add_name(struct fact_list *list, const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS:
        add_text_name(list, CERTIFICATE_FACT_DNS, string_bytes(name->d.dNSName));
        return;
    case GEN_URI:
        add_text_name(list, CERTIFICATE_FACT_URI, string_bytes(name->d.uniformResourceIdentifier));
        return;
    case GEN_EMAIL:
        add_text_name(list, CERTIFICATE_FACT_EMAIL, string_bytes(name->d.rfc822Name));
        return;
    case GEN_IPADD:
        add_address(list, string_bytes(name->d.iPAddress));
        return;
    case GEN_OTHERNAME:
        add_other_name(list, name->d.otherName);
        return;
    default:
        return;
    }
}

static void add_names(struct fact_list *list, const X509 *certificate)
{
    int found = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);

    if (names == NULL && found != -1) {
        for (unsigned kind = CERTIFICATE_FACT_DNS; kind <= CERTIFICATE_FACT_UPN; kind++)
            mark_undecodable(list, (enum certificate_fact_kind)kind);
    }
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
        add_name(list, sk_GENERAL_NAME_value(names, i));
    GENERAL_NAMES_free(names);
}

/* ---- purposes and policies ------------------------------------------------------------------- */

static void add_object(struct fact_list *list, enum certificate_fact_kind kind,
                       const ASN1_OBJECT *object)
{
    add_fact(list, kind, slice_from(OBJ_get0_data(object), OBJ_length(object)));
}

static void add_purposes(struct fact_list *list, const X509 *certificate)
{
    int found = 0;
    EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(certificate, NID_ext_key_usage, &found, NULL);

    if (purposes == NULL && found != -1)
        mark_undecodable(list, CERTIFICATE_FACT_EKU);
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++)
        add_object(list, CERTIFICATE_FACT_EKU, sk_ASN1_OBJECT_value(purposes, i));
    EXTENDED_KEY_USAGE_free(purposes);
}

static void add_policies(struct fact_list *list, const X509 *certificate)
{
    int found = 0;
    CERTIFICATEPOLICIES *policies =
        X509_get_ext_d2i(certificate, NID_certificate_policies, &found, NULL);

    if (policies == NULL && found != -1)
        mark_undecodable(list, CERTIFICATE_FACT_POLICY);
    for (int i = 0; i < sk_POLICYINFO_num(policies); i++)
        add_object(list, CERTIFICATE_FACT_POLICY, sk_POLICYINFO_value(policies, i)->policyid);
    CERTIFICATEPOLICIES_free(policies);
}

/* ---- extensions that libcrypto does not know ------------------------------------------------- */

/* False when it is absent. Twice is as bad as unreadable: `value` is then empty. */
static bool find_extension(const X509 *certificate, struct slice type, struct slice *value)
{
    bool is_found = false;

    for (int i = 0; i < X509_get_ext_count(certificate); i++) {
        X509_EXTENSION *extension = X509_get_ext(certificate, i);
        const ASN1_OBJECT *object = X509_EXTENSION_get_object(extension);

        if (!slice_equals(type, slice_from(OBJ_get0_data(object), OBJ_length(object))))
            continue;
        *value = is_found ? SLICE("") : string_bytes(X509_EXTENSION_get_data(extension));
        is_found = true;
    }
    return is_found;
}

/* CertificateTemplate ::= SEQUENCE { templateID OBJECT IDENTIFIER, major, minor INTEGER OPTIONAL }
 * ([MS-WCCE] section 2.2.2.7.7.2). */
static void add_template(struct fact_list *list, const X509 *certificate)
{
    struct slice value;
    struct slice content;
    struct slice id;

    if (!find_extension(certificate, SLICE("\x2b\x06\x01\x04\x01\x82\x37\x15\x07"), &value))
        return;
    if (der_is_strict(value) && der_read_universal(&value, DER_SEQUENCE, &content) &&
        der_read_universal(&content, DER_OBJECT_IDENTIFIER, &id))
        add_fact(list, CERTIFICATE_FACT_TEMPLATE, id);
    else
        mark_undecodable(list, CERTIFICATE_FACT_TEMPLATE);
}

/* The next element, of a context-specific tag. */
static bool read_tagged(struct slice *rest, uint32_t tag, struct slice *content)
{
    struct der_element element;

    if (!der_read_element(rest, &element) || element.universal || !element.constructed ||
        element.tag != tag)
        return false;
    *content = element.content;
    return true;
}

/* SEQUENCE { [0] { OBJECT IDENTIFIER 1.3.6.1.4.1.311.25.2.1, [0] { OCTET STRING } } }: one
 * otherName of a GeneralNames ([MS-WCCE] section 2.2.2.7.7.4). */
static bool read_sid(struct slice value, struct slice *sid)
{
    static const struct slice type = SLICE_STATIC("\x2b\x06\x01\x04\x01\x82\x37\x19\x02\x01");
    struct slice names;
    struct slice other;
    struct slice id;
    struct slice wrapped;

    return der_is_strict(value) && der_read_universal(&value, DER_SEQUENCE, &names) &&
           read_tagged(&names, 0, &other) && slice_is_empty(names) &&
           der_read_universal(&other, DER_OBJECT_IDENTIFIER, &id) && slice_equals(id, type) &&
           read_tagged(&other, 0, &wrapped) && slice_is_empty(other) &&
           der_read_universal(&wrapped, DER_OCTET_STRING, sid) && slice_is_empty(wrapped);
}

static void add_sid(struct fact_list *list, const X509 *certificate)
{
    struct slice value;
    struct slice sid;

    if (!find_extension(certificate, SLICE("\x2b\x06\x01\x04\x01\x82\x37\x19\x02"), &value))
        return;
    if (read_sid(value, &sid))
        add_text_name(list, CERTIFICATE_FACT_SID, sid);
    else
        mark_undecodable(list, CERTIFICATE_FACT_SID);
}

/* QcType ::= SEQUENCE OF OBJECT IDENTIFIER (ETSI EN 319 412-5 section 4.2.3): for which purpose. */
static bool add_qc_types(struct fact_list *list, struct slice rest)
{
    struct slice types;
    struct slice type;

    if (!der_read_universal(&rest, DER_SEQUENCE, &types) || !slice_is_empty(rest))
        return false;
    while (!slice_is_empty(types)) {
        if (!der_read_universal(&types, DER_OBJECT_IDENTIFIER, &type))
            return false;
        add_fact(list, CERTIFICATE_FACT_QC_STATEMENT, type);
    }
    return true;
}

/* QCStatement ::= SEQUENCE { statementId, statementInfo ANY OPTIONAL } (RFC 3739 section 3.2.6). */
static bool add_qc_statement(struct fact_list *list, struct slice *rest)
{
    struct slice statement;
    struct slice id;

    if (!der_read_universal(rest, DER_SEQUENCE, &statement) ||
        !der_read_universal(&statement, DER_OBJECT_IDENTIFIER, &id))
        return false;
    add_fact(list, CERTIFICATE_FACT_QC_STATEMENT, id);
    return !slice_equals(id, SLICE("\x04\x00\x8e\x46\x01\x06")) || add_qc_types(list, statement);
}

static bool add_statements(struct fact_list *list, struct slice value)
{
    struct slice statements;

    if (!der_is_strict(value) || !der_read_universal(&value, DER_SEQUENCE, &statements))
        return false;
    while (!slice_is_empty(statements))
        if (!add_qc_statement(list, &statements))
            return false;
    return true;
}

static void add_qc_statements(struct fact_list *list, const X509 *certificate)
{
    struct slice value;

    if (find_extension(certificate, SLICE("\x2b\x06\x01\x05\x05\x07\x01\x03"), &value) &&
        !add_statements(list, value))
        mark_undecodable(list, CERTIFICATE_FACT_QC_STATEMENT);
}

/* ---- the certificate ------------------------------------------------------------------------- */

static void read_key(const X509 *certificate, struct certificate_facts *facts)
{
    struct public_key key = public_key_read(certificate);

    switch (key.kind) {
    case PUBLIC_KEY_RSA:
        facts->key_type = CERTIFICATE_KEY_RSA;
        facts->key_bits = key.bits;
        return;
    case PUBLIC_KEY_EC:
        facts->key_type = CERTIFICATE_KEY_EC;
        facts->key_bits = key.curve == NID_X9_62_prime256v1 ? 256
                          : key.curve == NID_secp384r1      ? 384
                          : key.curve == NID_secp521r1      ? 521
                                                            : 0;
        return;
    case PUBLIC_KEY_ED25519:
        facts->key_type = CERTIFICATE_KEY_ED25519;
        facts->key_bits = ED25519_BITS;
        return;
    case PUBLIC_KEY_ED448:
        facts->key_type = CERTIFICATE_KEY_ED448;
        facts->key_bits = ED448_BITS;
        return;
    case PUBLIC_KEY_EC_UNNAMED:
    case PUBLIC_KEY_UNKNOWN:
        return;
    }
}

static bool read_lists(const X509 *certificate, struct fact_list *list)
{
    int size = i2d_X509(certificate, NULL);

    if (size <= 0)
        return false;
    list->capacity = (size_t)size / FACTS_BYTES_EACH + 1;
    if (list->capacity > CERTIFICATE_FACTS_MAX)
        list->capacity = CERTIFICATE_FACTS_MAX;
    list->facts = arena_allocate_array(list->arena, list->capacity, sizeof(*list->facts));
    if (list->facts == NULL)
        return false;
    add_names(list, certificate);
    add_purposes(list, certificate);
    add_policies(list, certificate);
    add_template(list, certificate);
    add_sid(list, certificate);
    add_qc_statements(list, certificate);
    return true;
}

size_t certificate_facts_scratch_bytes(const X509 *certificate)
{
    int size = i2d_X509(certificate, NULL);

    return SCRATCH_BYTES + (size > 0 ? (size_t)size * SCRATCH_BYTES_FACTOR : 0);
}

static bool read_facts(const X509 *certificate, struct arena *arena,
                       struct certificate_facts *reading)
{
    struct fact_list list = {.arena = arena};

    read_key(certificate, reading);
    if (!distinguished_name_read(X509_get_subject_name(certificate), arena, &reading->subject) ||
        !distinguished_name_read(X509_get_issuer_name(certificate), arena, &reading->issuer) ||
        !read_lists(certificate, &list))
        return false;
    reading->facts = list.facts;
    reading->count = list.count;
    reading->undecodable = list.undecodable;
    return true;
}

bool certificate_facts_read(const X509 *certificate, struct arena *arena,
                            struct certificate_facts *facts)
{
    struct certificate_facts reading = {.count = 0};
    bool is_read;

    ERR_set_mark();
    is_read = read_facts(certificate, arena, &reading);
    ERR_pop_to_mark();
    if (is_read)
        *facts = reading;
    return is_read;
}

bool certificate_key_digest(const X509 *certificate, unsigned char digest[CERTIFICATE_DIGEST_BYTES])
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

    if (size <= 0)
        return false;
    SHA256(der, (size_t)size, digest);
    OPENSSL_free(der);
    return true;
}

bool certificate_fact_canonicalise(enum certificate_fact_kind kind, struct slice text,
                                   struct arena *arena, struct slice *canonical)
{
    switch ((int)kind) {
    case CERTIFICATE_FACT_DNS:
        return name_form_dns(text, arena, canonical);
    case CERTIFICATE_FACT_URI:
        return name_form_uri(text, arena, canonical);
    case CERTIFICATE_FACT_EMAIL:
        return name_form_email(text, arena, canonical);
    case CERTIFICATE_FACT_UPN:
        return name_form_upn(text, arena, canonical);
    case CERTIFICATE_FACT_SID:
        return name_form_sid(text, arena, canonical);
    default:
        return false;
    }
}
