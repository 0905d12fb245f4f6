/* SPDX-License-Identifier: Apache-2.0
 *
 * A ring of links through the list's head, which spares every special case at the ends. A link
 * in a list has both neighbours; a link outside has none, and the assertions rely on that.
 */
#include "runtime/list.h"

#include <assert.h>

void list_init(struct list *list)
{
    list->head.previous = &list->head;
    list->head.next = &list->head;
    list->count = 0;
}

bool list_is_empty(const struct list *list)
{
    return list->count == 0;
}

static void insert_between(struct list *list, struct list_link *link, struct list_link *previous,
                           struct list_link *next)
{
    assert(link->previous == NULL && link->next == NULL);
    link->previous = previous;
    link->next = next;
    previous->next = link;
    next->previous = link;
    list->count++;
}

void list_append(struct list *list, struct list_link *link)
{
    insert_between(list, link, list->head.previous, &list->head);
}

void list_prepend(struct list *list, struct list_link *link)
{
    insert_between(list, link, &list->head, list->head.next);
}

void list_remove(struct list *list, struct list_link *link)
{
    assert(link->previous != NULL && link->next != NULL && list->count > 0);
    link->previous->next = link->next;
    link->next->previous = link->previous;
    *link = (struct list_link){NULL, NULL};
    list->count--;
}

static struct list_link *unless_head(const struct list *list, struct list_link *link)
{
    return link == &list->head ? NULL : link;
}

struct list_link *list_first(const struct list *list)
{
    return unless_head(list, list->head.next);
}

struct list_link *list_last(const struct list *list)
{
    return unless_head(list, list->head.previous);
}

struct list_link *list_next(const struct list *list, const struct list_link *link)
{
    return unless_head(list, link->next);
}
