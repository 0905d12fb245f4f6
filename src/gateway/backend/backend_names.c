/* SPDX-License-Identifier: Apache-2.0
 *
 * See backend_names.h. There are as many names as somebody has written down, so that a list is
 * enough.
 */
#include "gateway/backend/backend_names.h"

#include <string.h>

#include "gateway/backend/backend.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/random.h"
#include "runtime/timer.h"

enum { RUNNING_MAX = 64, RETRY_FIRST_MS = 1000, RETRY_MAX_MS = 30 * 1000, RETRY_DOUBLINGS_MAX = 5 };

/* A tenth of a time is left to chance, so that gateways that were started together do not ask
 * together for ever. */
enum { JITTER_SHARE = 10 };

struct name {
    struct backend_names *names;
    char *host;
    struct ip_address addresses[BACKEND_NAME_ADDRESSES_MAX]; /* IPv4 first */
    size_t count;
    size_t left_out;
    enum resolver_outcome outcome; /* of the last answer */
    unsigned failures;             /* in a row */
    uint64_t due_ms;
    bool is_asked;    /* now */
    bool is_answered; /* at least once */
    bool is_used;     /* some pool has it, as of the last look */
};

struct backend_names {
    struct backend_names_settings settings;
    struct resolver *resolver;
    struct timer *timer;
    struct name **items;
    size_t count;
    size_t running;
    uint64_t answers[RESOLVER_OUTCOMES];
    uint64_t changes;
};

/* ---- pools ---- */

static struct name *find_name(const struct backend_names *names, const char *host)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->items[i]->host, host) == 0)
            return names->items[i];
    }
    return NULL;
}

static void add_name(struct backend_names *names, const char *host)
{
    struct name *name = memory_allocate(sizeof(*name));

    name->names = names;
    name->host = memory_copy_text(host);
    name->is_used = true;
    names->items = memory_resize(names->items, (names->count + 1) * sizeof(struct name *));
    names->items[names->count++] = name;
}

static void destroy_name(struct name *name)
{
    memory_release(name->host);
    memory_release(name);
}

static void note_names(void *context, struct backend_pool *pool)
{
    struct backend_names *names = context;

    for (size_t i = 0; i < backend_pool_settings(pool)->endpoint_count; i++) {
        const char *host = backend_pool_name(pool, i);
        struct name *name = host == NULL ? NULL : find_name(names, host);

        if (name != NULL)
            name->is_used = true;
        else if (host != NULL)
            add_name(names, host);
    }
}

/* What no pool has any more is forgotten, unless its answer is still to come. */
static void forget_unused(struct backend_names *names)
{
    size_t kept = 0;

    for (size_t i = 0; i < names->count; i++) {
        struct name *name = names->items[i];

        if (name->is_used || name->is_asked)
            names->items[kept++] = name;
        else
            destroy_name(name);
    }
    names->count = kept;
}

struct publication {
    struct backend_names *names;
    const struct name *only; /* NULL: every name */
    bool is_used;
    bool has_changed;
};

static void publish_to(void *context, struct backend_pool *pool)
{
    struct publication *publication = context;

    for (size_t i = 0; i < backend_pool_settings(pool)->endpoint_count; i++) {
        const char *host = backend_pool_name(pool, i);
        const struct name *name = host == NULL ? NULL : find_name(publication->names, host);

        if (name == NULL || (publication->only != NULL && name != publication->only))
            continue;
        publication->is_used = true;
        if (name->is_answered && backend_pool_set_addresses(pool, i, name->addresses, name->count))
            publication->has_changed = true;
    }
}

/* False: no pool has the name any more. */
static bool publish(struct backend_names *names, const struct name *only)
{
    struct publication publication = {.names = names, .only = only};

    backend_registry_visit(names->settings.registry, publish_to, &publication);
    if (publication.has_changed)
        names->settings.on_changed(names->settings.context);
    return publication.is_used;
}

/* ---- time ---- */

static uint64_t with_jitter(uint64_t time_ms)
{
    uint32_t number = 0;

    random_fill(&number, sizeof(number));
    return time_ms - number % (time_ms / JITTER_SHARE + 1);
}

static uint64_t retry_after_ms(unsigned failures)
{
    unsigned doublings = failures > RETRY_DOUBLINGS_MAX ? RETRY_DOUBLINGS_MAX : failures - 1;
    uint64_t time_ms = (uint64_t)RETRY_FIRST_MS << doublings;

    return time_ms > RETRY_MAX_MS ? RETRY_MAX_MS : time_ms;
}

/* At the time of the name that is due next; while as many are asked as may be, an answer comes
 * first. */
static void set_timer(struct backend_names *names)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t next_ms = UINT64_MAX;

    for (size_t i = 0; i < names->count; i++) {
        if (!names->items[i]->is_asked && names->items[i]->due_ms < next_ms)
            next_ms = names->items[i]->due_ms;
    }
    if (next_ms == UINT64_MAX || names->running >= RUNNING_MAX)
        timer_stop(names->timer);
    else
        timer_start(names->timer, next_ms > now_ms ? next_ms - now_ms : 0);
}

/* ---- answers ---- */

/* Of one family: the new ones, or those that are known while the servers leave it open. */
static size_t collect(const struct name *name, const struct resolver_part *part,
                      enum ip_family family, bool is_kept, struct ip_address *to, size_t room)
{
    size_t count = 0;

    for (size_t i = 0; i < part->count && count < room; i++)
        to[count++] = part->addresses[i];
    for (size_t i = 0; is_kept && i < name->count && count < room; i++) {
        if (name->addresses[i].family == family)
            to[count++] = name->addresses[i];
    }
    return count;
}

/* True: they are others than before. */
static bool take_addresses(struct name *name, const struct resolver_answer *answer)
{
    const struct resolver_part *ipv4 = &answer->parts[RESOLVER_IPV4];
    const struct resolver_part *ipv6 = &answer->parts[RESOLVER_IPV6];
    size_t total = ipv4->count + ipv6->count;
    /* When there are too many, neither family pushes the other out. */
    size_t room4 = ipv6->count < BACKEND_NAME_ADDRESSES_MAX / 2
                       ? BACKEND_NAME_ADDRESSES_MAX - ipv6->count
                       : BACKEND_NAME_ADDRESSES_MAX / 2;
    struct ip_address next[BACKEND_NAME_ADDRESSES_MAX];
    size_t count;
    bool has_changed;

    count = collect(name, ipv4, IP_FAMILY_4, resolver_is_failure(ipv4->outcome), next, room4);
    count += collect(name, ipv6, IP_FAMILY_6, resolver_is_failure(ipv6->outcome), next + count,
                     BACKEND_NAME_ADDRESSES_MAX - count);
    has_changed = count != name->count;
    for (size_t i = 0; !has_changed && i < count; i++)
        has_changed = !ip_address_equals(&next[i], &name->addresses[i]);
    memcpy(name->addresses, next, count * sizeof(*next));
    name->count = count;
    name->left_out = total > BACKEND_NAME_ADDRESSES_MAX ? total - BACKEND_NAME_ADDRESSES_MAX : 0;
    return has_changed;
}

/* The better of both; of two that are no good the one that says why. */
static enum resolver_outcome sum_up(const struct resolver_answer *answer)
{
    enum resolver_outcome ipv4 = answer->parts[RESOLVER_IPV4].outcome;
    enum resolver_outcome ipv6 = answer->parts[RESOLVER_IPV6].outcome;

    if (ipv4 == RESOLVER_FOUND || ipv6 == RESOLVER_FOUND)
        return RESOLVER_FOUND;
    return resolver_is_failure(ipv6) && !resolver_is_failure(ipv4) ? ipv6 : ipv4;
}

/* Before the shorter of both times is over; sooner when one family is still open. */
static uint64_t ask_again_after_ms(struct name *name, const struct resolver_answer *answer)
{
    uint64_t after_ms = UINT64_MAX;
    bool is_open = name->outcome != RESOLVER_FOUND;

    for (size_t i = 0; i < RESOLVER_FAMILIES; i++) {
        const struct resolver_part *part = &answer->parts[i];

        if (part->outcome == RESOLVER_FOUND && part->ttl_ms < after_ms)
            after_ms = part->ttl_ms;
        if (resolver_is_failure(part->outcome))
            is_open = true;
    }
    name->failures = is_open ? name->failures + 1 : 0;
    if (is_open && retry_after_ms(name->failures) < after_ms)
        after_ms = retry_after_ms(name->failures);
    return with_jitter(after_ms);
}

static void report(const struct name *name)
{
    struct backend_name_event event = {
        .host = name->host,
        .addresses = name->addresses,
        .count = name->count,
        .left_out = name->left_out,
        .outcome = name->outcome,
    };

    name->names->settings.on_event(name->names->settings.context, &event);
}

static void on_answer(void *context, const struct resolver_answer *answer)
{
    struct name *name = context;
    struct backend_names *names = name->names;
    bool was_good = name->is_answered && name->outcome == RESOLVER_FOUND;
    bool was_answered = name->is_answered;
    bool has_changed = false;

    names->running--;
    name->is_asked = false;
    name->is_answered = true;
    name->outcome = sum_up(answer);
    names->answers[name->outcome]++;
    /* Addresses that are known are better than none. */
    if (name->outcome == RESOLVER_FOUND)
        has_changed = take_addresses(name, answer);
    if (has_changed)
        names->changes++;
    name->due_ms = clock_monotonic_ms() + ask_again_after_ms(name, answer);
    name->is_used = publish(names, name);
    if (name->is_used &&
        (has_changed || !was_answered || was_good != (name->outcome == RESOLVER_FOUND)))
        report(name);
    set_timer(names);
}

/* ---- asking ---- */

static void on_timer(void *context)
{
    struct backend_names *names = context;
    uint64_t now_ms = clock_monotonic_ms();

    forget_unused(names);
    for (size_t i = 0; i < names->count && names->running < RUNNING_MAX; i++) {
        struct name *name = names->items[i];

        if (name->is_asked || name->due_ms > now_ms)
            continue;
        name->is_asked = true;
        names->running++;
        resolver_ask(names->resolver, name->host, on_answer, name);
    }
    set_timer(names);
}

void backend_names_adopt(struct backend_names *names, struct resolver *resolver)
{
    resolver_destroy(names->resolver);
    names->resolver = resolver;
    names->running = 0;
    for (size_t i = 0; i < names->count; i++) {
        names->items[i]->is_asked = false;
        names->items[i]->is_used = false;
        names->items[i]->due_ms = 0;
    }
    backend_registry_visit(names->settings.registry, note_names, names);
    (void)publish(names, NULL);
    /* Names of the hosts file are answered before this returns. */
    on_timer(names);
}

struct backend_names *backend_names_create(const struct backend_names_settings *settings)
{
    struct backend_names *names = memory_allocate(sizeof(*names));

    names->settings = *settings;
    names->timer = timer_create_on(settings->loop, on_timer, names);
    return names;
}

void backend_names_destroy(struct backend_names *names)
{
    if (names == NULL)
        return;
    resolver_destroy(names->resolver);
    timer_destroy(names->timer);
    for (size_t i = 0; i < names->count; i++)
        destroy_name(names->items[i]);
    memory_release(names->items);
    memory_release(names);
}

/* ---- counting ---- */

static void add_left_out(void *context, struct backend_pool *pool)
{
    size_t *total = context;

    *total += backend_pool_left_out(pool);
}

void backend_names_count(struct backend_names *names, struct backend_names_counts *counts)
{
    *counts = (struct backend_names_counts){
        .changes = names->changes, .names = names->count, .running = names->running};
    memcpy(counts->answers, names->answers, sizeof(names->answers));
    for (size_t i = 0; i < names->count; i++) {
        const struct name *name = names->items[i];

        counts->left_out += name->left_out;
        if (name->count == 0)
            counts->unresolved++;
        else if (name->outcome != RESOLVER_FOUND)
            counts->stale++;
    }
    backend_registry_visit(names->settings.registry, add_left_out, &counts->left_out);
}
