/* SPDX-License-Identifier: Apache-2.0
 *
 * Trailer sections as they come out of the chunked decoder, however the input was split.
 */
#include "support/test.h"

#include "protocol/http/http_chunked.h"
#include "protocol/http/http_trailer.h"

enum { MEMORY_BYTES = 4096, TRAILER_BYTES = 48 };

static char arena_memory[MEMORY_BYTES];
static char section_memory[TRAILER_BYTES + 2];
static const struct http_chunked_limits limits = {.extension_bytes = 8,
                                                  .trailer_bytes = TRAILER_BYTES};

/* The decoder, after `text` came in pieces of `step` bytes. */
static struct http_chunked decode(struct slice text, size_t step, char *memory)
{
    struct http_chunked chunked;

    assert_int_equal(http_chunked_trailer_room(&limits), sizeof(section_memory));
    memset(section_memory, '?', sizeof(section_memory));
    http_chunked_init(&chunked, &limits);
    http_chunked_keep_trailers(&chunked, memory);
    while (!slice_is_empty(text)) {
        struct slice content;
        size_t consumed;

        if (http_chunked_decode(&chunked, slice_first(text, step), &consumed, &content) ==
            HTTP_CHUNKED_MALFORMED)
            break;
        text = slice_after(text, consumed);
    }
    return chunked;
}

static const char *read_fields(struct slice section, size_t count_max, struct http_fields *fields)
{
    struct arena arena;

    arena_init(&arena, arena_memory, sizeof(arena_memory));
    return http_trailers_read(section, count_max, &arena, fields);
}

TEST(trailers_are_what_stands_behind_the_last_chunk)
{
    struct slice text = SLICE("1\r\nx\r\n0;e\r\nX-Check:  1 \r\nB:\r\n\r\n");

    for (size_t step = 1; step <= text.size; step++) {
        struct http_chunked chunked = decode(text, step, section_memory);
        struct http_fields fields;

        assert_int_equal(chunked.state, HTTP_CHUNKED_DONE);
        assert_true(
            slice_equals(http_chunked_trailers(&chunked), SLICE("X-Check:  1 \r\nB:\r\n\r\n")));
        assert_null(read_fields(http_chunked_trailers(&chunked), 2, &fields));
        assert_int_equal(fields.count, 2);
        assert_true(slice_equals(fields.items[0].name, SLICE("X-Check")));
        assert_true(slice_equals(fields.items[0].value, SLICE("1")));
        assert_true(slice_is_empty(fields.items[1].value));
    }
}

TEST(without_trailers_there_are_no_fields)
{
    struct http_chunked chunked = decode(SLICE("0\r\n\r\n"), 9, section_memory);
    struct http_fields fields = {NULL, 4711};

    assert_true(slice_is_empty(http_chunked_trailers(&chunked)));
    assert_null(read_fields(http_chunked_trailers(&chunked), 0, &fields));
    assert_int_equal(fields.count, 0);
}

TEST(trailers_that_nobody_keeps_are_dropped)
{
    struct http_chunked chunked = decode(SLICE("0\r\nA: 1\r\n\r\n"), 9, NULL);

    assert_int_equal(chunked.state, HTTP_CHUNKED_DONE);
    assert_true(slice_is_empty(http_chunked_trailers(&chunked)));
}

TEST(there_are_none_before_their_end)
{
    struct http_chunked chunked = decode(SLICE("0\r\nA: 1\r\n\r"), 99, section_memory);

    assert_true(slice_is_empty(http_chunked_trailers(&chunked)));
}

/* 48 bytes are 12 of these lines. */
#define LINES_11 "A:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\nA:\r\n"

TEST(a_section_has_a_limit_in_bytes_and_in_fields)
{
    struct http_chunked chunked = decode(SLICE("0\r\n" LINES_11 "A:\r\n\r\n"), 7, section_memory);
    struct http_fields fields;

    assert_int_equal(chunked.state, HTTP_CHUNKED_DONE);
    assert_null(read_fields(http_chunked_trailers(&chunked), 12, &fields));
    assert_int_equal(fields.count, 12);
    assert_string_equal(read_fields(http_chunked_trailers(&chunked), 11, &fields),
                        "number of trailer fields");
    assert_int_equal(fields.count, 0);
    chunked = decode(SLICE("0\r\n" LINES_11 "AB:\r\n\r\n"), 7, section_memory);
    assert_int_equal(chunked.state, HTTP_CHUNKED_FAILED);
    assert_true(chunked.is_beyond_limit);
}

TEST(what_is_malformed_is_not_too_much)
{
    struct http_chunked chunked = decode(SLICE("0\r\nA 1\r\n\r\n"), 7, section_memory);

    assert_int_equal(chunked.state, HTTP_CHUNKED_FAILED);
    assert_false(chunked.is_beyond_limit);
    chunked = decode(SLICE("0;123456789\r\n"), 7, section_memory);
    assert_int_equal(chunked.state, HTTP_CHUNKED_FAILED);
    assert_true(chunked.is_beyond_limit);
}

TEST(an_arena_that_is_used_up_is_said)
{
    struct http_fields fields;
    struct arena arena;

    arena_init(&arena, arena_memory, 8);
    assert_string_equal(http_trailers_read(SLICE("A: 1\r\n\r\n"), 9, &arena, &fields),
                        "memory for trailer fields");
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(trailers_are_what_stands_behind_the_last_chunk),
                     cmocka_unit_test(without_trailers_there_are_no_fields),
                     cmocka_unit_test(trailers_that_nobody_keeps_are_dropped),
                     cmocka_unit_test(there_are_none_before_their_end),
                     cmocka_unit_test(a_section_has_a_limit_in_bytes_and_in_fields),
                     cmocka_unit_test(what_is_malformed_is_not_too_much),
                     cmocka_unit_test(an_arena_that_is_used_up_is_said));
}
