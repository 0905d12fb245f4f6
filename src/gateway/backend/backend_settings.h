/* SPDX-License-Identifier: Apache-2.0
 *
 * The settings of a backend, as the configuration says them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "protocol/signature/signing_key.h"
#include "protocol/tls/tls_client.h"
#include "runtime/position.h"

struct backend_endpoint_settings {
    const char *url; /* "http://host:port" or "https://host:port", nothing behind it */
    size_t weight;   /* 0: 1 */
    struct position position;
};

/* Who answers a client that waits for "100 Continue" before it sends its content. */
enum backend_expect { BACKEND_EXPECT_FORWARD, BACKEND_EXPECT_ANSWER };

/* Zero is the default. */
enum backend_balance { BACKEND_ROUND_ROBIN, BACKEND_LEAST_REQUESTS };

struct backend_ejection_settings {
    size_t failures;      /* in a row; default 5; 0: nobody is ejected */
    uint64_t time_ms;     /* the first time; default 10 s, doubled each time */
    uint64_t time_max_ms; /* default 5 min */
    size_t share_max;     /* percent of the addresses of a backend; default 50 */
};

/* RFC 9421: by what the backend knows that identity headers are the gateway's. */
struct backend_signature_settings {
    enum signing_algorithm algorithm;
    const char *key;   /* a file */
    const char *keyid; /* told to the backend */
    uint64_t expires_ms;
    struct position position;
};

struct backend_settings {
    const char *name;
    struct backend_endpoint_settings *endpoints;
    size_t endpoint_count;
    const char *host; /* NULL: preserve what the client asked for; else this name */
    const struct tls_client_settings *tls; /* NULL: the system's CAs, the endpoint's host */
    const struct backend_signature_settings *signature; /* NULL: nothing is signed */
    enum backend_balance balance;
    uint64_t connect_timeout_ms; /* default 5 s */
    uint64_t
        response_timeout_ms; /* default 30 s: until the head of the answer, and between its parts */
    uint64_t queue_timeout_ms; /* default 5 s */
    size_t queue_max;          /* requests of one worker that wait for a connection; default 1024 */
    size_t connections_max;    /* of one worker to one address of an endpoint; default 1024 */
    size_t idle_max;           /* kept open, of one worker to one address; default 64 */
    uint64_t idle_ms;          /* default 60 s */
    struct backend_ejection_settings ejection;
    size_t identity_bytes_max;  /* of all identity headers of a request; default 8 KiB */
    enum backend_expect expect; /* default: the backend does */
    struct position position;
};
