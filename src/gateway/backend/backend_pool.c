/* SPDX-License-Identifier: Apache-2.0
 *
 * The immutable part of a backend: its endpoints and the addresses they had when the generation
 * was built.
 */
#include "gateway/backend/backend_internal.h"

#include "runtime/memory.h"

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

static bool add_endpoint(struct backend_pool *pool, size_t index, struct error *error)
{
    struct backend_endpoint *endpoint = &pool->endpoints[index];
    size_t count = 0;

    if (!parse_endpoint(pool->settings->endpoints[index].url, endpoint, error))
        return false;
    if (!socket_address_resolve(endpoint->host, endpoint->port,
                                pool->addresses + pool->address_count,
                                BACKEND_ADDRESSES_MAX - pool->address_count, &count, error))
        return false;
    for (size_t i = 0; i < count; i++)
        pool->endpoint_of[pool->address_count + i] = index;
    pool->address_count += count;
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
    for (size_t i = 0; i < settings->endpoint_count; i++)
        copy->endpoints[i].url = memory_copy_text(settings->endpoints[i].url);
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

struct backend_pool *backend_pool_create(const struct backend_settings *settings, size_t index,
                                         struct tls_client_profile *profile, struct error *error)
{
    struct backend_pool *pool = memory_allocate(sizeof(*pool));

    pool->settings = copy_settings(settings);
    pool->index = index;
    pool->profile = profile;
    pool->endpoints = memory_allocate_array(settings->endpoint_count, sizeof(*pool->endpoints));
    for (size_t i = 0; i < settings->endpoint_count; i++) {
        const struct backend_endpoint_settings *endpoint = &settings->endpoints[i];

        if (pool->address_count == BACKEND_ADDRESSES_MAX) {
            error_set(error, ERROR_LIMIT, "backend '%s' has more than %d addresses", settings->name,
                      BACKEND_ADDRESSES_MAX);
        } else if (add_endpoint(pool, i, error)) {
            continue;
        }
        if (endpoint->position.file != NULL)
            error_prefix(error, "%s:%u:%u", endpoint->position.file, endpoint->position.line,
                         endpoint->position.column);
        backend_pool_destroy(pool);
        return NULL;
    }
    return pool;
}

void backend_pool_destroy(struct backend_pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < pool->settings->endpoint_count; i++)
        memory_release(pool->endpoints[i].host);
    memory_release(pool->endpoints);
    tls_client_profile_destroy(pool->profile);
    release_settings(pool->settings);
    memory_release(pool);
}

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

size_t backend_pool_addresses(const struct backend_pool *pool)
{
    return pool->address_count;
}
