/* SPDX-License-Identifier: Apache-2.0
 *
 * The monitoring listener: plain HTTP for those who watch the gateway, and read-only. /metrics is
 * for Prometheus, /livez and /readyz are for who restarts it and who sends clients to it.
 *
 * A page in somebody's browser must not learn anything here: requests are answered only when they
 * are made to an IP address, to localhost, or to a configured name (which defeats names that are
 * made to point here), and not when a browser says that another site made them.
 */
#pragma once

#include "app/admin/gateway_status.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/socket.h"

struct monitoring;

struct monitoring_settings {
    const char *address;      /* as socket_address_parse takes it */
    const char *const *hosts; /* NULL-terminated; NULL: none */
};

/* Copies the settings, borrows the status. NULL and an error when the address cannot be had. */
struct monitoring *monitoring_start(struct event_loop *loop,
                                    const struct monitoring_settings *settings,
                                    const struct gateway_status *status, struct error *error);
/* NULL is fine. */
void monitoring_stop(struct monitoring *monitoring);
/* With port 0, the port that the system chose. */
void monitoring_address(const struct monitoring *monitoring, struct socket_address *address);
