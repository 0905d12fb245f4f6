/* SPDX-License-Identifier: Apache-2.0
 *
 * A snapshot is found under a lock and then only read; the version is an atomic of its own, so that
 * who remembers a version need not take the lock. The version goes up behind the snapshot: whoever
 * reads it finds that snapshot, or a newer one.
 */
#include "gateway/revocation/revocation_facts.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/revocation/ocsp_store.h"
#include "runtime/memory.h"

/* The lists of one issuer, which may be none. */
struct known_issuer {
    unsigned char id[CRL_ISSUER_ID_BYTES];
    struct crl **lists; /* into the snapshot's own array */
    size_t count;
};

struct known_address {
    char *url;
    bool is_awaited;
    atomic_bool was_used; /* by a worker, while the snapshot is what it is */
};

struct revocation_snapshot {
    struct revocation_snapshot *next_retired;
    atomic_size_t references;
    struct crl **lists; /* grouped by issuer */
    size_t list_count;
    struct known_issuer *issuers; /* sorted by id */
    size_t issuer_count;
    struct known_address *addresses; /* sorted by URL */
    size_t address_count;
    bool is_incomplete;
};

struct revocation_facts {
    struct ocsp_store *responders;
    atomic_uint_fast64_t lenient;
    atomic_uint_fast64_t disputed;
    atomic_uint_fast64_t version;
    pthread_mutex_t lock; /* of everything below */
    struct revocation_snapshot *snapshot;
    /* Those before, of which one reference is kept: a worker never gives back the last one. */
    struct revocation_snapshot *retired;
    struct revocation_want wants[REVOCATION_WANTED_MAX]; /* a ring */
    size_t want_first;
    size_t want_count;
    void (*on_changed)(void *context);
    void (*on_wanted)(void *context);
    void *context;
};

/* ---- snapshots
 * --------------------------------------------------------------------------------------------- */

static int compare_ids(const void *a, const void *b)
{
    const struct known_issuer *first = a;
    const struct known_issuer *second = b;

    return memcmp(first->id, second->id, CRL_ISSUER_ID_BYTES);
}

static int compare_lists(const void *a, const void *b)
{
    const struct revocation_known_list *first = a;
    const struct revocation_known_list *second = b;

    return memcmp(first->issuer, second->issuer, CRL_ISSUER_ID_BYTES);
}

static int compare_urls(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_addresses(const void *a, const void *b)
{
    const struct known_address *first = a;
    const struct known_address *second = b;

    return strcmp(first->url, second->url);
}

static struct known_issuer *find_issuer(const struct revocation_snapshot *snapshot,
                                        const unsigned char id[CRL_ISSUER_ID_BYTES])
{
    struct known_issuer wanted;

    if (snapshot->issuer_count == 0)
        return NULL;
    memcpy(wanted.id, id, sizeof wanted.id);
    return bsearch(&wanted, snapshot->issuers, snapshot->issuer_count, sizeof wanted, compare_ids);
}

/* Equal ids become one; `issuers` has room for all. */
static void collect_issuers(struct revocation_snapshot *snapshot,
                            const struct revocation_knowledge_base *base)
{
    size_t total = base->issuer_count + base->list_count;
    size_t count = 0;

    snapshot->issuers = memory_allocate_array(total + 1, sizeof *snapshot->issuers);
    for (size_t i = 0; i < base->issuer_count; i++)
        memcpy(snapshot->issuers[i].id, base->issuers[i].issuer, CRL_ISSUER_ID_BYTES);
    for (size_t i = 0; i < base->list_count; i++)
        memcpy(snapshot->issuers[base->issuer_count + i].id, base->lists[i].issuer,
               CRL_ISSUER_ID_BYTES);
    if (total > 1)
        qsort(snapshot->issuers, total, sizeof *snapshot->issuers, compare_ids);
    for (size_t i = 0; i < total; i++) {
        if (count == 0 || compare_ids(&snapshot->issuers[count - 1], &snapshot->issuers[i]) != 0)
            snapshot->issuers[count++] = snapshot->issuers[i];
    }
    snapshot->issuer_count = count;
}

/* Does another list of the same issuer and scope replace this one? */
static bool is_superseded(const struct revocation_knowledge_base *base, size_t index)
{
    const struct revocation_known_list *list = &base->lists[index];
    const struct crl_facts *facts = crl_get_facts(list->list);

    for (size_t i = 0; i < base->list_count; i++) {
        const struct revocation_known_list *other = &base->lists[i];
        const struct crl_facts *others = crl_get_facts(other->list);
        int order;

        if (i == index || memcmp(list->issuer, other->issuer, CRL_ISSUER_ID_BYTES) != 0 ||
            facts->is_delta != others->is_delta ||
            !slice_equals(facts->distribution_point, others->distribution_point))
            continue;
        order = crl_compare_age(list->list, other->list);
        if (order < 0 || (order == 0 && i < index))
            return true;
    }
    return false;
}

static void collect_lists(struct revocation_snapshot *snapshot,
                          const struct revocation_knowledge_base *base)
{
    struct revocation_known_list *chosen =
        memory_allocate_array(base->list_count + 1, sizeof *chosen);
    size_t count = 0;

    for (size_t i = 0; i < base->list_count; i++) {
        if (!is_superseded(base, i))
            chosen[count++] = base->lists[i];
    }
    if (count > 1)
        qsort(chosen, count, sizeof *chosen, compare_lists);
    snapshot->lists = memory_allocate_array(count + 1, sizeof(struct crl *));
    snapshot->list_count = count;
    for (size_t i = 0; i < count; i++) {
        struct known_issuer *issuer = find_issuer(snapshot, chosen[i].issuer);

        assert(issuer != NULL);
        snapshot->lists[i] = crl_acquire(chosen[i].list);
        if (issuer->count++ == 0)
            issuer->lists = &snapshot->lists[i];
    }
    memory_release(chosen);
}

static void collect_addresses(struct revocation_snapshot *snapshot,
                              const struct revocation_knowledge_base *base)
{
    snapshot->addresses =
        memory_allocate_array(base->address_count + 1, sizeof *snapshot->addresses);
    snapshot->address_count = base->address_count;
    for (size_t i = 0; i < base->address_count; i++)
        snapshot->is_incomplete = snapshot->is_incomplete ||
                                  (base->addresses[i].is_for_all && base->addresses[i].is_awaited);
    for (size_t i = 0; i < base->address_count; i++)
        snapshot->addresses[i] =
            (struct known_address){.url = memory_copy_text(base->addresses[i].url),
                                   .is_awaited = base->addresses[i].is_awaited};
    if (snapshot->address_count > 1)
        qsort(snapshot->addresses, snapshot->address_count, sizeof *snapshot->addresses,
              compare_addresses);
}

static struct revocation_snapshot *snapshot_create(const struct revocation_knowledge_base *base)
{
    struct revocation_snapshot *snapshot = memory_allocate(sizeof *snapshot);

    atomic_init(&snapshot->references, 1);
    collect_issuers(snapshot, base);
    collect_lists(snapshot, base);
    collect_addresses(snapshot, base);
    return snapshot;
}

void revocation_snapshot_release(struct revocation_snapshot *snapshot)
{
    if (snapshot == NULL ||
        atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < snapshot->list_count; i++)
        crl_release(snapshot->lists[i]);
    for (size_t i = 0; i < snapshot->address_count; i++)
        memory_release(snapshot->addresses[i].url);
    memory_release(snapshot->lists);
    memory_release(snapshot->issuers);
    memory_release(snapshot->addresses);
    memory_release(snapshot);
}

struct crl *const *revocation_snapshot_lists(const struct revocation_snapshot *snapshot,
                                             const unsigned char issuer[CRL_ISSUER_ID_BYTES],
                                             size_t *count)
{
    const struct known_issuer *found = find_issuer(snapshot, issuer);

    *count = found == NULL ? 0 : found->count;
    return *count == 0 ? NULL : found->lists;
}

enum revocation_knowledge revocation_snapshot_issuer(
    const struct revocation_snapshot *snapshot, const unsigned char issuer[CRL_ISSUER_ID_BYTES])
{
    return find_issuer(snapshot, issuer) == NULL ? REVOCATION_NEVER_HEARD : REVOCATION_KNOWN;
}

static struct known_address *find_address(const struct revocation_snapshot *snapshot,
                                          struct slice url)
{
    size_t low = 0;
    size_t high = snapshot->address_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_urls(url, slice_from_text(snapshot->addresses[middle].url));

        if (order == 0)
            return &snapshot->addresses[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Written once only: many workers read it. */
static void note_use(struct known_address *address)
{
    if (!atomic_load_explicit(&address->was_used, memory_order_relaxed))
        atomic_store_explicit(&address->was_used, true, memory_order_relaxed);
}

enum revocation_knowledge revocation_snapshot_address(const struct revocation_snapshot *snapshot,
                                                      struct slice url)
{
    struct known_address *address = find_address(snapshot, url);

    if (address == NULL)
        return REVOCATION_NEVER_HEARD;
    note_use(address);
    return address->is_awaited ? REVOCATION_AWAITED : REVOCATION_KNOWN;
}

bool revocation_snapshot_is_incomplete(const struct revocation_snapshot *snapshot)
{
    return snapshot->is_incomplete;
}

/* ---- facts
 * --------------------------------------------------------------------------------------------- */

struct revocation_facts *revocation_facts_create(void)
{
    const struct revocation_knowledge_base nothing = {.list_count = 0};
    struct revocation_facts *facts = memory_allocate(sizeof *facts);

    pthread_mutex_init(&facts->lock, NULL);
    facts->snapshot = snapshot_create(&nothing);
    facts->responders = ocsp_store_create();
    atomic_init(&facts->version, 1);
    return facts;
}

static void free_want(struct revocation_want *want)
{
    X509_free(want->certificate);
    X509_free(want->issuer);
}

void revocation_facts_destroy(struct revocation_facts *facts)
{
    struct revocation_want want;

    if (facts == NULL)
        return;
    while (revocation_facts_take_want(facts, &want))
        free_want(&want);
    while (facts->retired != NULL) {
        struct revocation_snapshot *next = facts->retired->next_retired;

        revocation_snapshot_release(facts->retired);
        facts->retired = next;
    }
    revocation_snapshot_release(facts->snapshot);
    ocsp_store_destroy(facts->responders);
    pthread_mutex_destroy(&facts->lock);
    memory_release(facts);
}

struct ocsp_store *revocation_facts_responders(struct revocation_facts *facts)
{
    return facts->responders;
}

uint64_t revocation_facts_version(const struct revocation_facts *facts)
{
    return atomic_load_explicit(&facts->version, memory_order_acquire);
}

struct revocation_snapshot *revocation_facts_acquire(struct revocation_facts *facts)
{
    struct revocation_snapshot *snapshot;

    pthread_mutex_lock(&facts->lock);
    snapshot = facts->snapshot;
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&facts->lock);
    return snapshot;
}

void revocation_facts_set_listener(struct revocation_facts *facts, void (*on_changed)(void *),
                                   void (*on_wanted)(void *), void *context)
{
    pthread_mutex_lock(&facts->lock);
    facts->on_changed = on_changed;
    facts->on_wanted = on_wanted;
    facts->context = context;
    pthread_mutex_unlock(&facts->lock);
}

void revocation_facts_touch(struct revocation_facts *facts)
{
    void (*on_changed)(void *context);
    void *context;

    atomic_fetch_add_explicit(&facts->version, 1, memory_order_release);
    pthread_mutex_lock(&facts->lock);
    on_changed = facts->on_changed;
    context = facts->context;
    pthread_mutex_unlock(&facts->lock);
    if (on_changed != NULL)
        on_changed(context);
}

static void inherit_uses(struct revocation_snapshot *next, const struct revocation_snapshot *before)
{
    for (size_t i = 0; i < before->address_count; i++) {
        const struct known_address *address = &before->addresses[i];
        struct known_address *same;

        if (!atomic_load_explicit(&address->was_used, memory_order_relaxed))
            continue;
        same = find_address(next, slice_from_text(address->url));
        if (same != NULL)
            note_use(same);
    }
}

bool revocation_facts_take_use(struct revocation_facts *facts, const char *url)
{
    struct known_address *address;
    bool was_used;

    pthread_mutex_lock(&facts->lock);
    address = find_address(facts->snapshot, slice_from_text(url));
    was_used = address != NULL &&
               atomic_exchange_explicit(&address->was_used, false, memory_order_relaxed);
    pthread_mutex_unlock(&facts->lock);
    return was_used;
}

void revocation_facts_publish(struct revocation_facts *facts,
                              const struct revocation_knowledge_base *base)
{
    struct revocation_snapshot *next = snapshot_create(base);

    pthread_mutex_lock(&facts->lock);
    inherit_uses(next, facts->snapshot);
    facts->snapshot->next_retired = facts->retired;
    facts->retired = facts->snapshot;
    facts->snapshot = next;
    pthread_mutex_unlock(&facts->lock);
    revocation_facts_touch(facts);
}

struct revocation_snapshot *revocation_facts_take_unused(struct revocation_facts *facts)
{
    struct revocation_snapshot **link = &facts->retired;
    struct revocation_snapshot *unused;

    pthread_mutex_lock(&facts->lock);
    /* Nobody can acquire what is retired: a count of one stays one. */
    while (*link != NULL && atomic_load_explicit(&(*link)->references, memory_order_acquire) > 1)
        link = &(*link)->next_retired;
    unused = *link;
    if (unused != NULL)
        *link = unused->next_retired;
    pthread_mutex_unlock(&facts->lock);
    return unused;
}

/* ---- doubts
 * --------------------------------------------------------------------------------------------- */

void revocation_facts_note_doubts(struct revocation_facts *facts, bool is_lenient, bool is_disputed)
{
    if (is_lenient)
        atomic_fetch_add_explicit(&facts->lenient, 1, memory_order_relaxed);
    if (is_disputed)
        atomic_fetch_add_explicit(&facts->disputed, 1, memory_order_relaxed);
}

struct revocation_doubts revocation_facts_doubts(const struct revocation_facts *facts)
{
    return (struct revocation_doubts){
        .lenient = atomic_load_explicit(&facts->lenient, memory_order_relaxed),
        .disputed = atomic_load_explicit(&facts->disputed, memory_order_relaxed),
    };
}

/* ---- wants
 * --------------------------------------------------------------------------------------------- */

static struct revocation_want *want_at(struct revocation_facts *facts, size_t index)
{
    return &facts->wants[(facts->want_first + index) % REVOCATION_WANTED_MAX];
}

/* True when it is there already, with these sources added. */
static bool join(struct revocation_facts *facts, const struct revocation_want *want)
{
    for (size_t i = 0; i < facts->want_count; i++) {
        struct revocation_want *waiting = want_at(facts, i);

        if (X509_cmp(waiting->certificate, want->certificate) == 0 &&
            X509_cmp(waiting->issuer, want->issuer) == 0) {
            waiting->sources |= want->sources;
            waiting->crl_from_certificate |= want->crl_from_certificate;
            return true;
        }
    }
    return false;
}

static bool append(struct revocation_facts *facts, const struct revocation_want *want)
{
    struct revocation_want *added;

    if (facts->want_count == REVOCATION_WANTED_MAX)
        return false;
    added = want_at(facts, facts->want_count++);
    *added = *want;
    X509_up_ref(added->certificate);
    X509_up_ref(added->issuer);
    return true;
}

bool revocation_facts_want(struct revocation_facts *facts, const struct revocation_want *want)
{
    void (*on_wanted)(void *context) = NULL;
    void *context = NULL;
    bool is_wanted;

    pthread_mutex_lock(&facts->lock);
    is_wanted = join(facts, want);
    if (!is_wanted) {
        is_wanted = append(facts, want);
        on_wanted = facts->on_wanted;
        context = facts->context;
    }
    pthread_mutex_unlock(&facts->lock);
    if (is_wanted && on_wanted != NULL)
        on_wanted(context);
    return is_wanted;
}

bool revocation_facts_take_want(struct revocation_facts *facts, struct revocation_want *want)
{
    bool is_taken;

    pthread_mutex_lock(&facts->lock);
    is_taken = facts->want_count > 0;
    if (is_taken) {
        *want = *want_at(facts, 0);
        facts->want_first = (facts->want_first + 1) % REVOCATION_WANTED_MAX;
        facts->want_count--;
    }
    pthread_mutex_unlock(&facts->lock);
    return is_taken;
}
