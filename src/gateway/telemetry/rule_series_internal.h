/* SPDX-License-Identifier: Apache-2.0
 *
 * The counters of the rules of all policies, by the policy's name.
 */
#pragma once

#include "gateway/telemetry/telemetry.h"

struct rule_registry;

struct rule_registry *rule_registry_create(size_t workers);
/* NULL is fine. */
void rule_registry_destroy(struct rule_registry *registry);
struct telemetry_rules *rule_registry_acquire(struct rule_registry *registry, const char *policy,
                                              size_t rules);
size_t rule_registry_count(const struct rule_registry *registry);
struct telemetry_rules *rule_registry_get(const struct rule_registry *registry, size_t index);

/* On the thread of that worker. */
void rule_series_add(struct telemetry_rules *rules, size_t worker, size_t rule, bool allowed);
