/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/memory.h"

static void assert_zeroed(const char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(memory[i], 0);
}

TEST(allocated_memory_is_zeroed)
{
    char *block = memory_allocate(1000);
    char *items = memory_allocate_array(10, 100);

    assert_zeroed(block, 1000);
    assert_zeroed(items, 1000);
    memory_release(block);
    memory_release(items);
}

TEST(bulk_memory_lies_in_the_middle_of_a_page)
{
    for (size_t size = 1; size < 600000; size = size * 3 + 1) {
        char *memory = memory_try_allocate_bulk(size);

        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 4096, 2048);
        assert_zeroed(memory, size);
        memset(memory, 1, size);
        memory_release_bulk(memory);
    }
    memory_release_bulk(NULL);
}

TEST(nothing_can_be_allocated_too)
{
    void *nothing = memory_allocate(0);
    void *no_items = memory_allocate_array(0, 8);

    assert_non_null(nothing);
    assert_non_null(no_items);
    nothing = memory_resize(nothing, 0);
    assert_non_null(nothing);
    memory_release(nothing);
    memory_release(no_items);
    memory_release(NULL);
    memory_wipe_and_release(NULL, 0);
}

TEST(resizing_keeps_what_was_there)
{
    char *memory = memory_resize(NULL, 4);

    memcpy(memory, "abc", 4);
    memory = memory_resize(memory, 4000);
    assert_string_equal(memory, "abc");
    memory_release(memory);
}

TEST(an_impossible_array_ends_the_process)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        /* Its last words are not for the test's reader. */
        close(STDERR_FILENO);
        memory_allocate_array(SIZE_MAX / 2, 3);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(copies_of_text_are_terminated)
{
    char *text = memory_copy_text("abc");
    char *slice = memory_copy_slice(slice_first(SLICE("abcdef"), 2));
    char *empty = memory_copy_slice(SLICE(""));
    char *formatted = memory_format("%s/%d", "a", 5);

    assert_string_equal(text, "abc");
    assert_string_equal(slice, "ab");
    assert_string_equal(empty, "");
    assert_string_equal(formatted, "a/5");
    assert_null(memory_copy_text(NULL));
    assert_null(memory_copy_slice((struct slice){NULL, 0}));
    memory_release(text);
    memory_release(slice);
    memory_release(empty);
    memory_release(formatted);
}

TEST(wiped_memory_is_zero)
{
    char secret[] = "secret";

    memory_wipe(secret, sizeof secret);
    assert_zeroed(secret, sizeof secret);
    memory_wipe(NULL, 0);
}

/* CRYPTO_set_mem_functions(3) asks for what malloc, realloc and free do. */
TEST(the_library_functions_keep_the_rules_of_malloc)
{
    char *memory = memory_library_allocate(4, "file", 1);

    assert_null(memory_library_allocate(0, "file", 1));
    memcpy(memory, "abc", 4);
    memory = memory_library_resize(memory, 100, "file", 1);
    assert_string_equal(memory, "abc");
    assert_null(memory_library_resize(memory, 0, "file", 1));
    memory = memory_library_resize(NULL, 8, "file", 1);
    assert_non_null(memory);
    memory_library_release(memory, "file", 1);
    memory_library_release(NULL, "file", 1);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(allocated_memory_is_zeroed),
                     cmocka_unit_test(bulk_memory_lies_in_the_middle_of_a_page),
                     cmocka_unit_test(nothing_can_be_allocated_too),
                     cmocka_unit_test(resizing_keeps_what_was_there),
                     cmocka_unit_test(an_impossible_array_ends_the_process),
                     cmocka_unit_test(copies_of_text_are_terminated),
                     cmocka_unit_test(wiped_memory_is_zero),
                     cmocka_unit_test(the_library_functions_keep_the_rules_of_malloc));
}
