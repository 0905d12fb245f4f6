/* SPDX-License-Identifier: Apache-2.0
 *
 * The one canonical form of a request path. Routing, policy, logs and the bytes sent to the
 * backend use this form alone, so that nobody can be made to see another path than the gateway.
 *
 * Canonical means: begins with '/'; escapes of unreserved characters are decoded (RFC 3986 section
 * 6.2.2.2), other escapes keep upper-case digits; runs of '/' are one '/'. Refused as ambiguous:
 * an encoded '/', '\', '.', or NUL, any raw '\' or NUL, a segment that is "." or ".." (also before a ';'),
 * a bad or truncated escape, an escape of '%' followed by two digits that would decode again
 * (double encoding of one of these), '#', controls, blanks, and bytes above 0x7E.
 */
#pragma once

#include "protocol/reason/reason.h"
#include "runtime/arena.h"
#include "runtime/slice.h"

/* REASON_NONE and `*canonical` (in the arena, or `raw` itself where it is canonical already), or
 * REASON_REQUEST_PATH_AMBIGUOUS, REASON_REQUEST_TARGET_MALFORMED, REASON_BUDGET_EXCEEDED. */
enum reason http_path_canonicalise(struct slice raw, struct arena *arena, struct slice *canonical);
