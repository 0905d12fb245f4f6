/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a TLS connection: the first bytes, the handshake, reading and writing, the end. What
 * libssl asks in between is answered in tls_callbacks.c; what lies below it is tls_bio.c.
 *
 * Whether there is input is decided by us and not by SSL_has_pending or SSL_pending: libssl reads
 * record by record (no read-ahead), so what it has not asked for is here, and it is known whether
 * it is a whole record. After "wants read" there is never any: everything was consumed.
 */
#include <assert.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "protocol/tls/tls_callbacks_internal.h"
#include "protocol/tls/tls_connection_internal.h"
#include "protocol/tls/tls_failure_internal.h"
#include "protocol/tls/tls_plain_http_internal.h"
#include "protocol/tls/tls_profile_internal.h"
#include "protocol/tls/tls_session_store_internal.h"
#include "runtime/memory.h"

enum { RECORD_TYPE_HANDSHAKE = 22 };

/* ERR_clear_error goes through the whole queue, which is empty nearly always. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0)
        ERR_clear_error();
}

/* One that never began. */
static void abandon(struct tls_connection *connection)
{
    SSL_free(connection->ssl);
    tls_profile_release(connection->profile);
    memory_release(connection);
    forget_errors();
}

struct tls_connection *tls_connection_create(struct tls_turn *turn, struct tls_profile *first,
                                             int fd, const struct tls_owner_operations *operations,
                                             void *owner)
{
    struct tls_connection *connection = memory_try_allocate(sizeof *connection);
    BIO *library_bio = NULL;

    if (connection == NULL)
        return NULL;
    connection->operations = operations;
    connection->owner = owner;
    connection->profile = tls_profile_acquire(first);
    connection->withheld = TLS_DONE;
    tls_bio_init(&connection->bio, turn, fd);
    connection->ssl = SSL_new(tls_profile_context(first));
    library_bio = tls_bio_open(&connection->bio);
    if (connection->ssl == NULL || library_bio == NULL) {
        BIO_free(library_bio);
        abandon(connection);
        return NULL;
    }
    SSL_set_bio(connection->ssl, library_bio, library_bio);
    if (SSL_set_app_data(connection->ssl, connection) != 1) {
        abandon(connection);
        return NULL;
    }
    tls_callbacks_watch(connection->ssl);
    SSL_set_accept_state(connection->ssl);
    return connection;
}

void tls_connection_destroy(struct tls_connection *connection)
{
    if (connection == NULL)
        return;
    /* Keeps SSL_free from looking for the session in the context's cache, under its lock. */
    SSL_set_shutdown(connection->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(connection->ssl);
    tls_bio_reset(&connection->bio);
    tls_connection_set_attachment(connection, NULL);
    tls_profile_release(connection->profile);
    memory_release(connection->server_name);
    memory_release(connection);
}

/* ---- failure ---- */

void tls_connection_refuse(struct tls_connection *connection, enum reason reason,
                           const char *detail)
{
    connection->bio.is_stopped = true;
    if (connection->failure.reason != REASON_UNDECIDED)
        return;
    connection->failure.reason = reason;
    snprintf(connection->failure.detail, sizeof connection->failure.detail, "%s", detail);
}

/* The first failure is the one that counts. */
static enum tls_outcome fail(struct tls_connection *connection, struct tls_failure failure)
{
    struct tls_session_store *store = tls_profile_sessions(connection->profile);

    if (connection->stage == TLS_STAGE_OPEN && store != NULL && connection->bio.broken == 0)
        tls_session_store_forget(store, SSL_get_session(connection->ssl));
    if (connection->failure.reason == REASON_UNDECIDED)
        connection->failure = failure;
    connection->stage = TLS_STAGE_FAILED;
    forget_errors();
    return TLS_FAILED;
}

static enum tls_outcome fail_by_library(struct tls_connection *connection)
{
    return fail(connection, tls_failure_classify(connection));
}

static enum tls_outcome fail_by_end(struct tls_connection *connection)
{
    return fail(connection, tls_failure_of_end(connection));
}

struct tls_failure tls_connection_failure(const struct tls_connection *connection)
{
    return connection->failure;
}

/* ---- the first bytes ---- */

static enum tls_outcome wait_for_input(struct tls_connection *connection)
{
    if (connection->bio.is_ended || connection->bio.broken != 0)
        return fail_by_end(connection);
    return TLS_WANTS_READ;
}

static enum tls_outcome refuse_not_tls(struct tls_connection *connection, bool is_plain_http)
{
    connection->is_plain_http = is_plain_http;
    tls_connection_refuse(connection, REASON_HANDSHAKE_NOT_TLS,
                          is_plain_http ? "plain HTTP" : "not a TLS handshake");
    return fail(connection, connection->failure);
}

/* A TLS connection begins with a handshake record, RFC 8446 section 5.1. This keeps the SSL 2.0
 * format out too, and finds plain HTTP whatever its method. */
static enum tls_outcome check_first_bytes(struct tls_connection *connection)
{
    struct slice input = tls_bio_peek(&connection->bio, false);
    size_t size = 0;

    if (input.size == 0)
        input = tls_bio_peek(&connection->bio, true);
    while (input.size > size) {
        if ((unsigned char)input.data[0] == RECORD_TYPE_HANDSHAKE) {
            connection->stage = TLS_STAGE_HANDSHAKING;
            return TLS_DONE;
        }
        switch (tls_plain_http_detect(input)) {
        case TLS_PLAIN_HTTP_YES:
            return refuse_not_tls(connection, true);
        case TLS_PLAIN_HTTP_NO:
            return refuse_not_tls(connection, false);
        case TLS_PLAIN_HTTP_PERHAPS:
            break;
        }
        size = input.size;
        input = tls_bio_peek(&connection->bio, true);
    }
    return wait_for_input(connection);
}

bool tls_connection_is_plain_http(const struct tls_connection *connection)
{
    return connection->is_plain_http;
}

bool tls_connection_write_raw(struct tls_connection *connection, struct slice bytes)
{
    return connection->is_plain_http && tls_bio_write(&connection->bio, bytes);
}

/* ---- the handshake ---- */

static size_t negotiated_fragment_bytes(const struct tls_connection *connection)
{
    const SSL_SESSION *session = SSL_get_session(connection->ssl);

    switch (SSL_SESSION_get_max_fragment_length(session)) {
    case TLSEXT_max_fragment_length_512:
        return 512;
    case TLSEXT_max_fragment_length_1024:
        return 1024;
    case TLSEXT_max_fragment_length_2048:
        return 2048;
    case TLSEXT_max_fragment_length_4096:
        return 4096;
    default:
        return TLS_FRAGMENT_BYTES;
    }
}

static enum tls_outcome finish_handshake(struct tls_connection *connection)
{
    const struct tls_session_store *store = tls_profile_sessions(connection->profile);
    const struct tls_session_origin *origin = NULL;

    connection->stage = TLS_STAGE_OPEN;
    connection->is_finished = true;
    connection->fragment_bytes = negotiated_fragment_bytes(connection);
    if (SSL_session_reused(connection->ssl) && store != NULL)
        origin = tls_session_store_origin(store, SSL_get_session(connection->ssl));
    if (origin != NULL) {
        assert(origin->operations == connection->operations);
        tls_connection_set_attachment(connection, origin->attachment);
    }
    return TLS_DONE;
}

static enum tls_outcome continue_handshake(struct tls_connection *connection)
{
    int result = 0;

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

enum tls_outcome tls_connection_handshake(struct tls_connection *connection)
{
    enum tls_outcome outcome = TLS_DONE;

    if (connection->stage == TLS_STAGE_FIRST_BYTES)
        outcome = check_first_bytes(connection);
    if (connection->stage == TLS_STAGE_HANDSHAKING)
        outcome = continue_handshake(connection);
    return connection->stage == TLS_STAGE_FAILED ? TLS_FAILED : outcome;
}

/* ---- reading ---- */

/* "Wants read" from libssl: the peer may have ended, or we may have had enough of it. */
static enum tls_outcome explain_no_input(struct tls_connection *connection)
{
    if (connection->failure.reason != REASON_UNDECIDED)
        return fail(connection, connection->failure);
    if (connection->bio.broken != 0)
        return fail_by_end(connection);
    if (!connection->bio.is_ended)
        return TLS_WANTS_READ;
    connection->is_truncated = true;
    return TLS_CLOSED;
}

static enum tls_outcome read_record(struct tls_connection *connection, char *memory, size_t size,
                                    size_t *count)
{
    int result = 0;

    connection->is_reading_blocked = false;
    forget_errors();
    result = SSL_read_ex(connection->ssl, memory, size, count);
    if (result == 1) {
        connection->bytes_read += *count;
        return TLS_DONE;
    }
    switch (SSL_get_error(connection->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return explain_no_input(connection);
    case SSL_ERROR_WANT_WRITE:
        connection->is_reading_blocked = true;
        return TLS_WANTS_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        return fail_by_library(connection);
    }
}

static bool has_record(const struct tls_connection *connection)
{
    return SSL_pending(connection->ssl) > 0 || tls_bio_has_record(&connection->bio);
}

enum tls_outcome tls_connection_read(struct tls_connection *connection, char *memory, size_t size,
                                     size_t *count)
{
    enum tls_outcome outcome = connection->withheld;
    size_t total = 0;

    assert(size > 0 && connection->stage >= TLS_STAGE_OPEN);
    connection->withheld = TLS_DONE;
    if (connection->stage == TLS_STAGE_FAILED)
        return TLS_FAILED;
    while (outcome == TLS_DONE && total < size) {
        size_t read = 0;

        outcome = read_record(connection, memory + total, size - total, &read);
        total += read;
        if (!has_record(connection) && !tls_bio_may_receive(&connection->bio))
            break;
    }
    if (total == 0)
        return outcome;
    /* What ended the reading is told by the next call; bytes come first. */
    if (outcome == TLS_CLOSED || outcome == TLS_FAILED)
        connection->withheld = outcome;
    *count = total;
    return TLS_DONE;
}

bool tls_connection_has_input(const struct tls_connection *connection)
{
    /* An end or a refusal that the owner has not heard of yet counts, or nobody would ask again. */
    if (connection->withheld != TLS_DONE)
        return true;
    if (connection->is_reading_blocked)
        return !tls_bio_has_output(&connection->bio);
    return connection->stage == TLS_STAGE_OPEN &&
           (connection->failure.reason != REASON_UNDECIDED || has_record(connection));
}

/* ---- writing ---- */

size_t tls_connection_room(const struct tls_connection *connection)
{
    size_t record = connection->fragment_bytes + TLS_RECORD_OVERHEAD;
    size_t room = tls_bio_output_room(&connection->bio);
    size_t overhead = 0;

    if (connection->stage != TLS_STAGE_OPEN || connection->is_write_closed ||
        tls_bio_has_tail(&connection->bio) || room <= TLS_OUTPUT_RESERVE)
        return 0;
    room -= TLS_OUTPUT_RESERVE;
    overhead = (room + record - 1) / record * TLS_RECORD_OVERHEAD;
    if (room <= overhead)
        return 0;
    room -= overhead;
    return room < TLS_OUTPUT_PLAIN_BYTES ? room : TLS_OUTPUT_PLAIN_BYTES;
}

bool tls_connection_write(struct tls_connection *connection, struct slice bytes)
{
    size_t written = 0;

    assert(connection->stage >= TLS_STAGE_OPEN);
    if (connection->stage == TLS_STAGE_FAILED)
        return false;
    if (bytes.size == 0)
        return true;
    /* Not tls_connection_room: what the client did since may have cost some of the reserve. */
    assert(bytes.size <= TLS_OUTPUT_PLAIN_BYTES);
    forget_errors();
    if (SSL_write_ex(connection->ssl, bytes.data, bytes.size, &written) == 1)
        return true;
    fail_by_library(connection);
    return false;
}

void tls_connection_close_write(struct tls_connection *connection)
{
    if (connection->stage != TLS_STAGE_OPEN || connection->is_write_closed)
        return;
    connection->is_write_closed = true;
    forget_errors();
    SSL_shutdown(connection->ssl);
    forget_errors();
}

enum tls_outcome tls_connection_end_turn(struct tls_connection *connection)
{
    enum tls_outcome outcome = tls_bio_end_turn(&connection->bio);

    if (outcome == TLS_FAILED && connection->stage != TLS_STAGE_FAILED)
        return fail_by_end(connection);
    return outcome;
}

bool tls_connection_has_output(const struct tls_connection *connection)
{
    return tls_bio_has_output(&connection->bio);
}

uint64_t tls_connection_bytes_sent(const struct tls_connection *connection)
{
    return connection->bio.sent;
}

uint64_t tls_connection_bytes_received(const struct tls_connection *connection)
{
    return connection->bio.received;
}

/* ---- facts and attachment ---- */

static const SSL_CIPHER *cipher_of(const struct tls_connection *connection)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(connection->ssl);

    return cipher != NULL ? cipher : SSL_get_pending_cipher(connection->ssl);
}

static struct slice alpn_of(const struct tls_connection *connection)
{
    const unsigned char *name = NULL;
    unsigned size = 0;

    SSL_get0_alpn_selected(connection->ssl, &name, &size);
    return slice_from(name, size);
}

struct tls_facts tls_connection_facts(const struct tls_connection *connection)
{
    const SSL_CIPHER *cipher = cipher_of(connection);
    bool is_negotiated = cipher != NULL;

    return (struct tls_facts){
        .version = is_negotiated ? SSL_get_version(connection->ssl) : "",
        .cipher = is_negotiated ? SSL_CIPHER_get_name(cipher) : "",
        .server_name = slice_from(connection->server_name, connection->server_name_size),
        .alpn = alpn_of(connection),
        .resumed = connection->is_finished && SSL_session_reused(connection->ssl),
        .is_finished = connection->is_finished,
        .is_truncated = connection->is_truncated,
    };
}

void tls_connection_set_attachment(struct tls_connection *connection, void *attachment)
{
    void *before = connection->attachment;

    connection->attachment =
        attachment == NULL ? NULL : connection->operations->acquire_attachment(attachment);
    if (before != NULL)
        connection->operations->release_attachment(before);
}

void *tls_connection_attachment(const struct tls_connection *connection)
{
    return connection->attachment;
}
