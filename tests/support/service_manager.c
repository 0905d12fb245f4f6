/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests use for a service manager: it starts a program as systemd would (NOTIFY_SOCKET, a
 * watchdog, passed sockets), says on its standard output what happens, and obeys its standard
 * input. The sockets stay open while one process ends and the next begins.
 *
 *     service_manager [--abstract] [--notify PATH] [--user NAME] [--watchdog-ms N]
 *                     [--listen PORT]... -- PROGRAM ARGUMENT...
 *
 * says "listening 127.0.0.1:PORT", "started PID", "told LINE|LINE|LINE", "ended STATUS", and does
 * "start", "signal NUMBER", "quit". What the program writes comes out of the standard error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKETS_MAX = 8, FIRST_PASSED = 3, ASIDE = 100 };

struct manager {
    const char *notify_path;
    const char *user;
    bool is_abstract;
    long watchdog_ms;
    int sockets[SOCKETS_MAX];
    int socket_count;
    char **command;
    char address[108];
    int notify;
    int children;
    pid_t child; /* 0: none runs */
};

static void check(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "service_manager: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* Out of the way of the numbers that the program will find them under. */
static int aside(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, ASIDE);

    check(fd >= 0 && moved >= 0, "a descriptor");
    close(fd);
    return moved;
}

static void listen_on(struct manager *manager, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = aside(socket(AF_INET, SOCK_STREAM, 0));
    int one = 1;

    check(manager->socket_count < SOCKETS_MAX, "too many sockets");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    check(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 4096) == 0 &&
              getsockname(fd, (struct sockaddr *)&address, &size) == 0,
          "listening");
    manager->sockets[manager->socket_count++] = fd;
    printf("listening 127.0.0.1:%u\n", (unsigned)ntohs(address.sin_port));
}

static void open_notify_socket(struct manager *manager)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length;

    if (manager->is_abstract)
        snprintf(manager->address, sizeof(manager->address), "@service-manager-%ld",
                 (long)getpid());
    else
        snprintf(manager->address, sizeof(manager->address), "%s", manager->notify_path);
    length = strlen(manager->address);
    memcpy(address.sun_path, manager->address, length);
    if (manager->is_abstract)
        address.sun_path[0] = '\0';
    manager->notify = aside(socket(AF_UNIX, SOCK_DGRAM, 0));
    check(bind(manager->notify, (struct sockaddr *)&address,
               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) == 0,
          "the notify socket");
    if (!manager->is_abstract)
        check(chmod(manager->address, 0666) == 0, "the notify socket");
}

static void become(const char *name)
{
    const struct passwd *entry = getpwnam(name);

    check(entry != NULL && initgroups(name, entry->pw_gid) == 0 && setgid(entry->pw_gid) == 0 &&
              setuid(entry->pw_uid) == 0,
          name);
}

static void set_number(const char *name, long value)
{
    char text[32];

    snprintf(text, sizeof(text), "%ld", value);
    setenv(name, text, 1);
}

static void run_child(const struct manager *manager)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    for (int i = 0; i < manager->socket_count; i++)
        check(dup2(manager->sockets[i], FIRST_PASSED + i) >= 0, "passing a socket");
    setenv("NOTIFY_SOCKET", manager->address, 1);
    if (manager->watchdog_ms > 0) {
        set_number("WATCHDOG_USEC", manager->watchdog_ms * 1000);
        set_number("WATCHDOG_PID", getpid());
    }
    if (manager->socket_count > 0) {
        set_number("LISTEN_FDS", manager->socket_count);
        set_number("LISTEN_PID", getpid());
        setenv("LISTEN_FDNAMES", "first:second", 1);
    }
    if (manager->user != NULL)
        become(manager->user);
    execvp(manager->command[0], manager->command);
    check(false, manager->command[0]);
}

static void start(struct manager *manager)
{
    check(manager->child == 0, "a second child");
    manager->child = fork();
    check(manager->child >= 0, "fork");
    if (manager->child == 0)
        run_child(manager);
    printf("started %ld\n", (long)manager->child);
}

static void obey(struct manager *manager, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "start") == 0)
        start(manager);
    else if (strncmp(line, "signal ", 7) == 0 && manager->child != 0)
        kill(manager->child, (int)strtol(line + 7, NULL, 10));
    else if (strcmp(line, "quit") == 0)
        exit(0);
    else
        fprintf(stderr, "service_manager: not obeyed: %s\n", line);
}

static void hear(const struct manager *manager)
{
    char text[4096];
    ssize_t size = recv(manager->notify, text, sizeof(text) - 1, 0);

    if (size < 0)
        return;
    text[size] = '\0';
    for (char *byte = text; *byte != '\0'; byte++) {
        if (*byte == '\n')
            *byte = '|';
    }
    printf("told %s\n", text);
}

static void bury(struct manager *manager)
{
    struct signalfd_siginfo info;
    int status = 0;

    check(read(manager->children, &info, sizeof(info)) == sizeof(info), "signals");
    if (manager->child == 0 || waitpid(manager->child, &status, WNOHANG) != manager->child)
        return;
    /* What it said last comes before its end. */
    while (poll(&(struct pollfd){manager->notify, POLLIN, 0}, 1, 0) > 0)
        hear(manager);
    manager->child = 0;
    printf("ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void wait_for_events(struct manager *manager)
{
    char line[128];

    for (;;) {
        struct pollfd events[] = {{STDIN_FILENO, POLLIN, 0},
                                  {manager->notify, POLLIN, 0},
                                  {manager->children, POLLIN, 0}};

        fflush(stdout);
        check(poll(events, 3, -1) >= 0 || errno == EINTR, "poll");
        if (events[1].revents != 0)
            hear(manager);
        if (events[2].revents != 0)
            bury(manager);
        if (events[0].revents != 0) {
            if (fgets(line, sizeof(line), stdin) == NULL)
                return;
            obey(manager, line);
        }
    }
}

static void read_arguments(struct manager *manager, char **words)
{
    for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
        if (strcmp(*words, "--abstract") == 0)
            manager->is_abstract = true;
        else if (strcmp(*words, "--notify") == 0)
            manager->notify_path = *++words;
        else if (strcmp(*words, "--user") == 0)
            manager->user = *++words;
        else if (strcmp(*words, "--watchdog-ms") == 0)
            manager->watchdog_ms = strtol(*++words, NULL, 10);
        else if (strcmp(*words, "--listen") == 0)
            listen_on(manager, *++words);
    }
    manager->command = *words == NULL ? words : words + 1;
}

int main(int argc, char **argv)
{
    struct manager manager = {.notify_path = "notify"};
    sigset_t children;

    (void)argc;
    setvbuf(stdin, NULL, _IONBF, 0);
    read_arguments(&manager, argv + 1);
    check(manager.command[0] != NULL, "a program is missing");
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    manager.children = aside(signalfd(-1, &children, 0));
    open_notify_socket(&manager);
    wait_for_events(&manager);
    if (manager.child != 0)
        kill(manager.child, SIGKILL);
    return 0;
}
