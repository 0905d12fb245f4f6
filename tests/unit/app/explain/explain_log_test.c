/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of a log: what is one, what is not, and that no escape says more than it stands for.
 */
#include "app/explain/explain_log_internal.h"

#include "runtime/memory.h"
#include "support/test.h"

static bool parse(const char *text, char **memory, struct explain_log_line *line)
{
    *memory = memory_copy_text(text);
    return explain_log_parse(*memory, strlen(text), line);
}

TEST(a_line_is_an_object_of_texts_numbers_and_words)
{
    struct explain_log_line line;
    char *memory = NULL;

    assert_true(
        parse(" {\"type\":\"exchange\", \"status\" : 200,\"resumed\":false,\"x\":-1.5e3}\r\n",
              &memory, &line));
    assert_int_equal(line.count, 4);
    assert_true(slice_equals(explain_log_get(&line, "type"), SLICE("exchange")));
    assert_true(slice_equals(explain_log_get(&line, "status"), SLICE("200")));
    assert_true(slice_equals(explain_log_get(&line, "resumed"), SLICE("false")));
    assert_true(slice_is_empty(explain_log_get(&line, "target")));
    memory_release(memory);
}

TEST(escapes_stand_for_what_they_say)
{
    struct explain_log_line line;
    char *memory = NULL;

    assert_true(
        parse("{\"a\":\"\\u0041\\n\\/\\\\\\\"\\u00e9\\u20ac\\ud83d\\ude00\"}", &memory, &line));
    assert_true(slice_equals(explain_log_get(&line, "a"),
                             SLICE("A\n/\\\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")));
    memory_release(memory);
}

TEST(what_is_no_such_object_is_malformed)
{
    static const char *const broken[] = {
        "",
        "{",
        "{}",
        "[]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":{}}",
        "{\"a\":[1]}",
        "{\"a\":yes}",
        "{\"a\":\"b}",
        "{\"a\":\"\\",
        "{\"a\":\"\\x41\"}",
        "{\"a\":\"\\u00g0\"}",
        "{\"a\":\"\\u00\"}",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\ud83d\\u0041\"}",
        "{\"a\":\"\\ude00\"}",
        "{\"a\":\"line\nbreak\"}",
        "{a:1}",
    };

    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct explain_log_line line;
        char *memory = NULL;

        if (parse(broken[i], &memory, &line))
            fail_msg("taken: %s", broken[i]);
        memory_release(memory);
    }
}

TEST(more_fields_than_a_line_may_have_are_malformed)
{
    enum { FIELD_BYTES = 6 };
    char text[(EXPLAIN_LOG_FIELDS_MAX + 1) * FIELD_BYTES + 1];
    struct explain_log_line line;

    for (size_t count = EXPLAIN_LOG_FIELDS_MAX; count <= EXPLAIN_LOG_FIELDS_MAX + 1; count++) {
        for (size_t i = 0; i < count; i++)
            memcpy(text + i * FIELD_BYTES, i == 0 ? "{\"a\":1" : ",\"a\":1", FIELD_BYTES);
        text[count * FIELD_BYTES] = '}';
        assert_int_equal(explain_log_parse(text, count * FIELD_BYTES + 1, &line),
                         count == EXPLAIN_LOG_FIELDS_MAX);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_line_is_an_object_of_texts_numbers_and_words),
                     cmocka_unit_test(escapes_stand_for_what_they_say),
                     cmocka_unit_test(what_is_no_such_object_is_malformed),
                     cmocka_unit_test(more_fields_than_a_line_may_have_are_malformed));
}
