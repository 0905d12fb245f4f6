/* SPDX-License-Identifier: Apache-2.0
 *
 * A request that was admitted, judged once more: by the configuration of now, if that is another
 * one. Deciding only; the exchange does what follows from it.
 */
#pragma once

#include "gateway/exchange/admission_internal.h"
#include "gateway/exchange/exchange.h"

/* What is judged. */
struct rejudgement_subject {
    const struct exchange_connection_facts *connection;
    const struct http_request *request;
    struct ip_address client;
    const struct exchange_environment *environment; /* that the request was admitted under */
    const struct route *route;                      /* and the route */
    bool has_time;                                  /* to wait for what is not known yet */
};

enum { REJUDGEMENT_DETAIL_BYTES = REVOCATION_DETAIL_BYTES + 32 };

struct rejudgement {
    enum reason reason;                    /* REASON_NONE: it may go on */
    bool is_pending;                       /* and that is because revocation is not known yet */
    int64_t holds_until;                   /* seconds since 1970 */
    char detail[REJUDGEMENT_DETAIL_BYTES]; /* words for the log, of a refusal */
};

/* `present`: of now; NULL, or without a group: as it was. A request that no route of now serves is
 * judged as it was: its route's end is no word about its client. */
struct rejudgement rejudgement_of(const struct rejudgement_subject *subject,
                                  const struct exchange_present *present);
