/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of endpoints, for the control thread: each name that a pool of a living generation has
 * is resolved, and again shortly before its time to live is over, whoever uses it in how many
 * pools. What was found goes to the pools as a whole.
 *
 * An answer replaces what was known of its family. When DNS fails, or says that there is no such
 * name any more, the last good addresses stay in use, and the question is asked again, at growing
 * intervals.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/backend/backend_registry.h"
#include "runtime/resolver.h"

struct backend_names;

/* Once for each change, not for each answer. Texts are valid during the callback. */
struct backend_name_event {
    const char *host;
    const struct ip_address *addresses; /* in use now */
    size_t count;
    size_t left_out;               /* further ones, beyond what a name may have */
    enum resolver_outcome outcome; /* FOUND, or why the last answer was no good */
};

struct backend_names_settings {
    struct event_loop *loop;
    struct backend_registry *registry;
    void (*on_event)(void *context, const struct backend_name_event *event);
    /* Workers have to look again. */
    void (*on_changed)(void *context);
    void *context;
};

struct backend_names_counts {
    uint64_t answers[RESOLVER_OUTCOMES]; /* of both families together: the better one */
    uint64_t changes;                    /* of the addresses of a name */
    size_t names;
    size_t unresolved; /* without any address */
    size_t stale;      /* whose last good addresses are used for want of newer ones */
    size_t left_out;   /* addresses that are more than a name, or a pool, may have */
    size_t running;
};

/* Nothing is asked before the first resolver is taken. */
struct backend_names *backend_names_create(const struct backend_names_settings *settings);
/* Before the loop and the registry. NULL is fine. */
void backend_names_destroy(struct backend_names *names);
/* Takes the resolver, to ask about every name of the registry's pools now; what was known of them
 * is used until the answers come. */
void backend_names_adopt(struct backend_names *names, struct resolver *resolver);
void backend_names_count(struct backend_names *names, struct backend_names_counts *counts);
