/* SPDX-License-Identifier: Apache-2.0
 *
 * What the control thread fetches, and where from it may: one fetcher for lists and responders,
 * with the addresses that the configuration in use allows and those of our own listeners refused.
 */
#pragma once

#include "app/admin/gateway_status.h"
#include "gateway/generation/generation.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/fetch.h"

struct outgoing;

enum { OUTGOING_RUNNING_MAX = 64, OUTGOING_WAITING_MAX = 1024 };

struct outgoing *outgoing_create(struct event_loop *loop, struct error *error);
/* Before the loop is destroyed. NULL is fine. */
void outgoing_destroy(struct outgoing *outgoing);
/* The generation is in use, or about to be; `status` knows where it listens. */
void outgoing_adopt(struct outgoing *outgoing, const struct generation *generation,
                    const struct gateway_status *status);
struct fetcher *outgoing_fetcher(struct outgoing *outgoing);
