/* SPDX-License-Identifier: Apache-2.0
 *
 * The limits on what a client can make the gateway hold or wait for; `limits` in the configuration.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "gateway/listener/address_accounts.h"

struct connection_limits {
    size_t connections;            /* of the whole gateway; default 100000 */
    struct address_limits address; /* address_connections and its like, default 0: no limit */
    const char *const *unlimited_addresses; /* whom they do not concern; NULL: nobody */
    uint64_t handshake_ms;                  /* handshake_time, default 10 s */
    uint64_t request_ms; /* request_time: from the first byte of a head to its end; default 60 s */
    uint64_t keep_alive_ms;       /* keep_alive: idle between requests; default 75 s */
    uint64_t connection_requests; /* default 0: no limit */
    uint64_t pipelined_requests;  /* default 100 */
    uint64_t request_idle_ms;    /* request_idle_time: between parts of the content; default 30 s */
    uint64_t response_idle_ms;   /* response_idle_time: a client that takes nothing; default 30 s */
    uint64_t request_rate;       /* bytes a second, default 240; 0: no limit */
    uint64_t response_rate;      /* bytes a second, default 240; 0: no limit */
    uint64_t rate_window_ms;     /* rate_window, default 10 s */
    uint64_t rate_grace_ms;      /* rate_grace, default 5 s */
    uint64_t drain_ms;           /* drain_time: after SIGTERM; default 30 s */
    size_t request_header_bytes; /* request_header_size, default 32 KiB, at most 64 KiB */
    size_t request_header_count; /* default 100 */
    size_t request_target_bytes; /* request_target_size, default 32 KiB */
    uint64_t request_content_bytes; /* request_content_size, default 4 GiB; 0: no limit */
    uint64_t revocation_ms; /* revocation_time: a request waits for a list or answer; default 5 s */
    uint64_t rejudge_ms;    /* rejudge_interval: between two rounds of judging again; default 1 s */
    size_t response_header_bytes; /* response_header_size, default 32 KiB, at most 64 KiB */
    size_t response_header_count; /* default 200 */
    size_t chunk_extension_bytes; /* chunk_extension_size, of a request, default 4 KiB */
    size_t trailer_bytes; /* trailer_size, of a request or an answer, default 8 KiB, at most 16 */
    size_t trailer_count; /* default 32, at most 100 */
};
