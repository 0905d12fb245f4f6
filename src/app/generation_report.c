/* SPDX-License-Identifier: Apache-2.0
 *
 * See generation_report.h.
 */
#include "app/generation_report.h"

#include "gateway/generation/generation.h"
#include "protocol/tls/tls_profile.h"
#include "runtime/log.h"

size_t generation_report(const struct generation *generation)
{
    size_t count = 0;

    for (size_t i = 0; i < generation_group_count(generation); i++) {
        const struct listener_group *group = generation_group(generation, i);

        for (size_t j = 0; j < listener_group_count(group); j++) {
            const struct listener *listener = listener_group_get(group, j);
            const char *warning = tls_profile_warning(listener->profile);

            if (warning == NULL)
                continue;
            log_event(LOG_WARNING, "listener '%s': %s", listener->name, warning);
            count++;
        }
    }
    return count;
}
