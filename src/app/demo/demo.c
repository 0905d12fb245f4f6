/* SPDX-License-Identifier: Apache-2.0
 *
 * A demo in order: directory, certificates, viewer, configuration, gateway; and back. What can be
 * tried is printed, or tried, when the gateway says that it is ready.
 */
#include "app/demo/demo.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/demo/demo_attack_internal.h"
#include "app/demo/demo_check_internal.h"
#include "app/demo/demo_directory_internal.h"
#include "app/demo/demo_mirror_internal.h"
#include "app/demo/demo_pki_internal.h"
#include "app/demo/demo_text_internal.h"
#include "app/demo/demo_trial_internal.h"
#include "app/demo/demo_viewer_internal.h"
#include "runtime/file.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/socket.h"

enum { EXIT_OK = 0, EXIT_START = 1, EXIT_USAGE = 2, EXIT_CHECK = 3 };

#define DEFAULT_ADDRESS "127.0.0.1:8443"
#define ONCE_ADDRESS    "127.0.0.1:0" /* whatever port is free */

static const char usage[] =
    "usage: sallyport demo [--keep DIR] [--once | --attack] [--address ADDRESS]\n"
    "\n"
    "A gateway with a throw-away PKI and a certificate viewer behind it, and what to try with\n"
    "them. Stays until Ctrl-C.\n"
    "\n"
    "  --keep DIR         leave certificates and sallyport.yaml in DIR, which must be new or "
    "empty\n"
    "  --once             try everything, say how it went, and end; 0 only if all of it holds\n"
    "  --attack           attack it, say how it went, and end; 0 only if nothing came of it\n"
    "  --address ADDRESS  where the gateway listens, default " DEFAULT_ADDRESS ",\n"
    "                     with --once and --attack any free port\n";

struct options {
    const char *keep; /* NULL: a temporary directory */
    const char *address;
    const struct demo_check_list *trial; /* NULL: somebody else tries */
};

static bool attacks(const struct options *options)
{
    return options->trial == &demo_attacks;
}

struct demo {
    struct options options;
    struct demo_directory directory;
    struct demo_viewer *viewer;
    struct demo_mirror *mirror; /* for attacks */
    struct demo_trial *trial;
    bool ready;
};

/* ---- where ---- */

static bool is_one_of(const char *text, const char *const *choices)
{
    for (; *choices != NULL; choices++) {
        if (strcmp(text, *choices) == 0)
            return true;
    }
    return false;
}

/* What every machine calls itself is in the server's certificates already. */
static bool is_this_machine(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "::1", "0.0.0.0", "::", NULL};

    return is_one_of(host, names);
}

/* Where nobody can connect to, the nearest that one can. */
static const char *connectable(const char *host)
{
    static const char *const wildcards[] = {"0.0.0.0", "::", NULL};

    return is_one_of(host, wildcards) ? "127.0.0.1" : host;
}

/* ---- when the gateway is ready ---- */

static bool present(struct demo *demo, const char *address_text)
{
    struct socket_address address;
    struct error error = {ERROR_NONE, ""};
    char host[SOCKET_ADDRESS_TEXT_SIZE];
    struct demo_scene scene = {.directory = demo->directory.path};

    if (!socket_address_parse(slice_from_text(address_text), &address, &error)) {
        log_event(LOG_ERROR, "%s", error.text);
        return false;
    }
    socket_address_format_host(&address, host);
    scene.port = socket_address_port(&address);
    scene.address = connectable(host);
    /* Not every system knows "localhost" as ::1. */
    scene.host = strcmp(scene.address, "127.0.0.1") == 0 ? "localhost" : host;
    if (demo->options.trial != NULL) {
        demo->trial = demo_trial_start(&scene, demo->options.trial, &error);
        if (demo->trial == NULL)
            log_event(LOG_ERROR, "%s", error.text);
        return demo->trial != NULL;
    }
    demo_print_instructions(&scene, demo_viewer_address(demo->viewer), demo->directory.temporary);
    return true;
}

static void on_ready(void *context, const struct demo_endpoint *endpoints, size_t count)
{
    struct demo *demo = context;
    bool presented = false;

    demo->ready = true;
    for (size_t i = 0; i < count && !presented; i++)
        presented =
            strcmp(endpoints[i].listener, "demo") == 0 && present(demo, endpoints[i].address);
    /* With nothing to show there is nothing to wait for. */
    if (!presented)
        kill(getpid(), SIGTERM);
}

/* ---- from beginning to end ---- */

/* For attacks more has to be there than a configuration. */
static char *prepare_attacks(const struct demo *demo, struct error *error)
{
    struct demo_attack_facts facts = {.address = demo->options.address,
                                      .viewer = demo_viewer_address(demo->viewer),
                                      .mirror = demo_mirror_address(demo->mirror)};

    if (!demo_attack_choose_ports(&facts, error) ||
        !demo_attack_prepare(&demo->directory, &facts, error))
        return NULL;
    return demo_attack_format_configuration(&facts);
}

static bool write_configuration(const struct demo *demo, const char *path, struct error *error)
{
    const struct demo_configuration_facts facts = {.address = demo->options.address,
                                                   .viewer = demo_viewer_address(demo->viewer),
                                                   .quiet = demo->options.trial != NULL};
    char *text =
        attacks(&demo->options) ? prepare_attacks(demo, error) : demo_format_configuration(&facts);
    bool written = text != NULL && file_write_private(path, slice_from_text(text), error);

    memory_release(text);
    return written;
}

static bool prepare(struct demo *demo, const char *host, struct error *error)
{
    if (!demo_directory_open(demo->options.keep, &demo->directory, error))
        return false;
    if (!demo_pki_write(&demo->directory, is_this_machine(host) ? NULL : host,
                        attacks(&demo->options), error))
        return false;
    if (attacks(&demo->options)) {
        demo->mirror = demo_mirror_start(error);
        if (demo->mirror == NULL)
            return false;
    }
    demo->viewer = demo_viewer_start(error);
    return demo->viewer != NULL;
}

static int run_on(struct demo *demo, demo_run_gateway *run_gateway)
{
    char *path = demo_directory_path(&demo->directory, "sallyport.yaml");
    struct error error = {ERROR_NONE, ""};
    int status = EXIT_START;

    if (!write_configuration(demo, path, &error)) {
        log_event(LOG_ERROR, "%s", error.text);
        goto cleanup;
    }
    status = run_gateway(path, on_ready, demo);
    if (!demo->ready)
        log_event(LOG_ERROR, "the gateway did not start");

cleanup:
    memory_release(path);
    return status;
}

static int run(const struct options *options, const char *host, demo_run_gateway *run_gateway)
{
    struct demo demo = {.options = *options};
    struct error error = {ERROR_NONE, ""};
    int status = EXIT_START;

    if (!prepare(&demo, host, &error))
        log_event(LOG_ERROR, "%s", error.text);
    else
        status = run_on(&demo, run_gateway);
    if (options->trial != NULL && !demo_trial_finish(demo.trial) && status == EXIT_OK)
        status = EXIT_CHECK;
    demo_viewer_stop(demo.viewer);
    demo_mirror_stop(demo.mirror);
    demo_directory_close(&demo.directory);
    return status;
}

/* The gateway's sockets share their port with each other, and so would those of a second demo: half
 * of the connections would find the other one's certificates. This one does not share. */
static bool is_free(const struct socket_address *address)
{
    struct error error = {ERROR_NONE, ""};
    int fd = -1;

    if (socket_address_port(address) == 0)
        return true;
    fd = socket_listen(address, 1, false, &error);
    if (fd < 0) {
        log_event(LOG_ERROR, "%s; --address 127.0.0.1:0 finds a free port", error.text);
        return false;
    }
    socket_close(fd);
    return true;
}

/* ---- the command line ---- */

/* EXIT_OK to go on; -1 when there is nothing more to do. */
static int parse_options(int argc, char **argv, struct options *parsed)
{
    static const struct option options[] = {
        {"keep", required_argument, NULL, 'k'}, {"once", no_argument, NULL, 'o'},
        {"attack", no_argument, NULL, 'x'},     {"address", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},       {0}};
    int option = 0;

    optind = 0; /* another command may have read its options before */
    for (option = getopt_long(argc, argv, "", options, NULL); option != -1;
         option = getopt_long(argc, argv, "", options, NULL)) {
        if (option == 'k')
            parsed->keep = optarg;
        else if (option == 'o')
            parsed->trial = &demo_checks;
        else if (option == 'x')
            parsed->trial = &demo_attacks;
        else if (option == 'a')
            parsed->address = optarg;
        else if (option == 'h') {
            fputs(usage, stdout);
            return -1;
        } else {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (parsed->address == NULL)
        parsed->address = parsed->trial != NULL ? ONCE_ADDRESS : DEFAULT_ADDRESS;
    return EXIT_OK;
}

int demo_main(int argc, char **argv, demo_run_gateway *run_gateway)
{
    struct options options = {.keep = NULL};
    struct socket_address address;
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    char host[SOCKET_ADDRESS_TEXT_SIZE];
    struct error error = {ERROR_NONE, ""};
    int status = parse_options(argc, argv, &options);

    if (status != EXIT_OK)
        return status < 0 ? EXIT_OK : status;
    if (!socket_address_parse(slice_from_text(options.address), &address, &error)) {
        log_event(LOG_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    if (!is_free(&address) || (options.trial != NULL && !demo_trial_can_run(options.trial)))
        return EXIT_START;
    socket_address_format(&address, text);
    socket_address_format_host(&address, host);
    options.address = text;
    return run(&options, host, run_gateway);
}
