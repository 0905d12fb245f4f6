/* SPDX-License-Identifier: Apache-2.0
 *
 * A small PKI made in the process, and a TLS client of libssl that talks to a connection of ours
 * over a socket pair. The client writes to memory, so that a test can hold back, change or cut what
 * it sends. Nothing waits: both sides take turns until neither gets any further. A test includes
 * this after support/test.h.
 */
#pragma once

#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/tls/tls_connection.h"
#include "protocol/tls/tls_profile.h"
#include "protocol/tls/tls_session_store.h"

/* ---- keys and certificates ---- */

struct tls_fixture_identity {
    EVP_PKEY *key;
    X509 *certificate;
};

struct tls_fixture_pki {
    struct tls_fixture_identity root;
    struct tls_fixture_identity intermediate;
    struct tls_fixture_identity server_ec;
    struct tls_fixture_identity server_rsa;
    struct tls_fixture_identity client;     /* issued by the intermediate */
    struct tls_fixture_identity client_rsa; /* issued by the root */
    char folder[64];
};

static inline X509 *tls_fixture_issue(const char *name, EVP_PKEY *key,
                                      const struct tls_fixture_identity *issuer, int days)
{
    static atomic_int serial = 1;
    X509 *made = X509_new();
    X509_NAME *subject = X509_get_subject_name(made);

    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), atomic_fetch_add(&serial, 1));
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600 * 24 * 10);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600L * 24 * days);
    X509_set_pubkey(made, key);
    X509_set_issuer_name(made,
                         issuer == NULL ? subject : X509_get_subject_name(issuer->certificate));
    assert_true(X509_sign(made, issuer == NULL ? key : issuer->key, EVP_sha256()) > 0);
    return made;
}

static inline struct tls_fixture_identity tls_fixture_make(
    const char *name, EVP_PKEY *key, const struct tls_fixture_identity *issuer)
{
    return (struct tls_fixture_identity){key, tls_fixture_issue(name, key, issuer, 30)};
}

/* Made at the first call and kept until the process ends. */
static inline struct tls_fixture_pki *tls_fixture_pki(void)
{
    static struct tls_fixture_pki pki;

    if (pki.root.key != NULL)
        return &pki;
    pki.root = tls_fixture_make("root", EVP_EC_gen("P-256"), NULL);
    pki.intermediate = tls_fixture_make("intermediate", EVP_EC_gen("P-256"), &pki.root);
    pki.server_ec = tls_fixture_make("server", EVP_EC_gen("P-256"), &pki.root);
    pki.server_rsa = tls_fixture_make("server", EVP_RSA_gen(2048), &pki.root);
    pki.client = tls_fixture_make("client", EVP_EC_gen("P-256"), &pki.intermediate);
    pki.client_rsa = tls_fixture_make("client rsa", EVP_RSA_gen(2048), &pki.root);
    snprintf(pki.folder, sizeof pki.folder, "/tmp/tls_fixture.%ld", (long)getpid());
    return &pki;
}

/* ---- files ---- */

enum { TLS_FIXTURE_PATH_SIZE = 128 };

/* Files of a test, removed by tls_fixture_remove_files. */
static inline const char *tls_fixture_path(const char *name, char path[TLS_FIXTURE_PATH_SIZE])
{
    snprintf(path, TLS_FIXTURE_PATH_SIZE, "%s/%s", tls_fixture_pki()->folder, name);
    return path;
}

static inline void tls_fixture_write_bytes(const char *name, const void *bytes, size_t size)
{
    char path[TLS_FIXTURE_PATH_SIZE];
    FILE *file = NULL;

    mkdir(tls_fixture_pki()->folder, 0700);
    file = fopen(tls_fixture_path(name, path), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    fclose(file);
}

static inline void tls_fixture_write_text(const char *name, const char *text)
{
    tls_fixture_write_bytes(name, text, strlen(text));
}

/* Appends what it is given in this order: certificates, then the key. NULL is left out. */
static inline void tls_fixture_write_pem(const char *name, X509 *first, X509 *second, EVP_PKEY *key)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *text = NULL;
    long size = 0;

    if (first != NULL)
        PEM_write_bio_X509(memory, first);
    if (second != NULL)
        PEM_write_bio_X509(memory, second);
    if (key != NULL)
        PEM_write_bio_PrivateKey(memory, key, NULL, NULL, 0, NULL, NULL);
    size = BIO_get_mem_data(memory, &text);
    tls_fixture_write_bytes(name, text, (size_t)size);
    BIO_free(memory);
}

static inline void tls_fixture_remove_files(void)
{
    static const char *const names[] = {"ec.pem",  "ec.key",  "rsa.pem", "rsa.key",
                                        "bad.pem", "bad.key", NULL};
    char path[TLS_FIXTURE_PATH_SIZE];

    for (const char *const *name = names; *name != NULL; name++)
        unlink(tls_fixture_path(*name, path));
    rmdir(tls_fixture_pki()->folder);
}

/* ---- profiles ---- */

struct tls_fixture_profile {
    enum tls_version min_version;
    enum tls_version max_version;
    enum tls_ask ask;
    bool refuse_by_alert;
    bool rsa_too; /* beside ECDSA */
    bool rsa_only;
    const char *groups;
    const char *const *alpn;
    unsigned char context; /* tells session contexts apart */
};

static inline struct tls_profile *tls_fixture_profile(const struct tls_fixture_profile *wanted,
                                                      struct tls_session_store *sessions)
{
    struct tls_fixture_pki *pki = tls_fixture_pki();
    char paths[4][TLS_FIXTURE_PATH_SIZE];
    struct tls_certificate_settings certificates[2] = {
        {.chain = tls_fixture_path("ec.pem", paths[0]),
         .key = tls_fixture_path("ec.key", paths[1])},
        {.chain = tls_fixture_path("rsa.pem", paths[2]),
         .key = tls_fixture_path("rsa.key", paths[3])},
    };
    struct tls_profile_settings settings = {
        .certificates = wanted->rsa_only ? certificates + 1 : certificates,
        .certificate_count = wanted->rsa_too ? 2 : 1,
        .min_version = wanted->min_version,
        .max_version = wanted->max_version,
        .groups = wanted->groups,
        .alpn = wanted->alpn,
    };
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();
    struct tls_client_certificate client = {
        .ask = wanted->ask, .refuse_by_alert = wanted->refuse_by_alert, .ca_names = names};
    unsigned char context[TLS_SESSION_CONTEXT_BYTES] = {wanted->context};
    struct error error = {0};
    struct tls_profile *profile = NULL;

    tls_fixture_write_pem("ec.pem", pki->server_ec.certificate, NULL, NULL);
    tls_fixture_write_pem("ec.key", NULL, NULL, pki->server_ec.key);
    tls_fixture_write_pem("rsa.pem", pki->server_rsa.certificate, NULL, NULL);
    tls_fixture_write_pem("rsa.key", NULL, NULL, pki->server_rsa.key);
    sk_X509_NAME_push(names, X509_get_subject_name(pki->root.certificate));
    profile = tls_profile_create(&settings, &client, context, sessions, &error);
    sk_X509_NAME_free(names);
    tls_fixture_remove_files();
    assert_string_equal(error.text, "");
    assert_non_null(profile);
    return profile;
}

/* ---- the owner of connections ---- */

struct tls_fixture_attachment {
    atomic_int references;
    int number;
};

/* What an owner knows about names: the first whose name is NULL or equal serves. */
struct tls_fixture_listener {
    const char *name;
    struct tls_profile *profile;
};

struct tls_fixture_owner {
    const struct tls_fixture_listener *listeners;
    size_t listener_count;
    struct tls_connection *connection;
    struct tls_fixture_attachment *attachment; /* set when a chain is judged */
    int verdict;
    int chosen_count;
    int judged_count;
    int untrusted_count;
};

static inline struct tls_profile *tls_fixture_choose(void *context, struct slice name)
{
    struct tls_fixture_owner *owner = context;

    owner->chosen_count++;
    for (size_t i = 0; i < owner->listener_count; i++) {
        const struct tls_fixture_listener *listener = &owner->listeners[i];

        if (listener->name == NULL || slice_equals(slice_from_text(listener->name), name))
            return listener->profile;
    }
    return NULL;
}

static inline int tls_fixture_judge(void *context, X509 *leaf, STACK_OF(X509) * untrusted)
{
    struct tls_fixture_owner *owner = context;

    assert_non_null(leaf);
    owner->judged_count++;
    owner->untrusted_count = sk_X509_num(untrusted);
    /* A careless owner; the handshake must not stumble over it. */
    ERR_raise(ERR_LIB_X509, X509_R_CERT_ALREADY_IN_HASH_TABLE);
    if (owner->attachment != NULL)
        tls_connection_set_attachment(owner->connection, owner->attachment);
    return owner->verdict;
}

static inline void *tls_fixture_acquire(void *value)
{
    struct tls_fixture_attachment *attachment = value;

    atomic_fetch_add(&attachment->references, 1);
    return attachment;
}

static inline void tls_fixture_release(void *value)
{
    struct tls_fixture_attachment *attachment = value;

    atomic_fetch_sub(&attachment->references, 1);
}

static inline size_t tls_fixture_bytes(const void *attachment)
{
    (void)attachment;
    return 100;
}

static const struct tls_owner_operations tls_fixture_operations = {
    tls_fixture_choose, tls_fixture_judge, tls_fixture_acquire, tls_fixture_release,
    tls_fixture_bytes};

/* ---- clients ---- */

static inline SSL_CTX *tls_fixture_client(int version, const struct tls_fixture_identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    assert_int_equal(SSL_CTX_set_min_proto_version(context, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (identity != NULL) {
        assert_int_equal(SSL_CTX_use_certificate(context, identity->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, identity->key), 1);
    }
    return context;
}

static inline void tls_fixture_set_groups(SSL_CTX *context, const char *groups)
{
    char copy[64] = ""; /* libssl's macros take no const */

    snprintf(copy, sizeof copy, "%s", groups);
    assert_int_equal(SSL_CTX_set1_groups_list(context, copy), 1);
}

/* ---- a client and a connection of ours ---- */

struct tls_fixture_pair {
    int server_fd;
    int client_fd;
    struct tls_turn *turn;
    struct tls_connection *server;
    SSL *client;
    struct tls_fixture_owner owner;
    /* What becomes of the bytes that the client sends; NULL: they arrive. */
    void (*send)(struct tls_fixture_pair *pair, const unsigned char *bytes, size_t size);
    enum tls_outcome outcome; /* of the server's handshake */
    int alert;                /* that the client got; 0: none */
    bool is_client_done;
    int records; /* for `send`: how many have gone by */
};

static inline void tls_fixture_on_client(const SSL *client, int where, int value)
{
    struct tls_fixture_pair *pair = SSL_get_app_data(client);

    if (where == SSL_CB_READ_ALERT && (value & 0xff) != 0)
        pair->alert = value & 0xff;
}

static inline void tls_fixture_start_client(struct tls_fixture_pair *pair, SSL_CTX *context,
                                            const char *name)
{
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    char copy[256] = ""; /* see above */

    BIO_set_mem_eof_return(in, -1);
    pair->client = SSL_new(context);
    SSL_set_app_data(pair->client, pair);
    SSL_set_info_callback(pair->client, tls_fixture_on_client);
    SSL_set_bio(pair->client, in, out);
    SSL_set_connect_state(pair->client);
    if (name == NULL)
        return;
    snprintf(copy, sizeof copy, "%s", name);
    assert_int_equal(SSL_set_tlsext_host_name(pair->client, copy), 1);
}

/* The owner must already be filled. `context` and `name` may be NULL. */
static inline void tls_fixture_open(struct tls_fixture_pair *pair, SSL_CTX *context,
                                    const char *name)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    pair->server_fd = fds[0];
    pair->client_fd = fds[1];
    pair->turn = tls_turn_create();
    pair->server = tls_connection_create(pair->turn, pair->owner.listeners[0].profile,
                                         pair->server_fd, &tls_fixture_operations, &pair->owner);
    pair->owner.connection = pair->server;
    pair->outcome = TLS_WANTS_READ;
    pair->alert = 0;
    pair->records = 0;
    pair->is_client_done = false;
    if (context != NULL)
        tls_fixture_start_client(pair, context, name);
}

/* The client's side of the socket. */
static inline void tls_fixture_hang_up(struct tls_fixture_pair *pair)
{
    if (pair->client_fd >= 0)
        close(pair->client_fd);
    pair->client_fd = -1;
}

static inline void tls_fixture_close(struct tls_fixture_pair *pair)
{
    /* Otherwise libssl gives the client's session up, because it saw no close_notify. */
    if (pair->client != NULL)
        SSL_set_shutdown(pair->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(pair->client);
    pair->client = NULL;
    tls_connection_destroy(pair->server);
    tls_turn_destroy(pair->turn);
    close(pair->server_fd);
    tls_fixture_hang_up(pair);
    ERR_clear_error();
}

static inline void tls_fixture_send(struct tls_fixture_pair *pair, const void *bytes, size_t size)
{
    assert_int_equal(send(pair->client_fd, bytes, size, MSG_NOSIGNAL), size);
}

/* What the client has written goes out. */
static inline void tls_fixture_flush(struct tls_fixture_pair *pair)
{
    BIO *out = SSL_get_wbio(pair->client);
    char *bytes = NULL;
    long size = BIO_get_mem_data(out, &bytes);

    if (size <= 0 || pair->client_fd < 0)
        return;
    if (pair->send == NULL)
        tls_fixture_send(pair, bytes, (size_t)size);
    else
        pair->send(pair, (const unsigned char *)bytes, (size_t)size);
    (void)BIO_reset(out);
}

/* What has arrived for the client goes in. */
static inline void tls_fixture_fetch(struct tls_fixture_pair *pair)
{
    char bytes[16 * 1024];
    ssize_t count = 1;

    while (pair->client_fd >= 0 && count > 0) {
        count = recv(pair->client_fd, bytes, sizeof bytes, 0);
        if (count > 0)
            assert_int_equal(BIO_write(SSL_get_rbio(pair->client), bytes, (int)count), count);
    }
}

/* As SSL_read; takes tickets and alerts on the way. */
static inline int tls_fixture_client_read(struct tls_fixture_pair *pair, char *memory, int size)
{
    int count = 0;

    tls_fixture_fetch(pair);
    ERR_clear_error();
    count = SSL_read(pair->client, memory, size);
    tls_fixture_flush(pair);
    return count;
}

static inline void tls_fixture_client_write(struct tls_fixture_pair *pair, const char *text)
{
    assert_int_equal(SSL_write(pair->client, text, (int)strlen(text)), strlen(text));
    tls_fixture_flush(pair);
}

static inline void tls_fixture_client_step(struct tls_fixture_pair *pair)
{
    tls_fixture_fetch(pair);
    ERR_clear_error();
    if (!pair->is_client_done)
        pair->is_client_done = SSL_do_handshake(pair->client) == 1;
    tls_fixture_flush(pair);
}

static inline void tls_fixture_server_step(struct tls_fixture_pair *pair)
{
    if (pair->outcome != TLS_DONE && pair->outcome != TLS_FAILED)
        pair->outcome = tls_connection_handshake(pair->server);
    tls_connection_end_turn(pair->server);
}

/* The server's outcome; the client has read what came, tickets and alerts. */
static inline enum tls_outcome tls_fixture_handshake(struct tls_fixture_pair *pair)
{
    char byte = 0;

    for (int round = 0; round < 6; round++) {
        tls_fixture_client_step(pair);
        tls_fixture_server_step(pair);
    }
    if (pair->is_client_done)
        assert_true(tls_fixture_client_read(pair, &byte, 1) <= 0);
    else
        tls_fixture_client_step(pair);
    return pair->outcome;
}
