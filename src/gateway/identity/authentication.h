/* SPDX-License-Identifier: Apache-2.0
 *
 * Authentication, a step of the walk: is there an accepted verdict for this connection's chain in
 * this route's context? It runs for each request, and again after each wait, just before the
 * first byte goes to a backend. Only here does a presented certificate become an identity.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/identity/identity.h"
#include "gateway/identity/judging_context.h"
#include "gateway/identity/presented_certificate.h"
#include "gateway/identity/presented_table.h"
#include "gateway/identity/verdict.h"
#include "gateway/revocation/revocation.h"
#include "protocol/reason/reason.h"

/* Zero is the strictest. */
enum client_certificate_mode {
    CLIENT_CERTIFICATE_REQUIRED,   /* none, or a bad one: refused */
    CLIENT_CERTIFICATE_OPTIONAL,   /* none: anonymous; a bad one: refused */
    CLIENT_CERTIFICATE_UNVERIFIED, /* asked for, never judged, nobody is refused */
    CLIENT_CERTIFICATE_NONE        /* plays no part, whatever was presented */
};

const char *client_certificate_mode_name(enum client_certificate_mode mode);

/* What a route demands. */
struct authentication_demand {
    enum client_certificate_mode mode;
    struct judging_context *context; /* NULL with UNVERIFIED and NONE; NULL otherwise refuses */
};

struct authentication_stores {
    struct presented_table *chains; /* NULL: chains are not shared */
    struct verdict_store *verdicts;
    struct identity_table *identities;
    struct revocation_facts *revocation; /* NULL: nothing is known about revocation */
};

struct authentication {
    enum reason reason; /* REASON_NONE: satisfied. REASON_UNDECIDED: nothing was checked, refused */
    struct identity *identity; /* a reference, or NULL: anonymous, or unverified */
    struct verdict *verdict;   /* a reference, or NULL: nothing was judged */
    struct slice anchor;       /* what the anchor is called that vouches for the identity; borrowed
                                  from the context */
    bool has_trial;            /* the trial of the context was judged beside it */
    enum reason trial_reason;  /* what it said; decides nothing */
    /* Refused only because revocation is not known yet: ask again when the facts have changed. */
    bool is_pending;
    struct revocation_result revocation; /* of an accepted verdict; zero: it was not asked */
};

/* `presented` is NULL when the client showed nothing. The handshake must be finished. */
struct authentication authentication_check(const struct authentication_demand *demand,
                                           struct presented_certificate *presented,
                                           const struct authentication_stores *stores, int64_t now);
/* The same when there is no time left to wait: nothing is pending, what is not known is decided by
 * the rules for that. */
struct authentication authentication_check_finally(const struct authentication_demand *demand,
                                                   struct presented_certificate *presented,
                                                   const struct authentication_stores *stores,
                                                   int64_t now);
/* The first second, since 1970, in which a satisfied one may come to something else though nothing
 * has changed; INT64_MAX: none. */
int64_t authentication_holds_until(const struct authentication *authentication);
/* Releases what it refers to and clears it: cleared means refused. */
void authentication_reset(struct authentication *authentication);
