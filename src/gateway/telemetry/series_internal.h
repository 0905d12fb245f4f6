/* SPDX-License-Identifier: Apache-2.0
 *
 * The series of all routes, by name.
 */
#pragma once

#include "gateway/telemetry/telemetry.h"

struct series_registry;

struct series_registry *series_registry_create(size_t workers);
/* NULL is fine. */
void series_registry_destroy(struct series_registry *registry);
struct telemetry_series *series_registry_acquire(struct series_registry *registry,
                                                 const char *listener, const char *route);
size_t series_registry_count(const struct series_registry *registry);
void series_registry_total(const struct series_registry *registry, size_t index,
                           struct telemetry_series_totals *totals);

/* On the thread of that worker. */
void series_add(struct telemetry_series *series, size_t worker,
                const struct exchange_record *record);
