/* SPDX-License-Identifier: Apache-2.0
 *
 * What the load generators share: giving up, clocks, latencies, client certificates, TLS, and the
 * points where the harness reads the server's counters. A generator that sees anything unexpected
 * ends with status 2: a run with an error is no measurement.
 */
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The name in the server's certificate, in SNI and in Host. */
#define LOAD_HOST "gw.bench.test"

/* Prints why, and what OpenSSL knows about it, and ends the program with status 2. */
_Noreturn void load_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

uint64_t load_now_ns(void);
/* Of this process, in user and system mode. */
double load_cpu_seconds(void);

/* A decimal number that fills `text`; fails otherwise. */
uint64_t load_parse_count(const char *text);

/* Every latency is kept, in tenths of a microsecond, and sorted at the end. */
struct latencies {
    uint32_t *tenths;
    size_t count;
    size_t capacity;
};

void latencies_add(struct latencies *latencies, uint64_t ns);
/* Writes "lat_us":{...}, the percentiles, to stdout. */
void latencies_print(struct latencies *latencies);

/* FOLDER/00000.crt, the leaf and its intermediate, and FOLDER/00000.key. */
struct credential {
    X509 *leaf;
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

void credential_load(struct credential *credential, const char *folder, unsigned number);
void credential_use(const struct credential *credential, SSL *ssl);

/* A client's context for one TLS version, that trusts the file's certificates only. */
SSL_CTX *load_client_context(const char *ca_file, int version, const char *groups);

/* A socket that is connecting. Source addresses 127.0.1.1 to 127.0.1.8 spread the ports. */
int load_connect(const struct sockaddr_in *to, uint64_t serial);
struct sockaddr_in load_loopback(uint64_t port);

/* Did the operation only want to wait? Fails when it failed. */
void load_expect_waiting(SSL *ssl, int result, const char *operation);

/* Says `word` on stdout and waits for a line on stdin. */
void load_sync(const char *word);
