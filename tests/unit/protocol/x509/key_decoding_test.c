/* SPDX-License-Identifier: Apache-2.0
 *
 * Both ways of decoding EC keys judge certificates alike. Each test makes its certificates the
 * plain way, starts one way, and parses them anew: a certificate that was parsed before keeps its
 * key.
 */
#include "protocol/x509/key_decoding.h"

#include <openssl/ec.h>
#include <openssl/provider.h>
#include <unistd.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/certification_path.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

enum { WAYS = 2, KINDS = 5 };

static const enum key_decoding_wish ways[WAYS] = {KEY_DECODING_PLAIN, KEY_DECODING_LEGACY};

static const enum fixture_key_kind kinds[KINDS] = {
    FIXTURE_KEY_P256, FIXTURE_KEY_P384, FIXTURE_KEY_P521, FIXTURE_KEY_ED25519, FIXTURE_KEY_RSA2048};

/* Elsewhere than on OpenSSL 3 there is one way. */
static struct key_decoding *start(enum key_decoding_wish way)
{
    struct key_decoding *decoding = key_decoding_start(way);

    if (OPENSSL_version_major() == 3)
        assert_int_equal(key_decoding_is_legacy(decoding), way == KEY_DECODING_LEGACY);
    return decoding;
}

/* ---- a chain, parsed anew ---- */

struct pki {
    struct fixture root;
    struct fixture intermediate;
    struct fixture leaf;
};

static struct pki make_pki(enum fixture_key_kind ca_kind, enum fixture_key_kind leaf_kind)
{
    struct pki pki;

    pki.root = fixture_make(&(struct fixture_spec){.common_name = "root",
                                                   .key_kind = ca_kind,
                                                   .basic_constraints = "critical,CA:TRUE",
                                                   .key_usage = "critical,keyCertSign"},
                            NULL);
    pki.intermediate = fixture_make(&(struct fixture_spec){.common_name = "intermediate",
                                                           .key_kind = ca_kind,
                                                           .basic_constraints = "critical,CA:TRUE",
                                                           .key_usage = "critical,keyCertSign"},
                                    &pki.root);
    pki.leaf = fixture_make(&(struct fixture_spec){.common_name = "leaf",
                                                   .key_kind = leaf_kind,
                                                   .key_usage = "critical,digitalSignature",
                                                   .extended_key_usage = "clientAuth"},
                            &pki.intermediate);
    return pki;
}

static void free_pki(struct pki *pki)
{
    fixture_free(&pki->leaf);
    fixture_free(&pki->intermediate);
    fixture_free(&pki->root);
}

static X509 *parse_again(const X509 *certificate)
{
    struct fixture_bytes der = fixture_der(certificate);
    X509 *parsed = fixture_parse(fixture_bytes_slice(der));

    assert_non_null(parsed);
    free(der.data);
    return parsed;
}

static struct trust_store *trust(X509 *anchor)
{
    struct fixture_bytes pem = fixture_pem(&anchor, 1);
    char *path = fixture_file(fixture_bytes_slice(pem));
    struct trust_anchor_source source = {.path = path};
    struct error error;
    struct trust_store *store = trust_store_load(&source, 1, &error);

    assert_non_null(store);
    unlink(path);
    free(path);
    free(pem.data);
    return store;
}

/* Takes the parsed leaf and intermediate. */
static enum reason judge(X509 *anchor, X509 *leaf, X509 *intermediate)
{
    struct trust_store *store = trust(anchor);
    struct certification_path_settings settings = {.anchors = store, .depth = 4};
    STACK_OF(X509) *untrusted = fixture_chain(&intermediate, 1);
    struct certification_path path =
        certification_path_verify(&settings, leaf, untrusted, FIXTURE_NOW);
    enum reason reason = path.reason;

    assert_int_equal(path.certificates != NULL, reason == REASON_NONE);
    sk_X509_pop_free(path.certificates, X509_free);
    fixture_chain_free(untrusted);
    trust_store_destroy(store);
    X509_free(leaf);
    X509_free(intermediate);
    return reason;
}

static bool is_refused(enum reason reason)
{
    return reason != REASON_NONE && reason != REASON_UNDECIDED && reason != REASON_INTERNAL;
}

/* ---- tests ---- */

TEST(the_two_ways_differ_in_the_keys_that_they_make)
{
    struct fixture made = fixture_root("root");

    for (size_t i = 0; i < WAYS; i++) {
        struct key_decoding *decoding = start(ways[i]);
        X509 *parsed = parse_again(made.certificate);
        EVP_PKEY *key = X509_get0_pubkey(parsed);

        assert_non_null(key);
        assert_int_equal(EVP_PKEY_get0_provider(key) == NULL, key_decoding_is_legacy(decoding));
        assert_int_equal(EVP_PKEY_eq(key, made.key), 1);
        X509_free(parsed);
        key_decoding_stop(decoding);
    }
    fixture_free(&made);
}

TEST(good_chains_are_accepted_both_ways)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct pki pki = make_pki(FIXTURE_KEY_P256, kinds[i]);

        for (size_t way = 0; way < WAYS; way++) {
            struct key_decoding *decoding = start(ways[way]);

            assert_int_equal(judge(pki.root.certificate, parse_again(pki.leaf.certificate),
                                   parse_again(pki.intermediate.certificate)),
                             REASON_NONE);
            key_decoding_stop(decoding);
        }
        free_pki(&pki);
    }
}

TEST(chains_of_issuers_on_other_curves_are_accepted_both_ways)
{
    struct pki pki = make_pki(FIXTURE_KEY_P384, FIXTURE_KEY_P521);

    for (size_t way = 0; way < WAYS; way++) {
        struct key_decoding *decoding = start(ways[way]);

        assert_int_equal(judge(pki.root.certificate, parse_again(pki.leaf.certificate),
                               parse_again(pki.intermediate.certificate)),
                         REASON_NONE);
        key_decoding_stop(decoding);
    }
    free_pki(&pki);
}

TEST(a_chain_of_another_authority_of_the_same_name_is_refused_both_ways)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct pki ours = make_pki(kinds[i], FIXTURE_KEY_P256);
        struct pki theirs = make_pki(kinds[i], FIXTURE_KEY_P256);

        for (size_t way = 0; way < WAYS; way++) {
            struct key_decoding *decoding = start(ways[way]);

            assert_true(
                is_refused(judge(ours.root.certificate, parse_again(theirs.leaf.certificate),
                                 parse_again(theirs.intermediate.certificate))));
            /* Below our intermediate, whose key has not signed it. */
            assert_true(
                is_refused(judge(ours.root.certificate, parse_again(theirs.leaf.certificate),
                                 parse_again(ours.intermediate.certificate))));
            key_decoding_stop(decoding);
        }
        free_pki(&theirs);
        free_pki(&ours);
    }
}

TEST(one_flipped_bit_of_a_signature_is_refused_both_ways)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct pki pki = make_pki(kinds[i], kinds[i]);

        for (size_t way = 0; way < WAYS; way++) {
            struct key_decoding *decoding = start(ways[way]);

            assert_int_equal(judge(pki.root.certificate, fixture_forge(pki.leaf.certificate),
                                   parse_again(pki.intermediate.certificate)),
                             REASON_CERTIFICATE_SIGNATURE_INVALID);
            assert_int_equal(judge(pki.root.certificate, parse_again(pki.leaf.certificate),
                                   fixture_forge(pki.intermediate.certificate)),
                             REASON_CERTIFICATE_SIGNATURE_INVALID);
            key_decoding_stop(decoding);
        }
        free_pki(&pki);
    }
}

/* CVE-2022-0778, CVE-2020-0601: parameters of the client's own making are looked at by nobody. */
TEST(explicit_curve_parameters_are_refused_both_ways)
{
    struct pki leafs = make_pki(FIXTURE_KEY_P256, FIXTURE_KEY_EXPLICIT);
    struct pki issuers = make_pki(FIXTURE_KEY_EXPLICIT, FIXTURE_KEY_P256);

    for (size_t way = 0; way < WAYS; way++) {
        struct key_decoding *decoding = start(ways[way]);
        X509 *leaf = parse_again(leafs.leaf.certificate);

        assert_true(is_refused(certificate_check_limits(leaf)));
        assert_true(is_refused(
            judge(leafs.root.certificate, leaf, parse_again(leafs.intermediate.certificate))));
        assert_true(is_refused(judge(leafs.root.certificate, parse_again(issuers.leaf.certificate),
                                     parse_again(issuers.intermediate.certificate))));
        key_decoding_stop(decoding);
    }
    free_pki(&issuers);
    free_pki(&leafs);
}

/* The public key's last octet lies right before the extensions; the signature is not asked then. */
TEST(a_point_beside_the_curve_makes_no_key_either_way)
{
    struct fixture made = fixture_root("root");
    struct fixture_bytes der = fixture_der(made.certificate);
    const ASN1_BIT_STRING *bits = X509_get0_pubkey_bitstr(made.certificate);
    size_t size = (size_t)ASN1_STRING_length(bits);
    char *point = memmem(der.data, der.size, ASN1_STRING_get0_data(bits), size);

    assert_non_null(point);
    point[size - 1] = (char)(point[size - 1] ^ 1);
    for (size_t way = 0; way < WAYS; way++) {
        struct key_decoding *decoding = start(ways[way]);
        X509 *parsed = fixture_parse(fixture_bytes_slice(der));

        assert_non_null(parsed);
        assert_null(X509_get0_pubkey(parsed));
        X509_free(parsed);
        key_decoding_stop(decoding);
    }
    free(der.data);
    fixture_free(&made);
}

TEST(the_version_decides_when_nobody_wishes)
{
    struct key_decoding *decoding = key_decoding_start(KEY_DECODING_BY_VERSION);
    bool gains = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;

    assert_int_equal(key_decoding_is_legacy(decoding), gains);
    assert_true(strlen(key_decoding_explain(decoding)) > 0);
    key_decoding_stop(decoding);
}

TEST(stopping_leads_back_to_the_plain_way)
{
    struct fixture made = fixture_root("root");
    X509 *parsed = NULL;

    key_decoding_stop(start(KEY_DECODING_LEGACY));
    parsed = parse_again(made.certificate);
    assert_non_null(EVP_PKEY_get0_provider(X509_get0_pubkey(parsed)));
    X509_free(parsed);
    fixture_free(&made);
}

/* The legacy way would go around a FIPS module. */
TEST(it_is_the_plain_way_where_fips_is_asked_for)
{
    struct key_decoding *decoding = NULL;

    assert_int_equal(EVP_default_properties_enable_fips(NULL, 1), 1);
    decoding = key_decoding_start(KEY_DECODING_LEGACY);
    assert_false(key_decoding_is_legacy(decoding));
    key_decoding_stop(decoding);
    assert_int_equal(EVP_default_properties_enable_fips(NULL, 0), 1);
}

static int start_provider(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                          const OSSL_DISPATCH **out, void **context)
{
    static const OSSL_DISPATCH none[] = {{0, NULL}};

    (void)handle;
    (void)in;
    *out = none;
    *context = NULL;
    return 1;
}

/* Its keys could not sign any more. */
TEST(it_is_the_plain_way_where_there_is_a_provider_of_somebody_else)
{
    struct key_decoding *decoding = NULL;
    OSSL_PROVIDER *own = OSSL_PROVIDER_load(NULL, "default");
    OSSL_PROVIDER *token = NULL;

    assert_int_equal(OSSL_PROVIDER_add_builtin(NULL, "token", start_provider), 1);
    token = OSSL_PROVIDER_load(NULL, "token");
    assert_non_null(token);
    decoding = key_decoding_start(KEY_DECODING_LEGACY);
    assert_false(key_decoding_is_legacy(decoding));
    key_decoding_stop(decoding);
    OSSL_PROVIDER_unload(token);
    OSSL_PROVIDER_unload(own);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(the_two_ways_differ_in_the_keys_that_they_make),
        cmocka_unit_test(good_chains_are_accepted_both_ways),
        cmocka_unit_test(chains_of_issuers_on_other_curves_are_accepted_both_ways),
        cmocka_unit_test(a_chain_of_another_authority_of_the_same_name_is_refused_both_ways),
        cmocka_unit_test(one_flipped_bit_of_a_signature_is_refused_both_ways),
        cmocka_unit_test(explicit_curve_parameters_are_refused_both_ways),
        cmocka_unit_test(a_point_beside_the_curve_makes_no_key_either_way),
        cmocka_unit_test(the_version_decides_when_nobody_wishes),
        cmocka_unit_test(stopping_leads_back_to_the_plain_way),
        cmocka_unit_test(it_is_the_plain_way_where_fips_is_asked_for),
        cmocka_unit_test(it_is_the_plain_way_where_there_is_a_provider_of_somebody_else));
}
