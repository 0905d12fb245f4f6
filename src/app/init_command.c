/* SPDX-License-Identifier: Apache-2.0
 *
 * See init_command.h. An answer is tried at once, as a part of the configuration that it becomes:
 * whoever gives a wrong one hears why, and is asked again.
 */
#include "app/init_command.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command_line.h"
#include "app/config/config.h"
#include "runtime/file.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"

enum { QUESTIONS = 5, ANSWER_SIZE = 1024, PUBLIC_MODE = 0644 };

static const struct {
    const char *question;
    const char *answer; /* when there is none */
    const char *before; /* what stands before the answer in the configuration */
    const char *after;
} questions[QUESTIONS] = {
    {"Where do clients connect, as ADDRESS:PORT or :PORT?", ":8443",
     "version: 1\nlisteners:\n  - address: ", "\n"},
    {"Which file holds the server's certificate, and its intermediates behind it?", "server.pem",
     "    tls:\n      certificates:\n        - chain: ", "\n"},
    {"Which file holds its private key?", "server.key", "          key: ", "\n"},
    {"Which file holds the CAs that issue the clients' certificates?", "client-ca.pem",
     "    client_certificate: # mode: required is the default\n      trust: [", "]\n"},
    {"Where do requests go, as http://HOST:PORT?", "http://127.0.0.1:8080",
     "    routes:\n      - backend: ", "\n"},
};

struct answers {
    char texts[QUESTIONS][ANSWER_SIZE];
};

/* In double quotes, so that nothing in it means anything. */
static void add_quoted(struct text_builder *text, const char *value)
{
    text_builder_add(text, SLICE("\""));
    for (; *value != '\0'; value++) {
        if (*value == '"' || *value == '\\')
            text_builder_add(text, SLICE("\\"));
        if (*value == '$')
            text_builder_add(text, SLICE("$"));
        text_builder_add(text, slice_from(value, 1));
    }
    text_builder_add(text, SLICE("\""));
}

/* The caller releases it. */
static char *format(const struct answers *answers)
{
    struct text_builder text = {0};

    for (size_t i = 0; i < QUESTIONS; i++) {
        text_builder_add_format(&text, "%s", questions[i].before);
        add_quoted(&text, answers->texts[i]);
        text_builder_add_format(&text, "%s", questions[i].after);
    }
    return text_builder_take(&text);
}

/* Says what is wrong with the configuration, if anything is. */
static bool is_good(const struct answers *answers)
{
    char *text = format(answers);
    struct config *config = config_load_text(slice_from_text(text), "answer", ".");
    const struct config_problems *problems = config_problems(config);
    bool good = problems->errors == 0;

    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].severity == CONFIG_ERROR)
            fprintf(stderr, "%s\n", problems->items[i].text);
    config_destroy(config);
    memory_release(text);
    return good;
}

/* Without its line break; an empty one is the answer that is there already. */
static bool read_answer(size_t index, struct answers *answers)
{
    char line[ANSWER_SIZE];
    struct slice answer;

    printf("%s [%s] ", questions[index].question, questions[index].answer);
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL) {
        fprintf(stderr, "\nsallyport init: there is no answer\n");
        return false;
    }
    if (strchr(line, '\n') == NULL && feof(stdin) == 0) {
        fprintf(stderr, "sallyport init: the answer is too long\n");
        return false;
    }
    answer = slice_trim(slice_from(line, strcspn(line, "\r\n")));
    if (slice_is_empty(answer))
        answer = slice_from_text(questions[index].answer);
    memset(answers->texts[index], 0, ANSWER_SIZE);
    memcpy(answers->texts[index], answer.data, answer.size);
    return true;
}

static bool ask_all(struct answers *answers)
{
    for (size_t i = 0; i < QUESTIONS; i++)
        memcpy(answers->texts[i], questions[i].answer, strlen(questions[i].answer) + 1);
    for (size_t i = 0; i < QUESTIONS; i++) {
        if (!read_answer(i, answers))
            return false;
        while (!is_good(answers))
            if (!read_answer(i, answers))
                return false;
    }
    return true;
}

/* There is nothing secret in it, and a gateway that gave up root must read it again. */
static bool write_configuration(const char *path, const struct answers *answers)
{
    struct error error = {.kind = ERROR_NONE};
    char *text = format(answers);
    bool written = file_write_private(path, slice_from_text(text), &error);

    if (written && chmod(path, PUBLIC_MODE) != 0)
        error_set(&error, ERROR_FILE, "'%s' cannot be made readable: %s", path, strerror(errno));
    if (error.kind != ERROR_NONE)
        fprintf(stderr, "sallyport init: %s\n", error.text);
    memory_release(text);
    return error.kind == ERROR_NONE;
}

int init_run(const char *path)
{
    struct answers answers = {.texts = {{0}}};
    struct stat status;

    if (lstat(path, &status) == 0) {
        fprintf(stderr, "sallyport init: '%s' is there already, and stays as it is\n", path);
        return EXIT_START;
    }
    if (!ask_all(&answers) || !write_configuration(path, &answers))
        return EXIT_START;
    printf("\n'%s' is written. Next: sallyport check %s\n", path, path);
    return EXIT_OK;
}
