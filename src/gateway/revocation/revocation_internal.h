/* SPDX-License-Identifier: Apache-2.0
 *
 * What a source of answers is: one function. A source is a row in revocation.c's table.
 */
#pragma once

#include "gateway/revocation/revocation.h"
#include "gateway/revocation/revocation_facts.h"

/* One certificate of a path, and the one that issued it. */
struct revocation_subject {
    X509 *certificate; /* borrowed from the path */
    X509 *issuer;
    unsigned char issuer_id[CRL_ISSUER_ID_BYTES];
    struct crl_subject crl;
};

struct revocation_answer {
    enum revocation_status status;
    enum reason reason;  /* REASON_NONE when good */
    int64_t valid_until; /* of a good one */
    int64_t last_good;   /* of an unavailable one: until when it was good; 0: it never was */
    bool is_list_expired;
    bool is_statement; /* unavailable, but somebody did answer: no rule puts up with that */
    char detail[REVOCATION_DETAIL_BYTES];
};

struct revocation_question {
    const struct revocation_rules *rules;
    const struct revocation_subject *subject;
    struct revocation_facts *facts;
    const struct revocation_snapshot *snapshot;
    enum revocation_patience patience;
    int64_t now;
};

struct revocation_answer revocation_ask_ocsp(const struct revocation_question *question);
struct revocation_answer revocation_ask_crl(const struct revocation_question *question);
