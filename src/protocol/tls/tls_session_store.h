/* SPDX-License-Identifier: Apache-2.0
 *
 * TLS sessions of all workers, for resumption: stateful, bounded, in this process only. Resuming
 * restores the presented chain, never a decision. A session ends an absolute time after the first
 * full handshake, however often it was renewed. TLS 1.3 sessions are kept slim, without
 * certificates.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "runtime/cache.h"

struct tls_session_store;

struct tls_session_store_settings {
    size_t bytes_max; /* default 256 MiB, of which shared chains need little */
    unsigned
        lifetime_seconds; /* default 3600, counted from the first full handshake; at most a week */
    int64_t (*seconds)(void); /* a clock that never goes back; NULL: the monotonic one */
};

struct tls_session_store *tls_session_store_create(
    const struct tls_session_store_settings *settings);
/* After every profile and connection that uses it. */
void tls_session_store_destroy(struct tls_session_store *store);
struct cache_counts tls_session_store_count(struct tls_session_store *store);
