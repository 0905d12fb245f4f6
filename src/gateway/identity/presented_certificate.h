/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client showed: a chain that anybody could show. It is no identity, and no function that
 * speaks to a backend takes it for one. Immutable and reference-counted; sessions keep it, so
 * that a resumed connection is judged like a new one.
 */
#pragma once

#include <openssl/x509.h>
#include <stddef.h>

#include "protocol/reason/reason.h"
#include "protocol/x509/certificate.h"
#include "runtime/arena.h"
#include "runtime/slice.h"

struct presented_certificate;

/* Takes its own references. A chain beyond the limits (count, bytes) is remembered by its leaf
 * alone, and presented_certificate_limit says so. NULL: there is no memory. */
struct presented_certificate *presented_certificate_create(X509 *leaf, STACK_OF(X509) * untrusted);
struct presented_certificate *presented_certificate_acquire(
    struct presented_certificate *presented);
/* NULL is fine. */
void presented_certificate_release(struct presented_certificate *presented);

/* SHA-256 over the certificates as presented, each with its length. */
struct slice presented_certificate_digest(const struct presented_certificate *presented);
X509 *presented_certificate_leaf(const struct presented_certificate *presented);
STACK_OF(X509) * presented_certificate_untrusted(const struct presented_certificate *presented);
/* REASON_NONE, or the limit that the chain breaks (certificate_check_limits, count, bytes): found
 * once, when created. */
enum reason presented_certificate_limit(const struct presented_certificate *presented);
/* How many bytes it holds, for the caches that keep it. */
size_t presented_certificate_bytes(const struct presented_certificate *presented);

/* The leaf's description; computed at the first call and kept. Safe from several threads. NULL when
 * it cannot be read. */
const struct certificate_description *presented_certificate_describe(
    struct presented_certificate *presented);
