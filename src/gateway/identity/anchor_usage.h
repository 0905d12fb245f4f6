/* SPDX-License-Identifier: Apache-2.0
 *
 * When a trust anchor last vouched for somebody: who wants to remove one should know. Known by
 * trust profile and certificate, so that a reload forgets nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/slice.h"

struct anchor_usage;
struct anchor_usages;

enum { ANCHOR_USAGES_MAX = 65536 };

struct anchor_usages *anchor_usages_create(void);
/* NULL is fine. Every usage was given back (asserted). */
void anchor_usages_destroy(struct anchor_usages *usages);

/* From the control thread. The one of this profile ("" in place) and the anchor with this SHA-256,
 * found or made; what nobody uses any more makes room. NULL: there are ANCHOR_USAGES_MAX in use. */
struct anchor_usage *anchor_usages_acquire(struct anchor_usages *usages, const char *profile,
                                           struct slice digest);
/* From any thread. NULL is fine. */
void anchor_usage_release(struct anchor_usage *usage);

/* From any thread, for each request. `now` in seconds since 1970. NULL is fine. */
void anchor_usage_note(struct anchor_usage *usage, int64_t now);
/* 0: never since the process started. */
int64_t anchor_usage_last(const struct anchor_usage *usage);
