/* SPDX-License-Identifier: Apache-2.0
 *
 * Trailer fields (RFC 9110 section 6.5): read by the same reader as the fields of a head, and never
 * merged into one.
 */
#pragma once

#include "protocol/http/http_message.h"
#include "runtime/arena.h"

/* `section` is what http_chunked_trailers gives; the fields' slices point into it, their array is
 * the arena's. NULL and the fields, or a few words about what is wrong: more than `count_max`, or
 * no memory for them. */
const char *http_trailers_read(struct slice section, size_t count_max, struct arena *arena,
                               struct http_fields *fields);
