/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection to a server: the handshake with its checks, reading and writing through the BIO of
 * turns. A resumed session was checked when it was made, so that only time can have ended it: the
 * certificate's validity is looked at again.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "protocol/tls/tls_bio_internal.h"
#include "protocol/tls/tls_client_internal.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { SESSION_SECONDS_MAX = 3600, ALERT_MAX = 255 };

enum client_stage { CLIENT_HANDSHAKING, CLIENT_OPEN, CLIENT_FAILED };

struct tls_client_connection {
    SSL *ssl;
    struct tls_bio bio;
    enum client_stage stage;
    SSL_SESSION *fresh;      /* NULL: none that was not taken */
    int64_t not_after;       /* of the server's certificate */
    bool is_reading_blocked; /* libssl must answer first, and the output was full */
    bool is_write_closed;
    bool has_read;
    struct tls_client_failure failure;
};

static SSL_SESSION *library_session(struct tls_client_session *session)
{
    return (SSL_SESSION *)(void *)session;
}

static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* ---- failure ---- */

static enum tls_outcome fail(struct tls_client_connection *connection, enum reason reason,
                             const char *detail)
{
    if (connection->stage != CLIENT_FAILED)
        connection->failure = (struct tls_client_failure){reason, detail};
    connection->stage = CLIENT_FAILED;
    forget_errors();
    return TLS_FAILED;
}

struct tls_client_failure tls_client_connection_failure(
    const struct tls_client_connection *connection)
{
    return connection->failure;
}

static enum reason reason_of_verification(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return REASON_BACKEND_CERTIFICATE_EXPIRED;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return REASON_BACKEND_CERTIFICATE_NAME;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
        return REASON_BACKEND_CERTIFICATE_UNTRUSTED;
    default:
        return REASON_BACKEND_CERTIFICATE_INVALID;
    }
}

static const char *words_of(unsigned long code)
{
    const char *words = code == 0 ? NULL : ERR_reason_error_string(code);

    return words == NULL ? "unknown error" : words;
}

static bool is_version_error(int reason)
{
    return reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION ||
           reason == SSL_R_VERSION_TOO_LOW || reason == SSL_R_VERSION_TOO_HIGH ||
           reason == SSL_R_TLSV1_ALERT_PROTOCOL_VERSION;
}

static enum tls_outcome fail_by_library(struct tls_client_connection *connection)
{
    unsigned long code = ERR_peek_last_error();
    int reason = ERR_GET_REASON(code);
    bool is_ssl = ERR_GET_LIB(code) == ERR_LIB_SSL;

    if (is_ssl && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
        long result = SSL_get_verify_result(connection->ssl);

        return fail(connection, reason_of_verification(result),
                    X509_verify_cert_error_string(result));
    }
    if (is_ssl && is_version_error(reason))
        return fail(connection, REASON_BACKEND_TLS_VERSION, words_of(code));
    /* An alert, numbered as its description plus SSL_AD_REASON_OFFSET. With TLS 1.3 a refusal of
     * our certificate comes after our handshake. */
    if (is_ssl && reason >= SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + ALERT_MAX)
        return fail(connection, REASON_BACKEND_TLS_REFUSED,
                    SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET));
    if (is_ssl && reason == SSL_R_WRONG_VERSION_NUMBER)
        return fail(connection, REASON_BACKEND_TLS_FAILED, "the backend does not speak TLS");
    return fail(connection, REASON_BACKEND_TLS_FAILED, words_of(code));
}

static enum tls_outcome fail_by_end(struct tls_client_connection *connection)
{
    if (connection->stage == CLIENT_HANDSHAKING)
        return fail(connection, REASON_BACKEND_TLS_FAILED, "closed within the handshake");
    return fail(connection, REASON_BACKEND_CLOSED, "closed without close_notify");
}

/* ---- making one ---- */

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* False when the name cannot be checked, so that nothing may be sent. */
static bool expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(ssl);
    union { /* libssl copies it, and takes it as if it did not */
        const char *constant;
        char *text;
    } sent = {.constant = name};

    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                                    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1;
    return name[0] != '\0' && X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1 &&
           SSL_set_tlsext_host_name(ssl, sent.text) == 1;
}

/* Libssl takes a session of TLS 1.3 for used up when it was offered once, which is for the privacy
 * of people. A copy is used up instead. */
static void offer(SSL *ssl, struct tls_client_session *session)
{
    SSL_SESSION *copy = NULL;

    if (session != NULL && SSL_SESSION_is_resumable(library_session(session)) == 1)
        copy = SSL_SESSION_dup(library_session(session));
    if (copy != NULL)
        (void)SSL_set_session(ssl, copy);
    SSL_SESSION_free(copy);
}

struct tls_client_connection *tls_client_connection_create(struct tls_turn *turn,
                                                           const struct tls_client_profile *profile,
                                                           int fd, const char *host,
                                                           struct tls_client_session *session)
{
    struct tls_client_connection *connection = memory_try_allocate(sizeof *connection);
    const char *name = tls_client_profile_server_name(profile);
    BIO *library_bio;

    if (connection == NULL)
        return NULL;
    connection->stage = CLIENT_HANDSHAKING;
    tls_bio_init(&connection->bio, turn, fd);
    connection->ssl = SSL_new(tls_client_profile_context(profile));
    library_bio = tls_bio_open(&connection->bio);
    if (connection->ssl == NULL || library_bio == NULL ||
        SSL_set_app_data(connection->ssl, connection) != 1) {
        BIO_free(library_bio);
        SSL_free(connection->ssl);
        memory_release(connection);
        forget_errors();
        return NULL;
    }
    SSL_set_bio(connection->ssl, library_bio, library_bio);
    SSL_set_connect_state(connection->ssl);
    if (!expect_name(connection->ssl, name == NULL ? host : name))
        (void)fail(connection, REASON_BACKEND_CERTIFICATE_NAME, "the name cannot be checked");
    offer(connection->ssl, session);
    forget_errors();
    return connection;
}

void tls_client_connection_destroy(struct tls_client_connection *connection)
{
    if (connection == NULL)
        return;
    SSL_set_shutdown(connection->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(connection->ssl);
    SSL_SESSION_free(connection->fresh);
    tls_bio_reset(&connection->bio);
    memory_release(connection);
}

/* ---- sessions ---- */

int tls_client_on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_client_connection *connection = SSL_get_app_data(ssl);

    if (SSL_SESSION_get_timeout(session) > SESSION_SECONDS_MAX)
        SSL_SESSION_set_timeout(session, SESSION_SECONDS_MAX);
    SSL_SESSION_free(connection->fresh);
    connection->fresh = session;
    return 1;
}

struct tls_client_session *tls_client_take_session(struct tls_client_connection *connection)
{
    SSL_SESSION *session = connection->fresh;

    connection->fresh = NULL;
    return (struct tls_client_session *)(void *)session;
}

void tls_client_session_release(struct tls_client_session *session)
{
    SSL_SESSION_free(library_session(session));
}

bool tls_client_was_resumed(const struct tls_client_connection *connection)
{
    return connection->stage == CLIENT_OPEN && SSL_session_reused(connection->ssl) == 1;
}

/* ---- the handshake ---- */

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm parts;

    if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1)
        return 0;
    return (int64_t)timegm(&parts);
}

bool tls_client_has_expired(const struct tls_client_connection *connection, int64_t now)
{
    return now > connection->not_after;
}

static enum tls_outcome finish_handshake(struct tls_client_connection *connection)
{
    const X509 *leaf = SSL_get0_peer_certificate(connection->ssl);

    connection->not_after = leaf == NULL ? 0 : seconds_of(X509_get0_notAfter(leaf));
    if (leaf == NULL || SSL_get_verify_result(connection->ssl) != X509_V_OK)
        return fail(connection, REASON_BACKEND_CERTIFICATE_INVALID, "it was not verified");
    if (SSL_session_reused(connection->ssl) == 1 &&
        tls_client_has_expired(connection, clock_wall_seconds()))
        return fail(connection, REASON_BACKEND_CERTIFICATE_EXPIRED, "certificate has expired");
    connection->stage = CLIENT_OPEN;
    return TLS_DONE;
}

static enum tls_outcome wait_for_input(struct tls_client_connection *connection)
{
    if (connection->bio.is_ended || connection->bio.broken != 0)
        return fail_by_end(connection);
    return TLS_WANTS_READ;
}

enum tls_outcome tls_client_handshake(struct tls_client_connection *connection)
{
    int result;

    if (connection->stage != CLIENT_HANDSHAKING)
        return connection->stage == CLIENT_OPEN ? TLS_DONE : TLS_FAILED;
    forget_errors();
    result = SSL_do_handshake(connection->ssl);
    if (result == 1)
        return finish_handshake(connection);
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for_input(connection);
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return fail_by_end(connection);
    default:
        return fail_by_library(connection);
    }
}

/* ---- reading and writing ---- */

enum tls_outcome tls_client_read(struct tls_client_connection *connection, char *memory,
                                 size_t size, size_t *count)
{
    int result;

    assert(size > 0);
    if (connection->stage != CLIENT_OPEN)
        return TLS_FAILED;
    connection->is_reading_blocked = false;
    forget_errors();
    result = SSL_read_ex(connection->ssl, memory, size, count);
    if (result == 1)
        return TLS_DONE;
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for_input(connection);
    case SSL_ERROR_WANT_WRITE:
        connection->is_reading_blocked = true;
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        return fail_by_library(connection);
    }
}

bool tls_client_has_input(const struct tls_client_connection *connection)
{
    return connection->stage == CLIENT_OPEN &&
           (SSL_pending(connection->ssl) > 0 || tls_bio_has_input(&connection->bio));
}

bool tls_client_write(struct tls_client_connection *connection, struct slice bytes)
{
    size_t records = bytes.size / TLS_FRAGMENT_BYTES + 1;
    size_t written = 0;

    if (connection->stage != CLIENT_OPEN || connection->is_write_closed ||
        tls_bio_has_tail(&connection->bio) ||
        bytes.size + records * TLS_RECORD_OVERHEAD > tls_bio_output_room(&connection->bio))
        return false;
    if (bytes.size == 0)
        return true;
    forget_errors();
    if (SSL_write_ex(connection->ssl, bytes.data, bytes.size, &written) == 1)
        return true;
    (void)fail_by_library(connection);
    return false;
}

void tls_client_close_write(struct tls_client_connection *connection)
{
    if (connection->stage != CLIENT_OPEN || connection->is_write_closed)
        return;
    connection->is_write_closed = true;
    forget_errors();
    SSL_shutdown(connection->ssl);
    forget_errors();
}

bool tls_client_has_tail(const struct tls_client_connection *connection)
{
    return tls_bio_has_tail(&connection->bio);
}

enum tls_outcome tls_client_end_turn(struct tls_client_connection *connection)
{
    enum tls_outcome outcome = tls_bio_end_turn(&connection->bio);

    if (outcome == TLS_FAILED && connection->stage != CLIENT_FAILED)
        return fail_by_end(connection);
    return outcome;
}
