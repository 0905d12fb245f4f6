/* SPDX-License-Identifier: Apache-2.0
 *
 * Chains that somebody made to get in, or to keep us busy. The rows are those of docs/SECURITY.md;
 * what has a test of its own elsewhere is named there.
 */
#include "protocol/x509/path_search_internal.h"

#include <openssl/param_build.h>

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"
#include "support/path_fixture.h"

/* Under sanitizers, on a busy machine; what it stands for without is a hundredth. */
enum { PATIENCE_MS = 4000 };

static struct fixture root;
static struct fixture other_root;

static void make_pki(void)
{
    root = fixture_root("Root");
    other_root = fixture_root("Other");
}

static void free_pki(void)
{
    fixture_free(&other_root);
    fixture_free(&root);
}

static struct fixture make_ca(const char *name, EVP_PKEY *key, const struct fixture *issuer)
{
    return fixture_make(&(struct fixture_spec){.common_name = name,
                                               .key = key,
                                               .basic_constraints = "critical,CA:TRUE",
                                               .without_key_identifiers = true},
                        issuer);
}

static struct fixture make_client(const struct fixture *issuer)
{
    return fixture_make(
        &(struct fixture_spec){.common_name = "client", .without_key_identifiers = true}, issuer);
}

/* ---- CAs of one name ---- */

/* Without key identifiers libcrypto tries one anchor of the name alone. */
TEST(anchors_of_one_name_without_key_identifiers_each_accept_their_own)
{
    struct fixture old = make_ca("Renewed", NULL, NULL);
    struct fixture new = make_ca("Renewed", NULL, NULL);
    struct fixture newest = make_ca("Renewed", NULL, NULL);
    struct fixture stranger = make_ca("Renewed", NULL, NULL);
    struct fixture clients[] = {make_client(&old), make_client(&new), make_client(&newest)};
    struct fixture mallory = make_client(&stranger);

    for (size_t i = 0; i < 3; i++)
        assert_outcome(NONE, .anchors = {old.certificate, new.certificate, newest.certificate},
                       .leaf = clients[i].certificate);
    assert_outcome(CERTIFICATE_SIGNATURE_INVALID,
                   .anchors = {old.certificate, new.certificate, newest.certificate},
                   .leaf = mallory.certificate);
    assert_outcome(CERTIFICATE_SIGNATURE_INVALID, .anchors = {old.certificate, new.certificate},
                   .leaf = mallory.certificate, .untrusted = {stranger.certificate});
    assert_outcome(CERTIFICATE_SIGNATURE_INVALID, .anchors = {old.certificate},
                   .leaf = clients[1].certificate);
    for (size_t i = 0; i < 3; i++)
        fixture_free(&clients[i]);
    fixture_free(&mallory);
    fixture_free(&stranger);
    fixture_free(&newest);
    fixture_free(&new);
    fixture_free(&old);
}

TEST(intermediates_of_one_name_each_help_their_own)
{
    struct fixture old = make_ca("Issuing", NULL, &root);
    struct fixture new = make_ca("Issuing", NULL, &root);
    struct fixture of_old = make_client(&old);
    struct fixture of_new = make_client(&new);
    X509 *leaves[] = {of_old.certificate, of_new.certificate};

    for (size_t i = 0; i < 2; i++) {
        assert_outcome(NONE, .anchors = {root.certificate}, .leaf = leaves[i],
                       .untrusted = {old.certificate, new.certificate});
        assert_outcome(NONE, .anchors = {root.certificate}, .leaf = leaves[i],
                       .intermediates = {old.certificate, new.certificate});
        /* The wrong one is shown, the right one is ours. */
        assert_outcome(NONE, .anchors = {root.certificate}, .leaf = leaves[i],
                       .untrusted = {i == 0 ? new.certificate : old.certificate},
                       .intermediates = {old.certificate, new.certificate});
    }
    fixture_free(&of_new);
    fixture_free(&of_old);
    fixture_free(&new);
    fixture_free(&old);
}

/* One CA, certified by both: in any order, with any of the roots trusted. */
TEST(a_cross_signed_ca_leads_to_either_anchor)
{
    struct fixture by_root = make_ca("Cross", NULL, &root);
    struct fixture by_other = make_ca("Cross", by_root.key, &other_root);
    struct fixture low = fixture_intermediate("Low", &by_root);
    struct fixture client = make_client(&low);
    X509 *anchors[] = {root.certificate, other_root.certificate};

    for (size_t i = 0; i < 2; i++) {
        assert_outcome(NONE, .anchors = {anchors[i]}, .leaf = client.certificate,
                       .untrusted = {low.certificate, by_root.certificate, by_other.certificate});
        assert_outcome(NONE, .anchors = {anchors[i]}, .leaf = client.certificate,
                       .untrusted = {by_other.certificate, by_root.certificate, low.certificate,
                                     root.certificate, other_root.certificate});
    }
    fixture_free(&client);
    fixture_free(&low);
    fixture_free(&by_other);
    fixture_free(&by_root);
}

/* Of two certificates of one CA, one has ended, or is not for this: the other counts. */
TEST(the_certificate_of_a_ca_that_serves_is_found)
{
    struct fixture good = make_ca("Twice", NULL, &root);
    struct fixture client = make_client(&good);
    struct fixture_spec specs[] = {
        {.not_after = FIXTURE_NOW - 1, .basic_constraints = "critical,CA:TRUE"},
        {.basic_constraints = "critical,CA:FALSE"},
        {.basic_constraints = "critical,CA:TRUE", .extended_key_usage = "emailProtection"},
        {.basic_constraints = "critical,CA:TRUE", .key_usage = "cRLSign"},
        {.basic_constraints = "critical,CA:TRUE", .sha1 = true},
    };

    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct fixture bad;

        specs[i].common_name = "Twice";
        specs[i].key = good.key;
        specs[i].without_key_identifiers = true;
        bad = fixture_make(&specs[i], &root);
        assert_string_not_equal(outcome(&(struct attempt){.anchors = {root.certificate},
                                                          .leaf = client.certificate,
                                                          .untrusted = {bad.certificate}}),
                                "none");
        assert_outcome(NONE, .anchors = {root.certificate}, .leaf = client.certificate,
                       .untrusted = {bad.certificate, good.certificate});
        fixture_free(&bad);
    }
    fixture_free(&client);
    fixture_free(&good);
}

/* ---- made to keep us busy ---- */

/* Row 99: every certificate may have issued every other, by name; on the slowest curve. */
TEST(row_99_a_search_through_a_maze_ends_soon)
{
    struct fixture maze[CERTIFICATE_CHAIN_COUNT_MAX];
    struct attempt attempt = {.anchors = {root.certificate}, .depth = 10};
    struct fixture_spec spec = {.common_name = "Root",
                                .key_kind = FIXTURE_KEY_P521,
                                .basic_constraints = "CA:TRUE",
                                .without_key_identifiers = true};
    struct fixture first = fixture_make(&spec, NULL);
    struct fixture leaf;
    uint64_t started = 0;

    /* All of them have the name of the anchor besides, so that each is a way worth a validation. */
    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        maze[i] = fixture_make(&spec, i == 0 ? &first : &maze[i - 1]);
    leaf = make_client(&maze[CERTIFICATE_CHAIN_COUNT_MAX - 1]);
    attempt.leaf = leaf.certificate;
    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        attempt.untrusted[i] = maze[i].certificate;

    started = clock_monotonic_ms();
    for (unsigned i = 0; i < 5; i++)
        assert_string_not_equal(outcome(&attempt), "none");
    assert_true(clock_monotonic_ms() - started < PATIENCE_MS);
    fixture_free(&leaf);
    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        fixture_free(&maze[i]);
    fixture_free(&first);
}

/* Row 99: a hundred CAs of one name, all ours. */
TEST(row_99_many_cas_of_one_name_of_our_own_are_searched_within_limits)
{
    struct text_builder pem = {0};
    struct fixture client;
    struct fixture last = {NULL, NULL};
    struct trust_anchor_source source = {.path = NULL};
    struct error error;
    struct trust_store *store = NULL;
    struct certification_path_settings settings = {.depth = 4};
    struct certification_path path;
    uint64_t started = 0;
    char *file = NULL;

    for (unsigned i = 0; i < 100; i++) {
        struct fixture_bytes bytes;

        fixture_free(&last);
        last = make_ca("Hundred", NULL, NULL);
        bytes = fixture_pem(&last.certificate, 1);
        text_builder_add(&pem, fixture_bytes_slice(bytes));
        free(bytes.data);
    }
    client = make_client(&other_root);
    X509_set_issuer_name(client.certificate, X509_get_subject_name(last.certificate));
    X509_sign(client.certificate, other_root.key, EVP_sha256());
    file = fixture_file(slice_from(pem.text, pem.size));
    source.path = file;
    store = trust_store_load(&source, 1, &error);
    assert_non_null(store);
    settings.anchors = store;
    started = clock_monotonic_ms();
    for (unsigned i = 0; i < 5; i++) {
        path = certification_path_verify(&settings, client.certificate, NULL, FIXTURE_NOW);
        assert_int_equal(path.reason, REASON_CERTIFICATE_SIGNATURE_INVALID);
    }
    assert_true(clock_monotonic_ms() - started < PATIENCE_MS);
    trust_store_destroy(store);
    unlink(file);
    free(file);
    text_builder_reset(&pem);
    fixture_free(&client);
    fixture_free(&last);
}

static struct fixture_bytes extension_bytes(int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension = NULL;
    const ASN1_OCTET_STRING *octets = NULL;
    struct fixture_bytes bytes = {0};

    X509V3_set_ctx_nodb(&context);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    fixture_demand(extension != NULL, value);
    octets = X509_EXTENSION_get_data(extension);
    bytes.size = (size_t)ASN1_STRING_length(octets);
    bytes.data = malloc(bytes.size);
    memcpy(bytes.data, ASN1_STRING_get0_data(octets), bytes.size);
    X509_EXTENSION_free(extension);
    return bytes;
}

/* Row 85, CVE-2023-0464: each policy is mapped to each, so that each level multiplies the tree. */
TEST(row_85_a_tree_of_policies_does_not_explode)
{
    enum { LEVELS = 9, POLICIES = 8 };
    struct text_builder policies = {0};
    struct text_builder mappings = {0};
    struct fixture chain[LEVELS];
    struct attempt attempt = {.anchors = {root.certificate}, .depth = 10};
    struct fixture_bytes mapping;
    struct fixture leaf;
    uint64_t started = 0;
    char *policy_text = NULL;
    char *mapping_text = NULL;

    for (unsigned i = 0; i < POLICIES; i++) {
        text_builder_add_format(&policies, "%s1.3.6.1.4.1.55555.%u", i == 0 ? "" : ",", i);
        for (unsigned j = 0; j < POLICIES; j++)
            text_builder_add_format(&mappings, "%s1.3.6.1.4.1.55555.%u:1.3.6.1.4.1.55555.%u",
                                    i + j == 0 ? "" : ",", i, j);
    }
    policy_text = text_builder_take(&policies);
    mapping_text = text_builder_take(&mappings);
    mapping = extension_bytes(NID_policy_mappings, mapping_text);
    for (unsigned i = 0; i < LEVELS; i++) {
        struct fixture_extension extension = {"policyMappings", true, fixture_bytes_slice(mapping)};

        chain[i] = fixture_make(&(struct fixture_spec){.common_name = "Tree",
                                                       .organization = i % 2 == 0 ? "A" : "B",
                                                       .basic_constraints = "critical,CA:TRUE",
                                                       .policies = policy_text,
                                                       .extensions = &extension,
                                                       .extension_count = 1},
                                i == 0 ? &root : &chain[i - 1]);
        attempt.untrusted[i] = chain[i].certificate;
    }
    leaf = fixture_make(&(struct fixture_spec){.common_name = "leaf", .policies = policy_text},
                        &chain[LEVELS - 1]);
    attempt.leaf = leaf.certificate;
    started = clock_monotonic_ms();
    assert_string_equal(outcome(&attempt), "certificate_refused");
    assert_true(clock_monotonic_ms() - started < PATIENCE_MS);
    fixture_free(&leaf);
    for (unsigned i = 0; i < LEVELS; i++)
        fixture_free(&chain[i]);
    free(mapping.data);
    memory_release(policy_text);
    memory_release(mapping_text);
}

/* Each name is compared with each constraint of each CA. */
TEST(names_times_constraints_do_not_explode)
{
    enum { NAMES = 400, CONSTRAINTS = 400 };
    struct text_builder names = {0};
    struct text_builder constraints = {0};
    struct fixture ca;
    struct fixture leaf;
    uint64_t started = 0;
    char *name_text = NULL;
    char *constraint_text = NULL;
    const char *found = NULL;

    for (unsigned i = 0; i < NAMES; i++)
        text_builder_add_format(&names, "%sDNS:n%u.example.org", i == 0 ? "" : ",", i);
    for (unsigned i = 0; i < CONSTRAINTS; i++)
        text_builder_add_format(&constraints, "%sexcluded;DNS:c%u.example.com", i == 0 ? "" : ",",
                                i);
    name_text = text_builder_take(&names);
    constraint_text = text_builder_take(&constraints);
    ca = fixture_make(&(struct fixture_spec){.common_name = "Many",
                                             .basic_constraints = "critical,CA:TRUE",
                                             .name_constraints = constraint_text},
                      &root);
    leaf = fixture_make(
        &(struct fixture_spec){.common_name = "leaf", .subject_alt_name = name_text}, &ca);
    started = clock_monotonic_ms();
    found = outcome(&(struct attempt){
        .anchors = {root.certificate}, .leaf = leaf.certificate, .untrusted = {ca.certificate}});
    assert_string_equal(found, "none");
    assert_true(clock_monotonic_ms() - started < PATIENCE_MS);
    fixture_free(&leaf);
    fixture_free(&ca);
    memory_release(name_text);
    memory_release(constraint_text);
}

/* ---- keys and signatures ---- */

/* A number with which nothing was ever signed: nobody may compute with it. */
static EVP_PKEY *rsa_of_bits(int bits)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    BIGNUM *modulus = BN_new();
    BIGNUM *exponent = BN_new();
    EVP_PKEY *key = NULL;

    BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    BN_set_word(exponent, 65537);
    OSSL_PARAM_BLD_push_BN(builder, "n", modulus);
    OSSL_PARAM_BLD_push_BN(builder, "e", exponent);
    parameters = OSSL_PARAM_BLD_to_param(builder);
    fixture_demand(EVP_PKEY_fromdata_init(context) == 1 &&
                       EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1,
                   "RSA key");
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(exponent);
    BN_free(modulus);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* Row 99, CVE-2023-29409. */
TEST(row_99_rsa_keys_of_extreme_sizes_are_refused_before_anybody_computes)
{
    static const int BITS[] = {512, 1024, 2047, 8193, 16384};
    struct fixture good = fixture_leaf("good", &root);

    for (size_t i = 0; i < sizeof BITS / sizeof BITS[0]; i++) {
        EVP_PKEY *key = rsa_of_bits(BITS[i]);
        struct fixture leaf =
            fixture_make(&(struct fixture_spec){.common_name = "leaf", .key = key}, &root);
        struct fixture ca = make_ca("Huge", key, &root);
        uint64_t started = clock_monotonic_ms();

        assert_outcome(CERTIFICATE_KEY_UNACCEPTABLE, .anchors = {root.certificate},
                       .leaf = leaf.certificate);
        assert_outcome(CERTIFICATE_KEY_UNACCEPTABLE, .anchors = {root.certificate},
                       .leaf = good.certificate, .untrusted = {ca.certificate});
        assert_true(clock_monotonic_ms() - started < PATIENCE_MS);
        fixture_free(&ca);
        fixture_free(&leaf);
        EVP_PKEY_free(key);
    }
    fixture_free(&good);
}

TEST(md5_and_sha1_signatures_are_weak_wherever_they_are)
{
    const EVP_MD *digests[] = {EVP_md5(), EVP_sha1()};
    struct fixture rsa =
        fixture_make(&(struct fixture_spec){.common_name = "RSA",
                                            .key_kind = FIXTURE_KEY_RSA2048,
                                            .basic_constraints = "critical,CA:TRUE"},
                     NULL);

    for (size_t i = 0; i < 2; i++) {
        struct fixture leaf = make_client(&rsa);
        struct fixture ca = make_ca("Weak", NULL, &rsa);
        struct fixture below = make_client(&ca);

        fixture_demand(X509_sign(leaf.certificate, rsa.key, digests[i]) > 0 &&
                           X509_sign(ca.certificate, rsa.key, digests[i]) > 0,
                       "signature");
        assert_outcome(CERTIFICATE_SIGNATURE_WEAK, .anchors = {rsa.certificate},
                       .leaf = leaf.certificate);
        assert_outcome(CERTIFICATE_SIGNATURE_WEAK, .anchors = {rsa.certificate},
                       .leaf = below.certificate, .untrusted = {ca.certificate});
        fixture_free(&below);
        fixture_free(&ca);
        fixture_free(&leaf);
    }
    fixture_free(&rsa);
}

/* ---- name constraints ---- */

/* Each type of name, inside and outside, permitted and excluded. */
TEST(name_constraints_hold_for_every_type_of_name)
{
    static const struct {
        const char *constraint;
        const char *inside;
        const char *outside;
    } PERMITTED[] = {
        {"DNS:example.org", "DNS:a.example.org", "DNS:a.example.com"},
        {"DNS:example.org", "DNS:example.org", "DNS:badexample.org"},
        {"email:example.org", "email:a@example.org", "email:a@b.example.org"},
        {"email:.example.org", "email:a@b.example.org", "email:a@example.org"},
        {"email:a@example.org", "email:a@example.org", "email:b@example.org"},
        {"URI:.example.org", "URI:https://a.example.org/x",
         "URI:https://example.com/a.example.org"},
        {"URI:example.org", "URI:spiffe://example.org/x", "URI:spiffe://a.example.org/x"},
        {"IP:192.0.2.0/255.255.255.0", "IP:192.0.2.7", "IP:192.0.3.7"},
        {"IP:2001:db8::/ffff:ffff::", "IP:2001:db8::7", "IP:2001:db9::7"},
    };

    for (size_t i = 0; i < sizeof PERMITTED / sizeof PERMITTED[0]; i++) {
        for (unsigned excludes = 0; excludes < 2; excludes++) {
            char constraint[128];
            struct fixture ca;

            snprintf(constraint, sizeof constraint, "critical,%s;%s",
                     excludes == 1 ? "excluded" : "permitted", PERMITTED[i].constraint);
            ca = fixture_make(&(struct fixture_spec){.common_name = "Limited",
                                                     .basic_constraints = "critical,CA:TRUE",
                                                     .name_constraints = constraint},
                              &root);
            for (unsigned is_inside = 0; is_inside < 2; is_inside++) {
                struct fixture leaf =
                    fixture_make(&(struct fixture_spec){.common_name = "Some Body",
                                                        .subject_alt_name =
                                                            is_inside == 1 ? PERMITTED[i].inside
                                                                           : PERMITTED[i].outside},
                                 &ca);
                const char *found = outcome(&(struct attempt){.anchors = {root.certificate},
                                                              .leaf = leaf.certificate,
                                                              .untrusted = {ca.certificate}});

                if ((strcmp(found, "none") == 0) != (is_inside != excludes))
                    fail_msg("%s: %s is %s", constraint,
                             is_inside == 1 ? PERMITTED[i].inside : PERMITTED[i].outside, found);
                fixture_free(&leaf);
            }
            fixture_free(&ca);
        }
    }
}

/* directoryName: by the subject, attribute by attribute from the left. */
TEST(name_constraints_hold_for_subjects)
{
    /* permittedSubtrees [0] { { base [4] { O=Good } } } */
    struct fixture_extension constraint = {
        "nameConstraints", true,
        SLICE("\x30\x17\xa0\x15\x30\x13\xa4\x11\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c"
              "\x04Good")};
    struct fixture ca = fixture_make(&(struct fixture_spec){.common_name = "Limited",
                                                            .organization = "Good",
                                                            .basic_constraints = "critical,CA:TRUE",
                                                            .extensions = &constraint,
                                                            .extension_count = 1},
                                     &root);
    struct fixture good =
        fixture_make(&(struct fixture_spec){.common_name = "a", .organization = "Good"}, &ca);
    struct fixture evil =
        fixture_make(&(struct fixture_spec){.common_name = "a", .organization = "Evil"}, &ca);
    struct fixture none = fixture_make(&(struct fixture_spec){.common_name = "a"}, &ca);

    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = good.certificate,
                   .untrusted = {ca.certificate});
    assert_outcome(CERTIFICATE_NAME_NOT_PERMITTED, .anchors = {root.certificate},
                   .leaf = evil.certificate, .untrusted = {ca.certificate});
    assert_outcome(CERTIFICATE_NAME_NOT_PERMITTED, .anchors = {root.certificate},
                   .leaf = none.certificate, .untrusted = {ca.certificate});
    fixture_free(&none);
    fixture_free(&evil);
    fixture_free(&good);
    fixture_free(&ca);
}

/* ---- what is no anchor ---- */

static void assert_no_anchor(const struct fixture *fixture, const char *why)
{
    struct fixture_bytes pem = fixture_pem(&fixture->certificate, 1);
    char *path = fixture_file(fixture_bytes_slice(pem));
    struct trust_anchor_source source = {.path = path};
    struct error error = {.kind = ERROR_NONE};

    assert_null(trust_store_load(&source, 1, &error));
    if (strstr(error.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, why);
    unlink(path);
    free(path);
    free(pem.data);
}

TEST(leaves_and_odd_keys_cannot_be_made_anchors)
{
    struct fixture leaf = fixture_leaf("self", NULL);
    struct fixture old =
        fixture_make(&(struct fixture_spec){.common_name = "v1", .version1 = true}, NULL);
    struct fixture curve = fixture_make(&(struct fixture_spec){.common_name = "curve",
                                                               .key_kind = FIXTURE_KEY_SECP256K1,
                                                               .basic_constraints = "CA:TRUE"},
                                        NULL);
    struct fixture weak = fixture_make(&(struct fixture_spec){.common_name = "weak",
                                                              .key_kind = FIXTURE_KEY_RSA1024,
                                                              .basic_constraints = "CA:TRUE"},
                                       NULL);

    assert_no_anchor(&leaf, "it is not a CA");
    assert_no_anchor(&old, "it is not a CA");
    assert_no_anchor(&curve, "too weak, too large, of an unknown type");
    assert_no_anchor(&weak, "too weak, too large, of an unknown type");
    fixture_free(&weak);
    fixture_free(&curve);
    fixture_free(&old);
    fixture_free(&leaf);
}

int main(void)
{
    int failed = 0;

    make_pki();
    failed = RUN_TESTS(
        cmocka_unit_test(anchors_of_one_name_without_key_identifiers_each_accept_their_own),
        cmocka_unit_test(intermediates_of_one_name_each_help_their_own),
        cmocka_unit_test(a_cross_signed_ca_leads_to_either_anchor),
        cmocka_unit_test(the_certificate_of_a_ca_that_serves_is_found),
        cmocka_unit_test(row_99_a_search_through_a_maze_ends_soon),
        cmocka_unit_test(row_99_many_cas_of_one_name_of_our_own_are_searched_within_limits),
        cmocka_unit_test(row_85_a_tree_of_policies_does_not_explode),
        cmocka_unit_test(names_times_constraints_do_not_explode),
        cmocka_unit_test(row_99_rsa_keys_of_extreme_sizes_are_refused_before_anybody_computes),
        cmocka_unit_test(md5_and_sha1_signatures_are_weak_wherever_they_are),
        cmocka_unit_test(name_constraints_hold_for_every_type_of_name),
        cmocka_unit_test(name_constraints_hold_for_subjects),
        cmocka_unit_test(leaves_and_odd_keys_cannot_be_made_anchors));
    free_pki();
    return failed;
}
