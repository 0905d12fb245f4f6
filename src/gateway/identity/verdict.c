/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts are remembered by the digest of the chain and the digest of the context, and hold from
 * `valid_from` until just before `remembered_until`: the caches forget by their own reckoning,
 * but what is returned is decided here, also when the clock was set back.
 */
#include "gateway/identity/verdict.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>

#include "gateway/identity/judging_context_internal.h"
#include "gateway/identity/verdict_internal.h"
#include "gateway/revocation/revocation_facts.h"
#include "protocol/x509/certification_path.h"
#include "runtime/cache.h"
#include "runtime/memory.h"

enum {
    DIGEST_BYTES = 32,
    KEY_BYTES = 2 * DIGEST_BYTES,
    ACCEPTED_SHARDS = 16,
    REFUSED_SHARDS = 8,
    ACCEPTED_BYTES_DEFAULT = 64 * 1024 * 1024,
    REFUSED_BYTES_DEFAULT = 4 * 1024 * 1024,
    REFUSED_SECONDS_DEFAULT = 60
};

struct verdict {
    atomic_size_t references;
    enum reason reason;
    int library_error;
    int64_t valid_from;
    int64_t valid_until;
    int64_t remembered_until;
    STACK_OF(X509) * path;
    unsigned char key[KEY_BYTES]; /* chain, context */
    unsigned char proof[DIGEST_BYTES];
    unsigned char anchor[DIGEST_BYTES];
    struct principal_order principal;
    struct revocation_path *revocation; /* NULL: the context checks none, or nothing is accepted */
    /* "Not revoked", as the version of the facts and the second until which that holds: 32 bits of
     * each, in one word for all threads. Zero: nothing is remembered. */
    atomic_uint_fast64_t not_revoked;
};

struct verdict_store {
    struct cache *accepted;
    struct cache *refused;
    unsigned refused_seconds;
};

static void acquire_value(void *value)
{
    verdict_acquire(value);
}

static void release_value(void *value)
{
    verdict_release(value);
}

static struct cache *create_cache(size_t bytes_max, size_t bytes_default, size_t shards)
{
    struct cache_settings settings = {
        .bytes_max = bytes_max == 0 ? bytes_default : bytes_max,
        .shards = shards,
        .acquire = acquire_value,
        .release = release_value,
    };

    return cache_create(&settings);
}

struct verdict_store *verdict_store_create(const struct verdict_store_settings *settings)
{
    struct verdict_store *store = memory_allocate(sizeof *store);

    store->accepted =
        create_cache(settings->accepted_bytes_max, ACCEPTED_BYTES_DEFAULT, ACCEPTED_SHARDS);
    store->refused =
        create_cache(settings->refused_bytes_max, REFUSED_BYTES_DEFAULT, REFUSED_SHARDS);
    store->refused_seconds =
        settings->refused_seconds == 0 ? REFUSED_SECONDS_DEFAULT : settings->refused_seconds;
    return store;
}

void verdict_store_destroy(struct verdict_store *store)
{
    if (store == NULL)
        return;
    cache_destroy(store->accepted);
    cache_destroy(store->refused);
    memory_release(store);
}

struct verdict_store_counts verdict_store_count(const struct verdict_store *store)
{
    struct cache_counts accepted = cache_count(store->accepted);
    struct cache_counts refused = cache_count(store->refused);

    return (struct verdict_store_counts){
        .accepted = accepted.entries,
        .accepted_bytes = accepted.bytes,
        .refused = refused.entries,
        .refused_bytes = refused.bytes,
    };
}

static struct slice key_of(const struct verdict *verdict)
{
    return slice_from(verdict->key, sizeof verdict->key);
}

static bool digest_path(EVP_MD_CTX *hash, struct verdict *verdict)
{
    if (hash == NULL || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(hash, verdict->key, sizeof verdict->key) != 1)
        return false;
    for (int i = 0; i < sk_X509_num(verdict->path); i++) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = 0;

        if (X509_digest(sk_X509_value(verdict->path, i), EVP_sha256(), digest, &size) != 1 ||
            size != DIGEST_BYTES || EVP_DigestUpdate(hash, digest, size) != 1)
            return false;
        memcpy(verdict->anchor, digest, DIGEST_BYTES); /* the last one stays */
    }
    return EVP_DigestFinal_ex(hash, verdict->proof, NULL) == 1;
}

static bool compute_proof(struct verdict *verdict)
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool computed = digest_path(hash, verdict);

    EVP_MD_CTX_free(hash);
    return computed;
}

/* Without its path, an acceptance becomes a refusal. */
static void make_refusal(struct verdict *verdict, enum reason reason, int library_error)
{
    revocation_path_destroy(verdict->revocation);
    verdict->revocation = NULL;
    sk_X509_pop_free(verdict->path, X509_free);
    verdict->path = NULL;
    verdict->reason = reason;
    verdict->library_error =
        library_error == X509_V_OK ? X509_V_ERR_APPLICATION_VERIFICATION : library_error;
}

static void take_path(struct verdict *verdict, struct certification_path *path, int64_t now)
{
    verdict->path = path->certificates;
    verdict->valid_until = path->valid_until;
    path->certificates = NULL;
    if (path->reason != REASON_NONE) {
        verdict->valid_from = now;
        make_refusal(verdict, path->reason, path->library_error);
        return;
    }
    verdict->reason = REASON_NONE;
    verdict->library_error = X509_V_OK;
    verdict->valid_from = path->valid_from;
    if (verdict->path == NULL || !compute_proof(verdict))
        make_refusal(verdict, REASON_INTERNAL, X509_V_ERR_UNSPECIFIED);
}

static void write_key(const struct judging_context *context,
                      const struct presented_certificate *presented, unsigned char key[KEY_BYTES])
{
    struct slice chain = presented_certificate_digest(presented);
    struct slice rules = judging_context_digest(context);

    assert(chain.size == DIGEST_BYTES && rules.size == DIGEST_BYTES);
    memcpy(key, chain.data, DIGEST_BYTES);
    memcpy(key + DIGEST_BYTES, rules.data, DIGEST_BYTES);
}

/* Starts as an undecided verdict, which is a refusal. NULL: there is no memory. */
static struct verdict *verdict_create(const unsigned char key[KEY_BYTES], int64_t now)
{
    struct verdict *verdict = memory_try_allocate(sizeof *verdict);

    if (verdict == NULL)
        return NULL;
    atomic_init(&verdict->references, 1);
    memcpy(verdict->key, key, KEY_BYTES);
    verdict->reason = REASON_UNDECIDED;
    verdict->library_error = X509_V_ERR_APPLICATION_VERIFICATION;
    verdict->valid_from = now;
    verdict->valid_until = INT64_MAX;
    return verdict;
}

/* What cannot be looked up in any list is not accepted where lists decide. */
static void prepare_revocation(struct verdict *verdict, const struct revocation_rules *rules)
{
    if (rules->sources == 0 || verdict->reason != REASON_NONE)
        return;
    verdict->revocation = revocation_path_create(rules, verdict->path);
    if (verdict->revocation == NULL)
        make_refusal(verdict, REASON_CERTIFICATE_MALFORMED, X509_V_ERR_CERT_REJECTED);
}

static void judge(struct verdict *verdict, const struct judging_context *context,
                  const struct presented_certificate *presented, int64_t now)
{
    struct certification_path path = certification_path_verify(
        judging_context_rules(context), presented_certificate_leaf(presented),
        presented_certificate_untrusted(presented), now);

    ERR_set_mark();
    verdict->principal = judging_context_principal_order(context);
    take_path(verdict, &path, now);
    prepare_revocation(verdict, judging_context_revocation(context));
    ERR_pop_to_mark();
}

static int64_t seconds_later(int64_t now, unsigned seconds)
{
    int64_t later = 0;

    return __builtin_add_overflow(now, (int64_t)seconds, &later) ? INT64_MAX : later;
}

static void remember(struct verdict_store *store, struct verdict *verdict,
                     const struct presented_certificate *presented, int64_t now)
{
    verdict->remembered_until = verdict->valid_until;
    /* An entry of the cache is gone after its time, a verdict at its time. */
    if (verdict->reason == REASON_NONE) {
        cache_put(store->accepted, key_of(verdict), verdict,
                  sizeof *verdict + presented_certificate_bytes(presented),
                  verdict->remembered_until - 1);
        return;
    }
    cache_remove(store->accepted, key_of(verdict));
    if (verdict->remembered_until > seconds_later(now, store->refused_seconds))
        verdict->remembered_until = seconds_later(now, store->refused_seconds);
    cache_put(store->refused, key_of(verdict), verdict, sizeof *verdict,
              verdict->remembered_until - 1);
}

static bool is_current(const struct verdict *verdict, int64_t now)
{
    return now >= verdict->valid_from && now < verdict->remembered_until;
}

static struct verdict *find_in(struct cache *cache, struct slice key, int64_t now)
{
    struct verdict *found = cache_find(cache, key, now);

    if (found != NULL && !is_current(found, now)) {
        verdict_release(found);
        return NULL;
    }
    return found;
}

static struct verdict *find(struct verdict_store *store, struct slice key, int64_t now)
{
    struct verdict *found = find_in(store->accepted, key, now);

    return found != NULL ? found : find_in(store->refused, key, now);
}

struct verdict *verdict_store_judge(struct verdict_store *store, struct judging_context *context,
                                    struct presented_certificate *presented, int64_t now)
{
    unsigned char key[KEY_BYTES];
    uint64_t failures = memory_failures();
    enum reason limit = presented_certificate_limit(presented);
    struct verdict *verdict = NULL;

    write_key(context, presented, key);
    /* A chain beyond the limits is not worth a place, and what it was cut down to proves nothing.
     */
    if (limit != REASON_NONE) {
        verdict = verdict_create(key, now);
        if (verdict != NULL)
            make_refusal(verdict, limit, X509_V_ERR_CERT_REJECTED);
        return verdict;
    }
    verdict = find(store, slice_from(key, sizeof key), now);
    if (verdict != NULL)
        return verdict;

    verdict = verdict_create(key, now);
    if (verdict == NULL)
        return NULL;
    judge(verdict, context, presented, now);
    /* The gateway's own failure says nothing about the chain, and libcrypto does not always tell a
     * want of memory from a bad certificate. */
    if (memory_failures() != failures) {
        make_refusal(verdict, REASON_BUDGET_EXCEEDED, X509_V_ERR_OUT_OF_MEM);
        return verdict;
    }
    if (verdict->reason != REASON_INTERNAL)
        remember(store, verdict, presented, now);
    return verdict;
}

struct verdict *verdict_acquire(struct verdict *verdict)
{
    atomic_fetch_add_explicit(&verdict->references, 1, memory_order_relaxed);
    return verdict;
}

void verdict_release(struct verdict *verdict)
{
    if (verdict == NULL ||
        atomic_fetch_sub_explicit(&verdict->references, 1, memory_order_acq_rel) != 1)
        return;
    revocation_path_destroy(verdict->revocation);
    sk_X509_pop_free(verdict->path, X509_free);
    memory_release(verdict);
}

enum reason verdict_reason(const struct verdict *verdict)
{
    return verdict == NULL ? REASON_UNDECIDED : verdict->reason;
}

bool verdict_is_accepted(const struct verdict *verdict)
{
    return verdict != NULL && verdict->reason == REASON_NONE && verdict->path != NULL;
}

int verdict_library_error(const struct verdict *verdict)
{
    if (verdict_is_accepted(verdict))
        return X509_V_OK;
    return verdict == NULL ? X509_V_ERR_APPLICATION_VERIFICATION : verdict->library_error;
}

int64_t verdict_valid_until(const struct verdict *verdict)
{
    return verdict->valid_until;
}

STACK_OF(X509) * verdict_path(const struct verdict *verdict)
{
    return verdict_is_accepted(verdict) ? verdict->path : NULL;
}

struct slice verdict_anchor(const struct verdict *verdict)
{
    return verdict_is_accepted(verdict) ? slice_from(verdict->anchor, DIGEST_BYTES) : SLICE("");
}

struct principal_order verdict_principal_order(const struct verdict *verdict)
{
    return verdict->principal;
}

struct slice verdict_context(const struct verdict *verdict)
{
    return slice_from(verdict->key + DIGEST_BYTES, DIGEST_BYTES);
}

struct slice verdict_chain(const struct verdict *verdict)
{
    return slice_from(verdict->key, DIGEST_BYTES);
}

struct slice verdict_proof(const struct verdict *verdict)
{
    return slice_from(verdict->proof, DIGEST_BYTES);
}

/* ---- revocation
 * --------------------------------------------------------------------------------------------- */

static uint64_t pack_memory(uint64_t version, int64_t until)
{
    uint64_t seconds = until > UINT32_MAX ? UINT32_MAX : (uint64_t)until;

    return (version << 32) | seconds;
}

static bool is_remembered(uint64_t memory, uint64_t version, int64_t now)
{
    return memory != 0 && memory >> 32 == (version & UINT32_MAX) && now >= 0 &&
           (uint64_t)now < (memory & UINT32_MAX);
}

struct revocation_result verdict_check_revocation(struct verdict *verdict,
                                                  const struct revocation_rules *rules,
                                                  struct revocation_facts *facts,
                                                  enum revocation_patience patience, int64_t now)
{
    struct revocation_result result = {
        .status = REVOCATION_GOOD, .reason = REASON_NONE, .valid_until = INT64_MAX};
    uint64_t memory;

    if (rules->sources == 0)
        return result;
    memory = atomic_load_explicit(&verdict->not_revoked, memory_order_relaxed);
    result.version = facts == NULL ? 0 : revocation_facts_version(facts);
    result.valid_until = (int64_t)(memory & UINT32_MAX);
    if (facts != NULL && is_remembered(memory, result.version, now))
        return result;
    result = revocation_check(rules, verdict->revocation, facts, patience, now);
    /* What somebody puts up with is looked at, and counted, each time. */
    if (result.status == REVOCATION_GOOD && !result.is_lenient && result.valid_until > now)
        atomic_store_explicit(&verdict->not_revoked,
                              pack_memory(result.version, result.valid_until),
                              memory_order_relaxed);
    return result;
}
