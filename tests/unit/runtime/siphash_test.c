/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "runtime/siphash.h"

/* The key 00 01 .. 0f and the inputs 00 01 .. (n - 1) of the paper's reference implementation. */
TEST(the_published_vectors_hold)
{
    static const uint64_t expected[] = {
        UINT64_C(0x726fdb47dd0e0e31), UINT64_C(0x74f839c593dc67fd), UINT64_C(0x0d6c8009d9a94f5a),
        UINT64_C(0x85676696d7fb7e2d), UINT64_C(0xcf2794e0277187b7), UINT64_C(0x18765564cd99a68d),
        UINT64_C(0xcbc9466e58fee3ce), UINT64_C(0xab0200f58b01d137), UINT64_C(0x93f5f5799a932462),
        UINT64_C(0x9e0082df0ba9e4b0), UINT64_C(0x7a5dbbc594ddb9f3), UINT64_C(0xf4b32f46226bada7),
        UINT64_C(0x751e8fbc860ee5fb), UINT64_C(0x14ea5627c0843d90), UINT64_C(0xf723ca908e7af2ee),
        UINT64_C(0xa129ca6149be45e5),
    };
    struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    char input[16];

    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        input[i] = (char)i;
        assert_true(siphash(key, slice_from(input, i)) == expected[i]);
    }
}

TEST(two_keys_hash_differently)
{
    struct siphash_key first = siphash_key_create();
    struct siphash_key second = siphash_key_create();

    assert_true(siphash(first, SLICE("a")) == siphash(first, SLICE("a")));
    assert_true(siphash(first, SLICE("a")) != siphash(second, SLICE("a")));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(the_published_vectors_hold),
                     cmocka_unit_test(two_keys_hash_differently));
}
