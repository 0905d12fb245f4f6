/* SPDX-License-Identifier: Apache-2.0
 *
 * See passed_sockets.h. What is passed is counted from descriptor 3 on, so whatever else the
 * process opened would be in the way: this runs before the configuration is read.
 */
#include "app/passed_sockets.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/memory.h"
#include "runtime/slice.h"

enum { FIRST_DESCRIPTOR = 3, DESCRIPTORS_MAX = 1024 };

struct passed_socket {
    int fd;
    struct socket_address address;
    char *name; /* never NULL */
};

struct passed_sockets {
    struct passed_socket *sockets;
    size_t count;
};

/* ---- taking them
 * ------------------------------------------------------------------------------------------ */

static uint64_t number_of(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t value = 0;

    return text != NULL && slice_parse_u64(slice_from_text(text), &value) ? value : 0;
}

/* The part before the next colon, and the rest. */
static char *take_name(struct slice *names)
{
    size_t colon = slice_find(*names, ':');
    char *name =
        colon == 0 ? memory_copy_text("unknown") : memory_copy_slice(slice_first(*names, colon));

    *names = slice_after(*names, colon + 1);
    return name;
}

static bool has_option(int fd, int option, int expected)
{
    int value = 0;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == expected;
}

static bool is_listening_tcp(int fd, struct socket_address *address)
{
    return has_option(fd, SO_ACCEPTCONN, 1) && has_option(fd, SO_TYPE, SOCK_STREAM) &&
           socket_local_address(fd, address) &&
           (address->storage.ss_family == AF_INET || address->storage.ss_family == AF_INET6);
}

/* Whoever passed it did not have to make it fit to be polled. */
static bool prepare(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static bool take(struct passed_sockets *passed, int fd, struct slice *names, struct error *error)
{
    struct passed_socket *socket = &passed->sockets[passed->count];

    socket->fd = fd;
    socket->name = take_name(names);
    passed->count++;
    if (is_listening_tcp(fd, &socket->address) && prepare(fd))
        return true;
    error_set(error, ERROR_VALUE,
              "descriptor %d ('%s'), which was passed at the start, is no listening TCP socket", fd,
              socket->name);
    return false;
}

static void forget_environment(void)
{
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

struct passed_sockets *passed_sockets_take(struct error *error)
{
    bool is_for_us = number_of("LISTEN_PID") == (uint64_t)getpid();
    uint64_t count = is_for_us ? number_of("LISTEN_FDS") : 0;
    char *text = memory_copy_text(getenv("LISTEN_FDNAMES"));
    struct slice names = slice_from_text(text);
    struct passed_sockets *passed = memory_allocate(sizeof(*passed));
    bool taken = count <= DESCRIPTORS_MAX;

    forget_environment();
    if (!taken)
        error_set(error, ERROR_LIMIT, "more than %d sockets were passed at the start",
                  DESCRIPTORS_MAX);
    else
        passed->sockets = memory_allocate_array(count, sizeof(*passed->sockets));
    for (int i = 0; taken && i < (int)count; i++)
        taken = take(passed, FIRST_DESCRIPTOR + i, &names, error);
    memory_release(text);
    if (taken)
        return passed;
    passed_sockets_close(passed);
    return NULL;
}

void passed_sockets_close(struct passed_sockets *passed)
{
    if (passed == NULL)
        return;
    for (size_t i = 0; i < passed->count; i++) {
        close(passed->sockets[i].fd);
        memory_release(passed->sockets[i].name);
    }
    memory_release(passed->sockets);
    memory_release(passed);
}

/* ---- using them
 * -------------------------------------------------------------------------------------------- */

size_t passed_sockets_count(const struct passed_sockets *passed)
{
    return passed->count;
}

static const struct passed_socket *find(const struct passed_sockets *passed,
                                        const struct socket_address *address)
{
    for (size_t i = 0; i < passed->count; i++) {
        if (socket_address_equals(&passed->sockets[i].address, address))
            return &passed->sockets[i];
    }
    return NULL;
}

bool passed_sockets_have(const struct passed_sockets *passed, const struct socket_address *address)
{
    return find(passed, address) != NULL;
}

int passed_sockets_duplicate(const struct passed_sockets *passed,
                             const struct socket_address *address, struct error *error)
{
    const struct passed_socket *socket = find(passed, address);
    int fd;

    assert(socket != NULL);
    fd = fcntl(socket->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        error_set(error, ERROR_SYSTEM, "the socket '%s', which was passed, cannot be used: %s",
                  socket->name, strerror(errno));
    return fd;
}

char *passed_sockets_describe(const struct passed_sockets *passed, size_t index,
                              struct socket_address *address)
{
    char text[SOCKET_ADDRESS_TEXT_SIZE];

    *address = passed->sockets[index].address;
    socket_address_format(address, text);
    return memory_format("'%s' on %s", passed->sockets[index].name, text);
}
