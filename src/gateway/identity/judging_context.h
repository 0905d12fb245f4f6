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

#include "protocol/x509/trust_store.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct judging_context;

struct trust_profile_settings {
    const char *name; /* NULL for a profile in place */
    struct trust_anchor_source *anchors;
    size_t anchor_count;
    struct trust_anchor_source
        *intermediates; /* our own, for clients that show none; not trusted */
    size_t intermediate_count;
    enum trust_upload_rules upload_rules; /* of the anchors */
    unsigned depth;                       /* default 4 */
    bool partial_chain;
    bool send_ca_names; /* default true */
    struct position position;
};

struct judging_context *judging_context_create(const struct trust_profile_settings *settings,
                                               struct error *error);
struct judging_context *judging_context_acquire(struct judging_context *context);
void judging_context_release(struct judging_context *context);

/* 32 bytes. */
struct slice judging_context_digest(const struct judging_context *context);
const struct trust_store *judging_context_anchors(const struct judging_context *context);
bool judging_context_sends_ca_names(const struct judging_context *context);
