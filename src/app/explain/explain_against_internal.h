/* SPDX-License-Identifier: Apache-2.0
 *
 * Two configurations and an access log: who would be treated differently under the second? Each
 * request of the log is explained by both, at the same time and with the same facts.
 */
#pragma once

#include "app/explain/explain.h"
#include "app/explain/explain_options_internal.h"

enum {
    EXPLAIN_DIFFERENCES_MAX = 10000, /* that are told apart; further ones are only counted */
    EXPLAIN_CERTIFICATES_MAX = 1024  /* of clients, that are kept in memory */
};

/* Prints what differs. Returns the exit status: 0, or 3 when somebody would be treated differently
 * or it cannot be told. An error is set when it could not be done at all. */
int explain_against(const struct explain_options *options, const char *configuration,
                    const struct explain_workshop *workshop, struct error *error);
