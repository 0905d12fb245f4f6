/* SPDX-License-Identifier: Apache-2.0
 *
 * TCP sockets. An IPv4 client of an IPv6 socket has an address of the form ::ffff:192.0.2.1; it
 * is turned into the IPv4 address that it means where it enters, so that logs, forwarding fields
 * and comparisons never see two forms of one address.
 */
#include "runtime/socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ---- addresses ---- */

static struct socket_address ipv4_address(struct in_addr host, uint16_t port)
{
    struct socket_address address = {.size = sizeof(struct sockaddr_in)};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};

    memcpy(&address.storage, &in, sizeof in);
    return address;
}

static struct socket_address ipv6_address(struct in6_addr host, uint16_t port)
{
    struct socket_address address = {.size = sizeof(struct sockaddr_in6)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = host};

    memcpy(&address.storage, &in6, sizeof in6);
    return address;
}

static struct sockaddr_in ipv4_of(const struct socket_address *address)
{
    struct sockaddr_in in;

    memcpy(&in, &address->storage, sizeof in);
    return in;
}

static struct sockaddr_in6 ipv6_of(const struct socket_address *address)
{
    struct sockaddr_in6 in6;

    memcpy(&in6, &address->storage, sizeof in6);
    return in6;
}

static void unmap_ipv4(struct socket_address *address)
{
    struct sockaddr_in6 in6 = ipv6_of(address);
    struct in_addr host;

    if (address->storage.ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
        return;
    memcpy(&host, in6.sin6_addr.s6_addr + 12, sizeof host);
    *address = ipv4_address(host, ntohs(in6.sin6_port));
}

static bool parse_port(struct slice text, uint16_t *port)
{
    uint64_t value = 0;

    if (text.size > 5 || !slice_parse_u64(text, &value) || value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool parse_ipv4(struct slice host, uint16_t port, struct socket_address *address)
{
    char text[INET_ADDRSTRLEN] = "";
    struct in_addr in;

    if (host.size == 0 || host.size >= sizeof text)
        return false;
    memcpy(text, host.data, host.size);
    /* A NUL inside would hide what follows it. */
    if (strlen(text) != host.size || inet_pton(AF_INET, text, &in) != 1)
        return false;
    *address = ipv4_address(in, port);
    return true;
}

static bool parse_ipv6(struct slice host, uint16_t port, struct socket_address *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct in6_addr in6;

    if (host.size == 0 || host.size >= sizeof text)
        return false;
    memcpy(text, host.data, host.size);
    if (strlen(text) != host.size || inet_pton(AF_INET6, text, &in6) != 1)
        return false;
    *address = ipv6_address(in6, port);
    return true;
}

static bool parse_host(struct slice host, uint16_t port, struct socket_address *address)
{
    if (host.size == 0) {
        *address = ipv6_address(in6addr_any, port);
        return true;
    }
    if (host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        return parse_ipv6(slice_first(slice_after(host, 1), host.size - 2), port, address);
    return parse_ipv4(host, port, address);
}

/* The position of the last colon, which is the one before the port. */
static size_t find_port_colon(struct slice text)
{
    for (size_t i = text.size; i > 0; i--) {
        if (text.data[i - 1] == ':')
            return i - 1;
    }
    return text.size;
}

bool socket_address_parse(struct slice text, struct socket_address *address, struct error *error)
{
    size_t colon = find_port_colon(text);
    struct slice shown = slice_first(text, SOCKET_ADDRESS_TEXT_SIZE);
    uint16_t port = 0;

    if (colon == text.size) {
        error_set(error, ERROR_SYNTAX, "address '%.*s' has no port; write it as ':8443'",
                  SLICE_FORMAT(shown));
        return false;
    }
    if (!parse_port(slice_after(text, colon + 1), &port)) {
        error_set(error, ERROR_SYNTAX, "address '%.*s' does not end in a port from 0 to 65535",
                  SLICE_FORMAT(shown));
        return false;
    }
    if (!parse_host(slice_first(text, colon), port, address)) {
        error_set(error, ERROR_SYNTAX,
                  "address '%.*s' is not like '127.0.0.1:8443', '[::1]:8443' or ':8443'",
                  SLICE_FORMAT(shown));
        return false;
    }
    return true;
}

void socket_address_format_host(const struct socket_address *address,
                                char text[SOCKET_ADDRESS_TEXT_SIZE])
{
    struct sockaddr_in in = ipv4_of(address);
    struct sockaddr_in6 in6 = ipv6_of(address);

    if (address->storage.ss_family == AF_INET)
        inet_ntop(AF_INET, &in.sin_addr, text, SOCKET_ADDRESS_TEXT_SIZE);
    else if (address->storage.ss_family == AF_INET6)
        inet_ntop(AF_INET6, &in6.sin6_addr, text, SOCKET_ADDRESS_TEXT_SIZE);
    else
        snprintf(text, SOCKET_ADDRESS_TEXT_SIZE, "unknown");
}

void socket_address_format(const struct socket_address *address,
                           char text[SOCKET_ADDRESS_TEXT_SIZE])
{
    bool brackets = address->storage.ss_family == AF_INET6;
    char host[SOCKET_ADDRESS_TEXT_SIZE] = "";
    int length = 0;

    socket_address_format_host(address, host);
    length = snprintf(text, SOCKET_ADDRESS_TEXT_SIZE, brackets ? "[%s]:%u" : "%s:%u", host,
                      (unsigned)socket_address_port(address));
    assert(length > 0 && length < SOCKET_ADDRESS_TEXT_SIZE);
}

uint16_t socket_address_port(const struct socket_address *address)
{
    if (address->storage.ss_family == AF_INET)
        return ntohs(ipv4_of(address).sin_port);
    if (address->storage.ss_family == AF_INET6)
        return ntohs(ipv6_of(address).sin6_port);
    return 0;
}

static bool is_any(const struct socket_address *address)
{
    if (address->storage.ss_family == AF_INET)
        return ipv4_of(address).sin_addr.s_addr == htonl(INADDR_ANY);
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 six = ipv6_of(address);

        return IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr);
    }
    return false;
}

bool socket_address_covers(const struct socket_address *every, const struct socket_address *one)
{
    return socket_address_port(every) != 0 &&
           socket_address_port(every) == socket_address_port(one) && is_any(every) &&
           (every->storage.ss_family == AF_INET6 ||
            every->storage.ss_family == one->storage.ss_family);
}

bool socket_address_equals(const struct socket_address *a, const struct socket_address *b)
{
    struct sockaddr_in6 a6 = ipv6_of(a);
    struct sockaddr_in6 b6 = ipv6_of(b);

    if (a->storage.ss_family != b->storage.ss_family ||
        socket_address_port(a) != socket_address_port(b))
        return false;
    if (a->storage.ss_family == AF_INET)
        return ipv4_of(a).sin_addr.s_addr == ipv4_of(b).sin_addr.s_addr;
    if (a->storage.ss_family == AF_INET6)
        return a6.sin6_scope_id == b6.sin6_scope_id &&
               memcmp(&a6.sin6_addr, &b6.sin6_addr, sizeof a6.sin6_addr) == 0;
    return a->size == b->size && memcmp(&a->storage, &b->storage, a->size) == 0;
}

bool socket_address_from_host(const char *host, uint16_t port, struct socket_address *address)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8] = "";
    bool fits;

    snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return false;
    fits = found->ai_addrlen <= sizeof address->storage;
    if (fits) {
        *address = (struct socket_address){.size = found->ai_addrlen};
        memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    }
    freeaddrinfo(found);
    return fits;
}

static bool is_any_ipv6(const struct socket_address *address)
{
    struct sockaddr_in6 in6 = ipv6_of(address);

    return address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr);
}

/* ---- listening and connecting ---- */

static const struct sockaddr *as_sockaddr(const struct socket_address *address)
{
    return (const struct sockaddr *)&address->storage;
}

static void set_option(int fd, int level, int option, int value)
{
    /* Each option improves a socket that works without it. */
    setsockopt(fd, level, option, &value, sizeof value);
}

/* -1 with errno. */
static int try_listen(const struct socket_address *address, int backlog, bool shared)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    int code = 0;

    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (is_any_ipv6(address))
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if ((!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0) &&
        bind(fd, as_sockaddr(address), address->size) == 0 && listen(fd, backlog) == 0)
        return fd;

    code = errno;
    close(fd);
    errno = code;
    return -1;
}

int socket_listen(const struct socket_address *address, int backlog, bool shared,
                  struct error *error)
{
    char text[SOCKET_ADDRESS_TEXT_SIZE] = "";
    int fd = try_listen(address, backlog, shared);

    /* Where IPv6 is switched off, every address means every IPv4 address. */
    if (fd < 0 && is_any_ipv6(address) && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        struct socket_address ipv4 =
            ipv4_address((struct in_addr){htonl(INADDR_ANY)}, socket_address_port(address));

        fd = try_listen(&ipv4, backlog, shared);
    }
    if (fd < 0) {
        int code = errno;

        socket_address_format(address, text);
        error_set(error, ERROR_SYSTEM, "cannot listen on %s: %s", text, strerror(code));
    }
    return fd;
}

bool socket_local_address(int fd, struct socket_address *address)
{
    struct socket_address found = {.size = sizeof found.storage};

    if (getsockname(fd, (struct sockaddr *)&found.storage, &found.size) != 0)
        return false;
    unmap_ipv4(&found);
    *address = found;
    return true;
}

int socket_connect(const struct socket_address *address, struct error *error)
{
    char text[SOCKET_ADDRESS_TEXT_SIZE] = "";
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int code = 0;

    if (fd >= 0) {
        set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
        if (connect(fd, as_sockaddr(address), address->size) == 0 || errno == EINPROGRESS ||
            errno == EINTR)
            return fd;
    }
    code = errno;
    socket_address_format(address, text);
    error_set(error, ERROR_SYSTEM, "cannot connect to %s: %s", text, strerror(code));
    socket_close(fd);
    return -1;
}

int socket_connect_result(int fd)
{
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    int code = 0;
    socklen_t size = sizeof code;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0)
        return errno;
    if (code != 0)
        return code;
    /* No error is not yet a connection: the attempt may still be under way. */
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0)
        return 0;
    return errno == ENOTCONN ? EINPROGRESS : errno;
}

/* accept(2): Linux reports what happened to the connection that was to be accepted; the next
 * one in the queue is another matter. */
static bool concerns_one_connection(int code)
{
    switch (code) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

int socket_accept(int listening, struct socket_address *peer, enum socket_outcome *outcome,
                  int *code)
{
    struct socket_address found;
    int fd = -1;

    do {
        found = (struct socket_address){.size = sizeof found.storage};
        fd = accept4(listening, (struct sockaddr *)&found.storage, &found.size,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && concerns_one_connection(errno));

    if (fd < 0) {
        *code = errno;
        *outcome = errno == EAGAIN || errno == EWOULDBLOCK ? SOCKET_AGAIN : SOCKET_FAILED;
        return -1;
    }
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    unmap_ipv4(&found);
    *peer = found;
    *outcome = SOCKET_DONE;
    return fd;
}

/* ---- moving bytes ---- */

static struct socket_result failure(int code)
{
    if (code == EAGAIN || code == EWOULDBLOCK)
        return (struct socket_result){.outcome = SOCKET_AGAIN};
    return (struct socket_result){.outcome = SOCKET_FAILED, .code = code};
}

struct socket_result socket_read(int fd, char *memory, size_t size)
{
    ssize_t count = 0;

    assert(size > 0); /* else nothing could be told from the end */
    do {
        count = recv(fd, memory, size, 0);
    } while (count < 0 && errno == EINTR);

    if (count < 0)
        return failure(errno);
    if (count == 0)
        return (struct socket_result){.outcome = SOCKET_CLOSED};
    return (struct socket_result){.outcome = SOCKET_DONE, .count = (size_t)count};
}

struct socket_result socket_write(int fd, struct slice bytes)
{
    ssize_t count = 0;

    assert(bytes.size > 0);
    do {
        count = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);

    if (count < 0)
        return failure(errno);
    return (struct socket_result){.outcome = SOCKET_DONE, .count = (size_t)count};
}

size_t socket_unacknowledged(int fd)
{
    int count = 0;

    return ioctl(fd, SIOCOUTQ, &count) == 0 && count > 0 ? (size_t)count : 0;
}

void socket_shutdown_write(int fd)
{
    shutdown(fd, SHUT_WR);
}

void socket_close_hard(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    socket_close(fd);
}

/* Not repeated after EINTR: on Linux the descriptor is free by then, and may be another's. */
void socket_close(int fd)
{
    if (fd >= 0)
        close(fd);
}
