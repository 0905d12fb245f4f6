/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/service_notify.h"
#include "runtime/clock.h"
#include "runtime/log.h"

/* The manager's side, which has named itself; the name is in NOTIFY_SOCKET. */
static int open_manager(bool is_abstract)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64];
    socklen_t size;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    snprintf(name, sizeof(name), "%s-%ld", is_abstract ? "@sallyport-test" : "/tmp/sallyport-test",
             (long)getpid());
    size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    memcpy(address.sun_path, name, strlen(name));
    if (is_abstract)
        address.sun_path[0] = '\0';
    else
        unlink(name);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void close_manager(int fd)
{
    const char *name = getenv("NOTIFY_SOCKET");

    if (name[0] == '/')
        unlink(name);
    close(fd);
    unsetenv("NOTIFY_SOCKET");
}

static const char *hear(int fd)
{
    static char text[4096];
    ssize_t size = recv(fd, text, sizeof(text) - 1, 0);

    text[size < 0 ? 0 : size] = '\0';
    return text;
}

static void check_every_message(bool is_abstract)
{
    int manager = open_manager(is_abstract);
    struct service_notify *notify = service_notify_open();
    char expected[128];

    assert_non_null(notify);
    snprintf(expected, sizeof(expected), "READY=1\nMAINPID=%ld\nSTATUS=serving", (long)getpid());
    service_notify_ready(notify, "serving");
    assert_string_equal(hear(manager), expected);
    service_notify_stopping(notify, 35000, "draining");
    assert_string_equal(hear(manager), "STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\nSTATUS=draining");
    service_notify_alive(notify);
    assert_string_equal(hear(manager), "WATCHDOG=1");
    service_notify_close(notify);
    close_manager(manager);
}

TEST(each_message_is_one_datagram_to_a_path)
{
    check_every_message(false);
}

TEST(an_abstract_socket_hears_the_same)
{
    check_every_message(true);
}

TEST(a_reload_says_when_it_began)
{
    int manager = open_manager(true);
    struct service_notify *notify = service_notify_open();
    unsigned long long before = clock_monotonic_us();
    unsigned long long began = 0;

    service_notify_reloading(notify, "reloading");
    assert_int_equal(sscanf(hear(manager), "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=", &began), 1);
    assert_true(began >= before && began <= clock_monotonic_us());
    service_notify_close(notify);
    close_manager(manager);
}

TEST(a_status_is_one_line_whatever_is_in_it)
{
    int manager = open_manager(true);
    struct service_notify *notify = service_notify_open();

    service_notify_stopping(notify, 0, "bad\nMAINPID=1");
    assert_string_equal(hear(manager), "STOPPING=1\nEXTEND_TIMEOUT_USEC=0\nSTATUS=bad MAINPID=1");
    service_notify_close(notify);
    close_manager(manager);
}

TEST(without_a_manager_nothing_is_told_and_nothing_fails)
{
    unsetenv("NOTIFY_SOCKET");
    assert_null(service_notify_open());
    service_notify_ready(NULL, "serving");
    service_notify_reloading(NULL, "reloading");
    service_notify_stopping(NULL, 0, "draining");
    service_notify_alive(NULL);
    service_notify_close(NULL);
    assert_int_equal(service_notify_alive_within_ms(NULL), 0);
}

TEST(an_address_that_nobody_has_is_no_manager)
{
    char long_name[256] = "";
    const char *const names[] = {"",       "@", "relative", "vsock:2:1", "/nonexistent/notify",
                                 long_name};

    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[0] = '/';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        assert_null(service_notify_open());
    }
    unsetenv("NOTIFY_SOCKET");
}

TEST(a_manager_that_has_gone_does_not_stop_us)
{
    int manager = open_manager(true);
    struct service_notify *notify = service_notify_open();

    close_manager(manager);
    service_notify_ready(notify, "serving");
    service_notify_alive(notify);
    service_notify_close(notify);
}

static uint64_t within_ms(const char *process, const char *microseconds)
{
    int manager = open_manager(true);
    struct service_notify *notify;
    uint64_t within;

    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    if (process != NULL)
        setenv("WATCHDOG_PID", process, 1);
    if (microseconds != NULL)
        setenv("WATCHDOG_USEC", microseconds, 1);
    notify = service_notify_open();
    within = service_notify_alive_within_ms(notify);
    service_notify_close(notify);
    close_manager(manager);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    return within;
}

TEST(the_watchdog_is_for_the_process_that_it_names)
{
    char ours[32];

    snprintf(ours, sizeof(ours), "%ld", (long)getpid());
    assert_int_equal(within_ms(NULL, NULL), 0);
    assert_int_equal(within_ms(NULL, "30000000"), 30000);
    assert_int_equal(within_ms(ours, "30000000"), 30000);
    assert_int_equal(within_ms("1", "30000000"), 0);
    assert_int_equal(within_ms("", "30000000"), 0);
    assert_int_equal(within_ms(ours, "often"), 0);
}

int main(void)
{
    log_set_level(LOG_ERROR);
    return RUN_TESTS(cmocka_unit_test(each_message_is_one_datagram_to_a_path),
                     cmocka_unit_test(an_abstract_socket_hears_the_same),
                     cmocka_unit_test(a_reload_says_when_it_began),
                     cmocka_unit_test(a_status_is_one_line_whatever_is_in_it),
                     cmocka_unit_test(without_a_manager_nothing_is_told_and_nothing_fails),
                     cmocka_unit_test(an_address_that_nobody_has_is_no_manager),
                     cmocka_unit_test(a_manager_that_has_gone_does_not_stop_us),
                     cmocka_unit_test(the_watchdog_is_for_the_process_that_it_names));
}
