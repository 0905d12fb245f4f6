/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetches revocation lists, on the control thread: from configured addresses, and from those that
 * the certificates of verified paths name. Each is fetched again before its list ends, and more and
 * more slowly while that fails. The last good list is kept in a directory, and is checked like any
 * other when it is read from there. Reading lists is work for another thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/revocation/crl_registry.h"
#include "runtime/event_loop.h"
#include "runtime/fetch.h"

struct crl_fetching;

enum {
    CRL_ADDRESSES_MAX = 256, /* that certificates name; those of the configuration do not count */
    /* How long nobody needs an address until it makes room for another, with a list and without. */
    CRL_IDLE_MS = 10 * 60 * 1000,
    CRL_LISTLESS_IDLE_MS = 60 * 1000,
    CRL_FETCH_BYTES_MAX = 128 * 1024 * 1024,
    CRL_FETCH_TIME_MS = 60 * 1000,
    CRL_FETCH_CONNECT_TIME_MS = 5 * 1000,
    CRL_FETCH_REDIRECTS_MAX = 3,
    CRL_FETCH_SLOW_BYTES_PER_SECOND = 1000,
    CRL_FETCH_SLOW_SECONDS = 10,
    CRL_RETRY_MS = 1000, /* after the first failure; each time twice as long, */
    CRL_RETRY_MAX_MS = 10 * 60 * 1000
};

struct crl_fetching_settings {
    struct event_loop *loop;
    struct fetcher *fetcher; /* NULL: what was kept is all there is */
    struct crl_registry *registry;
    const char *directory;             /* where state is kept; NULL: nowhere */
    size_t named_max;                  /* 0: CRL_ADDRESSES_MAX */
    uint64_t (*now_ms)(void *context); /* NULL: the loop's */
    void *context;
};

struct crl_fetching *crl_fetching_create(const struct crl_fetching_settings *settings);
/* Before the fetcher and the loop. NULL is fine. */
void crl_fetching_destroy(struct crl_fetching *fetching);

/* Fetches from this address from now on, unless it does already. `refresh_ms`: at least so often.
 * What is neither http nor https is said once, and left alone. When certificates name too many
 * addresses, the one that was needed least recently makes room, or the new one is refused for a
 * while (crl_refusals.h). */
void crl_fetching_add(struct crl_fetching *fetching, struct slice url, uint64_t refresh_ms,
                      bool is_configured);
/* Addresses that are configured no longer, and are not among these, are forgotten; those that
 * certificates named too unless `keeps_named`. */
void crl_fetching_retain(struct crl_fetching *fetching, const char *const *urls, size_t count,
                         bool keeps_named);
/* About every ten seconds: notes who is needed, and lets the refused ask again. */
void crl_fetching_look(struct crl_fetching *fetching);
/* The addresses in use, NULL behind the last; the caller releases the list, not the texts. */
const char **crl_fetching_addresses(const struct crl_fetching *fetching, size_t *count);
