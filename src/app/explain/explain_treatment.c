/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_treatment_internal.h.
 */
#include "app/explain/explain_treatment_internal.h"

#include "gateway/backend/backend.h"
#include "gateway/exchange/route_plan.h"
#include "protocol/http/http_name_set.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"

const struct listener_group *explain_find_logged_group(const struct generation *generation,
                                                       struct slice listener)
{
    for (size_t i = 0; i < generation_group_count(generation); i++) {
        const struct listener_group *group = generation_group(generation, i);

        for (size_t j = 0; j < listener_group_count(group); j++) {
            if (slice_equals(slice_from_text(listener_group_get(group, j)->name), listener))
                return group;
        }
    }
    return NULL;
}

/* Did the walk end before anybody asked who the client is, or where nobody does? */
static bool needs_certificate(const struct explain_findings *findings)
{
    const struct exchange_decision *decision = findings->decision;

    if (!findings->is_asked)
        return false;
    if (decision == NULL)
        return true;
    if (decision->authentication->reason == REASON_UNDECIDED)
        return false;
    return decision->route == NULL || decision->has_policy ||
           decision->route->plan->demand.mode != CLIENT_CERTIFICATE_NONE;
}

/* Another one for each request, whatever it says. */
static bool is_signature(struct slice name)
{
    return http_name_folds_equal(name, SLICE("Signature")) ||
           http_name_folds_equal(name, SLICE("Signature-Input"));
}

static char *identity_of(const struct explain_findings *findings)
{
    const struct http_name_set *owned = generation_owned_names(findings->generation);
    struct slice rest = findings->backend_head;
    struct text_builder text = {.text = NULL};

    while (!slice_is_empty(rest)) {
        struct slice line = slice_first(rest, slice_find(rest, '\n'));
        struct slice name = slice_first(line, slice_find(line, ':'));

        rest = slice_after(rest, line.size + 1);
        if (http_name_set_has(owned, name) && !is_signature(name))
            text_builder_add(&text, line);
    }
    return text_builder_take(&text);
}

static void note(void *context, const struct explain_findings *findings)
{
    struct explain_treatment *treatment = context;
    const struct route *route = findings->decision == NULL ? NULL : findings->decision->route;
    bool is_forwarded = route != NULL && !slice_is_empty(findings->backend_head);

    treatment->reason = findings->reason;
    treatment->needs_certificate = needs_certificate(findings);
    treatment->route = memory_copy_text(route == NULL ? "" : route->name);
    treatment->backend =
        memory_copy_text(is_forwarded ? backend_pool_settings(route->plan->pool)->name : "");
    treatment->identity = identity_of(findings);
}

struct explain_treatment explain_treat(const struct explain_workshop *workshop,
                                       struct explain_bench *bench,
                                       const struct explain_logged *logged,
                                       const struct socket_address *address)
{
    const struct explain_question question = {
        .head = slice_from_text(logged->head),
        .server_name = logged->server_name,
        .group = address == NULL ? explain_find_logged_group(bench->generation, logged->listener)
                                 : generation_find_group(bench->generation, address),
        .presented = logged->presented,
        .source = logged->source,
        .time = logged->time,
    };
    struct explain_treatment treatment = {.reason = REASON_UNDECIDED};

    if (question.group == NULL)
        return treatment;
    treatment.is_placed = true;
    explain_walk(workshop, bench, &question, note, &treatment);
    return treatment;
}

void explain_treatment_reset(struct explain_treatment *treatment)
{
    memory_release(treatment->route);
    memory_release(treatment->backend);
    memory_release(treatment->identity);
    *treatment = (struct explain_treatment){.reason = REASON_UNDECIDED};
}
