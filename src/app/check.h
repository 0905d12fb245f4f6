/* SPDX-License-Identifier: Apache-2.0
 *
 * `sallyport check`: everything that `run` does before it listens, and nothing behind that.
 */
#pragma once

#include <stdbool.h>

struct check_settings {
    const char *path;     /* NULL: the standard input */
    bool is_strict;       /* a warning is an error */
    bool shows_effective; /* print what is in effect instead of "ok" */
};

/* Returns the exit status. */
int check_run(const struct check_settings *settings);
