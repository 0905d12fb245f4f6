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

/* A number below `limit` for a random walk. The walk is the same in every run, so that a failure
 * can be looked at; `seed` is the walk's place and not zero. (Xorshift, Marsaglia 2003.) */
static inline uint32_t random_below(uint32_t *seed, uint32_t limit)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed % limit;
}
