/* SPDX-License-Identifier: Apache-2.0
 *
 * What else a verdict knows of itself, for the identity that is made from it.
 */
#pragma once

#include "gateway/identity/verdict.h"

/* The digest of the presented chain that was judged, 32 bytes. */
struct slice verdict_chain(const struct verdict *verdict);
/* SHA-256 over chain, context and the certificates of the path, 32 bytes: what an accepted
 * verdict proves. The same chain may have another path tomorrow. */
struct slice verdict_proof(const struct verdict *verdict);
