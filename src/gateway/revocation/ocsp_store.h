/* SPDX-License-Identifier: Apache-2.0
 *
 * What responders have said, by issuer's key, serial and the rules by which they were asked.
 * Workers ask it and never wait; what is not known is queued for the control thread, once for
 * however many ask, and the control thread puts in what it heard. Bounded in entries and in what is
 * queued.
 *
 * "Revoked" stays, unless it was a hold that a newer answer ends; older answers never replace newer
 * ones. Nothing is asked here for a chain whose possession is not proven: that is the caller's
 * duty.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/revocation/ocsp_settings.h"
#include "protocol/x509/crl_subject.h"
#include "protocol/x509/ocsp.h"

struct ocsp_store;

enum {
    OCSP_KEY_BYTES = 32,
    OCSP_ENTRIES_MAX = 65536,
    OCSP_QUEUED_MAX = 1024,
    OCSP_ISSUERS_MAX = 1024,
    OCSP_SKEW_SECONDS = 300,
    OCSP_ENDLESS_SECONDS = 3600,   /* how long an answer without nextUpdate holds */
    OCSP_KEPT_SECONDS_MAX = 86400, /* how long any good answer holds */
    OCSP_UNKNOWN_SECONDS_MAX = 60, /* how long "unknown" holds: the responder may learn */
    OCSP_RETRY_SECONDS_MAX = 60,   /* between attempts that fail, which wait twice as long each */
    OCSP_PROBLEM_BYTES = 160
};

/* One certificate of a verified path, and how its responder is to be asked. Borrowed. */
struct ocsp_question {
    const struct ocsp_rules *rules;
    const X509 *certificate;
    X509 *issuer;
    const unsigned char *issuer_id; /* CRL_ISSUER_ID_BYTES: see crl_issuer_id */
    struct slice serial;            /* the content of a DER INTEGER */
};

enum ocsp_knowledge {
    OCSP_NOTHING_KNOWN, /* and nobody was asked */
    OCSP_AWAITED,       /* the control thread is at it */
    OCSP_ANSWERED,      /* `answer` holds */
    OCSP_FAILED         /* the last attempt did; another is not due yet */
};

struct ocsp_fact {
    enum ocsp_knowledge knowledge;
    struct ocsp_answer answer; /* the last; its outcome is a statement, or malformed: none ever */
    int64_t until;             /* when the answer ends */
    int64_t last_good;         /* when the last good answer ended, or will; 0: none */
    bool has_failed;           /* the last attempt did, and this may be another */
    bool has_no_responder;     /* failed: nobody to ask */
    char problem[OCSP_PROBLEM_BYTES]; /* of the last failure */
};

struct ocsp_store *ocsp_store_create(void);
/* NULL is fine. */
void ocsp_store_destroy(struct ocsp_store *store);

/* ---- any thread ---- */

/* `may_want`: what is not known is queued. */
struct ocsp_fact ocsp_store_ask(struct ocsp_store *store, const struct ocsp_question *question,
                                bool may_want, int64_t now);
/* Called, on the asking thread, when there is something to take. */
void ocsp_store_set_listener(struct ocsp_store *store, void (*on_wanted)(void *), void *context);

struct ocsp_store_counts {
    uint64_t entries;
    uint64_t hits;    /* asked, and answered at once */
    uint64_t misses;  /* asked, and queued */
    uint64_t joined;  /* asked while another's question was on its way */
    uint64_t refused; /* asked, and the queue was full */
    uint64_t evicted; /* forgotten for want of room */
};
struct ocsp_store_counts ocsp_store_count(struct ocsp_store *store);

/* ---- the control thread ---- */

/* What is to be asked. Immutable, counted, good for as long as it is held. */
struct ocsp_inquiry {
    unsigned char key[OCSP_KEY_BYTES];
    char *responder; /* NULL: the certificate names none that can be used */
    enum ocsp_method method;
    enum ocsp_nonce_use nonce;
    enum ocsp_hash hash;
    uint64_t timeout_ms;
    X509 *issuer;
    unsigned char issuer_id[CRL_ISSUER_ID_BYTES];
    unsigned char serial[CRL_SERIAL_BYTES_MAX];
    size_t serial_size;
};

/* The next that is wanted, or NULL. To be released. */
const struct ocsp_inquiry *ocsp_store_take_wanted(struct ocsp_store *store);
/* The next whose answer ends soon and was used, or NULL: it is being asked from then on. To be
 * released. Call it about once a second until it gives NULL. */
const struct ocsp_inquiry *ocsp_store_take_due(struct ocsp_store *store, int64_t now);
void ocsp_inquiry_release(const struct ocsp_inquiry *inquiry);

/* What came of it: a statement. False when it is older than what is known, which stays. `changes`:
 * somebody may be waiting, or would now be decided otherwise. */
bool ocsp_store_put_answer(struct ocsp_store *store, const struct ocsp_inquiry *inquiry,
                           const struct ocsp_answer *answer, int64_t now, bool *changes);
/* Is there an answer that holds? */
bool ocsp_store_holds(struct ocsp_store *store, const struct ocsp_inquiry *inquiry, int64_t now);
/* Nothing came of it. */
void ocsp_store_put_failure(struct ocsp_store *store, const struct ocsp_inquiry *inquiry,
                            const char *problem, int64_t now, bool *changes);
