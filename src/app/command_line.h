/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: which command, with which options. Exit status: 0 ok, 1 configuration or
 * start-up, 2 usage, 3 a check said no.
 */
#pragma once

enum exit_status { EXIT_OK = 0, EXIT_START = 1, EXIT_USAGE = 2, EXIT_CHECK = 3 };

/* What is meant without a FILE: the one in the current directory, else the system's. */
const char *command_line_default_configuration(void);
/* Returns the exit status. */
int command_line_run(int argc, char **argv);
