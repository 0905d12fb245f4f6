/* SPDX-License-Identifier: Apache-2.0
 *
 * See demo_mirror_internal.h. Few peers, short requests: one poll() a turn is all it takes. What is
 * too much for it is cut off.
 */
#include "app/demo/demo_mirror_internal.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/memory.h"
#include "runtime/socket.h"

enum { PEERS_MAX = 32, REQUEST_BYTES_MAX = 64 * 1024, TURN_MS = 50, BACKLOG = 64 };

struct peer {
    int fd; /* -1: free */
    char *input;
    size_t size;
    bool is_streaming;
};

struct demo_mirror {
    int listening;
    int wake[2]; /* closing the second end ends the thread */
    pthread_t thread;
    struct peer peers[PEERS_MAX];
    char address[SOCKET_ADDRESS_TEXT_SIZE];
};

static void close_peer(struct peer *peer)
{
    socket_close(peer->fd);
    memory_release(peer->input);
    *peer = (struct peer){.fd = -1};
}

static void accept_peer(struct demo_mirror *mirror)
{
    struct socket_address address;
    enum socket_outcome outcome = SOCKET_FAILED;
    int code = 0;
    int fd = socket_accept(mirror->listening, &address, &outcome, &code);

    for (size_t i = 0; fd >= 0 && i < PEERS_MAX; i++) {
        if (mirror->peers[i].fd < 0) {
            mirror->peers[i].fd = fd;
            mirror->peers[i].input = memory_allocate(REQUEST_BYTES_MAX);
            return;
        }
    }
    if (fd >= 0)
        socket_close(fd);
}

/* ---- requests ---- */

static bool holds(struct slice text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

/* A head, and behind one that says so a last chunk with its trailers. */
static bool is_complete(struct slice input)
{
    const char *end = memmem(input.data, input.size, "\r\n\r\n", 4);
    size_t head = end == NULL ? 0 : (size_t)(end - input.data) + 4;

    if (end == NULL)
        return false;
    return !holds(slice_first(input, head), "chunked") ||
           (holds(slice_after(input, head), "0\r\n") && slice_ends_with(input, SLICE("\r\n\r\n")) &&
            input.size > head);
}

static bool send_text(const struct peer *peer, struct slice text)
{
    struct socket_result result = socket_write(peer->fd, text);

    return result.outcome == SOCKET_DONE || result.outcome == SOCKET_AGAIN;
}

static void answer(struct peer *peer)
{
    struct slice input = slice_from(peer->input, peer->size);
    char head[128];

    if (slice_starts_with(input, SLICE("GET /stream"))) {
        peer->is_streaming = true;
        if (!send_text(peer, SLICE("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")))
            close_peer(peer);
        return;
    }
    (void)snprintf(head, sizeof head,
                   "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                   "Connection: close\r\n\r\n",
                   input.size);
    if (send_text(peer, slice_from_text(head)))
        (void)send_text(peer, input);
    close_peer(peer);
}

static void read_peer(struct peer *peer)
{
    struct socket_result result =
        socket_read(peer->fd, peer->input + peer->size, REQUEST_BYTES_MAX - peer->size);

    if (result.outcome == SOCKET_AGAIN)
        return;
    if (result.outcome != SOCKET_DONE) {
        close_peer(peer);
        return;
    }
    peer->size += result.count;
    if (peer->is_streaming)
        peer->size = 0;
    else if (is_complete(slice_from(peer->input, peer->size)))
        answer(peer);
    else if (peer->size == REQUEST_BYTES_MAX)
        close_peer(peer);
}

/* ---- the thread ---- */

static void stream(struct demo_mirror *mirror)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (mirror->peers[i].fd >= 0 && mirror->peers[i].is_streaming &&
            !send_text(&mirror->peers[i], SLICE("10\r\nand there's more\r\n")))
            close_peer(&mirror->peers[i]);
    }
}

static void *run(void *context)
{
    struct demo_mirror *mirror = context;
    struct pollfd waiting[PEERS_MAX + 2];

    for (;;) {
        for (size_t i = 0; i < PEERS_MAX; i++)
            waiting[i] = (struct pollfd){.fd = mirror->peers[i].fd, .events = POLLIN};
        waiting[PEERS_MAX] = (struct pollfd){.fd = mirror->listening, .events = POLLIN};
        waiting[PEERS_MAX + 1] = (struct pollfd){.fd = mirror->wake[0], .events = POLLIN};
        (void)poll(waiting, PEERS_MAX + 2, TURN_MS);
        if (waiting[PEERS_MAX + 1].revents != 0)
            return NULL;
        for (size_t i = 0; i < PEERS_MAX; i++) {
            if (waiting[i].fd >= 0 && waiting[i].revents != 0)
                read_peer(&mirror->peers[i]);
        }
        if (waiting[PEERS_MAX].revents != 0)
            accept_peer(mirror);
        stream(mirror);
    }
}

static bool start_thread(struct demo_mirror *mirror)
{
    sigset_t all;
    sigset_t before;
    int code = 0;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&mirror->thread, NULL, run, mirror);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0;
}

static void release(struct demo_mirror *mirror)
{
    for (size_t i = 0; i < PEERS_MAX; i++) {
        if (mirror->peers[i].fd >= 0)
            close_peer(&mirror->peers[i]);
    }
    if (mirror->listening >= 0)
        socket_close(mirror->listening);
    for (size_t i = 0; i < 2; i++) {
        if (mirror->wake[i] >= 0)
            close(mirror->wake[i]);
    }
    memory_release(mirror);
}

struct demo_mirror *demo_mirror_start(struct error *error)
{
    struct demo_mirror *mirror = memory_allocate(sizeof *mirror);
    struct socket_address address;

    for (size_t i = 0; i < PEERS_MAX; i++)
        mirror->peers[i].fd = -1;
    mirror->wake[0] = -1;
    mirror->wake[1] = -1;
    mirror->listening = -1;
    if (socket_address_parse(SLICE("127.0.0.1:0"), &address, error))
        mirror->listening = socket_listen(&address, BACKLOG, false, error);
    if (mirror->listening < 0) {
        release(mirror);
        return NULL;
    }
    if (!socket_local_address(mirror->listening, &address) || pipe2(mirror->wake, O_CLOEXEC) != 0 ||
        !start_thread(mirror)) {
        error_set(error, ERROR_SYSTEM, "the backend for attacks cannot be started");
        release(mirror);
        return NULL;
    }
    socket_address_format(&address, mirror->address);
    return mirror;
}

const char *demo_mirror_address(const struct demo_mirror *mirror)
{
    return mirror->address;
}

void demo_mirror_stop(struct demo_mirror *mirror)
{
    if (mirror == NULL)
        return;
    close(mirror->wake[1]);
    mirror->wake[1] = -1;
    pthread_join(mirror->thread, NULL);
    release(mirror);
}
