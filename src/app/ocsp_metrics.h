/* SPDX-License-Identifier: Apache-2.0
 *
 * What the asking of OCSP responders comes to, in the text format of Prometheus.
 */
#pragma once

#include "app/ocsp_keeper.h"
#include "gateway/revocation/ocsp_store.h"
#include "runtime/text_builder.h"

void ocsp_metrics_add(struct text_builder *to, const struct ocsp_keeper *keeper,
                      struct ocsp_store *store);
