/* SPDX-License-Identifier: Apache-2.0
 *
 * The directory that a demo lives in: a temporary one that goes with it, or the user's, which
 * stays.
 */
#pragma once

#include <stdbool.h>

#include "runtime/error.h"

struct demo_directory {
    char *path; /* absolute; NULL: none */
    bool temporary;
};

/* `keep` NULL makes a temporary one; else it must not exist, or be empty. */
bool demo_directory_open(const char *keep, struct demo_directory *directory, struct error *error);
/* Removes a temporary one with the files in it. */
void demo_directory_close(struct demo_directory *directory);
/* The path of a file in it; the caller releases it. */
char *demo_directory_path(const struct demo_directory *directory, const char *name);
