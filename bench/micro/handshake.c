/* SPDX-License-Identifier: Apache-2.0
 *
 * What does the server's side of a mutual-TLS handshake cost, without sockets? Client and server
 * talk through memory; only the calls on the server's side are timed.
 *
 *   handshake PKI [name=value ...]         PKI is a folder that ../pki.sh made
 *
 *   n=2000           counted handshakes        k=20        client certificates
 *   tls=1.3|1.2      version                   keys=ec|rsa
 *   verify=full|cached|none                    cached: a verdict by the leaf's digest
 *   tickets=2        tickets in TLS 1.3        stateful=0|1  sessions in memory, not in tickets
 *   resume=0|1       offer the last session    leaf_only=0|1 the client sends no intermediate
 *   memory=0|1       libcrypto uses mimalloc
 *   engine=0|1       EC keys of certificates are read the old way, through an ENGINE: on
 * OpenSSL 3.0 that avoids OSSL_DECODER, which takes most of the time
 *
 * Prints the median and the 10th percentile.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <mimalloc.h>
#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../load/load.h"

enum { PATH_BYTES = 512, VERDICTS = 65536, DIGEST_BYTES = 32, STEPS_MAX = 20 };

static struct {
    const char *folder;
    const char *keys;
    const char *verify;
    const char *tls;
    uint64_t count, clients, tickets;
    uint64_t stateful, resume, leaf_only, memory, engine;
} options = {
    .keys = "ec", .verify = "full", .tls = "1.3", .count = 2000, .clients = 20, .tickets = 2};

/* ---- libcrypto's memory and keys --------------------------------------------------------------
 */

static void *allocate(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return mi_malloc(size);
}

static void *reallocate(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return mi_realloc(memory, size);
}

static void release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    mi_free(memory);
}

/* EC only: the same for RSA crashes inside libcrypto 3.0. */
static int offer_methods(ENGINE *engine, EVP_PKEY_METHOD **method, const int **types, int type)
{
    static const int ec[] = {NID_X9_62_id_ecPublicKey};
    static EVP_PKEY_METHOD *copy;

    (void)engine;
    if (method == NULL) {
        *types = ec;
        return 1;
    }
    *method = NULL;
    if (type != ec[0])
        return 0;
    if (copy == NULL) {
        copy = EVP_PKEY_meth_new(type, 0);
        EVP_PKEY_meth_copy(copy, EVP_PKEY_meth_find(type));
    }
    *method = copy;
    return 1;
}

static void use_engine(void)
{
    ENGINE *engine = ENGINE_new();

    ENGINE_set_id(engine, "old-ec");
    ENGINE_set_name(engine, "EC public keys without OSSL_DECODER");
    ENGINE_set_pkey_meths(engine, offer_methods);
    if (ENGINE_add(engine) != 1 || ENGINE_register_pkey_meths(engine) != 1)
        load_fail("the engine is refused");
    ENGINE_set_default_pkey_meths(engine);
}

/* ---- the two sides ----------------------------------------------------------------------------
 */

static const char *path_of(const char *format, const char *kind)
{
    static char path[PATH_BYTES];
    size_t length = (size_t)snprintf(path, sizeof(path), "%s/", options.folder);

    snprintf(path + length, sizeof(path) - length, "%s%s", format, kind);
    return path;
}

/* Digests of leaves that were accepted; open addressing. */
static struct {
    unsigned char digest[DIGEST_BYTES];
    bool is_used;
} verdicts[VERDICTS];

static int judge(X509_STORE_CTX *context, void *unused)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length;
    uint32_t place;

    (void)unused;
    if (strcmp(options.verify, "none") == 0)
        return 1;
    X509_digest(X509_STORE_CTX_get0_cert(context), EVP_sha256(), digest, &length);
    memcpy(&place, digest, sizeof(place));
    for (place %= VERDICTS; verdicts[place].is_used; place = (place + 1) % VERDICTS) {
        if (memcmp(verdicts[place].digest, digest, DIGEST_BYTES) == 0)
            return 1;
    }
    if (X509_verify_cert(context) != 1)
        return 0;
    memcpy(verdicts[place].digest, digest, DIGEST_BYTES);
    verdicts[place].is_used = true;
    return 1;
}

static int version(void)
{
    return strcmp(options.tls, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

static SSL_CTX *make_server(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    char name[64];

    SSL_CTX_set_min_proto_version(context, version());
    SSL_CTX_set_max_proto_version(context, version());
    snprintf(name, sizeof(name), "server-%s", options.keys);
    if (SSL_CTX_use_certificate_chain_file(context, path_of(name, ".crt")) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, path_of(name, ".key"), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(context, path_of("trust.pem", ""), NULL) != 1)
        load_fail("the server's files");
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(path_of("trust.pem", "")));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"micro", 5);
    if (strcmp(options.verify, "full") != 0)
        SSL_CTX_set_cert_verify_callback(context, judge, NULL);
    SSL_CTX_set_session_cache_mode(context, options.stateful != 0 ? SSL_SESS_CACHE_SERVER
                                                                  : SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, (size_t)options.tickets);
    if (options.stateful != 0 || options.tickets == 0)
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set1_groups_list(context, "X25519:P-256");
    return context;
}

struct client {
    struct credential credential;
    SSL_SESSION *session; /* the last one, with resume=1 */
};

static struct client *make_clients(void)
{
    struct client *clients = calloc(options.clients, sizeof(*clients));
    char folder[PATH_BYTES];

    if (clients == NULL)
        load_fail("out of memory");
    snprintf(folder, sizeof(folder), "%s/clients-%s", options.folder, options.keys);
    for (unsigned i = 0; i < options.clients; i++) {
        credential_load(&clients[i].credential, folder, i);
        if (options.leaf_only != 0) {
            sk_X509_pop_free(clients[i].credential.chain, X509_free);
            clients[i].credential.chain = NULL;
        }
    }
    return clients;
}

/* ---- one handshake ----------------------------------------------------------------------------
 */

static bool step(SSL *side, const char *who)
{
    int result = SSL_do_handshake(side);

    if (result != 1)
        load_expect_waiting(side, result, who);
    return result == 1;
}

static SSL *start_client(SSL_CTX *context, struct client *client, BIO *in, BIO *out)
{
    SSL *side = SSL_new(context);

    credential_use(&client->credential, side);
    SSL_set_bio(side, in, out);
    SSL_set_connect_state(side);
    if (options.resume != 0 && client->session != NULL) {
        SSL_set_session(side, client->session);
        SSL_SESSION_free(client->session);
        client->session = NULL;
    }
    return side;
}

static void keep_session(SSL *side, struct client *client)
{
    char byte;

    SSL_read(side, &byte, 1); /* takes the tickets */
    if (options.resume != 0)
        client->session = SSL_get1_session(side);
}

/* The time spent in the server's calls. */
static uint64_t handshake(SSL_CTX *server_context, SSL_CTX *client_context, struct client *client,
                          uint64_t *resumed)
{
    BIO *to_client = BIO_new(BIO_s_mem());
    BIO *to_server = BIO_new(BIO_s_mem());
    SSL *client_side, *server_side;
    bool client_done = false, server_done = false;
    uint64_t start, spent;

    BIO_set_mem_eof_return(to_client, -1);
    BIO_set_mem_eof_return(to_server, -1);
    client_side = start_client(client_context, client, to_client, to_server);

    start = load_now_ns();
    server_side = SSL_new(server_context);
    BIO_up_ref(to_client);
    BIO_up_ref(to_server);
    SSL_set_bio(server_side, to_server, to_client);
    SSL_set_accept_state(server_side);
    spent = load_now_ns() - start;

    for (int i = 0; i < STEPS_MAX && !(client_done && server_done); i++) {
        if (!client_done)
            client_done = step(client_side, "the client");
        start = load_now_ns();
        if (!server_done)
            server_done = step(server_side, "the server");
        spent += load_now_ns() - start;
    }
    if (!client_done || !server_done)
        load_fail("the handshake does not end");
    keep_session(client_side, client);
    *resumed += SSL_session_reused(client_side) ? 1 : 0;

    /* Without a shutdown the session would leave the cache with the connection. */
    start = load_now_ns();
    SSL_set_shutdown(server_side, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(server_side);
    spent += load_now_ns() - start;
    SSL_set_shutdown(client_side, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client_side);
    return spent;
}

/* ---- all of them ------------------------------------------------------------------------------
 */

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static void run(void)
{
    SSL_CTX *server = make_server();
    SSL_CTX *client_context =
        load_client_context(path_of("root.crt", ""), version(),
                            version() == TLS1_3_VERSION ? "X25519" : "X25519:P-256");
    struct client *clients = make_clients();
    uint64_t *spent_ns = calloc(options.count, sizeof(*spent_ns));
    uint64_t resumed = 0, ignored = 0;

    if (spent_ns == NULL)
        load_fail("out of memory");
    for (uint64_t i = 0; i < options.clients; i++)
        handshake(server, client_context, &clients[i], &ignored);
    for (uint64_t i = 0; i < options.count; i++)
        spent_ns[i] = handshake(server, client_context, &clients[i % options.clients], &resumed);
    qsort(spent_ns, options.count, sizeof(*spent_ns), compare);
    printf("%s: %.1f us (10th percentile %.1f), %llu of %llu resumed\n",
           OpenSSL_version(OPENSSL_VERSION), (double)spent_ns[options.count / 2] / 1e3,
           (double)spent_ns[options.count / 10] / 1e3, (unsigned long long)resumed,
           (unsigned long long)options.count);
}

static void parse_option(const char *option)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {
        {"n=", &options.count},         {"k=", &options.clients},
        {"tickets=", &options.tickets}, {"stateful=", &options.stateful},
        {"resume=", &options.resume},   {"leaf_only=", &options.leaf_only},
        {"memory=", &options.memory},   {"engine=", &options.engine},
    };
    const struct {
        const char *name;
        const char **text;
    } texts[] = {{"tls=", &options.tls}, {"keys=", &options.keys}, {"verify=", &options.verify}};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        size_t length = strlen(numbers[i].name);
        if (strncmp(option, numbers[i].name, length) == 0) {
            *numbers[i].number = load_parse_count(option + length);
            return;
        }
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t length = strlen(texts[i].name);
        if (strncmp(option, texts[i].name, length) == 0) {
            *texts[i].text = option + length;
            return;
        }
    }
    load_fail("unknown option %s; see the head of the source", option);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        load_fail("usage: handshake PKI [name=value ...]; see the head of the source");
    options.folder = argv[1];
    for (int i = 2; i < argc; i++)
        parse_option(argv[i]);
    /* libcrypto takes other memory functions only before its first allocation. */
    if (options.memory != 0 && CRYPTO_set_mem_functions(allocate, reallocate, release) != 1)
        load_fail("libcrypto has memory already");
    if (options.engine != 0)
        use_engine();
    run();
    return 0;
}
