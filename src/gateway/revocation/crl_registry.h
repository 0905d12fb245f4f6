/* SPDX-License-Identifier: Apache-2.0
 *
 * All revocation lists, by where they came from, and the issuers whose keys they are tried with. It
 * belongs to the control thread, outlives configurations, and publishes what workers need as
 * revocation facts. Nothing that comes is used before its signature was verified, and nothing
 * replaces a newer list.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/revocation/revocation_facts.h"
#include "protocol/x509/crl.h"
#include "runtime/error.h"
#include "runtime/slice.h"

struct crl_registry;
struct crl_report;

enum {
    CRL_ISSUERS_MAX = 4096, /* that were learned from clients' chains */
    CRL_FILE_BYTES_MAX = 512 * 1024 * 1024
};

/* Borrows the facts. */
struct crl_registry *crl_registry_create(struct revocation_facts *facts);
/* NULL is fine. */
void crl_registry_destroy(struct crl_registry *registry);

/* The configured issuers instead of those before; takes references. What was learned stays. */
void crl_registry_set_issuers(struct crl_registry *registry, X509 *const *issuers, size_t count);
/* One that a verified path has proven. False: it was known. */
bool crl_registry_learn_issuer(struct crl_registry *registry, X509 *issuer);

enum crl_offer {
    CRL_OFFER_REFUSED, /* the lists that the origin had before stay */
    CRL_OFFER_UNCHANGED,
    CRL_OFFER_TAKEN
};

/* What was found at an origin: a path or a URL. Takes references to the lists. The error says why
 * they cannot be used. */
enum crl_offer crl_registry_offer(struct crl_registry *registry, const char *origin,
                                  const struct crl_set *set, int64_t now, struct error *error);
/* Whether the list may be used if it were offered: for who must know before. */
bool crl_registry_has(const struct crl_registry *registry, const char *origin);
/* Why the last attempt at this origin failed; NULL: it did not. Kept for reports. */
void crl_registry_note_problem(struct crl_registry *registry, const char *origin,
                               const char *problem);
/* Forgets every origin that is not among these. */
void crl_registry_retain(struct crl_registry *registry, const char *const *origins, size_t count);
/* Forgets this one, and its lists. */
void crl_registry_forget(struct crl_registry *registry, const char *origin);
/* Does the set have a list in the place of each that the origin has? Of those that have ended by
 * now, one of the issuer is enough. For origins that strangers may have a say in. */
bool crl_registry_may_replace(const struct crl_registry *registry, const char *origin,
                              const struct crl_set *set, int64_t now);
/* Addresses that are looked for: what a worker need not ask for again. True: it was known. */
bool crl_registry_set_address(struct crl_registry *registry, const char *url, bool is_awaited,
                              bool is_for_all);
void crl_registry_forget_address(struct crl_registry *registry, const char *url);
/* Did a worker need this address since this was asked last? */
bool crl_registry_take_use(struct crl_registry *registry, const char *url);
/* Calls back once for each list that has a quarter of its life left, and again when it has ended.
 */
void crl_registry_each_due(struct crl_registry *registry, int64_t now,
                           void (*report)(void *context, const struct crl_report *list),
                           void *context);
/* Makes what has changed known, if anything has. */
void crl_registry_publish(struct crl_registry *registry);

/* For reports: borrowed until the registry changes. */
struct crl_report {
    const char *origin;
    const struct crl_facts *facts; /* NULL: nothing usable has come yet */
    bool is_bound;                 /* its issuer is known, and the signature verified */
    const char *problem;           /* of the last attempt; NULL: none */
};
size_t crl_registry_count(const struct crl_registry *registry);
/* Calls back for each list, and for each origin without one. */
void crl_registry_each(const struct crl_registry *registry,
                       void (*report)(void *context, const struct crl_report *list), void *context);
