/* SPDX-License-Identifier: Apache-2.0
 *
 * A gateway's status and certificates, as JSON for programs and as text for people.
 */
#pragma once

#include "app/admin/gateway_status.h"
#include "app/admin/report_text.h"
#include "runtime/text_builder.h"

enum report_form { REPORT_TEXT, REPORT_JSON };

void status_report_add(struct text_builder *to, const struct gateway_status *status,
                       enum report_form form);
/* `now`: seconds since 1970, by which people are told how long a certificate is still good. */
void certificate_report_add(struct text_builder *to, const struct gateway_status *status,
                            int64_t now, enum report_form form);
