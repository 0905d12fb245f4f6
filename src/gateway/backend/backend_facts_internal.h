/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of one address of one endpoint: whether it answers, and what was counted. Shared by
 * all workers and all generations that name it; a reload forgets nothing.
 *
 * An endpoint that fails several times in a row is ejected for a while, each time for longer, and
 * never more than a share of those that a pool has.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/backend/backend_settings.h"

enum { CACHE_LINE_BYTES = 64 };

/* One worker's, and written by it alone. */
struct backend_counters {
    atomic_uint_fast64_t requests;
    atomic_uint_fast64_t connect_failures;
    atomic_uint_fast64_t open;
    atomic_uint_fast64_t idle;
    char apart[CACHE_LINE_BYTES - 4 * sizeof(atomic_uint_fast64_t)]; /* from the next worker's */
};

struct backend_facts {
    atomic_size_t references;
    char *key;
    atomic_uint failures;                  /* in a row */
    atomic_uint ejections;                 /* in a row: without a success in between */
    atomic_uint_fast64_t ejected_until_ms; /* 0: never was */
    atomic_uint_fast64_t ejected_total;
    atomic_bool is_reported_ejected;
    struct backend_counters *counters; /* one a worker */
    size_t counter_count;
};

struct backend_facts_table;

struct backend_facts_table *backend_facts_table_create(size_t workers);
/* Everything must have been released. NULL is fine. */
void backend_facts_table_destroy(struct backend_facts_table *table);
/* A number that was never given before, and is not 0. */
size_t backend_facts_next_version(struct backend_facts_table *table);
/* Those of this backend, endpoint and address. From any thread. */
struct backend_facts *backend_facts_acquire(struct backend_facts_table *table, const char *backend,
                                            const char *endpoint, const char *address);
struct backend_facts *backend_facts_share(struct backend_facts *facts);
/* From any thread. What nobody uses is forgotten with the next acquire. NULL is fine. */
void backend_facts_release(struct backend_facts *facts);

struct backend_counters *backend_facts_counters(struct backend_facts *facts, size_t worker);
void backend_counter_add(atomic_uint_fast64_t *counter, uint64_t count);
void backend_counter_subtract(atomic_uint_fast64_t *counter, uint64_t count);

bool backend_facts_is_ejected(const struct backend_facts *facts, uint64_t now_ms);
/* It has answered. True: it had been ejected, and is back. */
bool backend_facts_succeeded(struct backend_facts *facts);
/* It has failed. True: that was once too often, and it may be ejected. */
bool backend_facts_failed(struct backend_facts *facts, const struct backend_settings *settings);
/* Returns for how long. */
uint64_t backend_facts_eject(struct backend_facts *facts, const struct backend_settings *settings,
                             uint64_t now_ms);
