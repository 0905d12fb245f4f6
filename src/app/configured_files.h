/* SPDX-License-Identifier: Apache-2.0
 *
 * Every file that a configuration consists of or names: what is watched for renewals, and what a
 * confined process must still be able to read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/generation/generation_settings.h"

struct configured_files {
    char **paths; /* each once; of a directory whose files matter, "DIRECTORY/." */
    size_t count;
};

/* The list is the caller's, and keeps nothing of the settings. */
void configured_files_collect(struct configured_files *files, const char *configuration,
                              const struct generation_settings *settings);
/* Adds the revocation lists, whose renewal is not one of the configuration. */
void configured_files_add_lists(struct configured_files *files,
                                const struct generation_settings *settings);
/* Adds one, unless it is there already. */
void configured_files_add(struct configured_files *files, const char *path);
bool configured_files_is_directory(const char *path);
void configured_files_reset(struct configured_files *files);
