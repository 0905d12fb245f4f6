/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading revocation lists: what is in them is found, and what cannot be understood is refused by
 * name. Lists are made by libcrypto; what it would not make is made by changing octets.
 */
#include "protocol/x509/crl.h"

#include "protocol/x509/crl_subject.h"
#include "runtime/memory.h"
#include "support/crl_fixture.h"
#include "support/test.h"

static struct fixture make_ca(const char *name, enum fixture_key_kind kind, const char *usage)
{
    return fixture_make(&(struct fixture_spec){.common_name = name,
                                               .key_kind = kind,
                                               .basic_constraints = "critical,CA:TRUE",
                                               .key_usage = usage},
                        NULL);
}

static struct fixture ca;

static int make_authority(void **state)
{
    (void)state;
    ca = make_ca("Root", FIXTURE_KEY_P256, "critical,keyCertSign,cRLSign");
    return 0;
}

static int free_authority(void **state)
{
    (void)state;
    fixture_free(&ca);
    return 0;
}

static void assert_refused(const struct crl_spec *spec, const char *words)
{
    struct error error = {.kind = ERROR_NONE};
    struct crl *list = crl_fixture_read(spec, &ca, &error);

    assert_null(list);
    if (strstr(error.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, words);
}

static enum crl_listing listing_of(const struct crl *list, struct slice serial)
{
    return crl_find(list, serial).listing;
}

TEST(entries_are_found_with_date_and_reason)
{
    struct crl *list = crl_fixture(
        &(struct crl_spec){.number = 300, .revoked = {"01", "80", "0a0b0c"}, .reasons = {0, 1}},
        &ca);
    const struct crl_facts *facts = crl_get_facts(list);
    struct crl_entry entry = crl_find(list, SLICE("\x00\x80"));

    assert_int_equal(facts->entry_count, 3);
    assert_int_equal(facts->this_update, FIXTURE_NOW - FIXTURE_DAY);
    assert_int_equal(facts->next_update, FIXTURE_NOW + FIXTURE_DAY);
    assert_true(facts->has_number && slice_equals(facts->number, SLICE("\x01\x2c")));
    assert_false(facts->is_delta);
    assert_int_equal(entry.listing, CRL_REVOKED);
    assert_int_equal(entry.revoked_at, FIXTURE_NOW - 2 * FIXTURE_DAY);
    assert_string_equal(crl_reason_name(entry.reason), "keyCompromise");
    assert_int_equal(listing_of(list, SLICE("\x01")), CRL_REVOKED);
    assert_int_equal(listing_of(list, SLICE("\x0a\x0b\x0c")), CRL_REVOKED);
    /* Neither a part of a serial nor one with more in front is that serial. */
    assert_int_equal(listing_of(list, SLICE("\x0a\x0b")), CRL_NOT_LISTED);
    assert_int_equal(listing_of(list, SLICE("\x00\x0a\x0b\x0c")), CRL_NOT_LISTED);
    assert_int_equal(listing_of(list, SLICE("\x80")), CRL_NOT_LISTED);
    crl_release(list);
}

TEST(every_kind_of_signature_is_verified_with_the_issuers_key_alone)
{
    static const enum fixture_key_kind KINDS[] = {FIXTURE_KEY_P256, FIXTURE_KEY_P384,
                                                  FIXTURE_KEY_RSA2048, FIXTURE_KEY_ED25519};

    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        struct fixture issuer = make_ca("Issuer", KINDS[i], "critical,keyCertSign,cRLSign");
        struct fixture twin = make_ca("Issuer", KINDS[i], "critical,keyCertSign,cRLSign");
        struct crl *list = crl_fixture(&(struct crl_spec){.number = 1}, &issuer);
        struct crl *named =
            crl_fixture(&(struct crl_spec){.number = 1, .has_key_identifier = true}, &issuer);

        assert_int_equal(crl_is_signed_by(list, issuer.certificate), CRL_AUTHENTIC);
        assert_int_equal(crl_is_signed_by(list, twin.certificate), CRL_FORGED);
        assert_int_equal(crl_is_signed_by(list, ca.certificate), CRL_OF_ANOTHER);
        assert_int_equal(crl_is_signed_by(named, issuer.certificate), CRL_AUTHENTIC);
        assert_int_equal(crl_is_signed_by(named, twin.certificate), CRL_OF_ANOTHER);
        crl_release(list);
        crl_release(named);
        fixture_free(&issuer);
        fixture_free(&twin);
    }
}

TEST(an_issuer_whose_key_may_not_sign_lists_has_no_lists)
{
    struct fixture certifier = make_ca("Certifier", FIXTURE_KEY_P256, "critical,keyCertSign");
    struct crl *list = crl_fixture(&(struct crl_spec){.number = 1}, &certifier);

    assert_int_equal(crl_is_signed_by(list, certifier.certificate), CRL_UNAUTHORIZED);
    crl_release(list);
    fixture_free(&certifier);
}

/* Row 94: a delta list without a number. */
TEST(what_is_not_understood_is_refused_by_name)
{
    const struct fixture_extension unknown = {"1.2.3.4", true, SLICE("\x05\x00")};
    const struct fixture_extension relative = {"2.5.29.28", true,
                                               SLICE("\x30\x06\xa0\x04\xa1\x02\x30\x00")};
    const struct fixture_extension indirect = {"2.5.29.28", true, SLICE("\x30\x03\x84\x01\xff")};
    const struct fixture_extension attributes = {"2.5.29.28", true, SLICE("\x30\x03\x85\x01\xff")};
    const struct fixture_extension empty = {"2.5.29.28", true,
                                            SLICE("\x30\x06\x81\x01\xff\x82\x01\xff")};
    const struct fixture_extension other_issuer = {"2.5.29.29", true, SLICE("\x30\x00")};
    const struct fixture_extension twice[] = {{"1.2.3.4", false, SLICE("\x05\x00")},
                                              {"1.2.3.4", false, SLICE("\x05\x00")}};

    assert_refused(&(struct crl_spec){.extensions = &unknown, .extension_count = 1},
                   "it has a critical extension that is not understood");
    assert_refused(&(struct crl_spec){.revoked = {"01"}, .entry_extension = &unknown},
                   "entry 1: an entry has a critical extension that is not understood");
    assert_refused(&(struct crl_spec){.revoked = {"01"}, .entry_extension = &other_issuer},
                   "names another issuer");
    assert_refused(&(struct crl_spec){.extensions = &relative, .extension_count = 1},
                   "named relative to the issuer");
    assert_refused(&(struct crl_spec){.extensions = &indirect, .extension_count = 1},
                   "it is an indirect list");
    assert_refused(&(struct crl_spec){.extensions = &attributes, .extension_count = 1},
                   "about attribute certificates only");
    assert_refused(&(struct crl_spec){.extensions = &empty, .extension_count = 1},
                   "its scope is empty");
    assert_refused(&(struct crl_spec){.extensions = twice, .extension_count = 2},
                   "an extension comes twice");
    assert_refused(&(struct crl_spec){.base = 5}, "a delta list without a CRL number");
    assert_refused(&(struct crl_spec){.next_update = -1}, "does not say when it ends");
    assert_refused(&(struct crl_spec){.is_sha1 = true}, "is not accepted");
    assert_refused(&(struct crl_spec){.this_update = FIXTURE_NOW, .next_update = FIXTURE_NOW - 1},
                   "it ends before it begins");
}

TEST(the_scope_says_of_which_certificates_a_list_speaks)
{
    const struct fixture_extension user = {"2.5.29.28", true, SLICE("\x30\x03\x81\x01\xff")};
    const struct fixture_extension cas = {"2.5.29.28", true, SLICE("\x30\x03\x82\x01\xff")};
    /* fullName { URI "u:1" } */
    const struct fixture_extension named = {"2.5.29.28", true,
                                            SLICE("\x30\x09\xa0\x07\xa0\x05\x86\x03u:1")};
    struct crl *users =
        crl_fixture(&(struct crl_spec){.extensions = &user, .extension_count = 1}, &ca);
    struct crl *authorities =
        crl_fixture(&(struct crl_spec){.extensions = &cas, .extension_count = 1}, &ca);
    struct crl *part =
        crl_fixture(&(struct crl_spec){.extensions = &named, .extension_count = 1}, &ca);
    struct crl_subject leaf = {.serial = {1}, .serial_size = 1};
    struct crl_subject issuer = {.serial = {1}, .serial_size = 1, .is_ca = true};

    assert_true(crl_covers(users, &leaf) && !crl_covers(users, &issuer));
    assert_true(crl_covers(authorities, &issuer) && !crl_covers(authorities, &leaf));
    assert_false(crl_covers(part, &leaf));
    leaf.names[leaf.name_count++] = SLICE("\x86\x03u:2");
    assert_false(crl_covers(part, &leaf));
    leaf.names[leaf.name_count++] = SLICE("\x86\x03u:1");
    assert_true(crl_covers(part, &leaf));
    leaf.serial_size = 0;
    assert_false(crl_covers(users, &leaf));
    crl_release(users);
    crl_release(authorities);
    crl_release(part);
}

/* Row 87, CVE-2020-1971: names are compared by their octets, whatever kind they are of. */
TEST(a_certificates_distribution_points_are_read_strictly)
{
    const struct {
        struct slice value;
        bool is_read;
        size_t names;
    } CASES[] = {
        {SLICE("\x30\x0b\x30\x09\xa0\x07\xa0\x05\x86\x03u:1"), true, 1},
        {SLICE("\x30\x0a\x30\x08\xa0\x06\xa0\x04\xa5\x02\xa1\x00"), true, 1}, /* EDIPartyName */
        {SLICE("\x30\x04\x30\x02\x81\x00"), true, 0},
        {SLICE("\x30\x00"), true, 0},
        {SLICE("\x30\x05\x30\x03\xa0\x05\x86"), false, 0},
        {SLICE("\x31\x00"), false, 0},
        {SLICE(""), false, 0},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const struct fixture_extension points = {"2.5.29.31", false, CASES[i].value};
        struct fixture leaf = fixture_make(&(struct fixture_spec){.common_name = "leaf",
                                                                  .extensions = &points,
                                                                  .extension_count = 1},
                                           &ca);
        struct crl_subject subject;
        bool is_read = crl_subject_read(leaf.certificate, &subject);

        if (is_read != CASES[i].is_read || (is_read && subject.name_count != CASES[i].names))
            fail_msg("case %zu", i);
        fixture_free(&leaf);
    }
}

TEST(any_cut_or_changed_octet_is_refused_or_not_authentic)
{
    size_t size = 0;
    unsigned char *der = crl_fixture_der(
        &(struct crl_spec){.number = 7, .revoked = {"0102"}, .reasons = {1}}, &ca, &size);
    char *copy = memory_allocate(size);

    for (size_t i = 0; i < size; i++) {
        struct crl_set set = {.count = 0};
        struct error error = {.kind = ERROR_NONE};

        memcpy(copy, der, size);
        assert_false(crl_set_read(&set, copy, i, &error));
        copy[i] ^= 1;
        if (!crl_set_read(&set, copy, size, &error))
            continue;
        assert_int_not_equal(crl_is_signed_by(set.lists[0], ca.certificate), CRL_AUTHENTIC);
        crl_set_reset(&set);
    }
    memory_release(copy);
    OPENSSL_free(der);
}

TEST(numbers_decide_about_age_and_dates_where_there_are_none)
{
    struct crl *old = crl_fixture(&(struct crl_spec){.number = 255}, &ca);
    struct crl *new = crl_fixture(
        &(struct crl_spec){.number = 256, .this_update = FIXTURE_NOW - 2 * FIXTURE_DAY}, &ca);
    struct crl *first = crl_fixture(&(struct crl_spec){.this_update = FIXTURE_NOW - 10}, &ca);
    struct crl *second = crl_fixture(&(struct crl_spec){.this_update = FIXTURE_NOW - 9}, &ca);

    assert_int_equal(crl_compare_age(old, new), -1);
    assert_int_equal(crl_compare_age(new, old), 1);
    assert_int_equal(crl_compare_age(old, old), 0);
    assert_int_equal(crl_compare_age(first, second), -1);
    crl_release(old);
    crl_release(new);
    crl_release(first);
    crl_release(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_found_with_date_and_reason),
        cmocka_unit_test(every_kind_of_signature_is_verified_with_the_issuers_key_alone),
        cmocka_unit_test(an_issuer_whose_key_may_not_sign_lists_has_no_lists),
        cmocka_unit_test(what_is_not_understood_is_refused_by_name),
        cmocka_unit_test(the_scope_says_of_which_certificates_a_list_speaks),
        cmocka_unit_test(a_certificates_distribution_points_are_read_strictly),
        cmocka_unit_test(any_cut_or_changed_octet_is_refused_or_not_authentic),
        cmocka_unit_test(numbers_decide_about_age_and_dates_where_there_are_none),
    };

    return cmocka_run_group_tests(tests, make_authority, free_authority);
}
