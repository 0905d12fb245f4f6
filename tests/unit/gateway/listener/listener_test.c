/* SPDX-License-Identifier: Apache-2.0
 *
 * Which listener serves which name, for SNI and Host alike: exact before wildcard, the longest
 * wildcard first, whatever the case, the trailing dot and the number of hosts.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/listener/listener.h"
#include "runtime/memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct socket_address address;

/* The listener's name, or "". */
static const char *found(const struct listener_group *group, struct slice host)
{
    const struct listener *listener = listener_group_find(group, host);

    return listener == NULL ? "" : listener->name;
}

static struct listener_group *group_of(const struct listener *const *listeners, size_t count)
{
    struct error error = {0};
    struct listener_group *group = listener_group_create(&address, listeners, count, &error);

    if (group == NULL)
        print_error("%s\n", error.text);
    assert_non_null(group);
    return group;
}

static const char *const api_hosts[] = {"api.example.com", NULL};
static const char *const wild_hosts[] = {"*.example.com", "example.com", NULL};
static const char *const deep_hosts[] = {"*.deep.example.com", NULL};

static const struct listener api = {.name = "api", .hosts = api_hosts};
static const struct listener wild = {.name = "wild", .hosts = wild_hosts};
static const struct listener deep = {.name = "deep", .hosts = deep_hosts};
static const struct listener rest = {.name = "rest"};

TEST(exact_names_come_first_then_the_longest_suffix_then_everything)
{
    static const struct {
        struct slice host;
        const char *name;
    } cases[] = {
        {SLICE_STATIC("api.example.com"), "api"},
        {SLICE_STATIC("API.Example.COM"), "api"},
        {SLICE_STATIC("api.example.com."), "api"},
        {SLICE_STATIC("example.com"), "wild"},
        {SLICE_STATIC("www.example.com"), "wild"},
        {SLICE_STATIC("x.api.example.com"), "wild"},
        {SLICE_STATIC("a.b.c.example.com"), "wild"},
        {SLICE_STATIC("deep.example.com"), "wild"},
        {SLICE_STATIC("x.deep.example.com"), "deep"},
        {SLICE_STATIC("x.y.Deep.Example.com."), "deep"},
        {SLICE_STATIC("xexample.com"), "rest"},
        {SLICE_STATIC("example.com.evil.org"), "rest"},
        {SLICE_STATIC("com"), "rest"},
        {SLICE_STATIC("192.0.2.1"), "rest"},
        {SLICE_STATIC("2001:db8::1"), "rest"},
        {SLICE_STATIC(""), "rest"},
        {SLICE_STATIC("."), "rest"},
        {SLICE_STATIC("api.example.com.."), "rest"},
        {SLICE_STATIC(".example.com"), "rest"},
        {SLICE_STATIC("*.example.com"), "wild"},
        {SLICE_STATIC("api.example.com\0"), "rest"},
        {SLICE_STATIC("evil.org\0.api.example.com"), "wild"},
    };
    const struct listener *const listeners[] = {&rest, &deep, &wild, &api};
    struct listener_group *group = group_of(listeners, COUNT(listeners));

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (strcmp(found(group, cases[i].host), cases[i].name) != 0)
            print_error("%.*s\n", SLICE_FORMAT(cases[i].host));
        assert_string_equal(found(group, cases[i].host), cases[i].name);
    }
    listener_group_destroy(group);
}

TEST(without_a_listener_for_every_host_some_names_are_served_by_nobody)
{
    const struct listener *const listeners[] = {&api, &deep};
    struct listener_group *group = group_of(listeners, COUNT(listeners));

    assert_string_equal(found(group, SLICE("other.example.com")), "");
    assert_string_equal(found(group, SLICE("deep.example.com")), "");
    assert_string_equal(found(group, SLICE("")), "");
    assert_string_equal(found(group, SLICE("api.example.com")), "api");
    listener_group_destroy(group);
}

/* A wildcard's rules must not leak onto a name of its own, nor the other way round. */
TEST(an_exact_name_and_a_wildcard_keep_their_own_listeners)
{
    static const char *const strict_hosts[] = {"*.example.com", NULL};
    static const char *const open_hosts[] = {"public.example.com", "*.public.example.com", NULL};
    const struct listener strict = {.name = "strict", .hosts = strict_hosts};
    const struct listener open = {.name = "open", .hosts = open_hosts};
    const struct listener *const both_orders[][2] = {{&strict, &open}, {&open, &strict}};

    for (size_t i = 0; i < COUNT(both_orders); i++) {
        struct listener_group *group = group_of(both_orders[i], 2);

        assert_string_equal(found(group, SLICE("public.example.com")), "open");
        assert_string_equal(found(group, SLICE("a.public.example.com")), "open");
        assert_string_equal(found(group, SLICE("private.example.com")), "strict");
        assert_string_equal(found(group, SLICE("a.private.example.com")), "strict");
        listener_group_destroy(group);
    }
}

/* CVE-2026-27588: a list of more than a hundred hosts was compared differently. */
TEST(the_number_of_hosts_changes_nothing)
{
    static const size_t counts[] = {1, 2, 99, 100, 101, 5000};

    for (size_t i = 0; i < COUNT(counts); i++) {
        size_t count = counts[i];
        char **hosts = memory_allocate_array(2 * count + 1, sizeof(char *));
        struct listener many = {.name = "many", .hosts = (const char *const *)hosts};
        const struct listener *const listeners[] = {&many, &rest};
        struct listener_group *group = NULL;

        for (size_t j = 0; j < count; j++) {
            hosts[j] = memory_format("host-%zu.example.org", j);
            hosts[count + j] = memory_format("*.wild-%zu.example.org", j);
        }
        group = group_of(listeners, COUNT(listeners));
        for (size_t j = 0; j < count; j++) {
            char asked[64];

            snprintf(asked, sizeof(asked), "HOST-%zu.Example.Org.", j);
            assert_string_equal(found(group, slice_from_text(asked)), "many");
            snprintf(asked, sizeof(asked), "a.B.wild-%zu.EXAMPLE.org", j);
            assert_string_equal(found(group, slice_from_text(asked)), "many");
            snprintf(asked, sizeof(asked), "wild-%zu.example.org", j);
            assert_string_equal(found(group, slice_from_text(asked)), "rest");
            snprintf(asked, sizeof(asked), "x.host-%zu.example.org", j);
            assert_string_equal(found(group, slice_from_text(asked)), "rest");
        }
        listener_group_destroy(group);
        for (size_t j = 0; j < 2 * count; j++)
            memory_release(hosts[j]);
        memory_release(hosts);
    }
}

TEST(names_longer_than_any_host_find_only_the_listener_for_everything)
{
    static char name[LISTENER_HOST_BYTES_MAX + 16];
    const struct listener *const listeners[] = {&wild, &rest};
    struct listener_group *group = group_of(listeners, COUNT(listeners));

    memset(name, 'a', sizeof(name));
    memcpy(name + sizeof(name) - 12, ".example.com", 12);
    assert_string_equal(found(group, slice_from(name, sizeof(name))), "rest");
    assert_string_equal(found(group, slice_from(name + 16, LISTENER_HOST_BYTES_MAX)), "wild");
    memset(name, '.', sizeof(name));
    assert_string_equal(found(group, slice_from(name, LISTENER_HOST_BYTES_MAX)), "rest");
    listener_group_destroy(group);
}

TEST(the_first_is_the_one_for_every_host_or_the_first_there_is)
{
    const struct listener *const with_rest[] = {&api, &rest};
    const struct listener *const without_rest[] = {&wild, &api};
    struct listener_group *group = group_of(with_rest, 2);

    assert_ptr_equal(listener_group_first(group), &rest);
    assert_int_equal(listener_group_count(group), 2);
    assert_ptr_equal(listener_group_get(group, 0), &api);
    assert_memory_equal(listener_group_address(group), &address, sizeof(address));
    listener_group_destroy(group);
    group = group_of(without_rest, 2);
    assert_ptr_equal(listener_group_first(group), &wild);
    listener_group_destroy(group);
    listener_group_destroy(NULL);
}

TEST(two_listeners_cannot_claim_the_same_host)
{
    static const char *const other_spelling[] = {"API.example.com.", NULL};
    static const char *const same_wildcard[] = {"*.Example.COM", NULL};
    static const char *const twice[] = {"a.example.com", "b.example.com", "a.example.com", NULL};
    static const char *const invalid[] = {"a b", NULL};
    const struct listener api_again = {.name = "again", .hosts = other_spelling};
    const struct listener wild_again = {.name = "again", .hosts = same_wildcard};
    const struct listener rest_again = {.name = "again"};
    const struct listener twice_itself = {.name = "twice", .hosts = twice};
    const struct listener malformed = {.name = "malformed", .hosts = invalid};
    const struct {
        const struct listener *pair[2];
        const char *says;
    } cases[] = {
        {{&api, &api_again}, "'api' and 'again' have the same address and both serve host 'API"},
        {{&wild, &wild_again}, "both serve host '*.Example.COM'"},
        {{&rest, &rest_again},
         "'rest' and 'again' have the same address and both serve every host"},
        {{&twice_itself, &rest}, "listener 'twice' names host 'a.example.com' twice"},
        {{&malformed, &rest}, "host 'a b' is neither a name"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {0};

        assert_null(listener_group_create(&address, cases[i].pair, 2, &error));
        if (strstr(error.text, cases[i].says) == NULL)
            print_error("%s\n", error.text);
        assert_non_null(strstr(error.text, cases[i].says));
    }
}

TEST(host_patterns_are_names_or_a_star_and_a_name)
{
    static const char *const valid[] = {
        "localhost", "example.com",     "EXAMPLE.com", "example.com.",          "*.example.com",
        "*.com",     "a-b.c_d.example", "192.0.2.1",   "xn--bcher-kva.example", "_acme.example.com",
    };
    static const struct {
        const char *host;
        const char *says;
    } invalid[] = {
        {"", "is neither a name"},
        {".", "is neither a name"},
        {"*", "'*' that is not its whole first label"},
        {"*.", "is neither a name"},
        {"**.example.com", "'*' that is not its whole first label"},
        {"*example.com", "'*' that is not its whole first label"},
        {"a.*.com", "'*' that is not its whole first label"},
        {"*.*.com", "'*' that is not its whole first label"},
        {"example..com", "is neither a name"},
        {".example.com", "is neither a name"},
        {"-a.com", "is neither a name"},
        {"a-.com", "is neither a name"},
        {"example.com:8443", "hosts have no port"},
        {"https://example.com", "hosts have no port"},
        {"::1", "hosts have no port"},
        {"exa mple.com", "is neither a name"},
        {"b\xc3\xbc"
         "cher.example",
         "'xn--' form"},
    };
    char label[66];

    for (size_t i = 0; i < COUNT(valid); i++)
        assert_true(listener_host_is_valid(slice_from_text(valid[i]), NULL));
    for (size_t i = 0; i < COUNT(invalid); i++) {
        struct error error = {0};

        assert_false(listener_host_is_valid(slice_from_text(invalid[i].host), &error));
        assert_non_null(strstr(error.text, invalid[i].says));
    }
    memset(label, 'a', sizeof(label));
    assert_true(listener_host_is_valid(slice_from(label, 63), NULL));
    assert_false(listener_host_is_valid(slice_from(label, 64), NULL));
    assert_false(listener_host_is_valid(slice_from("a\0b", 3), NULL));
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(exact_names_come_first_then_the_longest_suffix_then_everything),
        cmocka_unit_test(without_a_listener_for_every_host_some_names_are_served_by_nobody),
        cmocka_unit_test(an_exact_name_and_a_wildcard_keep_their_own_listeners),
        cmocka_unit_test(the_number_of_hosts_changes_nothing),
        cmocka_unit_test(names_longer_than_any_host_find_only_the_listener_for_everything),
        cmocka_unit_test(the_first_is_the_one_for_every_host_or_the_first_there_is),
        cmocka_unit_test(two_listeners_cannot_claim_the_same_host),
        cmocka_unit_test(host_patterns_are_names_or_a_star_and_a_name));
}
