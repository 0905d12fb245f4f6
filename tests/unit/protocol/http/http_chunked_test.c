/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunked content that is accepted and refused; every input is decoded whole and in pieces.
 */
#include "support/test.h"

#include "protocol/http/http_chunked.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct http_chunked_limits limits = {.extension_bytes = 16, .trailer_bytes = 64};

struct decoded {
    enum http_chunked_outcome outcome;
    size_t consumed;
    char content[256];
    size_t size;
};

/* Feeds pieces of `step` bytes. */
static struct decoded decode(struct slice input, size_t step)
{
    struct decoded decoded = {.outcome = HTTP_CHUNKED_NEEDS_MORE};
    struct http_chunked chunked;

    http_chunked_init(&chunked, &limits);
    while (decoded.consumed < input.size) {
        struct slice piece = slice_first(slice_after(input, decoded.consumed), step);
        struct slice content;
        size_t consumed;

        decoded.outcome = http_chunked_decode(&chunked, piece, &consumed, &content);
        assert_true(consumed <= piece.size);
        assert_int_equal(decoded.outcome == HTTP_CHUNKED_CONTENT, content.size > 0);
        assert_true(decoded.size + content.size <= sizeof(decoded.content));
        memcpy(decoded.content + decoded.size, content.data, content.size);
        decoded.size += content.size;
        decoded.consumed += consumed;
        if (decoded.outcome == HTTP_CHUNKED_NEEDS_MORE)
            assert_int_equal(consumed, piece.size);
        if (decoded.outcome == HTTP_CHUNKED_MALFORMED || decoded.outcome == HTTP_CHUNKED_COMPLETE)
            break;
    }
    return decoded;
}

static struct decoded decode_in_every_way(struct slice input)
{
    struct decoded whole = decode(input, input.size);

    for (size_t step = 1; step < input.size; step++) {
        struct decoded pieces = decode(input, step);

        if (whole.outcome != HTTP_CHUNKED_CONTENT)
            assert_int_equal(pieces.outcome, whole.outcome);
        assert_int_equal(pieces.consumed, whole.consumed);
        assert_int_equal(pieces.size, whole.size);
        assert_memory_equal(pieces.content, whole.content, whole.size);
    }
    return whole;
}

TEST(chunks_are_decoded_up_to_their_end)
{
    const struct {
        struct slice input;
        const char *content;
        const char *rest;
    } cases[] = {
        {SLICE("0\r\n\r\n"), "", ""},
        {SLICE("000\r\n\r\nGET /"), "", "GET /"},
        {SLICE("3\r\nabc\r\n0\r\n\r\nnext"), "abc", "next"},
        {SLICE("3\r\nabc\r\nA\r\n0123456789\r\n1\r\n\n\r\n0\r\n\r\n"), "abc0123456789\n", ""},
        {SLICE("0000000000000003\r\nabc\r\n0\r\n\r\n"), "abc", ""},
        {SLICE("a\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n"), "\r\n0\r\n\r\n0\r\n", ""},
        {SLICE("3;a=b;c=\"d\"\r\nabc\r\n0\r\n\r\n"), "abc", ""},
        {SLICE("3;\r\nabc\r\n0; x = \"y\t\"\r\n\r\n"), "abc", ""},
        {SLICE("1;234567890123456\r\na\r\n0\r\n\r\n"), "a", ""},
        {SLICE("0\r\nA: b\r\nC:\r\nD-E: \xff f\r\n\r\nX"), "", "X"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct decoded decoded = decode_in_every_way(cases[i].input);

        if (decoded.outcome != HTTP_CHUNKED_COMPLETE)
            fail_msg("%.*s", SLICE_FORMAT(cases[i].input));
        assert_true(slice_equals(slice_from(decoded.content, decoded.size),
                                 slice_from_text(cases[i].content)));
        assert_true(slice_equals(slice_after(cases[i].input, decoded.consumed),
                                 slice_from_text(cases[i].rest)));
    }
}

TEST(malformed_chunks_are_refused)
{
    const struct slice cases[] = {
        /* Sizes. */
        SLICE("\r\n"),
        SLICE(" 3\r\nabc"),
        SLICE("3 \r\nabc"),
        SLICE("3\t\r\nabc"),
        SLICE("+3\r\n"),
        SLICE("-1\r\n"),
        SLICE("0x3\r\nabc"),
        SLICE("3g\r\n"),
        SLICE(";a\r\n"),
        SLICE("g\r\n"),
        SLICE("3 ;a\r\nabc"),
        SLICE("\"3\"\r\n"),
        SLICE("3,3\r\nabc"),
        SLICE("3\0\r\n"),
        SLICE("00000000000000003\r\nabc"),
        SLICE("8000000000000000\r\n"),
        SLICE("ffffffffffffffff\r\n"),
        SLICE("10000000000000000\r\n"),
        SLICE("3_0\r\n"),
        SLICE("\xb2\r\n"),
        /* Line ends after a size, an extension, content, a trailer, and at the end. */
        SLICE("3\nabc\r\n0\r\n\r\n"),
        SLICE("3\rabc\r\n0\r\n\r\n"),
        SLICE("3\r\r\nabc"),
        SLICE("3\n\rabc"),
        SLICE("3;a\nabc"),
        SLICE("3;a\rabc"),
        SLICE("3;a\r\rabc"),
        SLICE("3\r\nabc\n0\r\n\r\n"),
        SLICE("3\r\nabc\r0\r\n\r\n"),
        SLICE("3\r\nabc0\r\n\r\n"),
        SLICE("3\r\nabcd\r\n0\r\n\r\n"),
        SLICE("3\r\nabc\r\n\r\n"),
        SLICE("3\r\nabc\n\r0"),
        SLICE("0\r\n\n"),
        SLICE("0\n\n"),
        SLICE("0\n\r\n"),
        SLICE("0\r\n\rX"),
        SLICE("0\r\nA: b\n"),
        SLICE("0\r\nA: b\rX"),
        SLICE("0\r\nA: b\r\n\n"),
        SLICE("0\r\n\r\r\n"),
        /* Extensions. */
        SLICE("3;a\0\r\n"),
        SLICE("3;\x7f\r\n"),
        SLICE("3;\x80\r\n"),
        SLICE("3;\x0b\r\n"),
        SLICE("3;\"a\nb\"\r\nabc"),
        SLICE("3;23456789012345678\r\n"),
        /* Trailers. */
        SLICE("0\r\n: b\r\n\r\n"),
        SLICE("0\r\nA\r\n\r\n"),
        SLICE("0\r\nA : b\r\n\r\n"),
        SLICE("0\r\n A: b\r\n\r\n"),
        SLICE("0\r\nA: b\r\n c\r\n\r\n"),
        SLICE("0\r\nA: \0\r\n\r\n"),
        SLICE("0\r\nA/: b\r\n\r\n"),
        SLICE("0\r\nGET / HTTP/1.1\r\n\r\n"),
        SLICE("0\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n"),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct decoded decoded = decode_in_every_way(cases[i]);

        if (decoded.outcome != HTTP_CHUNKED_MALFORMED)
            fail_msg("accepted (%d): %.*s", (int)decoded.outcome, SLICE_FORMAT(cases[i]));
    }
}

TEST(unfinished_chunks_need_more)
{
    struct slice text = SLICE("3;a=b\r\nabc\r\n0\r\nA: b\r\n\r\n");

    for (size_t size = 0; size < text.size; size++) {
        struct decoded decoded = decode_in_every_way(slice_first(text, size));

        assert_int_not_equal(decoded.outcome, HTTP_CHUNKED_COMPLETE);
        assert_int_not_equal(decoded.outcome, HTTP_CHUNKED_MALFORMED);
    }
}

TEST(limits_are_kept_to_the_byte)
{
    const struct {
        struct slice input;
        size_t extension_bytes;
        size_t trailer_bytes;
        enum http_chunked_outcome outcome;
    } cases[] = {
        {SLICE("0;abc\r\n\r\n"), 4, 0, HTTP_CHUNKED_COMPLETE},
        {SLICE("0;abc\r\n\r\n"), 3, 0, HTTP_CHUNKED_MALFORMED},
        {SLICE("0;\r\n\r\n"), 0, 0, HTTP_CHUNKED_MALFORMED},
        {SLICE("0\r\n\r\n"), 0, 0, HTTP_CHUNKED_COMPLETE},
        {SLICE("0\r\nA: b\r\nC: d\r\n\r\n"), 0, 12, HTTP_CHUNKED_COMPLETE},
        {SLICE("0\r\nA: b\r\nC: d\r\n\r\n"), 0, 11, HTTP_CHUNKED_MALFORMED},
        {SLICE("0\r\nA: b\r\n\r\n"), 0, 0, HTTP_CHUNKED_MALFORMED},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct http_chunked_limits small = {cases[i].extension_bytes, cases[i].trailer_bytes};
        struct http_chunked chunked;
        struct slice content;
        size_t consumed;

        http_chunked_init(&chunked, &small);
        assert_int_equal(http_chunked_decode(&chunked, cases[i].input, &consumed, &content),
                         cases[i].outcome);
    }
}

TEST(an_extension_limit_is_for_all_chunks_together)
{
    struct decoded within =
        decode_in_every_way(SLICE("1;2345678\r\na\r\n1;2345678\r\nb\r\n0\r\n\r\n"));
    struct decoded beyond =
        decode_in_every_way(SLICE("1;2345678\r\na\r\n1;23456789\r\nb\r\n0\r\n\r\n"));

    assert_int_equal(within.outcome, HTTP_CHUNKED_COMPLETE);
    assert_int_equal(within.size, 2);
    assert_int_equal(beyond.outcome, HTTP_CHUNKED_MALFORMED);
}

TEST(a_decoder_that_is_done_or_failed_stays_so)
{
    struct http_chunked chunked;
    struct slice content;
    size_t consumed;

    http_chunked_init(&chunked, &limits);
    http_chunked_decode(&chunked, SLICE("0\r\n\r\n"), &consumed, &content);
    assert_int_equal(http_chunked_decode(&chunked, SLICE("3\r\nabc"), &consumed, &content),
                     HTTP_CHUNKED_COMPLETE);
    assert_int_equal(consumed, 0);
    assert_int_equal(content.size, 0);

    http_chunked_init(&chunked, &limits);
    http_chunked_decode(&chunked, SLICE("x"), &consumed, &content);
    assert_int_equal(http_chunked_decode(&chunked, SLICE("0\r\n\r\n"), &consumed, &content),
                     HTTP_CHUNKED_MALFORMED);
    assert_int_equal(content.size, 0);
}

TEST(content_is_given_where_it_lies)
{
    struct slice input = SLICE("5\r\nabcde\r\n");
    struct http_chunked chunked;
    struct slice content;
    size_t consumed;

    http_chunked_init(&chunked, &limits);
    assert_int_equal(http_chunked_decode(&chunked, input, &consumed, &content),
                     HTTP_CHUNKED_CONTENT);
    assert_ptr_equal(content.data, input.data + 3);
    assert_int_equal(content.size, 5);
    assert_int_equal(consumed, 8);
    assert_int_equal(
        http_chunked_decode(&chunked, slice_after(input, consumed), &consumed, &content),
        HTTP_CHUNKED_NEEDS_MORE);
    assert_int_equal(consumed, 2);
    assert_int_equal(http_chunked_decode(&chunked, slice_from(NULL, 0), &consumed, &content),
                     HTTP_CHUNKED_NEEDS_MORE);
    assert_int_equal(consumed, 0);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(chunks_are_decoded_up_to_their_end),
                     cmocka_unit_test(malformed_chunks_are_refused),
                     cmocka_unit_test(unfinished_chunks_need_more),
                     cmocka_unit_test(limits_are_kept_to_the_byte),
                     cmocka_unit_test(an_extension_limit_is_for_all_chunks_together),
                     cmocka_unit_test(a_decoder_that_is_done_or_failed_stays_so),
                     cmocka_unit_test(content_is_given_where_it_lies));
}
