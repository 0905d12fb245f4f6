/* SPDX-License-Identifier: Apache-2.0
 *
 * A worker: a thread with an event loop, its listening sockets, its connections to clients and
 * backends. Workers share only what the header of each shared thing says.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>

#include "gateway/generation/generation.h"
#include "gateway/identity/verdict.h"
#include "gateway/telemetry/telemetry.h"
#include "runtime/error.h"

struct worker;

struct worker_settings {
    size_t index;
    struct generation *generation; /* the worker takes a reference of its own */
    struct verdict_store *verdicts;
    struct telemetry *telemetry;
    atomic_size_t *open_connections;
    const int
        *listening; /* one descriptor for each group of the generation; the worker takes them */
    void (*on_ended)(void *context); /* called on the worker's thread, as the last thing it does */
    void *context;
};

/* Starts the thread. NULL and an error when the system refuses; then the descriptors are closed. */
struct worker *worker_start(const struct worker_settings *settings, struct error *error);
/* From the control thread: accept no more, finish what runs, then end. */
void worker_drain(struct worker *worker);
/* From the control thread: end now. */
void worker_stop(struct worker *worker);
/* Waits for the thread, and releases it. NULL is fine. */
void worker_join(struct worker *worker);
