/* SPDX-License-Identifier: Apache-2.0
 *
 * What a client showed: its digest, its limits, its description, and its life among threads.
 */
#include "gateway/identity/presented_certificate.h"

#include <openssl/err.h>
#include <pthread.h>

#include "gateway/identity/identity.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

enum { CHAIN_MAX = 16 };

static struct fixture root;
static struct fixture issuing;
static struct fixture alice;

static void make_pki(void)
{
    root = fixture_root("Root");
    issuing = fixture_intermediate("Issuing", &root);
    alice = fixture_leaf("alice", &issuing);
}

static void free_pki(void)
{
    fixture_free(&alice);
    fixture_free(&issuing);
    fixture_free(&root);
}

static struct presented_certificate *present(X509 *leaf, X509 *const *others, size_t count)
{
    STACK_OF(X509) *chain = fixture_chain(others, count);
    struct presented_certificate *presented = presented_certificate_create(leaf, chain);

    fixture_chain_free(chain);
    assert_non_null(presented);
    assert_int_equal(ERR_peek_error(), 0);
    return presented;
}

static bool have_equal_digests(struct presented_certificate *a, struct presented_certificate *b)
{
    return slice_equals(presented_certificate_digest(a), presented_certificate_digest(b));
}

TEST(the_digest_is_of_the_certificates_as_presented)
{
    X509 *forged = fixture_forge(alice.certificate);
    X509 *chain[] = {issuing.certificate, root.certificate, issuing.certificate};
    struct presented_certificate *reference = present(alice.certificate, chain, 2);
    struct presented_certificate *same = present(alice.certificate, chain, 2);
    struct presented_certificate *others[] = {
        present(alice.certificate, NULL, 0),
        present(alice.certificate, chain, 1),
        present(alice.certificate, chain, 3),
        present(alice.certificate, chain + 1, 2),
        present(forged, chain, 2),
        present(issuing.certificate, chain, 2),
    };

    assert_int_equal(presented_certificate_digest(reference).size, 32);
    assert_true(have_equal_digests(reference, same));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_false(have_equal_digests(reference, others[i]));
        presented_certificate_release(others[i]);
    }
    presented_certificate_release(same);
    presented_certificate_release(reference);
    X509_free(forged);
}

/* The library gives the chain with the leaf in front at a handshake, and without it later. */
TEST(a_leaf_in_front_of_the_chain_is_the_leaf)
{
    X509 *with[] = {alice.certificate, issuing.certificate};
    X509 *without[] = {issuing.certificate};
    struct presented_certificate *a = present(alice.certificate, with, 2);
    struct presented_certificate *b = present(alice.certificate, without, 1);

    assert_true(have_equal_digests(a, b));
    assert_int_equal(sk_X509_num(presented_certificate_untrusted(a)), 1);
    presented_certificate_release(b);
    presented_certificate_release(a);
}

TEST(it_keeps_what_it_was_given_alive)
{
    struct fixture brief = fixture_leaf("brief", &issuing);
    struct presented_certificate *presented = present(brief.certificate, NULL, 0);

    fixture_free(&brief);
    assert_int_equal(X509_verify(presented_certificate_leaf(presented), issuing.key), 1);
    assert_int_equal(presented_certificate_limit(presented), REASON_NONE);
    assert_ptr_equal(presented_certificate_acquire(presented), presented);
    presented_certificate_release(presented);
    assert_non_null(presented_certificate_describe(presented));
    presented_certificate_release(presented);
    presented_certificate_release(NULL);
}

TEST(too_many_certificates_leave_only_the_leaf_and_another_digest)
{
    X509 *chain[CHAIN_MAX];
    struct presented_certificate *most = NULL;
    struct presented_certificate *beyond = NULL;
    struct presented_certificate *alone = present(alice.certificate, NULL, 0);

    for (size_t i = 0; i < CHAIN_MAX; i++)
        chain[i] = issuing.certificate;
    most = present(alice.certificate, chain, CERTIFICATE_CHAIN_COUNT_MAX - 1);
    beyond = present(alice.certificate, chain, CERTIFICATE_CHAIN_COUNT_MAX);
    assert_int_equal(presented_certificate_limit(most), REASON_NONE);
    assert_int_equal(sk_X509_num(presented_certificate_untrusted(most)),
                     CERTIFICATE_CHAIN_COUNT_MAX - 1);
    assert_int_equal(presented_certificate_limit(beyond), REASON_CERTIFICATE_CHAIN_TOO_LARGE);
    assert_int_equal(sk_X509_num(presented_certificate_untrusted(beyond)), 0);
    assert_int_equal(X509_cmp(presented_certificate_leaf(beyond), alice.certificate), 0);
    /* Else a stranger's oversized chain would spoil the verdict on the leaf itself. */
    assert_false(have_equal_digests(beyond, alone));
    presented_certificate_release(alone);
    presented_certificate_release(beyond);
    presented_certificate_release(most);
}

TEST(too_many_bytes_are_too_large)
{
    static char filling[CERTIFICATE_CHAIN_BYTES_MAX];
    struct fixture_extension large = {"1.3.6.1.4.1.55555.1", false,
                                      slice_from(filling, sizeof filling / 2)};
    struct fixture_spec spec = {.common_name = "fat", .extensions = &large, .extension_count = 1};
    struct fixture fat = fixture_make(&spec, &issuing);
    X509 *chain[] = {fat.certificate, issuing.certificate};
    struct presented_certificate *one = present(fat.certificate, chain + 1, 1);
    struct presented_certificate *two =
        present(alice.certificate, (X509 *[]){chain[0], chain[0]}, 2);

    assert_int_equal(presented_certificate_limit(one), REASON_NONE);
    assert_int_equal(presented_certificate_limit(two), REASON_CERTIFICATE_CHAIN_TOO_LARGE);
    presented_certificate_release(two);
    presented_certificate_release(one);
    fixture_free(&fat);

    large.value.size = sizeof filling;
    fat = fixture_make(&spec, &issuing);
    one = present(fat.certificate, NULL, 0);
    assert_int_equal(presented_certificate_limit(one), REASON_CERTIFICATE_CHAIN_TOO_LARGE);
    assert_non_null(presented_certificate_describe(one));
    presented_certificate_release(one);
    fixture_free(&fat);
}

TEST(a_limit_broken_anywhere_in_the_chain_is_found)
{
    struct fixture weak = fixture_make(
        &(struct fixture_spec){.common_name = "weak", .key_kind = FIXTURE_KEY_RSA1024}, NULL);
    struct fixture odd = fixture_make(
        &(struct fixture_spec){.common_name = "odd", .key_kind = FIXTURE_KEY_EXPLICIT}, NULL);
    struct presented_certificate *presented[] = {
        present(weak.certificate, NULL, 0), present(odd.certificate, NULL, 0),
        present(alice.certificate, (X509 *[]){issuing.certificate, weak.certificate}, 2),
        present(alice.certificate, (X509 *[]){odd.certificate, issuing.certificate}, 2)};

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(presented_certificate_limit(presented[i]),
                         REASON_CERTIFICATE_KEY_UNACCEPTABLE);
        presented_certificate_release(presented[i]);
    }
    fixture_free(&odd);
    fixture_free(&weak);
}

TEST(larger_chains_hold_more_bytes)
{
    struct presented_certificate *small = present(alice.certificate, NULL, 0);
    struct presented_certificate *large =
        present(alice.certificate, (X509 *[]){issuing.certificate, root.certificate}, 2);

    assert_true(presented_certificate_bytes(small) > 2000);
    assert_true(presented_certificate_bytes(large) > 2 * presented_certificate_bytes(small));
    presented_certificate_release(large);
    presented_certificate_release(small);
}

TEST(the_description_is_computed_once)
{
    struct presented_certificate *presented = present(alice.certificate, NULL, 0);
    const struct certificate_description *description = presented_certificate_describe(presented);

    assert_non_null(description);
    assert_true(slice_equals(description->subject, SLICE("CN=alice")));
    assert_ptr_equal(presented_certificate_describe(presented), description);
    presented_certificate_release(presented);
}

TEST(what_cannot_be_read_is_not_described)
{
    struct fixture_extension broken = {"subjectAltName", false, SLICE("\x30\x02\x82\x05")};
    struct fixture made = fixture_make(
        &(struct fixture_spec){.common_name = "n", .extensions = &broken, .extension_count = 1},
        NULL);
    struct presented_certificate *presented = present(made.certificate, NULL, 0);
    char memory[4096];
    struct arena arena;

    assert_null(presented_certificate_describe(presented));
    assert_null(presented_certificate_describe(presented));
    arena_init(&arena, memory, sizeof memory);
    assert_int_equal(
        presented_certificate_header(presented, IDENTITY_FORMAT_DER_BASE64, &arena).size, 0);
    presented_certificate_release(presented);
    fixture_free(&made);
}

static void *describe_and_release(void *argument)
{
    struct presented_certificate *presented = argument;
    const struct certificate_description *description = presented_certificate_describe(presented);

    assert_true(slice_equals(description->subject, SLICE("CN=alice")));
    presented_certificate_release(presented);
    return NULL;
}

TEST(threads_may_describe_and_release_at_once)
{
    enum { THREADS = 8, ROUNDS = 50 };

    for (size_t round = 0; round < ROUNDS; round++) {
        struct presented_certificate *presented = present(alice.certificate, NULL, 0);
        pthread_t threads[THREADS];

        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, describe_and_release,
                                            presented_certificate_acquire(presented)),
                             0);
        presented_certificate_release(presented);
        for (size_t i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
}

int main(void)
{
    int failed = 0;

    make_pki();
    failed =
        RUN_TESTS(cmocka_unit_test(the_digest_is_of_the_certificates_as_presented),
                  cmocka_unit_test(a_leaf_in_front_of_the_chain_is_the_leaf),
                  cmocka_unit_test(it_keeps_what_it_was_given_alive),
                  cmocka_unit_test(too_many_certificates_leave_only_the_leaf_and_another_digest),
                  cmocka_unit_test(too_many_bytes_are_too_large),
                  cmocka_unit_test(a_limit_broken_anywhere_in_the_chain_is_found),
                  cmocka_unit_test(larger_chains_hold_more_bytes),
                  cmocka_unit_test(the_description_is_computed_once),
                  cmocka_unit_test(what_cannot_be_read_is_not_described),
                  cmocka_unit_test(threads_may_describe_and_release_at_once));
    free_pki();
    return failed;
}
