/* SPDX-License-Identifier: Apache-2.0
 *
 * One worker's connections to backends: which station a request goes to, which connections wait to
 * be used again, and who waits for one. When every connection that may be open is busy, a request
 * waits in the queue of its pool as a connection without a socket, which it is given when there is
 * one.
 */
#include <assert.h>

#include "gateway/backend/backend_internal.h"
#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/pool.h"
#include "runtime/timer.h"

enum { BLOCKS_SPARE = 64, SWEEP_MS = 5000 };

/* ---- health ---- */

static void report_health(struct backend_connection *connection, bool is_ejected, uint64_t for_ms)
{
    const struct backend_worker_settings *settings = &connection->worker->settings;
    const struct backend_group *group = connection->group;
    struct backend_health_event event = {
        .backend = group->pool->settings->name,
        .endpoint = group->pool->settings->endpoints[connection->station->target.endpoint].url,
        .address = connection->station->target.text,
        .is_ejected = is_ejected,
        .for_ms = for_ms,
    };

    if (settings->on_health != NULL)
        settings->on_health(settings->context, &event);
}

void backend_worker_note_success(struct backend_connection *connection)
{
    if (backend_facts_succeeded(connection->station->target.facts))
        report_health(connection, false, 0);
}

/* May one more be ejected? Under the lock, so that two workers do not agree on all of them. */
static bool leaves_enough(const struct backend_pool *pool, uint64_t now_ms)
{
    const struct backend_targets *targets = pool->targets;
    size_t ejected = 0;
    size_t allowed = targets->count * pool->settings->ejection.share_max / 100;

    if (targets->count < 2 || pool->settings->ejection.share_max == 0)
        return false;
    for (size_t i = 0; i < targets->count; i++) {
        if (backend_facts_is_ejected(targets->items[i].facts, now_ms))
            ejected++;
    }
    return ejected < (allowed == 0 ? 1 : allowed);
}

void backend_worker_note_failure(struct backend_connection *connection)
{
    struct backend_pool *pool = connection->group->pool;
    struct backend_facts *facts = connection->station->target.facts;
    uint64_t now_ms = event_loop_now_ms(connection->worker->loop);
    uint64_t for_ms = 0;

    if (!backend_facts_failed(facts, pool->settings))
        return;
    pthread_mutex_lock(&pool->lock);
    if (!backend_facts_is_ejected(facts, now_ms) && leaves_enough(pool, now_ms))
        for_ms = backend_facts_eject(facts, pool->settings, now_ms);
    pthread_mutex_unlock(&pool->lock);
    if (for_ms > 0)
        report_health(connection, true, for_ms);
}

void backend_worker_note_connect_failure(struct backend_connection *connection)
{
    backend_counter_add(&connection->station->counters->connect_failures, 1);
    backend_worker_note_failure(connection);
}

/* ---- closing ---- */

static void end_station(struct backend_station *station)
{
    tls_client_session_release(station->session);
    backend_facts_release(station->target.facts);
    memory_release(station);
}

/* For the next connection to the same address. */
static void keep_session(struct backend_connection *connection)
{
    struct tls_client_session *session;

    if (connection->transport.tls == NULL)
        return;
    session = tls_client_take_session(connection->transport.tls);
    if (session == NULL)
        return;
    tls_client_session_release(connection->station->session);
    connection->station->session = session;
}

/* In the loop's next turn: nobody is called from inside another's. */
static void wake_waiting(const struct backend_group *group)
{
    if (!list_is_empty(&group->waiting))
        timer_start(group->worker->dispatch, 0);
}

static void leave_queue(struct backend_connection *connection)
{
    list_remove(&connection->group->waiting, &connection->link);
    atomic_fetch_sub_explicit(&connection->group->pool->waiting, 1, memory_order_relaxed);
}

static void leave_station(struct backend_connection *connection)
{
    struct backend_station *station = connection->station;

    station->open--;
    backend_counter_subtract(&station->counters->open, 1);
    if (station->is_retired && station->open == 0)
        end_station(station);
    else
        wake_waiting(connection->group);
}

void backend_worker_close(struct backend_connection *connection)
{
    struct backend_worker *worker = connection->worker;

    if (worker->output_owner == connection)
        worker->output_owner = NULL;
    if (connection->phase == PHASE_WAITING)
        leave_queue(connection);
    if (connection->watch != NULL) {
        keep_session(connection);
        event_watch_destroy(connection->watch);
        backend_transport_close(&connection->transport);
        leave_station(connection);
    }
    pool_release(worker->blocks, connection->block);
    memory_release(connection->tail);
    memory_release(connection->aside);
    memory_release(connection);
}

static void leave_idle(struct backend_connection *connection)
{
    list_remove(&connection->station->idle, &connection->link);
    backend_counter_subtract(&connection->station->counters->idle, 1);
    connection->worker->idle_count--;
}

static void close_idle(struct backend_connection *connection)
{
    leave_idle(connection);
    backend_worker_close(connection);
}

/* The station may be gone afterwards. */
static void close_all_idle(struct backend_station *station)
{
    size_t count = station->idle.count;

    for (size_t i = 0; i < count; i++)
        close_idle(LIST_ITEM(list_first(&station->idle), struct backend_connection, link));
}

/* ---- stations ---- */

static void retire_station(struct backend_station *station)
{
    station->is_retired = true;
    if (station->open == 0)
        end_station(station);
    else
        close_all_idle(station);
}

/* NULL: there is no memory. */
static struct backend_station *make_station(struct backend_group *group,
                                            const struct backend_target *target)
{
    struct backend_station *station = memory_try_allocate(sizeof(*station));

    if (station == NULL)
        return NULL;
    station->group = group;
    station->target = *target;
    (void)backend_facts_share(target->facts);
    station->endpoint = &group->pool->endpoints[target->endpoint];
    station->counters = backend_facts_counters(target->facts, group->worker->settings.index);
    list_init(&station->idle);
    return station;
}

/* The station of this target, which then is no longer among those of before. */
static struct backend_station *take_station(struct backend_station **stations, size_t count,
                                            const struct backend_target *target)
{
    for (size_t i = 0; i < count; i++) {
        struct backend_station *station = stations[i];

        if (station != NULL && station->target.facts == target->facts) {
            stations[i] = NULL;
            return station;
        }
    }
    return NULL;
}

/* False: without memory for all, only those are there for which there was some. */
static bool set_stations(struct backend_group *group, const struct backend_targets *targets)
{
    struct backend_station **before = group->stations;
    size_t count_before = group->station_count;
    size_t count = targets == NULL ? 0 : targets->count;
    struct backend_station **after =
        count == 0 ? NULL : memory_try_allocate_array(count, sizeof(struct backend_station *));
    size_t made = 0;

    if (count > 0 && after == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct backend_station *station = take_station(before, count_before, &targets->items[i]);

        if (station == NULL) {
            station = make_station(group, &targets->items[i]);
            if (station == NULL)
                continue;
            /* So that not every worker begins with the first. */
            station->turn = i == group->worker->settings.index % count ? 1 : 0;
        }
        after[made++] = station;
    }
    group->stations = after;
    group->station_count = made;
    for (size_t i = 0; i < count_before; i++) {
        if (before[i] != NULL)
            retire_station(before[i]);
    }
    memory_release(before);
    return made == count;
}

/* Of no pool's targets. */
#define NO_VERSION SIZE_MAX

/* Looks whether the pool's addresses have changed. */
static void refresh(struct backend_group *group, struct backend_pool *pool)
{
    size_t version = atomic_load_explicit(&pool->version, memory_order_acquire);
    struct backend_targets *targets;

    if (group->pool == pool && group->version == version)
        return;
    /* Another pool has taken the place: nothing of the one before is shared. */
    if (group->pool != pool)
        (void)set_stations(group, NULL);
    group->pool = pool;
    targets = backend_pool_targets(pool);
    /* What could not be made is tried again. */
    group->version = set_stations(group, targets) ? version : NO_VERSION;
    backend_targets_release(targets);
    wake_waiting(group);
}

/* ---- events ---- */

/* A byte that nobody asked for would be taken for the next answer, so the loop's word, which may
 * come later, is not waited for. */
static bool is_quiet(struct backend_connection *connection)
{
    return backend_transport_is_quiet(&connection->transport, clock_wall_seconds());
}

/* A connection that waits to be used has nothing to say: it was closed, or the backend sends what
 * nobody asked for. With TLS it may be a session for the next one. */
static void on_idle_event(struct backend_connection *connection)
{
    if (connection->transport.tls == NULL || !is_quiet(connection) ||
        backend_transport_end_turn(&connection->transport) != BACKEND_IO_DONE) {
        close_idle(connection);
        return;
    }
    keep_session(connection);
}

static void on_event(void *context, unsigned ready)
{
    struct backend_connection *connection = context;

    (void)ready;
    if (connection->phase == PHASE_IDLE) {
        on_idle_event(connection);
        return;
    }
    connection->ready(connection->owner);
}

/* Idle connections are looked at now and then, more often where they are not kept for long. */
static void start_sweep(struct backend_worker *worker, uint64_t idle_ms)
{
    timer_start(worker->sweep, idle_ms < SWEEP_MS ? idle_ms : SWEEP_MS);
}

/* True: some are left. */
static bool sweep_station(struct backend_station *station, uint64_t now)
{
    size_t count = station->idle.count;

    for (size_t i = 0; i < count; i++) {
        struct backend_connection *oldest =
            LIST_ITEM(list_last(&station->idle), struct backend_connection, link);

        if (now - oldest->idle_since_ms < station->group->pool->settings->idle_ms)
            return true;
        close_idle(oldest);
    }
    return false;
}

static void on_sweep(void *context)
{
    struct backend_worker *worker = context;
    uint64_t now = event_loop_now_ms(worker->loop);
    uint64_t hastiest = UINT64_MAX;

    for (size_t i = 0; i < worker->group_count; i++) {
        const struct backend_group *group = worker->groups[i];

        for (size_t j = 0; j < group->station_count; j++) {
            if (sweep_station(group->stations[j], now) && group->pool->settings->idle_ms < hastiest)
                hastiest = group->pool->settings->idle_ms;
        }
    }
    if (hastiest != UINT64_MAX)
        start_sweep(worker, hastiest);
}

/* ---- opening ---- */

static bool open_transport(struct backend_connection *connection, struct backend_station *station,
                           struct backend_failure *failure)
{
    struct backend_worker *worker = connection->worker;
    const struct backend_endpoint *endpoint = station->endpoint;

    if (!endpoint->is_tls)
        return backend_transport_open(&connection->transport, &station->target.address, NULL, NULL,
                                      NULL, NULL, failure);
    if (worker->turn == NULL)
        worker->turn = tls_turn_try_create();
    if (worker->turn == NULL) {
        *failure = (struct backend_failure){REASON_BUDGET_EXCEEDED, "no memory for TLS"};
        return false;
    }
    return backend_transport_open(&connection->transport, &station->target.address, worker->turn,
                                  connection->group->pool->profile, endpoint->host,
                                  station->session, failure);
}

/* A socket for a connection that has none. */
static bool open_at(struct backend_connection *connection, struct backend_station *station,
                    struct backend_failure *failure)
{
    connection->station = station;
    connection->attempts->tried[connection->attempts->tried_count++] = station->target.facts;
    if (!open_transport(connection, station, failure)) {
        backend_worker_note_connect_failure(connection);
        connection->station = NULL;
        return false;
    }
    connection->watch = event_watch_try_create(connection->worker->loop, connection->transport.fd,
                                               on_event, connection);
    if (connection->watch == NULL) {
        backend_transport_close(&connection->transport);
        connection->station = NULL;
        *failure = (struct backend_failure){REASON_BUDGET_EXCEEDED, "no memory for a connection"};
        return false;
    }
    connection->phase = PHASE_OPENING;
    event_watch_set(connection->watch, EVENT_WRITABLE);
    station->open++;
    backend_counter_add(&station->counters->open, 1);
    return true;
}

static struct backend_connection *take_idle(struct backend_station *station)
{
    size_t count = station->idle.count;

    for (size_t i = 0; i < count; i++) {
        struct backend_connection *connection =
            LIST_ITEM(list_first(&station->idle), struct backend_connection, link);

        if (!is_quiet(connection)) {
            close_idle(connection);
            continue;
        }
        leave_idle(connection);
        connection->phase = PHASE_BUSY;
        connection->is_reused = true;
        return connection;
    }
    return NULL;
}

/* ---- the queue ---- */

/* One that waits takes over the socket of one that is idle. */
static void take_over(struct backend_connection *waiting, struct backend_connection *idle)
{
    waiting->station = idle->station;
    waiting->transport = idle->transport;
    waiting->watch = idle->watch;
    waiting->source_port = idle->source_port;
    waiting->phase = PHASE_BUSY;
    waiting->is_reused = true;
    event_watch_set_callback(waiting->watch, on_event, waiting);
    idle->watch = NULL;
    idle->transport.tls = NULL;
    backend_worker_close(idle);
}

/* No address is known, and none can be had by waiting. The version tells whether the last answer
 * came between the look at the addresses and this one; then the worker is about to look again. */
static bool is_unresolved(const struct backend_group *group)
{
    return group->station_count == 0 && atomic_load(&group->pool->unanswered) == 0 &&
           atomic_load(&group->pool->version) == group->version;
}

static bool is_still_resolving(const struct backend_group *group)
{
    return group->station_count == 0 && !is_unresolved(group);
}

static const struct backend_failure nothing_left = {REASON_NONE, NULL};
static const struct backend_failure unresolved = {REASON_BACKEND_UNRESOLVED, "no address is known"};

/* False: it has to wait on. */
static bool serve_waiting(struct backend_connection *connection)
{
    struct backend_group *group = connection->group;
    struct backend_connection *idle = NULL;
    struct backend_station *station;
    bool is_full;

    if (is_still_resolving(group))
        return false;
    station = backend_balance_choose(group, connection->attempts,
                                     event_loop_now_ms(connection->worker->loop), &is_full);
    if (station == NULL && is_full)
        return false;
    leave_queue(connection);
    if (station != NULL && connection->attempts->count == 1)
        idle = take_idle(station);
    if (idle != NULL) {
        take_over(connection, idle);
    } else if (station == NULL || !open_at(connection, station, &connection->failure)) {
        connection->phase = PHASE_BROKEN;
        if (station == NULL)
            connection->failure = is_unresolved(group) ? unresolved : nothing_left;
    }
    return true;
}

static void dispatch_group(struct backend_group *group)
{
    refresh(group, group->pool);
    while (!list_is_empty(&group->waiting)) {
        struct backend_connection *connection =
            LIST_ITEM(list_first(&group->waiting), struct backend_connection, link);

        if (!serve_waiting(connection))
            return;
        connection->ready(connection->owner);
    }
}

static void on_dispatch(void *context)
{
    struct backend_worker *worker = context;

    for (size_t i = 0; i < worker->group_count; i++) {
        if (!list_is_empty(&worker->groups[i]->waiting))
            dispatch_group(worker->groups[i]);
    }
}

/* False: as many wait as may. */
static bool enter_queue(struct backend_connection *connection)
{
    struct backend_group *group = connection->group;

    if (group->waiting.count >= group->pool->settings->queue_max)
        return false;
    connection->phase = PHASE_WAITING;
    list_append(&group->waiting, &connection->link);
    atomic_fetch_add_explicit(&group->pool->waiting, 1, memory_order_relaxed);
    return true;
}

/* ---- acquiring and giving back ---- */

static struct backend_connection *make_connection(struct backend_group *group,
                                                  struct backend_attempts *attempts,
                                                  struct backend_failure *failure)
{
    struct backend_connection *connection = memory_try_allocate(sizeof(*connection));

    if (connection == NULL) {
        *failure = (struct backend_failure){REASON_BUDGET_EXCEEDED, "no memory for a connection"};
        return NULL;
    }
    connection->worker = group->worker;
    connection->group = group;
    connection->attempts = attempts;
    return connection;
}

static struct backend_connection *wait_for_one(struct backend_group *group,
                                               struct backend_attempts *attempts,
                                               struct backend_failure *failure)
{
    struct backend_connection *connection = make_connection(group, attempts, failure);

    if (connection == NULL || enter_queue(connection))
        return connection;
    memory_release(connection);
    *failure = (struct backend_failure){REASON_BACKEND_BUSY, "as many wait as may"};
    return NULL;
}

static struct backend_connection *open_one(struct backend_group *group,
                                           struct backend_station *station,
                                           struct backend_attempts *attempts,
                                           struct backend_failure *failure)
{
    struct backend_connection *connection = make_connection(group, attempts, failure);

    if (connection == NULL || open_at(connection, station, failure))
        return connection;
    memory_release(connection);
    return NULL;
}

static struct backend_connection *find_one(struct backend_group *group,
                                           struct backend_attempts *attempts,
                                           struct backend_failure *failure)
{
    struct backend_connection *connection = NULL;
    struct backend_station *station;
    bool is_full;

    *failure = (struct backend_failure){REASON_NONE, NULL};
    if (attempts->count >= BACKEND_ATTEMPTS_MAX)
        return NULL;
    attempts->count++;
    if (is_unresolved(group)) {
        *failure = unresolved;
        return NULL;
    }
    /* Who came first is served first. */
    if (!list_is_empty(&group->waiting) || is_still_resolving(group))
        return wait_for_one(group, attempts, failure);
    station =
        backend_balance_choose(group, attempts, event_loop_now_ms(group->worker->loop), &is_full);
    if (station == NULL)
        return is_full ? wait_for_one(group, attempts, failure) : NULL;
    if (attempts->count == 1)
        connection = take_idle(station);
    return connection != NULL ? connection : open_one(group, station, attempts, failure);
}

/* Groups stay where they are in memory: connections are in their lists. */
static void add_groups(struct backend_worker *worker, size_t count)
{
    if (count <= worker->group_count)
        return;
    worker->groups = memory_resize(worker->groups, count * sizeof(struct backend_group *));
    for (size_t i = worker->group_count; i < count; i++) {
        worker->groups[i] = memory_allocate(sizeof(struct backend_group));
        worker->groups[i]->worker = worker;
        list_init(&worker->groups[i]->waiting);
    }
    worker->group_count = count;
}

struct backend_connection *backend_worker_acquire(struct backend_worker *worker,
                                                  struct backend_pool *pool,
                                                  struct backend_attempts *attempts,
                                                  backend_ready *ready, void *owner,
                                                  struct backend_failure *failure)
{
    struct backend_connection *connection;

    add_groups(worker, pool->index + 1);
    refresh(worker->groups[pool->index], pool);
    connection = find_one(worker->groups[pool->index], attempts, failure);
    if (connection == NULL)
        return NULL;
    connection->ready = ready;
    connection->owner = owner;
    connection->attempts = attempts;
    return connection;
}

void backend_worker_give_back(struct backend_connection *connection)
{
    struct backend_worker *worker = connection->worker;
    struct backend_station *station = connection->station;

    if (station->is_retired || connection->group->is_retired ||
        (station->idle.count >= connection->group->pool->settings->idle_max &&
         list_is_empty(&connection->group->waiting)) ||
        backend_transport_end_turn(&connection->transport) != BACKEND_IO_DONE) {
        backend_worker_close(connection);
        return;
    }
    keep_session(connection);
    pool_release(worker->blocks, connection->block);
    connection->block = NULL;
    memory_release(connection->aside);
    connection->aside = NULL;
    connection->phase = PHASE_IDLE;
    connection->owner = NULL;
    connection->attempts = NULL;
    connection->idle_since_ms = event_loop_now_ms(worker->loop);
    event_watch_set(connection->watch, EVENT_READABLE);
    list_prepend(&station->idle, &connection->link);
    backend_counter_add(&station->counters->idle, 1);
    worker->idle_count++;
    wake_waiting(connection->group);
    if (!timer_is_running(worker->sweep))
        start_sweep(worker, connection->group->pool->settings->idle_ms);
}

/* ---- the worker ---- */

/* The pool that had the place before is gone, if it is another. */
static void renew_group(struct backend_group *group, struct backend_pool *pool)
{
    group->is_retired = false;
    if (group->pool == pool)
        return;
    set_stations(group, NULL);
    group->pool = NULL;
    group->version = 0;
}

void backend_worker_keep(struct backend_worker *worker, struct backend_pool *const *pools,
                         size_t count)
{
    for (size_t i = 0; i < worker->group_count; i++)
        worker->groups[i]->is_retired = true;
    for (size_t i = 0; i < count; i++) {
        add_groups(worker, pools[i]->index + 1);
        renew_group(worker->groups[pools[i]->index], pools[i]);
    }
    for (size_t i = 0; i < worker->group_count; i++) {
        struct backend_group *group = worker->groups[i];

        if (!group->is_retired)
            continue;
        set_stations(group, NULL);
        group->version = 0;
    }
}

void backend_worker_look_again(struct backend_worker *worker)
{
    for (size_t i = 0; i < worker->group_count; i++) {
        struct backend_group *group = worker->groups[i];

        /* A pool that no generation of today has may be gone, unless somebody waits for it. */
        if (!group->is_retired && group->pool != NULL)
            refresh(group, group->pool);
        wake_waiting(group);
    }
}

struct backend_worker *backend_worker_create(struct event_loop *loop,
                                             const struct backend_worker_settings *settings)
{
    struct backend_worker *worker = memory_allocate(sizeof(*worker));

    worker->loop = loop;
    worker->settings = *settings;
    add_groups(worker, settings->pools);
    worker->blocks =
        pool_create(BACKEND_HEADER_BYTES_MAX + BACKEND_HEAD_SLACK_BYTES + BACKEND_ARENA_BYTES,
                    SIZE_MAX, BLOCKS_SPARE);
    worker->sweep = timer_create_on(loop, on_sweep, worker);
    worker->dispatch = timer_create_on(loop, on_dispatch, worker);
    worker->output = memory_require(memory_try_allocate_bulk(BACKEND_OUTPUT_BYTES));
    worker->content = memory_require(memory_try_allocate_bulk(BACKEND_CONTENT_BYTES));
    return worker;
}

static void destroy_group(struct backend_group *group)
{
    for (size_t i = 0; i < group->station_count; i++) {
        close_all_idle(group->stations[i]);
        assert(group->stations[i]->open == 0);
        end_station(group->stations[i]);
    }
    assert(list_is_empty(&group->waiting));
    memory_release(group->stations);
    memory_release(group);
}

void backend_worker_destroy(struct backend_worker *worker)
{
    if (worker == NULL)
        return;
    for (size_t i = 0; i < worker->group_count; i++)
        destroy_group(worker->groups[i]);
    timer_destroy(worker->sweep);
    timer_destroy(worker->dispatch);
    pool_destroy(worker->blocks);
    memory_release_bulk(worker->output);
    memory_release_bulk(worker->content);
    tls_turn_destroy(worker->turn);
    memory_release(worker->groups);
    memory_release(worker);
}

void backend_worker_set_limits(struct backend_worker *worker, size_t response_header_bytes,
                               size_t response_header_count)
{
    assert(response_header_bytes <= BACKEND_HEADER_BYTES_MAX);
    worker->settings.response_header_bytes = response_header_bytes;
    worker->settings.response_header_count = response_header_count;
}

void backend_worker_set_trailer_limits(struct backend_worker *worker, size_t bytes, size_t count)
{
    assert(bytes + count <= BACKEND_TRAILER_BYTES_MAX);
    worker->settings.trailer_bytes = bytes;
    worker->settings.trailer_count = count;
}

size_t backend_worker_idle(const struct backend_worker *worker)
{
    return worker->idle_count;
}
