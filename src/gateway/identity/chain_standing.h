/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a chain stands, apart from any request: is there still a judging context, of several that
 * may be asked, which accepts it? For a session that is to be resumed, and for a connection that
 * idles. It decides about nothing but these; each request is judged on its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gateway/identity/authentication.h"

struct chain_standing {
    enum reason reason;  /* REASON_NONE: somebody accepts it, or nobody judges */
    size_t accepted_by;  /* the index of who does */
    int64_t valid_until; /* of an acceptance, seconds since 1970 */
};

/* `first`: an index to begin with, as the one that accepted it before. A chain of which revocation
 * is not known yet is accepted: its next request waits for that. The reason of a refusal is that of
 * the first context. Nothing is asked for. */
struct chain_standing chain_standing_of(struct judging_context *const *contexts, size_t count,
                                        size_t first, struct presented_certificate *presented,
                                        const struct authentication_stores *stores, int64_t now);
