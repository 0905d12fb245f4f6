/* SPDX-License-Identifier: Apache-2.0
 *
 * See admin_command.h. The gateway makes the text; here it is printed.
 */
#include "app/admin_command.h"

#include <stdio.h>
#include <string.h>

#include "app/admin/admin_client.h"
#include "app/command_line.h"
#include "app/command_table.h"
#include "app/config/config.h"
#include "runtime/memory.h"

/* A reload reads files and asks for names, everything else is there. */
enum { RELOAD_WAIT_MS = 5 * 60 * 1000, WAIT_MS = 10 * 1000 };

struct request {
    const char *command;
    const char *socket;        /* NULL: what the configuration says */
    const char *configuration; /* NULL: the one that `run` would find */
    bool as_json;
};

static int refuse(const char *command, const char *problem)
{
    fprintf(stderr, "sallyport %s: %s\nTry 'sallyport help'.\n", command, problem);
    return EXIT_USAGE;
}

static int read_request(int argc, char **argv, struct request *request)
{
    request->command = argv[0];
    for (int i = 1; i < argc; i++) {
        const char *path = command_option_value("--socket", argv, &i);
        const char *configuration =
            path == NULL ? command_option_value("--config", argv, &i) : NULL;

        if (path != NULL)
            request->socket = path;
        else if (configuration != NULL)
            request->configuration = configuration;
        else if (strcmp(argv[i], "--json") == 0)
            request->as_json = true;
        else
            return refuse(argv[0], "no words but options are understood here");
    }
    if (request->socket != NULL && request->configuration != NULL)
        return refuse(argv[0], "--socket and --config exclude each other");
    return EXIT_OK;
}

/* In the heap; NULL: there is none, and it was said why. Whether the configuration is right is of
 * no interest: another one runs. */
static char *find_socket(const struct request *request)
{
    const char *path = request->configuration == NULL ? command_line_default_configuration()
                                                      : request->configuration;
    struct config *config;
    char *found;

    if (request->socket != NULL)
        return memory_copy_text(request->socket);
    config = config_load_file(path);
    found = memory_copy_text(config_admin_socket(config));
    if (found == NULL)
        fprintf(stderr,
                "sallyport %s: no admin socket is found in %s: it needs 'admin: { socket: PATH }', "
                "or say --socket PATH\n",
                request->command, path);
    config_destroy(config);
    return found;
}

static bool is_command(const struct request *request, const char *name)
{
    return strcmp(request->command, name) == 0;
}

/* What is no answer is said to people; to who asked for JSON, everything else is an answer. */
static int report(const struct request *request, const struct admin_answer *answer)
{
    bool is_answer = answer->result != ADMIN_ERROR || request->as_json;

    if (is_answer)
        fputs(answer->text, stdout);
    else
        fprintf(stderr, "sallyport %s: %s", request->command, answer->text);
    if (fflush(stdout) != 0 || answer->result == ADMIN_ERROR)
        return EXIT_START;
    return answer->result == ADMIN_OK ? EXIT_OK : EXIT_CHECK;
}

static int ask(const struct request *request, const char *path)
{
    char *line = memory_format("%s%s", request->command, request->as_json ? " json" : "");
    uint64_t wait_ms = is_command(request, "reload") ? RELOAD_WAIT_MS : WAIT_MS;
    struct error error = {.kind = ERROR_NONE};
    struct admin_answer answer = admin_client_ask(path, line, wait_ms, &error);
    int status;

    memory_release(line);
    if (answer.result != ADMIN_UNREACHABLE) {
        status = report(request, &answer);
        memory_release(answer.text);
        return status;
    }
    fprintf(stderr, "sallyport %s: %s\n", request->command, error.text);
    /* A gateway that does not answer is not healthy, and that is all that was asked. */
    return is_command(request, "healthcheck") ? EXIT_CHECK : EXIT_START;
}

int admin_command(int argc, char **argv)
{
    struct request request = {.command = NULL};
    int status = read_request(argc, argv, &request);
    char *path;

    if (status != EXIT_OK)
        return status;
    path = find_socket(&request);
    if (path == NULL)
        return EXIT_START;
    status = ask(&request, path);
    memory_release(path);
    return status;
}
