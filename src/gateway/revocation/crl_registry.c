/* SPDX-License-Identifier: Apache-2.0
 *
 * See crl_registry.h. A list whose issuer is not known yet waits: as soon as a verified path shows
 * the issuer, its key decides. A list that a known issuer of its name has not signed is refused.
 */
#include "gateway/revocation/crl_registry.h"

#include <string.h>

#include "protocol/x509/crl_subject.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

struct issuer {
    X509 *certificate;
    unsigned char id[CRL_ISSUER_ID_BYTES];
    bool is_configured;
};

enum due { DUE_LATER, DUE_SOON, DUE_ENDED };

struct held_list {
    struct crl *list;
    bool is_bound;
    enum due reported;
    unsigned char issuer[CRL_ISSUER_ID_BYTES];
};

struct origin {
    char *name;
    struct held_list lists[CRL_SET_MAX];
    size_t count;
    char *problem; /* NULL: none */
};

struct address {
    char *url;
    bool is_awaited;
    bool is_for_all;
};

struct crl_registry {
    struct revocation_facts *facts;
    struct issuer *issuers;
    size_t issuer_count;
    size_t learned_count;
    struct origin **origins;
    size_t origin_count;
    struct address *addresses;
    size_t address_count;
    bool has_changed;
};

struct crl_registry *crl_registry_create(struct revocation_facts *facts)
{
    struct crl_registry *registry = memory_allocate(sizeof *registry);

    registry->facts = facts;
    return registry;
}

static void release_lists(struct held_list *lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        crl_release(lists[i].list);
}

static void destroy_origin(struct origin *origin)
{
    release_lists(origin->lists, origin->count);
    memory_release(origin->name);
    memory_release(origin->problem);
    memory_release(origin);
}

void crl_registry_destroy(struct crl_registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t i = 0; i < registry->issuer_count; i++)
        X509_free(registry->issuers[i].certificate);
    for (size_t i = 0; i < registry->origin_count; i++)
        destroy_origin(registry->origins[i]);
    for (size_t i = 0; i < registry->address_count; i++)
        memory_release(registry->addresses[i].url);
    memory_release(registry->issuers);
    memory_release(registry->origins);
    memory_release(registry->addresses);
    memory_release(registry);
}

/* ---- issuers
 * --------------------------------------------------------------------------------------------- */

static struct issuer *find_issuer(struct crl_registry *registry,
                                  const unsigned char id[CRL_ISSUER_ID_BYTES])
{
    for (size_t i = 0; i < registry->issuer_count; i++) {
        if (memcmp(registry->issuers[i].id, id, CRL_ISSUER_ID_BYTES) == 0)
            return &registry->issuers[i];
    }
    return NULL;
}

/* What waits for its issuer may be this one's. */
static void bind_waiting(struct crl_registry *registry, const struct issuer *issuer)
{
    for (size_t i = 0; i < registry->origin_count; i++) {
        for (size_t j = 0; j < registry->origins[i]->count; j++) {
            struct held_list *held = &registry->origins[i]->lists[j];

            if (held->is_bound ||
                crl_is_signed_by(held->list, issuer->certificate) != CRL_AUTHENTIC)
                continue;
            held->is_bound = true;
            memcpy(held->issuer, issuer->id, sizeof held->issuer);
        }
    }
}

/* The one that was learned first makes room: a chain that comes again teaches it again. */
static void forget_first_learned(struct crl_registry *registry)
{
    size_t at = 0;

    while (registry->issuers[at].is_configured)
        at++;
    X509_free(registry->issuers[at].certificate);
    registry->issuer_count--;
    registry->learned_count--;
    memmove(&registry->issuers[at], &registry->issuers[at + 1],
            (registry->issuer_count - at) * sizeof *registry->issuers);
}

static bool add_issuer(struct crl_registry *registry, X509 *certificate, bool is_configured)
{
    struct issuer added = {.is_configured = is_configured};
    struct issuer *known;

    if (!crl_issuer_id(certificate, added.id))
        return false;
    known = find_issuer(registry, added.id);
    if (known != NULL) {
        if (is_configured && !known->is_configured)
            registry->learned_count--;
        known->is_configured = known->is_configured || is_configured;
        return false;
    }
    if (!is_configured && registry->learned_count == CRL_ISSUERS_MAX)
        forget_first_learned(registry);
    X509_up_ref(certificate);
    added.certificate = certificate;
    registry->issuers =
        memory_resize(registry->issuers, (registry->issuer_count + 1) * sizeof *registry->issuers);
    registry->issuers[registry->issuer_count++] = added;
    registry->learned_count += is_configured ? 0 : 1;
    registry->has_changed = true;
    bind_waiting(registry, &added);
    return true;
}

/* Who was configured before goes on as one that was learned: its lists are verified. */
static void demote_issuers(struct crl_registry *registry)
{
    for (size_t i = 0; i < registry->issuer_count; i++)
        registry->issuers[i].is_configured = false;
    registry->learned_count = registry->issuer_count;
}

void crl_registry_set_issuers(struct crl_registry *registry, X509 *const *issuers, size_t count)
{
    demote_issuers(registry);
    for (size_t i = 0; i < count; i++)
        (void)add_issuer(registry, issuers[i], true);
    while (registry->learned_count > CRL_ISSUERS_MAX)
        forget_first_learned(registry);
}

bool crl_registry_learn_issuer(struct crl_registry *registry, X509 *issuer)
{
    return add_issuer(registry, issuer, false);
}

/* ---- origins
 * --------------------------------------------------------------------------------------------- */

static struct origin *find_origin(const struct crl_registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->origin_count; i++) {
        if (strcmp(registry->origins[i]->name, name) == 0)
            return registry->origins[i];
    }
    return NULL;
}

static struct origin *find_or_add_origin(struct crl_registry *registry, const char *name)
{
    struct origin *origin = find_origin(registry, name);

    if (origin != NULL)
        return origin;
    origin = memory_allocate(sizeof *origin);
    origin->name = memory_copy_text(name);
    registry->origins =
        memory_resize(registry->origins, (registry->origin_count + 1) * sizeof(struct origin *));
    registry->origins[registry->origin_count++] = origin;
    return origin;
}

bool crl_registry_has(const struct crl_registry *registry, const char *origin)
{
    const struct origin *found = find_origin(registry, origin);

    return found != NULL && found->count > 0;
}

void crl_registry_note_problem(struct crl_registry *registry, const char *origin,
                               const char *problem)
{
    struct origin *found = find_or_add_origin(registry, origin);

    memory_release(found->problem);
    found->problem = memory_copy_text(problem);
}

static void remove_origin(struct crl_registry *registry, size_t index)
{
    registry->has_changed = registry->has_changed || registry->origins[index]->count > 0;
    destroy_origin(registry->origins[index]);
    registry->origins[index] = registry->origins[--registry->origin_count];
}

void crl_registry_forget(struct crl_registry *registry, const char *origin)
{
    size_t i = 0;

    while (i < registry->origin_count && strcmp(registry->origins[i]->name, origin) != 0)
        i++;
    if (i < registry->origin_count)
        remove_origin(registry, i);
}

void crl_registry_retain(struct crl_registry *registry, const char *const *origins, size_t count)
{
    size_t i = 0;

    while (i < registry->origin_count) {
        size_t at = 0;

        while (at < count && strcmp(origins[at], registry->origins[i]->name) != 0)
            at++;
        if (at == count)
            remove_origin(registry, i);
        else
            i++;
    }
}

/* ---- offers
 * --------------------------------------------------------------------------------------------- */

static bool refuse(struct error *error, const char *why)
{
    error_set(error, ERROR_CERTIFICATE, "%s", why);
    return false;
}

static bool bind_list(struct crl_registry *registry, struct held_list *held, struct error *error)
{
    enum crl_binding best = CRL_OF_ANOTHER;

    for (size_t i = 0; i < registry->issuer_count; i++) {
        enum crl_binding binding = crl_is_signed_by(held->list, registry->issuers[i].certificate);

        if (binding == CRL_AUTHENTIC) {
            held->is_bound = true;
            memcpy(held->issuer, registry->issuers[i].id, sizeof held->issuer);
            return true;
        }
        best = binding > best ? binding : best;
    }
    if (best == CRL_FORGED)
        return refuse(error, "its signature does not verify with the key of its issuer");
    if (best == CRL_UNAUTHORIZED)
        return refuse(error, "its issuer may not sign lists: the key usage has no cRLSign");
    return true;
}

static bool has_same_place(const struct crl *a, const struct crl *b)
{
    const struct crl_facts *first = crl_get_facts(a);
    const struct crl_facts *second = crl_get_facts(b);

    return first->is_delta == second->is_delta && slice_equals(first->issuer, second->issuer) &&
           slice_equals(first->distribution_point, second->distribution_point);
}

static bool is_same(const struct crl *a, const struct crl *b)
{
    return memcmp(crl_get_facts(a)->digest, crl_get_facts(b)->digest, CRL_DIGEST_BYTES) == 0;
}

/* Only what was verified can hold up something else. */
static bool check_age(const struct origin *origin, const struct crl *list, struct error *error)
{
    for (size_t i = 0; i < origin->count; i++) {
        const struct held_list *held = &origin->lists[i];

        if (held->is_bound && has_same_place(held->list, list) && !is_same(held->list, list) &&
            crl_compare_age(list, held->list) < 0)
            return refuse(error, "it is older than the list in use");
    }
    return true;
}

static bool check_list(struct crl_registry *registry, const struct origin *origin,
                       struct held_list *held, int64_t now, struct error *error)
{
    char date[CLOCK_RFC3339_SIZE];

    if (crl_get_facts(held->list)->this_update > now + CRL_SKEW_SECONDS) {
        clock_format_rfc3339(crl_get_facts(held->list)->this_update * 1000, date);
        error_set(error, ERROR_CERTIFICATE, "it begins in the future, %s", date);
        return false;
    }
    return bind_list(registry, held, error) && check_age(origin, held->list, error);
}

static bool is_unchanged(const struct origin *origin, const struct crl_set *set)
{
    if (origin->count != set->count)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        if (!is_same(origin->lists[i].list, set->lists[i]))
            return false;
    }
    return true;
}

static void take_lists(struct crl_registry *registry, struct origin *origin,
                       const struct held_list *lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)crl_acquire(lists[i].list);
    release_lists(origin->lists, origin->count);
    memcpy(origin->lists, lists, count * sizeof *lists);
    origin->count = count;
    registry->has_changed = true;
}

enum crl_offer crl_registry_offer(struct crl_registry *registry, const char *origin_name,
                                  const struct crl_set *set, int64_t now, struct error *error)
{
    struct origin *origin = find_or_add_origin(registry, origin_name);
    struct held_list lists[CRL_SET_MAX];

    memset(lists, 0, sizeof lists);
    if (is_unchanged(origin, set)) {
        crl_registry_note_problem(registry, origin_name, NULL);
        return CRL_OFFER_UNCHANGED;
    }
    for (size_t i = 0; i < set->count; i++) {
        lists[i].list = set->lists[i];
        if (!check_list(registry, origin, &lists[i], now, error))
            return CRL_OFFER_REFUSED;
    }
    take_lists(registry, origin, lists, set->count);
    crl_registry_note_problem(registry, origin_name, NULL);
    return CRL_OFFER_TAKEN;
}

/* ---- publishing
 * --------------------------------------------------------------------------------------------- */

static size_t find_address(const struct crl_registry *registry, const char *url)
{
    size_t i = 0;

    while (i < registry->address_count && strcmp(registry->addresses[i].url, url) != 0)
        i++;
    return i;
}

static void add_address(struct crl_registry *registry, const char *url)
{
    registry->addresses = memory_resize(registry->addresses, (registry->address_count + 1) *
                                                                 sizeof *registry->addresses);
    registry->addresses[registry->address_count++] = (struct address){memory_copy_text(url)};
}

bool crl_registry_set_address(struct crl_registry *registry, const char *url, bool is_awaited,
                              bool is_for_all)
{
    size_t at = find_address(registry, url);
    bool is_known = at < registry->address_count;
    struct address *address;

    if (is_known && registry->addresses[at].is_awaited == is_awaited &&
        registry->addresses[at].is_for_all == is_for_all)
        return true;
    if (!is_known)
        add_address(registry, url);
    address = &registry->addresses[at];
    address->is_awaited = is_awaited;
    address->is_for_all = is_for_all;
    registry->has_changed = true;
    return is_known;
}

/* The others keep their order. */
static void remove_address(struct crl_registry *registry, size_t at)
{
    memory_release(registry->addresses[at].url);
    registry->address_count--;
    memmove(&registry->addresses[at], &registry->addresses[at + 1],
            (registry->address_count - at) * sizeof *registry->addresses);
    registry->has_changed = true;
}

void crl_registry_forget_address(struct crl_registry *registry, const char *url)
{
    size_t at = find_address(registry, url);

    if (at < registry->address_count)
        remove_address(registry, at);
}

bool crl_registry_take_use(struct crl_registry *registry, const char *url)
{
    return revocation_facts_take_use(registry->facts, url);
}

static bool is_replaced_by(const struct crl *held, const struct crl *list, int64_t now)
{
    if (now < crl_get_facts(held)->next_update)
        return has_same_place(held, list);
    return slice_equals(crl_get_facts(held)->issuer, crl_get_facts(list)->issuer);
}

bool crl_registry_may_replace(const struct crl_registry *registry, const char *origin,
                              const struct crl_set *set, int64_t now)
{
    const struct origin *found = find_origin(registry, origin);

    for (size_t i = 0; found != NULL && i < found->count; i++) {
        size_t at = 0;

        while (at < set->count && !is_replaced_by(found->lists[i].list, set->lists[at], now))
            at++;
        if (at == set->count)
            return false;
    }
    return true;
}

static enum due due_of(const struct crl_facts *facts, int64_t now)
{
    if (now >= facts->next_update)
        return DUE_ENDED;
    return facts->next_update - now <= (facts->next_update - facts->this_update) / 4 ? DUE_SOON
                                                                                     : DUE_LATER;
}

void crl_registry_each_due(struct crl_registry *registry, int64_t now,
                           void (*report)(void *context, const struct crl_report *list),
                           void *context)
{
    for (size_t i = 0; i < registry->origin_count; i++) {
        struct origin *origin = registry->origins[i];

        for (size_t j = 0; j < origin->count; j++) {
            struct held_list *held = &origin->lists[j];
            const struct crl_report list = {.origin = origin->name,
                                            .facts = crl_get_facts(held->list),
                                            .is_bound = held->is_bound,
                                            .problem = origin->problem};
            enum due due = due_of(list.facts, now);

            if (due > held->reported)
                report(context, &list);
            held->reported = due;
        }
    }
}

static void collect_lists(const struct crl_registry *registry, struct revocation_known_list *lists,
                          size_t *count)
{
    for (size_t i = 0; i < registry->origin_count; i++) {
        for (size_t j = 0; j < registry->origins[i]->count; j++) {
            const struct held_list *held = &registry->origins[i]->lists[j];

            if (!held->is_bound)
                continue;
            memcpy(lists[*count].issuer, held->issuer, CRL_ISSUER_ID_BYTES);
            lists[(*count)++].list = held->list;
        }
    }
}

size_t crl_registry_count(const struct crl_registry *registry)
{
    size_t count = 0;

    for (size_t i = 0; i < registry->origin_count; i++)
        count += registry->origins[i]->count;
    return count;
}

void crl_registry_publish(struct crl_registry *registry)
{
    struct revocation_known_list *lists =
        memory_allocate_array(crl_registry_count(registry) + 1, sizeof *lists);
    struct revocation_known_issuer *issuers =
        memory_allocate_array(registry->issuer_count + 1, sizeof *issuers);
    struct revocation_known_address *addresses =
        memory_allocate_array(registry->address_count + 1, sizeof *addresses);
    struct revocation_knowledge_base base = {
        .lists = lists,
        .issuers = issuers,
        .issuer_count = registry->issuer_count,
        .addresses = addresses,
        .address_count = registry->address_count,
    };

    for (size_t i = 0; i < registry->issuer_count; i++)
        memcpy(issuers[i].issuer, registry->issuers[i].id, CRL_ISSUER_ID_BYTES);
    for (size_t i = 0; i < registry->address_count; i++)
        addresses[i] = (struct revocation_known_address){registry->addresses[i].url,
                                                         registry->addresses[i].is_awaited,
                                                         registry->addresses[i].is_for_all};
    collect_lists(registry, lists, &base.list_count);
    if (registry->has_changed)
        revocation_facts_publish(registry->facts, &base);
    registry->has_changed = false;
    memory_release(lists);
    memory_release(issuers);
    memory_release(addresses);
}

void crl_registry_each(const struct crl_registry *registry,
                       void (*report)(void *context, const struct crl_report *list), void *context)
{
    for (size_t i = 0; i < registry->origin_count; i++) {
        const struct origin *origin = registry->origins[i];
        struct crl_report list = {.origin = origin->name, .problem = origin->problem};

        if (origin->count == 0)
            report(context, &list);
        for (size_t j = 0; j < origin->count; j++) {
            list.facts = crl_get_facts(origin->lists[j].list);
            list.is_bound = origin->lists[j].is_bound;
            report(context, &list);
        }
    }
}
