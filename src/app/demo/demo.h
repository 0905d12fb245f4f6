/* SPDX-License-Identifier: Apache-2.0
 *
 * `sallyport demo`: a gateway with a throw-away PKI and the certificate viewer behind it, and what to
 * try with them. `--once` tries it itself, with curl and openssl as they are installed.
 */
#pragma once

#include "runtime/error.h"

/* Runs the gateway of this program on a configuration file, until the process gets SIGTERM or SIGINT; what `sallyport run` does.
 * Handed in, so that the demo needs nothing of the gateway but this. Returns the exit status. */
typedef int demo_run_gateway(const char *configuration_path, const char *ready_file);

/* `sallyport demo [--keep DIR] [--once] [--address ADDRESS]`: returns the exit status. */
int demo_main(int argc, char **argv, demo_run_gateway *run_gateway);
