/* SPDX-License-Identifier: Apache-2.0
 *
 * The file of `--ready-file`: which process it is and where each of its listeners is really
 * reached, as JSON, for whoever started it.
 */
#pragma once

#include "app/gateway_run.h"
#include "runtime/error.h"

/* At the start the file must not be there, so that nobody takes one of another process for ours;
 * later it `is_ours`, and is replaced as a whole. */
bool ready_file_write(const char *path, bool is_ours, const struct gateway_endpoint *endpoints,
                      size_t count, struct error *error);
