/* SPDX-License-Identifier: Apache-2.0
 *
 * See name_resolution.h.
 */
#include "app/name_resolution.h"

#include <inttypes.h>

#include "gateway/backend/backend_names.h"
#include "runtime/log.h"
#include "runtime/memory.h"

enum { ADDRESSES_SHOWN = 8 };

struct name_resolution {
    struct event_loop *loop;
    struct backend_names *names;
    struct resolver *next;
    event_callback *on_changed;
    void *context;
};

/* ---- events ---- */

static char *list_addresses(const struct backend_name_event *event)
{
    struct text_builder text = {.text = NULL};
    char address[IP_ADDRESS_TEXT_SIZE];

    for (size_t i = 0; i < event->count && i < ADDRESSES_SHOWN; i++) {
        ip_address_format(&event->addresses[i], address);
        text_builder_add_format(&text, "%s%s", i == 0 ? "" : ", ", address);
    }
    if (event->count > ADDRESSES_SHOWN)
        text_builder_add_format(&text, " and %zu more", event->count - ADDRESSES_SHOWN);
    return text_builder_take(&text);
}

static void on_event(void *context, const struct backend_name_event *event)
{
    char *addresses = list_addresses(event);

    (void)context;
    if (event->outcome == RESOLVER_FOUND)
        log_event(LOG_INFO, "the name '%s' has the address%s %s", event->host,
                  event->count == 1 ? "" : "es", addresses);
    else if (event->count > 0)
        log_event(LOG_WARNING,
                  "the name '%s' cannot be resolved: %s; what was known stays in use: %s",
                  event->host, resolver_outcome_explain(event->outcome), addresses);
    else
        log_event(LOG_WARNING, "the name '%s' cannot be resolved: %s; no address is known",
                  event->host, resolver_outcome_explain(event->outcome));
    if (event->left_out > 0)
        log_event(LOG_WARNING, "the name '%s' has %zu addresses more than are used", event->host,
                  event->left_out);
    memory_release(addresses);
}

static void on_changed(void *context)
{
    const struct name_resolution *resolution = context;

    resolution->on_changed(resolution->context);
}

/* ---- running ---- */

struct name_resolution *name_resolution_create(struct event_loop *loop,
                                               struct backend_registry *registry,
                                               event_callback *callback, void *context)
{
    struct name_resolution *resolution = memory_allocate(sizeof(*resolution));
    struct backend_names_settings settings = {
        .loop = loop,
        .registry = registry,
        .on_event = on_event,
        .on_changed = on_changed,
        .context = resolution,
    };

    resolution->loop = loop;
    resolution->on_changed = callback;
    resolution->context = context;
    resolution->names = backend_names_create(&settings);
    return resolution;
}

void name_resolution_destroy(struct name_resolution *resolution)
{
    if (resolution == NULL)
        return;
    backend_names_destroy(resolution->names);
    resolver_destroy(resolution->next);
    memory_release(resolution);
}

bool name_resolution_prepare(struct name_resolution *resolution,
                             const struct resolver_settings *settings, struct error *error)
{
    resolver_destroy(resolution->next);
    resolution->next = resolver_create(resolution->loop, settings, error);
    return resolution->next != NULL;
}

void name_resolution_adopt(struct name_resolution *resolution)
{
    struct resolver *next = resolution->next;

    resolution->next = NULL;
    backend_names_adopt(resolution->names, next);
}

/* ---- metrics ---- */

static void add_head(struct text_builder *to, const char *name, const char *type, const char *help)
{
    text_builder_add_format(to,
                            "# HELP sallyport_resolver_%s %s\n# TYPE sallyport_resolver_%s %s\n",
                            name, help, name, type);
}

static void add_single(struct text_builder *to, const char *name, const char *type,
                       const char *help, uint64_t value)
{
    add_head(to, name, type, help);
    text_builder_add_format(to, "sallyport_resolver_%s %" PRIu64 "\n", name, value);
}

void name_resolution_add_metrics(struct text_builder *to, struct name_resolution *resolution)
{
    struct backend_names_counts counts;

    backend_names_count(resolution->names, &counts);
    add_head(to, "answers_total", "counter",
             "Answers about names of endpoints, by what they said.");
    for (unsigned i = 0; i < RESOLVER_OUTCOMES; i++)
        text_builder_add_format(to, "sallyport_resolver_answers_total{result=\"%s\"} %" PRIu64 "\n",
                                resolver_outcome_name((enum resolver_outcome)i), counts.answers[i]);
    add_single(to, "changes_total", "counter", "How often a name got other addresses.",
               counts.changes);
    add_single(to, "names", "gauge", "Names of endpoints.", counts.names);
    add_single(to, "names_unresolved", "gauge", "Names of which no address is known.",
               counts.unresolved);
    add_single(to, "names_stale", "gauge",
               "Names whose earlier addresses are used because the last answer had none.",
               counts.stale);
    add_single(to, "addresses_left_out", "gauge",
               "Addresses beyond what a name, or a backend, may have.", counts.left_out);
    add_single(to, "questions_running", "gauge", "Names that are being asked for.", counts.running);
}
