/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of `--once`, run one after the other on a thread of their own while the gateway runs.
 * When they are done the process sends itself SIGTERM, which ends the gateway.
 */
#pragma once

#include <stdbool.h>

#include "app/demo/demo_check_internal.h"
#include "runtime/error.h"

struct demo_trial;

/* Says on stderr which of the programs that `--once` cannot do without are missing. */
bool demo_trial_can_run(const struct demo_check_list *list);
/* Copies the scene; borrows the list. NULL and an error when there is no thread to be had. */
struct demo_trial *demo_trial_start(const struct demo_scene *scene,
                                    const struct demo_check_list *list, struct error *error);
/* Interrupts what still runs and waits for the end. True when every check held. NULL: false. */
bool demo_trial_finish(struct demo_trial *trial);
