/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections to backends over HTTP/1.1, one worker's. What is sent is collected in memory of the
 * worker and leaves with one call at the end of a turn; what the socket did not take waits in the
 * connection, and until it is gone there is no room for more. The answer's head is read into a
 * block that the connection holds only while an answer is under way; content is read into the
 * worker's memory and handed on from there.
 */
#include <assert.h>

#include "gateway/backend/backend_internal.h"
#include "gateway/backend/backend_transport_internal.h"
#include "protocol/http/http_chunked.h"
#include "protocol/http/http_read.h"
#include "protocol/http/http_trailer.h"
#include "protocol/http/http_write.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/clock.h"
#include "runtime/list.h"
#include "runtime/memory.h"
#include "runtime/pool.h"
#include "runtime/timer.h"

enum {
    OUTPUT_BYTES = 192 * 1024,        /* collected in one turn, head included */
    OUTPUT_CONTENT_BYTES = 64 * 1024, /* offered as room for content */
    CONTENT_BYTES = 256 * 1024,       /* read in one turn */
    HEAD_SLACK_BYTES = 16 * 1024,     /* content that may come along with a head */
    ARENA_BYTES = 60 * 1024,          /* for the fields of a head, and the trailers, as many as can
                                         be configured */
    BLOCKS_SPARE = 64,
    SWEEP_MS = 5000
};

struct backend_group {
    bool is_retired;  /* no generation of today has the pool */
    struct list idle; /* most recently used first */
    size_t open;
    size_t next_address;
    struct tls_client_session **sessions; /* by address; NULL: no endpoint speaks TLS */
    size_t session_count;
};

struct backend_worker {
    struct event_loop *loop;
    struct backend_worker_settings settings;
    struct backend_group **groups; /* by the place of a pool */
    size_t group_count;
    struct pool *blocks;
    struct timer *sweep;
    size_t idle_count;
    char *output; /* OUTPUT_BYTES, of the connection whose turn it is */
    const struct backend_connection *output_owner;
    char *content;         /* CONTENT_BYTES */
    struct tls_turn *turn; /* NULL until a backend speaks TLS */
};

enum connection_phase { PHASE_OPENING, PHASE_IDLE, PHASE_BUSY, PHASE_BROKEN };

struct backend_connection {
    struct list_link link;
    struct backend_worker *worker;
    const struct backend_pool *pool;
    size_t address; /* its place in the pool */
    struct event_watch *watch;
    struct backend_transport transport;
    enum connection_phase phase;
    bool is_reused;
    bool has_answered;
    bool has_sent;    /* something of the request has left */
    bool is_sent;     /* the request, to its end */
    bool is_complete; /* the answer, to its end */
    bool send_failed;
    uint64_t idle_since_ms;
    backend_ready *ready;
    void *owner;

    struct buffer
        output; /* in the worker's memory during a turn, else the heap: what is left to send */
    char *tail;

    enum http_framing request_framing;
    bool is_head;

    char *block;        /* of the worker's pool while an answer is read */
    struct buffer head; /* in the block */
    struct arena arena; /* in the block */
    struct http_read_progress progress;
    struct http_response response;
    struct slice input; /* received, not handed on yet: in the block, the worker's content memory,
                           or `aside` */
    char *aside;
    struct http_chunked chunked;
    struct http_fields trailers; /* of the answer, once it is complete; in the arena */
    uint64_t left;
    char endpoint[SOCKET_ADDRESS_TEXT_SIZE];
    uint16_t source_port; /* 0: nobody has asked for it */
};

enum { CHUNK_EXTENSION_BYTES_MAX = 4096 };

static struct backend_group *group_of(const struct backend_connection *connection)
{
    return connection->worker->groups[connection->pool->index];
}

/* ---- opening and closing ----------------------------------------------------------------------
 */

/* For the next connection to the same address. */
static void keep_session(struct backend_connection *connection)
{
    struct backend_group *group = group_of(connection);
    struct tls_client_session *session;

    if (connection->transport.tls == NULL)
        return;
    session = tls_client_take_session(connection->transport.tls);
    if (session == NULL)
        return;
    tls_client_session_release(group->sessions[connection->address]);
    group->sessions[connection->address] = session;
}

static void close_connection(struct backend_connection *connection)
{
    struct backend_worker *worker = connection->worker;

    if (worker->output_owner == connection)
        worker->output_owner = NULL;
    keep_session(connection);
    event_watch_destroy(connection->watch);
    backend_transport_close(&connection->transport);
    group_of(connection)->open--;
    pool_release(worker->blocks, connection->block);
    memory_release(connection->tail);
    memory_release(connection->aside);
    memory_release(connection);
}

static void close_idle(struct backend_connection *connection)
{
    list_remove(&group_of(connection)->idle, &connection->link);
    connection->worker->idle_count--;
    close_connection(connection);
}

/* A byte that nobody asked for would be taken for the next answer, so the loop's word, which may
 * come later, is not waited for. */
static bool is_quiet(struct backend_connection *connection)
{
    return backend_transport_is_quiet(&connection->transport, clock_wall_seconds());
}

/* A connection that waits in the pool has nothing to say: it was closed, or the backend sends what
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
static void start_sweep(struct backend_worker *worker, const struct backend_pool *pool)
{
    uint64_t idle_ms = pool->settings->idle_ms;

    timer_start(worker->sweep, idle_ms < SWEEP_MS ? idle_ms : SWEEP_MS);
}

static void on_sweep(void *context)
{
    struct backend_worker *worker = context;
    uint64_t now = event_loop_now_ms(worker->loop);
    const struct backend_pool *hastiest = NULL;

    for (size_t i = 0; i < worker->group_count; i++) {
        struct list_link *link = list_last(&worker->groups[i]->idle);

        while (link != NULL) {
            struct backend_connection *connection =
                LIST_ITEM(link, struct backend_connection, link);

            if (now - connection->idle_since_ms < connection->pool->settings->idle_ms) {
                if (hastiest == NULL ||
                    connection->pool->settings->idle_ms < hastiest->settings->idle_ms)
                    hastiest = connection->pool;
                break;
            }
            close_idle(connection);
            link = list_last(&worker->groups[i]->idle);
        }
    }
    if (hastiest != NULL)
        start_sweep(worker, hastiest);
}

/* Groups stay where they are in memory: connections are in their lists. */
static void add_groups(struct backend_worker *worker, size_t count)
{
    if (count <= worker->group_count)
        return;
    worker->groups = memory_resize(worker->groups, count * sizeof(struct backend_group *));
    for (size_t i = worker->group_count; i < count; i++) {
        worker->groups[i] = memory_allocate(sizeof(struct backend_group));
        list_init(&worker->groups[i]->idle);
    }
    worker->group_count = count;
}

static void forget_sessions(struct backend_group *group)
{
    for (size_t i = 0; i < group->session_count; i++)
        tls_client_session_release(group->sessions[i]);
    memory_release(group->sessions);
    group->sessions = NULL;
    group->session_count = 0;
}

static void close_all_idle(struct backend_group *group)
{
    while (!list_is_empty(&group->idle))
        close_idle(LIST_ITEM(list_first(&group->idle), struct backend_connection, link));
}

void backend_worker_keep(struct backend_worker *worker, struct backend_pool *const *pools,
                         size_t count)
{
    for (size_t i = 0; i < worker->group_count; i++)
        worker->groups[i]->is_retired = true;
    for (size_t i = 0; i < count; i++) {
        add_groups(worker, pools[i]->index + 1);
        worker->groups[pools[i]->index]->is_retired = false;
    }
    for (size_t i = 0; i < worker->group_count; i++) {
        if (worker->groups[i]->is_retired)
            close_all_idle(worker->groups[i]);
    }
}

struct backend_worker *backend_worker_create(struct event_loop *loop,
                                             const struct backend_worker_settings *settings)
{
    struct backend_worker *worker = memory_allocate(sizeof(*worker));

    worker->loop = loop;
    worker->settings = *settings;
    add_groups(worker, settings->pools);
    worker->blocks = pool_create(BACKEND_HEADER_BYTES_MAX + HEAD_SLACK_BYTES + ARENA_BYTES,
                                 SIZE_MAX, BLOCKS_SPARE);
    worker->sweep = timer_create_on(loop, on_sweep, worker);
    worker->output = memory_allocate(OUTPUT_BYTES);
    worker->content = memory_allocate(CONTENT_BYTES);
    return worker;
}

void backend_worker_destroy(struct backend_worker *worker)
{
    if (worker == NULL)
        return;
    for (size_t i = 0; i < worker->group_count; i++) {
        close_all_idle(worker->groups[i]);
        assert(worker->groups[i]->open == 0);
        forget_sessions(worker->groups[i]);
        memory_release(worker->groups[i]);
    }
    timer_destroy(worker->sweep);
    pool_destroy(worker->blocks);
    memory_release(worker->output);
    memory_release(worker->content);
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

static struct backend_connection *take_idle(struct backend_worker *worker,
                                            const struct backend_pool *pool)
{
    struct backend_group *group = worker->groups[pool->index];

    while (!list_is_empty(&group->idle)) {
        struct backend_connection *connection =
            LIST_ITEM(list_first(&group->idle), struct backend_connection, link);

        if (!is_quiet(connection)) {
            close_idle(connection);
            continue;
        }
        list_remove(&group->idle, &connection->link);
        worker->idle_count--;
        connection->phase = PHASE_BUSY;
        connection->is_reused = true;
        return connection;
    }
    return NULL;
}

static bool open_transport(struct backend_worker *worker, const struct backend_pool *pool,
                           size_t address, struct backend_transport *transport,
                           struct backend_failure *failure)
{
    struct backend_group *group = worker->groups[pool->index];
    const struct backend_endpoint *endpoint = &pool->endpoints[pool->endpoint_of[address]];

    if (!endpoint->is_tls)
        return backend_transport_open(transport, &pool->addresses[address], NULL, NULL, NULL, NULL,
                                      failure);
    if (worker->turn == NULL)
        worker->turn = tls_turn_create();
    if (group->sessions == NULL) {
        group->session_count = pool->address_count;
        group->sessions =
            memory_allocate_array(pool->address_count, sizeof(struct tls_client_session *));
    }
    return backend_transport_open(transport, &pool->addresses[address], worker->turn, pool->profile,
                                  endpoint->host, group->sessions[address], failure);
}

static struct backend_connection *open_connection(struct backend_worker *worker,
                                                  const struct backend_pool *pool,
                                                  struct backend_failure *failure)
{
    struct backend_group *group = worker->groups[pool->index];
    size_t address = group->next_address++ % pool->address_count;
    struct backend_connection *connection;
    struct backend_transport transport;

    if (group->open >= pool->settings->connections_max) {
        *failure = (struct backend_failure){REASON_BACKEND_BUSY, NULL};
        return NULL;
    }
    if (!open_transport(worker, pool, address, &transport, failure))
        return NULL;
    connection = memory_allocate(sizeof(*connection));
    connection->worker = worker;
    connection->pool = pool;
    connection->address = address;
    connection->transport = transport;
    connection->phase = PHASE_OPENING;
    connection->watch = event_watch_create(worker->loop, transport.fd, on_event, connection);
    socket_address_format(&pool->addresses[address], connection->endpoint);
    event_watch_set(connection->watch, EVENT_WRITABLE);
    group->open++;
    return connection;
}

static struct backend_connection *http1_acquire(struct backend_worker *worker,
                                                const struct backend_pool *pool, size_t attempt,
                                                backend_ready *ready, void *owner,
                                                struct backend_failure *failure)
{
    struct backend_connection *connection;

    add_groups(worker, pool->index + 1);
    connection = attempt == 0 ? take_idle(worker, pool) : NULL;
    if (connection == NULL)
        connection = open_connection(worker, pool, failure);
    if (connection == NULL)
        return NULL;
    connection->ready = ready;
    connection->owner = owner;
    connection->has_answered = false;
    connection->is_sent = false;
    connection->is_complete = false;
    connection->trailers = (struct http_fields){NULL, 0};
    return connection;
}

static enum backend_io http1_connected(struct backend_connection *connection,
                                       struct backend_failure *failure)
{
    enum backend_io io;

    if (connection->phase != PHASE_OPENING)
        return BACKEND_IO_DONE;
    io = backend_transport_connected(&connection->transport, failure);
    if (io == BACKEND_IO_DONE)
        connection->phase = PHASE_BUSY;
    else if (io != BACKEND_IO_WAIT)
        connection->phase = PHASE_BROKEN;
    return io;
}

static bool http1_is_reused(const struct backend_connection *connection)
{
    return connection->is_reused;
}

static struct slice http1_endpoint(const struct backend_connection *connection)
{
    return slice_from_text(connection->endpoint);
}

static uint16_t http1_source_port(struct backend_connection *connection)
{
    struct socket_address local;

    if (connection->source_port == 0 && socket_local_address(connection->transport.fd, &local))
        connection->source_port = socket_address_port(&local);
    return connection->source_port;
}

static bool http1_has_answered(const struct backend_connection *connection)
{
    return connection->has_answered;
}

/* ---- sending ----------------------------------------------------------------------------------
 */

static bool waits_to_send(const struct backend_connection *connection)
{
    return connection->tail != NULL || backend_transport_has_tail(&connection->transport);
}

/* Collecting begins with the first write of a turn. One connection at a time uses the memory. */
static void begin_output(struct backend_connection *connection)
{
    struct backend_worker *worker = connection->worker;

    if (worker->output_owner == connection)
        return;
    assert(worker->output_owner == NULL);
    assert(connection->tail == NULL);
    worker->output_owner = connection;
    buffer_init(&connection->output, worker->output, OUTPUT_BYTES);
}

static void collect(struct backend_connection *connection, struct slice bytes)
{
    bool fits;

    begin_output(connection);
    fits = buffer_append(&connection->output, bytes);
    assert(fits); /* the callers stay within room() and the head's own limit */
}

static void http1_send_head(struct backend_connection *connection, struct slice head,
                            enum http_framing framing, bool is_head)
{
    assert(connection->phase == PHASE_BUSY);
    connection->request_framing = framing;
    connection->is_head = is_head;
    connection->has_sent = false;
    connection->progress = (struct http_read_progress){0};
    connection->input = (struct slice){NULL, 0};
    collect(connection, head);
}

static size_t http1_room(const struct backend_connection *connection)
{
    size_t used = 0;

    if (waits_to_send(connection) || connection->send_failed)
        return 0;
    if (connection->worker->output_owner == connection)
        used = buffer_readable(&connection->output).size;
    return used >= OUTPUT_CONTENT_BYTES ? 0 : OUTPUT_CONTENT_BYTES - used;
}

static void http1_send_content(struct backend_connection *connection, struct slice content)
{
    char size_line[HTTP_CHUNK_HEAD_SIZE_MAX];

    if (connection->request_framing != HTTP_FRAMING_CHUNKED) {
        collect(connection, content);
        return;
    }
    collect(connection, slice_from(size_line, http_write_chunk_head(size_line, content.size)));
    collect(connection, content);
    collect(connection, SLICE("\r\n"));
}

static void http1_send_end(struct backend_connection *connection, struct slice trailers)
{
    if (connection->request_framing == HTTP_FRAMING_CHUNKED) {
        collect(connection, SLICE("0\r\n"));
        collect(connection, trailers);
        collect(connection, SLICE("\r\n"));
    }
    connection->is_sent = true;
}

/* What the socket did not take moves to memory of the connection's own. */
static void keep_unsent(struct backend_connection *connection, struct slice unsent)
{
    char *tail = memory_allocate(unsent.size);

    memcpy(tail, unsent.data, unsent.size);
    memory_release(connection->tail);
    connection->tail = tail;
    buffer_init(&connection->output, tail, unsent.size);
    buffer_wrote(&connection->output, unsent.size);
}

static enum backend_io send_collected(struct backend_connection *connection)
{
    struct backend_worker *worker = connection->worker;
    bool is_owner = worker->output_owner == connection;

    if (!is_owner && !waits_to_send(connection))
        return connection->send_failed ? BACKEND_IO_FAILED : BACKEND_IO_DONE;
    if (is_owner)
        worker->output_owner = NULL;
    connection->has_sent = true;
    while (!slice_is_empty(buffer_readable(&connection->output))) {
        struct socket_result sent =
            backend_transport_write(&connection->transport, buffer_readable(&connection->output));

        if (sent.outcome == SOCKET_AGAIN) {
            if (is_owner)
                keep_unsent(connection, buffer_readable(&connection->output));
            return BACKEND_IO_WAIT;
        }
        if (sent.outcome != SOCKET_DONE) {
            connection->send_failed = true;
            break;
        }
        buffer_consume(&connection->output, sent.count);
    }
    memory_release(connection->tail);
    connection->tail = NULL;
    return connection->send_failed ? BACKEND_IO_FAILED : BACKEND_IO_DONE;
}

/* ---- receiving --------------------------------------------------------------------------------
 */

static void take_block(struct backend_connection *connection)
{
    const size_t head_bytes = BACKEND_HEADER_BYTES_MAX + HEAD_SLACK_BYTES;

    if (connection->block != NULL)
        return;
    connection->block = pool_acquire(connection->worker->blocks);
    buffer_init(&connection->head, connection->block, head_bytes);
    arena_init(&connection->arena, connection->block + head_bytes, ARENA_BYTES);
}

static enum backend_io fail(struct backend_connection *connection, enum reason reason,
                            const char *detail, struct backend_failure *failure)
{
    connection->phase = PHASE_BROKEN;
    *failure =
        backend_transport_explain(&connection->transport, (struct backend_failure){reason, detail});
    return BACKEND_IO_FAILED;
}

/* DONE: something was added to the head's buffer. */
static enum backend_io receive_head_bytes(struct backend_connection *connection,
                                          struct backend_failure *failure)
{
    struct socket_result got = backend_transport_read(
        &connection->transport, buffer_tail(&connection->head), buffer_room(&connection->head));

    switch (got.outcome) {
    case SOCKET_DONE:
        buffer_wrote(&connection->head, got.count);
        connection->has_answered = true;
        return BACKEND_IO_DONE;
    case SOCKET_AGAIN:
        return BACKEND_IO_WAIT;
    case SOCKET_CLOSED:
        return fail(connection, REASON_BACKEND_CLOSED, "closed before the answer's head", failure);
    case SOCKET_FAILED:
        break;
    }
    return fail(connection, REASON_BACKEND_CLOSED, "reset before the answer's head", failure);
}

/* Without memory for them, trailers are read and dropped. */
static void begin_chunks(struct backend_connection *connection)
{
    const struct http_chunked_limits limits = {
        .extension_bytes = CHUNK_EXTENSION_BYTES_MAX,
        .trailer_bytes = connection->worker->settings.trailer_bytes,
    };

    http_chunked_init(&connection->chunked, &limits);
    http_chunked_keep_trailers(
        &connection->chunked,
        arena_allocate(&connection->arena, http_chunked_trailer_room(&limits)));
}

static void begin_content(struct backend_connection *connection)
{
    const struct http_response *response = &connection->response;

    connection->input = buffer_readable(&connection->head);
    connection->left = response->content_length;
    if (response->framing == HTTP_FRAMING_CHUNKED)
        begin_chunks(connection);
}

static enum backend_io http1_read_head(struct backend_connection *connection,
                                       struct http_response *response,
                                       struct backend_failure *failure)
{
    struct http_limits limits = {
        .head_bytes = connection->worker->settings.response_header_bytes,
        .fields = connection->worker->settings.response_header_count,
    };
    bool has_new_bytes;

    /* Nothing was asked yet. */
    if (!connection->has_sent)
        return BACKEND_IO_WAIT;
    take_block(connection);
    /* Nobody looks at an interim response any more: its room is the next one's. */
    arena_reset(&connection->arena);
    buffer_compact(&connection->head);
    has_new_bytes = !slice_is_empty(buffer_readable(&connection->head));
    for (;;) {
        struct http_read read = {.outcome = HTTP_READ_INCOMPLETE};
        enum backend_io io;

        if (has_new_bytes)
            read = http_read_response(buffer_readable(&connection->head), &limits,
                                      &connection->progress, connection->is_head,
                                      &connection->arena, &connection->response);
        if (read.outcome == HTTP_READ_REFUSED)
            return fail(connection, read.reason, read.detail, failure);
        if (read.outcome == HTTP_READ_COMPLETE) {
            connection->progress = (struct http_read_progress){0};
            buffer_consume(&connection->head, read.consumed);
            if (connection->response.status >= 200)
                begin_content(connection);
            *response = connection->response;
            return BACKEND_IO_DONE;
        }
        io = receive_head_bytes(connection, failure);
        if (io != BACKEND_IO_DONE)
            return io;
        has_new_bytes = true;
    }
}

/* DONE: `input` is not empty. END: the backend closed. */
static enum backend_io receive_content_bytes(struct backend_connection *connection, size_t max,
                                             struct backend_failure *failure)
{
    struct socket_result got;

    if (!slice_is_empty(connection->input))
        return BACKEND_IO_DONE;
    memory_release(connection->aside);
    connection->aside = NULL;
    got = backend_transport_read(&connection->transport, connection->worker->content,
                                 max < CONTENT_BYTES ? max : CONTENT_BYTES);
    switch (got.outcome) {
    case SOCKET_DONE:
        connection->input = slice_from(connection->worker->content, got.count);
        return BACKEND_IO_DONE;
    case SOCKET_AGAIN:
        return BACKEND_IO_WAIT;
    case SOCKET_CLOSED:
        return BACKEND_IO_END;
    case SOCKET_FAILED:
        break;
    }
    return fail(connection, REASON_BACKEND_CLOSED, "reset inside the answer's content", failure);
}

static struct slice take_input(struct backend_connection *connection, size_t max)
{
    struct slice taken = slice_first(connection->input, max);

    connection->input = slice_after(connection->input, taken.size);
    return taken;
}

/* What comes behind the last chunk. */
static enum backend_io complete_chunks(struct backend_connection *connection,
                                       struct backend_failure *failure)
{
    const char *problem = http_trailers_read(http_chunked_trailers(&connection->chunked),
                                             connection->worker->settings.trailer_count,
                                             &connection->arena, &connection->trailers);

    if (problem != NULL)
        return fail(connection, REASON_BACKEND_RESPONSE_TOO_LARGE, problem, failure);
    connection->is_complete = true;
    return BACKEND_IO_END;
}

static enum backend_io fail_chunks(struct backend_connection *connection,
                                   struct backend_failure *failure)
{
    if (connection->chunked.is_beyond_limit)
        return fail(connection, REASON_BACKEND_RESPONSE_TOO_LARGE, "chunk extension or trailers",
                    failure);
    return fail(connection, REASON_BACKEND_RESPONSE_MALFORMED, "malformed chunked content",
                failure);
}

static enum backend_io complete(struct backend_connection *connection)
{
    connection->is_complete = true;
    return BACKEND_IO_END;
}

static enum backend_io read_length(struct backend_connection *connection, size_t max,
                                   struct slice *content, struct backend_failure *failure)
{
    enum backend_io io;

    if (connection->left == 0)
        return complete(connection);
    if (max > connection->left)
        max = (size_t)connection->left;
    io = receive_content_bytes(connection, max, failure);
    if (io == BACKEND_IO_END)
        return fail(connection, REASON_BACKEND_CLOSED, "closed inside the answer's content",
                    failure);
    if (io != BACKEND_IO_DONE)
        return io;
    *content = take_input(connection, max);
    connection->left -= content->size;
    return BACKEND_IO_DONE;
}

static enum backend_io read_chunked(struct backend_connection *connection, size_t max,
                                    struct slice *content, struct backend_failure *failure)
{
    for (;;) {
        size_t consumed = 0;
        enum http_chunked_outcome outcome;
        enum backend_io io = receive_content_bytes(connection, max, failure);

        if (io == BACKEND_IO_END)
            return fail(connection, REASON_BACKEND_CLOSED, "closed inside the answer's content",
                        failure);
        if (io != BACKEND_IO_DONE)
            return io;
        outcome = http_chunked_decode(&connection->chunked, slice_first(connection->input, max),
                                      &consumed, content);
        connection->input = slice_after(connection->input, consumed);
        switch (outcome) {
        case HTTP_CHUNKED_CONTENT:
            return BACKEND_IO_DONE;
        case HTTP_CHUNKED_COMPLETE:
            return complete_chunks(connection, failure);
        case HTTP_CHUNKED_NEEDS_MORE:
            continue;
        case HTTP_CHUNKED_MALFORMED:
            return fail_chunks(connection, failure);
        }
    }
}

static enum backend_io read_until_close(struct backend_connection *connection, size_t max,
                                        struct slice *content, struct backend_failure *failure)
{
    enum backend_io io = receive_content_bytes(connection, max, failure);

    if (io == BACKEND_IO_END)
        return complete(connection);
    if (io == BACKEND_IO_DONE)
        *content = take_input(connection, max);
    return io;
}

static enum backend_io http1_read_content(struct backend_connection *connection, size_t max,
                                          struct slice *content, struct backend_failure *failure)
{
    if (connection->is_complete)
        return BACKEND_IO_END;
    switch (connection->response.framing) {
    case HTTP_FRAMING_LENGTH:
        return read_length(connection, max, content, failure);
    case HTTP_FRAMING_CHUNKED:
        return read_chunked(connection, max, content, failure);
    case HTTP_FRAMING_UNTIL_CLOSE:
        return read_until_close(connection, max, content, failure);
    case HTTP_FRAMING_NONE:
        break;
    }
    return complete(connection);
}

static struct http_fields http1_trailers(const struct backend_connection *connection)
{
    return connection->trailers;
}

/* What was received and not handed on must not stay in memory that the next connection uses. */
static void put_input_aside(struct backend_connection *connection)
{
    const char *memory = connection->worker->content;
    char *copy;

    if (slice_is_empty(connection->input) || connection->input.data < memory ||
        connection->input.data >= memory + CONTENT_BYTES)
        return;
    copy = memory_allocate(connection->input.size);
    memcpy(copy, connection->input.data, connection->input.size);
    connection->aside = copy;
    connection->input.data = copy;
}

/* What TLS made of it. A tail of the transport's counts as ours. */
static enum backend_io send_records(struct backend_connection *connection, enum backend_io io)
{
    enum backend_io sent = backend_transport_end_turn(&connection->transport);

    if (sent == BACKEND_IO_FAILED)
        connection->send_failed = true;
    return sent == BACKEND_IO_DONE ? io : sent;
}

static enum backend_io http1_end_turn(struct backend_connection *connection, bool wants_answer)
{
    enum backend_io io = BACKEND_IO_DONE;

    put_input_aside(connection);
    if (connection->phase == PHASE_OPENING) {
        (void)backend_transport_end_turn(&connection->transport);
        event_watch_set(connection->watch,
                        backend_transport_opening_events(&connection->transport));
        return BACKEND_IO_WAIT;
    }
    io = send_collected(connection);
    if (connection->transport.tls != NULL)
        io = send_records(connection, io);
    event_watch_set(connection->watch, (wants_answer ? (unsigned)EVENT_READABLE : 0u) |
                                           (io == BACKEND_IO_WAIT ? (unsigned)EVENT_WRITABLE : 0u));
    return io;
}

/* ---- back to the pool -------------------------------------------------------------------------
 */

static bool can_serve_again(const struct backend_connection *connection)
{
    return connection->phase == PHASE_BUSY && connection->is_complete && connection->is_sent &&
           !connection->send_failed && !waits_to_send(connection) &&
           connection->worker->output_owner != connection && slice_is_empty(connection->input) &&
           !backend_transport_has_input(&connection->transport) &&
           connection->response.keep_alive &&
           connection->response.framing != HTTP_FRAMING_UNTIL_CLOSE &&
           !group_of(connection)->is_retired &&
           group_of(connection)->idle.count < connection->pool->settings->idle_max;
}

static void http1_release(struct backend_connection *connection)
{
    struct backend_worker *worker;

    if (connection == NULL)
        return;
    worker = connection->worker;
    if (!can_serve_again(connection) ||
        backend_transport_end_turn(&connection->transport) != BACKEND_IO_DONE) {
        close_connection(connection);
        return;
    }
    keep_session(connection);
    pool_release(worker->blocks, connection->block);
    connection->block = NULL;
    memory_release(connection->aside);
    connection->aside = NULL;
    connection->phase = PHASE_IDLE;
    connection->owner = NULL;
    connection->idle_since_ms = event_loop_now_ms(worker->loop);
    event_watch_set(connection->watch, EVENT_READABLE);
    list_prepend(&group_of(connection)->idle, &connection->link);
    worker->idle_count++;
    if (!timer_is_running(worker->sweep))
        start_sweep(worker, connection->pool);
}

const struct backend_operations backend_http1 = {
    .acquire = http1_acquire,
    .connected = http1_connected,
    .is_reused = http1_is_reused,
    .send_head = http1_send_head,
    .room = http1_room,
    .send_content = http1_send_content,
    .send_end = http1_send_end,
    .read_head = http1_read_head,
    .read_content = http1_read_content,
    .trailers = http1_trailers,
    .end_turn = http1_end_turn,
    .release = http1_release,
    .endpoint = http1_endpoint,
    .source_port = http1_source_port,
    .has_answered = http1_has_answered,
};
