/* SPDX-License-Identifier: Apache-2.0
 *
 * The resolver on a real loop. The test is the name server: a UDP socket on the loopback, watched
 * by the same loop. What a server can do wrong is in tests/integration/resolver.test.mjs.
 */
#include "support/test.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/event_loop.h"
#include "runtime/resolver.h"
#include "runtime/timer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { GIVE_UP_MS = 20 * 1000, MESSAGE_MAX = 512, HEADER_SIZE = 12, QUESTION_TAIL = 5 };

struct world {
    struct event_loop *loop;
    struct timer *give_up;
    struct resolver *resolver;
    int server;
    char server_text[SOCKET_ADDRESS_TEXT_SIZE];
    struct event_watch *watch;
    bool is_silent;
    size_t questions;
    size_t answers;
    size_t wanted;
    struct resolver_answer answer; /* the addresses are copies */
    struct ip_address first[RESOLVER_FAMILIES];
};

static void on_give_up(void *context)
{
    (void)context;
    print_error("nothing happened for too long\n");
    abort();
}

/* For A: 192.0.2.1 twice, and 192.0.2.0 behind it, for 7 and 9 seconds. For AAAA: nothing. */
static size_t make_reply(unsigned char *message, size_t size)
{
    static const unsigned char records[] = {
        0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 1, /* the name is the question's */
        0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 7, 0, 4, 192, 0, 2, 1, /* */
        0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 0, /* */
    };
    bool is_ipv4 = message[size - 3] == 1;

    message[2] = 0x81;
    message[3] = 0x80;
    if (!is_ipv4)
        return size;
    message[7] = 3;
    memcpy(message + size, records, sizeof(records));
    return size + sizeof(records);
}

static void on_question(void *context, unsigned ready)
{
    struct world *world = context;
    unsigned char message[MESSAGE_MAX + 64];
    struct sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    ssize_t size =
        recvfrom(world->server, message, MESSAGE_MAX, 0, (struct sockaddr *)&from, &from_size);

    (void)ready;
    assert_true(size > HEADER_SIZE + QUESTION_TAIL);
    world->questions++;
    if (world->is_silent) {
        event_loop_stop(world->loop);
        return;
    }
    size = (ssize_t)make_reply(message, (size_t)size);
    assert_int_equal(
        sendto(world->server, message, (size_t)size, 0, (struct sockaddr *)&from, from_size), size);
}

static void open_server(struct world *world)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct socket_address bound;

    world->server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(world->server, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_true(socket_local_address(world->server, &bound));
    socket_address_format(&bound, world->server_text);
    world->watch = event_watch_create(world->loop, world->server, on_question, world);
    event_watch_set(world->watch, EVENT_READABLE);
}

static void open_world(struct world *world)
{
    const char *servers[] = {world->server_text, NULL};
    struct resolver_settings settings = {.servers = servers,
                                         .timeout_ms = 10 * 1000,
                                         .attempts = 2,
                                         .ttl_min_ms = 1000,
                                         .ttl_max_ms = 60 * 1000};
    struct error error = {0};

    *world = (struct world){.wanted = 1};
    world->loop = event_loop_create();
    world->give_up = timer_create_on(world->loop, on_give_up, NULL);
    open_server(world);
    world->resolver = resolver_create(world->loop, &settings, &error);
    assert_non_null(world->resolver);
}

static void close_world(struct world *world)
{
    resolver_destroy(world->resolver);
    event_watch_destroy(world->watch);
    close(world->server);
    timer_destroy(world->give_up);
    event_loop_destroy(world->loop);
}

static void run(struct world *world)
{
    timer_start(world->give_up, GIVE_UP_MS);
    event_loop_run(world->loop);
    timer_stop(world->give_up);
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    struct world *world = context;

    world->answer = *answer;
    for (size_t i = 0; i < RESOLVER_FAMILIES; i++) {
        if (answer->parts[i].count > 0)
            world->first[i] = answer->parts[i].addresses[0];
    }
    if (++world->answers == world->wanted)
        event_loop_stop(world->loop);
}

static void assert_address(const struct ip_address *address, const char *expected)
{
    char text[IP_ADDRESS_TEXT_SIZE];

    ip_address_format(address, text);
    assert_string_equal(text, expected);
}

TEST(an_answer_has_each_address_once_in_order_and_the_shortest_time)
{
    struct world world;

    open_world(&world);
    resolver_ask(world.resolver, "a.test", on_answer, &world);
    assert_int_equal(world.answers, 0);
    run(&world);
    assert_int_equal(world.answer.parts[RESOLVER_IPV4].outcome, RESOLVER_FOUND);
    assert_int_equal(world.answer.parts[RESOLVER_IPV4].count, 2);
    assert_int_equal(world.answer.parts[RESOLVER_IPV4].ttl_ms, 7000);
    assert_address(&world.first[RESOLVER_IPV4], "192.0.2.0");
    assert_int_equal(world.answer.parts[RESOLVER_IPV6].outcome, RESOLVER_NO_ADDRESS);
    assert_int_equal(world.answer.parts[RESOLVER_IPV6].count, 0);
    close_world(&world);
}

TEST(many_names_are_asked_for_at_a_time)
{
    struct world world;

    open_world(&world);
    world.wanted = 100;
    for (size_t i = 0; i < world.wanted; i++) {
        char name[32];

        snprintf(name, sizeof(name), "a%zu.test", i);
        resolver_ask(world.resolver, name, on_answer, &world);
    }
    run(&world);
    assert_int_equal(world.answers, 100);
    assert_int_equal(world.questions, 200);
    close_world(&world);
}

TEST(localhost_is_answered_at_once_by_nobody)
{
    static const char *const names[] = {"localhost", "LocalHost", "a.localhost"};
    struct world world;

    open_world(&world);
    world.wanted = SIZE_MAX;
    for (size_t i = 0; i < COUNT(names); i++) {
        resolver_ask(world.resolver, names[i], on_answer, &world);
        assert_int_equal(world.answers, i + 1);
        assert_address(&world.first[RESOLVER_IPV4], "127.0.0.1");
    }
    assert_int_equal(world.questions, 0);
    close_world(&world);
}

TEST(a_name_that_cannot_be_one_is_answered_without_a_question)
{
    struct world world;

    open_world(&world);
    world.wanted = SIZE_MAX;
    resolver_ask(world.resolver, "a..test", on_answer, &world);
    assert_int_equal(world.answers, 1);
    assert_int_equal(world.answer.parts[RESOLVER_IPV4].outcome, RESOLVER_NO_NAME);
    assert_int_equal(world.answer.parts[RESOLVER_IPV6].outcome, RESOLVER_NO_NAME);
    assert_int_equal(world.questions, 0);
    close_world(&world);
}

TEST(a_resolver_that_is_destroyed_calls_nobody)
{
    struct world world;

    open_world(&world);
    world.is_silent = true;
    resolver_ask(world.resolver, "a.test", on_answer, &world);
    run(&world);
    assert_true(world.questions > 0);
    resolver_destroy(world.resolver);
    world.resolver = NULL;
    assert_int_equal(world.answers, 0);
    close_world(&world);
}

TEST(names_are_judged_without_asking)
{
    static const struct {
        const char *name;
        bool is_valid;
    } cases[] = {
        {"a", true},    {"a.b", true},   {"a-b_c.example", true},
        {"1a.b", true}, {"4.b", true},   {"", false},
        {".", false},   {"a..b", false}, {".a", false},
        {"a b", false}, {"a/b", false},  {"127.0.0.256", false},
        {"12", false},  {"a.12", false}, {"\xc3\xa4", false},
    };
    char label[65];
    char longest[300];
    struct error error = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (resolver_name_is_valid(slice_from_text(cases[i].name), &error) != cases[i].is_valid)
            fail_msg("'%s'", cases[i].name);
    }
    memset(label, 'a', sizeof(label));
    assert_true(resolver_name_is_valid(slice_from(label, 63), &error));
    assert_false(resolver_name_is_valid(slice_from(label, 64), &error));
    for (size_t i = 0; i < sizeof(longest); i++)
        longest[i] = i % 2 == 0 ? 'a' : '.';
    assert_true(resolver_name_is_valid(slice_from(longest, 253), &error));
    assert_false(resolver_name_is_valid(slice_from(longest, 255), &error));
}

TEST(servers_are_addresses_with_port_53_unless_they_say_another)
{
    static const struct {
        const char *text;
        const char *address; /* NULL: refused */
    } cases[] = {
        {"192.0.2.1", "192.0.2.1:53"},
        {"192.0.2.1:5353", "192.0.2.1:5353"},
        {"2001:db8::1", "[2001:db8::1]:53"},
        {"[2001:db8::1]:54", "[2001:db8::1]:54"},
        {"", NULL},
        {":53", NULL},
        {"dns.example", NULL},
        {"192.0.2.1:0", NULL},
        {"192.0.2.1:65536", NULL},
        {"192.0.2.1 ", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct socket_address address;
        char text[SOCKET_ADDRESS_TEXT_SIZE];
        struct error error = {0};

        if (resolver_server_parse(slice_from_text(cases[i].text), &address, &error) !=
            (cases[i].address != NULL))
            fail_msg("'%s'", cases[i].text);
        if (cases[i].address == NULL)
            continue;
        socket_address_format(&address, text);
        assert_string_equal(text, cases[i].address);
    }
}

TEST(more_servers_than_may_be_are_an_error)
{
    static const char *const servers[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4",
                                          "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8",
                                          "192.0.2.9", NULL};
    struct resolver_settings settings = {.servers = servers, .timeout_ms = 1000, .attempts = 1};
    struct event_loop *loop = event_loop_create();
    struct error error = {0};

    assert_null(resolver_create(loop, &settings, &error));
    assert_int_equal(error.kind, ERROR_LIMIT);
    event_loop_destroy(loop);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(an_answer_has_each_address_once_in_order_and_the_shortest_time),
        cmocka_unit_test(many_names_are_asked_for_at_a_time),
        cmocka_unit_test(localhost_is_answered_at_once_by_nobody),
        cmocka_unit_test(a_name_that_cannot_be_one_is_answered_without_a_question),
        cmocka_unit_test(a_resolver_that_is_destroyed_calls_nobody),
        cmocka_unit_test(names_are_judged_without_asking),
        cmocka_unit_test(servers_are_addresses_with_port_53_unless_they_say_another),
        cmocka_unit_test(more_servers_than_may_be_are_an_error));
}
