/* SPDX-License-Identifier: Apache-2.0
 *
 * Routing: which route serves this request? The first route in order whose paths and methods match.
 * Matching is pure and uses the canonical path alone.
 *
 * A pattern is "/exact", "/prefix/" + "*", "/text" + "*", or "*" (everything). Matching errs
 * towards the stricter route. A route that demands no less than its listener matches generously,
 * as the most obliging backend would: letters of either case are alike, so are a character and
 * its escape, path parameters (';x' of a segment) and a '/' at the end are ignored, and so is what
 * Windows and ASP.NET leave out of a name; "/prefix/" + "*" also matches "/prefix", and GET also
 * HEAD. A route that exempts from what its listener demands
 * (`is_exemption`) matches exactly, at segment boundaries, and never a path with ';'; so does one
 * that demands less than a later route, which it must not take requests from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "protocol/http/http_message.h"
#include "runtime/error.h"
#include "runtime/position.h"
#include "runtime/slice.h"

struct route_plan; /* what is done with a request of the route: gateway/exchange */

enum { ROUTE_PATTERN_BYTES_MAX = 2048 };

struct route_match_settings {
    const char *name; /* never NULL: the configuration names a route "route-1" when nobody did */
    const char *const *paths;   /* NULL-terminated; NULL: every path */
    const char *const *methods; /* NULL-terminated; NULL: every method */
    bool is_exemption;
    bool is_before_demand; /* a later route demands more */
    struct position position;
};

struct route {
    const char *name;
    const struct route_plan *plan; /* borrowed */
};

struct routing_table;

/* Copies the settings. NULL and an error with its position on a malformed pattern or method, and
 * on an empty list, which would match nothing. `plans` runs parallel. */
struct routing_table *routing_table_create(const struct route_match_settings *settings,
                                           const struct route_plan *const *plans, size_t count,
                                           struct error *error);
/* NULL is fine. */
void routing_table_destroy(struct routing_table *table);

/* NULL: no route. */
const struct route *routing_match(const struct routing_table *table,
                                  const struct http_request *request);

/* Does a pattern follow the grammar? For the configuration's check. An exemption may besides not
 * end in text and a star, which is no segment boundary. */
bool route_pattern_is_valid(struct slice pattern, struct error *error);

/* Does a valid pattern match a canonical path? As a route that exempts matches, to the letter, or
 * generously, as one that demands. */
bool route_pattern_matches(struct slice pattern, struct slice path, bool generously);
