/* SPDX-License-Identifier: Apache-2.0
 *
 * The admin socket: whose file it is, whom it obeys, and that every command has one answer.
 */
#include "support/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/admin/admin_client.h"
#include "app/admin/admin_connection_internal.h"
#include "app/admin/admin_service.h"
#include "runtime/log.h"
#include "runtime/memory.h"

enum { WAIT_MS = 60000 }; /* reached only by what never happens */

static char directory[64];
static char path[80];
static struct event_loop *loop;
static struct event_wake *wake;
static struct event_wake *finish_wake;
static struct gateway_status status;
static struct admin_service *service;
static pthread_t thread;
static atomic_uint reloads;
static atomic_uint drains;
static atomic_uint stops;
static const char *immediate_problem; /* a reload fails at once */

/* ---- a gateway that is none ---- */

static void end_reload(const char *problems)
{
    gateway_status_end_reload(&status, problems);
    admin_service_reloaded(service);
}

static void on_reload(void *context)
{
    (void)context;
    reloads++;
    gateway_status_begin_reload(&status);
    if (immediate_problem != NULL)
        end_reload(immediate_problem);
    else
        event_wake_send(finish_wake);
}

static void on_reload_end(void *context)
{
    (void)context;
    status.generation_number++;
    end_reload(NULL);
}

static void on_drain(void *context)
{
    (void)context;
    drains++;
    status.phase = GATEWAY_DRAINING;
}

static void on_stop(void *context)
{
    (void)context;
    stops++;
}

static void *run(void *context)
{
    event_loop_run(context);
    return NULL;
}

static void on_end(void *context)
{
    event_loop_stop(context);
}

static const struct admin_operations operations = {on_reload, on_drain, on_stop};
static atomic_size_t open_connections = 3;

static struct admin_service *start_service(struct error *error)
{
    struct admin_service_settings settings = {
        .loop = loop, .path = path, .status = &status, .operations = &operations};

    return admin_service_start(&settings, error);
}

static int prepare(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/sallyport-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/admin.sock", directory);
    status = (struct gateway_status){.phase = GATEWAY_SERVING,
                                     .configuration = "sallyport.yaml",
                                     .open_connections = &open_connections,
                                     .generation_number = 1};
    reloads = 0;
    drains = 0;
    stops = 0;
    immediate_problem = NULL;
    loop = event_loop_create();
    log_set_level(LOG_ERROR);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    event_loop_destroy(loop);
    gateway_status_reset(&status);
    return rmdir(directory);
}

static int start(void **state)
{
    prepare(state);
    wake = event_wake_create(loop, on_end, loop);
    finish_wake = event_wake_create(loop, on_reload_end, NULL);
    service = start_service(NULL);
    assert_non_null(service);
    return pthread_create(&thread, NULL, run, loop);
}

static int stop(void **state)
{
    event_wake_send(wake);
    pthread_join(thread, NULL);
    admin_service_stop(service);
    event_wake_destroy(wake);
    event_wake_destroy(finish_wake);
    return clean_up(state);
}

/* ---- commands ---- */

static void assert_answer(const char *command, enum admin_result result, const char *text)
{
    struct error error = {0};
    struct admin_answer answer = admin_client_ask(path, command, WAIT_MS, &error);

    if (answer.result != result)
        print_error("%s: %s\n", command, error.text);
    assert_int_equal(answer.result, result);
    assert_string_equal(answer.text, text);
    memory_release(answer.text);
}

TEST(a_reload_is_answered_when_it_has_ended)
{
    assert_answer("reload", ADMIN_OK, "reloaded sallyport.yaml: generation 2 is in use\n");
    assert_answer("reload json", ADMIN_OK,
                  "{\"result\":\"ok\",\"text\":\"reloaded sallyport.yaml: generation 3 is in "
                  "use\"}\n");
    assert_int_equal(reloads, 2);
}

TEST(a_reload_that_fails_says_why)
{
    immediate_problem = "a.yaml:1:2: \"no\"";
    assert_answer("reload", ADMIN_ERROR, "a.yaml:1:2: \"no\"\n");
    assert_answer("reload json", ADMIN_ERROR,
                  "{\"result\":\"error\",\"text\":\"a.yaml:1:2: \\\"no\\\"\"}\n");
}

TEST(health_is_ok_while_the_gateway_serves)
{
    assert_answer("healthcheck", ADMIN_OK, "serving\n");
    assert_answer("healthcheck json", ADMIN_OK, "{\"result\":\"ok\",\"text\":\"serving\"}\n");
    assert_answer("drain", ADMIN_OK, "draining: 3 connections are open\n");
    assert_answer("healthcheck", ADMIN_NO, "draining\n");
}

TEST(who_drains_is_told_and_told_once)
{
    assert_answer("drain", ADMIN_OK, "draining: 3 connections are open\n");
    assert_answer("drain", ADMIN_OK, "the gateway is draining already\n");
    assert_int_equal(drains, 1);
    assert_answer("reload", ADMIN_ERROR, "the gateway is about to end: nothing is reloaded\n");
    assert_int_equal(reloads, 0);
    assert_answer("stop", ADMIN_OK, "stopping now\n");
    while (stops == 0) /* which comes behind the answer */
        sched_yield();
}

TEST(what_is_no_command_changes_nothing)
{
    static const char long_line[] = "0123456789012345678901234567890123456789"
                                    "0123456789012345678901234567890123456789";

    assert_answer("", ADMIN_ERROR, "there is no such command\n");
    assert_answer("Reload", ADMIN_ERROR, "there is no such command\n");
    assert_answer("reload\r", ADMIN_ERROR, "there is no such command\n");
    assert_answer("stopp", ADMIN_ERROR, "there is no such command\n");
    assert_answer("stop now", ADMIN_ERROR, "behind a command there may be 'json', and no more\n");
    assert_answer("stop  json", ADMIN_ERROR, "behind a command there may be 'json', and no more\n");
    assert_answer(long_line, ADMIN_ERROR, "a command is one short line\n");
    assert_answer("unknown json", ADMIN_ERROR,
                  "{\"result\":\"error\",\"text\":\"there is no such command\"}\n");
    assert_int_equal(reloads, 0);
    assert_int_equal(drains, 0);
    assert_int_equal(stops, 0);
}

static int connect_to_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = WAIT_MS / 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

TEST(a_command_may_come_in_pieces_and_is_one)
{
    char text[64] = "";
    int fd = connect_to_socket();

    assert_int_equal(send(fd, "health", 6, MSG_NOSIGNAL), 6);
    assert_answer("healthcheck", ADMIN_OK, "serving\n"); /* nobody waits for another */
    assert_int_equal(send(fd, "check\nstop\n", 11, MSG_NOSIGNAL), 11);
    assert_int_equal(recv(fd, text, sizeof(text) - 1, MSG_WAITALL), 11);
    assert_string_equal(text, "ok\nserving\n");
    assert_int_equal(stops, 0);
    close(fd);
}

TEST(who_leaves_without_a_command_disturbs_nobody)
{
    int fds[32];

    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        fds[i] = connect_to_socket();
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
    assert_answer("healthcheck", ADMIN_OK, "serving\n");
}

/* What is under way may have read the files before they were as they are now. */
TEST(a_reload_that_was_under_way_is_not_the_one_that_was_asked_for)
{
    gateway_status_begin_reload(&status);
    assert_answer("reload", ADMIN_OK, "reloaded sallyport.yaml: generation 2 is in use\n");
    assert_int_equal(status.reload.begun, 2);
}

TEST(root_and_the_gateways_own_user_are_obeyed)
{
    assert_true(admin_connection_obeys(0, 1000));
    assert_true(admin_connection_obeys(1000, 1000));
    assert_true(admin_connection_obeys(0, 0));
    assert_false(admin_connection_obeys(1000, 0));
    assert_false(admin_connection_obeys(1001, 1000));
    assert_false(admin_connection_obeys((uid_t)-1, 1000));
}

/* ---- the file ---- */

TEST(the_socket_is_its_users_alone_and_is_gone_at_the_end)
{
    mode_t mask = umask(0);
    struct admin_service *alone = start_service(NULL);
    struct stat file;

    umask(mask);
    assert_non_null(alone);
    assert_int_equal(lstat(path, &file), 0);
    assert_true(S_ISSOCK(file.st_mode));
    assert_int_equal(file.st_mode & 07777, 0600);
    admin_service_stop(alone);
    assert_int_equal(lstat(path, &file), -1);
    admin_service_stop(NULL);
}

TEST(a_socket_that_somebody_listens_on_is_not_replaced)
{
    struct admin_service *first = start_service(NULL);
    struct error error = {0};
    struct stat file;

    assert_non_null(first);
    assert_null(start_service(&error));
    assert_non_null(strstr(error.text, "another process listens on it"));
    assert_int_equal(lstat(path, &file), 0);
    admin_service_stop(first);
}

TEST(a_socket_that_was_left_behind_is_replaced)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int left = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct admin_service *next;

    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(bind(left, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(left, 1), 0);
    close(left);
    next = start_service(NULL);
    assert_non_null(next);
    admin_service_stop(next);
}

TEST(what_is_no_socket_is_left_alone)
{
    struct error error = {0};
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

    close(fd);
    assert_null(start_service(&error));
    assert_non_null(strstr(error.text, "something else has that name, which is no socket"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nowhere/else", path), 0);
    assert_null(start_service(&error));
    assert_int_equal(unlink(path), 0);
}

TEST(a_socket_of_another_is_not_removed_at_the_end)
{
    struct admin_service *first = start_service(NULL);
    struct admin_service *second;
    struct stat file;

    assert_non_null(first);
    assert_int_equal(unlink(path), 0);
    second = start_service(NULL);
    assert_non_null(second);
    admin_service_stop(first);
    assert_int_equal(lstat(path, &file), 0);
    admin_service_stop(second);
    assert_int_equal(lstat(path, &file), -1);
}

TEST(a_directory_that_is_not_there_is_an_error)
{
    struct admin_service_settings settings = {.loop = loop, .path = "/nowhere/admin.sock"};
    struct error error = {0};

    assert_null(admin_service_start(&settings, &error));
    assert_string_equal(error.text,
                        "admin socket '/nowhere/admin.sock': it cannot be made: No such "
                        "file or directory");
}

/* ---- the other side ---- */

static void assert_unreachable(const char *socket_path, const char *why)
{
    struct error error = {0};
    struct admin_answer answer = admin_client_ask(socket_path, "status", 50, &error);

    assert_int_equal(answer.result, ADMIN_UNREACHABLE);
    assert_null(answer.text);
    if (strstr(error.text, why) == NULL)
        fail_msg("expected %s in %s", why, error.text);
}

TEST(nobody_who_answers_is_told_apart_from_an_answer)
{
    char long_path[200];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memset(long_path, 'a', sizeof(long_path));
    long_path[sizeof(long_path) - 1] = '\0';
    assert_unreachable(long_path, "the path of a socket has at most 107 bytes");
    assert_unreachable(path, "No such file or directory");
    memcpy(address.sun_path, path, strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_unreachable(path, "nobody listens on it");
    assert_int_equal(listen(fd, 1), 0);
    assert_unreachable(path, "the gateway does not answer");
    close(fd);
    unlink(path);
}

#define COMMANDED(test) cmocka_unit_test_setup_teardown(test, start, stop)
#define PREPARED(test)  cmocka_unit_test_setup_teardown(test, prepare, clean_up)

int main(void)
{
    return RUN_TESTS(
        COMMANDED(a_reload_is_answered_when_it_has_ended), COMMANDED(a_reload_that_fails_says_why),
        COMMANDED(health_is_ok_while_the_gateway_serves),
        COMMANDED(who_drains_is_told_and_told_once), COMMANDED(what_is_no_command_changes_nothing),
        COMMANDED(a_command_may_come_in_pieces_and_is_one),
        COMMANDED(who_leaves_without_a_command_disturbs_nobody),
        COMMANDED(a_reload_that_was_under_way_is_not_the_one_that_was_asked_for),
        cmocka_unit_test(root_and_the_gateways_own_user_are_obeyed),
        PREPARED(the_socket_is_its_users_alone_and_is_gone_at_the_end),
        PREPARED(a_socket_that_somebody_listens_on_is_not_replaced),
        PREPARED(a_socket_that_was_left_behind_is_replaced),
        PREPARED(what_is_no_socket_is_left_alone),
        PREPARED(a_socket_of_another_is_not_removed_at_the_end),
        PREPARED(a_directory_that_is_not_there_is_an_error),
        PREPARED(nobody_who_answers_is_told_apart_from_an_answer));
}
