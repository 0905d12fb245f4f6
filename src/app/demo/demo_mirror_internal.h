/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend for attacks: it answers with the very bytes of the request that reached it, and under
 * /stream with content that does not end. On a thread of its own.
 */
#pragma once

#include "runtime/error.h"

struct demo_mirror;

/* On a free port of 127.0.0.1. NULL and an error when it cannot be had. */
struct demo_mirror *demo_mirror_start(struct error *error);
/* "127.0.0.1:40000". */
const char *demo_mirror_address(const struct demo_mirror *mirror);
/* NULL is fine. */
void demo_mirror_stop(struct demo_mirror *mirror);
