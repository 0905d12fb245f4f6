/* SPDX-License-Identifier: Apache-2.0
 *
 * Revocation lists as metrics: how large each is, how old, when it ends, and whether it fails.
 */
#pragma once

#include "gateway/revocation/crl_registry.h"
#include "runtime/text_builder.h"

void crl_metrics_add(struct text_builder *to, const struct crl_registry *lists);
/* What was decided in spite of something. */
void revocation_metrics_add(struct text_builder *to, const struct revocation_facts *facts);
