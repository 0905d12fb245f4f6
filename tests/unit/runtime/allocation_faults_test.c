/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocation that is to fail fails, alone, and what holds memory copes without it.
 */
#include "runtime/allocation_faults.h"

#include <stdatomic.h>

#include "runtime/cache.h"
#include "runtime/memory.h"
#include "runtime/pool.h"
#include "support/test.h"

#ifdef SALLYPORT_ALLOCATION_FAULTS

static struct allocation_faults faults;

static int set_up(void **state)
{
    (void)state;
    faults = (struct allocation_faults){.countdown = 0};
    allocation_faults_use(&faults);
    allocation_faults_choose_thread();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    allocation_faults_use(NULL);
    return 0;
}

static void the_chosen_allocation_fails_and_no_other(void **state)
{
    uint64_t failures = memory_failures();

    (void)state;
    faults.countdown = 3;
    for (unsigned i = 1; i <= 5; i++) {
        void *memory = memory_try_allocate(8);

        assert_true((memory == NULL) == (i == 3));
        memory_release(memory);
    }
    assert_int_equal(faults.counted, 5);
    assert_int_equal(faults.failed, 1);
    assert_int_equal(memory_failures() - failures, 1);
}

static void all_that_tries_can_fail(void **state)
{
    (void)state;
    faults.countdown = 1;
    assert_null(memory_try_allocate_array(2, 8));
    faults.countdown = 1;
    assert_null(memory_try_copy_slice(SLICE("text")));
    faults.countdown = 1;
    assert_null(memory_library_allocate(8, __FILE__, __LINE__));
}

static void a_failed_resize_leaves_what_was_there(void **state)
{
    char *memory = memory_library_allocate(4, __FILE__, __LINE__);

    (void)state;
    memcpy(memory, "abc", 4);
    faults.countdown = 1;
    assert_null(memory_library_resize(memory, 4096, __FILE__, __LINE__));
    assert_string_equal(memory, "abc");
    memory_library_release(memory, __FILE__, __LINE__);
}

static void a_pool_without_memory_gives_null_and_counts_nothing(void **state)
{
    struct pool *pool = pool_create(64, 2, 1);
    void *block = NULL;

    (void)state;
    faults.countdown = 1;
    assert_null(pool_acquire(pool));
    assert_int_equal(pool_in_use(pool), 0);
    block = pool_acquire(pool);
    assert_non_null(block);
    pool_release(pool, block);
    pool_destroy(pool);
}

/* ---- a cache ---- */

static void acquire(void *value)
{
    (*(int *)value)++;
}

static void release(void *value)
{
    (*(int *)value)--;
}

static void a_cache_without_memory_keeps_nothing(void **state)
{
    const struct cache_settings settings = {
        .bytes_max = 4096, .shards = 1, .acquire = acquire, .release = release};
    struct cache *cache = cache_create(&settings);
    int references = 1;

    (void)state;
    faults.countdown = 1;
    cache_put(cache, SLICE("key"), &references, 1, INT64_MAX);
    assert_int_equal(references, 1);
    assert_null(cache_find(cache, SLICE("key"), 0));

    faults.countdown = 1;
    assert_ptr_equal(cache_intern(cache, SLICE("key"), &references, 1, INT64_MAX, 0), &references);
    assert_int_equal(references, 2); /* the caller's, and the one that was given back */
    assert_null(cache_find(cache, SLICE("key"), 0));
    cache_destroy(cache);
    assert_int_equal(references, 2);
}

static void a_cache_that_cannot_grow_goes_on(void **state)
{
    const struct cache_settings settings = {
        .bytes_max = 1 << 20, .shards = 1, .acquire = acquire, .release = release};
    struct cache *cache = cache_create(&settings);
    int references = 0;

    (void)state;
    /* Each allocation of an entry is followed by another, or by one of the chains. */
    for (int i = 0; i < 500; i++) {
        uint64_t before = faults.counted;

        cache_put(cache, slice_from((const char *)&i, sizeof(i)), &references, 1, INT64_MAX);
        faults.countdown = faults.counted - before == 2 ? 0 : 2;
    }
    assert_int_equal(cache_count(cache).entries, references);
    assert_true(references > 200);
    cache_destroy(cache);
    assert_int_equal(references, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_chosen_allocation_fails_and_no_other, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_that_tries_can_fail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_resize_leaves_what_was_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pool_without_memory_gives_null_and_counts_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cache_without_memory_keeps_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cache_that_cannot_grow_goes_on, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    return 0; /* this build cannot fail */
}

#endif
