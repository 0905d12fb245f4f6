/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines that are written, refused, or do not fit; and nothing that is half written.
 */
#include "support/test.h"

#include "protocol/http/http_write.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char memory[256];

static struct buffer fresh_buffer(size_t capacity)
{
    struct buffer buffer;

    buffer_init(&buffer, memory, capacity);
    return buffer;
}

static void assert_written(const struct buffer *buffer, const char *text)
{
    struct slice written = buffer_readable(buffer);

    if (!slice_equals(written, slice_from_text(text)))
        fail_msg("'%.*s' is not '%s'", SLICE_FORMAT(written), text);
}

TEST(a_request_head_is_written)
{
    struct buffer buffer = fresh_buffer(sizeof(memory));

    assert_int_equal(
        http_write_request_line(&buffer, SLICE("GET"), SLICE("/a%20b"), true, SLICE("x=\"1\"?")),
        HTTP_WRITE_DONE);
    assert_int_equal(http_write_field(&buffer, SLICE("Host"), SLICE("a")), HTTP_WRITE_DONE);
    assert_int_equal(http_write_field(&buffer, SLICE("X_Odd"), SLICE("")), HTTP_WRITE_DONE);
    assert_int_equal(http_write_field_u64(&buffer, SLICE("Content-Length"), UINT64_MAX),
                     HTTP_WRITE_DONE);
    assert_int_equal(http_write_field_u64(&buffer, SLICE("Age"), 0), HTTP_WRITE_DONE);
    assert_int_equal(http_write_head_end(&buffer), HTTP_WRITE_DONE);
    assert_written(&buffer, "GET /a%20b?x=\"1\"? HTTP/1.1\r\nHost: a\r\nX_Odd: \r\n"
                            "Content-Length: 18446744073709551615\r\nAge: 0\r\n\r\n");
}

TEST(request_lines_have_a_query_only_if_there_is_one)
{
    struct buffer buffer = fresh_buffer(sizeof(memory));

    http_write_request_line(&buffer, SLICE("GET"), SLICE("/"), false, SLICE("ignored"));
    http_write_request_line(&buffer, SLICE("GET"), SLICE("/"), true, SLICE(""));
    http_write_request_line(&buffer, SLICE("OPTIONS"), SLICE("*"), false, slice_from(NULL, 0));
    assert_written(&buffer, "GET / HTTP/1.1\r\nGET /? HTTP/1.1\r\nOPTIONS * HTTP/1.1\r\n");
}

TEST(a_status_line_is_written)
{
    struct buffer buffer = fresh_buffer(sizeof(memory));

    assert_int_equal(http_write_status_line(&buffer, 404, SLICE("")), HTTP_WRITE_DONE);
    assert_int_equal(http_write_status_line(&buffer, 200, SLICE("Fine \xe4")), HTTP_WRITE_DONE);
    assert_int_equal(http_write_status_line(&buffer, 599, slice_from(NULL, 0)), HTTP_WRITE_DONE);
    assert_written(&buffer, "HTTP/1.1 404 Not Found\r\nHTTP/1.1 200 Fine \xe4\r\n"
                            "HTTP/1.1 599 Unknown\r\n");
}

TEST(injection_is_refused_and_nothing_is_written)
{
    const struct {
        struct slice name;
        struct slice value;
    } fields[] = {
        {SLICE(""), SLICE("x")},          {SLICE("A B"), SLICE("x")},
        {SLICE("A:"), SLICE("x")},        {SLICE("A\r\nB"), SLICE("x")},
        {SLICE("A\0"), SLICE("x")},       {SLICE("\xe4"), SLICE("x")},
        {SLICE("A"), SLICE("x\r\nB: y")}, {SLICE("A"), SLICE("x\n")},
        {SLICE("A"), SLICE("\r")},        {SLICE("A"), SLICE("\0")},
        {SLICE("A"), SLICE("\x1b[2J")},   {SLICE("A"), SLICE("\x7f")},
    };
    const struct {
        struct slice method;
        struct slice path;
        struct slice query;
    } lines[] = {
        {SLICE(""), SLICE("/"), SLICE("")},
        {SLICE("GET /x"), SLICE("/"), SLICE("")},
        {SLICE("GET\r\n"), SLICE("/"), SLICE("")},
        {SLICE("GET"), SLICE(""), SLICE("")},
        {SLICE("GET"), SLICE("a"), SLICE("")},
        {SLICE("GET"), SLICE("**"), SLICE("")},
        {SLICE("GET"), SLICE("http://a/"), SLICE("")},
        {SLICE("GET"), SLICE("/ HTTP/1.1\r\nA: b\r\n\r\n"), SLICE("")},
        {SLICE("GET"), SLICE("/a b"), SLICE("")},
        {SLICE("GET"), SLICE("/a?b"), SLICE("")},
        {SLICE("GET"), SLICE("/a#b"), SLICE("")},
        {SLICE("GET"), SLICE("/a\0"), SLICE("")},
        {SLICE("GET"), SLICE("/\x7f"), SLICE("")},
        {SLICE("GET"), SLICE("/\xe4"), SLICE("")},
        {SLICE("GET"), SLICE("/"), SLICE("a b")},
        {SLICE("GET"), SLICE("/"), SLICE("a\r\nB: c")},
        {SLICE("GET"), SLICE("/"), SLICE("a#b")},
        {SLICE("GET"), SLICE("/"), SLICE("\xff")},
    };
    struct buffer buffer = fresh_buffer(sizeof(memory));

    for (size_t i = 0; i < COUNT(fields); i++)
        assert_int_equal(http_write_field(&buffer, fields[i].name, fields[i].value),
                         HTTP_WRITE_REFUSED);
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_int_equal(
            http_write_request_line(&buffer, lines[i].method, lines[i].path, true, lines[i].query),
            HTTP_WRITE_REFUSED);
    assert_int_equal(http_write_field_u64(&buffer, SLICE("A B"), 1), HTTP_WRITE_REFUSED);
    assert_int_equal(http_write_status_line(&buffer, 99, SLICE("")), HTTP_WRITE_REFUSED);
    assert_int_equal(http_write_status_line(&buffer, 600, SLICE("")), HTTP_WRITE_REFUSED);
    assert_int_equal(http_write_status_line(&buffer, 200, SLICE("a\r\nB: c")), HTTP_WRITE_REFUSED);
    assert_written(&buffer, "");
}

/* Long values are looked at in several bytes at once, wherever in them a byte stands. */
TEST(what_may_stand_in_a_value_may_stand_anywhere_in_it)
{
    for (size_t size = 1; size <= 24; size++) {
        for (unsigned byte = 0; byte < 512; byte++) {
            char value[24];
            struct buffer buffer = fresh_buffer(sizeof(memory));
            bool is_good = (byte & 0xff) == '\t' || ((byte & 0xff) >= ' ' && (byte & 0xff) != 0x7f);
            size_t place = byte < 256 ? size - 1 : size / 2;

            memset(value, byte < 256 ? 'a' : '\t', sizeof(value));
            value[place] = (char)(byte & 0xff);
            assert_int_equal(http_write_field(&buffer, SLICE("Name"), slice_from(value, size)),
                             is_good ? HTTP_WRITE_DONE : HTTP_WRITE_REFUSED);
        }
    }
}

TEST(a_line_is_written_whole_or_not_at_all)
{
    for (size_t capacity = 0; capacity <= 16; capacity++) {
        struct buffer buffer = fresh_buffer(capacity);

        assert_int_equal(http_write_field(&buffer, SLICE("Name"), SLICE("value")),
                         capacity < 13 ? HTTP_WRITE_NO_ROOM : HTTP_WRITE_DONE);
        assert_written(&buffer, capacity < 13 ? "" : "Name: value\r\n");
        buffer = fresh_buffer(capacity);
        assert_int_equal(http_write_request_line(&buffer, SLICE("G"), SLICE("/"), true, SLICE("")),
                         capacity < 15 ? HTTP_WRITE_NO_ROOM : HTTP_WRITE_DONE);
        buffer = fresh_buffer(capacity);
        assert_int_equal(http_write_head_end(&buffer),
                         capacity < 2 ? HTTP_WRITE_NO_ROOM : HTTP_WRITE_DONE);
    }
}

TEST(a_chunk_head_is_its_size_in_hexadecimal)
{
    const struct {
        uint64_t size;
        const char *text;
    } cases[] = {
        {1, "1\r\n"},
        {15, "f\r\n"},
        {16, "10\r\n"},
        {0xdeadbeef, "deadbeef\r\n"},
        {UINT64_MAX, "ffffffffffffffff\r\n"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[HTTP_CHUNK_HEAD_SIZE_MAX];
        size_t size = http_write_chunk_head(text, cases[i].size);

        assert_true(slice_equals(slice_from(text, size), slice_from_text(cases[i].text)));
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_request_head_is_written),
                     cmocka_unit_test(request_lines_have_a_query_only_if_there_is_one),
                     cmocka_unit_test(a_status_line_is_written),
                     cmocka_unit_test(injection_is_refused_and_nothing_is_written),
                     cmocka_unit_test(what_may_stand_in_a_value_may_stand_anywhere_in_it),
                     cmocka_unit_test(a_line_is_written_whole_or_not_at_all),
                     cmocka_unit_test(a_chunk_head_is_its_size_in_hexadecimal));
}
