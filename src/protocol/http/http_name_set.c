/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table with open addressing over folded names. It is filled from configuration and only
 * read afterwards; at most half of its places are taken, so a look-up ends after a few of them
 * whatever name a client sends.
 */
#include "protocol/http/http_name_set.h"

#include <stdint.h>

#include "protocol/http/http_characters_internal.h"
#include "runtime/memory.h"

enum { PLACES_MIN = 16 }; /* a power of two, as every number of places is */

struct http_name_set {
    struct slice *places; /* names of ours; an empty place has no data */
    size_t places_count;
    size_t names_count;
};

static char fold(char byte)
{
    return ascii_is_alphanumeric(byte) ? ascii_lower(byte) : '-';
}

/* FNV-1a over the folded bytes. */
static uint64_t hash_folded(struct slice name)
{
    uint64_t hash = 0xcbf29ce484222325U;

    for (size_t i = 0; i < name.size; i++) {
        hash ^= (unsigned char)fold(name.data[i]);
        hash *= 0x100000001b3U;
    }
    return hash ^ (hash >> 32);
}

/* The place that holds the name, or the empty one where it belongs. */
static struct slice *find_place(const struct http_name_set *set, struct slice name)
{
    size_t mask = set->places_count - 1;
    size_t i = (size_t)hash_folded(name) & mask;

    while (set->places[i].data != NULL && !http_name_folds_equal(set->places[i], name))
        i = (i + 1) & mask;
    return &set->places[i];
}

struct http_name_set *http_name_set_create(void)
{
    struct http_name_set *set = memory_allocate(sizeof(*set));

    set->places = memory_allocate_array(PLACES_MIN, sizeof(*set->places));
    set->places_count = PLACES_MIN;
    return set;
}

/* The names are copies of ours, which a slice can only show as constant. */
static void release_name(struct slice name)
{
    union {
        const char *constant;
        char *ours;
    } data = {.constant = name.data};

    memory_release(data.ours);
}

void http_name_set_destroy(struct http_name_set *set)
{
    if (set == NULL)
        return;
    for (size_t i = 0; i < set->places_count; i++)
        release_name(set->places[i]);
    memory_release(set->places);
    memory_release(set);
}

static void grow(struct http_name_set *set)
{
    struct slice *old = set->places;
    size_t old_count = set->places_count;

    set->places_count = old_count * 2;
    set->places = memory_allocate_array(set->places_count, sizeof(*set->places));
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].data != NULL)
            *find_place(set, old[i]) = old[i];
    }
    memory_release(old);
}

void http_name_set_add(struct http_name_set *set, struct slice name)
{
    struct slice *place = find_place(set, name);

    if (place->data != NULL)
        return;
    if ((set->names_count + 1) * 2 > set->places_count) {
        grow(set);
        place = find_place(set, name);
    }
    *place = slice_from(memory_copy_slice(name), name.size);
    set->names_count++;
}

bool http_name_set_has(const struct http_name_set *set, struct slice name)
{
    return find_place(set, name)->data != NULL;
}

size_t http_name_set_count(const struct http_name_set *set)
{
    return set->names_count;
}

bool http_name_folds_equal(struct slice a, struct slice b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        if (fold(a.data[i]) != fold(b.data[i]))
            return false;
    }
    return true;
}

bool http_name_is_plain(struct slice name)
{
    return name.size > 0 && http_characters_are(name, HTTP_CHARACTER_PLAIN_NAME);
}
