/* SPDX-License-Identifier: Apache-2.0
 *
 * Identities: interned by what was proven, with headers from the verified path and from nothing
 * else.
 */
#include "gateway/identity/identity.h"

#include <openssl/err.h>

#include "runtime/encoding.h"
#include "unit/gateway/identity/identity_fixture.h"

enum { ALL_FORMATS = (1 << IDENTITY_FORMAT_COUNT) - 1, TABLE_BYTES = 1024 * 1024 };

static struct pki pki;
static struct judging_context *context;
static struct verdict_store *verdicts;

static struct identity *establish_in(struct identity_table *table, struct judging_context *in,
                                     struct presented_certificate *presented)
{
    struct verdict *verdict = verdict_store_judge(verdicts, in, presented, FIXTURE_NOW);
    struct identity *identity = NULL;

    assert_true(verdict_is_accepted(verdict));
    identity = identity_establish(table, presented, verdict);
    assert_int_equal(ERR_peek_error(), 0);
    verdict_release(verdict);
    return identity;
}

static struct identity *establish(struct identity_table *table,
                                  struct presented_certificate *presented)
{
    return establish_in(table, context, presented);
}

static void assert_slice(struct slice found, const char *text)
{
    if (!slice_equals(found, slice_from_text(text)))
        fail_msg("'%.*s' is not '%s'", SLICE_FORMAT(found), text);
}

/* ":" base64 ":", NUL-terminated; the caller frees it. */
static char *byte_sequence_of(const X509 *certificate)
{
    struct fixture_bytes der = fixture_der(certificate);
    size_t size = encode_base64_size(der.size) + 3;
    char *text = malloc(size);
    struct buffer buffer;

    assert_non_null(text);
    buffer_init(&buffer, text, size);
    assert_true(buffer_append_byte(&buffer, ':') &&
                encode_base64(&buffer, fixture_bytes_slice(der)) &&
                buffer_append_byte(&buffer, ':') && buffer_append_byte(&buffer, '\0'));
    free(der.data);
    return text;
}

TEST(an_identity_says_who_the_client_is)
{
    struct identity_table *table = identity_table_create(TABLE_BYTES, ALL_FORMATS);
    struct presented_certificate *presented =
        present(pki.alice.certificate, pki.issuing.certificate);
    struct identity *identity = establish(table, presented);
    const struct certificate_description *description = identity_describe(identity);

    assert_slice(description->subject, "CN=alice");
    assert_slice(identity_principal(identity), "CN=alice");
    assert_slice(identity_header(identity, IDENTITY_FORMAT_SUBJECT), "CN=alice");
    assert_slice(identity_header(identity, IDENTITY_FORMAT_ISSUER), "CN=Issuing");
    assert_slice(identity_header(identity, IDENTITY_FORMAT_PRINCIPAL), "CN=alice");
    assert_true(
        slice_equals(identity_header(identity, IDENTITY_FORMAT_SERIAL), description->serial));
    assert_true(
        slice_equals(identity_header(identity, IDENTITY_FORMAT_SHA256), description->sha256));
    assert_true(slice_equals(identity_header(identity, IDENTITY_FORMAT_SHA1), description->sha1));
    assert_slice(identity_header(identity, IDENTITY_FORMAT_NONE), "");
    assert_slice(identity_header(identity, IDENTITY_FORMAT_VERIFICATION), "");
    assert_slice(identity_header(identity, IDENTITY_FORMAT_COUNT), "");
    identity_release(identity);
    presented_certificate_release(presented);
    identity_table_destroy(table);
}

TEST(the_certificate_is_encoded_as_each_format_wants_it)
{
    struct identity_table *table = identity_table_create(TABLE_BYTES, ALL_FORMATS);
    struct presented_certificate *presented =
        present(pki.alice.certificate, pki.issuing.certificate);
    struct identity *identity = establish(table, presented);
    char *leaf = byte_sequence_of(pki.alice.certificate);
    char *issuer = byte_sequence_of(pki.issuing.certificate);
    struct slice bare = slice_from(leaf + 1, strlen(leaf) - 2);
    struct fixture_bytes pem = fixture_pem(&pki.alice.certificate, 1);
    char *escaped = malloc(3 * pem.size);
    struct buffer buffer;

    assert_slice(identity_header(identity, IDENTITY_FORMAT_RFC9440), leaf);
    assert_true(slice_equals(identity_header(identity, IDENTITY_FORMAT_DER_BASE64), bare));
    /* The leaf and the anchor are not in the chain. */
    assert_slice(identity_header(identity, IDENTITY_FORMAT_RFC9440_CHAIN), issuer);

    buffer_init(&buffer, escaped, 3 * pem.size);
    assert_true(encode_percent(&buffer, fixture_bytes_slice(pem)));
    assert_true(
        slice_equals(identity_header(identity, IDENTITY_FORMAT_PEM_URL), buffer_readable(&buffer)));
    assert_true(
        slice_starts_with(buffer_readable(&buffer), SLICE("-----BEGIN%20CERTIFICATE-----%0AMII")));
    assert_true(
        slice_ends_with(buffer_readable(&buffer), SLICE("%0A-----END%20CERTIFICATE-----%0A")));
    free(escaped);
    free(pem.data);
    free(issuer);
    free(leaf);
    identity_release(identity);
    presented_certificate_release(presented);
    identity_table_destroy(table);
}

/* What a client adds to its chain was never proven to have to do with it. */
TEST(the_chain_is_of_the_verified_path_and_never_of_presented_extras)
{
    struct identity_table *table = identity_table_create(TABLE_BYTES, ALL_FORMATS);
    struct fixture second = fixture_intermediate("Second", &pki.issuing);
    struct fixture deep = fixture_leaf("deep", &second);
    X509 *chain[] = {pki.other_root.certificate, pki.issuing.certificate, pki.bob.certificate,
                     second.certificate, pki.root.certificate};
    struct presented_certificate *presented = present_chain(deep.certificate, chain, 5);
    struct identity *identity = establish(table, presented);
    char *first = byte_sequence_of(second.certificate);
    char *then = byte_sequence_of(pki.issuing.certificate);
    char expected[8192];

    snprintf(expected, sizeof expected, "%s, %s", first, then);
    assert_slice(identity_header(identity, IDENTITY_FORMAT_RFC9440_CHAIN), expected);
    free(then);
    free(first);
    identity_release(identity);
    presented_certificate_release(presented);
    fixture_free(&deep);
    fixture_free(&second);
    identity_table_destroy(table);
}

TEST(a_leaf_of_the_anchor_itself_has_no_chain)
{
    struct identity_table *table = identity_table_create(TABLE_BYTES, ALL_FORMATS);
    struct fixture direct = fixture_leaf("direct", &pki.root);
    struct presented_certificate *presented = present(direct.certificate, pki.root.certificate);
    struct identity *identity = establish(table, presented);

    assert_slice(identity_header(identity, IDENTITY_FORMAT_RFC9440_CHAIN), "");
    identity_release(identity);
    presented_certificate_release(presented);
    fixture_free(&direct);
    identity_table_destroy(table);
}

TEST(formats_that_nobody_asked_for_are_not_encoded)
{
    struct identity_table *table = identity_table_create(
        TABLE_BYTES, (1U << IDENTITY_FORMAT_RFC9440) | (1U << IDENTITY_FORMAT_SHA256));
    struct presented_certificate *presented =
        present(pki.alice.certificate, pki.issuing.certificate);
    struct identity *identity = establish(table, presented);

    for (unsigned format = 0; format < IDENTITY_FORMAT_COUNT; format++)
        assert_int_equal(identity_header(identity, (enum identity_format)format).size > 0,
                         format == IDENTITY_FORMAT_RFC9440 || format == IDENTITY_FORMAT_SHA256);
    assert_slice(identity_principal(identity), "CN=alice");
    identity_release(identity);
    presented_certificate_release(presented);
    identity_table_destroy(table);
}

TEST(the_principal_is_the_first_of_uri_dns_upn_and_subject)
{
    static const struct {
        const char *names;
        const char *principal;
    } CASES[] = {
        {"DNS:a.example,URI:spiffe://example/a,DNS:b.example", "spiffe://example/a"},
        {"otherName:msUPN;UTF8:a@corp,DNS:a.example", "a.example"},
        {"email:a@example.org,otherName:msUPN;UTF8:a@corp", "a@corp"},
        {"email:a@example.org,IP:192.0.2.1", "CN=n,O=Example"},
        {NULL, "CN=n,O=Example"},
    };
    struct identity_table *table = identity_table_create(TABLE_BYTES, 0);

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct fixture leaf = fixture_make(
            &(struct fixture_spec){
                .common_name = "n", .organization = "Example", .subject_alt_name = CASES[i].names},
            &pki.issuing);
        struct presented_certificate *presented =
            present(leaf.certificate, pki.issuing.certificate);
        struct identity *identity = establish(table, presented);

        assert_slice(identity_principal(identity), CASES[i].principal);
        identity_release(identity);
        presented_certificate_release(presented);
        fixture_free(&leaf);
    }
    identity_table_destroy(table);
}

TEST(identities_are_interned_by_chain_and_context)
{
    struct identity_table *table = identity_table_create(TABLE_BYTES, ALL_FORMATS);
    struct judging_context *deeper = context_with_depth(pki.root.certificate, 5);
    X509 *extra[] = {pki.issuing.certificate, pki.root.certificate};
    struct presented_certificate *presented[] = {
        present(pki.alice.certificate, pki.issuing.certificate),
        present(pki.alice.certificate, pki.issuing.certificate),
        present(pki.bob.certificate, pki.issuing.certificate),
        present_chain(pki.alice.certificate, extra, 2)};
    struct identity *identities[] = {establish(table, presented[0]), establish(table, presented[1]),
                                     establish(table, presented[2]), establish(table, presented[3]),
                                     establish_in(table, deeper, presented[0])};

    assert_ptr_equal(identities[0], identities[1]);
    for (size_t i = 1; i < 5; i++)
        for (size_t j = 1; j < i; j++)
            assert_ptr_not_equal(identities[i], identities[j]);
    for (size_t i = 0; i < 5; i++)
        identity_release(identities[i]);
    for (size_t i = 0; i < 4; i++)
        presented_certificate_release(presented[i]);
    judging_context_release(deeper);
    identity_table_destroy(table);
}

TEST(an_identity_lives_as_long_as_somebody_holds_it)
{
    struct identity_table *table = identity_table_create(1, ALL_FORMATS);
    struct presented_certificate *presented =
        present(pki.alice.certificate, pki.issuing.certificate);
    struct identity *identity = establish(table, presented);

    presented_certificate_release(presented);
    identity_table_destroy(table);
    assert_ptr_equal(identity_acquire(identity), identity);
    identity_release(identity);
    assert_slice(identity_describe(identity)->subject, "CN=alice");
    assert_slice(identity_header(identity, IDENTITY_FORMAT_ISSUER), "CN=Issuing");
    identity_release(identity);
    identity_release(NULL);
    identity_table_destroy(NULL);
}

TEST(headers_of_hostile_names_stay_printable)
{
    struct identity_table *table = identity_table_create(TABLE_BYTES, ALL_FORMATS);
    X509_NAME *name = X509_NAME_new();
    struct fixture leaf;
    struct presented_certificate *presented = NULL;
    struct identity *identity = NULL;

    fixture_name_add(name, "O", V_ASN1_UTF8STRING, SLICE("a\r\nX-ARR-ClientCert: x"));
    fixture_name_add(name, "CN", V_ASN1_BMPSTRING, SLICE("\x20\x28\0\n"));
    leaf = fixture_make(&(struct fixture_spec){.name = name}, &pki.issuing);
    presented = present(leaf.certificate, pki.issuing.certificate);
    identity = establish(table, presented);
    for (unsigned format = 0; format < IDENTITY_FORMAT_COUNT; format++) {
        struct slice value = identity_header(identity, (enum identity_format)format);

        for (size_t i = 0; i < value.size; i++)
            assert_in_range(value.data[i], 0x20, 0x7e);
    }
    assert_slice(identity_header(identity, IDENTITY_FORMAT_SUBJECT),
                 "CN=\\E2\\80\\A8\\0A,O=a\\0D\\0AX-ARR-ClientCert: x");
    identity_release(identity);
    presented_certificate_release(presented);
    fixture_free(&leaf);
    X509_NAME_free(name);
    identity_table_destroy(table);
}

static bool is_of_the_verified(enum identity_format format)
{
    return format == IDENTITY_FORMAT_RFC9440_CHAIN || format == IDENTITY_FORMAT_PEM_URL_CHAIN ||
           format == IDENTITY_FORMAT_PEM_ALB_CHAIN || format == IDENTITY_FORMAT_DER_BASE64_CHAIN ||
           format == IDENTITY_FORMAT_XFCC_CHAIN || format == IDENTITY_FORMAT_PRINCIPAL;
}

TEST(an_unverified_certificate_has_the_same_encodings_without_chain_and_principal)
{
    struct identity_table *table = identity_table_create(TABLE_BYTES, ALL_FORMATS);
    struct presented_certificate *presented =
        present(pki.alice.certificate, pki.issuing.certificate);
    struct identity *identity = establish(table, presented);
    char memory[32 * 1024];
    struct arena arena;

    for (unsigned format = 0; format < IDENTITY_FORMAT_COUNT; format++) {
        struct slice value;

        arena_init(&arena, memory, sizeof memory);
        value = presented_certificate_header(presented, (enum identity_format)format, &arena);
        if (is_of_the_verified((enum identity_format)format))
            assert_int_equal(value.size, 0);
        else
            assert_true(
                slice_equals(value, identity_header(identity, (enum identity_format)format)));
    }
    identity_release(identity);
    presented_certificate_release(presented);
    identity_table_destroy(table);
}

/* A header is whole or absent, however little room there is. */
TEST(an_unverified_header_needs_its_room)
{
    static const enum identity_format FORMATS[] = {IDENTITY_FORMAT_DER_BASE64,
                                                   IDENTITY_FORMAT_RFC9440, IDENTITY_FORMAT_PEM_URL,
                                                   IDENTITY_FORMAT_SUBJECT, IDENTITY_FORMAT_SHA256};
    struct presented_certificate *presented = present(pki.mallory.certificate, NULL);
    static char memory[8192];

    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++) {
        struct arena arena;
        size_t whole = 0;

        arena_init(&arena, memory, sizeof memory);
        whole = presented_certificate_header(presented, FORMATS[i], &arena).size;
        assert_true(whole > 0);
        for (size_t size = 0; size < 4096; size += 7) {
            size_t found = 0;

            arena_init(&arena, memory, size);
            found = presented_certificate_header(presented, FORMATS[i], &arena).size;
            assert_true(found == 0 || found == whole);
        }
    }
    presented_certificate_release(presented);
}

int main(void)
{
    int failed = 0;

    pki_make(&pki);
    context = context_of(pki.root.certificate);
    verdicts = verdict_store_create(&(struct verdict_store_settings){.refused_seconds = 60});
    failed =
        RUN_TESTS(cmocka_unit_test(an_identity_says_who_the_client_is),
                  cmocka_unit_test(the_certificate_is_encoded_as_each_format_wants_it),
                  cmocka_unit_test(the_chain_is_of_the_verified_path_and_never_of_presented_extras),
                  cmocka_unit_test(a_leaf_of_the_anchor_itself_has_no_chain),
                  cmocka_unit_test(formats_that_nobody_asked_for_are_not_encoded),
                  cmocka_unit_test(the_principal_is_the_first_of_uri_dns_upn_and_subject),
                  cmocka_unit_test(identities_are_interned_by_chain_and_context),
                  cmocka_unit_test(an_identity_lives_as_long_as_somebody_holds_it),
                  cmocka_unit_test(headers_of_hostile_names_stay_printable),
                  cmocka_unit_test(
                      an_unverified_certificate_has_the_same_encodings_without_chain_and_principal),
                  cmocka_unit_test(an_unverified_header_needs_its_room));
    verdict_store_destroy(verdicts);
    judging_context_release(context);
    pki_free(&pki);
    return failed;
}
