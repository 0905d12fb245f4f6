/* SPDX-License-Identifier: Apache-2.0
 *
 * The step is small on purpose: everything that can go wrong in it ends in a refusal, and only
 * one line of it makes an identity.
 */
#include "gateway/identity/authentication.h"

#include <stddef.h>

const char *client_certificate_mode_name(enum client_certificate_mode mode)
{
    switch (mode) {
    case CLIENT_CERTIFICATE_REQUIRED:
        return "required";
    case CLIENT_CERTIFICATE_OPTIONAL:
        return "optional";
    case CLIENT_CERTIFICATE_UNVERIFIED:
        return "unverified";
    case CLIENT_CERTIFICATE_NONE:
        return "none";
    default:
        return "unknown";
    }
}

static struct authentication refuse(enum reason reason)
{
    return (struct authentication){.reason = reason};
}

static struct authentication satisfy_without_identity(void)
{
    return (struct authentication){.reason = REASON_NONE};
}

/* Takes the verdict's reference. */
static struct authentication identify(const struct judging_context *context,
                                      struct identity_table *identities,
                                      struct presented_certificate *presented,
                                      struct verdict *verdict, int64_t now)
{
    struct identity *identity = identity_establish(identities, presented, verdict);

    if (identity == NULL) {
        verdict_release(verdict);
        return refuse(REASON_CERTIFICATE_MALFORMED);
    }
    return (struct authentication){
        .reason = REASON_NONE,
        .identity = identity,
        .verdict = verdict,
        .anchor = judging_context_note_use(context, verdict_anchor(verdict), now),
    };
}

/* Takes the verdict's reference, which is an acceptance. */
static struct authentication refuse_revoked(struct verdict *verdict,
                                            const struct revocation_result *result)
{
    return (struct authentication){
        .reason = result->reason == REASON_NONE ? REASON_INTERNAL : result->reason,
        .verdict = verdict,
        .is_pending = result->status == REVOCATION_PENDING,
        .revocation = *result,
    };
}

static struct authentication judge(const struct authentication_demand *demand,
                                   struct presented_certificate *presented,
                                   const struct authentication_stores *stores,
                                   enum revocation_patience patience, int64_t now)
{
    struct verdict *verdict =
        verdict_store_judge(stores->verdicts, demand->context, presented, now);
    struct authentication satisfied;
    struct revocation_result revocation;

    if (verdict == NULL)
        return (struct authentication){.reason = REASON_BUDGET_EXCEEDED};
    if (!verdict_is_accepted(verdict))
        return (struct authentication){.reason = verdict_reason(verdict), .verdict = verdict};
    revocation = verdict_check_revocation(verdict, judging_context_revocation(demand->context),
                                          stores->revocation, patience, now);
    if (revocation.status != REVOCATION_GOOD)
        return refuse_revoked(verdict, &revocation);
    satisfied = identify(demand->context, stores->identities, presented, verdict, now);
    satisfied.revocation = revocation;
    return satisfied;
}

/* Only what the trial says is kept: with its verdict gone, nothing can come of it. */
static void try_beside(struct judging_context *trial, struct presented_certificate *presented,
                       const struct authentication_stores *stores, int64_t now,
                       struct authentication *authentication)
{
    struct verdict *verdict = verdict_store_judge(stores->verdicts, trial, presented, now);

    if (verdict == NULL)
        return;
    authentication->has_trial = true;
    authentication->trial_reason = verdict_reason(verdict);
    if (verdict_is_accepted(verdict))
        authentication->trial_reason =
            verdict_check_revocation(verdict, judging_context_revocation(trial), stores->revocation,
                                     REVOCATION_NO_TIME, now)
                .reason;
    verdict_release(verdict);
}

static struct authentication judge_and_try(const struct authentication_demand *demand,
                                           struct presented_certificate *presented,
                                           const struct authentication_stores *stores,
                                           enum revocation_patience patience, int64_t now)
{
    struct judging_context *trial = NULL;
    struct authentication authentication;

    /* A route without rules cannot accept anybody. */
    if (demand->context == NULL)
        return refuse(REASON_INTERNAL);
    authentication = judge(demand, presented, stores, patience, now);
    trial = judging_context_trial(demand->context);
    if (trial != NULL && !authentication.is_pending)
        try_beside(trial, presented, stores, now, &authentication);
    return authentication;
}

static struct authentication check(const struct authentication_demand *demand,
                                   struct presented_certificate *presented,
                                   const struct authentication_stores *stores,
                                   enum revocation_patience patience, int64_t now)
{
    switch (demand->mode) {
    case CLIENT_CERTIFICATE_UNVERIFIED:
    case CLIENT_CERTIFICATE_NONE:
        return satisfy_without_identity();
    case CLIENT_CERTIFICATE_REQUIRED:
        if (presented == NULL)
            return refuse(demand->context == NULL ? REASON_INTERNAL : REASON_CERTIFICATE_MISSING);
        return judge_and_try(demand, presented, stores, patience, now);
    case CLIENT_CERTIFICATE_OPTIONAL:
        if (presented == NULL)
            return satisfy_without_identity();
        return judge_and_try(demand, presented, stores, patience, now);
    default:
        return refuse(REASON_INTERNAL);
    }
}

struct authentication authentication_check(const struct authentication_demand *demand,
                                           struct presented_certificate *presented,
                                           const struct authentication_stores *stores, int64_t now)
{
    return check(demand, presented, stores, REVOCATION_MAY_WAIT, now);
}

struct authentication authentication_check_finally(const struct authentication_demand *demand,
                                                   struct presented_certificate *presented,
                                                   const struct authentication_stores *stores,
                                                   int64_t now)
{
    return check(demand, presented, stores, REVOCATION_NO_TIME, now);
}

int64_t authentication_holds_until(const struct authentication *authentication)
{
    int64_t until;

    if (authentication->verdict == NULL)
        return INT64_MAX;
    until = verdict_valid_until(authentication->verdict);
    return authentication->revocation.valid_until < until ? authentication->revocation.valid_until
                                                          : until;
}

void authentication_reset(struct authentication *authentication)
{
    identity_release(authentication->identity);
    verdict_release(authentication->verdict);
    *authentication = (struct authentication){.reason = REASON_UNDECIDED};
}
