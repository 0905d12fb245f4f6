/* SPDX-License-Identifier: Apache-2.0
 *
 * What a profile refuses to be built from, and how it says so; what its digest is made of.
 */
#include "support/test.h"

#include "support/tls_fixture.h"

static const struct tls_client_certificate ask_nobody = {0};
static const unsigned char context[TLS_SESSION_CONTEXT_BYTES] = {0};

/* The error of a profile with the files bad.pem and bad.key, "" when there is none. */
static const char *error_of_files(void)
{
    static struct error error;
    char paths[2][TLS_FIXTURE_PATH_SIZE];
    struct tls_certificate_settings certificate = {
        .chain = tls_fixture_path("bad.pem", paths[0]),
        .key = tls_fixture_path("bad.key", paths[1]),
        .position = {"site.yaml", 7, 12},
    };
    const struct tls_profile_settings settings = {
        .certificates = &certificate, .certificate_count = 1, .position = {"site.yaml", 5, 3}};
    struct tls_profile *profile = NULL;

    error_reset(&error);
    profile = tls_profile_create(&settings, &ask_nobody, context, NULL, &error);
    assert_true((profile == NULL) == (error.text[0] != '\0'));
    tls_profile_release(profile);
    tls_fixture_remove_files();
    return error.text;
}

static void assert_refused(const char *words)
{
    const char *text = error_of_files();

    if (strncmp(text, "site.yaml:7:12: ", 16) != 0 || strstr(text, words) == NULL)
        fail_msg("'%s' is not about '%s'", text, words);
}

static void write_good_files(void)
{
    const struct tls_fixture_identity *server = &tls_fixture_pki()->server_ec;

    tls_fixture_write_pem("bad.pem", server->certificate, NULL, NULL);
    tls_fixture_write_pem("bad.key", NULL, NULL, server->key);
}

static void remove_file(const char *name)
{
    char path[TLS_FIXTURE_PATH_SIZE];

    assert_int_equal(unlink(tls_fixture_path(name, path)), 0);
}

TEST(says_what_is_wrong_with_a_certificate_file)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();
    char path[TLS_FIXTURE_PATH_SIZE];

    write_good_files();
    assert_string_equal(error_of_files(), "");

    write_good_files();
    remove_file("bad.pem");
    assert_refused("cannot be opened: No such file");

    write_good_files();
    tls_fixture_write_text("bad.pem", "");
    assert_refused("is empty");

    write_good_files();
    remove_file("bad.pem");
    assert_int_equal(mkdir(tls_fixture_path("bad.pem", path), 0700), 0);
    assert_refused("is not a regular file");
    rmdir(path);

    write_good_files();
    tls_fixture_write_text("bad.pem", "hello\n");
    assert_refused("there is no certificate in");

    write_good_files();
    tls_fixture_write_pem("bad.pem", NULL, NULL, pki->server_ec.key);
    assert_refused("there is no certificate in");

    write_good_files();
    tls_fixture_write_text("bad.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    assert_refused("the PEM in");

    write_good_files();
    tls_fixture_write_text("bad.pem",
                           "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    assert_refused("certificate 1 in");

    write_good_files();
    tls_fixture_write_pem("bad.pem", pki->root.certificate, pki->server_ec.certificate, NULL);
    assert_refused("must come first");
}

TEST(refuses_a_chain_that_was_cut_off)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();
    char path[TLS_FIXTURE_PATH_SIZE];
    struct stat status;

    write_good_files();
    tls_fixture_write_pem("bad.pem", pki->server_ec.certificate, pki->root.certificate, NULL);
    assert_int_equal(stat(tls_fixture_path("bad.pem", path), &status), 0);
    assert_int_equal(truncate(path, status.st_size - 40), 0);
    assert_refused("malformed");
}

TEST(says_what_is_wrong_with_a_key_file)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();

    write_good_files();
    remove_file("bad.key");
    assert_refused("cannot be opened: No such file");

    write_good_files();
    tls_fixture_write_text("bad.key", "");
    assert_refused("is empty");

    write_good_files();
    tls_fixture_write_pem("bad.key", pki->server_ec.certificate, NULL, NULL);
    assert_refused("there is no private key in");

    write_good_files();
    tls_fixture_write_text("bad.key",
                           "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n");
    assert_refused("the private key in");

    write_good_files();
    tls_fixture_write_text("bad.key", "-----BEGIN PRIVATE KEY-----\nMIIB");
    assert_refused("the PEM in");

    write_good_files();
    tls_fixture_write_pem("bad.key", NULL, NULL, pki->root.key);
    assert_refused("does not match the certificate in");
}

TEST(refuses_encrypted_keys_without_a_password)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();

    for (int form = 0; form < 2; form++) {
        BIO *memory = BIO_new(BIO_s_mem());
        unsigned char password[] = "secret";
        char *text = NULL;
        long size = 0;

        write_good_files();
        if (form == 0)
            PEM_write_bio_PrivateKey(memory, pki->server_ec.key, EVP_aes_128_cbc(), password, 6,
                                     NULL, NULL);
        else
            PEM_write_bio_PrivateKey_traditional(memory, pki->server_ec.key, EVP_aes_128_cbc(),
                                                 password, 6, NULL, NULL);
        size = BIO_get_mem_data(memory, &text);
        tls_fixture_write_bytes("bad.key", text, (size_t)size);
        BIO_free(memory);
        assert_refused("is encrypted: 'key_password' is needed");
    }
}

TEST(refuses_two_certificates_of_one_type_of_key)
{
    char paths[2][TLS_FIXTURE_PATH_SIZE];
    struct tls_certificate_settings certificates[2] = {
        {.chain = tls_fixture_path("bad.pem", paths[0]),
         .key = tls_fixture_path("bad.key", paths[1]),
         .position = {"site.yaml", 7, 12}},
        {.chain = paths[0], .key = paths[1], .position = {"site.yaml", 8, 12}},
    };
    const struct tls_profile_settings settings = {.certificates = certificates,
                                                  .certificate_count = 2};
    struct error error = {0};

    write_good_files();
    assert_null(tls_profile_create(&settings, &ask_nobody, context, NULL, &error));
    assert_non_null(strstr(error.text, "site.yaml:8:12: "));
    assert_non_null(strstr(error.text, "the same type of key"));
    tls_fixture_remove_files();
}

TEST(refuses_a_key_that_is_too_small)
{
    struct tls_fixture_identity small = {EVP_RSA_gen(1024), NULL};

    small.certificate = tls_fixture_issue("small", small.key, &tls_fixture_pki()->root, 30);
    tls_fixture_write_pem("bad.pem", small.certificate, NULL, NULL);
    tls_fixture_write_pem("bad.key", NULL, NULL, small.key);
    assert_refused("key too small");
    X509_free(small.certificate);
    EVP_PKEY_free(small.key);
}

/* The settings with good certificates; the error or "". */
static const char *error_of_settings(struct tls_profile_settings settings)
{
    static struct error error;
    char paths[2][TLS_FIXTURE_PATH_SIZE];
    struct tls_certificate_settings certificate = {
        .chain = tls_fixture_path("bad.pem", paths[0]),
        .key = tls_fixture_path("bad.key", paths[1]),
    };
    struct tls_profile *profile = NULL;

    write_good_files();
    settings.certificates = &certificate;
    settings.certificate_count = 1;
    settings.position = (struct position){"site.yaml", 5, 3};
    error_reset(&error);
    profile = tls_profile_create(&settings, &ask_nobody, context, NULL, &error);
    assert_true((profile == NULL) == (strncmp(error.text, "site.yaml:5:3: ", 15) == 0));
    tls_profile_release(profile);
    tls_fixture_remove_files();
    return error.text;
}

TEST(refuses_settings_that_no_handshake_could_satisfy)
{
    static const char *const empty_name[] = {"", NULL};
    static const char *const good[] = {"h2", "http/1.1", NULL};

    assert_string_equal(error_of_settings((struct tls_profile_settings){.alpn = good}), "");
    assert_non_null(strstr(error_of_settings((struct tls_profile_settings){.ciphers = "NONSENSE"}),
                           "'NONSENSE'"));
    assert_non_null(strstr(
        error_of_settings((struct tls_profile_settings){.cipher_suites = "NONSENSE"}), "NONSENSE"));
    assert_non_null(
        strstr(error_of_settings((struct tls_profile_settings){.groups = "P-256:X"}), "'P-256:X'"));
    assert_non_null(strstr(error_of_settings((struct tls_profile_settings){.alpn = empty_name}),
                           "ALPN protocol"));
    assert_non_null(strstr(error_of_settings((struct tls_profile_settings){
                               .min_version = TLS_VERSION_1_3, .max_version = TLS_VERSION_1_2}),
                           "below the lowest"));
    assert_non_null(strstr(error_of_settings((struct tls_profile_settings){
                               .min_version = TLS_VERSION_1_3, .cipher_suites = ""}),
                           "no cipher suite"));
}

TEST(needs_a_certificate)
{
    const struct tls_profile_settings settings = {.position = {"site.yaml", 5, 3}};
    struct error error = {0};

    assert_null(tls_profile_create(&settings, &ask_nobody, context, NULL, &error));
    assert_string_equal(error.text, "site.yaml:5:3: there is no server certificate");
}

TEST(warns_of_a_certificate_that_has_expired_and_of_a_key_that_all_may_read)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();
    char paths[2][TLS_FIXTURE_PATH_SIZE];
    struct tls_certificate_settings certificate = {
        .chain = tls_fixture_path("bad.pem", paths[0]),
        .key = tls_fixture_path("bad.key", paths[1]),
    };
    const struct tls_profile_settings settings = {.certificates = &certificate,
                                                  .certificate_count = 1};
    struct tls_profile *profile = NULL;
    X509 *expired = tls_fixture_issue("old", pki->server_ec.key, &pki->root, -1);

    write_good_files();
    profile = tls_profile_create(&settings, &ask_nobody, context, NULL, NULL);
    assert_null(tls_profile_warning(profile));
    tls_profile_release(profile);

    assert_int_equal(chmod(paths[1], 0640), 0);
    profile = tls_profile_create(&settings, &ask_nobody, context, NULL, NULL);
    assert_non_null(strstr(tls_profile_warning(profile), "can be read by everybody of its group"));
    tls_profile_release(profile);

    assert_int_equal(chmod(paths[1], 0604), 0);
    profile = tls_profile_create(&settings, &ask_nobody, context, NULL, NULL);
    assert_non_null(strstr(tls_profile_warning(profile), "can be read by everybody"));
    tls_profile_release(profile);

    tls_fixture_write_pem("bad.pem", expired, NULL, NULL);
    profile = tls_profile_create(&settings, &ask_nobody, context, NULL, NULL);
    assert_non_null(strstr(tls_profile_warning(profile), "has expired"));
    tls_profile_release(profile);
    X509_free(expired);
    tls_fixture_remove_files();
}

TEST(digests_everything_that_matters_to_a_connection)
{
    static const char *const h2[] = {"h2", NULL};
    const struct tls_fixture_profile rows[] = {
        {.alpn = NULL},
        {.min_version = TLS_VERSION_1_3},
        {.max_version = TLS_VERSION_1_2},
        {.groups = "P-256"},
        {.alpn = h2},
        {.rsa_only = true},
        {.rsa_too = true},
    };
    enum { COUNT = sizeof rows / sizeof rows[0] };
    struct tls_profile *profiles[COUNT];
    struct tls_profile *again = tls_fixture_profile(&rows[0], NULL);

    for (size_t i = 0; i < COUNT; i++)
        profiles[i] = tls_fixture_profile(&rows[i], NULL);
    assert_true(
        slice_equals(tls_profile_settings_digest(profiles[0]), tls_profile_settings_digest(again)));
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i; j++)
            assert_false(slice_equals(tls_profile_settings_digest(profiles[i]),
                                      tls_profile_settings_digest(profiles[j])));
    for (size_t i = 0; i < COUNT; i++)
        tls_profile_release(profiles[i]);
    tls_profile_release(again);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(says_what_is_wrong_with_a_certificate_file),
        cmocka_unit_test(refuses_a_chain_that_was_cut_off),
        cmocka_unit_test(says_what_is_wrong_with_a_key_file),
        cmocka_unit_test(refuses_encrypted_keys_without_a_password),
        cmocka_unit_test(refuses_two_certificates_of_one_type_of_key),
        cmocka_unit_test(refuses_a_key_that_is_too_small),
        cmocka_unit_test(refuses_settings_that_no_handshake_could_satisfy),
        cmocka_unit_test(needs_a_certificate),
        cmocka_unit_test(warns_of_a_certificate_that_has_expired_and_of_a_key_that_all_may_read),
        cmocka_unit_test(digests_everything_that_matters_to_a_connection));
}
