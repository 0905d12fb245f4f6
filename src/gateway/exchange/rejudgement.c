/* SPDX-License-Identifier: Apache-2.0
 *
 * See rejudgement_internal.h.
 */
#include "gateway/exchange/rejudgement_internal.h"

#include <stdio.h>

#include "gateway/routing/routing.h"
#include "runtime/clock.h"

/* What the request is judged by. */
struct bench {
    const struct exchange_environment *environment;
    const struct route_plan *plan;
};

/* The listener is the one of the request's host, as for a new request: where a name is judged
 * otherwise by now than the one of the handshake, that does not make it another's. */
static struct bench find_bench(const struct rejudgement_subject *subject,
                               const struct exchange_present *present)
{
    struct bench before = {subject->environment, subject->route->plan};
    const struct listener *listener;
    const struct route *route;

    if (present == NULL || present->group == NULL || present->environment == subject->environment)
        return before;
    listener = listener_group_find(present->group, subject->request->host);
    route = listener == NULL ? NULL : routing_match(listener->routes, subject->request);
    return route == NULL ? before : (struct bench){present->environment, route->plan};
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void tell(struct rejudgement *judged, const char *what, const char *where)
{
    (void)snprintf(judged->detail, sizeof(judged->detail), "judged again%s%s", what, where);
}

static void tell_rule(struct rejudgement *judged, const struct admission *admission)
{
    const struct policy_rule *rule = admission->decision.rule;

    if (rule == NULL)
        tell(judged, "", "");
    else
        tell(judged, ": the rule at ", policy_rule_place(rule));
}

static void decide(struct rejudgement *judged, const struct bench *bench,
                   const struct rejudgement_subject *subject,
                   const struct authentication *authentication, int64_t now)
{
    const struct policy_request request = {
        .demand = &bench->plan->demand,
        .authentication = authentication,
        .presented = subject->connection->presented,
        .http = subject->request,
        .source = subject->client,
        .now = now,
    };
    struct admission admission;

    judged->holds_until = earlier(authentication_holds_until(authentication),
                                  admission_holds_until(bench->plan, &request));
    judged->reason = admission_decide(bench->plan, &request, &admission);
    if (judged->reason != REASON_NONE)
        tell_rule(judged, &admission);
}

struct rejudgement rejudgement_of(const struct rejudgement_subject *subject,
                                  const struct exchange_present *present)
{
    const struct bench bench = find_bench(subject, present);
    const struct authentication_demand *demand = &bench.plan->demand;
    const struct authentication_stores *stores = &bench.environment->stores;
    int64_t now = clock_wall_seconds();
    struct presented_certificate *presented = subject->connection->presented;
    struct authentication authentication =
        subject->has_time ? authentication_check(demand, presented, stores, now)
                          : authentication_check_finally(demand, presented, stores, now);
    struct rejudgement judged = {.reason = authentication.reason, .holds_until = INT64_MAX};

    if (authentication.is_pending) {
        judged.reason = REASON_NONE;
        judged.is_pending = true;
    } else if (authentication.reason == REASON_NONE) {
        decide(&judged, &bench, subject, &authentication, now);
    } else {
        const char *detail = authentication.revocation.detail;

        tell(&judged, detail[0] == '\0' ? "" : ": ", detail);
    }
    authentication_reset(&authentication);
    return judged;
}
