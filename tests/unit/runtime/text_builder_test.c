/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>

#include "runtime/memory.h"
#include "runtime/text_builder.h"

TEST(text_grows_at_its_end)
{
    struct text_builder builder = {0};
    char *text = NULL;

    text_builder_add(&builder, SLICE("a"));
    text_builder_add(&builder, SLICE(""));
    text_builder_add_format(&builder, "%d%s", 12, "c");
    assert_string_equal(builder.text, "a12c");
    for (size_t i = 0; i < 1000; i++)
        text_builder_add_format(&builder, "%03zu", i);
    assert_int_equal(builder.size, 3004);
    text = text_builder_take(&builder);
    assert_int_equal(strlen(text), 3004);
    assert_string_equal(text + 3001, "999");
    memory_release(text);
}

TEST(what_was_taken_is_begun_anew)
{
    struct text_builder builder = {0};
    char *text = text_builder_take(&builder);

    assert_string_equal(text, "");
    memory_release(text);
    text_builder_add(&builder, SLICE("b"));
    text = text_builder_take(&builder);
    assert_string_equal(text, "b");
    memory_release(text);
    text_builder_add(&builder, SLICE("c"));
    text_builder_reset(&builder);
    text_builder_reset(&builder);
    assert_int_equal(builder.size, 0);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(text_grows_at_its_end),
                     cmocka_unit_test(what_was_taken_is_begun_anew));
}
