/* SPDX-License-Identifier: Apache-2.0
 *
 * Judging contexts: whatever decides is in the digest, and nothing else is.
 */
#include "gateway/identity/judging_context.h"

#include <unistd.h>

#include "gateway/identity/judging_context_internal.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

static char *root_path;
static char *copy_path;
static char *other_path;
static char *both_path;

static char *write_anchors(X509 *const *certificates, size_t count)
{
    struct fixture_bytes pem = fixture_pem(certificates, count);
    char *path = fixture_file(fixture_bytes_slice(pem));

    free(pem.data);
    return path;
}

static void make_files(void)
{
    struct fixture root = fixture_root("Root");
    struct fixture other = fixture_root("Other");

    root_path = write_anchors(&root.certificate, 1);
    copy_path = write_anchors((X509 *[]){root.certificate, root.certificate}, 2);
    other_path = write_anchors(&other.certificate, 1);
    both_path = write_anchors((X509 *[]){other.certificate, root.certificate}, 2);
    fixture_free(&other);
    fixture_free(&root);
}

static void free_files(void)
{
    char *paths[] = {root_path, copy_path, other_path, both_path};

    for (size_t i = 0; i < 4; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
}

static struct judging_context *create(const struct trust_profile_settings *settings)
{
    struct error error = {.kind = ERROR_NONE};
    struct judging_context *context = judging_context_create(settings, &error);

    if (context == NULL)
        fail_msg("%s", error.text);
    return context;
}

static bool have_equal_digests(const struct trust_profile_settings *a,
                               const struct trust_profile_settings *b)
{
    struct judging_context *left = create(a);
    struct judging_context *right = create(b);
    bool equal = slice_equals(judging_context_digest(left), judging_context_digest(right));

    assert_int_equal(judging_context_digest(left).size, 32);
    judging_context_release(right);
    judging_context_release(left);
    return equal;
}

/* CVE-2022-21654: a setting that is not in the hash lets old sessions live on. */
TEST(each_setting_that_decides_changes_the_digest)
{
    struct trust_anchor_source anchors[] = {{.path = root_path}, {.path = other_path}};
    struct trust_anchor_source other = {.path = other_path};
    const struct trust_profile_settings reference = {
        .anchors = anchors, .anchor_count = 1, .depth = 4};
    struct trust_profile_settings changed[] = {
        reference, reference, reference, reference, reference, reference, reference, reference,
        reference, reference, reference, reference, reference, reference, reference};

    changed[7].revocation.sources = 1U << REVOCATION_SOURCE_CRL;
    changed[8].revocation.sources = 1U << REVOCATION_SOURCE_OCSP;
    changed[9].revocation.require = REVOCATION_REQUIRE_FIRST_ANSWER;
    changed[10].revocation.applies_to = REVOCATION_OF_LEAF;
    changed[11].revocation.when_unavailable.lenience = REVOCATION_ACCEPT;
    changed[12].revocation.when_unavailable.last_good_ms = 1;
    changed[13].revocation.when_crl_expired.lenience = REVOCATION_ACCEPT_LAST_GOOD;
    changed[14].revocation.crl.from_certificate = true;
    changed[0].anchors = &other;
    changed[1].anchor_count = 2;
    changed[2].depth = 5;
    changed[3].depth = 0;
    changed[4].partial_chain = true;
    changed[5].intermediates = &other;
    changed[5].intermediate_count = 1;
    changed[6].intermediates = anchors;
    changed[6].intermediate_count = 2;
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        if (have_equal_digests(&reference, &changed[i]))
            fail_msg("change %zu is not in the digest", i);
        for (size_t j = 0; j < i; j++)
            assert_false(have_equal_digests(&changed[j], &changed[i]));
    }
}

TEST(what_decides_nothing_does_not_change_the_digest)
{
    struct trust_anchor_source anchors[] = {{.path = root_path}, {.path = other_path}};
    struct trust_anchor_source both = {.path = both_path, .position = {"b.yaml", 1, 1}};
    struct trust_anchor_source copy = {.path = copy_path};
    const struct trust_profile_settings reference = {
        .anchors = anchors, .anchor_count = 1, .depth = 4};
    struct trust_profile_settings changed[] = {reference, reference, reference, reference,
                                               reference};
    struct trust_profile_settings two_files = reference;
    struct trust_profile_settings one_file = reference;

    changed[0].name = "partners";
    changed[1].send_ca_names = true;
    changed[2].position = (struct position){"a.yaml", 7, 7};
    changed[3].anchors = &copy;
    changed[4].upload_rules = TRUST_UPLOAD_RULES_AZURE;
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++)
        assert_true(have_equal_digests(&reference, &changed[i]));

    two_files.anchor_count = 2;
    one_file.anchors = &both;
    assert_true(have_equal_digests(&two_files, &one_file));
}

TEST(a_context_keeps_what_it_was_told)
{
    struct trust_anchor_source anchor = {.path = both_path};
    struct judging_context *context =
        create(&(struct trust_profile_settings){.anchors = &anchor,
                                                .anchor_count = 1,
                                                .depth = 3,
                                                .partial_chain = true,
                                                .send_ca_names = true});

    assert_true(judging_context_sends_ca_names(context));
    assert_int_equal(trust_store_count(judging_context_anchors(context)), 2);
    assert_int_equal(judging_context_rules(context)->depth, 3);
    assert_true(judging_context_rules(context)->partial_chain);
    assert_ptr_equal(judging_context_rules(context)->anchors, judging_context_anchors(context));
    assert_ptr_equal(judging_context_acquire(context), context);
    judging_context_release(context);
    assert_int_equal(judging_context_digest(context).size, 32);
    judging_context_release(context);
    judging_context_release(NULL);
}

static void assert_refused(const struct trust_profile_settings *settings, const char *why)
{
    struct error error = {.kind = ERROR_NONE};

    assert_null(judging_context_create(settings, &error));
    assert_int_not_equal(error.kind, ERROR_NONE);
    if (strncmp(error.text, why, strlen(why)) != 0)
        fail_msg("'%s' does not begin with '%s'", error.text, why);
}

TEST(a_profile_that_cannot_work_is_an_error_that_says_where)
{
    struct trust_anchor_source anchor = {.path = root_path, .position = {"a.yaml", 3, 5}};
    struct trust_profile_settings settings = {
        .anchors = &anchor, .anchor_count = 1, .depth = 11, .position = {"a.yaml", 2, 3}};
    struct trust_anchor_source intermediate = {.position = {"a.yaml", 4, 6}};

    assert_refused(&settings, "a.yaml:2:3: 'depth' is 11; at most 10");
    settings.depth = 10;
    settings.anchor_count = 0;
    assert_refused(&settings, "a.yaml:2:3: there are no trust anchors");
    settings.anchor_count = 1;
    anchor.path = "/nonexistent.pem";
    assert_refused(&settings, "a.yaml:3:5: trust file: '/nonexistent.pem'");
    anchor.path = root_path;
    intermediate.path = "/nonexistent.pem";
    settings.intermediates = &intermediate;
    settings.intermediate_count = 1;
    assert_refused(&settings, "a.yaml:4:6: trust file: '/nonexistent.pem'");
}

int main(void)
{
    int failed = 0;

    make_files();
    failed = RUN_TESTS(cmocka_unit_test(each_setting_that_decides_changes_the_digest),
                       cmocka_unit_test(what_decides_nothing_does_not_change_the_digest),
                       cmocka_unit_test(a_context_keeps_what_it_was_told),
                       cmocka_unit_test(a_profile_that_cannot_work_is_an_error_that_says_where));
    free_files();
    return failed;
}
