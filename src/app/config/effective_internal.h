/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration that was read without an error, written out in full.
 */
#pragma once

#include "app/config/settings_table.h"
#include "app/config/source_files_internal.h"
#include "app/config/yaml_document_internal.h"

/* The caller releases it. */
char *effective_format(const struct yaml_node *root, const struct source_files *sources);
