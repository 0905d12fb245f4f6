/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done with a request of a route: what it demands of the client, what it tells the backend
 * about it, and which backend that is. Immutable, owned by the generation.
 */
#pragma once

#include "gateway/identity/authentication.h"

struct backend_pool;
struct policy;
struct telemetry_rules;
struct telemetry_series;
struct rewrite_plan;

struct route_policy {
    const struct policy *policy;      /* NULL: nothing is asked */
    struct telemetry_rules *counters; /* NULL: not counted */
};

struct route_plan {
    struct authentication_demand demand;
    struct route_policy policy;
    struct route_policy trial; /* judged beside it, never enforced */
    const struct rewrite_plan *rewrite;
    struct backend_pool *pool;
    const char *host;                /* sent to the backend; NULL: what the client asked for */
    struct telemetry_series *series; /* NULL: not counted */
};
