/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts that a demo writes: its configuration, and what it tells its reader.
 */
#pragma once

#include <stdbool.h>

#include "app/demo/demo_check_internal.h"

struct demo_configuration_facts {
    const char *address; /* of the listener */
    const char *viewer;  /* the backend's address */
    bool quiet;          /* --once: the access log goes to a file, events are warnings only */
};

/* sallyport.yaml; the caller releases it. */
char *demo_format_configuration(const struct demo_configuration_facts *facts);
/* What to try, on stdout. `temporary`: the files go with the demo. */
void demo_print_instructions(const struct demo_scene *scene, const char *viewer, bool temporary);
