/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificate viewer on a thread and a loop of its own: the demo's backend.
 */
#pragma once

#include "runtime/error.h"

struct demo_viewer;

/* On a free port of 127.0.0.1. NULL and an error when that cannot be had. */
struct demo_viewer *demo_viewer_start(struct error *error);
/* "127.0.0.1:40123". */
const char *demo_viewer_address(const struct demo_viewer *viewer);
/* Ends the thread. NULL is fine. */
void demo_viewer_stop(struct demo_viewer *viewer);
