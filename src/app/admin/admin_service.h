/* SPDX-License-Identifier: Apache-2.0
 *
 * The admin socket: where a running gateway takes commands. A socket in the file system with mode
 * 0600, which obeys root and the gateway's own user alone, whatever its mode has become.
 *
 * A connection carries one command, a line: "status", or "status json". The answer is a line with
 * one word ("ok"; "no": a check said no; "error") and the text behind it, up to the end of the
 * connection. Commands, their number, their size and their time are bounded.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "app/admin/gateway_status.h"
#include "runtime/error.h"
#include "runtime/event_loop.h"
#include "runtime/slice.h"

struct admin_service;

/* What a gateway does when it is told to. Nothing here is called from inside another. */
struct admin_operations {
    /* One that begins after this call, and ends in admin_service_reloaded. */
    void (*reload)(void *context);
    /* Take no new connections, finish what runs, then end. */
    void (*drain)(void *context);
    /* End now. */
    void (*stop)(void *context);
};

struct admin_service_settings {
    struct event_loop *loop;
    const char *path;
    const struct gateway_status *status;
    const struct admin_operations *operations;
    void *context;
};

enum { ADMIN_SOCKET_PATH_BYTES_MAX = 107 };

/* A socket that nobody listens on any more is replaced; one that somebody listens on, and anything
 * that is no socket, is not. NULL and an error when that cannot be done. */
struct admin_service *admin_service_start(const struct admin_service_settings *settings,
                                          struct error *error);
/* Removes the socket, unless another has taken its place. NULL is fine. */
void admin_service_stop(struct admin_service *service);
/* The last of the status' reloads has ended: who waits for it is answered. NULL is fine. */
void admin_service_reloaded(struct admin_service *service);
