/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "runtime/list.h"

enum { ITEMS = 12 };

struct item {
    unsigned number;
    struct list_link link;
};

static unsigned number_of(struct list_link *link)
{
    return LIST_ITEM(link, struct item, link)->number;
}

TEST(items_come_in_the_order_of_their_ends)
{
    struct list list;
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct list_link *link = NULL;

    list_init(&list);
    list_append(&list, &items[1].link);
    list_append(&list, &items[2].link);
    list_prepend(&list, &items[0].link);

    link = list_first(&list);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(number_of(link), i);
        link = list_next(&list, link);
    }
    assert_null(link);
    assert_int_equal(number_of(list_last(&list)), 2);
}

TEST(an_empty_list_has_no_ends)
{
    struct list list;

    list_init(&list);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list));
    assert_null(list_last(&list));
}

TEST(a_removed_link_is_zero_and_may_join_again)
{
    struct list list;
    struct item item = {.number = 5};

    list_init(&list);
    list_append(&list, &item.link);
    list_remove(&list, &item.link);
    assert_true(list_is_empty(&list));
    assert_null(item.link.previous);
    assert_null(item.link.next);
    list_prepend(&list, &item.link);
    assert_int_equal(number_of(list_first(&list)), 5);
}

/* The model is an array of numbers in order. */
struct model {
    unsigned numbers[ITEMS];
    size_t count;
};

static size_t position_in(const struct model *model, unsigned number)
{
    size_t i = 0;

    while (i < model->count && model->numbers[i] != number)
        i++;
    return i;
}

static void model_insert(struct model *model, size_t position, unsigned number)
{
    for (size_t i = model->count; i > position; i--)
        model->numbers[i] = model->numbers[i - 1];
    model->numbers[position] = number;
    model->count++;
}

static void model_remove(struct model *model, size_t position)
{
    model->count--;
    for (size_t i = position; i < model->count; i++)
        model->numbers[i] = model->numbers[i + 1];
}

static void step(struct list *list, struct model *model, struct item *item, bool at_front)
{
    size_t position = position_in(model, item->number);

    if (position < model->count) {
        list_remove(list, &item->link);
        model_remove(model, position);
    } else if (at_front) {
        list_prepend(list, &item->link);
        model_insert(model, 0, item->number);
    } else {
        list_append(list, &item->link);
        model_insert(model, model->count, item->number);
    }
}

TEST(a_random_walk_never_leaves_the_plain_model)
{
    struct item items[ITEMS] = {0};
    struct model model = {.count = 0};
    struct list list;
    uint32_t seed = 3;

    list_init(&list);
    for (unsigned i = 0; i < ITEMS; i++)
        items[i].number = i;
    for (unsigned i = 0; i < 5000; i++) {
        const struct list_link *link = NULL;
        size_t position = 0;

        step(&list, &model, &items[random_below(&seed, ITEMS)], random_below(&seed, 2) == 0);
        assert_int_equal(list.count, model.count);
        assert_int_equal(list_is_empty(&list), model.count == 0);
        for (link = list_first(&list); link != NULL; link = list_next(&list, link)) {
            assert_ptr_equal(link, &items[model.numbers[position]].link);
            position++;
        }
        assert_int_equal(position, model.count);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(items_come_in_the_order_of_their_ends),
                     cmocka_unit_test(an_empty_list_has_no_ends),
                     cmocka_unit_test(a_removed_link_is_zero_and_may_join_again),
                     cmocka_unit_test(a_random_walk_never_leaves_the_plain_model));
}
