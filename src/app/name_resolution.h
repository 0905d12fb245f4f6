/* SPDX-License-Identifier: Apache-2.0
 *
 * DNS for backends, as the control thread runs it: a resolver for each configuration, events for
 * who watches, and metrics.
 */
#pragma once

#include "gateway/backend/backend_registry.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/resolver.h"
#include "runtime/text_builder.h"

struct name_resolution;

/* `callback`: workers have to look at their backends again. */
struct name_resolution *name_resolution_create(struct event_loop *loop,
                                               struct backend_registry *registry,
                                               event_callback *callback, void *context);
/* Before the loop and the registry. NULL is fine. */
void name_resolution_destroy(struct name_resolution *resolution);
/* Makes the resolver that the next adopt uses, reading the system's settings again. */
bool name_resolution_prepare(struct name_resolution *resolution,
                             const struct resolver_settings *settings, struct error *error);
/* What was prepared is used from now on, for the names of all pools that there are. Before workers
 * have the generation, so that they find what the hosts file knows. */
void name_resolution_adopt(struct name_resolution *resolution);
void name_resolution_add_metrics(struct text_builder *to, struct name_resolution *resolution);
