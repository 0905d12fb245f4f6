/* SPDX-License-Identifier: Apache-2.0
 *
 * Weighted round robin, smooth: of weights 3 and 1 the order is a a b a, not a a a b. Each station
 * gains its weight in every choice, the one with most is chosen and pays what all have gained.
 */
#include "gateway/backend/backend_internal.h"

static bool was_tried(const struct backend_attempts *attempts,
                      const struct backend_station *station)
{
    for (size_t i = 0; i < attempts->tried_count; i++) {
        if (attempts->tried[i] == station->target.facts)
            return true;
    }
    return false;
}

static bool has_room(const struct backend_station *station)
{
    return station->open < station->group->pool->settings->connections_max ||
           !list_is_empty(&station->idle);
}

static size_t busy_of(const struct backend_station *station)
{
    return station->open - station->idle.count;
}

/* Fewer requests for its weight; equals take turns. */
static bool is_better(const struct backend_station *station, const struct backend_station *best,
                      enum backend_balance balance)
{
    if (balance == BACKEND_LEAST_REQUESTS) {
        size_t own = busy_of(station) * best->endpoint->weight;
        size_t others = busy_of(best) * station->endpoint->weight;

        if (own != others)
            return own < others;
    }
    return station->turn > best->turn;
}

static struct backend_station *choose(struct backend_group *group,
                                      const struct backend_attempts *attempts, uint64_t now_ms,
                                      bool is_ejected, bool *is_full)
{
    struct backend_station *best = NULL;
    int64_t gained = 0;

    for (size_t i = 0; i < group->station_count; i++) {
        struct backend_station *station = group->stations[i];

        if (was_tried(attempts, station) ||
            backend_facts_is_ejected(station->target.facts, now_ms) != is_ejected)
            continue;
        if (!has_room(station)) {
            *is_full = true;
            continue;
        }
        station->turn += (int64_t)station->endpoint->weight;
        gained += (int64_t)station->endpoint->weight;
        if (best == NULL || is_better(station, best, group->pool->settings->balance))
            best = station;
    }
    if (best != NULL)
        best->turn -= gained;
    return best;
}

struct backend_station *backend_balance_choose(struct backend_group *group,
                                               const struct backend_attempts *attempts,
                                               uint64_t now_ms, bool *is_full)
{
    struct backend_station *chosen;

    *is_full = false;
    chosen = choose(group, attempts, now_ms, false, is_full);
    /* An endpoint that may be down is better than none. */
    if (chosen == NULL && !*is_full)
        chosen = choose(group, attempts, now_ms, true, is_full);
    return chosen;
}
