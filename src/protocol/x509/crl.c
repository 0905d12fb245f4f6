/* SPDX-License-Identifier: Apache-2.0
 *
 * The index: records [size, serial, date, reason], sorted by a keyed hash of the serial into
 * buckets of a few, one behind the other, and a directory of where each bucket begins. One pass
 * over the entries writes records, another one sorts them; nothing is allocated per entry. A
 * look-up hashes, and compares the few records of one bucket, which lie side by side.
 */
#include "protocol/x509/crl.h"

#include <assert.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <string.h>

#include "protocol/x509/crl_internal.h"
#include "protocol/x509/pem_internal.h"
#include "runtime/memory.h"
#include "runtime/siphash.h"

enum {
    RECORDS_A_BUCKET = 8,
    RECORD_OVERHEAD_BYTES = 6, /* size, date, reason */
    ENTRY_BYTES = 37, /* of one with a serial of 16 octets: how many there will be is a guess */
    REASON_REMOVE_FROM_CRL = 8
};

struct crl {
    atomic_size_t references;
    struct crl_facts facts;
    struct crl_seal *seal;
    char *texts; /* what the slices of `facts` point into */
    struct siphash_key key;
    size_t bucket_count;
    uint32_t *begins; /* one more than there are buckets */
    unsigned char *records;
};

/* ---- the index
 * --------------------------------------------------------------------------------------------- */

static size_t bucket_of(const struct crl *list, struct slice serial)
{
    uint64_t hash = siphash(list->key, serial) >> 32;

    return (size_t)((hash * list->bucket_count) >> 32);
}

/* Dates beyond 2106 and before 1970 are only shown, and lose their place. */
static uint32_t pack_date(int64_t seconds)
{
    if (seconds < 0)
        return 0;
    return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

/* The serial may lie where the record is written, further behind. */
static size_t write_record(unsigned char *record, const struct crl_raw_entry *entry)
{
    uint32_t date = pack_date(entry->revoked_at);

    memmove(record + 1, entry->serial.data, entry->serial.size);
    record[0] = (unsigned char)entry->serial.size;
    memcpy(record + 1 + entry->serial.size, &date, sizeof date);
    record[1 + entry->serial.size + sizeof date] = (unsigned char)entry->reason;
    return entry->serial.size + RECORD_OVERHEAD_BYTES;
}

/* Writes records over the entries that were read, which are longer: two heads and a date in text.
 * Afterwards `begins` holds how large each bucket is. */
static bool pack_entries(struct crl *list, const struct crl_parts *parts, unsigned char *packed,
                         size_t *bytes, struct error *error)
{
    struct slice rest = parts->entries;
    size_t count = 0;

    *bytes = 0;
    while (!slice_is_empty(rest)) {
        struct crl_raw_entry entry;
        size_t size;

        if (!crl_parse_entry(&rest, parts->has_extensions, &entry, error)) {
            error_prefix(error, "entry %zu", count + 1);
            return false;
        }
        size = entry.serial.size + RECORD_OVERHEAD_BYTES;
        list->begins[bucket_of(list, entry.serial)] += (uint32_t)size;
        *bytes += write_record(packed + *bytes, &entry);
        count++;
    }
    list->facts.entry_count = count;
    return true;
}

/* From how large buckets are to where they begin. */
static void sum_up(struct crl *list)
{
    uint32_t at = 0;

    for (size_t i = 0; i <= list->bucket_count; i++) {
        uint32_t size = list->begins[i];

        list->begins[i] = at;
        at += size;
    }
}

static void sort_records(struct crl *list, const unsigned char *packed, size_t bytes)
{
    const unsigned char *end = packed + bytes;

    /* Each bucket's beginning moves to its end, which is where the next one began. */
    while (packed < end) {
        size_t size = packed[0] + (size_t)RECORD_OVERHEAD_BYTES;
        uint32_t *at = &list->begins[bucket_of(list, slice_from(packed + 1, packed[0]))];

        memcpy(list->records + *at, packed, size);
        *at += (uint32_t)size;
        packed += size;
    }
    memmove(list->begins + 1, list->begins, list->bucket_count * sizeof *list->begins);
    list->begins[0] = 0;
}

static bool build_index(struct crl *list, const struct crl_parts *parts, unsigned char *packed,
                        struct error *error)
{
    size_t bytes = 0;

    if (parts->entries.size > UINT32_MAX) {
        error_set(error, ERROR_LIMIT, "it has more entries than fit");
        return false;
    }
    list->key = siphash_key_create();
    list->bucket_count = parts->entries.size / ENTRY_BYTES / RECORDS_A_BUCKET + 1;
    list->begins = memory_allocate_array(list->bucket_count + 1, sizeof *list->begins);
    if (!pack_entries(list, parts, packed, &bytes, error))
        return false;
    sum_up(list);
    list->records = memory_allocate(bytes + 1);
    sort_records(list, packed, bytes);
    list->facts.bytes = bytes + (list->bucket_count + 1) * sizeof *list->begins + sizeof *list;
    return true;
}

struct crl_entry crl_find(const struct crl *list, struct slice serial)
{
    size_t bucket = bucket_of(list, serial);
    const unsigned char *record = list->records + list->begins[bucket];
    const unsigned char *end = list->records + list->begins[bucket + 1];
    struct crl_entry found = {.listing = CRL_NOT_LISTED};

    while (record < end) {
        size_t size = record[0];
        uint32_t date;
        unsigned reason = record[1 + size + sizeof date];

        memcpy(&date, record + 1 + size, sizeof date);
        if (size == serial.size && memcmp(record + 1, serial.data, size) == 0 &&
            found.listing != CRL_REVOKED) {
            /* Only a delta list can take a certificate off; anywhere else the word is no mercy. */
            bool is_removed = reason == REASON_REMOVE_FROM_CRL && list->facts.is_delta;

            found = (struct crl_entry){is_removed ? CRL_REMOVED : CRL_REVOKED, date, reason};
        }
        record += size + RECORD_OVERHEAD_BYTES;
    }
    return found;
}

/* ---- reading
 * --------------------------------------------------------------------------------------------- */

static struct slice copy_part(char **at, struct slice part)
{
    struct slice copy = slice_from(*at, part.size);

    if (part.size > 0)
        memcpy(*at, part.data, part.size);
    *at += part.size;
    return copy;
}

static void keep_facts(struct crl *list, const struct crl_facts *facts)
{
    size_t bytes = facts->issuer.size + facts->issuer_key.size + facts->number.size +
                   facts->base.size + facts->distribution_point.size;
    char *at;

    for (size_t i = 0; i < facts->scope.name_count; i++)
        bytes += facts->scope.names[i].size;
    list->texts = memory_allocate(bytes + 1);
    at = list->texts;
    list->facts = *facts;
    list->facts.issuer = copy_part(&at, facts->issuer);
    list->facts.issuer_key = copy_part(&at, facts->issuer_key);
    list->facts.number = copy_part(&at, facts->number);
    list->facts.base = copy_part(&at, facts->base);
    list->facts.distribution_point = copy_part(&at, facts->distribution_point);
    for (size_t i = 0; i < facts->scope.name_count; i++)
        list->facts.scope.names[i] = copy_part(&at, facts->scope.names[i]);
}

static bool digest_list(struct crl *list, const struct crl_parts *parts, struct error *error)
{
    if (crl_seal_digest(list->seal, parts, list->facts.digest))
        return true;
    error_set(error, ERROR_SYSTEM, "the digest of the list cannot be computed");
    return false;
}

/* The index is built last: it is made over the entries. */
static struct crl *read_der(char *bytes, size_t size, struct error *error)
{
    struct slice der = slice_from(bytes, size);
    struct crl *reading;
    struct crl_parts parts;

    if (!crl_parse_parts(der, &parts, error))
        return NULL;
    reading = memory_allocate(sizeof *reading);
    atomic_init(&reading->references, 1);
    keep_facts(reading, &parts.facts);
    reading->seal = crl_seal_create(&parts, error);
    if (reading->seal != NULL && digest_list(reading, &parts, error) &&
        build_index(reading, &parts,
                    (unsigned char *)bytes +
                        (slice_is_empty(parts.entries) ? 0 : parts.entries.data - bytes),
                    error))
        return reading;
    crl_release(reading);
    return NULL;
}

/* Decodes onto the text itself, which is longer than what it stands for. */
static bool decode_in_place(struct slice body, char *to, size_t *size)
{
    uint32_t bits = 0;
    unsigned held = 0;
    unsigned padding = 0;
    size_t digits = 0;
    size_t written = 0;
    static const short VALUES[256] = {
        ['A'] = 1,  ['B'] = 2,  ['C'] = 3,   ['D'] = 4,   ['E'] = 5,   ['F'] = 6,  ['G'] = 7,
        ['H'] = 8,  ['I'] = 9,  ['J'] = 10,  ['K'] = 11,  ['L'] = 12,  ['M'] = 13, ['N'] = 14,
        ['O'] = 15, ['P'] = 16, ['Q'] = 17,  ['R'] = 18,  ['S'] = 19,  ['T'] = 20, ['U'] = 21,
        ['V'] = 22, ['W'] = 23, ['X'] = 24,  ['Y'] = 25,  ['Z'] = 26,  ['a'] = 27, ['b'] = 28,
        ['c'] = 29, ['d'] = 30, ['e'] = 31,  ['f'] = 32,  ['g'] = 33,  ['h'] = 34, ['i'] = 35,
        ['j'] = 36, ['k'] = 37, ['l'] = 38,  ['m'] = 39,  ['n'] = 40,  ['o'] = 41, ['p'] = 42,
        ['q'] = 43, ['r'] = 44, ['s'] = 45,  ['t'] = 46,  ['u'] = 47,  ['v'] = 48, ['w'] = 49,
        ['x'] = 50, ['y'] = 51, ['z'] = 52,  ['0'] = 53,  ['1'] = 54,  ['2'] = 55, ['3'] = 56,
        ['4'] = 57, ['5'] = 58, ['6'] = 59,  ['7'] = 60,  ['8'] = 61,  ['9'] = 62, ['+'] = 63,
        ['/'] = 64, [' '] = -1, ['\t'] = -1, ['\r'] = -1, ['\n'] = -1, ['='] = -2,
    };

    for (size_t i = 0; i < body.size; i++) {
        int value = VALUES[(unsigned char)body.data[i]];

        if (value == -1)
            continue;
        if (value == -2)
            padding++;
        if (value == 0 || padding > 2 || (padding > 0 && value != -2))
            return false;
        digits++;
        if (value < 0)
            continue;
        bits = (bits << 6) | (uint32_t)(value - 1);
        held += 6;
        if (held >= 8) {
            held -= 8;
            to[written++] = (char)(bits >> held);
        }
    }
    *size = written;
    /* The bits that padding leaves over are zero (RFC 4648 section 3.5). */
    return digits % 4 == 0 && held == padding * 2 && (bits & ((1U << held) - 1)) == 0;
}

static bool add_list(struct crl_set *set, char *bytes, size_t size, struct error *error)
{
    if (set->count == CRL_SET_MAX) {
        error_set(error, ERROR_LIMIT, "there are more than %d lists", CRL_SET_MAX);
        return false;
    }
    set->lists[set->count] = read_der(bytes, size, error);
    return set->lists[set->count] != NULL && ++set->count > 0;
}

static bool add_block(struct crl_set *set, const struct pem_block *block, char *bytes,
                      struct error *error)
{
    char *at = bytes + (block->body.data - bytes);
    size_t size = 0;

    if (!slice_equals(block->label, SLICE("X509 CRL"))) {
        error_set(error, ERROR_CERTIFICATE, "line %u begins a '%.*s', not an 'X509 CRL'",
                  block->line, SLICE_FORMAT(block->label));
        return false;
    }
    if (!decode_in_place(block->body, at, &size)) {
        error_set(error, ERROR_SYNTAX, "the block that begins in line %u is not base64",
                  block->line);
        return false;
    }
    if (add_list(set, at, size, error))
        return true;
    error_prefix(error, "the list that begins in line %u", block->line);
    return false;
}

static bool read_pem(struct crl_set *set, char *bytes, size_t size, struct error *error)
{
    struct pem_reader reader;
    struct pem_block block;
    enum pem_outcome outcome;

    pem_reader_init(&reader, slice_from(bytes, size));
    for (;;) {
        outcome = pem_read(&reader, &block, error);
        if (outcome == PEM_END && set->count == 0)
            error_set(error, ERROR_SYNTAX, "it is neither DER nor PEM");
        if (outcome != PEM_BLOCK)
            return outcome == PEM_END && set->count > 0;
        if (!add_block(set, &block, bytes, error))
            return false;
    }
}

bool crl_set_read(struct crl_set *set, char *bytes, size_t size, struct error *error)
{
    struct crl_set reading = {.count = 0};
    bool is_der = size > 0 && bytes[0] == 0x30;
    bool is_read =
        is_der ? add_list(&reading, bytes, size, error) : read_pem(&reading, bytes, size, error);

    if (is_read)
        *set = reading;
    else
        crl_set_reset(&reading);
    return is_read;
}

void crl_set_reset(struct crl_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        crl_release(set->lists[i]);
    set->count = 0;
}

struct crl *crl_acquire(struct crl *list)
{
    atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
    return list;
}

void crl_release(struct crl *list)
{
    if (list == NULL || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) != 1)
        return;
    crl_seal_destroy(list->seal);
    memory_release(list->texts);
    memory_release(list->begins);
    memory_release(list->records);
    memory_release(list);
}

const struct crl_facts *crl_get_facts(const struct crl *list)
{
    return &list->facts;
}

const char *crl_reason_name(unsigned reason)
{
    static const char *const NAMES[] = {
        "unspecified",   "keyCompromise",        "cACompromise",    "affiliationChanged",
        "superseded",    "cessationOfOperation", "certificateHold", "unknown",
        "removeFromCRL", "privilegeWithdrawn",   "aACompromise",
    };

    return reason < sizeof NAMES / sizeof NAMES[0] ? NAMES[reason] : "unknown";
}

/* ---- whose, and how new
 * --------------------------------------------------------------------------------------------- */

static bool has_same_name(const struct crl *list, X509 *issuer)
{
    const unsigned char *der = NULL;
    const unsigned char *at = (const unsigned char *)list->facts.issuer.data;
    size_t size = 0;
    X509_NAME *name = NULL;
    bool is_same = false;

    if (X509_NAME_get0_der(X509_get_subject_name(issuer), &der, &size) == 1 &&
        slice_equals(slice_from(der, size), list->facts.issuer))
        return true;
    /* Other bytes may be the same name: RFC 5280 section 7.1. */
    name = d2i_X509_NAME(NULL, &at, (long)list->facts.issuer.size);
    is_same = name != NULL && X509_NAME_cmp(name, X509_get_subject_name(issuer)) == 0;
    X509_NAME_free(name);
    return is_same;
}

/* Certificates and lists without key identifiers say nothing against each other. */
static bool has_same_key_identifier(const struct crl *list, X509 *issuer)
{
    const ASN1_OCTET_STRING *identifier = X509_get0_subject_key_id(issuer);

    if (identifier == NULL || slice_is_empty(list->facts.issuer_key))
        return true;
    return slice_equals(
        slice_from(ASN1_STRING_get0_data(identifier), (size_t)ASN1_STRING_length(identifier)),
        list->facts.issuer_key);
}

enum crl_binding crl_is_signed_by(const struct crl *list, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    if (key == NULL || !has_same_name(list, issuer) || !has_same_key_identifier(list, issuer))
        return CRL_OF_ANOTHER;
    if (!crl_seal_verify(list->seal, key))
        return CRL_FORGED;
    if ((X509_get_extension_flags(issuer) & EXFLAG_KUSAGE) != 0 &&
        (X509_get_key_usage(issuer) & KU_CRL_SIGN) == 0)
        return CRL_UNAUTHORIZED;
    return CRL_AUTHENTIC;
}

static int compare_numbers(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    if (a.size == 0)
        return 0;
    int order = memcmp(a.data, b.data, a.size);

    return (order > 0) - (order < 0);
}

int crl_compare_age(const struct crl *a, const struct crl *b)
{
    const struct crl_facts *first = &a->facts;
    const struct crl_facts *second = &b->facts;
    int order = 0;

    if (first->has_number && second->has_number)
        order = compare_numbers(first->number, second->number);
    if (order != 0)
        return order;
    return (first->this_update > second->this_update) - (first->this_update < second->this_update);
}

bool crl_applies_to(const struct crl *delta, const struct crl *complete)
{
    const struct crl_facts *change = &delta->facts;
    const struct crl_facts *base = &complete->facts;

    return change->is_delta && !base->is_delta && base->has_number &&
           slice_equals(change->issuer, base->issuer) &&
           slice_equals(change->distribution_point, base->distribution_point) &&
           compare_numbers(change->base, base->number) <= 0 &&
           compare_numbers(change->number, base->number) >= 0;
}
