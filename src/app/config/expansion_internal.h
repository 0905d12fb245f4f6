/* SPDX-License-Identifier: Apache-2.0
 *
 * `${NAME}`, `${NAME:-default}` and `${file:PATH}` inside values, and `$$` for a dollar sign. The
 * text was parsed before, so that what comes in can never become a setting of its own.
 */
#pragma once

#include "app/config/source_files_internal.h"
#include "app/config/yaml_document_internal.h"

enum { EXPANSION_FILE_BYTES_MAX = 64 * 1024 };

/* In all values of the tree. What cannot be expanded is reported, and its value faulty. */
void expansion_apply(struct yaml_node *root, struct source_files *sources);
