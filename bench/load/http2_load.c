/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/2 over mutual TLS: a load generator with one thread, as h2load cannot show a client
 * certificate.
 *
 *   http2_load --port P --ca FILE --certs FOLDER [-c connections] [-m streams] [-n requests]
 *              [--path /1k] [--warm N] [--limit SECONDS] [--sync]
 *
 * Keeps -m GETs open on each of -c connections until -n answers have come. Every answer is checked:
 * status 200, length, first and last bytes. The result is a line of JSON, as of http1_load.
 */
#include <nghttp2/nghttp2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "load.h"

enum {
    READ_BYTES = 64 * 1024,
    WRITE_BYTES = 64 * 1024,
    RECORD_BYTES = 16 * 1024,
    BODY_BYTES = 1024
};

static struct {
    uint64_t connections;
    uint64_t streams;
    uint64_t operations;
    uint64_t warm;
    uint64_t limit_seconds;
    bool sync;
    const char *ca_file;
    const char *folder;
    const char *path;
    struct sockaddr_in to;
} options = {
    .connections = 8, .streams = 16, .operations = 1000, .limit_seconds = 120, .path = "/1k"};

struct stream {
    uint64_t started_ns;
    size_t received;
    int status;
    char first[8];
    char last[4];
    struct stream *next_spare;
};

struct connection {
    int fd;
    bool is_up;
    SSL *ssl;
    nghttp2_session *session;
    uint64_t open_streams;
    uint8_t out[WRITE_BYTES];
    size_t out_length;
    size_t out_sent;
};

static SSL_CTX *tls_context;
static int poller;
static struct connection *connections;
static struct stream *spare_streams;
static struct {
    bool counting;
    uint64_t target, issued, done;
    struct latencies latencies;
} run;

/* ---- requests and answers ------------------------------------------------------------------- */

static struct stream *take_stream(void)
{
    struct stream *stream = spare_streams;

    if (stream != NULL)
        spare_streams = stream->next_spare;
    else
        stream = malloc(sizeof(*stream));
    if (stream == NULL)
        load_fail("out of memory");
    memset(stream, 0, sizeof(*stream));
    return stream;
}

static nghttp2_nv field(const char *name, const char *value)
{
    nghttp2_nv pair = {.namelen = strlen(name), .valuelen = strlen(value)};

    /* The library copies both, and asks for pointers to what it might change. */
    memcpy(&pair.name, &name, sizeof(name));
    memcpy(&pair.value, &value, sizeof(value));
    return pair;
}

static void submit_request(struct connection *connection)
{
    const nghttp2_nv fields[] = {
        field(":method", "GET"),
        field(":scheme", "https"),
        field(":authority", LOAD_HOST),
        field(":path", options.path),
        field("user-agent", "http2_load/1"),
        field("accept", "*/*"),
        field("accept-encoding", "identity"),
        field("x-request-id", "0123456789abcdef"),
    };
    struct stream *stream = take_stream();

    stream->started_ns = load_now_ns();
    if (nghttp2_submit_request(connection->session, NULL, fields,
                               sizeof(fields) / sizeof(fields[0]), NULL, stream) < 0)
        load_fail("nghttp2_submit_request");
    connection->open_streams++;
    run.issued++;
}

static void submit_requests(struct connection *connection)
{
    while (connection->open_streams < options.streams && run.issued < run.target)
        submit_request(connection);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length, uint8_t flags,
                     void *user)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

    (void)flags;
    (void)user;
    if (stream != NULL && name_length == 7 && memcmp(name, ":status", 7) == 0)
        stream->status = value_length == 3 && memcmp(value, "200", 3) == 0 ? 200 : -1;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t count, void *user)
{
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    (void)user;
    if (stream == NULL)
        return 0;
    for (size_t i = 0; i < count && stream->received + i < sizeof(stream->first); i++)
        stream->first[stream->received + i] = (char)bytes[i];
    for (size_t i = count > 4 ? count - 4 : 0; i < count; i++) {
        memmove(stream->last, stream->last + 1, 3);
        stream->last[3] = (char)bytes[i];
    }
    stream->received += count;
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct connection *connection = user;
    struct stream *stream = nghttp2_session_get_stream_user_data(session, id);

    if (error != 0 || stream->status != 200)
        load_fail("stream closed: error %u, status %d", error, stream->status);
    if (stream->received != BODY_BYTES || memcmp(stream->first, "SALLY1K:", 8) != 0 ||
        memcmp(stream->last, ":END", 4) != 0)
        load_fail("the body is damaged: %zu bytes", stream->received);
    if (run.counting)
        latencies_add(&run.latencies, load_now_ns() - stream->started_ns);
    stream->next_spare = spare_streams;
    spare_streams = stream;
    connection->open_streams--;
    run.done++;
    submit_requests(connection);
    return 0;
}

/* ---- the wire ------------------------------------------------------------------------------- */

static void start_session(struct connection *connection)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20},
    };
    nghttp2_session_callbacks *callbacks;

    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_client_new(&connection->session, callbacks, connection);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(connection->session, 0, settings, 2);
    nghttp2_session_set_local_window_size(connection->session, 0, 0, 1 << 24);
}

static bool finish_handshake(struct connection *connection)
{
    int result = SSL_do_handshake(connection->ssl);
    const unsigned char *protocol;
    unsigned length;

    if (result != 1) {
        load_expect_waiting(connection->ssl, result, "handshake");
        return false;
    }
    SSL_get0_alpn_selected(connection->ssl, &protocol, &length);
    if (length != 2 || memcmp(protocol, "h2", 2) != 0)
        load_fail("the server did not choose h2");
    connection->is_up = true;
    start_session(connection);
    submit_requests(connection);
    return true;
}

/* A record's worth of frames at a time. */
static void collect_frames(struct connection *connection)
{
    connection->out_length = connection->out_sent = 0;
    while (connection->out_length < RECORD_BYTES) {
        const uint8_t *frames;
        ssize_t count = nghttp2_session_mem_send(connection->session, &frames);
        if (count < 0)
            load_fail("nghttp2_session_mem_send");
        if (count == 0)
            return;
        memcpy(connection->out + connection->out_length, frames, (size_t)count);
        connection->out_length += (size_t)count;
    }
}

/* False when the socket takes no more for now. */
static bool send_frames(struct connection *connection)
{
    for (;;) {
        int result;

        if (connection->out_sent == connection->out_length)
            collect_frames(connection);
        if (connection->out_length == 0)
            return true;
        result = SSL_write(connection->ssl, connection->out + connection->out_sent,
                           (int)(connection->out_length - connection->out_sent));
        if (result <= 0) {
            load_expect_waiting(connection->ssl, result, "write");
            return false;
        }
        connection->out_sent += (size_t)result;
    }
}

/* False when there is nothing more to read for now. */
static bool receive_frames(struct connection *connection)
{
    static uint8_t bytes[READ_BYTES];
    int result = SSL_read(connection->ssl, bytes, sizeof(bytes));

    if (result <= 0) {
        load_expect_waiting(connection->ssl, result, "read");
        return false;
    }
    if (nghttp2_session_mem_recv(connection->session, bytes, (size_t)result) < 0)
        load_fail("the server's HTTP/2 is malformed");
    return true;
}

static void advance(struct connection *connection)
{
    bool received = true;

    if (!connection->is_up && !finish_handshake(connection))
        return;
    while (received) {
        received = receive_frames(connection);
        if (!send_frames(connection))
            return;
    }
}

static void poll_once(void)
{
    struct epoll_event events[64];
    int count = epoll_wait(poller, events, 64, -1);

    for (int i = 0; i < count; i++)
        advance(events[i].data.ptr);
}

/* ---- running -------------------------------------------------------------------------------- */

static void open_connection(struct connection *connection, unsigned number)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    struct credential credential;

    credential_load(&credential, options.folder, number);
    connection->fd = load_connect(&options.to, number);
    connection->ssl = SSL_new(tls_context);
    if (connection->ssl == NULL)
        load_fail("SSL_new");
    credential_use(&credential, connection->ssl);
    SSL_set_tlsext_host_name(connection->ssl, LOAD_HOST);
    SSL_set_fd(connection->ssl, connection->fd);
    SSL_set_connect_state(connection->ssl);
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event);
    /* Up before the next one, so that every connection takes part. */
    while (!connection->is_up)
        poll_once();
}

static void run_requests(uint64_t count)
{
    run.issued = run.done = 0;
    run.target = count;
    for (uint64_t i = 0; i < options.connections; i++) {
        submit_requests(&connections[i]);
        advance(&connections[i]);
    }
    while (run.done < run.target)
        poll_once();
}

static void measure(void)
{
    uint64_t start_ns;
    double seconds, cpu_start, cpu;

    run_requests(options.warm);
    if (options.sync)
        load_sync("READY");
    run.counting = true;
    cpu_start = load_cpu_seconds();
    start_ns = load_now_ns();
    run_requests(options.operations);
    seconds = (double)(load_now_ns() - start_ns) / 1e9;
    cpu = load_cpu_seconds() - cpu_start;
    if (options.sync)
        load_sync("DONE");
    printf("{\"mode\":\"h2\",\"conns\":%llu,\"streams\":%llu,\"ops\":%llu,\"secs\":%.4f,"
           "\"ops_per_s\":%.1f,\"mb_per_s\":0,\"gen_cpu_us_per_op\":%.2f,",
           (unsigned long long)options.connections, (unsigned long long)options.streams,
           (unsigned long long)run.done, seconds, (double)run.done / seconds,
           cpu * 1e6 / (double)run.done);
    latencies_print(&run.latencies);
    puts("}");
}

static void parse_option(const char *name, const char *value)
{
    if (strcmp(name, "-c") == 0)
        options.connections = load_parse_count(value);
    else if (strcmp(name, "-m") == 0)
        options.streams = load_parse_count(value);
    else if (strcmp(name, "-n") == 0)
        options.operations = load_parse_count(value);
    else if (strcmp(name, "--warm") == 0)
        options.warm = load_parse_count(value);
    else if (strcmp(name, "--limit") == 0)
        options.limit_seconds = load_parse_count(value);
    else if (strcmp(name, "--port") == 0)
        options.to = load_loopback(load_parse_count(value));
    else if (strcmp(name, "--ca") == 0)
        options.ca_file = value;
    else if (strcmp(name, "--certs") == 0)
        options.folder = value;
    else if (strcmp(name, "--path") == 0)
        options.path = value;
    else
        load_fail("unknown option %s; see the head of the source", name);
}

static void parse_arguments(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--sync") == 0) {
            options.sync = true;
        } else if (i + 1 < argc) {
            parse_option(argv[i], argv[i + 1]);
            i++;
        } else {
            load_fail("%s needs a value", argv[i]);
        }
    }
    if (options.to.sin_port == 0 || options.ca_file == NULL || options.folder == NULL ||
        options.connections == 0 || options.streams == 0 || options.operations == 0)
        load_fail("--port, --ca and --certs are needed, and no number may be 0");
    if (options.warm < options.connections * options.streams * 4)
        options.warm = options.connections * options.streams * 4;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    parse_arguments(argc, argv);
    alarm((unsigned)options.limit_seconds);
    tls_context = load_client_context(options.ca_file, TLS1_3_VERSION, "X25519");
    SSL_CTX_set_alpn_protos(tls_context, (const unsigned char *)"\2h2", 3);
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(options.connections, sizeof(*connections));
    if (poller < 0 || connections == NULL)
        load_fail("out of memory");
    for (unsigned i = 0; i < options.connections; i++)
        open_connection(&connections[i], i);
    measure();
    return 0;
}
