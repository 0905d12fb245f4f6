/* SPDX-License-Identifier: Apache-2.0
 *
 * `sallyport explain`: what the gateway would do with a request, step by step, and why. The steps
 * are those of production: the same generation, the same exchange, which stops where it would
 * write to a backend. Nothing listens, no backend is connected to, and no key is needed: that the
 * client has it is assumed, and the explanation says so.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/generation/generation.h"
#include "gateway/identity/authentication.h"
#include "runtime/error.h"

struct telemetry_worker;

/* A generation and what is known beside it: what a worker has. */
struct explain_bench {
    const struct generation *generation;
    struct authentication_stores stores;
    struct telemetry_worker *telemetry;
};

/* How benches are made; handed in, because that is the work of the control thread. */
struct explain_workshop {
    /* Builds what `run` would build; `is_online`: responders may be asked. NULL when that cannot
     * be done; problems have been reported. */
    struct explain_bench *(*open)(const char *configuration, bool is_online);
    void (*close)(struct explain_bench *bench);
    /* Until news about revocation have come; false when none do in time. */
    bool (*wait)(struct explain_bench *bench, uint64_t time_ms);
    const char *(*default_configuration)(void);
};

/* argv[0] is the command's name; options follow, which were checked. Returns the exit status: 0
 * allowed, or as expected; 3 refused, or otherwise than expected. */
int explain_main(int argc, char **argv, const struct explain_workshop *workshop);
