/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known about revocation: lists, and whose they are. It outlives configurations. The
 * control thread writes it, workers read it: as immutable snapshots, each with a version, or not
 * even that while the version is the one that they asked last. What a worker finds missing it
 * wants, and the control thread hears of it.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/x509/crl.h"
#include "protocol/x509/crl_subject.h"
#include "runtime/slice.h"

struct ocsp_store;
struct revocation_facts;
struct revocation_snapshot;

struct revocation_facts *revocation_facts_create(void);
/* NULL is fine. */
void revocation_facts_destroy(struct revocation_facts *facts);

/* ---- any thread */

/* Goes up with every change, and begins with 1. */
uint64_t revocation_facts_version(const struct revocation_facts *facts);
struct revocation_snapshot *revocation_facts_acquire(struct revocation_facts *facts);
void revocation_snapshot_release(struct revocation_snapshot *snapshot);

enum { REVOCATION_WANTED_MAX = 1024 };

/* A certificate of a verified path, whose issuer's key is thereby proven, and what it is wanted
 * for. */
struct revocation_want {
    X509 *certificate;
    X509 *issuer;
    unsigned sources; /* a set of 1 << enum revocation_source */
    bool crl_from_certificate;
};

/* Takes its own references. The same thing that waits already is not added again. False when too
 * much is wanted at once. */
bool revocation_facts_want(struct revocation_facts *facts, const struct revocation_want *want);

/* What was decided in spite of something, for metrics. */
struct revocation_doubts {
    uint64_t lenient;  /* accepted, though no source could tell */
    uint64_t disputed; /* revoked says one source, good another */
};
void revocation_facts_note_doubts(struct revocation_facts *facts, bool is_lenient,
                                  bool is_disputed);
struct revocation_doubts revocation_facts_doubts(const struct revocation_facts *facts);

/* What responders have said: its own lock. */
struct ocsp_store *revocation_facts_responders(struct revocation_facts *facts);

/* ---- snapshots: borrowed from, while the reference is held */

enum revocation_knowledge {
    REVOCATION_NEVER_HEARD, /* want it */
    REVOCATION_AWAITED,
    REVOCATION_KNOWN /* there is nothing more to wait for */
};

/* The lists that this issuer's key has signed, the newest of each scope. NULL: none. */
struct crl *const *revocation_snapshot_lists(const struct revocation_snapshot *snapshot,
                                             const unsigned char issuer[CRL_ISSUER_ID_BYTES],
                                             size_t *count);
/* Were lists that name this issuer tried with its key? */
enum revocation_knowledge revocation_snapshot_issuer(
    const struct revocation_snapshot *snapshot, const unsigned char issuer[CRL_ISSUER_ID_BYTES]);
/* Was the list at this address looked for? */
enum revocation_knowledge revocation_snapshot_address(const struct revocation_snapshot *snapshot,
                                                      struct slice url);

/* Is there an address that may have the list of any issuer, and has not been heard of yet? */
bool revocation_snapshot_is_incomplete(const struct revocation_snapshot *snapshot);

/* ---- the control thread */

/* `on_changed` is called on the thread that publishes, `on_wanted` on any. */
void revocation_facts_set_listener(struct revocation_facts *facts, void (*on_changed)(void *),
                                   void (*on_wanted)(void *), void *context);
/* Gives what is wanted, oldest first; false when nothing is. The caller frees the certificates. */
bool revocation_facts_take_want(struct revocation_facts *facts, struct revocation_want *want);
/* Did anybody ask for this address since this was asked last? */
bool revocation_facts_take_use(struct revocation_facts *facts, const char *url);
/* A snapshot that is no longer in use, with the lists that it alone holds; NULL: none is left, or
 * somebody still reads it. To be released, best where milliseconds do not matter: a million entries
 * are given back to the system. */
struct revocation_snapshot *revocation_facts_take_unused(struct revocation_facts *facts);
/* What a snapshot is made of; everything is copied, lists get references. */
struct revocation_known_list {
    unsigned char issuer[CRL_ISSUER_ID_BYTES];
    struct crl *list;
};
struct revocation_known_issuer {
    unsigned char issuer[CRL_ISSUER_ID_BYTES];
};
struct revocation_known_address {
    const char *url;
    bool is_awaited;
    bool is_for_all; /* it may have the list of any issuer: everybody without one waits */
};
struct revocation_knowledge_base {
    const struct revocation_known_list *lists;
    size_t list_count;
    const struct revocation_known_issuer *issuers;
    size_t issuer_count;
    const struct revocation_known_address *addresses;
    size_t address_count;
};
void revocation_facts_publish(struct revocation_facts *facts,
                              const struct revocation_knowledge_base *base);
/* Another source has learned something: the version goes up, and whoever waits checks again. */
void revocation_facts_touch(struct revocation_facts *facts);
