/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line as a shell sees it: which words are understood, and with which status they end.
 */
#include "support/test.h"

#include <string.h>

#include "app/command_line.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { WORDS_MAX = 6, WORD_BYTES = 64 };

/* The words are copied, because a command line may be written to. */
static int run(const char *const *words)
{
    char copies[WORDS_MAX][WORD_BYTES];
    char *arguments[WORDS_MAX + 1] = {NULL};
    int count = 0;

    while (words[count] != NULL) {
        assert_true(count < WORDS_MAX && strlen(words[count]) < WORD_BYTES);
        memcpy(copies[count], words[count], strlen(words[count]) + 1);
        arguments[count] = copies[count];
        count++;
    }
    return command_line_run(count, arguments);
}

TEST(what_makes_no_sense_ends_with_2)
{
    static const char *const lines[][WORDS_MAX] = {
        {"sallyport"},
        {"sallyport", ""},
        {"sallyport", "frobnicate"},
        {"sallyport", "Run"},
        {"sallyport", "--nonsense"},
        {"sallyport", "run", "--nonsense"},
        {"sallyport", "run", "a.yaml", "b.yaml"},
        {"sallyport", "run", "--ready-file"},
        {"sallyport", "check", "--nonsense"},
        {"sallyport", "check", "a.yaml", "b.yaml"},
        {"sallyport", "demo", "--nonsense"},
        {"sallyport", "version", "--nonsense"},
        {"sallyport", "help", "--manual", "nonsense"},
        {"sallyport", "help", "--completion", "nonsense"},
    };

    for (size_t i = 0; i < COUNT(lines); i++)
        assert_int_equal(run(lines[i]), EXIT_USAGE);
}

TEST(what_is_asked_for_is_told)
{
    static const char *const lines[][WORDS_MAX] = {
        {"sallyport", "version"},
        {"sallyport", "--version"},
        {"sallyport", "help"},
        {"sallyport", "--help"},
        {"sallyport", "-h"},
        {"sallyport", "check", "--help"},
        {"sallyport", "help", "--completion", "bash"},
        {"sallyport", "help", "--manual", "sallyport"},
    };

    for (size_t i = 0; i < COUNT(lines); i++)
        assert_int_equal(run(lines[i]), EXIT_OK);
}

TEST(a_configuration_that_is_not_there_ends_with_1)
{
    static const char *const lines[][WORDS_MAX] = {
        {"sallyport", "check", "/nonexistent/sallyport.yaml"},
        {"sallyport", "run", "/nonexistent/sallyport.yaml"},
    };

    for (size_t i = 0; i < COUNT(lines); i++)
        assert_int_equal(run(lines[i]), EXIT_START);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(what_makes_no_sense_ends_with_2),
                     cmocka_unit_test(what_is_asked_for_is_told),
                     cmocka_unit_test(a_configuration_that_is_not_there_ends_with_1));
}
