/* SPDX-License-Identifier: Apache-2.0
 *
 * See service_watchdog.h. A question that is open is not asked again: the answer, when it comes,
 * still counts, and until then the manager hears nothing.
 */
#include "app/service_watchdog.h"

#include <stddef.h>

#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/timer.h"

struct service_watchdog {
    struct service_watchdog_settings settings;
    struct timer *timer;
    uint64_t interval_ms;
    bool is_open; /* the workers were asked, and not all have answered */
};

void service_watchdog_on_answer(struct service_watchdog *watchdog)
{
    if (watchdog == NULL || !watchdog->is_open ||
        !watchdog->settings.have_answered(watchdog->settings.context))
        return;
    watchdog->is_open = false;
    service_notify_alive(watchdog->settings.notify);
}

static void on_time(void *context)
{
    struct service_watchdog *watchdog = context;

    timer_start(watchdog->timer, watchdog->interval_ms);
    if (watchdog->is_open) {
        log_event(LOG_ERROR, "a worker does not respond, so the service manager's watchdog is "
                             "not told that the gateway is alive");
        return;
    }
    watchdog->is_open = true;
    watchdog->settings.ask(watchdog->settings.context);
}

struct service_watchdog *service_watchdog_start(const struct service_watchdog_settings *settings)
{
    uint64_t within_ms = service_notify_alive_within_ms(settings->notify);
    struct service_watchdog *watchdog;

    if (within_ms == 0)
        return NULL;
    watchdog = memory_allocate(sizeof(*watchdog));
    watchdog->settings = *settings;
    watchdog->interval_ms = within_ms / 2;
    watchdog->timer = timer_create_on(settings->loop, on_time, watchdog);
    timer_start(watchdog->timer, watchdog->interval_ms);
    return watchdog;
}

void service_watchdog_stop(struct service_watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    timer_destroy(watchdog->timer);
    memory_release(watchdog);
}
