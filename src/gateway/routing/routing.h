/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing: which route serves this request? The first route in order whose paths and methods match.
 * Matching is pure and uses the canonical path alone.
 *
 * A pattern is "/exact", "/prefix/" + "*", or "*" (everything). Matching errs towards the stricter route: a route that
 * demands no less than its listener matches generously (letters of either case, path parameters
 * ';x' of a segment ignored, and "/prefix/" + "*" also matches "/prefix"); a route that exempts from what its
 * listener demands (`is_exemption`) matches exactly, at segment boundaries, and never a path with ';'.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/http/http_message.h"
#include "runtime/error.h"
#include "runtime/position.h"
#include "runtime/slice.h"

struct route_plan; /* what is done with a request of the route: gateway/exchange */

struct route_match_settings {
    const char *name;           /* never NULL: the configuration names a route "route-1" when nobody did */
    const char *const *paths;   /* NULL-terminated; NULL: every path */
    const char *const *methods; /* NULL-terminated; NULL: every method */
    bool is_exemption;
    struct position position;
};

struct route {
    const char *name;
    const struct route_plan *plan; /* borrowed */
};

struct routing_table;

/* Copies the settings. NULL and an error with its position on a malformed pattern or method. `plans` runs parallel. */
struct routing_table *routing_table_create(const struct route_match_settings *settings,
                                           const struct route_plan *const *plans, size_t count,
                                           struct error *error);
void routing_table_destroy(struct routing_table *table);

/* NULL: no route. */
const struct route *routing_match(const struct routing_table *table, const struct http_request *request);

/* Does a pattern follow the grammar? For the configuration's check. */
bool route_pattern_is_valid(struct slice pattern, struct error *error);
