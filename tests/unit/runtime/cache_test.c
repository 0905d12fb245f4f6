/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "runtime/cache.h"

enum { NEVER = INT32_MAX, VALUES = 24, VALUE_BYTES = 100, THREADS = 4 };

struct value {
    atomic_int references;
    struct cache *looked_into; /* by its release */
};

static void acquire(void *context)
{
    struct value *value = context;

    atomic_fetch_add(&value->references, 1);
}

static void release(void *context)
{
    struct value *value = context;

    assert_true(atomic_fetch_sub(&value->references, 1) > 0);
    /* Would wait for ever if the cache still held its lock. */
    if (value->looked_into != NULL)
        assert_null(cache_find(value->looked_into, SLICE("nobody"), 0));
}

static struct cache *create(size_t bytes_max, size_t shards)
{
    return cache_create(&(struct cache_settings){
        .bytes_max = bytes_max, .shards = shards, .acquire = acquire, .release = release});
}

/* What an entry of a key of two bytes costs. */
static size_t entry_bytes(void)
{
    struct cache *cache = create(100000, 1);
    struct value value = {0};
    size_t bytes = 0;

    cache_put(cache, SLICE("00"), &value, VALUE_BYTES, NEVER);
    bytes = cache_count(cache).bytes;
    cache_destroy(cache);
    return bytes;
}

static void assert_found(struct cache *cache, struct slice key, int64_t now, struct value *expected)
{
    struct value *found = cache_find(cache, key, now);

    assert_ptr_equal(found, expected);
    if (found != NULL)
        release(found);
}

TEST(what_was_put_is_found_with_a_new_reference)
{
    struct cache *cache = create(10000, 4);
    struct value value = {.references = 1};

    cache_put(cache, SLICE("a\0b"), &value, 10, NEVER);
    assert_int_equal(value.references, 2);
    assert_ptr_equal(cache_find(cache, SLICE("a\0b"), 0), &value);
    assert_int_equal(value.references, 3);
    assert_null(cache_find(cache, SLICE("a\0c"), 0));
    assert_null(cache_find(cache, SLICE("a"), 0));
    cache_destroy(cache);
    assert_int_equal(value.references, 2);
}

TEST(the_empty_key_is_a_key)
{
    struct cache *cache = create(10000, 1);
    struct value value = {0};

    cache_put(cache, (struct slice){NULL, 0}, &value, 0, NEVER);
    assert_found(cache, SLICE(""), 0, &value);
    cache_destroy(cache);
    cache_destroy(NULL);
}

TEST(putting_again_replaces_and_releases_the_old_value)
{
    struct cache *cache = create(10000, 1);
    struct value old = {0};
    struct value new = {0};

    cache_put(cache, SLICE("a"), &old, 10, NEVER);
    cache_put(cache, SLICE("a"), &new, 20, NEVER);
    assert_int_equal(old.references, 0);
    assert_found(cache, SLICE("a"), 0, &new);
    assert_int_equal(cache_count(cache).entries, 1);
    cache_put(cache, SLICE("a"), &new, 20, NEVER);
    assert_int_equal(new.references, 1);
    cache_destroy(cache);
}

TEST(an_entry_past_its_time_is_gone)
{
    struct cache *cache = create(10000, 1);
    struct value value = {0};

    cache_put(cache, SLICE("a"), &value, 10, 100);
    assert_found(cache, SLICE("a"), 100, &value);
    assert_found(cache, SLICE("a"), 101, NULL);
    assert_int_equal(value.references, 0);
    assert_int_equal(cache_count(cache).entries, 0);
    assert_int_equal(cache_count(cache).bytes, 0);
    cache_destroy(cache);
}

TEST(removing_releases_and_forgets)
{
    struct cache *cache = create(10000, 1);
    struct value value = {0};

    cache_put(cache, SLICE("a"), &value, 10, NEVER);
    cache_remove(cache, SLICE("b"));
    cache_remove(cache, SLICE("a"));
    assert_int_equal(value.references, 0);
    assert_found(cache, SLICE("a"), 0, NULL);
    cache_destroy(cache);
}

TEST(interning_gives_everybody_the_first_value)
{
    struct cache *cache = create(10000, 1);
    struct value first = {0};
    struct value second = {0};
    struct value third = {0};

    assert_ptr_equal(cache_intern(cache, SLICE("a"), &first, 10, 100, 0), &first);
    assert_int_equal(first.references, 2);
    assert_ptr_equal(cache_intern(cache, SLICE("a"), &second, 10, 100, 0), &first);
    assert_int_equal(first.references, 3);
    assert_int_equal(second.references, 0);
    /* The first has expired, so the next is the first again. */
    assert_ptr_equal(cache_intern(cache, SLICE("a"), &third, 10, 300, 200), &third);
    assert_int_equal(first.references, 2);
    assert_int_equal(third.references, 2);
    cache_destroy(cache);
}

TEST(a_value_larger_than_a_shard_is_not_kept)
{
    struct cache *cache = create(4000, 4);
    struct value small = {0};
    struct value large = {0};

    cache_put(cache, SLICE("a"), &small, 10, NEVER);
    cache_put(cache, SLICE("a"), &large, 1000, NEVER);
    assert_int_equal(large.references, 0);
    /* Nor is the value that it was to replace. */
    assert_found(cache, SLICE("a"), 0, NULL);
    cache_put(cache, SLICE("a"), &large, SIZE_MAX, NEVER);
    assert_found(cache, SLICE("a"), 0, NULL);
    assert_ptr_equal(cache_intern(cache, SLICE("a"), &large, 1000, NEVER, 0), &large);
    assert_int_equal(large.references, 1);
    assert_int_equal(cache_count(cache).entries, 0);
    cache_destroy(cache);
}

TEST(the_least_recently_used_goes_first)
{
    struct cache *cache = create(2 * entry_bytes(), 1);
    struct value values[3] = {0};

    cache_put(cache, SLICE("00"), &values[0], VALUE_BYTES, NEVER);
    cache_put(cache, SLICE("01"), &values[1], VALUE_BYTES, NEVER);
    assert_found(cache, SLICE("00"), 0, &values[0]);
    cache_put(cache, SLICE("02"), &values[2], VALUE_BYTES, NEVER);
    assert_found(cache, SLICE("01"), 0, NULL);
    assert_found(cache, SLICE("00"), 0, &values[0]);
    assert_found(cache, SLICE("02"), 0, &values[2]);
    assert_int_equal(values[1].references, 0);
    assert_int_equal(cache_count(cache).evictions, 1);
    cache_destroy(cache);
}

TEST(a_release_may_use_the_cache)
{
    struct cache *cache = create(entry_bytes(), 1);
    struct value values[3] = {{.looked_into = cache}, {.looked_into = cache}, {.references = 0}};

    cache_put(cache, SLICE("00"), &values[0], VALUE_BYTES, NEVER);
    cache_put(cache, SLICE("00"), &values[1], VALUE_BYTES, NEVER); /* replaces */
    cache_put(cache, SLICE("01"), &values[2], VALUE_BYTES, NEVER); /* evicts */
    cache_remove(cache, SLICE("01"));
    cache_put(cache, SLICE("00"), &values[0], VALUE_BYTES, 1);
    assert_found(cache, SLICE("00"), 2, NULL); /* expires */
    assert_int_equal(values[0].references + values[1].references + values[2].references, 0);
    cache_destroy(cache);
}

TEST(many_entries_are_all_found)
{
    struct cache *cache = create(100000000, 2);
    struct value value = {0};

    for (unsigned i = 0; i < 20000; i++)
        cache_put(cache, slice_from(&i, sizeof i), &value, 8, NEVER);
    for (unsigned i = 0; i < 20000; i++)
        assert_found(cache, slice_from(&i, sizeof i), 0, &value);
    assert_int_equal(cache_count(cache).entries, 20000);
    assert_int_equal(cache_count(cache).hits, 20000);
    cache_destroy(cache);
    assert_int_equal(value.references, 0);
}

/* The model is an array of what is kept, most recent first. */
struct kept {
    unsigned key;
    struct value *value;
    int64_t expires_at;
};

struct model {
    struct kept entries[VALUES + 1];
    size_t count;
    size_t count_max;
};

static struct slice key_of(unsigned number, char text[3])
{
    snprintf(text, 3, "%02u", number % 100);
    return slice_from(text, 2);
}

static size_t position_of(const struct model *model, unsigned key)
{
    size_t i = 0;

    while (i < model->count && model->entries[i].key != key)
        i++;
    return i;
}

static void model_remove(struct model *model, unsigned key)
{
    size_t position = position_of(model, key);

    if (position == model->count)
        return;
    model->count--;
    for (size_t i = position; i < model->count; i++)
        model->entries[i] = model->entries[i + 1];
}

static void model_put(struct model *model, struct kept kept)
{
    model_remove(model, kept.key);
    for (size_t i = model->count; i > 0; i--)
        model->entries[i] = model->entries[i - 1];
    model->entries[0] = kept;
    model->count += model->count < model->count_max ? 1 : 0;
}

static struct value *model_find(struct model *model, unsigned key, int64_t now)
{
    struct kept kept = model->entries[position_of(model, key)];

    if (position_of(model, key) == model->count)
        return NULL;
    model_remove(model, key);
    if (now > kept.expires_at)
        return NULL;
    model_put(model, kept);
    return kept.value;
}

static void step(struct cache *cache, struct model *model, struct value *values, int64_t now,
                 uint32_t *seed)
{
    unsigned key = random_below(seed, VALUES);
    struct kept kept = {key, &values[random_below(seed, VALUES)], now + random_below(seed, 60)};
    struct value *expected = NULL;
    struct value *found = NULL;
    char text[3];

    switch (random_below(seed, 5)) {
    case 0:
    case 1:
        cache_put(cache, key_of(key, text), kept.value, VALUE_BYTES, kept.expires_at);
        model_put(model, kept);
        break;
    case 2:
        cache_remove(cache, key_of(key, text));
        model_remove(model, key);
        break;
    case 3:
        found =
            cache_intern(cache, key_of(key, text), kept.value, VALUE_BYTES, kept.expires_at, now);
        expected = model_find(model, key, now);
        if (expected == NULL) {
            model_put(model, kept);
            expected = kept.value;
        }
        assert_ptr_equal(found, expected);
        release(found);
        break;
    default:
        assert_found(cache, key_of(key, text), now, model_find(model, key, now));
        break;
    }
}

TEST(a_random_walk_never_leaves_the_plain_model)
{
    enum { KEPT_MAX = 9 };
    size_t bytes = entry_bytes();
    struct cache *cache = create(KEPT_MAX * bytes, 1);
    struct model model = {.count_max = KEPT_MAX};
    struct value values[VALUES] = {0};
    uint32_t seed = 5;

    for (int64_t now = 0; now < 20000; now++) {
        int references = 0;

        step(cache, &model, values, now, &seed);
        for (size_t i = 0; i < VALUES; i++)
            references += values[i].references;
        assert_int_equal(references, model.count);
        assert_int_equal(cache_count(cache).entries, model.count);
        assert_int_equal(cache_count(cache).bytes, model.count * bytes);
    }
    assert_true(cache_count(cache).evictions > 0);
    cache_destroy(cache);
}

struct worker {
    pthread_t thread;
    struct cache *cache;
    struct value *values;
    uint32_t seed;
};

static void *work(void *context)
{
    struct worker *worker = context;

    for (unsigned i = 0; i < 4000; i++) {
        unsigned key = random_below(&worker->seed, VALUES);
        struct value *value = &worker->values[random_below(&worker->seed, VALUES)];
        struct value *found = NULL;
        char text[3];

        switch (random_below(&worker->seed, 4)) {
        case 0:
            cache_put(worker->cache, key_of(key, text), value, VALUE_BYTES, NEVER);
            break;
        case 1:
            cache_remove(worker->cache, key_of(key, text));
            break;
        case 2:
            release(cache_intern(worker->cache, key_of(key, text), value, VALUE_BYTES, NEVER, 0));
            break;
        default:
            found = cache_find(worker->cache, key_of(key, text), 0);
            if (found != NULL)
                release(found);
            break;
        }
    }
    return NULL;
}

TEST(threads_share_a_cache_without_losing_a_reference)
{
    struct cache *cache = create(8 * entry_bytes(), 2);
    struct value values[VALUES] = {0};
    struct worker workers[THREADS];

    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.cache = cache, .values = values, .seed = i + 1};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    cache_destroy(cache);
    for (unsigned i = 0; i < VALUES; i++)
        assert_int_equal(values[i].references, 0);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(what_was_put_is_found_with_a_new_reference),
                     cmocka_unit_test(the_empty_key_is_a_key),
                     cmocka_unit_test(putting_again_replaces_and_releases_the_old_value),
                     cmocka_unit_test(an_entry_past_its_time_is_gone),
                     cmocka_unit_test(removing_releases_and_forgets),
                     cmocka_unit_test(interning_gives_everybody_the_first_value),
                     cmocka_unit_test(a_value_larger_than_a_shard_is_not_kept),
                     cmocka_unit_test(the_least_recently_used_goes_first),
                     cmocka_unit_test(a_release_may_use_the_cache),
                     cmocka_unit_test(many_entries_are_all_found),
                     cmocka_unit_test(a_random_walk_never_leaves_the_plain_model),
                     cmocka_unit_test(threads_share_a_cache_without_losing_a_reference));
}
