/* SPDX-License-Identifier: Apache-2.0
 *
 * Why something was refused: one named reason, the same in the answer, the log, the metrics, the
 * tests and the documentation. reason_list.h is the list.
 */
#pragma once

#include "runtime/slice.h"

enum reason {
    /* Zero: nobody has decided yet, and who asks is refused. */
    REASON_UNDECIDED,
    /* There is no reason to refuse. */
    REASON_NONE,
#define REASON(identifier, name, status, fault, cause, fix) REASON_##identifier,
#include "protocol/reason/reason_list.h"
#undef REASON
    REASON_COUNT
};

enum reason_fault {
    REASON_FAULT_NOBODY,
    REASON_FAULT_CLIENT,
    REASON_FAULT_BACKEND,
    REASON_FAULT_GATEWAY
};

struct reason_facts {
    const char *name; /* stable, lower case with underscores */
    unsigned status;  /* of the HTTP answer; 0 where none can be given */
    enum reason_fault fault;
    const char *cause; /* one sentence */
    const char *fix;   /* one sentence */
};

/* Never NULL; an unknown value gives the facts of REASON_INTERNAL. */
const struct reason_facts *reason_get(enum reason reason);
const char *reason_name(enum reason reason);
unsigned reason_status(enum reason reason);
/* "client", "backend", "gateway" or "nobody". */
const char *reason_fault_name(enum reason_fault fault);
/* REASON_UNDECIDED when no reason has that name. */
enum reason reason_find(struct slice name);
/* About the presented certificate chain, as opposed to the request. */
bool reason_is_certificate(enum reason reason);
