/* SPDX-License-Identifier: Apache-2.0
 *
 * A listener: the hosts it serves, its TLS profile, its routes. Listeners that share an address
 * form a group, and one function chooses among them, for SNI and for Host alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "gateway/identity/client_certificate_settings.h"
#include "runtime/error.h"
#include "runtime/slice.h"
#include "runtime/socket.h"

struct address_set;
struct telemetry_series;
struct tls_profile;
struct routing_table;

enum { LISTENER_DIGEST_BYTES = 32, LISTENER_HOST_BYTES_MAX = 255 };

struct listener {
    const char *name;
    const char *const *hosts; /* NULL-terminated, folded; NULL: every host */
    struct tls_profile *profile;
    const struct routing_table *routes;
    const char *server_token;
    enum client_certificate_on_failure on_failure;
    enum client_certificate_error_detail error_detail;
    struct authentication_demand demand; /* the listener's own */
    /* All that it and its routes judge by, each once. */
    struct judging_context *const *contexts;
    size_t context_count;
    /* Whose X-Forwarded-For is believed; NULL: nobody's. */
    const struct address_set *trusted_proxies;
    struct telemetry_series *series; /* of what no route serves; NULL: not counted */
    /* What a connection to this listener was judged under: TLS settings, mode, ask, judging
     * context. A request for another listener of the group is served on the connection only if the
     * two are equal. */
    unsigned char digest[LISTENER_DIGEST_BYTES];
};

struct listener_group;

/* Borrows the listeners, which all have this address. Two that claim the same host are an error. */
struct listener_group *listener_group_create(const struct socket_address *address,
                                             const struct listener *const *listeners, size_t count,
                                             struct error *error);
/* NULL is fine. */
void listener_group_destroy(struct listener_group *group);
const struct socket_address *listener_group_address(const struct listener_group *group);
size_t listener_group_count(const struct listener_group *group);
const struct listener *listener_group_get(const struct listener_group *group, size_t index);

/* The listener that serves a host or server name: exact names first, then the longest "*.suffix"
 * (which crosses dots), then the one without hosts. Case and one trailing dot make no difference;
 * empty finds only the one without hosts. NULL: nobody serves it. Its cost does not grow with the
 * number of hosts. */
const struct listener *listener_group_find(const struct listener_group *group, struct slice host);
/* Whose TLS profile serves until, or when nothing, is chosen: the one without hosts, else the
 * first. */
const struct listener *listener_group_first(const struct listener_group *group);

/* Is this a host pattern that `hosts` may hold: "name", "*.suffix"? For the configuration's check.
 */
bool listener_host_is_valid(struct slice host, struct error *error);
