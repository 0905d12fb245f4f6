/* SPDX-License-Identifier: Apache-2.0
 *
 * A generation: one configuration, and everything that is built from it alone: listeners with
 * their TLS profiles and routes, judging contexts, rewrite plans, backend pools. Immutable once
 * built, reference-counted, shared by all workers. It is built whole, or not at all.
 *
 * What outlives configurations is not in here: sessions, verdicts, connections, counters.
 */
#pragma once

#include <stddef.h>

#include "gateway/generation/generation_settings.h"
#include "gateway/identity/authentication.h"
#include "gateway/listener/listener.h"
#include "runtime/error.h"

struct anchor_usages;
struct backend_pool;
struct backend_registry;
struct generation;
struct judging_context;
struct telemetry;
struct tls_key_log;
struct tls_session_store;

/* What outlives generations, and is used by several at a time. */
struct generation_facts {
    struct tls_session_store *sessions;
    struct backend_registry *backends;
    struct anchor_usages *anchors; /* NULL: nobody keeps track of who is used */
    struct telemetry *telemetry;   /* NULL: nothing is counted */
    struct tls_key_log *key_log;   /* NULL, as it ought to be: secrets stay where they are */
    /* What is in effect; NULL: nothing yet. Only looked at while another is built. */
    const struct generation *previous;
};

/* Borrows the settings and the facts. Reads every file that the settings name, and resolves names,
 * so it may block. NULL and an error that begins with the position of what cannot be used. */
struct generation *generation_create(const struct generation_settings *settings,
                                     const struct generation_facts *facts, struct error *error);
/* `release` is called with `owner` when the last reference to the generation is gone: for the
 * configuration that owns the settings. */
void generation_set_owner(struct generation *generation, void (*release)(void *owner), void *owner);
struct generation *generation_acquire(struct generation *generation);
/* NULL is fine. */
void generation_release(struct generation *generation);

const struct generation_settings *generation_get_settings(const struct generation *generation);
/* One group an address, in the order of the configuration. */
size_t generation_group_count(const struct generation *generation);
const struct listener_group *generation_group(const struct generation *generation, size_t index);
/* NULL: no listener has this address. */
const struct listener_group *generation_find_group(const struct generation *generation,
                                                   const struct socket_address *address);
struct backend_pool *const *generation_pools(const struct generation *generation, size_t *count);
/* What certificates are judged by, once for each trust profile that is used. */
size_t generation_trust_count(const struct generation *generation);
const struct trust_profile_settings *generation_trust_settings(const struct generation *generation,
                                                               size_t index);
const struct judging_context *generation_trust(const struct generation *generation, size_t index);
/* How many fingerprints policies have read from the file; 0 when none has. */
size_t generation_fingerprints(const struct generation *generation, const char *path);
/* The header names that only the gateway may say. */
const struct http_name_set *generation_owned_names(const struct generation *generation);
/* Whom limits by address do not concern, whatever the listener. */
const struct address_set *generation_unlimited_addresses(const struct generation *generation);
struct identity_table *generation_identities(const struct generation *generation);
