/* SPDX-License-Identifier: Apache-2.0
 *
 * What every unit test starts with: cmocka and the headers it wants before itself, and two macros.
 * A test's name is a sentence about behaviour:
 *
 *     TEST(an_empty_policy_denies)
 *     {
 *         assert_int_equal(effect_of(SLICE("")), POLICY_DENY);
 *     }
 *
 *     int main(void)
 *     {
 *         return RUN_TESTS(cmocka_unit_test(an_empty_policy_denies));
 *     }
 */
#pragma once

/* cmocka.h needs these four, in this order. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* Opens the definition of a test; the body follows in braces. */
#define TEST(name) static void name(__attribute__((unused)) void **state)

/* The number of failed tests, as main returns it. */
#define RUN_TESTS(...)                                                                             \
    run_tests_in((const struct CMUnitTest[]){__VA_ARGS__},                                         \
                 sizeof((const struct CMUnitTest[]){__VA_ARGS__}) / sizeof(struct CMUnitTest))

static inline int run_tests_in(const struct CMUnitTest *tests, size_t count)
{
    return _cmocka_run_group_tests("unit", tests, count, NULL, NULL);
}
