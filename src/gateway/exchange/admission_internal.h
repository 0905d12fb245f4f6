/* SPDX-License-Identifier: Apache-2.0
 *
 * The step after authentication: what the route's policy says of the request, and what the policy
 * on trial would have said.
 */
#pragma once

#include "gateway/exchange/route_plan.h"
#include "gateway/policy/policy.h"
#include "gateway/telemetry/telemetry.h"

/* Cleared: nothing was decided. */
struct admission {
    bool is_decided; /* the route has a policy, and it was asked */
    bool is_tried;
    struct policy_decision decision;
    struct policy_decision trial;
};

/* REASON_NONE when the request may go on. What was decided before is forgotten. */
enum reason admission_decide(const struct route_plan *plan, const struct policy_request *request,
                             struct admission *admission);
/* The first second, after the request's `now`, in which it may be decided otherwise; INT64_MAX:
 * none. */
int64_t admission_holds_until(const struct route_plan *plan, const struct policy_request *request);
/* Who the policy says that the client is; empty when it does not say. */
struct slice admission_user(const struct admission *admission);
void admission_describe(const struct route_plan *plan, const struct admission *admission,
                        struct exchange_record *record);
