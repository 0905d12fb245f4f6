/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates and keys in every form that they come in: directories, encrypted keys, PFX files of
 * today and of long ago; and what is said when they cannot be used.
 */
#include "support/test.h"

#include <openssl/pkcs12.h>
#include <openssl/provider.h>

#include "protocol/tls/tls_server_certificate_internal.h"
#include "support/tls_fixture.h"

/* ---- files ---- */

static const char *const all_files[] = {
    "tls.crt",      "tls.key", "fullchain.pem", "privkey.pem", "svid.pem",
    "svid_key.pem", "a.pfx",   "a.pem",         "a.key",       NULL};

static void remove_files(void)
{
    char path[TLS_FIXTURE_PATH_SIZE];

    for (const char *const *name = all_files; *name != NULL; name++)
        unlink(tls_fixture_path(*name, path));
    rmdir(tls_fixture_pki()->folder);
}

static const char *path_of(const char *name)
{
    static char paths[4][TLS_FIXTURE_PATH_SIZE];
    static size_t next;

    next = (next + 1) % 4;
    return tls_fixture_path(name, paths[next]);
}

static void expect_loaded(const struct tls_certificate_settings *settings,
                          const struct tls_fixture_identity *expected, int intermediates)
{
    struct tls_server_certificate certificate;
    struct error error = {0};

    if (!tls_server_certificate_load(settings, &certificate, &error))
        fail_msg("%s", error.text);
    assert_int_equal(X509_cmp(certificate.leaf, expected->certificate), 0);
    assert_int_equal(EVP_PKEY_eq(certificate.key, expected->key), 1);
    assert_int_equal(sk_X509_num(certificate.intermediates), intermediates);
    tls_server_certificate_reset(&certificate);
}

static void expect_refused(const struct tls_certificate_settings *settings, const char *words)
{
    struct tls_server_certificate certificate;
    struct error error = {0};

    assert_false(tls_server_certificate_load(settings, &certificate, &error));
    assert_null(certificate.leaf);
    assert_null(certificate.key);
    if (strstr(error.text, words) == NULL)
        fail_msg("'%s' is not about '%s'", error.text, words);
}

/* ---- directories ---- */

TEST(a_directory_holds_what_its_tool_puts_there)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    const struct tls_certificate_settings settings = {.directory = pki->folder};

    for (size_t i = 0; i < 6; i += 2) {
        tls_fixture_write_pem(all_files[i], pki->client.certificate, pki->intermediate.certificate,
                              NULL);
        tls_fixture_write_pem(all_files[i + 1], NULL, NULL, pki->client.key);
        expect_loaded(&settings, &pki->client, 1);
        assert_string_equal(tls_certificate_directory_file(i), all_files[i]);
        remove_files();
    }
    assert_null(tls_certificate_directory_file(6));
    assert_string_equal(tls_certificate_settings_path(&settings), pki->folder);
}

TEST(a_directory_is_refused_when_it_holds_nothing_or_half_or_two_layouts)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    const struct tls_certificate_settings settings = {.directory = pki->folder};
    const struct tls_certificate_settings nowhere = {.directory = "/nonexistent"};

    expect_refused(&nowhere, "directory '/nonexistent' holds none of tls.crt and tls.key");
    tls_fixture_write_pem("a.pem", pki->client.certificate, NULL, NULL);
    expect_refused(&settings, "holds none of tls.crt and tls.key");
    tls_fixture_write_pem("tls.crt", pki->client.certificate, NULL, NULL);
    expect_refused(&settings, "tls.key' cannot be opened: No such file");
    tls_fixture_write_pem("tls.key", NULL, NULL, pki->server_ec.key);
    expect_refused(&settings, "does not match the certificate in");
    tls_fixture_write_pem("privkey.pem", NULL, NULL, pki->client.key);
    expect_refused(&settings,
                   "holds 'tls.crt' and 'fullchain.pem'; write 'chain' and 'key' instead");
    remove_files();
}

/* ---- encrypted keys ---- */

static void write_encrypted_key(bool is_traditional)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    BIO *memory = BIO_new(BIO_s_mem());
    const unsigned char password[] = "secret";
    char *text = NULL;
    long size = 0;

    tls_fixture_write_pem("a.pem", pki->server_ec.certificate, NULL, NULL);
    if (is_traditional)
        PEM_write_bio_PrivateKey_traditional(memory, pki->server_ec.key, EVP_aes_128_cbc(),
                                             password, 6, NULL, NULL);
    else
        PEM_write_bio_PrivateKey(memory, pki->server_ec.key, EVP_aes_256_cbc(), password, 6, NULL,
                                 NULL);
    size = BIO_get_mem_data(memory, &text);
    tls_fixture_write_bytes("a.key", text, (size_t)size);
    BIO_free(memory);
}

TEST(an_encrypted_key_is_decrypted_with_its_password_and_no_other)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    struct tls_certificate_settings settings = {.chain = path_of("a.pem"), .key = path_of("a.key")};

    for (int form = 0; form < 2; form++) {
        write_encrypted_key(form == 1);
        settings.key_password = "secret";
        expect_loaded(&settings, &pki->server_ec, 0);
        settings.key_password = "Secret";
        expect_refused(&settings, "cannot be decrypted with this 'key_password'");
        settings.key_password = "";
        expect_refused(&settings, "cannot be decrypted with this 'key_password'");
        settings.key_password = NULL;
        expect_refused(&settings, "is encrypted: 'key_password' is needed");
    }
    remove_files();
}

/* Somebody believes it to be encrypted. */
TEST(a_password_for_a_key_that_is_not_encrypted_is_refused)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    const struct tls_certificate_settings settings = {
        .chain = path_of("a.pem"), .key = path_of("a.key"), .key_password = "secret"};

    tls_fixture_write_pem("a.pem", pki->server_ec.certificate, NULL, NULL);
    tls_fixture_write_pem("a.key", NULL, NULL, pki->server_ec.key);
    expect_refused(&settings, "is not encrypted, and there is a 'key_password'");
    remove_files();
}

/* ---- PFX ---- */

/* `algorithm` 0: today's. The others are in the order in which they are given. */
static void write_pfx(const char *password, int algorithm, const struct tls_fixture_identity *whose,
                      X509 *first, X509 *second)
{
    OSSL_LIB_CTX *library = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *standard = OSSL_PROVIDER_load(library, "default");
    OSSL_PROVIDER *legacy = OSSL_PROVIDER_load(library, "legacy");
    STACK_OF(X509) *others = sk_X509_new_null();
    unsigned char *bytes = NULL;
    PKCS12 *pfx = NULL;
    int size;

    assert_non_null(standard);
    assert_non_null(legacy);
    if (first != NULL)
        sk_X509_push(others, first);
    if (second != NULL)
        sk_X509_push(others, second);
    pfx = PKCS12_create_ex(password, "server", whose->key, whose->certificate, others, algorithm,
                           algorithm, 0, 0, 0, library, NULL);
    assert_non_null(pfx);
    size = i2d_PKCS12(pfx, &bytes);
    assert_true(size > 0);
    tls_fixture_write_bytes("a.pfx", bytes, (size_t)size);
    OPENSSL_free(bytes);
    PKCS12_free(pfx);
    sk_X509_free(others);
    OSSL_PROVIDER_unload(legacy);
    OSSL_PROVIDER_unload(standard);
    OSSL_LIB_CTX_free(library);
}

TEST(a_pfx_of_any_age_is_read)
{
    static const int algorithms[] = {0, NID_pbe_WithSHA1And40BitRC2_CBC,
                                     NID_pbe_WithSHA1And3_Key_TripleDES_CBC};
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    const struct tls_certificate_settings settings = {.pfx = path_of("a.pfx"),
                                                      .password = "secret"};

    for (size_t i = 0; i < sizeof(algorithms) / sizeof(*algorithms); i++) {
        write_pfx("secret", algorithms[i], &pki->client, pki->intermediate.certificate, NULL);
        expect_loaded(&settings, &pki->client, 1);
    }
    write_pfx("secret", 0, &pki->server_rsa, NULL, NULL);
    expect_loaded(&settings, &pki->server_rsa, 0);
    assert_string_equal(tls_certificate_settings_path(&settings), settings.pfx);
    remove_files();
}

/* The provider is there for the one file: whoever asks afterwards gets no RC2. */
TEST(nothing_else_sees_the_legacy_provider)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    const struct tls_certificate_settings settings = {.pfx = path_of("a.pfx"),
                                                      .password = "secret"};
    EVP_CIPHER *cipher;

    write_pfx("secret", NID_pbe_WithSHA1And40BitRC2_CBC, &pki->client, NULL, NULL);
    expect_loaded(&settings, &pki->client, 0);
    ERR_set_mark();
    cipher = EVP_CIPHER_fetch(NULL, "RC2-40-CBC", NULL);
    ERR_pop_to_mark();
    assert_null(cipher);
    assert_int_equal(OSSL_PROVIDER_available(NULL, "legacy"), 0);
    assert_int_equal(ERR_peek_error(), 0);
    remove_files();
}

/* Tools put them there as they come. */
TEST(the_path_in_a_pfx_is_put_in_order_and_ends_before_the_root)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    const struct tls_certificate_settings settings = {.pfx = path_of("a.pfx"),
                                                      .password = "secret"};

    write_pfx("secret", 0, &pki->client, pki->root.certificate, pki->intermediate.certificate);
    expect_loaded(&settings, &pki->client, 1);
    write_pfx("secret", 0, &pki->client, pki->server_rsa.certificate, NULL);
    expect_loaded(&settings, &pki->client, 0);
    remove_files();
}

TEST(a_pfx_may_have_no_password_and_an_empty_one)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    const struct tls_certificate_settings settings = {.pfx = path_of("a.pfx")};

    write_pfx("", 0, &pki->client, NULL, NULL);
    expect_loaded(&settings, &pki->client, 0);
    remove_files();
}

TEST(says_what_is_wrong_with_a_pfx)
{
    const struct tls_fixture_pki *pki = tls_fixture_pki();
    struct tls_certificate_settings settings = {.pfx = path_of("a.pfx"), .password = "secret"};
    char *path = strdup(settings.pfx);
    struct stat status;

    settings.pfx = path;
    expect_refused(&settings, "PFX file: ");
    tls_fixture_write_text("a.pfx", "");
    expect_refused(&settings, "is empty");
    tls_fixture_write_text("a.pfx", "hello");
    expect_refused(&settings, "is not a PFX (PKCS #12), or is cut off");
    write_pfx("secret", 0, &pki->client, NULL, NULL);
    settings.password = "Secret";
    expect_refused(&settings, "this 'password' is not that of the PFX");
    settings.password = NULL;
    expect_refused(&settings, "has a password: 'password' is needed");
    settings.password = "secret";
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 40), 0);
    expect_refused(&settings, "is not a PFX (PKCS #12), or is cut off");
    write_pfx("secret", NID_pbe_WithSHA1And40BitRC2_CBC, &pki->client, NULL, NULL);
    settings.password = "Secret";
    expect_refused(&settings, "this 'password' is not that of the PFX");
    tls_fixture_write_pem("a.pfx", pki->client.certificate, NULL, pki->client.key);
    expect_refused(&settings, "is not a PFX (PKCS #12), or is cut off");
    free(path);
    remove_files();
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(a_directory_holds_what_its_tool_puts_there),
        cmocka_unit_test(a_directory_is_refused_when_it_holds_nothing_or_half_or_two_layouts),
        cmocka_unit_test(an_encrypted_key_is_decrypted_with_its_password_and_no_other),
        cmocka_unit_test(a_password_for_a_key_that_is_not_encrypted_is_refused),
        cmocka_unit_test(a_pfx_of_any_age_is_read),
        cmocka_unit_test(nothing_else_sees_the_legacy_provider),
        cmocka_unit_test(the_path_in_a_pfx_is_put_in_order_and_ends_before_the_root),
        cmocka_unit_test(a_pfx_may_have_no_password_and_an_empty_one),
        cmocka_unit_test(says_what_is_wrong_with_a_pfx));
}
