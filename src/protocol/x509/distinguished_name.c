/* SPDX-License-Identifier: Apache-2.0
 *
 * See distinguished_name.h. The canonical form follows RFC 4518 as far as it changes what a person
 * would call the same name: mapping of blanks and of ASCII letters, and insignificant blanks.
 */
#include "protocol/x509/distinguished_name.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/objects.h>

#include "runtime/buffer.h"
#include "runtime/encoding.h"

enum { TYPE_NAME_BYTES_MAX = 80 };

/* ---- characters ------------------------------------------------------------------------------ */

struct character_range {
    unsigned long first;
    unsigned long last;
};

/* RFC 4518 section 2.2: what is mapped to a blank. */
static const struct character_range blanks[] = {
    {0x09, 0x0d},     {0x20, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
    {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

/* What is mapped to nothing there, is a control, or stands for no character: nobody sees it, so
 * that a name with it is not what it looks like. */
static const struct character_range unseen[] = {
    {0x00, 0x1f},       {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x115f, 0x1160},
    {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x200b, 0x200f},   {0x202a, 0x202e},
    {0x2060, 0x206f},   {0x3164, 0x3164},   {0xd800, 0xf8ff},   {0xfdd0, 0xfdef},
    {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xffff},
    {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0x1fffe, 0x1ffff}, {0xe0000, 0x10ffff},
};

static bool is_among(const struct character_range *ranges, size_t count, unsigned long character)
{
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last)
            return true;
    return false;
}

static bool is_blank(unsigned long character)
{
    return is_among(blanks, sizeof(blanks) / sizeof(blanks[0]), character);
}

static bool is_unseen(unsigned long character)
{
    return is_among(unseen, sizeof(unseen) / sizeof(unseen[0]), character);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Writes at most as many bytes as the text has. False: it is not decodable. */
static bool write_canonical(struct slice text, struct buffer *to)
{
    bool is_pending = false; /* a blank that is written when something comes behind it */

    while (!slice_is_empty(text)) {
        unsigned long character = 0;
        int used = UTF8_getc((const unsigned char *)text.data, (int)text.size, &character);
        struct slice bytes;

        if (used <= 0)
            return false;
        bytes = slice_first(text, (size_t)used);
        text = slice_after(text, (size_t)used);
        if (is_blank(character)) {
            is_pending = to->written > 0;
            continue;
        }
        if (is_unseen(character))
            return false;
        if ((is_pending && !buffer_append_byte(to, ' ')) ||
            !(used == 1 ? buffer_append_byte(to, ascii_lower(bytes.data[0]))
                        : buffer_append(to, bytes)))
            return false;
        is_pending = false;
    }
    return true;
}

bool distinguished_name_canonicalise(struct slice text, struct arena *arena, struct slice *value)
{
    struct buffer writing;
    char *memory;

    if (text.size > DISTINGUISHED_NAME_TEXT_BYTES_MAX)
        return false;
    memory = arena_allocate(arena, text.size + 1);
    if (memory == NULL)
        return false;
    buffer_init(&writing, memory, text.size + 1);
    if (!write_canonical(text, &writing))
        return false;
    *value = buffer_readable(&writing);
    return true;
}

/* Eight-bit characters of these types mean one thing in X.680 and another in what people write. */
static bool is_seven_bit_type(int type)
{
    return type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING || type == V_ASN1_T61STRING ||
           type == V_ASN1_VISIBLESTRING || type == V_ASN1_NUMERICSTRING;
}

static bool is_wide_type(int type)
{
    return type == V_ASN1_UTF8STRING || type == V_ASN1_BMPSTRING || type == V_ASN1_UNIVERSALSTRING;
}

static bool is_ascii(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        if ((unsigned char)bytes.data[i] >= 0x80)
            return false;
    return true;
}

static bool canonicalise_string(const ASN1_STRING *string, struct arena *arena, struct slice *value)
{
    struct slice bytes =
        slice_from(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
    int type = ASN1_STRING_type(string);
    unsigned char *text = NULL;
    bool is_done;
    int size;

    if (is_seven_bit_type(type))
        return is_ascii(bytes) && distinguished_name_canonicalise(bytes, arena, value);
    if (!is_wide_type(type))
        return false;
    size = ASN1_STRING_to_UTF8(&text, string);
    if (size < 0)
        return false;
    is_done = distinguished_name_canonicalise(slice_from(text, (size_t)size), arena, value);
    OPENSSL_free(text);
    return is_done;
}

/* ---- reading a certificate's ----------------------------------------------------------------- */

static struct slice octets_of(const ASN1_OBJECT *type)
{
    return slice_from(OBJ_get0_data(type), OBJ_length(type));
}

static bool read_attribute(const X509_NAME_ENTRY *entry, struct arena *arena,
                           struct distinguished_name_attribute *attribute)
{
    struct slice type = octets_of(X509_NAME_ENTRY_get_object(entry));

    attribute->type = arena_copy(arena, type);
    attribute->rdn = (size_t)X509_NAME_ENTRY_set(entry);
    attribute->value = SLICE("");
    attribute->is_decodable =
        canonicalise_string(X509_NAME_ENTRY_get_data(entry), arena, &attribute->value);
    return type.size == 0 || attribute->type.data != NULL;
}

static bool read_attributes(const X509_NAME *name, size_t count, struct arena *arena,
                            struct distinguished_name *read)
{
    struct distinguished_name_attribute *attributes =
        arena_allocate_array(arena, count, sizeof(*attributes));
    bool is_decodable = true;

    if (attributes == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!read_attribute(X509_NAME_get_entry(name, (int)i), arena, &attributes[i]))
            return false;
        is_decodable = is_decodable && attributes[i].is_decodable;
    }
    *read = (struct distinguished_name){attributes, count, is_decodable};
    return true;
}

bool distinguished_name_read(const X509_NAME *name, struct arena *arena,
                             struct distinguished_name *read)
{
    int count = X509_NAME_entry_count(name);
    bool is_read;

    if (count <= 0 || count > DISTINGUISHED_NAME_ATTRIBUTES_MAX) {
        *read = (struct distinguished_name){NULL, 0, count == 0};
        return true;
    }
    ERR_set_mark();
    is_read = read_attributes(name, (size_t)count, arena, read);
    ERR_pop_to_mark();
    return is_read;
}

/* ---- types ----------------------------------------------------------------------------------- */

/* Names that people use and libcrypto knows by another, or by none. */
static const struct {
    const char *name;
    const char *oid;
} type_names[] = {
    {"CN", "2.5.4.3"},
    {"SN", "2.5.4.4"},
    {"SERIALNUMBER", "2.5.4.5"},
    {"C", "2.5.4.6"},
    {"L", "2.5.4.7"},
    {"ST", "2.5.4.8"},
    {"S", "2.5.4.8"},
    {"STREET", "2.5.4.9"},
    {"O", "2.5.4.10"},
    {"OU", "2.5.4.11"},
    {"T", "2.5.4.12"},
    {"TITLE", "2.5.4.12"},
    {"GN", "2.5.4.42"},
    {"G", "2.5.4.42"},
    {"DC", "0.9.2342.19200300.100.1.25"},
    {"UID", "0.9.2342.19200300.100.1.1"},
    {"E", "1.2.840.113549.1.9.1"},
    {"EMAILADDRESS", "1.2.840.113549.1.9.1"},
    {"ORGANIZATIONIDENTIFIER", "2.5.4.97"},
};

static const char *find_type_name(struct slice name)
{
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
        if (slice_equals_ignoring_case(name, slice_from_text(type_names[i].name)))
            return type_names[i].oid;
    return NULL;
}

bool distinguished_name_find_type(struct slice name, struct arena *arena, struct slice *type)
{
    char text[TYPE_NAME_BYTES_MAX];
    const char *known = find_type_name(name);
    ASN1_OBJECT *object;

    if (name.size == 0 || name.size >= sizeof(text))
        return false;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    ERR_set_mark();
    object = OBJ_txt2obj(known == NULL ? text : known, known != NULL);
    ERR_pop_to_mark();
    if (object == NULL)
        return false;
    *type = arena_copy(arena, octets_of(object));
    ASN1_OBJECT_free(object);
    return type->data != NULL && type->size > 0;
}

/* ---- reading text ---------------------------------------------------------------------------- */

struct text_reading {
    struct slice rest;
    struct arena *arena;
    struct error *error;
    struct distinguished_name_attribute attributes[DISTINGUISHED_NAME_ATTRIBUTES_MAX];
    size_t count;
    size_t rdn;
};

/* How far the value goes: to a ',' or '+' that is neither escaped nor quoted. */
static size_t find_value_end(struct slice text)
{
    bool is_quoted = false;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"')
            is_quoted = !is_quoted;
        else if (!is_quoted && (text.data[i] == ',' || text.data[i] == '+'))
            return i;
    }
    return text.size;
}

static bool is_escapable(char character)
{
    return memchr(" \"#+,;<=>\\", character, sizeof(" \"#+,;<=>\\") - 1) != NULL;
}

/* RFC 4514 section 2.4, and the quotes of RFC 2253. */
static bool unescape(struct slice text, struct buffer *to)
{
    bool is_quoted = text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"';

    if (is_quoted)
        text = slice_from(text.data + 1, text.size - 2);
    while (!slice_is_empty(text)) {
        char character = text.data[0];

        if (character != '\\') {
            if (character == '"' ||
                (!is_quoted && (character == ';' || character == '<' || character == '>')) ||
                !buffer_append_byte(to, character))
                return false;
            text = slice_after(text, 1);
        } else if (text.size >= 2 && is_escapable(text.data[1])) {
            if (!buffer_append_byte(to, text.data[1]))
                return false;
            text = slice_after(text, 2);
        } else {
            if (text.size < 3 || !decode_hex(to, slice_from(text.data + 1, 2)))
                return false;
            text = slice_after(text, 3);
        }
    }
    return true;
}

static bool parse_value(struct text_reading *reading, struct slice text, struct slice *value)
{
    char memory[DISTINGUISHED_NAME_TEXT_BYTES_MAX];
    struct buffer plain;

    buffer_init(&plain, memory, sizeof(memory));
    if (slice_starts_with(text, SLICE("#")) || !unescape(text, &plain) ||
        !distinguished_name_canonicalise(buffer_readable(&plain), reading->arena, value)) {
        error_set(reading->error, ERROR_SYNTAX, "'%.*s' cannot be read as a value of a name",
                  SLICE_FORMAT(slice_first(text, 80)));
        return false;
    }
    if (slice_is_empty(*value)) {
        error_set(reading->error, ERROR_SYNTAX, "an attribute of the name has no value");
        return false;
    }
    return true;
}

static bool parse_attribute(struct text_reading *reading)
{
    struct distinguished_name_attribute *attribute = &reading->attributes[reading->count];
    size_t equals = slice_find(reading->rest, '=');
    struct slice type = slice_trim(slice_first(reading->rest, equals));
    struct slice value = slice_after(reading->rest, equals + 1);
    size_t end;

    if (reading->count == DISTINGUISHED_NAME_ATTRIBUTES_MAX) {
        error_set(reading->error, ERROR_LIMIT, "a name may have %d attributes",
                  (int)DISTINGUISHED_NAME_ATTRIBUTES_MAX);
        return false;
    }
    if (equals == reading->rest.size) {
        error_set(reading->error, ERROR_SYNTAX, "'%.*s' is not TYPE=VALUE",
                  SLICE_FORMAT(slice_first(reading->rest, 80)));
        return false;
    }
    if (!distinguished_name_find_type(type, reading->arena, &attribute->type)) {
        error_set(reading->error, ERROR_VALUE, "'%.*s' is not an attribute of names",
                  SLICE_FORMAT(slice_first(type, 80)));
        return false;
    }
    end = find_value_end(value);
    reading->rest = slice_after(value, end);
    attribute->rdn = reading->rdn;
    attribute->is_decodable = true;
    reading->count++;
    return parse_value(reading, slice_trim(slice_first(value, end)), &attribute->value);
}

static bool parse_attributes(struct text_reading *reading)
{
    for (;;) {
        if (!parse_attribute(reading))
            return false;
        if (slice_is_empty(reading->rest))
            return true;
        if (reading->rest.data[0] == ',')
            reading->rdn++;
        reading->rest = slice_after(reading->rest, 1);
    }
}

static bool is_common_name(const struct distinguished_name_attribute *attribute)
{
    return slice_equals(attribute->type, SLICE("\x55\x04\x03"));
}

/* As openssl prints names when nobody asks for RFC 4514. It would be equal to nothing, which a rule
 * that denies would not survive. */
static bool is_reversed(const struct text_reading *reading)
{
    return reading->count > 1 && is_common_name(&reading->attributes[reading->count - 1]) &&
           !is_common_name(&reading->attributes[0]);
}

static bool keep_reversed(struct text_reading *reading, struct distinguished_name *parsed)
{
    struct distinguished_name_attribute *attributes =
        arena_allocate_array(reading->arena, reading->count, sizeof(*attributes));

    if (attributes == NULL) {
        error_set(reading->error, ERROR_LIMIT, "the name is too long");
        return false;
    }
    for (size_t i = 0; i < reading->count; i++) {
        attributes[i] = reading->attributes[reading->count - 1 - i];
        attributes[i].rdn = reading->rdn - attributes[i].rdn;
    }
    *parsed = (struct distinguished_name){attributes, reading->count, true};
    return true;
}

bool distinguished_name_parse(struct slice text, struct arena *arena,
                              struct distinguished_name *parsed, struct error *error)
{
    struct text_reading reading = {.rest = text, .arena = arena, .error = error};

    if (text.size > DISTINGUISHED_NAME_TEXT_BYTES_MAX) {
        error_set(error, ERROR_LIMIT, "a name has more than %d bytes",
                  (int)DISTINGUISHED_NAME_TEXT_BYTES_MAX);
        return false;
    }
    if (!parse_attributes(&reading))
        return false;
    if (is_reversed(&reading)) {
        error_set(error, ERROR_SYNTAX,
                  "this name is written from the other end: begin with CN, as in 'CN=alice,O=A'");
        return false;
    }
    return keep_reversed(&reading, parsed);
}

/* ---- comparing ------------------------------------------------------------------------------- */

static bool attributes_are_equal(const struct distinguished_name_attribute *a,
                                 const struct distinguished_name_attribute *b)
{
    return slice_equals(a->type, b->type) && slice_equals(a->value, b->value);
}

/* How many attributes of the RDN that holds `like` are equal to it. */
static size_t count_in_rdn(const struct distinguished_name *name, size_t rdn,
                           const struct distinguished_name_attribute *like)
{
    size_t count = 0;

    for (size_t i = 0; i < name->count; i++)
        if (name->attributes[i].rdn == rdn && attributes_are_equal(&name->attributes[i], like))
            count++;
    return count;
}

/* The boundaries of RDNs are the same, and each RDN holds the same attributes. */
bool distinguished_name_equals(const struct distinguished_name *a,
                               const struct distinguished_name *b)
{
    if (!a->is_decodable || !b->is_decodable || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct distinguished_name_attribute *attribute = &a->attributes[i];

        if (attribute->rdn != b->attributes[i].rdn ||
            count_in_rdn(a, attribute->rdn, attribute) !=
                count_in_rdn(b, attribute->rdn, attribute))
            return false;
    }
    return true;
}
