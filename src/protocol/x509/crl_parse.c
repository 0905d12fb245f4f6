/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk through a CertificateList (RFC 5280 section 5.1). Nothing is skipped that is critical,
 * and an extension that comes twice is an error.
 */
#include <string.h>

#include "protocol/x509/crl_internal.h"
#include "protocol/x509/der_internal.h"

enum {
    REASON_REMOVE_FROM_CRL = 8,
    REASON_MAX = 10,
    EXTENSIONS_MAX = 64,
    TAG_UTC_TIME = 0x17,
    TAG_GENERALIZED_TIME = 0x18,
    SECONDS_A_DAY = 86400
};

static bool malformed(struct error *error, const char *what)
{
    error_set(error, ERROR_CERTIFICATE, "%s is not valid DER", what);
    return false;
}

static bool unusable(struct error *error, const char *why)
{
    error_set(error, ERROR_CERTIFICATE, "%s", why);
    return false;
}

/* ---- time
 * --------------------------------------------------------------------------------------------- */

static bool parse_digits(const char *text, size_t count, unsigned *value)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++) {
        if (!ascii_is_digit(text[i]))
            return false;
        sum = sum * 10 + (unsigned)(text[i] - '0');
    }
    *value = sum;
    return true;
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int64_t days_before(unsigned year, unsigned month)
{
    static const unsigned short DAYS[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t before = (int64_t)year - 1;

    /* 719162 days lie between 0001-01-01 and 1970-01-01. */
    return before * 365 + before / 4 - before / 100 + before / 400 + DAYS[month - 1] +
           (month > 2 && is_leap(year) ? 1 : 0) - 719162;
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : DAYS[month - 1];
}

/* "MMDDHHMMSSZ" */
static bool parse_rest_of_time(unsigned year, const char *text, int64_t *seconds)
{
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned second;

    if (!parse_digits(text, 2, &month) || !parse_digits(text + 2, 2, &day) ||
        !parse_digits(text + 4, 2, &hour) || !parse_digits(text + 6, 2, &minute) ||
        !parse_digits(text + 8, 2, &second) || text[10] != 'Z' || year == 0 || month == 0 ||
        month > 12 || day == 0 || day > days_in(year, month) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    *seconds = (days_before(year, month) + (int64_t)day - 1) * SECONDS_A_DAY +
               (int64_t)hour * 3600 + (int64_t)minute * 60 + (int64_t)second;
    return true;
}

/* RFC 5280 sections 5.1.2.4 and 4.1.2.5: UTCTime through 2049, seconds and Z always. */
bool crl_parse_time(struct slice *rest, int64_t *seconds)
{
    struct der_element element;
    unsigned year;

    if (!der_read_element(rest, &element) || !element.universal || element.constructed)
        return false;
    if (element.tag == TAG_UTC_TIME && element.content.size == 13 &&
        parse_digits(element.content.data, 2, &year))
        return parse_rest_of_time(year < 50 ? 2000 + year : 1900 + year, element.content.data + 2,
                                  seconds);
    if (element.tag == TAG_GENERALIZED_TIME && element.content.size == 15 &&
        parse_digits(element.content.data, 4, &year))
        return parse_rest_of_time(year, element.content.data + 4, seconds);
    return false;
}

static bool is_time(struct slice rest)
{
    struct der_element element;

    return der_read_element(&rest, &element) && element.universal &&
           (element.tag == TAG_UTC_TIME || element.tag == TAG_GENERALIZED_TIME);
}

/* ---- extensions
 * --------------------------------------------------------------------------------------------- */

struct extension {
    struct slice id; /* the content of the OBJECT IDENTIFIER */
    bool is_critical;
    struct slice value; /* what the OCTET STRING holds */
};

static bool read_extension(struct slice *rest, struct extension *extension)
{
    struct slice sequence;
    struct slice flag;

    if (!der_read_universal(rest, DER_SEQUENCE, &sequence) ||
        !der_read_universal(&sequence, DER_OBJECT_IDENTIFIER, &extension->id))
        return false;
    extension->is_critical = false;
    if (der_read_universal(&sequence, DER_BOOLEAN, &flag)) {
        if (flag.size != 1)
            return false;
        extension->is_critical = flag.data[0] != 0;
    }
    return der_read_universal(&sequence, DER_OCTET_STRING, &extension->value) &&
           slice_is_empty(sequence);
}

/* 2.5.29.N */
static unsigned certificate_extension(struct slice id)
{
    return id.size == 3 && memcmp(id.data, "\x55\x1d", 2) == 0 ? (unsigned char)id.data[2] : 0;
}

/* A number that is not negative, without the zero in front that its sign may need. */
static bool read_number(struct slice value, struct slice *number)
{
    if (!der_read_universal(&value, DER_INTEGER, number) || !slice_is_empty(value) ||
        slice_is_empty(*number) || ((unsigned char)number->data[0] & 0x80) != 0 ||
        number->size > CRL_SERIAL_BYTES_MAX)
        return false;
    while (number->size > 0 && number->data[0] == 0)
        *number = slice_after(*number, 1);
    return true;
}

/* AuthorityKeyIdentifier: of its three fields the first is what issuers are told apart by. */
static bool read_key_identifier(struct slice value, struct slice *identifier)
{
    struct slice sequence;
    struct der_element element;

    if (!der_read_universal(&value, DER_SEQUENCE, &sequence) || !slice_is_empty(value))
        return false;
    while (!slice_is_empty(sequence)) {
        if (!der_read_element(&sequence, &element) || element.universal)
            return false;
        if (element.tag == 0 && !element.constructed)
            *identifier = element.content;
    }
    return true;
}

bool crl_parse_names(struct slice rest, struct slice *names, size_t *count)
{
    while (!slice_is_empty(rest)) {
        struct slice before = rest;
        struct der_element element;

        if (*count == CRL_NAME_COUNT_MAX || !der_read_element(&rest, &element) || element.universal)
            return false;
        names[(*count)++] = slice_first(before, before.size - rest.size);
    }
    return true;
}

/* ReasonFlags: bit 0 of the string is the highest of its first octet. */
static bool read_reasons(struct slice bits, unsigned *reasons)
{
    unsigned set = 0;

    if (bits.size < 2 || bits.size > 3 || (unsigned char)bits.data[0] > 7)
        return false;
    for (size_t i = 0; i < (bits.size - 1) * 8; i++) {
        if (((unsigned char)bits.data[1 + i / 8] & (0x80U >> (i % 8))) != 0)
            set |= 1U << i;
    }
    *reasons = set & CRL_REASONS_ALL;
    return true;
}

static bool is_true(const struct der_element *element)
{
    return element->content.size == 1 && element->content.data[0] != 0;
}

static bool read_point_name(struct slice content, struct crl_scope *scope, struct error *error)
{
    struct der_element name;

    if (!der_read_element(&content, &name) || name.universal || !name.constructed ||
        !slice_is_empty(content))
        return malformed(error, "the name of the issuing distribution point");
    if (name.tag != 0)
        return unusable(error, "the issuing distribution point is named relative to the issuer, "
                               "which is not supported");
    if (!crl_parse_names(name.content, scope->names, &scope->name_count) || scope->name_count == 0)
        return malformed(error, "the name of the issuing distribution point");
    return true;
}

/* IssuingDistributionPoint, section 5.2.5. */
static bool read_scope(struct slice value, struct crl_scope *scope, struct error *error)
{
    struct slice sequence;
    struct der_element element;

    if (!der_read_universal(&value, DER_SEQUENCE, &sequence) || !slice_is_empty(value))
        return malformed(error, "the issuing distribution point");
    while (!slice_is_empty(sequence)) {
        if (!der_read_element(&sequence, &element) || element.universal ||
            element.constructed != (element.tag == 0))
            return malformed(error, "the issuing distribution point");
        if (element.tag == 0 && !read_point_name(element.content, scope, error))
            return false;
        if (element.tag == 1)
            scope->only_user = is_true(&element);
        if (element.tag == 2)
            scope->only_ca = is_true(&element);
        if (element.tag == 3 && !read_reasons(element.content, &scope->reasons))
            return malformed(error, "the issuing distribution point");
        if (element.tag == 4 && is_true(&element))
            return unusable(error, "it is an indirect list, which is not supported");
        if (element.tag == 5 && is_true(&element))
            return unusable(error, "it is about attribute certificates only");
        if (element.tag > 5)
            return malformed(error, "the issuing distribution point");
    }
    return true;
}

static bool read_list_extension(const struct extension *extension, struct crl_facts *facts,
                                struct error *error)
{
    switch (certificate_extension(extension->id)) {
    case 35: /* authorityKeyIdentifier */
        return read_key_identifier(extension->value, &facts->issuer_key) ||
               malformed(error, "the authority key identifier");
    case 18: /* issuerAltName */
    case 46: /* freshestCRL */
        return true;
    case 20: /* cRLNumber */
        facts->has_number = read_number(extension->value, &facts->number);
        return facts->has_number || malformed(error, "the CRL number");
    case 27: /* deltaCRLIndicator */
        facts->is_delta = read_number(extension->value, &facts->base);
        return facts->is_delta || malformed(error, "the delta CRL indicator");
    case 28: /* issuingDistributionPoint */
        facts->distribution_point = extension->value;
        return read_scope(extension->value, &facts->scope, error);
    default:
        return !extension->is_critical ||
               unusable(error, "it has a critical extension that is not understood");
    }
}

static bool read_list_extensions(struct slice rest, struct crl_facts *facts, struct error *error)
{
    struct slice seen[EXTENSIONS_MAX];
    size_t count = 0;

    if (slice_is_empty(rest))
        return malformed(error, "the list of extensions");
    while (!slice_is_empty(rest)) {
        struct extension extension;

        if (count == EXTENSIONS_MAX || !read_extension(&rest, &extension))
            return malformed(error, "an extension");
        for (size_t i = 0; i < count; i++) {
            if (slice_equals(seen[i], extension.id))
                return unusable(error, "an extension comes twice");
        }
        seen[count++] = extension.id;
        if (!read_list_extension(&extension, facts, error))
            return false;
    }
    return true;
}

/* ---- entries
 * --------------------------------------------------------------------------------------------- */

static bool read_entry_reason(struct slice value, unsigned *reason)
{
    struct slice content;

    if (!der_read_universal(&value, DER_ENUMERATED, &content) || !slice_is_empty(value) ||
        content.size != 1 || (unsigned char)content.data[0] > REASON_MAX)
        return false;
    *reason = (unsigned char)content.data[0];
    return true;
}

static bool read_entry_extensions(struct slice rest, struct crl_raw_entry *entry,
                                  struct error *error)
{
    unsigned seen = 0;

    while (!slice_is_empty(rest)) {
        struct extension extension;
        unsigned id;

        if (!read_extension(&rest, &extension))
            return malformed(error, "an extension of an entry");
        id = certificate_extension(extension.id);
        if (id >= 21 && id <= 29) {
            if ((seen & (1U << (id - 21))) != 0)
                return unusable(error, "an extension of an entry comes twice");
            seen |= 1U << (id - 21);
        }
        if (id == 21) {
            if (!read_entry_reason(extension.value, &entry->reason))
                return malformed(error, "the reason of an entry");
        } else if (id == 29) {
            return unusable(error, "an entry names another issuer, which only indirect lists have");
        } else if (extension.is_critical && id != 23 && id != 24) {
            return unusable(error, "an entry has a critical extension that is not understood");
        }
    }
    return true;
}

/* X.690 section 8.3.2. */
static bool is_minimal(struct slice integer)
{
    unsigned char first;
    unsigned char second;

    if (integer.size < 2)
        return integer.size == 1;
    first = (unsigned char)integer.data[0];
    second = (unsigned char)integer.data[1];
    return !(first == 0x00 && second < 0x80) && !(first == 0xff && second >= 0x80);
}

/* What der_read_universal does, at once for the short lengths that nearly all elements have. */
static inline bool read_short(struct slice *rest, unsigned char identifier, enum der_tag tag,
                              struct slice *content)
{
    size_t size;

    if (rest->size < 2 || (unsigned char)rest->data[0] != identifier)
        return der_read_universal(rest, tag, content);
    size = (unsigned char)rest->data[1];
    if (size >= 0x80 || size > rest->size - 2)
        return der_read_universal(rest, tag, content);
    *content = slice_from(rest->data + 2, size);
    *rest = slice_from(rest->data + 2 + size, rest->size - 2 - size);
    return true;
}

bool crl_parse_entry(struct slice *rest, bool may_have_extensions, struct crl_raw_entry *entry,
                     struct error *error)
{
    struct slice sequence;
    struct slice extensions;

    *entry = (struct crl_raw_entry){.reason = 0};
    if (!read_short(rest, 0x30, DER_SEQUENCE, &sequence) ||
        !read_short(&sequence, 0x02, DER_INTEGER, &entry->serial) || !is_minimal(entry->serial) ||
        !crl_parse_time(&sequence, &entry->revoked_at))
        return malformed(error, "an entry");
    if (entry->serial.size > CRL_SERIAL_BYTES_MAX)
        return unusable(error, "a serial number is longer than 64 bytes");
    if (slice_is_empty(sequence))
        return true;
    if (!may_have_extensions || !der_read_universal(&sequence, DER_SEQUENCE, &extensions) ||
        !slice_is_empty(sequence))
        return malformed(error, "an entry");
    return read_entry_extensions(extensions, entry, error);
}

/* ---- the list
 * --------------------------------------------------------------------------------------------- */

static bool read_whole(struct slice *rest, enum der_tag tag, struct slice *whole)
{
    struct slice before = *rest;
    struct slice content;

    if (!der_read_universal(rest, tag, &content))
        return false;
    *whole = slice_first(before, before.size - rest->size);
    return true;
}

static bool read_version(struct slice *rest, bool *is_second)
{
    struct slice version;

    *is_second = der_read_universal(rest, DER_INTEGER, &version);
    return !*is_second || (version.size == 1 && version.data[0] == 1);
}

static bool read_times(struct slice *rest, struct crl_facts *facts, struct error *error)
{
    if (!crl_parse_time(rest, &facts->this_update))
        return malformed(error, "thisUpdate");
    if (!is_time(*rest))
        return unusable(error, "it does not say when it ends (nextUpdate)");
    if (!crl_parse_time(rest, &facts->next_update))
        return malformed(error, "nextUpdate");
    if (facts->next_update <= facts->this_update)
        return unusable(error, "it ends before it begins (nextUpdate, thisUpdate)");
    return true;
}

static bool read_end(struct slice rest, struct crl_parts *parts, struct error *error)
{
    struct der_element element;
    struct slice extensions;

    if (slice_is_empty(rest))
        return true;
    if (!parts->has_extensions || !der_read_element(&rest, &element) || element.universal ||
        element.tag != 0 || !element.constructed || !slice_is_empty(rest) ||
        !der_read_universal(&element.content, DER_SEQUENCE, &extensions) ||
        !slice_is_empty(element.content))
        return malformed(error, "the end of the list");
    return read_list_extensions(extensions, &parts->facts, error);
}

static bool check_facts(const struct crl_facts *facts, struct error *error)
{
    const struct crl_scope *scope = &facts->scope;

    if (facts->is_delta && !facts->has_number)
        return unusable(error, "it is a delta list without a CRL number");
    if (scope->only_user && scope->only_ca)
        return unusable(error, "its scope is empty: only users' and only CAs' certificates");
    return true;
}

bool crl_parse_parts(struct slice der, struct crl_parts *parts, struct error *error)
{
    struct slice list;
    struct slice body;
    struct slice bits;
    struct slice inner_algorithm;

    *parts = (struct crl_parts){.facts.scope.reasons = CRL_REASONS_ALL};
    if (!der_read_universal(&der, DER_SEQUENCE, &list))
        return malformed(error, "the list (or it is cut off)");
    if (!slice_is_empty(der))
        return unusable(error, "something follows behind the list");
    if (!read_whole(&list, DER_SEQUENCE, &parts->signed_part) ||
        !read_whole(&list, DER_SEQUENCE, &parts->algorithm) ||
        !der_read_universal(&list, DER_BIT_STRING, &bits) || !slice_is_empty(list) ||
        bits.size < 2 || bits.data[0] != 0)
        return malformed(error, "the list");
    parts->signature = slice_after(bits, 1);

    body = parts->signed_part;
    (void)der_read_universal(&body, DER_SEQUENCE, &list);
    if (!read_version(&list, &parts->has_extensions))
        return unusable(error, "its version is neither 1 nor 2");
    if (!read_whole(&list, DER_SEQUENCE, &inner_algorithm) ||
        !read_whole(&list, DER_SEQUENCE, &parts->facts.issuer))
        return malformed(error, "the head of the list");
    if (!slice_equals(inner_algorithm, parts->algorithm))
        return unusable(error, "it names two different signature algorithms");
    if (!read_times(&list, &parts->facts, error))
        return false;
    (void)der_read_universal(&list, DER_SEQUENCE, &parts->entries);
    return read_end(list, parts, error) && check_facts(&parts->facts, error);
}
