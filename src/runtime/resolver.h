/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of names, for one thread, without waiting: the hosts file, then DNS by c-ares on our
 * event loop. This module is the only user of c-ares.
 *
 * Both families are asked for and answered apart, so that one that fails says nothing about the
 * other. Answers come over UDP without EDNS, so in one unfragmented packet, or over TCP when they
 * do not fit. /etc/resolv.conf is read when a resolver is made: whoever wants it read again makes
 * another.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/address_set.h"
#include "runtime/error.h"
#include "runtime/slice.h"
#include "runtime/socket.h"

struct event_loop;
struct resolver;

enum { RESOLVER_SERVERS_MAX = 8, RESOLVER_NAME_BYTES_MAX = 253, RESOLVER_LABEL_BYTES_MAX = 63 };

struct resolver_settings {
    const char *const *servers; /* "127.0.0.1", "[::1]:5353"; NULL-terminated; NULL: the system's */
    uint64_t timeout_ms;        /* of the first attempt at each server; default 2 s */
    size_t attempts;            /* at each server; default 2 */
    uint64_t ttl_min_ms;        /* an answer is not asked for again sooner; default 1 s */
    uint64_t ttl_max_ms;        /* nor later; default 1 h */
    bool searches;              /* the domains of the system are tried behind a name */
};

enum resolver_outcome {
    RESOLVER_FAILED, /* no server can be reached, or those that can fail or refuse: c-ares does not
                        tell which, as it asks them all */
    RESOLVER_FOUND,
    RESOLVER_NO_NAME,
    RESOLVER_NO_ADDRESS, /* of this family */
    RESOLVER_TIMED_OUT,
    RESOLVER_MALFORMED,
    RESOLVER_OUTCOMES
};

/* Of one family. */
struct resolver_part {
    enum resolver_outcome outcome;
    struct ip_address *addresses; /* each once, in order, whatever order the server had */
    size_t count;                 /* at least one when found, else 0 */
    uint64_t ttl_ms;              /* when found; within the settings' bounds */
};

enum resolver_family { RESOLVER_IPV4, RESOLVER_IPV6, RESOLVER_FAMILIES };

/* Valid during the callback. */
struct resolver_answer {
    struct resolver_part parts[RESOLVER_FAMILIES];
};

/* On the loop's thread, also from within resolver_ask. It may ask again, and must not destroy the
 * resolver. */
typedef void resolver_callback(void *context, const struct resolver_answer *answer);

/* The settings are copied. NULL when c-ares cannot be used. */
struct resolver *resolver_create(struct event_loop *loop, const struct resolver_settings *settings,
                                 struct error *error);
/* Forgets what was asked: no callback comes any more. NULL is fine. */
void resolver_destroy(struct resolver *resolver);
void resolver_ask(struct resolver *resolver, const char *host, resolver_callback *callback,
                  void *context);

/* Did the servers leave open whether there is an address? */
bool resolver_is_failure(enum resolver_outcome outcome);
/* "timed_out": for metrics. */
const char *resolver_outcome_name(enum resolver_outcome outcome);
/* "no server answered in time": for events. */
const char *resolver_outcome_explain(enum resolver_outcome outcome);

/* Could there be such a name? Labels and their lengths (RFC 1035 section 2.3.4, with '_' as it is
 * met), and a last label that is not a number, which is an address with a slip. */
bool resolver_name_is_valid(struct slice name, struct error *error);
/* "127.0.0.1", "::1", "127.0.0.1:5353", "[::1]:5353"; the port is else 53. */
bool resolver_server_parse(struct slice text, struct socket_address *address, struct error *error);
