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
#include "protocol/http/http_chunked.h"
#include "protocol/http/http_read.h"
#include "protocol/http/http_trailer.h"
#include "protocol/http/http_write.h"
#include "runtime/memory.h"
#include "runtime/pool.h"

/* Offered as room for content: what a turn of the client's connection may bring, and the rest of a
 * record that came before, so that nothing has to be put aside. */
enum { OUTPUT_CONTENT_BYTES = (64 + 16) * 1024 };

enum { CHUNK_EXTENSION_BYTES_MAX = 4096 };

/* ---- opening ---- */

static struct backend_connection *http1_acquire(struct backend_worker *worker,
                                                struct backend_pool *pool,
                                                struct backend_attempts *attempts,
                                                backend_ready *ready, void *owner,
                                                struct backend_failure *failure)
{
    struct backend_connection *connection =
        backend_worker_acquire(worker, pool, attempts, ready, owner, failure);

    if (connection == NULL)
        return NULL;
    connection->has_answered = false;
    connection->has_left = false;
    connection->is_sent = false;
    connection->is_complete = false;
    connection->trailers = (struct http_fields){NULL, 0};
    return connection;
}

static bool http1_is_queued(const struct backend_connection *connection)
{
    return connection->phase == PHASE_WAITING;
}

static enum backend_io http1_connected(struct backend_connection *connection,
                                       struct backend_failure *failure)
{
    enum backend_io io;

    if (connection->phase == PHASE_WAITING)
        return BACKEND_IO_WAIT;
    if (connection->phase == PHASE_BROKEN) {
        *failure = connection->failure;
        return BACKEND_IO_FAILED;
    }
    if (connection->phase != PHASE_OPENING)
        return BACKEND_IO_DONE;
    io = backend_transport_connected(&connection->transport, failure);
    if (io == BACKEND_IO_DONE) {
        connection->phase = PHASE_BUSY;
    } else if (io != BACKEND_IO_WAIT) {
        connection->phase = PHASE_BROKEN;
        connection->failure = *failure;
        backend_worker_note_connect_failure(connection);
    }
    return io;
}

static void http1_blame(struct backend_connection *connection)
{
    if (connection->phase == PHASE_OPENING)
        backend_worker_note_connect_failure(connection);
    else if (connection->station != NULL)
        backend_worker_note_failure(connection);
}

static bool http1_is_reused(const struct backend_connection *connection)
{
    return connection->is_reused;
}

static struct slice http1_endpoint(const struct backend_connection *connection)
{
    return connection->station == NULL ? SLICE("")
                                       : slice_from_text(connection->station->target.text);
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

static bool http1_has_left(const struct backend_connection *connection)
{
    return connection->has_left;
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
    buffer_init(&connection->output, worker->output, BACKEND_OUTPUT_BYTES);
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
    backend_counter_add(&connection->station->counters->requests, 1);
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

/* What the socket did not take moves to memory of the connection's own. False: there is none. */
static bool keep_unsent(struct backend_connection *connection, struct slice unsent)
{
    char *tail = memory_try_allocate(unsent.size);

    if (tail == NULL)
        return false;
    memcpy(tail, unsent.data, unsent.size);
    memory_release(connection->tail);
    connection->tail = tail;
    buffer_init(&connection->output, tail, unsent.size);
    buffer_wrote(&connection->output, unsent.size);
    return true;
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
            if (!is_owner || keep_unsent(connection, buffer_readable(&connection->output)))
                return BACKEND_IO_WAIT;
            connection->send_failed = true;
            break;
        }
        if (sent.outcome != SOCKET_DONE) {
            connection->send_failed = true;
            break;
        }
        connection->has_left = true;
        buffer_consume(&connection->output, sent.count);
    }
    memory_release(connection->tail);
    connection->tail = NULL;
    return connection->send_failed ? BACKEND_IO_FAILED : BACKEND_IO_DONE;
}

/* ---- receiving --------------------------------------------------------------------------------
 */

/* False: there is no memory for an answer. */
static bool take_block(struct backend_connection *connection)
{
    const size_t head_bytes = BACKEND_HEADER_BYTES_MAX + BACKEND_HEAD_SLACK_BYTES;

    if (connection->block != NULL)
        return true;
    connection->block = pool_acquire(connection->worker->blocks);
    if (connection->block == NULL)
        return false;
    buffer_init(&connection->head, connection->block, head_bytes);
    arena_init(&connection->arena, connection->block + head_bytes, BACKEND_ARENA_BYTES);
    return true;
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
    if (!take_block(connection))
        return fail(connection, REASON_BUDGET_EXCEEDED, "no memory for the answer", failure);
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
            if (connection->response.status >= 200) {
                backend_worker_note_success(connection);
                begin_content(connection);
            }
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
                                 max < BACKEND_CONTENT_BYTES ? max : BACKEND_CONTENT_BYTES);
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

/* What was received and not handed on must not stay in memory that the next connection uses. False:
 * there is no memory for it, and without it the answer cannot go on. */
static bool put_input_aside(struct backend_connection *connection)
{
    const char *memory = connection->worker->content;
    char *copy;

    if (slice_is_empty(connection->input) || connection->input.data < memory ||
        connection->input.data >= memory + BACKEND_CONTENT_BYTES)
        return true;
    copy = memory_try_allocate(connection->input.size);
    if (copy == NULL) {
        connection->input = slice_from(NULL, 0);
        connection->phase = PHASE_BROKEN;
        return false;
    }
    memcpy(copy, connection->input.data, connection->input.size);
    connection->aside = copy;
    connection->input.data = copy;
    return true;
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

    if (!put_input_aside(connection))
        return BACKEND_IO_FAILED;
    if (connection->watch == NULL)
        return BACKEND_IO_WAIT;
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
           connection->response.framing != HTTP_FRAMING_UNTIL_CLOSE;
}

static void http1_release(struct backend_connection *connection)
{
    if (connection == NULL)
        return;
    if (can_serve_again(connection))
        backend_worker_give_back(connection);
    else
        backend_worker_close(connection);
}

const struct backend_operations backend_http1 = {
    .acquire = http1_acquire,
    .is_queued = http1_is_queued,
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
    .has_left = http1_has_left,
    .blame = http1_blame,
};
