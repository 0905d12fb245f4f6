/* SPDX-License-Identifier: Apache-2.0
 *
 * The command table as text: help, the manual page sallyport(1), completions for shells.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "app/command_table.h"

/* Every command, or one. */
void command_print_help(const struct command_table *table, FILE *to);
void command_print_usage(const struct command *command, FILE *to);

/* In the Markdown that manual_print takes. */
void command_print_manual(const struct command_table *table, FILE *to);

/* For bash, zsh or fish; false for another shell. */
bool command_print_completion(const struct command_table *table, const char *shell, FILE *to);
