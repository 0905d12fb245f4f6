/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a chain stands among several contexts, and how that goes with time.
 */
#include "gateway/identity/chain_standing.h"

#include "unit/gateway/identity/identity_fixture.h"

enum { COUNT = 2 };

static struct pki pki;
static struct judging_context *contexts[COUNT];
static struct authentication_stores stores;
static struct presented_certificate *good;  /* of the first */
static struct presented_certificate *other; /* of the second */
static struct presented_certificate *bad;
static size_t first;

static struct chain_standing standing_of(size_t count, struct presented_certificate *presented,
                                         int64_t now)
{
    return chain_standing_of(contexts, count, first, presented, &stores, now);
}

TEST(nobody_who_judges_refuses_nobody)
{
    struct chain_standing standing = standing_of(0, bad, FIXTURE_NOW);

    assert_int_equal(standing.reason, REASON_NONE);
    assert_true(standing.valid_until == INT64_MAX);
}

TEST(one_context_that_accepts_is_enough_wherever_it_stands)
{
    for (size_t i = 0; i < COUNT; i++) {
        first = i;
        assert_int_equal(standing_of(COUNT, good, FIXTURE_NOW).reason, REASON_NONE);
        assert_int_equal(standing_of(COUNT, good, FIXTURE_NOW).accepted_by, 0);
        assert_int_equal(standing_of(COUNT, other, FIXTURE_NOW).reason, REASON_NONE);
        assert_int_equal(standing_of(COUNT, other, FIXTURE_NOW).accepted_by, 1);
    }
    first = 0;
}

TEST(whom_nobody_accepts_is_refused_with_the_reason_of_the_first)
{
    for (size_t i = 0; i < COUNT; i++) {
        first = i;
        assert_string_equal(reason_name(standing_of(COUNT, bad, FIXTURE_NOW).reason),
                            "certificate_issuer_unknown");
    }
    first = 0;
}

TEST(an_acceptance_ends_with_the_certificate)
{
    int64_t end = standing_of(1, good, FIXTURE_NOW).valid_until;

    assert_true(end > FIXTURE_NOW && end < INT64_MAX);
    assert_int_equal(standing_of(1, good, end - 1).reason, REASON_NONE);
    assert_int_equal(standing_of(1, good, end).reason, REASON_CERTIFICATE_EXPIRED);
}

/* Documented: the clock is believed, and a certificate is valid again when it says so; a refusal is
 * never remembered beyond a clock that went back. */
TEST(a_clock_that_goes_back_makes_what_has_expired_valid_again)
{
    int64_t end = standing_of(1, good, FIXTURE_NOW).valid_until;

    assert_int_equal(standing_of(1, good, end + 10).reason, REASON_CERTIFICATE_EXPIRED);
    assert_int_equal(standing_of(1, good, FIXTURE_NOW).reason, REASON_NONE);
}

TEST(who_is_not_yet_valid_after_the_clock_went_back_is_refused)
{
    assert_int_equal(standing_of(1, good, FIXTURE_NOW).reason, REASON_NONE);
    assert_string_equal(reason_name(standing_of(1, good, 1).reason), "issuer_not_yet_valid");
}

static int set_up(void **state)
{
    (void)state;
    pki_make(&pki);
    contexts[0] = context_of(pki.root.certificate);
    contexts[1] = context_of(pki.other_root.certificate);
    stores = (struct authentication_stores){
        .verdicts = verdict_store_create(&(struct verdict_store_settings){0}),
    };
    good = present(pki.alice.certificate, pki.issuing.certificate);
    other = present(pki.mallory.certificate, NULL);
    bad = present(pki.bob.certificate, NULL); /* without the intermediate */
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    presented_certificate_release(bad);
    presented_certificate_release(other);
    presented_certificate_release(good);
    verdict_store_destroy(stores.verdicts);
    judging_context_release(contexts[1]);
    judging_context_release(contexts[0]);
    pki_free(&pki);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_who_judges_refuses_nobody),
        cmocka_unit_test(one_context_that_accepts_is_enough_wherever_it_stands),
        cmocka_unit_test(whom_nobody_accepts_is_refused_with_the_reason_of_the_first),
        cmocka_unit_test(an_acceptance_ends_with_the_certificate),
        cmocka_unit_test(a_clock_that_goes_back_makes_what_has_expired_valid_again),
        cmocka_unit_test(who_is_not_yet_valid_after_the_clock_went_back_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
