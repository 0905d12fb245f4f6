/* SPDX-License-Identifier: Apache-2.0
 *
 * Trace contexts: those that are carried on, those that are none, and what is said in our turn.
 */
#include "support/test.h"

#include <string.h>

#include "protocol/http/http_trace.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN  "00f067aa0ba902b7"

static const uint64_t words[3] = {0x0123456789abcdef, 0xfedcba9876543210, 0x1111111111111111};

TEST(a_trace_context_to_the_letter_is_read)
{
    const struct {
        struct slice value;
        bool is_sampled;
    } cases[] = {
        {SLICE("00-" TRACE "-" SPAN "-01"), true},
        {SLICE("00-" TRACE "-" SPAN "-00"), false},
        {SLICE("00-" TRACE "-" SPAN "-ff"), true},
        {SLICE("00-" TRACE "-" SPAN "-02"), false},
        {SLICE("00-" TRACE "-" SPAN "-0a"), false},
        /* Of versions to come only the beginning is known. */
        {SLICE("01-" TRACE "-" SPAN "-01"), true},
        {SLICE("cc-" TRACE "-" SPAN "-01-what-will-be"), true},
        {SLICE("fe-" TRACE "-" SPAN "-01-"), true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_trace trace = {.is_sampled = !cases[i].is_sampled};

        if (!http_trace_parse_parent(cases[i].value, &trace))
            fail_msg("refused: %.*s", SLICE_FORMAT(cases[i].value));
        assert_string_equal(trace.id, TRACE);
        assert_string_equal(trace.span_id, SPAN);
        assert_int_equal(trace.is_sampled, cases[i].is_sampled);
    }
}

TEST(what_is_no_trace_context_is_refused_and_leaves_nothing)
{
    static const struct slice cases[] = {
        SLICE_STATIC(""),
        SLICE_STATIC("00"),
        SLICE_STATIC("00-"),
        SLICE_STATIC("00-" TRACE),
        SLICE_STATIC("00-" TRACE "-" SPAN),
        SLICE_STATIC("00-" TRACE "-" SPAN "-"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-0"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-01-"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-01-more"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-011"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-01 "),
        SLICE_STATIC(" 00-" TRACE "-" SPAN "-01"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-0g"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-0A"),
        SLICE_STATIC("00_" TRACE "_" SPAN "_01"),
        SLICE_STATIC("00 " TRACE " " SPAN " 01"),
        SLICE_STATIC("0-" TRACE "-" SPAN "-001"),
        SLICE_STATIC("ff-" TRACE "-" SPAN "-01"),
        SLICE_STATIC("FE-" TRACE "-" SPAN "-01"),
        SLICE_STATIC("0x-" TRACE "-" SPAN "-01"),
        SLICE_STATIC("01-" TRACE "-" SPAN "-01.more"),
        SLICE_STATIC("00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01"),
        SLICE_STATIC("00-" TRACE "-00F067AA0BA902B7-01"),
        SLICE_STATIC("00-4bf92f3577b34da6a3ce929d0e0e473-" SPAN "-01a"),
        SLICE_STATIC("00-4bf92f3577b34da6a3ce929d0e0e47366-0f067aa0ba902b7-01"),
        SLICE_STATIC("00-4bf92f3577b34da6a3ce929d0e0e473\0-" SPAN "-01"),
        SLICE_STATIC("00-00000000000000000000000000000000-" SPAN "-01"),
        SLICE_STATIC("00-" TRACE "-0000000000000000-01"),
        SLICE_STATIC("00-" TRACE "-" SPAN "-01,00-" TRACE "-" SPAN "-01"),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_trace trace = {.id = "unchanged"};

        if (http_trace_parse_parent(cases[i], &trace))
            fail_msg("read: %.*s", SLICE_FORMAT(cases[i]));
        assert_string_equal(trace.id, "unchanged");
        assert_string_equal(trace.span_id, "");
    }
}

TEST(no_byte_of_a_trace_context_can_be_another)
{
    char text[] = "00-" TRACE "-" SPAN "-01";
    struct http_trace trace;

    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        char kept = text[i];

        for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
            bool is_hexadecimal = byte != 0 && strchr("0123456789abcdef", (int)byte) != NULL;

            text[i] = (char)byte;
            if (kept == '-' ? byte != '-' : !is_hexadecimal)
                assert_false(http_trace_parse_parent(slice_from(text, sizeof(text) - 1), &trace));
        }
        text[i] = kept;
    }
    for (size_t size = 0; size < sizeof(text) - 1; size++)
        assert_false(http_trace_parse_parent(slice_from(text, size), &trace));
}

TEST(a_trace_of_the_client_is_carried_on_by_a_span_of_ours)
{
    struct http_field fields[] = {
        {SLICE("Accept"), SLICE("*/*")},
        {SLICE("TraceParent"), SLICE("00-" TRACE "-" SPAN "-00")},
    };
    struct http_fields list = {fields, COUNT(fields)};
    struct http_trace trace = http_trace_start(&list, words);
    char text[HTTP_TRACE_PARENT_SIZE];

    assert_true(trace.is_continued);
    assert_string_equal(trace.id, TRACE);
    assert_string_not_equal(trace.span_id, SPAN);
    http_trace_format_parent(&trace, text);
    assert_string_equal(text, "00-" TRACE "-1111111111111111-00");
}

TEST(flags_that_nobody_knows_are_not_passed_on)
{
    struct http_field field = {SLICE("traceparent"), SLICE("00-" TRACE "-" SPAN "-ff")};
    struct http_fields list = {&field, 1};
    struct http_trace trace = http_trace_start(&list, words);
    char text[HTTP_TRACE_PARENT_SIZE];

    http_trace_format_parent(&trace, text);
    assert_string_equal(text, "00-" TRACE "-1111111111111111-01");
}

static void assert_begun(const struct http_fields *fields)
{
    struct http_trace trace = http_trace_start(fields, words);
    char text[HTTP_TRACE_PARENT_SIZE];
    struct http_trace again;

    assert_false(trace.is_continued);
    assert_true(trace.is_sampled);
    assert_string_not_equal(trace.id, TRACE);
    http_trace_format_parent(&trace, text);
    assert_true(http_trace_parse_parent(slice_from_text(text), &again));
    assert_string_equal(again.id, trace.id);
    assert_string_equal(again.span_id, trace.span_id);
}

TEST(a_trace_begins_where_there_is_none_that_can_be_carried_on)
{
    struct http_field wrong = {SLICE("traceparent"), SLICE("00-" TRACE "-" SPAN "-1")};
    struct http_field twice[] = {
        {SLICE("traceparent"), SLICE("00-" TRACE "-" SPAN "-01")},
        {SLICE("Traceparent"), SLICE("00-" TRACE "-" SPAN "-01")},
    };
    struct http_field other = {SLICE("trace-parent"), SLICE("00-" TRACE "-" SPAN "-01")};

    assert_begun(NULL);
    assert_begun(&(struct http_fields){NULL, 0});
    assert_begun(&(struct http_fields){&wrong, 1});
    assert_begun(&(struct http_fields){twice, COUNT(twice)});
    assert_begun(&(struct http_fields){&other, 1});
}

/* An id of zeros is the one that every reader refuses. */
TEST(no_word_of_the_generator_makes_an_id_that_is_none)
{
    static const uint64_t zeros[3] = {0};
    struct http_trace trace = http_trace_start(NULL, zeros);

    assert_string_equal(trace.id, "00000000000000000000000000000001");
    assert_string_equal(trace.span_id, "0000000000000001");
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_trace_context_to_the_letter_is_read),
                     cmocka_unit_test(what_is_no_trace_context_is_refused_and_leaves_nothing),
                     cmocka_unit_test(no_byte_of_a_trace_context_can_be_another),
                     cmocka_unit_test(a_trace_of_the_client_is_carried_on_by_a_span_of_ours),
                     cmocka_unit_test(flags_that_nobody_knows_are_not_passed_on),
                     cmocka_unit_test(a_trace_begins_where_there_is_none_that_can_be_carried_on),
                     cmocka_unit_test(no_word_of_the_generator_makes_an_id_that_is_none));
}
