/* SPDX-License-Identifier: Apache-2.0
 *
 * What a configuration is warned of as a whole, word for word and place for place: what nothing
 * refers to, which routes are never reached, which demands can be walked around; and lists of
 * routes that several listeners share.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/config/config.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"

struct warning_case {
    const char *text;
    const char *expected; /* "LINE:COLUMN: error: TEXT\n", in order */
};

/* Those with this word, or all of them. */
static char *list_problems(struct slice text, const char *word)
{
    struct config *config = config_load_text(text, "sallyport.yaml", "/etc/sallyport");
    const struct config_problems *problems = config_problems(config);
    char *list = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&list, &size);

    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];

        if (word != NULL && strstr(problem->text, word) == NULL)
            continue;
        fprintf(stream, "%u:%u: %s: %s\n", problem->line, problem->column,
                problem->severity == CONFIG_ERROR ? "error" : "warning", problem->text);
    }
    assert_true((config_settings(config) == NULL) == (problems->errors > 0));
    config_destroy(config);
    fclose(stream);
    return list;
}

static void check_text(const char *text, const char *expected)
{
    char *problems = list_problems(slice_from_text(text), NULL);

    if (strcmp(problems, expected) != 0)
        fail_msg("expected:\n%sfound:\n%sof:\n%s", expected, problems, text);
    free(problems);
}

static void check_cases(const struct warning_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_text(cases[i].text, cases[i].expected);
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(*(cases)))

#define TLS "    tls: { certificates: [{ chain: s.pem, key: s.key }] }\n"
#define LISTENER_ON(port)                                                                          \
    "  - address: \":" port "\"\n" TLS "    client_certificate: { mode: none }\n"
#define IN_PLACE "    routes: [{ backend: \"http://h\" }]\n"
#define VALID    "version: 1\nlisteners:\n" LISTENER_ON("8443") IN_PLACE
/* Lines 1 to 6. */
#define USING(name) "version: 1\nlisteners:\n" LISTENER_ON("8443") "    routes: " name "\n"

/* --- Sets of routes --------------------------------------------------------------------------- */

#define SET "route_sets:\n  app:\n"

TEST(a_set_of_routes_serves_every_listener_that_names_it)
{
    static const char text[] = "version: 1\n"
                               "route_sets:\n"
                               "  app:\n"
                               "    - { name: a, paths: [/a], backend: \"http://h\" }\n"
                               "    - { backend: \"http://h\" }\n"
                               "listeners:\n" LISTENER_ON("8443") "    routes: app\n" LISTENER_ON(
                                   "8444") "    routes: app\n" LISTENER_ON("8445") IN_PLACE;
    struct config *config =
        config_load_text(slice_from_text(text), "sallyport.yaml", "/etc/sallyport");
    const struct generation_settings *settings = config_settings(config);

    assert_non_null(settings);
    assert_int_equal(config_problems(config)->count, 0);
    assert_int_equal(settings->listener_count, 3);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(settings->listeners[i].route_count, 2);
        assert_string_equal(settings->listeners[i].routes[0].match.name, "a");
        assert_string_equal(settings->listeners[i].routes[1].match.name, "route-2");
        assert_int_equal(settings->listeners[i].routes[1].match.position.line, 5);
    }
    assert_int_equal(settings->listeners[2].route_count, 1);
    config_destroy(config);
}

TEST(the_effective_configuration_shows_sets_and_who_uses_them)
{
    static const char text[] = USING("app") SET "    - { backend: \"${NOBODY:-http://h}\" }\n";
    struct config *config =
        config_load_text(slice_from_text(text), "sallyport.yaml", "/etc/sallyport");
    char *effective = config_format_effective(config);

    assert_non_null(strstr(effective, "\n    routes: app\n"));
    assert_non_null(strstr(effective, "route_sets:\n"
                                      "  \"app\":\n"
                                      "    - unverified: false\n"
                                      "      backend: \"http://h\"\n"));
    check_text(effective, "");
    memory_release(effective);
    config_destroy(config);
}

TEST(what_is_wrong_with_a_set_is_reported_where_it_stands)
{
    static const struct warning_case cases[] = {
        {USING("ap") SET "    - { backend: \"http://h\" }\n",
         "6:13: error: there is no route set 'ap'; did you mean 'app'?\n"},
        {USING("other") SET "    - { backend: \"http://h\" }\n",
         "6:13: error: there is no route set 'other'; for a route write it in a list: [{ backend: "
         "NAME }]\n"},
        {USING("{ a: b }"),
         "6:13: error: 'routes' must be a list of mappings, or a name of route_sets, not a "
         "mapping\n"},
        {USING("[]"), "6:13: error: 'routes' is empty\n"},
        {USING("2"), "6:13: error: 2 is read as a number; quote it\n"},
        {USING("[app]") SET "    - { backend: \"http://h\" }\n",
         "6:14: error: each of 'routes' must be a mapping, not 'app'\n"},
        {USING("app") "route_sets: { app: [] }\n", "7:20: error: 'app' is empty\n"},
        {USING("app") "route_sets: { app: }\n", "7:15: error: 'app' has no value\n"},
        {USING("app") "route_sets: { app: { backend: \"http://h\" } }\n",
         "7:20: error: 'app' must be a list of mappings, not a mapping\n"},
        {USING("app") "route_sets: { app: [x] }\n",
         "7:21: error: each of 'app' must be a mapping, not 'x'\n"},
        {USING("app") "route_sets: [app]\n",
         "6:13: error: there is no route set 'app'; for a route write it in a list: [{ backend: "
         "NAME }]\n"
         "7:13: error: 'route_sets' must be a mapping from names to lists of mappings, not a "
         "list\n"},
        {USING("app") "route_sets: { \"a b\": [{ backend: \"http://h\" }], app: [{ backend: "
                      "\"http://h\" }] }\n",
         "7:15: error: 'a b' is not a name: letters, digits, '-', '_' and '.', at most 64\n"},
        {USING("app") SET "    - { backend: \"http://h\" }\n  app:\n    - { backend: "
                          "\"http://h\" }\n",
         "10:3: error: 'app' is set twice; the first is on line 8\n"},
        {USING("app") SET "    - { name: a, paths: [/a], backend: \"http://h\" }\n"
                          "    - { name: a, backend: \"http://h\" }\n",
         "10:15: error: the route name 'a' is used twice; the first is on line 9\n"},
        {USING("app") SET "    - { backnd: \"http://h\" }\n",
         "9:9: error: unknown setting 'backnd'; did you mean 'backend'?\n"},
        {USING("app") SET "    - { backend: \"http://h\", client_certificate: { mode: optional } "
                          "}\n",
         "9:58: error: the listener does not ask for a certificate: set its mode to optional, and "
         "'mode: none' where none is wanted (in the listener on line 3)\n"},
        {USING("app") "  - address: \":8444\"\n" TLS
                      "    client_certificate: { mode: unverified }\n"
                      "    routes: app\n" SET
                      "    - { backend: \"http://h\", client_certificate: { mode: none }, "
                      "unverified: true }\n",
         "13:78: error: 'unverified: true' needs mode unverified, and the mode is none (in the "
         "listener on line 3)\n"
         "13:78: error: 'unverified: true' needs mode unverified, and the mode is none (in the "
         "listener on line 7)\n"},
    };

    CHECK_CASES(cases);
}

TEST(a_warning_about_a_shared_route_comes_once)
{
    check_text(USING("app") LISTENER_ON("8444") "    routes: app\n" SET
                                                "    - { name: a, backend: \"http://h\" }\n"
                                                "    - { name: b, backend: \"http://h\" }\n",
               "14:7: warning: route 'b' is never reached: route 'a' on line 13 takes every "
               "request\n");
}

/* --- Definitions ------------------------------------------------------------------------------ */

TEST(what_is_defined_and_used_nowhere_is_warned_of)
{
    static const struct warning_case cases[] = {
        {VALID "tls_profiles: { t: { certificates: [{ pfx: a.pfx }] } }\n",
         "7:17: warning: the TLS profile 't' is used nowhere\n"},
        {VALID "trust_profiles: { t: { anchors: [a.pem] } }\n",
         "7:19: warning: the trust profile 't' is used nowhere\n"},
        {VALID "policies: { p: [{ allow: { san_dns: [a.example] } }] }\n",
         "7:13: warning: the policy 'p' is used nowhere\n"},
        {VALID "backends:\n  a: { endpoints: [\"http://h\"] }\n",
         "8:3: warning: the backend 'a' is used nowhere\n"},
        {VALID SET "    - { backend: b }\nbackends: { b: { endpoints: [\"http://h\"] } }\n",
         "8:3: warning: the route set 'app' is used nowhere\n"},
        {VALID "backends: { a: { endpoints: [\"http://h\"] }, b: { endpoints: [\"http://h\"] } }\n",
         "7:13: warning: the backend 'a' is used nowhere\n"
         "7:45: warning: the backend 'b' is used nowhere\n"},
        {"version: 1\n"
         "tls_profiles: { t: { certificates: [{ pfx: a.pfx }] } }\n"
         "trust_profiles: { t: { anchors: [a.pem] } }\n"
         "backends: { t: { endpoints: [\"http://h\"] } }\n"
         "route_sets: { t: [{ backend: t }] }\n"
         "listeners:\n"
         "  - { address: \":8443\", tls: t, client_certificate: { trust: t }, routes: t }\n",
         "3:22: warning: revocation is not checked for 't'\n"},
        /* The one that would have used it may be the one that is refused. */
        {USING("[{ backnd: b }]") "backends: { b: { endpoints: [\"http://h\"] } }\n",
         "6:16: error: unknown setting 'backnd'; did you mean 'backend'?\n"},
    };

    CHECK_CASES(cases);
}

/* --- Routes ----------------------------------------------------------------------------------- */

/* Lines 1 to 6, then a route a line. */
#define ROUTES_OF(mode)                                                                            \
    "version: 1\nlisteners:\n  - address: \":8443\"\n" TLS                                         \
    "    client_certificate: { trust: t, mode: " mode " }\n    routes:\n"
#define ROUTE(settings) "      - { backend: \"http://h\", " settings " }\n"
#define MODE(mode)      ", client_certificate: { mode: " mode " }"
#define TRUST           "trust_profiles: { t: { anchors: [a] } }\n"
#define UNCHECKED(line) line ":22: warning: revocation is not checked for 't'\n"

TEST(a_route_whose_paths_another_takes_is_never_reached)
{
    static const struct warning_case cases[] = {
        {ROUTES_OF("required") ROUTE("paths: [/a/*]") ROUTE("paths: [/a/b, /a/c/*]") TRUST,
         "8:9: warning: route 'route-2' is never reached: route 'route-1' on line 7 takes every "
         "request that it would serve\n" UNCHECKED("9")},
        {ROUTES_OF("required") ROUTE("paths: [/a/*]") ROUTE("paths: [/a/b, /b]") TRUST,
         UNCHECKED("9")},
        {ROUTES_OF("required") ROUTE("paths: [/a/*], methods: [GET]") ROUTE("paths: [/a/b]") TRUST,
         UNCHECKED("9")},
        {ROUTES_OF("required") ROUTE("paths: [/a/*], methods: [GET, PUT]")
             ROUTE("paths: [/a/b], methods: [PUT]") TRUST,
         "8:9: warning: route 'route-2' is never reached: route 'route-1' on line 7 takes every "
         "request that it would serve\n" UNCHECKED("9")},
        {ROUTES_OF("required") ROUTE("paths: [/a]") ROUTE("paths: [/a]") TRUST,
         "8:9: warning: route 'route-2' is never reached: route 'route-1' on line 7 takes every "
         "request that it would serve\n" UNCHECKED("9")},
        {ROUTES_OF("required") ROUTE("methods: [GET]") ROUTE("paths: [/a], methods: [GET]") TRUST,
         "8:9: warning: route 'route-2' is never reached: route 'route-1' on line 7 takes every "
         "request that it would serve\n" UNCHECKED("9")},
        /* A demand behind an exemption gets what the exemption does not take to the letter. */
        {ROUTES_OF("required") ROUTE("paths: [/*]" MODE("none")) ROUTE("paths: [/admin/*]") TRUST,
         "8:9: warning: route 'route-2' is reached only by paths with a ';' or in another "
         "spelling: route 'route-1' on line 7 takes every other request\n" UNCHECKED("9")},
        {ROUTES_OF("optional") ROUTE("paths: [/a/*]") ROUTE("paths: [/a/b/*]" MODE("required"))
             TRUST,
         "8:9: warning: route 'route-2' is reached only by paths with a ';' or in another "
         "spelling: route 'route-1' on line 7 takes every other request that it would "
         "serve\n" UNCHECKED("9")},
        {ROUTES_OF("required") ROUTE("paths: [/a/*]" MODE("none"))
             ROUTE("paths: [/a/b]" MODE("none")) ROUTE("name: all") TRUST,
         "8:9: warning: route 'route-2' is never reached: route 'route-1' on line 7 takes every "
         "request that it would serve\n" UNCHECKED("10")},
    };

    CHECK_CASES(cases);
}

TEST(a_demand_that_a_path_beside_it_walks_around_is_warned_of)
{
    static const struct warning_case cases[] = {
        /* Below what is named. */
        {ROUTES_OF("optional") ROUTE("name: admin, paths: [/admin]" MODE("required"))
             ROUTE("name: all") TRUST,
         "7:53: warning: route 'admin' has mode required for '/admin' only: '/admin/*' falls "
         "through to route 'all' on line 8, whose mode is optional\n" UNCHECKED("9")},
        {ROUTES_OF("required") ROUTE("paths: [/admin/*, /login]") ROUTE("paths: [/*]" MODE("none"))
             TRUST,
         "7:50: warning: route 'route-1' has mode required for '/login' only: '/login/*' falls "
         "through to route 'route-2' on line 8, whose mode is none\n" UNCHECKED("9")},
        /* A demand that is an exemption itself is taken to the letter. */
        {ROUTES_OF("required") ROUTE("paths: [/app/*]" MODE("optional"))
             ROUTE("paths: [/*]" MODE("none")) TRUST,
         "7:40: warning: route 'route-1' has mode optional for '/app/*' only: '/app' falls "
         "through to route 'route-2' on line 8, whose mode is none\n" UNCHECKED("9")},
        /* Taken by the demand itself, by one that demands as much, or by nobody. */
        {ROUTES_OF("optional") ROUTE("paths: [/admin, /admin/*]" MODE("required"))
             ROUTE("name: all") TRUST,
         UNCHECKED("9")},
        {ROUTES_OF("optional") ROUTE("paths: [/admin]" MODE("required"))
             ROUTE("paths: [/admin/*]" MODE("required")) ROUTE("name: all") TRUST,
         UNCHECKED("10")},
        {ROUTES_OF("optional") ROUTE("paths: [/admin]" MODE("required")) ROUTE("paths: [/other]")
             TRUST,
         UNCHECKED("9")},
        {ROUTES_OF("optional") ROUTE("paths: [/admin/*]" MODE("required")) ROUTE("name: all") TRUST,
         UNCHECKED("9")},
        /* Somebody says what is below, and so has thought of it. */
        {ROUTES_OF("optional") ROUTE("paths: [/admin]" MODE("required"))
             ROUTE("paths: [/admin/*, /*]") TRUST,
         UNCHECKED("9")},
        /* The laxer route has none of its methods. */
        {ROUTES_OF("optional") ROUTE("paths: [/admin], methods: [POST]" MODE("required"))
             ROUTE("methods: [GET], paths: [/b, \"/adm*\"]") TRUST,
         "7:58: warning: route 'route-1' has mode required for these methods only: others fall "
         "through to route 'route-2' on line 8, whose mode is optional\n" UNCHECKED("9")},
    };

    CHECK_CASES(cases);
}

/* --- Addresses -------------------------------------------------------------------------------- */

#define ON(address)                                                                                \
    "  - address: \"" address "\"\n" TLS "    client_certificate: { mode: none }\n" IN_PLACE
#define TWO(first, second) "version: 1\nlisteners:\n" ON(first) ON(second)
#define OVERLAP(first, second)                                                                     \
    "7:14: error: '" second "' and '" first "' of listener 'listener-1' on line 3 overlap: use "   \
    "one of them for both, and let 'hosts' choose\n"

TEST(an_address_and_every_address_of_its_port_are_refused_together)
{
    static const struct warning_case cases[] = {
        {TWO("0.0.0.0:1", "127.0.0.1:1"), OVERLAP("0.0.0.0:1", "127.0.0.1:1")},
        {TWO("127.0.0.1:1", "0.0.0.0:1"), OVERLAP("127.0.0.1:1", "0.0.0.0:1")},
        {TWO(":1", "127.0.0.1:1"), OVERLAP(":1", "127.0.0.1:1")},
        {TWO("[::1]:1", ":1"), OVERLAP("[::1]:1", ":1")},
        {TWO("[::]:1", "0.0.0.0:1"), OVERLAP("[::]:1", "0.0.0.0:1")},
        {TWO("0.0.0.0:1", "[::1]:1"), ""},
        {TWO("0.0.0.0:1", "127.0.0.1:2"), ""},
        {TWO("0.0.0.0:0", "127.0.0.1:0"), ""},
        {TWO("127.0.0.2:1", "127.0.0.1:1"), ""},
        {"version: 1\nlisteners:\n" ON("0.0.0.0:1") "monitoring: { address: \"127.0.0.1:1\" }\n",
         "7:24: error: '127.0.0.1:1' overlaps the address of listener 'listener-1' on line 3\n"},
    };

    CHECK_CASES(cases);
}

/* --- Azure ------------------------------------------------------------------------------------ */

/* "ITEM, ITEM, ...", each with its number. */
static void add_items(struct text_builder *text, const char *format, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char number[24];

        snprintf(number, sizeof(number), "%zu", i + 1000);
        text_builder_add_format(text, "%s", i == 0 ? "" : ", ");
        for (const char *c = format; *c != '\0'; c++)
            text_builder_add_format(text, *c == '#' ? "%s" : "%.1s", *c == '#' ? number : c);
    }
}

struct azure_counts {
    size_t profiles;
    size_t files; /* of each profile */
    size_t listeners;
    size_t hosts;
    size_t routes;
    size_t backends;
    size_t endpoints;
    const char *rules;
    const char *expected;
};

static char *format_azure(const struct azure_counts *counts)
{
    struct text_builder text = {0};

    text_builder_add_format(&text, "version: 1\ntrust_profiles:\n");
    for (size_t i = 0; i < counts->profiles; i++) {
        text_builder_add_format(&text, "  t%zu: { upload_rules: %s, anchors: [", i, counts->rules);
        add_items(&text, "#.pem", counts->files);
        text_builder_add_format(&text, "] }\n");
    }
    text_builder_add_format(&text, "backends:\n");
    for (size_t i = 0; i < counts->backends; i++) {
        text_builder_add_format(&text, "  b%zu: { endpoints: [", i);
        add_items(&text, "\"http://h:#\"", counts->endpoints);
        text_builder_add_format(&text, "] }\n");
    }
    text_builder_add_format(&text, "listeners:\n");
    for (size_t i = 0; i < counts->listeners; i++) {
        text_builder_add_format(&text,
                                "  - address: \":%zu\"\n" TLS
                                "    client_certificate: { trust: t%zu }\n    hosts: [",
                                i + 1000, i % counts->profiles);
        add_items(&text, "h#", counts->hosts);
        text_builder_add_format(&text, "]\n    routes: [");
        add_items(&text, "{ paths: [/#], backend: b0 }", counts->routes);
        text_builder_add_format(&text, "]\n");
    }
    return text_builder_take(&text);
}

TEST(what_azure_has_no_room_for_is_warned_of_where_its_rules_are_kept)
{
    static const struct azure_counts cases[] = {
        {2, 100, 2, 5, 100, 1, 1200, "azure", ""},
        {1, 101, 1, 1, 1, 1, 1, "azure",
         "3:39: warning: these are 101 files in one trust profile, and Azure Application Gateway "
         "takes 100 at most\n"},
        {3, 67, 3, 1, 1, 1, 1, "azure",
         "3:3: warning: these are 201 files in all trust profiles, and Azure Application Gateway "
         "takes 200 at most\n"},
        {1, 1, 101, 1, 1, 1, 1, "azure",
         "7:3: warning: these are 101 listeners, and Azure Application Gateway takes 100 at "
         "most\n"},
        {1, 1, 1, 6, 1, 1, 1, "azure",
         "10:12: warning: these are 6 hosts of one listener, and Azure Application Gateway takes "
         "5 at most\n"},
        {1, 1, 1, 1, 101, 1, 1, "azure",
         "11:13: warning: these are 101 routes of one listener, and Azure Application Gateway "
         "takes 100 at most\n"},
        {1, 1, 1, 1, 1, 101, 1, "azure",
         "5:3: warning: these are 101 backends, and Azure Application Gateway takes 100 at "
         "most\n"},
        {1, 1, 1, 1, 1, 1, 1201, "azure",
         "5:20: warning: these are 1201 endpoints of one backend, and Azure Application Gateway "
         "takes 1200 at most\n"},
        {1, 101, 1, 6, 101, 1, 1, "none", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *text = format_azure(&cases[i]);
        char *found = list_problems(slice_from_text(text), "Azure");

        assert_string_equal(found, cases[i].expected);
        free(found);
        memory_release(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_of_routes_serves_every_listener_that_names_it),
        cmocka_unit_test(the_effective_configuration_shows_sets_and_who_uses_them),
        cmocka_unit_test(what_is_wrong_with_a_set_is_reported_where_it_stands),
        cmocka_unit_test(a_warning_about_a_shared_route_comes_once),
        cmocka_unit_test(what_is_defined_and_used_nowhere_is_warned_of),
        cmocka_unit_test(a_route_whose_paths_another_takes_is_never_reached),
        cmocka_unit_test(a_demand_that_a_path_beside_it_walks_around_is_warned_of),
        cmocka_unit_test(an_address_and_every_address_of_its_port_are_refused_together),
        cmocka_unit_test(what_azure_has_no_room_for_is_warned_of_where_its_rules_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
