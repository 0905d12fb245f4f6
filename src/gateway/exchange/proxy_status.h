/* SPDX-License-Identifier: Apache-2.0
 *
 * Proxy-Status (RFC 9209): in the words that all intermediaries share, why this one answered in the
 * backend's place.
 */
#pragma once

#include <stdbool.h>

#include "protocol/reason/reason.h"
#include "runtime/buffer.h"
#include "runtime/slice.h"

/* RFC 9209 section 2.3: "connection_refused" and its like; never NULL. */
const char *proxy_status_error(enum reason reason);
/* "Proxy-Status: PSEUDONYM; error=ERROR", with the reason's own name as details where it may be
 * told. The pseudonym is a token that begins with a letter. False when there is no room. */
bool proxy_status_write(struct buffer *to, struct slice pseudonym, enum reason reason,
                        bool with_details);
