/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain.h.
 */
#include "app/explain/explain.h"

#include <stdio.h>

#include "app/explain/explain_against_internal.h"
#include "app/explain/explain_options_internal.h"
#include "app/explain/explain_report_internal.h"
#include "runtime/memory.h"

/* As the whole program ends: command_line.h. */
enum { ENDS_OK = 0, ENDS_UNREADY = 1, ENDS_USAGE = 2, ENDS_REFUSED = 3 };

struct showing {
    const struct explain_options *options;
    const char *configuration;
    bool is_other_port;
    enum reason reason;
};

static void print_json(const struct explain_findings *findings, const struct showing *showing,
                       const struct explain_steps *steps)
{
    const struct reason_facts *facts = reason_get(findings->reason);
    struct text_builder text = {.text = NULL};
    char *list = explain_format_json(steps);

    text_builder_add_format(&text, "{\"outcome\":\"%s\",\"reason\":\"%s\",\"status\":",
                            findings->reason == REASON_NONE ? "allowed" : "refused",
                            reason_name(findings->reason));
    if (findings->reason == REASON_NONE || findings->handshake != REASON_NONE)
        text_builder_add(&text, SLICE("null"));
    else
        text_builder_add_format(&text, "%u", facts->status);
    text_builder_add(&text, SLICE(",\"configuration\":"));
    explain_add_json_text(&text, slice_from_text(showing->configuration));
    text_builder_add(&text, SLICE(",\"url\":"));
    explain_add_json_text(&text, showing->options->request.url);
    text_builder_add_format(&text, ",\"possession\":\"%s\",\"steps\":",
                            findings->question->presented == NULL ? "none" : "assumed");
    text_builder_add(&text, slice_from_text(list));
    text_builder_add(&text, SLICE("}"));
    memory_release(list);
    list = text_builder_take(&text);
    (void)puts(list);
    memory_release(list);
}

static void print_text(const struct showing *showing, const struct explain_steps *steps)
{
    char *text = explain_format_text(steps);

    if (showing->is_other_port)
        (void)puts("No listener has the port of the URL; the only address there is was taken.\n");
    (void)fputs(text, stdout);
    memory_release(text);
}

static void show(void *context, const struct explain_findings *findings)
{
    struct showing *showing = context;
    struct explain_steps steps = {NULL, 0};

    showing->reason = findings->reason;
    explain_describe(findings, &steps);
    if (showing->options->is_json)
        print_json(findings, showing, &steps);
    else
        print_text(showing, &steps);
    explain_steps_reset(&steps);
}

static int complain(const struct error *error)
{
    (void)fprintf(stderr, "sallyport explain: %s\n", error->text);
    return error->kind == ERROR_USAGE ? ENDS_USAGE : ENDS_UNREADY;
}

static int judge_outcome(const struct showing *showing)
{
    const struct explain_options *options = showing->options;

    if (!options->has_expectation)
        return showing->reason == REASON_NONE ? ENDS_OK : ENDS_REFUSED;
    if (showing->reason == options->expected)
        return ENDS_OK;
    (void)fprintf(stderr, "sallyport explain: expected was '%s', and it is '%s'\n",
                  options->expected == REASON_NONE ? "allow" : reason_name(options->expected),
                  showing->reason == REASON_NONE ? "allow" : reason_name(showing->reason));
    return ENDS_REFUSED;
}

/* The address that was named, or the one of the URL's port. */
static const struct listener_group *find_group(const struct explain_options *options,
                                               const struct explain_request *request,
                                               const struct generation *generation,
                                               bool *is_other_port, struct error *error)
{
    struct socket_address address;
    const struct listener_group *group = NULL;

    *is_other_port = false;
    if (options->address == NULL)
        return explain_request_find_group(request, generation, is_other_port, error);
    if (!socket_address_parse(slice_from_text(options->address), &address, error))
        return NULL;
    group = generation_find_group(generation, &address);
    if (group == NULL)
        error_set(error, ERROR_VALUE, "no listener has the address '%s'", options->address);
    return group;
}

static bool explain_on(const struct explain_workshop *workshop, struct explain_bench *bench,
                       const struct explain_request *request, struct showing *showing,
                       struct error *error)
{
    const struct explain_options *options = showing->options;
    struct explain_question question = {
        .head = slice_from_text(request->head),
        .server_name = request->server_name,
        .source = options->source,
        .time = options->time,
    };

    question.group =
        find_group(options, request, bench->generation, &showing->is_other_port, error);
    if (question.group == NULL)
        return false;
    if (options->files.certificate != NULL) {
        question.presented = explain_client_load(&options->files, error);
        if (question.presented == NULL)
            return false;
    }
    explain_walk(workshop, bench, &question, show, showing);
    presented_certificate_release(question.presented);
    return true;
}

static int explain_one(const struct explain_options *options, const char *configuration,
                       const struct explain_workshop *workshop)
{
    struct showing showing = {.options = options, .configuration = configuration};
    struct error error = {.kind = ERROR_NONE};
    struct explain_request request;
    struct explain_bench *bench = NULL;
    bool is_shown = false;

    if (!explain_request_make(&options->request, &request, &error)) {
        error.kind = ERROR_USAGE;
        return complain(&error);
    }
    bench = workshop->open(configuration, options->is_online);
    is_shown = bench != NULL && explain_on(workshop, bench, &request, &showing, &error);
    if (bench != NULL)
        workshop->close(bench);
    explain_request_reset(&request);
    if (bench == NULL)
        return ENDS_UNREADY;
    return is_shown ? judge_outcome(&showing) : complain(&error);
}

int explain_main(int argc, char **argv, const struct explain_workshop *workshop)
{
    struct explain_options options;
    struct error error = {.kind = ERROR_NONE};
    const char *configuration = NULL;

    if (!explain_options_read(argc, argv, &options, &error)) {
        error.kind = ERROR_USAGE;
        return complain(&error);
    }
    configuration =
        options.configuration == NULL ? workshop->default_configuration() : options.configuration;
    if (options.against != NULL) {
        int status = explain_against(&options, configuration, workshop, &error);

        return error.kind == ERROR_NONE ? status : complain(&error);
    }
    return explain_one(&options, configuration, workshop);
}
