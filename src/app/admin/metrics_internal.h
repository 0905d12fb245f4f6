/* SPDX-License-Identifier: Apache-2.0
 *
 * A gateway's numbers in the text format of Prometheus, version 0.0.4. There is no label that says
 * who a client is: what clients choose can neither be seen here nor make more lines.
 */
#pragma once

#include "app/admin/gateway_status.h"
#include "runtime/text_builder.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void metrics_add(struct text_builder *to, const struct gateway_status *status);
