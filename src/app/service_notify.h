/* SPDX-License-Identifier: Apache-2.0
 *
 * Telling the service manager how we are: the datagrams of sd_notify(3), without its library. The
 * socket is connected once, before the process is confined. Every function takes NULL, for when
 * nobody waits to be told, and none fails: a manager that cannot be reached changes nothing here.
 */
#pragma once

#include <stdint.h>

struct service_notify;

/* By NOTIFY_SOCKET, a path or an abstract name. NULL when it is not set, or of no use, which is
 * logged. */
struct service_notify *service_notify_open(void);
void service_notify_close(struct service_notify *notify);

/* `status` is a sentence for `systemctl status`. */
void service_notify_ready(struct service_notify *notify, const char *status);
void service_notify_reloading(struct service_notify *notify, const char *status);
/* It may take that long. */
void service_notify_stopping(struct service_notify *notify, uint64_t within_ms, const char *status);
void service_notify_alive(struct service_notify *notify);

/* The manager ends us when it does not hear for this long that we are alive; 0: it does not care.
 */
uint64_t service_notify_alive_within_ms(const struct service_notify *notify);
