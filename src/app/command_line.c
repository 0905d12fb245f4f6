/* SPDX-License-Identifier: Apache-2.0
 *
 * See command_line.h. Each command is a row: name, what it does, its options, a line of help for
 * each. What is not in a command's row is refused here, before the command looks at anything.
 */
#include "app/command_line.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/admin_command.h"
#include "app/check.h"
#include "app/command_table.h"
#include "app/command_text.h"
#include "app/config/config.h"
#include "app/demo/demo.h"
#include "app/explain_bench.h"
#include "app/gateway_run.h"
#include "app/init_command.h"
#include "app/manual_page.h"
#include "app/whoami/whoami.h"
#include "runtime/memory.h"

static int run_command(int argc, char **argv);
static int check_command(int argc, char **argv);
static int init_command(int argc, char **argv);
static int demo_command(int argc, char **argv);
static int explain_command(int argc, char **argv);
static int version_command(int argc, char **argv);
static int help_command(int argc, char **argv);

/* clang-format off */

static const struct command_option run_options[] = {
    {"--ready-file", "FILE", "write names, addresses and ports of the listeners there, as JSON"},
    {"--keylog", "FILE", "write the secrets of all connections there, for Wireshark; never in use"},
    {.name = NULL},
};

static const struct command_option admin_options[] = {
    {"--socket", "FILE", "the admin socket, instead of the one in the configuration"},
    {"--config", "FILE", "the configuration that names the socket"},
    {"--json", NULL, "answer for programs"},
    {.name = NULL},
};

static const struct command_option check_options[] = {
    {"--strict", NULL, "a warning is an error"},
    {"--effective", NULL, "print all that is in effect, defaults too, with *** for secrets"},
    {"--stdin", NULL, "the configuration comes from the standard input"},
    {"--schema", NULL, "print the JSON Schema of configurations, for editors, and check nothing"},
    {"--docs", NULL, "print what each setting means, as Markdown, and check nothing"},
    {.name = NULL},
};

static const struct command_option demo_options[] = {
    {"--once", NULL, "try everything, say how it went, and end"},
    {"--attack", NULL, "attack it, say how it went beside nginx where that is installed, and end"},
    {"--keep", "DIR", "leave certificates and configuration there, in a new or empty directory"},
    {"--address", "ADDRESS", "where the gateway listens"},
    {.name = NULL},
};

static const struct command_option explain_options[] = {
    {"--url", "URL", "the request, with https, host and path; the host is also the server name"},
    {"--cert", "FILE", "the certificate of the client, as PEM, DER or PFX; else it has none"},
    {"--chain", "FILE", "what the client shows behind its certificate, as PEM"},
    {"--password-file", "FILE", "the password of a PFX"},
    {"--source-address", "ADDRESS", "the address of the client, 127.0.0.1 when nobody says"},
    {"--method", "METHOD", "the method of the request, instead of GET"},
    {"--header", "FIELD", "a field of the request, its name and value; can be given again"},
    {"--server-name", "NAME", "the server name that the client sends, if not the host of the URL"},
    {"--address", "ADDRESS", "the listener to connect to, if the port of the URL does not say"},
    {"--time", "TIME", "when it happens, a day or a second in UTC; else now"},
    {"--online", NULL, "ask OCSP responders as well"},
    {"--expect", "OUTCOME", "allow, or a reason; anything else ends with exit status 3"},
    {"--json", NULL, "answer for programs"},
    {"--against", "FILE", "compare with that configuration, for the requests of an access log"},
    {"--log", "FILE", "the access log, as JSON, for --against"},
    {"--certs", "DIR", "certificates of the clients in the log, each as SHA256.pem"},
    {.name = NULL},
};

static const struct command_option whoami_options[] = {
    {"--address", "ADDRESS", "where the viewer listens"},
    {.name = NULL},
};

static const struct command_option help_options[] = {
    {"--manual", "sallyport|sallyport.yaml", "print the manual page of that name"},
    {"--completion", "bash|zsh|fish", "print the completions for that shell"},
    {.name = NULL},
};

static const struct command commands[] = {
    {"run", run_command, "[FILE]", "run the gateway", run_options},
    {"check", check_command, "[FILE]",
     "validate a configuration and show every problem with file, line and column", check_options},
    {"reload", admin_command, "", "read the configuration again, and say when it is in use",
     admin_options},
    {"drain", admin_command, "", "take no new connections, finish what runs, then end",
     admin_options},
    {"stop", admin_command, "", "end at once", admin_options},
    {"status", admin_command, "", "what a running gateway does, and has done", admin_options},
    {"certs", admin_command, "",
     "the certificates and trust anchors of a running gateway, and when they expire",
     admin_options},
    {"healthcheck", admin_command, "", "is a gateway ready? Exit status 0 or 3", admin_options},
    {"init", init_command, "[FILE]", "ask five questions and write a configuration", NULL},
    {"demo", demo_command, "",
     "a gateway, a throw-away PKI and a viewer, and what to try with them", demo_options},
    {"explain", explain_command, "[FILE]",
     "what would be done with a request, step by step, and why", explain_options},
    {"whoami", whoami_main, "",
     "certificate viewer backend, which shows who the gateway says the client is", whoami_options},
    {"version", version_command, "", "the versions of sallyport and of its libraries", NULL},
    {"help", help_command, "", "the commands and their options", help_options},
};

/* clang-format on */

static const struct command_table table = {commands, sizeof(commands) / sizeof(commands[0])};

static const struct command *find_command(const char *name)
{
    if (strcmp(name, "--version") == 0)
        name = "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    for (size_t i = 0; i < table.count; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int usage_error(const char *command, const char *problem, const char *what)
{
    fprintf(stderr, "sallyport %s: %s '%s'\n", command, problem, what);
    fprintf(stderr, "Try 'sallyport help'.\n");
    return EXIT_USAGE;
}

const char *command_line_default_configuration(void)
{
    static const char *const places[] = {"sallyport.yaml", "/etc/sallyport/sallyport.yaml"};

    return access(places[0], F_OK) == 0 || access(places[1], F_OK) != 0 ? places[0] : places[1];
}

/* ---- run
 * -------------------------------------------------------------------------------------------- */

static int run_command(int argc, char **argv)
{
    struct gateway_run_settings settings = {.is_confined = true};

    for (int i = 1; i < argc; i++) {
        const char *ready_file = command_option_value("--ready-file", argv, &i);
        const char *key_log =
            ready_file == NULL ? command_option_value("--keylog", argv, &i) : NULL;

        if (ready_file != NULL)
            settings.ready_file = ready_file;
        else if (key_log != NULL)
            settings.key_log = key_log;
        else if (settings.configuration != NULL)
            return usage_error(argv[0], "more than one configuration:", argv[i]);
        else
            settings.configuration = argv[i];
    }
    if (settings.configuration == NULL)
        settings.configuration = command_line_default_configuration();
    return gateway_run(&settings);
}

/* ---- check
 * ------------------------------------------------------------------------------------------ */

/* Takes the text. */
static int print_text(char *text)
{
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;

    memory_release(text);
    return printed ? EXIT_OK : EXIT_START;
}

static int check_command(int argc, char **argv)
{
    struct check_settings settings = {.path = NULL};
    bool reads_stdin = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--docs") == 0)
            return print_text(config_format_documentation());
        if (strcmp(argv[i], "--schema") == 0)
            return print_text(config_format_schema());
        if (strcmp(argv[i], "--strict") == 0)
            settings.is_strict = true;
        else if (strcmp(argv[i], "--effective") == 0)
            settings.shows_effective = true;
        else if (strcmp(argv[i], "--stdin") == 0)
            reads_stdin = true;
        else if (settings.path != NULL)
            return usage_error(argv[0], "more than one configuration:", argv[i]);
        else
            settings.path = argv[i];
    }
    if (reads_stdin && settings.path != NULL)
        return usage_error(argv[0], "with --stdin there is no", settings.path);
    if (!reads_stdin && settings.path == NULL)
        settings.path = command_line_default_configuration();
    return check_run(&settings);
}

/* ---- init
 * ------------------------------------------------------------------------------------------- */

static int init_command(int argc, char **argv)
{
    if (argc > 2)
        return usage_error(argv[0], "more than one configuration:", argv[2]);
    return init_run(argc > 1 ? argv[1] : "sallyport.yaml");
}

/* ---- demo
 * -------------------------------------------------------------------------------------------- */

struct demo_bridge {
    demo_ready *on_ready;
    void *context;
};

static void on_demo_ready(void *context, const struct gateway_endpoint *endpoints, size_t count)
{
    struct demo_bridge *bridge = context;
    struct demo_endpoint *copies = memory_allocate_array(count, sizeof(*copies));

    for (size_t i = 0; i < count; i++)
        copies[i] = (struct demo_endpoint){endpoints[i].listener, endpoints[i].address};
    bridge->on_ready(bridge->context, copies, count);
    memory_release(copies);
}

static int run_demo_gateway(const char *configuration, demo_ready *on_ready, void *context)
{
    struct demo_bridge bridge = {on_ready, context};
    struct gateway_run_settings settings = {
        .configuration = configuration,
        .on_ready = on_demo_ready,
        .context = &bridge,
    };

    return gateway_run(&settings);
}

static int demo_command(int argc, char **argv)
{
    return demo_main(argc, argv, run_demo_gateway);
}

/* ---- explain
 * ----------------------------------------------------------------------------------------- */

static int explain_command(int argc, char **argv)
{
    return explain_main(argc, argv, &explain_workshop);
}

/* ---- version and help
 * --------------------------------------------------------------------------------- */

static int version_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("sallyport %s (%s)\n", SALLYPORT_VERSION, OpenSSL_version(OPENSSL_VERSION));
    return EXIT_OK;
}

static char *manual_text(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);

    if (memory == NULL)
        return NULL;
    command_print_manual(&table, memory);
    fclose(memory);
    return text;
}

static int print_manual(const char *name)
{
    static const struct manual_page program = {.name = "sallyport", .section = "1"};
    static const struct manual_page settings = {
        .name = "sallyport.yaml",
        .section = "5",
        .about = "sallyport.yaml \\- the configuration of sallyport(1)",
    };
    char *text;

    if (strcmp(name, program.name) == 0) {
        text = manual_text();
        manual_print(&program, text == NULL ? "" : text, stdout);
        free(text); /* the C library's, not ours */
    } else if (strcmp(name, settings.name) == 0) {
        text = config_format_documentation();
        manual_print(&settings, text, stdout);
        memory_release(text);
    } else {
        return usage_error("help", "there is no manual page", name);
    }
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_START;
}

static int print_completion(const char *shell)
{
    if (!command_print_completion(&table, shell, stdout))
        return usage_error("help", "there are no completions for the shell", shell);
    return fflush(stdout) == 0 ? EXIT_OK : EXIT_START;
}

static int help_command(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--manual") == 0)
        return print_manual(argv[2]);
    if (argc > 2 && strcmp(argv[1], "--completion") == 0)
        return print_completion(argv[2]);
    command_print_help(&table, stdout);
    return EXIT_OK;
}

/* ---- the command line
 * --------------------------------------------------------------------------------- */

/* A lone hyphen is a name, by old custom that of the standard input. */
static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* EXIT_OK when each option is one of the command's, and has its value. */
static int check_options_of(const struct command *command, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const struct command_option *option;

        if (!is_option(argv[i]))
            continue;
        option = command_find_option(command, argv[i]);
        if (option == NULL)
            return usage_error(argv[0], "unknown option", argv[i]);
        if (option->value == NULL || strchr(argv[i], '=') != NULL)
            continue;
        if (i + 1 == argc)
            return usage_error(argv[0], "a value is missing behind", argv[i]);
        i++;
    }
    return EXIT_OK;
}

static bool asks_for_help(int argc, char **argv)
{
    return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

int command_line_run(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        command_print_help(&table, stderr);
        return EXIT_USAGE;
    }
    command = find_command(argv[1]);
    if (command == NULL)
        return usage_error("", "unknown command", argv[1]);
    if (asks_for_help(argc - 1, argv + 1)) {
        command_print_usage(command, stdout);
        return EXIT_OK;
    }
    if (check_options_of(command, argc - 1, argv + 1) != EXIT_OK)
        return EXIT_USAGE;
    return command->run(argc - 1, argv + 1);
}
