/* SPDX-License-Identifier: Apache-2.0
 *
 * `sallyport demo`: a gateway with a throw-away PKI and the certificate viewer behind it, and what
 * to try with them. `--once` tries it itself, with curl and openssl as they are installed;
 * `--attack` attacks it.
 */
#pragma once

#include <stddef.h>

/* Where a listener of the configuration listens, with the port that it really has. */
struct demo_endpoint {
    const char *listener; /* its name */
    const char *address;  /* "127.0.0.1:8443" */
};

typedef void demo_ready(void *context, const struct demo_endpoint *endpoints, size_t count);

/* Runs the gateway of this program on a configuration file, as `sallyport run` does; handed in, so
 * that the demo needs nothing of the gateway but this. It calls `on_ready` once, on its own
 * thread, when all listeners listen and SIGTERM and SIGINT are handled: from then on either of
 * them, also one that the process sends itself, drains the gateway and makes the call return. The
 * endpoints are borrowed for the call. Returns the exit status; problems have been reported. */
typedef int demo_run_gateway(const char *configuration_path, demo_ready *on_ready, void *context);

/* `sallyport demo [--keep DIR] [--once | --attack] [--address ADDRESS]`: returns the exit status.
 * `argv[0]` is the command's name; options follow. */
int demo_main(int argc, char **argv, demo_run_gateway *run_gateway);
