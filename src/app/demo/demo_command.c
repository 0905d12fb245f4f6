/* SPDX-License-Identifier: Apache-2.0
 *
 * A command runs in a process group of its own, so that all of a pipeline can be ended, and with
 * signals as a shell would have them. It is over when everybody has closed the output.
 */
#include "app/demo/demo_command_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/memory.h"

/* ---- starting ---- */

/* A proxy would not know what "localhost" is to us; messages are read by the checks. */
static char *const overrides[] = {(char[]){"no_proxy=*"}, (char[]){"NO_PROXY=*"},
                                  (char[]){"LC_ALL=C"}};

enum { OVERRIDE_COUNT = sizeof overrides / sizeof overrides[0] };

static bool is_overridden(const char *variable)
{
    for (size_t i = 0; i < OVERRIDE_COUNT; i++) {
        size_t name = (size_t)(strchr(overrides[i], '=') - overrides[i]) + 1;

        if (strncmp(variable, overrides[i], name) == 0)
            return true;
    }
    return false;
}

/* Ours first, then what there is. The caller releases the list, not what it lists. */
static char **make_environment(void)
{
    size_t count = 0;
    size_t kept = OVERRIDE_COUNT;
    char **environment = NULL;

    while (environ[count] != NULL)
        count++;
    environment = memory_allocate_array(count + OVERRIDE_COUNT + 1, sizeof *environment);
    memcpy(environment, overrides, sizeof overrides);
    for (size_t i = 0; i < count; i++) {
        if (!is_overridden(environ[i]))
            environment[kept++] = environ[i];
    }
    return environment;
}

static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETPGROUP);
}

/* -1 when it cannot be started. */
static pid_t start(const char *line, const char *directory, int output)
{
    char shell[] = "sh";
    char option[] = "-c";
    char *copy = memory_copy_text(line);
    char *const arguments[] = {shell, option, copy, NULL};
    char **environment = make_environment();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t child = -1;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    set_attributes(&attributes);
    if (posix_spawn_file_actions_addchdir_np(&actions, directory) != 0 ||
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) != 0 ||
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO) != 0 ||
        posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments, environment) != 0)
        child = -1;
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    memory_release(environment);
    memory_release(copy);
    return child;
}

/* ---- listening ---- */

/* What does not fit is read and forgotten: a full pipe would hold the command up. */
static bool read_output(int fd, struct demo_command_result *result)
{
    char ignored[4096];
    size_t room = DEMO_OUTPUT_BYTES_MAX - result->output_size;
    ssize_t got = room > 0 ? read(fd, result->output + result->output_size, room)
                           : read(fd, ignored, sizeof ignored);

    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    if (room > 0)
        result->output_size += (size_t)got;
    return got > 0;
}

static enum demo_command_outcome collect(int fd, int interrupt_fd, int timeout_ms,
                                         struct demo_command_result *result)
{
    uint64_t deadline = clock_monotonic_ms() + (uint64_t)timeout_ms;

    for (;;) {
        struct pollfd waiting[] = {{.fd = fd, .events = POLLIN},
                                   {.fd = interrupt_fd, .events = POLLIN}};
        uint64_t now = clock_monotonic_ms();
        int ready = 0;

        if (now >= deadline)
            return DEMO_COMMAND_TIMED_OUT;
        ready = poll(waiting, 2, (int)(deadline - now));
        if (ready < 0 && errno != EINTR)
            return DEMO_COMMAND_FAILED;
        if (ready > 0 && waiting[1].revents != 0)
            return DEMO_COMMAND_INTERRUPTED;
        if (ready > 0 && waiting[0].revents != 0 && !read_output(fd, result))
            return DEMO_COMMAND_DONE;
    }
}

static void wait_for_end(pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
}

struct demo_command_result demo_command_run(const char *line, const char *directory,
                                            int interrupt_fd, int timeout_ms)
{
    struct demo_command_result result = {.output = memory_allocate(DEMO_OUTPUT_BYTES_MAX + 1)};
    int output[2] = {-1, -1};
    pid_t child = -1;

    if (pipe2(output, O_CLOEXEC) != 0)
        return result;
    child = start(line, directory, output[1]);
    close(output[1]);
    if (child > 0) {
        result.outcome = collect(output[0], interrupt_fd, timeout_ms, &result);
        if (result.outcome != DEMO_COMMAND_DONE)
            kill(-child, SIGKILL);
        wait_for_end(child);
    }
    close(output[0]);
    return result;
}

/* ---- looking ---- */

bool demo_command_exists(const char *program)
{
    struct slice rest = slice_from_text(getenv("PATH"));
    bool found = false;

    while (!slice_is_empty(rest) && !found) {
        size_t end = slice_find(rest, ':');
        char *path = memory_format("%.*s/%s", SLICE_FORMAT(slice_first(rest, end)), program);

        found = end > 0 && access(path, X_OK) == 0;
        memory_release(path);
        rest = slice_after(rest, end + 1);
    }
    return found;
}
