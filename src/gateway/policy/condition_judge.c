/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a condition met? Everything in a condition must be (AND), of a list one thing suffices (OR).
 * What cannot be decided is never passed over: it comes out as it is.
 */
#include <openssl/err.h>

#include "gateway/policy/policy_internal.h"
#include "gateway/routing/routing.h"
#include "runtime/buffer.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

static enum policy_match match_if(bool is_met)
{
    return is_met ? POLICY_MATCH : POLICY_NO;
}

/* ---- the client ------------------------------------------------------------------------------ */

static bool decode_digest(struct slice text, unsigned char *digest, size_t size)
{
    struct buffer decoded;

    buffer_init(&decoded, (char *)digest, size);
    return text.size == 2 * size && decode_hex(&decoded, text);
}

void client_view_init(struct client_view *view, const struct policy_request *request)
{
    *view = (struct client_view){.proof = CLIENT_ANONYMOUS, .request = request};
    if (request->presented == NULL || request->demand->mode == CLIENT_CERTIFICATE_NONE)
        return;
    view->proof = request->authentication->identity == NULL ? CLIENT_UNVERIFIED : CLIENT_VERIFIED;
    view->description = presented_certificate_describe(request->presented);
    view->has_digests =
        view->description != NULL &&
        decode_digest(view->description->sha256, view->sha256, sizeof(view->sha256)) &&
        decode_digest(view->description->sha1, view->sha1, sizeof(view->sha1)) &&
        decode_digest(view->description->key_sha256, view->key, sizeof(view->key));
}

void client_view_reset(struct client_view *view)
{
    memory_release(view->scratch);
    view->scratch = NULL;
}

/* NULL: the certificate cannot be read. */
static const struct certificate_facts *find_facts(struct client_view *view)
{
    const X509 *leaf = presented_certificate_leaf(view->request->presented);
    struct arena arena;
    size_t size;

    if (!view->has_tried_facts) {
        size = certificate_facts_scratch_bytes(leaf);
        view->has_tried_facts = true;
        view->scratch = memory_try_allocate(size);
        arena_init(&arena, view->scratch, view->scratch == NULL ? 0 : size);
        view->has_facts =
            view->scratch != NULL && certificate_facts_read(leaf, &arena, &view->facts);
    }
    return view->has_facts ? &view->facts : NULL;
}

/* NULL: nothing was verified. */
static STACK_OF(X509) * find_path(const struct client_view *view)
{
    const struct verdict *verdict = view->request->authentication->verdict;

    return view->proof == CLIENT_VERIFIED && verdict != NULL ? verdict_path(verdict) : NULL;
}

/* The certificate that signed the leaf, on the verified path; the leaf itself when it is the
 * anchor. NULL: nothing was verified. */
static const X509 *find_issuer(const struct client_view *view)
{
    STACK_OF(X509) *path = find_path(view);

    if (path == NULL || sk_X509_num(path) == 0)
        return NULL;
    return sk_X509_value(path, sk_X509_num(path) > 1 ? 1 : 0);
}

static const char *find_anchor_name(const struct client_view *view)
{
    STACK_OF(X509) *path = find_path(view);
    const struct trust_store *anchors =
        view->request->demand->context == NULL
            ? NULL
            : judging_context_anchors(view->request->demand->context);

    if (anchors == NULL || path == NULL || sk_X509_num(path) == 0)
        return NULL;
    for (size_t i = 0; i < trust_store_count(anchors); i++)
        if (X509_cmp(trust_store_anchor(anchors, i), sk_X509_value(path, sk_X509_num(path) - 1)) ==
            0)
            return trust_store_anchor_name(anchors, i);
    return NULL;
}

/* ---- bound to the key ------------------------------------------------------------------------ */

static enum policy_match judge_fingerprint(const struct condition *condition,
                                           struct client_view *view)
{
    if (!condition->asks_fingerprint)
        return POLICY_MATCH;
    if (!view->has_digests)
        return POLICY_UNDECIDABLE;
    return match_if(
        fingerprint_set_has(condition->fingerprints.sha256, view->sha256, &view->probes) ||
        fingerprint_set_has(condition->fingerprints.sha1, view->sha1, &view->probes));
}

/* However the certificate writes it: that was for its owner to choose. */
static enum policy_match judge_key(const struct condition *condition, struct client_view *view)
{
    unsigned char other[CERTIFICATE_DIGEST_BYTES];

    if (condition->keys == NULL)
        return POLICY_MATCH;
    if (!view->has_digests)
        return POLICY_UNDECIDABLE;
    return match_if(fingerprint_set_has(condition->keys, view->key, &view->probes) ||
                    (certificate_key_other_digest(
                         presented_certificate_leaf(view->request->presented), other) &&
                     fingerprint_set_has(condition->keys, other, &view->probes)));
}

/* ---- serial numbers -------------------------------------------------------------------------- */

static bool holds(const struct slice_list *list, struct slice value)
{
    for (size_t i = 0; i < list->count; i++)
        if (slice_equals(list->items[i], value))
            return true;
    return false;
}

/* By the issuer's key, as no signature and no name can be changed about it. Who signed what nobody
 * has verified is not known. */
static enum policy_match judge_serials(const struct condition *condition, struct client_view *view)
{
    unsigned char key[CERTIFICATE_DIGEST_BYTES];
    unsigned char other[CERTIFICATE_DIGEST_BYTES];
    const X509 *issuer = find_issuer(view);
    bool has_key = issuer != NULL && certificate_key_digest(issuer, key);
    bool has_other = issuer != NULL && certificate_key_other_digest(issuer, other);
    enum policy_match match = POLICY_NO;

    if (condition->serial_count == 0)
        return POLICY_MATCH;
    if (view->description == NULL)
        return POLICY_UNDECIDABLE;
    for (size_t i = 0; i < condition->serial_count; i++) {
        const struct serial_condition *serial = &condition->serials[i];

        if (!holds(&serial->serials, view->description->serial))
            continue;
        if (!has_key)
            match = policy_match_either(match, POLICY_UNDECIDABLE);
        else if (memcmp(key, serial->issuer_key, sizeof(key)) == 0 ||
                 (has_other && memcmp(other, serial->issuer_key, sizeof(other)) == 0))
            match = POLICY_MATCH;
    }
    return match;
}

/* ---- distinguished names --------------------------------------------------------------------- */

static bool value_matches(const struct attribute_condition *condition, struct slice value,
                          bool generously)
{
    for (size_t i = 0; i < condition->values.count; i++)
        if (name_pattern_matches_text(condition->values.items[i], value, generously))
            return true;
    return false;
}

/* Names have several of these by design; of any other attribute two values are two answers to one
 * question. */
static bool may_repeat(struct slice type)
{
    return slice_equals(type, SLICE("\x55\x04\x0b")) ||                           /* OU */
           slice_equals(type, SLICE("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19")); /* DC */
}

static enum policy_match judge_attribute(const struct attribute_condition *condition,
                                         const struct distinguished_name *name, bool generously)
{
    bool is_met = false;
    bool is_other = false;

    for (size_t i = 0; i < name->count; i++) {
        const struct distinguished_name_attribute *attribute = &name->attributes[i];

        if (!slice_equals(attribute->type, condition->type))
            continue;
        if (!attribute->is_decodable)
            return POLICY_UNDECIDABLE;
        if (value_matches(condition, attribute->value, generously))
            is_met = true;
        else
            is_other = true;
    }
    if (is_met && is_other && !may_repeat(condition->type))
        return POLICY_UNDECIDABLE;
    return match_if(is_met);
}

static enum policy_match judge_name(const struct name_condition *condition,
                                    const struct distinguished_name *name, bool generously)
{
    enum policy_match match = POLICY_MATCH;

    if (!name->is_decodable && (condition->is_whole || name->count == 0))
        return POLICY_UNDECIDABLE;
    if (condition->is_whole)
        return match_if(distinguished_name_equals(&condition->whole, name));
    for (size_t i = 0; i < condition->attribute_count; i++)
        match =
            policy_match_both(match, judge_attribute(&condition->attributes[i], name, generously));
    return match;
}

static enum policy_match judge_name_list(const struct name_condition_list *list,
                                         const struct distinguished_name *name, bool generously)
{
    enum policy_match match = list->count == 0 ? POLICY_MATCH : POLICY_NO;

    for (size_t i = 0; i < list->count; i++)
        match = policy_match_either(match, judge_name(&list->items[i], name, generously));
    return match;
}

/* ---- lists of the certificate ---------------------------------------------------------------- */

static bool is_undecodable(const struct certificate_facts *facts, enum certificate_fact_kind kind)
{
    return (facts->undecodable & (1U << (unsigned)kind)) != 0;
}

static enum policy_match judge_patterns(const struct pattern_list *list,
                                        enum certificate_fact_kind kind,
                                        const struct certificate_facts *facts, bool generously)
{
    if (list->count == 0)
        return POLICY_MATCH;
    if (is_undecodable(facts, kind))
        return POLICY_UNDECIDABLE;
    for (size_t i = 0; i < facts->count; i++) {
        if (facts->facts[i].kind != kind)
            continue;
        for (size_t j = 0; j < list->count; j++)
            if (name_pattern_matches(&list->items[j], facts->facts[i].bytes, generously))
                return POLICY_MATCH;
    }
    return POLICY_NO;
}

static enum policy_match judge_objects(const struct slice_list *list,
                                       enum certificate_fact_kind kind,
                                       const struct certificate_facts *facts)
{
    if (list->count == 0)
        return POLICY_MATCH;
    if (is_undecodable(facts, kind))
        return POLICY_UNDECIDABLE;
    for (size_t i = 0; i < facts->count; i++)
        if (facts->facts[i].kind == kind && holds(list, facts->facts[i].bytes))
            return POLICY_MATCH;
    return POLICY_NO;
}

/* One address has one form: IPv4 inside IPv6 is IPv4. */
static struct ip_address address_from(struct slice octets)
{
    static const struct slice mapped = SLICE_STATIC("\0\0\0\0\0\0\0\0\0\0\xff\xff");
    struct ip_address address = {.family = IP_FAMILY_6};

    if (octets.size == IP_ADDRESS_BYTES && slice_starts_with(octets, mapped))
        octets = slice_after(octets, mapped.size);
    if (octets.size != IP_ADDRESS_BYTES)
        address.family = IP_FAMILY_4;
    memcpy(address.bytes, octets.data, octets.size);
    return address;
}

static enum policy_match judge_addresses(const struct address_set *set,
                                         const struct certificate_facts *facts)
{
    if (set == NULL)
        return POLICY_MATCH;
    if (is_undecodable(facts, CERTIFICATE_FACT_IP))
        return POLICY_UNDECIDABLE;
    for (size_t i = 0; i < facts->count; i++) {
        struct ip_address address;

        if (facts->facts[i].kind != CERTIFICATE_FACT_IP)
            continue;
        address = address_from(facts->facts[i].bytes);
        if (address_set_has(set, &address))
            return POLICY_MATCH;
    }
    return POLICY_NO;
}

static enum policy_match judge_key_kind(const struct condition *condition,
                                        const struct certificate_facts *facts)
{
    if (condition->key_types == 0 && condition->key_bits_min == 0 && condition->key_bits_max == 0)
        return POLICY_MATCH;
    if (facts->key_type == CERTIFICATE_KEY_OTHER || facts->key_bits == 0)
        return POLICY_UNDECIDABLE;
    return match_if((condition->key_types == 0 ||
                     (condition->key_types & (1U << (unsigned)facts->key_type)) != 0) &&
                    facts->key_bits >= condition->key_bits_min &&
                    (condition->key_bits_max == 0 || facts->key_bits <= condition->key_bits_max));
}

static enum policy_match judge_anchor(const struct condition *condition,
                                      const struct client_view *view)
{
    const char *name;

    if (condition->anchors.count == 0)
        return POLICY_MATCH;
    if (view->proof != CLIENT_VERIFIED)
        return POLICY_UNDECIDABLE;
    name = find_anchor_name(view);
    return match_if(name != NULL && holds(&condition->anchors, slice_from_text(name)));
}

static bool asks_facts(const struct condition *condition)
{
    bool asks = condition->subjects.count > 0 || condition->issuers.count > 0 ||
                condition->addresses != NULL || condition->key_types != 0 ||
                condition->key_bits_min != 0 || condition->key_bits_max != 0;

    for (size_t i = 0; i <= CERTIFICATE_FACT_SID; i++)
        asks = asks || condition->names[i].count > 0;
    for (size_t i = 0; i < CERTIFICATE_FACT_KINDS; i++)
        asks = asks || condition->objects[i].count > 0;
    return asks;
}

static enum policy_match judge_facts(const struct condition *condition, struct client_view *view,
                                     bool generously)
{
    const struct certificate_facts *facts;
    enum policy_match match;

    if (!asks_facts(condition))
        return POLICY_MATCH;
    facts = find_facts(view);
    if (facts == NULL)
        return POLICY_UNDECIDABLE;
    match = policy_match_both(judge_key_kind(condition, facts),
                              judge_addresses(condition->addresses, facts));
    match = policy_match_both(match,
                              judge_name_list(&condition->subjects, &facts->subject, generously));
    match =
        policy_match_both(match, judge_name_list(&condition->issuers, &facts->issuer, generously));
    for (unsigned i = 0; i <= CERTIFICATE_FACT_SID; i++)
        match = policy_match_both(
            match,
            judge_patterns(&condition->names[i], (enum certificate_fact_kind)i, facts, generously));
    for (unsigned i = CERTIFICATE_FACT_EKU; i < CERTIFICATE_FACT_KINDS; i++)
        match = policy_match_both(
            match, judge_objects(&condition->objects[i], (enum certificate_fact_kind)i, facts));
    return match;
}

enum policy_match condition_judge_certificate(const struct condition *condition,
                                              struct client_view *view, bool generously)
{
    enum policy_match match;

    if (!condition->asks_certificate)
        return POLICY_MATCH;
    if (view->proof == CLIENT_ANONYMOUS)
        return POLICY_NO;
    /* What nobody has verified allows nothing, and is believed when it speaks against its owner. */
    if (view->proof == CLIENT_UNVERIFIED && condition->asks_unbound && !generously)
        return POLICY_NO;
    ERR_set_mark();
    match = policy_match_both(judge_fingerprint(condition, view), judge_key(condition, view));
    if (match != POLICY_NO && condition->asks_unbound) {
        match = policy_match_both(match, judge_serials(condition, view));
        match = policy_match_both(match, judge_anchor(condition, view));
        match = policy_match_both(match, judge_facts(condition, view, generously));
    }
    ERR_pop_to_mark();
    return match;
}

/* ---- the request ----------------------------------------------------------------------------- */

static enum policy_match judge_source(const struct condition *condition,
                                      const struct ip_address *source)
{
    if (condition->sources == NULL)
        return POLICY_MATCH;
    if (source->family == IP_FAMILY_NONE)
        return POLICY_UNDECIDABLE;
    return match_if(address_set_has(condition->sources, source));
}

/* Backends serve HEAD with what serves GET, so that what is denied for GET is denied for HEAD. */
static enum policy_match judge_method(const struct condition *condition, struct slice method,
                                      bool generously)
{
    return match_if(condition->methods.count == 0 || holds(&condition->methods, method) ||
                    (generously && slice_equals(method, SLICE("HEAD")) &&
                     holds(&condition->methods, SLICE("GET"))));
}

static enum policy_match judge_path(const struct condition *condition, struct slice path,
                                    bool generously)
{
    for (size_t i = 0; i < condition->paths.count; i++)
        if (route_pattern_matches(condition->paths.items[i], path, generously))
            return POLICY_MATCH;
    return match_if(condition->paths.count == 0);
}

/* "*.example.com" stands for every name that ends so, as in a listener's `hosts`. */
static enum policy_match judge_host(const struct condition *condition, struct slice host)
{
    for (size_t i = 0; i < condition->hosts.count; i++) {
        struct slice wanted = condition->hosts.items[i];
        struct slice suffix = slice_after(wanted, 1);

        if (slice_starts_with(wanted, SLICE("*."))
                ? host.size > suffix.size && slice_ends_with(host, suffix)
                : slice_equals(host, wanted))
            return POLICY_MATCH;
    }
    return match_if(condition->hosts.count == 0);
}

static enum policy_match judge_time(const struct condition *condition, int64_t now)
{
    for (size_t i = 0; i < condition->times.count; i++)
        if (time_window_has(&condition->times.items[i], now))
            return POLICY_MATCH;
    return match_if(condition->times.count == 0);
}

static enum policy_match judge_expiry(const struct condition *condition,
                                      const struct client_view *view)
{
    int64_t left;

    if (condition->expires_after == 0 && condition->expires_within == 0)
        return POLICY_MATCH;
    if (view->description == NULL)
        return POLICY_UNDECIDABLE;
    left = view->description->not_after - view->request->now;
    return match_if((condition->expires_after == 0 || left > condition->expires_after) &&
                    (condition->expires_within == 0 || left < condition->expires_within));
}

enum policy_match condition_judge_request(const struct condition *condition,
                                          const struct client_view *view, bool generously)
{
    const struct policy_request *request = view->request;
    enum policy_match match = judge_source(condition, &request->source);

    match = policy_match_both(match, judge_method(condition, request->http->method, generously));
    match = policy_match_both(match, judge_path(condition, request->http->path, generously));
    match = policy_match_both(match, judge_host(condition, request->http->host));
    match = policy_match_both(match, judge_time(condition, request->now));
    return policy_match_both(match, judge_expiry(condition, view));
}
