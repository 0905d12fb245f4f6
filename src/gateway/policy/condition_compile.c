/* SPDX-License-Identifier: Apache-2.0
 *
 * From settings to conditions. Every text is read by the function that the configuration's check
 * asks too, so that what was accepted there cannot fail here for another reason than memory.
 */
#include <openssl/objects.h>

#include "gateway/policy/policy_internal.h"
#include "gateway/policy/value_forms_internal.h"
#include "gateway/routing/routing.h"
#include "runtime/file.h"
#include "runtime/memory.h"

enum { SCRATCH_BYTES = 24 * 1024, ISSUER_FILE_BYTES_MAX = 64 * 1024, MS_OF_SECOND = 1000 };

struct compiling {
    const struct policy_condition_settings *settings;
    struct policy_memory *memory;
    struct condition *condition;
    struct error *error;
};

/* ---- memory ---------------------------------------------------------------------------------- */

void *policy_memory_allocate(struct policy_memory *memory, size_t count, size_t size)
{
    if (memory->count == memory->capacity) {
        memory->capacity = memory->capacity == 0 ? 16 : memory->capacity * 2;
        memory->pieces = memory_resize(memory->pieces, memory->capacity * sizeof(void *));
    }
    memory->pieces[memory->count] = memory_allocate_array(count == 0 ? 1 : count, size);
    return memory->pieces[memory->count++];
}

struct slice policy_memory_copy(struct policy_memory *memory, struct slice bytes)
{
    char *copy = policy_memory_allocate(memory, bytes.size + 1, 1);

    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return slice_from(copy, bytes.size);
}

void policy_memory_reset(struct policy_memory *memory)
{
    for (size_t i = 0; i < memory->count; i++)
        memory_release(memory->pieces[i]);
    memory_release(memory->pieces);
    *memory = (struct policy_memory){NULL, 0, 0};
}

/* ---- lists ----------------------------------------------------------------------------------- */

static size_t count_texts(const char *const *texts)
{
    size_t count = 0;

    while (texts != NULL && texts[count] != NULL)
        count++;
    return count;
}

/* What a text becomes, in the arena. */
typedef bool value_parser(struct slice text, struct arena *arena, struct slice *value,
                          struct error *error);

static bool parse_as_it_is(struct slice text, struct arena *arena, struct slice *value,
                           struct error *error)
{
    (void)arena;
    (void)error;
    *value = text;
    return true;
}

static bool compile_slices(struct compiling *compiling, const char *const *texts,
                           value_parser *parse, struct slice_list *list)
{
    char scratch[SCRATCH_BYTES];
    size_t count = count_texts(texts);

    if (count == 0)
        return true;
    list->items = policy_memory_allocate(compiling->memory, count, sizeof(*list->items));
    for (size_t i = 0; i < count; i++) {
        struct arena arena;
        struct slice value;

        arena_init(&arena, scratch, sizeof(scratch));
        if (!parse(slice_from_text(texts[i]), &arena, &value, compiling->error))
            return false;
        list->items[list->count++] = policy_memory_copy(compiling->memory, value);
    }
    return true;
}

static bool compile_patterns(struct compiling *compiling, enum certificate_fact_kind kind,
                             const char *const *texts)
{
    struct pattern_list *list = &compiling->condition->names[kind];
    char scratch[SCRATCH_BYTES];
    size_t count = count_texts(texts);

    if (count == 0)
        return true;
    list->items = policy_memory_allocate(compiling->memory, count, sizeof(*list->items));
    for (size_t i = 0; i < count; i++) {
        struct name_pattern *pattern = &list->items[i];
        struct arena arena;

        arena_init(&arena, scratch, sizeof(scratch));
        if (!name_pattern_parse(kind, slice_from_text(texts[i]), &arena, pattern, compiling->error))
            return false;
        pattern->text = policy_memory_copy(compiling->memory, pattern->text);
        list->count++;
    }
    return true;
}

static bool compile_ranges(struct compiling *compiling, const char *const *texts,
                           struct address_set **set)
{
    size_t count = count_texts(texts);
    struct ip_range *ranges;
    bool is_read = true;

    if (count == 0)
        return true;
    ranges = memory_allocate_array(count, sizeof(*ranges));
    for (size_t i = 0; is_read && i < count; i++)
        is_read = ip_range_parse(slice_from_text(texts[i]), &ranges[i], compiling->error);
    if (is_read)
        *set = address_set_create(ranges, count);
    memory_release(ranges);
    return is_read;
}

static bool compile_times(struct compiling *compiling, const char *const *texts,
                          struct window_list *list)
{
    size_t count = count_texts(texts);

    if (count == 0)
        return true;
    list->items = policy_memory_allocate(compiling->memory, count, sizeof(*list->items));
    for (; list->count < count; list->count++)
        if (!time_window_parse(slice_from_text(texts[list->count]), &list->items[list->count],
                               compiling->error))
            return false;
    return true;
}

/* ---- fingerprints and keys ------------------------------------------------------------------- */

static bool add_fingerprints(struct compiling *compiling, const char *const *texts, size_t size)
{
    unsigned char digest[FINGERPRINT_BYTES_MAX];

    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (fingerprint_parse(slice_from_text(texts[i]), digest) != size) {
            error_set(compiling->error, ERROR_SYNTAX, "'%.80s' is not a fingerprint", texts[i]);
            return false;
        }
        (void)fingerprint_lists_add(&compiling->condition->fingerprints, digest, size);
    }
    return true;
}

static bool compile_fingerprints(struct compiling *compiling, size_t previous,
                                 struct read_file *file)
{
    const struct policy_condition_settings *settings = compiling->settings;

    compiling->condition->asks_fingerprint = settings->fingerprints_sha256 != NULL ||
                                             settings->fingerprints_sha1 != NULL ||
                                             settings->fingerprints_file.path != NULL;
    if (!add_fingerprints(compiling, settings->fingerprints_sha256, FINGERPRINT_SHA256_BYTES) ||
        !add_fingerprints(compiling, settings->fingerprints_sha1, FINGERPRINT_SHA1_BYTES))
        return false;
    if (settings->fingerprints_file.path == NULL)
        return true;
    file->path =
        policy_memory_copy(compiling->memory, slice_from_text(settings->fingerprints_file.path))
            .data;
    return fingerprint_file_load(&settings->fingerprints_file, previous,
                                 &compiling->condition->fingerprints, &file->count,
                                 compiling->error);
}

static bool compile_keys(struct compiling *compiling)
{
    const char *const *texts = compiling->settings->keys_sha256;
    unsigned char digest[FINGERPRINT_BYTES_MAX];

    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        if (fingerprint_parse(slice_from_text(texts[i]), digest) != CERTIFICATE_DIGEST_BYTES) {
            error_set(compiling->error, ERROR_SYNTAX, "'%.80s' is not the digest of a key",
                      texts[i]);
            return false;
        }
        if (compiling->condition->keys == NULL)
            compiling->condition->keys = fingerprint_set_create(CERTIFICATE_DIGEST_BYTES);
        (void)fingerprint_set_add(compiling->condition->keys, digest);
    }
    return true;
}

/* ---- serial numbers -------------------------------------------------------------------------- */

static bool read_issuer_file(const char *path, unsigned char key[CERTIFICATE_DIGEST_BYTES],
                             struct error *error)
{
    char *data = NULL;
    size_t size = 0;
    X509 *issuer;
    bool is_read;

    if (!file_read(path, ISSUER_FILE_BYTES_MAX, &data, &size, error))
        return false;
    issuer = certificate_parse(slice_from(data, size), error);
    memory_release(data);
    if (issuer == NULL) {
        error_prefix(error, "'%s'", path);
        return false;
    }
    is_read = certificate_key_digest(issuer, key);
    X509_free(issuer);
    if (!is_read)
        error_set(error, ERROR_CERTIFICATE, "the key of '%s' cannot be read", path);
    return is_read;
}

static bool compile_serial(struct compiling *compiling,
                           const struct policy_serial_settings *settings,
                           struct serial_condition *condition)
{
    unsigned char digest[FINGERPRINT_BYTES_MAX];

    if (settings->issuer != NULL) {
        if (!read_issuer_file(settings->issuer, condition->issuer_key, compiling->error))
            return false;
    } else {
        if (settings->issuer_key == NULL || fingerprint_parse(slice_from_text(settings->issuer_key),
                                                              digest) != CERTIFICATE_DIGEST_BYTES) {
            error_set(compiling->error, ERROR_VALUE, "serial numbers need the key of an issuer");
            return false;
        }
        memcpy(condition->issuer_key, digest, sizeof(condition->issuer_key));
    }
    if (count_texts(settings->serials) == 0) {
        error_set(compiling->error, ERROR_VALUE, "an issuer without serial numbers");
        return false;
    }
    return compile_slices(compiling, settings->serials, value_parse_serial, &condition->serials);
}

static bool compile_serials(struct compiling *compiling)
{
    const struct policy_condition_settings *settings = compiling->settings;
    struct condition *condition = compiling->condition;

    if (settings->serial_count == 0)
        return true;
    condition->serials = policy_memory_allocate(compiling->memory, settings->serial_count,
                                                sizeof(*condition->serials));
    for (size_t i = 0; i < settings->serial_count; i++, condition->serial_count++)
        if (!compile_serial(compiling, &settings->serials[i], &condition->serials[i]))
            return false;
    return true;
}

/* ---- distinguished names --------------------------------------------------------------------- */

static void keep_name(struct compiling *compiling, const struct distinguished_name *name,
                      struct distinguished_name *kept)
{
    struct distinguished_name_attribute *attributes =
        policy_memory_allocate(compiling->memory, name->count, sizeof(*attributes));

    for (size_t i = 0; i < name->count; i++) {
        attributes[i] = name->attributes[i];
        attributes[i].type = policy_memory_copy(compiling->memory, attributes[i].type);
        attributes[i].value = policy_memory_copy(compiling->memory, attributes[i].value);
    }
    *kept = (struct distinguished_name){attributes, name->count, name->is_decodable};
}

static bool compile_whole_name(struct compiling *compiling, const char *text,
                               struct name_condition *condition)
{
    char scratch[SCRATCH_BYTES];
    struct distinguished_name parsed;
    struct arena arena;

    arena_init(&arena, scratch, sizeof(scratch));
    if (!distinguished_name_parse(slice_from_text(text), &arena, &parsed, compiling->error))
        return false;
    condition->is_whole = true;
    keep_name(compiling, &parsed, &condition->whole);
    return true;
}

static bool compile_attribute(struct compiling *compiling, struct slice name,
                              const char *const *values, struct name_condition *condition)
{
    struct attribute_condition *attribute = &condition->attributes[condition->attribute_count++];
    char scratch[SCRATCH_BYTES];
    struct arena arena;

    arena_init(&arena, scratch, sizeof(scratch));
    if (!distinguished_name_find_type(name, &arena, &attribute->type)) {
        error_set(compiling->error, ERROR_VALUE, "'%.*s' is not an attribute of names",
                  SLICE_FORMAT(slice_first(name, 80)));
        return false;
    }
    attribute->type = policy_memory_copy(compiling->memory, attribute->type);
    return compile_slices(compiling, values, value_parse_attribute, &attribute->values);
}

/* "1.2.3.4=value" */
static bool compile_other_attribute(struct compiling *compiling, const char *text,
                                    struct name_condition *condition)
{
    struct slice whole = slice_from_text(text);
    size_t equals = slice_find(whole, '=');
    const char *values[2] = {text + equals + (equals < whole.size ? 1 : 0), NULL};

    return compile_attribute(compiling, slice_first(whole, equals), values, condition);
}

static bool compile_name(struct compiling *compiling, const struct policy_name_settings *settings,
                         struct name_condition *condition)
{
    size_t others = count_texts(settings->others);

    if (settings->whole != NULL)
        return compile_whole_name(compiling, settings->whole, condition);
    condition->attributes = policy_memory_allocate(compiling->memory, POLICY_ATTRIBUTES + others,
                                                   sizeof(*condition->attributes));
    for (size_t i = 0; i < POLICY_ATTRIBUTES; i++)
        if (settings->attributes[i] != NULL &&
            !compile_attribute(compiling, slice_from_text(policy_attribute_name(i)),
                               settings->attributes[i], condition))
            return false;
    for (size_t i = 0; i < others; i++)
        if (!compile_other_attribute(compiling, settings->others[i], condition))
            return false;
    if (condition->attribute_count > 0)
        return true;
    error_set(compiling->error, ERROR_VALUE, "a name without attributes would match every name");
    return false;
}

static bool compile_names(struct compiling *compiling, const struct policy_name_settings *settings,
                          size_t count, struct name_condition_list *list)
{
    if (count == 0)
        return true;
    list->items = policy_memory_allocate(compiling->memory, count, sizeof(*list->items));
    for (; list->count < count; list->count++)
        if (!compile_name(compiling, &settings[list->count], &list->items[list->count]))
            return false;
    return true;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static bool compile_key_types(struct compiling *compiling)
{
    const char *const *texts = compiling->settings->key_types;

    for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
        enum certificate_key_type type = value_find_key_type(slice_from_text(texts[i]));

        if (type == CERTIFICATE_KEY_OTHER) {
            error_set(compiling->error, ERROR_VALUE, "'%.80s' is not a type of key", texts[i]);
            return false;
        }
        compiling->condition->key_types |= 1U << (unsigned)type;
    }
    return true;
}

static bool check_paths(struct compiling *compiling)
{
    const char *const *paths = compiling->settings->paths;

    for (size_t i = 0; paths != NULL && paths[i] != NULL; i++)
        if (!route_pattern_is_valid(slice_from_text(paths[i]), compiling->error))
            return false;
    return true;
}

static bool compile_certificate(struct compiling *compiling)
{
    const struct policy_condition_settings *settings = compiling->settings;
    struct condition *condition = compiling->condition;
    struct slice_list *objects = condition->objects;

    condition->key_bits_min = settings->key_bits_min;
    condition->key_bits_max = settings->key_bits_max;
    condition->expires_after = (int64_t)(settings->expires_after_ms / MS_OF_SECOND);
    condition->expires_within = (int64_t)(settings->expires_within_ms / MS_OF_SECOND);
    return compile_keys(compiling) && compile_serials(compiling) &&
           compile_names(compiling, settings->subjects, settings->subject_count,
                         &condition->subjects) &&
           compile_names(compiling, settings->issuers, settings->issuer_count,
                         &condition->issuers) &&
           compile_patterns(compiling, CERTIFICATE_FACT_DNS, settings->san_dns) &&
           compile_patterns(compiling, CERTIFICATE_FACT_URI, settings->san_uri) &&
           compile_patterns(compiling, CERTIFICATE_FACT_EMAIL, settings->san_email) &&
           compile_patterns(compiling, CERTIFICATE_FACT_UPN, settings->san_upn) &&
           compile_patterns(compiling, CERTIFICATE_FACT_SID, settings->sid) &&
           compile_ranges(compiling, settings->san_ip, &condition->addresses) &&
           compile_slices(compiling, settings->anchors, parse_as_it_is, &condition->anchors) &&
           compile_slices(compiling, settings->ekus, value_parse_object,
                          &objects[CERTIFICATE_FACT_EKU]) &&
           compile_slices(compiling, settings->policies, value_parse_object,
                          &objects[CERTIFICATE_FACT_POLICY]) &&
           compile_slices(compiling, settings->templates, value_parse_object,
                          &objects[CERTIFICATE_FACT_TEMPLATE]) &&
           compile_slices(compiling, settings->qc_statements, value_parse_qc_statement,
                          &objects[CERTIFICATE_FACT_QC_STATEMENT]) &&
           compile_key_types(compiling);
}

static bool compile_request(struct compiling *compiling)
{
    const struct policy_condition_settings *settings = compiling->settings;
    struct condition *condition = compiling->condition;

    return compile_ranges(compiling, settings->sources, &condition->sources) &&
           compile_slices(compiling, settings->methods, parse_as_it_is, &condition->methods) &&
           check_paths(compiling) &&
           compile_slices(compiling, settings->paths, parse_as_it_is, &condition->paths) &&
           compile_slices(compiling, settings->hosts, value_parse_host, &condition->hosts) &&
           compile_times(compiling, settings->times, &condition->times);
}

static void note_what_is_asked(struct condition *condition)
{
    condition->asks_unbound = condition->serial_count > 0 || condition->subjects.count > 0 ||
                              condition->issuers.count > 0 || condition->addresses != NULL ||
                              condition->anchors.count > 0 || condition->key_types != 0 ||
                              condition->key_bits_min != 0 || condition->key_bits_max != 0 ||
                              condition->expires_after != 0 || condition->expires_within != 0;
    for (size_t i = 0; i <= CERTIFICATE_FACT_SID; i++)
        condition->asks_unbound = condition->asks_unbound || condition->names[i].count > 0;
    for (size_t i = 0; i < CERTIFICATE_FACT_KINDS; i++)
        condition->asks_unbound = condition->asks_unbound || condition->objects[i].count > 0;
    condition->asks_certificate =
        condition->asks_unbound || condition->asks_fingerprint || condition->keys != NULL;
}

/* A rule that asks nothing must say so: one whose conditions were lost would be everybody's. */
static bool check_purpose(const struct compiling *compiling)
{
    const struct condition *condition = compiling->condition;
    bool asks = condition->asks_certificate || condition->sources != NULL ||
                condition->methods.count > 0 || condition->paths.count > 0 ||
                condition->hosts.count > 0 || condition->times.count > 0;

    if (asks == !compiling->settings->everybody)
        return true;
    error_set(compiling->error, ERROR_VALUE,
              asks ? "'everybody' stands alone: a rule with conditions is not for everybody"
                   : "a rule without conditions would match everybody; if that is meant, write "
                     "'everybody: true'");
    return false;
}

bool condition_compile(const struct policy_condition_settings *settings,
                       struct policy_memory *memory, size_t previous, struct read_file *file,
                       struct condition *condition, struct error *error)
{
    struct compiling compiling = {settings, memory, condition, error};
    bool is_compiled = compile_fingerprints(&compiling, previous, file) &&
                       compile_certificate(&compiling) && compile_request(&compiling);

    if (is_compiled) {
        note_what_is_asked(condition);
        is_compiled = check_purpose(&compiling);
    }
    if (!is_compiled && settings->position.file != NULL)
        error_prefix(error, "%s:%u:%u", settings->position.file, settings->position.line,
                     settings->position.column);
    return is_compiled;
}

void condition_reset(struct condition *condition)
{
    fingerprint_lists_reset(&condition->fingerprints);
    fingerprint_set_destroy(condition->keys);
    address_set_destroy(condition->addresses);
    address_set_destroy(condition->sources);
}
