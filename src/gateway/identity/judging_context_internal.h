/* SPDX-License-Identifier: Apache-2.0
 *
 * The context's rules as path validation takes them.
 */
#pragma once

#include "gateway/identity/judging_context.h"
#include "protocol/x509/certification_path.h"

/* Borrowed from the context. */
const struct certification_path_settings *judging_context_rules(
    const struct judging_context *context);
