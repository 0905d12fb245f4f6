/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about messages: fields by name, lists, methods, phrases.
 */
#include "support/test.h"

#include "protocol/http/http_message.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(a_field_is_found_whatever_its_case)
{
    struct http_field items[] = {{SLICE("Accept"), SLICE("1")},
                                 {SLICE("ACCEPT"), SLICE("2")},
                                 {SLICE("Accept-Language"), SLICE("3")}};
    struct http_fields fields = {items, COUNT(items)};
    struct http_fields none = {NULL, 0};

    assert_ptr_equal(http_fields_find(&fields, SLICE("accept")), &items[0]);
    assert_ptr_equal(http_fields_find(&fields, SLICE("accept-LANGUAGE")), &items[2]);
    assert_null(http_fields_find(&fields, SLICE("Accep")));
    assert_null(http_fields_find(&none, SLICE("Accept")));
    assert_int_equal(http_fields_count(&fields, SLICE("accept")), 2);
    assert_int_equal(http_fields_count(&fields, SLICE("Accept_Language")), 0);
    assert_int_equal(http_fields_count(&none, SLICE("Accept")), 0);
}

TEST(methods_are_idempotent_by_their_exact_name)
{
    const struct slice idempotent[] = {SLICE("GET"),    SLICE("HEAD"),    SLICE("PUT"),
                                       SLICE("DELETE"), SLICE("OPTIONS"), SLICE("TRACE")};
    const struct slice others[] = {SLICE("POST"), SLICE("PATCH"), SLICE("get"), SLICE("GETS"),
                                   SLICE("")};

    for (size_t i = 0; i < COUNT(idempotent); i++)
        assert_true(http_method_is_idempotent(idempotent[i]));
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(http_method_is_idempotent(others[i]));
}

/* RFC 9110 section 5.6.2, for each of the 256 bytes. */
TEST(a_token_has_the_characters_of_the_rfc)
{
    const char *const others = "!#$%&'*+-.^_`|~";

    assert_false(http_is_token(SLICE("")));
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        bool expected = (i >= '0' && i <= '9') || (i >= 'a' && i <= 'z') ||
                        (i >= 'A' && i <= 'Z') || (i != 0 && strchr(others, i) != NULL);

        assert_int_equal(http_is_token(slice_from(&byte, 1)), expected);
    }
    assert_true(http_is_token(SLICE("X-Token_1")));
    assert_false(http_is_token(SLICE("two words")));
    assert_false(http_is_token(SLICE("end ")));
}

TEST(statuses_have_their_registered_phrases)
{
    assert_string_equal(http_reason_phrase(200), "OK");
    assert_string_equal(http_reason_phrase(421), "Misdirected Request");
    assert_string_equal(http_reason_phrase(431), "Request Header Fields Too Large");
    assert_string_equal(http_reason_phrase(499), "Unknown");
    assert_string_equal(http_reason_phrase(0), "Unknown");
}

TEST(a_list_is_walked_without_its_empty_elements)
{
    struct slice rest = SLICE(" ,a,\t b c\t,,d ,");
    struct slice element = SLICE("untouched");

    assert_true(http_list_next(&rest, &element));
    assert_true(slice_equals(element, SLICE("a")));
    assert_true(http_list_next(&rest, &element));
    assert_true(slice_equals(element, SLICE("b c")));
    assert_true(http_list_next(&rest, &element));
    assert_true(slice_equals(element, SLICE("d")));
    assert_false(http_list_next(&rest, &element));
    assert_true(slice_equals(element, SLICE("d")));

    rest = SLICE("");
    assert_false(http_list_next(&rest, &element));
    rest = slice_from(NULL, 0);
    assert_false(http_list_next(&rest, &element));
    rest = SLICE(", ,\t,");
    assert_false(http_list_next(&rest, &element));
}

TEST(a_list_has_a_token_only_as_a_whole_element)
{
    assert_true(http_list_has_token(SLICE("keep-alive, Upgrade"), SLICE("upgrade")));
    assert_true(http_list_has_token(SLICE("close"), SLICE("close")));
    assert_false(http_list_has_token(SLICE("close2, xclose"), SLICE("close")));
    assert_false(http_list_has_token(SLICE("close x"), SLICE("close")));
    assert_false(http_list_has_token(SLICE(""), SLICE("close")));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_field_is_found_whatever_its_case),
                     cmocka_unit_test(methods_are_idempotent_by_their_exact_name),
                     cmocka_unit_test(a_token_has_the_characters_of_the_rfc),
                     cmocka_unit_test(statuses_have_their_registered_phrases),
                     cmocka_unit_test(a_list_is_walked_without_its_empty_elements),
                     cmocka_unit_test(a_list_has_a_token_only_as_a_whole_element));
}
