/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest is made by one table that names everything which decides. A setting that is missing
 * there would let old verdicts and sessions live on under new rules.
 */
#include "gateway/identity/judging_context.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "gateway/identity/anchor_usage.h"
#include "gateway/identity/judging_context_internal.h"
#include "protocol/x509/certificate.h"
#include "protocol/x509/certification_path.h"
#include "runtime/arena.h"
#include "runtime/memory.h"

enum { DIGEST_BYTES = 32, FORMAT_VERSION = 2, DESCRIPTION_BYTES = 256 * 1024 };

/* Of the anchor with the same index. */
struct anchor_note {
    char *name; /* or its subject */
    struct anchor_usage *usage;
};

struct judging_context {
    atomic_size_t references;
    struct anchor_note *notes;
    struct trust_store *anchors;
    struct trust_store *intermediates; /* NULL: none */
    struct trust_store *issuers;       /* NULL: any */
    struct certification_path_settings rules;
    struct principal_order principal;
    struct revocation_rules revocation;
    struct judging_context *trial;
    bool sends_ca_names;
    unsigned char digest[DIGEST_BYTES];
};

/* ---- the digest ---- */

static void digest_number(EVP_MD_CTX *hash, uint64_t number)
{
    EVP_DigestUpdate(hash, &number, sizeof number);
}

static void digest_store(EVP_MD_CTX *hash, const struct trust_store *store)
{
    digest_number(hash, store != NULL);
    if (store != NULL)
        EVP_DigestUpdate(hash, trust_store_digest(store).data, DIGEST_BYTES);
}

/* In the order of the configuration; NULL is none, and is not the same as a list of none. */
static void digest_objects(EVP_MD_CTX *hash, STACK_OF(ASN1_OBJECT) * objects)
{
    digest_number(hash, objects != NULL);
    digest_number(hash, objects == NULL ? 0 : (uint64_t)sk_ASN1_OBJECT_num(objects));
    for (int i = 0; i < sk_ASN1_OBJECT_num(objects); i++) {
        const ASN1_OBJECT *object = sk_ASN1_OBJECT_value(objects, i);

        digest_number(hash, OBJ_length(object));
        EVP_DigestUpdate(hash, OBJ_get0_data(object), OBJ_length(object));
    }
}

static void add_version(EVP_MD_CTX *hash, const struct judging_context *context)
{
    (void)context;
    digest_number(hash, FORMAT_VERSION);
    digest_number(hash, CERTIFICATION_PATH_RULES_VERSION);
}

static void add_anchors(EVP_MD_CTX *hash, const struct judging_context *context)
{
    digest_store(hash, context->anchors);
}

static void add_intermediates(EVP_MD_CTX *hash, const struct judging_context *context)
{
    digest_store(hash, context->intermediates);
}

static void add_issuers(EVP_MD_CTX *hash, const struct judging_context *context)
{
    digest_store(hash, context->issuers);
}

/* They come from how the anchors are spread over files, which is not in the anchors' digest. */
static void add_issuer_names(EVP_MD_CTX *hash, const struct judging_context *context)
{
    STACK_OF(X509_NAME) *names = context->rules.demands.issuer_names;

    digest_number(hash, names != NULL);
    digest_number(hash, names == NULL ? 0 : (uint64_t)sk_X509_NAME_num(names));
    for (int i = 0; i < sk_X509_NAME_num(names); i++) {
        const unsigned char *der = NULL;
        size_t size = 0;

        if (X509_NAME_get0_der(sk_X509_NAME_value(names, i), &der, &size) != 1)
            size = 0;
        digest_number(hash, size);
        EVP_DigestUpdate(hash, der, size);
    }
}

static void add_path(EVP_MD_CTX *hash, const struct judging_context *context)
{
    digest_number(hash, context->rules.depth);
    digest_number(hash, context->rules.partial_chain);
}

static void add_purpose(EVP_MD_CTX *hash, const struct judging_context *context)
{
    digest_number(hash, context->rules.demands.purpose);
    digest_objects(hash, context->rules.demands.usages);
}

static void add_policies(EVP_MD_CTX *hash, const struct judging_context *context)
{
    digest_objects(hash, context->rules.demands.policies);
}

static void add_strength(EVP_MD_CTX *hash, const struct judging_context *context)
{
    digest_number(hash, context->rules.demands.key_types);
    digest_number(hash, context->rules.demands.rsa_bits_min);
    digest_number(hash, context->rules.demands.hash_bits_min);
}

/* An identity is interned by its context, and says who the client is called. */
static void add_principal(EVP_MD_CTX *hash, const struct judging_context *context)
{
    EVP_DigestUpdate(hash, context->principal.sources, sizeof context->principal.sources);
}

static void add_revocation(EVP_MD_CTX *hash, const struct judging_context *context)
{
    for (size_t i = 0; i < REVOCATION_RULE_COUNT; i++)
        digest_number(hash, revocation_rule_value(&context->revocation, i));
}

/* Everything that decides. Does your new setting decide? Then it needs a row here: a test takes
 * each setting of the profile in turn and demands another digest. `name`, `send_ca_names`,
 * `trial` and `position` of the profile decide nothing, and `upload_rules` decide which anchors
 * there are. A row is never removed or given another meaning without a new FORMAT_VERSION. */
static const struct {
    const char *name;
    void (*add)(EVP_MD_CTX *hash, const struct judging_context *context);
} DECIDING[] = {
    {"version", add_version},
    {"anchors", add_anchors},
    {"intermediates", add_intermediates},
    {"issuers", add_issuers},
    {"issuer_names", add_issuer_names},
    {"path", add_path},
    {"purpose", add_purpose},
    {"policies", add_policies},
    {"strength", add_strength},
    {"principal", add_principal},
    {"revocation", add_revocation},
};

static bool compute_digest(struct judging_context *context)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool computed = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1;

    for (size_t i = 0; computed && i < sizeof DECIDING / sizeof DECIDING[0]; i++) {
        computed = EVP_DigestUpdate(hash, DECIDING[i].name, strlen(DECIDING[i].name) + 1) == 1;
        DECIDING[i].add(hash, context);
    }
    computed = computed && EVP_DigestFinal_ex(hash, context->digest, NULL) == 1;
    EVP_MD_CTX_free(hash);
    return computed;
}

/* ---- from the settings ---- */

static bool check_settings(const struct trust_profile_settings *settings, struct error *error)
{
    if (settings->anchor_count == 0) {
        error_set(error, ERROR_VALUE, "there are no trust anchors");
        return false;
    }
    if (settings->depth > CERTIFICATION_PATH_DEPTH_MAX) {
        error_set(error, ERROR_VALUE, "'depth' is %u; at most %d is possible", settings->depth,
                  CERTIFICATION_PATH_DEPTH_MAX);
        return false;
    }
    return true;
}

static void prefix_position(const struct position *position, struct error *error)
{
    if (position->file != NULL)
        error_prefix(error, "%s:%u:%u", position->file, position->line, position->column);
}

static bool load_store(const struct trust_anchor_source *sources, size_t count,
                       struct trust_store **store, struct error *error)
{
    if (count == 0)
        return true;
    *store = trust_store_load(sources, count, error);
    return *store != NULL;
}

/* The stores' errors begin with the place of the file, which is more exact than the profile's. */
static bool load_stores(struct judging_context *context,
                        const struct trust_profile_settings *settings, struct error *error)
{
    return load_store(settings->anchors, settings->anchor_count, &context->anchors, error) &&
           (settings->partial_chain || trust_store_check_roots(context->anchors, error)) &&
           load_store(settings->intermediates, settings->intermediate_count,
                      &context->intermediates, error) &&
           load_store(settings->issuers, settings->issuer_count, &context->issuers, error);
}

static void name_anchors(struct judging_context *context)
{
    size_t count = trust_store_count(context->anchors);
    char *memory = memory_allocate(DESCRIPTION_BYTES);

    context->notes = memory_allocate_array(count, sizeof *context->notes);
    for (size_t i = 0; i < count; i++) {
        struct certificate_description description = {0};
        struct arena arena;

        arena_init(&arena, memory, DESCRIPTION_BYTES);
        if (trust_store_anchor_name(context->anchors, i) != NULL)
            context->notes[i].name = memory_copy_text(trust_store_anchor_name(context->anchors, i));
        else if (certificate_describe(trust_store_anchor(context->anchors, i), &arena,
                                      &description))
            context->notes[i].name = memory_copy_slice(description.subject);
    }
    memory_release(memory);
}

/* The texts were checked when they were read; one that is none is an error all the same. */
static bool parse_objects(const char *const *texts, STACK_OF(ASN1_OBJECT) * *objects,
                          struct error *error)
{
    if (texts == NULL)
        return true;
    *objects = sk_ASN1_OBJECT_new_null();
    for (; *texts != NULL; texts++) {
        ASN1_OBJECT *object = OBJ_txt2obj(*texts, 1);

        if (object == NULL || sk_ASN1_OBJECT_push(*objects, object) == 0) {
            ASN1_OBJECT_free(object);
            error_set(error, ERROR_VALUE, "'%.80s' is not an object identifier", *texts);
            return false;
        }
    }
    return true;
}

static bool parse_key_types(const char *const *texts, unsigned *types, struct error *error)
{
    for (; texts != NULL && *texts != NULL; texts++) {
        unsigned type = path_key_type_parse(slice_from_text(*texts));

        if (type == 0) {
            error_set(error, ERROR_VALUE, "'%.80s' is not a type of keys", *texts);
            return false;
        }
        *types |= type;
    }
    return true;
}

/* One that is named again adds nothing. */
static bool parse_principal(const char *const *texts, struct principal_order *order,
                            struct error *error)
{
    size_t count = 0;

    for (; texts != NULL && *texts != NULL; texts++) {
        enum principal_source source = principal_source_parse(slice_from_text(*texts));

        if (source == PRINCIPAL_NONE) {
            error_set(error, ERROR_VALUE, "'%.80s' is not what a client can be called by", *texts);
            return false;
        }
        if (memchr(order->sources, (int)source, count) == NULL)
            order->sources[count++] = (unsigned char)source;
    }
    return true;
}

static bool parse_rules(struct judging_context *context,
                        const struct trust_profile_settings *settings, struct error *error)
{
    struct path_demands *demands = &context->rules.demands;

    context->rules.anchors = context->anchors;
    context->rules.intermediates = context->intermediates;
    context->rules.depth = settings->depth;
    context->rules.partial_chain = settings->partial_chain;
    demands->issuers = context->issuers;
    demands->purpose = settings->extended_key_usage;
    demands->rsa_bits_min = settings->rsa_bits_min;
    demands->hash_bits_min = (unsigned)settings->signature_hash_min;
    if (settings->verify_issuer_dn)
        demands->issuer_names = trust_store_issuer_names(context->anchors);
    context->sends_ca_names = settings->send_ca_names;
    context->revocation = revocation_rules_from(&settings->revocation);
    return parse_objects(settings->required_usages, &demands->usages, error) &&
           parse_objects(settings->required_policies, &demands->policies, error) &&
           parse_key_types(settings->key_types, &demands->key_types, error) &&
           parse_principal(settings->principal, &context->principal, error);
}

static struct judging_context *create(const struct trust_profile_settings *settings,
                                      struct error *error)
{
    struct judging_context *created = NULL;
    struct judging_context *creating = memory_allocate(sizeof *creating);

    atomic_init(&creating->references, 1);
    if (!check_settings(settings, error)) {
        prefix_position(&settings->position, error);
        goto cleanup;
    }
    if (!load_stores(creating, settings, error))
        goto cleanup;
    if (!parse_rules(creating, settings, error)) {
        prefix_position(&settings->position, error);
        goto cleanup;
    }
    name_anchors(creating);
    if (!compute_digest(creating)) {
        error_set(error, ERROR_SYSTEM, "the digest of the trust profile cannot be computed");
        prefix_position(&settings->position, error);
        goto cleanup;
    }
    created = creating;
    creating = NULL;

cleanup:
    judging_context_release(creating);
    return created;
}

struct judging_context *judging_context_create(const struct trust_profile_settings *settings,
                                               struct error *error)
{
    struct judging_context *context = create(settings, error);

    if (context == NULL || settings->trial == NULL)
        return context;
    context->trial = create(settings->trial, error);
    if (context->trial == NULL) {
        judging_context_release(context);
        return NULL;
    }
    return context;
}

struct judging_context *judging_context_acquire(struct judging_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

static void release_notes(struct judging_context *context)
{
    for (size_t i = 0; context->notes != NULL && i < trust_store_count(context->anchors); i++) {
        anchor_usage_release(context->notes[i].usage);
        memory_release(context->notes[i].name);
    }
    memory_release(context->notes);
}

/* At most one level deep: a trial has no trial. */
/* NOLINTNEXTLINE(misc-no-recursion) */
void judging_context_release(struct judging_context *context)
{
    if (context == NULL ||
        atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    judging_context_release(context->trial);
    release_notes(context);
    sk_X509_NAME_pop_free(context->rules.demands.issuer_names, X509_NAME_free);
    sk_ASN1_OBJECT_pop_free(context->rules.demands.usages, ASN1_OBJECT_free);
    sk_ASN1_OBJECT_pop_free(context->rules.demands.policies, ASN1_OBJECT_free);
    trust_store_destroy(context->issuers);
    trust_store_destroy(context->intermediates);
    trust_store_destroy(context->anchors);
    memory_release(context);
}

struct slice judging_context_digest(const struct judging_context *context)
{
    return slice_from(context->digest, sizeof context->digest);
}

const struct trust_store *judging_context_anchors(const struct judging_context *context)
{
    return context->anchors;
}

bool judging_context_sends_ca_names(const struct judging_context *context)
{
    return context->sends_ca_names;
}

const struct trust_store *judging_context_intermediates(const struct judging_context *context)
{
    return context->intermediates;
}

const struct revocation_rules *judging_context_revocation(const struct judging_context *context)
{
    return &context->revocation;
}

const struct certification_path_settings *judging_context_rules(
    const struct judging_context *context)
{
    return &context->rules;
}

void judging_context_track(struct judging_context *context, struct anchor_usages *usages,
                           const char *profile)
{
    for (size_t i = 0; i < trust_store_count(context->anchors); i++) {
        assert(context->notes[i].usage == NULL);
        context->notes[i].usage =
            anchor_usages_acquire(usages, profile, trust_store_anchor_digest(context->anchors, i));
    }
}

struct slice judging_context_note_use(const struct judging_context *context, struct slice anchor,
                                      int64_t now)
{
    size_t index = trust_store_find(context->anchors, anchor);

    if (index == SIZE_MAX)
        return SLICE("");
    anchor_usage_note(context->notes[index].usage, now);
    return slice_from_text(context->notes[index].name);
}

int64_t judging_context_last_use(const struct judging_context *context, size_t index)
{
    return anchor_usage_last(context->notes[index].usage);
}

struct principal_order judging_context_principal_order(const struct judging_context *context)
{
    return context->principal;
}

struct judging_context *judging_context_trial(const struct judging_context *context)
{
    return context->trial;
}
