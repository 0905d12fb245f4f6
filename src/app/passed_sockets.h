/* SPDX-License-Identifier: Apache-2.0
 *
 * Socket activation: listening sockets that whoever started us has opened and keeps open, so that
 * clients wait in their queues while one process ends and the next begins. A listener whose address
 * a passed socket has listens there; nothing is bound for it, and all workers poll that one socket.
 *
 * The protocol is that of sd_listen_fds(3): LISTEN_FDS descriptors from 3 on, meant for the process
 * LISTEN_PID, called LISTEN_FDNAMES. Read once, before there is a second thread; immutable then.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/socket.h"

struct passed_sockets;

/* NULL and an error when something else than listening TCP sockets was passed. None is fine. The
 * environment's word is taken away, so that no other part or process believes it again. */
struct passed_sockets *passed_sockets_take(struct error *error);
/* Closes what is ours of them. NULL is fine. */
void passed_sockets_close(struct passed_sockets *passed);

size_t passed_sockets_count(const struct passed_sockets *passed);
bool passed_sockets_have(const struct passed_sockets *passed, const struct socket_address *address);
/* A descriptor of its own of the socket on that address; -1 and an error when the process may have
 * no more. */
int passed_sockets_duplicate(const struct passed_sockets *passed,
                             const struct socket_address *address, struct error *error);
/* "'https' on 127.0.0.1:8443", as somebody called it, for messages; the caller releases it. */
char *passed_sockets_describe(const struct passed_sockets *passed, size_t index,
                              struct socket_address *address);
