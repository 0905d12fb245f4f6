/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "runtime/arena.h"

TEST(allocations_are_aligned_wherever_the_block_begins)
{
    _Alignas(max_align_t) char memory[256];

    for (size_t offset = 0; offset < 16; offset++) {
        struct arena arena;

        arena_init(&arena, memory + offset, 128);
        for (size_t size = 1; size < 5; size++) {
            void *allocated = arena_allocate(&arena, size);

            assert_non_null(allocated);
            assert_int_equal((uintptr_t)allocated % _Alignof(max_align_t), 0);
        }
    }
}

TEST(allocations_do_not_overlap_and_stay_within_the_budget)
{
    _Alignas(max_align_t) char memory[128];
    struct arena arena;
    char *first = NULL;
    char *second = NULL;

    arena_init(&arena, memory, sizeof memory);
    first = arena_allocate(&arena, 60);
    second = arena_allocate(&arena, 64);
    assert_true(first + 60 <= second);
    assert_true(second + 64 <= memory + sizeof memory);
    assert_null(arena_allocate(&arena, 1));
}

TEST(a_refused_allocation_leaves_the_rest_usable)
{
    _Alignas(max_align_t) char memory[64];
    struct arena arena;

    arena_init(&arena, memory, sizeof memory);
    assert_null(arena_allocate(&arena, sizeof memory + 1));
    assert_null(arena_allocate(&arena, SIZE_MAX));
    assert_non_null(arena_allocate(&arena, sizeof memory));
}

TEST(reset_takes_everything_back)
{
    _Alignas(max_align_t) char memory[64];
    struct arena arena;
    void *first = NULL;

    arena_init(&arena, memory, sizeof memory);
    first = arena_allocate(&arena, sizeof memory);
    arena_reset(&arena);
    assert_ptr_equal(arena_allocate(&arena, sizeof memory), first);
}

TEST(arrays_are_zeroed_and_an_overflowing_product_is_refused)
{
    _Alignas(max_align_t) char memory[64];
    struct arena arena;
    const unsigned *items = NULL;

    memset(memory, 0xff, sizeof memory);
    arena_init(&arena, memory, sizeof memory);
    assert_null(arena_allocate_array(&arena, SIZE_MAX / 2 + 1, 2));
    assert_null(arena_allocate_array(&arena, 17, sizeof *items));
    items = arena_allocate_array(&arena, 16, sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(items[i], 0);
}

TEST(a_copy_is_independent_and_an_empty_one_is_not_a_failure)
{
    char memory[8];
    char original[] = "abcd";
    struct arena arena;
    struct slice copy;

    arena_init(&arena, memory, sizeof memory);
    copy = arena_copy(&arena, slice_from_text(original));
    original[0] = 'x';
    assert_true(slice_equals(copy, SLICE("abcd")));
    assert_non_null(arena_copy(&arena, (struct slice){NULL, 0}).data);
    assert_null(arena_copy(&arena, SLICE("12345")).data);
    assert_true(slice_equals(arena_copy(&arena, SLICE("1234")), SLICE("1234")));
    assert_non_null(arena_copy(&arena, SLICE("")).data);
}

TEST(an_arena_without_memory_refuses_everything)
{
    struct arena arena;

    arena_init(&arena, NULL, 0);
    assert_null(arena_allocate(&arena, 1));
    assert_null(arena_copy(&arena, SLICE("a")).data);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(allocations_are_aligned_wherever_the_block_begins),
                     cmocka_unit_test(allocations_do_not_overlap_and_stay_within_the_budget),
                     cmocka_unit_test(a_refused_allocation_leaves_the_rest_usable),
                     cmocka_unit_test(reset_takes_everything_back),
                     cmocka_unit_test(arrays_are_zeroed_and_an_overflowing_product_is_refused),
                     cmocka_unit_test(a_copy_is_independent_and_an_empty_one_is_not_a_failure),
                     cmocka_unit_test(an_arena_without_memory_refuses_everything));
}
