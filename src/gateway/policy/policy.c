/* SPDX-License-Identifier: Apache-2.0
 *
 * See policy.h. What the conditions on a certificate come to is a shortlist: the rules that the
 * certificate leaves in question, in order. It is kept with the identity.
 */
#include "gateway/policy/policy.h"

#include "gateway/policy/policy_internal.h"
#include "runtime/memory.h"
#include "runtime/random.h"

struct policy_rule {
    enum policy_effect effect;
    size_t number;
    struct position position;
    const char *user;
    struct condition condition;
    const char *place;
    struct read_file file;
};

struct policy {
    const char *name;
    uint64_t id; /* no other policy of this process has it */
    struct policy_rule *rules;
    size_t count;
    bool asks_time; /* some rule does */
    struct policy_memory memory;
};

/* A rule that the certificate leaves in question. */
struct candidate {
    uint16_t rule;
    uint16_t match; /* enum policy_match, never POLICY_NO */
};

struct shortlist {
    const struct candidate *candidates;
    size_t count;
};

/* ---- building -------------------------------------------------------------------------------- */

static const char *keep_text(struct policy_memory *memory, const char *text)
{
    return text == NULL ? NULL : policy_memory_copy(memory, slice_from_text(text)).data;
}

static const char *keep_place(struct policy_memory *memory, const struct position *position)
{
    char *text = memory_format("%s:%u:%u", position->file == NULL ? "" : position->file,
                               position->line, position->column);
    const char *kept = keep_text(memory, text);

    memory_release(text);
    return kept;
}

struct history {
    policy_file_history *find;
    const void *context;
};

static bool build_rule(struct policy *policy, const struct policy_rule_settings *settings,
                       const struct history *history, struct policy_rule *rule, struct error *error)
{
    const struct policy_condition_settings *condition =
        settings->allow.is_set ? &settings->allow : &settings->deny;
    const char *path = condition->fingerprints_file.path;
    size_t previous =
        path == NULL || history->find == NULL ? 0 : history->find(history->context, path);

    rule->effect = settings->allow.is_set ? POLICY_ALLOW : POLICY_DENY;
    rule->number = (size_t)(rule - policy->rules) + 1;
    rule->position = settings->position;
    rule->position.file = keep_text(&policy->memory, settings->position.file);
    rule->place = keep_place(&policy->memory, &rule->position);
    rule->user = keep_text(&policy->memory, settings->user);
    if (settings->allow.is_set == settings->deny.is_set) {
        error_set(error, ERROR_VALUE, "rule %zu of policy '%s' must say 'allow' or 'deny'",
                  rule->number, policy->name);
        return false;
    }
    if (!condition_compile(condition, &policy->memory, previous, &rule->file, &rule->condition,
                           error))
        return false;
    policy->asks_time = policy->asks_time || condition_asks_time(&rule->condition);
    return true;
}

static bool build_rules(struct policy *policy, const struct policy_settings *settings,
                        const struct history *history, struct error *error)
{
    if (settings->rule_count == 0 || settings->rule_count > POLICY_RULES_MAX) {
        error_set(error, ERROR_LIMIT, "policy '%s' has %zu rules; it may have 1 to %d",
                  policy->name, settings->rule_count, (int)POLICY_RULES_MAX);
        return false;
    }
    policy->rules =
        policy_memory_allocate(&policy->memory, settings->rule_count, sizeof(*policy->rules));
    for (size_t i = 0; i < settings->rule_count; i++) {
        /* Also one that fails half-way has something to release. */
        policy->count++;
        if (!build_rule(policy, &settings->rules[i], history, &policy->rules[i], error))
            return false;
    }
    return true;
}

struct policy *policy_create(const struct policy_settings *settings, policy_file_history *history,
                             const void *context, struct error *error)
{
    struct policy *policy = memory_allocate(sizeof(*policy));
    struct history in_effect = {history, context};

    policy->name = keep_text(&policy->memory, settings->name);
    random_fill(&policy->id, sizeof(policy->id));
    if (build_rules(policy, settings, &in_effect, error))
        return policy;
    policy_destroy(policy);
    return NULL;
}

void policy_destroy(struct policy *policy)
{
    if (policy == NULL)
        return;
    for (size_t i = 0; i < policy->count; i++)
        condition_reset(&policy->rules[i].condition);
    policy_memory_reset(&policy->memory);
    memory_release(policy);
}

/* ---- deciding -------------------------------------------------------------------------------- */

static size_t list_candidates(const struct policy *policy, struct client_view *view,
                              struct candidate candidates[POLICY_RULES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < policy->count; i++) {
        const struct policy_rule *rule = &policy->rules[i];
        enum policy_match match =
            condition_judge_certificate(&rule->condition, view, rule->effect == POLICY_DENY);

        if (match != POLICY_NO)
            candidates[count++] = (struct candidate){(uint16_t)i, (uint16_t)match};
    }
    return count;
}

/* Found with the identity, or made, in `memory` when it is not kept. */
static struct shortlist find_shortlist(const struct policy *policy, struct client_view *view,
                                       struct candidate memory[POLICY_RULES_MAX])
{
    struct identity *identity =
        view->proof == CLIENT_VERIFIED ? view->request->authentication->identity : NULL;
    struct slice note = SLICE("");
    size_t count;

    if (identity != NULL && identity_find_note(identity, policy->id, &note))
        return (struct shortlist){(const void *)note.data, note.size / sizeof(*memory)};
    count = list_candidates(policy, view, memory);
    if (identity != NULL)
        identity_keep_note(identity, policy->id, slice_from(memory, count * sizeof(*memory)));
    return (struct shortlist){memory, count};
}

static struct policy_decision decide_by(const struct policy_rule *rule, enum policy_match match)
{
    if (rule->effect == POLICY_ALLOW && match == POLICY_MATCH)
        return (struct policy_decision){POLICY_ALLOW, REASON_NONE, rule};
    return (struct policy_decision){
        POLICY_DENY, match == POLICY_MATCH ? REASON_POLICY_DENIED : REASON_POLICY_UNDECIDABLE,
        rule};
}

static struct policy_decision decide_among(const struct policy *policy,
                                           const struct shortlist *shortlist,
                                           const struct client_view *view)
{
    for (size_t i = 0; i < shortlist->count; i++) {
        struct candidate candidate = shortlist->candidates[i];
        const struct policy_rule *rule = &policy->rules[candidate.rule];
        enum policy_match match = policy_match_both(
            (enum policy_match)candidate.match,
            condition_judge_request(&rule->condition, view, rule->effect == POLICY_DENY));

        if (match != POLICY_NO)
            return decide_by(rule, match);
    }
    return (struct policy_decision){POLICY_DENY, REASON_POLICY_NO_MATCH, NULL};
}

struct policy_decision policy_decide(const struct policy *policy,
                                     const struct policy_request *request)
{
    struct candidate memory[POLICY_RULES_MAX];
    struct policy_decision decision;
    struct shortlist shortlist;
    struct client_view view;

    client_view_init(&view, request);
    shortlist = find_shortlist(policy, &view, memory);
    decision = decide_among(policy, &shortlist, &view);
    client_view_reset(&view);
    return decision;
}

int64_t policy_holds_until(const struct policy *policy, const struct policy_request *request)
{
    const struct certificate_description *description;
    int64_t until = INT64_MAX;

    if (!policy->asks_time)
        return INT64_MAX;
    description =
        request->presented == NULL ? NULL : presented_certificate_describe(request->presented);
    for (size_t i = 0; i < policy->count; i++) {
        int64_t rule =
            condition_holds_until(&policy->rules[i].condition, description, request->now);

        until = rule < until ? rule : until;
    }
    return until;
}

/* ---- telling --------------------------------------------------------------------------------- */

const char *policy_name(const struct policy *policy)
{
    return policy->name;
}

size_t policy_rule_count(const struct policy *policy)
{
    return policy->count;
}

/* The same file in several rules holds the same. */
size_t policy_file_count(const struct policy *policy, const char *path)
{
    for (size_t i = 0; i < policy->count; i++)
        if (policy->rules[i].file.path != NULL && strcmp(policy->rules[i].file.path, path) == 0)
            return policy->rules[i].file.count;
    return 0;
}

size_t policy_rule_number(const struct policy_rule *rule)
{
    return rule->number;
}

const struct position *policy_rule_position(const struct policy_rule *rule)
{
    return &rule->position;
}

const char *policy_rule_place(const struct policy_rule *rule)
{
    return rule->place;
}

const char *policy_rule_user(const struct policy_rule *rule)
{
    return rule->user;
}
