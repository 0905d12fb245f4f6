/* SPDX-License-Identifier: Apache-2.0
 *
 * Printing what a configuration's loading found, one line a problem.
 */
#pragma once

struct config;

/* "FILE:LINE:COLUMN: text" as events: warnings and errors. */
/* The errors alone, a line each, for who asked. The caller releases it. */
char *config_report_errors(const struct config *config);
void config_report(const struct config *config);
