/* SPDX-License-Identifier: Apache-2.0
 *
 * Issued certificates, judged by libcrypto's own path validation and by what RFC 5280 says of
 * their extensions; and the files they are written to.
 */
#include "support/test.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/pki/pki.h"

static const int64_t now = 1795000000; /* 2026-11-18 */
static const int64_t day = 86400;

struct small_pki {
    struct pki_certificate root;
    struct pki_certificate intermediate;
    struct pki_certificate leaf;
};

static void issue(enum pki_role role, enum pki_key key, const char *name,
                  const struct pki_certificate *issuer, struct pki_certificate *issued)
{
    const struct pki_request request = {.role = role,
                                        .key = key,
                                        .common_name = name,
                                        .organization = "Example",
                                        .not_before = now - day,
                                        .not_after = now + day};
    struct error error = {0};

    assert_true(pki_issue(&request, issuer, issued, &error));
}

static void issue_chain(struct small_pki *pki, enum pki_role role, enum pki_key key)
{
    issue(PKI_ROOT, PKI_KEY_EC_P256, "Root", NULL, &pki->root);
    issue(PKI_INTERMEDIATE, PKI_KEY_EC_P256, "Issuing", &pki->root, &pki->intermediate);
    issue(role, key, "leaf", &pki->intermediate, &pki->leaf);
}

static void reset_chain(struct small_pki *pki)
{
    pki_certificate_reset(&pki->leaf);
    pki_certificate_reset(&pki->intermediate);
    pki_certificate_reset(&pki->root);
}

static int validate(const struct small_pki *pki, int purpose, int64_t when)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *untrusted = sk_X509_new_null();
    int outcome = 0;

    X509_STORE_add_cert(store, pki->root.certificate);
    sk_X509_push(untrusted, pki->intermediate.certificate);
    X509_STORE_CTX_init(context, store, pki->leaf.certificate, untrusted);
    X509_STORE_CTX_set_purpose(context, purpose);
    X509_STORE_CTX_set_time(context, X509_V_FLAG_X509_STRICT, (time_t)when);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
    X509_verify_cert(context);
    outcome = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    sk_X509_free(untrusted);
    X509_STORE_free(store);
    return outcome;
}

TEST(issues_chains_that_strict_validation_accepts)
{
    static const enum pki_key keys[] = {PKI_KEY_EC_P256, PKI_KEY_RSA_2048};

    for (size_t i = 0; i < 2; i++) {
        struct small_pki pki;

        issue_chain(&pki, PKI_SERVER, keys[i]);
        assert_int_equal(validate(&pki, X509_PURPOSE_SSL_SERVER, now), X509_V_OK);
        assert_int_equal(validate(&pki, X509_PURPOSE_SSL_CLIENT, now), X509_V_ERR_INVALID_PURPOSE);
        reset_chain(&pki);
        issue_chain(&pki, PKI_CLIENT, keys[i]);
        assert_int_equal(validate(&pki, X509_PURPOSE_SSL_CLIENT, now), X509_V_OK);
        assert_int_equal(validate(&pki, X509_PURPOSE_SSL_SERVER, now), X509_V_ERR_INVALID_PURPOSE);
        reset_chain(&pki);
    }
}

TEST(begins_and_ends_when_the_caller_says)
{
    struct small_pki pki;

    issue_chain(&pki, PKI_CLIENT, PKI_KEY_EC_P256);
    assert_int_equal(validate(&pki, X509_PURPOSE_SSL_CLIENT, now + day + 1),
                     X509_V_ERR_CERT_HAS_EXPIRED);
    assert_int_equal(validate(&pki, X509_PURPOSE_SSL_CLIENT, now - day - 1),
                     X509_V_ERR_CERT_NOT_YET_VALID);
    reset_chain(&pki);
}

TEST(a_leaf_cannot_issue)
{
    struct small_pki pki;
    struct pki_certificate below = {NULL, NULL};

    issue_chain(&pki, PKI_CLIENT, PKI_KEY_EC_P256);
    issue(PKI_CLIENT, PKI_KEY_EC_P256, "below", &pki.intermediate, &below);
    pki_certificate_reset(&below);
    issue(PKI_CLIENT, PKI_KEY_EC_P256, "below", &pki.leaf, &below);
    assert_int_not_equal(X509_check_issued(pki.leaf.certificate, below.certificate), X509_V_OK);
    pki_certificate_reset(&below);
    reset_chain(&pki);
}

TEST(marks_constraints_and_usages_critical_and_bounds_the_intermediate)
{
    struct small_pki pki;
    int critical = 0;
    BASIC_CONSTRAINTS *constraints = NULL;
    ASN1_BIT_STRING *usage = NULL;

    issue_chain(&pki, PKI_SERVER, PKI_KEY_RSA_2048);
    constraints =
        X509_get_ext_d2i(pki.intermediate.certificate, NID_basic_constraints, &critical, NULL);
    assert_int_equal(critical, 1);
    assert_true(constraints->ca);
    assert_int_equal(ASN1_INTEGER_get(constraints->pathlen), 0);
    BASIC_CONSTRAINTS_free(constraints);

    constraints = X509_get_ext_d2i(pki.leaf.certificate, NID_basic_constraints, &critical, NULL);
    assert_int_equal(critical, 1);
    assert_false(constraints->ca);
    BASIC_CONSTRAINTS_free(constraints);

    usage = X509_get_ext_d2i(pki.leaf.certificate, NID_key_usage, &critical, NULL);
    assert_int_equal(critical, 1);
    ASN1_BIT_STRING_free(usage);
    assert_int_equal(X509_get_key_usage(pki.leaf.certificate),
                     KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT);
    assert_int_equal(X509_get_key_usage(pki.root.certificate), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    reset_chain(&pki);
}

TEST(links_issuer_and_subject_by_key_identifiers)
{
    struct small_pki pki;

    issue_chain(&pki, PKI_CLIENT, PKI_KEY_EC_P256);
    assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(pki.leaf.certificate),
                                           X509_get0_subject_key_id(pki.intermediate.certificate)),
                     0);
    assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(pki.intermediate.certificate),
                                           X509_get0_subject_key_id(pki.root.certificate)),
                     0);
    reset_chain(&pki);
}

TEST(gives_positive_serials_of_twenty_octets_that_differ)
{
    struct small_pki pki;
    const ASN1_INTEGER *serial = NULL;

    issue_chain(&pki, PKI_CLIENT, PKI_KEY_EC_P256);
    serial = X509_get0_serialNumber(pki.leaf.certificate);
    assert_int_equal(ASN1_STRING_length(serial), 20);
    assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);
    assert_int_not_equal(
        ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(pki.intermediate.certificate)), 0);
    reset_chain(&pki);
}

TEST(names_every_kind_of_alternative_name)
{
    const char *const dns[] = {"localhost", "api.example.com", NULL};
    const char *const addresses[] = {"127.0.0.1", "::1", NULL};
    const char *const uris[] = {"spiffe://example.org/alice", NULL};
    const struct pki_request request = {.role = PKI_CLIENT,
                                        .common_name = "alice",
                                        .dns_names = dns,
                                        .ip_addresses = addresses,
                                        .uris = uris,
                                        .email = "alice@example.org",
                                        .not_before = now,
                                        .not_after = now + day};
    struct pki_certificate issued = {NULL, NULL};
    struct error error = {0};
    GENERAL_NAMES *names = NULL;

    assert_true(pki_issue(&request, NULL, &issued, &error));
    assert_int_equal(X509_check_host(issued.certificate, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(issued.certificate, "api.example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(issued.certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(issued.certificate, "::1", 0), 1);
    assert_int_equal(X509_check_email(issued.certificate, "alice@example.org", 0, 0), 1);
    names = X509_get_ext_d2i(issued.certificate, NID_subject_alt_name, NULL, NULL);
    assert_int_equal(sk_GENERAL_NAME_num(names), 6);
    GENERAL_NAMES_free(names);
    pki_certificate_reset(&issued);
}

static void assert_refused(const struct pki_request *request, const char *words)
{
    struct pki_certificate issued = {NULL, NULL};
    struct error error = {0};

    assert_false(pki_issue(request, NULL, &issued, &error));
    assert_null(issued.certificate);
    assert_null(issued.key);
    assert_non_null(strstr(error.text, words));
}

TEST(refuses_names_and_dates_that_no_certificate_can_hold)
{
    static const char *const bad_dns[] = {"local host", "a\nb", "", "b\xc3\xbc", NULL};
    struct pki_request request = {
        .role = PKI_CLIENT, .common_name = "alice", .not_before = now, .not_after = now + day};

    for (size_t i = 0; bad_dns[i] != NULL; i++) {
        const char *const names[] = {bad_dns[i], NULL};

        request.dns_names = names;
        assert_refused(&request, "cannot be a name");
    }
    request.dns_names = NULL;
    request.ip_addresses = (const char *const[]){"300.0.0.1", NULL};
    assert_refused(&request, "300.0.0.1");
    request.ip_addresses = NULL;
    request.not_after = now - 1;
    assert_refused(&request, "end before it begins");
    request.not_after = now + day;
    request.common_name = "0123456789012345678901234567890123456789012345678901234567890123456789";
    assert_refused(&request, "subject");
}

/* ---- files ---- */

static char directory[64];

static char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static unsigned mode_of(const char *name)
{
    struct stat status;

    assert_int_equal(stat(path_of(name), &status), 0);
    return status.st_mode & 0777U;
}

TEST(writes_the_chain_in_order_readable_by_all_and_the_key_by_its_owner)
{
    struct small_pki pki;
    const struct pki_certificate *const others[] = {&pki.intermediate};
    struct error error = {0};
    FILE *file = NULL;
    X509 *read = NULL;
    EVP_PKEY *key = NULL;

    issue_chain(&pki, PKI_CLIENT, PKI_KEY_EC_P256);
    assert_true(pki_write_chain(path_of("leaf.pem"), &pki.leaf, others, 1, &error));
    assert_true(pki_write_key(path_of("leaf.key"), &pki.leaf, &error));
    assert_int_equal(mode_of("leaf.pem"), 0644);
    assert_int_equal(mode_of("leaf.key"), 0600);

    file = fopen(path_of("leaf.pem"), "r");
    read = PEM_read_X509(file, NULL, NULL, NULL);
    assert_int_equal(X509_cmp(read, pki.leaf.certificate), 0);
    X509_free(read);
    read = PEM_read_X509(file, NULL, NULL, NULL);
    assert_int_equal(X509_cmp(read, pki.intermediate.certificate), 0);
    X509_free(read);
    assert_null(PEM_read_X509(file, NULL, NULL, NULL));
    fclose(file);

    file = fopen(path_of("leaf.key"), "r");
    key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    assert_int_equal(X509_check_private_key(pki.leaf.certificate, key), 1);
    EVP_PKEY_free(key);
    fclose(file);

    /* What is there is never overwritten. */
    assert_false(pki_write_chain(path_of("leaf.pem"), &pki.leaf, others, 1, &error));
    assert_false(pki_write_key(path_of("leaf.key"), &pki.leaf, &error));
    unlink(path_of("leaf.pem"));
    unlink(path_of("leaf.key"));
    reset_chain(&pki);
}

TEST(writes_a_bundle_that_its_password_opens)
{
    struct small_pki pki;
    const struct pki_certificate *const others[] = {&pki.intermediate};
    struct error error = {0};
    FILE *file = NULL;
    PKCS12 *bundle = NULL;
    EVP_PKEY *key = NULL;
    X509 *certificate = NULL;
    STACK_OF(X509) *issuers = NULL;

    issue_chain(&pki, PKI_CLIENT, PKI_KEY_EC_P256);
    assert_true(pki_write_pkcs12(path_of("leaf.p12"), &pki.leaf, others, 1, "secret", &error));
    assert_int_equal(mode_of("leaf.p12"), 0600);
    file = fopen(path_of("leaf.p12"), "r");
    bundle = d2i_PKCS12_fp(file, NULL);
    fclose(file);
    assert_int_equal(PKCS12_parse(bundle, "wrong", &key, &certificate, &issuers), 0);
    assert_int_equal(PKCS12_parse(bundle, "secret", &key, &certificate, &issuers), 1);
    assert_int_equal(X509_cmp(certificate, pki.leaf.certificate), 0);
    assert_int_equal(EVP_PKEY_eq(key, pki.leaf.key), 1);
    assert_int_equal(sk_X509_num(issuers), 1);
    sk_X509_pop_free(issuers, X509_free);
    X509_free(certificate);
    EVP_PKEY_free(key);
    PKCS12_free(bundle);
    unlink(path_of("leaf.p12"));
    reset_chain(&pki);
}

int main(void)
{
    const char *parent = getenv("TMPDIR");
    int failed = 0;

    snprintf(directory, sizeof directory, "%.40s/pki-test-XXXXXX",
             parent == NULL ? "/tmp" : parent);
    if (mkdtemp(directory) == NULL)
        return 1;
    failed = RUN_TESTS(
        cmocka_unit_test(issues_chains_that_strict_validation_accepts),
        cmocka_unit_test(begins_and_ends_when_the_caller_says),
        cmocka_unit_test(a_leaf_cannot_issue),
        cmocka_unit_test(marks_constraints_and_usages_critical_and_bounds_the_intermediate),
        cmocka_unit_test(links_issuer_and_subject_by_key_identifiers),
        cmocka_unit_test(gives_positive_serials_of_twenty_octets_that_differ),
        cmocka_unit_test(names_every_kind_of_alternative_name),
        cmocka_unit_test(refuses_names_and_dates_that_no_certificate_can_hold),
        cmocka_unit_test(writes_the_chain_in_order_readable_by_all_and_the_key_by_its_owner),
        cmocka_unit_test(writes_a_bundle_that_its_password_opens));
    rmdir(directory);
    return failed;
}
