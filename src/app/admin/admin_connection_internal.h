/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection to the admin socket: a command is read, obeyed and answered.
 */
#pragma once

#include <sys/types.h>

#include "app/admin/admin_service.h"
#include "runtime/list.h"

struct admin_connection;

/* Called when the connection has ended; it is the owner's to destroy it, also at once. */
typedef void admin_connection_ended(void *owner, struct admin_connection *connection);

/* Takes the descriptor. */
struct admin_connection *admin_connection_open(int fd,
                                               const struct admin_service_settings *settings,
                                               admin_connection_ended *ended, void *owner);
/* A reload has ended. The connection may have when this returns. */
void admin_connection_reloaded(struct admin_connection *connection);
void admin_connection_destroy(struct admin_connection *connection);

struct list_link *admin_connection_link(struct admin_connection *connection);
struct admin_connection *admin_connection_of(struct list_link *link);

/* May a process of that user give commands to one of ours? */
bool admin_connection_obeys(uid_t user, uid_t ours);
