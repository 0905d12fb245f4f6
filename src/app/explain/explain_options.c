/* SPDX-License-Identifier: Apache-2.0
 *
 * See explain_options_internal.h. An option is a row: its name, and who takes its value.
 */
#include "app/explain/explain_options_internal.h"

#include <string.h>
#include <time.h>

/* ---- values ---- */

typedef bool value_reader(const char *value, struct explain_options *options, struct error *error);

static bool read_url(const char *value, struct explain_options *options, struct error *error)
{
    (void)error;
    options->request.url = slice_from_text(value);
    return true;
}

static bool read_method(const char *value, struct explain_options *options, struct error *error)
{
    if (value[0] == '\0')
        error_set(error, ERROR_USAGE, "--method takes the name of a method");
    options->request.method = slice_from_text(value);
    return value[0] != '\0';
}

static bool read_server_name(const char *value, struct explain_options *options,
                             struct error *error)
{
    (void)error;
    options->request.server_name = slice_from_text(value);
    return true;
}

static bool read_header(const char *value, struct explain_options *options, struct error *error)
{
    if (options->request.header_count == EXPLAIN_HEADERS_MAX) {
        error_set(error, ERROR_USAGE, "there may be %d times --header", EXPLAIN_HEADERS_MAX);
        return false;
    }
    options->headers[options->request.header_count++] = value;
    return true;
}

static bool read_source(const char *value, struct explain_options *options, struct error *error)
{
    if (ip_address_parse(slice_from_text(value), &options->source))
        return true;
    error_set(error, ERROR_USAGE, "--source-address takes an IP address without a port");
    return false;
}

static bool read_time(const char *value, struct explain_options *options, struct error *error)
{
    struct tm parts = {0};
    const char *end = strptime(value, "%Y-%m-%dT%H:%M:%SZ", &parts);

    if (end == NULL) {
        parts = (struct tm){0};
        end = strptime(value, "%Y-%m-%d", &parts);
    }
    if (end != NULL && *end == '\0')
        options->time = (int64_t)timegm(&parts);
    if (options->time > 0)
        return true;
    error_set(error, ERROR_USAGE, "--time takes 2026-11-21 or 2026-11-21T05:00:00Z, in UTC");
    return false;
}

static bool read_expectation(const char *value, struct explain_options *options,
                             struct error *error)
{
    options->has_expectation = true;
    options->expected =
        strcmp(value, "allow") == 0 ? REASON_NONE : reason_find(slice_from_text(value));
    if (options->expected != REASON_UNDECIDED)
        return true;
    error_set(error, ERROR_USAGE, "--expect takes 'allow' or a reason, and '%s' is none", value);
    return false;
}

#define READ_PATH(name, member)                                                                    \
    static bool name(const char *value, struct explain_options *options, struct error *error)      \
    {                                                                                              \
        (void)error;                                                                               \
        options->member = value;                                                                   \
        return true;                                                                               \
    }

READ_PATH(read_certificate, files.certificate)
READ_PATH(read_chain, files.chain)
READ_PATH(read_password, files.password)
READ_PATH(read_address, address)
READ_PATH(read_against, against)
READ_PATH(read_log, log)
READ_PATH(read_certificates, certificates)

#undef READ_PATH

static const struct {
    const char *name;
    value_reader *read;
} valued[] = {
    {"--url", read_url},
    {"--method", read_method},
    {"--server-name", read_server_name},
    {"--header", read_header},
    {"--source-address", read_source},
    {"--time", read_time},
    {"--expect", read_expectation},
    {"--cert", read_certificate},
    {"--chain", read_chain},
    {"--password-file", read_password},
    {"--address", read_address},
    {"--against", read_against},
    {"--log", read_log},
    {"--certs", read_certificates},
};

/* ---- the words ---- */

static bool read_word(const char *word, struct explain_options *options, struct error *error)
{
    if (strcmp(word, "--json") == 0) {
        options->is_json = true;
    } else if (strcmp(word, "--online") == 0) {
        options->is_online = true;
    } else if (options->configuration != NULL) {
        error_set(error, ERROR_USAGE, "more than one configuration: '%s'", word);
        return false;
    } else {
        options->configuration = word;
    }
    return true;
}

/* The value in "--name=value", or `next` behind "--name"; NULL: another option. */
static const char *find_value(const char *name, const char *word, const char *next)
{
    size_t size = strlen(name);

    if (strncmp(word, name, size) != 0)
        return NULL;
    if (word[size] == '=')
        return word + size + 1;
    return word[size] == '\0' ? next : NULL;
}

/* The row that takes the word, and its value; NULL: none does. */
static value_reader *find_reader(const char *word, const char *next, const char **value)
{
    for (size_t i = 0; i < sizeof valued / sizeof valued[0]; i++) {
        *value = find_value(valued[i].name, word, next);
        if (*value != NULL)
            return valued[i].read;
    }
    return NULL;
}

static bool check_comparison(const struct explain_options *options, struct error *error)
{
    if (options->log == NULL)
        error_set(error, ERROR_USAGE, "--against needs the access log: --log FILE");
    else if (options->request.url.data != NULL || options->files.certificate != NULL ||
             options->has_expectation)
        error_set(error, ERROR_USAGE,
                  "with --against, requests come from the log: "
                  "no --url, --cert or --expect");
    else
        return true;
    return false;
}

static bool check(const struct explain_options *options, struct error *error)
{
    if (options->against != NULL)
        return check_comparison(options, error);
    if (options->log != NULL || options->certificates != NULL)
        error_set(error, ERROR_USAGE, "--log and --certs need --against NEW.yaml");
    else if (options->request.url.data == NULL)
        error_set(error, ERROR_USAGE, "which request? --url https://HOST/PATH");
    else if (options->files.certificate == NULL &&
             (options->files.chain != NULL || options->files.password != NULL))
        error_set(error, ERROR_USAGE, "--chain and --password-file need --cert");
    else
        return true;
    return false;
}

bool explain_options_read(int argc, char **argv, struct explain_options *options,
                          struct error *error)
{
    *options = (struct explain_options){.configuration = NULL};
    options->request.headers = options->headers;
    (void)ip_address_parse(SLICE("127.0.0.1"), &options->source);
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        const char *value = NULL;
        value_reader *read = find_reader(argv[i], next, &value);

        if (read != NULL ? !read(value, options, error) : !read_word(argv[i], options, error))
            return false;
        i += read != NULL && value == next;
    }
    return check(options, error);
}
