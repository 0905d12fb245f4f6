/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>

#include "runtime/pool.h"

TEST(a_pool_hands_out_as_many_blocks_as_it_may)
{
    struct pool *pool = pool_create(64, 2, 2);
    void *first = pool_acquire(pool);
    void *second = pool_acquire(pool);

    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    memset(first, 1, pool_block_bytes(pool));
    memset(second, 2, pool_block_bytes(pool));
    assert_null(pool_acquire(pool));
    assert_int_equal(pool_in_use(pool), 2);

    pool_release(pool, first);
    assert_non_null(first = pool_acquire(pool));
    pool_release(pool, first);
    pool_release(pool, second);
    assert_int_equal(pool_in_use(pool), 0);
    pool_destroy(pool);
}

TEST(a_released_block_serves_the_next_user)
{
    struct pool *pool = pool_create(64, 4, 1);
    void *block = pool_acquire(pool);

    pool_release(pool, block);
    assert_ptr_equal(pool_acquire(pool), block);
    pool_release(pool, block);
    pool_destroy(pool);
}

TEST(blocks_beyond_the_spares_go_back_to_the_heap)
{
    struct pool *pool = pool_create(64, 3, 0);
    void *blocks[3];

    for (size_t i = 0; i < 3; i++)
        blocks[i] = pool_acquire(pool);
    for (size_t i = 0; i < 3; i++)
        pool_release(pool, blocks[i]);
    assert_int_equal(pool_in_use(pool), 0);
    pool_destroy(pool);
}

TEST(a_block_may_be_smaller_than_a_pointer)
{
    struct pool *pool = pool_create(1, 2, 2);
    char *block = pool_acquire(pool);

    *block = 'x';
    pool_release(pool, block);
    pool_release(pool, NULL);
    assert_int_equal(pool_block_bytes(pool), 1);
    pool_destroy(pool);
    pool_destroy(NULL);
}

TEST(a_pool_of_nothing_gives_nothing)
{
    struct pool *pool = pool_create(64, 0, 0);

    assert_null(pool_acquire(pool));
    pool_destroy(pool);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_pool_hands_out_as_many_blocks_as_it_may),
                     cmocka_unit_test(a_released_block_serves_the_next_user),
                     cmocka_unit_test(blocks_beyond_the_spares_go_back_to_the_heap),
                     cmocka_unit_test(a_block_may_be_smaller_than_a_pointer),
                     cmocka_unit_test(a_pool_of_nothing_gives_nothing));
}
