/* SPDX-License-Identifier: Apache-2.0
 *
 * Digests in the order in which they came, and an open table of their numbers.
 */
#include "gateway/policy/fingerprint_set_internal.h"

#include <stdint.h>

#include "runtime/memory.h"
#include "runtime/siphash.h"

enum { SLOTS_MIN = 16 };

struct fingerprint_set {
    size_t bytes_each;
    size_t count;
    size_t capacity;
    unsigned char *digests;
    uint32_t *slots; /* the number of a digest plus one; 0: nothing */
    size_t slot_count;
    struct siphash_key key;
};

struct fingerprint_set *fingerprint_set_create(size_t bytes_each)
{
    struct fingerprint_set *set = memory_allocate(sizeof(*set));

    set->bytes_each = bytes_each;
    set->slot_count = SLOTS_MIN;
    set->slots = memory_allocate_array(set->slot_count, sizeof(*set->slots));
    set->key = siphash_key_create();
    return set;
}

void fingerprint_set_destroy(struct fingerprint_set *set)
{
    if (set == NULL)
        return;
    memory_release(set->digests);
    memory_release(set->slots);
    memory_release(set);
}

static const unsigned char *digest_at(const struct fingerprint_set *set, uint32_t slot)
{
    return set->digests + (size_t)(slot - 1) * set->bytes_each;
}

/* The slot of the digest, or the empty one where it would be. */
static size_t find_slot(const struct fingerprint_set *set, const unsigned char *digest,
                        size_t *probes)
{
    size_t slot =
        (size_t)siphash(set->key, slice_from(digest, set->bytes_each)) & (set->slot_count - 1);

    for (;;) {
        if (probes != NULL)
            ++*probes;
        if (set->slots[slot] == 0 ||
            memcmp(digest_at(set, set->slots[slot]), digest, set->bytes_each) == 0)
            return slot;
        slot = (slot + 1) & (set->slot_count - 1);
    }
}

/* At most half of the slots are taken. */
static void grow_slots(struct fingerprint_set *set)
{
    memory_release(set->slots);
    set->slot_count *= 2;
    set->slots = memory_allocate_array(set->slot_count, sizeof(*set->slots));
    for (size_t i = 0; i < set->count; i++)
        set->slots[find_slot(set, set->digests + i * set->bytes_each, NULL)] = (uint32_t)(i + 1);
}

bool fingerprint_set_add(struct fingerprint_set *set, const unsigned char *digest)
{
    size_t slot = find_slot(set, digest, NULL);

    if (set->slots[slot] != 0)
        return false;
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? SLOTS_MIN : set->capacity * 2;
        set->digests = memory_resize(set->digests, set->capacity * set->bytes_each);
    }
    memcpy(set->digests + set->count * set->bytes_each, digest, set->bytes_each);
    set->count++;
    set->slots[slot] = (uint32_t)set->count;
    if (set->count * 2 > set->slot_count)
        grow_slots(set);
    return true;
}

size_t fingerprint_set_count(const struct fingerprint_set *set)
{
    return set == NULL ? 0 : set->count;
}

bool fingerprint_set_has(const struct fingerprint_set *set, const unsigned char *digest,
                         size_t *probes)
{
    return set != NULL && set->slots[find_slot(set, digest, probes)] != 0;
}
