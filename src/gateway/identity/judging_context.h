/* SPDX-License-Identifier: Apache-2.0
 *
 * A judging context is everything that decides whether a presented certificate is accepted:
 * anchors, depth, purpose, ... Its digest changes whenever any of it changes; verdicts and
 * sessions are bound to the digest, so that none outlives the rules under which it was made.
 * Immutable, reference-counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/identity/principal.h"
#include "gateway/revocation/revocation.h"
#include "protocol/x509/path_demands.h"
#include "protocol/x509/trust_store.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct anchor_usages;
struct judging_context;

struct trust_profile_settings {
    const char *name; /* NULL for a profile in place */
    struct trust_anchor_source *anchors;
    size_t anchor_count;
    struct trust_anchor_source
        *intermediates; /* our own, for clients that show none; not trusted */
    size_t intermediate_count;
    struct trust_anchor_source *issuers; /* whose key must have signed the leaf; none: any CA's */
    size_t issuer_count;
    bool verify_issuer_dn;                /* Azure's comparison by name */
    enum trust_upload_rules upload_rules; /* of the anchors */
    unsigned depth;                       /* default 4 */
    bool partial_chain;
    enum path_purpose extended_key_usage;
    const char **required_usages;   /* OIDs, NULL behind the last; NULL: none */
    const char **required_policies; /* OIDs, NULL behind the last; NULL: none */
    const char **key_types;         /* as path_key_type_parse has them; NULL: all */
    unsigned rsa_bits_min;
    enum path_hash_strength signature_hash_min;
    const char **principal; /* as principal_source_parse has them; NULL: the default */
    bool send_ca_names;     /* default true */
    struct revocation_settings revocation;
    const struct trust_profile_settings *trial; /* judged beside, never enforced; NULL: none */
    struct position position;
};

struct judging_context *judging_context_create(const struct trust_profile_settings *settings,
                                               struct error *error);
struct judging_context *judging_context_acquire(struct judging_context *context);
void judging_context_release(struct judging_context *context);

/* 32 bytes. */
struct slice judging_context_digest(const struct judging_context *context);
const struct trust_store *judging_context_anchors(const struct judging_context *context);
/* Our own certificates that may issue others': whose lists can be verified at once. NULL: none. */
const struct trust_store *judging_context_intermediates(const struct judging_context *context);
const struct revocation_rules *judging_context_revocation(const struct judging_context *context);
bool judging_context_sends_ca_names(const struct judging_context *context);
/* From now on it is noted in `usages` when an anchor is used; before the context is shared. */
void judging_context_track(struct judging_context *context, struct anchor_usages *usages,
                           const char *profile);
/* Somebody was accepted through the anchor with this SHA-256, at `now` in seconds since 1970. What
 * the anchor is called: its name, else its subject; borrowed, and empty for what is no anchor. */
struct slice judging_context_note_use(const struct judging_context *context, struct slice anchor,
                                      int64_t now);
/* When that was last; 0: never, or nobody keeps track. By the index of the trust store. */
int64_t judging_context_last_use(const struct judging_context *context, size_t index);
struct principal_order judging_context_principal_order(const struct judging_context *context);
/* What is judged beside this context, and enforced nowhere; NULL: nothing. Borrowed. */
struct judging_context *judging_context_trial(const struct judging_context *context);
