/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with a configuration, word for word and place for place. What a single setting can
 * be wrong with is tested from the table of settings; here is the rest.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config/config.h"
#include "runtime/memory.h"

#define TLS            "    tls: { certificates: [{ chain: s.pem, key: s.key }] }\n"
#define NO_CERTIFICATE "    client_certificate: { mode: none }\n"
#define ROUTES         "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n"
#define LISTENER       "  - address: \":8443\"\n" TLS NO_CERTIFICATE ROUTES
#define HEAD           "version: 1\nlisteners:\n"
#define VALID          HEAD LISTENER
/* Seven lines, then what a case adds. */
#define ROOT_SETTINGS                                                                              \
    "version, include, tls_profiles, trust_profiles, policies, backends, route_sets, listeners, "  \
    "limits, "                                                                                     \
    "log, admin, "                                                                                 \
    "monitoring, pkcs11, workers, "                                                                \
    "user, confinement, via, fetch, resolver, state_dir"
#define LISTENER_WITH HEAD "  - address: \":8443\"\n" TLS ROUTES

/* Seen from /etc/sallyport it is a path of 101 bytes. */
#define HUNDRED_BYTES                                                                              \
    "/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/123456789/"  \
    "123456789a"

struct problem_case {
    const char *text;
    const char *expected; /* "LINE:COLUMN: error: TEXT\n", in order */
};

/* Of definitions on their own, which most cases here are about; config_warnings_test.c looks at
 * what is used nowhere. */
static bool is_of_use(const struct config_problem *problem)
{
    return slice_ends_with(slice_from_text(problem->text), SLICE(" is used nowhere"));
}

static char *list_problems(struct slice text)
{
    struct config *config = config_load_text(text, "sallyport.yaml", "/etc/sallyport");
    const struct config_problems *problems = config_problems(config);
    char *list = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&list, &size);
    size_t errors = 0;

    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        bool is_error = problem->severity == CONFIG_ERROR;

        errors += is_error ? 1 : 0;
        assert_string_equal(problem->file, "sallyport.yaml");
        if (is_of_use(problem))
            continue;
        fprintf(stream, "%u:%u: %s: %s\n", problem->line, problem->column,
                is_error ? "error" : "warning", problem->text);
    }
    assert_int_equal(problems->errors, errors);
    assert_true((config_settings(config) == NULL) == (errors > 0));
    config_destroy(config);
    fclose(stream);
    return list;
}

static void check_text(struct slice text, const char *expected)
{
    char *problems = list_problems(text);

    if (strcmp(problems, expected) != 0)
        fail_msg("expected:\n%sfound:\n%sof:\n%.*s", expected, problems, (int)text.size, text.data);
    free(problems);
}

static void check_cases(const struct problem_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_text(slice_from_text(cases[i].text), cases[i].expected);
}

#define CHECK_CASES(cases) check_cases(cases, sizeof(cases) / sizeof(*(cases)))

TEST(a_valid_configuration_has_no_problem)
{
    check_text(slice_from_text(VALID), "");
}

/* --- The document ----------------------------------------------------------------------------- */

TEST(what_is_not_yaml_is_refused_where_the_parser_gave_up)
{
    static const struct problem_case cases[] = {
        {"version: [1", "2:1: error: this is not YAML: flow sequence without a closing bracket\n"},
        {"version: 1\nlisteners: \"x\n",
         "2:13: error: this is not YAML: double-quoted scalar without closing quote\n"},
        {"a: b: c\n",
         "1:5: error: this is not YAML: invalid nested block mapping on the same line\n"},
        {"a: @\n", "1:4: error: this is not YAML: plain scalar cannot start with '@'\n"},
        {"a: \"\\q\"\n",
         "1:5: error: this is not YAML: invalid escape 'q' in double-quoted string\n"},
        {"version: 1\nlisteners:\n\t- x\n",
         "3:1: error: this is not YAML: tab character may not be used as indentation\n"},
        {"limits:\n  drain_time: 5s\n\tkeep_alive: 5s\n",
         "3:2: error: this is not YAML: invalid tab used as indentation\n"},
        {"a: 1\n\tb: 2\n", "1:4: error: this is not YAML: invalid multiline plain key\n"
                           "2:1: error: a tab indents this line; YAML wants spaces\n"},
        {"a: }\n", "1:4: error: this is not YAML: flow mapping with invalid extra closing brace\n"},
        {"version: 1\n listeners: 2\n",
         "1:10: error: this is not YAML: invalid multiline plain key\n"},
        {"- a\nb: c\n",
         "2:1: error: this is not YAML: invalid scalar at the end of block sequence\n"},
    };

    CHECK_CASES(cases);
}

/* What libfyaml would misread is refused before it is asked, wherever it stands. */
TEST(a_value_is_on_one_line_with_simple_quotes)
{
    static const struct problem_case cases[] = {
        {VALID "workers: ''''''''''''''''''''''''''''''''''''\n",
         "7:10: error: several quotes in a row must be written in double quotes\n"},
        {VALID "workers: 'a''''b'\n",
         "7:10: error: several quotes in a row must be written in double quotes\n"},
        {VALID "workers: 'it''s'\n",
         "7:10: error: 'workers' must be auto or a number, not 'it's'\n"},
        {VALID "workers: ''\n", "7:10: error: 'workers' is empty\n"},
        {VALID "workers: ''''\n", "7:10: error: 'workers' must be auto or a number, not '''\n"},
        {VALID "workers: 'a\n  b'\n", "7:10: error: a value must be on one line\n"},
        {VALID "workers: \"a\\\n  b\"\n", "7:10: error: a value must be on one line\n"},
        {VALID "workers: a\n  b\n", "7:10: error: a value must be on one line\n"},
        {VALID "workers: |\n  a\n", "8:1: error: a value must be on one line\n"},
        {VALID "workers: >-\n  a\n", "8:1: error: a value must be on one line\n"},
    };

    CHECK_CASES(cases);
}

TEST(a_document_is_one_mapping)
{
    static const struct problem_case cases[] = {
        {"", "1:1: error: the configuration is empty\n"},
        {"# only a comment\n", "1:1: error: the configuration is empty\n"},
        {"---\n", "1:1: error: the configuration is empty\n"},
        {"~\n", "1:1: error: the configuration is empty\n"},
        {"[a]\n", "1:1: error: a configuration is a mapping of settings, not a list\n"},
        {"\n  word\n", "2:3: error: a configuration is a mapping of settings, not text\n"},
        {"12\n", "1:1: error: a configuration is a mapping of settings, not a number\n"},
        {VALID "---\nversion: 1\n",
         "7:1: error: a second document begins here; a configuration is one document\n"},
    };

    CHECK_CASES(cases);
}

TEST(bytes_that_are_no_text_are_refused_with_their_place)
{
    static const struct problem_case cases[] = {
        {"version: 1\n# \xC3\xA4\xFF\n", "2:4: error: this is not UTF-8\n"},
        {"a\xC3", "1:2: error: this is not UTF-8\n"},
        {"\xC0\x80", "1:1: error: this is not UTF-8\n"},
        {"\xE0\x80\x80", "1:1: error: this is not UTF-8\n"},
        {"\xED\xA0\x80", "1:1: error: this is not UTF-8\n"},
        {"\xF0\x80\x80\x80", "1:1: error: this is not UTF-8\n"},
        {"\xF4\x90\x80\x80", "1:1: error: this is not UTF-8\n"},
        {"\xF5\x80\x80\x80", "1:1: error: this is not UTF-8\n"},
        {"a: \x1B[31m\n", "1:4: error: a control character (0x1B) is not allowed here\n"},
        {"a: \x7F\n", "1:4: error: a control character (0x7F) is not allowed here\n"},
    };

    CHECK_CASES(cases);
    check_text(SLICE("a: 1\nb\0: 2\n"),
               "2:2: error: a control character (0x00) is not allowed here\n");
}

TEST(characters_of_every_size_are_text)
{
    check_text(slice_from_text("# \xC3\xA4 \xE2\x82\xAC \xED\x9F\xBF \xF0\x9F\x98\x80\n" VALID),
               "");
}

TEST(columns_are_counted_in_characters)
{
    check_text(slice_from_text(VALID "\"\xC3\xA4\xE2\x82\xAC\": 1\nlog: { \xC3\xA4: 1 }\n"),
               "7:1: error: unknown setting '\xC3\xA4\xE2\x82\xAC'; known here: " ROOT_SETTINGS "\n"
               "8:8: error: unknown setting '\xC3\xA4'; known here: access, events\n");
}

TEST(anchors_aliases_and_tags_are_refused)
{
    static const struct problem_case cases[] = {
        {VALID "limits: &l { connections: 5 }\n",
         "7:12: error: anchors and aliases are not supported: write it out\n"},
        {VALID "workers: &w 2\nlimits: { connections: *w }\n",
         "7:13: error: anchors and aliases are not supported: write it out\n"
         "8:24: error: anchors and aliases are not supported: write it out\n"},
        {VALID "workers: !!int 2\n", "7:16: error: tags are not supported\n"},
        {VALID "log: !x {}\n", "7:9: error: tags are not supported\n"},
        {VALID "*a : 2\n", "7:1: error: anchors and aliases are not supported: write it out\n"},
        {VALID "<<: { workers: 2 }\n",
         "7:1: error: unknown setting '<<'; known here: " ROOT_SETTINGS "\n"},
    };

    CHECK_CASES(cases);
}

TEST(a_name_is_set_once_and_is_text)
{
    static const struct problem_case cases[] = {
        {VALID "version: 1\n", "7:1: error: 'version' is set twice; the first is on line 1\n"},
        {VALID "log: { access: off, events: {}, access: off }\n",
         "7:33: error: 'access' is set twice; the first is on line 7\n"},
        {VALID "? [version]\n: 1\n", "7:3: error: the name of a setting must be text\n"},
        {VALID "? { a: b }\n: 1\n", "7:3: error: the name of a setting must be text\n"},
        {VALID "log: { \"acc\\0ess\": off }\n",
         "7:8: error: a line break or control character is not allowed in a value\n"},
    };

    CHECK_CASES(cases);
}

/* `begin`, then `item` so many times. */
static char *repeat(const char *begin, const char *item, int count)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    fprintf(stream, "%s", begin);
    for (int i = 0; i < count; i++)
        fprintf(stream, "%s", item);
    fclose(stream);
    return text;
}

TEST(a_document_has_limits)
{
    char *deep = repeat("", "{a: ", 40);
    char *wide = repeat("a: [", "1,", 100000);
    char *large = repeat("", "#", CONFIG_FILE_BYTES_MAX + 1);

    check_text(slice_from_text(deep), "1:129: error: this is nested deeper than 32 levels\n");
    check_text(slice_from_text(wide),
               "1:199999: error: the configuration has more than 100000 values\n");
    check_text(slice_from(large, CONFIG_FILE_BYTES_MAX + 1),
               "0:0: error: the configuration is larger than 1048576 bytes\n");
    check_text(slice_from(large, CONFIG_FILE_BYTES_MAX),
               "1:1: error: the configuration is empty\n");
    free(deep);
    free(wide);
    free(large);
}

TEST(more_than_a_hundred_problems_are_counted)
{
    char *text = repeat(VALID "backends: { a: { endpoints: [\n", " 7,\n", 150);
    char *whole = memory_format("%s ] } }\n", text);
    struct config *config = config_load_text(slice_from_text(whole), "sallyport.yaml", "/");
    const struct config_problems *problems = config_problems(config);

    assert_int_equal(problems->count, 101);
    assert_int_equal(problems->errors, 150);
    assert_int_equal(problems->items[99].line, 107);
    assert_int_equal(problems->items[100].line, 0);
    assert_int_equal(problems->items[100].severity, CONFIG_ERROR);
    assert_string_equal(problems->items[100].text, "50 more problems are not shown");
    config_destroy(config);
    memory_release(whole);
    free(text);
}

static off_t size_of(FILE *file)
{
    assert_int_equal(fseeko(file, 0, SEEK_END), 0);
    return ftello(file);
}

/* Whoever prints problems prints them in a form of his own. */
TEST(nothing_is_written_to_standard_error)
{
    static const char *const texts[] = {"a: [", "a: \"\\q", "- a\nb: c\n", "*a", "a: 1\na: 2\n"};
    FILE *captured = tmpfile();
    int kept = dup(STDERR_FILENO);

    assert_non_null(captured);
    fflush(stderr);
    assert_true(dup2(fileno(captured), STDERR_FILENO) >= 0);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        config_destroy(config_load_text(slice_from_text(texts[i]), "sallyport.yaml", "/"));
    fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    assert_int_equal(size_of(captured), 0);
    fclose(captured);
}

/* --- Names of settings ------------------------------------------------------------------------ */

TEST(an_unknown_setting_is_answered_with_the_nearest_known)
{
    static const struct problem_case cases[] = {
        {VALID "worker: 2\n", "7:1: error: unknown setting 'worker'; did you mean 'workers'?\n"},
        {VALID "Workers: 2\n", "7:1: error: unknown setting 'Workers'; did you mean 'workers'?\n"},
        {VALID "tls-profiles: {}\n",
         "7:1: error: unknown setting 'tls-profiles'; did you mean 'tls_profiles'?\n"},
        {VALID "limits: { keepAlive: 5s }\n",
         "7:11: error: unknown setting 'keepAlive'; did you mean 'keep_alive'?\n"},
        {VALID "log: { acces: off }\n",
         "7:8: error: unknown setting 'acces'; did you mean 'access'?\n"},
        {VALID "log: { evnets: {} }\n",
         "7:8: error: unknown setting 'evnets'; did you mean 'events'?\n"},
        {VALID "log: { \"\": 1, x: 2 }\n",
         "7:8: error: unknown setting ''; known here: access, events\n"
         "7:15: error: unknown setting 'x'; known here: access, events\n"},
    };

    CHECK_CASES(cases);
}

TEST(what_is_required_is_missed_once)
{
    static const struct problem_case cases[] = {
        {"listeners:\n" LISTENER, "1:1: error: 'version' is missing\n"},
        {"version: 1\n", "1:1: error: 'listeners' is missing\n"},
        {"version: 1\nlistners:\n" LISTENER,
         "2:1: error: unknown setting 'listners'; did you mean 'listeners'?\n"},
        {"version: 1\nlisteners: []\n", "2:12: error: 'listeners' is empty\n"},
        {HEAD "  - client_certificate: { mode: none }\n", "3:5: error: 'address' is missing\n"
                                                          "3:5: error: 'routes' is missing\n"
                                                          "3:5: error: 'tls' is missing\n"},
        {HEAD "  - address: \":1\"\n" NO_CERTIFICATE "    tls: {}\n    routes: [{}]\n",
         "5:10: error: 'certificates' is missing\n"
         "6:14: error: 'backend' is missing\n"},
        {VALID "tls_profiles: { a: { certificates: [{}] } }\n", "7:37: error: 'chain' is missing\n"
                                                                "7:37: error: 'key' is missing\n"},
        {VALID "trust_profiles: { a: {}, b: { anchors: [{}] } }\n",
         "7:22: error: 'anchors' is missing\n"
         "7:41: error: 'file' is missing\n"},
        {VALID "backends: { a: {}, b: { endpoints: [{}] } }\n",
         "7:16: error: 'endpoints' is missing\n"
         "7:37: error: 'url' is missing\n"},
        {LISTENER_WITH NO_CERTIFICATE "    identity_headers: [{}]\n",
         "7:24: error: 'format' is missing\n"
         "7:24: error: 'name' is missing\n"},
    };

    CHECK_CASES(cases);
}

TEST(only_version_1_is_known)
{
    static const struct problem_case cases[] = {
        {"version: 2\nlisteners:\n" LISTENER,
         "1:10: error: 'version' is 2; this program knows version 1 only\n"},
        {"version: \"1\"\nlisteners:\n" LISTENER, "1:10: error: 'version' must be the number 1\n"},
        {"version: one\nlisteners:\n" LISTENER, "1:10: error: 'version' must be the number 1\n"},
    };

    CHECK_CASES(cases);
}

TEST(problems_come_in_order_of_appearance)
{
    check_text(slice_from_text("workers: 0\n"
                               "limits: { drain_time: 5, keep_alive: x }\n"
                               "listeners:\n" LISTENER "version: 3\n"),
               "1:10: error: 'workers' is 0; it must be between 1 and 1024\n"
               "2:23: error: 'drain_time' has no unit: write 5s, or ms, m or h\n"
               "2:38: error: 'keep_alive' must be a duration such as 30s, not 'x'\n"
               "8:10: error: 'version' is 3; this program knows version 1 only\n");
}

/* --- Values ----------------------------------------------------------------------------------- */

TEST(values_with_a_grammar_of_their_own_say_what_it_is)
{
    static const struct problem_case cases[] = {
        {HEAD "  - address: \"8443\"\n" TLS NO_CERTIFICATE ROUTES,
         "3:14: error: address '8443' has no port; write it as ':8443'\n"},
        {HEAD "  - name: \"a b\"\n    address: \":8443\"\n" TLS NO_CERTIFICATE ROUTES,
         "3:11: error: 'a b' is not a name: letters, digits, '-', '_' and '.', at most 64\n"},
        {LISTENER_WITH NO_CERTIFICATE "    hosts: [\"a.*.example.com\"]\n",
         "7:13: error: host 'a.*.example.com' has a '*' that is not its whole first label, as in "
         "'*.example.com'\n"},
        {LISTENER_WITH NO_CERTIFICATE "    trusted_proxies: []\n",
         "7:22: error: 'trusted_proxies' is empty; leave it out for nobody\n"},
        {LISTENER_WITH NO_CERTIFICATE "    trusted_proxies: 10.0.0.0/8\n",
         "7:22: error: 'trusted_proxies' must be a list of text, not '10.0.0.0/8'\n"},
        {LISTENER_WITH NO_CERTIFICATE "    trusted_proxies: [10.0.0.0/8, 10.1.2.3/8]\n",
         "7:35: error: '10.1.2.3/8' has bits behind its prefix; write '10.0.0.0/8'\n"},
        {LISTENER_WITH NO_CERTIFICATE "    trusted_proxies: [proxy.example, 10.0.0.0/33]\n",
         "7:23: error: 'proxy.example' is not an address like '192.0.2.1' or '2001:db8::1', nor a "
         "network like '10.0.0.0/8'\n"
         "7:38: error: '10.0.0.0/33' must have a number from 0 to 32 behind the '/'\n"},
        {LISTENER_WITH NO_CERTIFICATE "    hosts: [a.example, b.example, a.example]\n",
         "7:35: error: 'a.example' is in this list twice; the first is on line 7\n"},
        {LISTENER_WITH NO_CERTIFICATE "    server_token: \"a b\"\n",
         "7:19: error: 'a b' is not PRODUCT or PRODUCT/VERSION, at most 64 characters\n"},
        {HEAD "  - address: \":8443\"\n" TLS NO_CERTIFICATE "    routes: app\n",
         "6:13: error: there is no route set 'app'; for a route write it in a list: [{ backend: "
         "NAME }]\n"},
        {VALID "via: 1edge\n", "7:6: error: '1edge' does not begin with a letter\n"},
        {VALID "via: \"a, b\"\n",
         "7:6: error: 'a, b' is not a name: letters, digits, '-', '_' and '.', at most 64\n"},
        {VALID "limits: { trailer_size: 17KiB, trailer_count: 101 }\n",
         "7:25: error: 'trailer_size' is 17KiB; it must be between 0B and 16KiB\n"
         "7:47: error: 'trailer_count' is 101; it must be between 0 and 100\n"},
        {VALID "backends: { a: { endpoints: [\"http://127.0.0.1:1\"], expect: on } }\n",
         "7:61: error: 'expect' must be forward or answer, not 'on'\n"},
        {VALID "workers: many\n", "7:10: error: 'workers' must be auto or a number, not 'many'\n"},
        {VALID "workers: \"2\"\n", "7:10: error: 'workers' must be auto or a number, not '2'\n"},
        {VALID "workers: 1025\n",
         "7:10: error: 'workers' is 1025; it must be between 1 and 1024\n"},
        {VALID "log: { access: on }\n",
         "7:16: error: 'access' must be off or a mapping, not 'on'\n"},
        {VALID "log: { access: { to: stdot } }\n",
         "7:22: error: 'to' must be stdout, stderr, or a path with a '/', not 'stdot'\n"},
        {VALID "log: { access: { format: apache } }\n",
         "7:26: error: 'format' must be json, azure or combined, not 'apache'\n"},
        {VALID "log: { events: { to: stdout } }\n",
         "7:22: error: 'to' must be stderr, or a path with a '/', not 'stdout'\n"},
        {VALID "admin: {}\n", "7:8: error: 'socket' is missing\n"},
        {VALID "admin: { socket: " HUNDRED_BYTES "1234567 }\n",
         "7:18: error: the path of a socket has at most 107 bytes, and '" HUNDRED_BYTES
         "1234567' has 108\n"},
        {VALID "admin: { socket: " HUNDRED_BYTES "123456 }\n", ""},
        {VALID "monitoring: {}\n", "7:13: error: 'address' is missing\n"},
        {VALID "monitoring: { address: 127.0.0.1:http }\n",
         "7:24: error: address '127.0.0.1:http' does not end in a port from 0 to 65535\n"},
        {VALID "monitoring: { address: \":0\", hosts: [\"a:80\", \"*.b\", \"[::1]\"] }\n",
         "7:38: error: 'a:80' is not a host name\n"
         "7:46: error: '*.b' is not a host name\n"
         "7:53: error: '[::1]' is not a host name\n"},
        {VALID "monitoring: { address: \":8443\" }\n",
         "7:24: error: ':8443' is the address of listener 'listener-1' on line 3\n"},
        {VALID "limits: { request_header_size: 4KiB, request_target_size: 5KiB }\n", ""},
        {VALID "limits: { request_target_size: 65KiB }\n",
         "7:32: error: 'request_target_size' is 65KiB; it must be between 256B and 64KiB\n"},
        {VALID "limits: { unlimited_addresses: [10.0.0.0/8, \"::1/129\"] }\n",
         "7:45: error: '::1/129' must have a number from 0 to 128 behind the '/'\n"},
        {VALID "limits: { address_failure_time: 10ms }\n",
         "7:33: error: 'address_failure_time' is 10ms; it must be between 1s and 24h\n"},
        {VALID "limits: { pipelined_requests: 0, rate_window: 10ms, request_rate: 1.5KiB }\n",
         "7:31: error: 'pipelined_requests' is 0; it must be between 1 and 100000\n"
         "7:47: error: 'rate_window' is 10ms; it must be between 100ms and 1h\n"
         "7:67: error: 'request_rate' must be a size such as 64KiB, not '1.5KiB'\n"},
        {VALID "log: { access: { to: \"a\\e[31m/b\" } }\n",
         "7:22: error: a line break or control character is not allowed in a value\n"},
    };

    CHECK_CASES(cases);
}

#define PROFILE VALID "tls_profiles:\n  a:\n    certificates: [{ chain: c, key: k }]\n"

TEST(tls_profiles_that_make_no_sense_are_refused)
{
    static const struct problem_case cases[] = {
        {PROFILE "    policy: { min_version: 1.2 }\n",
         "10:28: error: 1.2 is read as a number; quote it\n"},
        {PROFILE "    policy: { min_version: \"1.1\" }\n",
         "10:28: error: 'min_version' must be 1.2 or 1.3, not '1.1'\n"},
        {PROFILE "    policy: { min_version: \"1.3\", max_version: \"1.2\" }\n",
         "10:48: error: 'max_version' is lower than 'min_version'\n"},
        {PROFILE "    policy: { ciphers: [TLS_AES_128_GCM_SHA256] }\n",
         "10:24: error: 'ciphers' names none for TLS 1.2: add one, or set min_version: \"1.3\"\n"},
        {PROFILE "    policy: { ciphers: [TLS_AES_128_GCM_SHA256], min_version: \"1.3\" }\n", ""},
        {PROFILE "    policy: { ciphers: [\"ALL:!aNULL\", A, A] }\n",
         "10:25: error: 'ALL:!aNULL' is not the name of a cipher\n"
         "10:42: error: 'A' is in this list twice; the first is on line 10\n"},
        {PROFILE "    policy: { groups: [\"X25519:P-256\", \"\"] }\n",
         "10:24: error: 'X25519:P-256' is not the name of a group\n"
         "10:40: error: each of 'groups' is empty\n"},
        {PROFILE "    alpn: [h2, spdy]\n", "10:12: error: 'alpn: h2' is not supported yet\n"
                                           "10:16: error: 'alpn' may hold http/1.1, not 'spdy'\n"},
        {VALID "tls_profiles: { a: 5, \"b c\": {} }\n",
         "7:20: error: 'a' must be a mapping, not a number\n"
         "7:23: error: 'b c' is not a name: letters, digits, '-', '_' and '.', at most 64\n"
         "7:30: error: 'certificates' is missing\n"},
        {VALID "tls_profiles: { 1: {certificates: [{ chain: c, key: k }]} }\n",
         "7:17: error: 1 is read as a number; quote it\n"},
    };

    CHECK_CASES(cases);
}

#define CERTIFICATE(settings) VALID "tls_profiles: { a: { certificates: [{ " settings " }] } }\n"

TEST(a_certificate_comes_in_one_form_only)
{
    static const struct problem_case cases[] = {
        {CERTIFICATE("chain: a, key: b, key_password: c"), ""},
        {CERTIFICATE("directory: a"), ""},
        {CERTIFICATE("pfx: a"), ""},
        {CERTIFICATE("pfx: a, password: b"), ""},
        {CERTIFICATE("chain: a"), "7:37: error: 'key' is missing\n"},
        {CERTIFICATE("key: a"), "7:37: error: 'chain' is missing\n"},
        {CERTIFICATE("key_password: a"), "7:37: error: 'chain' is missing\n"
                                         "7:37: error: 'key' is missing\n"},
        {CERTIFICATE("chain: a, key: b, password: c"),
         "7:57: error: 'password' has no effect without 'pfx'\n"},
        {CERTIFICATE("directory: a, chain: b, key_password: c"),
         "7:53: error: 'chain' cannot be set beside 'directory'\n"
         "7:63: error: 'key_password' cannot be set beside 'directory'\n"},
        {CERTIFICATE("pfx: a, directory: b"),
         "7:39: error: 'pfx' cannot be set beside 'directory'\n"},
        {CERTIFICATE("pfx: a, key: b"), "7:47: error: 'key' cannot be set beside 'pfx'\n"},
        {CERTIFICATE("chain: a, key: \"pkcs11:object=x\""), ""},
        {CERTIFICATE("chain: a, key: \"pkcs11:token=x\""),
         "7:54: error: this PKCS #11 URI names no key: 'object' or 'id' is needed\n"},
        {CERTIFICATE("chain: a, key: \"pkcs11:object=x?pin-value=1234\""),
         "7:54: error: a PIN in a URI would be shown: set 'key_password', or write "
         "?pin-source=file:PATH\n"},
        {VALID "pkcs11: { module: m.so, directories: [/a, b] }\n",
         "7:19: error: 'm.so' must be an absolute path\n"
         "7:43: error: 'b' must be an absolute path\n"},
        {CERTIFICATE("pfx: a, password: 1234"),
         "7:57: error: this is read as a number; quote it\n"},
    };

    CHECK_CASES(cases);
}

#define ROUTES_OF(mode, routes)                                                                    \
    HEAD "  - address: \":8443\"\n" TLS "    client_certificate: { trust: t, mode: " mode          \
         " }\n    routes:\n" routes "trust_profiles: { t: { anchors: [a] } }\n"
#define ONLY(methods)                                                                              \
    "      - { name: a, paths: [/a/*], methods: " methods                                          \
    ", client_certificate: { mode: required }, backend: \"http://h\" }\n"
#define LATER(more) "      - { name: b, backend: \"http://h\"" more " }\n"
#define UNCHECKED   "9:22: warning: revocation is not checked for 't'\n"
#define FALLS                                                                                      \
    "7:44: warning: route 'a' has mode required for these methods only: others fall through to "   \
    "route 'b' on line 8, whose mode is optional\n"

TEST(a_demand_for_some_methods_warns_of_the_others)
{
    static const struct problem_case cases[] = {
        {ROUTES_OF("optional", ONLY("[GET]") LATER("")), FALLS UNCHECKED},
        {ROUTES_OF("optional", ONLY("[GET]") LATER(", paths: [/a/*, /b]")), FALLS UNCHECKED},
        {ROUTES_OF("optional", ONLY("[GET]") LATER(", methods: [GET, POST]")), FALLS UNCHECKED},
        {ROUTES_OF("optional", ONLY("[GET]") LATER(", methods: [GET]")), UNCHECKED},
        {ROUTES_OF("optional", ONLY("[GET]") LATER(", paths: [/b/*]")), UNCHECKED},
        {ROUTES_OF("required", ONLY("[GET]") LATER("")), UNCHECKED},
    };

    CHECK_CASES(cases);
}

TEST(a_service_that_knows_its_own_name_only_is_warned_of)
{
    static const char *const words =
        "answers to its own name only, and the client's is preserved: set 'host' to that name";
    char *expected = memory_format("7:30: warning: 'x.azurewebsites.net' %s\n"
                                   "8:30: warning: 'y.azure-api.net' %s\n",
                                   words, words);

    check_text(slice_from_text(VALID
                               "backends: { a: { endpoints: [\"http://x.azurewebsites.net:81\"] },"
                               "\n            b: { endpoints: [\"http://y.azure-api.net\"] },\n"
                               "  c: { endpoints: [\"http://z.azurewebsites.net\"], host: z } }\n"),
               expected);
    memory_release(expected);
}

#define POLICY(policy)                                                                             \
    VALID "tls_profiles: { a: { certificates: [{ chain: c, key: k }], policy: " policy " } }\n"

TEST(a_predefined_policy_has_a_name_and_may_lose_something)
{
    static const struct problem_case cases[] = {
        {POLICY("AppGwSslPolicy20220101"), ""},
        {POLICY("AppGwSslPolicy20220101S"), ""},
        {POLICY("AppGwSslPolicy20170401S"), ""},
        {POLICY("AppGwSslPolicy20170401"),
         "7:68: warning: of 'AppGwSslPolicy20170401', TLS 1.1 is left out\n"},
        {POLICY("AppGwSslPolicy20150501"),
         "7:68: warning: of 'AppGwSslPolicy20150501', TLS 1.0, "
         "TLS 1.1 and the suites with DHE or 3DES are left out\n"},
        {POLICY("appgwsslpolicy20220101"),
         "7:68: error: there is no policy 'appgwsslpolicy20220101'; it may be a mapping, "
         "AppGwSslPolicy20150501, AppGwSslPolicy20170401, AppGwSslPolicy20170401S, "
         "AppGwSslPolicy20220101 or AppGwSslPolicy20220101S\n"},
        {POLICY("{ ciphers: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256] }"), ""},
        {POLICY("{ ciphers: [TLS_DHE_RSA_WITH_AES_128_GCM_SHA256] }"),
         "7:80: error: 'TLS_DHE_RSA_WITH_AES_128_GCM_SHA256' is not a suite that is spoken here\n"},
    };

    CHECK_CASES(cases);
}

TEST(anchors_are_files_that_are_named)
{
    static const struct problem_case cases[] = {
        {VALID "trust_profiles: { a: { anchors: [\"none.d/*.pem\", none.d/, 7, \"*/a.pem\"] } }\n",
         "7:34: error: directory '/etc/sallyport/none.d' cannot be opened: No such file or "
         "directory\n"
         "7:50: error: directory '/etc/sallyport/none.d' cannot be opened: No such file or "
         "directory\n"
         "7:59: error: 7 is read as a number; quote it\n"
         "7:62: error: only the last part of a path may hold '*', '?' or '['\n"},
        {VALID "trust_profiles: { a: { anchors: [{ name: x, file: a }, { name: x, file: b }] } }\n",
         "7:64: error: 'x' is in this list twice; the first is on line 7\n"},
        {VALID "trust_profiles: { a: { anchors: [{ name: \"x y\", file: \"a/*/*\" }] } }\n",
         "7:42: error: 'x y' is not a name: letters, digits, '-', '_' and '.', at most 64\n"
         "7:55: error: only the last part of a path may hold '*', '?' or '['\n"},
        {VALID "trust_profiles: { a: { anchors: [a], intermediates: [{ file: b }, 7, []] } }\n",
         "7:54: error: each of 'intermediates' must be text, not a mapping\n"
         "7:67: error: 7 is read as a number; quote it\n"
         "7:70: error: each of 'intermediates' must be text, not a list\n"},
    };

    CHECK_CASES(cases);
}

#define BACKEND(url) VALID "backends: { a: { endpoints: [" url "] } }\n"

TEST(an_endpoint_is_scheme_host_and_port)
{
    static const struct problem_case cases[] = {
        {BACKEND("\"https://10.0.0.4\", \"HTTPS://a:8443/\""), ""},
        {BACKEND("\"https:/10.0.0.4\""), "7:30: error: 'https:/10.0.0.4' is not an endpoint: it "
                                         "must begin with http:// or https://\n"},
        {BACKEND("10.0.0.4"),
         "7:30: error: '10.0.0.4' is not an endpoint: it must begin with http:// or https://\n"},
        {BACKEND("\"http://a/b\""),
         "7:30: error: 'http://a/b' is not an endpoint: nothing may follow the port\n"},
        {BACKEND("\"http://a//\""),
         "7:30: error: 'http://a//' is not an endpoint: nothing may follow the port\n"},
        {BACKEND("\"http://a?b\""),
         "7:30: error: 'http://a?b' is not an endpoint: nothing may follow the port\n"},
        {BACKEND("\"http://a#b\""),
         "7:30: error: 'http://a#b' is not an endpoint: nothing may follow the port\n"},
        {BACKEND("\"http://u:p@a\""),
         "7:30: error: 'http://u:p@a' is not an endpoint: it must not hold a user or password\n"},
        {BACKEND("\"http://\""), "7:30: error: 'http://' is not an endpoint: it must be "
                                 "http://HOST:PORT or https://HOST:PORT\n"},
        {BACKEND("\"http:///\""), "7:30: error: 'http:///' is not an endpoint: it must be "
                                  "http://HOST:PORT or https://HOST:PORT\n"},
        {BACKEND("\"http://a:\""), "7:30: error: 'http://a:' is not an endpoint: it must be "
                                   "http://HOST:PORT or https://HOST:PORT\n"},
        {BACKEND("\"http://a:65536\""), "7:30: error: 'http://a:65536' is not an endpoint: it must "
                                        "be http://HOST:PORT or https://HOST:PORT\n"},
        {BACKEND("\"http://::1:80\""), "7:30: error: 'http://::1:80' is not an endpoint: it must "
                                       "be http://HOST:PORT or https://HOST:PORT\n"},
        {BACKEND("\"http://a:0\""),
         "7:30: error: 'http://a:0' is not an endpoint: there is no port 0\n"},
        {BACKEND("\"http://[::1]:0\""),
         "7:30: error: 'http://[::1]:0' is not an endpoint: there is no port 0\n"},
        {BACKEND("{ url: \"ftp://a\", weight: 2 }"),
         "7:37: error: 'ftp://a' is not an endpoint: it must begin with http:// or https://\n"},
        {BACKEND("\"http://a/\", \"http://[::1]/\", \"http://a:1/\""), ""},
        {VALID "backends: { a: { endpoints: [\"http://a\"], host: \"a/b\" } }\n",
         "7:49: error: 'host' must be preserve or a host name, not 'a/b'\n"},
        {VALID "backends: { a: { endpoints: [\"http://a\"], host: from_endpoint } }\n",
         "7:49: error: 'host: from_endpoint' is not supported yet\n"},
    };

    CHECK_CASES(cases);
}

TEST(what_an_identity_header_says_can_mean_only_that)
{
    static const struct problem_case cases[] = {
        {LISTENER_WITH NO_CERTIFICATE
         "    identity_headers:\n"
         "      - { name: X-A, format: pem_url, elements: [hash] }\n"
         "      - { name: X-B, format: sha1, by: \"spiffe://a/b\" }\n"
         "      - { name: X-C, format: xfcc, elements: [hash, xfcc_hash] }\n"
         "      - { name: X-D, format: xfcc, by: gateway }\n"
         "      - { name: X-E, format: xfcc, by: \"spiffe://a/b;Hash=00\" }\n"
         "      - { name: x-client-cert-verification, format: subject }\n"
         "      - { name: X-F, format: xfcc_hash }\n",
         "8:49: error: 'elements' belongs to the format xfcc alone\n"
         "9:40: error: 'by' belongs to the format xfcc alone\n"
         "10:53: error: 'xfcc_hash' is not hash, cert, chain, subject, uri or dns\n"
         "11:40: error: 'gateway' is not a URI such as spiffe://example.com/gateway, without , ; = "
         "or quotes\n"
         "12:40: error: 'spiffe://a/b;Hash=00' is not a URI such as spiffe://example.com/gateway, "
         "without , ; = or quotes\n"
         "13:53: error: 'x-client-cert-verification' carries the format verification and no "
         "other\n"
         "14:30: error: there is no format 'xfcc_hash'\n"},
        {LISTENER_WITH NO_CERTIFICATE "    identity_headers: [alb, "
                                      "{ name: X-AMZN-MTLS-CLIENTCERT-LEAF, format: pem_url }]\n",
         "7:29: error: the header 'X-AMZN-MTLS-CLIENTCERT-LEAF' is in this list twice\n"},
    };

    CHECK_CASES(cases);
}

TEST(identity_headers_have_names_that_nothing_else_uses)
{
    static const struct problem_case cases[] = {
        {LISTENER_WITH NO_CERTIFICATE "    identity_headers: [client-crt, no-such-thing-at-all]\n",
         "7:24: error: there is no identity header 'client-crt'; did you mean 'client-cert'?\n"
         "7:36: error: there is no identity header 'no-such-thing-at-all'; for a name of your own "
         "write { name: NAME, format: FORMAT }\n"},
        {LISTENER_WITH NO_CERTIFICATE
         "    identity_headers: [client-cert, { name: CLIENT-CERT, format: sha1 }, client-cert]\n",
         "7:37: error: the header 'CLIENT-CERT' is in this list twice\n"
         "7:74: error: the header 'Client-Cert' is in this list twice\n"},
        {LISTENER_WITH NO_CERTIFICATE "    identity_headers:\n"
                                      "      - { name: X_Cert, format: pem_url }\n"
                                      "      - { name: Transfer-Encoding, format: pem_url }\n"
                                      "      - { name: host, format: pem_url }\n"
                                      "      - { name: AUTHORIZATION, format: pem_url }\n"
                                      "      - { name: X-Forwarded-For, format: pem_url }\n"
                                      "      - { name: X-A, format: pem-url }\n"
                                      "      - { name: X-B, format: nothing_of_the_kind }\n"
                                      "      - { name: X-Forwarded-Client-Cert, format: none }\n",
         "8:17: error: 'X_Cert' is not the name of a header: letters, digits and '-' only\n"
         "9:17: error: 'Transfer-Encoding' has another use and cannot carry an identity\n"
         "10:17: error: 'host' has another use and cannot carry an identity\n"
         "11:17: error: 'AUTHORIZATION' has another use and cannot carry an identity\n"
         "12:17: error: 'X-Forwarded-For' has another use and cannot carry an identity\n"
         "13:30: error: there is no format 'pem-url'; did you mean 'pem_url'?\n"
         "14:30: error: there is no format 'nothing_of_the_kind'\n"
         "15:50: error: there is no format 'none'\n"},
    };

    CHECK_CASES(cases);
}

/* --- References ------------------------------------------------------------------------------- */

TEST(a_name_that_nothing_has_is_answered_with_the_nearest)
{
    static const struct problem_case cases[] = {
        {HEAD "  - address: \":8443\"\n    tls: publik\n" NO_CERTIFICATE ROUTES
              "tls_profiles: { public: { certificates: [{ chain: c, key: k }] } }\n",
         "4:10: error: there is no TLS profile 'publik'; did you mean 'public'?\n"},
        {HEAD "  - address: \":8443\"\n    tls: public\n" NO_CERTIFICATE ROUTES,
         "4:10: error: there is no TLS profile 'public'\n"},
        {LISTENER_WITH "    client_certificate: { trust: ca.pem }\n",
         "6:34: error: there is no trust profile 'ca.pem'; for a file write it in a list: "
         "[FILE]\n"},
        {LISTENER_WITH "    client_certificate: { trust: partner }\n"
                       "trust_profiles: { partners: { anchors: [p.pem] } }\n",
         "6:34: error: there is no trust profile 'partner'; did you mean 'partners'?\n"},
        {HEAD "  - address: \":8443\"\n" TLS NO_CERTIFICATE "    routes: [{ backend: ap }]\n"
              "backends: { app: { endpoints: [\"http://a\"] } }\n",
         "6:25: error: there is no backend 'ap'; did you mean 'app'?\n"},
        {HEAD "  - address: \":8443\"\n" TLS NO_CERTIFICATE
              "    routes: [{ backend: \"127.0.0.1:80\" }]\n",
         "6:25: error: there is no backend '127.0.0.1:80'; for a URL begin with http:// or "
         "https://\n"},
        {HEAD "  - address: \":8443\"\n" TLS NO_CERTIFICATE
              "    routes: [{ backend: \"https://a\" }]\n",
         ""},
    };

    CHECK_CASES(cases);
}

#define BACKEND_TLS(tls) VALID "backends: { a: { endpoints: [\"https://a\"], tls: " tls " } }\n"

#define BACKEND_SIGNATURE(settings)                                                                \
    VALID "backends: { a: { endpoints: [\"http://a\"], signature: " settings " } }\n"

TEST(the_signature_of_a_backend_is_read_strictly)
{
    static const struct problem_case cases[] = {
        {BACKEND_SIGNATURE("{ algorithm: hmac-sha256, key: k, keyid: a }"), ""},
        {BACKEND_SIGNATURE("{ key: k, keyid: a }"), "7:54: error: 'algorithm' is missing\n"},
        {BACKEND_SIGNATURE("{ algorithm: hmac-sha256, keyid: a }"),
         "7:54: error: 'key' is missing\n"},
        {BACKEND_SIGNATURE("{ algorithm: hmac-sha256, key: k }"),
         "7:54: error: 'keyid' is missing\n"},
        {BACKEND_SIGNATURE("{ algorithm: rsa-v1_5-sha256, key: k, keyid: a }"),
         "7:67: error: 'algorithm' must be ecdsa-p256-sha256 or hmac-sha256, not "
         "'rsa-v1_5-sha256'\n"},
        {BACKEND_SIGNATURE("{ algorithm: hmac-sha256, key: k, keyid: \"a b\" }"),
         "7:95: error: 'a b' is not the name of a key: 1 to 100 printable characters without "
         "blanks, quotes and backslashes\n"},
        {BACKEND_SIGNATURE("{ algorithm: hmac-sha256, key: k, keyid: a, expires: 61s }"),
         "7:107: error: 'expires' is 61s; it must be between 1s and 1m\n"},
        {VALID "backends: { a: { endpoints: [\"http://a\", \"https://b\"], signature: { "
               "algorithm: hmac-sha256, key: k, keyid: a } } }\n",
         "7:56: error: 'signature' needs endpoints that all begin with https://, or none\n"},
    };

    CHECK_CASES(cases);
}

TEST(tls_of_a_backend_is_read_strictly)
{
    static const struct problem_case cases[] = {
        {BACKEND_TLS("{ trust: [ca.pem], server_name: app.internal, certificate: { chain: c, key: "
                     "k }, policy: { min_version: \"1.3\" } }"),
         ""},
        {BACKEND_TLS("{ trust: [] }"),
         "7:58: error: 'trust' is empty; leave it out for the CA certificates of the system\n"},
        {BACKEND_TLS("{ trust: ca.pem }"),
         "7:58: error: 'trust' must be a list of files, not 'ca.pem'\n"},
        {BACKEND_TLS("{ verify: false }"), "7:51: error: unknown setting 'verify'; known here: "
                                           "trust, server_name, certificate, policy\n"},
        {BACKEND_TLS("{ server_name: \"a:1\" }"), "7:64: error: 'a:1' is not a host name\n"},
        {BACKEND_TLS("{ certificate: { chain: c } }"), "7:64: error: 'key' is missing\n"},
        {BACKEND_TLS("{ certificate: [] }"), "7:64: error: 'certificate' must be a mapping with "
                                             "chain and key, directory, or pfx, not a list\n"},
        {BACKEND_TLS("{ policy: SSLv3 }"),
         "7:59: error: there is no policy 'SSLv3'; it may be a mapping, AppGwSslPolicy20150501, "
         "AppGwSslPolicy20170401, AppGwSslPolicy20170401S, AppGwSslPolicy20220101 or "
         "AppGwSslPolicy20220101S\n"},
        {BACKEND_TLS("off"), "7:49: error: 'tls' must be a mapping, not 'off'\n"},
        {VALID "backends: { a: { endpoints: [\"http://a\"], tls: { trust: [ca.pem] } } }\n",
         "7:43: error: 'tls' has no effect: no endpoint begins with https://\n"},
    };

    CHECK_CASES(cases);
}

#define BACKEND_WITH(more) VALID "backends: { a: { endpoints: [\"http://a\"], " more " } }\n"

#define LABEL_OF_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

TEST(the_host_of_an_endpoint_is_a_name_or_an_address)
{
    static const struct problem_case cases[] = {
        {BACKEND("\"http://no-such_host.invalid\""), ""},
        {BACKEND("\"http://4.a\""), ""},
        {BACKEND("\"http://127.0.0.256\""),
         "7:30: error: 'http://127.0.0.256' is not an endpoint: it ends with a number, as no name "
         "does, and is no address either\n"},
        {BACKEND("\"http://" LABEL_OF_64 "\""),
         "7:30: error: 'http://" LABEL_OF_64 "' is not an endpoint: between the dots of a name are "
         "1 to 63 characters\n"},
    };

    CHECK_CASES(cases);
}

#define RESOLVER(more) VALID "resolver: { " more " }\n"

TEST(name_servers_are_addresses_and_times_have_limits)
{
    static const struct problem_case cases[] = {
        {RESOLVER("servers: [192.0.2.53, \"192.0.2.53:5353\", \"2001:db8::53\", "
                  "\"[2001:db8::53]:5353\"], timeout: 50ms, attempts: 10, min_ttl: 100ms, max_ttl: "
                  "24h, search: false"),
         ""},
        {RESOLVER("min_ttl: 1h"), ""},
        {RESOLVER("servers: [dns.example.com]"),
         "7:23: error: 'dns.example.com' is not the address of a name server: it must be like "
         "192.0.2.53, 192.0.2.53:5353, 2001:db8::53 or [2001:db8::53]:5353\n"},
        {RESOLVER("servers: [\":53\"]"),
         "7:23: error: ':53' is not the address of a name server: it must be like 192.0.2.53, "
         "192.0.2.53:5353, 2001:db8::53 or [2001:db8::53]:5353\n"},
        {RESOLVER("servers: [\"192.0.2.53:0\"]"),
         "7:23: error: '192.0.2.53:0' is not the address of a name server: it must be like "
         "192.0.2.53, 192.0.2.53:5353, 2001:db8::53 or [2001:db8::53]:5353\n"},
        {RESOLVER("servers: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, "
                  "10.0.0.8, 10.0.0.9]"),
         "7:22: error: 'servers' has 9 name servers; the limit is 8\n"},
        {RESOLVER("timeout: 49ms"),
         "7:22: error: 'timeout' is 49ms; it must be between 50ms and 1m\n"},
        {RESOLVER("attempts: 0"), "7:23: error: 'attempts' is 0; it must be between 1 and 10\n"},
        {RESOLVER("min_ttl: 99ms"),
         "7:22: error: 'min_ttl' is 99ms; it must be between 100ms and 24h\n"},
        {RESOLVER("min_ttl: 10s, max_ttl: 9s"), "7:36: error: 'max_ttl' is lower than 'min_ttl'\n"},
        {RESOLVER("min_ttl: 2h"), "7:22: error: 'max_ttl' is lower than 'min_ttl'\n"},
        {RESOLVER("search: maybe"), "7:21: error: 'search' must be true or false, not 'maybe'\n"},
        {RESOLVER("server: [192.0.2.53]"),
         "7:13: error: unknown setting 'server'; did you mean 'servers'?\n"},
        {VALID "resolver: 192.0.2.53\n",
         "7:11: error: 'resolver' must be a mapping, not '192.0.2.53'\n"},
    };

    CHECK_CASES(cases);
}

TEST(queue_balance_and_ejection_of_a_backend_have_limits)
{
    static const struct problem_case cases[] = {
        {BACKEND_WITH("balance: least_requests, queue: { size: 0, timeout: 1ms }, ejection: { "
                      "failures: 0, time: 1h, max_time: 1h, max_share: 100 }"),
         ""},
        {BACKEND_WITH("balance: random"),
         "7:52: error: 'balance' must be round_robin or least_requests, not 'random'\n"},
        {BACKEND_WITH("queue: { size: -1, timeout: 0s }"),
         "7:58: error: 'size' must be a whole number, not '-1'\n"
         "7:71: error: 'timeout' is 0s; it must be between 1ms and 1h\n"},
        {BACKEND_WITH("queue: { sise: 1 }"),
         "7:52: error: unknown setting 'sise'; did you mean 'size'?\n"},
        {BACKEND_WITH("queue: 10"), "7:50: error: 'queue' must be a mapping, not '10'\n"},
        {BACKEND_WITH("ejection: { failures: 1001, time: 10, max_share: 101 }"),
         "7:65: error: 'failures' is 1001; it must be between 0 and 1000\n"
         "7:77: error: 'time' has no unit: write 10s, or ms, m or h\n"
         "7:92: error: 'max_share' is 101; it must be between 1 and 100\n"},
        {BACKEND_WITH("ejection: { max_share: 0 }"),
         "7:66: error: 'max_share' is 0; it must be between 1 and 100\n"},
        {BACKEND_WITH("ejection: { time: 2m, max_time: 1m }"),
         "7:75: error: 'max_time' is lower than 'time'\n"},
        {BACKEND_WITH("ejection: { time: 6m }"), "7:61: error: 'max_time' is lower than 'time'\n"},
        {BACKEND("{ url: \"http://a\", weight: 0 }"),
         "7:57: error: 'weight' is 0; it must be between 1 and 1000\n"},
        {BACKEND("{ url: \"http://a\", weight: 1001 }"),
         "7:57: error: 'weight' is 1001; it must be between 1 and 1000\n"},
        {BACKEND("{ url: \"http://a\", weight: heavy }"),
         "7:57: error: 'weight' must be a whole number, not 'heavy'\n"},
    };

    CHECK_CASES(cases);
}

/* One mistake is one error, wherever else it would be felt. */
TEST(what_was_refused_in_its_place_is_not_refused_where_it_is_used)
{
    static const struct problem_case cases[] = {
        {HEAD "  - address: \":8443\"\n    tls: a\n" NO_CERTIFICATE ROUTES "tls_profiles: { a: }\n",
         "7:17: error: 'a' must be a mapping, not nothing\n"},
        {LISTENER_WITH "    client_certificate: { mode: requird }\n",
         "6:33: error: 'mode' must be required, optional, unverified or none, not 'requird'\n"},
        {LISTENER_WITH "    client_certificate: { mod: none }\n",
         "6:27: error: unknown setting 'mod'; did you mean 'mode'?\n"},
        {LISTENER_WITH "    client_certifcate: { mode: none }\n",
         "6:5: error: unknown setting 'client_certifcate'; did you mean 'client_certificate'?\n"},
        {LISTENER_WITH "    client_certificate: { trust: [] }\n",
         "6:34: error: 'trust' is empty\n"},
        {HEAD "  - address: \":8443\"\n" TLS NO_CERTIFICATE "    routes:\n"
              "      - { backend: \"http://a\", client_certificate: { mode: requird } }\n"
              "      - 7\n",
         "7:60: error: 'mode' must be required, optional, unverified or none, not 'requird'\n"
         "8:9: error: each of 'routes' must be a mapping, not '7'\n"},
        {VALID "limits: { request_target_size: x, request_header_size: 1KiB }\n",
         "7:32: error: 'request_target_size' must be a size such as 64KiB, not 'x'\n"},
    };

    CHECK_CASES(cases);
}

/* --- Client certificates ---------------------------------------------------------------------- */

TEST(a_mode_that_judges_needs_trust_and_no_other_takes_it)
{
    static const struct problem_case cases[] = {
        {LISTENER_WITH, "3:5: error: mode required needs 'trust' in 'client_certificate': the "
                        "certificates of the CAs that issue the clients'\n"},
        {LISTENER_WITH "    client_certificate: {}\n",
         "6:25: error: mode required needs 'trust' in 'client_certificate': the certificates of "
         "the CAs that issue the clients'\n"},
        {LISTENER_WITH "    client_certificate: { mode: optional }\n",
         "6:33: error: mode optional needs 'trust' in 'client_certificate': the certificates of "
         "the CAs that issue the clients'\n"},
        {LISTENER_WITH "    client_certificate: { mode: unverified, trust: [a] }\n",
         "6:52: error: 'trust' has no effect with mode unverified\n"},
        {LISTENER_WITH "    client_certificate: { mode: none, trust: [a] }\n",
         "6:46: error: 'trust' has no effect with mode none\n"},
        {LISTENER_WITH "    client_certificate: { mode: unverified, on_failure: alert }\n",
         "6:57: error: 'on_failure: alert' has no effect with mode unverified\n"},
        {LISTENER_WITH "    client_certificate: { mode: none, on_failure: alert }\n",
         "6:51: error: 'on_failure: alert' has no effect with mode none\n"},
        {LISTENER_WITH "    client_certificate: { mode: none, ask: on_demand }\n",
         "6:44: error: 'ask: on_demand' is not supported yet\n"},
    };

    CHECK_CASES(cases);
}

#define LISTENER_THAT(certificate)                                                                 \
    HEAD "  - address: \":8443\"\n" TLS "    client_certificate: " certificate "\n    routes:\n"
#define ROUTE(rest)       "      - { backend: \"http://a\", " rest " }\n"
#define REVOCATION(place) place ": warning: revocation is not checked\n"

TEST(a_route_cannot_demand_what_its_listener_does_not_ask_for)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ mode: none }")
             ROUTE("client_certificate: { mode: required, trust: [a] }"),
         "7:60: error: the listener does not ask for a certificate: set its mode to optional, and "
         "'mode: none' where none is wanted\n"
         "7:77: warning: revocation is not checked\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("client_certificate: { mode: unverified }"),
         "7:60: error: the listener does not ask for a certificate: set its mode to optional, and "
         "'mode: none' where none is wanted\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("client_certificate: { trust: [a] }"),
         "7:61: error: 'trust' has no effect with mode none\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("client_certificate: { mode: none }"), ""},
        {LISTENER_THAT("{ mode: none }") ROUTE("client_certificate: {}"), ""},
    };

    CHECK_CASES(cases);
}

TEST(a_route_has_trust_or_inherits_it)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ mode: unverified }") ROUTE("client_certificate: { mode: required }"),
         "7:60: error: mode required needs 'trust': neither the route nor its listener has it\n"},
        {LISTENER_THAT("{ mode: unverified }")
             ROUTE("client_certificate: { mode: optional, trust: [a] }"),
         "7:77: warning: revocation is not checked\n"},
        {LISTENER_THAT("{ trust: [a] }") ROUTE("client_certificate: { mode: optional }"),
         REVOCATION("5:34")},
        {LISTENER_THAT("{ trust: [a] }") ROUTE("client_certificate: { mode: unverified }"),
         REVOCATION("5:34")},
        {LISTENER_THAT("{ trust: [a] }") ROUTE("client_certificate: { mode: none, trust: [b] }"),
         REVOCATION("5:34") "7:73: error: 'trust' has no effect with mode none\n"},
        {LISTENER_THAT("{ trust: [a] }") ROUTE("client_certificate: { trust: [b] }"),
         REVOCATION("5:34") REVOCATION("7:61")},
    };

    CHECK_CASES(cases);
}

TEST(an_alert_in_the_handshake_leaves_no_route_with_less)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ trust: [a], on_failure: alert }")
             ROUTE("client_certificate: { mode: none }"),
         REVOCATION("5:34") "7:60: error: 'on_failure: alert' ends the handshake before the route "
                            "is known, so no route can ask for less than its listener\n"},
        {LISTENER_THAT("{ trust: [a], on_failure: alert, mode: optional }")
             ROUTE("client_certificate: { mode: unverified }"),
         REVOCATION("5:34") "7:60: error: 'on_failure: alert' ends the handshake before the route "
                            "is known, so no route can ask for less than its listener\n"},
        {LISTENER_THAT("{ trust: [a], on_failure: alert, mode: optional }")
             ROUTE("client_certificate: { mode: required }"),
         REVOCATION("5:34")},
    };

    CHECK_CASES(cases);
}

TEST(what_is_of_the_listener_is_refused_on_a_route)
{
    check_text(
        slice_from_text(LISTENER_THAT("{ mode: none }") ROUTE(
            "client_certificate: { on_failure: http, ask: handshake, error_detail: generic }")),
        "7:54: error: 'on_failure' is a setting of the listener's client_certificate alone\n"
        "7:72: error: 'ask' is a setting of the listener's client_certificate alone\n"
        "7:88: error: 'error_detail' is a setting of the listener's client_certificate "
        "alone\n");
}

TEST(only_an_unverified_route_forwards_what_nobody_verified)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ trust: [a] }") ROUTE("unverified: true"),
         REVOCATION("5:34") "7:44: error: 'unverified: true' needs mode unverified, and the mode "
                            "is required\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("unverified: true"),
         "7:44: error: 'unverified: true' needs mode unverified, and the mode is none\n"},
        {LISTENER_THAT("{ mode: unverified }") ROUTE("unverified: true"), ""},
        {LISTENER_THAT("{ trust: [a] }") ROUTE("unverified: false"), REVOCATION("5:34")},
    };

    CHECK_CASES(cases);
}

TEST(an_exemption_names_whole_segments)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ trust: [a] }")
             ROUTE("paths: [\"/health*\", \"/ok/*\", \"/a\"], client_certificate: { mode: none }"),
         REVOCATION("5:34") "7:40: error: '/health*' ends in the middle of a segment; a route that "
                            "asks for less than "
                            "its listener must name whole segments, as in '/name' or '/name/*'\n"},
        {LISTENER_THAT("{ trust: [a] }") ROUTE("paths: [\"/health*\"]"), REVOCATION("5:34")},
        {LISTENER_THAT("{ trust: [a] }")
             ROUTE("paths: [\"*\"], client_certificate: { mode: none }"),
         REVOCATION("5:34")},
    };

    CHECK_CASES(cases);
}

TEST(a_trust_profile_in_use_is_warned_of_once)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ trust: p }") ROUTE("paths: [/a], client_certificate: { trust: p }")
             ROUTE("paths: [/b], client_certificate: { trust: q }") ROUTE(
                 "paths: [/c], client_certificate: { trust: q }") "trust_profiles:\n  p: { "
                                                                  "anchors: [p] }\n  q: { anchors: "
                                                                  "[q] }\n  r: { anchors: [r] }\n",
         "11:6: warning: revocation is not checked for 'p'\n"
         "12:6: warning: revocation is not checked for 'q'\n"},
        {LISTENER_THAT("{ mode: unverified }")
             ROUTE("paths: [/a]") "trust_profiles: { p: { anchors: [p] } }\n",
         ""},
    };

    CHECK_CASES(cases);
}

/* --- Routes and listeners --------------------------------------------------------------------- */

TEST(a_route_behind_one_that_takes_everything_is_never_reached)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ mode: none }") ROUTE("paths: [/a]") ROUTE("name: all")
             ROUTE("paths: [/b]") ROUTE("name: c"),
         "9:9: warning: route 'route-3' is never reached: route 'all' on line 8 takes every "
         "request\n"
         "10:9: warning: route 'c' is never reached: route 'all' on line 8 takes every request\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("paths: [/b, \"*\"]") ROUTE("name: c"),
         "8:9: warning: route 'c' is never reached: route 'route-1' on line 7 takes every "
         "request\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("paths: [\"/*\"]") ROUTE("name: c"),
         "8:9: warning: route 'c' is never reached: route 'route-1' on line 7 takes every "
         "request\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("methods: [GET]") ROUTE("name: c"), ""},
        {LISTENER_THAT("{ mode: none }") ROUTE("paths: [\"/a/*\"]") ROUTE("name: c"), ""},
        /* An exemption does not take paths with a ';'. */
        {LISTENER_THAT("{ mode: unverified }") ROUTE("client_certificate: { mode: none }")
             ROUTE("name: c"),
         "8:9: warning: route 'c' is reached only by paths with a ';' or in another spelling: "
         "route 'route-1' on line 7 takes every other request\n"},
    };

    CHECK_CASES(cases);
}

TEST(paths_and_methods_are_ones_that_can_match)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ mode: none }") ROUTE("paths: [a, \"/a*b\", /a, /a]"),
         "7:40: error: path pattern 'a' does not begin with '/'\n"
         "7:43: error: path pattern '/a*b' has a '*' that is not its last character\n"
         "7:55: error: '/a' is in this list twice; the first is on line 7\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("methods: [get, \"GE T\", GET, GET]"),
         "7:42: error: 'get' is not a method; methods are like GET, in upper case\n"
         "7:47: error: 'GE T' is not a method; methods are like GET, in upper case\n"
         "7:60: error: 'GET' is in this list twice; the first is on line 7\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("paths: []") ROUTE("methods: []"),
         "7:39: error: 'paths' is empty; leave it out for every path\n"
         "8:41: error: 'methods' is empty; leave it out for every method\n"},
    };

    CHECK_CASES(cases);
}

TEST(names_are_given_once)
{
    static const struct problem_case cases[] = {
        {LISTENER_THAT("{ mode: none }") ROUTE("name: a, paths: [/a]") ROUTE("name: a"),
         "8:38: error: the route name 'a' is used twice; the first is on line 7\n"},
        {LISTENER_THAT("{ mode: none }") ROUTE("name: route-2, paths: [/a]") ROUTE("methods: [A]"),
         "8:9: error: the route name 'route-2' is used twice; the first is on line 7\n"},
        {HEAD "  - name: a\n    address: \":1\"\n" TLS NO_CERTIFICATE ROUTES
              "  - name: a\n    address: \":2\"\n" TLS NO_CERTIFICATE ROUTES,
         "8:11: error: the listener name 'a' is used twice; the first is on line 3\n"},
    };

    CHECK_CASES(cases);
}

#define AT(address, hosts) "  - address: \"" address "\"\n" TLS NO_CERTIFICATE ROUTES hosts

TEST(a_host_of_an_address_is_served_by_one_listener)
{
    static const struct problem_case cases[] = {
        {HEAD AT(":1", "") AT(":1", ""),
         "7:14: error: listener 'listener-1' on line 3 serves every host of ':1' already: set "
         "'hosts' on one of the two\n"},
        {HEAD AT(":1", "") AT("[::]:1", ""),
         "7:14: error: listener 'listener-1' on line 3 serves every host of '[::]:1' already: set "
         "'hosts' on one of the two\n"},
        {HEAD AT("127.0.0.1:1", "    hosts: [a.example, b.example]\n")
             AT("127.0.0.1:1", "    hosts: [c.example, B.Example.]\n"),
         "12:24: error: host 'B.Example.' of '127.0.0.1:1' is served by listener 'listener-1' on "
         "line 3 already\n"},
        {HEAD AT(":1", "    hosts: [a.example, A.example]\n"),
         "7:24: error: host 'A.example' of ':1' is served by listener 'listener-1' on line 3 "
         "already\n"},
        {HEAD AT(":1", "    hosts: [\"*.example\"]\n") AT(":1", "    hosts: [a.example]\n")
             AT(":1", "") AT(":2", ""),
         ""},
    };

    CHECK_CASES(cases);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(a_valid_configuration_has_no_problem),
        cmocka_unit_test(what_is_not_yaml_is_refused_where_the_parser_gave_up),
        cmocka_unit_test(a_value_is_on_one_line_with_simple_quotes),
        cmocka_unit_test(a_document_is_one_mapping),
        cmocka_unit_test(bytes_that_are_no_text_are_refused_with_their_place),
        cmocka_unit_test(characters_of_every_size_are_text),
        cmocka_unit_test(columns_are_counted_in_characters),
        cmocka_unit_test(anchors_aliases_and_tags_are_refused),
        cmocka_unit_test(a_name_is_set_once_and_is_text), cmocka_unit_test(a_document_has_limits),
        cmocka_unit_test(more_than_a_hundred_problems_are_counted),
        cmocka_unit_test(nothing_is_written_to_standard_error),
        cmocka_unit_test(an_unknown_setting_is_answered_with_the_nearest_known),
        cmocka_unit_test(what_is_required_is_missed_once),
        cmocka_unit_test(only_version_1_is_known),
        cmocka_unit_test(problems_come_in_order_of_appearance),
        cmocka_unit_test(values_with_a_grammar_of_their_own_say_what_it_is),
        cmocka_unit_test(tls_profiles_that_make_no_sense_are_refused),
        cmocka_unit_test(a_certificate_comes_in_one_form_only),
        cmocka_unit_test(a_demand_for_some_methods_warns_of_the_others),
        cmocka_unit_test(a_service_that_knows_its_own_name_only_is_warned_of),
        cmocka_unit_test(a_predefined_policy_has_a_name_and_may_lose_something),
        cmocka_unit_test(anchors_are_files_that_are_named),
        cmocka_unit_test(an_endpoint_is_scheme_host_and_port),
        cmocka_unit_test(what_an_identity_header_says_can_mean_only_that),
        cmocka_unit_test(identity_headers_have_names_that_nothing_else_uses),
        cmocka_unit_test(a_name_that_nothing_has_is_answered_with_the_nearest),
        cmocka_unit_test(the_signature_of_a_backend_is_read_strictly),
        cmocka_unit_test(tls_of_a_backend_is_read_strictly),
        cmocka_unit_test(queue_balance_and_ejection_of_a_backend_have_limits),
        cmocka_unit_test(the_host_of_an_endpoint_is_a_name_or_an_address),
        cmocka_unit_test(name_servers_are_addresses_and_times_have_limits),
        cmocka_unit_test(what_was_refused_in_its_place_is_not_refused_where_it_is_used),
        cmocka_unit_test(a_mode_that_judges_needs_trust_and_no_other_takes_it),
        cmocka_unit_test(a_route_cannot_demand_what_its_listener_does_not_ask_for),
        cmocka_unit_test(a_route_has_trust_or_inherits_it),
        cmocka_unit_test(an_alert_in_the_handshake_leaves_no_route_with_less),
        cmocka_unit_test(what_is_of_the_listener_is_refused_on_a_route),
        cmocka_unit_test(only_an_unverified_route_forwards_what_nobody_verified),
        cmocka_unit_test(an_exemption_names_whole_segments),
        cmocka_unit_test(a_trust_profile_in_use_is_warned_of_once),
        cmocka_unit_test(a_route_behind_one_that_takes_everything_is_never_reached),
        cmocka_unit_test(paths_and_methods_are_ones_that_can_match),
        cmocka_unit_test(names_are_given_once),
        cmocka_unit_test(a_host_of_an_address_is_served_by_one_listener));
}
