/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client is called by: the first of the order that its certificate has, and never a name of
 * one kind that passes for another.
 */
#include "gateway/identity/principal.h"

#include "support/test.h"

static const struct certificate_name NAMES[] = {
    {CERTIFICATE_NAME_DNS, {"spiffe://example.org/admin", 26}},
    {CERTIFICATE_NAME_DNS, {"a.example", 9}},
    {CERTIFICATE_NAME_EMAIL, {"a@example.org", 13}},
    {CERTIFICATE_NAME_IP, {"192.0.2.1", 9}},
    {CERTIFICATE_NAME_UPN, {"a@corp.example", 14}},
    {CERTIFICATE_NAME_URI, {"spiffe://example.org/a", 22}},
};

static void assert_principal(struct principal_order order, size_t name_count, const char *expected)
{
    struct certificate_description description = {
        .subject = SLICE("CN=alice"),
        .common_name = SLICE("alice"),
        .sha256 = SLICE("abc"),
        .names = NAMES,
        .name_count = name_count,
    };
    struct slice found = principal_choose(&order, &description);

    if (!slice_equals(found, slice_from_text(expected)))
        fail_msg("%.*s is not %s", SLICE_FORMAT(found), expected);
}

TEST(the_first_of_the_order_counts_and_not_the_first_of_the_certificate)
{
    assert_principal((struct principal_order){{0}}, 6, "spiffe://example.org/a");
    assert_principal((struct principal_order){{PRINCIPAL_SAN_EMAIL, PRINCIPAL_SAN_URI}}, 6,
                     "a@example.org");
    assert_principal((struct principal_order){{PRINCIPAL_SAN_URI, PRINCIPAL_SAN_IP}}, 5,
                     "192.0.2.1");
    assert_principal((struct principal_order){{PRINCIPAL_COMMON_NAME}}, 6, "alice");
    assert_principal((struct principal_order){{PRINCIPAL_SUBJECT}}, 6, "CN=alice");
    assert_principal((struct principal_order){{PRINCIPAL_SAN_UPN}}, 6, "a@corp.example");
    assert_principal((struct principal_order){{PRINCIPAL_SHA256}}, 6, "abc");
}

/* Row 24, CVE-2022-21656: the text of one kind in a name of another. */
TEST(a_host_name_cannot_say_what_a_uri_says)
{
    assert_principal((struct principal_order){{PRINCIPAL_SAN_URI, PRINCIPAL_SAN_DNS}}, 1,
                     "CN=alice");
    assert_principal((struct principal_order){{PRINCIPAL_SAN_DNS}}, 6, "a.example");
}

TEST(nobody_is_without_a_name)
{
    struct principal_order order = {{PRINCIPAL_SAN_URI, PRINCIPAL_COMMON_NAME}};
    struct certificate_description nothing = {.sha256 = SLICE("abc")};

    assert_principal(order, 0, "alice");
    assert_principal((struct principal_order){{PRINCIPAL_SAN_URI}}, 0, "CN=alice");
    assert_true(slice_equals(principal_choose(&order, &nothing), SLICE("abc")));
}

TEST(sources_have_the_names_that_configuration_uses)
{
    assert_int_equal(principal_source_parse(SLICE("san_uri")), PRINCIPAL_SAN_URI);
    assert_int_equal(principal_source_parse(SLICE("sha256")), PRINCIPAL_SHA256);
    assert_int_equal(principal_source_parse(SLICE("SAN_URI")), PRINCIPAL_NONE);
    assert_int_equal(principal_source_parse(SLICE("")), PRINCIPAL_NONE);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(the_first_of_the_order_counts_and_not_the_first_of_the_certificate),
        cmocka_unit_test(a_host_name_cannot_say_what_a_uri_says),
        cmocka_unit_test(nobody_is_without_a_name),
        cmocka_unit_test(sources_have_the_names_that_configuration_uses));
}
