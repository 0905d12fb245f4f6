/* SPDX-License-Identifier: Apache-2.0
 *
 * See backend_transport_internal.h.
 */
#include "gateway/backend/backend_transport_internal.h"

#include <errno.h>

#include "runtime/event_loop.h"

bool backend_transport_open(struct backend_transport *transport,
                            const struct socket_address *address, struct tls_turn *turn,
                            const struct tls_client_profile *profile, const char *host,
                            struct tls_client_session *session, struct backend_failure *failure)
{
    int fd = socket_connect(address, NULL);

    if (fd < 0) {
        *failure = (struct backend_failure){REASON_BACKEND_UNREACHABLE, "connect failed at once"};
        return false;
    }
    *transport = (struct backend_transport){.fd = fd};
    if (profile == NULL)
        return true;
    transport->tls = tls_client_connection_create(turn, profile, fd, host, session);
    if (transport->tls != NULL)
        return true;
    socket_close(fd);
    *failure = (struct backend_failure){REASON_BUDGET_EXCEEDED, "no memory for TLS"};
    return false;
}

void backend_transport_close(struct backend_transport *transport)
{
    /* A backend that sees close_notify knows that nothing was cut off; whether it arrives is not
     * waited for. */
    if (transport->tls != NULL && transport->is_connected) {
        tls_client_close_write(transport->tls);
        (void)tls_client_end_turn(transport->tls);
    }
    tls_client_connection_destroy(transport->tls);
    socket_close(transport->fd);
    transport->tls = NULL;
}

static enum backend_io explain_tls(const struct backend_transport *transport,
                                   struct backend_failure *failure)
{
    struct tls_client_failure why = tls_client_connection_failure(transport->tls);

    *failure = (struct backend_failure){why.reason, why.detail};
    return BACKEND_IO_FAILED;
}

enum backend_io backend_transport_connected(struct backend_transport *transport,
                                            struct backend_failure *failure)
{
    if (!transport->is_connected) {
        int code = socket_connect_result(transport->fd);

        if (code == EINPROGRESS)
            return BACKEND_IO_WAIT;
        if (code != 0) {
            *failure = (struct backend_failure){REASON_BACKEND_UNREACHABLE,
                                                code == ECONNREFUSED ? "connection refused"
                                                                     : "connection failed"};
            return BACKEND_IO_FAILED;
        }
        transport->is_connected = true;
    }
    if (transport->tls == NULL)
        return BACKEND_IO_DONE;
    switch (tls_client_handshake(transport->tls)) {
    case TLS_DONE:
        return BACKEND_IO_DONE;
    case TLS_WANTS_READ:
    case TLS_WANTS_WRITE:
        return BACKEND_IO_WAIT;
    case TLS_FAILED:
    case TLS_CLOSED:
        break;
    }
    return explain_tls(transport, failure);
}

struct socket_result backend_transport_read(struct backend_transport *transport, char *memory,
                                            size_t size)
{
    struct socket_result result = {SOCKET_AGAIN, 0, 0};

    if (transport->tls == NULL)
        return socket_read(transport->fd, memory, size);
    switch (tls_client_read(transport->tls, memory, size, &result.count)) {
    case TLS_DONE:
        result.outcome = SOCKET_DONE;
        break;
    case TLS_CLOSED:
        result.outcome = SOCKET_CLOSED;
        break;
    case TLS_FAILED:
        result.outcome = SOCKET_FAILED;
        break;
    case TLS_WANTS_READ:
    case TLS_WANTS_WRITE:
        break;
    }
    return result;
}

struct socket_result backend_transport_write(struct backend_transport *transport,
                                             struct slice bytes)
{
    struct socket_result result = {SOCKET_DONE, bytes.size, 0};

    if (transport->tls == NULL)
        return socket_write(transport->fd, bytes);
    if (!tls_client_write(transport->tls, bytes)) {
        bool waits = tls_client_has_tail(transport->tls);

        result = (struct socket_result){waits ? SOCKET_AGAIN : SOCKET_FAILED, 0, 0};
    }
    return result;
}

struct backend_failure backend_transport_explain(const struct backend_transport *transport,
                                                 struct backend_failure otherwise)
{
    struct tls_client_failure why = {REASON_UNDECIDED, NULL};

    if (transport->tls != NULL)
        why = tls_client_connection_failure(transport->tls);
    if (why.reason == REASON_UNDECIDED || why.reason == REASON_BACKEND_CLOSED)
        return otherwise;
    return (struct backend_failure){why.reason, why.detail};
}

enum backend_io backend_transport_end_turn(struct backend_transport *transport)
{
    if (transport->tls == NULL)
        return BACKEND_IO_DONE;
    switch (tls_client_end_turn(transport->tls)) {
    case TLS_DONE:
        return BACKEND_IO_DONE;
    case TLS_WANTS_WRITE:
    case TLS_WANTS_READ:
        return BACKEND_IO_WAIT;
    case TLS_FAILED:
    case TLS_CLOSED:
        break;
    }
    return BACKEND_IO_FAILED;
}

bool backend_transport_has_tail(const struct backend_transport *transport)
{
    return transport->tls != NULL && tls_client_has_tail(transport->tls);
}

bool backend_transport_has_input(const struct backend_transport *transport)
{
    return transport->tls != NULL && tls_client_has_input(transport->tls);
}

/* With TLS, what a server sends of its own accord (sessions, keys) is read here, and is no content.
 */
bool backend_transport_is_quiet(struct backend_transport *transport, int64_t now)
{
    char byte;

    return backend_transport_read(transport, &byte, sizeof(byte)).outcome == SOCKET_AGAIN &&
           (transport->tls == NULL || !tls_client_has_expired(transport->tls, now));
}

unsigned backend_transport_opening_events(const struct backend_transport *transport)
{
    if (!transport->is_connected)
        return EVENT_WRITABLE;
    return EVENT_READABLE | (backend_transport_has_tail(transport) ? (unsigned)EVENT_WRITABLE : 0u);
}
