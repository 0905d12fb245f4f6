/* SPDX-License-Identifier: Apache-2.0
 *
 * The step: what each mode makes of no certificate, a good one and a bad one; and that whatever
 * was forgotten refuses.
 */
#include "gateway/identity/authentication.h"

#include <string.h>

#include "unit/gateway/identity/identity_fixture.h"

static struct pki pki;
static struct judging_context *context;
static struct authentication_stores stores;

static struct presented_certificate *good;
static struct presented_certificate *bad;
static struct presented_certificate *beyond; /* the limits */

static struct authentication check(enum client_certificate_mode mode, struct judging_context *in,
                                   struct presented_certificate *presented)
{
    return authentication_check(&(struct authentication_demand){.mode = mode, .context = in},
                                presented, &stores, FIXTURE_NOW);
}

static void assert_check(enum client_certificate_mode mode, struct judging_context *in,
                         struct presented_certificate *presented, enum reason reason,
                         bool has_identity, bool has_verdict)
{
    struct authentication authentication = check(mode, in, presented);

    assert_string_equal(reason_name(authentication.reason), reason_name(reason));
    assert_int_equal(authentication.identity != NULL, has_identity);
    assert_int_equal(authentication.verdict != NULL, has_verdict);
    if (has_verdict)
        assert_int_equal(verdict_reason(authentication.verdict), reason);
    authentication_reset(&authentication);
    assert_int_equal(authentication.reason, REASON_UNDECIDED);
    assert_null(authentication.identity);
    assert_null(authentication.verdict);
}

TEST(required_refuses_everybody_without_a_good_certificate)
{
    enum client_certificate_mode mode = CLIENT_CERTIFICATE_REQUIRED;

    assert_check(mode, context, NULL, REASON_CERTIFICATE_MISSING, false, false);
    assert_check(mode, context, bad, REASON_CERTIFICATE_ISSUER_UNKNOWN, false, true);
    assert_check(mode, context, beyond, REASON_CERTIFICATE_CHAIN_TOO_LARGE, false, true);
    assert_check(mode, context, good, REASON_NONE, true, true);
}

TEST(optional_lets_nobody_in_and_refuses_a_bad_one)
{
    enum client_certificate_mode mode = CLIENT_CERTIFICATE_OPTIONAL;

    assert_check(mode, context, NULL, REASON_NONE, false, false);
    assert_check(mode, context, bad, REASON_CERTIFICATE_ISSUER_UNKNOWN, false, true);
    assert_check(mode, context, beyond, REASON_CERTIFICATE_CHAIN_TOO_LARGE, false, true);
    assert_check(mode, context, good, REASON_NONE, true, true);
}

TEST(unverified_and_none_judge_nobody)
{
    static const enum client_certificate_mode MODES[] = {CLIENT_CERTIFICATE_UNVERIFIED,
                                                         CLIENT_CERTIFICATE_NONE};

    for (size_t i = 0; i < 2; i++) {
        struct presented_certificate *presented[] = {NULL, bad, beyond, good};

        for (size_t j = 0; j < 4; j++) {
            assert_check(MODES[i], NULL, presented[j], REASON_NONE, false, false);
            assert_check(MODES[i], context, presented[j], REASON_NONE, false, false);
        }
    }
}

TEST(without_a_context_a_certificate_is_refused)
{
    assert_check(CLIENT_CERTIFICATE_REQUIRED, NULL, good, REASON_INTERNAL, false, false);
    assert_check(CLIENT_CERTIFICATE_REQUIRED, NULL, NULL, REASON_INTERNAL, false, false);
    assert_check(CLIENT_CERTIFICATE_OPTIONAL, NULL, good, REASON_INTERNAL, false, false);
}

TEST(zero_is_the_strictest)
{
    struct authentication_demand demand;
    struct authentication authentication;

    memset(&demand, 0, sizeof demand);
    assert_int_equal(demand.mode, CLIENT_CERTIFICATE_REQUIRED);
    authentication = authentication_check(&demand, good, &stores, FIXTURE_NOW);
    assert_int_not_equal(authentication.reason, REASON_NONE);

    memset(&authentication, 0, sizeof authentication);
    assert_int_equal(authentication.reason, REASON_UNDECIDED);
    authentication_reset(&authentication);
}

TEST(a_mode_that_does_not_exist_refuses)
{
    assert_check((enum client_certificate_mode)17, context, good, REASON_INTERNAL, false, false);
    assert_string_equal(client_certificate_mode_name((enum client_certificate_mode)17), "unknown");
}

TEST(modes_have_the_names_that_configuration_uses)
{
    assert_string_equal(client_certificate_mode_name(CLIENT_CERTIFICATE_REQUIRED), "required");
    assert_string_equal(client_certificate_mode_name(CLIENT_CERTIFICATE_OPTIONAL), "optional");
    assert_string_equal(client_certificate_mode_name(CLIENT_CERTIFICATE_UNVERIFIED), "unverified");
    assert_string_equal(client_certificate_mode_name(CLIENT_CERTIFICATE_NONE), "none");
}

/* A certificate that ends while its connection is open is refused at the next request. */
TEST(each_check_is_made_for_its_own_time_and_context)
{
    struct judging_context *other = context_of(pki.other_root.certificate);
    struct authentication_demand demand = {.mode = CLIENT_CERTIFICATE_REQUIRED, .context = context};
    struct authentication authentication =
        authentication_check(&demand, good, &stores, FIXTURE_NOW);

    assert_int_equal(authentication.reason, REASON_NONE);
    authentication_reset(&authentication);
    authentication = authentication_check(&demand, good, &stores, FIXTURE_NOW + 365 * FIXTURE_DAY);
    assert_int_equal(authentication.reason, REASON_CERTIFICATE_EXPIRED);
    assert_null(authentication.identity);
    authentication_reset(&authentication);
    assert_check(CLIENT_CERTIFICATE_REQUIRED, other, good, REASON_CERTIFICATE_ISSUER_UNKNOWN, false,
                 true);
    judging_context_release(other);
}

/* Accepted by the path and yet unreadable: there is nobody to let in. */
TEST(an_identity_that_cannot_be_described_is_refused)
{
    X509_NAME *name = X509_NAME_new();
    struct fixture leaf;
    struct presented_certificate *presented = NULL;

    fixture_name_add(name,
                     "1.3.6.1.4.1.55555.100000000.100000000.100000000.100000000."
                     "100000000.100000000.100000000.100000000",
                     V_ASN1_UTF8STRING, SLICE("x"));
    leaf = fixture_make(&(struct fixture_spec){.name = name}, &pki.issuing);
    presented = present(leaf.certificate, pki.issuing.certificate);
    assert_check(CLIENT_CERTIFICATE_REQUIRED, context, presented, REASON_CERTIFICATE_MALFORMED,
                 false, false);
    presented_certificate_release(presented);
    fixture_free(&leaf);
    X509_NAME_free(name);
}

static struct presented_certificate *present_too_many(void)
{
    X509 *chain[CERTIFICATE_CHAIN_COUNT_MAX];

    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        chain[i] = pki.issuing.certificate;
    return present_chain(pki.alice.certificate, chain, CERTIFICATE_CHAIN_COUNT_MAX);
}

int main(void)
{
    int failed = 0;

    pki_make(&pki);
    context = context_of(pki.root.certificate);
    stores.verdicts = verdict_store_create(&(struct verdict_store_settings){.refused_seconds = 60});
    stores.identities = identity_table_create(1024 * 1024, 0);
    good = present(pki.alice.certificate, pki.issuing.certificate);
    bad = present(pki.mallory.certificate, NULL);
    beyond = present_too_many();
    failed = RUN_TESTS(cmocka_unit_test(required_refuses_everybody_without_a_good_certificate),
                       cmocka_unit_test(optional_lets_nobody_in_and_refuses_a_bad_one),
                       cmocka_unit_test(unverified_and_none_judge_nobody),
                       cmocka_unit_test(without_a_context_a_certificate_is_refused),
                       cmocka_unit_test(zero_is_the_strictest),
                       cmocka_unit_test(a_mode_that_does_not_exist_refuses),
                       cmocka_unit_test(modes_have_the_names_that_configuration_uses),
                       cmocka_unit_test(each_check_is_made_for_its_own_time_and_context),
                       cmocka_unit_test(an_identity_that_cannot_be_described_is_refused));
    presented_certificate_release(beyond);
    presented_certificate_release(bad);
    presented_certificate_release(good);
    identity_table_destroy(stores.identities);
    verdict_store_destroy(stores.verdicts);
    judging_context_release(context);
    pki_free(&pki);
    return failed;
}
