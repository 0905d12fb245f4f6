/* SPDX-License-Identifier: Apache-2.0
 *
 * See address_accounts.h. Failures are a bucket that leaks: one number, the time at which it will
 * be empty. Each failure adds what it takes to leak one; the bucket is full when it would take the
 * whole time to empty.
 */
#include "gateway/listener/address_accounts.h"

#include <stdatomic.h>
#include <string.h>

#include "runtime/cache.h"
#include "runtime/memory.h"

enum { SHARDS = 16, IPV6_KEY_BITS = 64, IPV4_KEY_BITS = 32, US_IN_MS = 1000 };

struct address_account {
    atomic_size_t references;
    atomic_size_t connections;
    atomic_uint_fast64_t empty_us; /* when its failures are forgotten */
};

struct address_accounts {
    struct cache *cache;
};

static void acquire(void *value)
{
    struct address_account *account = value;

    atomic_fetch_add_explicit(&account->references, 1, memory_order_relaxed);
}

static void release(void *value)
{
    struct address_account *account = value;

    if (atomic_fetch_sub_explicit(&account->references, 1, memory_order_acq_rel) == 1)
        memory_release(account);
}

struct address_accounts *address_accounts_create(size_t bytes_max)
{
    struct cache_settings settings = {
        .bytes_max = bytes_max, .shards = SHARDS, .acquire = acquire, .release = release};
    struct address_accounts *accounts = memory_allocate(sizeof(*accounts));

    accounts->cache = cache_create(&settings);
    return accounts;
}

void address_accounts_destroy(struct address_accounts *accounts)
{
    if (accounts == NULL)
        return;
    cache_destroy(accounts->cache);
    memory_release(accounts);
}

struct ip_address address_account_key(const struct ip_address *address)
{
    return ip_address_network(address,
                              address->family == IP_FAMILY_6 ? IPV6_KEY_BITS : IPV4_KEY_BITS);
}

static struct address_account *find(struct address_accounts *accounts,
                                    const struct ip_address *address)
{
    struct ip_address key = address_account_key(address);
    char text[1 + IP_ADDRESS_BYTES] = {(char)key.family};
    struct slice name = slice_from(text, sizeof(text));
    struct address_account *account;
    struct address_account *fresh;

    memcpy(text + 1, key.bytes, sizeof(key.bytes));
    account = cache_find(accounts->cache, name, 0);
    if (account != NULL)
        return account;
    fresh = memory_try_allocate(sizeof(*fresh));
    if (fresh == NULL)
        return NULL;
    atomic_init(&fresh->references, 1);
    account = cache_intern(accounts->cache, name, fresh, sizeof(*fresh), INT64_MAX, 0);
    release(fresh);
    return account;
}

static uint64_t leak_us(const struct address_limits *limits)
{
    return limits->failed_handshake_ms * US_IN_MS / limits->failed_handshakes;
}

static bool has_failed_too_often(const struct address_account *account,
                                 const struct address_limits *limits, uint64_t now_us)
{
    uint64_t empty_us = atomic_load_explicit(&account->empty_us, memory_order_relaxed);

    /* A failure more would have to fit. */
    return limits->failed_handshakes != 0 && empty_us > now_us &&
           empty_us - now_us + leak_us(limits) > limits->failed_handshake_ms * US_IN_MS;
}

enum address_admission address_accounts_admit(struct address_accounts *accounts,
                                              const struct address_limits *limits,
                                              const struct ip_address *address, uint64_t now_us,
                                              struct address_account **account)
{
    struct address_account *found;
    enum address_admission admission = ADDRESS_ADMITTED;

    *account = NULL;
    if (accounts == NULL || (limits->connections == 0 && limits->failed_handshakes == 0))
        return ADDRESS_ADMITTED;
    found = find(accounts, address);
    if (found == NULL)
        return ADDRESS_HAS_NO_ACCOUNT;
    if (has_failed_too_often(found, limits, now_us)) {
        admission = ADDRESS_HAS_FAILED_TOO_OFTEN;
    } else if (atomic_fetch_add_explicit(&found->connections, 1, memory_order_relaxed) >=
                   limits->connections &&
               limits->connections != 0) {
        atomic_fetch_sub_explicit(&found->connections, 1, memory_order_relaxed);
        admission = ADDRESS_HAS_TOO_MANY_CONNECTIONS;
    }
    if (admission == ADDRESS_ADMITTED)
        *account = found;
    else
        release(found);
    return admission;
}

void address_account_fail(struct address_account *account, const struct address_limits *limits,
                          uint64_t now_us)
{
    uint_fast64_t before;
    uint64_t after;

    if (account == NULL || limits->failed_handshakes == 0)
        return;
    before = atomic_load_explicit(&account->empty_us, memory_order_relaxed);
    do {
        after = (before > now_us ? before : now_us) + leak_us(limits);
        /* Those that were under way when it became full do not make it fuller. */
        if (after > now_us + limits->failed_handshake_ms * US_IN_MS)
            after = now_us + limits->failed_handshake_ms * US_IN_MS;
    } while (!atomic_compare_exchange_weak_explicit(&account->empty_us, &before, after,
                                                    memory_order_relaxed, memory_order_relaxed));
}

void address_account_leave(struct address_account *account)
{
    if (account == NULL)
        return;
    atomic_fetch_sub_explicit(&account->connections, 1, memory_order_relaxed);
    release(account);
}
