/* SPDX-License-Identifier: Apache-2.0
 *
 * The table behind the reasons: reason_list.h, with the two values before it that are no reasons
 * to refuse anybody who has been judged. The table is indexed by the enum, so it cannot miss one.
 */
#include "protocol/reason/reason.h"

static const struct reason_facts table[REASON_COUNT] = {
    [REASON_UNDECIDED] = {"undecided", 500, REASON_FAULT_GATEWAY,
                          "Nobody has decided about the request yet.",
                          "This is a defect: please report it with the trace id and the log."},
    [REASON_NONE] = {"none", 0, REASON_FAULT_NOBODY, "There is no reason to refuse.",
                     "Nothing needs to be done."},
#define REASON(identifier, name, status, fault, cause, fix)                                        \
    [REASON_##identifier] = {name, status, REASON_FAULT_##fault, cause, fix},
#include "protocol/reason/reason_list.h"
#undef REASON
};

const struct reason_facts *reason_get(enum reason reason)
{
    if ((unsigned)reason >= REASON_COUNT)
        reason = REASON_INTERNAL;
    return &table[reason];
}

const char *reason_name(enum reason reason)
{
    return reason_get(reason)->name;
}

unsigned reason_status(enum reason reason)
{
    return reason_get(reason)->status;
}

const char *reason_fault_name(enum reason_fault fault)
{
    switch (fault) {
    case REASON_FAULT_NOBODY:
        return "nobody";
    case REASON_FAULT_CLIENT:
        return "client";
    case REASON_FAULT_BACKEND:
        return "backend";
    case REASON_FAULT_GATEWAY:
        return "gateway";
    }
    return "gateway";
}

enum reason reason_find(struct slice name)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        if (slice_equals(slice_from_text(table[i].name), name))
            return (enum reason)i;
    }
    return REASON_UNDECIDED;
}

/* The certificate's reasons are the first part of the list. */
bool reason_is_certificate(enum reason reason)
{
    return reason >= REASON_CERTIFICATE_MISSING && reason <= REASON_POSSESSION_UNPROVEN;
}
