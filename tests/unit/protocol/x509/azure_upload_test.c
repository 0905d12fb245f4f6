/* SPDX-License-Identifier: Apache-2.0
 *
 * Azure's refusals of trust files, each with Azure's name for it.
 */
#include "protocol/x509/azure_upload_internal.h"

#include <unistd.h>

#include "protocol/x509/trust_store.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

static struct fixture root;
static struct fixture other;
static struct fixture issuing;
static struct fixture leaf;
static struct fixture lone; /* self-signed, and no CA */

static void make_pki(void)
{
    root = fixture_root("Root");
    other = fixture_root("Other");
    issuing = fixture_intermediate("Issuing", &root);
    leaf = fixture_leaf("alice", &issuing);
    lone = fixture_make(&(struct fixture_spec){.common_name = "lone"}, NULL);
}

static void free_pki(void)
{
    fixture_free(&root);
    fixture_free(&other);
    fixture_free(&issuing);
    fixture_free(&leaf);
    fixture_free(&lone);
}

static void expect(struct slice bytes, const char *expected)
{
    struct error error = {.kind = ERROR_NONE};

    assert_true(azure_upload_check(bytes, &error) == (expected[0] == '\0'));
    assert_string_equal(error.text, expected);
}

static void expect_of(X509 *const *certificates, size_t count, const char *expected)
{
    struct fixture_bytes pem = fixture_pem(certificates, count);

    expect(fixture_bytes_slice(pem), expected);
    free(pem.data);
}

#define EXPECT_OF(expected, ...)                                                                   \
    expect_of((X509 *[]){__VA_ARGS__}, sizeof((X509 *[]){__VA_ARGS__}) / sizeof(X509 *), expected)

TEST(one_root_with_any_number_of_intermediates_and_leaves_is_taken)
{
    EXPECT_OF("", root.certificate);
    EXPECT_OF("", issuing.certificate, root.certificate);
    EXPECT_OF("", root.certificate, issuing.certificate, issuing.certificate);
    EXPECT_OF("", leaf.certificate, issuing.certificate, root.certificate, lone.certificate);
}

TEST(each_refusal_has_the_name_that_azure_gives_it)
{
    static const char no_authority[] =
        "ApplicationGatewayTrustedClientCertificateDoesNotContainAnyCACertificate: no certificate "
        "in it is a CA by its basic constraints";
    static const char no_root[] =
        "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate: there is no "
        "self-signed CA in it";
    static const char two_roots[] =
        "ApplicationGatewayOnlyOneRootCAAllowedInTrustedClientCertificate: there is more than one "
        "self-signed CA in it";

    expect(SLICE(""), "ApplicationGatewayTrustedClientCertificateMustSpecifyData: it is empty");
    EXPECT_OF(no_authority, leaf.certificate);
    EXPECT_OF(no_authority, lone.certificate);
    EXPECT_OF(no_authority, leaf.certificate, lone.certificate);
    EXPECT_OF(no_root, issuing.certificate);
    EXPECT_OF(no_root, issuing.certificate, leaf.certificate);
    EXPECT_OF(two_roots, root.certificate, other.certificate);
    EXPECT_OF(two_roots, root.certificate, root.certificate);
}

TEST(what_is_not_pem_is_invalid_data)
{
    static const char invalid[] =
        "ApplicationGatewayTrustedClientCertificateInvalidData: it is not PEM, a block is not "
        "delimited, or there is nothing in one";
    struct fixture_bytes der = fixture_der(root.certificate);
    struct fixture_bytes pem = fixture_pem(&root.certificate, 1);
    struct slice text = fixture_bytes_slice(pem);

    expect(fixture_bytes_slice(der), invalid);
    expect(SLICE("hello\n"), invalid);
    expect(slice_first(text, text.size - 20), invalid);
    expect(slice_after(text, 20), invalid);
    expect(SLICE("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), invalid);
    expect(SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), invalid);
    expect(SLICE("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), invalid);
    free(der.data);
    free(pem.data);
}

TEST(a_private_key_is_refused_before_what_else_is_wrong)
{
    static const char has_key[] =
        "ApplicationGatewayTrustedClientCertificateMustNotHavePrivateKey: there is a private key "
        "in it";
    struct fixture_bytes key = fixture_key_pem(root.key);
    struct fixture_bytes pem = fixture_pem(&root.certificate, 1);
    char *both = NULL;

    expect(fixture_bytes_slice(key), has_key);
    fixture_demand(asprintf(&both, "%.*s%.*s", (int)pem.size, (const char *)pem.data, (int)key.size,
                            (const char *)key.data) > 0,
                   "asprintf");
    expect(slice_from_text(both), has_key);
    free(both);
    free(key.data);
    free(pem.data);
}

TEST(a_file_is_as_large_as_azure_takes_it)
{
    struct fixture_bytes pem = fixture_pem(&root.certificate, 1);
    char *padded = malloc(AZURE_UPLOAD_BYTES_MAX + 1);

    fixture_demand(padded != NULL, "malloc");
    memset(padded, '\n', AZURE_UPLOAD_BYTES_MAX + 1);
    memcpy(padded, pem.data, pem.size);
    expect(slice_from(padded, AZURE_UPLOAD_BYTES_MAX), "");
    expect(slice_from(padded, AZURE_UPLOAD_BYTES_MAX + 1),
           "it is larger than the 25600 bytes that Azure takes");
    free(padded);
    free(pem.data);
}

/* ---- as part of a store ---- */

static struct trust_store *load(struct slice bytes, enum trust_upload_rules rules,
                                struct error *error)
{
    char *path = fixture_file(bytes);
    struct trust_anchor_source source = {
        .path = path, .rules = rules, .position = {"a.yaml", 3, 4}};
    struct trust_store *store = trust_store_load(&source, 1, error);

    unlink(path);
    free(path);
    return store;
}

TEST(the_rules_hold_for_stores_that_have_them)
{
    struct fixture_bytes mixed =
        fixture_pem((X509 *[]){leaf.certificate, issuing.certificate, root.certificate}, 3);
    struct fixture_bytes two = fixture_pem((X509 *[]){root.certificate, other.certificate}, 2);
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store = load(fixture_bytes_slice(mixed), TRUST_UPLOAD_RULES_AZURE, &error);

    assert_non_null(store);
    assert_int_equal(trust_store_count(store), 2);
    trust_store_destroy(store);
    assert_null(load(fixture_bytes_slice(mixed), TRUST_UPLOAD_RULES_NONE, &error));

    assert_null(load(fixture_bytes_slice(two), TRUST_UPLOAD_RULES_AZURE, &error));
    assert_memory_equal(error.text, "a.yaml:3:4: trust file '", 24);
    assert_non_null(strstr(error.text, "': ApplicationGatewayOnlyOneRootCAAllowed"));
    store = load(fixture_bytes_slice(two), TRUST_UPLOAD_RULES_NONE, &error);
    assert_int_equal(trust_store_count(store), 2);
    trust_store_destroy(store);

    assert_null(load(SLICE(""), TRUST_UPLOAD_RULES_AZURE, &error));
    assert_string_equal(error.text,
                        "a.yaml:3:4: trust file: "
                        "ApplicationGatewayTrustedClientCertificateMustSpecifyData: it is empty");
    free(mixed.data);
    free(two.data);
}

TEST(there_are_as_many_files_as_azure_takes)
{
    struct fixture_bytes pem = fixture_pem(&root.certificate, 1);
    char *path = fixture_file(fixture_bytes_slice(pem));
    struct trust_anchor_source sources[AZURE_UPLOADS_MAX + 1];
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store;

    for (size_t i = 0; i <= AZURE_UPLOADS_MAX; i++)
        sources[i] = (struct trust_anchor_source){.path = path, .rules = TRUST_UPLOAD_RULES_AZURE};
    store = trust_store_load(sources, AZURE_UPLOADS_MAX, &error);
    assert_non_null(store);
    trust_store_destroy(store);
    assert_null(trust_store_load(sources, AZURE_UPLOADS_MAX + 1, &error));
    assert_string_equal(error.text, "there are more than the 100 files that Azure takes");
    unlink(path);
    free(path);
    free(pem.data);
}

int main(void)
{
    int failed = 0;

    make_pki();
    failed =
        RUN_TESTS(cmocka_unit_test(one_root_with_any_number_of_intermediates_and_leaves_is_taken),
                  cmocka_unit_test(each_refusal_has_the_name_that_azure_gives_it),
                  cmocka_unit_test(what_is_not_pem_is_invalid_data),
                  cmocka_unit_test(a_private_key_is_refused_before_what_else_is_wrong),
                  cmocka_unit_test(a_file_is_as_large_as_azure_takes_it),
                  cmocka_unit_test(the_rules_hold_for_stores_that_have_them),
                  cmocka_unit_test(there_are_as_many_files_as_azure_takes));
    free_pki();
    return failed;
}
