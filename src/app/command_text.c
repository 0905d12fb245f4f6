/* SPDX-License-Identifier: Apache-2.0
 *
 * See command_text.h. Texts of the table stand in quotes in completions: they contain neither
 * single quotes nor, for zsh, brackets and colons; a test holds them to that.
 */
#include "app/command_text.h"

#include <ctype.h>
#include <string.h>

const struct command_option *command_find_option(const struct command *command, const char *word)
{
    size_t size = strcspn(word, "=");

    for (const struct command_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        if (strlen(option->name) == size && strncmp(option->name, word, size) == 0)
            return option;
    }
    return NULL;
}

const char *command_option_value(const char *name, char **argv, int *at)
{
    size_t size = strlen(name);

    if (strncmp(argv[*at], name, size) != 0)
        return NULL;
    if (argv[*at][size] == '=')
        return argv[*at] + size + 1;
    return argv[*at][size] == '\0' ? argv[++*at] : NULL;
}

typedef void option_printer(const struct command *command, const struct command_option *option,
                            FILE *to);

static void for_each_option(const struct command *command, option_printer *print, FILE *to)
{
    for (const struct command_option *option = command->options;
         option != NULL && option->name != NULL; option++)
        print(command, option, to);
}

/* ---- help
 * --------------------------------------------------------------------------------------------- */

static void print_synopsis_option(const struct command *command,
                                  const struct command_option *option, FILE *to)
{
    (void)command;
    fprintf(to, " [%s%s%s]", option->name, option->value == NULL ? "" : " ",
            option->value == NULL ? "" : option->value);
}

static void print_synopsis(const struct command *command, FILE *to)
{
    fprintf(to, "sallyport %s", command->name);
    if (command->operand[0] != '\0')
        fprintf(to, " %s", command->operand);
    for_each_option(command, print_synopsis_option, to);
}

static void print_option_help(const struct command *command, const struct command_option *option,
                              FILE *to)
{
    (void)command;
    fprintf(to, "  %s%s%s\n      %s\n", option->name, option->value == NULL ? "" : " ",
            option->value == NULL ? "" : option->value, option->help);
}

void command_print_usage(const struct command *command, FILE *to)
{
    fputs("usage: ", to);
    print_synopsis(command, to);
    fprintf(to, "\n\n%s\n", command->help);
    if (command->options != NULL)
        fputc('\n', to);
    for_each_option(command, print_option_help, to);
}

void command_print_help(const struct command_table *table, FILE *to)
{
    fputs("sallyport: an application gateway whose heart is the client certificate\n\n", to);
    for (size_t i = 0; i < table->count; i++) {
        fputs("  ", to);
        print_synopsis(&table->commands[i], to);
        fprintf(to, "\n      %s\n", table->commands[i].help);
    }
    fputs("\n'sallyport COMMAND --help' has the options of one.\n"
          "Without FILE: ./sallyport.yaml, then /etc/sallyport/sallyport.yaml.\n"
          "Exit status: 0 ok, 1 configuration or start-up, 2 usage, 3 a check said no.\n",
          to);
}

/* ---- the manual page
 * ---------------------------------------------------------------------------------- */

static const char manual_begin[] =
    "## Name\n\n"
    "sallyport - an application gateway whose heart is the client certificate\n\n"
    "## Synopsis\n\n"
    "**sallyport** *COMMAND* [*OPERAND*] [*OPTION*]...\n\n"
    "## Description\n\n"
    "**sallyport** terminates mutual TLS, decides who the client is and what it may do, and passes "
    "requests with an identity that cannot be spoofed to HTTP backends.\n\n"
    "## Commands\n";

static const char manual_end[] =
    "\n## Signals\n\n"
    "To a running gateway:\n\n"
    "- `SIGTERM`, `SIGINT`: drain: accept no more connections, finish what runs, end. A second one "
    "ends at once.\n"
    "- `SIGHUP`: reload the configuration and every file that it names; when anything is wrong, "
    "what is in use goes on.\n"
    "- `SIGUSR1`: open the log files again, after they were rotated.\n"
    "\n## Exit status\n\n"
    "- `0`: success.\n"
    "- `1`: the configuration cannot be used, or the gateway cannot start.\n"
    "- `2`: the command line is wrong.\n"
    "- `3`: a check said no.\n"
    "\n## Environment\n\n"
    "- `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`: how to tell the service manager that the "
    "gateway is ready, reloads, stops, is alive.\n"
    "- `LISTEN_FDS`, `LISTEN_PID`, `LISTEN_FDNAMES`: listening sockets that were passed; a "
    "listener "
    "with the address of one uses it and binds nothing.\n"
    "\n## Files\n\n"
    "- `./sallyport.yaml`, `/etc/sallyport/sallyport.yaml`: the configuration when none is named, "
    "in this order. See sallyport.yaml(5).\n"
    "\n## See also\n\n"
    "sallyport.yaml(5), systemd.socket(5), systemd.exec(5)\n";

static void print_sentence(const char *text, FILE *to)
{
    fprintf(to, "%c%s.\n", toupper((unsigned char)text[0]), text + 1);
}

static void print_manual_option(const struct command *command, const struct command_option *option,
                                FILE *to)
{
    (void)command;
    fprintf(to, "- `%s%s%s`: %s.\n", option->name, option->value == NULL ? "" : " ",
            option->value == NULL ? "" : option->value, option->help);
}

void command_print_manual(const struct command_table *table, FILE *to)
{
    fputs(manual_begin, to);
    for (size_t i = 0; i < table->count; i++) {
        const struct command *command = &table->commands[i];

        fprintf(to, "\n### `sallyport %s%s%s`\n\n", command->name,
                command->operand[0] == '\0' ? "" : " ", command->operand);
        print_sentence(command->help, to);
        if (command->options != NULL)
            fputc('\n', to);
        for_each_option(command, print_manual_option, to);
    }
    fputs(manual_end, to);
}

/* ---- completions
 * -------------------------------------------------------------------------------------- */

enum value_kind { VALUE_NONE, VALUE_FILE, VALUE_DIRECTORY, VALUE_WORDS, VALUE_FREE };

static enum value_kind kind_of(const char *value)
{
    if (value == NULL)
        return VALUE_NONE;
    if (strcmp(value, "FILE") == 0)
        return VALUE_FILE;
    if (strcmp(value, "DIR") == 0)
        return VALUE_DIRECTORY;
    return strchr(value, '|') != NULL ? VALUE_WORDS : VALUE_FREE;
}

static bool takes_file(const struct command *command)
{
    return strstr(command->operand, "FILE") != NULL;
}

/* The words of "bash|zsh|fish", with spaces between them. */
static void print_words(const char *words, FILE *to)
{
    for (; *words != '\0'; words++)
        fputc(*words == '|' ? ' ' : *words, to);
}

static void print_command_names(const struct command_table *table, FILE *to)
{
    for (size_t i = 0; i < table->count; i++)
        fprintf(to, "%s%s", i == 0 ? "" : " ", table->commands[i].name);
}

static void print_bash_value(const struct command *command, const struct command_option *option,
                             FILE *to)
{
    enum value_kind kind = kind_of(option->value);

    if (kind == VALUE_NONE)
        return;
    fprintf(to, "    %s:%s) ", command->name, option->name);
    if (kind == VALUE_FILE) {
        fputs("_sallyport_reply -f ;;\n", to);
    } else if (kind == VALUE_DIRECTORY) {
        fputs("_sallyport_reply -d ;;\n", to);
    } else {
        fputs("_sallyport_reply -W '", to);
        print_words(kind == VALUE_WORDS ? option->value : "", to);
        fputs("' ;;\n", to);
    }
}

static void print_bash_option(const struct command *command, const struct command_option *option,
                              FILE *to)
{
    (void)command;
    fprintf(to, "%s ", option->name);
}

static void print_bash(const struct command_table *table, FILE *to)
{
    fputs("# bash completion for sallyport\n\n"
          "_sallyport_reply() {\n"
          "    mapfile -t COMPREPLY < <(compgen \"$@\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n"
          "}\n\n"
          "_sallyport() {\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        _sallyport_reply -W '",
          to);
    print_command_names(table, to);
    fputs("'\n"
          "        return\n"
          "    fi\n"
          "    case ${COMP_WORDS[1]}:${COMP_WORDS[COMP_CWORD - 1]} in\n",
          to);
    for (size_t i = 0; i < table->count; i++)
        for_each_option(&table->commands[i], print_bash_value, to);
    for (size_t i = 0; i < table->count; i++) {
        const struct command *command = &table->commands[i];

        fprintf(to, "    %s:*) _sallyport_reply%s -W '", command->name,
                takes_file(command) ? " -f" : "");
        for_each_option(command, print_bash_option, to);
        fputs("--help' ;;\n", to);
    }
    fputs("    esac\n"
          "}\n\n"
          "complete -o filenames -F _sallyport sallyport\n",
          to);
}

static void print_zsh_option(const struct command *command, const struct command_option *option,
                             FILE *to)
{
    (void)command;
    fprintf(to, " \\\n            '%s[%s]", option->name, option->help);
    switch (kind_of(option->value)) {
    case VALUE_NONE:
        break;
    case VALUE_FILE:
        fputs(":file:_files", to);
        break;
    case VALUE_DIRECTORY:
        fputs(":directory:_files -/", to);
        break;
    case VALUE_WORDS:
        fputs(":word:(", to);
        print_words(option->value, to);
        fputc(')', to);
        break;
    case VALUE_FREE:
        fputs(":value: ", to);
        break;
    }
    fputc('\'', to);
}

static void print_zsh(const struct command_table *table, FILE *to)
{
    fputs("#compdef sallyport\n\n"
          "_sallyport() {\n"
          "    local -a commands\n"
          "    commands=(\n",
          to);
    for (size_t i = 0; i < table->count; i++)
        fprintf(to, "        '%s:%s'\n", table->commands[i].name, table->commands[i].help);
    fputs("    )\n"
          "    if ((CURRENT == 2)); then\n"
          "        _describe 'command' commands\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    ((CURRENT--))\n"
          "    case ${words[1]} in\n",
          to);
    for (size_t i = 0; i < table->count; i++) {
        const struct command *command = &table->commands[i];

        fprintf(to, "    %s)\n        _arguments '--help[how it is used]'", command->name);
        for_each_option(command, print_zsh_option, to);
        fprintf(to, "%s ;;\n", takes_file(command) ? " \\\n            '::file:_files'" : "");
    }
    fputs("    esac\n"
          "}\n\n"
          "_sallyport \"$@\"\n",
          to);
}

static void print_fish_option(const struct command *command, const struct command_option *option,
                              FILE *to)
{
    fprintf(to, "complete -c sallyport -n '__fish_seen_subcommand_from %s' -l %s -d '%s'",
            command->name, option->name + 2, option->help);
    switch (kind_of(option->value)) {
    case VALUE_NONE:
        break;
    case VALUE_FILE:
        fputs(" -r -F", to);
        break;
    case VALUE_DIRECTORY:
        fputs(" -x -a '(__fish_complete_directories)'", to);
        break;
    case VALUE_WORDS:
        fputs(" -x -a '", to);
        print_words(option->value, to);
        fputc('\'', to);
        break;
    case VALUE_FREE:
        fputs(" -x", to);
        break;
    }
    fputc('\n', to);
}

static void print_fish(const struct command_table *table, FILE *to)
{
    fputs("# fish completion for sallyport\n\n"
          "complete -c sallyport -f\n"
          "complete -c sallyport -l help -d 'how it is used'\n",
          to);
    for (size_t i = 0; i < table->count; i++) {
        const struct command *command = &table->commands[i];

        fprintf(to, "complete -c sallyport -n __fish_use_subcommand -a %s -d '%s'\n", command->name,
                command->help);
        if (takes_file(command))
            fprintf(to, "complete -c sallyport -n '__fish_seen_subcommand_from %s' -F\n",
                    command->name);
        for_each_option(command, print_fish_option, to);
    }
}

bool command_print_completion(const struct command_table *table, const char *shell, FILE *to)
{
    static const struct {
        const char *shell;
        void (*print)(const struct command_table *table, FILE *to);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shells[i].shell, shell) == 0) {
            shells[i].print(table, to);
            return true;
        }
    }
    return false;
}
