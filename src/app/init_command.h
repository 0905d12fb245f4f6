/* SPDX-License-Identifier: Apache-2.0
 *
 * `sallyport init`: five questions, of which each has an answer already, and a configuration.
 */
#pragma once

/* Asks on the standard output and reads answers, a line each, from the standard input. Writes the
 * file, which must not be there. Returns the exit status. */
int init_run(const char *path);
