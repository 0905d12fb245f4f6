/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>

#include "runtime/error.h"

TEST(an_error_has_its_kind_and_its_sentence)
{
    struct error error;

    error_set(&error, ERROR_FILE, "'%s' has %d bytes", "a.pem", 3);
    assert_int_equal(error.kind, ERROR_FILE);
    assert_string_equal(error.text, "'a.pem' has 3 bytes");
    error_reset(&error);
    assert_int_equal(error.kind, ERROR_NONE);
    assert_string_equal(error.text, "");
}

TEST(a_prefix_goes_before_what_was_there_and_keeps_the_kind)
{
    struct error error;

    error_set(&error, ERROR_SYNTAX, "no port");
    error_prefix(&error, "listener '%s'", "a");
    error_prefix(&error, "file:3:1");
    assert_int_equal(error.kind, ERROR_SYNTAX);
    assert_string_equal(error.text, "file:3:1: listener 'a': no port");
}

TEST(a_prefix_of_nothing_stands_alone)
{
    struct error error;

    error_reset(&error);
    error_prefix(&error, "listener");
    assert_string_equal(error.text, "listener");
}

TEST(an_error_may_be_made_of_its_own_text)
{
    struct error error;

    error_set(&error, ERROR_VALUE, "inner");
    error_set(&error, ERROR_VALUE, "outer (%s)", error.text);
    assert_string_equal(error.text, "outer (inner)");
    error_prefix(&error, "%s", error.text);
    assert_string_equal(error.text, "outer (inner): outer (inner)");
}

TEST(too_long_a_text_loses_its_end_and_keeps_its_terminator)
{
    struct error error;
    char text[2000];

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    error_set(&error, ERROR_VALUE, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    error_prefix(&error, "where");
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_memory_equal(error.text, "where: xxx", 10);
    error_prefix(&error, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    assert_memory_equal(error.text, "xxx", 3);
}

TEST(nobody_needs_to_want_the_error)
{
    error_reset(NULL);
    error_set(NULL, ERROR_FILE, "x");
    error_prefix(NULL, "x");
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(an_error_has_its_kind_and_its_sentence),
                     cmocka_unit_test(a_prefix_goes_before_what_was_there_and_keeps_the_kind),
                     cmocka_unit_test(a_prefix_of_nothing_stands_alone),
                     cmocka_unit_test(an_error_may_be_made_of_its_own_text),
                     cmocka_unit_test(too_long_a_text_loses_its_end_and_keeps_its_terminator),
                     cmocka_unit_test(nobody_needs_to_want_the_error));
}
