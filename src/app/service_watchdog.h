/* SPDX-License-Identifier: Apache-2.0
 *
 * The watchdog: the service manager hears that we are alive only while every worker is. Twice in
 * the time that the manager waits, the workers are asked; when all have answered, it is told. One
 * that is stuck answers nothing, and the manager ends and restarts the process.
 */
#pragma once

#include <stdbool.h>

#include "app/service_notify.h"
#include "runtime/event_loop.h"

struct service_watchdog;

struct service_watchdog_settings {
    struct event_loop *loop;
    struct service_notify *notify; /* outlives the watchdog */
    event_callback *ask;           /* asks every worker */
    bool (*have_answered)(void *context);
    void *context;
};

/* NULL when the manager does not wait to hear anything. */
struct service_watchdog *service_watchdog_start(const struct service_watchdog_settings *settings);
/* For this and the next, NULL is fine. */
void service_watchdog_stop(struct service_watchdog *watchdog);
/* On the loop's thread: somebody has answered. */
void service_watchdog_on_answer(struct service_watchdog *watchdog);
