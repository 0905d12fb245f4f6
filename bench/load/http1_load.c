/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 over mutual TLS: a load generator with one thread.
 *
 *   http1_load MODE --port P --ca FILE --certs FOLDER [options]
 *
 * MODE         one operation is
 *   full       TCP connect, full handshake, GET, close
 *   resume     the same with a saved session (a TLS 1.3 ticket is used once)
 *   keepalive  a GET on one of -c open connections, each asking again when answered
 *   download   GET /blob/SIZE on an open connection
 *   upload     POST /upload of SIZE bytes on an open connection
 *   idle       opens -c connections, one GET each, says HOLD, waits, asks once more
 *   idle-resumed  the same, each with a session of an earlier one where there is any
 *   rate       a GET every 1/RATE seconds over -c open connections, whether or not the last one was
 *              answered; latency counts from the planned time
 *
 *   -c N  connections    -n N  operations    -k N  distinct client certificates
 *   --tls 1.2|1.3        --size BYTES        --rate R      --groups LIST     --path /1k
 *   --warm N             operations before the counted ones
 *   --limit SECONDS      gives up after that
 *   --sync               says READY after the warm-up and DONE at the end, and each time waits for
 * a line on stdin, so that a harness can read the server's counters
 *
 * Every answer is checked: status 200, length, first and last bytes. The result is a line of JSON.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum {
    EDGE_BYTES = 16, /* of a body's beginning and end, which are checked */
    HEAD_BYTES_MAX = 8192,
    REQUEST_BYTES_MAX = 512,
    READ_BYTES = 64 * 1024,
    WRITE_BYTES = 16 * 1024,
    SMALL_BODY_BYTES = 1024,
    OPENING_MAX = 64, /* so that the listen queue never overflows */
    SESSIONS_KEPT = 4,
    BLOB_LINE_BYTES = 64,
};

static const char blob_line[] = "SALLYBLOB:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ\n";

enum mode {
    MODE_FULL,
    MODE_RESUME,
    MODE_KEEPALIVE,
    MODE_DOWNLOAD,
    MODE_UPLOAD,
    MODE_IDLE,
    MODE_IDLE_RESUMED,
    MODE_RATE,
    MODE_COUNT
};

static const char *const mode_names[MODE_COUNT] = {
    [MODE_FULL] = "full",
    [MODE_RESUME] = "resume",
    [MODE_KEEPALIVE] = "keepalive",
    [MODE_DOWNLOAD] = "download",
    [MODE_UPLOAD] = "upload",
    [MODE_IDLE] = "idle",
    [MODE_IDLE_RESUMED] = "idle-resumed",
    [MODE_RATE] = "rate",
};

static struct {
    enum mode mode;
    uint64_t connections;
    uint64_t certificates;
    uint64_t operations;
    uint64_t warm;
    uint64_t size;
    uint64_t rate;
    uint64_t limit_seconds;
    int tls;
    bool sync;
    const char *folder;
    const char *ca_file;
    const char *groups;
    const char *path;
    struct sockaddr_in to;
} options = {
    .connections = 8,
    .certificates = 1,
    .operations = 1000,
    .size = 64U << 20,
    .rate = 1000,
    .limit_seconds = 120,
    .tls = TLS1_3_VERSION,
    .path = "/1k",
};

struct request {
    char bytes[REQUEST_BYTES_MAX];
    size_t length;
};

/* What of an answer is expected next. */
enum answer_part { PART_HEAD, PART_BODY, PART_CHUNK_LINE, PART_CHUNK_END, PART_TRAILER };

struct answer {
    enum answer_part part;
    char head[HEAD_BYTES_MAX]; /* also collects chunk lines */
    size_t head_length;
    bool chunked;
    uint64_t left;     /* of the body or of the chunk */
    uint64_t received; /* of the body */
    uint64_t expected;
    char first[EDGE_BYTES];
    char last[EDGE_BYTES];
};

enum state { STATE_CLOSED, STATE_HANDSHAKING, STATE_READY, STATE_BUSY };

struct connection {
    int fd;
    unsigned credential;
    unsigned warm_round; /* how many rounds of the warm-up it has taken part in */
    enum state state;
    SSL *ssl;
    uint64_t started_ns; /* or planned */
    const struct request *request;
    size_t request_sent;
    uint64_t upload_left;
    struct answer answer;
    struct connection *next_parked;
};

/* The sessions that a client certificate has collected; the newest is last. */
struct sessions {
    SSL_SESSION *items[SESSIONS_KEPT];
    size_t count;
};

static SSL_CTX *tls_context;
static struct credential *credentials;
static struct sessions *sessions;
static struct connection *connections;
static struct connection *parked;
static int poller;
static struct request small_request, big_request;

static struct {
    bool counting; /* the warm-up is over */
    unsigned warm_round;
    uint64_t target, issued, done;
    uint64_t opening, opened_serial;
    uint64_t handshakes, resumed, body_bytes;
    struct latencies latencies;
} run;

/* Planned times of operations that found no free connection; a ring. */
static struct {
    uint64_t *planned_ns;
    uint64_t head, tail, capacity;
} backlog;

static void advance(struct connection *connection);

static bool opens_each_time(void)
{
    return options.mode == MODE_FULL || options.mode == MODE_RESUME;
}

static bool moves_bodies(void)
{
    return run.counting && (options.mode == MODE_DOWNLOAD || options.mode == MODE_UPLOAD);
}

static bool resumes(void)
{
    return options.mode == MODE_RESUME || options.mode == MODE_IDLE_RESUMED;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct connection *connection = SSL_get_app_data(ssl);
    struct sessions *kept = &sessions[connection->credential];

    if (kept->count == SESSIONS_KEPT) {
        SSL_SESSION_free(kept->items[0]);
        memmove(kept->items, kept->items + 1, sizeof(kept->items) - sizeof(kept->items[0]));
        kept->count--;
    }
    kept->items[kept->count++] = session;
    return 1;
}

static void offer_session(struct connection *connection)
{
    struct sessions *kept = &sessions[connection->credential];
    SSL_SESSION *newest;

    if (kept->count == 0)
        return;
    newest = kept->items[kept->count - 1];
    if (SSL_set_session(connection->ssl, newest) != 1)
        load_fail("SSL_set_session");
    if (options.tls == TLS1_3_VERSION) {
        kept->count--;
        SSL_SESSION_free(newest);
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

static void keep_edges(struct answer *answer, const char *bytes, size_t count)
{
    if (answer->received < EDGE_BYTES) {
        size_t room = EDGE_BYTES - (size_t)answer->received;
        memcpy(answer->first + answer->received, bytes, count < room ? count : room);
    }
    if (count >= EDGE_BYTES) {
        memcpy(answer->last, bytes + count - EDGE_BYTES, EDGE_BYTES);
    } else {
        memmove(answer->last, answer->last + count, EDGE_BYTES - count);
        memcpy(answer->last + EDGE_BYTES - count, bytes, count);
    }
    answer->received += count;
}

static void read_head(struct answer *answer)
{
    const char *length;
    char *head = answer->head;

    head[answer->head_length] = '\0';
    if (strncmp(head, "HTTP/1.", 7) != 0 || strncmp(head + 8, " 200", 4) != 0)
        load_fail("the answer is not 200:\n%.400s", head);
    if (strcasestr(head, "\r\nConnection: close") != NULL && !opens_each_time())
        load_fail("the server closes the connection:\n%.400s", head);
    length = strcasestr(head, "\r\nContent-Length:");
    answer->chunked = length == NULL;
    if (length != NULL) {
        answer->left = strtoull(length + strlen("\r\nContent-Length:"), NULL, 10);
        answer->part = PART_BODY;
    } else if (strcasestr(head, "\r\nTransfer-Encoding: chunked") != NULL) {
        answer->part = PART_CHUNK_LINE;
    } else {
        load_fail("the answer has neither a length nor chunks:\n%.400s", head);
    }
}

static bool head_is_complete(const struct answer *answer)
{
    return answer->head_length >= 4 &&
           memcmp(answer->head + answer->head_length - 4, "\r\n\r\n", 4) == 0;
}

/* Takes a line's end of a head, chunk line or trailer; true when the answer is complete. */
static bool take_line(struct answer *answer)
{
    size_t length = answer->head_length;

    if (answer->part == PART_HEAD && !head_is_complete(answer))
        return false;
    answer->head_length = 0;
    switch (answer->part) {
    case PART_HEAD:
        if (memcmp(answer->head + 8, " 100", 4) == 0)
            return false;
        answer->head_length = length;
        read_head(answer);
        answer->head_length = 0;
        return answer->part == PART_BODY && answer->left == 0;
    case PART_CHUNK_END:
        answer->part = PART_CHUNK_LINE;
        return false;
    case PART_CHUNK_LINE:
        answer->left = strtoull(answer->head, NULL, 16);
        answer->part = answer->left > 0 ? PART_BODY : PART_TRAILER;
        return false;
    case PART_TRAILER:
        return length == 2;
    case PART_BODY:
        break;
    }
    return false;
}

/* True when the answer is complete. */
static bool take_bytes(struct answer *answer, const char *bytes, size_t count)
{
    while (count > 0) {
        if (answer->part == PART_BODY) {
            size_t part = count < answer->left ? count : (size_t)answer->left;
            keep_edges(answer, bytes, part);
            bytes += part;
            count -= part;
            answer->left -= part;
            if (answer->left > 0)
                return false;
            if (!answer->chunked) {
                if (count > 0)
                    load_fail("bytes after the answer");
                return true;
            }
            answer->part = PART_CHUNK_END;
        } else {
            if (answer->head_length >= sizeof(answer->head) - 1)
                load_fail("the answer's head is too long");
            answer->head[answer->head_length++] = *bytes;
            count--;
            if (*bytes++ == '\n' && take_line(answer))
                return true;
        }
    }
    return false;
}

static void check_upload(const struct answer *answer)
{
    char expected[64];
    int length =
        snprintf(expected, sizeof(expected), "SALLYUP:%llu:END", (unsigned long long)options.size);

    if (answer->received != (uint64_t)length ||
        memcmp(answer->first, expected, (size_t)(length < EDGE_BYTES ? length : EDGE_BYTES)) != 0 ||
        memcmp(answer->last + EDGE_BYTES - 4, ":END", 4) != 0)
        load_fail("the answer does not confirm %llu bytes", (unsigned long long)options.size);
}

static void check_download(const struct answer *answer)
{
    char end[EDGE_BYTES];

    for (uint64_t i = 0; i < EDGE_BYTES; i++)
        end[i] = blob_line[(answer->received - EDGE_BYTES + i) % BLOB_LINE_BYTES];
    if (memcmp(answer->first, blob_line, EDGE_BYTES) != 0 ||
        memcmp(answer->last, end, EDGE_BYTES) != 0)
        load_fail("the downloaded bytes are damaged");
}

static void check_answer(const struct answer *answer)
{
    if (moves_bodies() && options.mode == MODE_UPLOAD) {
        check_upload(answer);
        return;
    }
    if (answer->received != answer->expected)
        load_fail("the body has %llu bytes, not %llu", (unsigned long long)answer->received,
                  (unsigned long long)answer->expected);
    if (moves_bodies())
        check_download(answer);
    else if (memcmp(answer->first, "SALLY1K:", 8) != 0 ||
             memcmp(answer->last + EDGE_BYTES - 4, ":END", 4) != 0)
        load_fail("the body is damaged");
}

/* ---- operations ----------------------------------------------------------------------------- */

static void park(struct connection *connection)
{
    connection->next_parked = parked;
    parked = connection;
}

static struct connection *unpark(void)
{
    struct connection *connection = parked;

    parked = connection->next_parked;
    return connection;
}

static void open_connection(struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};

    connection->fd = load_connect(&options.to, run.opened_serial);
    connection->ssl = SSL_new(tls_context);
    if (connection->ssl == NULL)
        load_fail("SSL_new");
    SSL_set_app_data(connection->ssl, connection);
    credential_use(&credentials[connection->credential], connection->ssl);
    SSL_set_tlsext_host_name(connection->ssl, LOAD_HOST);
    if (SSL_set_fd(connection->ssl, connection->fd) != 1)
        load_fail("SSL_set_fd");
    SSL_set_connect_state(connection->ssl);
    if (resumes())
        offer_session(connection);
    connection->state = STATE_HANDSHAKING;
    run.opening++;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        load_fail("epoll_ctl: %s", strerror(errno));
}

static void close_connection(struct connection *connection)
{
    SSL_shutdown(connection->ssl);
    SSL_free(connection->ssl);
    close(connection->fd);
    connection->ssl = NULL;
    connection->state = STATE_CLOSED;
}

static void begin_request(struct connection *connection)
{
    bool big = moves_bodies();
    bool upload = big && options.mode == MODE_UPLOAD;
    struct answer *answer = &connection->answer;

    connection->request = big ? &big_request : &small_request;
    connection->request_sent = 0;
    connection->upload_left = upload ? options.size : 0;
    connection->state = STATE_BUSY;
    answer->part = PART_HEAD;
    answer->head_length = 0;
    answer->received = 0;
    answer->expected = big ? options.size : SMALL_BODY_BYTES;
}

static void start_operation(struct connection *connection, uint64_t started_ns)
{
    connection->started_ns = started_ns;
    if (connection->state != STATE_CLOSED) {
        begin_request(connection);
        return;
    }
    if (opens_each_time())
        connection->credential = (unsigned)(run.opened_serial % options.certificates);
    open_connection(connection);
    run.opened_serial++;
}

/* In the warm-up each connection of a kept-alive mode asks once a round. */
static bool may_issue(const struct connection *connection)
{
    if (run.issued >= run.target)
        return false;
    return run.counting || opens_each_time() || connection->state == STATE_CLOSED ||
           connection->warm_round < run.warm_round;
}

static void start_next(struct connection *connection)
{
    if (run.counting && options.mode == MODE_RATE) {
        if (backlog.head == backlog.tail)
            park(connection);
        else
            start_operation(connection, backlog.planned_ns[backlog.head++ % backlog.capacity]);
    } else if (may_issue(connection)) {
        run.issued++;
        connection->warm_round = run.warm_round;
        start_operation(connection, load_now_ns());
    } else {
        park(connection);
    }
}

static void finish_operation(struct connection *connection)
{
    check_answer(&connection->answer);
    run.done++;
    if (run.counting) {
        latencies_add(&run.latencies, load_now_ns() - connection->started_ns);
        run.body_bytes += options.mode == MODE_UPLOAD ? options.size : connection->answer.received;
    }
    connection->state = STATE_READY;
    if (opens_each_time())
        close_connection(connection);
    start_next(connection);
}

/* ---- the wire ------------------------------------------------------------------------------- */

static bool finish_handshake(struct connection *connection)
{
    int result = SSL_do_handshake(connection->ssl);

    if (result != 1) {
        load_expect_waiting(connection->ssl, result, "handshake");
        return false;
    }
    if (run.counting || options.mode == MODE_IDLE_RESUMED) {
        run.handshakes++;
        if (SSL_session_reused(connection->ssl))
            run.resumed++;
    }
    run.opening--;
    begin_request(connection);
    return true;
}

/* False when the socket takes no more for now. */
static bool send_bytes(struct connection *connection, const char *bytes, size_t count, size_t *sent)
{
    int result = SSL_write(connection->ssl, bytes, (int)count);

    if (result <= 0) {
        load_expect_waiting(connection->ssl, result, "write");
        return false;
    }
    *sent = (size_t)result;
    return true;
}

static bool send_request(struct connection *connection)
{
    static char filler[WRITE_BYTES + BLOB_LINE_BYTES];
    const struct request *request = connection->request;
    size_t sent;

    if (filler[0] == '\0')
        memset(filler, 'u', sizeof(filler));
    while (connection->request_sent < request->length) {
        if (!send_bytes(connection, request->bytes + connection->request_sent,
                        request->length - connection->request_sent, &sent))
            return false;
        connection->request_sent += sent;
    }
    while (connection->upload_left > 0) {
        uint64_t left = connection->upload_left;
        size_t offset = (size_t)((options.size - left) % BLOB_LINE_BYTES);
        if (!send_bytes(connection, filler + offset, left < WRITE_BYTES ? left : WRITE_BYTES,
                        &sent))
            return false;
        connection->upload_left -= sent;
    }
    return true;
}

/* True when the answer is complete. */
static bool receive_answer(struct connection *connection)
{
    static char bytes[READ_BYTES];

    for (;;) {
        int result = SSL_read(connection->ssl, bytes, sizeof(bytes));
        if (result <= 0) {
            load_expect_waiting(connection->ssl, result, "read");
            return false;
        }
        if (take_bytes(&connection->answer, bytes, (size_t)result))
            return true;
    }
}

/* Nothing was asked: only a ticket may come. */
static void expect_silence(struct connection *connection)
{
    char byte;
    int result = SSL_read(connection->ssl, &byte, 1);

    if (result > 0)
        load_fail("bytes that nobody asked for");
    load_expect_waiting(connection->ssl, result, "idle read");
}

static void advance(struct connection *connection)
{
    if (connection->state == STATE_CLOSED)
        return;
    if (connection->state == STATE_READY) {
        expect_silence(connection);
        return;
    }
    if (connection->state == STATE_HANDSHAKING && !finish_handshake(connection))
        return;
    if (!send_request(connection) || !receive_answer(connection))
        return;
    finish_operation(connection);
    /* The next request goes out now; its answer will wake us. */
    if (connection->state == STATE_BUSY)
        send_request(connection);
}

/* ---- loops ---------------------------------------------------------------------------------- */

static void poll_once(int64_t wait_ns)
{
    struct epoll_event events[256];
    struct timespec wait = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int count = epoll_pwait2(poller, events, 256, wait_ns < 0 ? NULL : &wait, NULL);

    if (count < 0 && errno != EINTR)
        load_fail("epoll: %s", strerror(errno));
    for (int i = 0; i < count; i++)
        advance(events[i].data.ptr);
}

/* `count` operations over all connections, each starting the next when it ends. */
static void run_closed_loop(uint64_t count)
{
    struct connection *list = parked;

    run.issued = run.done = 0;
    run.target = count;
    run.warm_round++;
    parked = NULL;
    while (list != NULL) {
        struct connection *connection = list;
        list = connection->next_parked;
        start_next(connection);
        if (connection->state == STATE_BUSY)
            advance(connection);
        while (run.opening >= OPENING_MAX)
            poll_once(-1);
    }
    while (run.done < run.target)
        poll_once(-1);
}

static void issue_planned(uint64_t planned_ns)
{
    if (parked != NULL) {
        struct connection *connection = unpark();
        start_operation(connection, planned_ns);
        advance(connection);
    } else {
        backlog.planned_ns[backlog.tail++ % backlog.capacity] = planned_ns;
    }
}

static void run_open_loop(void)
{
    uint64_t gap_ns = 1000000000U / options.rate;
    uint64_t start_ns = load_now_ns();
    uint64_t planned = 0;

    run.done = 0;
    backlog.capacity = options.operations + 1;
    backlog.planned_ns = calloc(backlog.capacity, sizeof(*backlog.planned_ns));
    if (backlog.planned_ns == NULL)
        load_fail("out of memory");
    while (run.done < options.operations) {
        uint64_t now_ns = load_now_ns();
        int64_t wait_ns = -1;

        while (planned < options.operations && start_ns + planned * gap_ns <= now_ns)
            issue_planned(start_ns + planned++ * gap_ns);
        if (planned < options.operations) {
            wait_ns = (int64_t)(start_ns + planned * gap_ns - load_now_ns());
            wait_ns = wait_ns > 0 ? wait_ns : 0;
        }
        poll_once(wait_ns);
    }
}

static void warm_up(void)
{
    if (opens_each_time()) {
        run_closed_loop(options.warm);
        return;
    }
    for (uint64_t done = 0; done < options.warm; done += options.connections)
        run_closed_loop(options.connections);
}

static void hold_idle_connections(void)
{
    run_closed_loop(options.connections);
    load_sync("HOLD");
    run_closed_loop(options.connections); /* are they still alive? */
    printf("{\"mode\":\"%s\",\"conns\":%llu,\"handshakes\":%llu,\"resumed\":%llu}\n",
           mode_names[options.mode], (unsigned long long)options.connections,
           (unsigned long long)run.handshakes, (unsigned long long)run.resumed);
}

static void measure(void)
{
    uint64_t start_ns;
    double seconds, cpu_start, cpu;

    warm_up();
    if (options.sync)
        load_sync("READY");
    run.counting = true;
    cpu_start = load_cpu_seconds();
    start_ns = load_now_ns();
    if (options.mode == MODE_RATE)
        run_open_loop();
    else
        run_closed_loop(options.operations);
    seconds = (double)(load_now_ns() - start_ns) / 1e9;
    cpu = load_cpu_seconds() - cpu_start;
    if (options.sync)
        load_sync("DONE");
    printf("{\"mode\":\"%s\",\"tls\":\"%s\",\"conns\":%llu,\"certs\":%llu,\"ops\":%llu,"
           "\"secs\":%.4f,\"ops_per_s\":%.1f,\"mb_per_s\":%.1f,\"handshakes\":%llu,"
           "\"resumed\":%llu,\"gen_cpu_us_per_op\":%.2f,",
           mode_names[options.mode], options.tls == TLS1_2_VERSION ? "1.2" : "1.3",
           (unsigned long long)options.connections, (unsigned long long)options.certificates,
           (unsigned long long)run.done, seconds, (double)run.done / seconds,
           (double)run.body_bytes / seconds / 1e6, (unsigned long long)run.handshakes,
           (unsigned long long)run.resumed, cpu * 1e6 / (double)run.done);
    latencies_print(&run.latencies);
    puts("}");
}

/* ---- setting up ----------------------------------------------------------------------------- */

static enum mode parse_mode(const char *name)
{
    for (int mode = 0; mode < MODE_COUNT; mode++) {
        if (strcmp(name, mode_names[mode]) == 0)
            return (enum mode)mode;
    }
    load_fail("'%s' is no mode; see the head of the source", name);
}

static void parse_option(const char *name, const char *value)
{
    const struct {
        const char *name;
        uint64_t *number;
    } numbers[] = {
        {"-c", &options.connections},        {"-n", &options.operations},
        {"-k", &options.certificates},       {"--size", &options.size},
        {"--rate", &options.rate},           {"--warm", &options.warm},
        {"--limit", &options.limit_seconds},
    };
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"--ca", &options.ca_file},
        {"--certs", &options.folder},
        {"--groups", &options.groups},
        {"--path", &options.path},
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].number = load_parse_count(value);
            return;
        }
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return;
        }
    }
    if (strcmp(name, "--port") == 0)
        options.to = load_loopback(load_parse_count(value));
    else if (strcmp(name, "--tls") == 0)
        options.tls = strcmp(value, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
    else
        load_fail("unknown option %s; see the head of the source", name);
}

static void parse_arguments(int argc, char **argv)
{
    if (argc < 2)
        load_fail("a mode is needed; see the head of the source");
    options.mode = parse_mode(argv[1]);
    for (int i = 2; i < argc; i++) {
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
        options.connections == 0 || options.certificates == 0 || options.operations == 0 ||
        options.rate == 0)
        load_fail("--port, --ca and --certs are needed, and no number may be 0");
}

static void settle_options(void)
{
    if (options.mode == MODE_RESUME && options.certificates < options.connections)
        options.certificates = options.connections;
    if (options.warm < options.connections)
        options.warm = options.connections;
    if (options.mode == MODE_RESUME && options.warm < options.certificates)
        options.warm = options.certificates;
    /* In TLS 1.2 the curve of the server's certificate must be in the list. */
    if (options.groups == NULL)
        options.groups = options.tls == TLS1_3_VERSION ? "X25519" : "X25519:P-256";
}

static void write_requests(void)
{
    static const char common[] = "User-Agent: http1_load/1\r\nAccept: */*\r\n"
                                 "Accept-Encoding: identity\r\nX-Request-Id: 0123456789abcdef\r\n";
    unsigned long long size = options.size;
    int small, big;

    small = snprintf(small_request.bytes, REQUEST_BYTES_MAX,
                     "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", options.path, LOAD_HOST, common);
    if (options.mode == MODE_UPLOAD)
        big = snprintf(big_request.bytes, REQUEST_BYTES_MAX,
                       "POST /upload HTTP/1.1\r\nHost: %s\r\n%s"
                       "Content-Type: application/octet-stream\r\nContent-Length: %llu\r\n\r\n",
                       LOAD_HOST, common, size);
    else
        big = snprintf(big_request.bytes, REQUEST_BYTES_MAX,
                       "GET /blob/%llu HTTP/1.1\r\nHost: %s\r\n%s\r\n", size, LOAD_HOST, common);
    if (small >= REQUEST_BYTES_MAX || big >= REQUEST_BYTES_MAX)
        load_fail("the path is too long");
    small_request.length = (size_t)small;
    big_request.length = (size_t)big;
}

static void prepare_tls(void)
{
    credentials = calloc(options.certificates, sizeof(*credentials));
    sessions = calloc(options.certificates, sizeof(*sessions));
    if (credentials == NULL || sessions == NULL)
        load_fail("out of memory");
    for (unsigned i = 0; i < options.certificates; i++)
        credential_load(&credentials[i], options.folder, i);
    tls_context = load_client_context(options.ca_file, options.tls, options.groups);
    if (resumes()) {
        SSL_CTX_set_session_cache_mode(tls_context,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
        SSL_CTX_sess_set_new_cb(tls_context, keep_session);
    }
}

static void prepare_connections(void)
{
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(options.connections, sizeof(*connections));
    if (poller < 0 || connections == NULL)
        load_fail("out of memory");
    for (uint64_t i = options.connections; i-- > 0;) {
        connections[i].credential = (unsigned)(i % options.certificates);
        park(&connections[i]);
    }
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    parse_arguments(argc, argv);
    settle_options();
    alarm((unsigned)options.limit_seconds);
    prepare_tls();
    write_requests();
    prepare_connections();
    if (options.mode == MODE_IDLE || options.mode == MODE_IDLE_RESUMED)
        hold_idle_connections();
    else
        measure();
    return 0;
}
