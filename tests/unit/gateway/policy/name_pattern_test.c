/* SPDX-License-Identifier: Apache-2.0
 *
 * What patterns of names match, what they never match, and which of them cannot be written.
 */
#include "gateway/policy/name_pattern_internal.h"

#include "support/test.h"

#define DNS   CERTIFICATE_FACT_DNS
#define URI   CERTIFICATE_FACT_URI
#define EMAIL CERTIFICATE_FACT_EMAIL
#define UPN   CERTIFICATE_FACT_UPN
#define SID   CERTIFICATE_FACT_SID

static bool matches(enum certificate_fact_kind kind, const char *pattern, const char *name,
                    bool generously)
{
    char memory[16 * 1024];
    struct name_pattern parsed;
    struct error error = {.kind = ERROR_NONE};
    struct slice form;
    struct arena arena;

    arena_init(&arena, memory, sizeof(memory));
    if (!name_pattern_parse(kind, slice_from_text(pattern), &arena, &parsed, &error))
        fail_msg("%s", error.text);
    if (!certificate_fact_canonicalise(kind, slice_from_text(name), &arena, &form))
        fail_msg("'%s' has no form", name);
    return name_pattern_matches(&parsed, form, generously);
}

static const struct {
    enum certificate_fact_kind kind;
    const char *pattern;
    const char *name;
    bool is_match;
    bool is_generous_match;
} rows[] = {
    /* clang-format off */
    {DNS, "a.test", "A.TEST.", true, true},
    {DNS, "a.test", "a.test.evil", false, false},
    {DNS, "*.a.test", "x.a.test", true, true},
    {DNS, "*.a.test", "a.test", false, false},
    {DNS, "*.a.test", "x.y.a.test", false, false},
    {DNS, "*.a.test", "xa.test", false, false},
    {DNS, "web-*.a.test", "web-1.a.test", true, true},
    {DNS, "web-*.a.test", "web-.a.test", false, false},
    {DNS, "web-*.a.test", "web-1.b.a.test", false, false},
    {DNS, "w*b*.a.test", "wabab.a.test", true, true},
    {DNS, "**.a.test", "x.y.a.test", true, true},
    {DNS, "**.a.test", "a.test", false, false},
    {DNS, "**.a.test", "xa.test", false, false},
    {DNS, "**.a.test", "x.a.test.a.test", true, true},
    /* A name with a star is nobody's host. */
    {DNS, "*.a.test", "*.a.test", false, true},
    {DNS, "b.a.test", "*.a.test", false, false},
    {URI, "spiffe://a.test/x/*", "spiffe://a.test/x/y", true, true},
    {URI, "spiffe://a.test/x/*", "spiffe://a.test/x/", false, false},
    {URI, "spiffe://a.test/x/*", "spiffe://a.test/x/y/z", false, false},
    {URI, "spiffe://a.test/x/*", "spiffe://a.test/x/y?z", false, false},
    {URI, "spiffe://a.test/x/*", "spiffe://a.test/x/y#z", false, false},
    {URI, "spiffe://a.test/x/**", "spiffe://a.test/x/y/z", true, true},
    {URI, "spiffe://a.test/x/**", "spiffe://a.test/x/", false, false},
    {URI, "spiffe://a.test/x/**", "spiffe://a.test/x", false, false},
    {URI, "spiffe://a.test/x/**", "spiffe://a.test/xy/z", false, false},
    {URI, "spiffe://a.test/x/**", "spiffe://a.test/x/y?/z", false, false},
    {URI, "spiffe://a.test/*/x/**", "spiffe://a.test/n/x/y/z", true, true},
    {URI, "spiffe://a.test/*/x/**", "spiffe://a.test/n/m/x/y", false, false},
    {URI, "SPIFFE://A.test/x", "spiffe://a.TEST/x", true, true},
    {URI, "spiffe://a.test/x", "spiffe://a.test/X", false, true},
    {URI, "spiffe://a.test/x", "spiffe://a.test.evil/x", false, false},
    {URI, "https://a.test:8443/x%2a", "https://a.test:8443/x%2A", true, true},
    {URI, "urn:a:b", "URN:a:b", true, true},
    {EMAIL, "alice@a.test", "alice@A.test", true, true},
    {EMAIL, "alice@a.test", "ALICE@a.test", false, true},
    {EMAIL, "*@a.test", "a.b@a.test", true, true},
    {EMAIL, "*@a.test", "a@b.a.test", false, false},
    {EMAIL, "al*@*.a.test", "alice@b.a.test", true, true},
    {EMAIL, "al*@*.a.test", "alice@c.b.a.test", false, false},
    {UPN, "*@a.test", "Alice@A.TEST", true, true},
    {SID, "S-1-5-21-*", "S-1-5-21-7", true, true},
    {SID, "S-1-5-21-*", "S-1-5-21-7-8", false, false},
    {SID, "S-1-5-21-7", "S-1-5-21-71", false, false},
    /* clang-format on */
};

TEST(a_star_stays_in_its_segment)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool strict = matches(rows[i].kind, rows[i].pattern, rows[i].name, false);
        bool generous = matches(rows[i].kind, rows[i].pattern, rows[i].name, true);

        if (strict != rows[i].is_match || generous != rows[i].is_generous_match)
            fail_msg("'%s' and '%s': %d, %d", rows[i].pattern, rows[i].name, strict, generous);
    }
}

static const struct {
    enum certificate_fact_kind kind;
    const char *pattern;
} refused[] = {
    {DNS, "*"},
    {DNS, "*.*"},
    {DNS, "**"},
    {DNS, "a.**.test"},
    {DNS, "**.*.test"},
    {DNS, "a**.test"},
    {DNS, "a..test"},
    {DNS, ".a.test"},
    {DNS, "a b.test"},
    {DNS, "a@b.test"},
    {DNS, "m\xc3\xbcller.test"},
    {URI, "*"},
    {URI, "spiffe:*"},
    {URI, "spiffe://*/x"},
    {URI, "spiffe://*.a.test/x"},
    {URI, "*://a.test/x"},
    {URI, "spiffe://a.test/**/x"},
    {URI, "spiffe://a.test/x**"},
    {URI, "spiffe://a.test/x/../y"},
    {URI, "spiffe://a.test//x"},
    {URI, "spiffe://a.test/%41"},
    {URI, "spiffe://a.test/x%2fy"},
    {URI, "https://user@a.test/"},
    {URI, "a.test"},
    {EMAIL, "alice"},
    {EMAIL, "*@*"},
    {EMAIL, "*@*.*"},
    {EMAIL, "**@a.test"},
    {EMAIL, "alice@a@b.test"},
    {EMAIL, "@a.test"},
    {UPN, "alice"},
    {UPN, "*@*"},
    {UPN, "al ice@a.test"},
    {SID, "S-1-*-5"},
    {SID, "S-1-5-"},
    {SID, "S-2-5-1"},
    {SID, "*"},
};

TEST(what_matches_everything_or_nothing_cannot_be_written)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char memory[16 * 1024];
        struct error error = {.kind = ERROR_NONE};
        struct name_pattern pattern;
        struct arena arena;

        arena_init(&arena, memory, sizeof(memory));
        if (name_pattern_parse(refused[i].kind, slice_from_text(refused[i].pattern), &arena,
                               &pattern, &error))
            fail_msg("'%s' is taken", refused[i].pattern);
        assert_int_not_equal(error.kind, ERROR_NONE);
    }
}

/* Names in certificates that two readers could split or decode differently have no form. */
TEST(a_name_with_two_readings_has_no_form)
{
    static const struct {
        enum certificate_fact_kind kind;
        struct slice name;
    } names[] = {
        {DNS, SLICE_STATIC("a.test\0.evil")},
        {DNS, SLICE_STATIC("")},
        {DNS, SLICE_STATIC(".")},
        {DNS, SLICE_STATIC("a.test/x")},
        {URI, SLICE_STATIC("spiffe://a.test/x\0y")},
        {URI, SLICE_STATIC("spiffe://a.test/./x")},
        {URI, SLICE_STATIC("spiffe://a.test/x%00")},
        {URI, SLICE_STATIC("spiffe://a.test/%2e%2e/x")},
        {URI, SLICE_STATIC("spiffe://a.test\\x")},
        {URI, SLICE_STATIC("spiffe://a.test@b.test/x")},
        {URI, SLICE_STATIC("spiffe://a.test/%")},
        {URI, SLICE_STATIC("spiffe://a.test/%4")},
        {EMAIL, SLICE_STATIC("a\0@a.test")},
        {EMAIL, SLICE_STATIC("\"a@b\"@a.test")},
        {EMAIL, SLICE_STATIC("a.test")},
        {UPN, SLICE_STATIC("a\0@a.test")},
        {UPN, SLICE_STATIC("a\xe2\x80\x8b@a.test")},
        {UPN, SLICE_STATIC("a@b@a.test")},
        {SID, SLICE_STATIC("S-1-5\0-7")},
        {SID, SLICE_STATIC("s-1-5-7")},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char memory[4096];
        struct arena arena;
        struct slice form;

        arena_init(&arena, memory, sizeof(memory));
        if (certificate_fact_canonicalise(names[i].kind, names[i].name, &arena, &form))
            fail_msg("row %zu has a form", i);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(a_star_stays_in_its_segment),
                     cmocka_unit_test(what_matches_everything_or_nothing_cannot_be_written),
                     cmocka_unit_test(a_name_with_two_readings_has_no_form));
}
