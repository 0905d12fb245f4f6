/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <string.h>

#include "protocol/reason/reason.h"

/* A cleared value is not a permission. */
TEST(zero_is_undecided_and_answers_like_a_failure)
{
    enum reason cleared;

    memset(&cleared, 0, sizeof cleared);
    assert_int_equal(cleared, REASON_UNDECIDED);
    assert_int_equal(reason_status(cleared), 500);
    assert_string_equal(reason_name(cleared), "undecided");
}

TEST(every_reason_is_complete_and_found_by_its_name)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const struct reason_facts *facts = reason_get((enum reason)i);

        assert_non_null(facts->name);
        assert_int_equal(reason_find(slice_from_text(facts->name)), i);
        assert_string_equal(reason_name((enum reason)i), facts->name);
        assert_int_equal(reason_status((enum reason)i), facts->status);
        assert_true(strlen(facts->cause) > 0 && facts->cause[strlen(facts->cause) - 1] == '.');
        assert_true(strlen(facts->fix) > 0 && facts->fix[strlen(facts->fix) - 1] == '.');
    }
}

TEST(names_are_lower_case_with_underscores)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *name = reason_name((enum reason)i);

        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
    }
}

TEST(a_refusal_has_somebody_at_fault_and_no_status_of_success)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const struct reason_facts *facts = reason_get((enum reason)i);

        assert_int_equal(facts->fault == REASON_FAULT_NOBODY, i == REASON_NONE);
        assert_true(facts->status == 0 || (facts->status >= 400 && facts->status <= 599));
        assert_int_equal(facts->fault == REASON_FAULT_CLIENT && facts->status >= 500,
                         facts->fault == REASON_FAULT_CLIENT &&
                             (facts->status == 501 || facts->status == 505));
    }
}

TEST(an_unknown_value_is_an_internal_failure)
{
    assert_ptr_equal(reason_get(REASON_COUNT), reason_get(REASON_INTERNAL));
    assert_ptr_equal(reason_get((enum reason)9999), reason_get(REASON_INTERNAL));
}

TEST(an_unknown_name_is_undecided)
{
    assert_int_equal(reason_find(SLICE("no_such_reason")), REASON_UNDECIDED);
    assert_int_equal(reason_find(SLICE("Certificate_Expired")), REASON_UNDECIDED);
    assert_int_equal(reason_find(SLICE("certificate_expired\0")), REASON_UNDECIDED);
    assert_int_equal(reason_find(SLICE("")), REASON_UNDECIDED);
    assert_int_equal(reason_find(SLICE("certificate_expired")), REASON_CERTIFICATE_EXPIRED);
}

TEST(faults_have_names)
{
    assert_string_equal(reason_fault_name(REASON_FAULT_NOBODY), "nobody");
    assert_string_equal(reason_fault_name(REASON_FAULT_CLIENT), "client");
    assert_string_equal(reason_fault_name(REASON_FAULT_BACKEND), "backend");
    assert_string_equal(reason_fault_name(REASON_FAULT_GATEWAY), "gateway");
    assert_string_equal(reason_fault_name((enum reason_fault)9), "gateway");
}

/* The list's order decides, so the names keep watch over it. */
TEST(exactly_the_reasons_about_certificates_and_their_issuers_are_certificate_reasons)
{
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        struct slice name = slice_from_text(reason_name((enum reason)i));
        bool expected = slice_starts_with(name, SLICE("certificate_")) ||
                        slice_starts_with(name, SLICE("issuer_")) ||
                        slice_starts_with(name, SLICE("revocation_")) ||
                        slice_starts_with(name, SLICE("crl_")) ||
                        slice_starts_with(name, SLICE("ocsp_")) ||
                        slice_equals(name, SLICE("possession_unproven"));

        assert_int_equal(reason_is_certificate((enum reason)i), expected);
    }
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(zero_is_undecided_and_answers_like_a_failure),
        cmocka_unit_test(every_reason_is_complete_and_found_by_its_name),
        cmocka_unit_test(names_are_lower_case_with_underscores),
        cmocka_unit_test(a_refusal_has_somebody_at_fault_and_no_status_of_success),
        cmocka_unit_test(an_unknown_value_is_an_internal_failure),
        cmocka_unit_test(an_unknown_name_is_undecided), cmocka_unit_test(faults_have_names),
        cmocka_unit_test(
            exactly_the_reasons_about_certificates_and_their_issuers_are_certificate_reasons));
}
