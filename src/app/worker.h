/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: a thread with an event loop, its listening sockets, its connections to clients and
 * backends. Workers share only what the header of each shared thing says.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "app/passed_sockets.h"
#include "gateway/generation/generation.h"
#include "gateway/identity/verdict.h"
#include "gateway/listener/address_accounts.h"
#include "gateway/telemetry/telemetry.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"

struct worker;

struct worker_settings {
    size_t index;
    struct presented_table *chains;
    struct verdict_store *verdicts;
    struct revocation_facts *revocation;
    struct address_accounts *accounts;
    struct telemetry *telemetry;
    atomic_size_t *open_connections;
    /* Who waits in the queue of one of these stays there when the worker ends: somebody else will
     * serve them. */
    const struct passed_sockets *passed;
    /* For Via, where the configuration says nothing; the caller's, for as long as the worker lives.
     */
    const char *pseudonym;
    /* Called on the worker's thread: the generation that was handed over is in use; and, as the
     * last thing it does, that it has ended; and that worker_ask was heard. */
    event_callback *on_adopted;
    event_callback *on_ended;
    event_callback *on_answered;
    void *context;
};

/* A generation for a worker, with a listening descriptor for each of its groups that the worker has
 * none for, else -1. The worker takes the descriptors, and a reference to the generation. */
struct worker_handover {
    struct generation *generation;
    const int *listening;
};

/* Starts the thread. NULL and an error when the system refuses; then the descriptors are closed. */
struct worker *worker_start(const struct worker_settings *settings,
                            const struct worker_handover *first, struct error *error);
/* From the control thread, and not again before on_adopted was called. Sockets of addresses that
 * the generation does not have accept what waits in their queues, and close. */
void worker_hand_over(struct worker *worker, const struct worker_handover *next);
/* From the control thread: what is known about revocation has changed, or the clock was set. Who is
 * connected is judged again, and who waited for news goes on. */
void worker_recheck_revocation(struct worker *worker);
/* From the control thread: backends may have other addresses. */
void worker_look_at_backends(struct worker *worker);
/* From the control thread: is it still there? It answers in its next turn, when it has one. */
void worker_ask(struct worker *worker);
/* True for one that has ended. */
bool worker_has_answered(const struct worker *worker);
/* From the control thread: accept no more, finish what runs, then end. */
void worker_drain(struct worker *worker);
/* From the control thread: end now. */
void worker_stop(struct worker *worker);
/* Waits for the thread, and releases it. NULL is fine. */
void worker_join(struct worker *worker);
