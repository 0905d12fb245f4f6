/* SPDX-License-Identifier: Apache-2.0
 *
 * The answers. What the owner does inside a callback may leave errors in the thread's queue, where
 * SSL_get_error would take them for its own: they are taken out again.
 */
#include "protocol/tls/tls_callbacks_internal.h"

#include <openssl/err.h>

#include "protocol/tls/tls_connection_internal.h"
#include "protocol/tls/tls_key_log.h"
#include "protocol/tls/tls_profile_internal.h"
#include "protocol/tls/tls_server_name_internal.h"
#include "protocol/tls/tls_session_store_internal.h"
#include "runtime/memory.h"

enum {
    /* RFC 8446 section 4.6.3 sets no limit on KeyUpdate, and neither does OpenSSL. Nobody needs
     * more than one in 2^24 records; each costs a derivation of keys. */
    KEY_UPDATES_MAX = 32,
    KEY_UPDATE_BYTES = 1024 * 1024, /* of plain text earn one more */
    RENEGOTIATIONS_MAX = 1          /* refused with a warning; who insists is cut off */
};

static struct tls_connection *connection_of(const SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

static struct slice server_name_of(const struct tls_connection *connection)
{
    return slice_from(connection->server_name, connection->server_name_size);
}

/* ---- ClientHello ---- */

static int refuse_hello(struct tls_connection *connection, int *alert, int code, const char *detail)
{
    *alert = code;
    tls_connection_refuse(connection, REASON_HANDSHAKE_FAILED, detail);
    return SSL_CLIENT_HELLO_ERROR;
}

static bool read_server_name(SSL *ssl, struct slice *name)
{
    const unsigned char *extension = NULL;
    size_t size = 0;

    *name = slice_from(NULL, 0);
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size) != 1)
        return true;
    return tls_server_name_parse(slice_from(extension, size), name);
}

static bool choose_profile(struct tls_connection *connection, struct slice name)
{
    struct tls_profile *chosen = NULL;

    connection->is_profile_chosen = true;
    connection->server_name_size = name.size;

    ERR_set_mark();
    chosen = connection->operations->choose_profile(connection->owner, server_name_of(connection));
    ERR_pop_to_mark();
    if (chosen == NULL)
        return false;
    tls_profile_acquire(chosen);
    tls_profile_release(connection->profile);
    connection->profile = chosen;
    return true;
}

static int on_client_hello(SSL *ssl, int *alert, void *argument)
{
    struct tls_connection *connection = connection_of(ssl);
    struct slice name;

    (void)argument;
    /* RFC 8446 appendix D.5 */
    if (SSL_client_hello_isv2(ssl))
        return refuse_hello(connection, alert, SSL_AD_PROTOCOL_VERSION, "SSL 2.0 ClientHello");
    if (!read_server_name(ssl, &name))
        return refuse_hello(connection, alert, SSL_AD_DECODE_ERROR, "malformed server_name");
    if (connection->is_profile_chosen) {
        /* The second ClientHello, RFC 8446 section 4.1.2, may not change the name. */
        if (slice_equals(name, server_name_of(connection)))
            return SSL_CLIENT_HELLO_SUCCESS;
        return refuse_hello(connection, alert, SSL_AD_ILLEGAL_PARAMETER, "changed server_name");
    }
    if (name.size > 0) {
        connection->server_name = memory_try_copy_slice(name);
        if (connection->server_name == NULL)
            return refuse_hello(connection, alert, SSL_AD_INTERNAL_ERROR, "no memory");
    }
    if (!choose_profile(connection, name))
        return refuse_hello(connection, alert, SSL_AD_UNRECOGNIZED_NAME,
                            "no listener serves the server_name");
    if (!tls_profile_apply(ssl, connection->profile))
        return refuse_hello(connection, alert, SSL_AD_INTERNAL_ERROR,
                            "the profile could not be applied");
    return SSL_CLIENT_HELLO_SUCCESS;
}

/* Chooses nothing: the answer makes libssl confirm the name, RFC 6066 section 3. */
static int on_server_name(SSL *ssl, int *alert, void *argument)
{
    (void)ssl;
    (void)alert;
    (void)argument;
    return SSL_TLSEXT_ERR_OK;
}

static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_size,
                   const unsigned char *offered, unsigned offered_size, void *argument)
{
    struct slice ours = tls_profile_alpn(connection_of(ssl)->profile);
    unsigned char *found = NULL;

    (void)argument;
    if (SSL_select_next_proto(&found, chosen_size, (const unsigned char *)ours.data,
                              (unsigned)ours.size, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol, RFC 7301 section 3.2 */
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- the client's certificate ---- */

/* What came behind the leaf; the stack is the caller's, its certificates are not. */
static STACK_OF(X509) * copy_untrusted(X509_STORE_CTX *judging)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(judging);
    STACK_OF(X509) *untrusted = chain == NULL ? sk_X509_new_null() : sk_X509_dup(chain);

    if (untrusted != NULL && sk_X509_num(untrusted) > 0)
        (void)sk_X509_shift(untrusted);
    return untrusted;
}

static int judge(struct tls_connection *connection, X509_STORE_CTX *judging)
{
    STACK_OF(X509) *untrusted = copy_untrusted(judging);
    int verdict = X509_V_ERR_OUT_OF_MEM;

    ERR_set_mark();
    if (untrusted != NULL)
        verdict = connection->operations->judge_chain(connection->owner,
                                                      X509_STORE_CTX_get0_cert(judging), untrusted);
    ERR_pop_to_mark();
    sk_X509_free(untrusted);
    return verdict;
}

static int on_certificate(X509_STORE_CTX *judging, void *argument)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(judging, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_connection *connection = connection_of(ssl);
    int verdict = X509_V_ERR_UNSPECIFIED;

    (void)argument;
    connection->proof = TLS_PROOF_AWAITED;
    verdict = judge(connection, judging);
    /* Left alone it would say "verified", and the session would remember that. The alert, where
     * one is sent, is made from it. */
    X509_STORE_CTX_set_error(judging, verdict);
    /* Unjudged, it would pass for a client that presented nothing. */
    if (verdict == X509_V_ERR_OUT_OF_MEM) {
        tls_connection_refuse(connection, REASON_BUDGET_EXCEEDED, "no memory to judge the chain");
        return 0;
    }
    if (verdict == X509_V_OK || !tls_profile_refuses_by_alert(connection->profile))
        return 1;
    tls_connection_refuse(connection, REASON_CERTIFICATE_REFUSED,
                          X509_verify_cert_error_string(verdict));
    return 0;
}

/* ---- sessions ---- */

/* Called when the handshake is finished; with TLS 1.3 for each ticket, a renewed one too. */
static int on_new_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_connection *connection = connection_of(ssl);
    struct tls_session_store *store = tls_profile_sessions(connection->profile);
    const struct tls_session_origin *renewed = NULL;
    struct tls_session_origin origin = {
        .server_name = server_name_of(connection),
        .attachment = connection->attachment,
        .operations = connection->operations,
    };

    if (store == NULL)
        return 0;
    origin.established_at = tls_session_store_now(store);
    if (SSL_session_reused(ssl)) {
        renewed = tls_session_store_origin(store, session);
        /* Without its origin nobody knows when such a session must end. */
        if (renewed == NULL)
            return 0;
        origin = *renewed;
    }
    tls_session_store_keep(store, session, &origin);
    return 0; /* the store has its own copy */
}

/* The chain of a session is judged as it stands now. */
static bool may_resume(struct tls_connection *connection, const struct tls_session_store *store,
                       const SSL_SESSION *session)
{
    const struct tls_session_origin *origin = tls_session_store_origin(store, session);
    bool may;

    /* Without its origin nobody knows whose it is. */
    if (origin == NULL)
        return false;
    if (origin->attachment == NULL || connection->operations->may_resume == NULL)
        return true;
    ERR_set_mark();
    may = connection->operations->may_resume(connection->owner, origin->attachment);
    ERR_pop_to_mark();
    return may;
}

static SSL_SESSION *on_find_session(SSL *ssl, const unsigned char *id, int size, int *copy)
{
    struct tls_connection *connection = connection_of(ssl);
    struct tls_session_store *store = tls_profile_sessions(connection->profile);
    const struct tls_session_wish wish = {
        .id = slice_from(id, (size_t)size),
        .context = tls_profile_session_context(connection->profile),
        .server_name = server_name_of(connection),
        .version = SSL_version(ssl),
    };

    SSL_SESSION *session = store == NULL ? NULL : tls_session_store_resume(store, &wish);

    *copy = 0; /* the session becomes the handshake's own */
    if (session == NULL || may_resume(connection, store, session))
        return session;
    tls_session_store_forget(store, session);
    SSL_SESSION_free(session);
    return NULL;
}

/* ---- messages as they pass ---- */

static void count_key_update(struct tls_connection *connection)
{
    connection->key_updates++;
    if (connection->key_updates > KEY_UPDATES_MAX + connection->bytes_read / KEY_UPDATE_BYTES)
        tls_connection_refuse(connection, REASON_REQUEST_ABANDONED, "too many KeyUpdate messages");
}

static void on_received_message(struct tls_connection *connection, unsigned char type)
{
    if (type == SSL3_MT_CERTIFICATE_VERIFY && connection->proof == TLS_PROOF_AWAITED)
        connection->proof = TLS_PROOF_RECEIVED;
    else if (type == SSL3_MT_KEY_UPDATE)
        count_key_update(connection);
}

static void on_sent_alert(struct tls_connection *connection, unsigned char description)
{
    if (description != SSL_AD_NO_RENEGOTIATION)
        return;
    connection->renegotiations++;
    if (connection->renegotiations > RENEGOTIATIONS_MAX)
        tls_connection_refuse(connection, REASON_REQUEST_ABANDONED,
                              "the client insists on renegotiation");
}

static void on_message(int is_sent, int version, int type, const void *bytes, size_t size, SSL *ssl,
                       void *argument)
{
    const unsigned char *message = bytes;

    (void)version;
    (void)ssl;
    if (!is_sent && type == SSL3_RT_HANDSHAKE && size > 0)
        on_received_message(argument, message[0]);
    else if (is_sent && type == SSL3_RT_ALERT && size > 1)
        on_sent_alert(argument, message[1]);
}

void tls_callbacks_install(SSL_CTX *context)
{
    SSL_CTX_set_client_hello_cb(context, on_client_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    SSL_CTX_set_cert_verify_callback(context, on_certificate, NULL);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
    SSL_CTX_sess_set_get_cb(context, on_find_session);
}

static void on_key_line(const SSL *ssl, const char *line)
{
    const struct tls_key_log *log = tls_profile_key_log(connection_of(ssl)->profile);

    if (log != NULL)
        tls_key_log_write(log, slice_from_text(line));
}

void tls_callbacks_log_keys(SSL_CTX *context)
{
    SSL_CTX_set_keylog_callback(context, on_key_line);
}

void tls_callbacks_watch(SSL *ssl)
{
    SSL_set_msg_callback(ssl, on_message);
    SSL_set_msg_callback_arg(ssl, SSL_get_app_data(ssl));
}
