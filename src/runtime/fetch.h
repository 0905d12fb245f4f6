/* SPDX-License-Identifier: Apache-2.0
 *
 * Outgoing HTTP of one thread: revocation lists and OCSP answers, never what belongs to a request
 * of a client. libcurl does the work on our event loop; names are looked up by threads of libcurl.
 * This module is the only user of libcurl.
 *
 * Everything that a server could make us hold or do has a limit. Nothing of the environment
 * counts: no proxy, no netrc, no cookies. Only http and https are spoken, a redirect never leaves
 * https, each address is checked when a socket for it is opened (fetch_address.h), and no
 * connection serves two fetches, so that one answer cannot prepare the next.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"
#include "runtime/fetch_address.h"
#include "runtime/slice.h"

struct event_loop;
struct fetch;
struct fetcher;

struct fetcher_settings {
    size_t running_max; /* further fetches wait for a place */
    size_t waiting_max;
};

struct fetch_limits {
    uint64_t time_ms;         /* from the start of the transfer to the last byte, redirects too */
    uint64_t connect_time_ms; /* of it, until a connection is there */
    size_t bytes_max;         /* of the content */
    unsigned redirects_max;
    unsigned bytes_per_second_min; /* 0: none; a transfer below it for `slow_seconds` ends */
    unsigned slow_seconds;
};

/* Everything is copied. */
struct fetch_request {
    const char *url;
    struct slice content; /* with data: POST, else GET */
    const char *content_type;
    const char *accept;     /* NULL: anything */
    const char *known_etag; /* NULL: none; 304 is then an answer */
    struct slice anchors;   /* PEM: what an https server must chain to; empty: what the system
                               trusts */
    struct fetch_limits limits;
};

enum fetch_outcome {
    FETCH_FAILED,          /* for a reason that `problem` says */
    FETCH_ANSWERED,        /* with any status */
    FETCH_BAD_URL,         /* no URL, or neither http nor https, also where a redirect leads */
    FETCH_ADDRESS_REFUSED, /* see fetch_address.h */
    FETCH_NAME_UNKNOWN,
    FETCH_UNREACHABLE,
    FETCH_TLS_FAILED,
    FETCH_TIMED_OUT, /* also: too slow */
    FETCH_TOO_LARGE,
    FETCH_TOO_MANY_REDIRECTS,
    FETCH_BROKEN, /* the answer ended early, or was not HTTP */
    FETCH_OUTCOMES
};

/* Valid during the callback. */
struct fetch_result {
    enum fetch_outcome outcome;
    unsigned status;          /* when answered */
    struct slice content;     /* when answered; of a redirect that was not followed too */
    const char *content_type; /* "" when the server did not say */
    const char *etag;         /* "" when there is none */
    const char *url;          /* the last, after redirects */
    const char *problem;      /* one sentence without full stop, "" when answered */
    uint64_t duration_ms;
};

/* On the loop's thread, never from within fetch_start; the fetch is over and forgotten. */
typedef void fetch_callback(void *context, const struct fetch_result *result);

/* The addresses are kept by reference. NULL when libcurl cannot be used. */
struct fetcher *fetcher_create(struct event_loop *loop, const struct fetcher_settings *settings,
                               struct error *error);
/* Cancels what runs and waits. NULL is fine. */
void fetcher_destroy(struct fetcher *fetcher);
/* From now on; what is connected already goes on. Borrowed until it is set again. Without it
 * nothing but public addresses is reached. */
void fetcher_set_addresses(struct fetcher *fetcher, const struct fetch_address_settings *addresses);

/* NULL when as many fetches wait as may. */
struct fetch *fetch_start(struct fetcher *fetcher, const struct fetch_request *request,
                          fetch_callback *callback, void *context);
/* The callback is never called. NULL is fine. */
void fetch_cancel(struct fetch *fetch);

size_t fetcher_running(const struct fetcher *fetcher);
size_t fetcher_waiting(const struct fetcher *fetcher);
/* "timed_out": for logs and metrics. */
const char *fetch_outcome_name(enum fetch_outcome outcome);
