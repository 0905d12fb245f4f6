/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of revocation lists that certificates name and that are not fetched: because they
 * cannot be, or because others need the room. Each is remembered for a while, at each refusal for
 * twice as long, so that nobody waits for it meanwhile; then whoever names it may ask again.
 * Belongs to the control thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/revocation/crl_registry.h"

struct crl_refusals;

enum {
    CRL_REFUSALS_MAX = 1024, /* the one that was refused first makes room */
    CRL_REFUSED_MS = 30 * 1000,
    CRL_REFUSED_MAX_MS = 60 * 60 * 1000
};

/* Borrows the registry, whose addresses tell the workers. */
struct crl_refusals *crl_refusals_create(struct crl_registry *registry);
/* NULL is fine. */
void crl_refusals_destroy(struct crl_refusals *refusals);

/* Refuses the address from now on. True: for the first time. */
bool crl_refusals_add(struct crl_refusals *refusals, const char *url, uint64_t now_ms);
/* It is fetched after all; what the registry knows of it is the caller's. */
void crl_refusals_remove(struct crl_refusals *refusals, const char *url);
/* Lets those ask again whose time is over. */
void crl_refusals_expire(struct crl_refusals *refusals, uint64_t now_ms);
void crl_refusals_clear(struct crl_refusals *refusals);
size_t crl_refusals_count(const struct crl_refusals *refusals);
