/* SPDX-License-Identifier: Apache-2.0
 *
 * The names by which a configuration asks for identity headers.
 */
#include "support/test.h"

#include "gateway/rewrite/rewrite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(short_names_stand_for_a_header_and_its_format)
{
    static const struct {
        struct slice short_name;
        const char *name;
        enum identity_format format;
    } cases[] = {
        {SLICE_STATIC("client-cert"), "Client-Cert", IDENTITY_FORMAT_RFC9440},
        {SLICE_STATIC("client-cert-chain"), "Client-Cert-Chain", IDENTITY_FORMAT_RFC9440_CHAIN},
        {SLICE_STATIC("x-arr-clientcert"), "X-ARR-ClientCert", IDENTITY_FORMAT_DER_BASE64},
        {SLICE_STATIC("verification"), "X-Client-Cert-Verification", IDENTITY_FORMAT_VERIFICATION},
        {SLICE_STATIC("ssl-client-cert"), "ssl-client-cert", IDENTITY_FORMAT_PEM_URL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct identity_header_settings headers[IDENTITY_PRESET_MAX];

        assert_int_equal(identity_header_find(cases[i].short_name, headers), 1);
        assert_string_equal(headers[0].name, cases[i].name);
        assert_int_equal(headers[0].format, cases[i].format);
    }
}

TEST(what_is_no_short_name_is_not_guessed)
{
    static const struct slice names[] = {SLICE_STATIC(""), SLICE_STATIC("Client-Cert"),
                                         SLICE_STATIC("client_cert"), SLICE_STATIC("client-cer"),
                                         SLICE_STATIC("client-cert ")};

    for (size_t i = 0; i < COUNT(names); i++) {
        struct identity_header_settings headers[IDENTITY_PRESET_MAX] = {{.name = "untouched"}};

        assert_int_equal(identity_header_find(names[i], headers), 0);
        assert_string_equal(headers[0].name, "untouched");
    }
}

TEST(every_short_name_can_be_found_and_its_header_is_only_ours)
{
    struct http_name_set *owned = rewrite_owned_names_create();
    size_t count = 0;

    for (; identity_header_short_name(count) != NULL; count++) {
        struct slice short_name = slice_from_text(identity_header_short_name(count));
        struct http_field field = {SLICE("Connection"), SLICE("")};
        struct http_request request = {.fields = {&field, 1}};
        struct identity_header_settings headers[IDENTITY_PRESET_MAX];
        size_t found = identity_header_find(short_name, headers);

        assert_true(found > 0);
        for (size_t i = 0; i < found; i++) {
            assert_string_not_equal(identity_format_name(headers[i].format), "none");
            assert_true(http_name_is_plain(slice_from_text(headers[i].name)));
            field.value = slice_from_text(headers[i].name);
            assert_int_equal(rewrite_check_connection(owned, &request),
                             REASON_REQUEST_CONNECTION_MALFORMED);
        }
    }
    assert_true(count > 4);
    http_name_set_destroy(owned);
}

TEST(formats_have_names_and_names_have_formats)
{
    for (unsigned i = IDENTITY_FORMAT_NONE + 1; i < IDENTITY_FORMAT_COUNT; i++) {
        const char *name = identity_format_name((enum identity_format)i);

        assert_non_null(name);
        if (i <= IDENTITY_FORMAT_XFCC)
            assert_int_equal(identity_format_find(slice_from_text(name)), i);
        else /* a part of XFCC, by itself nothing */
            assert_string_equal(name, "none");
    }
    assert_int_equal(identity_format_find(SLICE("pem_url")), IDENTITY_FORMAT_PEM_URL);
    assert_int_equal(identity_format_find(SLICE("none")), IDENTITY_FORMAT_NONE);
    assert_int_equal(identity_format_find(SLICE("")), IDENTITY_FORMAT_NONE);
    assert_int_equal(identity_format_find(SLICE("PEM_URL")), IDENTITY_FORMAT_NONE);
    assert_string_equal(identity_format_name(IDENTITY_FORMAT_NONE), "none");
    assert_string_equal(identity_format_name(IDENTITY_FORMAT_COUNT), "none");
}

TEST(a_plan_asks_for_the_formats_that_it_writes)
{
    static const struct identity_header_settings headers[] = {
        {.name = "Client-Cert", .format = IDENTITY_FORMAT_RFC9440},
        {.name = "X-Sha1", .format = IDENTITY_FORMAT_SHA1}};
    static const struct rewrite_settings settings = {.identity_headers = headers,
                                                     .identity_header_count = COUNT(headers),
                                                     .forward_unverified = false};
    static const struct rewrite_settings empty = {0};
    struct http_name_set *owned = rewrite_owned_names_create();
    struct rewrite_plan *plan = rewrite_plan_create(&settings, owned);

    assert_int_equal(rewrite_plan_formats(plan),
                     1U << IDENTITY_FORMAT_RFC9440 | 1U << IDENTITY_FORMAT_SHA1);
    rewrite_plan_destroy(plan);
    plan = rewrite_plan_create(&empty, owned);
    assert_int_equal(rewrite_plan_formats(plan), 0);
    rewrite_plan_destroy(plan);
    http_name_set_destroy(owned);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(short_names_stand_for_a_header_and_its_format),
                     cmocka_unit_test(what_is_no_short_name_is_not_guessed),
                     cmocka_unit_test(every_short_name_can_be_found_and_its_header_is_only_ours),
                     cmocka_unit_test(formats_have_names_and_names_have_formats),
                     cmocka_unit_test(a_plan_asks_for_the_formats_that_it_writes));
}
