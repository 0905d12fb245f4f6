/* SPDX-License-Identifier: Apache-2.0
 *
 * The commands to a running gateway: reload, drain, stop, status, certs, healthcheck. They find its
 * admin socket by its configuration.
 */
#pragma once

/* `argv[0]` is the command's name; options follow, of which the command line has checked that they
 * are known and have a value. Returns the exit status. */
int admin_command(int argc, char **argv);
