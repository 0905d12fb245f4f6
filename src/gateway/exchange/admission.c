/* SPDX-License-Identifier: Apache-2.0
 *
 * See admission_internal.h. Only what the policy in effect says has a consequence.
 */
#include "gateway/exchange/admission_internal.h"

enum reason admission_decide(const struct route_plan *plan, const struct policy_request *request,
                             struct admission *admission)
{
    *admission = (struct admission){.is_decided = false};
    if (plan->trial.policy != NULL) {
        admission->trial = policy_decide(plan->trial.policy, request);
        admission->is_tried = true;
    }
    if (plan->policy.policy == NULL)
        return REASON_NONE;
    admission->decision = policy_decide(plan->policy.policy, request);
    admission->is_decided = true;
    if (admission->decision.effect == POLICY_ALLOW)
        return REASON_NONE;
    /* A denial always has a reason; one that had none would let the request pass. */
    return admission->decision.reason == REASON_NONE ? REASON_INTERNAL : admission->decision.reason;
}

int64_t admission_holds_until(const struct route_plan *plan, const struct policy_request *request)
{
    return plan->policy.policy == NULL ? INT64_MAX
                                       : policy_holds_until(plan->policy.policy, request);
}

struct slice admission_user(const struct admission *admission)
{
    const char *user = NULL;

    if (admission->is_decided && admission->decision.effect == POLICY_ALLOW)
        user = policy_rule_user(admission->decision.rule);
    return slice_from_text(user);
}

static struct record_policy describe(const struct route_policy *asked,
                                     const struct policy_decision *decision)
{
    struct record_policy record = {
        .name = slice_from_text(policy_name(asked->policy)),
        .allowed = decision->effect == POLICY_ALLOW,
        .rules = asked->counters,
    };

    if (decision->rule != NULL) {
        record.rule = policy_rule_number(decision->rule);
        record.rule_at = slice_from_text(policy_rule_place(decision->rule));
    }
    return record;
}

void admission_describe(const struct route_plan *plan, const struct admission *admission,
                        struct exchange_record *record)
{
    if (admission->is_decided) {
        record->policy = describe(&plan->policy, &admission->decision);
        record->user = admission_user(admission);
    }
    if (admission->is_tried) {
        record->policy_trial = describe(&plan->trial, &admission->trial);
        /* Where both ways to judge are on trial, the first that would have refused is told. */
        if (!record->has_trial || record->trial == REASON_NONE)
            record->trial = admission->trial.reason;
        record->has_trial = true;
    }
}
