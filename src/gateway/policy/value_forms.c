/* SPDX-License-Identifier: Apache-2.0
 *
 * See value_forms_internal.h; and the checks of all texts, for the configuration.
 */
#include "gateway/policy/value_forms_internal.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#include "gateway/policy/policy_internal.h"

enum {
    SERIAL_DIGITS_MAX = 64,
    OBJECT_BYTES_MAX = 120,
    USER_BYTES_MAX = 256,
    SCRATCH_BYTES = 24 * 1024
};

static bool refuse(struct error *error, struct slice text, const char *because)
{
    error_set(error, ERROR_SYNTAX, "'%.*s' %s", SLICE_FORMAT(slice_first(text, 80)), because);
    return false;
}

/* ---- serial numbers -------------------------------------------------------------------------- */

static char upper_hex(char digit)
{
    char lower = ascii_lower(digit);

    if (ascii_is_digit(digit))
        return digit;
    return lower >= 'a' && lower <= 'f' ? (char)(lower - 'a' + 'A') : '\0';
}

/* Without colons; false when there is something else, or nothing. */
static bool copy_serial_digits(struct slice text, char digits[SERIAL_DIGITS_MAX], size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < text.size; i++) {
        char digit = upper_hex(text.data[i]);

        if (text.data[i] == ':' && i > 0 && i + 1 < text.size)
            continue;
        if (digit == '\0' || *count == SERIAL_DIGITS_MAX)
            return false;
        digits[(*count)++] = digit;
    }
    return *count > 0;
}

bool value_parse_serial(struct slice text, struct arena *arena, struct slice *value,
                        struct error *error)
{
    bool is_negative = slice_starts_with(text, SLICE("-"));
    char digits[SERIAL_DIGITS_MAX];
    struct slice rest;
    size_t count;
    char *form;
    size_t size = 0;

    if (!copy_serial_digits(slice_after(text, is_negative ? 1 : 0), digits, &count))
        return refuse(error, text, "is not a serial number in hexadecimal");
    rest = slice_from(digits, count);
    while (rest.size > 1 && rest.data[0] == '0')
        rest = slice_after(rest, 1);
    form = arena_allocate(arena, count + 3);
    if (form == NULL)
        return refuse(error, text, "is too long");
    if (is_negative)
        form[size++] = '-';
    if (rest.size % 2 != 0)
        form[size++] = '0';
    memcpy(form + size, rest.data, rest.size);
    *value = slice_from(form, size + rest.size);
    return true;
}

/* ---- names and objects ----------------------------------------------------------------------- */

bool value_parse_attribute(struct slice text, struct arena *arena, struct slice *value,
                           struct error *error)
{
    if (distinguished_name_canonicalise(text, arena, value) && !slice_is_empty(*value))
        return true;
    return refuse(error, text, "cannot be a value in a name");
}

bool value_parse_object(struct slice text, struct arena *arena, struct slice *value,
                        struct error *error)
{
    char name[OBJECT_BYTES_MAX];
    ASN1_OBJECT *object = NULL;

    if (text.size > 0 && text.size < sizeof(name)) {
        memcpy(name, text.data, text.size);
        name[text.size] = '\0';
        ERR_set_mark();
        object = OBJ_txt2obj(name, 0);
        ERR_pop_to_mark();
    }
    if (object == NULL || OBJ_length(object) == 0) {
        ASN1_OBJECT_free(object);
        return refuse(error, text, "is not an object identifier such as 1.3.6.1.5.5.7.3.2");
    }
    *value = arena_copy(arena, slice_from(OBJ_get0_data(object), OBJ_length(object)));
    ASN1_OBJECT_free(object);
    return value->data != NULL;
}

/* ETSI EN 319 412-5. */
bool value_parse_qc_statement(struct slice text, struct arena *arena, struct slice *value,
                              struct error *error)
{
    static const struct {
        const char *name;
        struct slice oid;
    } names[] = {
        {"compliance", SLICE_STATIC("0.4.0.1862.1.1")}, {"sscd", SLICE_STATIC("0.4.0.1862.1.4")},
        {"esign", SLICE_STATIC("0.4.0.1862.1.6.1")},    {"eseal", SLICE_STATIC("0.4.0.1862.1.6.2")},
        {"web", SLICE_STATIC("0.4.0.1862.1.6.3")},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_equals(text, slice_from_text(names[i].name)))
            return value_parse_object(names[i].oid, arena, value, error);
    return value_parse_object(text, arena, value, error);
}

bool value_parse_host(struct slice text, struct arena *arena, struct slice *value,
                      struct error *error)
{
    struct slice name = text;
    size_t star = 0;

    if (slice_starts_with(text, SLICE("*."))) {
        name = slice_after(text, 2);
        star = 2;
    }
    if (slice_find(name, '*') == name.size &&
        certificate_fact_canonicalise(CERTIFICATE_FACT_DNS, name, arena, value)) {
        char *form = arena_allocate(arena, star + value->size);

        if (form != NULL) {
            memcpy(form, "*.", star);
            memcpy(form + star, value->data, value->size);
            *value = slice_from(form, star + value->size);
            return true;
        }
    }
    return refuse(error, text, "is not a host such as example.com or *.example.com");
}

enum certificate_key_type value_find_key_type(struct slice text)
{
    static const struct {
        const char *name;
        enum certificate_key_type type;
    } names[] = {
        {"rsa", CERTIFICATE_KEY_RSA},
        {"ec", CERTIFICATE_KEY_EC},
        {"ed25519", CERTIFICATE_KEY_ED25519},
        {"ed448", CERTIFICATE_KEY_ED448},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (slice_equals(text, slice_from_text(names[i].name)))
            return names[i].type;
    return CERTIFICATE_KEY_OTHER;
}

/* ---- checks for the configuration ------------------------------------------------------------ */

static bool parses(struct slice text,
                   bool (*parse)(struct slice, struct arena *, struct slice *, struct error *),
                   struct error *error)
{
    char scratch[SCRATCH_BYTES];
    struct arena arena;
    struct slice value;

    arena_init(&arena, scratch, sizeof(scratch));
    return parse(text, &arena, &value, error);
}

static bool is_pattern(enum certificate_fact_kind kind, struct slice text, struct error *error)
{
    char scratch[SCRATCH_BYTES];
    struct name_pattern pattern;
    struct arena arena;

    arena_init(&arena, scratch, sizeof(scratch));
    return name_pattern_parse(kind, text, &arena, &pattern, error);
}

static bool is_digest(struct slice text, size_t size, const char *because, struct error *error)
{
    unsigned char digest[FINGERPRINT_BYTES_MAX];

    return fingerprint_parse(text, digest) == size || refuse(error, text, because);
}

bool policy_sha256_is_valid(struct slice text, struct error *error)
{
    return is_digest(text, FINGERPRINT_SHA256_BYTES,
                     "is not a SHA-256 digest: 64 hexadecimal digits, with or without colons",
                     error);
}

bool policy_sha1_is_valid(struct slice text, struct error *error)
{
    return is_digest(text, FINGERPRINT_SHA1_BYTES,
                     "is not a SHA-1 digest: 40 hexadecimal digits, with or without colons", error);
}

bool policy_serial_is_valid(struct slice text, struct error *error)
{
    return parses(text, value_parse_serial, error);
}

bool policy_name_is_valid(struct slice text, struct error *error)
{
    char scratch[SCRATCH_BYTES];
    struct distinguished_name name;
    struct arena arena;

    arena_init(&arena, scratch, sizeof(scratch));
    return distinguished_name_parse(text, &arena, &name, error);
}

bool policy_attribute_value_is_valid(struct slice text, struct error *error)
{
    return parses(text, value_parse_attribute, error);
}

bool policy_other_attribute_is_valid(struct slice text, struct error *error)
{
    size_t equals = slice_find(text, '=');
    char scratch[SCRATCH_BYTES];
    struct arena arena;
    struct slice type;

    arena_init(&arena, scratch, sizeof(scratch));
    if (equals == text.size ||
        !distinguished_name_find_type(slice_first(text, equals), &arena, &type))
        return refuse(error, text, "is not TYPE=VALUE, such as 2.5.4.97=VATDE-123456789");
    return parses(slice_after(text, equals + 1), value_parse_attribute, error);
}

bool policy_dns_is_valid(struct slice text, struct error *error)
{
    return is_pattern(CERTIFICATE_FACT_DNS, text, error);
}

bool policy_uri_is_valid(struct slice text, struct error *error)
{
    return is_pattern(CERTIFICATE_FACT_URI, text, error);
}

bool policy_email_is_valid(struct slice text, struct error *error)
{
    return is_pattern(CERTIFICATE_FACT_EMAIL, text, error);
}

bool policy_upn_is_valid(struct slice text, struct error *error)
{
    return is_pattern(CERTIFICATE_FACT_UPN, text, error);
}

bool policy_sid_is_valid(struct slice text, struct error *error)
{
    return is_pattern(CERTIFICATE_FACT_SID, text, error);
}

bool policy_network_is_valid(struct slice text, struct error *error)
{
    struct ip_range range;

    return ip_range_parse(text, &range, error);
}

bool policy_object_is_valid(struct slice text, struct error *error)
{
    return parses(text, value_parse_object, error);
}

bool policy_qc_statement_is_valid(struct slice text, struct error *error)
{
    return parses(text, value_parse_qc_statement, error);
}

bool policy_key_type_is_valid(struct slice text, struct error *error)
{
    return value_find_key_type(text) != CERTIFICATE_KEY_OTHER ||
           refuse(error, text, "is not a type of key: rsa, ec, ed25519 or ed448");
}

bool policy_host_is_valid(struct slice text, struct error *error)
{
    return parses(text, value_parse_host, error);
}

bool policy_time_is_valid(struct slice text, struct error *error)
{
    struct time_window window;

    return time_window_parse(text, &window, error);
}

/* It goes into a header. */
bool policy_user_is_valid(struct slice text, struct error *error)
{
    bool is_valid = text.size > 0 && text.size <= USER_BYTES_MAX;

    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            is_valid = false;
    return is_valid || refuse(error, text,
                              "is not a user: printable ASCII without blanks, at "
                              "most 256 characters");
}

const char *policy_attribute_name(size_t index)
{
    static const char *const names[POLICY_ATTRIBUTES] = {
        "CN",
        "O",
        "OU",
        "C",
        "ST",
        "L",
        "DC",
        "UID",
        "GN",
        "SN",
        "street",
        "title",
        "serialNumber",
        "emailAddress",
        "organizationIdentifier",
    };

    return index < POLICY_ATTRIBUTES ? names[index] : NULL;
}
