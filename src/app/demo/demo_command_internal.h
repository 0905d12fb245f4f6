/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a command line as a person would paste it into a shell, and keeping what it prints.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/slice.h"

enum { DEMO_OUTPUT_BYTES_MAX = 256 * 1024 };

enum demo_command_outcome {
    DEMO_COMMAND_FAILED, /* could not be started */
    DEMO_COMMAND_TIMED_OUT,
    DEMO_COMMAND_INTERRUPTED, /* `interrupt_fd` became readable */
    DEMO_COMMAND_DONE         /* ended by itself, with whatever status */
};

struct demo_command_result {
    enum demo_command_outcome outcome;
    char *output; /* both streams, NUL-terminated, cut at the limit; the caller releases it */
    size_t output_size;
};

/* Runs `line` with sh in `directory`, without input and without a proxy for anything. */
struct demo_command_result demo_command_run(const char *line, const char *directory,
                                            int interrupt_fd, int timeout_ms);

/* Is there such a program in PATH? */
bool demo_command_exists(const char *program);
