/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trust profile demands of a path that is valid: each demand refuses what it is about,
 * wherever in the path that is, and nothing else.
 */
#include "protocol/x509/path_demands.h"

#include "support/path_fixture.h"

/* Root -> Issuing -> alice, all on P-256 with SHA-256. */
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

#define assert_alice(expected, ...)                                                                \
    assert_outcome(expected, .anchors = {root.certificate}, .leaf = alice.certificate,             \
                   .untrusted = {issuing.certificate}, .demands = {__VA_ARGS__})

static STACK_OF(ASN1_OBJECT) * objects_of(const char *first, const char *second)
{
    STACK_OF(ASN1_OBJECT) *objects = sk_ASN1_OBJECT_new_null();

    sk_ASN1_OBJECT_push(objects, OBJ_txt2obj(first, 1));
    if (second != NULL)
        sk_ASN1_OBJECT_push(objects, OBJ_txt2obj(second, 1));
    return objects;
}

static void free_objects(STACK_OF(ASN1_OBJECT) * objects)
{
    sk_ASN1_OBJECT_pop_free(objects, ASN1_OBJECT_free);
}

/* ---- keys and signatures ---- */

/* The weak one is the leaf, the issuer or the anchor: it is found everywhere. */
TEST(a_key_below_the_floor_is_refused_wherever_it_is)
{
    struct fixture_spec ca = {
        .common_name = "CA", .key_kind = FIXTURE_KEY_RSA2048, .basic_constraints = "CA:TRUE"};
    struct fixture_spec client = {.common_name = "rsa", .key_kind = FIXTURE_KEY_RSA2048};
    struct fixture rsa_leaf = fixture_make(&client, &root);
    struct fixture rsa_ca = fixture_make(&ca, &root);
    struct fixture rsa_root = fixture_make(&ca, NULL);
    struct fixture below_ca = fixture_leaf("below", &rsa_ca);
    struct fixture below_root = fixture_leaf("below", &rsa_root);
    const struct path_demands floor = {.rsa_bits_min = 2049};
    const struct path_demands enough = {.rsa_bits_min = 2048};

    assert_outcome(CERTIFICATE_KEY_UNACCEPTABLE, .anchors = {root.certificate},
                   .leaf = rsa_leaf.certificate, .demands = floor);
    assert_outcome(CERTIFICATE_KEY_UNACCEPTABLE, .anchors = {root.certificate},
                   .leaf = below_ca.certificate, .untrusted = {rsa_ca.certificate},
                   .demands = floor);
    assert_outcome(CERTIFICATE_KEY_UNACCEPTABLE, .anchors = {rsa_root.certificate},
                   .leaf = below_root.certificate, .demands = floor);
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = rsa_leaf.certificate,
                   .demands = enough);
    assert_outcome(NONE, .anchors = {rsa_root.certificate}, .leaf = below_root.certificate,
                   .demands = enough);
    /* Beside the path it plays no part. */
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {rsa_root.certificate, issuing.certificate}, .demands = floor);
    fixture_free(&below_root);
    fixture_free(&below_ca);
    fixture_free(&rsa_root);
    fixture_free(&rsa_ca);
    fixture_free(&rsa_leaf);
}

TEST(each_type_of_key_is_allowed_by_its_name_alone)
{
    static const struct {
        enum fixture_key_kind kind;
        const char *name;
    } TYPES[] = {
        {FIXTURE_KEY_RSA2048, "RSA"},     {FIXTURE_KEY_P256, "P-256"},
        {FIXTURE_KEY_P384, "P-384"},      {FIXTURE_KEY_P521, "P-521"},
        {FIXTURE_KEY_ED25519, "Ed25519"}, {FIXTURE_KEY_ED448, "Ed448"},
    };

    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        unsigned type = path_key_type_parse(slice_from_text(TYPES[i].name));
        struct fixture leaf = fixture_make(
            &(struct fixture_spec){.common_name = "leaf", .key_kind = TYPES[i].kind}, &root);

        assert_int_not_equal(type, 0);
        assert_outcome(NONE, .anchors = {root.certificate}, .leaf = leaf.certificate,
                       .demands = {.key_types = type | PATH_KEY_P256});
        assert_outcome(CERTIFICATE_KEY_UNACCEPTABLE, .anchors = {root.certificate},
                       .leaf = leaf.certificate,
                       .demands = {.key_types = 63 & ~(type == PATH_KEY_P256 ? 2 : type)});
        /* The anchor is on P-256. */
        if (type != PATH_KEY_P256)
            assert_outcome(CERTIFICATE_KEY_UNACCEPTABLE, .anchors = {root.certificate},
                           .leaf = leaf.certificate, .demands = {.key_types = type});
        fixture_free(&leaf);
    }
    assert_int_equal(path_key_type_parse(SLICE("p-256")), 0);
    assert_int_equal(path_key_type_parse(SLICE("")), 0);
    assert_int_equal(path_key_type_parse(SLICE("RSA\0")), 0);
}

TEST(signatures_are_measured_in_the_whole_path_but_the_anchors_own)
{
    struct fixture edwards = fixture_make(&(struct fixture_spec){.common_name = "Ed",
                                                                 .key_kind = FIXTURE_KEY_ED25519,
                                                                 .basic_constraints = "CA:TRUE"},
                                          NULL);
    struct fixture below = fixture_leaf("below", &edwards);
    struct fixture direct = fixture_leaf("direct", &root);
    struct fixture both = fixture_make(
        &(struct fixture_spec){.common_name = "Both", .basic_constraints = "CA:TRUE"}, NULL);

    assert_alice(NONE, .hash_bits_min = PATH_HASH_SHA256);
    assert_alice(CERTIFICATE_SIGNATURE_WEAK, .hash_bits_min = PATH_HASH_SHA384);
    assert_outcome(CERTIFICATE_SIGNATURE_WEAK, .anchors = {root.certificate},
                   .leaf = direct.certificate, .demands = {.hash_bits_min = PATH_HASH_SHA384});
    assert_outcome(NONE, .anchors = {both.certificate}, .leaf = both.certificate,
                   .demands = {.hash_bits_min = PATH_HASH_SHA512});
    assert_outcome(NONE, .anchors = {edwards.certificate}, .leaf = below.certificate,
                   .demands = {.hash_bits_min = PATH_HASH_SHA512});
    fixture_free(&both);
    fixture_free(&direct);
    fixture_free(&below);
    fixture_free(&edwards);
}

/* ---- what it is for ---- */

static const char *outcome_of_usage(const char *usage, const char *key_usage,
                                    struct path_demands demands)
{
    struct fixture leaf = fixture_make(&(struct fixture_spec){.common_name = "leaf",
                                                              .extended_key_usage = usage,
                                                              .key_usage = key_usage},
                                       &root);
    const char *found = outcome(&(struct attempt){
        .anchors = {root.certificate}, .leaf = leaf.certificate, .demands = demands});

    fixture_free(&leaf);
    return found;
}

#define assert_usage(expected, usage, key_usage, ...)                                              \
    assert_string_equal(                                                                           \
        outcome_of_usage((usage), (key_usage), (struct path_demands){__VA_ARGS__}),                \
        reason_name(REASON_##expected))

/* Row 23, CVE-2022-21657. */
TEST(client_auth_is_demanded_as_the_profile_says)
{
    assert_usage(NONE, NULL, NULL, .purpose = PATH_PURPOSE_CLIENT);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, NULL, NULL, .purpose = PATH_PURPOSE_CLIENT_REQUIRED);
    assert_usage(NONE, "clientAuth", NULL, .purpose = PATH_PURPOSE_CLIENT_REQUIRED);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, "emailProtection", NULL,
                 .purpose = PATH_PURPOSE_CLIENT);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, "serverAuth", NULL,
                 .purpose = PATH_PURPOSE_CLIENT_REQUIRED);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, "anyExtendedKeyUsage", NULL,
                 .purpose = PATH_PURPOSE_CLIENT_REQUIRED);
    assert_usage(NONE, "emailProtection", NULL, .purpose = PATH_PURPOSE_ANY);
    assert_usage(NONE, NULL, NULL, .purpose = PATH_PURPOSE_ANY);
    /* Whatever for, it signs a handshake. */
    assert_usage(NONE, "emailProtection", "digitalSignature", .purpose = PATH_PURPOSE_ANY);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, "emailProtection", "keyEncipherment",
                 .purpose = PATH_PURPOSE_ANY);
}

TEST(further_usages_are_all_demanded)
{
    STACK_OF(ASN1_OBJECT) *one = objects_of("1.3.6.1.4.1.311.20.2.2", NULL);
    STACK_OF(ASN1_OBJECT) *two = objects_of("1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.5.7.3.4");

    assert_usage(NONE, "clientAuth,msSmartcardLogin", NULL, .usages = one);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, "clientAuth", NULL, .usages = one);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, NULL, NULL, .usages = one);
    assert_usage(CERTIFICATE_PURPOSE_WRONG, "clientAuth,msSmartcardLogin", NULL, .usages = two);
    assert_usage(NONE, "emailProtection,clientAuth,msSmartcardLogin", NULL, .usages = two);
    /* In addition to clientAuth, not instead of it. */
    assert_usage(CERTIFICATE_PURPOSE_WRONG, "msSmartcardLogin", NULL, .usages = one);
    assert_usage(NONE, "msSmartcardLogin", NULL, .usages = one, .purpose = PATH_PURPOSE_ANY);
    free_objects(two);
    free_objects(one);
}

/* ---- policies ---- */

static const char *outcome_of_policies(const char *issuers, const char *leafs,
                                       STACK_OF(ASN1_OBJECT) * demanded)
{
    struct fixture issuer = fixture_make(
        &(struct fixture_spec){
            .common_name = "Issuer", .basic_constraints = "critical,CA:TRUE", .policies = issuers},
        &root);
    struct fixture leaf =
        fixture_make(&(struct fixture_spec){.common_name = "leaf", .policies = leafs}, &issuer);
    const char *found = outcome(&(struct attempt){.anchors = {root.certificate},
                                                  .leaf = leaf.certificate,
                                                  .untrusted = {issuer.certificate},
                                                  .demands = {.policies = demanded}});

    fixture_free(&leaf);
    fixture_free(&issuer);
    return found;
}

TEST(the_whole_path_must_be_valid_for_one_of_the_policies)
{
    STACK_OF(ASN1_OBJECT) *demanded = objects_of("1.3.6.1.4.1.55555.1", "1.3.6.1.4.1.55555.2");

    assert_string_equal(outcome_of_policies("1.3.6.1.4.1.55555.1", "1.3.6.1.4.1.55555.1", demanded),
                        "none");
    assert_string_equal(outcome_of_policies("2.5.29.32.0", "1.3.6.1.4.1.55555.2", demanded),
                        "none");
    assert_string_equal(outcome_of_policies("1.3.6.1.4.1.55555.1,1.3.6.1.4.1.55555.3",
                                            "1.3.6.1.4.1.55555.3", demanded),
                        "certificate_policy_missing");
    assert_string_equal(outcome_of_policies("1.3.6.1.4.1.55555.1", "1.3.6.1.4.1.55555.2", demanded),
                        "certificate_policy_missing");
    assert_string_equal(outcome_of_policies(NULL, "1.3.6.1.4.1.55555.1", demanded),
                        "certificate_policy_missing");
    assert_string_equal(outcome_of_policies("1.3.6.1.4.1.55555.1", NULL, demanded),
                        "certificate_policy_missing");
    assert_string_equal(outcome_of_policies(NULL, NULL, demanded), "certificate_policy_missing");
    assert_string_equal(outcome_of_policies(NULL, NULL, NULL), "none");
    free_objects(demanded);
}

/* ---- whose client it is ---- */

/* The weakness of comparing names alone: an impostor takes the name. */
TEST(an_issuer_is_a_name_and_a_key)
{
    struct fixture impostor = fixture_intermediate("Issuing", &root);
    struct fixture mallory = fixture_leaf("alice", &impostor);
    struct fixture renewed = fixture_make(
        &(struct fixture_spec){
            .common_name = "Issuing", .key = issuing.key, .basic_constraints = "critical,CA:TRUE"},
        &root);
    struct fixture renamed = fixture_make(
        &(struct fixture_spec){
            .common_name = "Another", .key = issuing.key, .basic_constraints = "critical,CA:TRUE"},
        &root);
    struct trust_store *issuers = store_of((X509 *const[CHAIN_MAX]){issuing.certificate});
    struct trust_store *others = store_of((X509 *const[CHAIN_MAX]){renamed.certificate});

    assert_alice(NONE, .issuers = issuers);
    /* The certificate of the CA may be another, the CA is the same. */
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {renewed.certificate}, .demands = {.issuers = issuers});
    assert_outcome(ISSUER_NOT_ALLOWED, .anchors = {root.certificate}, .leaf = mallory.certificate,
                   .untrusted = {impostor.certificate}, .demands = {.issuers = issuers});
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = mallory.certificate,
                   .untrusted = {impostor.certificate});
    assert_alice(ISSUER_NOT_ALLOWED, .issuers = others);
    trust_store_destroy(others);
    trust_store_destroy(issuers);
    fixture_free(&renamed);
    fixture_free(&renewed);
    fixture_free(&mallory);
    fixture_free(&impostor);
}

/* They say who may sign, not what is trusted. */
TEST(an_issuer_is_not_an_anchor)
{
    struct fixture stranger = fixture_root("Stranger");
    struct fixture leaf = fixture_leaf("leaf", &stranger);
    struct trust_store *issuers = store_of((X509 *const[CHAIN_MAX]){stranger.certificate});

    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {root.certificate},
                   .leaf = leaf.certificate, .untrusted = {stranger.certificate},
                   .partial_chain = true, .demands = {.issuers = issuers});
    trust_store_destroy(issuers);
    fixture_free(&leaf);
    fixture_free(&stranger);
}

/* A sibling that was never uploaded, below the root that was: accepted by Azure when it does not
 * compare names. */
TEST(issuer_names_keep_siblings_out_but_no_impostor)
{
    struct fixture sibling = fixture_intermediate("Sibling", &root);
    struct fixture stranger = fixture_leaf("stranger", &sibling);
    struct fixture impostor = fixture_intermediate("Issuing", &root);
    struct fixture mallory = fixture_leaf("mallory", &impostor);
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

    sk_X509_NAME_push(names, X509_get_subject_name(issuing.certificate));
    assert_alice(NONE, .issuer_names = names);
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = stranger.certificate,
                   .untrusted = {sibling.certificate});
    assert_outcome(ISSUER_NOT_ALLOWED, .anchors = {root.certificate}, .leaf = stranger.certificate,
                   .untrusted = {sibling.certificate}, .demands = {.issuer_names = names});
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = mallory.certificate,
                   .untrusted = {impostor.certificate}, .demands = {.issuer_names = names});
    sk_X509_NAME_free(names);
    fixture_free(&mallory);
    fixture_free(&impostor);
    fixture_free(&stranger);
    fixture_free(&sibling);
}

TEST(a_list_of_no_names_lets_nobody_in)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

    assert_alice(ISSUER_NOT_ALLOWED, .issuer_names = names);
    sk_X509_NAME_free(names);
}

int main(void)
{
    int failed = 0;

    make_pki();
    failed =
        RUN_TESTS(cmocka_unit_test(a_key_below_the_floor_is_refused_wherever_it_is),
                  cmocka_unit_test(each_type_of_key_is_allowed_by_its_name_alone),
                  cmocka_unit_test(signatures_are_measured_in_the_whole_path_but_the_anchors_own),
                  cmocka_unit_test(client_auth_is_demanded_as_the_profile_says),
                  cmocka_unit_test(further_usages_are_all_demanded),
                  cmocka_unit_test(the_whole_path_must_be_valid_for_one_of_the_policies),
                  cmocka_unit_test(an_issuer_is_a_name_and_a_key),
                  cmocka_unit_test(an_issuer_is_not_an_anchor),
                  cmocka_unit_test(issuer_names_keep_siblings_out_but_no_impostor),
                  cmocka_unit_test(a_list_of_no_names_lets_nobody_in));
    free_pki();
    return failed;
}
