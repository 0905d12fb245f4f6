/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts: bound to the whole chain and to the context, never older than they may be, and no
 * number of refusals pushes out an acceptance.
 */
#include "gateway/identity/verdict.h"

#include <openssl/err.h>
#include <pthread.h>

#include "gateway/identity/verdict_internal.h"
#include "unit/gateway/identity/identity_fixture.h"

static struct pki pki;
static struct judging_context *context;

static struct verdict_store *create_store(void)
{
    return verdict_store_create(&(struct verdict_store_settings){
        .accepted_bytes_max = 1024 * 1024, .refused_bytes_max = 64 * 1024, .refused_seconds = 60});
}

static enum reason judge_once(struct verdict_store *store, struct judging_context *in,
                              struct presented_certificate *presented, int64_t now)
{
    struct verdict *verdict = verdict_store_judge(store, in, presented, now);
    enum reason reason = verdict_reason(verdict);

    assert_non_null(verdict);
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(verdict_is_accepted(verdict), reason == REASON_NONE);
    assert_int_equal(verdict_library_error(verdict) == X509_V_OK, reason == REASON_NONE);
    assert_int_equal(verdict_path(verdict) != NULL, reason == REASON_NONE);
    verdict_release(verdict);
    return reason;
}

/* Takes the presented certificate. */
static enum reason judge_and_forget(struct verdict_store *store,
                                    struct presented_certificate *presented)
{
    enum reason reason = judge_once(store, context, presented, FIXTURE_NOW);

    presented_certificate_release(presented);
    return reason;
}

TEST(an_acceptance_comes_with_its_path_and_is_remembered)
{
    struct verdict_store *store = create_store();
    struct presented_certificate *presented =
        present(pki.alice.certificate, pki.issuing.certificate);
    struct verdict *first = verdict_store_judge(store, context, presented, FIXTURE_NOW);
    struct verdict *second = verdict_store_judge(store, context, presented, FIXTURE_NOW + 1);

    assert_true(verdict_is_accepted(first));
    assert_int_equal(sk_X509_num(verdict_path(first)), 3);
    assert_true(verdict_valid_until(first) == FIXTURE_NOW + 365 * FIXTURE_DAY);
    assert_true(slice_equals(verdict_context(first), judging_context_digest(context)));
    assert_true(slice_equals(verdict_chain(first), presented_certificate_digest(presented)));
    assert_ptr_equal(first, second);
    verdict_release(second);
    verdict_release(first);
    presented_certificate_release(presented);
    verdict_store_destroy(store);
}

TEST(a_refusal_has_its_reason_and_is_remembered_for_a_while)
{
    struct verdict_store *store = create_store();
    struct presented_certificate *presented = present(pki.mallory.certificate, NULL);
    struct verdict *first = verdict_store_judge(store, context, presented, FIXTURE_NOW);
    struct verdict *again = verdict_store_judge(store, context, presented, FIXTURE_NOW + 59);
    struct verdict *later = verdict_store_judge(store, context, presented, FIXTURE_NOW + 60);

    assert_int_equal(verdict_reason(first), REASON_CERTIFICATE_ISSUER_UNKNOWN);
    assert_int_equal(verdict_library_error(first), X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, later);
    verdict_release(later);
    verdict_release(again);
    verdict_release(first);
    presented_certificate_release(presented);
    verdict_store_destroy(store);
}

TEST(nothing_is_undecided_and_undecided_is_refused)
{
    assert_int_equal(verdict_reason(NULL), REASON_UNDECIDED);
    assert_false(verdict_is_accepted(NULL));
    assert_int_not_equal(verdict_library_error(NULL), X509_V_OK);
    assert_null(verdict_path(NULL));
    verdict_release(NULL);
}

/* The memory of an acceptance is of no use to whoever shows something that is nearly the same. */
TEST(a_forged_bit_is_refused_also_when_the_original_was_accepted)
{
    struct verdict_store *store = create_store();
    X509 *leaf = fixture_forge(pki.alice.certificate);
    X509 *issuer = fixture_forge(pki.issuing.certificate);

    assert_int_equal(
        judge_and_forget(store, present(pki.alice.certificate, pki.issuing.certificate)),
        REASON_NONE);
    assert_int_equal(judge_and_forget(store, present(leaf, pki.issuing.certificate)),
                     REASON_CERTIFICATE_SIGNATURE_INVALID);
    assert_int_equal(judge_and_forget(store, present(pki.alice.certificate, issuer)),
                     REASON_CERTIFICATE_SIGNATURE_INVALID);
    assert_int_equal(
        judge_and_forget(store, present(pki.alice.certificate, pki.issuing.certificate)),
        REASON_NONE);
    X509_free(issuer);
    X509_free(leaf);
    verdict_store_destroy(store);
}

TEST(each_arrangement_of_a_chain_is_judged_for_itself)
{
    struct verdict_store *store = create_store();
    X509 *extra[] = {pki.issuing.certificate, pki.other_root.certificate};
    X509 *reordered[] = {pki.other_root.certificate, pki.issuing.certificate};
    X509 *duplicate[] = {pki.issuing.certificate, pki.issuing.certificate};
    X509 *strange[] = {pki.alice.certificate, pki.issuing.certificate, pki.root.certificate};
    struct verdict *verdicts[4];
    struct presented_certificate *presented[] = {
        present(pki.alice.certificate, pki.issuing.certificate),
        present_chain(pki.alice.certificate, extra, 2),
        present_chain(pki.alice.certificate, reordered, 2),
        present_chain(pki.alice.certificate, duplicate, 2)};

    for (size_t i = 0; i < 4; i++) {
        verdicts[i] = verdict_store_judge(store, context, presented[i], FIXTURE_NOW);
        assert_true(verdict_is_accepted(verdicts[i]));
        for (size_t j = 0; j < i; j++)
            assert_ptr_not_equal(verdicts[i], verdicts[j]);
    }
    /* A victim's chain behind somebody else's leaf: the leaf is what is judged. */
    assert_int_equal(judge_and_forget(store, present_chain(pki.mallory.certificate, strange, 3)),
                     REASON_CERTIFICATE_ISSUER_UNKNOWN);
    for (size_t i = 0; i < 4; i++) {
        verdict_release(verdicts[i]);
        presented_certificate_release(presented[i]);
    }
    verdict_store_destroy(store);
}

TEST(a_verdict_of_one_context_says_nothing_in_another)
{
    struct verdict_store *store = create_store();
    struct judging_context *other = context_of(pki.other_root.certificate);
    struct judging_context *shallow = context_with_depth(pki.root.certificate, 0);
    struct presented_certificate *alice = present(pki.alice.certificate, pki.issuing.certificate);
    struct presented_certificate *mallory = present(pki.mallory.certificate, NULL);

    assert_int_equal(judge_once(store, context, alice, FIXTURE_NOW), REASON_NONE);
    assert_int_equal(judge_once(store, other, alice, FIXTURE_NOW),
                     REASON_CERTIFICATE_ISSUER_UNKNOWN);
    assert_int_equal(judge_once(store, shallow, alice, FIXTURE_NOW),
                     REASON_CERTIFICATE_PATH_TOO_LONG);
    assert_int_equal(judge_once(store, other, mallory, FIXTURE_NOW), REASON_NONE);
    assert_int_equal(judge_once(store, context, mallory, FIXTURE_NOW),
                     REASON_CERTIFICATE_ISSUER_UNKNOWN);
    presented_certificate_release(mallory);
    presented_certificate_release(alice);
    judging_context_release(shallow);
    judging_context_release(other);
    verdict_store_destroy(store);
}

TEST(an_acceptance_ends_with_its_path)
{
    struct verdict_store *store = create_store();
    struct presented_certificate *presented =
        present(pki.alice.certificate, pki.issuing.certificate);
    int64_t until = FIXTURE_NOW + 365 * FIXTURE_DAY;

    assert_int_equal(judge_once(store, context, presented, FIXTURE_NOW), REASON_NONE);
    assert_int_equal(judge_once(store, context, presented, until - 1), REASON_NONE);
    assert_int_equal(judge_once(store, context, presented, until), REASON_CERTIFICATE_EXPIRED);
    assert_int_equal(judge_once(store, context, presented, until + 5), REASON_CERTIFICATE_EXPIRED);
    /* The clock is set back: neither verdict is taken for the other time. */
    assert_int_equal(judge_once(store, context, presented, until - 1), REASON_NONE);
    assert_int_equal(judge_once(store, context, presented, FIXTURE_NOW - 2 * FIXTURE_DAY),
                     REASON_CERTIFICATE_NOT_YET_VALID);
    presented_certificate_release(presented);
    verdict_store_destroy(store);
}

TEST(a_certificate_that_is_not_valid_yet_is_accepted_at_its_hour)
{
    struct verdict_store *store = create_store();
    struct fixture early =
        fixture_make(&(struct fixture_spec){.common_name = "early", .not_before = FIXTURE_NOW + 10},
                     &pki.issuing);
    struct presented_certificate *presented = present(early.certificate, pki.issuing.certificate);

    assert_int_equal(judge_once(store, context, presented, FIXTURE_NOW),
                     REASON_CERTIFICATE_NOT_YET_VALID);
    assert_int_equal(judge_once(store, context, presented, FIXTURE_NOW + 9),
                     REASON_CERTIFICATE_NOT_YET_VALID);
    assert_int_equal(judge_once(store, context, presented, FIXTURE_NOW + 10), REASON_NONE);
    presented_certificate_release(presented);
    fixture_free(&early);
    verdict_store_destroy(store);
}

TEST(a_chain_beyond_the_limits_is_refused_without_a_place_in_the_store)
{
    struct verdict_store *store = create_store();
    struct fixture leaf = fixture_leaf("direct", &pki.root);
    X509 *chain[CERTIFICATE_CHAIN_COUNT_MAX];
    struct presented_certificate *alone = present(leaf.certificate, NULL);
    struct presented_certificate *beyond = NULL;
    struct verdict *first = NULL;
    struct verdict *second = NULL;

    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        chain[i] = pki.issuing.certificate;
    beyond = present_chain(leaf.certificate, chain, CERTIFICATE_CHAIN_COUNT_MAX);
    assert_int_equal(judge_once(store, context, alone, FIXTURE_NOW), REASON_NONE);
    first = verdict_store_judge(store, context, beyond, FIXTURE_NOW);
    second = verdict_store_judge(store, context, beyond, FIXTURE_NOW);
    assert_int_equal(verdict_reason(first), REASON_CERTIFICATE_CHAIN_TOO_LARGE);
    assert_ptr_not_equal(first, second);
    assert_int_equal(judge_once(store, context, alone, FIXTURE_NOW), REASON_NONE);
    verdict_release(second);
    verdict_release(first);
    presented_certificate_release(beyond);
    presented_certificate_release(alone);
    fixture_free(&leaf);
    verdict_store_destroy(store);
}

/* Anybody can be refused as often as they like. SALLYPORT_BAD_CHAINS=1000000 takes minutes. */
static unsigned bad_chain_count(void)
{
    const char *wanted = getenv("SALLYPORT_BAD_CHAINS");
    unsigned long count = wanted == NULL ? 0 : strtoul(wanted, NULL, 10);

    return count > 0 && count < 1UL << 24 ? (unsigned)count : 6000;
}

TEST(bad_chains_leave_memory_flat_and_push_out_no_acceptance)
{
    enum { REFUSED_BYTES_MAX = 512 * 1024 };
    struct verdict_store *store = verdict_store_create(
        &(struct verdict_store_settings){.refused_bytes_max = REFUSED_BYTES_MAX});
    struct verdict_store_counts early = {0};
    struct verdict_store_counts late;
    unsigned count = bad_chain_count();
    struct presented_certificate *alice = present(pki.alice.certificate, pki.issuing.certificate);
    struct verdict *accepted = verdict_store_judge(store, context, alice, FIXTURE_NOW);
    struct verdict *still = NULL;
    struct fixture_bytes der = fixture_der(pki.mallory.certificate);

    assert_true(verdict_is_accepted(accepted));
    for (unsigned i = 1; i <= count; i++) {
        X509 *forged = NULL;

        /* Somewhere in the signature's last integer: always another chain. */
        der.data[der.size - 1] = (char)(i & 0xff);
        der.data[der.size - 2] = (char)((i >> 8) & 0xff);
        der.data[der.size - 3] = (char)(i >> 16);
        forged = fixture_parse(fixture_bytes_slice(der));
        assert_int_not_equal(judge_and_forget(store, present(forged, NULL)), REASON_NONE);
        X509_free(forged);
        if (i == count / 2)
            early = verdict_store_count(store);
    }
    late = verdict_store_count(store);
    assert_int_equal(late.accepted, 1);
    assert_true(late.refused_bytes <= REFUSED_BYTES_MAX);
    assert_true(late.refused < count);
    assert_true(late.refused <= early.refused + early.refused / 8);
    still = verdict_store_judge(store, context, alice, FIXTURE_NOW);
    assert_ptr_equal(still, accepted);
    verdict_release(still);
    verdict_release(accepted);
    presented_certificate_release(alice);
    free(der.data);
    verdict_store_destroy(store);
}

/* A store that can hold nothing still judges. */
TEST(a_store_too_small_to_remember_judges_each_time)
{
    struct verdict_store *store = verdict_store_create(&(struct verdict_store_settings){
        .accepted_bytes_max = 1, .refused_bytes_max = 1, .refused_seconds = 1});
    struct presented_certificate *alice = present(pki.alice.certificate, pki.issuing.certificate);

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(judge_once(store, context, alice, FIXTURE_NOW), REASON_NONE);
    presented_certificate_release(alice);
    verdict_store_destroy(store);
    verdict_store_destroy(NULL);
}

/* A verdict in somebody's hands outlives the store, the context and the chain. */
TEST(a_verdict_lives_as_long_as_somebody_holds_it)
{
    struct verdict_store *store = create_store();
    struct judging_context *brief = context_of(pki.root.certificate);
    struct presented_certificate *alice = present(pki.alice.certificate, pki.issuing.certificate);
    struct verdict *verdict = verdict_store_judge(store, brief, alice, FIXTURE_NOW);

    presented_certificate_release(alice);
    judging_context_release(brief);
    verdict_store_destroy(store);
    assert_ptr_equal(verdict_acquire(verdict), verdict);
    verdict_release(verdict);
    assert_int_equal(sk_X509_num(verdict_path(verdict)), 3);
    assert_int_equal(X509_cmp(sk_X509_value(verdict_path(verdict), 2), pki.root.certificate), 0);
    verdict_release(verdict);
}

static struct verdict_store *shared_store;

static void *judge_many(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 50; i++) {
        struct presented_certificate *alice =
            present(pki.alice.certificate, pki.issuing.certificate);
        struct presented_certificate *mallory = present(pki.mallory.certificate, NULL);

        assert_int_equal(judge_once(shared_store, context, alice, FIXTURE_NOW + i), REASON_NONE);
        assert_int_equal(judge_once(shared_store, context, mallory, FIXTURE_NOW + 7 * i),
                         REASON_CERTIFICATE_ISSUER_UNKNOWN);
        presented_certificate_release(mallory);
        presented_certificate_release(alice);
    }
    return NULL;
}

TEST(threads_may_judge_at_once)
{
    pthread_t threads[4];

    shared_store = create_store();
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, judge_many, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    verdict_store_destroy(shared_store);
}

int main(void)
{
    int failed = 0;

    pki_make(&pki);
    context = context_of(pki.root.certificate);
    failed = RUN_TESTS(
        cmocka_unit_test(an_acceptance_comes_with_its_path_and_is_remembered),
        cmocka_unit_test(a_refusal_has_its_reason_and_is_remembered_for_a_while),
        cmocka_unit_test(nothing_is_undecided_and_undecided_is_refused),
        cmocka_unit_test(a_forged_bit_is_refused_also_when_the_original_was_accepted),
        cmocka_unit_test(each_arrangement_of_a_chain_is_judged_for_itself),
        cmocka_unit_test(a_verdict_of_one_context_says_nothing_in_another),
        cmocka_unit_test(an_acceptance_ends_with_its_path),
        cmocka_unit_test(a_certificate_that_is_not_valid_yet_is_accepted_at_its_hour),
        cmocka_unit_test(a_chain_beyond_the_limits_is_refused_without_a_place_in_the_store),
        cmocka_unit_test(bad_chains_leave_memory_flat_and_push_out_no_acceptance),
        cmocka_unit_test(a_store_too_small_to_remember_judges_each_time),
        cmocka_unit_test(a_verdict_lives_as_long_as_somebody_holds_it),
        cmocka_unit_test(threads_may_judge_at_once));
    judging_context_release(context);
    pki_free(&pki);
    return failed;
}
