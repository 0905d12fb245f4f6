/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "runtime/socket.h"

enum { PATIENCE_MS = 10000 };

TEST(addresses_are_read_and_written_in_one_form)
{
    static const struct {
        const char *text;
        const char *shown; /* NULL when refused */
        const char *host;
    } table[] = {
        {"127.0.0.1:8443", "127.0.0.1:8443", "127.0.0.1"},
        {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0"},
        {"[::1]:8443", "[::1]:8443", "::1"},
        {"[2001:DB8:0:0:0:0:0:1]:65535", "[2001:db8::1]:65535", "2001:db8::1"},
        {":8443", "[::]:8443", "::"},
        {"8443", NULL, NULL},
        {"127.0.0.1", NULL, NULL},
        {"127.0.0.1:", NULL, NULL},
        {"127.0.0.1:65536", NULL, NULL},
        {"127.0.0.1:-1", NULL, NULL},
        {"127.0.0.1:+1", NULL, NULL},
        {"127.0.0.1: 1", NULL, NULL},
        {"127.0.0.1:000001", NULL, NULL},
        {"127.1:80", NULL, NULL},
        {"127.0.0.256:80", NULL, NULL},
        {"127.0.0.1.5:80", NULL, NULL},
        {"localhost:80", NULL, NULL},
        {"::1:80", NULL, NULL},
        {"[::1:80", NULL, NULL},
        {"::1]:80", NULL, NULL},
        {"[]:80", NULL, NULL},
        {"[127.0.0.1]:80", NULL, NULL},
        {"[::1]80", NULL, NULL},
        {"", NULL, NULL},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:80", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct socket_address address;
        struct error error = {0};
        char text[SOCKET_ADDRESS_TEXT_SIZE];
        bool parsed = socket_address_parse(slice_from_text(table[i].text), &address, &error);

        assert_int_equal(parsed, table[i].shown != NULL);
        assert_int_equal(error.kind, parsed ? ERROR_NONE : ERROR_SYNTAX);
        if (!parsed)
            continue;
        socket_address_format(&address, text);
        assert_string_equal(text, table[i].shown);
        socket_address_format_host(&address, text);
        assert_string_equal(text, table[i].host);
    }
    assert_false(socket_address_parse(SLICE("127.0.0.1\0:80"), &(struct socket_address){0}, NULL));
}

static struct socket_address address_from(const char *text)
{
    struct socket_address address;

    assert_true(socket_address_parse(slice_from_text(text), &address, NULL));
    return address;
}

TEST(addresses_are_equal_in_family_host_and_port)
{
    static const char *const different[] = {"127.0.0.1:80", "127.0.0.1:81", "127.0.0.2:80",
                                            "[::1]:80",     "[::1]:81",     "[::2]:80"};
    size_t count = sizeof different / sizeof different[0];

    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            struct socket_address a = address_from(different[i]);
            struct socket_address b = address_from(different[j]);

            assert_int_equal(socket_address_equals(&a, &b), i == j);
        }
    }
    assert_int_equal(socket_address_port(&(struct socket_address){0}), 0);
}

TEST(numeric_hosts_are_addresses)
{
    struct socket_address address;
    struct socket_address expected = address_from("127.0.0.1:8080");

    assert_true(socket_address_from_host("127.0.0.1", 8080, &address));
    assert_true(socket_address_equals(&address, &expected));
    assert_true(socket_address_from_host("::1", 80, &address));
    expected = address_from("[::1]:80");
    assert_true(socket_address_equals(&address, &expected));
}

TEST(names_are_no_addresses)
{
    static const char *const names[] = {"localhost", "a..b", "", "example.com", "127.0.0.256"};
    struct socket_address address = address_from("192.0.2.1:1");
    struct socket_address before = address;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        assert_false(socket_address_from_host(names[i], 80, &address));
        assert_true(socket_address_equals(&address, &before));
    }
}

static void wait_for(int fd, short events)
{
    struct pollfd polled = {.fd = fd, .events = events};

    assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
}

static int accept_waiting(int listening, struct socket_address *peer)
{
    enum socket_outcome outcome = SOCKET_FAILED;
    int code = 0;
    int fd = -1;

    wait_for(listening, POLLIN);
    fd = socket_accept(listening, peer, &outcome, &code);
    assert_int_equal(outcome, SOCKET_DONE);
    assert_true(fd >= 0);
    return fd;
}

struct connection {
    int listening;
    int client;
    int server;
    struct socket_address peer;
};

static struct connection connect_to(const char *text, const char *through)
{
    struct socket_address address = address_from(text);
    struct socket_address target = address_from(through);
    struct connection connection;
    struct socket_address bound;
    struct sockaddr_in in;

    connection.listening = socket_listen(&address, 16, false, NULL);
    assert_true(connection.listening >= 0);
    assert_true(socket_local_address(connection.listening, &bound));
    assert_int_not_equal(socket_address_port(&bound), 0);

    memcpy(&in, &target.storage, sizeof in);
    in.sin_port = htons(socket_address_port(&bound));
    memcpy(&target.storage, &in, sizeof in);
    connection.client = socket_connect(&target, NULL);
    assert_true(connection.client >= 0);
    connection.server = accept_waiting(connection.listening, &connection.peer);
    wait_for(connection.client, POLLOUT);
    assert_int_equal(socket_connect_result(connection.client), 0);
    return connection;
}

static struct connection connect_pair(void)
{
    return connect_to("127.0.0.1:0", "127.0.0.1:1");
}

static void close_connection(const struct connection *connection)
{
    socket_close(connection->listening);
    socket_close(connection->client);
    socket_close(connection->server);
}

static bool has_flags(int fd)
{
    int no_delay = 0;
    socklen_t size = sizeof no_delay;

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 &&
           no_delay != 0;
}

TEST(connections_never_block_never_leak_to_children_and_send_at_once)
{
    struct connection connection = connect_pair();

    assert_true(has_flags(connection.client));
    assert_true(has_flags(connection.server));
    close_connection(&connection);
}

TEST(the_accepted_peer_is_the_address_of_the_client)
{
    struct connection connection = connect_pair();
    struct socket_address client;

    assert_true(socket_local_address(connection.client, &client));
    assert_true(socket_address_equals(&connection.peer, &client));
    close_connection(&connection);
}

TEST(an_ipv4_client_of_every_address_is_shown_as_ipv4)
{
    struct connection connection = connect_to(":0", "127.0.0.1:1");
    struct socket_address local;
    char text[SOCKET_ADDRESS_TEXT_SIZE];

    socket_address_format_host(&connection.peer, text);
    assert_string_equal(text, "127.0.0.1");
    assert_true(socket_local_address(connection.server, &local));
    socket_address_format_host(&local, text);
    assert_string_equal(text, "127.0.0.1");
    close_connection(&connection);
}

TEST(bytes_arrive_as_they_were_written)
{
    struct connection connection = connect_pair();
    struct socket_result result = socket_write(connection.client, SLICE("hello"));
    char memory[16];

    assert_int_equal(result.outcome, SOCKET_DONE);
    assert_int_equal(result.count, 5);
    wait_for(connection.server, POLLIN);
    result = socket_read(connection.server, memory, sizeof memory);
    assert_int_equal(result.outcome, SOCKET_DONE);
    assert_int_equal(result.count, 5);
    assert_memory_equal(memory, "hello", 5);
    close_connection(&connection);
}

TEST(with_nothing_to_do_the_answer_is_again)
{
    static const char zeros[65536];
    struct connection connection = connect_pair();
    struct socket_result result = {.outcome = SOCKET_DONE};
    enum socket_outcome outcome = SOCKET_DONE;
    struct socket_address peer;
    int code = 0;
    char byte = 0;

    assert_int_equal(socket_accept(connection.listening, &peer, &outcome, &code), -1);
    assert_int_equal(outcome, SOCKET_AGAIN);
    assert_int_equal(socket_read(connection.server, &byte, 1).outcome, SOCKET_AGAIN);
    while (result.outcome == SOCKET_DONE)
        result = socket_write(connection.client, slice_from(zeros, sizeof zeros));
    assert_int_equal(result.outcome, SOCKET_AGAIN);
    close_connection(&connection);
}

TEST(a_peer_that_ends_its_side_is_closed_and_can_still_be_written_to)
{
    struct connection connection = connect_pair();
    char memory[16];

    assert_int_equal(socket_write(connection.client, SLICE("x")).count, 1);
    socket_shutdown_write(connection.client);
    wait_for(connection.server, POLLIN | POLLRDHUP);
    assert_int_equal(socket_read(connection.server, memory, sizeof memory).count, 1);
    wait_for(connection.server, POLLIN);
    assert_int_equal(socket_read(connection.server, memory, sizeof memory).outcome, SOCKET_CLOSED);
    assert_int_equal(socket_write(connection.server, SLICE("y")).outcome, SOCKET_DONE);
    close_connection(&connection);
}

/* And no SIGPIPE ends the process. */
TEST(a_hard_close_fails_at_the_peer)
{
    struct connection connection = connect_pair();
    struct socket_result result;
    char byte = 0;

    socket_close_hard(connection.client);
    connection.client = -1;
    wait_for(connection.server, POLLIN);
    result = socket_read(connection.server, &byte, 1);
    assert_int_equal(result.outcome, SOCKET_FAILED);
    assert_int_equal(result.code, ECONNRESET);
    result = socket_write(connection.server, SLICE("x"));
    assert_int_equal(result.outcome, SOCKET_FAILED);
    assert_int_equal(result.code, EPIPE);
    close_connection(&connection);
    socket_close_hard(-1);
}

TEST(a_refused_connection_gives_its_errno)
{
    struct connection connection = connect_pair();
    struct socket_address address;
    int fd = -1;

    assert_true(socket_local_address(connection.listening, &address));
    close_connection(&connection);
    fd = socket_connect(&address, NULL);
    assert_true(fd >= 0);
    wait_for(fd, POLLOUT);
    assert_int_equal(socket_connect_result(fd), ECONNREFUSED);
    /* The error is told once; the socket is still not connected. */
    assert_int_not_equal(socket_connect_result(fd), 0);
    socket_close(fd);
}

/* A queue of one that is full: the system ignores whoever comes then, as a slow network would. */
TEST(a_connection_under_way_is_neither_made_nor_refused)
{
    struct socket_address address;
    int listening = -1;
    int fds[8];

    assert_true(socket_address_parse(SLICE("127.0.0.1:0"), &address, NULL));
    listening = socket_listen(&address, 0, false, NULL);
    assert_true(listening >= 0 && socket_local_address(listening, &address));
    for (size_t i = 0; i < 8; i++) {
        fds[i] = socket_connect(&address, NULL);
        assert_true(fds[i] >= 0);
    }
    assert_int_equal(socket_connect_result(fds[0]), 0);
    assert_int_equal(socket_connect_result(fds[7]), EINPROGRESS);
    for (size_t i = 0; i < 8; i++)
        socket_close(fds[i]);
    socket_close(listening);
}

TEST(an_address_in_use_is_an_error_unless_it_is_shared)
{
    struct socket_address address = address_from("127.0.0.1:0");
    struct error error = {0};
    int first = socket_listen(&address, 1, true, &error);
    int second = -1;

    assert_true(first >= 0);
    assert_true(socket_local_address(first, &address));
    assert_int_equal(socket_listen(&address, 1, false, &error), -1);
    assert_int_equal(error.kind, ERROR_SYSTEM);
    assert_non_null(strstr(error.text, "127.0.0.1:"));
    second = socket_listen(&address, 1, true, NULL);
    assert_true(second >= 0);
    socket_close(first);
    socket_close(second);
}

TEST(accepting_from_what_does_not_listen_fails)
{
    struct socket_address peer;
    enum socket_outcome outcome = SOCKET_DONE;
    int code = 0;

    assert_int_equal(socket_accept(-1, &peer, &outcome, &code), -1);
    assert_int_equal(outcome, SOCKET_FAILED);
    assert_int_equal(code, EBADF);
    assert_false(socket_local_address(-1, &peer));
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(addresses_are_read_and_written_in_one_form),
        cmocka_unit_test(addresses_are_equal_in_family_host_and_port),
        cmocka_unit_test(numeric_hosts_are_addresses), cmocka_unit_test(names_are_no_addresses),
        cmocka_unit_test(connections_never_block_never_leak_to_children_and_send_at_once),
        cmocka_unit_test(the_accepted_peer_is_the_address_of_the_client),
        cmocka_unit_test(an_ipv4_client_of_every_address_is_shown_as_ipv4),
        cmocka_unit_test(bytes_arrive_as_they_were_written),
        cmocka_unit_test(with_nothing_to_do_the_answer_is_again),
        cmocka_unit_test(a_peer_that_ends_its_side_is_closed_and_can_still_be_written_to),
        cmocka_unit_test(a_hard_close_fails_at_the_peer),
        cmocka_unit_test(a_refused_connection_gives_its_errno),
        cmocka_unit_test(a_connection_under_way_is_neither_made_nor_refused),
        cmocka_unit_test(an_address_in_use_is_an_error_unless_it_is_shared),
        cmocka_unit_test(accepting_from_what_does_not_listen_fails));
}
