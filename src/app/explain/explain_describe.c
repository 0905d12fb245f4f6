/* SPDX-License-Identifier: Apache-2.0
 *
 * What was found, in the order of the walk. A step that was not reached is not there.
 */
#include <openssl/x509_vfy.h>
#include <string.h>

#include "app/explain/explain_report_internal.h"
#include "gateway/backend/backend.h"
#include "gateway/exchange/route_plan.h"
#include "gateway/identity/identity.h"
#include "gateway/policy/policy.h"
#include "gateway/revocation/revocation.h"
#include "gateway/revocation/revocation_settings.h"
#include "protocol/http/http_name_set.h"
#include "protocol/reason/reason.h"
#include "runtime/arena.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { DESCRIPTION_BYTES = 64 * 1024 };

static void add_text(struct explain_steps *steps, const char *name, const char *text)
{
    explain_steps_add(steps, name, slice_from_text(text));
}

static void add_time(struct explain_steps *steps, const char *name, int64_t seconds)
{
    char text[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(seconds * 1000, text);
    add_text(steps, name, text);
}

/* ---- the client ---- */

static void describe_client(const struct explain_question *question, struct explain_steps *steps)
{
    const struct certificate_description *certificate = NULL;
    char address[IP_ADDRESS_TEXT_SIZE];

    explain_steps_begin(steps, "client");
    ip_address_format(&question->source, address);
    add_text(steps, "address", address);
    if (question->time != 0)
        add_time(steps, "time", question->time);
    if (question->presented == NULL) {
        add_text(steps, "certificate", "none");
        return;
    }
    certificate = presented_certificate_describe(question->presented);
    if (certificate == NULL) {
        add_text(steps, "certificate", "it cannot be read");
        return;
    }
    explain_steps_add(steps, "certificate", certificate->subject);
    explain_steps_add(steps, "issuer", certificate->issuer);
    explain_steps_add(steps, "serial", certificate->serial);
    explain_steps_add(steps, "sha256", certificate->sha256);
    explain_steps_add(steps, "key", certificate->key);
    add_time(steps, "not_before", certificate->not_before);
    add_time(steps, "not_after", certificate->not_after);
    for (size_t i = 0; i < certificate->name_count; i++)
        explain_steps_add_item(steps, "names", certificate->names[i].text);
    explain_steps_add_number(
        steps, "issuers_shown",
        (uint64_t)sk_X509_num(presented_certificate_untrusted(question->presented)));
    add_text(steps, "possession", "assumed: nothing here has proven that the client has the key");
}

/* ---- the connection and the listeners ---- */

static void add_listener_position(const struct explain_findings *findings,
                                  const struct listener *listener, struct explain_steps *steps)
{
    const struct listener_settings *settings =
        explain_find_listener(findings->generation, listener);

    if (settings != NULL)
        explain_steps_add_position(steps, "at", &settings->position);
}

static void describe_connection(const struct explain_findings *findings,
                                struct explain_steps *steps)
{
    char address[SOCKET_ADDRESS_TEXT_SIZE];

    socket_address_format(listener_group_address(findings->question->group), address);
    explain_steps_begin(steps, "connection");
    add_text(steps, "address", address);
    explain_steps_add(steps, "server_name", findings->question->server_name);
    add_text(steps, "listener", findings->connected->name);
    add_listener_position(findings, findings->connected, steps);
    explain_steps_add_flag(steps, "certificate_asked_for", findings->is_asked);
    add_text(steps, "on_failure",
             findings->connected->on_failure == CLIENT_CERTIFICATE_ON_FAILURE_ALERT ? "alert"
                                                                                    : "http");
    if (findings->handshake != REASON_NONE)
        add_text(steps, "handshake", "refused by alert");
}

static void describe_request(const struct explain_findings *findings, struct explain_steps *steps)
{
    const struct http_request *request = findings->request;

    explain_steps_begin(steps, "request");
    if (request == NULL) {
        add_text(steps, "problem", "it cannot be read");
        return;
    }
    explain_steps_add(steps, "method", request->method);
    explain_steps_add(steps, "host", request->host);
    explain_steps_add(steps, "path", request->path);
    explain_steps_add(steps, "query", request->query);
}

static void describe_listener(const struct explain_findings *findings, struct explain_steps *steps)
{
    const struct listener *served =
        listener_group_find(findings->question->group, findings->request->host);

    explain_steps_begin(steps, "listener");
    add_text(steps, "name", served == NULL ? "none serves this host" : served->name);
    if (served != NULL)
        add_listener_position(findings, served, steps);
    if (findings->reason == REASON_REQUEST_MISDIRECTED)
        add_text(steps, "problem", "it judges clients otherwise than the connection's listener");
}

static void describe_route(const struct explain_findings *findings, struct explain_steps *steps)
{
    const struct exchange_decision *decision = findings->decision;
    const struct route_settings *settings =
        explain_find_route(findings->generation, decision->listener, decision->route);

    explain_steps_begin(steps, "route");
    add_text(steps, "name",
             decision->route == NULL ? "none matches; the listener's demand is asked first"
                                     : decision->route->name);
    if (settings != NULL)
        explain_steps_add_position(steps, "at", &settings->match.position);
}

/* ---- who the client is ---- */

static void add_path(STACK_OF(X509) * path, struct explain_steps *steps)
{
    char *memory = memory_allocate(DESCRIPTION_BYTES);

    for (int i = 0; path != NULL && i < sk_X509_num(path); i++) {
        struct certificate_description certificate;
        struct arena arena;

        arena_init(&arena, memory, DESCRIPTION_BYTES);
        if (certificate_describe(sk_X509_value(path, i), &arena, &certificate))
            explain_steps_add_item(steps, "path", certificate.subject);
        else
            explain_steps_add_item(steps, "path", SLICE("a certificate that cannot be described"));
    }
    memory_release(memory);
}

static void add_reason(struct explain_steps *steps, enum reason reason)
{
    add_text(steps, "reason", reason_name(reason));
}

static void describe_authentication(const struct explain_findings *findings,
                                    struct explain_steps *steps)
{
    const struct exchange_decision *decision = findings->decision;
    const struct authentication_demand *demand =
        decision->route == NULL ? &decision->listener->demand : &decision->route->plan->demand;
    const struct authentication *authentication = decision->authentication;
    const struct trust_profile_settings *trust =
        explain_find_trust(findings->generation, demand->context);

    explain_steps_begin(steps, "authentication");
    add_text(steps, "mode", client_certificate_mode_name(demand->mode));
    if (trust != NULL) {
        add_text(steps, "trust", trust->name == NULL ? "in place" : trust->name);
        explain_steps_add_position(steps, "trust_at", &trust->position);
    }
    add_reason(steps, authentication->reason);
    if (authentication->verdict != NULL) {
        int problem = verdict_library_error(authentication->verdict);

        if (problem != X509_V_OK)
            add_text(steps, "openssl", X509_verify_cert_error_string(problem));
        add_path(verdict_path(authentication->verdict), steps);
    }
    explain_steps_add(steps, "anchor", authentication->anchor);
    if (authentication->identity != NULL)
        explain_steps_add(steps, "principal", identity_principal(authentication->identity));
    if (authentication->has_trial)
        add_text(steps, "trial_reason", reason_name(authentication->trial_reason));
}

static const char *status_name(enum revocation_status status)
{
    switch (status) {
    case REVOCATION_REVOKED:
        return "revoked";
    case REVOCATION_UNAVAILABLE:
        return "unavailable";
    case REVOCATION_PENDING:
        return "pending";
    case REVOCATION_GOOD:
        return "good";
    case REVOCATION_UNDECIDED:
    default:
        return "undecided";
    }
}

static void describe_revocation(const struct explain_findings *findings,
                                struct explain_steps *steps)
{
    const struct authentication *authentication = findings->decision->authentication;
    const struct authentication_demand *demand = findings->decision->route == NULL
                                                     ? &findings->decision->listener->demand
                                                     : &findings->decision->route->plan->demand;
    const struct revocation_result *result = &authentication->revocation;

    if (authentication->verdict == NULL || !verdict_is_accepted(authentication->verdict))
        return;
    explain_steps_begin(steps, "revocation");
    if (judging_context_revocation(demand->context)->sources == 0) {
        add_text(steps, "answer", "not checked: no source is configured");
        return;
    }
    add_text(steps, "answer", status_name(result->status));
    if (result->status == REVOCATION_REVOKED || result->status == REVOCATION_GOOD)
        add_text(steps, "source",
                 result->is_lenient ? "none: a rule accepts what nobody could say"
                                    : revocation_source_name(result->source));
    add_reason(steps, result->reason);
    add_text(steps, "detail", result->detail);
    if (result->is_disputed)
        explain_steps_add_flag(steps, "disputed", true);
    if (findings->has_waited)
        add_text(steps, "waited", "in vain, for as long as limits.revocation_time says");
}

/* ---- what it may do ---- */

static void describe_policy(const char *step, const struct policy *policy,
                            const struct policy_decision *decision, struct explain_steps *steps)
{
    explain_steps_begin(steps, step);
    add_text(steps, "name", policy_name(policy));
    if (decision->rule == NULL) {
        explain_steps_add_number(steps, "rule", 0);
        add_text(steps, "problem", "no rule matches");
    } else {
        explain_steps_add_number(steps, "rule", policy_rule_number(decision->rule));
        add_text(steps, "at", policy_rule_place(decision->rule));
    }
    add_text(steps, "effect", decision->effect == POLICY_ALLOW ? "allow" : "deny");
    add_reason(steps, decision->reason);
}

static void describe_policies(const struct explain_findings *findings, struct explain_steps *steps)
{
    const struct exchange_decision *decision = findings->decision;

    if (decision->has_policy) {
        describe_policy("policy", decision->route->plan->policy.policy, &decision->policy, steps);
        explain_steps_add(steps, "user", decision->user);
    }
    if (decision->has_policy_trial)
        describe_policy("policy_trial", decision->route->plan->trial.policy,
                        &decision->policy_trial, steps);
}

/* ---- what the backend gets ---- */

static void add_identity_headers(const struct explain_findings *findings,
                                 struct explain_steps *steps)
{
    const struct http_name_set *owned = generation_owned_names(findings->generation);
    struct slice rest = findings->backend_head;
    size_t count = 0;

    while (!slice_is_empty(rest)) {
        struct slice line = slice_first(rest, slice_find(rest, '\n'));
        struct slice name = slice_first(line, slice_find(line, ':'));

        rest = slice_after(rest, line.size + 1);
        if (name.size == line.size || !http_name_set_has(owned, name) ||
            http_name_folds_equal(name, SLICE("X-AppGW-Trace-Id")))
            continue; /* whose value is another for each request */
        if (!slice_is_empty(line) && line.data[line.size - 1] == '\r')
            line = slice_first(line, line.size - 1);
        explain_steps_add_item(steps, "identity_headers", line);
        count++;
    }
    if (count == 0)
        add_text(steps, "identity", "no header says anything of the client's certificate");
}

static void describe_backend(const struct explain_findings *findings, struct explain_steps *steps)
{
    const struct backend_settings *settings =
        backend_pool_settings(findings->decision->route->plan->pool);

    explain_steps_begin(steps, "backend");
    add_text(steps, "name", settings->name);
    for (size_t i = 0; i < settings->endpoint_count; i++)
        explain_steps_add_item(steps, "endpoints", slice_from_text(settings->endpoints[i].url));
    add_identity_headers(findings, steps);
    explain_steps_add_number(steps, "headers_removed", findings->decision->stripped);
}

/* ---- the outcome ---- */

static void describe_outcome(const struct explain_findings *findings, struct explain_steps *steps)
{
    const struct reason_facts *facts = reason_get(findings->reason);

    explain_steps_begin(steps, "outcome");
    add_text(steps, "decision", findings->reason == REASON_NONE ? "allowed" : "refused");
    add_reason(steps, findings->reason);
    if (findings->reason == REASON_NONE) {
        if (findings->is_answered_here)
            add_text(steps, "answered_by", "the gateway itself");
        return;
    }
    if (findings->handshake == REASON_NONE)
        explain_steps_add_number(steps, "status", facts->status);
    else
        add_text(steps, "answer", "a TLS alert, and no HTTP");
    add_text(steps, "fault", reason_fault_name(facts->fault));
    add_text(steps, "detail", findings->detail);
    add_text(steps, "cause", facts->cause);
    add_text(steps, "fix", facts->fix);
}

/* Did the walk come to a listener, and further, to asking who the client is? */
static bool came_to_route(const struct explain_findings *findings)
{
    return findings->decision != NULL &&
           findings->decision->authentication->reason != REASON_UNDECIDED;
}

void explain_describe(const struct explain_findings *findings, struct explain_steps *steps)
{
    describe_client(findings->question, steps);
    describe_connection(findings, steps);
    if (findings->decision != NULL) {
        describe_request(findings, steps);
        if (findings->request != NULL)
            describe_listener(findings, steps);
    }
    if (came_to_route(findings)) {
        describe_route(findings, steps);
        describe_authentication(findings, steps);
        describe_revocation(findings, steps);
        describe_policies(findings, steps);
    }
    if (findings->decision != NULL && !slice_is_empty(findings->backend_head))
        describe_backend(findings, steps);
    describe_outcome(findings, steps);
}
