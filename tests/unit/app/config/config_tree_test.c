/* SPDX-License-Identifier: Apache-2.0
 *
 * Configurations of several files: what is put together, where problems are said to be, and what is
 * refused.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config/config.h"
#include "app/config/config_tree_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

/* Every test has a directory of its own, and leaves it to this one to remove what it made. */
static char directory[64];
static char *made[64];
static size_t made_count;

static int begin(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/sallyport-tree-XXXXXX");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    while (made_count > 0) {
        made_count--;
        remove(made[made_count]);
        memory_release(made[made_count]);
    }
    return rmdir(directory);
}

static void make_directory(const char *name)
{
    made[made_count] = memory_format("%s/%s", directory, name);
    assert_int_equal(mkdir(made[made_count], 0700), 0);
    made_count++;
}

static void write_file(const char *name, const char *text)
{
    struct error error = {0};

    made[made_count] = memory_format("%s/%s", directory, name);
    if (!file_write_private(made[made_count], slice_from_text(text), &error))
        fail_msg("%s", error.text);
    made_count++;
}

static struct config *load(const char *name)
{
    char *path = memory_format("%s%s%s", directory, name[0] == '\0' ? "" : "/", name);
    struct config *config = config_load_file(path);

    memory_release(path);
    return config;
}

/* "FILE:LINE:COLUMN: TEXT\n", the file seen from the directory. */
static char *list_problems(const struct config *config)
{
    const struct config_problems *problems = config_problems(config);
    size_t prefix = strlen(directory);
    char *list = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&list, &size);

    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        const char *text = problem->text;
        const char *found;

        assert_memory_equal(problem->file, directory, prefix);
        fprintf(stream, "%s:%u:%u: ", problem->file + prefix, problem->line, problem->column);
        for (found = strstr(text, directory); found != NULL; found = strstr(text, directory)) {
            fprintf(stream, "%.*s", (int)(found - text), text);
            text = found + prefix;
        }
        fprintf(stream, "%s\n", text);
    }
    fclose(stream);
    return list;
}

static void expect_problems(const char *name, const char *expected)
{
    struct config *config = load(name);
    char *problems = list_problems(config);

    if (strcmp(problems, expected) != 0)
        fail_msg("expected:\n%sfound:\n%s", expected, problems);
    assert_true((config_settings(config) == NULL) == (config_problems(config)->errors > 0));
    free(problems);
    config_destroy(config);
}

#define TLS "    tls: { certificates: [{ chain: s.pem, key: s.key }] }\n"
#define LISTENER(address, backend)                                                                 \
    "  - address: \"" address "\"\n" TLS "    client_certificate: { mode: none }\n"                \
    "    routes: [{ backend: " backend " }]\n"
#define URL   "\"http://127.0.0.1:8080\""
#define VALID "version: 1\nlisteners:\n" LISTENER(":1", URL)

TEST(what_is_included_is_put_behind_what_includes_it)
{
    struct config *config;
    const struct generation_settings *settings;
    char *path;

    make_directory("conf.d");
    write_file("main.yaml",
               "version: 1\ninclude: [conf.d/*.yaml, more.yaml]\nlisteners:\n" LISTENER(
                   ":1", "app") "workers: 3\n");
    write_file("conf.d/b.yaml", "listeners:\n" LISTENER(":3", URL) "limits: { connections: 5 }\n");
    write_file("conf.d/a.yaml", "version: 1\nlisteners:\n" LISTENER(":2", "app"));
    write_file("conf.d/.hidden.yaml", "wrong");
    write_file("conf.d/other.txt", "wrong");
    write_file("more.yaml", "backends: { app: { endpoints: [" URL "] } }\n");
    expect_problems("main.yaml", "");

    config = load("main.yaml");
    settings = config_settings(config);
    assert_int_equal(settings->listener_count, 3);
    assert_string_equal(settings->listeners[0].address, ":1");
    assert_string_equal(settings->listeners[1].address, ":2");
    assert_string_equal(settings->listeners[2].address, ":3");
    assert_string_equal(settings->listeners[2].name, "listener-3");
    assert_ptr_equal(settings->listeners[0].routes[0].backend,
                     settings->listeners[1].routes[0].backend);
    assert_int_equal(settings->limits.connections, 5);
    assert_int_equal(settings->workers, 3);
    path = memory_format("%s/conf.d/a.yaml", directory);
    assert_string_equal(settings->listeners[1].position.file, path);
    assert_int_equal(settings->listeners[1].position.line, 3);
    memory_release(path);
    path = memory_format("%s/conf.d/s.pem", directory);
    assert_string_equal(settings->listeners[1].tls->certificates[0].chain, path);
    memory_release(path);
    config_destroy(config);
}

TEST(all_that_was_read_and_searched_is_to_be_watched)
{
    static const char *const expected[] = {"/main.yaml", "/conf.d/.", "/conf.d/a.yaml"};
    const struct generation_settings *settings;
    struct config *config;

    make_directory("conf.d");
    write_file("main.yaml", VALID "include: [\"conf.d/*.yaml\"]\n");
    write_file("conf.d/a.yaml", "workers: 2\n");
    config = load("main.yaml");
    settings = config_settings(config);
    assert_int_equal(settings->source_file_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(settings->source_files[i] + strlen(directory), expected[i]);
    config_destroy(config);
}

TEST(a_pattern_may_match_nothing_and_a_file_must_be_there)
{
    make_directory("conf.d");
    write_file("main.yaml", VALID "include: [\"conf.d/*.yaml\"]\n");
    write_file("missing.yaml", VALID "include: [conf.d/a.yaml, \"none/*\", \"*/a.yaml\"]\n");
    write_file("folder.yaml", VALID "include: [conf.d]\n");
    expect_problems("main.yaml", "");
    expect_problems(
        "missing.yaml",
        "/missing.yaml:7:11: '/conf.d/a.yaml' cannot be opened: No such file or directory\n"
        "/missing.yaml:7:26: directory '/none' cannot be opened: No such file or directory\n"
        "/missing.yaml:7:36: only the last part of a path may hold '*', '?' or '['\n");
    expect_problems("folder.yaml", "/folder.yaml:7:11: '/conf.d' is not a regular file\n");
}

TEST(what_is_said_twice_is_refused_with_both_places)
{
    write_file("main.yaml", "version: 1\ninclude: [a.yaml]\nlisteners:\n" LISTENER(
                                ":1", "x") "backends: { x: { endpoints: [" URL
                                           "] } }\nworkers: 2\nlimits: { connections: 1 }\n");
    write_file("a.yaml", "listeners:\n" LISTENER(":1", "x") "workers: 2\nbackends:\n  x: { "
                                                            "endpoints: [" URL
                                                            "] }\nlimits: { drain_time: 1s }\n");
    expect_problems("main.yaml",
                    "/a.yaml:2:14: listener 'listener-1' at /main.yaml:4 serves every host of ':1' "
                    "already: set 'hosts' on one of the two\n"
                    "/a.yaml:6:1: 'workers' is set twice; the first is at /main.yaml:9\n"
                    "/a.yaml:8:3: 'x' is set twice; the first is at /main.yaml:8\n"
                    "/a.yaml:9:1: 'limits' is set twice; the first is at /main.yaml:10\n");
}

TEST(the_names_of_listeners_are_unique_across_files)
{
    write_file("main.yaml",
               "version: 1\ninclude: [a.yaml]\nlisteners:\n" LISTENER(":1", URL) "    name: x\n");
    write_file("a.yaml", "listeners:\n" LISTENER(":2", URL) "    name: x\n");
    expect_problems("main.yaml", "/a.yaml:6:11: the listener name 'x' is used twice; the first is "
                                 "at /main.yaml:4\n");
}

TEST(problems_of_an_included_file_have_its_name_and_come_behind)
{
    write_file("main.yaml", "version: 1\ninclude: [b.yaml, a.yaml]\nlisteners:\n" LISTENER(
                                ":1", URL) "worker: 2\n");
    write_file("a.yaml", "version: 2\nbackend: {}\n");
    write_file("b.yaml", "a: [\n");
    expect_problems("main.yaml",
                    "/main.yaml:8:1: unknown setting 'worker'; did you mean 'workers'?\n"
                    "/b.yaml:2:1: this is not YAML: flow sequence without a closing bracket\n"
                    "/a.yaml:1:10: 'version' is another one than at /main.yaml:1\n"
                    "/a.yaml:2:1: unknown setting 'backend'; did you mean 'backends'?\n");
}

TEST(an_empty_file_is_refused_also_when_it_is_included)
{
    write_file("main.yaml", VALID "include: [a.yaml, b.yaml]\n");
    write_file("a.yaml", "");
    write_file("b.yaml", "# nothing\n");
    expect_problems("main.yaml", "/main.yaml:7:11: '/a.yaml' is empty\n"
                                 "/b.yaml:1:1: the configuration is empty\n");
}

TEST(a_file_is_read_once_so_that_none_includes_itself)
{
    write_file("main.yaml", VALID "include: [a.yaml, a.yaml, ./a.yaml]\n");
    write_file("a.yaml", "include: [main.yaml, b.yaml]\n");
    write_file("b.yaml", "include: [a.yaml]\n");
    expect_problems("main.yaml",
                    "/main.yaml:7:19: '/a.yaml' is included twice; the first is on line 7\n"
                    "/main.yaml:7:27: '/./a.yaml' is included twice; the first is on line 7\n"
                    "/a.yaml:1:11: '/main.yaml' is read already: it is the configuration itself\n"
                    "/b.yaml:1:11: '/a.yaml' is included twice; the first is at /main.yaml:7\n");
}

TEST(files_are_included_to_a_limited_depth)
{
    write_file("main.yaml", VALID "include: [f1.yaml]\n");
    for (int i = 1; i <= INCLUDE_DEPTH_MAX; i++) {
        char *name = memory_format("f%d.yaml", i);
        char *text = memory_format("include: [f%d.yaml]\n", i + 1);

        write_file(name, text);
        memory_release(name);
        memory_release(text);
    }
    expect_problems("main.yaml", "/f8.yaml:1:11: files are included deeper than 8 levels\n");
}

TEST(what_to_include_is_a_list_of_files_everywhere)
{
    write_file("main.yaml", VALID "include: [a.yaml, 7, [b], \"\"]\n");
    write_file("a.yaml", "include: b.yaml\n");
    write_file("b.yaml", VALID "include: c.yaml\n");
    write_file("c.yaml", VALID "include: [d.yaml]\n");
    write_file("d.yaml", "include: [[x], \"\"]\n");
    expect_problems("main.yaml",
                    "/main.yaml:7:19: '/7' cannot be opened: No such file or directory\n"
                    "/main.yaml:7:22: each of 'include' must be text, not a list\n"
                    "/main.yaml:7:27: each of 'include' is empty\n"
                    "/a.yaml:1:10: 'include' must be a list of files\n");
    expect_problems("b.yaml", "/b.yaml:7:10: 'include' must be a list of text, not 'c.yaml'\n");
    expect_problems("c.yaml",
                    "/d.yaml:1:11: each of 'include' must be a file or a pattern of files\n"
                    "/d.yaml:1:16: each of 'include' must be a file or a pattern of files\n");
}

TEST(values_are_expanded_with_the_directory_of_their_file)
{
    make_directory("conf.d");
    write_file("conf.d/token", "inner\n");
    write_file("conf.d/a.yaml", "listeners:\n" LISTENER(":2", URL) "    server_token: "
                                                                   "${file:token}\n");
    write_file("main.yaml", VALID "include: [\"${SALLYPORT_UNSET:-conf.d}/a.yaml\"]\n");
    expect_problems("main.yaml", "");
}

TEST(a_directory_is_its_yaml_files_in_order)
{
    const struct generation_settings *settings;
    struct config *config;

    write_file("b.yaml", "version: 1\nlisteners:\n" LISTENER(":2", "app"));
    write_file("a.yaml", VALID);
    write_file("c.yaml", "backends: { app: { endpoints: [" URL "] } }\n");
    write_file("readme.txt", "wrong");
    expect_problems("", "");
    config = load("");
    settings = config_settings(config);
    assert_int_equal(settings->listener_count, 2);
    assert_string_equal(settings->listeners[0].address, ":1");
    assert_string_equal(settings->listeners[1].address, ":2");
    assert_int_equal(settings->source_file_count, 4);
    assert_string_equal(settings->source_files[0] + strlen(directory), "/.");
    config_destroy(config);
}

TEST(the_problems_of_a_directory_are_those_of_its_files)
{
    expect_problems("", ":0:0: there is no file in '' that ends with .yaml\n");
    write_file("a.yaml", "workers: 1\ninclude: 3\n");
    write_file("b.yaml", "workers: 2\ninclude: [a.yaml]\n");
    write_file("c.yaml", "");
    expect_problems("", "/a.yaml:1:1: 'listeners' is missing\n"
                        "/a.yaml:1:1: 'version' is missing\n"
                        "/a.yaml:2:10: 'include' must be a list of text, not '3'\n"
                        "/b.yaml:1:1: 'workers' is set twice; the first is at /a.yaml:1\n"
                        "/b.yaml:2:11: '/a.yaml' is read already: it is the configuration itself\n"
                        "/c.yaml:0:0: '/c.yaml' is empty\n");
}

/* --- Trust in directories --------------------------------------------------------------------- */

#define TRUST(anchors) VALID "trust_profiles: { a: { anchors: " anchors " } }\n"

#define IN_USE(anchors)                                                                            \
    "version: 1\nlisteners:\n  - address: \":1\"\n" TLS                                            \
    "    client_certificate: { trust: " anchors " }\n    routes: [{ backend: " URL " }]\n"

/* The anchors of the first listener, as "NAME PATH POSITION\n", the paths seen from the directory.
 */
static void expect_anchors(const char *expected)
{
    struct config *config = load("main.yaml");
    const struct generation_settings *settings = config_settings(config);
    const struct trust_profile_settings *trust;
    char *list = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&list, &size);

    if (settings == NULL)
        fail_msg("%s", config_problems(config)->items[0].text);
    trust = settings->listeners[0].client_certificate.trust;
    for (size_t i = 0; i < trust->anchor_count; i++)
        fprintf(stream, "%s %s %u:%u\n",
                trust->anchors[i].name == NULL ? "-" : trust->anchors[i].name,
                trust->anchors[i].path + strlen(directory), trust->anchors[i].position.line,
                trust->anchors[i].position.column);
    fclose(stream);
    assert_string_equal(list, expected);
    free(list);
    config_destroy(config);
}

TEST(a_pattern_or_directory_stands_for_its_files_in_order)
{
    make_directory("trust");
    write_file("trust/b.pem", "x");
    write_file("trust/a.crt", "x");
    write_file("trust/c.cer", "x");
    write_file("trust/a.der", "x");
    write_file("trust/.d.pem", "x");
    write_file("trust/readme.txt", "x");
    make_directory("trust/sub.pem");
    write_file("main.yaml",
               IN_USE("[{ name: all, file: trust }, \"trust/?.pem\", trust/, none.pem, "
                      "{ name: some, file: \"./trust/a.*\" }]"));
    expect_anchors("all /trust/a.crt 5:54\n"
                   "all /trust/a.der 5:54\n"
                   "all /trust/b.pem 5:54\n"
                   "all /trust/c.cer 5:54\n"
                   "- /trust/b.pem 5:63\n"
                   "- /trust/a.crt 5:78\n"
                   "- /trust/a.der 5:78\n"
                   "- /trust/b.pem 5:78\n"
                   "- /trust/c.cer 5:78\n"
                   "- /none.pem 5:86\n"
                   "some /trust/a.crt 5:116\n"
                   "some /trust/a.der 5:116\n");
}

TEST(a_pattern_or_directory_without_a_file_is_refused)
{
    make_directory("trust");
    write_file("trust/a.txt", "x");
    write_file("main.yaml", TRUST("[\"trust/*.pem\", trust, trust/]"));
    expect_problems("main.yaml", "/main.yaml:7:34: 'trust/*.pem' stands for no file\n"
                                 "/main.yaml:7:49: 'trust' stands for no file\n"
                                 "/main.yaml:7:56: 'trust/' stands for no file\n");
}

TEST(the_directories_of_trust_are_to_be_watched)
{
    const struct generation_settings *settings;
    struct config *config;

    make_directory("trust");
    write_file("trust/a.pem", "x");
    write_file("main.yaml",
               IN_USE("{ anchors: [\"trust/*.pem\", trust], intermediates: [trust] }"));
    config = load("main.yaml");
    settings = config_settings(config);
    assert_non_null(settings);
    assert_int_equal(settings->source_file_count, 2);
    assert_string_equal(settings->source_files[1] + strlen(directory), "/trust/.");
    assert_int_equal(settings->listeners[0].client_certificate.trust->intermediate_count, 1);
    config_destroy(config);
}

TEST(upload_rules_are_those_of_every_file)
{
    const struct trust_profile_settings *trust;
    struct config *config;

    write_file("main.yaml", IN_USE("{ anchors: [a.pem, b.pem], upload_rules: azure }"));
    config = load("main.yaml");
    assert_non_null(config_settings(config));
    trust = config_settings(config)->listeners[0].client_certificate.trust;
    assert_int_equal(trust->anchors[0].rules, TRUST_UPLOAD_RULES_AZURE);
    assert_int_equal(trust->anchors[1].rules, TRUST_UPLOAD_RULES_AZURE);
    config_destroy(config);
}

#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    return RUN_TESTS(IN_DIRECTORY(what_is_included_is_put_behind_what_includes_it),
                     IN_DIRECTORY(all_that_was_read_and_searched_is_to_be_watched),
                     IN_DIRECTORY(a_pattern_may_match_nothing_and_a_file_must_be_there),
                     IN_DIRECTORY(what_is_said_twice_is_refused_with_both_places),
                     IN_DIRECTORY(the_names_of_listeners_are_unique_across_files),
                     IN_DIRECTORY(problems_of_an_included_file_have_its_name_and_come_behind),
                     IN_DIRECTORY(an_empty_file_is_refused_also_when_it_is_included),
                     IN_DIRECTORY(a_file_is_read_once_so_that_none_includes_itself),
                     IN_DIRECTORY(files_are_included_to_a_limited_depth),
                     IN_DIRECTORY(what_to_include_is_a_list_of_files_everywhere),
                     IN_DIRECTORY(values_are_expanded_with_the_directory_of_their_file),
                     IN_DIRECTORY(a_directory_is_its_yaml_files_in_order),
                     IN_DIRECTORY(a_pattern_or_directory_stands_for_its_files_in_order),
                     IN_DIRECTORY(a_pattern_or_directory_without_a_file_is_refused),
                     IN_DIRECTORY(the_directories_of_trust_are_to_be_watched),
                     IN_DIRECTORY(upload_rules_are_those_of_every_file),
                     IN_DIRECTORY(the_problems_of_a_directory_are_those_of_its_files));
}
