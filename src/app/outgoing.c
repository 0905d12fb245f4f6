/* SPDX-License-Identifier: Apache-2.0
 *
 * See outgoing.h.
 */
#include "app/outgoing.h"

#include "runtime/address_set.h"
#include "runtime/memory.h"

struct outgoing {
    struct fetcher *fetcher;
    struct address_set *allowed;
    uint16_t *ports;
};

struct outgoing *outgoing_create(struct event_loop *loop, struct error *error)
{
    const struct fetcher_settings settings = {.running_max = OUTGOING_RUNNING_MAX,
                                              .waiting_max = OUTGOING_WAITING_MAX};
    struct fetcher *fetcher = fetcher_create(loop, &settings, error);
    struct outgoing *outgoing;

    if (fetcher == NULL)
        return NULL;
    outgoing = memory_allocate(sizeof *outgoing);
    outgoing->fetcher = fetcher;
    return outgoing;
}

void outgoing_destroy(struct outgoing *outgoing)
{
    if (outgoing == NULL)
        return;
    fetcher_destroy(outgoing->fetcher);
    address_set_destroy(outgoing->allowed);
    memory_release(outgoing->ports);
    memory_release(outgoing);
}

/* What the settings table has let through can be parsed. */
static struct address_set *create_allowed(const char *const *texts)
{
    struct address_set *set;
    struct ip_range *ranges;
    size_t count = 0;
    size_t total = 0;

    while (texts != NULL && texts[total] != NULL)
        total++;
    ranges = memory_allocate_array(total + 1, sizeof *ranges);
    for (size_t i = 0; i < total; i++)
        count += ip_range_parse(slice_from_text(texts[i]), &ranges[count], NULL);
    set = address_set_create(ranges, count);
    memory_release(ranges);
    return set;
}

void outgoing_adopt(struct outgoing *outgoing, const struct generation *generation,
                    const struct gateway_status *status)
{
    struct address_set *allowed =
        create_allowed(generation_get_settings(generation)->fetch_allowed);
    uint16_t *ports = memory_allocate_array(status->address_count + 1, sizeof *ports);

    for (size_t i = 0; i < status->address_count; i++)
        ports[i] = socket_address_port(&status->addresses[i].bound);
    fetcher_set_addresses(
        outgoing->fetcher,
        &(struct fetch_address_settings){
            .allowed = allowed, .own_ports = ports, .own_port_count = status->address_count});
    address_set_destroy(outgoing->allowed);
    memory_release(outgoing->ports);
    outgoing->allowed = allowed;
    outgoing->ports = ports;
}

struct fetcher *outgoing_fetcher(struct outgoing *outgoing)
{
    return outgoing->fetcher;
}
