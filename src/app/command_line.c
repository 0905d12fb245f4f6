/* SPDX-License-Identifier: Apache-2.0
 *
 * See command_line.h. Each command is a row: name, what it does, one line of help.
 */
#include "app/command_line.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/config/config.h"
#include "app/config_report.h"
#include "app/demo/demo.h"
#include "app/gateway_run.h"
#include "app/whoami/whoami.h"
#include "gateway/backend/backend_registry.h"
#include "gateway/generation/generation.h"
#include "protocol/tls/tls_session_store.h"
#include "runtime/log.h"
#include "runtime/memory.h"

static int run_command(int argc, char **argv);
static int check_command(int argc, char **argv);
static int demo_command(int argc, char **argv);
static int version_command(int argc, char **argv);
static int help_command(int argc, char **argv);

struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name */
    const char *usage;
    const char *help;
};

static const struct command commands[] = {
    {"run", run_command, "[FILE] [--ready-file FILE]", "run the gateway"},
    {"check", check_command, "[FILE] [--docs]",
     "validate a configuration; every problem with file:line:column"},
    {"demo", demo_command, "[--once] [--keep DIR] [--address ADDRESS]",
     "a gateway, a throw-away PKI and a viewer, and what to try with them"},
    {"whoami", whoami_main, "[--address ADDRESS]",
     "certificate viewer backend: who the gateway says the client is"},
    {"version", version_command, "", "the versions of sallyport and of its libraries"},
    {"help", help_command, "", "this text"},
};

static const size_t command_count = sizeof(commands) / sizeof(commands[0]);

static const struct command *find_command(const char *name)
{
    if (strcmp(name, "--version") == 0)
        name = "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    for (size_t i = 0; i < command_count; i++) {
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

/* Without a FILE: the one in the current directory, else the system's. */
static const char *default_configuration(void)
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
        if (strcmp(argv[i], "--ready-file") == 0) {
            if (i + 1 == argc)
                return usage_error(argv[0], "a file is missing behind", argv[i]);
            settings.ready_file = argv[++i];
        } else if (argv[i][0] == '-') {
            return usage_error(argv[0], "unknown option", argv[i]);
        } else if (settings.configuration != NULL) {
            return usage_error(argv[0], "more than one configuration:", argv[i]);
        } else {
            settings.configuration = argv[i];
        }
    }
    if (settings.configuration == NULL)
        settings.configuration = default_configuration();
    return gateway_run(&settings);
}

/* ---- check
 * ------------------------------------------------------------------------------------------ */

static int print_documentation(void)
{
    char *text = config_format_documentation();
    bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;

    memory_release(text);
    return printed ? EXIT_OK : EXIT_START;
}

/* Builds everything that `run` would build, and listens nowhere. */
static bool can_build(const struct generation_settings *settings)
{
    const struct tls_session_store_settings session_settings = {.bytes_max = 0};
    struct generation_facts facts = {tls_session_store_create(&session_settings),
                                     backend_registry_create()};
    struct error error = {.kind = ERROR_NONE};
    struct generation *generation = generation_create(settings, &facts, &error);
    bool built = generation != NULL;

    if (!built)
        log_event(LOG_ERROR, "%s", error.text);
    generation_release(generation);
    backend_registry_destroy(facts.backends);
    tls_session_store_destroy(facts.sessions);
    return built;
}

static int check_file(const char *path)
{
    struct config *config = config_load_file(path);
    const struct generation_settings *settings = config_settings(config);
    bool is_good;

    config_report(config);
    is_good = settings != NULL && can_build(settings);
    if (is_good)
        printf("%s: ok\n", path);
    config_destroy(config);
    return is_good ? EXIT_OK : EXIT_START;
}

static int check_command(int argc, char **argv)
{
    const char *path = NULL;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--docs") == 0)
            return print_documentation();
        if (argv[i][0] == '-')
            return usage_error(argv[0], "unknown option", argv[i]);
        if (path != NULL)
            return usage_error(argv[0], "more than one configuration:", argv[i]);
        path = argv[i];
    }
    return check_file(path == NULL ? default_configuration() : path);
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

/* ---- version and help
 * --------------------------------------------------------------------------------- */

static int version_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("sallyport %s (%s)\n", SALLYPORT_VERSION, OpenSSL_version(OPENSSL_VERSION));
    return EXIT_OK;
}

static void print_help(FILE *to)
{
    fprintf(to, "sallyport: an application gateway whose heart is the client certificate\n\n");
    for (size_t i = 0; i < command_count; i++)
        fprintf(to, "  sallyport %s %s\n      %s\n", commands[i].name, commands[i].usage,
                commands[i].help);
    fprintf(to, "\nWithout FILE: ./sallyport.yaml, then /etc/sallyport/sallyport.yaml.\n"
                "Exit status: 0 ok, 1 configuration or start-up, 2 usage, 3 a check said no.\n");
}

static int help_command(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    print_help(stdout);
    return EXIT_OK;
}

int command_line_run(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    command = find_command(argv[1]);
    if (command == NULL)
        return usage_error("", "unknown command", argv[1]);
    return command->run(argc - 1, argv + 1);
}
