/* SPDX-License-Identifier: Apache-2.0
 *
 * The backend pools of all generations that live. A pool is known by its settings and by what
 * the files of its TLS settings hold: a generation
 * that says the same as the one before shares its pool, so that a reload closes no connection to a
 * backend whose settings did not change. Each live pool has a place of its own in the workers'
 * tables.
 */
#pragma once

#include "gateway/backend/backend.h"

struct backend_registry;

/* `workers`: how many will count. */
struct backend_registry *backend_registry_create(size_t workers);
/* Every pool must have been released. NULL is fine. */
void backend_registry_destroy(struct backend_registry *registry);

/* The pool with these settings: shared, or made. The caller releases it. NULL and an error with the
 * setting's position. From any thread. */
struct backend_pool *backend_registry_acquire(struct backend_registry *registry,
                                              const struct backend_settings *settings,
                                              struct error *error);
/* From any thread; NULL is fine. */
void backend_registry_release(struct backend_registry *registry, struct backend_pool *pool);
/* Every pool of the generations that live. */
void backend_registry_visit(struct backend_registry *registry,
                            void (*visit)(void *context, struct backend_pool *pool), void *context);
