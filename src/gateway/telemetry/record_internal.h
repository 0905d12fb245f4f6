/* SPDX-License-Identifier: Apache-2.0
 *
 * Records as lines of JSON. A line always fits and is always valid JSON with a line feed, whatever
 * the record holds: each text has a part of the line, and one that needs more is cut and marked.
 */
#pragma once

#include "gateway/telemetry/telemetry.h"
#include "runtime/buffer.h"

enum { RECORD_BYTES_MAX = 16 * 1024 };

/* The buffer is empty and has RECORD_BYTES_MAX bytes. */
void record_format_exchange(struct buffer *to, const struct exchange_record *record);
void record_format_handshake(struct buffer *to, const struct handshake_record *record);
