/* SPDX-License-Identifier: Apache-2.0
 *
 * Path validation (RFC 5280 section 6) from a presented leaf to a trust anchor, with libcrypto,
 * and its outcome in our own reasons.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/reason/reason.h"
#include "protocol/x509/path_demands.h"
#include "protocol/x509/trust_store.h"

enum {
    CERTIFICATION_PATH_DEPTH_MAX = 10,
    /* Part of every judging context's digest; one more whenever the rules of validation change. */
    CERTIFICATION_PATH_RULES_VERSION = 2
};

struct certification_path_settings {
    const struct trust_store *anchors;
    const struct trust_store
        *intermediates; /* help to find a path, trusted by nobody; may be NULL */
    unsigned depth; /* CA certificates between leaf and anchor, the anchor not counted; ≤ 10 */
    bool partial_chain; /* an anchor need not be self-signed */
    struct path_demands demands;
};

struct certification_path {
    enum reason reason; /* REASON_NONE: accepted */
    int library_error;  /* X509_V_ERR_..., for the TLS alert and the log's detail; X509_V_OK when
                           accepted */
    STACK_OF(X509) *
        certificates; /* leaf first, anchor last; NULL unless accepted; the caller frees it */
    /* When this outcome ends: the earliest notAfter of the path; for a refusal that time alone can
     * change (not yet valid), that time; INT64_MAX when time cannot change it. */
    int64_t valid_until;
    int64_t valid_from; /* the latest notBefore of the path; 0 unless accepted */
};

/* Checks limits, signatures, validity at `now`, basic constraints, key usages, name constraints,
 * policies, depth, and then the demands. Never trusts a certificate of `untrusted` or of the
 * intermediates. */
struct certification_path certification_path_verify(
    const struct certification_path_settings *settings, X509 *leaf, STACK_OF(X509) * untrusted,
    int64_t now);
