/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "runtime/slice.h"

static const struct slice nothing = {NULL, 0};

static void assert_slice(struct slice actual, struct slice expected)
{
    assert_int_equal(actual.size, expected.size);
    assert_true(slice_equals(actual, expected));
}

TEST(equality_compares_every_byte_and_the_size)
{
    assert_true(slice_equals(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_equals(SLICE("a\0b"), SLICE("a\0c")));
    assert_false(slice_equals(SLICE("a"), SLICE("ab")));
    assert_true(slice_equals(nothing, SLICE("")));
}

TEST(ignoring_case_folds_ascii_letters_and_nothing_else)
{
    assert_true(slice_equals_ignoring_case(SLICE("Host-1"), SLICE("hOST-1")));
    assert_false(slice_equals_ignoring_case(SLICE("host"), SLICE("hosts")));
    /* '@' and '`', '[' and '{' differ in the bit that separates the cases. */
    assert_false(slice_equals_ignoring_case(SLICE("@["), SLICE("`{")));
    assert_false(slice_equals_ignoring_case(SLICE("\xc4"), SLICE("\xe4")));
    assert_true(slice_equals_ignoring_case(nothing, SLICE("")));
}

TEST(prefixes_and_suffixes_must_fit_in_the_slice)
{
    assert_true(slice_starts_with(SLICE("/admin/x"), SLICE("/admin")));
    assert_true(slice_starts_with(SLICE("/admin"), SLICE("/admin")));
    assert_false(slice_starts_with(SLICE("/adm"), SLICE("/admin")));
    assert_true(slice_starts_with(nothing, nothing));

    assert_true(slice_ends_with(SLICE("a.example"), SLICE(".example")));
    assert_false(slice_ends_with(SLICE("example"), SLICE(".example")));
    assert_true(slice_ends_with(SLICE("example"), SLICE("")));
    assert_true(slice_ends_with(nothing, nothing));
}

TEST(first_and_after_divide_a_slice_at_any_count)
{
    struct slice slice = SLICE("abc");

    assert_slice(slice_first(slice, 2), SLICE("ab"));
    assert_slice(slice_first(slice, 9), SLICE("abc"));
    assert_slice(slice_after(slice, 2), SLICE("c"));
    assert_slice(slice_after(slice, 3), SLICE(""));
    assert_slice(slice_after(slice, 9), SLICE(""));
    assert_slice(slice_after(nothing, 1), SLICE(""));
}

TEST(find_gives_the_first_position_or_the_size)
{
    assert_int_equal(slice_find(SLICE("a=b=c"), '='), 1);
    assert_int_equal(slice_find(SLICE("abc"), '='), 3);
    assert_int_equal(slice_find(SLICE("ab\0="), '='), 3);
    assert_int_equal(slice_find(nothing, '='), 0);
}

TEST(trim_takes_spaces_and_tabs_from_both_ends_only)
{
    assert_slice(slice_trim(SLICE(" \ta b\t ")), SLICE("a b"));
    assert_slice(slice_trim(SLICE("\r\n")), SLICE("\r\n"));
    assert_slice(slice_trim(SLICE("  ")), SLICE(""));
    assert_slice(slice_trim(nothing), SLICE(""));
}

TEST(numbers_are_digits_that_fit_in_64_bits)
{
    static const struct {
        const char *text;
        bool accepted;
        uint64_t value;
    } table[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"99999999999999999999", false, 0},
        {"100000000000000000000", false, 0},
        {"", false, 0},
        {"+1", false, 0},
        {"-1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"0x10", false, 0},
        {"1e3", false, 0},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint64_t value = 42;

        assert_int_equal(slice_parse_u64(slice_from_text(table[i].text), &value),
                         table[i].accepted);
        assert_int_equal(value, table[i].accepted ? table[i].value : 42);
    }
    assert_false(slice_parse_u64(SLICE("1\0"), &(uint64_t){0}));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(equality_compares_every_byte_and_the_size),
                     cmocka_unit_test(ignoring_case_folds_ascii_letters_and_nothing_else),
                     cmocka_unit_test(prefixes_and_suffixes_must_fit_in_the_slice),
                     cmocka_unit_test(first_and_after_divide_a_slice_at_any_count),
                     cmocka_unit_test(find_gives_the_first_position_or_the_size),
                     cmocka_unit_test(trim_takes_spaces_and_tabs_from_both_ends_only),
                     cmocka_unit_test(numbers_are_digits_that_fit_in_64_bits));
}
