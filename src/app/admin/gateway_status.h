/* SPDX-License-Identifier: Apache-2.0
 *
 * What a gateway says about itself, to who commands it and to who watches it. The control thread
 * keeps it; everything in here is read on that thread alone.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/socket.h"

struct backend_registry;
struct generation;
struct line_queue;
struct text_builder;
struct telemetry;

enum gateway_phase { GATEWAY_STARTING, GATEWAY_SERVING, GATEWAY_DRAINING };

struct gateway_address {
    struct socket_address configured;
    struct socket_address bound; /* with the port that the system chose where 0 was asked for */
};

struct gateway_reload {
    uint64_t begun; /* how many, since the start */
    bool is_under_way;
    /* Of the last one that ended: */
    int64_t ended; /* seconds since 1970; 0: there was none */
    bool succeeded;
    char *problems; /* why nothing was reloaded; NULL when it was */
};

struct gateway_status {
    enum gateway_phase phase;
    const char *configuration; /* a path */
    int64_t started_wall_seconds;
    uint64_t started_ms; /* on the monotonic clock */
    size_t workers;
    const atomic_size_t *open_connections;
    const struct telemetry *telemetry;
    struct backend_registry *backends; /* NULL: nothing is said of them */
    struct line_queue *const *events;  /* where the queues of events are, once there are any */
    size_t event_queues;
    const struct generation *generation; /* borrowed */
    uint64_t generation_number;          /* 1 from the start on */
    struct gateway_reload reload;
    /* Further metrics, of what this folder does not know. NULL: none. */
    void (*add_metrics)(struct text_builder *to, void *context);
    /* The same for the status: further members in JSON, or further lines. */
    void (*add_revocation)(struct text_builder *to, bool is_json, void *context);
    void *context;
    struct gateway_address *addresses; /* one a listening address of the generation */
    size_t address_count;
};

/* The generation is in use, or about to be. `sockets`: a listening descriptor for each of its
 * groups that was not listened on before, else -1. */
void gateway_status_adopt(struct gateway_status *status, const struct generation *generation,
                          const int *sockets);
void gateway_status_begin_reload(struct gateway_status *status);
/* `problems`: NULL when the next generation is in use. */
void gateway_status_end_reload(struct gateway_status *status, const char *problems);
uint64_t gateway_status_events_dropped(const struct gateway_status *status);
/* Releases what it holds. */
void gateway_status_reset(struct gateway_status *status);

/* "starting", "serving" or "draining". */
const char *gateway_phase_name(enum gateway_phase phase);
/* Where an address is really listened on; the address itself when nobody knows better. */
const struct socket_address *gateway_status_bound(const struct gateway_status *status,
                                                  const struct socket_address *configured);
