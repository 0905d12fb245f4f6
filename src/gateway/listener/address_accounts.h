/* SPDX-License-Identifier: Apache-2.0
 *
 * What one address may do at once: how many connections it may have, and how many handshakes may
 * fail before it is refused for a while, before any TLS. An account is kept for an IPv4 address,
 * or for an IPv6 /64, which one host has at its free disposal.
 *
 * The table is shared by all workers and bounded: accounts that were not asked for longest go
 * first. Who can use as many addresses as fill it is beyond what limits by address can do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/address_set.h"

struct address_accounts;
struct address_account;

struct address_limits {
    size_t connections;           /* 0: no limit */
    size_t failed_handshakes;     /* 0: no limit; this many at once, and ... */
    uint64_t failed_handshake_ms; /* ... as many again in this time */
};

enum address_admission {
    ADDRESS_HAS_NO_ACCOUNT, /* there is no memory for one */
    ADDRESS_HAS_TOO_MANY_CONNECTIONS,
    ADDRESS_HAS_FAILED_TOO_OFTEN,
    ADDRESS_ADMITTED
};

struct address_accounts *address_accounts_create(size_t bytes_max);
/* NULL is fine. The accounts that are held stay until they are left. */
void address_accounts_destroy(struct address_accounts *accounts);

/* One more connection of that address. With ADMITTED, an account that address_account_leave gives
 * back, or NULL where there are no limits; else nothing is counted. Time is monotonic. */
enum address_admission address_accounts_admit(struct address_accounts *accounts,
                                              const struct address_limits *limits,
                                              const struct ip_address *address, uint64_t now_us,
                                              struct address_account **account);
/* A handshake of it has failed. NULL is fine. */
void address_account_fail(struct address_account *account, const struct address_limits *limits,
                          uint64_t now_us);
/* The connection has gone. NULL is fine. From any thread. */
void address_account_leave(struct address_account *account);
/* The address, or the network, that the account of an address is for. */
struct ip_address address_account_key(const struct ip_address *address);
