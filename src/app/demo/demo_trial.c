/* SPDX-License-Identifier: Apache-2.0
 *
 * Running the checks and saying how they went. A check that was interrupted counts as failed: only
 * what was seen to hold holds.
 */
#include "app/demo/demo_trial_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/demo/demo_command_internal.h"
#include "runtime/buffer.h"
#include "runtime/encoding.h"
#include "runtime/log.h"
#include "runtime/memory.h"

enum { COMMAND_MS = 30 * 1000, SHOWN_LINES_MAX = 30, SHOWN_LINE_BYTES_MAX = 200 };

struct demo_trial {
    const struct demo_check_list *list;
    struct demo_scene scene; /* its texts are copies */
    char *texts[3];
    int interrupt[2]; /* a pipe; readable at its first end means: stop */
    pthread_t thread;
    unsigned passed;
    unsigned failed;
    unsigned skipped;
};

bool demo_trial_can_run(const struct demo_check_list *list)
{
    bool can_run = true;

    for (size_t i = 0; i < list->count; i++) {
        const struct demo_check *check = &list->checks[i];
        bool known = i > 0 && strcmp(check->program, list->checks[i - 1].program) == 0;

        if (check->optional || known || demo_command_exists(check->program))
            continue;
        log_event(LOG_ERROR, "%s is not installed; on Debian: apt install %s", check->program,
                  check->program);
        can_run = false;
    }
    return can_run;
}

/* ---- saying ---- */

static void say(const char *verdict, size_t number, const struct demo_check *check)
{
    printf("%-4s %2zu  %-38s  %s\n", verdict, number, check->title, check->shows);
    fflush(stdout);
}

/* Each line of the text behind a margin. */
static void say_lines(const char *margin, struct slice text, size_t lines_max)
{
    for (size_t i = 0; i < lines_max && !slice_is_empty(text); i++) {
        size_t end = slice_find(text, '\n');
        char printable[4 * SHOWN_LINE_BYTES_MAX];
        struct buffer line;

        buffer_init(&line, printable, sizeof printable);
        encode_printable(&line,
                         slice_first(slice_trim(slice_first(text, end)), SHOWN_LINE_BYTES_MAX));
        printf("%s%.*s\n", margin, SLICE_FORMAT(buffer_readable(&line)));
        text = slice_after(text, end + 1);
    }
    fflush(stdout);
}

static const char *outcome_problem(enum demo_command_outcome outcome)
{
    switch (outcome) {
    case DEMO_COMMAND_FAILED:
        return "the command could not be started";
    case DEMO_COMMAND_TIMED_OUT:
        return "the command did not end in time";
    case DEMO_COMMAND_INTERRUPTED:
        return "the command was interrupted";
    case DEMO_COMMAND_DONE:
        break;
    }
    return NULL;
}

static void say_failure(const char *problem, struct slice output)
{
    char printable[4 * SHOWN_LINE_BYTES_MAX];
    struct buffer line;

    buffer_init(&line, printable, sizeof printable);
    encode_printable(&line, slice_first(slice_from_text(problem), SHOWN_LINE_BYTES_MAX));
    printf("         %.*s; what came:\n", SLICE_FORMAT(buffer_readable(&line)));
    say_lines("         | ", output, SHOWN_LINES_MAX);
}

/* The lines of the output that begin so. */
static void tell(const char *beginning, struct slice output)
{
    while (!slice_is_empty(output)) {
        struct slice line = slice_first(output, slice_find(output, '\n'));

        if (slice_starts_with(line, slice_from_text(beginning)))
            say_lines("         ", line, 1);
        output = slice_after(output, line.size + 1);
    }
}

/* ---- running ---- */

/* NULL when the check holds, else what is wrong; the caller releases it. */
static char *judge(const struct demo_check *check, const struct demo_command_result *result)
{
    const char *problem = outcome_problem(result->outcome);

    if (problem != NULL)
        return memory_copy_text(problem);
    return demo_check_judge(check, slice_from(result->output, result->output_size));
}

/* False when the trial was interrupted. */
static bool run_check(struct demo_trial *trial, size_t index)
{
    const struct demo_check_list *list = trial->list;
    const struct demo_check *check = &list->checks[index];
    char *line = demo_check_line(check, &trial->scene);
    struct demo_command_result result =
        demo_command_run(line, trial->scene.directory, trial->interrupt[0], COMMAND_MS);
    char *problem = judge(check, &result);

    say(problem == NULL ? list->good : "FAIL", index + 1, check);
    if (list->shows_lines)
        say_lines("         ", slice_from_text(line), SHOWN_LINES_MAX);
    if (list->tells != NULL)
        tell(list->tells, slice_from(result.output, result.output_size));
    if (problem != NULL)
        say_failure(problem, slice_from(result.output, result.output_size));
    trial->passed += problem == NULL;
    trial->failed += problem != NULL;
    memory_release(problem);
    memory_release(result.output);
    memory_release(line);
    return result.outcome != DEMO_COMMAND_INTERRUPTED;
}

static void *run(void *context)
{
    struct demo_trial *trial = context;
    bool goes_on = true;

    for (size_t i = 0; i < trial->list->count && goes_on; i++) {
        const struct demo_check *check = &trial->list->checks[i];

        if (check->optional && !demo_command_exists(check->program)) {
            say("skip", i + 1, check);
            printf("         %s is not installed\n", check->program);
            trial->skipped++;
            continue;
        }
        goes_on = run_check(trial, i);
    }
    printf("\n%u passed, %u failed", trial->passed, trial->failed);
    if (trial->skipped > 0)
        printf(", %u skipped", trial->skipped);
    printf("%s\n", goes_on ? "" : ", interrupted");
    fflush(stdout);
    if (goes_on)
        kill(getpid(), SIGTERM);
    return NULL;
}

/* ---- the thread ---- */

static void copy_scene(struct demo_trial *trial, const struct demo_scene *scene)
{
    trial->texts[0] = memory_copy_text(scene->directory);
    trial->texts[1] = memory_copy_text(scene->host);
    trial->texts[2] = memory_copy_text(scene->address);
    trial->scene = (struct demo_scene){.directory = trial->texts[0],
                                       .host = trial->texts[1],
                                       .address = trial->texts[2],
                                       .port = scene->port};
}

static void release(struct demo_trial *trial)
{
    for (size_t i = 0; i < sizeof trial->texts / sizeof trial->texts[0]; i++)
        memory_release(trial->texts[i]);
    for (size_t i = 0; i < 2; i++) {
        if (trial->interrupt[i] >= 0)
            close(trial->interrupt[i]);
    }
    memory_release(trial);
}

struct demo_trial *demo_trial_start(const struct demo_scene *scene,
                                    const struct demo_check_list *list, struct error *error)
{
    struct demo_trial *trial = memory_allocate(sizeof *trial);
    sigset_t all;
    sigset_t before;
    int code = 0;

    trial->list = list;
    trial->interrupt[0] = -1;
    trial->interrupt[1] = -1;
    copy_scene(trial, scene);
    if (pipe2(trial->interrupt, O_CLOEXEC) != 0) {
        error_set(error, ERROR_SYSTEM, "a pipe cannot be made: %s", strerror(errno));
        release(trial);
        return NULL;
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&trial->thread, NULL, run, trial);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code != 0) {
        error_set(error, ERROR_SYSTEM, "a thread cannot be started: %s", strerror(code));
        release(trial);
        return NULL;
    }
    return trial;
}

bool demo_trial_finish(struct demo_trial *trial)
{
    bool held = false;

    if (trial == NULL)
        return false;
    /* Closing the writing end makes the other one readable. */
    close(trial->interrupt[1]);
    trial->interrupt[1] = -1;
    pthread_join(trial->thread, NULL);
    held = trial->failed == 0 && trial->passed > 0;
    release(trial);
    return held;
}
