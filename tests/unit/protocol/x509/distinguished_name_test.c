/* SPDX-License-Identifier: Apache-2.0
 *
 * Which names are the same, wherever they come from, and which only look so.
 */
#include "protocol/x509/distinguished_name.h"

#include "support/certificate_fixture.h"
#include "support/test.h"

struct attribute {
    const char *type;
    int string;
    struct slice value;
    bool joins; /* the RDN of the one in front */
};

static X509_NAME *make(const struct attribute *attributes, size_t count)
{
    X509_NAME *name = X509_NAME_new();

    for (size_t i = 0; i < count; i++)
        assert_int_equal(X509_NAME_add_entry_by_txt(name, attributes[i].type, attributes[i].string,
                                                    (const unsigned char *)attributes[i].value.data,
                                                    (int)attributes[i].value.size, -1,
                                                    attributes[i].joins && i > 0 ? -1 : 0),
                         1);
    return name;
}

static char memory[64 * 1024];

static bool is_same(const struct attribute *attributes, size_t count, const char *text)
{
    X509_NAME *name = make(attributes, count);
    struct distinguished_name read;
    struct distinguished_name parsed;
    struct error error = {.kind = ERROR_NONE};
    struct arena arena;
    bool is_equal;

    arena_init(&arena, memory, sizeof(memory));
    assert_true(distinguished_name_read(name, &arena, &read));
    if (!distinguished_name_parse(slice_from_text(text), &arena, &parsed, &error))
        fail_msg("%s", error.text);
    is_equal = distinguished_name_equals(&read, &parsed);
    assert_int_equal(distinguished_name_equals(&parsed, &read), is_equal);
    X509_NAME_free(name);
    return is_equal;
}

#define SAME(text, ...)                                                                            \
    is_same((const struct attribute[]){__VA_ARGS__},                                               \
            sizeof((const struct attribute[]){__VA_ARGS__}) / sizeof(struct attribute), text)

TEST(the_type_of_a_string_makes_no_difference)
{
    assert_true(SAME("CN=Al", {"CN", V_ASN1_UTF8STRING, SLICE("Al")}));
    assert_true(SAME("CN=Al", {"CN", V_ASN1_PRINTABLESTRING, SLICE("Al")}));
    assert_true(SAME("CN=Al", {"CN", V_ASN1_T61STRING, SLICE("Al")}));
    assert_true(SAME("CN=Al", {"CN", V_ASN1_IA5STRING, SLICE("Al")}));
    assert_true(SAME("CN=Al", {"CN", V_ASN1_BMPSTRING, SLICE("\0A\0l")}));
    assert_true(SAME("CN=Al", {"CN", V_ASN1_UNIVERSALSTRING, SLICE("\0\0\0A\0\0\0l")}));
    assert_true(SAME("CN=M\xc3\xbcller", {"CN", V_ASN1_BMPSTRING, SLICE("\0M\0\xfc\0l\0l\0e\0r")}));
}

TEST(case_and_runs_of_blanks_make_no_difference)
{
    assert_true(SAME("CN=alice a", {"CN", V_ASN1_UTF8STRING, SLICE("  ALICE \t A  ")}));
    assert_true(SAME("cn = ALICE  A ", {"CN", V_ASN1_UTF8STRING,
                                        SLICE("Alice\xc2\xa0"
                                              "A")}));
    assert_false(SAME("CN=alicea", {"CN", V_ASN1_UTF8STRING, SLICE("Alice A")}));
}

TEST(what_looks_alike_is_not_alike)
{
    /* A Cyrillic a, a full-width A, an umlaut in two characters, another case of an umlaut. */
    assert_false(SAME("CN=alice", {"CN", V_ASN1_UTF8STRING, SLICE("\xd0\xb0lice")}));
    assert_false(SAME("CN=alice", {"CN", V_ASN1_UTF8STRING, SLICE("\xef\xbc\xa1lice")}));
    assert_false(SAME("CN=M\xc3\xbcller", {"CN", V_ASN1_UTF8STRING, SLICE("Mu\xcc\x88ller")}));
    assert_false(SAME("CN=alice", {"CN", V_ASN1_UTF8STRING, SLICE("a1ice")}));
}

TEST(an_attribute_is_known_by_its_type)
{
    assert_false(SAME("CN=alice", {"O", V_ASN1_UTF8STRING, SLICE("alice")}));
    assert_true(SAME("2.5.4.97=x", {"2.5.4.97", V_ASN1_UTF8STRING, SLICE("X")}));
    assert_true(SAME("organizationidentifier=x", {"2.5.4.97", V_ASN1_UTF8STRING, SLICE("X")}));
    assert_true(SAME("S=x", {"ST", V_ASN1_UTF8STRING, SLICE("X")}));
    assert_true(SAME("E=a@b", {"emailAddress", V_ASN1_IA5STRING, SLICE("A@B")}));
}

TEST(the_order_of_rdns_matters_and_that_within_one_does_not)
{
    struct attribute c = {"C", V_ASN1_PRINTABLESTRING, SLICE("DE"), false};
    struct attribute o = {"O", V_ASN1_UTF8STRING, SLICE("A"), false};
    struct attribute cn = {"CN", V_ASN1_UTF8STRING, SLICE("x"), false};
    struct attribute joined = {"CN", V_ASN1_UTF8STRING, SLICE("x"), true};

    assert_true(SAME("CN=x,O=A,C=DE", c, o, cn));
    assert_false(SAME("CN=x,C=DE,O=A", c, o, cn));
    assert_false(SAME("CN=x,O=A", c, o, cn));
    assert_false(SAME("CN=x+O=A,C=DE", c, o, cn));
    assert_true(SAME("CN=x+O=A,C=DE", c, o, joined));
    assert_true(SAME("O=A+CN=x,C=DE", c, o, joined));
    assert_false(SAME("CN=x,O=A,C=DE", c, o, joined));
    assert_false(SAME("CN=x+CN=x", joined, cn));
}

TEST(what_cannot_be_decoded_equals_nothing_and_says_so)
{
    static const struct attribute undecodable[] = {
        {"CN", V_ASN1_UTF8STRING, SLICE_STATIC("alice\0"), false},
        {"CN", V_ASN1_UTF8STRING, SLICE_STATIC("alice\x01"), false},
        {"CN", V_ASN1_UTF8STRING, SLICE_STATIC("al\xc2\xadice"), false},
        {"CN", V_ASN1_UTF8STRING, SLICE_STATIC("al\xe2\x80\xaeice"), false},
        {"CN", V_ASN1_UTF8STRING, SLICE_STATIC("alice\xff"), false},
        {"CN", V_ASN1_UTF8STRING, SLICE_STATIC("\xc1\xa1lice"), false},
        {"CN", V_ASN1_T61STRING, SLICE_STATIC("\xe4lice"), false},
        {"CN", V_ASN1_PRINTABLESTRING, SLICE_STATIC("\xe4lice"), false},
        {"CN", V_ASN1_BMPSTRING, SLICE_STATIC("\xd8\x00\0l"), false},
        {"2.5.4.45", V_ASN1_BIT_STRING, SLICE_STATIC("alice"), false},
    };

    for (size_t i = 0; i < sizeof(undecodable) / sizeof(undecodable[0]); i++) {
        X509_NAME *name = make(&undecodable[i], 1);
        struct distinguished_name read;
        struct arena arena;

        arena_init(&arena, memory, sizeof(memory));
        assert_true(distinguished_name_read(name, &arena, &read));
        if (read.is_decodable || read.attributes[0].is_decodable)
            fail_msg("row %zu is decodable", i);
        assert_false(distinguished_name_equals(&read, &read));
        X509_NAME_free(name);
    }
}

TEST(a_name_with_too_many_attributes_is_not_decodable)
{
    X509_NAME *name = X509_NAME_new();
    struct distinguished_name read;
    struct arena arena;

    for (int i = 0; i <= DISTINGUISHED_NAME_ATTRIBUTES_MAX; i++)
        fixture_name_add(name, "OU", V_ASN1_UTF8STRING, SLICE("x"));
    arena_init(&arena, memory, sizeof(memory));
    assert_true(distinguished_name_read(name, &arena, &read));
    assert_false(read.is_decodable);
    assert_int_equal(read.count, 0);
    X509_NAME_free(name);
}

TEST(an_empty_name_is_a_name_without_attributes)
{
    X509_NAME *name = X509_NAME_new();
    struct distinguished_name read;
    struct arena arena;

    arena_init(&arena, memory, sizeof(memory));
    assert_true(distinguished_name_read(name, &arena, &read));
    assert_true(read.is_decodable);
    assert_int_equal(read.count, 0);
    X509_NAME_free(name);
}

TEST(text_is_read_as_rfc_4514_writes_it)
{
    struct attribute cn = {"CN", V_ASN1_UTF8STRING, SLICE("a,b+c=d \"e\" #f"), false};

    assert_true(SAME("CN=a\\,b\\+c=d \\\"e\\\" #f", cn));
    assert_true(SAME("CN=\"a,b+c=d \\\"e\\\" #f\"", cn));
    assert_true(SAME("CN=a\\2cb\\2Bc\\3dd \\22e\\22 \\#f", cn));
}

TEST(what_is_no_name_is_refused)
{
    static const char *const texts[] = {
        "",           "alice",  "CN",        "CN=",      "=x",
        "XYZ=x",      "CN=a,",  "CN=a,,O=b", "CN=a\\",   "CN=a\\zz",
        "CN=#0c0161", "CN=a;b", "CN=a\"b",   "CN=a\\00", "C=DE,O=A,CN=x",
        "CN= ",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct distinguished_name parsed;
        struct error error = {.kind = ERROR_NONE};
        struct arena arena;

        arena_init(&arena, memory, sizeof(memory));
        if (distinguished_name_parse(slice_from_text(texts[i]), &arena, &parsed, &error))
            fail_msg("'%s' is taken", texts[i]);
        assert_int_not_equal(error.kind, ERROR_NONE);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(the_type_of_a_string_makes_no_difference),
                     cmocka_unit_test(case_and_runs_of_blanks_make_no_difference),
                     cmocka_unit_test(what_looks_alike_is_not_alike),
                     cmocka_unit_test(an_attribute_is_known_by_its_type),
                     cmocka_unit_test(the_order_of_rdns_matters_and_that_within_one_does_not),
                     cmocka_unit_test(what_cannot_be_decoded_equals_nothing_and_says_so),
                     cmocka_unit_test(a_name_with_too_many_attributes_is_not_decodable),
                     cmocka_unit_test(an_empty_name_is_a_name_without_attributes),
                     cmocka_unit_test(text_is_read_as_rfc_4514_writes_it),
                     cmocka_unit_test(what_is_no_name_is_refused));
}
