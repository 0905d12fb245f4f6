/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk of one request, by the exchange of production between a client and a backend that are
 * not there: it goes as far as the head that a backend would get.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/explain/explain.h"
#include "gateway/exchange/exchange.h"
#include "gateway/generation/generation_settings.h"

struct explain_question {
    struct slice head; /* the bytes of the request */
    struct slice server_name;
    const struct listener_group *group;
    struct presented_certificate *presented; /* NULL: the client has none */
    struct ip_address source;
    int64_t time; /* seconds since 1970; 0: now */
};

/* Borrowed, for the call. */
struct explain_findings {
    const struct explain_question *question;
    const struct generation *generation;
    const struct listener *connected;   /* by the server name */
    bool is_asked;                      /* for a certificate */
    enum reason handshake;              /* why the handshake is refused; REASON_NONE: it is not */
    const struct http_request *request; /* NULL: it cannot be read */
    const struct exchange_decision *decision; /* NULL: the handshake was refused */
    enum reason reason;                       /* REASON_NONE: allowed */
    const char *detail;                       /* or NULL */
    bool is_answered_here;                    /* allowed, and no backend is asked */
    struct slice backend_head;                /* what a backend would get; empty when refused */
    bool has_waited;                          /* in vain, for news about revocation */
};

typedef void explain_visitor(void *context, const struct explain_findings *findings);

void explain_walk(const struct explain_workshop *workshop, struct explain_bench *bench,
                  const struct explain_question *question, explain_visitor *visit, void *context);

/* What the configuration says of what was built; NULL when there is none of that name. */
const struct listener_settings *explain_find_listener(const struct generation *generation,
                                                      const struct listener *listener);
const struct route_settings *explain_find_route(const struct generation *generation,
                                                const struct listener *listener,
                                                const struct route *route);
/* NULL: nobody is judged. */
const struct trust_profile_settings *explain_find_trust(const struct generation *generation,
                                                        const struct judging_context *context);
