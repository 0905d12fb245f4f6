/* SPDX-License-Identifier: Apache-2.0
 *
 * A plaintext HTTP/1.1 backend for the benchmark: one thread, kept-alive connections.
 *
 *   backend PORT [ADDRESS]
 *
 *   GET  /1k       a body of 1,024 bytes, "SALLY1K:...:END"
 *   GET  /blob/N   a body of N bytes, one line of 64 bytes again and again
 *   POST /upload   swallows the content and answers "SALLYUP:<bytes>:END"
 *   any  /echo     answers the request's head as it came
 *   any  /health   "SALLYOK:END"
 *
 * It trusts what is in front of it: nothing here is meant to stand against a hostile client.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IN_BYTES = 64 * 1024,
    ANSWER_BYTES = IN_BYTES + 256, /* /echo sends a head back */
    BLOB_BYTES = 256 * 1024,       /* of one send */
    BLOB_LINE_BYTES = 64,
    SMALL_BODY_BYTES = 1024,
};

enum content { CONTENT_NONE, CONTENT_LENGTH, CONTENT_CHUNKED };
enum progress { PROGRESS_DONE, PROGRESS_WAIT, PROGRESS_CLOSE };

struct connection {
    int fd;
    bool waits_to_write;
    bool closes;
    bool confirms_upload;
    enum content content;
    uint64_t content_left; /* of all of it, or of a chunk */
    uint64_t content_seen;
    uint64_t blob_left;
    uint64_t blob_sent;
    size_t answer_length;
    size_t answer_sent;
    size_t in_length;
    /* Not cleared: everything below is valid up to a length above. */
    char answer[ANSWER_BYTES];
    char in[IN_BYTES + 1];
};

static int poller;
static char blob[BLOB_BYTES + BLOB_LINE_BYTES];
static char small_answer[SMALL_BODY_BYTES + 256];
static size_t small_answer_length;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void set_answer(struct connection *connection, const char *status, const char *body,
                       size_t body_length)
{
    int head = snprintf(connection->answer, ANSWER_BYTES,
                        "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n%s\r\n",
                        status, body_length, connection->closes ? "Connection: close\r\n" : "");

    memcpy(connection->answer + head, body, body_length);
    connection->answer_length = (size_t)head + body_length;
}

static void answer_small(struct connection *connection)
{
    if (connection->closes) {
        set_answer(connection, "200 OK", small_answer + small_answer_length - SMALL_BODY_BYTES,
                   SMALL_BODY_BYTES);
        return;
    }
    memcpy(connection->answer, small_answer, small_answer_length);
    connection->answer_length = small_answer_length;
}

static void answer_blob(struct connection *connection, uint64_t length)
{
    int head =
        snprintf(connection->answer, ANSWER_BYTES,
                 "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                 "Content-Length: %llu\r\n%s\r\n",
                 (unsigned long long)length, connection->closes ? "Connection: close\r\n" : "");

    connection->answer_length = (size_t)head;
    connection->blob_left = length;
    connection->blob_sent = 0;
}

static void confirm_upload(struct connection *connection)
{
    char body[64];
    int length = snprintf(body, sizeof(body), "SALLYUP:%llu:END",
                          (unsigned long long)connection->content_seen);

    connection->confirms_upload = false;
    set_answer(connection, "200 OK", body, (size_t)length);
}

static enum progress after_failed_send(void)
{
    return errno == EAGAIN ? PROGRESS_WAIT : PROGRESS_CLOSE;
}

static enum progress send_answer(struct connection *connection)
{
    while (connection->answer_sent < connection->answer_length) {
        int more = connection->blob_left > 0 ? MSG_MORE : 0;
        ssize_t sent =
            send(connection->fd, connection->answer + connection->answer_sent,
                 connection->answer_length - connection->answer_sent, MSG_NOSIGNAL | more);
        if (sent < 0)
            return after_failed_send();
        connection->answer_sent += (size_t)sent;
    }
    while (connection->blob_left > 0) {
        size_t part =
            connection->blob_left < BLOB_BYTES ? (size_t)connection->blob_left : BLOB_BYTES;
        ssize_t sent = send(connection->fd, blob + connection->blob_sent % BLOB_LINE_BYTES, part,
                            MSG_NOSIGNAL);
        if (sent < 0)
            return after_failed_send();
        connection->blob_left -= (uint64_t)sent;
        connection->blob_sent += (uint64_t)sent;
    }
    connection->answer_length = connection->answer_sent = 0;
    return connection->closes ? PROGRESS_CLOSE : PROGRESS_DONE;
}

/* ---- requests ------------------------------------------------------------------------------- */

static void consume(struct connection *connection, size_t count)
{
    connection->in_length -= count;
    memmove(connection->in, connection->in + count, connection->in_length);
}

static uint64_t swallow_counted(struct connection *connection)
{
    uint64_t part = connection->in_length < connection->content_left ? connection->in_length
                                                                     : connection->content_left;

    connection->content_left -= part;
    connection->content_seen += part;
    consume(connection, (size_t)part);
    return connection->content_left;
}

/* Reads a chunk's line, after the line end of the chunk before it. */
static enum progress read_chunk_line(struct connection *connection)
{
    size_t skip = connection->content_seen > 0 ? 2 : 0;
    char *line = connection->in + skip;
    char *end;

    if (connection->in_length < skip)
        return PROGRESS_WAIT;
    if (memcmp(connection->in, "\r\n", skip) != 0)
        return PROGRESS_CLOSE;
    end = memmem(line, connection->in_length - skip, "\r\n", 2);
    if (end == NULL)
        return PROGRESS_WAIT;
    connection->content_left = strtoull(line, NULL, 16);
    if (connection->content_left > 0) {
        consume(connection, (size_t)(end + 2 - connection->in));
        return PROGRESS_DONE;
    }
    if (connection->in + connection->in_length < end + 4)
        return PROGRESS_WAIT;
    consume(connection, (size_t)(end + 4 - connection->in));
    connection->content = CONTENT_NONE;
    return PROGRESS_DONE;
}

static enum progress swallow_content(struct connection *connection)
{
    while (connection->content != CONTENT_NONE) {
        if (connection->content_left > 0 && swallow_counted(connection) > 0)
            return PROGRESS_WAIT;
        if (connection->content == CONTENT_LENGTH) {
            connection->content = CONTENT_NONE;
        } else {
            enum progress progress = read_chunk_line(connection);
            if (progress != PROGRESS_DONE)
                return progress;
        }
    }
    return PROGRESS_DONE;
}

/* What stands behind a field's colon; NULL when the head has no such field. */
static const char *find_field(const char *head, const char *line_start)
{
    const char *value = strcasestr(head, line_start);

    if (value == NULL)
        return NULL;
    value += strlen(line_start);
    return value + strspn(value, " ");
}

static void note_framing(struct connection *connection, const char *head)
{
    const char *length = find_field(head, "\r\nContent-Length:");
    const char *coding = find_field(head, "\r\nTransfer-Encoding:");
    const char *persistence = find_field(head, "\r\nConnection:");

    connection->content_seen = connection->content_left = 0;
    connection->content = CONTENT_NONE;
    if (length != NULL) {
        connection->content = CONTENT_LENGTH;
        connection->content_left = strtoull(length, NULL, 10);
    } else if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0) {
        connection->content = CONTENT_CHUNKED;
    }
    connection->closes = persistence != NULL ? strncasecmp(persistence, "close", 5) == 0
                                             : strstr(head, " HTTP/1.0\r\n") != NULL;
}

static bool begins(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool answer_request(struct connection *connection, const char *path, size_t head_length)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (begins(path, "/1k ")) {
        answer_small(connection);
    } else if (begins(path, "/blob/")) {
        answer_blob(connection, strtoull(path + strlen("/blob/"), NULL, 10));
    } else if (begins(path, "/upload")) {
        connection->confirms_upload = true;
        if (find_field(connection->in, "\r\nExpect:") != NULL &&
            send(connection->fd, go_on, strlen(go_on), MSG_NOSIGNAL) < 0)
            return false;
    } else if (begins(path, "/echo")) {
        set_answer(connection, "200 OK", connection->in, head_length);
    } else if (begins(path, "/health") || begins(path, "/ ")) {
        set_answer(connection, "200 OK", "SALLYOK:END", strlen("SALLYOK:END"));
    } else {
        set_answer(connection, "404 Not Found", "no such path\n", strlen("no such path\n"));
    }
    return true;
}

static enum progress read_request(struct connection *connection)
{
    char *end, *path;
    size_t head_length;
    char after_head;
    bool answered;

    end = memmem(connection->in, connection->in_length, "\r\n\r\n", 4);
    if (end == NULL)
        return connection->in_length < IN_BYTES ? PROGRESS_WAIT : PROGRESS_CLOSE;
    head_length = (size_t)(end + 4 - connection->in);
    after_head = connection->in[head_length];
    connection->in[head_length] = '\0';
    path = strchr(connection->in, ' ');
    if (path == NULL)
        return PROGRESS_CLOSE;
    note_framing(connection, connection->in);
    answered = answer_request(connection, path + 1, head_length);
    connection->in[head_length] = after_head;
    consume(connection, head_length);
    return answered ? PROGRESS_DONE : PROGRESS_CLOSE;
}

/* ---- connections ---------------------------------------------------------------------------- */

static void watch(struct connection *connection, bool waits_to_write)
{
    struct epoll_event event = {.events = waits_to_write ? EPOLLOUT : EPOLLIN,
                                .data.ptr = connection};

    if (connection->waits_to_write == waits_to_write)
        return;
    connection->waits_to_write = waits_to_write;
    epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

static bool has_answer(const struct connection *connection)
{
    return connection->answer_length > 0 || connection->blob_left > 0;
}

/* Handles every whole request that has arrived; false when the connection is to be closed. */
static bool serve(struct connection *connection)
{
    for (;;) {
        enum progress progress;

        if (has_answer(connection)) {
            progress = send_answer(connection);
            if (progress == PROGRESS_WAIT) {
                watch(connection, true);
                return true;
            }
        } else if (connection->content != CONTENT_NONE) {
            progress = swallow_content(connection);
        } else if (connection->confirms_upload) {
            confirm_upload(connection);
            continue;
        } else {
            progress = read_request(connection);
        }
        if (progress == PROGRESS_CLOSE)
            return false;
        if (progress == PROGRESS_WAIT)
            break;
    }
    watch(connection, false);
    return true;
}

static bool receive(struct connection *connection)
{
    ssize_t count = recv(connection->fd, connection->in + connection->in_length,
                         IN_BYTES - connection->in_length, 0);

    if (count < 0 && errno == EAGAIN)
        return true;
    if (count <= 0)
        return false;
    connection->in_length += (size_t)count;
    return true;
}

static void on_ready(struct connection *connection)
{
    if ((connection->waits_to_write || receive(connection)) && serve(connection))
        return;
    close(connection->fd);
    free(connection);
}

static void accept_all(int listening)
{
    struct epoll_event event = {.events = EPOLLIN};
    int on = 1;

    for (;;) {
        struct connection *connection;
        int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK);

        if (fd < 0)
            return;
        connection = malloc(sizeof(*connection));
        if (connection == NULL)
            fail("malloc");
        memset(connection, 0, offsetof(struct connection, answer));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        connection->fd = fd;
        event.data.ptr = connection;
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void write_small_answer(void)
{
    char *body;
    int head = snprintf(small_answer, sizeof(small_answer),
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
                        SMALL_BODY_BYTES);

    body = small_answer + head;
    memset(body, 'x', SMALL_BODY_BYTES);
    memcpy(body, "SALLY1K:", 8);
    memcpy(body + SMALL_BODY_BYTES - 4, ":END", 4);
    small_answer_length = (size_t)head + SMALL_BODY_BYTES;
}

static void write_blob(void)
{
    static const char line[] = "SALLYBLOB:0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ\n";

    for (size_t i = 0; i < sizeof(blob); i++)
        blob[i] = line[i % BLOB_LINE_BYTES];
}

static int listen_on(const char *port, const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        fail(host);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4096) != 0)
        fail("cannot listen");
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event event = {.events = EPOLLIN}, events[256];
    int listening;

    if (argc < 2) {
        fputs("usage: backend PORT [ADDRESS]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    write_small_answer();
    write_blob();
    listening = listen_on(argv[1], argc > 2 ? argv[2] : "127.0.0.1");
    poller = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(poller, EPOLL_CTL_ADD, listening, &event);
    for (;;) {
        int count = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != NULL)
                on_ready(events[i].data.ptr);
            else
                accept_all(listening);
        }
    }
}
