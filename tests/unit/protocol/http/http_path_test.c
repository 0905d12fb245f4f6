/* SPDX-License-Identifier: Apache-2.0
 *
 * Paths with their canonical form, and paths that can be read in more than one way.
 */
#include "support/test.h"

#include <ctype.h>
#include <stdio.h>

#include "protocol/http/http_path.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char arena_memory[4096];

static enum reason canonicalise(struct slice raw, struct slice *canonical)
{
    struct arena arena;

    arena_init(&arena, arena_memory, sizeof(arena_memory));
    return http_path_canonicalise(raw, &arena, canonical);
}

static void assert_refused(struct slice raw, enum reason reason)
{
    struct slice canonical = SLICE("untouched");
    enum reason given = canonicalise(raw, &canonical);

    if (given != reason)
        print_error("%.*s\n", SLICE_FORMAT(raw));
    assert_string_equal(reason_name(given), reason_name(reason));
    assert_true(slice_equals(canonical, SLICE("untouched")));
}

TEST(a_canonical_path_is_used_where_it_lies)
{
    const struct slice cases[] = {
        SLICE("/"),
        SLICE("/a/b.c"),
        SLICE("/a/"),
        SLICE("/-._~!$&'()*+,;=:@"),
        SLICE("/%20%2B%25%3B%C3%BC"),
        SLICE("/.well-known/x"),
        SLICE("/..."),
        SLICE("/.../a"),
        SLICE("/..a/a../.a/a."),
        SLICE("/a;b=c/..d;e"),
        SLICE("/a;../b"),
        SLICE("/%25"),
        SLICE("/100%25"),
        SLICE("/%252"),
        SLICE("/%25252"),
        SLICE("/%2541"),
        SLICE("/%25zz2e"),
        SLICE("/%25-2e"),
        SLICE("/%25/2e"),
        SLICE("/%2532e"),
        SLICE("/%2525"),
        SLICE("/100%25%20/%25%25%25"),
        SLICE("/%C3%80%C2%80%E0%A0%80%F0%90%80%80"),
        SLICE("/%C0"),
        SLICE("/%C0bc"),
        SLICE("/%E0%80"),
        SLICE("/%0A%0D%7F"),
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice canonical = SLICE("");

        assert_int_equal(canonicalise(cases[i], &canonical), REASON_NONE);
        assert_ptr_equal(canonical.data, cases[i].data);
        assert_int_equal(canonical.size, cases[i].size);
    }
}

TEST(every_spelling_of_a_path_becomes_one)
{
    const struct {
        struct slice raw;
        const char *canonical;
    } cases[] = {
        {SLICE("//"), "/"},
        {SLICE("///a////b//"), "/a/b/"},
        {SLICE("//evil.example/x"), "/evil.example/x"},
        {SLICE("/%61%5A%30%2d%5F%7e"), "/aZ0-_~"},
        {SLICE("/%41dmin"), "/Admin"},
        {SLICE("/%c3%bc"), "/%C3%BC"},
        {SLICE("/%3b%3a%40%2b"), "/%3B%3A%40%2B"},
        {SLICE("/a%20b%7B"), "/a%20b%7B"},
        {SLICE("/{id}"), "/%7Bid%7D"},
        {SLICE("/a[1]|b^`\"<>"), "/a%5B1%5D%7Cb%5E%60%22%3C%3E"},
        {SLICE("/%25%34%31"), "/%2541"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct slice canonical = SLICE("");

        assert_int_equal(canonicalise(cases[i].raw, &canonical), REASON_NONE);
        if (!slice_equals(canonical, slice_from_text(cases[i].canonical)))
            fail_msg("%.*s: %.*s", SLICE_FORMAT(cases[i].raw), SLICE_FORMAT(canonical));
    }
}

TEST(an_ambiguous_path_is_refused)
{
    const struct slice cases[] = {
        /* Dot segments, also before a parameter, raw or encoded. */
        SLICE("/."),
        SLICE("/.."),
        SLICE("/./"),
        SLICE("/../"),
        SLICE("/a/."),
        SLICE("/a/.."),
        SLICE("/a/./b"),
        SLICE("/a/../b"),
        SLICE("/a//../b"),
        SLICE("/.//"),
        SLICE("/.;"),
        SLICE("/..;"),
        SLICE("/..;/b"),
        SLICE("/a/.;x/b"),
        SLICE("/a/..;x=y/b"),
        SLICE("/..%3B"),
        SLICE("/..%3b/b"),
        SLICE("/..%253B"),
        SLICE("/.%25"),
        SLICE("/.%3bx"),
        SLICE("/..%20"),
        SLICE("/a/..%20/b"),
        SLICE("/a/.%20/b"),
        SLICE("/a/..%3Fb"),
        SLICE("/a/..%23b"),
        SLICE("/../../etc/passwd"),
        /* Encoded dots, slashes, backslashes and NUL, wherever they are. */
        SLICE("/%2e"),
        SLICE("/%2E%2e"),
        SLICE("/.%2e"),
        SLICE("/%2e."),
        SLICE("/%2e%2e;"),
        SLICE("/file%2etxt"),
        SLICE("/%2f"),
        SLICE("/a%2Fb"),
        SLICE("/a%5cb"),
        SLICE("/a%5C"),
        SLICE("/%00"),
        SLICE("/a%00.txt"),
        SLICE("/a\\b"),
        SLICE("/\\"),
        SLICE("/..\\"),
        SLICE("/a\0"),
        /* Bad and truncated escapes. */
        SLICE("/%"),
        SLICE("/%2"),
        SLICE("/%zz"),
        SLICE("/%2g"),
        SLICE("/%g2"),
        SLICE("/%%32e"),
        SLICE("/%u002e"),
        SLICE("/a%"),
        SLICE("/% 2e"),
        SLICE("/%-1"),
        SLICE("/%+2"),
        /* Escapes that decode to an escape of one of these. */
        SLICE("/%252e"),
        SLICE("/%252E%252e"),
        SLICE("/%252f"),
        SLICE("/%252Fx"),
        SLICE("/%255c"),
        SLICE("/%255C"),
        SLICE("/%2500"),
        SLICE("/a%252e%252e%252fb"),
        SLICE("/%25252e"),
        SLICE("/%2525252f"),
        SLICE("/%25%2532e"),
        SLICE("/%252%2565"),
        SLICE("/%25%252532%2565"),
        SLICE("/%25%32%65"),
        SLICE("/%25%32e"),
        SLICE("/%252%65"),
        SLICE("/%25%35%63"),
        SLICE("/%25%30%30"),
        SLICE("/%25%32%35%32%65"),
        SLICE("/..%252f"),
        /* Overlong UTF-8 for an ASCII character. */
        SLICE("/%c0%ae"),
        SLICE("/%c0%af"),
        SLICE("/%C1%9C"),
        SLICE("/%c0%80"),
        SLICE("/%e0%80%ae"),
        SLICE("/%e0%80%af"),
        SLICE("/%e0%81%9c"),
        SLICE("/%f0%80%80%af"),
        SLICE("/%f0%80%81%9c"),
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_refused(cases[i], REASON_REQUEST_PATH_AMBIGUOUS);
}

TEST(what_is_no_path_is_refused)
{
    const struct slice cases[] = {
        SLICE(""),       SLICE("a"),      SLICE("*"),     SLICE("%2F"),       SLICE(" /"),
        SLICE("/a b"),   SLICE("/a\tb"),  SLICE("/a\nb"), SLICE("/a\rb"),     SLICE("/a\x01"),
        SLICE("/a\x1b"), SLICE("/a\x7f"), SLICE("/\x80"), SLICE("/\xc0\xaf"), SLICE("/\xff"),
        SLICE("/a#b"),   SLICE("/#"),     SLICE("/a?b"),
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_refused(cases[i], REASON_REQUEST_TARGET_MALFORMED);
}

/* A raw byte and its escape never give two different canonical paths of which one is raw, except
 * for reserved characters, which RFC 3986 section 2.2 keeps apart. */
TEST(a_byte_has_one_spelling_unless_it_is_reserved)
{
    for (int byte = 0x21; byte < 0x7F; byte++) {
        char raw[] = {'/', (char)byte};
        char escaped[8];
        char raw_form[16];
        struct slice canonical;
        enum reason raw_reason = canonicalise(slice_from(raw, 2), &canonical);
        size_t raw_size = 0;

        if (raw_reason == REASON_NONE) {
            raw_size = canonical.size;
            memcpy(raw_form, canonical.data, raw_size);
        }
        snprintf(escaped, sizeof(escaped), "/%%%02x", (unsigned)byte);
        if (strchr("./\\", byte) != NULL) {
            assert_refused(slice_from_text(escaped), REASON_REQUEST_PATH_AMBIGUOUS);
            continue;
        }
        assert_int_equal(canonicalise(slice_from_text(escaped), &canonical), REASON_NONE);
        if (raw_reason == REASON_NONE && strchr("!$&'()*+,;=:@", byte) == NULL)
            assert_true(slice_equals(canonical, slice_from(raw_form, raw_size)));
        if (!isalnum(byte) && strchr("-_~", byte) == NULL)
            assert_int_equal(canonical.size, 4);
    }
}

TEST(an_arena_that_is_too_small_is_a_budget_exceeded)
{
    struct slice canonical = SLICE("untouched");
    struct arena arena;

    arena_init(&arena, arena_memory, 4);
    assert_int_equal(http_path_canonicalise(SLICE("//abcd"), &arena, &canonical),
                     REASON_BUDGET_EXCEEDED);
    assert_true(slice_equals(canonical, SLICE("untouched")));
    assert_int_equal(http_path_canonicalise(SLICE("/abcd"), &arena, &canonical), REASON_NONE);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_canonical_path_is_used_where_it_lies),
                     cmocka_unit_test(every_spelling_of_a_path_becomes_one),
                     cmocka_unit_test(an_ambiguous_path_is_refused),
                     cmocka_unit_test(what_is_no_path_is_refused),
                     cmocka_unit_test(a_byte_has_one_spelling_unless_it_is_reserved),
                     cmocka_unit_test(an_arena_that_is_too_small_is_a_budget_exceeded));
}
