/* SPDX-License-Identifier: Apache-2.0
 *
 * A verdict is what a judging context says of a presented chain: accepted, with the verified path,
 * or a named reason; and until when that holds. It belongs to the chain and the context, never to
 * a connection or an identity. The store remembers verdicts; refusals live in a small part of
 * their own and can never push out an acceptance.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/identity/judging_context.h"
#include "gateway/identity/presented_certificate.h"
#include "gateway/revocation/revocation.h"
#include "protocol/reason/reason.h"

struct verdict;
struct verdict_store;

/* Zero takes the default. */
struct verdict_store_settings {
    size_t accepted_bytes_max; /* default 64 MiB */
    size_t refused_bytes_max;  /* default 4 MiB */
    unsigned refused_seconds;  /* how long a refusal is remembered; default 60 */
};

struct verdict_store_counts {
    size_t accepted;
    size_t accepted_bytes;
    size_t refused;
    size_t refused_bytes;
};

struct verdict_store *verdict_store_create(const struct verdict_store_settings *settings);
void verdict_store_destroy(struct verdict_store *store);
/* How many verdicts are remembered, and in how many bytes. */
struct verdict_store_counts verdict_store_count(const struct verdict_store *store);

/* The verdict on this chain in this context at `now` (seconds since 1970): remembered, or made by
 * path validation. A new reference. NULL: there is no memory; and a verdict that was made while an
 * allocation failed is a refusal that is not remembered. */
struct verdict *verdict_store_judge(struct verdict_store *store, struct judging_context *context,
                                    struct presented_certificate *presented, int64_t now);
struct verdict *verdict_acquire(struct verdict *verdict);
/* NULL is fine. */
void verdict_release(struct verdict *verdict);

/* REASON_UNDECIDED for NULL; REASON_NONE when accepted. */
enum reason verdict_reason(const struct verdict *verdict);
bool verdict_is_accepted(const struct verdict *verdict);
/* X509_V_OK when accepted; never X509_V_OK otherwise. */
int verdict_library_error(const struct verdict *verdict);
int64_t verdict_valid_until(const struct verdict *verdict);
/* Leaf first, anchor last; NULL unless accepted. Borrowed. */
STACK_OF(X509) * verdict_path(const struct verdict *verdict);
/* The SHA-256 of the anchor that the path ends at; empty unless accepted. */
struct slice verdict_anchor(const struct verdict *verdict);
/* How its context calls clients. */
struct principal_order verdict_principal_order(const struct verdict *verdict);
/* The digest of the context that made it, 32 bytes. */
struct slice verdict_context(const struct verdict *verdict);

/* Is what an accepted verdict accepts revoked, by the rules of its context? Remembered while the
 * version of the facts is the same, so that asking again costs next to nothing. */
struct revocation_result verdict_check_revocation(struct verdict *verdict,
                                                  const struct revocation_rules *rules,
                                                  struct revocation_facts *facts,
                                                  enum revocation_patience patience, int64_t now);
