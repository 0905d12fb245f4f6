/* SPDX-License-Identifier: Apache-2.0
 *
 * What one certificate says and must be: descriptions that are safe to show whatever is in the
 * certificate, limits, and PEM and DER in both directions.
 */
#include "protocol/x509/certificate.h"

#include <openssl/err.h>

#include "support/certificate_fixture.h"
#include "support/test.h"

static char arena_memory[1024 * 1024];

/* The description lives until the next one. */
static bool describe(const X509 *certificate, struct certificate_description *description)
{
    struct arena arena;
    bool described = false;

    arena_init(&arena, arena_memory, sizeof arena_memory);
    described = certificate_describe(certificate, &arena, description);
    assert_int_equal(ERR_peek_error(), 0);
    return described;
}

static void assert_slice(struct slice found, const char *text)
{
    if (!slice_equals(found, slice_from_text(text)))
        fail_msg("'%.*s' is not '%s'", SLICE_FORMAT(found), text);
}

static struct certificate_description describe_spec(const struct fixture_spec *spec)
{
    struct fixture made = fixture_make(spec, NULL);
    struct certificate_description description = {.name_count = 99};

    assert_true(describe(made.certificate, &description));
    fixture_free(&made);
    return description;
}

TEST(a_description_says_what_the_certificate_says)
{
    struct fixture root = fixture_root("Root");
    struct fixture leaf =
        fixture_make(&(struct fixture_spec){.common_name = "alice",
                                            .organization = "Example",
                                            .serial = "0A1B",
                                            .subject_alt_name =
                                                "DNS:a.example,URI:spiffe://example/a,"
                                                "email:a@example.org,IP:192.0.2.1,IP:2001:db8::1,"
                                                "otherName:msUPN;UTF8:alice@corp.example"},
                     &root);
    struct certificate_description description = {.is_ca = true};

    assert_true(describe(leaf.certificate, &description));
    assert_slice(description.subject, "CN=alice,O=Example");
    assert_slice(description.common_name, "alice");
    assert_slice(description.issuer, "CN=Root");
    assert_slice(description.serial, "0A1B");
    assert_slice(description.key, "EC P-256");
    assert_slice(description.signature, "ecdsa-with-SHA256");
    assert_true(description.not_before == FIXTURE_NOW - FIXTURE_DAY);
    assert_true(description.not_after == FIXTURE_NOW + 365 * FIXTURE_DAY);
    assert_false(description.is_ca);
    assert_int_equal(description.sha256.size, 64);
    assert_int_equal(description.sha1.size, 40);

    assert_int_equal(description.name_count, 6);
    assert_int_equal(description.names[0].kind, CERTIFICATE_NAME_DNS);
    assert_slice(description.names[0].text, "a.example");
    assert_int_equal(description.names[1].kind, CERTIFICATE_NAME_URI);
    assert_slice(description.names[1].text, "spiffe://example/a");
    assert_int_equal(description.names[2].kind, CERTIFICATE_NAME_EMAIL);
    assert_slice(description.names[2].text, "a@example.org");
    assert_int_equal(description.names[3].kind, CERTIFICATE_NAME_IP);
    assert_slice(description.names[3].text, "192.0.2.1");
    assert_slice(description.names[4].text, "2001:db8::1");
    assert_int_equal(description.names[5].kind, CERTIFICATE_NAME_UPN);
    assert_slice(description.names[5].text, "alice@corp.example");

    assert_true(describe(root.certificate, &description));
    assert_true(description.is_ca);
    assert_int_equal(description.name_count, 0);
    fixture_free(&leaf);
    fixture_free(&root);
}

TEST(digests_are_over_the_der)
{
    struct fixture root = fixture_root("Root");
    struct fixture_bytes der = fixture_der(root.certificate);
    struct certificate_description description;
    unsigned char digest[32];
    char digits[65];

    assert_true(describe(root.certificate, &description));
    certificate_sha256(fixture_bytes_slice(der), digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(digits + 2 * i, 3, "%02x", digest[i]);
    assert_slice(description.sha256, digits);
    free(der.data);
    fixture_free(&root);
}

TEST(each_kind_of_key_has_its_name)
{
    static const struct {
        enum fixture_key_kind kind;
        const char *name;
    } CASES[] = {
        {FIXTURE_KEY_P256, "EC P-256"},    {FIXTURE_KEY_P384, "EC P-384"},
        {FIXTURE_KEY_P521, "EC P-521"},    {FIXTURE_KEY_SECP256K1, "EC secp256k1"},
        {FIXTURE_KEY_EXPLICIT, "EC"},      {FIXTURE_KEY_RSA2048, "RSA 2048"},
        {FIXTURE_KEY_RSA1024, "RSA 1024"}, {FIXTURE_KEY_ED25519, "Ed25519"},
        {FIXTURE_KEY_ED448, "Ed448"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_slice(
            describe_spec(&(struct fixture_spec){.common_name = "key", .key_kind = CASES[i].kind})
                .key,
            CASES[i].name);
}

TEST(serials_are_written_in_whole_octets_as_openssl_does)
{
    static const char *const CASES[][2] = {
        {"00", "00"},
        {"07", "07"},
        {"10", "10"},
        {"0100", "0100"},
        {"-05", "-05"},
        {"-80", "-80"},
        {"FFEEDDCCBBAA99887766554433221100FFEEDDCC", "FFEEDDCCBBAA99887766554433221100FFEEDDCC"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_slice(
            describe_spec(&(struct fixture_spec){.common_name = "n", .serial = CASES[i][0]}).serial,
            CASES[i][1]);
}

static struct certificate_description describe_name(int type, struct slice bytes)
{
    X509_NAME *name = X509_NAME_new();
    struct certificate_description description;

    fixture_name_add(name, "CN", type, bytes);
    description = describe_spec(&(struct fixture_spec){.name = name});
    X509_NAME_free(name);
    return description;
}

/* CVE-2009-2408 and its kind: a NUL, a line break or an escape sequence in a name, in every string
 * type that a name may have. */
TEST(control_characters_and_other_alphabets_in_names_are_escaped)
{
    const struct {
        int type;
        struct slice bytes;
        const char *subject;
    } CASES[] = {
        {V_ASN1_UTF8STRING, SLICE("ok\0.evil"), "CN=ok\\00.evil"},
        {V_ASN1_IA5STRING, SLICE("ok\0.evil"), "CN=ok\\00.evil"},
        {V_ASN1_T61STRING, SLICE("ok\0.evil"), "CN=ok\\00.evil"},
        {V_ASN1_BMPSTRING, SLICE("\0o\0k\0\0\0x"), "CN=ok\\00x"},
        {V_ASN1_UNIVERSALSTRING, SLICE("\0\0\0o\0\0\0\0"), "CN=o\\00"},
        {V_ASN1_UTF8STRING, SLICE("a\r\nX-Evil: 1"), "CN=a\\0D\\0AX-Evil: 1"},
        {V_ASN1_UTF8STRING, SLICE("\x1b[31mred\x7f"), "CN=\\1B[31mred\\7F"},
        {V_ASN1_UTF8STRING, SLICE("M\xc3\xbcller"), "CN=M\\C3\\BCller"},
        {V_ASN1_T61STRING, SLICE("M\xfcller"), "CN=M\\C3\\BCller"},
        {V_ASN1_BMPSTRING, SLICE("\x20\x2e"), "CN=\\E2\\80\\AE"},
        {V_ASN1_UTF8STRING, SLICE("a,O=Evil+OU=x;\"<>\\"), "CN=a\\,O=Evil\\+OU=x\\;\\\"\\<\\>\\\\"},
        {V_ASN1_UTF8STRING, SLICE(" a "), "CN=\\ a\\ "},
        {V_ASN1_UTF8STRING, SLICE("#05"), "CN=\\#05"},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct certificate_description description = describe_name(CASES[i].type, CASES[i].bytes);

        assert_slice(description.subject, CASES[i].subject);
        assert_slice(description.common_name, CASES[i].subject + 3);
    }
}

TEST(the_nearest_common_name_is_the_one_and_an_empty_subject_is_empty)
{
    X509_NAME *name = X509_NAME_new();
    struct certificate_description description;

    fixture_name_add(name, "CN", V_ASN1_UTF8STRING, SLICE("first"));
    fixture_name_add(name, "O", V_ASN1_UTF8STRING, SLICE("Example"));
    fixture_name_add(name, "CN", V_ASN1_UTF8STRING, SLICE("last"));
    description = describe_spec(&(struct fixture_spec){.name = name});
    assert_slice(description.subject, "CN=last,O=Example,CN=first");
    assert_slice(description.common_name, "last");
    X509_NAME_free(name);

    description = describe_spec(&(struct fixture_spec){.common_name = NULL});
    assert_slice(description.subject, "");
    assert_slice(description.common_name, "");
}

/* CVE-2023-2650: attribute types of any size. What cannot be written whole is not written. */
TEST(huge_attribute_types_are_not_described)
{
    struct slice sizes[] = {SLICE("1.3.6.1.4.1.55555.1.2.3"),
                            SLICE("1.3.6.1.4.1.55555.100000000.100000000.100000000.100000000."
                                  "100000000.100000000.100000000.100000000")};
    struct certificate_description description;

    for (size_t i = 0; i < 2; i++) {
        X509_NAME *name = X509_NAME_new();
        struct fixture made;

        fixture_name_add(name, sizes[i].data, V_ASN1_UTF8STRING, SLICE("x"));
        made = fixture_make(&(struct fixture_spec){.name = name}, NULL);
        assert_int_equal(describe(made.certificate, &description), i == 0);
        if (i == 0)
            assert_slice(description.subject, "1.3.6.1.4.1.55555.1.2.3=#0C0178");
        fixture_free(&made);
        X509_NAME_free(name);
    }
}

static struct certificate_description describe_alternative(enum fixture_name_kind kind,
                                                           struct slice bytes)
{
    struct fixture_name name = {kind, bytes};

    return describe_spec(
        &(struct fixture_spec){.common_name = "n", .names = &name, .name_count = 1});
}

/* CVE-2025-66220, CVE-2026-47778: a NUL ends a name for some and not for others. */
TEST(alternative_names_with_nul_or_control_characters_are_not_listed)
{
    static const enum fixture_name_kind KINDS[] = {FIXTURE_NAME_DNS, FIXTURE_NAME_URI,
                                                   FIXTURE_NAME_EMAIL, FIXTURE_NAME_UPN};
    const struct slice CASES[] = {SLICE("ok.example\0.evil"),
                                  SLICE("ok.example\0"),
                                  SLICE("\0ok.example"),
                                  SLICE("a\r\nb"),
                                  SLICE("a\tb"),
                                  SLICE("\x1b[0m"),
                                  SLICE("a\x7f"),
                                  SLICE("")};

    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
        for (size_t j = 0; j < sizeof CASES / sizeof CASES[0]; j++)
            assert_int_equal(describe_alternative(KINDS[i], CASES[j]).name_count, 0);
    assert_int_equal(describe_alternative(FIXTURE_NAME_DNS, SLICE("a b.example")).name_count, 0);
    assert_int_equal(describe_alternative(FIXTURE_NAME_DNS, SLICE("m\xfcller.example")).name_count,
                     0);
    assert_int_equal(describe_alternative(FIXTURE_NAME_IP, SLICE("12345")).name_count, 0);
    assert_int_equal(describe_alternative(FIXTURE_NAME_IP, SLICE("")).name_count, 0);
    assert_int_equal(describe_alternative(FIXTURE_NAME_UPN, SLICE("\xff\xfe")).name_count, 0);
    assert_int_equal(describe_alternative(FIXTURE_NAME_UPN, SLICE("a\xc2\x85")).name_count, 0);
}

/* CVE-2022-21656: a name of one type is never listed as another, whatever its text looks like. */
TEST(alternative_names_keep_their_type)
{
    const struct {
        enum fixture_name_kind kind;
        enum certificate_name_kind listed;
        struct slice bytes;
    } CASES[] = {
        {FIXTURE_NAME_EMAIL, CERTIFICATE_NAME_EMAIL, SLICE("host.example")},
        {FIXTURE_NAME_URI, CERTIFICATE_NAME_URI, SLICE("host.example")},
        {FIXTURE_NAME_DNS, CERTIFICATE_NAME_DNS, SLICE("spiffe://example/admin")},
        {FIXTURE_NAME_UPN, CERTIFICATE_NAME_UPN, SLICE("host.example")},
        {FIXTURE_NAME_DNS, CERTIFICATE_NAME_DNS, SLICE("192.0.2.1")},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct certificate_description description =
            describe_alternative(CASES[i].kind, CASES[i].bytes);

        assert_int_equal(description.name_count, 1);
        assert_int_equal(description.names[0].kind, CASES[i].listed);
        assert_true(slice_equals(description.names[0].text, CASES[i].bytes));
    }
}

TEST(user_principal_names_print_alike_only_when_they_are_alike)
{
    assert_slice(describe_alternative(FIXTURE_NAME_UPN, SLICE("m\xc3\xbcller@x")).names[0].text,
                 "m\\C3\\BCller@x");
    assert_slice(describe_alternative(FIXTURE_NAME_UPN, SLICE("m\\C3\\BCller@x")).names[0].text,
                 "m\\5CC3\\5CBCller@x");
}

TEST(alternative_names_that_cannot_be_read_leave_the_certificate_undescribed)
{
    struct fixture_extension broken[] = {{"subjectAltName", false, SLICE("\x30\x02\x82\x05")},
                                         {"subjectAltName", false, SLICE("\x30\x03\x82\x01z")}};
    struct certificate_description description;
    struct fixture one = fixture_make(
        &(struct fixture_spec){.common_name = "n", .extensions = broken, .extension_count = 1},
        NULL);
    struct fixture twice = fixture_make(&(struct fixture_spec){.common_name = "n",
                                                               .subject_alt_name = "DNS:a",
                                                               .extensions = &broken[1],
                                                               .extension_count = 1},
                                        NULL);

    assert_false(describe(one.certificate, &description));
    assert_false(describe(twice.certificate, &description));
    fixture_free(&twice);
    fixture_free(&one);
}

/* With each smaller arena there is a description or none, never half of one. */
TEST(a_description_needs_its_room)
{
    struct fixture leaf = fixture_make(
        &(struct fixture_spec){.common_name = "alice", .subject_alt_name = "DNS:a,IP:192.0.2.1"},
        NULL);
    size_t size = 0;
    bool described = false;

    for (size = 0; size < 4096 && !described; size++) {
        char *memory = malloc(size + 1);
        struct certificate_description description = {.name_count = 77};
        struct arena arena;

        arena_init(&arena, memory, size);
        described = certificate_describe(leaf.certificate, &arena, &description);
        assert_int_equal(description.name_count, described ? 2 : 77);
        free(memory);
    }
    assert_true(described);
    assert_true(size > 100);
    fixture_free(&leaf);
}

TEST(a_copy_of_a_description_stands_alone)
{
    struct fixture leaf = fixture_make(
        &(struct fixture_spec){.common_name = "alice", .subject_alt_name = "DNS:a,URI:b:c"}, NULL);
    struct certificate_description description;
    struct certificate_description copy;
    char memory[2048];
    struct arena arena;

    assert_true(describe(leaf.certificate, &description));
    arena_init(&arena, memory, sizeof memory);
    assert_true(certificate_description_copy(&description, &arena, &copy));
    memset(arena_memory, 'x', sizeof arena_memory);
    assert_slice(copy.subject, "CN=alice");
    assert_slice(copy.common_name, "alice");
    assert_int_equal(copy.name_count, 2);
    assert_slice(copy.names[1].text, "b:c");
    assert_slice(copy.key, "EC P-256");

    arena_init(&arena, memory, 100);
    assert_false(certificate_description_copy(&copy, &arena, &description));
    fixture_free(&leaf);
}

TEST(pem_and_der_come_back_as_they_were)
{
    struct fixture root = fixture_root("Root");
    struct fixture_bytes library_pem = fixture_pem(&root.certificate, 1);
    char pem_memory[4096];
    struct arena arena;
    struct slice der;
    struct buffer pem;
    struct error error;
    X509 *parsed = NULL;

    arena_init(&arena, arena_memory, sizeof arena_memory);
    assert_true(certificate_der(root.certificate, &arena, &der));
    buffer_init(&pem, pem_memory, sizeof pem_memory);
    assert_true(certificate_write_pem(&pem, der));
    assert_true(slice_equals(buffer_readable(&pem), fixture_bytes_slice(library_pem)));

    parsed = certificate_parse(buffer_readable(&pem), &error);
    assert_non_null(parsed);
    assert_int_equal(X509_cmp(parsed, root.certificate), 0);
    X509_free(parsed);
    parsed = certificate_parse(der, &error);
    assert_non_null(parsed);
    assert_int_equal(X509_cmp(parsed, root.certificate), 0);
    X509_free(parsed);

    /* Everything or nothing. */
    for (size_t size = 0; size < library_pem.size; size++) {
        buffer_init(&pem, pem_memory, size);
        assert_false(certificate_write_pem(&pem, der));
        assert_int_equal(pem.written, 0);
    }
    arena_init(&arena, arena_memory, 10);
    assert_false(certificate_der(root.certificate, &arena, &der));
    free(library_pem.data);
    fixture_free(&root);
}

static void assert_unparsable(struct slice bytes, const char *why)
{
    struct error error = {.kind = ERROR_NONE};
    X509 *parsed = certificate_parse(bytes, &error);

    assert_null(parsed);
    assert_int_not_equal(error.kind, ERROR_NONE);
    assert_int_equal(ERR_peek_error(), 0);
    if (strstr(error.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, why);
}

TEST(a_parse_is_one_certificate_or_an_error)
{
    struct fixture root = fixture_root("Root");
    X509 *both[] = {root.certificate, root.certificate};
    struct fixture_bytes pem = fixture_pem(both, 2);
    struct fixture_bytes key = fixture_key_pem(root.key);
    struct fixture_bytes der = fixture_der(root.certificate);
    char *longer = malloc(der.size + 1);

    memcpy(longer, der.data, der.size);
    longer[der.size] = 0;
    assert_unparsable(fixture_bytes_slice(pem), "second block");
    assert_unparsable(fixture_bytes_slice(key), "not a certificate");
    assert_unparsable(slice_from(longer, der.size + 1), "bytes behind");
    assert_unparsable(slice_from(der.data, der.size - 1), "not an X.509 certificate");
    assert_unparsable(SLICE(""), "no certificate");
    assert_unparsable(SLICE("hello\n"), "no certificate");
    assert_unparsable(SLICE("\x30"), "not an X.509 certificate");
    assert_unparsable(SLICE("-----BEGIN CERTIFICATE-----\n"), "no end");
    assert_unparsable(SLICE("-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n"),
                      "not an X.509 certificate");
    free(longer);
    free(der.data);
    free(key.data);
    free(pem.data);
    fixture_free(&root);
}

TEST(times_that_cannot_be_read_are_not_now)
{
    ASN1_TIME *time = ASN1_TIME_new();
    int64_t seconds = 7;

    assert_false(certificate_time(NULL, &seconds));
    assert_false(certificate_time(time, &seconds));
    assert_int_equal(seconds, 7);
    assert_int_equal(ASN1_TIME_set_string_X509(time, "99991231235959Z"), 1);
    assert_true(certificate_time(time, &seconds));
    assert_true(seconds == INT64_C(253402300799));
    ASN1_TIME_free(time);
}

/* ---- limits ---- */

static enum reason limits_of(const struct fixture_spec *spec)
{
    struct fixture made = fixture_make(spec, NULL);
    enum reason reason = certificate_check_limits(made.certificate);

    assert_int_equal(ERR_peek_error(), 0);
    fixture_free(&made);
    return reason;
}

TEST(ordinary_certificates_are_within_the_limits)
{
    assert_int_equal(limits_of(&(struct fixture_spec){.common_name = "n"}), REASON_NONE);
    assert_int_equal(limits_of(&(struct fixture_spec){.common_name = "n", .version1 = true}),
                     REASON_NONE);
    assert_int_equal(
        limits_of(&(struct fixture_spec){.common_name = "n", .key_kind = FIXTURE_KEY_RSA2048}),
        REASON_NONE);
    assert_int_equal(limits_of(&(struct fixture_spec){.common_name = "M\xc3\xbcller",
                                                      .organization = "\xe4\xbe\x8b",
                                                      .basic_constraints = "critical,CA:TRUE",
                                                      .key_usage = "critical,keyCertSign",
                                                      .extended_key_usage = "clientAuth",
                                                      .subject_alt_name = "DNS:a,IP:::1",
                                                      .name_constraints = "permitted;DNS:a",
                                                      .policies = "1.2.3.4"}),
                     REASON_NONE);
}

/* The subjectPublicKeyInfo of a certificate whose key nobody here could make. */
static enum reason limits_with_key(int algorithm, int parameter_type, void *parameter,
                                   struct slice bytes)
{
    struct fixture made = fixture_root("n");
    unsigned char *copy = OPENSSL_zalloc(bytes.size + 1); /* NULL would mean: as it was */
    struct fixture_bytes der;
    X509 *parsed = NULL;
    enum reason reason;

    memcpy(copy, bytes.data, bytes.size);
    fixture_demand(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(made.certificate),
                                          OBJ_nid2obj(algorithm), parameter_type, parameter, copy,
                                          (int)bytes.size) == 1 &&
                       X509_sign(made.certificate, made.key, EVP_sha256()) > 0,
                   "key");
    /* Parsed again, because the certificate still remembers the key that it was made with. */
    der = fixture_der(made.certificate);
    parsed = fixture_parse(fixture_bytes_slice(der));
    fixture_demand(parsed != NULL, "key");
    ERR_clear_error();
    reason = certificate_check_limits(parsed);
    assert_int_equal(ERR_peek_error(), 0);
    X509_free(parsed);
    free(der.data);
    fixture_free(&made);
    return reason;
}

static size_t write_integer(BIGNUM *number, unsigned char *to)
{
    ASN1_INTEGER *integer = BN_to_ASN1_INTEGER(number, NULL);
    unsigned char *end = to;
    int size = i2d_ASN1_INTEGER(integer, &end);

    fixture_demand(size > 0, "integer");
    ASN1_INTEGER_free(integer);
    BN_free(number);
    return (size_t)size;
}

static enum reason limits_with_rsa(unsigned bits, bool even, unsigned long exponent,
                                   bool large_exponent)
{
    unsigned char der[4096] = {0x30, 0x82};
    BIGNUM *modulus = BN_new();
    BIGNUM *public_exponent = BN_new();
    size_t used = 4;

    BN_rand(modulus, (int)bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
    if (even)
        BN_clear_bit(modulus, 0);
    BN_set_word(public_exponent, exponent);
    if (large_exponent)
        BN_set_bit(public_exponent, 200);
    used += write_integer(modulus, der + used);
    used += write_integer(public_exponent, der + used);
    der[2] = (unsigned char)((used - 4) >> 8);
    der[3] = (unsigned char)(used - 4);
    return limits_with_key(NID_rsaEncryption, V_ASN1_NULL, NULL, slice_from(der, used));
}

/* CVE-2023-29409: huge keys cost the server, small ones everybody. */
TEST(rsa_keys_have_a_smallest_and_a_largest_size)
{
    assert_int_equal(limits_with_rsa(2048, false, 65537, false), REASON_NONE);
    assert_int_equal(limits_with_rsa(8192, false, 3, false), REASON_NONE);
    assert_int_equal(limits_with_rsa(2047, false, 65537, false),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_rsa(8193, false, 65537, false),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_rsa(16384, false, 65537, false),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
}

TEST(rsa_numbers_that_nobody_should_use_are_refused)
{
    assert_int_equal(limits_with_rsa(2048, true, 65537, false),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_rsa(2048, false, 1, false), REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_rsa(2048, false, 4, false), REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_rsa(2048, false, 1, true), REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(
        limits_with_key(NID_rsaEncryption, V_ASN1_NULL, NULL, SLICE("\x30\x06\x02\x01")),
        REASON_CERTIFICATE_KEY_UNACCEPTABLE);
}

/* CVE-2022-0778, CVE-2015-1788: curve parameters of the client's own making never reach
 * arithmetic. */
TEST(curves_other_than_the_three_by_name_are_refused)
{
    assert_int_equal(
        limits_of(&(struct fixture_spec){.common_name = "n", .key_kind = FIXTURE_KEY_EXPLICIT}),
        REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(
        limits_of(&(struct fixture_spec){.common_name = "n", .key_kind = FIXTURE_KEY_SECP256K1}),
        REASON_CERTIFICATE_KEY_UNACCEPTABLE);
}

TEST(points_that_are_none_are_refused)
{
    char point[65] = {4};
    struct slice bytes = slice_from(point, sizeof point);
    ASN1_OBJECT *curve = OBJ_nid2obj(NID_X9_62_prime256v1);

    /* Off the curve, at infinity, cut short, of no known form, empty. */
    point[1] = 1;
    assert_int_equal(limits_with_key(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, curve, bytes),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_key(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, curve, SLICE("\0")),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(
        limits_with_key(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, curve, slice_first(bytes, 64)),
        REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    point[0] = 6;
    assert_int_equal(limits_with_key(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, curve, bytes),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_key(NID_X9_62_id_ecPublicKey, V_ASN1_OBJECT, curve, SLICE("")),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
}

/* CVE-2024-24783: a type of key that nobody knows. */
TEST(unknown_kinds_of_keys_are_refused_and_described)
{
    struct fixture made = fixture_root("n");
    struct certificate_description description;

    fixture_demand(X509_PUBKEY_set0_param(X509_get_X509_PUBKEY(made.certificate),
                                          OBJ_txt2obj("1.3.6.1.4.1.55555.9", 1), V_ASN1_UNDEF, NULL,
                                          OPENSSL_memdup("key", 3), 3) == 1 &&
                       X509_sign(made.certificate, made.key, EVP_sha256()) > 0,
                   "key");
    assert_int_equal(certificate_check_limits(made.certificate),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_true(describe(made.certificate, &description));
    assert_slice(description.key, "1.3.6.1.4.1.55555.9");
    fixture_free(&made);

    assert_int_equal(limits_with_key(NID_dsa, V_ASN1_UNDEF, NULL, SLICE("\x02\x01\x05")),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
    assert_int_equal(limits_with_key(NID_ED25519, V_ASN1_UNDEF, NULL, SLICE("short")),
                     REASON_CERTIFICATE_KEY_UNACCEPTABLE);
}

/* The same certificate, with the length of its TBSCertificate written in other ways. */
static X509 *with_tbs_header(const struct fixture_bytes *der, struct slice header)
{
    size_t tbs_size = ((size_t)(unsigned char)der->data[6] << 8) + (unsigned char)der->data[7];
    bool indefinite = header.size == 2;
    size_t size = der->size - 4 + header.size + (indefinite ? 2 : 0);
    char *changed = calloc(1, size);
    X509 *certificate = NULL;
    size_t used = 4;

    memcpy(changed, der->data, 4);
    changed[2] = (char)((size - 4) >> 8);
    changed[3] = (char)(size - 4);
    memcpy(changed + used, header.data, header.size);
    used += header.size;
    memcpy(changed + used, der->data + 8, tbs_size);
    used += tbs_size + (indefinite ? 2 : 0);
    memcpy(changed + used, der->data + 8 + tbs_size, der->size - 8 - tbs_size);
    certificate = fixture_parse(slice_from(changed, size));
    free(changed);
    return certificate;
}

TEST(what_is_not_der_is_malformed)
{
    struct fixture leaf = fixture_root("alice");
    struct fixture_bytes der = fixture_der(leaf.certificate);
    struct slice headers[] = {slice_from(der.data + 4, 4), slice_from("\x30\x83\0\0\0", 5),
                              SLICE("\x30\x80")};

    /* libcrypto parses all three. */
    char longer[5] = {0x30, (char)0x83, 0, der.data[6], der.data[7]};

    headers[1] = slice_from(longer, sizeof longer);
    for (size_t i = 0; i < 3; i++) {
        X509 *certificate = with_tbs_header(&der, headers[i]);

        assert_non_null(certificate);
        assert_int_equal(certificate_check_limits(certificate),
                         i == 0 ? REASON_NONE : REASON_CERTIFICATE_MALFORMED);
        X509_free(certificate);
    }
    free(der.data);
    fixture_free(&leaf);
}

TEST(extensions_that_are_read_must_be_der_too)
{
    /* The last two are CA:TRUE in the kinder reading. */
    const struct fixture_extension CASES[] = {
        {"basicConstraints", false, SLICE("\x30\x03\x01\x01\xff")},
        {"1.3.6.1.4.1.55555.1", false, SLICE("not DER at all")},
        {"basicConstraints", false, SLICE("\x30\x03\x01\x01\x01")},
        {"basicConstraints", false, SLICE("\x30\x81\x03\x01\x01\xff")},
        {"basicConstraints", false, SLICE("\x30\x80\x01\x01\xff\x00\x00")},
        {"basicConstraints", false, SLICE("\x30\x03\x01\x01\xff\x00")},
        {"extendedKeyUsage", false, SLICE("")},
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_int_equal(limits_of(&(struct fixture_spec){
                             .common_name = "n", .extensions = &CASES[i], .extension_count = 1}),
                         i < 2 ? REASON_NONE : REASON_CERTIFICATE_MALFORMED);
}

TEST(extensions_come_once_and_not_too_often)
{
    struct fixture_extension many[CERTIFICATE_EXTENSION_COUNT_MAX + 1];
    char names[CERTIFICATE_EXTENSION_COUNT_MAX + 1][32];
    struct fixture_spec spec = {
        .common_name = "n", .extensions = many, .without_key_identifiers = true};

    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        snprintf(names[i], sizeof names[i], "1.3.6.1.4.1.55555.%zu", i);
        many[i] = (struct fixture_extension){names[i], false, SLICE("x")};
    }
    spec.extension_count = CERTIFICATE_EXTENSION_COUNT_MAX;
    assert_int_equal(limits_of(&spec), REASON_NONE);
    spec.extension_count++;
    assert_int_equal(limits_of(&spec), REASON_CERTIFICATE_MALFORMED);
    spec.extension_count = 2;
    many[1].oid = many[0].oid;
    assert_int_equal(limits_of(&spec), REASON_CERTIFICATE_MALFORMED);
}

TEST(extensions_need_version_3)
{
    struct fixture made = fixture_root("n");

    fixture_demand(X509_set_version(made.certificate, X509_VERSION_1) == 1 &&
                       X509_sign(made.certificate, made.key, EVP_sha256()) > 0,
                   "version");
    assert_int_equal(certificate_check_limits(made.certificate), REASON_CERTIFICATE_MALFORMED);
    fixture_free(&made);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(a_description_says_what_the_certificate_says),
        cmocka_unit_test(digests_are_over_the_der), cmocka_unit_test(each_kind_of_key_has_its_name),
        cmocka_unit_test(serials_are_written_in_whole_octets_as_openssl_does),
        cmocka_unit_test(control_characters_and_other_alphabets_in_names_are_escaped),
        cmocka_unit_test(the_nearest_common_name_is_the_one_and_an_empty_subject_is_empty),
        cmocka_unit_test(huge_attribute_types_are_not_described),
        cmocka_unit_test(alternative_names_with_nul_or_control_characters_are_not_listed),
        cmocka_unit_test(alternative_names_keep_their_type),
        cmocka_unit_test(user_principal_names_print_alike_only_when_they_are_alike),
        cmocka_unit_test(alternative_names_that_cannot_be_read_leave_the_certificate_undescribed),
        cmocka_unit_test(a_description_needs_its_room),
        cmocka_unit_test(a_copy_of_a_description_stands_alone),
        cmocka_unit_test(pem_and_der_come_back_as_they_were),
        cmocka_unit_test(a_parse_is_one_certificate_or_an_error),
        cmocka_unit_test(times_that_cannot_be_read_are_not_now),
        cmocka_unit_test(ordinary_certificates_are_within_the_limits),
        cmocka_unit_test(rsa_keys_have_a_smallest_and_a_largest_size),
        cmocka_unit_test(rsa_numbers_that_nobody_should_use_are_refused),
        cmocka_unit_test(curves_other_than_the_three_by_name_are_refused),
        cmocka_unit_test(points_that_are_none_are_refused),
        cmocka_unit_test(unknown_kinds_of_keys_are_refused_and_described),
        cmocka_unit_test(what_is_not_der_is_malformed),
        cmocka_unit_test(extensions_that_are_read_must_be_der_too),
        cmocka_unit_test(extensions_come_once_and_not_too_often),
        cmocka_unit_test(extensions_need_version_3));
}
