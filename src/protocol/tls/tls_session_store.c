/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions by their ids, which are random and 32 bytes long. A TLS 1.3 session is kept as the few
 * values that resumption needs, and rebuilt; one of TLS 1.2 as a copy of the whole, because the
 * mark for extended master secret (RFC 7627) has no setter. Entries never change once they are in
 * the cache. The clock of lifetimes is monotonic: setting the time of day extends no session.
 */
#include "protocol/tls/tls_session_store_internal.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "runtime/clock.h"
#include "runtime/memory.h"

enum {
    BYTES_MAX_DEFAULT = 256 * 1024 * 1024,
    LIFETIME_DEFAULT = 3600,
    LIFETIME_MAX = 7 * 24 * 3600, /* RFC 8446 section 4.6.1 */
    SHARDS = 16,
    SESSION_BYTES = 1024,  /* of a whole SSL_SESSION, about */
    CERTIFICATE_FACTOR = 4 /* of a parsed certificate to its DER, about */
};

struct entry {
    atomic_uint references;
    struct tls_session_origin origin; /* with a reference to the attachment */
    char *server_name;                /* what origin.server_name points to */
    int version;
    unsigned char context[SSL_MAX_SID_CTX_LENGTH];
    unsigned context_size;
    SSL_SESSION *whole; /* TLS 1.2; NULL for TLS 1.3, which has the following */
    const SSL_CIPHER *cipher;
    unsigned char secret[SSL_MAX_MASTER_KEY_LENGTH];
    size_t secret_size;
};

struct tls_session_store {
    struct cache *cache;
    unsigned lifetime;
    int64_t (*seconds)(void);
    int session_index; /* of the entry among an SSL_SESSION's data */
};

static int64_t monotonic_seconds(void)
{
    return (int64_t)(clock_monotonic_ms() / 1000);
}

/* ---- entries ---- */

static void acquire_entry(void *value)
{
    struct entry *entry = value;

    atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
}

static void release_entry(void *value)
{
    struct entry *entry = value;

    if (entry == NULL ||
        atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) != 1)
        return;
    if (entry->origin.attachment != NULL)
        entry->origin.operations->release_attachment(entry->origin.attachment);
    memory_release(entry->server_name);
    SSL_SESSION_free(entry->whole);
    memory_wipe_and_release(entry, sizeof *entry);
}

/* False: there is no memory for the name. */
static bool take_origin(struct entry *entry, const struct tls_session_origin *origin)
{
    entry->origin = *origin;
    entry->origin.attachment = NULL;
    entry->server_name = memory_try_copy_slice(origin->server_name);
    if (entry->server_name == NULL)
        return false;
    entry->origin.server_name.data = entry->server_name;
    if (origin->attachment != NULL)
        entry->origin.attachment = origin->operations->acquire_attachment(origin->attachment);
    return true;
}

/* NULL: there is no memory. */
static struct entry *create_entry(const SSL_SESSION *session,
                                  const struct tls_session_origin *origin)
{
    struct entry *entry = memory_try_allocate(sizeof *entry);
    const unsigned char *context = NULL;

    if (entry == NULL)
        return NULL;
    context = SSL_SESSION_get0_id_context(session, &entry->context_size);
    atomic_init(&entry->references, 1);
    memcpy(entry->context, context, entry->context_size);
    entry->version = SSL_SESSION_get_protocol_version(session);
    if (!take_origin(entry, origin)) {
        release_entry(entry);
        return NULL;
    }
    if (entry->version >= TLS1_3_VERSION) {
        entry->cipher = SSL_SESSION_get0_cipher(session);
        entry->secret_size =
            SSL_SESSION_get_master_key(session, entry->secret, sizeof entry->secret);
    } else {
        entry->whole = SSL_SESSION_dup(session);
    }
    return entry;
}

static bool is_complete(const struct entry *entry)
{
    return entry->whole != NULL || (entry->cipher != NULL && entry->secret_size > 0);
}

static size_t certificate_bytes(SSL_SESSION *session)
{
    X509 *peer = SSL_SESSION_get0_peer(session);
    int size = peer == NULL ? 0 : i2d_X509(peer, NULL);

    return size <= 0 ? 0 : (size_t)size * CERTIFICATE_FACTOR;
}

static size_t entry_bytes(const struct entry *entry)
{
    size_t bytes = sizeof *entry + entry->origin.server_name.size + 1;

    if (entry->origin.attachment != NULL)
        bytes += entry->origin.operations->attachment_bytes(entry->origin.attachment);
    if (entry->whole != NULL)
        bytes += SESSION_BYTES + certificate_bytes(entry->whole);
    return bytes;
}

/* ---- an SSL_SESSION holds a reference to the entry that it was made from ---- */

static void free_session_entry(void *parent, void *value, CRYPTO_EX_DATA *data, int index,
                               long number, void *pointer)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    release_entry(value);
}

static int copy_session_entry(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **value,
                              int index, long number, void *pointer)
{
    (void)to;
    (void)from;
    (void)index;
    (void)number;
    (void)pointer;
    if (*value != NULL)
        acquire_entry(*value);
    return 1;
}

const struct tls_session_origin *tls_session_store_origin(const struct tls_session_store *store,
                                                          const SSL_SESSION *session)
{
    const struct entry *entry =
        session == NULL ? NULL : SSL_SESSION_get_ex_data(session, store->session_index);

    return entry == NULL ? NULL : &entry->origin;
}

/* ---- keeping and resuming ---- */

int64_t tls_session_store_now(const struct tls_session_store *store)
{
    return store->seconds();
}

unsigned tls_session_store_lifetime(const struct tls_session_store *store)
{
    return store->lifetime;
}

static struct slice id_of(const SSL_SESSION *session)
{
    unsigned size = 0;
    const unsigned char *id = SSL_SESSION_get_id(session, &size);

    return slice_from(id, size);
}

static int64_t end_of(const struct tls_session_store *store, const struct entry *entry)
{
    return entry->origin.established_at + store->lifetime;
}

void tls_session_store_keep(struct tls_session_store *store, const SSL_SESSION *session,
                            const struct tls_session_origin *origin)
{
    struct slice id = id_of(session);
    struct entry *entry = NULL;

    if (id.size == 0)
        return;
    entry = create_entry(session, origin);
    if (entry == NULL)
        return;
    if (is_complete(entry))
        cache_put(store->cache, id, entry, entry_bytes(entry), end_of(store, entry));
    release_entry(entry);
}

/* RFC 6066 section 3: a session is not resumed under another name. */
static bool agrees(const struct entry *entry, const struct tls_session_wish *wish)
{
    return entry->version == wish->version &&
           slice_equals(slice_from(entry->context, entry->context_size), wish->context) &&
           slice_equals_ignoring_case(entry->origin.server_name, wish->server_name);
}

static bool fill_slim(SSL_SESSION *session, const struct entry *entry, struct slice id)
{
    const unsigned char *id_bytes = (const unsigned char *)id.data;

    return SSL_SESSION_set1_id(session, id_bytes, (unsigned)id.size) == 1 &&
           SSL_SESSION_set1_id_context(session, entry->context, entry->context_size) == 1 &&
           SSL_SESSION_set_protocol_version(session, entry->version) == 1 &&
           SSL_SESSION_set_cipher(session, entry->cipher) == 1 &&
           SSL_SESSION_set1_master_key(session, entry->secret, entry->secret_size) == 1;
}

static SSL_SESSION *make_session(const struct tls_session_store *store, struct entry *entry,
                                 struct slice id, int64_t left)
{
    SSL_SESSION *session = entry->whole != NULL ? SSL_SESSION_dup(entry->whole) : SSL_SESSION_new();

    if (session == NULL)
        return NULL;
    /* libssl computes a renewed ticket's lifetime from these, so what is left is all it can give.
     */
    SSL_SESSION_set_time(session, (long)time(NULL));
    SSL_SESSION_set_timeout(session, (long)left);
    if ((entry->whole != NULL || fill_slim(session, entry, id)) &&
        SSL_SESSION_set_ex_data(session, store->session_index, entry) == 1) {
        acquire_entry(entry);
        return session;
    }
    SSL_SESSION_free(session);
    return NULL;
}

SSL_SESSION *tls_session_store_resume(struct tls_session_store *store,
                                      const struct tls_session_wish *wish)
{
    int64_t now = store->seconds();
    struct entry *entry = cache_find(store->cache, wish->id, now);
    SSL_SESSION *session = NULL;
    int64_t left = 0;

    if (entry == NULL)
        return NULL;
    left = end_of(store, entry) - now;
    if (left > 0 && agrees(entry, wish))
        session = make_session(store, entry, wish->id, left);
    release_entry(entry);
    return session;
}

void tls_session_store_forget(struct tls_session_store *store, const SSL_SESSION *session)
{
    struct slice id = id_of(session);

    if (id.size > 0)
        cache_remove(store->cache, id);
}

/* ---- the store ---- */

struct tls_session_store *tls_session_store_create(
    const struct tls_session_store_settings *settings)
{
    struct tls_session_store *store = memory_allocate(sizeof *store);
    const struct cache_settings cache = {
        .bytes_max = settings->bytes_max == 0 ? BYTES_MAX_DEFAULT : settings->bytes_max,
        .shards = SHARDS,
        .acquire = acquire_entry,
        .release = release_entry,
    };

    store->cache = cache_create(&cache);
    store->lifetime =
        settings->lifetime_seconds == 0 ? LIFETIME_DEFAULT : settings->lifetime_seconds;
    if (store->lifetime > LIFETIME_MAX)
        store->lifetime = LIFETIME_MAX;
    store->seconds = settings->seconds == NULL ? monotonic_seconds : settings->seconds;
    store->session_index =
        SSL_SESSION_get_ex_new_index(0, NULL, NULL, copy_session_entry, free_session_entry);
    assert(store->session_index >= 0);
    return store;
}

void tls_session_store_destroy(struct tls_session_store *store)
{
    if (store == NULL)
        return;
    cache_destroy(store->cache);
    CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL_SESSION, store->session_index);
    memory_release(store);
}

struct cache_counts tls_session_store_count(struct tls_session_store *store)
{
    return cache_count(store->cache);
}
