/* SPDX-License-Identifier: Apache-2.0
 *
 * What reports are made of.
 */
#pragma once

#include <stdint.h>

#include "runtime/slice.h"
#include "runtime/text_builder.h"

/* A JSON string. */
void report_add_json(struct text_builder *to, struct slice text);
/* What a certificate or a stranger's server says, for a terminal. */
void report_add_printable(struct text_builder *to, struct slice text);
/* "2026-11-21T05:00:00Z". */
void report_add_time(struct text_builder *to, int64_t wall_seconds);
