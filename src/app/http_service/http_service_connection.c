/* SPDX-License-Identifier: Apache-2.0
 *
 * The states of a connection, one row each. An answer is made from the head alone, before the
 * content is skipped, so that the request's slices need not outlive the reading. A client that
 * sends many requests at once gets a few answers a turn; the others have their turn in between.
 */
#include "app/http_service/http_service_connection_internal.h"

#include <assert.h>

#include "runtime/clock.h"
#include "runtime/memory.h"
#include "runtime/socket.h"

enum {
    INPUT_BYTES = 64 * 1024,
    HEAD_BYTES_MAX = 48 * 1024,
    TARGET_BYTES_MAX = 8 * 1024,
    FIELDS_MAX = 200,
    CONTENT_BYTES_MAX = 1024 * 1024,
    CHUNK_EXTENSION_BYTES_MAX = 1024,
    TRAILER_BYTES_MAX = 8 * 1024,
    LINGER_BYTES_MAX = 256 * 1024,
    TURN_ANSWERS_MAX = 8
};

/* Idle is longer than gateways keep their connections, so that they are the ones that close. */
enum {
    IDLE_MS = 120 * 1000,
    FIRST_REQUEST_MS = 1000, /* who has said nothing for so long may be sent away for another */
    READING_MS = 30 * 1000,
    SKIPPING_MS = 30 * 1000,
    ANSWERING_MS = 30 * 1000,
    LINGERING_MS = 2 * 1000
};

enum step { STEP_AGAIN, STEP_WAIT, STEP_FINISHED };

static enum step await_request(struct http_service_connection *connection);
static enum step read_head(struct http_service_connection *connection);
static enum step skip_content(struct http_service_connection *connection);
static enum step write_answer(struct http_service_connection *connection);
static enum step linger(struct http_service_connection *connection);
static enum step finish(struct http_service_connection *connection);

#define TO(state) (1U << HTTP_SERVICE_##state)

/* clang-format off */
static const struct {
    const char *name;
    enum step (*advance)(struct http_service_connection *connection);
    unsigned wait_ms;
    unsigned may_lead_to;
} states[HTTP_SERVICE_STATE_COUNT] = {
    /*                          name         does           waits at most
                                may lead to */
    [HTTP_SERVICE_IDLE]      = {"idle",      await_request, IDLE_MS,
                                TO(READING) | TO(CLOSED)},
    [HTTP_SERVICE_READING]   = {"reading",   read_head,     READING_MS,
                                TO(SKIPPING) | TO(ANSWERING) | TO(CLOSED)},
    [HTTP_SERVICE_SKIPPING]  = {"skipping",  skip_content,  SKIPPING_MS,
                                TO(ANSWERING) | TO(CLOSED)},
    [HTTP_SERVICE_ANSWERING] = {"answering", write_answer,  ANSWERING_MS,
                                TO(IDLE) | TO(LINGERING) | TO(CLOSED)},
    [HTTP_SERVICE_LINGERING] = {"lingering", linger,        LINGERING_MS,
                                TO(CLOSED)},
    [HTTP_SERVICE_CLOSED]    = {"closed",    finish,        0, 0},
};
/* clang-format on */

static enum step enter(struct http_service_connection *connection, enum http_service_state state)
{
    assert((states[connection->state].may_lead_to & 1U << state) != 0);
    connection->state = state;
    timer_start(connection->timer, states[state].wait_ms);
    return STEP_AGAIN;
}

static enum step wait_for(struct http_service_connection *connection, enum event_interest interest)
{
    event_watch_set(connection->watch, (unsigned)interest);
    return STEP_WAIT;
}

/* Reads what there is into the input. The end of the client's side ends the connection, unless
 * something is still to be said, and then nobody reads. */
static enum step fill_input(struct http_service_connection *connection)
{
    struct socket_result got = {SOCKET_FAILED, 0, 0};

    buffer_compact(&connection->input);
    /* The limits on heads and chunks leave room; without any there is no way on. */
    if (buffer_room(&connection->input) == 0)
        return enter(connection, HTTP_SERVICE_CLOSED);
    got = socket_read(connection->fd, buffer_tail(&connection->input),
                      buffer_room(&connection->input));
    switch (got.outcome) {
    case SOCKET_DONE:
        buffer_wrote(&connection->input, got.count);
        return STEP_AGAIN;
    case SOCKET_AGAIN:
        return wait_for(connection, EVENT_READABLE);
    case SOCKET_FAILED:
    case SOCKET_CLOSED:
        break;
    }
    return enter(connection, HTTP_SERVICE_CLOSED);
}

static enum step refuse(struct http_service_connection *connection, enum reason reason)
{
    http_answer_reset(&connection->answer);
    connection->answer = http_answer_refusal(reason, clock_wall_seconds());
    connection->answered_bytes = 0;
    connection->closes = true;
    return enter(connection, HTTP_SERVICE_ANSWERING);
}

/* ---- the states ---- */

static enum step await_request(struct http_service_connection *connection)
{
    if (slice_is_empty(buffer_readable(&connection->input)))
        return fill_input(connection);
    /* The others first; a socket that can be written to is ready in the next turn. */
    if (connection->turn_answers >= TURN_ANSWERS_MAX)
        return wait_for(connection, EVENT_WRITABLE);
    connection->progress = (struct http_read_progress){0};
    return enter(connection, HTTP_SERVICE_READING);
}

/* Whoever announces content and waits for leave to send it is answered at once instead. */
static bool has_content_to_skip(const struct http_request *request)
{
    return request->framing != HTTP_FRAMING_NONE && !request->expects_continue;
}

static void prepare_skipping(struct http_service_connection *connection,
                             const struct http_request *request)
{
    static const struct http_chunked_limits limits = {.extension_bytes = CHUNK_EXTENSION_BYTES_MAX,
                                                      .trailer_bytes = TRAILER_BYTES_MAX};

    connection->framing = request->framing;
    connection->content_left = request->framing == HTTP_FRAMING_CHUNKED
                                   ? (uint64_t)CONTENT_BYTES_MAX
                                   : request->content_length;
    http_chunked_init(&connection->chunked, &limits);
}

static enum step answer_request(struct http_service_connection *connection,
                                const struct http_request *request)
{
    bool skips = has_content_to_skip(request);

    if (request->framing == HTTP_FRAMING_LENGTH && request->content_length > CONTENT_BYTES_MAX)
        return refuse(connection, REASON_REQUEST_CONTENT_TOO_LARGE);
    connection->closes = !request->keep_alive || (request->framing != HTTP_FRAMING_NONE && !skips);
    connection->answer =
        connection->owner.settings->answer(connection->owner.settings->context, request,
                                           connection->closes, connection->owner.scratch);
    connection->answered_bytes = 0;
    connection->has_answered = true;
    connection->turn_answers++;
    if (!skips)
        return enter(connection, HTTP_SERVICE_ANSWERING);
    prepare_skipping(connection, request);
    return enter(connection, HTTP_SERVICE_SKIPPING);
}

static enum step read_head(struct http_service_connection *connection)
{
    static const struct http_limits limits = {
        .head_bytes = HEAD_BYTES_MAX, .target_bytes = TARGET_BYTES_MAX, .fields = FIELDS_MAX};
    struct http_request request;
    struct http_read read;
    enum step step = STEP_AGAIN;

    arena_reset(connection->owner.scratch);
    read = http_read_request(buffer_readable(&connection->input), &limits, &connection->progress,
                             connection->owner.scratch, &request);
    switch (read.outcome) {
    case HTTP_READ_INCOMPLETE:
        return fill_input(connection);
    case HTTP_READ_COMPLETE:
        step = answer_request(connection, &request);
        buffer_consume(&connection->input, read.consumed);
        return step;
    case HTTP_READ_REFUSED:
        break;
    }
    return refuse(connection, read.reason);
}

static enum step skip_length(struct http_service_connection *connection)
{
    struct slice input = buffer_readable(&connection->input);
    struct slice content = connection->content_left < input.size
                               ? slice_first(input, connection->content_left)
                               : input;

    buffer_consume(&connection->input, content.size);
    connection->content_left -= content.size;
    if (connection->content_left == 0)
        return enter(connection, HTTP_SERVICE_ANSWERING);
    return fill_input(connection);
}

static enum step skip_chunks(struct http_service_connection *connection)
{
    struct slice content = {NULL, 0};
    size_t consumed = 0;
    enum http_chunked_outcome outcome = http_chunked_decode(
        &connection->chunked, buffer_readable(&connection->input), &consumed, &content);

    buffer_consume(&connection->input, consumed);
    switch (outcome) {
    case HTTP_CHUNKED_COMPLETE:
        return enter(connection, HTTP_SERVICE_ANSWERING);
    case HTTP_CHUNKED_NEEDS_MORE:
        return fill_input(connection);
    case HTTP_CHUNKED_CONTENT:
        if (content.size > connection->content_left)
            return refuse(connection, REASON_REQUEST_CONTENT_TOO_LARGE);
        connection->content_left -= content.size;
        return STEP_AGAIN;
    case HTTP_CHUNKED_MALFORMED:
        break;
    }
    return refuse(connection, REASON_REQUEST_CHUNK_MALFORMED);
}

static enum step skip_content(struct http_service_connection *connection)
{
    return connection->framing == HTTP_FRAMING_CHUNKED ? skip_chunks(connection)
                                                       : skip_length(connection);
}

static enum step end_answer(struct http_service_connection *connection)
{
    http_answer_reset(&connection->answer);
    if (!connection->closes)
        return enter(connection, HTTP_SERVICE_IDLE);
    socket_shutdown_write(connection->fd);
    connection->lingered_bytes = 0;
    return enter(connection, HTTP_SERVICE_LINGERING);
}

static enum step write_answer(struct http_service_connection *connection)
{
    struct slice unsent = slice_after(slice_from(connection->answer.data, connection->answer.size),
                                      connection->answered_bytes);
    struct socket_result sent = {SOCKET_FAILED, 0, 0};

    if (slice_is_empty(unsent))
        return end_answer(connection);
    sent = socket_write(connection->fd, unsent);
    switch (sent.outcome) {
    case SOCKET_DONE:
        connection->answered_bytes += sent.count;
        return STEP_AGAIN;
    case SOCKET_AGAIN:
        return wait_for(connection, EVENT_WRITABLE);
    case SOCKET_FAILED:
    case SOCKET_CLOSED:
        break;
    }
    return enter(connection, HTTP_SERVICE_CLOSED);
}

/* RFC 9112 section 9.6: read on until the client has closed as well. */
static enum step linger(struct http_service_connection *connection)
{
    size_t unread = buffer_readable(&connection->input).size;

    buffer_consume(&connection->input, unread);
    connection->lingered_bytes += unread;
    if (connection->lingered_bytes > LINGER_BYTES_MAX)
        return enter(connection, HTTP_SERVICE_CLOSED);
    return fill_input(connection);
}

static enum step finish(struct http_service_connection *connection)
{
    (void)connection;
    return STEP_FINISHED;
}

/* ---- events ---- */

/* The connection may be gone when this returns. */
static void advance(struct http_service_connection *connection)
{
    enum step step = STEP_AGAIN;

    while (step == STEP_AGAIN)
        step = states[connection->state].advance(connection);
    if (step == STEP_FINISHED)
        connection->owner.ended(connection->owner.owner, connection);
}

static void on_ready(void *context, unsigned ready)
{
    struct http_service_connection *connection = context;

    (void)ready;
    connection->turn_answers = 0;
    advance(connection);
}

/* A slow request is told so; everything else has had its time. */
static void on_timeout(void *context)
{
    struct http_service_connection *connection = context;

    if (connection->state == HTTP_SERVICE_READING || connection->state == HTTP_SERVICE_SKIPPING)
        refuse(connection, REASON_REQUEST_TIMEOUT);
    else
        enter(connection, HTTP_SERVICE_CLOSED);
    advance(connection);
}

struct http_service_connection *http_service_connection_open(
    struct event_loop *loop, int fd, const struct http_service_connection_owner *owner)
{
    struct http_service_connection *connection = memory_allocate(sizeof *connection);

    connection->owner = *owner;
    connection->fd = fd;
    connection->memory = memory_allocate(INPUT_BYTES);
    buffer_init(&connection->input, connection->memory, INPUT_BYTES);
    connection->watch = event_watch_create(loop, fd, on_ready, connection);
    connection->timer = timer_create_on(loop, on_timeout, connection);
    connection->opened_ms = clock_monotonic_ms();
    connection->state = HTTP_SERVICE_IDLE;
    timer_start(connection->timer, states[HTTP_SERVICE_IDLE].wait_ms);
    wait_for(connection, EVENT_READABLE);
    return connection;
}

bool http_service_connection_is_idle(const struct http_service_connection *connection)
{
    uint64_t age_ms = clock_monotonic_ms() - connection->opened_ms;

    return connection->state == HTTP_SERVICE_IDLE &&
           (connection->has_answered || age_ms >= FIRST_REQUEST_MS);
}

void http_service_connection_destroy(struct http_service_connection *connection)
{
    if (connection == NULL)
        return;
    event_watch_destroy(connection->watch);
    timer_destroy(connection->timer);
    socket_close(connection->fd);
    http_answer_reset(&connection->answer);
    memory_release(connection->memory);
    memory_release(connection);
}
