/* SPDX-License-Identifier: Apache-2.0
 *
 * See admin_client.h.
 */
#include "app/admin/admin_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/admin/admin_service.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"

enum { ANSWER_BYTES_MAX = 64 * 1024 * 1024, PIECE_BYTES = 4096 };

static int connect_to(const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) > ADMIN_SOCKET_PATH_BYTES_MAX) {
        error_set(error, ERROR_VALUE, "the path of a socket has at most %d bytes",
                  ADMIN_SOCKET_PATH_BYTES_MAX);
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    error_set(error, ERROR_SYSTEM, "%s",
              errno == ECONNREFUSED ? "nobody listens on it" : strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_command(int fd, const char *command, struct error *error)
{
    char *line = memory_format("%s\n", command);
    size_t size = strlen(line);
    ssize_t sent = send(fd, line, size, MSG_NOSIGNAL); /* far less than a socket takes at once */

    memory_release(line);
    if (sent == (ssize_t)size)
        return true;
    error_set(error, ERROR_SYSTEM, "the command cannot be sent: %s", strerror(errno));
    return false;
}

/* How long poll may wait, until then. */
static int rest_of(uint64_t deadline_ms)
{
    uint64_t now = clock_monotonic_ms();

    return deadline_ms > now ? (int)(deadline_ms - now) : 0;
}

/* Up to the end of the connection. */
static bool receive(int fd, uint64_t wait_ms, struct text_builder *text, struct error *error)
{
    uint64_t deadline_ms = clock_monotonic_ms() + wait_ms;
    char piece[PIECE_BYTES];

    for (;;) {
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        int ready = poll(&polled, 1, rest_of(deadline_ms));
        ssize_t got = ready > 0 ? recv(fd, piece, sizeof(piece), 0) : -1;

        if (ready == 0) {
            error_set(error, ERROR_SYSTEM, "the gateway does not answer");
            return false;
        }
        if (got == 0)
            return true;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || text->size + (size_t)got > ANSWER_BYTES_MAX) {
            error_set(error, ERROR_SYSTEM, "the answer cannot be received");
            return false;
        }
        text_builder_add(text, slice_from(piece, (size_t)got));
    }
}

/* The first line is one of three words. */
static struct admin_answer read_answer(struct slice text, struct error *error)
{
    size_t end = slice_find(text, '\n');
    struct slice word = slice_first(text, end);
    struct admin_answer answer = {.result = ADMIN_UNREACHABLE};

    if (slice_equals(word, SLICE("ok")))
        answer.result = ADMIN_OK;
    else if (slice_equals(word, SLICE("no")))
        answer.result = ADMIN_NO;
    else if (slice_equals(word, SLICE("error")))
        answer.result = ADMIN_ERROR;
    if (answer.result == ADMIN_UNREACHABLE || end == text.size)
        error_set(error, ERROR_SYSTEM,
                  text.size == 0 ? "the gateway ended before it answered"
                                 : "what answers is no gateway");
    else
        answer.text = memory_copy_slice(slice_after(text, end + 1));
    return answer;
}

struct admin_answer admin_client_ask(const char *path, const char *command, uint64_t wait_ms,
                                     struct error *error)
{
    struct admin_answer answer = {.result = ADMIN_UNREACHABLE};
    struct text_builder text = {0};
    int fd = connect_to(path, error);

    if (fd >= 0 && send_command(fd, command, error) && receive(fd, wait_ms, &text, error))
        answer = read_answer(slice_from(text.text, text.size), error);
    if (answer.text == NULL)
        answer.result = ADMIN_UNREACHABLE;
    if (fd >= 0)
        close(fd);
    text_builder_reset(&text);
    if (answer.result == ADMIN_UNREACHABLE)
        error_prefix(error, "admin socket '%s'", path);
    return answer;
}
