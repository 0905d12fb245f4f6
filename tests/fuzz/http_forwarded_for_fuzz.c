/* SPDX-License-Identifier: Apache-2.0 */
/* module: protocol/http */
/*
 * Any bytes as X-Forwarded-For of a trusted proxy, a line each field. Whatever stands left of the
 * client's address changes nothing, every hop is trusted, and the list that goes on reads as the
 * one that it was made from.
 */
#include <assert.h>
#include <string.h>

#include "protocol/http/http_forwarded_for.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS_MAX = 64 };

static void split(struct slice rest, struct http_fields *fields)
{
    while (fields->count < FIELDS_MAX && !slice_is_empty(rest)) {
        struct slice line = slice_first(rest, slice_find(rest, '\n'));

        fields->items[fields->count++] = (struct http_field){SLICE("X-Forwarded-For"), line};
        rest = slice_after(rest, line.size + 1);
    }
}

static void assert_equal(const struct http_forwarded_for *a, const struct http_forwarded_for *b)
{
    assert(ip_address_equals(&a->client, &b->client));
    assert(a->hop_count == b->hop_count);
    for (size_t i = 0; i < a->hop_count; i++)
        assert(ip_address_equals(&a->hops[i], &b->hops[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_field items[FIELDS_MAX + 1];
    struct http_fields fields = {items + 1, 0};
    struct http_fields more = {items, 0};
    struct ip_range range;
    struct address_set *trusted;
    struct http_forwarded_for forwarded;
    struct http_forwarded_for again;
    char text[HTTP_FORWARDED_TEXT_MAX];
    struct ip_address nobody = {.family = IP_FAMILY_NONE};

    assert(ip_range_parse(SLICE("10.0.0.0/8"), &range, NULL));
    trusted = address_set_create(&range, 1);
    split(slice_from(data, size), &fields);
    if (http_forwarded_for_read(&fields, trusted, &forwarded) == HTTP_FORWARDED_CLIENT) {
        for (size_t i = 0; i < forwarded.hop_count; i++)
            assert(address_set_has(trusted, &forwarded.hops[i]));
        if (!address_set_has(trusted, &forwarded.client)) {
            items[0] = (struct http_field){SLICE("X-Forwarded-For"), SLICE("6.6.6.6, x")};
            more.count = fields.count + 1;
            assert(http_forwarded_for_read(&more, trusted, &again) == HTTP_FORWARDED_CLIENT);
            assert_equal(&forwarded, &again);
        }
        http_forwarded_for_format(&forwarded, &nobody, text);
        items[0] = (struct http_field){
            SLICE("X-Forwarded-For"),
            slice_first(slice_from_text(text), strlen(text) - strlen(", unknown"))};
        more.count = 1;
        assert(http_forwarded_for_read(&more, trusted, &again) == HTTP_FORWARDED_CLIENT);
        assert_equal(&forwarded, &again);
    }
    address_set_destroy(trusted);
    return 0;
}
