/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include <openssl/ocsp.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/x509/ocsp.h"
#include "runtime/memory.h"
#include "support/certificate_fixture.h"

enum { SKEW = 300, HOUR = 3600 };

/* ---- a responder that says what it is told ---- */

struct single_spec {
    const struct fixture *about;  /* NULL: the fixture's leaf */
    const struct fixture *issuer; /* NULL: the fixture's root */
    const EVP_MD *digest;         /* NULL: SHA-1 */
    int status;
    int reason; /* of a revocation */
    int64_t this_update;
    int64_t next_update; /* 0: none */
    bool has_demand;     /* a critical extension that nobody knows */
};

struct answer_spec {
    const struct fixture *signer; /* NULL: the root itself */
    bool shows_signer;
    bool names_key;
    const EVP_MD *digest; /* NULL: SHA-256 */
    struct slice nonce;
    int status; /* of the frame */
    int64_t produced_at;
    struct single_spec singles[3];
    size_t single_count; /* 0: one, good from an hour ago to in an hour */
};

struct world {
    struct fixture root;
    struct fixture leaf;
};

static struct world world_open(void)
{
    struct world world = {.root = fixture_root("Root")};

    world.leaf = fixture_leaf("alice", &world.root);
    return world;
}

static void world_close(struct world *world)
{
    fixture_free(&world->leaf);
    fixture_free(&world->root);
}

static ASN1_GENERALIZEDTIME *time_at(int64_t seconds)
{
    return ASN1_GENERALIZEDTIME_set(NULL, (time_t)seconds);
}

static void add_single(OCSP_BASICRESP *basic, const struct world *world,
                       const struct single_spec *spec)
{
    const struct fixture *about = spec->about == NULL ? &world->leaf : spec->about;
    const struct fixture *issuer = spec->issuer == NULL ? &world->root : spec->issuer;
    OCSP_CERTID *id = OCSP_cert_to_id(spec->digest == NULL ? EVP_sha1() : spec->digest,
                                      about->certificate, issuer->certificate);
    ASN1_GENERALIZEDTIME *begin = time_at(spec->this_update);
    ASN1_GENERALIZEDTIME *end = spec->next_update == 0 ? NULL : time_at(spec->next_update);
    ASN1_TIME *revoked = ASN1_TIME_set(NULL, (time_t)(FIXTURE_NOW - 1000));
    OCSP_SINGLERESP *single = OCSP_basic_add1_status(
        basic, id, spec->status, spec->reason,
        spec->status == V_OCSP_CERTSTATUS_REVOKED ? revoked : NULL, begin, end);

    fixture_demand(single != NULL, "single answer");
    if (spec->has_demand) {
        ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
        X509_EXTENSION *extension;

        fixture_demand(ASN1_OCTET_STRING_set(value, (const unsigned char *)"\5\0", 2) == 1, "set");
        extension = X509_EXTENSION_create_by_NID(NULL, NID_netscape_comment, 1, value);
        fixture_demand(OCSP_SINGLERESP_add_ext(single, extension, -1) == 1, "extension");
        X509_EXTENSION_free(extension);
        ASN1_OCTET_STRING_free(value);
    }
    OCSP_CERTID_free(id);
    ASN1_GENERALIZEDTIME_free(begin);
    ASN1_GENERALIZEDTIME_free(end);
    ASN1_TIME_free(revoked);
}

static struct single_spec usual_single(void)
{
    return (struct single_spec){.status = V_OCSP_CERTSTATUS_GOOD,
                                .this_update = FIXTURE_NOW - HOUR,
                                .next_update = FIXTURE_NOW + HOUR};
}

static struct fixture_bytes make_answer(const struct world *world, const struct answer_spec *spec)
{
    const struct fixture *signer = spec->signer == NULL ? &world->root : spec->signer;
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_RESPONSE *response = NULL;
    struct single_spec usual = usual_single();
    unsigned char *der = NULL;
    struct fixture_bytes bytes;
    unsigned long flags = OCSP_NOTIME;
    int size;

    for (size_t i = 0; i < spec->single_count; i++)
        add_single(basic, world, &spec->singles[i]);
    if (spec->single_count == 0)
        add_single(basic, world, &usual);
    if (spec->nonce.size > 0) {
        unsigned char nonce[64];

        memcpy(nonce, spec->nonce.data, spec->nonce.size);
        fixture_demand(OCSP_basic_add1_nonce(basic, nonce, (int)spec->nonce.size) == 1, "nonce");
    }
    flags |= spec->shows_signer ? 0 : OCSP_NOCERTS;
    flags |= spec->names_key ? OCSP_RESPID_KEY : 0;
    /* producedAt can be set by signing alone: the clock's, unless OCSP_NOTIME leaves it out. */
    fixture_demand(ASN1_GENERALIZEDTIME_set(
                       (ASN1_GENERALIZEDTIME *)(uintptr_t)OCSP_resp_get0_produced_at(basic),
                       (time_t)(spec->produced_at == 0 ? FIXTURE_NOW : spec->produced_at)) != NULL,
                   "producedAt");
    fixture_demand(OCSP_basic_sign(basic, signer->certificate, signer->key,
                                   spec->digest == NULL ? EVP_sha256() : spec->digest, NULL,
                                   flags) == 1,
                   "signature");
    response = OCSP_response_create(spec->status, spec->status == 0 ? basic : NULL);
    size = i2d_OCSP_RESPONSE(response, &der);
    fixture_demand(size > 0, "answer");
    bytes = (struct fixture_bytes){.data = malloc((size_t)size), .size = (size_t)size};
    memcpy(bytes.data, der, bytes.size);
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    return bytes;
}

/* Valid until the next call. */
static struct slice serial_of(const struct fixture *fixture)
{
    static unsigned char der[64];
    unsigned char *at = der;
    int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(fixture->certificate), &at);

    fixture_demand(size > 2 && size < 64, "serial");
    return slice_from(der + 2, (size_t)size - 2);
}

static struct ocsp_expectation expectation_of(const struct world *world)
{
    return (struct ocsp_expectation){.issuer = world->root.certificate,
                                     .serial = serial_of(&world->leaf),
                                     .now = FIXTURE_NOW,
                                     .skew_seconds = SKEW,
                                     .endless_seconds = HOUR};
}

static struct ocsp_answer check(const struct world *world, const struct answer_spec *spec)
{
    struct fixture_bytes bytes = make_answer(world, spec);
    struct ocsp_expectation expected = expectation_of(world);
    struct ocsp_answer answer = ocsp_check_answer(fixture_bytes_slice(bytes), &expected);

    free(bytes.data);
    return answer;
}

static void assert_outcome(enum ocsp_outcome found, enum ocsp_outcome expected)
{
    assert_string_equal(ocsp_outcome_name(found), ocsp_outcome_name(expected));
}

/* A delegate of the root's, unless the spec says otherwise. */
static struct fixture delegate_of(const struct fixture *issuer, struct fixture_spec spec)
{
    spec.common_name = "Responder";
    if (spec.basic_constraints == NULL)
        spec.basic_constraints = "critical,CA:FALSE";
    return fixture_make(&spec, issuer);
}

/* ---- statements ---- */

TEST(believes_the_issuer)
{
    struct world world = world_open();
    struct ocsp_answer answer = check(&world, &(struct answer_spec){0});

    assert_outcome(answer.outcome, OCSP_IS_GOOD);
    assert_int_equal(answer.this_update, FIXTURE_NOW - HOUR);
    assert_int_equal(answer.next_update, FIXTURE_NOW + HOUR);
    assert_outcome(check(&world, &(struct answer_spec){.names_key = true}).outcome, OCSP_IS_GOOD);
    world_close(&world);
}

TEST(says_when_and_why_a_certificate_was_revoked)
{
    struct world world = world_open();
    struct single_spec single = usual_single();
    struct ocsp_answer answer;

    single.status = V_OCSP_CERTSTATUS_REVOKED;
    single.reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;
    answer = check(&world, &(struct answer_spec){.singles = {single}, .single_count = 1});
    assert_outcome(answer.outcome, OCSP_IS_REVOKED);
    assert_int_equal(answer.revocation_reason, 1);
    assert_int_equal(answer.revoked_at, FIXTURE_NOW - 1000);
    world_close(&world);
}

TEST(an_old_revocation_still_counts_and_an_old_hold_does_not)
{
    struct world world = world_open();
    struct single_spec single = {.status = V_OCSP_CERTSTATUS_REVOKED,
                                 .reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE,
                                 .this_update = FIXTURE_NOW - 48 * HOUR,
                                 .next_update = FIXTURE_NOW - 24 * HOUR};

    assert_outcome(
        check(&world, &(struct answer_spec){.singles = {single}, .single_count = 1}).outcome,
        OCSP_IS_REVOKED);
    single.reason = OCSP_REVOKED_STATUS_CERTIFICATEHOLD;
    assert_outcome(
        check(&world, &(struct answer_spec){.singles = {single}, .single_count = 1}).outcome,
        OCSP_ANSWER_STALE);
    world_close(&world);
}

TEST(tells_unknown_from_good)
{
    struct world world = world_open();
    struct single_spec single = usual_single();

    single.status = V_OCSP_CERTSTATUS_UNKNOWN;
    assert_outcome(
        check(&world, &(struct answer_spec){.singles = {single}, .single_count = 1}).outcome,
        OCSP_IS_UNKNOWN);
    world_close(&world);
}

TEST(takes_the_worst_of_several_statements)
{
    static const struct {
        int statuses[3];
        enum ocsp_outcome outcome;
    } cases[] = {
        {{V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_GOOD},
         OCSP_IS_REVOKED},
        {{V_OCSP_CERTSTATUS_REVOKED, V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_GOOD},
         OCSP_IS_REVOKED},
        {{V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_UNKNOWN},
         OCSP_IS_UNKNOWN},
        {{V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_GOOD, V_OCSP_CERTSTATUS_GOOD}, OCSP_IS_GOOD},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world = world_open();
        struct answer_spec spec = {.single_count = 3};

        for (size_t k = 0; k < 3; k++) {
            spec.singles[k] = usual_single();
            spec.singles[k].status = cases[i].statuses[k];
        }
        spec.singles[1].next_update -= 60;
        assert_outcome(check(&world, &spec).outcome, cases[i].outcome);
        if (cases[i].outcome == OCSP_IS_GOOD)
            assert_int_equal(check(&world, &spec).next_update, FIXTURE_NOW + HOUR - 60);
        world_close(&world);
    }
}

TEST(finds_the_statement_about_the_certificate_among_others)
{
    struct world world = world_open();
    struct fixture bob = fixture_leaf("bob", &world.root);
    struct answer_spec spec = {.single_count = 2, .singles = {usual_single(), usual_single()}};

    spec.singles[0].about = &bob;
    spec.singles[0].status = V_OCSP_CERTSTATUS_REVOKED;
    spec.singles[0].reason = OCSP_REVOKED_STATUS_KEYCOMPROMISE;
    spec.singles[1].digest = EVP_sha256();
    assert_outcome(check(&world, &spec).outcome, OCSP_IS_GOOD);
    fixture_free(&bob);
    world_close(&world);
}

/* ---- signers: row 92 of the list of attacks ---- */

TEST(believes_a_delegate_of_the_issuer)
{
    struct world world = world_open();
    struct fixture delegate =
        delegate_of(&world.root, (struct fixture_spec){.extended_key_usage = "OCSPSigning"});
    struct answer_spec spec = {.signer = &delegate, .shows_signer = true};

    assert_outcome(check(&world, &spec).outcome, OCSP_IS_GOOD);
    spec.names_key = true;
    assert_outcome(check(&world, &spec).outcome, OCSP_IS_GOOD);
    spec.shows_signer = false;
    assert_outcome(check(&world, &spec).outcome, OCSP_SIGNER_UNKNOWN);
    fixture_free(&delegate);
    world_close(&world);
}

TEST(believes_no_delegate_that_was_not_certified_for_it)
{
    static const struct {
        struct fixture_spec spec;
        enum ocsp_outcome outcome;
    } cases[] = {
        {{.extended_key_usage = NULL}, OCSP_SIGNER_NOT_AUTHORIZED},
        {{.extended_key_usage = "clientAuth"}, OCSP_SIGNER_NOT_AUTHORIZED},
        {{.extended_key_usage = "anyExtendedKeyUsage"}, OCSP_SIGNER_NOT_AUTHORIZED},
        {{.extended_key_usage = "OCSPSigning", .key_usage = "critical,keyEncipherment"},
         OCSP_SIGNER_NOT_AUTHORIZED},
        {{.extended_key_usage = "OCSPSigning", .not_after = FIXTURE_NOW - 1}, OCSP_SIGNER_INVALID},
        {{.extended_key_usage = "OCSPSigning", .not_before = FIXTURE_NOW + SKEW + 1},
         OCSP_SIGNER_INVALID},
        {{.extended_key_usage = "OCSPSigning", .key_kind = FIXTURE_KEY_RSA1024},
         OCSP_SIGNER_INVALID},
        {{.extended_key_usage = "OCSPSigning", .sha1 = true}, OCSP_SIGNER_UNKNOWN},
        {{.extended_key_usage = "OCSPSigning", .key_usage = "digitalSignature"}, OCSP_IS_GOOD},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world = world_open();
        struct fixture delegate = delegate_of(&world.root, cases[i].spec);
        struct answer_spec spec = {.signer = &delegate, .shows_signer = true};

        assert_outcome(check(&world, &spec).outcome, cases[i].outcome);
        fixture_free(&delegate);
        world_close(&world);
    }
}

TEST(believes_no_delegate_of_another_issuer)
{
    struct world world = world_open();
    struct fixture other = fixture_root("Other");
    struct fixture namesake = fixture_root("Root");
    struct fixture below =
        fixture_make(&(struct fixture_spec){.common_name = "Below",
                                            .basic_constraints = "critical,CA:TRUE",
                                            .key_usage = "critical,keyCertSign,digitalSignature"},
                     &world.root);
    const struct fixture *issuers[] = {&other, &namesake, &below};

    for (size_t i = 0; i < 3; i++) {
        struct fixture delegate =
            delegate_of(issuers[i], (struct fixture_spec){.extended_key_usage = "OCSPSigning"});

        assert_outcome(
            check(&world, &(struct answer_spec){.signer = &delegate, .shows_signer = true}).outcome,
            OCSP_SIGNER_UNKNOWN);
        fixture_free(&delegate);
    }
    fixture_free(&below);
    fixture_free(&namesake);
    fixture_free(&other);
    world_close(&world);
}

TEST(believes_nobody_who_only_bears_the_issuers_name)
{
    struct world world = world_open();
    struct fixture namesake = fixture_root("Root");
    struct answer_spec spec = {.signer = &namesake, .shows_signer = true};

    assert_outcome(check(&world, &spec).outcome, OCSP_ANSWER_FORGED);
    spec.shows_signer = false;
    assert_outcome(check(&world, &spec).outcome, OCSP_ANSWER_FORGED);
    spec.names_key = true;
    assert_outcome(check(&world, &spec).outcome, OCSP_SIGNER_UNKNOWN);
    world_close(&world);
    fixture_free(&namesake);
}

/* The client's own certificate is not a responder, though the issuer certified it. */
TEST(does_not_let_the_certificate_speak_for_itself)
{
    struct world world = world_open();

    assert_outcome(
        check(&world, &(struct answer_spec){.signer = &world.leaf, .shows_signer = true}).outcome,
        OCSP_SIGNER_NOT_AUTHORIZED);
    world_close(&world);
}

TEST(refuses_weak_signatures)
{
    struct world world = world_open();

    assert_outcome(check(&world, &(struct answer_spec){.digest = EVP_sha1()}).outcome,
                   OCSP_ANSWER_WEAKLY_SIGNED);
    world_close(&world);
}

/* ---- what it is about, and of when ---- */

TEST(refuses_what_is_about_another_certificate)
{
    struct world world = world_open();
    struct fixture bob = fixture_leaf("bob", &world.root);
    struct fixture namesake = fixture_root("Root");
    struct single_spec single = usual_single();

    single.about = &bob;
    assert_outcome(
        check(&world, &(struct answer_spec){.singles = {single}, .single_count = 1}).outcome,
        OCSP_ANSWER_ABOUT_ANOTHER);
    single.about = NULL;
    single.issuer = &namesake;
    assert_outcome(
        check(&world, &(struct answer_spec){.singles = {single}, .single_count = 1}).outcome,
        OCSP_ANSWER_ABOUT_ANOTHER);
    fixture_free(&namesake);
    fixture_free(&bob);
    world_close(&world);
}

TEST(refuses_what_is_not_of_now)
{
    static const struct {
        int64_t begin;
        int64_t end;
        int64_t produced;
        enum ocsp_outcome outcome;
    } cases[] = {
        {-HOUR, -SKEW - 1, 0, OCSP_ANSWER_STALE},
        {-HOUR, -SKEW, 0, OCSP_IS_GOOD},
        {SKEW, HOUR, 0, OCSP_IS_GOOD},
        {SKEW + 1, HOUR, 0, OCSP_ANSWER_EARLY},
        {-HOUR, HOUR, SKEW + 1, OCSP_ANSWER_EARLY},
        {-HOUR, -2 * HOUR, 0, OCSP_ANSWER_MALFORMED},
        {-HOUR - SKEW, 0, 0, OCSP_IS_GOOD},          /* no end */
        {-HOUR - SKEW - 1, 0, 0, OCSP_ANSWER_STALE}, /* no end */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world = world_open();
        struct answer_spec spec = {.single_count = 1, .singles = {usual_single()}};

        spec.singles[0].this_update = FIXTURE_NOW + cases[i].begin;
        spec.singles[0].next_update = cases[i].end == 0 ? 0 : FIXTURE_NOW + cases[i].end;
        spec.produced_at = FIXTURE_NOW + cases[i].produced;
        assert_outcome(check(&world, &spec).outcome, cases[i].outcome);
        world_close(&world);
    }
}

TEST(refuses_critical_extensions_that_it_does_not_know)
{
    struct world world = world_open();
    struct answer_spec spec = {.single_count = 1, .singles = {usual_single()}};

    spec.singles[0].has_demand = true;
    assert_outcome(check(&world, &spec).outcome, OCSP_ANSWER_OF_UNKNOWN_TYPE);
    world_close(&world);
}

TEST(holds_the_nonce_against_what_was_sent)
{
    struct world world = world_open();
    struct ocsp_expectation expected = expectation_of(&world);
    struct fixture_bytes with =
        make_answer(&world, &(struct answer_spec){.nonce = SLICE("0123456789abcdef")});
    struct fixture_bytes without = make_answer(&world, &(struct answer_spec){0});
    struct ocsp_answer answer;

    expected.nonce = SLICE("0123456789abcdef");
    expected.nonce_is_needed = true;
    answer = ocsp_check_answer(fixture_bytes_slice(with), &expected);
    assert_outcome(answer.outcome, OCSP_IS_GOOD);
    assert_true(answer.has_nonce);
    assert_outcome(ocsp_check_answer(fixture_bytes_slice(without), &expected).outcome,
                   OCSP_NONCE_MISSING);
    expected.nonce_is_needed = false;
    answer = ocsp_check_answer(fixture_bytes_slice(without), &expected);
    assert_outcome(answer.outcome, OCSP_IS_GOOD);
    assert_false(answer.has_nonce);
    expected.nonce = SLICE("0123456789abcdeX");
    assert_outcome(ocsp_check_answer(fixture_bytes_slice(with), &expected).outcome,
                   OCSP_NONCE_WRONG);
    expected.nonce = SLICE("");
    assert_outcome(ocsp_check_answer(fixture_bytes_slice(with), &expected).outcome, OCSP_IS_GOOD);
    free(with.data);
    free(without.data);
    world_close(&world);
}

/* ---- bytes ---- */

TEST(passes_on_what_the_responder_says_without_an_answer)
{
    static const enum ocsp_outcome outcomes[] = {
        [1] = OCSP_SAYS_MALFORMED_REQUEST,  [2] = OCSP_SAYS_INTERNAL_ERROR,
        [3] = OCSP_SAYS_TRY_LATER,          [4] = OCSP_SAYS_SOMETHING_ELSE,
        [5] = OCSP_SAYS_SIGNATURE_REQUIRED, [6] = OCSP_SAYS_UNAUTHORIZED,
        [7] = OCSP_SAYS_SOMETHING_ELSE,
    };
    struct world world = world_open();

    for (int status = 1; status <= 7; status++)
        assert_outcome(check(&world, &(struct answer_spec){.status = status}).outcome,
                       outcomes[status]);
    world_close(&world);
}

TEST(refuses_each_truncation_and_anything_behind)
{
    struct world world = world_open();
    struct fixture_bytes bytes = make_answer(&world, &(struct answer_spec){0});
    struct ocsp_expectation expected = expectation_of(&world);
    char *longer = malloc(bytes.size + 1);

    for (size_t size = 0; size < bytes.size; size++)
        assert_outcome(ocsp_check_answer(slice_from(bytes.data, size), &expected).outcome,
                       OCSP_ANSWER_MALFORMED);
    memcpy(longer, bytes.data, bytes.size);
    longer[bytes.size] = '\0';
    assert_outcome(ocsp_check_answer(slice_from(longer, bytes.size + 1), &expected).outcome,
                   OCSP_ANSWER_MALFORMED);
    free(longer);
    free(bytes.data);
    world_close(&world);
}

/* Whatever bit is flipped, "good" of one becomes nothing that is good. */
TEST(believes_no_answer_in_which_a_bit_was_changed)
{
    struct world world = world_open();
    struct fixture_bytes bytes = make_answer(&world, &(struct answer_spec){0});
    struct ocsp_expectation expected = expectation_of(&world);

    for (size_t i = 0; i < bytes.size * 8; i++) {
        bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ (1 << (i % 8)));
        assert_false(ocsp_outcome_is_statement(
            ocsp_check_answer(fixture_bytes_slice(bytes), &expected).outcome));
        bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ (1 << (i % 8)));
    }
    free(bytes.data);
    world_close(&world);
}

TEST(refuses_what_is_too_large_and_what_is_no_answer)
{
    struct world world = world_open();
    struct ocsp_expectation expected = expectation_of(&world);
    char *much = calloc(1, OCSP_ANSWER_BYTES_MAX + 1);

    assert_outcome(
        ocsp_check_answer(slice_from(much, OCSP_ANSWER_BYTES_MAX + 1), &expected).outcome,
        OCSP_ANSWER_TOO_LARGE);
    assert_outcome(ocsp_check_answer(SLICE("<html>sorry</html>"), &expected).outcome,
                   OCSP_ANSWER_MALFORMED);
    assert_outcome(ocsp_check_answer(SLICE("0\3\n\1\0"), &expected).outcome, OCSP_ANSWER_MALFORMED);
    free(much);
    world_close(&world);
}

/* ---- questions ---- */

TEST(asks_what_a_responder_understands)
{
    struct world world = world_open();
    char memory[OCSP_REQUEST_BYTES_MAX];
    struct buffer buffer;
    const unsigned char *at;
    OCSP_REQUEST *request;
    OCSP_CERTID *id;

    for (enum ocsp_hash hash = OCSP_HASH_SHA1; hash <= OCSP_HASH_SHA256; hash++) {
        buffer_init(&buffer, memory, sizeof memory);
        assert_true(ocsp_write_request(&buffer, world.root.certificate, serial_of(&world.leaf),
                                       hash, SLICE("0123456789abcdef")));
        at = (const unsigned char *)memory;
        request = d2i_OCSP_REQUEST(NULL, &at, (long)buffer_readable(&buffer).size);
        assert_non_null(request);
        id = OCSP_cert_to_id(hash == OCSP_HASH_SHA1 ? EVP_sha1() : EVP_sha256(),
                             world.leaf.certificate, world.root.certificate);
        assert_int_equal(OCSP_id_cmp(OCSP_onereq_get0_id(OCSP_request_onereq_get0(request, 0)), id),
                         0);
        assert_true(OCSP_REQUEST_get_ext_by_NID(request, NID_id_pkix_OCSP_Nonce, -1) >= 0);
        OCSP_CERTID_free(id);
        OCSP_REQUEST_free(request);
    }
    world_close(&world);
}

TEST(writes_questions_as_addresses)
{
    char memory[512];
    struct buffer buffer;

    buffer_init(&buffer, memory, sizeof memory);
    assert_true(ocsp_write_get_url(&buffer, "http://a/b", SLICE("\xfb\xef\xff!")));
    assert_string_equal(memory, "http://a/b/%2B%2B%2F%2FIQ%3D%3D");
    buffer_init(&buffer, memory, sizeof memory);
    assert_true(ocsp_write_get_url(&buffer, "http://a/", SLICE("abc")));
    assert_string_equal(memory, "http://a/YWJj");
    buffer_init(&buffer, memory, sizeof memory);
    assert_false(ocsp_write_get_url(&buffer, "http://a/", slice_from(memory, 192)));
}

static char *responder_named_as(const char *access, char *(*find)(const X509 *))
{
    struct fixture root = fixture_root("Root");
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_info_access, access);
    X509 *certificate = X509_dup(root.certificate);
    char *found;

    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    found = find(certificate);
    X509_EXTENSION_free(extension);
    X509_free(certificate);
    fixture_free(&root);
    return found;
}

static char *responder_named(const char *access)
{
    return responder_named_as(access, ocsp_responder_of);
}

TEST(looks_at_the_first_responder_only_as_azure_does)
{
    char *found = responder_named_as("caIssuers;URI:http://ca/,OCSP;URI:http://one/",
                                     ocsp_first_http_responder_of);

    assert_string_equal(found, "http://one/");
    memory_release(found);
    assert_null(responder_named_as("OCSP;URI:https://one/,OCSP;URI:http://two/",
                                   ocsp_first_http_responder_of));
    assert_null(responder_named_as("OCSP;URI:ldap://one/,OCSP;URI:http://two/",
                                   ocsp_first_http_responder_of));
}

TEST(finds_the_first_responder_that_it_can_ask)
{
    char *found = responder_named("caIssuers;URI:http://ca/,OCSP;URI:ldap://x/,OCSP;email:a@b.c,"
                                  "OCSP;URI:http://one/,OCSP;URI:http://two/");

    assert_string_equal(found, "http://one/");
    memory_release(found);
    assert_null(responder_named("OCSP;URI:ftp://x/"));
    assert_null(responder_named("OCSP;URI:http://x/ y"));
    assert_null(responder_named("caIssuers;URI:http://x/"));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(believes_the_issuer),
                     cmocka_unit_test(says_when_and_why_a_certificate_was_revoked),
                     cmocka_unit_test(an_old_revocation_still_counts_and_an_old_hold_does_not),
                     cmocka_unit_test(tells_unknown_from_good),
                     cmocka_unit_test(takes_the_worst_of_several_statements),
                     cmocka_unit_test(finds_the_statement_about_the_certificate_among_others),
                     cmocka_unit_test(believes_a_delegate_of_the_issuer),
                     cmocka_unit_test(believes_no_delegate_that_was_not_certified_for_it),
                     cmocka_unit_test(believes_no_delegate_of_another_issuer),
                     cmocka_unit_test(believes_nobody_who_only_bears_the_issuers_name),
                     cmocka_unit_test(does_not_let_the_certificate_speak_for_itself),
                     cmocka_unit_test(refuses_weak_signatures),
                     cmocka_unit_test(refuses_what_is_about_another_certificate),
                     cmocka_unit_test(refuses_what_is_not_of_now),
                     cmocka_unit_test(refuses_critical_extensions_that_it_does_not_know),
                     cmocka_unit_test(holds_the_nonce_against_what_was_sent),
                     cmocka_unit_test(passes_on_what_the_responder_says_without_an_answer),
                     cmocka_unit_test(refuses_each_truncation_and_anything_behind),
                     cmocka_unit_test(believes_no_answer_in_which_a_bit_was_changed),
                     cmocka_unit_test(refuses_what_is_too_large_and_what_is_no_answer),
                     cmocka_unit_test(asks_what_a_responder_understands),
                     cmocka_unit_test(writes_questions_as_addresses),
                     cmocka_unit_test(looks_at_the_first_responder_only_as_azure_does),
                     cmocka_unit_test(finds_the_first_responder_that_it_can_ask));
}
