/* SPDX-License-Identifier: Apache-2.0
 *
 * When may a condition come to something else, though nothing has happened but that time passed?
 */
#include "gateway/policy/policy_internal.h"

enum { SECONDS_OF_MINUTE = 60 };

bool condition_asks_time(const struct condition *condition)
{
    return condition->times.count > 0 || condition->expires_after != 0 ||
           condition->expires_within != 0;
}

static int64_t earlier_of(int64_t best, int64_t candidate, int64_t now)
{
    return candidate > now && candidate < best ? candidate : best;
}

int64_t condition_holds_until(const struct condition *condition,
                              const struct certificate_description *description, int64_t now)
{
    int64_t until = INT64_MAX;

    /* Windows begin and end with a minute. */
    if (condition->times.count > 0)
        until = now - now % SECONDS_OF_MINUTE + SECONDS_OF_MINUTE;
    if (description == NULL)
        return until;
    if (condition->expires_after != 0)
        until = earlier_of(until, description->not_after - condition->expires_after, now);
    if (condition->expires_within != 0)
        until = earlier_of(until, description->not_after - condition->expires_within + 1, now);
    return until;
}
