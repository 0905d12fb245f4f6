/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys from files, and what they sign: RFC 9421, appendices B.1.3, B.1.5, B.2.4 and B.2.5.
 */
#include "support/test.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/signature/http_signature.h"
#include "protocol/signature/signing_key.h"
#include "runtime/encoding.h"

static const char shared_secret[] = "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJP"
                                    "BtbmHhIDi6pcl8jsasjlTMtDQ==\n";
static const char private_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIFKbhfNZfpDsW43+0+JjUr9K+bTeuxopu653+hBaXGA7oAoGCCqGSM49\n"
    "AwEHoUQDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lfw0EkjqF7xB4FivAxzic30tMM\n"
    "4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==\n"
    "-----END EC PRIVATE KEY-----\n";

static struct signing_key *read_key(const char *content, enum signing_algorithm algorithm,
                                    struct error *error)
{
    char path[] = "/tmp/sallyport-test-XXXXXX";
    int fd = mkstemp(path);
    struct signing_key *key;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    close(fd);
    error_reset(error);
    key = signing_key_read(path, algorithm, error);
    unlink(path);
    return key;
}

static struct slice base_of_response(char *memory, size_t size)
{
    static const struct http_signature_component components[] = {
        {SLICE_STATIC("@status"), SLICE_STATIC("200")},
        {SLICE_STATIC("content-type"), SLICE_STATIC("application/json")},
        {SLICE_STATIC("content-digest"),
         SLICE_STATIC("sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXym"
                      "yU0rjJuahq4l5aGgfLQ==:")},
        {SLICE_STATIC("content-length"), SLICE_STATIC("23")},
    };
    static const struct http_signature_parameters parameters = {
        .created = 1618884473, .keyid = SLICE_STATIC("test-key-ecc-p256")};
    struct buffer to;

    buffer_init(&to, memory, size);
    assert_true(http_signature_write_base(components, 4, &parameters, &to));
    return buffer_readable(&to);
}

static bool verifies(struct slice text, const unsigned char *signature)
{
    BIO *reader = BIO_new_mem_buf(private_key, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(reader, NULL, NULL, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    unsigned char *der = NULL;
    int size;
    bool is_good;

    assert_int_equal(ECDSA_SIG_set0(numbers, BN_bin2bn(signature, 32, NULL),
                                    BN_bin2bn(signature + 32, 32, NULL)),
                     1);
    size = i2d_ECDSA_SIG(numbers, &der);
    is_good = EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(context, der, (size_t)size, (const unsigned char *)text.data,
                               text.size) == 1;
    OPENSSL_free(der);
    ECDSA_SIG_free(numbers);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(reader);
    return is_good;
}

TEST(hmac_signs_as_the_rfc_does)
{
    static const char text[] =
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n"
        "\"@authority\": example.com\n"
        "\"content-type\": application/json\n"
        "\"@signature-params\": (\"date\" \"@authority\" \"content-type\");created=1618884473"
        ";keyid=\"test-shared-secret\"";
    unsigned char signature[SIGNATURE_BYTES_MAX];
    char memory[64];
    struct buffer to;
    struct error error;
    struct signing_key *key = read_key(shared_secret, SIGNING_HMAC_SHA256, &error);

    assert_non_null(key);
    assert_int_equal(signing_key_algorithm(key), SIGNING_HMAC_SHA256);
    assert_int_equal(signing_key_sign(key, slice_from_text(text), signature), 32);
    buffer_init(&to, memory, sizeof(memory));
    assert_true(encode_base64(&to, slice_from(signature, 32)));
    assert_true(
        slice_equals(buffer_readable(&to), SLICE("pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=")));
    signing_key_destroy(key);
}

TEST(the_base_is_that_which_the_rfc_has_signed_with_ecdsa)
{
    unsigned char signature[SIGNATURE_BYTES_MAX + 8];
    char memory[1024];
    struct buffer to;

    buffer_init(&to, (char *)signature, sizeof(signature));
    assert_true(decode_base64(&to, SLICE("wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgy"
                                         "ahnzDnDAUy5eCdlYUEkLIj+32oiasw==")));
    assert_int_equal(to.written, 64);
    assert_true(verifies(base_of_response(memory, sizeof(memory)), signature));
    signature[63] ^= 1;
    assert_false(verifies(base_of_response(memory, sizeof(memory)), signature));
}

/* Numbers with zeros in front have 32 octets all the same: of 600 some have. */
TEST(ecdsa_signs_with_two_numbers_of_one_size)
{
    unsigned char signature[SIGNATURE_BYTES_MAX];
    struct error error;
    struct signing_key *key = read_key(private_key, SIGNING_ECDSA_P256_SHA256, &error);
    size_t with_zero = 0;

    assert_non_null(key);
    for (unsigned i = 0; i < 600; i++) {
        char text[16];

        (void)snprintf(text, sizeof(text), "%u", i);
        assert_int_equal(signing_key_sign(key, slice_from_text(text), signature), 64);
        if (signature[0] == 0 || signature[32] == 0) {
            assert_true(verifies(slice_from_text(text), signature));
            with_zero++;
        }
    }
    assert_true(with_zero > 0);
    signing_key_destroy(key);
}

TEST(a_key_is_of_its_algorithm_or_none)
{
    static const struct {
        const char *content;
        enum signing_algorithm algorithm;
        const char *says;
    } cases[] = {
        {private_key, SIGNING_HMAC_SHA256, "not one line of base64"},
        {shared_secret, SIGNING_ECDSA_P256_SHA256, "no private key"},
        {shared_secret, SIGNING_NONE, "no algorithm"},
        {"c2hvcnQ=\n", SIGNING_HMAC_SHA256, "5 octets; 32 are the fewest"},
        {"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
         SIGNING_ECDSA_P256_SHA256, "no private key"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error;

        assert_null(read_key(cases[i].content, cases[i].algorithm, &error));
        assert_non_null(strstr(error.text, cases[i].says));
        assert_non_null(strstr(error.text, "/tmp/sallyport-test-"));
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(hmac_signs_as_the_rfc_does),
                     cmocka_unit_test(the_base_is_that_which_the_rfc_has_signed_with_ecdsa),
                     cmocka_unit_test(ecdsa_signs_with_two_numbers_of_one_size),
                     cmocka_unit_test(a_key_is_of_its_algorithm_or_none));
}
