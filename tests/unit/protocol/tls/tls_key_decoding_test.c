/* SPDX-License-Identifier: Apache-2.0
 *
 * Handshakes with both ways of decoding EC keys: every kind of client key, every group, both kinds
 * of server keys, and somebody who shows a certificate without having its key.
 */
#include <pthread.h>

#include "protocol/x509/key_decoding.h"
#include "support/test.h"
#include "support/tls_fixture.h"

/* TLS 1.2 allows certificates on these curves alone (RFC 8422 section 5.1.1). */
#define ALL_GROUPS "X25519:P-256:P-384:P-521"

enum { WAYS = 2, CLIENTS = 5, VERSIONS = 2, THREADS = 4, HANDSHAKES = 12 };

static const enum key_decoding_wish ways[WAYS] = {KEY_DECODING_PLAIN, KEY_DECODING_LEGACY};
static const int versions[VERSIONS] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* Elsewhere than on OpenSSL 3 there is one way. */
static struct key_decoding *start(enum key_decoding_wish way)
{
    struct key_decoding *decoding = key_decoding_start(way);

    if (OPENSSL_version_major() == 3)
        assert_int_equal(key_decoding_is_legacy(decoding), way == KEY_DECODING_LEGACY);
    return decoding;
}

static struct tls_fixture_identity make_client(EVP_PKEY *key)
{
    struct tls_fixture_identity *issuer = &tls_fixture_pki()->intermediate;
    struct tls_fixture_identity made = {key, X509_new()};
    X509_NAME *subject = X509_get_subject_name(made.certificate);

    assert_non_null(key);
    X509_set_version(made.certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.certificate), 1);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"client", -1, -1,
                               0);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate), 3600);
    X509_set_pubkey(made.certificate, key);
    X509_set_issuer_name(made.certificate, X509_get_subject_name(issuer->certificate));
    assert_true(X509_sign(made.certificate, issuer->key, EVP_sha256()) > 0);
    return made;
}

/* Made the plain way, once, and used in all tests. */
static const struct tls_fixture_identity *clients(void)
{
    static struct tls_fixture_identity made[CLIENTS];

    (void)tls_fixture_pki();
    if (made[0].key == NULL) {
        made[0] = make_client(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "prime256v1"));
        made[1] = make_client(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp384r1"));
        made[2] = make_client(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp521r1"));
        made[3] = make_client(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
        made[4] = make_client(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    }
    return made;
}

/* Whether the handshake was finished, with the client's certificate judged once. */
static bool shakes_hands(struct tls_profile *profile, int version, const char *groups,
                         const struct tls_fixture_identity *client)
{
    struct tls_fixture_listener listener = {NULL, profile};
    struct tls_fixture_pair pair = {.owner = {.listeners = &listener, .listener_count = 1}};
    SSL_CTX *context = tls_fixture_client(version, client);
    bool is_finished = false;

    SSL_CTX_set_security_level(context, 0);
    tls_fixture_set_groups(context, groups);
    tls_fixture_open(&pair, context, NULL);
    is_finished = tls_fixture_handshake(&pair) == TLS_DONE &&
                  tls_connection_facts(pair.server).is_finished && pair.owner.judged_count == 1;
    tls_fixture_close(&pair);
    SSL_CTX_free(context);
    return is_finished;
}

static struct tls_profile *make_profile(bool rsa_only)
{
    return tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK_OR_ALERT,
                                                             .rsa_only = rsa_only,
                                                             .groups = ALL_GROUPS},
                               NULL);
}

TEST(every_kind_of_client_key_works_both_ways)
{
    const struct tls_fixture_identity *all = clients();

    for (size_t way = 0; way < WAYS; way++) {
        struct key_decoding *decoding = start(ways[way]);
        struct tls_profile *profile = make_profile(false);

        for (size_t version = 0; version < VERSIONS; version++)
            for (size_t i = 0; i < CLIENTS; i++)
                assert_true(shakes_hands(profile, versions[version], ALL_GROUPS, &all[i]));
        tls_profile_release(profile);
        key_decoding_stop(decoding);
    }
}

TEST(every_group_and_both_server_keys_work_both_ways)
{
    /* For TLS 1.2, which wants the curve of the certificates besides, and for TLS 1.3. */
    static const char *const groups[4][VERSIONS] = {{"X25519:P-256", "X25519"},
                                                    {"P-256", "P-256"},
                                                    {"P-384:P-256", "P-384"},
                                                    {"P-521:P-256", "P-521"}};
    const struct tls_fixture_identity *all = clients();

    for (size_t way = 0; way < WAYS; way++) {
        struct key_decoding *decoding = start(ways[way]);

        for (unsigned rsa = 0; rsa < 2; rsa++) {
            struct tls_profile *profile = make_profile(rsa == 1);

            for (size_t version = 0; version < VERSIONS; version++)
                for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
                    assert_true(
                        shakes_hands(profile, versions[version], groups[i][version], &all[0]));
            tls_profile_release(profile);
        }
        key_decoding_stop(decoding);
    }
}

/* The certificate's public key with another private key: what a thief of certificates has. */
static EVP_PKEY *make_false_pair(EVP_PKEY *shown)
{
    EVP_PKEY *own = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "prime256v1");
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    BIGNUM *number = NULL;
    unsigned char *point = NULL;
    size_t point_size = EVP_PKEY_get1_encoded_public_key(shown, &point);
    EVP_PKEY *made = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(own, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, point_size);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number);
    parameters = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, parameters), 1);

    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    BN_clear_free(number);
    OPENSSL_free(point);
    EVP_PKEY_free(own);
    return made;
}

TEST(a_certificate_without_its_key_is_refused_both_ways)
{
    const struct tls_fixture_identity *all = clients();
    struct tls_fixture_identity thief = {make_false_pair(all[0].key), all[0].certificate};

    for (size_t way = 0; way < WAYS; way++) {
        struct key_decoding *decoding = start(ways[way]);
        struct tls_profile *profile = make_profile(false);

        for (size_t version = 0; version < VERSIONS; version++) {
            assert_false(shakes_hands(profile, versions[version], ALL_GROUPS, &thief));
            assert_true(shakes_hands(profile, versions[version], ALL_GROUPS, &all[0]));
        }
        tls_profile_release(profile);
        key_decoding_stop(decoding);
    }
    EVP_PKEY_free(thief.key);
}

/* ---- workers share a context, and libcrypto's table of methods ---- */

struct shaking {
    struct tls_profile *profile;
    size_t finished;
    unsigned first;
};

static void *shake_hands_often(void *context)
{
    struct shaking *shaking = context;
    const struct tls_fixture_identity *all = clients();

    for (unsigned i = 0; i < HANDSHAKES; i++) {
        unsigned which = shaking->first + i;

        if (shakes_hands(shaking->profile, versions[which % VERSIONS],
                         which % 3 == 0 ? "P-256:P-384:P-521" : ALL_GROUPS, &all[which % CLIENTS]))
            shaking->finished++;
    }
    return NULL;
}

TEST(threads_shake_hands_at_the_same_time_both_ways)
{
    (void)clients();
    for (size_t way = 0; way < WAYS; way++) {
        struct shaking shaking[THREADS];
        pthread_t threads[THREADS];
        struct key_decoding *decoding = start(ways[way]);
        struct tls_profile *profile = make_profile(false);

        for (unsigned i = 0; i < THREADS; i++) {
            shaking[i] = (struct shaking){.profile = profile, .first = i};
            assert_int_equal(pthread_create(&threads[i], NULL, shake_hands_often, &shaking[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(shaking[i].finished, HANDSHAKES);
        tls_profile_release(profile);
        key_decoding_stop(decoding);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(every_kind_of_client_key_works_both_ways),
                     cmocka_unit_test(every_group_and_both_server_keys_work_both_ways),
                     cmocka_unit_test(a_certificate_without_its_key_is_refused_both_ways),
                     cmocka_unit_test(threads_shake_hands_at_the_same_time_both_ways));
}
