/* SPDX-License-Identifier: Apache-2.0
 *
 * Names and what they stand for: a hash table that grows. It borrows names and values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/siphash.h"
#include "runtime/slice.h"

struct text_table_entry {
    struct slice name; /* its data is NULL: the place is free */
    void *value;
};

struct text_table {
    struct siphash_key key;
    struct text_table_entry *entries;
    size_t capacity;
    size_t count;
};

void text_table_init(struct text_table *table);
void text_table_reset(struct text_table *table);

/* NULL when the name is new and now stands for the value; else what it has stood for, unchanged.
 * The value is not NULL. */
void *text_table_add(struct text_table *table, struct slice name, void *value);
/* NULL when there is no such name. */
void *text_table_find(const struct text_table *table, struct slice name);
/* The name nearest to this one, as suggestion_find judges it; empty when none is near. */
struct slice text_table_suggest(const struct text_table *table, struct slice name);
