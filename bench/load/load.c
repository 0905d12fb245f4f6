/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { READ_BUFFER_BYTES = 32 * 1024, PATH_BYTES_MAX = 512 };

_Noreturn void load_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    ERR_print_errors_fp(stderr);
    exit(2);
}

uint64_t load_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

double load_cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

uint64_t load_parse_count(const char *text)
{
    char *end;
    unsigned long long count;

    errno = 0;
    count = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-')
        load_fail("'%s' is not a number", text);
    return count;
}

/* ---- latencies ------------------------------------------------------------------------------ */

void latencies_add(struct latencies *latencies, uint64_t ns)
{
    uint64_t tenths = ns / 100;

    if (latencies->count == latencies->capacity) {
        latencies->capacity = latencies->capacity == 0 ? 65536 : latencies->capacity * 2;
        latencies->tenths =
            realloc(latencies->tenths, latencies->capacity * sizeof(*latencies->tenths));
        if (latencies->tenths == NULL)
            load_fail("out of memory");
    }
    latencies->tenths[latencies->count++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

static int compare_tenths(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a;
    uint32_t right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static double percentile_us(const struct latencies *latencies, double percent)
{
    if (latencies->count == 0)
        return 0;
    return latencies->tenths[(size_t)(percent / 100 * (double)(latencies->count - 1) + 0.5)] / 10.0;
}

void latencies_print(struct latencies *latencies)
{
    if (latencies->count > 0)
        qsort(latencies->tenths, latencies->count, sizeof(*latencies->tenths), compare_tenths);
    printf("\"lat_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
           percentile_us(latencies, 50), percentile_us(latencies, 90), percentile_us(latencies, 99),
           percentile_us(latencies, 99.9), percentile_us(latencies, 100));
}

/* ---- client certificates -------------------------------------------------------------------- */

static FILE *open_numbered(const char *folder, unsigned number, const char *suffix)
{
    char path[PATH_BYTES_MAX];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%05u.%s", folder, number, suffix);
    file = fopen(path, "r");
    if (file == NULL)
        load_fail("cannot open %s", path);
    return file;
}

void credential_load(struct credential *credential, const char *folder, unsigned number)
{
    FILE *file = open_numbered(folder, number, "crt");
    X509 *certificate;

    credential->leaf = PEM_read_X509(file, NULL, NULL, NULL);
    if (credential->leaf == NULL)
        load_fail("no certificate for client %u in %s", number, folder);
    credential->chain = sk_X509_new_null();
    for (;;) {
        certificate = PEM_read_X509(file, NULL, NULL, NULL);
        if (certificate == NULL)
            break;
        sk_X509_push(credential->chain, certificate);
    }
    ERR_clear_error();
    fclose(file);

    file = open_numbered(folder, number, "key");
    credential->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    if (credential->key == NULL)
        load_fail("no key for client %u in %s", number, folder);
    fclose(file);
}

void credential_use(const struct credential *credential, SSL *ssl)
{
    if (SSL_use_cert_and_key(ssl, credential->leaf, credential->key, credential->chain, 1) != 1)
        load_fail("SSL_use_cert_and_key");
}

/* ---- TLS ------------------------------------------------------------------------------------ */

/* The server's chain is verified in full once; later handshakes must show the same leaf. That keeps
 * the generator cheap and still strict. */
static X509 *verified_leaf;

static int verify_server(X509_STORE_CTX *context, void *unused)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(context);

    (void)unused;
    if (verified_leaf != NULL && leaf != NULL && X509_cmp(leaf, verified_leaf) == 0) {
        X509_STORE_CTX_set_error(context, X509_V_OK);
        return 1;
    }
    if (X509_verify_cert(context) != 1)
        return 0;
    X509_free(verified_leaf);
    verified_leaf = leaf;
    X509_up_ref(leaf);
    return 1;
}

SSL_CTX *load_client_context(const char *ca_file, int version, const char *groups)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    if (context == NULL)
        load_fail("SSL_CTX_new");
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    if (SSL_CTX_set1_groups_list(context, groups) != 1)
        load_fail("bad groups %s", groups);
    /* One cipher, so that all servers do the same work, whatever each would prefer. */
    SSL_CTX_set_cipher_list(context, "ECDHE+AES128+AESGCM");
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    if (SSL_CTX_load_verify_file(context, ca_file) != 1)
        load_fail("cannot load %s", ca_file);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify_server, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_BUFFER_BYTES);
    return context;
}

void load_expect_waiting(SSL *ssl, int result, const char *operation)
{
    int error = SSL_get_error(ssl, result);

    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
        load_fail("%s failed: SSL error %d, errno %s", operation, error, strerror(errno));
}

/* ---- sockets and the harness ---------------------------------------------------------------- */

struct sockaddr_in load_loopback(uint64_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

    if (port == 0 || port > UINT16_MAX)
        load_fail("--port is needed, 1 to 65535");
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int load_connect(const struct sockaddr_in *to, uint64_t serial)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0)
        load_fail("socket: %s", strerror(errno));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    from.sin_addr.s_addr = htonl((uint32_t)(0x7f000101U + serial % 8));
    if (bind(fd, (const struct sockaddr *)&from, sizeof(from)) != 0)
        load_fail("bind: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) != 0 && errno != EINPROGRESS)
        load_fail("connect: %s", strerror(errno));
    return fd;
}

void load_sync(const char *word)
{
    char line[64];

    puts(word);
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        exit(3);
}
