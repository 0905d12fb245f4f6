/* SPDX-License-Identifier: Apache-2.0
 *
 * `sallyport whoami`: the viewer as a program of its own, until SIGTERM or SIGINT.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "app/whoami/whoami.h"
#include "runtime/log.h"

enum { EXIT_OK = 0, EXIT_START = 1, EXIT_USAGE = 2 };

static const char usage[] =
    "usage: sallyport whoami [--address ADDRESS]\n"
    "\n"
    "A backend that shows what a gateway says about its client: a page for browsers, JSON for\n"
    "others. It believes whoever connects, so let nobody but the gateway connect.\n"
    "\n"
    "  --address ADDRESS  where to listen, default " WHOAMI_DEFAULT_ADDRESS "; port 0 takes any\n";

static void stop_loop(void *context)
{
    event_loop_stop(context);
}

static int serve(const struct socket_address *address)
{
    struct event_loop *loop = event_loop_create();
    struct error error = {ERROR_NONE, ""};
    struct whoami *whoami = whoami_start(loop, address, &error);
    struct event_signal *terminate = NULL;
    struct event_signal *interrupt = NULL;
    struct socket_address bound;
    char text[SOCKET_ADDRESS_TEXT_SIZE];
    int status = EXIT_START;

    if (whoami == NULL) {
        log_event(LOG_ERROR, "%s", error.text);
        goto cleanup;
    }
    terminate = event_signal_create(loop, SIGTERM, stop_loop, loop);
    interrupt = event_signal_create(loop, SIGINT, stop_loop, loop);
    whoami_address(whoami, &bound);
    socket_address_format(&bound, text);
    log_event(LOG_INFO, "ready whoami http://%s", text);
    event_loop_run(loop);
    status = EXIT_OK;

cleanup:
    event_signal_destroy(interrupt);
    event_signal_destroy(terminate);
    whoami_stop(whoami);
    event_loop_destroy(loop);
    return status;
}

int whoami_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"address", required_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
    struct slice text = slice_from_text(WHOAMI_DEFAULT_ADDRESS);
    struct socket_address address;
    struct error error = {ERROR_NONE, ""};
    int option = 0;

    optind = 0; /* another command may have read its options before */
    for (option = getopt_long(argc, argv, "", options, NULL); option != -1;
         option = getopt_long(argc, argv, "", options, NULL)) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_OK;
        }
        if (option != 'a') {
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
        text = slice_from_text(optarg);
    }
    if (optind < argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    if (!socket_address_parse(text, &address, &error)) {
        log_event(LOG_ERROR, "%s", error.text);
        return EXIT_USAGE;
    }
    return serve(&address);
}
