/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding the listener of a name. One hash table holds exact names and, without their star, the
 * wildcards: a look-up asks once for the name, and once for what follows each of its dots, from
 * left to right, which is from the longest suffix to the shortest. The hash is keyed, and at most
 * half of the places are taken.
 */
#include "gateway/listener/listener.h"

#include <assert.h>
#include <stdio.h>

#include "runtime/memory.h"
#include "runtime/siphash.h"

enum { PLACES_MIN = 16 }; /* a power of two, as every number of places is */

struct place {
    char *name; /* folded; NULL: nothing is here */
    size_t size;
    const struct listener *exact;    /* NULL: the name is only a wildcard's suffix */
    const struct listener *wildcard; /* NULL: the name is only exact */
};

struct listener_group {
    struct socket_address address;
    const struct listener **listeners;
    size_t count;
    const struct listener *without_hosts; /* NULL: each has hosts */
    struct siphash_key key;
    struct place *places;
    size_t places_count;
};

/* Lower case, without one trailing dot. False when no listener can have such a name. */
static bool fold(struct slice host, char memory[LISTENER_HOST_BYTES_MAX], struct slice *folded)
{
    if (slice_ends_with(host, SLICE(".")))
        host.size--;
    if (slice_is_empty(host) || host.size > LISTENER_HOST_BYTES_MAX)
        return false;
    for (size_t i = 0; i < host.size; i++)
        memory[i] = ascii_lower(host.data[i]);
    *folded = slice_from(memory, host.size);
    return true;
}

/* The place that holds the name, or the empty one where it belongs. */
static struct place *find_place(const struct listener_group *group, struct slice name)
{
    size_t mask = group->places_count - 1;
    size_t i = (size_t)siphash(group->key, name) & mask;

    while (group->places[i].name != NULL &&
           !slice_equals(slice_from(group->places[i].name, group->places[i].size), name))
        i = (i + 1) & mask;
    return &group->places[i];
}

const struct listener *listener_group_find(const struct listener_group *group, struct slice host)
{
    char memory[LISTENER_HOST_BYTES_MAX];
    struct slice name;
    const struct listener *found = NULL;
    size_t dot;

    if (!fold(host, memory, &name))
        return group->without_hosts;
    found = find_place(group, name)->exact;
    for (dot = slice_find(name, '.'); found == NULL && dot < name.size;
         dot = slice_find(name, '.')) {
        name = slice_after(name, dot + 1);
        /* A star stands for at least one character. */
        if (name.data > memory + 1)
            found = find_place(group, name)->wildcard;
    }
    return found == NULL ? group->without_hosts : found;
}

const struct listener *listener_group_first(const struct listener_group *group)
{
    return group->without_hosts != NULL ? group->without_hosts : group->listeners[0];
}

const struct socket_address *listener_group_address(const struct listener_group *group)
{
    return &group->address;
}

size_t listener_group_count(const struct listener_group *group)
{
    return group->count;
}

const struct listener *listener_group_get(const struct listener_group *group, size_t index)
{
    assert(index < group->count);
    return group->listeners[index];
}

/* ---- making the group ---------------------------------------------------------------------- */

static size_t count_hosts(const struct listener *listener)
{
    size_t count = 0;

    while (listener->hosts != NULL && listener->hosts[count] != NULL)
        count++;
    return count;
}

static bool claim(const struct listener **claimed, const struct listener *listener,
                  const char *what, struct error *error)
{
    if (*claimed == listener) {
        error_set(error, ERROR_VALUE, "listener '%s' names %s twice", listener->name, what);
        return false;
    }
    if (*claimed != NULL) {
        error_set(error, ERROR_VALUE,
                  "listeners '%s' and '%s' have the same address and both serve %s",
                  (*claimed)->name, listener->name, what);
        return false;
    }
    *claimed = listener;
    return true;
}

static bool add_host(struct listener_group *group, const struct listener *listener,
                     const char *host, struct error *error)
{
    char memory[LISTENER_HOST_BYTES_MAX];
    char what[LISTENER_HOST_BYTES_MAX + sizeof("host ''")];
    struct slice written = slice_from_text(host);
    bool is_wildcard = slice_starts_with(written, SLICE("*."));
    struct slice name;
    struct place *place;

    if (!listener_host_is_valid(written, error))
        return false;
    if (!fold(is_wildcard ? slice_after(written, 2) : written, memory, &name)) {
        error_set(error, ERROR_SYNTAX, "host '%s' is no host name", host);
        return false;
    }
    place = find_place(group, name);
    if (place->name == NULL) {
        place->name = memory_copy_slice(name);
        place->size = name.size;
    }
    snprintf(what, sizeof(what), "host '%s'", host);
    return claim(is_wildcard ? &place->wildcard : &place->exact, listener, what, error);
}

static bool add_listener(struct listener_group *group, const struct listener *listener,
                         struct error *error)
{
    if (listener->hosts == NULL)
        return claim(&group->without_hosts, listener, "every host", error);
    for (size_t i = 0; listener->hosts[i] != NULL; i++) {
        if (!add_host(group, listener, listener->hosts[i], error))
            return false;
    }
    return true;
}

static void make_places(struct listener_group *group)
{
    size_t hosts = 0;

    for (size_t i = 0; i < group->count; i++)
        hosts += count_hosts(group->listeners[i]);
    group->places_count = PLACES_MIN;
    while (group->places_count < 2 * hosts)
        group->places_count *= 2;
    group->places = memory_allocate_array(group->places_count, sizeof(*group->places));
}

struct listener_group *listener_group_create(const struct socket_address *address,
                                             const struct listener *const *listeners, size_t count,
                                             struct error *error)
{
    struct listener_group *created = NULL;
    struct listener_group *creating = memory_allocate(sizeof(*creating));

    assert(count > 0);
    creating->address = *address;
    creating->key = siphash_key_create();
    creating->count = count;
    creating->listeners = memory_allocate_array(count, sizeof(const struct listener *));
    memcpy(creating->listeners, listeners, count * sizeof(const struct listener *));
    make_places(creating);
    for (size_t i = 0; i < count; i++) {
        if (!add_listener(creating, listeners[i], error))
            goto cleanup;
    }

    created = creating;
    creating = NULL;

cleanup:
    listener_group_destroy(creating);
    return created;
}

void listener_group_destroy(struct listener_group *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->places_count; i++)
        memory_release(group->places[i].name);
    memory_release(group->places);
    memory_release(group->listeners);
    memory_release(group);
}
