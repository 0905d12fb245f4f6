/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>

#include "runtime/random.h"

TEST(every_part_of_the_memory_is_filled_and_nothing_beyond)
{
    /* More than getrandom(2) promises to give at once. */
    unsigned char memory[4096 + 32] = {0};
    static const unsigned char zeros[32];

    random_fill(memory, 4096);
    for (size_t i = 0; i < 4096; i += 32)
        assert_memory_not_equal(memory + i, zeros, 32);
    assert_memory_equal(memory + 4096, zeros, 32);
}

TEST(two_fillings_differ)
{
    unsigned char first[16];
    unsigned char second[16];

    random_fill(first, sizeof first);
    random_fill(second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    random_fill(first, 0);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(every_part_of_the_memory_is_filled_and_nothing_beyond),
                     cmocka_unit_test(two_fillings_differ));
}
