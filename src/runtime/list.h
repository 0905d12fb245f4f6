/* SPDX-License-Identifier: Apache-2.0
 *
 * A doubly linked list whose links live inside the items. The list owns nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list_link {
    struct list_link *previous;
    struct list_link *next;
};

struct list {
    struct list_link head; /* points to itself when the list is empty */
    size_t count;
};

/* The item that holds `link` as its `member`. */
#define LIST_ITEM(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

void list_init(struct list *list);
bool list_is_empty(const struct list *list);
void list_append(struct list *list, struct list_link *link);
void list_prepend(struct list *list, struct list_link *link);
/* A link that is in no list must be zero, and is zero afterwards. */
void list_remove(struct list *list, struct list_link *link);
/* NULL at the end. */
struct list_link *list_first(const struct list *list);
struct list_link *list_last(const struct list *list);
struct list_link *list_next(const struct list *list, const struct list_link *link);
