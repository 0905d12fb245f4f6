/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP sockets, always non-blocking and close-on-exec, with addresses as values.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "runtime/error.h"
#include "runtime/slice.h"

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t size;
};

enum { SOCKET_ADDRESS_TEXT_SIZE = 64 };

/* "127.0.0.1:8443", "[::1]:8443", ":8443" (every address, IPv6 and IPv4). Port 0 is allowed. */
bool socket_address_parse(struct slice text, struct socket_address *address, struct error *error);
/* "127.0.0.1:8443" or "[::1]:8443", NUL-terminated. */
void socket_address_format(const struct socket_address *address,
                           char text[SOCKET_ADDRESS_TEXT_SIZE]);
/* Without the port and without brackets. */
void socket_address_format_host(const struct socket_address *address,
                                char text[SOCKET_ADDRESS_TEXT_SIZE]);
uint16_t socket_address_port(const struct socket_address *address);
bool socket_address_equals(const struct socket_address *a, const struct socket_address *b);
/* Is `every` all addresses of the port of `one`, which a socket on it would be in the way of? Those
 * of IPv6 include those of IPv4. */
bool socket_address_covers(const struct socket_address *every, const struct socket_address *one);
/* Of an address in numbers, with the zone of a link-local one ("fe80::1%eth0"). False: it is a
 * name, or nothing at all. Asks nobody. */
bool socket_address_from_host(const char *host, uint16_t port, struct socket_address *address);

/* A listening descriptor; SO_REUSEADDR always, SO_REUSEPORT when `shared`. -1 on error. */
int socket_listen(const struct socket_address *address, int backlog, bool shared,
                  struct error *error);
/* The address that a socket is bound to: with port 0, the port that the system chose. */
bool socket_local_address(int fd, struct socket_address *address);
/* Begins to connect, TCP_NODELAY set; -1 when that fails at once. Writable means decided. */
int socket_connect(const struct socket_address *address, struct error *error);
/* 0 when connected, EINPROGRESS while that is open, else the errno of the attempt, which is told
 * once. */
int socket_connect_result(int fd);

enum socket_outcome {
    SOCKET_FAILED, /* `code` is the errno; the socket is of no more use */
    SOCKET_DONE,   /* `count` bytes were moved, at least one */
    SOCKET_AGAIN,  /* nothing now */
    SOCKET_CLOSED  /* the peer has ended its side */
};

struct socket_result {
    enum socket_outcome outcome;
    size_t count;
    int code;
};

/* -1 with outcome AGAIN or FAILED; TCP_NODELAY is set on what is accepted. */
int socket_accept(int listening, struct socket_address *peer, enum socket_outcome *outcome,
                  int *code);
struct socket_result socket_read(int fd, char *memory, size_t size);
struct socket_result socket_write(int fd, struct slice bytes);
/* How many written bytes the peer has not acknowledged yet; 0 when the system does not say. */
size_t socket_unacknowledged(int fd);
/* Sends FIN; what was written is still delivered. */
void socket_shutdown_write(int fd);
/* Closes with RST. */
void socket_close_hard(int fd);
void socket_close(int fd);
