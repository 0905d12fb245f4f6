/* SPDX-License-Identifier: Apache-2.0
 *
 * See anchor_usage.h. A usage stays when its generation goes, since the next one may want it; it is
 * made room of only when there are many.
 */
#include "gateway/identity/anchor_usage.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/memory.h"

enum { DIGEST_BYTES = 32 };

struct anchor_usage {
    atomic_size_t references;
    atomic_int_fast64_t last_used;
    char *profile;
    unsigned char digest[DIGEST_BYTES];
};

/* In the order of `compare`. */
struct anchor_usages {
    struct anchor_usage **items;
    size_t count;
    size_t capacity;
};

struct anchor_usages *anchor_usages_create(void)
{
    return memory_allocate(sizeof(struct anchor_usages));
}

static void forget(struct anchor_usage *usage)
{
    assert(atomic_load_explicit(&usage->references, memory_order_acquire) == 0);
    memory_release(usage->profile);
    memory_release(usage);
}

void anchor_usages_destroy(struct anchor_usages *usages)
{
    if (usages == NULL)
        return;
    for (size_t i = 0; i < usages->count; i++)
        forget(usages->items[i]);
    memory_release(usages->items);
    memory_release(usages);
}

static int compare(const struct anchor_usage *usage, const char *profile, struct slice digest)
{
    int order = memcmp(usage->digest, digest.data, DIGEST_BYTES);

    return order != 0 ? order : strcmp(usage->profile, profile);
}

/* Where it is, or would be. */
static size_t find_place(const struct anchor_usages *usages, const char *profile,
                         struct slice digest)
{
    size_t low = 0;
    size_t high = usages->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(usages->items[middle], profile, digest) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void make_room(struct anchor_usages *usages)
{
    size_t kept = 0;

    for (size_t i = 0; i < usages->count; i++) {
        struct anchor_usage *usage = usages->items[i];

        if (atomic_load_explicit(&usage->references, memory_order_acquire) == 0)
            forget(usage);
        else
            usages->items[kept++] = usage;
    }
    usages->count = kept;
}

static struct anchor_usage *add(struct anchor_usages *usages, const char *profile,
                                struct slice digest)
{
    struct anchor_usage *usage = NULL;
    size_t place = 0;

    if (usages->count == ANCHOR_USAGES_MAX)
        make_room(usages);
    if (usages->count == ANCHOR_USAGES_MAX)
        return NULL;
    if (usages->count == usages->capacity) {
        usages->capacity = usages->capacity == 0 ? 16 : usages->capacity * 2;
        usages->items =
            memory_resize(usages->items, usages->capacity * sizeof(struct anchor_usage *));
    }
    usage = memory_allocate(sizeof *usage);
    atomic_init(&usage->references, 0);
    atomic_init(&usage->last_used, 0);
    usage->profile = memory_copy_text(profile);
    memcpy(usage->digest, digest.data, DIGEST_BYTES);
    place = find_place(usages, profile, digest);
    for (size_t i = usages->count; i > place; i--)
        usages->items[i] = usages->items[i - 1];
    usages->items[place] = usage;
    usages->count++;
    return usage;
}

struct anchor_usage *anchor_usages_acquire(struct anchor_usages *usages, const char *profile,
                                           struct slice digest)
{
    struct anchor_usage *usage = NULL;
    size_t place = 0;

    assert(digest.size == DIGEST_BYTES);
    place = find_place(usages, profile, digest);
    if (place < usages->count && compare(usages->items[place], profile, digest) == 0)
        usage = usages->items[place];
    else
        usage = add(usages, profile, digest);
    if (usage != NULL)
        atomic_fetch_add_explicit(&usage->references, 1, memory_order_relaxed);
    return usage;
}

void anchor_usage_release(struct anchor_usage *usage)
{
    if (usage != NULL)
        atomic_fetch_sub_explicit(&usage->references, 1, memory_order_release);
}

/* Written once a second at most, so that workers do not fight over it. */
void anchor_usage_note(struct anchor_usage *usage, int64_t now)
{
    if (usage != NULL && atomic_load_explicit(&usage->last_used, memory_order_relaxed) < now)
        atomic_store_explicit(&usage->last_used, now, memory_order_relaxed);
}

int64_t anchor_usage_last(const struct anchor_usage *usage)
{
    return usage == NULL ? 0 : atomic_load_explicit(&usage->last_used, memory_order_relaxed);
}
