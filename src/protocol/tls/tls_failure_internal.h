/* SPDX-License-Identifier: Apache-2.0
 *
 * From what libssl left in its error queue, the reason of ours. Where a chain was shown and the
 * proof of possession did not succeed for certain, that is the reason: nothing in the chain is to
 * be believed then.
 */
#pragma once

#include "protocol/tls/tls_connection_internal.h"

/* Empties the thread's error queue. */
struct tls_failure tls_failure_classify(const struct tls_connection *connection);
/* The peer, or the network, has ended the connection. */
struct tls_failure tls_failure_of_end(const struct tls_connection *connection);
