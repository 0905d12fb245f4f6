/* SPDX-License-Identifier: Apache-2.0
 *
 * What a command is: the rows of the one table in command_line.c. What may be written behind a
 * command is checked against its row, and help, manual page and completions are made from it, so
 * that none of them can say something else than the others.
 */
#pragma once

#include <stddef.h>

struct command_option {
    const char *name;  /* "--ready-file" */
    const char *value; /* what follows it: FILE and DIR are completed, others are words between
                          bars ("bash|zsh"), or free; NULL: nothing follows */
    const char *help;  /* a sentence without its stop */
};

struct command {
    const char *name;
    int (*run)(int argc, char **argv);    /* argv[0] is the command's name */
    const char *operand;                  /* "[FILE]"; "" for none */
    const char *help;                     /* a sentence without its stop */
    const struct command_option *options; /* the last has no name; NULL: none */
};

struct command_table {
    const struct command *commands;
    size_t count;
};

/* NULL: there is none. `word` may have a value behind an equals sign. */
const struct command_option *command_find_option(const struct command *command, const char *word);
/* The value in "--name=value", or in the word behind "--name", to which `at` then moves; NULL when
 * the word at `at` is another. For words that were checked: there is a value. */
const char *command_option_value(const char *name, char **argv, int *at);
