/* SPDX-License-Identifier: Apache-2.0
 *
 * One table for libssl's reasons, and the few that depend on where the handshake was.
 */
#include "protocol/tls/tls_failure_internal.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int library_reason;
    enum reason reason;
} reasons[] = {
    {SSL_R_HTTP_REQUEST, REASON_HANDSHAKE_NOT_TLS},
    {SSL_R_HTTPS_PROXY_REQUEST, REASON_HANDSHAKE_NOT_TLS},
    {SSL_R_UNSUPPORTED_PROTOCOL, REASON_HANDSHAKE_VERSION_UNSUPPORTED},
    {SSL_R_UNKNOWN_PROTOCOL, REASON_HANDSHAKE_VERSION_UNSUPPORTED},
    {SSL_R_VERSION_TOO_LOW, REASON_HANDSHAKE_VERSION_UNSUPPORTED},
    {SSL_R_VERSION_TOO_HIGH, REASON_HANDSHAKE_VERSION_UNSUPPORTED},
    {SSL_R_WRONG_SSL_VERSION, REASON_HANDSHAKE_VERSION_UNSUPPORTED},
    {SSL_R_INAPPROPRIATE_FALLBACK, REASON_HANDSHAKE_VERSION_UNSUPPORTED},
    {SSL_R_NO_SHARED_CIPHER, REASON_HANDSHAKE_NO_SHARED_CIPHER},
    {SSL_R_NO_SHARED_GROUPS, REASON_HANDSHAKE_NO_SHARED_CIPHER},
    {SSL_R_NO_SUITABLE_GROUPS, REASON_HANDSHAKE_NO_SHARED_CIPHER},
    {SSL_R_NO_SUITABLE_KEY_SHARE, REASON_HANDSHAKE_NO_SHARED_CIPHER},
    {SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, REASON_HANDSHAKE_NO_SHARED_CIPHER},
    {SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, REASON_HANDSHAKE_NO_SHARED_CIPHER},
    {SSL_R_UNSUPPORTED_ELLIPTIC_CURVE, REASON_HANDSHAKE_NO_SHARED_CIPHER},
    {SSL_R_NO_APPLICATION_PROTOCOL, REASON_HANDSHAKE_PROTOCOL_UNSUPPORTED},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, REASON_CERTIFICATE_MISSING},
    {SSL_R_CERTIFICATE_VERIFY_FAILED, REASON_CERTIFICATE_REFUSED},
    {SSL_R_CERT_LENGTH_MISMATCH, REASON_CERTIFICATE_MALFORMED},
};

enum {
    /* libssl numbers a received alert as its description plus SSL_AD_REASON_OFFSET. */
    ALERT_MAX = 255
};

static bool is_alert(unsigned long code)
{
    int reason = ERR_GET_REASON(code);

    return ERR_GET_LIB(code) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
           reason <= SSL_AD_REASON_OFFSET + ALERT_MAX;
}

/* The last error of libssl itself, which says what it was doing, and the first of all, which says
 * what went wrong below it. */
static void take_errors(unsigned long *last, unsigned long *first)
{
    unsigned long code = ERR_get_error();

    *last = *first = code;
    for (; code != 0; code = ERR_get_error()) {
        if (ERR_GET_LIB(code) == ERR_LIB_SSL)
            *last = code;
    }
}

static bool is_before_client_hello(const struct tls_connection *connection)
{
    return !connection->is_profile_chosen;
}

static bool is_reading_certificate(const struct tls_connection *connection)
{
    return connection->proof == TLS_PROOF_NOT_NEEDED &&
           SSL_get_state(connection->ssl) == TLS_ST_SR_CERT;
}

static bool is_possession_unproven(const struct tls_connection *connection)
{
    if (connection->stage == TLS_STAGE_OPEN || connection->proof == TLS_PROOF_NOT_NEEDED)
        return false;
    return connection->proof == TLS_PROOF_AWAITED ||
           SSL_get_state(connection->ssl) == TLS_ST_SR_CERT_VRFY;
}

static enum reason find_reason(const struct tls_connection *connection, unsigned long code)
{
    int library_reason = ERR_GET_REASON(code);

    if (connection->stage == TLS_STAGE_OPEN)
        return REASON_REQUEST_ABANDONED;
    if (is_alert(code))
        return REASON_HANDSHAKE_REFUSED_BY_CLIENT;
    if (library_reason == SSL_R_WRONG_VERSION_NUMBER && is_before_client_hello(connection))
        return REASON_HANDSHAKE_NOT_TLS;
    if (is_reading_certificate(connection)) {
        if (library_reason == SSL_R_EXCESSIVE_MESSAGE_SIZE)
            return REASON_CERTIFICATE_CHAIN_TOO_LARGE;
        if (library_reason == ERR_R_ASN1_LIB)
            return REASON_CERTIFICATE_MALFORMED;
    }
    /* A signature with TLS 1.2 on a curve that is not among our groups; it was not looked at. */
    if (library_reason == SSL_R_WRONG_CURVE && is_possession_unproven(connection))
        return REASON_CERTIFICATE_KEY_UNACCEPTABLE;
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (ERR_GET_LIB(code) == ERR_LIB_SSL && reasons[i].library_reason == library_reason)
            return reasons[i].reason;
    }
    return is_possession_unproven(connection) ? REASON_POSSESSION_UNPROVEN
                                              : REASON_HANDSHAKE_FAILED;
}

static const char *words_of(unsigned long code)
{
    const char *words = code == 0 ? NULL : ERR_reason_error_string(code);

    return words == NULL ? "unknown error" : words;
}

struct tls_failure tls_failure_classify(const struct tls_connection *connection)
{
    struct tls_failure failure = {.reason = REASON_UNDECIDED};
    unsigned long last = 0;
    unsigned long first = 0;

    take_errors(&last, &first);
    failure.reason = find_reason(connection, last);
    if (is_alert(last))
        snprintf(failure.detail, sizeof failure.detail, "the client sent the alert: %s",
                 SSL_alert_desc_string_long(ERR_GET_REASON(last) - SSL_AD_REASON_OFFSET));
    else if (first != last)
        snprintf(failure.detail, sizeof failure.detail, "%s: %s", words_of(last), words_of(first));
    else
        snprintf(failure.detail, sizeof failure.detail, "%s", words_of(last));
    return failure;
}

struct tls_failure tls_failure_of_end(const struct tls_connection *connection)
{
    struct tls_failure failure = {.reason = REASON_HANDSHAKE_ABANDONED};
    int code = connection->bio.broken;

    if (connection->stage == TLS_STAGE_OPEN)
        failure.reason = REASON_REQUEST_ABANDONED;
    else if (connection->proof == TLS_PROOF_AWAITED)
        failure.reason = REASON_POSSESSION_UNPROVEN;
    snprintf(failure.detail, sizeof failure.detail, "%s",
             code > 0 ? strerror(code) : "the client closed the connection");
    return failure;
}
