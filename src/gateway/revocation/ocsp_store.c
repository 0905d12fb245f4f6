/* SPDX-License-Identifier: Apache-2.0
 *
 * A table of chains under one lock: verdicts remember what they were told, so that it is asked when
 * facts change and not with each request. Entries that somebody asked last stand first in one of
 * two lists; the last of those that are not revoked go when room is needed.
 */
#include "gateway/revocation/ocsp_store.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "runtime/list.h"
#include "runtime/memory.h"
#include "runtime/siphash.h"

enum {
    BUCKETS = 16384,
    SWEPT_BUCKETS_MAX = 2048, /* that are looked through for what is due, a call */
    REFRESH_MARGIN_MIN = 30,  /* seconds before the end of an answer */
    REFRESH_MARGIN_MAX = 3600,
    RETRY_DOUBLINGS_MAX = 6
};

/* The counted form of what the header shows. */
struct inquiry {
    struct ocsp_inquiry public;
    atomic_size_t references;
};

struct entry {
    struct entry *next; /* in its bucket */
    struct list_link by_use;
    struct list_link queued;
    struct inquiry *inquiry;
    struct ocsp_answer answer;
    int64_t until;
    int64_t refresh_at;
    int64_t last_good;
    int64_t retry_at;
    unsigned failures;
    bool is_being_asked; /* queued, or taken */
    bool is_queued;
    bool was_used; /* since it was asked last */
    char problem[OCSP_PROBLEM_BYTES];
};

/* One copy of each issuer for all its certificates. */
struct issuer {
    struct list_link link;
    unsigned char id[CRL_ISSUER_ID_BYTES];
    X509 *certificate;
};

struct ocsp_store {
    struct siphash_key hash_key;
    pthread_mutex_t lock; /* of everything below */
    struct entry **buckets;
    struct list revoked;
    struct list others;
    struct list queue;
    struct list issuers; /* the one that was used last stands first */
    size_t sweep;        /* the bucket where the next look begins */
    struct ocsp_store_counts counts;
    void (*on_wanted)(void *context);
    void *context;
};

/* ---- inquiries ---- */

static void acquire_inquiry(struct inquiry *inquiry)
{
    atomic_fetch_add_explicit(&inquiry->references, 1, memory_order_relaxed);
}

void ocsp_inquiry_release(const struct ocsp_inquiry *inquiry)
{
    struct inquiry *counted = (struct inquiry *)(uintptr_t)inquiry;

    if (counted == NULL ||
        atomic_fetch_sub_explicit(&counted->references, 1, memory_order_acq_rel) != 1)
        return;
    X509_free(counted->public.issuer);
    memory_release(counted->public.responder);
    memory_release(counted);
}

static char *responder_of(const struct ocsp_question *question)
{
    if (question->rules->responder[0] != '\0')
        return memory_copy_text(question->rules->responder);
    if (question->rules->method == OCSP_METHOD_AZURE)
        return ocsp_first_http_responder_of(question->certificate);
    return ocsp_responder_of(question->certificate);
}

static struct inquiry *create_inquiry(const struct ocsp_question *question,
                                      const unsigned char key[OCSP_KEY_BYTES], X509 *issuer)
{
    struct inquiry *inquiry = memory_allocate(sizeof *inquiry);

    atomic_init(&inquiry->references, 1);
    memcpy(inquiry->public.key, key, OCSP_KEY_BYTES);
    inquiry->public.responder = responder_of(question);
    inquiry->public.method = question->rules->method;
    inquiry->public.nonce = question->rules->nonce;
    inquiry->public.hash = question->rules->hash;
    inquiry->public.timeout_ms = question->rules->timeout_ms;
    X509_up_ref(issuer);
    inquiry->public.issuer = issuer;
    memcpy(inquiry->public.issuer_id, question->issuer_id, CRL_ISSUER_ID_BYTES);
    memcpy(inquiry->public.serial, question->serial.data, question->serial.size);
    inquiry->public.serial_size = question->serial.size;
    return inquiry;
}

/* False when it cannot be computed; then nothing is known of the certificate. */
static bool compute_key(const struct ocsp_question *question, unsigned char key[OCSP_KEY_BYTES])
{
    const struct ocsp_rules *rules = question->rules;
    const uint64_t numbers[] = {question->serial.size, rules->method, rules->nonce, rules->hash,
                                strlen(rules->responder)};
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool is_computed = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 &&
                       EVP_DigestUpdate(hash, question->issuer_id, CRL_ISSUER_ID_BYTES) == 1 &&
                       EVP_DigestUpdate(hash, numbers, sizeof numbers) == 1 &&
                       EVP_DigestUpdate(hash, question->serial.data, question->serial.size) == 1 &&
                       EVP_DigestUpdate(hash, rules->responder, strlen(rules->responder)) == 1 &&
                       EVP_DigestFinal_ex(hash, key, NULL) == 1;

    EVP_MD_CTX_free(hash);
    return is_computed;
}

/* ---- the store ---- */

struct ocsp_store *ocsp_store_create(void)
{
    struct ocsp_store *store = memory_allocate(sizeof *store);

    store->hash_key = siphash_key_create();
    store->buckets = memory_allocate_array(BUCKETS, sizeof *store->buckets);
    pthread_mutex_init(&store->lock, NULL);
    list_init(&store->revoked);
    list_init(&store->others);
    list_init(&store->queue);
    list_init(&store->issuers);
    return store;
}

static void destroy_entry(struct entry *entry)
{
    ocsp_inquiry_release(&entry->inquiry->public);
    memory_release(entry);
}

void ocsp_store_destroy(struct ocsp_store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        while (store->buckets[i] != NULL) {
            struct entry *entry = store->buckets[i];

            store->buckets[i] = entry->next;
            destroy_entry(entry);
        }
    }
    while (!list_is_empty(&store->issuers)) {
        struct issuer *issuer = LIST_ITEM(list_first(&store->issuers), struct issuer, link);

        list_remove(&store->issuers, &issuer->link);
        X509_free(issuer->certificate);
        memory_release(issuer);
    }
    pthread_mutex_destroy(&store->lock);
    memory_release(store->buckets);
    memory_release(store);
}

void ocsp_store_set_listener(struct ocsp_store *store, void (*on_wanted)(void *), void *context)
{
    pthread_mutex_lock(&store->lock);
    store->on_wanted = on_wanted;
    store->context = context;
    pthread_mutex_unlock(&store->lock);
}

static struct entry **bucket_of(struct ocsp_store *store, const unsigned char *key)
{
    return &store->buckets[siphash(store->hash_key, slice_from(key, OCSP_KEY_BYTES)) % BUCKETS];
}

static struct entry *find(struct ocsp_store *store, const unsigned char *key)
{
    struct entry *entry = *bucket_of(store, key);

    while (entry != NULL && memcmp(entry->inquiry->public.key, key, OCSP_KEY_BYTES) != 0)
        entry = entry->next;
    return entry;
}

static bool is_revoked(const struct entry *entry)
{
    return entry->answer.outcome == OCSP_IS_REVOKED;
}

static struct list *list_of(struct ocsp_store *store, const struct entry *entry)
{
    return is_revoked(entry) ? &store->revoked : &store->others;
}

static void forget(struct ocsp_store *store, struct entry *entry)
{
    struct entry **place = bucket_of(store, entry->inquiry->public.key);

    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    list_remove(list_of(store, entry), &entry->by_use);
    if (entry->is_queued)
        list_remove(&store->queue, &entry->queued);
    store->counts.entries--;
    store->counts.evicted++;
    destroy_entry(entry);
}

static void make_room(struct ocsp_store *store)
{
    struct list *list = list_is_empty(&store->others) ? &store->revoked : &store->others;

    if (store->counts.entries >= OCSP_ENTRIES_MAX)
        forget(store, LIST_ITEM(list_last(list), struct entry, by_use));
}

/* The certificate that the store keeps of this issuer, or NULL when there are too many. The last
 * makes room when no entry needs it. */
static X509 *intern_issuer(struct ocsp_store *store, const struct ocsp_question *question)
{
    struct issuer *issuer = NULL;

    for (struct list_link *link = list_first(&store->issuers); link != NULL;
         link = list_next(&store->issuers, link)) {
        issuer = LIST_ITEM(link, struct issuer, link);
        if (memcmp(issuer->id, question->issuer_id, CRL_ISSUER_ID_BYTES) == 0) {
            list_remove(&store->issuers, &issuer->link);
            list_prepend(&store->issuers, &issuer->link);
            return issuer->certificate;
        }
    }
    if (store->issuers.count >= OCSP_ISSUERS_MAX) {
        issuer = LIST_ITEM(list_last(&store->issuers), struct issuer, link);
        list_remove(&store->issuers, &issuer->link);
        X509_free(issuer->certificate); /* inquiries hold their own reference */
    } else {
        issuer = memory_allocate(sizeof *issuer);
    }
    X509_up_ref(question->issuer);
    issuer->certificate = question->issuer;
    memcpy(issuer->id, question->issuer_id, CRL_ISSUER_ID_BYTES);
    list_prepend(&store->issuers, &issuer->link);
    return issuer->certificate;
}

static struct entry *add(struct ocsp_store *store, const struct ocsp_question *question,
                         const unsigned char key[OCSP_KEY_BYTES])
{
    struct entry **bucket = bucket_of(store, key);
    struct entry *entry;

    make_room(store);
    entry = memory_allocate(sizeof *entry);
    entry->inquiry = create_inquiry(question, key, intern_issuer(store, question));
    entry->next = *bucket;
    *bucket = entry;
    list_prepend(&store->others, &entry->by_use);
    store->counts.entries++;
    return entry;
}

/* ---- asking ---- */

static bool holds(const struct entry *entry, int64_t now)
{
    if (!ocsp_outcome_is_statement(entry->answer.outcome))
        return false;
    return is_revoked(entry) || now < entry->until;
}

static bool enqueue(struct ocsp_store *store, struct entry *entry)
{
    if (store->queue.count >= OCSP_QUEUED_MAX) {
        store->counts.refused++;
        return false;
    }
    list_append(&store->queue, &entry->queued);
    entry->is_queued = true;
    entry->is_being_asked = true;
    store->counts.misses++;
    return true;
}

static enum ocsp_knowledge knowledge_of(struct ocsp_store *store, struct entry *entry,
                                        bool may_want, int64_t now, bool *is_new)
{
    if (holds(entry, now)) {
        store->counts.hits++;
        return OCSP_ANSWERED;
    }
    if (entry->is_being_asked) {
        store->counts.joined++;
        return OCSP_AWAITED;
    }
    if (entry->failures > 0 && now < entry->retry_at)
        return OCSP_FAILED;
    if (!may_want)
        return OCSP_NOTHING_KNOWN;
    *is_new = enqueue(store, entry);
    if (*is_new)
        return OCSP_AWAITED;
    (void)snprintf(entry->problem, sizeof entry->problem, "too many questions are waiting");
    return OCSP_FAILED;
}

static struct ocsp_fact fact_of(const struct entry *entry, enum ocsp_knowledge knowledge)
{
    struct ocsp_fact fact = {
        .knowledge = knowledge,
        .answer = entry->answer,
        .until = entry->until,
        .last_good = entry->last_good,
        .has_failed = entry->failures > 0,
        .has_no_responder = entry->inquiry->public.responder == NULL,
    };

    memcpy(fact.problem, entry->problem, sizeof fact.problem);
    return fact;
}

static struct ocsp_fact ask(struct ocsp_store *store, const struct ocsp_question *question,
                            const unsigned char key[OCSP_KEY_BYTES], bool may_want, int64_t now,
                            bool *is_new)
{
    struct entry *entry = find(store, key);
    struct list *list;

    if (entry == NULL && !may_want)
        return (struct ocsp_fact){.knowledge = OCSP_NOTHING_KNOWN};
    if (entry == NULL)
        entry = add(store, question, key);
    if (may_want) {
        entry->was_used = true;
        list = list_of(store, entry);
        list_remove(list, &entry->by_use);
        list_prepend(list, &entry->by_use);
    }
    if (entry->inquiry->public.responder == NULL)
        return fact_of(entry, OCSP_FAILED);
    return fact_of(entry, knowledge_of(store, entry, may_want, now, is_new));
}

struct ocsp_fact ocsp_store_ask(struct ocsp_store *store, const struct ocsp_question *question,
                                bool may_want, int64_t now)
{
    unsigned char key[OCSP_KEY_BYTES];
    struct ocsp_fact fact = {.knowledge = OCSP_FAILED, .problem = "the serial is not usable"};
    void (*on_wanted)(void *context) = NULL;
    void *context = NULL;
    bool is_new = false;

    if (question->serial.size == 0 || question->serial.size > CRL_SERIAL_BYTES_MAX ||
        !compute_key(question, key))
        return fact;
    pthread_mutex_lock(&store->lock);
    fact = ask(store, question, key, may_want, now, &is_new);
    if (is_new) {
        on_wanted = store->on_wanted;
        context = store->context;
    }
    pthread_mutex_unlock(&store->lock);
    if (on_wanted != NULL)
        on_wanted(context);
    return fact;
}

struct ocsp_store_counts ocsp_store_count(struct ocsp_store *store)
{
    struct ocsp_store_counts counts;

    pthread_mutex_lock(&store->lock);
    counts = store->counts;
    pthread_mutex_unlock(&store->lock);
    return counts;
}

/* ---- the control thread's side ---- */

const struct ocsp_inquiry *ocsp_store_take_wanted(struct ocsp_store *store)
{
    struct inquiry *inquiry = NULL;

    pthread_mutex_lock(&store->lock);
    if (!list_is_empty(&store->queue)) {
        struct entry *entry = LIST_ITEM(list_first(&store->queue), struct entry, queued);

        list_remove(&store->queue, &entry->queued);
        entry->is_queued = false;
        entry->was_used = false;
        inquiry = entry->inquiry;
        acquire_inquiry(inquiry);
    }
    pthread_mutex_unlock(&store->lock);
    return inquiry == NULL ? NULL : &inquiry->public;
}

static bool is_due(const struct entry *entry, int64_t now)
{
    return entry->was_used && !entry->is_being_asked && entry->answer.outcome == OCSP_IS_GOOD &&
           now >= entry->refresh_at && now >= entry->retry_at && now < entry->until;
}

const struct ocsp_inquiry *ocsp_store_take_due(struct ocsp_store *store, int64_t now)
{
    struct inquiry *inquiry = NULL;

    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; inquiry == NULL && i < SWEPT_BUCKETS_MAX && store->counts.entries > 0; i++) {
        for (struct entry *entry = store->buckets[store->sweep]; entry != NULL;
             entry = entry->next) {
            if (!is_due(entry, now))
                continue;
            entry->is_being_asked = true;
            entry->was_used = false;
            inquiry = entry->inquiry;
            acquire_inquiry(inquiry);
            break;
        }
        if (inquiry == NULL)
            store->sweep = (store->sweep + 1) % BUCKETS;
    }
    pthread_mutex_unlock(&store->lock);
    return inquiry == NULL ? NULL : &inquiry->public;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t end_of(const struct ocsp_answer *answer, int64_t now)
{
    int64_t end =
        answer->next_update != 0 ? answer->next_update : answer->this_update + OCSP_ENDLESS_SECONDS;
    int64_t kept =
        answer->outcome == OCSP_IS_UNKNOWN ? OCSP_UNKNOWN_SECONDS_MAX : OCSP_KEPT_SECONDS_MAX;

    return smaller(end + OCSP_SKEW_SECONDS, now + kept);
}

/* Early enough for a few attempts; of short answers the second half. */
static int64_t refresh_of(int64_t now, int64_t until)
{
    int64_t lifetime = until - now;
    int64_t margin = lifetime / 8;

    if (margin < REFRESH_MARGIN_MIN)
        margin = REFRESH_MARGIN_MIN;
    if (margin > REFRESH_MARGIN_MAX)
        margin = REFRESH_MARGIN_MAX;
    return until - smaller(margin, lifetime / 2);
}

static bool is_hold(const struct ocsp_answer *answer)
{
    return answer->revocation_reason == 6; /* certificateHold, RFC 5280 section 5.3.1 */
}

static bool may_replace(const struct entry *entry, const struct ocsp_answer *answer)
{
    if (!ocsp_outcome_is_statement(entry->answer.outcome))
        return true;
    if (is_revoked(entry) && !is_hold(&entry->answer))
        return answer->outcome == OCSP_IS_REVOKED && !is_hold(answer);
    /* Of a revocation without hold the age does not matter: nothing takes it back. */
    return answer->this_update >= entry->answer.this_update ||
           (answer->outcome == OCSP_IS_REVOKED && !is_hold(answer));
}

static void replace(struct ocsp_store *store, struct entry *entry, const struct ocsp_answer *answer,
                    int64_t now)
{
    list_remove(list_of(store, entry), &entry->by_use);
    entry->answer = *answer;
    entry->until = end_of(answer, now);
    entry->refresh_at = refresh_of(now, entry->until);
    if (answer->outcome == OCSP_IS_GOOD)
        entry->last_good = entry->until;
    entry->failures = 0;
    entry->retry_at = 0;
    entry->problem[0] = '\0';
    list_prepend(list_of(store, entry), &entry->by_use);
}

bool ocsp_store_put_answer(struct ocsp_store *store, const struct ocsp_inquiry *inquiry,
                           const struct ocsp_answer *answer, int64_t now, bool *changes)
{
    struct entry *entry;
    bool is_taken = false;

    assert(ocsp_outcome_is_statement(answer->outcome));
    pthread_mutex_lock(&store->lock);
    entry = find(store, inquiry->key);
    *changes = entry == NULL; /* forgotten meanwhile: who waits asks again */
    if (entry != NULL) {
        is_taken = may_replace(entry, answer);
        if (is_taken) {
            *changes = !holds(entry, now) || entry->answer.outcome != answer->outcome;
            replace(store, entry, answer, now);
        }
        entry->is_being_asked = entry->is_queued;
    }
    pthread_mutex_unlock(&store->lock);
    return is_taken;
}

bool ocsp_store_holds(struct ocsp_store *store, const struct ocsp_inquiry *inquiry, int64_t now)
{
    const struct entry *entry;
    bool is_held;

    pthread_mutex_lock(&store->lock);
    entry = find(store, inquiry->key);
    is_held = entry != NULL && holds(entry, now);
    pthread_mutex_unlock(&store->lock);
    return is_held;
}

void ocsp_store_put_failure(struct ocsp_store *store, const struct ocsp_inquiry *inquiry,
                            const char *problem, int64_t now, bool *changes)
{
    struct entry *entry;

    pthread_mutex_lock(&store->lock);
    entry = find(store, inquiry->key);
    *changes = entry == NULL; /* forgotten meanwhile: who waits asks again */
    if (entry != NULL) {
        unsigned doublings =
            entry->failures < RETRY_DOUBLINGS_MAX ? entry->failures : RETRY_DOUBLINGS_MAX;

        entry->failures++;
        entry->retry_at = now + smaller((int64_t)1 << doublings, OCSP_RETRY_SECONDS_MAX);
        entry->is_being_asked = entry->is_queued;
        (void)snprintf(entry->problem, sizeof entry->problem, "%s", problem);
        *changes = !holds(entry, now);
    }
    pthread_mutex_unlock(&store->lock);
}
