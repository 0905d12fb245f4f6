/* SPDX-License-Identifier: Apache-2.0
 *
 * A backend: its endpoints, which never change, and their addresses, which are replaced as a
 * whole.
 */
#include "gateway/backend/backend_internal.h"

#include <assert.h>

#include "runtime/memory.h"
#include "runtime/resolver.h"

/* "http://host:port" and nothing behind it; the port may be left out. */
static bool parse_endpoint(const char *url, struct backend_endpoint *endpoint, struct error *error)
{
    struct slice rest = slice_from_text(url);
    struct slice name;
    struct slice port_text = {NULL, 0};
    bool is_tls = slice_starts_with(rest, SLICE("https://"));
    uint64_t number = is_tls ? 443 : 80;
    size_t colon;

    if (!is_tls && !slice_starts_with(rest, SLICE("http://"))) {
        error_set(error, ERROR_VALUE, "endpoint '%s' does not begin with 'http://' or 'https://'",
                  url);
        return false;
    }
    rest = slice_after(rest, is_tls ? 8 : 7);
    if (slice_ends_with(rest, SLICE("/")))
        rest = slice_first(rest, rest.size - 1);
    if (slice_starts_with(rest, SLICE("["))) {
        size_t end = slice_find(rest, ']');

        name = slice_after(slice_first(rest, end), 1);
        if (end == rest.size)
            name.size = 0;
        rest = slice_after(rest, end + 1);
        colon = 0;
        if (rest.size > 0 && rest.data[0] != ':')
            name.size = 0;
    } else {
        colon = slice_find(rest, ':');
        name = slice_first(rest, colon);
    }
    if (colon < rest.size)
        port_text = slice_after(rest, colon + 1);
    if (colon < rest.size &&
        (!slice_parse_u64(port_text, &number) || number == 0 || number > UINT16_MAX)) {
        error_set(error, ERROR_VALUE, "endpoint '%s' has a port that is not 1 to 65535", url);
        return false;
    }
    if (slice_is_empty(name) || slice_find(name, '/') < name.size ||
        slice_find(name, '@') < name.size || slice_find(name, '?') < name.size) {
        error_set(error, ERROR_VALUE,
                  "endpoint '%s' is not 'http://HOST:PORT' or 'https://HOST:PORT'", url);
        return false;
    }
    endpoint->host = memory_copy_slice(name);
    endpoint->port = (uint16_t)number;
    endpoint->is_tls = is_tls;
    return true;
}

/* ---- targets ---- */

static void add_target(struct backend_pool *pool, struct backend_targets *targets, size_t endpoint,
                       const struct socket_address *address)
{
    struct backend_target *target = &targets->items[targets->count++];

    target->address = *address;
    target->endpoint = endpoint;
    socket_address_format(address, target->text);
    target->facts = backend_facts_acquire(pool->facts, pool->settings->name,
                                          pool->settings->endpoints[endpoint].url, target->text);
}

/* The first address of each endpoint, then the second of each, so that no endpoint with many leaves
 * another without any. */
static struct backend_targets *make_targets(struct backend_pool *pool)
{
    struct backend_targets *targets;
    size_t total = 0;
    size_t most = 0;

    for (size_t i = 0; i < pool->settings->endpoint_count; i++) {
        total += pool->endpoints[i].address_count;
        if (pool->endpoints[i].address_count > most)
            most = pool->endpoints[i].address_count;
    }
    if (total > BACKEND_ADDRESSES_MAX)
        total = BACKEND_ADDRESSES_MAX;
    targets = memory_allocate(sizeof(*targets) + total * sizeof(targets->items[0]));
    atomic_init(&targets->references, 1);
    for (size_t round = 0; round < most; round++) {
        for (size_t i = 0; i < pool->settings->endpoint_count && targets->count < total; i++) {
            const struct backend_endpoint *endpoint = &pool->endpoints[i];

            if (round < endpoint->address_count)
                add_target(pool, targets, i, &endpoint->addresses[round]);
        }
    }
    return targets;
}

void backend_targets_release(struct backend_targets *targets)
{
    if (targets == NULL ||
        atomic_fetch_sub_explicit(&targets->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < targets->count; i++)
        backend_facts_release(targets->items[i].facts);
    memory_release(targets);
}

struct backend_targets *backend_pool_targets(struct backend_pool *pool)
{
    struct backend_targets *targets;

    pthread_mutex_lock(&pool->lock);
    targets = pool->targets;
    atomic_fetch_add_explicit(&targets->references, 1, memory_order_relaxed);
    pthread_mutex_unlock(&pool->lock);
    return targets;
}

static void renew_targets(struct backend_pool *pool)
{
    struct backend_targets *next = make_targets(pool);
    struct backend_targets *before;

    pthread_mutex_lock(&pool->lock);
    before = pool->targets;
    pool->targets = next;
    pthread_mutex_unlock(&pool->lock);
    atomic_store_explicit(&pool->version, backend_facts_next_version(pool->facts),
                          memory_order_release);
    backend_targets_release(before);
}

static void set_addresses(struct backend_endpoint *endpoint, const struct ip_address *addresses,
                          size_t count)
{
    memory_release(endpoint->addresses);
    endpoint->addresses = memory_allocate_array(count, sizeof(*endpoint->addresses));
    endpoint->address_count = count;
    for (size_t i = 0; i < count; i++)
        endpoint->addresses[i] = socket_address_of(&addresses[i], endpoint->port);
}

static bool has_addresses(const struct backend_endpoint *endpoint,
                          const struct ip_address *addresses, size_t count)
{
    if (endpoint->address_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct ip_address own = ip_address_of(&endpoint->addresses[i]);

        if (!ip_address_equals(&own, &addresses[i]))
            return false;
    }
    return true;
}

bool backend_pool_set_addresses(struct backend_pool *pool, size_t index,
                                const struct ip_address *addresses, size_t count)
{
    struct backend_endpoint *endpoint = &pool->endpoints[index];

    assert(endpoint->is_name && count <= BACKEND_NAME_ADDRESSES_MAX);
    if (endpoint->is_answered && has_addresses(endpoint, addresses, count))
        return false;
    set_addresses(endpoint, addresses, count);
    renew_targets(pool);
    /* Behind the targets: who sees none, and nothing to wait for, may rely on it. */
    if (!endpoint->is_answered)
        atomic_fetch_sub(&pool->unanswered, 1);
    endpoint->is_answered = true;
    return true;
}

const char *backend_pool_name(const struct backend_pool *pool, size_t index)
{
    return pool->endpoints[index].is_name ? pool->endpoints[index].host : NULL;
}

size_t backend_pool_left_out(struct backend_pool *pool)
{
    size_t total = 0;

    for (size_t i = 0; i < pool->settings->endpoint_count; i++)
        total += pool->endpoints[i].address_count;
    return total > BACKEND_ADDRESSES_MAX ? total - BACKEND_ADDRESSES_MAX : 0;
}

static bool add_endpoint(struct backend_pool *pool, size_t index, struct error *error)
{
    struct backend_endpoint *endpoint = &pool->endpoints[index];
    struct socket_address address;

    endpoint->weight = pool->settings->endpoints[index].weight;
    if (endpoint->weight == 0)
        endpoint->weight = 1;
    if (!parse_endpoint(pool->settings->endpoints[index].url, endpoint, error))
        return false;
    if (socket_address_from_host(endpoint->host, endpoint->port, &address)) {
        endpoint->addresses = memory_allocate(sizeof(*endpoint->addresses));
        endpoint->addresses[0] = address;
        endpoint->address_count = 1;
        endpoint->is_answered = true;
        return true;
    }
    if (!resolver_name_is_valid(slice_from_text(endpoint->host), error)) {
        error_prefix(error, "endpoint '%s'", pool->settings->endpoints[index].url);
        return false;
    }
    endpoint->is_name = true;
    atomic_fetch_add(&pool->unanswered, 1);
    return true;
}

static bool has_tls(const struct backend_settings *settings)
{
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        if (slice_starts_with(slice_from_text(settings->endpoints[i].url), SLICE("https://")))
            return true;
    }
    return false;
}

bool backend_profile_create(const struct backend_settings *settings,
                            struct tls_client_profile **profile, struct error *error)
{
    static const struct tls_client_settings nothing = {.trust = NULL};
    struct tls_client_settings tls = settings->tls == NULL ? nothing : *settings->tls;

    *profile = NULL;
    if (!has_tls(settings))
        return true;
    if (settings->tls == NULL)
        tls.tls.position = settings->position;
    *profile = tls_client_profile_create(&tls, error);
    return *profile != NULL;
}

/* A pool outlives the configuration that it was made from, when the next one says the same. */
static struct backend_settings *copy_settings(const struct backend_settings *settings)
{
    struct backend_settings *copy = memory_allocate(sizeof(*copy));

    *copy = *settings;
    copy->name = memory_copy_text(settings->name);
    copy->host = memory_copy_text(settings->host);
    copy->tls = NULL; /* the profile is made of it */
    copy->position = (struct position){NULL, 0, 0};
    copy->endpoints = memory_allocate_array(settings->endpoint_count, sizeof(*copy->endpoints));
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        copy->endpoints[i].url = memory_copy_text(settings->endpoints[i].url);
        copy->endpoints[i].weight = settings->endpoints[i].weight;
    }
    return copy;
}

static void release_text(const char *text)
{
    union {
        const char *constant;
        char *ours;
    } data = {.constant = text};

    memory_release(data.ours);
}

static void release_settings(struct backend_settings *settings)
{
    for (size_t i = 0; i < settings->endpoint_count; i++)
        release_text(settings->endpoints[i].url);
    release_text(settings->name);
    release_text(settings->host);
    memory_release(settings->endpoints);
    memory_release(settings);
}

static bool add_endpoints(struct backend_pool *pool, const struct backend_settings *settings,
                          struct error *error)
{
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        const struct position *position = &settings->endpoints[i].position;

        if (i == BACKEND_ADDRESSES_MAX) {
            error_set(error, ERROR_LIMIT, "backend '%s' has more than %d endpoints", settings->name,
                      BACKEND_ADDRESSES_MAX);
        } else if (add_endpoint(pool, i, error)) {
            continue;
        }
        if (position->file != NULL)
            error_prefix(error, "%s:%u:%u", position->file, position->line, position->column);
        return false;
    }
    return true;
}

struct backend_pool *backend_pool_create(const struct backend_settings *settings, size_t index,
                                         struct tls_client_profile *profile,
                                         struct backend_facts_table *facts, struct error *error)
{
    struct backend_pool *pool = memory_allocate(sizeof(*pool));

    pool->settings = copy_settings(settings);
    pool->index = index;
    pool->profile = profile;
    pool->endpoints = memory_allocate_array(settings->endpoint_count, sizeof(*pool->endpoints));
    pool->own_facts = facts == NULL ? backend_facts_table_create(1) : NULL;
    pool->facts = facts == NULL ? pool->own_facts : facts;
    pthread_mutex_init(&pool->lock, NULL);
    if (!add_endpoints(pool, settings, error)) {
        backend_pool_destroy(pool);
        return NULL;
    }
    renew_targets(pool);
    return pool;
}

void backend_pool_destroy(struct backend_pool *pool)
{
    if (pool == NULL)
        return;
    backend_targets_release(pool->targets);
    backend_facts_table_destroy(pool->own_facts);
    for (size_t i = 0; i < pool->settings->endpoint_count; i++) {
        memory_release(pool->endpoints[i].host);
        memory_release(pool->endpoints[i].addresses);
    }
    memory_release(pool->endpoints);
    tls_client_profile_destroy(pool->profile);
    release_settings(pool->settings);
    pthread_mutex_destroy(&pool->lock);
    memory_release(pool);
}

/* ---- what is asked of it ---- */

const struct tls_client_profile *backend_pool_profile(const struct backend_pool *pool)
{
    return pool->profile;
}

size_t backend_pool_place(const struct backend_pool *pool)
{
    return pool->index;
}

const struct backend_settings *backend_pool_settings(const struct backend_pool *pool)
{
    return pool->settings;
}

size_t backend_pool_addresses(struct backend_pool *pool)
{
    struct backend_targets *targets = backend_pool_targets(pool);
    size_t count = targets->count;

    backend_targets_release(targets);
    return count;
}

size_t backend_pool_waiting(const struct backend_pool *pool)
{
    return atomic_load_explicit(&pool->waiting, memory_order_relaxed);
}

static uint64_t read_counter(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void backend_pool_visit(struct backend_pool *pool, uint64_t now_ms, backend_totals_visitor *visit,
                        void *context)
{
    struct backend_targets *targets = backend_pool_targets(pool);

    for (size_t i = 0; i < targets->count; i++) {
        const struct backend_target *target = &targets->items[i];
        const struct backend_facts *facts = target->facts;
        struct backend_totals totals = {
            .backend = pool->settings->name,
            .endpoint = pool->settings->endpoints[target->endpoint].url,
            .address = target->text,
            .ejections = read_counter(&facts->ejected_total),
            .is_ejected = backend_facts_is_ejected(facts, now_ms),
        };

        for (size_t j = 0; j < facts->counter_count; j++) {
            totals.requests += read_counter(&facts->counters[j].requests);
            totals.connect_failures += read_counter(&facts->counters[j].connect_failures);
            totals.open += read_counter(&facts->counters[j].open);
            totals.idle += read_counter(&facts->counters[j].idle);
        }
        visit(context, &totals);
    }
    backend_targets_release(targets);
}
