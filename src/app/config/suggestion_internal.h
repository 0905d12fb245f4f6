/* SPDX-License-Identifier: Apache-2.0
 *
 * "Did you mean ...?": of the names that are known, the one nearest to what was written. Near means
 * few letters changed, added, left out or swapped; case and '-' for '_' do not count.
 */
#pragma once

#include <stddef.h>

#include "runtime/slice.h"

struct suggestion {
    struct slice written;
    struct slice nearest; /* empty: nothing is near */
    size_t distance;      /* of the nearest; while there is none, more than is still near */
};

void suggestion_begin(struct suggestion *suggestion, struct slice written);
/* Of two names equally near, the one that sorts first wins, whatever the order they come in. */
void suggestion_consider(struct suggestion *suggestion, struct slice known);
