/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths that stand for several files: a pattern in the last part of a path (all
 * files of a directory that end with ".pem"), or a directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/slice.h"

enum { PATH_MATCHES_MAX = 10000 };

struct path_matches {
    char **paths; /* sorted by their bytes */
    size_t count;
    char *directory; /* where was looked */
};

/* Does it hold '*', '?' or '['? */
bool path_is_pattern(struct slice text);
bool path_is_directory(const char *path);
/* False and an error when the directory cannot be read, or more than the last part of the path is a
 * pattern. Hidden files and directories do not match. No match is no error. The caller resets the
 * matches in any case. */
bool path_match_pattern(const char *path, struct path_matches *matches, struct error *error);
/* The files in a directory with one of the endings, such as ".pem"; NULL behind the last. */
bool path_match_directory(const char *directory, const char *const *endings,
                          struct path_matches *matches, struct error *error);
void path_matches_reset(struct path_matches *matches);
