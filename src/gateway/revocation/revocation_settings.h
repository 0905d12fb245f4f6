/* SPDX-License-Identifier: Apache-2.0
 *
 * The `revocation` setting of a trust profile, as the configuration says it. In all of it zero is
 * the strictest, except that zero `sources` means that nothing is asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/revocation/ocsp_settings.h"
#include "protocol/x509/trust_store.h"
#include "runtime/position.h"

enum revocation_source { REVOCATION_SOURCE_CRL, REVOCATION_SOURCE_OCSP, REVOCATION_SOURCE_COUNT };

/* "crl", "ocsp". */
const char *revocation_source_name(enum revocation_source source);

enum revocation_requirement {
    REVOCATION_REQUIRE_ALL,         /* every source must say that the certificate is good */
    REVOCATION_REQUIRE_FIRST_ANSWER /* one is enough; "revoked" of another still wins */
};

enum revocation_extent {
    REVOCATION_OF_CHAIN, /* every certificate of the path but the anchor */
    REVOCATION_OF_LEAF
};

enum revocation_lenience {
    REVOCATION_REFUSE,
    REVOCATION_ACCEPT_LAST_GOOD, /* for a while after the last good answer ended */
    REVOCATION_ACCEPT
};

/* What is done when no source can answer. */
struct revocation_exception {
    enum revocation_lenience lenience;
    uint64_t last_good_ms;
};

struct crl_settings {
    struct trust_anchor_source *files; /* of which only path and position matter */
    size_t file_count;
    const char *const *urls; /* NULL-terminated; NULL: none */
    bool from_certificate;   /* fetch what the certificates' distribution points name */
    uint64_t refresh_ms;     /* how often a list is looked for; 0: when it is about to end */
    struct position position;
};

struct revocation_settings {
    struct position position;
    unsigned sources; /* a set of 1 << enum revocation_source */
    enum revocation_requirement require;
    enum revocation_extent applies_to;
    struct revocation_exception when_unavailable;
    struct revocation_exception when_crl_expired;
    struct crl_settings crl;
    struct ocsp_settings ocsp;
};
