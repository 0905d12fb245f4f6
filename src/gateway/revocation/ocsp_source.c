/* SPDX-License-Identifier: Apache-2.0
 *
 * What the responder says of a certificate, as an answer among those of the other sources.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/revocation/ocsp_store.h"
#include "gateway/revocation/revocation_internal.h"
#include "protocol/x509/crl.h"
#include "runtime/clock.h"

static struct revocation_answer say_revoked(const struct ocsp_answer *said)
{
    struct revocation_answer answer = {.status = REVOCATION_REVOKED,
                                       .reason = REASON_CERTIFICATE_REVOKED};
    char date[CLOCK_RFC3339_SIZE];

    clock_format_rfc3339(said->revoked_at * 1000, date);
    (void)snprintf(answer.detail, sizeof answer.detail, "the responder says: revoked %s, %s", date,
                   crl_reason_name(said->revocation_reason));
    return answer;
}

static struct revocation_answer say_answer(const struct ocsp_fact *fact)
{
    if (fact->answer.outcome == OCSP_IS_REVOKED)
        return say_revoked(&fact->answer);
    if (fact->answer.outcome == OCSP_IS_UNKNOWN)
        return (struct revocation_answer){
            .status = REVOCATION_UNAVAILABLE, .reason = REASON_OCSP_UNKNOWN, .is_statement = true};
    return (struct revocation_answer){
        .status = REVOCATION_GOOD, .reason = REASON_NONE, .valid_until = fact->until};
}

static struct revocation_answer say_unavailable(const struct ocsp_fact *fact)
{
    struct revocation_answer answer = {
        .status = REVOCATION_UNAVAILABLE,
        .reason = fact->has_no_responder ? REASON_OCSP_RESPONDER_MISSING : REASON_OCSP_UNAVAILABLE,
        .last_good = fact->last_good,
    };

    (void)snprintf(answer.detail, sizeof answer.detail, "%s", fact->problem);
    return answer;
}

struct revocation_answer revocation_ask_ocsp(const struct revocation_question *question)
{
    const struct revocation_subject *subject = question->subject;
    const struct ocsp_question asked = {
        .rules = &question->rules->ocsp,
        .certificate = subject->certificate,
        .issuer = subject->issuer,
        .issuer_id = subject->issuer_id,
        .serial = slice_from(subject->crl.serial, subject->crl.serial_size),
    };
    struct ocsp_fact fact =
        ocsp_store_ask(revocation_facts_responders(question->facts), &asked,
                       question->patience != REVOCATION_UNPROVEN, question->now);

    /* Who puts up with silence does not wait for it again and again. */
    if (fact.knowledge == OCSP_AWAITED && fact.has_failed &&
        question->rules->when_unavailable.lenience != REVOCATION_REFUSE)
        return say_unavailable(&fact);
    switch (fact.knowledge) {
    case OCSP_ANSWERED:
        return say_answer(&fact);
    case OCSP_NOTHING_KNOWN:
    case OCSP_AWAITED:
        return (struct revocation_answer){.status = REVOCATION_PENDING,
                                          .reason = REASON_REVOCATION_TIMEOUT,
                                          .last_good = fact.last_good};
    case OCSP_FAILED:
    default:
        return say_unavailable(&fact);
    }
}
