/* SPDX-License-Identifier: Apache-2.0
 *
 * Open addressing with linear probing, at most half full.
 */
#include "app/config/text_table_internal.h"

#include <assert.h>

#include "app/config/suggestion_internal.h"
#include "runtime/memory.h"

enum { CAPACITY_MIN = 16 };

void text_table_init(struct text_table *table)
{
    *table = (struct text_table){.key = siphash_key_create()};
}

void text_table_reset(struct text_table *table)
{
    memory_release(table->entries);
    table->entries = NULL;
    table->capacity = 0;
    table->count = 0;
}

/* The entry of this name, or the free place for it. */
static struct text_table_entry *find_place(const struct text_table *table, struct slice name)
{
    size_t mask = table->capacity - 1;
    size_t i = (size_t)siphash(table->key, name) & mask;

    while (table->entries[i].name.data != NULL && !slice_equals(table->entries[i].name, name))
        i = (i + 1) & mask;
    return &table->entries[i];
}

static void grow(struct text_table *table)
{
    struct text_table old = *table;

    table->capacity = old.capacity == 0 ? CAPACITY_MIN : old.capacity * 2;
    table->entries = memory_allocate_array(table->capacity, sizeof(*table->entries));
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i].name.data != NULL)
            *find_place(table, old.entries[i].name) = old.entries[i];
    memory_release(old.entries);
}

void *text_table_add(struct text_table *table, struct slice name, void *value)
{
    struct text_table_entry *entry;

    assert(name.data != NULL && value != NULL);
    if ((table->count + 1) * 2 > table->capacity)
        grow(table);
    entry = find_place(table, name);
    if (entry->name.data != NULL)
        return entry->value;
    *entry = (struct text_table_entry){name, value};
    table->count++;
    return NULL;
}

void *text_table_find(const struct text_table *table, struct slice name)
{
    return table->count == 0 ? NULL : find_place(table, name)->value;
}

struct slice text_table_suggest(const struct text_table *table, struct slice name)
{
    struct suggestion suggestion;

    suggestion_begin(&suggestion, name);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->entries[i].name.data != NULL)
            suggestion_consider(&suggestion, table->entries[i].name);
    return suggestion.nearest;
}
