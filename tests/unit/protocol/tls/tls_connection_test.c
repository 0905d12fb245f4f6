/* SPDX-License-Identifier: Apache-2.0
 *
 * Handshakes: which succeed, which fail with which reason and alert, and what SNI decides.
 */
#include "support/test.h"

#include "protocol/tls/tls_connection_internal.h"
#include "support/tls_fixture.h"

/* A connection whose single profile is `profile`. */
static void open_pair(struct tls_fixture_pair *pair, struct tls_fixture_listener *listener,
                      SSL_CTX *client)
{
    *pair = (struct tls_fixture_pair){.owner = {.listeners = listener, .listener_count = 1}};
    tls_fixture_open(pair, client, "example.com");
}

static void assert_speaks(struct tls_fixture_pair *pair)
{
    char text[64];
    size_t count = 0;

    tls_fixture_client_write(pair, "hello");
    assert_int_equal(tls_connection_read(pair->server, text, sizeof text, &count), TLS_DONE);
    assert_int_equal(count, 5);
    assert_memory_equal(text, "hello", 5);
    assert_true(tls_connection_write(pair->server, SLICE("world!")));
    assert_int_equal(tls_connection_end_turn(pair->server), TLS_DONE);
    assert_int_equal(tls_fixture_client_read(pair, text, sizeof text), 6);
    assert_memory_equal(text, "world!", 6);
}

struct expectation {
    int version;
    const struct tls_fixture_identity *identity; /* of the client */
    struct tls_fixture_profile profile;
    int verdict;
    enum reason reason; /* REASON_UNDECIDED: the handshake succeeds */
    int alert;
};

static void assert_expectation(const struct expectation *expected)
{
    struct tls_profile *profile = tls_fixture_profile(&expected->profile, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(expected->version, expected->identity);
    struct tls_fixture_pair pair;

    open_pair(&pair, &listener, client);
    pair.owner.verdict = expected->verdict;
    tls_fixture_handshake(&pair);
    assert_int_equal(tls_connection_failure(pair.server).reason, expected->reason);
    assert_int_equal(pair.alert, expected->alert);
    if (expected->reason == REASON_UNDECIDED) {
        assert_int_equal(pair.outcome, TLS_DONE);
        assert_true(tls_connection_facts(pair.server).is_finished);
        /* Never "verified" unless the owner said so: the session remembers it. */
        if (pair.owner.judged_count > 0)
            assert_int_equal(SSL_get_verify_result(pair.server->ssl), expected->verdict);
        assert_int_equal(pair.owner.judged_count,
                         expected->identity != NULL && expected->profile.ask != TLS_ASK_NOBODY);
        assert_speaks(&pair);
    } else {
        assert_int_equal(pair.outcome, TLS_FAILED);
        assert_false(tls_connection_facts(pair.server).is_finished);
        assert_true(strlen(tls_connection_failure(pair.server).detail) > 0);
    }
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

TEST(finishes_with_both_versions_and_both_types_of_key)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        assert_expectation(&(struct expectation){.version = version});
        assert_expectation(
            &(struct expectation){.version = version, .profile = {.rsa_only = true}});
    }
}

TEST(asks_for_a_certificate_as_the_profile_says)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        bool is_13 = version == TLS1_3_VERSION;

        assert_expectation(&(struct expectation){.version = version, .identity = &pki->client});
        assert_expectation(&(struct expectation){.version = version, .profile = {.ask = TLS_ASK}});
        assert_expectation(&(struct expectation){
            .version = version, .identity = &pki->client, .profile = {.ask = TLS_ASK}});
        assert_expectation(&(struct expectation){
            .version = version, .identity = &pki->client_rsa, .profile = {.ask = TLS_ASK}});
        assert_expectation(&(struct expectation){
            .version = version, .identity = &pki->client, .profile = {.ask = TLS_ASK_OR_ALERT}});
        assert_expectation(&(struct expectation){.version = version,
                                                 .profile = {.ask = TLS_ASK_OR_ALERT},
                                                 .reason = REASON_CERTIFICATE_MISSING,
                                                 .alert = is_13 ? SSL_AD_CERTIFICATE_REQUIRED
                                                                : SSL_AD_HANDSHAKE_FAILURE});
    }
}

TEST(lets_a_refused_chain_through_where_the_answer_is_given_by_http)
{
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        assert_expectation(&(struct expectation){.version = version,
                                                 .identity = &tls_fixture_pki()->client,
                                                 .profile = {.ask = TLS_ASK_OR_ALERT},
                                                 .verdict = X509_V_ERR_CERT_HAS_EXPIRED});
}

TEST(ends_a_refused_chain_with_the_alert_that_says_why)
{
    static const struct {
        int verdict;
        int alert;
    } rows[] = {
        {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, SSL_AD_UNKNOWN_CA},
        {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, SSL_AD_UNKNOWN_CA},
        {X509_V_ERR_CERT_HAS_EXPIRED, SSL_AD_CERTIFICATE_EXPIRED},
        {X509_V_ERR_CERT_NOT_YET_VALID, SSL_AD_BAD_CERTIFICATE},
        {X509_V_ERR_CERT_REVOKED, SSL_AD_CERTIFICATE_REVOKED},
        {X509_V_ERR_INVALID_PURPOSE, SSL_AD_UNSUPPORTED_CERTIFICATE},
        {X509_V_ERR_APPLICATION_VERIFICATION, SSL_AD_HANDSHAKE_FAILURE},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
            assert_expectation(
                &(struct expectation){.version = version,
                                      .identity = &tls_fixture_pki()->client,
                                      .profile = {.ask = TLS_ASK, .refuse_by_alert = true},
                                      .verdict = rows[i].verdict,
                                      .reason = REASON_CERTIFICATE_REFUSED,
                                      .alert = rows[i].alert});
}

TEST(names_what_client_and_gateway_do_not_share)
{
    static const char *const h2[] = {"h2", NULL};
    static const char *const both[] = {"h2", "http/1.1", NULL};
    struct tls_fixture_listener listener = {NULL, NULL};
    struct tls_fixture_pair pair;
    SSL_CTX *client = tls_fixture_client(TLS1_2_VERSION, NULL);

    assert_expectation(&(struct expectation){.version = TLS1_2_VERSION,
                                             .profile = {.min_version = TLS_VERSION_1_3},
                                             .reason = REASON_HANDSHAKE_VERSION_UNSUPPORTED,
                                             .alert = SSL_AD_PROTOCOL_VERSION});
    assert_expectation(&(struct expectation){.version = TLS1_3_VERSION,
                                             .profile = {.max_version = TLS_VERSION_1_2},
                                             .reason = REASON_HANDSHAKE_VERSION_UNSUPPORTED,
                                             .alert = SSL_AD_PROTOCOL_VERSION});

    listener.profile = tls_fixture_profile(&(struct tls_fixture_profile){.alpn = NULL}, NULL);
    assert_int_equal(SSL_CTX_set_cipher_list(client, "AES128-SHA256"), 1);
    open_pair(&pair, &listener, client);
    assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
    assert_int_equal(tls_connection_failure(pair.server).reason, REASON_HANDSHAKE_NO_SHARED_CIPHER);
    assert_int_equal(pair.alert, SSL_AD_HANDSHAKE_FAILURE);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);

    client = tls_fixture_client(TLS1_3_VERSION, NULL);
    tls_fixture_set_groups(client, "P-521");
    open_pair(&pair, &listener, client);
    assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
    assert_int_equal(tls_connection_failure(pair.server).reason, REASON_HANDSHAKE_NO_SHARED_CIPHER);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);

    client = tls_fixture_client(TLS1_3_VERSION, NULL);
    assert_int_equal(SSL_CTX_set_alpn_protos(client, (const unsigned char *)"\x02h2", 3), 0);
    open_pair(&pair, &listener, client);
    assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
    assert_int_equal(tls_connection_failure(pair.server).reason,
                     REASON_HANDSHAKE_PROTOCOL_UNSUPPORTED);
    assert_int_equal(pair.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
    tls_fixture_close(&pair);
    tls_profile_release(listener.profile);

    /* The gateway's order counts, and what was agreed on is told. */
    listener.profile = tls_fixture_profile(&(struct tls_fixture_profile){.alpn = both}, NULL);
    assert_int_equal(
        SSL_CTX_set_alpn_protos(client, (const unsigned char *)"\x08http/1.1\x02h2", 12), 0);
    open_pair(&pair, &listener, client);
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    assert_true(slice_equals(tls_connection_facts(pair.server).alpn, slice_from_text(h2[0])));
    tls_fixture_close(&pair);
    tls_profile_release(listener.profile);
    SSL_CTX_free(client);
}

/* With TLS 1.2 a client's ECDSA key must be on one of our groups. That is no failed proof. */
TEST(names_a_client_key_on_a_curve_that_the_profile_leaves_out)
{
    assert_expectation(&(struct expectation){.version = TLS1_2_VERSION,
                                             .identity = &tls_fixture_pki()->client,
                                             .profile = {.ask = TLS_ASK, .groups = "X25519"},
                                             .reason = REASON_CERTIFICATE_KEY_UNACCEPTABLE,
                                             .alert = SSL_AD_ILLEGAL_PARAMETER});
    assert_expectation(&(struct expectation){.version = TLS1_3_VERSION,
                                             .identity = &tls_fixture_pki()->client,
                                             .profile = {.ask = TLS_ASK, .groups = "X25519"}});
}

/* ---- SNI ---- */

static int group_of(SSL *client)
{
    EVP_PKEY *key = NULL;
    char name[64] = "";

    assert_int_equal(SSL_get_peer_tmp_key(client, &key), 1);
    assert_int_equal(EVP_PKEY_get_group_name(key, name, sizeof name, NULL), 1);
    EVP_PKEY_free(key);
    return OBJ_txt2nid(name);
}

TEST(chooses_by_server_name_before_anything_is_negotiated)
{
    static const char *const h2[] = {"h2", NULL};
    struct tls_profile *first = tls_fixture_profile(
        &(struct tls_fixture_profile){
            .min_version = TLS_VERSION_1_3, .groups = "P-384", .rsa_only = true, .context = 1},
        NULL);
    struct tls_profile *second =
        tls_fixture_profile(&(struct tls_fixture_profile){.max_version = TLS_VERSION_1_2,
                                                          .ask = TLS_ASK_OR_ALERT,
                                                          .groups = "P-256",
                                                          .alpn = h2,
                                                          .context = 2},
                            NULL);
    const struct tls_fixture_listener listeners[] = {{"first.example", first},
                                                     {"second.example", second}};
    struct tls_fixture_pair pair = {.owner = {.listeners = listeners, .listener_count = 2}};
    SSL_CTX *client = tls_fixture_client(TLS1_2_VERSION, &tls_fixture_pki()->client);
    struct tls_facts facts;

    /* The connection begins with the first profile, which has other versions, groups, ... */
    assert_int_equal(SSL_CTX_set_max_proto_version(client, TLS1_3_VERSION), 1);
    assert_int_equal(SSL_CTX_set_alpn_protos(client, (const unsigned char *)"\x02h2", 3), 0);
    tls_fixture_open(&pair, client, "second.example");
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    facts = tls_connection_facts(pair.server);
    assert_string_equal(facts.version, "TLSv1.2");
    assert_true(slice_equals(facts.server_name, SLICE("second.example")));
    assert_true(slice_equals(facts.alpn, SLICE("h2")));
    assert_int_equal(pair.owner.chosen_count, 1);
    assert_int_equal(pair.owner.judged_count, 1);
    assert_int_equal(group_of(pair.client), NID_X9_62_prime256v1);
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(pair.client))),
                     EVP_PKEY_EC);
    tls_fixture_close(&pair);

    pair = (struct tls_fixture_pair){.owner = {.listeners = listeners, .listener_count = 2}};
    assert_int_equal(SSL_CTX_set_alpn_protos(client, NULL, 0), 0);
    tls_fixture_open(&pair, client, "first.example");
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    assert_string_equal(tls_connection_facts(pair.server).version, "TLSv1.3");
    assert_int_equal(pair.owner.judged_count, 0);
    assert_int_equal(group_of(pair.client), NID_secp384r1);
    assert_int_equal(EVP_PKEY_get_base_id(X509_get0_pubkey(SSL_get0_peer_certificate(pair.client))),
                     EVP_PKEY_RSA);
    tls_fixture_close(&pair);

    pair = (struct tls_fixture_pair){.owner = {.listeners = listeners, .listener_count = 2}};
    tls_fixture_open(&pair, client, "third.example");
    assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
    assert_int_equal(pair.alert, SSL_AD_UNRECOGNIZED_NAME);
    assert_int_equal(tls_connection_failure(pair.server).reason, REASON_HANDSHAKE_FAILED);
    tls_fixture_close(&pair);

    SSL_CTX_free(client);
    tls_profile_release(first);
    tls_profile_release(second);
}

TEST(asks_once_when_the_client_has_to_say_hello_again)
{
    struct tls_profile *profile =
        tls_fixture_profile(&(struct tls_fixture_profile){.groups = "P-384"}, NULL);
    struct tls_fixture_listener listener = {"example.com", profile};
    struct tls_fixture_pair pair;
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, NULL);

    tls_fixture_set_groups(client, "X25519:P-384");
    open_pair(&pair, &listener, client);
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    assert_int_equal(pair.owner.chosen_count, 1);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

TEST(refuses_a_malformed_server_name)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    struct tls_fixture_pair pair;
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, NULL);
    char *bytes = NULL;
    long size = 0;
    char *name = NULL;

    open_pair(&pair, &listener, NULL);
    tls_fixture_start_client(&pair, client, "example.com");
    SSL_do_handshake(pair.client);
    size = BIO_get_mem_data(SSL_get_wbio(pair.client), &bytes);
    name = memmem(bytes, (size_t)size, "example.com", 11);
    assert_non_null(name);
    name[3] = '\0';
    tls_fixture_handshake(&pair);
    assert_int_equal(pair.outcome, TLS_FAILED);
    assert_int_equal(pair.owner.chosen_count, 0);
    assert_int_equal(pair.alert, SSL_AD_DECODE_ERROR);
    assert_string_equal(tls_connection_failure(pair.server).detail, "malformed server_name");
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

/* ---- fragments ---- */

static size_t split_at;

static void send_in_two_parts(struct tls_fixture_pair *pair, const unsigned char *bytes,
                              size_t size)
{
    size_t first = split_at < size ? split_at : size;

    if (first > 0)
        tls_fixture_send(pair, bytes, first);
    tls_fixture_server_step(pair);
    if (size > first)
        tls_fixture_send(pair, bytes + first, size - first);
}

TEST(reads_a_client_hello_that_was_split_anywhere)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {"example.com", profile};
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, NULL);

    for (split_at = 0; split_at < 300; split_at++) {
        struct tls_fixture_pair pair;

        open_pair(&pair, &listener, client);
        pair.send = send_in_two_parts;
        assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
        assert_int_equal(pair.owner.chosen_count, 1);
        tls_fixture_close(&pair);
    }
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

/* The ClientHello in as many records as it has bytes; the rest as it is. */
static void send_tiny_records(struct tls_fixture_pair *pair, const unsigned char *bytes,
                              size_t size)
{
    enum { HEADER = 5 };

    if (pair->records++ > 0) {
        tls_fixture_send(pair, bytes, size);
        return;
    }
    for (size_t i = HEADER; i < size; i++) {
        const unsigned char record[HEADER + 1] = {bytes[0], bytes[1], bytes[2], 0, 1, bytes[i]};

        tls_fixture_send(pair, record, sizeof record);
        tls_fixture_server_step(pair);
    }
}

TEST(reads_a_client_hello_in_records_of_one_byte)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {"example.com", profile};
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, NULL);
    struct tls_fixture_pair pair;

    open_pair(&pair, &listener, client);
    pair.send = send_tiny_records;
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    assert_true(slice_equals(tls_connection_facts(pair.server).server_name, SLICE("example.com")));
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

/* ---- proof of possession ---- */

/* The public half of one key and the private half of another. */
static EVP_PKEY *stolen_key(EVP_PKEY *shown, EVP_PKEY *held)
{
    unsigned char point[256];
    size_t size = 0;
    BIGNUM *number = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *parameters = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *made = NULL;

    assert_int_equal(
        EVP_PKEY_get_octet_string_param(shown, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size),
        1);
    assert_int_equal(EVP_PKEY_get_bn_param(held, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, size);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number);
    parameters = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, parameters), 1);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    BN_clear_free(number);
    return made;
}

TEST(believes_nobody_who_signs_with_another_key)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();
    struct tls_fixture_identity thief = {stolen_key(pki->client.key, pki->root.key),
                                         pki->client.certificate};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++)
        assert_expectation(&(struct expectation){.version = version,
                                                 .identity = &thief,
                                                 .profile = {.ask = TLS_ASK},
                                                 .reason = REASON_POSSESSION_UNPROVEN,
                                                 .alert = SSL_AD_DECRYPT_ERROR});
    EVP_PKEY_free(thief.key);
}

enum { TYPE_HANDSHAKE = 22, TYPE_DATA = 23, MESSAGE_CERTIFICATE_VERIFY = 15 };

typedef bool record_filter(struct tls_fixture_pair *pair, const unsigned char *record);

static void send_filtered(struct tls_fixture_pair *pair, const unsigned char *bytes, size_t size,
                          record_filter *passes)
{
    for (size_t at = 0; at + 5 <= size;) {
        size_t record = 5 + ((size_t)bytes[at + 3] << 8 | bytes[at + 4]);

        if (passes(pair, bytes + at))
            tls_fixture_send(pair, bytes + at, record);
        at += record;
    }
}

static bool is_not_certificate_verify(struct tls_fixture_pair *pair, const unsigned char *record)
{
    (void)pair;
    return record[0] != TYPE_HANDSHAKE || record[5] != MESSAGE_CERTIFICATE_VERIFY;
}

/* TLS 1.2 sends it in clear, so it can be taken out. */
static void send_without_certificate_verify(struct tls_fixture_pair *pair,
                                            const unsigned char *bytes, size_t size)
{
    send_filtered(pair, bytes, size, is_not_certificate_verify);
}

static bool is_not_second_data(struct tls_fixture_pair *pair, const unsigned char *record)
{
    return record[0] != TYPE_DATA || ++pair->records != 2;
}

/* With TLS 1.3: Certificate, CertificateVerify, Finished, a record each. */
static void send_without_second_data(struct tls_fixture_pair *pair, const unsigned char *bytes,
                                     size_t size)
{
    send_filtered(pair, bytes, size, is_not_second_data);
}

static bool is_before_second_data(struct tls_fixture_pair *pair, const unsigned char *record)
{
    return record[0] != TYPE_DATA || ++pair->records < 2;
}

static void send_until_second_data(struct tls_fixture_pair *pair, const unsigned char *bytes,
                                   size_t size)
{
    send_filtered(pair, bytes, size, is_before_second_data);
    if (pair->records >= 2)
        tls_fixture_hang_up(pair);
}

static bool is_before_third_data(struct tls_fixture_pair *pair, const unsigned char *record)
{
    return record[0] != TYPE_DATA || ++pair->records < 3;
}

static void send_until_third_data(struct tls_fixture_pair *pair, const unsigned char *bytes,
                                  size_t size)
{
    send_filtered(pair, bytes, size, is_before_third_data);
    if (pair->records >= 3)
        tls_fixture_hang_up(pair);
}

static void assert_reason_when_sent(int version,
                                    void (*send)(struct tls_fixture_pair *, const unsigned char *,
                                                 size_t),
                                    enum reason reason)
{
    struct tls_profile *profile =
        tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(version, &tls_fixture_pki()->client);
    struct tls_fixture_pair pair;

    open_pair(&pair, &listener, client);
    pair.send = send;
    tls_fixture_handshake(&pair);
    assert_int_equal(pair.outcome, TLS_FAILED);
    assert_int_equal(pair.owner.judged_count, 1);
    assert_int_equal(tls_connection_failure(pair.server).reason, reason);
    assert_false(tls_connection_facts(pair.server).is_finished);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

TEST(believes_nobody_who_does_not_sign)
{
    assert_reason_when_sent(TLS1_2_VERSION, send_without_certificate_verify,
                            REASON_POSSESSION_UNPROVEN);
    assert_reason_when_sent(TLS1_3_VERSION, send_without_second_data, REASON_POSSESSION_UNPROVEN);
    assert_reason_when_sent(TLS1_3_VERSION, send_until_second_data, REASON_POSSESSION_UNPROVEN);
}

TEST(tells_who_left_after_the_proof_from_who_never_gave_one)
{
    assert_reason_when_sent(TLS1_3_VERSION, send_until_third_data, REASON_HANDSHAKE_ABANDONED);
}

/* ---- chains that cannot even be read ---- */

TEST(refuses_a_chain_that_is_too_large)
{
    struct tls_profile *profile =
        tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *client = tls_fixture_client(version, &tls_fixture_pki()->client);
        struct tls_fixture_pair pair;

        for (int i = 0; i < 120; i++)
            SSL_CTX_add1_chain_cert(client, tls_fixture_pki()->intermediate.certificate);
        open_pair(&pair, &listener, client);
        assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
        assert_int_equal(tls_connection_failure(pair.server).reason,
                         REASON_CERTIFICATE_CHAIN_TOO_LARGE);
        assert_int_equal(pair.owner.judged_count, 0);
        tls_fixture_close(&pair);
        SSL_CTX_free(client);
    }
    tls_profile_release(profile);
}

TEST(shows_the_owner_the_leaf_and_what_came_with_it)
{
    struct tls_profile *profile =
        tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, &tls_fixture_pki()->client);
    struct tls_fixture_pair pair;

    SSL_CTX_add1_chain_cert(client, tls_fixture_pki()->intermediate.certificate);
    open_pair(&pair, &listener, client);
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    assert_int_equal(pair.owner.untrusted_count, 1);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

enum { MESSAGE_CERTIFICATE = 11, FIRST_CERTIFICATE = 15 /* after four headers */ };

static void send_broken_certificate(struct tls_fixture_pair *pair, const unsigned char *bytes,
                                    size_t size)
{
    unsigned char copy[16384];

    assert_true(size <= sizeof copy);
    memcpy(copy, bytes, size);
    if (copy[0] == TYPE_HANDSHAKE && copy[5] == MESSAGE_CERTIFICATE)
        copy[FIRST_CERTIFICATE] ^= 0xff;
    tls_fixture_send(pair, copy, size);
}

TEST(refuses_a_certificate_that_is_not_one)
{
    struct tls_profile *profile =
        tls_fixture_profile(&(struct tls_fixture_profile){.ask = TLS_ASK}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(TLS1_2_VERSION, &tls_fixture_pki()->client);
    struct tls_fixture_pair pair;

    open_pair(&pair, &listener, client);
    pair.send = send_broken_certificate;
    assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
    assert_int_equal(tls_connection_failure(pair.server).reason, REASON_CERTIFICATE_MALFORMED);
    assert_int_equal(pair.alert, SSL_AD_DECODE_ERROR);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

/* ---- clients that go, or refuse ---- */

TEST(names_a_client_that_leaves)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, NULL);
    struct tls_fixture_pair pair;

    open_pair(&pair, &listener, client);
    tls_fixture_hang_up(&pair);
    assert_int_equal(tls_connection_handshake(pair.server), TLS_FAILED);
    assert_int_equal(tls_connection_failure(pair.server).reason, REASON_HANDSHAKE_ABANDONED);
    tls_fixture_close(&pair);

    open_pair(&pair, &listener, client);
    tls_fixture_client_step(&pair);
    assert_int_equal(tls_connection_handshake(pair.server), TLS_WANTS_READ);
    assert_false(tls_connection_has_input(pair.server));
    assert_int_equal(tls_connection_end_turn(pair.server), TLS_DONE);
    tls_fixture_hang_up(&pair);
    assert_int_equal(tls_connection_handshake(pair.server), TLS_FAILED);
    assert_int_equal(tls_connection_failure(pair.server).reason, REASON_HANDSHAKE_ABANDONED);
    assert_true(strlen(tls_connection_failure(pair.server).detail) > 0);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

TEST(names_the_alert_of_a_client_that_refuses)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *client = tls_fixture_client(version, NULL);
        struct tls_fixture_pair pair;

        SSL_CTX_set_verify(client, SSL_VERIFY_PEER, NULL);
        open_pair(&pair, &listener, client);
        assert_int_equal(tls_fixture_handshake(&pair), TLS_FAILED);
        assert_int_equal(tls_connection_failure(pair.server).reason,
                         REASON_HANDSHAKE_REFUSED_BY_CLIENT);
        assert_non_null(strstr(tls_connection_failure(pair.server).detail, "unknown CA"));
        tls_fixture_close(&pair);
        SSL_CTX_free(client);
    }
    tls_profile_release(profile);
}

static void assert_first_bytes(const char *bytes, size_t size, enum tls_outcome outcome,
                               bool is_plain_http)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    struct tls_fixture_pair pair;
    char answer[64];

    open_pair(&pair, &listener, NULL);
    /* Byte by byte, with a turn for each. */
    for (size_t i = 0; i < size; i++) {
        tls_fixture_send(&pair, bytes + i, 1);
        tls_fixture_server_step(&pair);
    }
    assert_int_equal(pair.outcome, outcome);
    assert_int_equal(tls_connection_is_plain_http(pair.server), is_plain_http);
    if (outcome == TLS_FAILED)
        assert_int_equal(tls_connection_failure(pair.server).reason, REASON_HANDSHAKE_NOT_TLS);

    /* An answer in clear, for plain HTTP and nobody else. */
    assert_int_equal(tls_connection_write_raw(pair.server, SLICE("HTTP/1.1 400 \r\n")),
                     is_plain_http);
    tls_connection_end_turn(pair.server);
    assert_int_equal(recv(pair.client_fd, answer, sizeof answer, 0), is_plain_http ? 15 : -1);
    tls_fixture_close(&pair);
    tls_profile_release(profile);
}

TEST(knows_plain_http_from_tls_and_both_from_anything_else)
{
    assert_first_bytes("GET / HTTP/1.1\r\n\r\n", 18, TLS_FAILED, true);
    assert_first_bytes("OPTIONS * HTTP/1.1\r\n", 20, TLS_FAILED, true);
    assert_first_bytes("PRI * HTTP/2.0\r\n", 16, TLS_FAILED, true);
    assert_first_bytes("DELE", 4, TLS_WANTS_READ, false);
    assert_first_bytes("SSH-2.0-OpenSSH\r\n", 17, TLS_FAILED, false);
    assert_first_bytes("GETS ", 5, TLS_FAILED, false);
    assert_first_bytes("\x80\x2e\x01\x00\x02", 5, TLS_FAILED, false); /* SSL 2.0 */
    assert_first_bytes("\x15\x03\x01\x00\x02\x02\x28", 7, TLS_FAILED, false);
    assert_first_bytes("\x16\x03\x01\x00", 4, TLS_WANTS_READ, false);
    assert_first_bytes("\x16\x13\x12\x11\x10\x09", 6, TLS_FAILED, false);
}

/* ---- after the handshake ---- */

static void open_finished(struct tls_fixture_pair *pair, struct tls_fixture_listener *listener,
                          SSL_CTX *client)
{
    open_pair(pair, listener, client);
    assert_int_equal(tls_fixture_handshake(pair), TLS_DONE);
}

TEST(tells_close_notify_from_truncation)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};

    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        SSL_CTX *client = tls_fixture_client(version, NULL);
        struct tls_fixture_pair pair;
        char text[16];
        size_t count = 0;

        /* The bytes first, the end afterwards, and an answer is still possible. */
        open_finished(&pair, &listener, client);
        tls_fixture_client_write(&pair, "bye");
        SSL_shutdown(pair.client);
        tls_fixture_flush(&pair);
        assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_DONE);
        assert_int_equal(count, 3);
        assert_true(tls_connection_has_input(pair.server));
        assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_CLOSED);
        assert_false(tls_connection_has_input(pair.server));
        assert_false(tls_connection_facts(pair.server).is_truncated);
        assert_true(tls_connection_write(pair.server, SLICE("answer")));
        tls_connection_close_write(pair.server);
        assert_int_equal(tls_connection_room(pair.server), 0);
        assert_int_equal(tls_connection_end_turn(pair.server), TLS_DONE);
        assert_int_equal(tls_fixture_client_read(&pair, text, sizeof text), 6);
        assert_true(tls_fixture_client_read(&pair, text, sizeof text) <= 0);
        assert_int_equal(SSL_get_shutdown(pair.client) & SSL_RECEIVED_SHUTDOWN,
                         SSL_RECEIVED_SHUTDOWN);
        tls_fixture_close(&pair);

        open_finished(&pair, &listener, client);
        tls_fixture_client_write(&pair, "bye");
        shutdown(pair.client_fd, SHUT_WR);
        assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_DONE);
        assert_int_equal(tls_connection_end_turn(pair.server), TLS_DONE);
        assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_CLOSED);
        assert_true(tls_connection_facts(pair.server).is_truncated);
        assert_true(tls_connection_write(pair.server, SLICE("answer")));
        assert_int_equal(tls_connection_end_turn(pair.server), TLS_DONE);
        assert_int_equal(tls_fixture_client_read(&pair, text, sizeof text), 6);
        tls_fixture_close(&pair);
        SSL_CTX_free(client);
    }
    tls_profile_release(profile);
}

TEST(fails_on_a_record_that_was_changed)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, NULL);
    struct tls_fixture_pair pair;
    char *bytes = NULL;
    char text[16];
    size_t count = 0;
    long size = 0;

    open_finished(&pair, &listener, client);
    assert_int_equal(SSL_write(pair.client, "hello", 5), 5);
    size = BIO_get_mem_data(SSL_get_wbio(pair.client), &bytes);
    bytes[size - 1] ^= 1;
    tls_fixture_flush(&pair);
    assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_FAILED);
    assert_int_equal(tls_connection_failure(pair.server).reason, REASON_REQUEST_ABANDONED);
    assert_int_equal(tls_connection_room(pair.server), 0);
    assert_false(tls_connection_write(pair.server, SLICE("x")));
    tls_connection_end_turn(pair.server);
    tls_fixture_client_read(&pair, text, sizeof text);
    assert_int_equal(pair.alert, SSL_AD_BAD_RECORD_MAC);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

TEST(does_not_let_the_client_renegotiate)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(TLS1_2_VERSION, NULL);
    struct tls_fixture_pair pair;
    char text[16];
    size_t count = 0;

    open_finished(&pair, &listener, client);
    assert_int_equal(SSL_renegotiate(pair.client), 1);
    SSL_do_handshake(pair.client);
    tls_fixture_flush(&pair);
    assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_WANTS_READ);
    assert_int_equal(pair.owner.chosen_count, 1);
    assert_int_equal(tls_connection_end_turn(pair.server), TLS_DONE);
    tls_fixture_client_read(&pair, text, sizeof text);
    assert_int_equal(pair.alert, SSL_AD_NO_RENEGOTIATION);
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

static void update_key(struct tls_fixture_pair *pair)
{
    assert_int_equal(SSL_key_update(pair->client, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(pair->client), 1);
}

TEST(follows_new_keys_but_not_without_end)
{
    struct tls_profile *profile = tls_fixture_profile(&(struct tls_fixture_profile){0}, NULL);
    struct tls_fixture_listener listener = {NULL, profile};
    SSL_CTX *client = tls_fixture_client(TLS1_3_VERSION, NULL);
    struct tls_fixture_pair pair;
    char text[16];
    size_t count = 0;

    open_finished(&pair, &listener, client);
    for (int i = 0; i < 30; i++)
        update_key(&pair);
    assert_speaks(&pair);

    tls_fixture_client_write(&pair, "last");
    for (int i = 0; i < 30; i++)
        update_key(&pair);
    tls_fixture_flush(&pair);
    assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_DONE);
    /* Nobody would ask again if this were not input. */
    assert_true(tls_connection_has_input(pair.server));
    assert_int_equal(tls_connection_read(pair.server, text, sizeof text, &count), TLS_FAILED);
    assert_string_equal(tls_connection_failure(pair.server).detail, "too many KeyUpdate messages");
    tls_fixture_close(&pair);
    SSL_CTX_free(client);
    tls_profile_release(profile);
}

int main(void)
{
    return RUN_TESTS(
        cmocka_unit_test(finishes_with_both_versions_and_both_types_of_key),
        cmocka_unit_test(asks_for_a_certificate_as_the_profile_says),
        cmocka_unit_test(lets_a_refused_chain_through_where_the_answer_is_given_by_http),
        cmocka_unit_test(ends_a_refused_chain_with_the_alert_that_says_why),
        cmocka_unit_test(names_what_client_and_gateway_do_not_share),
        cmocka_unit_test(names_a_client_key_on_a_curve_that_the_profile_leaves_out),
        cmocka_unit_test(chooses_by_server_name_before_anything_is_negotiated),
        cmocka_unit_test(asks_once_when_the_client_has_to_say_hello_again),
        cmocka_unit_test(refuses_a_malformed_server_name),
        cmocka_unit_test(reads_a_client_hello_that_was_split_anywhere),
        cmocka_unit_test(reads_a_client_hello_in_records_of_one_byte),
        cmocka_unit_test(believes_nobody_who_signs_with_another_key),
        cmocka_unit_test(believes_nobody_who_does_not_sign),
        cmocka_unit_test(tells_who_left_after_the_proof_from_who_never_gave_one),
        cmocka_unit_test(refuses_a_chain_that_is_too_large),
        cmocka_unit_test(shows_the_owner_the_leaf_and_what_came_with_it),
        cmocka_unit_test(refuses_a_certificate_that_is_not_one),
        cmocka_unit_test(names_a_client_that_leaves),
        cmocka_unit_test(names_the_alert_of_a_client_that_refuses),
        cmocka_unit_test(knows_plain_http_from_tls_and_both_from_anything_else),
        cmocka_unit_test(tells_close_notify_from_truncation),
        cmocka_unit_test(fails_on_a_record_that_was_changed),
        cmocka_unit_test(does_not_let_the_client_renegotiate),
        cmocka_unit_test(follows_new_keys_but_not_without_end));
}
