/* SPDX-License-Identifier: Apache-2.0
 *
 * What the lists say of a certificate (RFC 5280 section 6.3.3): all that cover it are asked, each
 * complete list together with the delta list that changes it. Good is a certificate that current
 * lists for all reasons together do not name.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/revocation/revocation_internal.h"
#include "runtime/clock.h"

struct lists {
    struct crl *const *all;
    size_t count;
};

/* What the lists have said so far. */
struct reading {
    bool is_revoked;
    struct crl_entry entry;
    bool is_covered;     /* there are lists about it, perhaps not current ones */
    unsigned reasons;    /* for which it is known to be good now */
    int64_t valid_until; /* of that */
    int64_t ended;       /* when the last of the expired lists did */
    bool is_early;       /* a list has not begun yet: our clock is wrong, or the issuer's */
};

static struct slice serial_of(const struct revocation_subject *subject)
{
    return slice_from(subject->crl.serial, subject->crl.serial_size);
}

/* The newest delta list that changes this complete one. */
static const struct crl *find_delta(const struct lists *lists, const struct crl *complete)
{
    const struct crl *newest = NULL;

    for (size_t i = 0; i < lists->count; i++) {
        if (crl_applies_to(lists->all[i], complete) &&
            (newest == NULL || crl_compare_age(lists->all[i], newest) > 0))
            newest = lists->all[i];
    }
    return newest;
}

/* A delta list that has ended still says who is revoked, but takes nobody off any more: a later one
 * may have put them back. */
static struct crl_entry find_entry(const struct crl *complete, const struct crl *delta,
                                   struct slice serial, int64_t now)
{
    struct crl_entry entry = {.listing = CRL_NOT_LISTED};

    if (delta != NULL)
        entry = crl_find(delta, serial);
    if (entry.listing == CRL_REMOVED && now >= crl_get_facts(delta)->next_update)
        entry.listing = CRL_NOT_LISTED;
    return entry.listing == CRL_NOT_LISTED ? crl_find(complete, serial) : entry;
}

static int64_t end_of(const struct crl *complete, const struct crl *delta,
                      const struct crl_entry *entry)
{
    int64_t end = crl_get_facts(complete)->next_update;

    if (delta != NULL && (entry->listing == CRL_REMOVED || crl_get_facts(delta)->next_update > end))
        end = crl_get_facts(delta)->next_update;
    return end;
}

static void read_list(struct reading *reading, const struct lists *lists,
                      const struct crl *complete, const struct revocation_question *question)
{
    const struct crl_facts *facts = crl_get_facts(complete);
    const struct crl *delta = find_delta(lists, complete);
    struct crl_entry entry =
        find_entry(complete, delta, serial_of(question->subject), question->now);
    int64_t end = end_of(complete, delta, &entry);

    reading->is_covered = true;
    if (entry.listing == CRL_REVOKED) {
        reading->is_revoked = true;
        reading->entry = entry;
    } else if (facts->this_update > question->now + CRL_SKEW_SECONDS) {
        reading->is_early = true;
    } else if (question->now >= end) {
        reading->ended = end > reading->ended ? end : reading->ended;
    } else {
        reading->reasons |= facts->scope.reasons;
        reading->valid_until = end < reading->valid_until ? end : reading->valid_until;
    }
}

static struct reading read_lists(const struct lists *lists,
                                 const struct revocation_question *question)
{
    struct reading reading = {.valid_until = INT64_MAX};

    for (size_t i = 0; i < lists->count; i++) {
        const struct crl *list = lists->all[i];

        if (!crl_get_facts(list)->is_delta && crl_covers(list, &question->subject->crl))
            read_list(&reading, lists, list, question);
    }
    return reading;
}

/* Asks for what was never looked for. True: it is worth waiting. */
static bool want_lists(const struct revocation_question *question)
{
    const struct revocation_subject *subject = question->subject;
    enum revocation_knowledge least =
        revocation_snapshot_issuer(question->snapshot, subject->issuer_id);
    bool is_awaited = revocation_snapshot_is_incomplete(question->snapshot);
    const struct revocation_want want = {
        .certificate = subject->certificate,
        .issuer = subject->issuer,
        .sources = 1U << REVOCATION_SOURCE_CRL,
        .crl_from_certificate = question->rules->crl_from_certificate,
    };

    for (size_t i = 0; question->rules->crl_from_certificate && i < subject->crl.name_count; i++) {
        struct slice url = crl_name_uri(subject->crl.names[i]);
        enum revocation_knowledge knowledge = REVOCATION_KNOWN;

        if (!slice_is_empty(url))
            knowledge = revocation_snapshot_address(question->snapshot, url);
        is_awaited = is_awaited || knowledge == REVOCATION_AWAITED;
        least = knowledge == REVOCATION_NEVER_HEARD ? knowledge : least;
    }
    if (least == REVOCATION_NEVER_HEARD && question->patience == REVOCATION_UNPROVEN)
        return true;
    if (least == REVOCATION_NEVER_HEARD)
        return revocation_facts_want(question->facts, &want);
    return is_awaited;
}

static void describe_date(struct revocation_answer *answer, const char *words, int64_t seconds,
                          const char *more)
{
    char date[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(seconds * 1000, date);
    (void)snprintf(answer->detail, sizeof answer->detail, "%s %s%s", words, date, more);
}

static struct revocation_answer say_revoked(const struct reading *reading)
{
    struct revocation_answer answer = {.status = REVOCATION_REVOKED,
                                       .reason = REASON_CERTIFICATE_REVOKED};
    char more[48];

    (void)snprintf(more, sizeof more, ", %s", crl_reason_name(reading->entry.reason));
    describe_date(&answer, "revoked", reading->entry.revoked_at, more);
    return answer;
}

static struct revocation_answer say_unavailable(const struct reading *reading)
{
    struct revocation_answer answer = {.status = REVOCATION_UNAVAILABLE,
                                       .reason = REASON_CRL_MISSING};

    if (reading->ended != 0) {
        answer.reason = REASON_CRL_EXPIRED;
        answer.is_list_expired = true;
        answer.last_good = reading->ended;
        describe_date(&answer, "the list ended", reading->ended, "");
    } else if (reading->is_early) {
        answer.reason = REASON_CRL_NOT_YET_VALID;
    }
    return answer;
}

struct revocation_answer revocation_ask_crl(const struct revocation_question *question)
{
    struct lists lists;
    struct reading reading;

    lists.all =
        revocation_snapshot_lists(question->snapshot, question->subject->issuer_id, &lists.count);
    reading = read_lists(&lists, question);
    if (reading.is_revoked)
        return say_revoked(&reading);
    if (reading.reasons == CRL_REASONS_ALL)
        return (struct revocation_answer){
            .status = REVOCATION_GOOD, .reason = REASON_NONE, .valid_until = reading.valid_until};
    if (want_lists(question))
        return (struct revocation_answer){.status = REVOCATION_PENDING,
                                          .reason = REASON_REVOCATION_TIMEOUT};
    return say_unavailable(&reading);
}
