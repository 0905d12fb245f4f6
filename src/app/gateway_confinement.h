/* SPDX-License-Identifier: Apache-2.0
 *
 * What a running gateway needs of the system, told to runtime/confinement: the files that its
 * configuration names, and the directories that it writes into.
 */
#pragma once

#include "gateway/generation/generation_settings.h"
#include "runtime/confinement.h"
#include "runtime/error.h"

/* After the listening sockets were opened, before any thread was started; what came of it is in
 * the event log. `ready_file` may be NULL. NULL when the gateway must not start. */
struct confinement *gateway_confine(const char *configuration, const char *ready_file,
                                    const struct generation_settings *settings,
                                    struct error *error);
/* Says which files of a configuration that could not be loaded are out of reach until a restart.
 * Without a confinement, none. */
void gateway_confinement_explain(const struct confinement *confinement, const char *configuration,
                                 const struct generation_settings *settings);
/* The same for where its logs would be. */
void gateway_confinement_explain_logs(const struct confinement *confinement,
                                      const struct generation_settings *settings);
