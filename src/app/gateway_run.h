/* SPDX-License-Identifier: Apache-2.0
 *
 * Running a gateway: the control thread. It builds the generation, opens the listening sockets,
 * starts the workers, says that it is ready, and waits for signals.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct gateway_endpoint {
    const char *listener; /* its name */
    const char
        *address; /* "127.0.0.1:41234", with the port that the system chose where 0 was asked for */
};

/* Called once, on the control thread, when every listener accepts connections. */
typedef void gateway_ready(void *context, const struct gateway_endpoint *endpoints, size_t count);

struct gateway_run_settings {
    const char *configuration; /* a path */
    const char *ready_file;    /* NULL: none is written */
    const char *key_log;       /* NULL: the secrets of connections are written nowhere */
    bool is_confined;          /* for a process that does nothing else: it cannot be undone */
    gateway_ready *on_ready;   /* NULL: nobody is told but the event log */
    void *context;
};

/* Runs until SIGTERM or SIGINT has been obeyed. Returns the process's exit status: 0, or 1 when it
 * could not start. */
int gateway_run(const struct gateway_run_settings *settings);
