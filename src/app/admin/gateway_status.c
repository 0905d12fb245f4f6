/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_status.h.
 */
#include "app/admin/gateway_status.h"

#include "gateway/generation/generation.h"
#include "runtime/clock.h"
#include "runtime/line_queue.h"
#include "runtime/memory.h"

const char *gateway_phase_name(enum gateway_phase phase)
{
    switch (phase) {
    case GATEWAY_STARTING:
        return "starting";
    case GATEWAY_SERVING:
        return "serving";
    case GATEWAY_DRAINING:
        return "draining";
    }
    return "starting";
}

const struct socket_address *gateway_status_bound(const struct gateway_status *status,
                                                  const struct socket_address *configured)
{
    for (size_t i = 0; i < status->address_count; i++) {
        if (socket_address_equals(&status->addresses[i].configured, configured))
            return &status->addresses[i].bound;
    }
    return configured;
}

void gateway_status_adopt(struct gateway_status *status, const struct generation *generation,
                          const int *sockets)
{
    size_t count = generation_group_count(generation);
    struct gateway_address *addresses = memory_allocate_array(count, sizeof(*addresses));

    for (size_t i = 0; i < count; i++) {
        const struct socket_address *configured =
            listener_group_address(generation_group(generation, i));

        addresses[i].configured = *configured;
        if (sockets[i] < 0 || !socket_local_address(sockets[i], &addresses[i].bound))
            addresses[i].bound = *gateway_status_bound(status, configured);
    }
    memory_release(status->addresses);
    status->addresses = addresses;
    status->address_count = count;
    status->generation = generation;
    status->generation_number++;
}

void gateway_status_begin_reload(struct gateway_status *status)
{
    status->reload.begun++;
    status->reload.is_under_way = true;
}

void gateway_status_end_reload(struct gateway_status *status, const char *problems)
{
    struct gateway_reload *reload = &status->reload;

    reload->is_under_way = false;
    reload->ended = clock_wall_seconds();
    reload->succeeded = problems == NULL;
    memory_release(reload->problems);
    reload->problems = memory_copy_text(problems);
}

uint64_t gateway_status_events_dropped(const struct gateway_status *status)
{
    uint64_t dropped = 0;

    for (size_t i = 0; i < status->event_queues; i++)
        dropped += status->events[i] == NULL ? 0 : line_queue_dropped(status->events[i]);
    return dropped;
}

void gateway_status_reset(struct gateway_status *status)
{
    memory_release(status->addresses);
    memory_release(status->reload.problems);
    status->addresses = NULL;
    status->address_count = 0;
    status->reload.problems = NULL;
}
