/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known about revocation, as `sallyport status` shows it: each list and each responder,
 * where it is from, how good it is, and what went wrong last.
 */
#pragma once

#include <stdbool.h>

#include "app/ocsp_keeper.h"
#include "gateway/revocation/crl_registry.h"
#include "runtime/text_builder.h"

struct revocation_report {
    const struct crl_registry *lists;
    const struct ocsp_keeper *responders; /* NULL: none is asked yet */
    struct revocation_facts *facts;
};

/* JSON: two members, `revocation_lists` and `ocsp`. Text: nothing when there is nothing to say. */
void revocation_report_add(struct text_builder *to, const struct revocation_report *report,
                           bool is_json);
