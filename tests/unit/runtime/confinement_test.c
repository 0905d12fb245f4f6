/* SPDX-License-Identifier: Apache-2.0
 *
 * Confinement cannot be undone, so each test confines a child of its own and asks it what it can
 * still do. The modes of all files here allow everything to everybody: what is refused, is refused
 * by the confinement.
 */
#include "runtime/confinement.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/confinement_internal.h"
#include "runtime/memory.h"
#include "support/test.h"

enum { CANNOT_BE_CONFINED = 100 };

/* ---- places ---------------------------------------------------------------------------------- */

struct places {
    char *root;
    char *configured; /* a file, named in a configuration */
    char *beside;     /* in its directory */
    char *link;       /* configured too: it leads to ... */
    char *target;     /* ... here, */
    char *renewed;    /* beside which its next version will be */
    char *outside;
    char *log_directory;
};

static char *make_directory(const char *parent, const char *name)
{
    char *path = memory_format("%s/%s", parent, name);

    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(chmod(path, 0777), 0);
    return path;
}

static char *make_file(const char *directory, const char *name)
{
    char *path = memory_format("%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "text\n", 5), 5);
    assert_int_equal(fchmod(fd, 0666), 0);
    close(fd);
    return path;
}

static int make_places(void **state)
{
    struct places *places = memory_allocate(sizeof(*places));
    char template[] = "/tmp/sallyport-confinement-XXXXXX";
    char *live, *archive, *elsewhere;

    assert_non_null(mkdtemp(template));
    assert_int_equal(chmod(template, 0755), 0);
    places->root = memory_copy_text(template);
    live = make_directory(places->root, "live");
    archive = make_directory(places->root, "archive");
    elsewhere = make_directory(places->root, "elsewhere");
    places->log_directory = make_directory(places->root, "log");
    places->configured = make_file(live, "gateway.yaml");
    places->beside = make_file(live, "more.pem");
    places->target = make_file(archive, "key1.pem");
    places->renewed = make_file(archive, "key2.pem");
    places->outside = make_file(elsewhere, "secret");
    places->link = memory_format("%s/key.pem", live);
    assert_int_equal(symlink(places->target, places->link), 0);
    memory_release(live);
    memory_release(archive);
    memory_release(elsewhere);
    *state = places;
    return 0;
}

static int remove_places(void **state)
{
    struct places *places = *state;
    char *command[] = {memory_copy_text("rm"), memory_copy_text("-rf"), places->root, NULL};
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        execvp(command[0], command);
        _exit(1);
    }
    waitpid(child, &status, 0);
    memory_release(command[0]);
    memory_release(command[1]);
    memory_release(places->configured);
    memory_release(places->beside);
    memory_release(places->link);
    memory_release(places->target);
    memory_release(places->renewed);
    memory_release(places->outside);
    memory_release(places->log_directory);
    memory_release(places->root);
    memory_release(places);
    return status;
}

/* ---- confined children ----------------------------------------------------------------------- */

typedef bool child_finding(const struct places *places, const struct confinement *confinement);

static int status_with(const struct places *places, const struct confinement_settings *settings,
                       child_finding *holds)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        struct error error = {.kind = ERROR_NONE};
        struct confinement *confinement = confinement_apply(settings, &error);

        if (confinement == NULL) {
            fprintf(stderr, "%s\n", error.text);
            _exit(CANNOT_BE_CONFINED);
        }
        _exit(holds(places, confinement) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* The wait status of a child with the usual settings: 0 when it holds. */
static int status_of(void **state, child_finding *holds)
{
    const struct places *places = *state;
    const char *const files[] = {places->configured, places->link, NULL};
    const char *const write_directories[] = {places->log_directory, NULL};
    struct confinement_settings settings = {.files = files, .write_directories = write_directories};

    return status_with(places, &settings, holds);
}

static void skip_because(const char *why)
{
    print_message("[  SKIPPED ] %s\n", why);
    skip();
}

static void need_landlock(int version)
{
    if (landlock_version() < version)
        skip_because("this kernel has no Landlock, or too old a one");
}

/* ---- files ----------------------------------------------------------------------------------- */

static bool can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0666);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool is_denied(const char *path, int flags)
{
    return !can_open(path, flags) && errno == EACCES;
}

static bool reads_configured(const struct places *places, const struct confinement *confinement)
{
    (void)confinement;
    return can_open(places->configured, O_RDONLY) && can_open(places->beside, O_RDONLY);
}

TEST(reads_configured_files_and_what_lies_beside_them)
{
    assert_int_equal(status_of(state, reads_configured), 0);
}

static bool reads_renewed(const struct places *places, const struct confinement *confinement)
{
    (void)confinement;
    return can_open(places->link, O_RDONLY) && can_open(places->renewed, O_RDONLY);
}

TEST(reads_where_links_of_configured_files_lead)
{
    assert_int_equal(status_of(state, reads_renewed), 0);
}

static bool is_kept_inside(const struct places *places, const struct confinement *confinement)
{
    (void)confinement;
    return is_denied(places->outside, O_RDONLY) && is_denied(places->root, O_RDONLY) &&
           is_denied("/", O_RDONLY) && is_denied("/etc/passwd", O_RDONLY);
}

TEST(reads_nothing_else)
{
    need_landlock(1);
    assert_int_equal(status_of(state, is_kept_inside), 0);
}

static bool writes_logs(const struct places *places, const struct confinement *confinement)
{
    char *first = memory_format("%s/access.log", places->log_directory);
    char *second = memory_format("%s/access.log.1", places->log_directory);

    (void)confinement;
    return can_open(first, O_WRONLY | O_CREAT) && can_open(first, O_WRONLY | O_TRUNC) &&
           rename(first, second) == 0 && can_open(first, O_RDWR | O_CREAT) && unlink(first) == 0 &&
           can_open("/dev/null", O_RDWR);
}

TEST(writes_where_it_was_allowed)
{
    assert_int_equal(status_of(state, writes_logs), 0);
}

static bool writes_nowhere_else(const struct places *places, const struct confinement *confinement)
{
    char *made = memory_format("%s/new", places->root);

    (void)confinement;
    return is_denied(places->configured, O_WRONLY) && is_denied(places->outside, O_WRONLY) &&
           is_denied(made, O_WRONLY | O_CREAT) && is_denied("/tmp/sallyport-new", O_CREAT | O_RDWR);
}

TEST(writes_nothing_else)
{
    need_landlock(1);
    assert_int_equal(status_of(state, writes_nowhere_else), 0);
}

static bool removes_nothing(const struct places *places, const struct confinement *confinement)
{
    (void)confinement;
    return unlink(places->beside) != 0 && errno == EACCES && rmdir(places->log_directory) != 0 &&
           errno == EACCES;
}

TEST(removes_nothing_that_it_may_only_read)
{
    need_landlock(1);
    assert_int_equal(status_of(state, removes_nothing), 0);
}

static bool knows_what_it_covers(const struct places *places, const struct confinement *confinement)
{
    return confinement_covers(confinement, places->configured) &&
           confinement_covers(confinement, places->link) &&
           confinement_covers(confinement, places->renewed) &&
           confinement_covers(confinement, "/nowhere/at/all") &&
           !confinement_covers(confinement, places->outside) &&
           !confinement_covers(confinement, places->root);
}

TEST(says_which_paths_need_a_restart)
{
    need_landlock(1);
    assert_int_equal(status_of(state, knows_what_it_covers), 0);
}

static bool is_unconcerned(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    return confinement_description(confinement)[0] != '\0';
}

TEST(directories_that_do_not_exist_are_no_error)
{
    const char *const missing[] = {"/nowhere/at/all", NULL};
    struct confinement_settings settings = {
        .files = missing, .read_directories = missing, .write_directories = missing};

    assert_int_equal(status_with(*state, &settings, is_unconcerned), 0);
}

static bool tells_of_unreadable(const struct places *places, const struct confinement *confinement)
{
    const char *warning = confinement_warning(confinement, 0);

    (void)places;
    return warning != NULL && strstr(warning, "reload") != NULL;
}

TEST(says_when_a_reload_could_not_read_a_file_again)
{
    const struct places *places = *state;
    const char *const files[] = {places->configured, NULL};
    struct confinement_settings settings = {.files = files};

    assert_int_equal(chmod(places->configured, 0), 0);
    assert_int_equal(status_with(places, &settings, tells_of_unreadable), 0);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static int bind_status(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int status = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;

    close(fd);
    return status;
}

static bool binds_only_zero(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    return bind_status(0) == 0 && bind_status(28443) == EACCES &&
           confinement_covers_port(confinement, 0) && !confinement_covers_port(confinement, 28443);
}

TEST(binds_only_to_ports_that_were_configured)
{
    const uint16_t ports[] = {0};
    struct confinement_settings settings = {.ports = ports, .port_count = 1, .limits_ports = true};

    need_landlock(4);
    assert_int_equal(status_with(*state, &settings, binds_only_zero), 0);
}

static bool binds_any(const struct places *places, const struct confinement *confinement)
{
    int status = bind_status(28443);

    (void)places;
    return (status == 0 || status == EADDRINUSE) && confinement_covers_port(confinement, 28443);
}

TEST(binds_to_every_port_when_none_was_said)
{
    struct confinement_settings settings = {.user = NULL};

    assert_int_equal(status_with(*state, &settings, binds_any), 0);
}

/* ---- system calls ---------------------------------------------------------------------------- */

static bool runs_a_program(const struct places *places, const struct confinement *confinement)
{
    char *const arguments[] = {NULL};

    (void)places;
    (void)confinement;
    execve("/bin/true", arguments, arguments);
    return true;
}

TEST(running_a_program_ends_the_process)
{
    int status = status_of(state, runs_a_program);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static bool starts_a_process(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    (void)confinement;
    if (fork() == 0)
        _exit(0);
    return true;
}

TEST(starting_a_process_ends_the_process)
{
    int status;

    if (CONFINEMENT_WITH_ADDRESS_SANITIZER)
        skip_because("the leak check of this build starts a process");
    status = status_of(state, starts_a_process);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static bool goes_on_without(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    (void)confinement;
    return syscall(SYS_memfd_create, "name", 0U) == -1 && errno == ENOSYS &&
           syscall(SYS_io_uring_setup, 8U, NULL) == -1 && errno == ENOSYS &&
           syscall(SYS_clone3, NULL, (size_t)0) == -1 && errno == ENOSYS;
}

TEST(unknown_calls_are_answered_as_by_an_older_kernel)
{
    assert_int_equal(status_of(state, goes_on_without), 0);
}

static bool has_only_useful_sockets(const struct places *places,
                                    const struct confinement *confinement)
{
    (void)places;
    (void)confinement;
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && socket(AF_VSOCK, SOCK_STREAM, 0) < 0 &&
           socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 && socket(AF_INET6, SOCK_STREAM, 0) >= 0;
}

TEST(sockets_are_of_the_internet_or_local)
{
    assert_int_equal(status_of(state, has_only_useful_sockets), 0);
}

static bool signals_nobody(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    (void)confinement;
    return kill(getppid(), 0) != 0 && syscall(SYS_tgkill, getppid(), getppid(), 0) != 0 &&
           pthread_kill(pthread_self(), 0) == 0;
}

TEST(signals_reach_no_other_process)
{
    assert_int_equal(status_of(state, signals_nobody), 0);
}

static bool aborts(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    (void)confinement;
    abort();
}

TEST(an_assertion_still_ends_the_process_in_its_own_way)
{
    int status = status_of(state, aborts);

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* ---- what a gateway does --------------------------------------------------------------------- */

static void *answer_one(void *context)
{
    const int *listening = context;
    char byte = 0;
    int fd = accept4(*listening, NULL, NULL, SOCK_CLOEXEC);
    bool answered = fd >= 0 && recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, 0) == 1;

    if (fd >= 0)
        close(fd);
    return answered ? context : NULL;
}

static bool is_answered(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    char byte = 'x';
    bool answered = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 &&
                    send(fd, &byte, 1, 0) == 1 && poll(&waiting, 1, 5000) == 1 &&
                    recv(fd, &byte, 1, 0) == 1 && byte == 'x';

    close(fd);
    return answered;
}

static bool serves(const struct places *places, const struct confinement *confinement)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pthread_t thread;
    void *answered = NULL;

    (void)places;
    (void)confinement;
    return bind(fd, (const struct sockaddr *)&address, size) == 0 && listen(fd, 1) == 0 &&
           getsockname(fd, (struct sockaddr *)&address, &size) == 0 &&
           pthread_create(&thread, NULL, answer_one, &fd) == 0 && is_answered(&address) &&
           pthread_join(thread, &answered) == 0 && answered != NULL;
}

TEST(threads_start_and_serve)
{
    assert_int_equal(status_of(state, serves), 0);
}

static bool resolves(const struct places *places, const struct confinement *confinement)
{
    struct addrinfo *found = NULL;
    bool is_found = getaddrinfo("localhost", "80", NULL, &found) == 0;

    (void)places;
    (void)confinement;
    if (is_found)
        freeaddrinfo(found);
    return is_found;
}

TEST(names_are_resolved)
{
    assert_int_equal(status_of(state, resolves), 0);
}

/* ---- privileges ------------------------------------------------------------------------------ */

static bool has_no_capability(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct has[_LINUX_CAPABILITY_U32S_3];

    return syscall(SYS_capget, &header, has) == 0 && has[0].effective == 0 &&
           has[1].effective == 0 && has[0].permitted == 0 && has[1].permitted == 0 &&
           has[0].inheritable == 0 && has[1].inheritable == 0;
}

static bool is_powerless(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    (void)confinement;
    return getuid() != 0 && geteuid() != 0 && getgid() != 0 && setuid(0) != 0 && setgid(0) != 0 &&
           has_no_capability();
}

TEST(root_is_given_up_for_good)
{
    struct confinement_settings settings = {.user = "nobody"};

    if (!privileges_are_root())
        skip_because("only root has something to give up");
    assert_int_equal(status_with(*state, &settings, is_powerless), 0);
    settings.without_filters = true;
    assert_int_equal(status_with(*state, &settings, is_powerless), 0);
}

static bool gains_nothing(const struct places *places, const struct confinement *confinement)
{
    (void)places;
    (void)confinement;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
           prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == CONFINEMENT_WITH_ADDRESS_SANITIZER;
}

TEST(programs_gain_nothing_and_memory_is_hidden)
{
    struct confinement_settings settings = {.without_filters = true};

    assert_int_equal(status_with(*state, &settings, gains_nothing), 0);
}

static bool is_free(const struct places *places, const struct confinement *confinement)
{
    return can_open(places->outside, O_RDONLY) && prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == 0 &&
           confinement_covers(confinement, places->outside);
}

TEST(filters_can_be_left_out)
{
    struct confinement_settings settings = {.without_filters = true};

    assert_int_equal(status_with(*state, &settings, is_free), 0);
}

TEST(the_user_to_become_exists_and_is_not_root)
{
    struct privileges_user user;
    struct error error = {.kind = ERROR_NONE};

    assert_false(privileges_find_user("root", &user, &error));
    assert_non_null(strstr(error.text, "root"));
    assert_false(privileges_find_user("no-such-user", &user, &error));
    assert_non_null(strstr(error.text, "'no-such-user'"));
    assert_true(privileges_find_user("nobody", &user, &error));
    assert_int_not_equal(user.uid, 0);
}

static void *wait_for_end(void *context)
{
    const int *fd = context;
    char byte;

    return read(*fd, &byte, 1) == 0 ? NULL : context;
}

/* A thread that is there already would stay unconfined. */
TEST(confinement_that_comes_too_late_is_refused)
{
    struct confinement_settings settings = {.user = NULL};
    int ends[2];
    pid_t child;
    int status = 0;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child = fork();
    if (child == 0) {
        struct error error = {.kind = ERROR_NONE};
        pthread_t thread;

        if (pthread_create(&thread, NULL, wait_for_end, &ends[0]) != 0)
            _exit(2);
        _exit(confinement_apply(&settings, &error) == NULL && strstr(error.text, "too late") != NULL
                  ? 0
                  : 1);
    }
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    close(ends[1]);
    assert_int_equal(status, 0);
}

#define CONFINED(test) cmocka_unit_test_setup_teardown(test, make_places, remove_places)

int main(void)
{
    return RUN_TESTS(
        CONFINED(reads_configured_files_and_what_lies_beside_them),
        CONFINED(reads_where_links_of_configured_files_lead), CONFINED(reads_nothing_else),
        CONFINED(writes_where_it_was_allowed), CONFINED(writes_nothing_else),
        CONFINED(removes_nothing_that_it_may_only_read), CONFINED(says_which_paths_need_a_restart),
        CONFINED(directories_that_do_not_exist_are_no_error),
        CONFINED(says_when_a_reload_could_not_read_a_file_again),
        CONFINED(binds_only_to_ports_that_were_configured),
        CONFINED(binds_to_every_port_when_none_was_said),
        CONFINED(running_a_program_ends_the_process), CONFINED(starting_a_process_ends_the_process),
        CONFINED(unknown_calls_are_answered_as_by_an_older_kernel),
        CONFINED(sockets_are_of_the_internet_or_local), CONFINED(signals_reach_no_other_process),
        CONFINED(an_assertion_still_ends_the_process_in_its_own_way),
        CONFINED(threads_start_and_serve), CONFINED(names_are_resolved),
        CONFINED(root_is_given_up_for_good), CONFINED(programs_gain_nothing_and_memory_is_hidden),
        CONFINED(filters_can_be_left_out),
        cmocka_unit_test(the_user_to_become_exists_and_is_not_root),
        cmocka_unit_test(confinement_that_comes_too_late_is_refused));
}
