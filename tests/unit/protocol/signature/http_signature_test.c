/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature base against the examples of RFC 9421, appendix B.2, and what must never get into
 * one.
 */
#include "support/test.h"

#include "protocol/signature/http_signature.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char memory[8192];

static struct slice base_of(const struct http_signature_component *components, size_t count,
                            const struct http_signature_parameters *parameters)
{
    struct buffer to;

    buffer_init(&to, memory, sizeof(memory));
    assert_true(http_signature_write_base(components, count, parameters, &to));
    assert_true(to.written <= http_signature_bytes_max(components, count, parameters));
    return buffer_readable(&to);
}

static void assert_text(struct slice text, const char *expected)
{
    assert_true(slice_equals(text, slice_from_text(expected)));
}

/* Appendix B.2.5. */
TEST(the_base_of_the_request_signed_with_hmac_is_that_of_the_rfc)
{
    static const struct http_signature_component components[] = {
        {SLICE_STATIC("Date"), SLICE_STATIC("Tue, 20 Apr 2021 02:07:55 GMT")},
        {SLICE_STATIC("@authority"), SLICE_STATIC("example.com")},
        {SLICE_STATIC("Content-Type"), SLICE_STATIC(" application/json\t")},
    };
    static const struct http_signature_parameters parameters = {
        .created = 1618884473, .keyid = SLICE_STATIC("test-shared-secret")};

    assert_text(base_of(components, COUNT(components), &parameters),
                "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"
                "\"@authority\": example.com\n"
                "\"content-type\": application/json\n"
                "\"@signature-params\": (\"date\" \"@authority\" \"content-type\")"
                ";created=1618884473;keyid=\"test-shared-secret\"");
}

/* Appendix B.2.1: nothing is covered but the parameters. */
TEST(a_base_may_have_parameters_alone)
{
    static const struct http_signature_parameters parameters = {
        .created = 1618884473,
        .nonce = SLICE_STATIC("b3k2pp5k7z-50gnwp.yemd"),
        .keyid = SLICE_STATIC("test-key-rsa-pss")};

    assert_text(base_of(NULL, 0, &parameters),
                "\"@signature-params\": ();created=1618884473;nonce=\"b3k2pp5k7z-50gnwp.yemd\""
                ";keyid=\"test-key-rsa-pss\"");
}

TEST(parameters_are_those_of_the_base)
{
    static const struct http_signature_component components[] = {
        {SLICE_STATIC("@method"), SLICE_STATIC("GET")}};
    static const struct http_signature_parameters parameters = {.created = 1,
                                                                .expires = 61,
                                                                .nonce = SLICE_STATIC("n"),
                                                                .algorithm =
                                                                    SLICE_STATIC("hmac-sha256"),
                                                                .keyid = SLICE_STATIC("a \"b\\c"),
                                                                .tag = SLICE_STATIC("sallyport")};
    static const char expected[] = "(\"@method\");created=1;expires=61;nonce=\"n\""
                                   ";alg=\"hmac-sha256\";keyid=\"a \\\"b\\\\c\";tag=\"sallyport\"";
    struct buffer to;

    buffer_init(&to, memory, sizeof(memory));
    assert_true(http_signature_write_parameters(components, 1, &parameters, &to));
    assert_text(buffer_readable(&to), expected);
    assert_true(slice_ends_with(base_of(components, 1, &parameters), slice_from_text(expected)));
}

TEST(what_would_make_a_base_mean_two_things_is_refused)
{
    static const struct http_signature_component cases[][2] = {
        {{SLICE_STATIC("a"), SLICE_STATIC("x\n\"b\": y")}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC("a"), SLICE_STATIC("x\r")}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC("a"), {"x\0", 2}}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC("a"), SLICE_STATIC("\xc3\xa4")}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC("a\""), SLICE_STATIC("")}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC(""), SLICE_STATIC("")}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC("@"), SLICE_STATIC("")}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC("a b"), SLICE_STATIC("")}, {SLICE_STATIC("c"), SLICE_STATIC("")}},
        {{SLICE_STATIC("a"), SLICE_STATIC("1")}, {SLICE_STATIC("A"), SLICE_STATIC("2")}},
    };
    static const struct http_signature_parameters parameters = {.created = 1};
    static const struct http_signature_parameters broken[] = {
        {.created = 1, .keyid = SLICE_STATIC("a\n")}, {.created = -1}};
    struct buffer to;

    buffer_init(&to, memory, sizeof(memory));
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(http_signature_write_base(cases[i], 2, &parameters, &to));
        assert_false(http_signature_write_parameters(cases[i], 2, &parameters, &to));
    }
    for (size_t i = 0; i < COUNT(broken); i++)
        assert_false(http_signature_write_base(NULL, 0, &broken[i], &to));
    assert_int_equal(to.written, 0);
}

TEST(without_room_nothing_is_written)
{
    static const struct http_signature_component components[] = {
        {SLICE_STATIC("@method"), SLICE_STATIC("GET")}, {SLICE_STATIC("a"), SLICE_STATIC("b")}};
    static const struct http_signature_parameters parameters = {.created = 1};
    size_t whole = base_of(components, 2, &parameters).size;
    struct buffer to;

    for (size_t capacity = 0; capacity < whole; capacity++) {
        buffer_init(&to, memory, capacity);
        assert_false(http_signature_write_base(components, 2, &parameters, &to));
        assert_int_equal(to.written, 0);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(the_base_of_the_request_signed_with_hmac_is_that_of_the_rfc),
                     cmocka_unit_test(a_base_may_have_parameters_alone),
                     cmocka_unit_test(parameters_are_those_of_the_base),
                     cmocka_unit_test(what_would_make_a_base_mean_two_things_is_refused),
                     cmocka_unit_test(without_room_nothing_is_written));
}
