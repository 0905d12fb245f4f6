/* SPDX-License-Identifier: Apache-2.0
 *
 * Each source answers for each certificate by itself; here the answers become one. Nothing in here
 * knows how a source comes to its answer.
 */
#include "gateway/revocation/revocation.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "gateway/revocation/revocation_internal.h"
#include "runtime/memory.h"

static const struct {
    const char *name;
    struct revocation_answer (*ask)(const struct revocation_question *question); /* NULL: not yet */
} SOURCES[REVOCATION_SOURCE_COUNT] = {
    [REVOCATION_SOURCE_CRL] = {"crl", revocation_ask_crl},
    [REVOCATION_SOURCE_OCSP] = {"ocsp", revocation_ask_ocsp},
};

const char *revocation_source_name(enum revocation_source source)
{
    return source < REVOCATION_SOURCE_COUNT ? SOURCES[source].name : "unknown";
}

/* ---- rules
 * --------------------------------------------------------------------------------------------- */

static struct ocsp_rules ocsp_rules_from(const struct ocsp_settings *settings)
{
    struct ocsp_rules rules = {.method = settings->method,
                               .nonce = settings->nonce,
                               .hash = settings->hash,
                               .timeout_ms = settings->timeout_ms};

    if (settings->responder != NULL)
        (void)snprintf(rules.responder, sizeof rules.responder, "%s", settings->responder);
    return rules;
}

struct revocation_rules revocation_rules_from(const struct revocation_settings *settings)
{
    return (struct revocation_rules){
        .sources = settings->sources,
        .require = settings->require,
        .applies_to = settings->applies_to,
        .when_unavailable = settings->when_unavailable,
        .when_crl_expired = settings->when_crl_expired,
        .crl_from_certificate = settings->crl.from_certificate,
        .ocsp = ocsp_rules_from(&settings->ocsp),
    };
}

const char *revocation_rule_name(size_t index)
{
    static const char *const NAMES[REVOCATION_RULE_COUNT] = {
        "revocation_sources",
        "revocation_require",
        "revocation_applies_to",
        "revocation_when_unavailable",
        "revocation_when_unavailable_last_good",
        "revocation_when_crl_expired",
        "revocation_when_crl_expired_last_good",
        "revocation_crl_from_certificate",
        "revocation_ocsp_responder",
        "revocation_ocsp_method",
        "revocation_ocsp_nonce",
        "revocation_ocsp_hash",
    };

    assert(index < REVOCATION_RULE_COUNT);
    return NAMES[index];
}

/* An address as a number: the beginning of its digest. */
static uint64_t responder_number(const struct revocation_rules *rules)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    uint64_t number = 0;

    SHA256((const unsigned char *)rules->ocsp.responder, strlen(rules->ocsp.responder), digest);
    memcpy(&number, digest, sizeof number);
    return number;
}

uint64_t revocation_rule_value(const struct revocation_rules *rules, size_t index)
{
    const uint64_t values[REVOCATION_RULE_COUNT] = {
        rules->sources,
        rules->require,
        rules->applies_to,
        rules->when_unavailable.lenience,
        rules->when_unavailable.last_good_ms,
        rules->when_crl_expired.lenience,
        rules->when_crl_expired.last_good_ms,
        rules->crl_from_certificate,
        responder_number(rules),
        rules->ocsp.method,
        rules->ocsp.nonce,
        rules->ocsp.hash,
    };

    assert(index < REVOCATION_RULE_COUNT);
    return values[index];
}

/* ---- paths
 * --------------------------------------------------------------------------------------------- */

struct revocation_path {
    size_t count;
    struct revocation_subject subjects[];
};

static bool read_subject(struct revocation_subject *subject, X509 *certificate, X509 *issuer)
{
    subject->certificate = certificate;
    subject->issuer = issuer;
    return crl_issuer_id(issuer, subject->issuer_id) &&
           crl_subject_read(certificate, &subject->crl);
}

struct revocation_path *revocation_path_create(const struct revocation_rules *rules,
                                               STACK_OF(X509) * path)
{
    /* The anchor is trusted because somebody said so, and has no issuer here. */
    size_t issued = sk_X509_num(path) > 1 ? (size_t)sk_X509_num(path) - 1 : 0;
    size_t count = rules->applies_to == REVOCATION_OF_LEAF && issued > 1 ? 1 : issued;
    struct revocation_path *made =
        memory_try_allocate(sizeof *made + count * sizeof made->subjects[0]);

    if (made == NULL)
        return NULL;
    made->count = count;
    for (size_t i = 0; i < count; i++) {
        if (!read_subject(&made->subjects[i], sk_X509_value(path, (int)i),
                          sk_X509_value(path, (int)i + 1))) {
            revocation_path_destroy(made);
            return NULL;
        }
    }
    return made;
}

void revocation_path_destroy(struct revocation_path *path)
{
    memory_release(path);
}

/* ---- one certificate
 * --------------------------------------------------------------------------------------------- */

static const struct revocation_exception *exception_of(const struct revocation_rules *rules,
                                                       const struct revocation_answer *answer)
{
    return answer->is_list_expired ? &rules->when_crl_expired : &rules->when_unavailable;
}

static int64_t seconds_later(int64_t from, uint64_t milliseconds)
{
    int64_t later = 0;

    return __builtin_add_overflow(from, (int64_t)(milliseconds / 1000), &later) ? INT64_MAX : later;
}

/* Until when the rules put up with an answer that nobody could give; 0: they do not. */
static int64_t tolerated_until(const struct revocation_rules *rules,
                               const struct revocation_answer *answer, int64_t now)
{
    const struct revocation_exception *exception = exception_of(rules, answer);
    int64_t end = 0;

    if (answer->is_statement)
        return 0;
    switch (exception->lenience) {
    case REVOCATION_ACCEPT:
        return INT64_MAX;
    case REVOCATION_ACCEPT_LAST_GOOD:
        end = seconds_later(answer->last_good, exception->last_good_ms);
        return answer->last_good != 0 && now < end ? end : 0;
    case REVOCATION_REFUSE:
    default:
        return 0;
    }
}

static struct revocation_result result_of(const struct revocation_answer *answer,
                                          enum revocation_source source)
{
    struct revocation_result result = {
        .status = answer->status,
        .reason = answer->reason,
        .source = source,
        .valid_until = answer->valid_until,
    };

    memcpy(result.detail, answer->detail, sizeof result.detail);
    return result;
}

struct tally {
    struct revocation_answer answers[REVOCATION_SOURCE_COUNT];
    bool is_asked[REVOCATION_SOURCE_COUNT];
};

/* The first source with that status, or REVOCATION_SOURCE_COUNT. */
static enum revocation_source first_with(const struct tally *tally, enum revocation_status status)
{
    enum revocation_source source = 0;

    while (source < REVOCATION_SOURCE_COUNT &&
           !(tally->is_asked[source] && tally->answers[source].status == status))
        source++;
    return source;
}

static struct revocation_result take(const struct tally *tally, enum revocation_source source)
{
    return result_of(&tally->answers[source], source);
}

static struct revocation_result tolerate(const struct revocation_rules *rules,
                                         const struct tally *tally, enum revocation_source source,
                                         int64_t now)
{
    struct revocation_result result = take(tally, source);
    int64_t until = tolerated_until(rules, &tally->answers[source], now);

    if (until == 0)
        return result;
    result.status = REVOCATION_GOOD;
    result.reason = REASON_NONE;
    result.is_lenient = true;
    result.valid_until = until;
    return result;
}

static struct revocation_result worse_of(const struct revocation_result *a,
                                         const struct revocation_result *b)
{
    if (a->status != b->status)
        return a->status < b->status ? *a : *b;
    return a->valid_until <= b->valid_until ? *a : *b;
}

static struct revocation_result combine_all(const struct revocation_rules *rules,
                                            const struct tally *tally, int64_t now)
{
    struct revocation_result combined = {.status = REVOCATION_UNDECIDED};
    bool is_first = true;
    bool is_lenient = false;

    for (enum revocation_source i = 0; i < REVOCATION_SOURCE_COUNT; i++) {
        struct revocation_result one;

        if (!tally->is_asked[i])
            continue;
        one = tally->answers[i].status == REVOCATION_UNAVAILABLE ? tolerate(rules, tally, i, now)
                                                                 : take(tally, i);
        is_lenient = is_lenient || one.is_lenient;
        combined = is_first ? one : worse_of(&combined, &one);
        is_first = false;
    }
    combined.is_lenient = is_lenient;
    return combined;
}

static struct revocation_result combine_first(const struct revocation_rules *rules,
                                              const struct tally *tally, int64_t now)
{
    enum revocation_source source = first_with(tally, REVOCATION_GOOD);
    struct revocation_result refused = {.status = REVOCATION_UNDECIDED};

    if (source == REVOCATION_SOURCE_COUNT)
        source = first_with(tally, REVOCATION_PENDING);
    if (source < REVOCATION_SOURCE_COUNT)
        return take(tally, source);
    for (enum revocation_source i = 0; i < REVOCATION_SOURCE_COUNT; i++) {
        struct revocation_result one;

        if (!tally->is_asked[i])
            continue;
        one = tolerate(rules, tally, i, now);
        if (one.status == REVOCATION_GOOD)
            return one;
        if (refused.status == REVOCATION_UNDECIDED)
            refused = one;
    }
    return refused;
}

static void ask_source(struct tally *tally, enum revocation_source source,
                       const struct revocation_question *question)
{
    struct revocation_answer *answer = &tally->answers[source];

    tally->is_asked[source] = true;
    *answer = (struct revocation_answer){REVOCATION_UNAVAILABLE, .reason = REASON_INTERNAL};
    if (SOURCES[source].ask != NULL)
        *answer = SOURCES[source].ask(question);
    if (answer->status == REVOCATION_PENDING && question->patience == REVOCATION_NO_TIME) {
        answer->status = REVOCATION_UNAVAILABLE;
        answer->reason = REASON_REVOCATION_TIMEOUT;
    }
    if (answer->status == REVOCATION_UNDECIDED) {
        answer->status = REVOCATION_UNAVAILABLE;
        answer->reason = REASON_INTERNAL;
    }
}

static void add_dispute(struct revocation_result *result)
{
    size_t size = strlen(result->detail);

    (void)snprintf(result->detail + size, sizeof result->detail - size,
                   "; another source says that it is good");
}

static struct revocation_result check_subject(const struct revocation_question *question)
{
    const struct revocation_rules *rules = question->rules;
    struct tally tally = {.is_asked = {false}};
    struct revocation_result result;
    enum revocation_source revoked;

    for (enum revocation_source i = 0; i < REVOCATION_SOURCE_COUNT; i++) {
        if ((rules->sources & (1U << i)) != 0)
            ask_source(&tally, i, question);
    }
    revoked = first_with(&tally, REVOCATION_REVOKED);
    if (revoked < REVOCATION_SOURCE_COUNT) {
        result = take(&tally, revoked);
        result.is_disputed = first_with(&tally, REVOCATION_GOOD) < REVOCATION_SOURCE_COUNT;
        if (result.is_disputed)
            add_dispute(&result);
        return result;
    }
    return rules->require == REVOCATION_REQUIRE_FIRST_ANSWER
               ? combine_first(rules, &tally, question->now)
               : combine_all(rules, &tally, question->now);
}

/* ---- the whole path
 * --------------------------------------------------------------------------------------------- */

/* The reasons of sources speak of "the certificate", which may be an issuer's. */
static void name_issuer(struct revocation_result *result, size_t index)
{
    if (index > 0 && result->reason == REASON_CERTIFICATE_REVOKED)
        result->reason = REASON_ISSUER_REVOKED;
}

static struct revocation_result check_subjects(const struct revocation_rules *rules,
                                               const struct revocation_path *path,
                                               struct revocation_facts *facts,
                                               const struct revocation_snapshot *snapshot,
                                               enum revocation_patience patience, int64_t now)
{
    struct revocation_result whole = {
        .status = REVOCATION_GOOD, .reason = REASON_NONE, .valid_until = INT64_MAX};

    for (size_t i = 0; i < path->count; i++) {
        struct revocation_question question = {.rules = rules,
                                               .subject = &path->subjects[i],
                                               .facts = facts,
                                               .snapshot = snapshot,
                                               .patience = patience,
                                               .now = now};
        struct revocation_result one = check_subject(&question);
        bool is_lenient = whole.is_lenient || one.is_lenient;

        name_issuer(&one, i);
        whole = i == 0 ? one : worse_of(&whole, &one);
        whole.is_lenient = is_lenient;
    }
    return whole;
}

struct revocation_result revocation_check(const struct revocation_rules *rules,
                                          const struct revocation_path *path,
                                          struct revocation_facts *facts,
                                          enum revocation_patience patience, int64_t now)
{
    struct revocation_result result = {.status = REVOCATION_UNAVAILABLE, .reason = REASON_INTERNAL};
    struct revocation_snapshot *snapshot;
    uint64_t version;

    if (rules->sources == 0)
        return (struct revocation_result){
            .status = REVOCATION_GOOD, .reason = REASON_NONE, .valid_until = INT64_MAX};
    if (path == NULL || facts == NULL)
        return result;
    /* Read first: what changes from here on makes the result one of an older version. */
    version = revocation_facts_version(facts);
    snapshot = revocation_facts_acquire(facts);
    result = check_subjects(rules, path, facts, snapshot, patience, now);
    result.version = version;
    revocation_facts_note_doubts(facts, result.is_lenient && result.status == REVOCATION_GOOD,
                                 result.is_disputed);
    revocation_snapshot_release(snapshot);
    return result;
}
