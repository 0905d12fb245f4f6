/* SPDX-License-Identifier: Apache-2.0
 *
 * What comes into values from the environment and from files, and that what files hold stays there.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config/config.h"
#include "app/config/expansion_internal.h"
#include "runtime/file.h"
#include "runtime/memory.h"

static char directory[] = "/tmp/sallyport-expansion-XXXXXX";

#define BEGIN                                                                                      \
    "version: 1\nlisteners:\n  - address: \":8443\"\n"                                             \
    "    tls: { certificates: [{ chain: s.pem, key: s.key }] }\n"                                  \
    "    client_certificate: { mode: none }\n"                                                     \
    "    routes: [{ backend: \"http://127.0.0.1:8080\" }]\n"

static struct config *load(const char *text)
{
    return config_load_text(slice_from_text(text), "sallyport.yaml", directory);
}

/* The only listener's server_token, which is text, of a configuration with this for it. */
static void expect_token(const char *value, const char *expected)
{
    char *text = memory_format(BEGIN "    server_token: %s\n", value);
    struct config *config = load(text);
    const struct config_problems *problems = config_problems(config);

    if (problems->count > 0)
        fail_msg("%s: %s", value, problems->items[0].text);
    assert_string_equal(config_settings(config)->listeners[0].server_token, expected);
    config_destroy(config);
    memory_release(text);
}

static void expect_error(const char *value, const char *expected)
{
    char *text = memory_format(BEGIN "    server_token: %s\n", value);
    struct config *config = load(text);
    const struct config_problems *problems = config_problems(config);

    assert_int_equal(problems->count, 1);
    assert_string_equal(problems->items[0].text, expected);
    assert_int_equal(problems->items[0].line, 7);
    assert_int_equal(problems->items[0].column, 19);
    config_destroy(config);
    memory_release(text);
}

static void write_file(const char *name, struct slice bytes)
{
    char *path = memory_format("%s/%s", directory, name);
    struct error error = {0};

    unlink(path);
    assert_true(file_write_private(path, bytes, &error));
    memory_release(path);
}

TEST(a_variable_stands_for_its_value_wherever_it_is_in_a_value)
{
    setenv("SALLYPORT_TEST", "token", 1);
    setenv("SALLYPORT_EMPTY", "", 1);
    expect_token("${SALLYPORT_TEST}", "token");
    expect_token("a${SALLYPORT_TEST}b${SALLYPORT_TEST}", "atokenbtoken");
    expect_token("\"${SALLYPORT_TEST}\"", "token");
    expect_token("'${SALLYPORT_TEST:-other}'", "token");
    expect_token("${SALLYPORT_UNSET:-other}", "other");
    expect_token("${SALLYPORT_EMPTY:-other}", "other");
    expect_token("x${SALLYPORT_EMPTY}", "x");
}

TEST(a_dollar_sign_is_written_twice_or_stands_alone)
{
    expect_token("a$$b", "a$b");
    expect_token("a$b$", "a$b$");
    /* Braces are no part of a token, which is how one sees that they arrived. */
    expect_error("$${NAME}", "'${NAME}' is not PRODUCT or PRODUCT/VERSION, at most 64 characters");
}

TEST(an_expanded_value_is_what_its_setting_takes)
{
    struct config *config;

    setenv("SALLYPORT_NUMBER", "12", 1);
    expect_token("${SALLYPORT_NUMBER}", "12");
    config = load(BEGIN "workers: ${SALLYPORT_NUMBER}\nlimits: { connections: "
                        "\"${SALLYPORT_NUMBER}\", keep_alive: \"${SALLYPORT_NUMBER}s\" }\n"
                        "log: { access: \"${SALLYPORT_UNSET:-off}\" }\n");
    assert_non_null(config_settings(config));
    assert_int_equal(config_settings(config)->workers, 12);
    assert_int_equal(config_settings(config)->limits.connections, 12);
    assert_int_equal(config_settings(config)->limits.keep_alive_ms, 12000);
    assert_int_equal(config_settings(config)->telemetry.target, ACCESS_LOG_OFF);
    config_destroy(config);
}

TEST(an_expansion_never_becomes_yaml)
{
    setenv("SALLYPORT_TEST", "[a, b]: {}", 1);
    expect_error("${SALLYPORT_TEST}",
                 "'[a, b]: {}' is not PRODUCT or PRODUCT/VERSION, at most 64 characters");
    setenv("SALLYPORT_TEST", "${SALLYPORT_TEST}", 1);
    expect_error("${SALLYPORT_TEST}",
                 "'${SALLYPORT_TEST}' is not PRODUCT or PRODUCT/VERSION, at most 64 characters");
}

TEST(what_cannot_be_expanded_is_refused_at_the_value)
{
    expect_error("a${SALLYPORT_UNSET}", "the environment variable 'SALLYPORT_UNSET' is not set");
    expect_error("${SALLYPORT_UNSET:-}", "'server_token' is empty");
    expect_error("${NAME", "'${' is not closed by '}'; write $$ for a dollar sign");
    expect_error("\"${A:-${B}}\"", "there is a '$' inside of '${...}', which cannot be nested");
    expect_error("${file:}", "'${file:}' names no file");
    for (const char *const *wrong =
             (const char *const[]){"", "1A", "A-B", "A:B", "A:", ":-x", "A:=b", NULL};
         *wrong != NULL; wrong++) {
        char *value = memory_format("\"${%s}\"", *wrong);
        char *expected = memory_format("'${%s}' is not an expansion; write ${NAME}, "
                                       "${NAME:-default} or ${file:PATH}, and $$ for a dollar sign",
                                       *wrong);

        expect_error(value, expected);
        memory_release(value);
        memory_release(expected);
    }
}

TEST(a_variable_with_a_control_character_is_refused)
{
    static const char *const values[] = {"a\nb", "\x1B[31m", "\x7F", "\xFF", "\xC3"};

    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        setenv("SALLYPORT_TEST", values[i], 1);
        expect_error("${SALLYPORT_TEST}", "what this expands to is not one line of UTF-8 without "
                                          "control characters");
    }
}

TEST(a_file_stands_for_what_it_holds_without_its_last_line_break)
{
    write_file("secret", SLICE("token\n"));
    expect_token("${file:secret}", "token");
    expect_token("x${file:./secret}y", "xtokeny");
    write_file("secret", SLICE("token\r\n"));
    expect_token("${file:secret}", "token");
    write_file("secret", SLICE("token"));
    expect_token("${file:secret}", "token");
    write_file("secret", SLICE("\n"));
    expect_error("${file:secret}", "'server_token' is empty");
    write_file("secret", SLICE("a\n\n"));
    expect_error("${file:secret}", "what this expands to is not one line of UTF-8 without control "
                                   "characters");
}

TEST(a_file_that_cannot_be_read_is_refused)
{
    char *missing =
        memory_format("'%s/missing' cannot be opened: No such file or directory", directory);
    char *empty = memory_format("'%s/secret' is empty", directory);
    char *large = memory_format("'%s/secret' is larger than 65536 bytes", directory);
    char *folder = memory_format("'%s/.' is not a regular file", directory);
    char *bytes = memory_allocate(EXPANSION_FILE_BYTES_MAX + 1);

    expect_error("${file:missing}", missing);
    write_file("secret", SLICE(""));
    expect_error("${file:secret}", empty);
    write_file("secret", slice_from(bytes, EXPANSION_FILE_BYTES_MAX + 1));
    expect_error("${file:secret}", large);
    expect_error("${file:././.}", folder);
    memory_release(bytes);
    memory_release(missing);
    memory_release(empty);
    memory_release(large);
    memory_release(folder);
}

/* Problems go to logs. */
TEST(what_a_file_holds_is_in_no_problem)
{
    struct config *config;
    const struct config_problems *problems;

    write_file("secret", SLICE("hunter2 {}"));
    config = load(BEGIN "    server_token: ${file:secret}\n    hosts: [\"${file:secret}\"]\n"
                        "workers: ${file:secret}\nlog: { access: \"${file:secret}\" }\n"
                        "limits: { keep_alive: \"${file:secret}\" }\n"
                        "backends: { a: { endpoints: [\"${file:secret}\"] } }\n");
    problems = config_problems(config);
    assert_int_equal(problems->errors, 6);
    for (size_t i = 0; i < problems->count; i++)
        assert_null(strstr(problems->items[i].text, "hunter"));
    config_destroy(config);
}

TEST(a_file_that_is_expanded_is_one_of_the_files_to_watch)
{
    char *expected = memory_format("%s/secret", directory);
    const struct generation_settings *settings;
    struct config *config;

    write_file("secret", SLICE("token"));
    config = load(BEGIN "    server_token: ${file:secret}${file:secret}\n");
    settings = config_settings(config);
    assert_non_null(settings);
    assert_int_equal(settings->source_file_count, 1);
    assert_string_equal(settings->source_files[0], expected);
    config_destroy(config);
    memory_release(expected);
}

int main(void)
{
    char *secret = NULL;
    int failed;

    if (mkdtemp(directory) == NULL)
        return 1;
    failed =
        RUN_TESTS(cmocka_unit_test(a_variable_stands_for_its_value_wherever_it_is_in_a_value),
                  cmocka_unit_test(a_dollar_sign_is_written_twice_or_stands_alone),
                  cmocka_unit_test(an_expanded_value_is_what_its_setting_takes),
                  cmocka_unit_test(an_expansion_never_becomes_yaml),
                  cmocka_unit_test(what_cannot_be_expanded_is_refused_at_the_value),
                  cmocka_unit_test(a_variable_with_a_control_character_is_refused),
                  cmocka_unit_test(a_file_stands_for_what_it_holds_without_its_last_line_break),
                  cmocka_unit_test(a_file_that_cannot_be_read_is_refused),
                  cmocka_unit_test(what_a_file_holds_is_in_no_problem),
                  cmocka_unit_test(a_file_that_is_expanded_is_one_of_the_files_to_watch));
    secret = memory_format("%s/secret", directory);
    unlink(secret);
    rmdir(directory);
    memory_release(secret);
    return failed;
}
