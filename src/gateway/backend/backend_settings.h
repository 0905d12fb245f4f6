/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a backend, as the configuration says them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "protocol/tls/tls_client.h"
#include "runtime/position.h"

struct backend_endpoint_settings {
    const char *url; /* "http://host:port" or "https://host:port", nothing behind it */
    struct position position;
};

/* Who answers a client that waits for "100 Continue" before it sends its content. */
enum backend_expect { BACKEND_EXPECT_FORWARD, BACKEND_EXPECT_ANSWER };

struct backend_settings {
    const char *name;
    struct backend_endpoint_settings *endpoints;
    size_t endpoint_count;
    const char *host; /* NULL: preserve what the client asked for; else this name */
    const struct tls_client_settings *tls; /* NULL: the system's CAs, the endpoint's host */
    uint64_t connect_timeout_ms;           /* default 5 s */
    uint64_t
        response_timeout_ms; /* default 30 s: until the head of the answer, and between its parts */
    size_t connections_max;  /* of one worker to one endpoint; default 1024 */
    size_t idle_max;         /* kept open, of one worker to one endpoint; default 64 */
    uint64_t idle_ms;        /* default 60 s */
    enum backend_expect expect; /* default: the backend does */
    struct position position;
};
