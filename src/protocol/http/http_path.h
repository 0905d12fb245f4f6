/* SPDX-License-Identifier: Apache-2.0
 *
 * The one canonical form of a request path. Routing, policy, logs and the bytes sent to the
 * backend use this form alone, so that nobody can be made to see another path than the gateway.
 *
 * Canonical means: begins with '/'; escapes of unreserved characters are decoded (RFC 3986 section
 * 6.2.2.2), other escapes keep upper-case digits; runs of '/' are one '/'; characters that a path
 * may not hold but clients send as they are (" < > [ ] ^ ` { | }) are escapes.
 *
 * Refused as ambiguous: an encoded '/', '\', '.', or NUL; any raw '\' or NUL; a segment that is "."
 * or ".." (also before a ';' or its escape); a bad or truncated escape; escapes that give one of
 * these bytes when they are decoded more than once ("%252E"); overlong UTF-8 for an ASCII
 * character. Refused as malformed: '#', '?', controls, blanks, and bytes above 0x7E.
 *
 * Escapes of reserved characters (! $ & ' ( ) * + , ; = : @) stay as they are, because RFC 3986
 * section 2.2 gives them another meaning: "/a:b" and "/a%3Ab" are two paths here, although most
 * backends take them for one.
 */
#pragma once

#include "protocol/reason/reason.h"
#include "runtime/arena.h"
#include "runtime/slice.h"

/* REASON_NONE and `*canonical` (in the arena, or `raw` itself where it is canonical already), or
 * REASON_REQUEST_PATH_AMBIGUOUS, REASON_REQUEST_TARGET_MALFORMED, REASON_BUDGET_EXCEEDED. */
enum reason http_path_canonicalise(struct slice raw, struct arena *arena, struct slice *canonical);
