/* SPDX-License-Identifier: Apache-2.0
 *
 * Policy: may this client make this request?
 *
 * A policy is an ordered list of rules. The first rule that matches decides; when none matches the
 * request is denied. A condition is met, not met, or cannot be decided: a rule that denies takes
 * the last for met, and one that allows denies for it. Deciding is pure; what the conditions on a
 * certificate come to is found once for an identity and kept with it, and from then on a request
 * allocates nothing.
 *
 * What nobody has verified matches a rule that allows only by conditions that are bound to the key,
 * of which possession was proven: fingerprints and keys.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/identity/authentication.h"
#include "gateway/policy/policy_settings.h"
#include "protocol/http/http_message.h"
#include "protocol/reason/reason.h"
#include "runtime/address_set.h"
#include "runtime/error.h"
#include "runtime/position.h"
#include "runtime/slice.h"

struct policy;
struct policy_rule;

/* Denial is zero, so that a forgotten or cleared decision denies. */
enum policy_effect { POLICY_DENY, POLICY_ALLOW };

struct policy_decision {
    enum policy_effect effect;
    enum reason reason;             /* REASON_NONE when allowed */
    const struct policy_rule *rule; /* borrowed from the policy; NULL when no rule matched */
};

/* What a request is decided by. */
struct policy_request {
    const struct authentication_demand *demand;  /* of the route */
    const struct authentication *authentication; /* satisfied */
    struct presented_certificate *presented;     /* NULL: none */
    const struct http_request *http;
    struct ip_address source; /* of no family when unknown */
    int64_t now;              /* seconds since 1970 */
};

/* How many fingerprints of a file the configuration in effect has read; 0 when none. */
typedef size_t policy_file_history(const void *context, const char *path);

/* Copies the settings and reads their files. `history` may be NULL: then no file has shrunk. NULL
 * and an error that begins with the position of what cannot be used. */
struct policy *policy_create(const struct policy_settings *settings, policy_file_history *history,
                             const void *context, struct error *error);
/* NULL is fine. */
void policy_destroy(struct policy *policy);

struct policy_decision policy_decide(const struct policy *policy,
                                     const struct policy_request *request);

/* The first second, after the request's `now`, in which it may be decided otherwise though nothing
 * else has changed; INT64_MAX: none. */
int64_t policy_holds_until(const struct policy *policy, const struct policy_request *request);

const char *policy_name(const struct policy *policy);
size_t policy_rule_count(const struct policy *policy);
/* How many fingerprints it has read from the file; 0 when it has not. */
size_t policy_file_count(const struct policy *policy, const char *path);

/* From 1. */
size_t policy_rule_number(const struct policy_rule *rule);
const struct position *policy_rule_position(const struct policy_rule *rule);
/* The position as text, "FILE:LINE:COLUMN". */
const char *policy_rule_place(const struct policy_rule *rule);
/* NULL: the rule says nothing of who the client is. */
const char *policy_rule_user(const struct policy_rule *rule);

/* For the configuration's checks. */
bool policy_sha256_is_valid(struct slice text, struct error *error);
bool policy_sha1_is_valid(struct slice text, struct error *error);
bool policy_serial_is_valid(struct slice text, struct error *error);
bool policy_name_is_valid(struct slice text, struct error *error);
bool policy_attribute_value_is_valid(struct slice text, struct error *error);
bool policy_other_attribute_is_valid(struct slice text, struct error *error);
bool policy_dns_is_valid(struct slice text, struct error *error);
bool policy_uri_is_valid(struct slice text, struct error *error);
bool policy_email_is_valid(struct slice text, struct error *error);
bool policy_upn_is_valid(struct slice text, struct error *error);
bool policy_sid_is_valid(struct slice text, struct error *error);
bool policy_network_is_valid(struct slice text, struct error *error);
bool policy_object_is_valid(struct slice text, struct error *error);
bool policy_qc_statement_is_valid(struct slice text, struct error *error);
bool policy_key_type_is_valid(struct slice text, struct error *error);
bool policy_host_is_valid(struct slice text, struct error *error);
bool policy_time_is_valid(struct slice text, struct error *error);
bool policy_user_is_valid(struct slice text, struct error *error);

/* The attributes that have names of their own: "CN", "O", ...; NULL behind the last. */
const char *policy_attribute_name(size_t index);
