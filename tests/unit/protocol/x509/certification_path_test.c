/* SPDX-License-Identifier: Apache-2.0
 *
 * Path validation: what is accepted, and each way in which a path is refused, by its reason.
 */
#include "protocol/x509/certification_path.h"

#include "runtime/clock.h"
#include "support/path_fixture.h"

/* One PKI for most tests: Root -> Issuing -> alice. */
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

/* The outcome for a leaf made after the specification, issued by Root itself. */
static const char *outcome_of_leaf(const struct fixture_spec *spec)
{
    struct fixture leaf = fixture_make(spec, &root);
    const char *found =
        outcome(&(struct attempt){.anchors = {root.certificate}, .leaf = leaf.certificate});

    fixture_free(&leaf);
    return found;
}

/* The outcome for an ordinary leaf below an intermediate made after the specification. */
static const char *outcome_of_issuer(const struct fixture_spec *spec)
{
    struct fixture issuer = fixture_make(spec, &root);
    struct fixture leaf = fixture_leaf("leaf", &issuer);
    const char *found = outcome(&(struct attempt){.anchors = {root.certificate},
                                                  .leaf = leaf.certificate,
                                                  .untrusted = {issuer.certificate}});

    fixture_free(&leaf);
    fixture_free(&issuer);
    return found;
}

#define assert_leaf(expected, ...)                                                                 \
    assert_string_equal(                                                                           \
        outcome_of_leaf(&(struct fixture_spec){.common_name = "leaf", __VA_ARGS__}),               \
        reason_name(REASON_##expected))

#define assert_issuer(expected, ...)                                                               \
    assert_string_equal(                                                                           \
        outcome_of_issuer(&(struct fixture_spec){.common_name = "Issuer", __VA_ARGS__}),           \
        reason_name(REASON_##expected))

TEST(a_path_to_an_anchor_is_accepted_leaf_first_and_anchor_last)
{
    struct certification_path path =
        try_path(&(struct attempt){.anchors = {root.certificate},
                                   .leaf = alice.certificate,
                                   .untrusted = {issuing.certificate}});

    assert_int_equal(path.reason, REASON_NONE);
    assert_int_equal(sk_X509_num(path.certificates), 3);
    assert_int_equal(X509_cmp(sk_X509_value(path.certificates, 0), alice.certificate), 0);
    assert_int_equal(X509_cmp(sk_X509_value(path.certificates, 1), issuing.certificate), 0);
    assert_int_equal(X509_cmp(sk_X509_value(path.certificates, 2), root.certificate), 0);
    assert_true(path.valid_until == FIXTURE_NOW + 365 * FIXTURE_DAY);
    assert_true(path.valid_from == FIXTURE_NOW - FIXTURE_DAY);
    fixture_chain_free(path.certificates);
}

TEST(intermediates_may_come_from_the_client_or_from_the_store)
{
    assert_outcome(NONE, .anchors = {root.certificate, issuing.certificate},
                   .leaf = alice.certificate);
    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {root.certificate},
                   .leaf = alice.certificate);
}

/* Clients send chains in any order, with the root, with duplicates and with strangers in them. */
TEST(our_own_intermediates_help_who_shows_none)
{
    struct fixture other = fixture_root("Other");

    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {root.certificate},
                   .leaf = alice.certificate);
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .intermediates = {issuing.certificate});
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {issuing.certificate}, .intermediates = {issuing.certificate});
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {other.certificate}, .intermediates = {issuing.certificate});
    fixture_free(&other);
}

/* Not even where an intermediate may be an anchor, nor when it is a root. */
TEST(our_own_intermediates_are_never_trusted)
{
    struct fixture other = fixture_root("Other");

    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {other.certificate},
                   .leaf = alice.certificate, .intermediates = {issuing.certificate});
    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {other.certificate},
                   .leaf = alice.certificate, .intermediates = {issuing.certificate},
                   .partial_chain = true);
    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {other.certificate},
                   .leaf = alice.certificate,
                   .intermediates = {issuing.certificate, root.certificate});
    fixture_free(&other);
}

TEST(order_duplicates_and_strangers_do_not_matter)
{
    struct fixture other = fixture_root("Stranger");
    struct fixture second = fixture_intermediate("Second", &issuing);
    struct fixture leaf = fixture_leaf("deep", &second);

    assert_outcome(
        NONE, .anchors = {root.certificate}, .leaf = leaf.certificate,
        .untrusted = {leaf.certificate, second.certificate, issuing.certificate, root.certificate});
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = leaf.certificate,
                   .untrusted = {root.certificate, other.certificate, issuing.certificate,
                                 issuing.certificate, second.certificate, second.certificate});
    fixture_free(&leaf);
    fixture_free(&second);
    fixture_free(&other);
}

TEST(what_the_client_sends_is_never_an_anchor)
{
    struct fixture other = fixture_root("Stranger");
    struct fixture leaf = fixture_leaf("alice", &other);

    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {root.certificate},
                   .leaf = leaf.certificate, .untrusted = {other.certificate});
    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {root.certificate},
                   .leaf = leaf.certificate, .untrusted = {other.certificate},
                   .partial_chain = true);
    assert_outcome(CERTIFICATE_SELF_SIGNED, .anchors = {root.certificate},
                   .leaf = other.certificate);
    fixture_free(&leaf);
    fixture_free(&other);
}

/* With key identifiers the stranger's key is not even tried; without, its signature is wrong. */
TEST(an_issuer_of_the_same_name_with_another_key_is_no_issuer)
{
    struct fixture impostor = fixture_root("Root");
    struct fixture leaf = fixture_leaf("alice", &impostor);
    struct fixture bare = fixture_make(
        &(struct fixture_spec){.common_name = "alice", .without_key_identifiers = true}, &impostor);

    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {root.certificate},
                   .leaf = leaf.certificate, .untrusted = {impostor.certificate});
    assert_outcome(CERTIFICATE_SIGNATURE_INVALID, .anchors = {root.certificate},
                   .leaf = bare.certificate, .untrusted = {impostor.certificate});
    fixture_free(&bare);
    fixture_free(&leaf);
    fixture_free(&impostor);
}

/* A CA that renews its key keeps its name, and both anchors are trusted meanwhile. */
TEST(two_anchors_of_one_name_both_accept_their_own)
{
    struct fixture renewed = fixture_root("Root");
    struct fixture old_leaf = fixture_leaf("old", &root);
    struct fixture new_leaf = fixture_leaf("new", &renewed);

    assert_outcome(NONE, .anchors = {root.certificate, renewed.certificate},
                   .leaf = old_leaf.certificate);
    assert_outcome(NONE, .anchors = {root.certificate, renewed.certificate},
                   .leaf = new_leaf.certificate);
    fixture_free(&new_leaf);
    fixture_free(&old_leaf);
    fixture_free(&renewed);
}

TEST(a_flipped_bit_in_a_signature_refuses)
{
    X509 *leaf = fixture_forge(alice.certificate);
    X509 *issuer = fixture_forge(issuing.certificate);

    assert_outcome(CERTIFICATE_SIGNATURE_INVALID, .anchors = {root.certificate}, .leaf = leaf,
                   .untrusted = {issuing.certificate});
    assert_outcome(CERTIFICATE_SIGNATURE_INVALID, .anchors = {root.certificate},
                   .leaf = alice.certificate, .untrusted = {issuer});
    X509_free(issuer);
    X509_free(leaf);
}

TEST(times_are_checked_to_the_second)
{
    int64_t from = FIXTURE_NOW - FIXTURE_DAY;
    int64_t until = FIXTURE_NOW + 365 * FIXTURE_DAY;

    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {issuing.certificate}, .now = from);
    assert_outcome(CERTIFICATE_NOT_YET_VALID, .anchors = {root.certificate},
                   .leaf = alice.certificate, .untrusted = {issuing.certificate}, .now = from - 1);
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {issuing.certificate}, .now = until - 1);
    assert_outcome(CERTIFICATE_EXPIRED, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {issuing.certificate}, .now = until);
}

TEST(a_refusal_ends_when_time_alone_can_end_it)
{
    struct attempt attempt = {.anchors = {root.certificate},
                              .leaf = alice.certificate,
                              .untrusted = {issuing.certificate},
                              .now = FIXTURE_NOW - 2 * FIXTURE_DAY};
    struct certification_path path = try_path(&attempt);

    assert_int_equal(path.reason, REASON_CERTIFICATE_NOT_YET_VALID);
    assert_true(path.valid_until == FIXTURE_NOW - FIXTURE_DAY);

    attempt.now = FIXTURE_NOW + 366 * FIXTURE_DAY;
    path = try_path(&attempt);
    assert_int_equal(path.reason, REASON_CERTIFICATE_EXPIRED);
    assert_true(path.valid_until == INT64_MAX);
}

TEST(an_issuer_out_of_time_is_named_as_such)
{
    assert_issuer(ISSUER_EXPIRED, .basic_constraints = "critical,CA:TRUE",
                  .not_after = FIXTURE_NOW - 1);
    assert_issuer(ISSUER_NOT_YET_VALID, .basic_constraints = "critical,CA:TRUE",
                  .not_before = FIXTURE_NOW + 1);
}

TEST(an_expired_anchor_refuses_its_clients)
{
    struct fixture expired =
        fixture_make(&(struct fixture_spec){.common_name = "Old Root",
                                            .not_after = FIXTURE_NOW - 1,
                                            .basic_constraints = "critical,CA:TRUE"},
                     NULL);
    struct fixture leaf = fixture_leaf("alice", &expired);

    assert_outcome(ISSUER_EXPIRED, .anchors = {expired.certificate}, .leaf = leaf.certificate);
    fixture_free(&leaf);
    fixture_free(&expired);
}

/* The path ends when its first certificate ends, whichever that is. */
TEST(valid_until_is_the_earliest_end_in_the_path)
{
    struct fixture brief =
        fixture_make(&(struct fixture_spec){.common_name = "Brief",
                                            .not_before = FIXTURE_NOW - 10,
                                            .not_after = FIXTURE_NOW + 7,
                                            .basic_constraints = "critical,CA:TRUE"},
                     &root);
    struct fixture leaf = fixture_leaf("alice", &brief);
    struct certification_path path = try_path(&(struct attempt){
        .anchors = {root.certificate}, .leaf = leaf.certificate, .untrusted = {brief.certificate}});

    assert_int_equal(path.reason, REASON_NONE);
    assert_true(path.valid_until == FIXTURE_NOW + 7);
    assert_true(path.valid_from == FIXTURE_NOW - 10);
    fixture_chain_free(path.certificates);
    fixture_free(&leaf);
    fixture_free(&brief);
}

/* What tools make without being told anything about extensions. */
TEST(ordinary_certificates_without_extensions_are_accepted)
{
    assert_leaf(NONE, .version1 = true);
    assert_leaf(NONE, .without_key_identifiers = true);
    assert_leaf(NONE, .subject_alt_name = "DNS:alice.example");
    assert_issuer(NONE, .basic_constraints = "CA:TRUE", .without_key_identifiers = true);
}

TEST(each_acceptable_key_is_accepted)
{
    static const enum fixture_key_kind KINDS[] = {FIXTURE_KEY_P256,    FIXTURE_KEY_P384,
                                                  FIXTURE_KEY_P521,    FIXTURE_KEY_RSA2048,
                                                  FIXTURE_KEY_ED25519, FIXTURE_KEY_ED448};

    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        assert_leaf(NONE, .key_kind = KINDS[i]);
        assert_issuer(NONE, .key_kind = KINDS[i], .basic_constraints = "critical,CA:TRUE");
    }
}

TEST(other_keys_are_refused_wherever_they_are)
{
    static const enum fixture_key_kind KINDS[] = {FIXTURE_KEY_SECP256K1, FIXTURE_KEY_RSA1024,
                                                  FIXTURE_KEY_EXPLICIT};

    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        assert_leaf(CERTIFICATE_KEY_UNACCEPTABLE, .key_kind = KINDS[i]);
        assert_issuer(CERTIFICATE_KEY_UNACCEPTABLE, .key_kind = KINDS[i],
                      .basic_constraints = "critical,CA:TRUE");
    }
}

TEST(sha1_signatures_are_weak_except_on_an_anchor)
{
    struct fixture old = fixture_make(&(struct fixture_spec){.common_name = "Old Root",
                                                             .sha1 = true,
                                                             .basic_constraints = "CA:TRUE"},
                                      NULL);
    struct fixture leaf = fixture_leaf("alice", &old);

    assert_leaf(CERTIFICATE_SIGNATURE_WEAK, .sha1 = true);
    assert_issuer(CERTIFICATE_SIGNATURE_WEAK, .sha1 = true, .basic_constraints = "CA:TRUE");
    assert_outcome(NONE, .anchors = {old.certificate}, .leaf = leaf.certificate);
    fixture_free(&leaf);
    fixture_free(&old);
}

TEST(the_leaf_must_be_for_a_tls_client)
{
    assert_leaf(NONE, .extended_key_usage = "clientAuth");
    assert_leaf(NONE, .extended_key_usage = "critical,emailProtection,clientAuth");
    assert_leaf(CERTIFICATE_PURPOSE_WRONG, .extended_key_usage = "serverAuth");
    assert_leaf(CERTIFICATE_PURPOSE_WRONG, .extended_key_usage = "emailProtection");
    assert_leaf(CERTIFICATE_PURPOSE_WRONG, .extended_key_usage = "codeSigning,timeStamping");
    assert_leaf(CERTIFICATE_PURPOSE_WRONG, .extended_key_usage = "1.3.6.1.4.1.55555.1");
    /* anyExtendedKeyUsage is not clientAuth: as libcrypto and nginx have it. */
    assert_leaf(CERTIFICATE_PURPOSE_WRONG, .extended_key_usage = "anyExtendedKeyUsage");
    assert_leaf(NONE, .key_usage = "digitalSignature");
    assert_leaf(CERTIFICATE_PURPOSE_WRONG, .key_usage = "keyEncipherment");
    assert_leaf(CERTIFICATE_PURPOSE_WRONG, .key_usage = "keyCertSign,cRLSign",
                .basic_constraints = "critical,CA:TRUE");
}

TEST(each_issuer_that_limits_its_use_must_allow_tls_clients)
{
    assert_issuer(NONE, .basic_constraints = "CA:TRUE", .extended_key_usage = "clientAuth");
    assert_issuer(NONE, .basic_constraints = "CA:TRUE",
                  .extended_key_usage = "serverAuth,clientAuth");
    assert_issuer(CERTIFICATE_PURPOSE_WRONG, .basic_constraints = "CA:TRUE",
                  .extended_key_usage = "serverAuth");
    assert_issuer(CERTIFICATE_PURPOSE_WRONG, .basic_constraints = "CA:TRUE",
                  .extended_key_usage = "emailProtection");
    assert_issuer(CERTIFICATE_PURPOSE_WRONG, .basic_constraints = "CA:TRUE",
                  .extended_key_usage = "anyExtendedKeyUsage");
}

TEST(an_anchor_that_limits_its_use_limits_its_clients)
{
    struct fixture mail =
        fixture_make(&(struct fixture_spec){.common_name = "Mail Root",
                                            .basic_constraints = "CA:TRUE",
                                            .extended_key_usage = "emailProtection"},
                     NULL);
    struct fixture leaf = fixture_leaf("alice", &mail);

    assert_outcome(CERTIFICATE_PURPOSE_WRONG, .anchors = {mail.certificate},
                   .leaf = leaf.certificate);
    fixture_free(&leaf);
    fixture_free(&mail);
}

TEST(only_a_ca_can_issue)
{
    /* A leaf signs a leaf. */
    assert_issuer(ISSUER_NOT_A_CA, .basic_constraints = "critical,CA:FALSE",
                  .key_usage = "digitalSignature,keyCertSign", .extended_key_usage = "clientAuth");
    assert_issuer(ISSUER_NOT_A_CA, .extended_key_usage = "clientAuth");
    assert_issuer(ISSUER_NOT_A_CA, .version1 = true);
    /* A CA that may not sign certificates. */
    assert_issuer(ISSUER_NOT_A_CA, .basic_constraints = "critical,CA:TRUE",
                  .key_usage = "digitalSignature,cRLSign");
    /* libcrypto takes these for CAs, the first by its key usage, the other by a Netscape extension.
     */
    assert_issuer(ISSUER_NOT_A_CA, .key_usage = "keyCertSign");
    assert_issuer(ISSUER_NOT_A_CA,
                  .extensions =
                      &(struct fixture_extension){"nsCertType", false, SLICE("\x03\x02\x00\x07")},
                  .extension_count = 1);
}

TEST(path_length_constraints_are_kept)
{
    struct fixture none =
        fixture_make(&(struct fixture_spec){.common_name = "None below",
                                            .basic_constraints = "critical,CA:TRUE,pathlen:0"},
                     &root);
    struct fixture below = fixture_intermediate("Below", &none);
    struct fixture direct = fixture_leaf("direct", &none);
    struct fixture indirect = fixture_leaf("indirect", &below);

    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = direct.certificate,
                   .untrusted = {none.certificate});
    assert_outcome(CERTIFICATE_PATH_TOO_LONG, .anchors = {root.certificate},
                   .leaf = indirect.certificate,
                   .untrusted = {below.certificate, none.certificate});
    fixture_free(&indirect);
    fixture_free(&direct);
    fixture_free(&below);
    fixture_free(&none);
}

TEST(depth_counts_the_certificates_between_leaf_and_anchor)
{
    struct fixture below = fixture_intermediate("Below", &issuing);
    struct fixture direct = fixture_leaf("direct", &root);
    struct fixture deep = fixture_leaf("deep", &below);

    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = direct.certificate,
                   .depth = UINT32_MAX);
    assert_outcome(CERTIFICATE_PATH_TOO_LONG, .anchors = {root.certificate},
                   .leaf = alice.certificate, .untrusted = {issuing.certificate},
                   .depth = UINT32_MAX);
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {issuing.certificate}, .depth = 1);
    assert_outcome(CERTIFICATE_PATH_TOO_LONG, .anchors = {root.certificate},
                   .leaf = deep.certificate, .untrusted = {issuing.certificate, below.certificate},
                   .depth = 1);
    assert_outcome(CERTIFICATE_PATH_TOO_LONG, .anchors = {root.certificate, issuing.certificate},
                   .leaf = deep.certificate, .untrusted = {below.certificate}, .depth = 1);
    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = deep.certificate,
                   .untrusted = {issuing.certificate, below.certificate}, .depth = 2);
    assert_outcome(INTERNAL, .anchors = {root.certificate}, .leaf = direct.certificate,
                   .depth = 11);
    fixture_free(&deep);
    fixture_free(&direct);
    fixture_free(&below);
}

TEST(an_intermediate_is_an_anchor_only_where_partial_chains_are_allowed)
{
    assert_outcome(CERTIFICATE_ISSUER_UNKNOWN, .anchors = {issuing.certificate},
                   .leaf = alice.certificate);
    assert_outcome(NONE, .anchors = {issuing.certificate}, .leaf = alice.certificate,
                   .partial_chain = true);
    assert_outcome(NONE, .anchors = {issuing.certificate}, .leaf = alice.certificate,
                   .untrusted = {root.certificate}, .partial_chain = true);
}

TEST(names_outside_the_issuers_constraints_are_refused)
{
    struct fixture limited = fixture_make(
        &(struct fixture_spec){.common_name = "Limited",
                               .basic_constraints = "critical,CA:TRUE",
                               .name_constraints = "critical,permitted;DNS:partner.example,"
                                                   "excluded;email:evil.example"},
        &root);
    static const struct {
        const char *names;
        enum reason reason;
    } CASES[] = {
        {"DNS:a.partner.example", REASON_NONE},
        {"DNS:partner.example", REASON_NONE},
        {"DNS:a.partner.example.evil", REASON_CERTIFICATE_NAME_NOT_PERMITTED},
        {"DNS:other.example", REASON_CERTIFICATE_NAME_NOT_PERMITTED},
        {"DNS:a.partner.example,DNS:other.example", REASON_CERTIFICATE_NAME_NOT_PERMITTED},
        {"email:a@evil.example", REASON_CERTIFICATE_NAME_NOT_PERMITTED},
        {"email:a@good.example", REASON_NONE},
        /* CVE-2022-3602: punycode where a constraint is compared. */
        {"email:a@xn--aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example",
         REASON_NONE},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct fixture leaf = fixture_make(
            &(struct fixture_spec){.common_name = "Alice A.", .subject_alt_name = CASES[i].names},
            &limited);

        assert_outcome_is(CASES[i].reason, .anchors = {root.certificate}, .leaf = leaf.certificate,
                          .untrusted = {limited.certificate});
        fixture_free(&leaf);
    }
    fixture_free(&limited);
}

TEST(an_unknown_critical_extension_refuses)
{
    struct fixture_extension odd = {"1.3.6.1.4.1.55555.7", true, SLICE("\x05\x00")};

    assert_leaf(CERTIFICATE_EXTENSION_UNKNOWN, .extensions = &odd, .extension_count = 1);
    odd.critical = false;
    assert_leaf(NONE, .extensions = &odd, .extension_count = 1);
}

TEST(an_extension_that_cannot_be_read_refuses_in_leaf_and_extras)
{
    struct fixture_extension broken = {"basicConstraints", false, SLICE("\x04\x01\x00")};
    struct fixture extra = fixture_make(
        &(struct fixture_spec){.common_name = "extra", .extensions = &broken, .extension_count = 1},
        NULL);

    assert_leaf(CERTIFICATE_MALFORMED, .extensions = &broken, .extension_count = 1);
    assert_outcome(CERTIFICATE_MALFORMED, .anchors = {root.certificate}, .leaf = alice.certificate,
                   .untrusted = {issuing.certificate, extra.certificate});
    fixture_free(&extra);
}

/* RFC 5280 section 6.1.5: who demands a policy gets one. */
TEST(policy_constraints_are_kept)
{
    struct fixture strict = fixture_make(
        &(struct fixture_spec){.common_name = "Strict",
                               .basic_constraints = "critical,CA:TRUE",
                               .policies = "1.3.6.1.4.1.55555.1",
                               .policy_constraints = "critical,requireExplicitPolicy:0"},
        &root);
    struct fixture with = fixture_make(
        &(struct fixture_spec){.common_name = "with", .policies = "1.3.6.1.4.1.55555.1"}, &strict);
    struct fixture without =
        fixture_make(&(struct fixture_spec){.common_name = "without"}, &strict);
    struct fixture other = fixture_make(
        &(struct fixture_spec){.common_name = "other", .policies = "1.3.6.1.4.1.55555.2"}, &strict);

    assert_outcome(NONE, .anchors = {root.certificate}, .leaf = with.certificate,
                   .untrusted = {strict.certificate});
    assert_outcome(CERTIFICATE_POLICY_MISSING, .anchors = {root.certificate},
                   .leaf = without.certificate, .untrusted = {strict.certificate});
    assert_outcome(CERTIFICATE_POLICY_MISSING, .anchors = {root.certificate},
                   .leaf = other.certificate, .untrusted = {strict.certificate});
    assert_leaf(CERTIFICATE_MALFORMED,
                .extensions = &(struct fixture_extension){"certificatePolicies", false,
                                                          SLICE("\x30\x02\x05\x00")},
                .extension_count = 1);
    fixture_free(&other);
    fixture_free(&without);
    fixture_free(&with);
    fixture_free(&strict);
}

/* CVE-2023-0286 and CVE-2020-1971: name types that nobody uses but parsers. */
TEST(odd_alternative_names_do_no_harm)
{
    /* x400Address [3], ediPartyName [5] { partyName [1] UTF8String }, registeredID [8]. */
    struct fixture_extension x400 = {"subjectAltName", false, SLICE("\x30\x04\xa3\x02\x30\x00")};
    struct fixture_extension edi = {"subjectAltName", false,
                                    SLICE("\x30\x07\xa5\x05\xa1\x03\x0c\x01x")};
    struct fixture_extension registered = {"subjectAltName", false,
                                           SLICE("\x30\x04\x88\x02\x2a\x03")};

    assert_leaf(NONE, .extensions = &x400, .extension_count = 1);
    assert_leaf(NONE, .extensions = &edi, .extension_count = 1);
    assert_leaf(NONE, .extensions = &registered, .extension_count = 1);
}

TEST(an_anchor_that_comes_as_a_client_needs_the_usages_of_one)
{
    struct fixture anchor = fixture_make(
        &(struct fixture_spec){.common_name = "Both", .basic_constraints = "CA:TRUE"}, NULL);

    assert_outcome(CERTIFICATE_PURPOSE_WRONG, .anchors = {root.certificate},
                   .leaf = root.certificate);
    assert_outcome(NONE, .anchors = {anchor.certificate}, .leaf = anchor.certificate);
    fixture_free(&anchor);
}

TEST(more_certificates_than_the_limit_are_not_looked_at)
{
    struct attempt attempt = {.anchors = {root.certificate}, .leaf = alice.certificate};

    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        attempt.untrusted[i] = issuing.certificate;
    assert_string_equal(outcome(&attempt), "none");
    attempt.untrusted[CERTIFICATE_CHAIN_COUNT_MAX] = issuing.certificate;
    assert_string_equal(outcome(&attempt), "certificate_chain_too_large");
}

/* Ten CAs of one name and ten keys, each issued by the next, and no way out: every step finds
 * every certificate as a candidate. Without back-tracking this is quick. */
TEST(a_maze_of_cross_signed_certificates_costs_little)
{
    struct fixture maze[CERTIFICATE_CHAIN_COUNT_MAX];
    struct attempt attempt = {.anchors = {root.certificate}, .depth = 10};
    struct fixture_spec spec = {
        .common_name = "Maze", .basic_constraints = "CA:TRUE", .without_key_identifiers = true};
    struct fixture first = fixture_make(&spec, NULL);
    struct fixture leaf;
    uint64_t started = 0;

    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        maze[i] = fixture_make(&spec, i == 0 ? &first : &maze[i - 1]);
    leaf = fixture_leaf("lost", &maze[CERTIFICATE_CHAIN_COUNT_MAX - 1]);
    attempt.leaf = leaf.certificate;
    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        attempt.untrusted[i] = maze[i].certificate;

    started = clock_monotonic_ms();
    for (unsigned i = 0; i < 10; i++)
        assert_string_not_equal(outcome(&attempt), "none");
    assert_true(clock_monotonic_ms() - started < 2000);

    fixture_free(&leaf);
    for (size_t i = 0; i < CERTIFICATE_CHAIN_COUNT_MAX; i++)
        fixture_free(&maze[i]);
    fixture_free(&first);
}

int main(void)
{
    int failed = 0;

    make_pki();
    failed = RUN_TESTS(
        cmocka_unit_test(a_path_to_an_anchor_is_accepted_leaf_first_and_anchor_last),
        cmocka_unit_test(intermediates_may_come_from_the_client_or_from_the_store),
        cmocka_unit_test(our_own_intermediates_help_who_shows_none),
        cmocka_unit_test(our_own_intermediates_are_never_trusted),
        cmocka_unit_test(order_duplicates_and_strangers_do_not_matter),
        cmocka_unit_test(what_the_client_sends_is_never_an_anchor),
        cmocka_unit_test(an_issuer_of_the_same_name_with_another_key_is_no_issuer),
        cmocka_unit_test(two_anchors_of_one_name_both_accept_their_own),
        cmocka_unit_test(a_flipped_bit_in_a_signature_refuses),
        cmocka_unit_test(times_are_checked_to_the_second),
        cmocka_unit_test(a_refusal_ends_when_time_alone_can_end_it),
        cmocka_unit_test(an_issuer_out_of_time_is_named_as_such),
        cmocka_unit_test(an_expired_anchor_refuses_its_clients),
        cmocka_unit_test(valid_until_is_the_earliest_end_in_the_path),
        cmocka_unit_test(ordinary_certificates_without_extensions_are_accepted),
        cmocka_unit_test(each_acceptable_key_is_accepted),
        cmocka_unit_test(other_keys_are_refused_wherever_they_are),
        cmocka_unit_test(sha1_signatures_are_weak_except_on_an_anchor),
        cmocka_unit_test(the_leaf_must_be_for_a_tls_client),
        cmocka_unit_test(each_issuer_that_limits_its_use_must_allow_tls_clients),
        cmocka_unit_test(an_anchor_that_limits_its_use_limits_its_clients),
        cmocka_unit_test(only_a_ca_can_issue), cmocka_unit_test(path_length_constraints_are_kept),
        cmocka_unit_test(depth_counts_the_certificates_between_leaf_and_anchor),
        cmocka_unit_test(an_intermediate_is_an_anchor_only_where_partial_chains_are_allowed),
        cmocka_unit_test(names_outside_the_issuers_constraints_are_refused),
        cmocka_unit_test(an_unknown_critical_extension_refuses),
        cmocka_unit_test(an_extension_that_cannot_be_read_refuses_in_leaf_and_extras),
        cmocka_unit_test(policy_constraints_are_kept),
        cmocka_unit_test(odd_alternative_names_do_no_harm),
        cmocka_unit_test(an_anchor_that_comes_as_a_client_needs_the_usages_of_one),
        cmocka_unit_test(more_certificates_than_the_limit_are_not_looked_at),
        cmocka_unit_test(a_maze_of_cross_signed_certificates_costs_little));
    free_pki();
    return failed;
}
