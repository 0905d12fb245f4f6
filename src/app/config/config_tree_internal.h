/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole configuration as one tree: a file, what it includes, or the files of a directory.
 * Values are expanded. Each node knows the file that it comes from.
 */
#pragma once

#include "app/config/source_files_internal.h"
#include "app/config/yaml_document_internal.h"

enum { INCLUDE_DEPTH_MAX = 8, INCLUDED_FILES_MAX = 1000 };

/* NULL when there is nothing to read settings from; the report then says why. */
struct yaml_node *config_tree_from_text(struct source_files *sources, struct slice text,
                                        const char *name, const char *directory);
struct yaml_node *config_tree_from_file(struct source_files *sources, const char *path);
/* All files in it that end with .yaml, in order. */
struct yaml_node *config_tree_from_directory(struct source_files *sources, const char *directory);
