/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rules make of what is known: each kind of list, and of no list.
 */
#include "gateway/revocation/revocation.h"

#include "gateway/revocation/crl_registry.h"
#include "support/crl_fixture.h"
#include "support/test.h"

static struct fixture root;
static struct fixture issuing;
static struct fixture alice; /* 0a0b */
static STACK_OF(X509) * path;
static struct revocation_facts *facts;
static struct crl_registry *registry;

static const struct revocation_rules STRICT = {
    .sources = 1U << REVOCATION_SOURCE_CRL,
    .require = REVOCATION_REQUIRE_FIRST_ANSWER,
    .applies_to = REVOCATION_OF_LEAF,
};

static struct fixture make_ca(const char *name, const struct fixture *issuer)
{
    return fixture_make(&(struct fixture_spec){.common_name = name,
                                               .basic_constraints = "critical,CA:TRUE",
                                               .key_usage = "critical,keyCertSign,cRLSign"},
                        issuer);
}

static void open_world(void)
{
    root = make_ca("Root", NULL);
    issuing = make_ca("Issuing", &root);
    alice =
        fixture_make(&(struct fixture_spec){.common_name = "alice", .serial = "0a0b"}, &issuing);
    path = sk_X509_new_null();
    sk_X509_push(path, alice.certificate);
    sk_X509_push(path, issuing.certificate);
    sk_X509_push(path, root.certificate);
    facts = revocation_facts_create();
    registry = crl_registry_create(facts);
}

static void close_world(void)
{
    crl_registry_destroy(registry);
    revocation_facts_destroy(facts);
    sk_X509_free(path);
    fixture_free(&alice);
    fixture_free(&issuing);
    fixture_free(&root);
}

static void know(const char *origin, const struct crl_spec *spec, const struct fixture *issuer)
{
    struct crl_set set = {.lists = {crl_fixture(spec, issuer)}, .count = 1};
    struct error error = {.kind = ERROR_NONE};

    if (crl_registry_offer(registry, origin, &set, FIXTURE_NOW, &error) == CRL_OFFER_REFUSED)
        fail_msg("%s", error.text);
    crl_set_reset(&set);
    (void)crl_registry_learn_issuer(registry, issuer->certificate);
    crl_registry_publish(registry);
}

static struct revocation_result check_at(const struct revocation_rules *rules, int64_t now)
{
    struct revocation_path *prepared = revocation_path_create(rules, path);
    struct revocation_result result =
        revocation_check(rules, prepared, facts, REVOCATION_NO_TIME, now);

    revocation_path_destroy(prepared);
    return result;
}

static void assert_result(const struct revocation_rules *rules, int64_t now, enum reason reason)
{
    struct revocation_result result = check_at(rules, now);

    assert_string_equal(reason_name(result.reason), reason_name(reason));
    assert_int_equal(result.status == REVOCATION_GOOD, reason == REASON_NONE);
}

TEST(without_sources_nothing_is_asked_and_without_facts_nothing_is_accepted)
{
    const struct revocation_rules none = {.sources = 0};

    open_world();
    assert_int_equal(revocation_check(&none, NULL, NULL, REVOCATION_MAY_WAIT, FIXTURE_NOW).status,
                     REVOCATION_GOOD);
    assert_int_equal(
        revocation_check(&STRICT, NULL, facts, REVOCATION_MAY_WAIT, FIXTURE_NOW).reason,
        REASON_INTERNAL);
    close_world();
}

TEST(a_list_accepts_those_that_it_does_not_name_until_it_ends)
{
    struct revocation_result result;

    open_world();
    know("a.crl", &(struct crl_spec){.number = 1, .revoked = {"0a0c"}}, &issuing);
    result = check_at(&STRICT, FIXTURE_NOW);
    assert_int_equal(result.status, REVOCATION_GOOD);
    assert_int_equal(result.valid_until, FIXTURE_NOW + FIXTURE_DAY);
    assert_result(&STRICT, FIXTURE_NOW + FIXTURE_DAY - 1, REASON_NONE);
    assert_result(&STRICT, FIXTURE_NOW + FIXTURE_DAY, REASON_CRL_EXPIRED);
    assert_result(&STRICT, FIXTURE_NOW - 2 * FIXTURE_DAY, REASON_CRL_NOT_YET_VALID);
    close_world();
}

/* Rows 101: what an expired list says stays said. */
TEST(whom_a_list_names_is_refused_also_when_it_has_ended)
{
    const struct revocation_rules lenient = {
        .sources = 1U << REVOCATION_SOURCE_CRL,
        .when_unavailable = {.lenience = REVOCATION_ACCEPT},
        .when_crl_expired = {.lenience = REVOCATION_ACCEPT},
    };
    struct revocation_result result;

    open_world();
    know("a.crl", &(struct crl_spec){.number = 1, .revoked = {"0a0c", "0a0b"}, .reasons = {0, 1}},
         &issuing);
    result = check_at(&STRICT, FIXTURE_NOW);
    assert_int_equal(result.reason, REASON_CERTIFICATE_REVOKED);
    assert_non_null(strstr(result.detail, "keyCompromise"));
    assert_result(&lenient, FIXTURE_NOW + 9 * FIXTURE_DAY, REASON_CERTIFICATE_REVOKED);
    close_world();
}

TEST(a_list_of_another_key_says_nothing)
{
    struct fixture twin;

    open_world();
    twin = make_ca("Issuing", &root);
    know("twin.crl", &(struct crl_spec){.number = 1, .revoked = {"0a0b"}}, &twin);
    assert_result(&STRICT, FIXTURE_NOW, REASON_REVOCATION_TIMEOUT);
    (void)crl_registry_learn_issuer(registry, issuing.certificate);
    crl_registry_publish(registry);
    assert_result(&STRICT, FIXTURE_NOW, REASON_CRL_MISSING);
    fixture_free(&twin);
    close_world();
}

TEST(exceptions_hold_for_what_they_name_and_for_as_long)
{
    struct revocation_rules rules = STRICT;

    open_world();
    (void)crl_registry_learn_issuer(registry, issuing.certificate);
    crl_registry_publish(registry);
    rules.when_crl_expired.lenience = REVOCATION_ACCEPT;
    assert_result(&rules, FIXTURE_NOW, REASON_CRL_MISSING);
    rules.when_unavailable.lenience = REVOCATION_ACCEPT_LAST_GOOD;
    rules.when_unavailable.last_good_ms = 1000 * 1000;
    assert_result(&rules, FIXTURE_NOW, REASON_CRL_MISSING); /* there never was a good answer */
    rules.when_unavailable.lenience = REVOCATION_ACCEPT;
    assert_result(&rules, FIXTURE_NOW, REASON_NONE);
    assert_true(check_at(&rules, FIXTURE_NOW).is_lenient);

    know("a.crl", &(struct crl_spec){.number = 1}, &issuing);
    rules.when_crl_expired.lenience = REVOCATION_ACCEPT_LAST_GOOD;
    rules.when_crl_expired.last_good_ms = 60 * 1000;
    assert_result(&rules, FIXTURE_NOW + FIXTURE_DAY + 59, REASON_NONE);
    assert_result(&rules, FIXTURE_NOW + FIXTURE_DAY + 60, REASON_CRL_EXPIRED);
    close_world();
}

TEST(a_chain_is_good_when_each_of_its_certificates_is)
{
    struct revocation_rules chain = STRICT;
    char serial[64];
    char *hex;
    BIGNUM *number;

    chain.applies_to = REVOCATION_OF_CHAIN;
    open_world();
    number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(issuing.certificate), NULL);
    hex = BN_bn2hex(number);
    (void)snprintf(serial, sizeof serial, "%s", hex);
    OPENSSL_free(hex);
    BN_free(number);

    know("a.crl", &(struct crl_spec){.number = 1}, &issuing);
    (void)crl_registry_learn_issuer(registry, root.certificate);
    crl_registry_publish(registry);
    assert_result(&STRICT, FIXTURE_NOW, REASON_NONE);
    assert_result(&chain, FIXTURE_NOW, REASON_CRL_MISSING);
    know("root.crl", &(struct crl_spec){.number = 1}, &root);
    assert_result(&chain, FIXTURE_NOW, REASON_NONE);
    know("root.crl", &(struct crl_spec){.number = 2, .revoked = {serial}}, &root);
    assert_result(&chain, FIXTURE_NOW, REASON_ISSUER_REVOKED);
    assert_result(&STRICT, FIXTURE_NOW, REASON_NONE);
    close_world();
}

TEST(a_delta_list_adds_and_takes_off)
{
    open_world();
    know("base.crl", &(struct crl_spec){.number = 5, .revoked = {"0a0b"}, .reasons = {6}},
         &issuing);
    assert_result(&STRICT, FIXTURE_NOW, REASON_CERTIFICATE_REVOKED);
    know("delta.crl",
         &(struct crl_spec){.number = 6, .base = 5, .revoked = {"0a0b"}, .reasons = {8}}, &issuing);
    assert_result(&STRICT, FIXTURE_NOW, REASON_NONE);
    know("delta.crl", &(struct crl_spec){.number = 7, .base = 5, .revoked = {"0a0b"}}, &issuing);
    assert_result(&STRICT, FIXTURE_NOW, REASON_CERTIFICATE_REVOKED);
    close_world();
}

/* The issuer may have revoked again in a delta list that nobody has brought us. */
TEST(a_delta_list_that_has_ended_takes_nobody_off)
{
    open_world();
    know("base.crl",
         &(struct crl_spec){.number = 5,
                            .revoked = {"0a0b"},
                            .reasons = {6},
                            .next_update = FIXTURE_NOW + 9 * FIXTURE_DAY},
         &issuing);
    know("delta.crl",
         &(struct crl_spec){.number = 6,
                            .base = 5,
                            .revoked = {"0a0b"},
                            .reasons = {8},
                            .next_update = FIXTURE_NOW + FIXTURE_DAY},
         &issuing);
    /* Nor may anybody remember for longer that it did. */
    assert_int_equal(check_at(&STRICT, FIXTURE_NOW).valid_until, FIXTURE_NOW + FIXTURE_DAY);
    assert_result(&STRICT, FIXTURE_NOW + FIXTURE_DAY - 1, REASON_NONE);
    assert_result(&STRICT, FIXTURE_NOW + FIXTURE_DAY, REASON_CERTIFICATE_REVOKED);
    close_world();
}

/* A delta list of a later base changes nothing here, and nothing is good by a delta list alone. */
TEST(a_delta_list_counts_with_its_base_alone)
{
    open_world();
    know("delta.crl",
         &(struct crl_spec){.number = 9, .base = 8, .revoked = {"0a0b"}, .reasons = {8}}, &issuing);
    assert_result(&STRICT, FIXTURE_NOW, REASON_CRL_MISSING);
    know("base.crl", &(struct crl_spec){.number = 5, .revoked = {"0a0b"}, .reasons = {6}},
         &issuing);
    assert_result(&STRICT, FIXTURE_NOW, REASON_CERTIFICATE_REVOKED);
    close_world();
}

TEST(a_current_delta_list_keeps_its_base_going)
{
    open_world();
    know("base.crl", &(struct crl_spec){.number = 5}, &issuing);
    know("delta.crl",
         &(struct crl_spec){.number = 6, .base = 5, .next_update = FIXTURE_NOW + 3 * FIXTURE_DAY},
         &issuing);
    assert_result(&STRICT, FIXTURE_NOW + 2 * FIXTURE_DAY, REASON_NONE);
    assert_result(&STRICT, FIXTURE_NOW + 3 * FIXTURE_DAY, REASON_CRL_EXPIRED);
    close_world();
}

TEST(the_newest_list_counts_wherever_it_came_from)
{
    open_world();
    know("new.crl", &(struct crl_spec){.number = 8, .revoked = {"0a0b"}}, &issuing);
    know("old.crl", &(struct crl_spec){.number = 7}, &issuing);
    assert_result(&STRICT, FIXTURE_NOW, REASON_CERTIFICATE_REVOKED);
    know("newer.crl", &(struct crl_spec){.number = 9}, &issuing);
    assert_result(&STRICT, FIXTURE_NOW, REASON_NONE);
    close_world();
}

/* One CA, certified twice: a client may show either certificate of it. */
TEST(an_issuer_is_known_by_every_spelling_of_its_name)
{
    const struct revocation_rules lenient = {
        .sources = 1U << REVOCATION_SOURCE_CRL,
        .when_unavailable = {.lenience = REVOCATION_ACCEPT},
    };
    struct fixture other;

    open_world();
    other = fixture_make(&(struct fixture_spec){.common_name = "ISSUING",
                                                .key = issuing.key,
                                                .basic_constraints = "critical,CA:TRUE",
                                                .key_usage = "critical,keyCertSign,cRLSign"},
                         &root);
    know("a.crl", &(struct crl_spec){.number = 1, .revoked = {"0a0b"}}, &issuing);
    (void)crl_registry_learn_issuer(registry, other.certificate);
    crl_registry_publish(registry);
    (void)sk_X509_set(path, 1, other.certificate);
    assert_result(&STRICT, FIXTURE_NOW, REASON_CERTIFICATE_REVOKED);
    assert_result(&lenient, FIXTURE_NOW, REASON_CERTIFICATE_REVOKED);
    close_world();
    fixture_free(&other);
}

static struct crl *partial_list(long number, char only)
{
    /* IssuingDistributionPoint: onlyContainsUserCerts [1], or onlyContainsCACerts [2]. */
    const char value[] = {0x30, 0x03, only, 0x01, (char)0xff};
    const struct fixture_extension scope = {
        .oid = "2.5.29.28", .critical = true, .value = slice_from(value, sizeof value)};
    const struct crl_spec spec = {.number = number, .extensions = &scope, .extension_count = 1};

    return crl_fixture(&spec, &issuing);
}

static bool may_replace(struct crl *list, int64_t now)
{
    const struct crl_set set = {.lists = {list}, .count = 1};
    bool may = crl_registry_may_replace(registry, "http://a", &set, now);

    crl_release(list);
    return may;
}

/* Who stands between us and the issuer has all its lists to choose from. */
TEST(no_list_takes_the_place_of_one_about_others)
{
    const int64_t end = FIXTURE_NOW + FIXTURE_DAY;

    open_world();
    assert_true(may_replace(partial_list(9, (char)0x82), FIXTURE_NOW));
    know("http://a", &(struct crl_spec){.number = 1, .revoked = {"0a0b"}}, &issuing);
    assert_false(may_replace(partial_list(9, (char)0x82), FIXTURE_NOW));
    assert_false(may_replace(crl_fixture(&(struct crl_spec){.number = 9, .base = 1}, &issuing),
                             FIXTURE_NOW));
    assert_false(may_replace(crl_fixture(&(struct crl_spec){.number = 9}, &root), FIXTURE_NOW));
    assert_true(may_replace(crl_fixture(&(struct crl_spec){.number = 9}, &issuing), FIXTURE_NOW));
    /* An issuer may arrange its lists anew; what has ended is in nobody's way. */
    assert_false(may_replace(partial_list(9, (char)0x81), end - 1));
    assert_true(may_replace(partial_list(9, (char)0x81), end));
    assert_false(may_replace(crl_fixture(&(struct crl_spec){.number = 9}, &root), end));
    close_world();
}

/* Nothing is asked for a chain that anybody could have shown. */
TEST(only_a_proven_chain_makes_the_gateway_ask)
{
    struct revocation_path *prepared;
    struct revocation_want want;

    open_world();
    prepared = revocation_path_create(&STRICT, path);
    assert_int_equal(
        revocation_check(&STRICT, prepared, facts, REVOCATION_UNPROVEN, FIXTURE_NOW).status,
        REVOCATION_PENDING);
    assert_false(revocation_facts_take_want(facts, &want));
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            revocation_check(&STRICT, prepared, facts, REVOCATION_MAY_WAIT, FIXTURE_NOW).status,
            REVOCATION_PENDING);
    assert_true(revocation_facts_take_want(facts, &want));
    assert_int_equal(X509_cmp(want.issuer, issuing.certificate), 0);
    X509_free(want.certificate);
    X509_free(want.issuer);
    assert_false(revocation_facts_take_want(facts, &want));
    revocation_path_destroy(prepared);
    close_world();
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(without_sources_nothing_is_asked_and_without_facts_nothing_is_accepted),
        cmocka_unit_test(a_list_accepts_those_that_it_does_not_name_until_it_ends),
        cmocka_unit_test(whom_a_list_names_is_refused_also_when_it_has_ended),
        cmocka_unit_test(a_list_of_another_key_says_nothing),
        cmocka_unit_test(exceptions_hold_for_what_they_name_and_for_as_long),
        cmocka_unit_test(a_chain_is_good_when_each_of_its_certificates_is),
        cmocka_unit_test(a_delta_list_adds_and_takes_off),
        cmocka_unit_test(a_delta_list_that_has_ended_takes_nobody_off),
        cmocka_unit_test(a_delta_list_counts_with_its_base_alone),
        cmocka_unit_test(a_current_delta_list_keeps_its_base_going),
        cmocka_unit_test(the_newest_list_counts_wherever_it_came_from),
        cmocka_unit_test(an_issuer_is_known_by_every_spelling_of_its_name),
        cmocka_unit_test(no_list_takes_the_place_of_one_about_others),
        cmocka_unit_test(only_a_proven_chain_makes_the_gateway_ask));
}
