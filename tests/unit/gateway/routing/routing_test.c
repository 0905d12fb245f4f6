/* SPDX-License-Identifier: Apache-2.0
 *
 * Which route serves which path: the grammar of patterns, generous demands, exact exemptions.
 * Paths are given as a client would send them and are made canonical first, as in the gateway.
 */
#include "support/test.h"

#include <stdio.h>

#include "gateway/routing/routing.h"
#include "protocol/http/http_path.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ROUTES_MAX = 4 };

struct pattern_case {
    const char *pattern;
    const char *path;
};

static const char refused_path[] = "(refused)";
static const char no_route[] = "(none)";

static struct routing_table *table_of(const struct route_match_settings *settings, size_t count)
{
    static const struct route_plan *const plans[ROUTES_MAX] = {NULL};
    struct error error = {0};
    struct routing_table *table = routing_table_create(settings, plans, count, &error);

    if (table == NULL)
        print_error("%s\n", error.text);
    assert_non_null(table);
    return table;
}

/* The name of the route, or why there is none. */
static const char *route_of(const struct routing_table *table, const char *method, const char *raw)
{
    static char memory[4096];
    struct http_request request = {.method = slice_from_text(method)};
    const struct route *route = NULL;
    struct arena arena;

    arena_init(&arena, memory, sizeof(memory));
    if (http_path_canonicalise(slice_from_text(raw), &arena, &request.path) != REASON_NONE)
        return refused_path;
    route = routing_match(table, &request);
    return route == NULL ? no_route : route->name;
}

static bool pattern_matches(const char *pattern, const char *raw, bool is_exemption)
{
    const char *const paths[] = {pattern, NULL};
    const struct route_match_settings settings = {
        .name = "matched", .paths = paths, .is_exemption = is_exemption};
    struct routing_table *table = table_of(&settings, 1);
    bool matches = strcmp(route_of(table, "GET", raw), "matched") == 0;

    routing_table_destroy(table);
    return matches;
}

static void assert_all(const struct pattern_case *cases, size_t count, bool is_exemption,
                       bool expected)
{
    for (size_t i = 0; i < count; i++) {
        bool matches = pattern_matches(cases[i].pattern, cases[i].path, is_exemption);

        if (matches != expected)
            print_error("pattern %s, path %s\n", cases[i].pattern, cases[i].path);
        assert_int_equal(matches, expected);
    }
}

/* ---- patterns ---- */

TEST(patterns_that_follow_the_grammar_are_accepted)
{
    static const char *const patterns[] = {
        "*",    "/*",      "/",      "/a",        "/a/",      "/a/*",        "/a/b.c/*",
        "/a*",  "/img/x*", "/a%20b", "/%C3%BC/*", "/a!$&'()", "/a+,=:@~-._", "/.well-known/x",
        "/..a", "/a%2Bb*", "/%25",
    };

    for (size_t i = 0; i < COUNT(patterns); i++) {
        struct error error = {0};
        bool valid = route_pattern_is_valid(slice_from_text(patterns[i]), &error);

        if (!valid)
            print_error("%s: %s\n", patterns[i], error.text);
        assert_true(valid);
        assert_int_equal(error.kind, ERROR_NONE);
    }
}

TEST(patterns_that_could_never_match_or_mislead_are_refused_with_words)
{
    static const struct {
        const char *pattern;
        const char *says;
    } cases[] = {
        {"", "does not begin with '/'"},
        {"a", "does not begin with '/'"},
        {"**", "does not begin with '/'"},
        {"*.php", "does not begin with '/'"},
        {"https://x/a", "does not begin with '/'"},
        {"/a/*/b", "'*' that is not its last character"},
        {"/**", "'*' that is not its last character"},
        {"/*.php", "'*' that is not its last character"},
        {"/a?b=c", "never the query"},
        {"/a#b", "a fragment never reaches a server"},
        {"/a;v=1", "path parameters are not matched"},
        {"/a;*", "path parameters are not matched"},
        {"//", "write '/'"},
        {"/a//b", "write '/a/b'"},
        {"/a//*", "write '/a/*'"},
        {"/%61dmin", "write '/admin'"},
        {"/a%2bb", "write '/a%2Bb'"},
        {"/a|b", "write '/a%7Cb'"},
        {"/.", "can never match"},
        {"/a/../b", "can never match"},
        {"/a/./*", "can never match"},
        {"/a/%2e%2e/b", "can never match"},
        {"/a%2Fb", "can never match"},
        {"/a%5Cb", "can never match"},
        {"/a\\b", "can never match"},
        {"/a%", "can never match"},
        {"/a%2*", "can never match"},
        {"/a%252Fb", "can never match"},
        {"/\xc3\xbc", "can never match"},
        {"/a b", "can never match"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {0};
        bool valid = route_pattern_is_valid(slice_from_text(cases[i].pattern), &error);

        if (valid || strstr(error.text, cases[i].says) == NULL)
            print_error("%s: %s\n", cases[i].pattern, valid ? "accepted" : error.text);
        assert_false(valid);
        assert_non_null(strstr(error.text, cases[i].says));
    }
}

TEST(a_pattern_has_a_limit)
{
    static char pattern[ROUTE_PATTERN_BYTES_MAX + 2];
    struct error error = {0};

    memset(pattern, '|', sizeof(pattern)); /* each would become three bytes */
    pattern[0] = '/';
    assert_false(route_pattern_is_valid(slice_from(pattern, ROUTE_PATTERN_BYTES_MAX), &error));
    assert_int_equal(error.kind, ERROR_SYNTAX);
    memset(pattern + 1, 'a', sizeof(pattern) - 1);
    assert_true(route_pattern_is_valid(slice_from(pattern, ROUTE_PATTERN_BYTES_MAX), &error));
    assert_false(route_pattern_is_valid(slice_from(pattern, ROUTE_PATTERN_BYTES_MAX + 1), &error));
    assert_int_equal(error.kind, ERROR_LIMIT);
    assert_false(route_pattern_is_valid(slice_from("/a\0b", 4), &error));
}

TEST(errors_name_the_place_and_the_route)
{
    static const char *const bad_path[] = {"/ok", "/bad?x", NULL};
    static const char *const no_path[] = {NULL};
    static const char *const bad_method[] = {"GET", "PO ST", NULL};
    static const char *const cut_path[] = {"/images*", NULL};
    const struct position position = {"sallyport.yaml", 12, 7};
    const struct {
        struct route_match_settings settings;
        const char *says;
    } cases[] = {
        {{.name = "a", .paths = bad_path, .position = position},
         "sallyport.yaml:12:7: route 'a': path pattern '/bad?x' has a '?'"},
        {{.name = "a", .paths = no_path, .position = position},
         "sallyport.yaml:12:7: route 'a': an empty list of paths matches nothing"},
        {{.name = "a", .methods = no_path, .position = position},
         "sallyport.yaml:12:7: route 'a': an empty list of methods matches nothing"},
        {{.name = "a", .methods = bad_method, .position = position},
         "sallyport.yaml:12:7: route 'a': 'PO ST' is not the name of a method"},
        {{.name = "a", .paths = cut_path, .is_exemption = true, .position = position},
         "sallyport.yaml:12:7: route 'a': path pattern '/images*' ends in the middle"},
        {{.name = "a", .paths = no_path}, "route 'a': an empty list"},
    };
    const struct route_plan *const plans[] = {NULL};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct error error = {0};

        assert_null(routing_table_create(&cases[i].settings, plans, 1, &error));
        assert_int_equal(strncmp(error.text, cases[i].says, strlen(cases[i].says)), 0);
    }
}

/* ---- demands ---- */

TEST(a_demand_matches_whatever_a_backend_may_take_for_its_path)
{
    static const struct pattern_case cases[] = {
        {"*", "/"},
        {"*", "/a/b;c"},
        {"/*", "/"},
        {"/*", "/a/b;c"},
        {"/", "/"},
        {"/", "/;x"},
        {"/admin", "/admin"},
        {"/admin", "/ADMIN"},
        {"/admin", "/%61dmin"},
        {"/admin", "/%41DmIn"},
        {"/admin", "//admin"},
        {"/admin", "/admin/"},
        {"/admin/", "/admin"},
        {"/admin", "/admin//"},
        {"/admin", "/admin;x"},
        {"/admin", "/admin;x=1;y=/"},
        {"/admin", "/admin%3Bx"},
        {"/admin", "/admin%3bx"},
        {"/admin", "/admin;/"},
        {"/admin", "/;x/admin"},
        {"/admin", "/;/;/admin/;"},
        {"/admin/users", "/admin;a/;b/users;c"},
        {"/admin/*", "/admin"},
        {"/admin/*", "/admin/"},
        {"/admin/*", "/Admin/x/y"},
        {"/admin/*", "/admin;x"},
        {"/admin/*", "/admin;x/y"},
        {"/admin/*", "/;x/admin/y"},
        {"/a!b", "/a%21b"},
        {"/a%21b", "/a!b"},
        {"/a(1)/*", "/a%281%29/x"},
        {"/a%20b", "/A%20B"},
        {"/%C3%BC", "/%c3%bc"},
        {"/images*", "/images"},
        {"/images*", "/imagesque/x"},
        {"/images*", "/IMAGES/x"},
        {"/images*", "/images;x/y"},
        {"/img/pre*", "/img;x/PREfix/y"},
        /* Windows drops blanks and dots at the end of a name, and has streams in files. */
        {"/admin", "/admin%20"},
        {"/admin", "/admin."},
        {"/admin/*", "/admin.%20./x"},
        {"/admin/*", "/.../admin/x"},
        {"/admin/*", "/%20/admin/x"},
        {"/admin", "/admin/%20"},
        {"/admin/*", "/admin::$INDEX_ALLOCATION/x"},
        {"/admin/*", "/admin:$i30:$INDEX_ALLOCATION/x"},
        {"/admin/*", "/admin.%3A%24I30/x"},
        {"/a.php", "/a.php::$DATA"},
        {"/a.php", "/a.php%3a:$data"},
        {"/tasks:run", "/tasks:run."},
        {"/file.*", "/FILE.txt."},
        /* ASP.NET looks for the cookies of those who keep none. */
        {"/admin/*", "/(S(x))/admin/y"},
        {"/admin/*", "/(A(x)S(y)F(z))/admin/y"},
        {"/admin/*", "/%28S%28x%29%29/admin/y"},
        {"/app/admin/*", "/app/(S(x))/admin/(S(y))/z"},
        {"/admin", "/admin/(S(x))"},
        {"/admin", "/admin/(S(x))/"},
        {"/(a)/*", "/(A)/b"},
        {"/(a)/*", "/(S(x))/(a)/b"},
    };

    assert_all(cases, COUNT(cases), false, true);
}

TEST(a_demand_does_not_match_another_path)
{
    static const struct pattern_case cases[] = {
        {"/", "/a"},
        {"/admin", "/"},
        {"/admin", "/administrator"},
        {"/admin", "/admi"},
        {"/admin", "/admin/x"},
        {"/admin", "/x/admin"},
        {"/admin", "/admin%253Bx"},
        {"/admin", "/admin.x"},
        {"/admin", "/admin%20x"},
        {"/admin", "/admin:x"},
        {"/admin", "/admin/(x)y"},
        {"/admin", "/(x/admin"},
        {"/admin", "/x(y)/admin"},
        {"/tasks:run", "/tasks"},
        {"/file.*", "/files"},
        {"/(a)/*", "/b"},
        {"/admin/*", "/administrator"},
        {"/admin/*", "/x/admin/"},
        {"/admin/users", "/adminusers"},
        {"/images*", "/image"},
        {"/images*", "/x/images"},
        {"/img/pre*", "/img"},
        {"/img/pre*", "/img/"},
        {"/a%2Bb", "/a%20b"},
    };

    assert_all(cases, COUNT(cases), false, false);
}

/* ---- exemptions ---- */

TEST(an_exemption_matches_its_own_path_to_the_letter)
{
    static const struct pattern_case cases[] = {
        {"*", "/"},
        {"*", "/a/b"},
        {"/*", "/a"},
        {"/health", "/health"},
        {"/health", "/%68ealth"},
        {"/health", "//health"},
        {"/health/*", "/health/"},
        {"/health/*", "/health/x/y"},
        {"/a%20b", "/a%20b"},
    };

    assert_all(cases, COUNT(cases), true, true);
}

TEST(nothing_else_slips_through_an_exemption)
{
    static const struct pattern_case cases[] = {
        {"/health", "/HEALTH"},
        {"/health", "/Health"},
        {"/health", "/health/"},
        {"/health", "/health/x"},
        {"/health", "/healthy"},
        {"/health", "/health;x"},
        {"/health", "/health;"},
        {"/health", "/health%3Bx"},
        {"/health", "/health%20"},
        {"/health", "/x/health"},
        {"/health", "/;/health"},
        {"/health", "/health/../admin"},
        {"/health", "/health/..;/admin"},
        {"/health/*", "/health"},
        {"/health/*", "/Health/x"},
        {"/health/*", "/health;x/y"},
        {"/health/*", "/health/x;y"},
        {"/health/*", "/health/x%3By"},
        {"/health/*", "/health/../admin"},
        {"/health/*", "/health/..;/admin"},
        {"/health/*", "/health/%2e%2e/admin"},
        {"/health/*", "/health/..%2fadmin"},
        {"/health/*", "/health/.%2e/admin"},
        {"/health/*", "/health/%252e%252e/admin"},
        {"/health/*", "/health\\..\\admin"},
        {"/a!b", "/a%21b"},
        {"/a%21b", "/a!b"},
        {"/*", "/a;b"},
        {"*", "/a;b"},
        {"*", "/a%3Bb"},
    };

    assert_all(cases, COUNT(cases), true, false);
}

/* The attack: an exemption before a demand, and a path that one takes for its own and the backend
 * for the other's. */
TEST(no_spelling_of_a_protected_path_reaches_an_exemption)
{
    static const char *const open_paths[] = {"/health", "/public/*", NULL};
    static const char *const closed_paths[] = {"/admin/*", NULL};
    const struct route_match_settings settings[] = {
        {.name = "open", .paths = open_paths, .is_exemption = true},
        {.name = "closed", .paths = closed_paths},
        {.name = "rest"},
    };
    static const struct {
        const char *path;
        const char *route;
    } cases[] = {
        {"/public/x", "open"},
        {"/health", "open"},
        {"/admin", "closed"},
        {"/ADMIN/x", "closed"},
        {"/admin;/x", "closed"},
        {"//admin//x", "closed"},
        {"/public/..;/admin/x", refused_path},
        {"/public/../admin/x", refused_path},
        {"/public/%2e%2e/admin/x", refused_path},
        {"/public%2f..%2fadmin/x", refused_path},
        {"/public/..%5cadmin", refused_path},
        {"/public/%c0%ae%c0%ae/admin", refused_path},
        {"/public;/../admin", refused_path},
        {"/public;x/admin", "rest"},
        {"/health;/admin", "rest"},
        {"/Public/x", "rest"},
    };
    struct routing_table *table = table_of(settings, COUNT(settings));

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_string_equal(route_of(table, "GET", cases[i].path), cases[i].route);
    routing_table_destroy(table);
}

/* ---- order and methods ---- */

TEST(the_first_match_in_order_wins)
{
    static const char *const first[] = {"/a/*", "/z", NULL};
    static const char *const second[] = {"/a/b", "/y", NULL};
    const struct route_match_settings settings[] = {
        {.name = "first", .paths = first},
        {.name = "second", .paths = second},
    };
    struct routing_table *table = table_of(settings, COUNT(settings));

    assert_string_equal(route_of(table, "GET", "/a/b"), "first");
    assert_string_equal(route_of(table, "GET", "/z"), "first");
    assert_string_equal(route_of(table, "GET", "/y"), "second");
    assert_string_equal(route_of(table, "GET", "/"), no_route);
    routing_table_destroy(table);
}

TEST(methods_are_case_sensitive_tokens)
{
    static const char *const methods[] = {"GET", "M-SEARCH", NULL};
    const struct route_match_settings settings[] = {{.name = "read", .methods = methods}};
    struct routing_table *table = table_of(settings, COUNT(settings));

    assert_string_equal(route_of(table, "GET", "/"), "read");
    assert_string_equal(route_of(table, "M-SEARCH", "/"), "read");
    assert_string_equal(route_of(table, "get", "/"), no_route);
    assert_string_equal(route_of(table, "GETS", "/"), no_route);
    routing_table_destroy(table);
}

TEST(what_is_demanded_for_get_is_demanded_for_head)
{
    static const char *const methods[] = {"GET", NULL};
    struct route_match_settings settings[] = {
        {.name = "get", .methods = methods},
        {.name = "all"},
    };
    struct routing_table *table = table_of(settings, COUNT(settings));

    assert_string_equal(route_of(table, "HEAD", "/"), "get");
    assert_string_equal(route_of(table, "OPTIONS", "/"), "all");
    routing_table_destroy(table);

    settings[0].is_exemption = true;
    table = table_of(settings, COUNT(settings));
    assert_string_equal(route_of(table, "GET", "/"), "get");
    assert_string_equal(route_of(table, "HEAD", "/"), "all");
    routing_table_destroy(table);
}

TEST(a_route_before_a_demand_takes_only_its_own_paths)
{
    static const char *const open[] = {"/open", "/img/*", "/pre*", NULL};
    static const char *const ours[] = {"/open", "/%6Fpen", "/img/x", "/prefix/x"};
    static const char *const others[] = {"/OPEN",  "/open/",       "/open;x",  "/open.",
                                         "/IMG/x", "/img/x;y",     "/;/img/x", "/img",
                                         "/PRE",   "/(S(x))/img/x"};
    const struct route_match_settings settings[] = {
        {.name = "open", .paths = open, .is_before_demand = true},
        {.name = "rest"},
    };
    struct routing_table *table = table_of(settings, COUNT(settings));

    for (size_t i = 0; i < COUNT(ours); i++)
        assert_string_equal(route_of(table, "GET", ours[i]), "open");
    for (size_t i = 0; i < COUNT(others); i++)
        assert_string_equal(route_of(table, "GET", others[i]), "rest");
    routing_table_destroy(table);
}

TEST(the_request_about_the_server_itself_is_matched_by_everything_only)
{
    static const char *const everything[] = {"/*", NULL};
    static const char *const root[] = {"/", NULL};
    const struct http_request request = {.method = SLICE("OPTIONS"), .path = SLICE("*")};
    const struct route_match_settings demand = {.name = "a", .paths = everything};
    const struct route_match_settings exact = {.name = "a", .paths = root};
    const struct route_match_settings exemption = {
        .name = "a", .paths = everything, .is_exemption = true};
    struct routing_table *table = table_of(&demand, 1);

    assert_non_null(routing_match(table, &request));
    routing_table_destroy(table);
    table = table_of(&exact, 1);
    assert_null(routing_match(table, &request));
    routing_table_destroy(table);
    table = table_of(&exemption, 1);
    assert_null(routing_match(table, &request));
    routing_table_destroy(table);
}

TEST(a_route_carries_its_plan_and_outlives_the_settings)
{
    static const char mark;
    union {
        const char *mark;
        const struct route_plan *plan;
    } plan = {&mark};
    char name[] = "name";
    char path[] = "/path";
    const char *paths[] = {path, NULL};
    const struct route_match_settings settings = {.name = name, .paths = paths};
    struct error error = {0};
    struct routing_table *table = routing_table_create(&settings, &plan.plan, 1, &error);
    const struct http_request request = {.method = SLICE("GET"), .path = SLICE("/path")};
    const struct route *route = NULL;

    memset(name, 'x', sizeof(name) - 1);
    memset(path, 'x', sizeof(path) - 1);
    route = routing_match(table, &request);
    assert_non_null(route);
    assert_string_equal(route->name, "name");
    assert_ptr_equal(route->plan, plan.plan);
    routing_table_destroy(table);
    routing_table_destroy(NULL);
}

TEST(a_table_without_routes_serves_nobody)
{
    struct routing_table *table = table_of(NULL, 0);

    assert_string_equal(route_of(table, "GET", "/"), no_route);
    routing_table_destroy(table);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(patterns_that_follow_the_grammar_are_accepted),
        cmocka_unit_test(patterns_that_could_never_match_or_mislead_are_refused_with_words),
        cmocka_unit_test(a_pattern_has_a_limit),
        cmocka_unit_test(errors_name_the_place_and_the_route),
        cmocka_unit_test(a_demand_matches_whatever_a_backend_may_take_for_its_path),
        cmocka_unit_test(a_demand_does_not_match_another_path),
        cmocka_unit_test(an_exemption_matches_its_own_path_to_the_letter),
        cmocka_unit_test(nothing_else_slips_through_an_exemption),
        cmocka_unit_test(no_spelling_of_a_protected_path_reaches_an_exemption),
        cmocka_unit_test(the_first_match_in_order_wins),
        cmocka_unit_test(methods_are_case_sensitive_tokens),
        cmocka_unit_test(what_is_demanded_for_get_is_demanded_for_head),
        cmocka_unit_test(a_route_before_a_demand_takes_only_its_own_paths),
        cmocka_unit_test(the_request_about_the_server_itself_is_matched_by_everything_only),
        cmocka_unit_test(a_route_carries_its_plan_and_outlives_the_settings),
        cmocka_unit_test(a_table_without_routes_serves_nobody));
}
