/* SPDX-License-Identifier: Apache-2.0
 *
 * Is a verified certification path revoked, as far as is known now? Several sources may answer
 * (lists, responders); rules say whose answer is needed and what is done without one. Checking
 * never waits and never fetches: what is not known is asked of the control thread, and the answer
 * is "pending" until the facts have changed.
 *
 * "Revoked" wins over every other answer of every source, also when the list that says so has
 * ended. Any failure to decide is "unavailable", which refuses unless a rule says otherwise.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "gateway/revocation/revocation_settings.h"
#include "protocol/reason/reason.h"

struct revocation_facts;
struct revocation_path;

/* What decides of the settings: a part of the judging context and of its digest. */
struct revocation_rules {
    unsigned sources; /* none: nothing is checked */
    enum revocation_requirement require;
    enum revocation_extent applies_to;
    struct revocation_exception when_unavailable;
    struct revocation_exception when_crl_expired;
    bool crl_from_certificate;
    struct ocsp_rules ocsp;
};

struct revocation_rules revocation_rules_from(const struct revocation_settings *settings);
/* A row for each rule that decides. */
enum { REVOCATION_RULE_COUNT = 12 };
const char *revocation_rule_name(size_t index);
uint64_t revocation_rule_value(const struct revocation_rules *rules, size_t index);

/* Zero is no answer, and refuses. From bad to good. */
enum revocation_status {
    REVOCATION_UNDECIDED,
    REVOCATION_REVOKED,
    REVOCATION_UNAVAILABLE,
    REVOCATION_PENDING, /* wait until the facts have changed, and check again */
    REVOCATION_GOOD
};

enum { REVOCATION_DETAIL_BYTES = 160 };

struct revocation_result {
    enum revocation_status status;
    enum reason reason;            /* REASON_NONE when good */
    enum revocation_source source; /* that decided */
    bool is_lenient;               /* good only because a rule accepts what nobody could say */
    bool is_disputed;              /* one source says revoked, another good */
    int64_t valid_until;           /* of a good result: seconds since 1970 */
    uint64_t version;              /* of the facts that it was made with */
    char detail[REVOCATION_DETAIL_BYTES]; /* words for the log, or empty */
};

/* What is needed of a verified path for checking it again and again: made once. `path` (leaf first,
 * anchor last) must live as long. NULL when a certificate cannot be read. */
struct revocation_path *revocation_path_create(const struct revocation_rules *rules,
                                               STACK_OF(X509) * path);
/* NULL is fine. */
void revocation_path_destroy(struct revocation_path *path);

/* Zero neither asks for anything nor waits for it. */
enum revocation_patience {
    REVOCATION_UNPROVEN, /* nothing is asked for: anybody could have shown this chain */
    REVOCATION_MAY_WAIT,
    REVOCATION_NO_TIME /* what is pending counts as unavailable */
};

/* `facts` may be NULL: nothing is known then. */
struct revocation_result revocation_check(const struct revocation_rules *rules,
                                          const struct revocation_path *path,
                                          struct revocation_facts *facts,
                                          enum revocation_patience patience, int64_t now);
