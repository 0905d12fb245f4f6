/* SPDX-License-Identifier: Apache-2.0
 *
 * How one configuration treats one request of a log, as far as another may treat it otherwise.
 */
#pragma once

#include "app/explain/explain_log_internal.h"
#include "app/explain/explain_walk_internal.h"

struct explain_treatment {
    enum reason reason;
    char *route;            /* "" when there is none */
    char *backend;          /* of an allowed request */
    char *identity;         /* the headers that the backend gets of it */
    bool needs_certificate; /* another certificate may be treated otherwise */
    bool is_placed;         /* an address of the configuration stands for the log's listener */
};

/* A request of the log; borrowed from its line. */
struct explain_logged {
    struct slice listener;
    struct slice server_name;
    char *head;
    struct ip_address source;
    struct presented_certificate *presented; /* NULL: there is none, or it is not at hand */
    int64_t time;
};

/* `address`: of the listener that the request came to; NULL: this bench knows it by name. */
struct explain_treatment explain_treat(const struct explain_workshop *workshop,
                                       struct explain_bench *bench,
                                       const struct explain_logged *logged,
                                       const struct socket_address *address);
void explain_treatment_reset(struct explain_treatment *treatment);
/* NULL: no listener has that name. */
const struct listener_group *explain_find_logged_group(const struct generation *generation,
                                                       struct slice listener);
