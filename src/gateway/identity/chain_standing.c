/* SPDX-License-Identifier: Apache-2.0
 *
 * See chain_standing.h.
 */
#include "gateway/identity/chain_standing.h"

#include "gateway/identity/verdict.h"

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct chain_standing ask(struct judging_context *context,
                                 struct presented_certificate *presented,
                                 const struct authentication_stores *stores, int64_t now)
{
    struct verdict *verdict = verdict_store_judge(stores->verdicts, context, presented, now);
    struct chain_standing standing = {.reason = verdict_reason(verdict),
                                      .valid_until = verdict_valid_until(verdict)};
    struct revocation_result revocation;

    if (verdict_is_accepted(verdict)) {
        revocation = verdict_check_revocation(verdict, judging_context_revocation(context),
                                              stores->revocation, REVOCATION_UNPROVEN, now);
        if (revocation.status == REVOCATION_GOOD)
            standing.valid_until = earlier(standing.valid_until, revocation.valid_until);
        else if (revocation.status != REVOCATION_PENDING)
            standing.reason =
                revocation.reason == REASON_NONE ? REASON_INTERNAL : revocation.reason;
    }
    verdict_release(verdict);
    return standing;
}

struct chain_standing chain_standing_of(struct judging_context *const *contexts, size_t count,
                                        size_t first, struct presented_certificate *presented,
                                        const struct authentication_stores *stores, int64_t now)
{
    struct chain_standing refused = {.reason = REASON_NONE, .valid_until = INT64_MAX};

    for (size_t i = 0; i < count; i++) {
        size_t index = (first + i) % count;
        struct chain_standing standing = ask(contexts[index], presented, stores, now);

        standing.accepted_by = index;
        if (standing.reason == REASON_NONE)
            return standing;
        if (i == 0 || index == 0)
            refused = standing;
    }
    return refused;
}
