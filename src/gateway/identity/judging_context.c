/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest is made by one table that names each setting which decides. A setting that is
 * missing there would let old verdicts and sessions live on under new rules, so the structure's
 * size is asserted beside the table.
 */
#include "gateway/identity/judging_context.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "gateway/identity/judging_context_internal.h"
#include "protocol/x509/certification_path.h"
#include "runtime/memory.h"

enum { DIGEST_BYTES = 32, FORMAT_VERSION = 1 };

struct judging_context {
    atomic_size_t references;
    struct trust_store *anchors;
    struct trust_store *intermediates; /* NULL: none */
    struct certification_path_settings rules;
    bool sends_ca_names;
    unsigned char digest[DIGEST_BYTES];
};

/* Each gives a number that changes with the setting; the anchors and intermediates go in by their
 * own digests. */
static uint64_t format_version(const struct judging_context *context)
{
    (void)context;
    return FORMAT_VERSION;
}

static uint64_t rules_version(const struct judging_context *context)
{
    (void)context;
    return CERTIFICATION_PATH_RULES_VERSION;
}

static uint64_t purpose(const struct judging_context *context)
{
    (void)context;
    return X509_PURPOSE_SSL_CLIENT;
}

static uint64_t depth(const struct judging_context *context)
{
    return context->rules.depth;
}

static uint64_t partial_chain(const struct judging_context *context)
{
    return context->rules.partial_chain;
}

/* Everything that decides, besides the anchors and intermediates. A row is never removed or given
 * another meaning without a new FORMAT_VERSION. `name`, `send_ca_names` and `position` of the
 * profile decide nothing, and `upload_rules` decide which anchors there are. */
static const struct {
    const char *name;
    uint64_t (*value)(const struct judging_context *context);
} DECIDING[] = {
    {"format_version", format_version},
    {"rules_version", rules_version},
    {"purpose", purpose},
    {"depth", depth},
    {"partial_chain", partial_chain},
};

/* Does your new setting decide? Then it needs a row above, and a line in the test that flips each.
 */
static_assert(sizeof(struct trust_profile_settings) ==
                  5 * sizeof(void *) + 4 * sizeof(unsigned) + sizeof(struct position),
              "a setting of the trust profile has no place in the digest yet");
static_assert(sizeof(struct certification_path_settings) ==
                  2 * sizeof(void *) + 2 * sizeof(unsigned),
              "a setting of path validation has no place in the digest yet");

static bool digest_field(EVP_MD_CTX *hash, const char *name, struct slice value)
{
    /* The NUL behind the name and the fixed sizes of values keep fields apart. */
    return EVP_DigestUpdate(hash, name, strlen(name) + 1) == 1 &&
           EVP_DigestUpdate(hash, value.data, value.size) == 1;
}

static bool digest_fields(EVP_MD_CTX *hash, struct judging_context *context)
{
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1 ||
        !digest_field(hash, "anchors", trust_store_digest(context->anchors)) ||
        (context->intermediates != NULL &&
         !digest_field(hash, "intermediates", trust_store_digest(context->intermediates))))
        return false;
    for (size_t i = 0; i < sizeof DECIDING / sizeof DECIDING[0]; i++) {
        uint64_t value = DECIDING[i].value(context);

        if (!digest_field(hash, DECIDING[i].name, slice_from(&value, sizeof value)))
            return false;
    }
    return EVP_DigestFinal_ex(hash, context->digest, NULL) == 1;
}

static bool compute_digest(struct judging_context *context)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool computed = digest_fields(hash, context);

    EVP_MD_CTX_free(hash);
    return computed;
}

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

struct judging_context *judging_context_create(const struct trust_profile_settings *settings,
                                               struct error *error)
{
    struct judging_context *context = NULL;
    struct trust_store *anchors = NULL;
    struct trust_store *intermediates = NULL;

    if (!check_settings(settings, error)) {
        prefix_position(&settings->position, error);
        return NULL;
    }
    /* The store's errors begin with the place of the anchor, which is more exact. */
    anchors = trust_store_load(settings->anchors, settings->anchor_count, error);
    if (anchors == NULL)
        return NULL;
    if (settings->intermediate_count > 0) {
        intermediates =
            trust_store_load(settings->intermediates, settings->intermediate_count, error);
        if (intermediates == NULL) {
            trust_store_destroy(anchors);
            return NULL;
        }
    }

    context = memory_allocate(sizeof *context);
    atomic_init(&context->references, 1);
    context->anchors = anchors;
    context->intermediates = intermediates;
    context->sends_ca_names = settings->send_ca_names;
    context->rules = (struct certification_path_settings){
        .anchors = anchors,
        .intermediates = intermediates,
        .depth = settings->depth,
        .partial_chain = settings->partial_chain,
    };
    if (!compute_digest(context)) {
        error_set(error, ERROR_SYSTEM, "the digest of the trust profile cannot be computed");
        prefix_position(&settings->position, error);
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

void judging_context_release(struct judging_context *context)
{
    if (context == NULL ||
        atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    trust_store_destroy(context->anchors);
    trust_store_destroy(context->intermediates);
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

const struct certification_path_settings *judging_context_rules(
    const struct judging_context *context)
{
    return &context->rules;
}
