/* SPDX-License-Identifier: Apache-2.0
 *
 * Asks OCSP responders, on the control thread: what workers want and what is about to end. Each
 * certificate is asked about once at a time, a responder and an issuer take a part of what may run
 * at once, and a responder that fails again and again is left alone for a while. What was answered
 * is kept in a directory, if there is one, and checked again when it is read.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gateway/revocation/revocation_facts.h"
#include "runtime/event_loop.h"
#include "runtime/fetch.h"

struct ocsp_keeper;

enum {
    OCSP_PER_RESPONDER_MAX = 8,    /* questions to one responder at once */
    OCSP_PER_ISSUER_MAX = 16,      /* about the certificates of one issuer */
    OCSP_RESPONDERS_MAX = 256,     /* that are remembered */
    OCSP_BREAKER_FAILURES = 5,     /* in a row, until a responder is left alone */
    OCSP_BREAKER_SECONDS = 10,     /* for so long at first, each time twice as long, */
    OCSP_BREAKER_SECONDS_MAX = 60, /* up to this */
    OCSP_REDIRECTS_MAX = 3,
    OCSP_SLOW_BYTES_PER_SECOND = 100
};

/* The keeper begins at once. `fetcher` may be NULL: nobody is asked, and what was kept is all there
 * is. `directory` may be NULL. */
struct ocsp_keeper *ocsp_keeper_create(struct revocation_facts *facts, struct event_loop *loop,
                                       struct fetcher *fetcher, const char *directory);
/* Before the loop and the fetcher. NULL is fine. */
void ocsp_keeper_destroy(struct ocsp_keeper *keeper);

/* For metrics: how often each result came, by name. NULL where that result is counted as another.
 */
size_t ocsp_keeper_result_count(void);
const char *ocsp_keeper_result(const struct ocsp_keeper *keeper, size_t index, uint64_t *count);
/* For reports: borrowed during the call. */
struct ocsp_responder_report {
    const char *url;
    uint64_t answers;  /* that counted */
    unsigned failures; /* in a row */
    size_t running;
    uint64_t left_alone_ms; /* for so long; 0: it is asked */
    const char *problem;    /* of the last question; NULL: it was answered */
};
/* Those that are remembered, the one that was asked last first. */
void ocsp_keeper_each(const struct ocsp_keeper *keeper,
                      void (*report)(void *context, const struct ocsp_responder_report *responder),
                      void *context);
/* How many responders are left alone now. */
size_t ocsp_keeper_broken(const struct ocsp_keeper *keeper);
/* Questions that are under way, and those that wait for their turn. */
size_t ocsp_keeper_running(const struct ocsp_keeper *keeper);
size_t ocsp_keeper_waiting(const struct ocsp_keeper *keeper);
