/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets of names as backends read them, against a plain model that compares every name.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "protocol/http/http_name_set.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(every_alias_of_a_name_is_in_the_set)
{
    const struct slice aliases[] = {
        SLICE("X-ARR-ClientCert"),
        SLICE("x-arr-clientcert"),
        SLICE("X_ARR_ClientCert"),
        SLICE("X.ARR.ClientCert"),
        SLICE("X_ARR-clientCERT"),
        SLICE("x~arr!CLIENTCERT"),
        SLICE("X\0ARR\xff"
              "ClientCert"),
    };
    const struct slice others[] = {
        SLICE(""),  SLICE("X-ARR-ClientCer"),   SLICE("X-ARR-ClientCert-"), SLICE("XARRClientCert"),
        SLICE("X"), SLICE("-X-ARR-ClientCert"), SLICE("X-ARR-ClientCert "),
    };
    struct http_name_set *set = http_name_set_create();

    assert_false(http_name_set_has(set, aliases[0]));
    http_name_set_add(set, SLICE("X-ARR-ClientCert"));
    for (size_t i = 0; i < COUNT(aliases); i++)
        assert_true(http_name_set_has(set, aliases[i]));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(http_name_set_has(set, others[i]));
    for (size_t i = 0; i < COUNT(aliases); i++)
        http_name_set_add(set, aliases[i]);
    assert_int_equal(http_name_set_count(set), 1);
    http_name_set_destroy(set);
    http_name_set_destroy(NULL);
}

/* CVE-2026-27588: a look-up that changed its nature above a number of entries. */
TEST(look_ups_do_not_depend_on_how_many_names_there_are)
{
    const size_t sizes[] = {1, 7, 8, 9, 99, 100, 101, 5000};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct http_name_set *set = http_name_set_create();
        char name[32];

        for (size_t n = 0; n < sizes[i]; n++) {
            snprintf(name, sizeof(name), "X-Name-%zu", n);
            http_name_set_add(set, slice_from_text(name));
        }
        assert_int_equal(http_name_set_count(set), sizes[i]);
        for (size_t n = 0; n < sizes[i]; n++) {
            snprintf(name, sizeof(name), "x_NAME.%zu", n);
            assert_true(http_name_set_has(set, slice_from_text(name)));
        }
        snprintf(name, sizeof(name), "x-name-%zu", sizes[i]);
        assert_false(http_name_set_has(set, slice_from_text(name)));
        http_name_set_destroy(set);
    }
}

static struct slice random_name(char *text)
{
    static const char bytes[] = "aAbB1-_.";
    size_t size = (size_t)(rand() % 4);

    for (size_t i = 0; i < size; i++)
        text[i] = bytes[rand() % 8];
    return slice_from(text, size);
}

TEST(a_random_walk_agrees_with_a_plain_list)
{
    enum { STEPS = 2000 };
    static char texts[STEPS][4];
    struct slice model[STEPS];
    size_t count = 0;
    struct http_name_set *set = http_name_set_create();

    srand(1);
    for (int step = 0; step < STEPS; step++) {
        struct slice name = random_name(texts[step]);
        bool expected = false;

        for (size_t i = 0; i < count; i++)
            expected = expected || http_name_folds_equal(model[i], name);
        assert_int_equal(http_name_set_has(set, name), expected);
        if (rand() % 2 == 0) {
            http_name_set_add(set, name);
            if (!expected)
                model[count++] = name;
        }
        assert_int_equal(http_name_set_count(set), count);
    }
    http_name_set_destroy(set);
}

TEST(a_set_keeps_its_own_copies)
{
    char name[] = "Cookie";
    struct http_name_set *set = http_name_set_create();

    http_name_set_add(set, slice_from(name, 6));
    name[0] = 'R';
    assert_true(http_name_set_has(set, SLICE("cookie")));
    assert_false(http_name_set_has(set, SLICE("rookie")));
    http_name_set_destroy(set);
}

TEST(names_fold_as_backends_fold_them)
{
    assert_true(http_name_folds_equal(SLICE(""), SLICE("")));
    assert_true(http_name_folds_equal(SLICE("A-b"), SLICE("a_B")));
    assert_true(http_name_folds_equal(SLICE("a@b"), SLICE("a`b")));
    assert_false(http_name_folds_equal(SLICE("a-b"), SLICE("a--b")));
    assert_false(http_name_folds_equal(SLICE("a-b"), SLICE("ab")));
    assert_false(http_name_folds_equal(SLICE("a1"), SLICE("a2")));
    /* '[' and '{' differ in the bit that makes letters upper case, and are no letters. */
    assert_true(http_name_folds_equal(SLICE("["), SLICE("{")));
    assert_false(http_name_folds_equal(SLICE("k"), SLICE("-")));
}

TEST(a_plain_name_has_letters_digits_and_hyphens)
{
    assert_false(http_name_is_plain(SLICE("")));
    assert_true(http_name_is_plain(SLICE("X-Forwarded-For2")));
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        bool expected =
            (i >= '0' && i <= '9') || (i >= 'a' && i <= 'z') || (i >= 'A' && i <= 'Z') || i == '-';

        assert_int_equal(http_name_is_plain(slice_from(&byte, 1)), expected);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(every_alias_of_a_name_is_in_the_set),
                     cmocka_unit_test(look_ups_do_not_depend_on_how_many_names_there_are),
                     cmocka_unit_test(a_random_walk_agrees_with_a_plain_list),
                     cmocka_unit_test(a_set_keeps_its_own_copies),
                     cmocka_unit_test(names_fold_as_backends_fold_them),
                     cmocka_unit_test(a_plain_name_has_letters_digits_and_hyphens));
}
