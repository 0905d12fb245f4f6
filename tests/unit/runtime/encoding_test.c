/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "runtime/encoding.h"

typedef bool converter(struct buffer *to, struct slice from);

struct row {
    struct slice from;
    struct slice to;
};

/* Each row is right in ample room and in the exact room, and does nothing with one byte less. */
static void assert_row(converter *convert, struct row row)
{
    char memory[512] = "before";
    struct buffer buffer;

    for (size_t room = row.to.size == 0 ? 0 : row.to.size - 1; room <= row.to.size + 1; room++) {
        bool fits = room >= row.to.size;

        buffer_init(&buffer, memory, 6 + room);
        buffer_wrote(&buffer, 6);
        assert_int_equal(convert(&buffer, row.from), fits);
        assert_int_equal(buffer.written, fits ? 6 + row.to.size : 6);
        assert_true(slice_equals(slice_first(buffer_readable(&buffer), 6), SLICE("before")));
        if (fits)
            assert_true(slice_equals(slice_after(buffer_readable(&buffer), 6), row.to));
    }
}

static void assert_rows(converter *convert, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_row(convert, rows[i]);
}

static void assert_refused(converter *convert, struct slice from)
{
    char memory[512];
    struct buffer buffer;

    buffer_init(&buffer, memory, sizeof memory);
    assert_false(convert(&buffer, from));
    assert_int_equal(buffer.written, 0);
}

#define ASSERT_ROWS(convert, rows) assert_rows(convert, rows, sizeof(rows) / sizeof((rows)[0]))

/* RFC 4648 section 10. */
static const struct row base64_rows[] = {
    {SLICE_STATIC(""), SLICE_STATIC("")},
    {SLICE_STATIC("f"), SLICE_STATIC("Zg==")},
    {SLICE_STATIC("fo"), SLICE_STATIC("Zm8=")},
    {SLICE_STATIC("foo"), SLICE_STATIC("Zm9v")},
    {SLICE_STATIC("foob"), SLICE_STATIC("Zm9vYg==")},
    {SLICE_STATIC("fooba"), SLICE_STATIC("Zm9vYmE=")},
    {SLICE_STATIC("foobar"), SLICE_STATIC("Zm9vYmFy")},
    {SLICE_STATIC("\xfb\xff\xbf"), SLICE_STATIC("+/+/")},
    {SLICE_STATIC("\0\0\0\0"), SLICE_STATIC("AAAAAA==")},
};

TEST(base64_is_that_of_rfc_4648)
{
    ASSERT_ROWS(encode_base64, base64_rows);
    for (size_t i = 0; i < sizeof base64_rows / sizeof base64_rows[0]; i++) {
        assert_int_equal(encode_base64_size(base64_rows[i].from.size), base64_rows[i].to.size);
        assert_row(decode_base64, (struct row){base64_rows[i].to, base64_rows[i].from});
    }
}

TEST(base64_that_is_not_strict_is_refused)
{
    static const struct slice refused[] = {
        SLICE_STATIC("Z"),
        SLICE_STATIC("Zg"),
        SLICE_STATIC("Zg="),
        SLICE_STATIC("Zg==="),
        SLICE_STATIC("Z==="),
        SLICE_STATIC("===="),
        SLICE_STATIC("Zg==Zg=="),
        SLICE_STATIC("Zm9v\n"),
        SLICE_STATIC("Zm 9"),
        SLICE_STATIC("Zm9-"),
        SLICE_STATIC("Zm9_"),
        SLICE_STATIC("Z=9v"),
        SLICE_STATIC("Zm9vZ=Zm"),
        SLICE_STATIC("=m9v"),
        SLICE_STATIC("Zm\0v"),
        /* The bits that belong to no byte are not zero. */
        SLICE_STATIC("Zh=="),
        SLICE_STATIC("Zm9="),
        SLICE_STATIC("Zm9vYm=="),
        SLICE_STATIC("\xc3\xa4"
                     "AA"),
    };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_refused(decode_base64, refused[i]);
}

TEST(hexadecimal_is_written_in_either_case_and_read_in_both)
{
    assert_row(encode_hex, (struct row){SLICE("\x00\xab\xff"), SLICE("00abff")});
    assert_row(encode_hex_upper, (struct row){SLICE("\x00\xab\xff"), SLICE("00ABFF")});
    assert_row(decode_hex, (struct row){SLICE("00aBFf"), SLICE("\x00\xab\xff")});
    assert_row(decode_hex, (struct row){SLICE(""), SLICE("")});
    assert_refused(decode_hex, SLICE("0"));
    assert_refused(decode_hex, SLICE("00a"));
    assert_refused(decode_hex, SLICE("00ag"));
    assert_refused(decode_hex, SLICE("00:0"));
    assert_refused(decode_hex, SLICE("00 0"));
}

TEST(percent_encoding_keeps_unreserved_characters_only)
{
    static const struct row rows[] = {
        {SLICE_STATIC("AZaz09-._~"), SLICE_STATIC("AZaz09-._~")},
        {SLICE_STATIC(" /+=%\n"), SLICE_STATIC("%20%2F%2B%3D%25%0A")},
        {SLICE_STATIC("\xc3\xa4\0"), SLICE_STATIC("%C3%A4%00")},
    };

    ASSERT_ROWS(encode_percent, rows);
}

TEST(json_strings_are_valid_and_harmless)
{
    static const struct row rows[] = {
        {SLICE_STATIC(""), SLICE_STATIC("\"\"")},
        {SLICE_STATIC("a/b"), SLICE_STATIC("\"a/b\"")},
        {SLICE_STATIC("\"\\"), SLICE_STATIC("\"\\\"\\\\\"")},
        {SLICE_STATIC("\b\f\n\r\t"), SLICE_STATIC("\"\\b\\f\\n\\r\\t\"")},
        {SLICE_STATIC("\0\x1b\x7f"), SLICE_STATIC("\"\\u0000\\u001b\\u007f\"")},
        {SLICE_STATIC("\xc3\xa4\xe2\x82\xac"), SLICE_STATIC("\"\xc3\xa4\xe2\x82\xac\"")},
        {SLICE_STATIC("\xf0\x9f\x98\x80"), SLICE_STATIC("\"\xf0\x9f\x98\x80\"")},
        /* A terminal takes U+009B for ESC [, and U+202E turns the line around. */
        {SLICE_STATIC("\xc2\x9b"), SLICE_STATIC("\"\\u009b\"")},
        {SLICE_STATIC("\xe2\x80\xae"), SLICE_STATIC("\"\\u202e\"")},
        {SLICE_STATIC("\xff"), SLICE_STATIC("\"\\ufffd\"")},
        {SLICE_STATIC("a\xc3"), SLICE_STATIC("\"a\\ufffd\"")},
    };

    ASSERT_ROWS(encode_json, rows);
}

/* Each byte of a sequence that is not UTF-8 is shown as itself. */
TEST(invalid_utf8_is_never_passed_on)
{
    static const struct row rows[] = {
        {SLICE_STATIC("\x80"), SLICE_STATIC("\\x80")},
        {SLICE_STATIC("\xc0\x80"), SLICE_STATIC("\\xc0\\x80")},                   /* overlong NUL */
        {SLICE_STATIC("\xc1\xbf"), SLICE_STATIC("\\xc1\\xbf")},                   /* overlong */
        {SLICE_STATIC("\xe0\x9f\xbf"), SLICE_STATIC("\\xe0\\x9f\\xbf")},          /* overlong */
        {SLICE_STATIC("\xf0\x8f\xbf\xbf"), SLICE_STATIC("\\xf0\\x8f\\xbf\\xbf")}, /* overlong */
        {SLICE_STATIC("\xed\xa0\x80"), SLICE_STATIC("\\xed\\xa0\\x80")},          /* a surrogate */
        {SLICE_STATIC("\xf4\x90\x80\x80"),
         SLICE_STATIC("\\xf4\\x90\\x80\\x80")}, /* beyond U+10FFFF */
        {SLICE_STATIC("\xf5\x80\x80\x80"), SLICE_STATIC("\\xf5\\x80\\x80\\x80")},
        {SLICE_STATIC("\xe2\x82"), SLICE_STATIC("\\xe2\\x82")}, /* cut off */
        {SLICE_STATIC("\xe2\x82"
                      "a"),
         SLICE_STATIC("\\xe2\\x82"
                      "a")},
        {SLICE_STATIC("\xe2\xc3\xa4"), SLICE_STATIC("\\xe2\xc3\xa4")},
        {SLICE_STATIC("\xf4\x8f\xbf\xbf"), SLICE_STATIC("\xf4\x8f\xbf\xbf")}, /* U+10FFFF itself */
    };

    ASSERT_ROWS(encode_printable, rows);
}

TEST(printable_text_has_no_power_over_a_terminal)
{
    static const struct row rows[] = {
        {SLICE_STATIC("CN=a, \"b\" \\ <c>"), SLICE_STATIC("CN=a, \"b\" \\ <c>")},
        {SLICE_STATIC("a\r\nb\tc"), SLICE_STATIC("a\\x0d\\x0ab\\x09c")},
        {SLICE_STATIC("\x1b[2J\x7f\0"), SLICE_STATIC("\\x1b[2J\\x7f\\x00")},
        {SLICE_STATIC("\xc2\x9b"
                      "2J"),
         SLICE_STATIC("\\xc2\\x9b"
                      "2J")},
        {SLICE_STATIC("\xc2\xa0\xc3\xa4"), SLICE_STATIC("\xc2\xa0\xc3\xa4")},
        {SLICE_STATIC("\xe2\x80\xa8\xe2\x81\xa6"), SLICE_STATIC("\\xe2\\x80\\xa8\\xe2\\x81\\xa6")},
    };

    ASSERT_ROWS(encode_printable, rows);
}

TEST(html_shows_markup_as_text)
{
    static const struct row rows[] = {
        {SLICE_STATIC("<a href=\"x\" id='y'>&"),
         SLICE_STATIC("&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;")},
        {SLICE_STATIC("a\0\nb"), SLICE_STATIC("a\xef\xbf\xbd\xef\xbf\xbd"
                                              "b")},
        {SLICE_STATIC("\xc3\xa4\xff"), SLICE_STATIC("\xc3\xa4\xef\xbf\xbd")},
    };

    ASSERT_ROWS(encode_html, rows);
}

/* No byte below 0x20 and no DEL comes out of what people look at, whatever goes in. */
TEST(no_random_bytes_become_control_characters)
{
    converter *const writers[] = {encode_json, encode_printable, encode_html};
    uint32_t seed = 11;

    for (unsigned i = 0; i < 3000; i++) {
        char from[16];
        char memory[256];
        struct buffer buffer;
        struct slice shown;

        for (size_t j = 0; j < sizeof from; j++)
            from[j] = (char)random_below(&seed, 256);
        buffer_init(&buffer, memory, sizeof memory);
        assert_true(writers[i % 3](&buffer, slice_from(from, sizeof from)));
        shown = buffer_readable(&buffer);
        for (size_t j = 0; j < shown.size; j++)
            assert_true((unsigned char)shown.data[j] >= 0x20 && shown.data[j] != 0x7f);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(base64_is_that_of_rfc_4648),
                     cmocka_unit_test(base64_that_is_not_strict_is_refused),
                     cmocka_unit_test(hexadecimal_is_written_in_either_case_and_read_in_both),
                     cmocka_unit_test(percent_encoding_keeps_unreserved_characters_only),
                     cmocka_unit_test(json_strings_are_valid_and_harmless),
                     cmocka_unit_test(invalid_utf8_is_never_passed_on),
                     cmocka_unit_test(printable_text_has_no_power_over_a_terminal),
                     cmocka_unit_test(html_shows_markup_as_text),
                     cmocka_unit_test(no_random_bytes_become_control_characters));
}
