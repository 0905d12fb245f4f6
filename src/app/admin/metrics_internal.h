/* SPDX-License-Identifier: Apache-2.0
 *
 * A gateway's numbers in the text format of Prometheus, version 0.0.4. There is no label that says
 * who a client is: what clients choose can neither be seen here nor make more lines.
 */
#pragma once

#include "app/admin/gateway_status.h"
#include "gateway/telemetry/telemetry.h"
#include "runtime/text_builder.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* The part that says how often each limit was reached. */
void metrics_add_limits(struct text_builder *to, const struct telemetry_totals *totals);
void metrics_add(struct text_builder *to, const struct gateway_status *status);
