/* SPDX-License-Identifier: Apache-2.0
 *
 * See client_http1.h. The input is one buffer: the head of the request at hand stays at its front
 * while the exchange runs, because the request's slices point there; content is read behind it and
 * handed on before more is read.
 */
#include "gateway/connection/client_http1.h"

#include <assert.h>
#include <string.h>

#include "gateway/rewrite/rewrite.h"
#include "protocol/http/http_trailer.h"
#include "protocol/http/http_write.h"
#include "runtime/clock.h"

void client_http1_init(struct client_http1 *client, struct tls_connection *tls,
                       const struct connection_limits *limits,
                       const struct http_name_set *owned_names, struct client_blocks blocks,
                       char *scratch, size_t scratch_bytes)
{
    *client = (struct client_http1){
        .tls = tls,
        .limits = limits,
        .owned_names = owned_names,
        .blocks = blocks,
        .scratch = scratch + CLIENT_HTTP1_STAGED_BYTES,
        .scratch_bytes = scratch_bytes - CLIENT_HTTP1_STAGED_BYTES,
        .content_is_complete = true,
    };
    buffer_init(&client->staged, scratch, CLIENT_HTTP1_STAGED_BYTES);
}

void client_http1_set_pseudonym(struct client_http1 *client, struct slice pseudonym)
{
    client->pseudonym = pseudonym;
}

void client_http1_set_generation(struct client_http1 *client,
                                 const struct connection_limits *limits,
                                 const struct http_name_set *owned_names)
{
    client->limits = limits;
    client->owned_names = owned_names;
}

static void release_block(struct client_http1 *client)
{
    pool_release(client->is_small ? client->blocks.small : client->blocks.large, client->block);
    client->block = NULL;
}

static void release_content_block(struct client_http1 *client)
{
    pool_release(client->blocks.large, client->content_block);
    client->content_block = NULL;
}

void client_http1_reset(struct client_http1 *client)
{
    release_block(client);
    release_content_block(client);
    client->head_bytes = 0;
    client->progress = (struct http_read_progress){0};
}

static bool take_block(struct client_http1 *client)
{
    if (client->block != NULL)
        return true;
    client->block = pool_acquire(client->blocks.small);
    if (client->block == NULL)
        return false;
    client->is_small = true;
    buffer_init(&client->input, client->block, CLIENT_HTTP1_SMALL_INPUT_BYTES);
    arena_init(&client->arena, client->block + CLIENT_HTTP1_SMALL_INPUT_BYTES,
               CLIENT_HTTP1_SMALL_ARENA_BYTES);
    return true;
}

/* Reads on in a large block; what is here of a request must be read again from its start. */
static void use_large_block(struct client_http1 *client, char *block)
{
    struct slice unread = buffer_readable(&client->input);
    struct buffer input;

    buffer_init(&input, block, CLIENT_HTTP1_INPUT_BYTES);
    memmove(buffer_tail(&input), unread.data, unread.size);
    buffer_wrote(&input, unread.size);
    release_block(client);
    client->block = block;
    client->is_small = false;
    client->input = input;
    client->progress = (struct http_read_progress){0};
    arena_init(&client->arena, block + CLIENT_HTTP1_INPUT_BYTES, CLIENT_HTTP1_ARENA_BYTES);
}

static bool grow(struct client_http1 *client)
{
    char *block = pool_acquire(client->blocks.large);

    if (block == NULL)
        return false;
    use_large_block(client, block);
    return true;
}

/* ---- reading ----------------------------------------------------------------------------------
 */

/* Without memory for them, trailers are read and dropped. */
static void begin_chunks(struct client_http1 *client)
{
    const struct http_chunked_limits limits = {
        .extension_bytes = client->limits->chunk_extension_bytes,
        .trailer_bytes = client->limits->trailer_bytes,
    };

    http_chunked_init(&client->chunked, &limits);
    http_chunked_keep_trailers(&client->chunked,
                               arena_allocate(&client->arena, http_chunked_trailer_room(&limits)));
}

static void begin_content(struct client_http1 *client)
{
    const struct http_request *request = &client->request;

    client->left = request->content_length;
    client->trailers = (struct http_fields){NULL, 0};
    client->content_is_complete = request->framing == HTTP_FRAMING_NONE;
    client->owes_continue = request->expects_continue && !client->content_is_complete;
    if (request->framing == HTTP_FRAMING_CHUNKED)
        begin_chunks(client);
}

/* A head that does not fit, its fields that do not, or chunks, whose trailers need room. */
static bool needs_large_block(const struct client_http1 *client, const struct http_read *read)
{
    switch (read->outcome) {
    case HTTP_READ_INCOMPLETE:
        return buffer_room(&client->input) == 0;
    case HTTP_READ_COMPLETE:
        return client->request.framing == HTTP_FRAMING_CHUNKED;
    case HTTP_READ_REFUSED:
        break;
    }
    return read->reason == REASON_BUDGET_EXCEEDED;
}

/* Calls itself once at most: there is nothing larger than a large block.
 * NOLINTNEXTLINE(misc-no-recursion) */
static enum client_http1_outcome parse_request(struct client_http1 *client, enum reason *reason,
                                               const char **detail)
{
    struct http_limits limits = {
        .head_bytes = client->limits->request_header_bytes,
        .target_bytes = client->limits->request_target_bytes,
        .fields = client->limits->request_header_count,
    };
    struct http_read read;

    if (slice_is_empty(buffer_readable(&client->input)))
        return CLIENT_HTTP1_WAIT;
    arena_reset(&client->arena);
    read = http_read_request(buffer_readable(&client->input), &limits, &client->progress,
                             &client->arena, &client->request);
    if (client->is_small && needs_large_block(client, &read))
        return grow(client) ? parse_request(client, reason, detail) : CLIENT_HTTP1_FULL;
    switch (read.outcome) {
    case HTTP_READ_INCOMPLETE:
        return CLIENT_HTTP1_WAIT;
    case HTTP_READ_COMPLETE:
        buffer_consume(&client->input, read.consumed);
        client->head_bytes = client->input.read;
        client->progress = (struct http_read_progress){0};
        begin_content(client);
        return CLIENT_HTTP1_REQUEST;
    case HTTP_READ_REFUSED:
        break;
    }
    client->content_is_complete = false;
    *reason = read.reason;
    *detail = read.detail;
    return CLIENT_HTTP1_REFUSED;
}

/* DONE: the input has grown. */
static enum tls_outcome receive(struct client_http1 *client)
{
    size_t count = 0;
    enum tls_outcome outcome = tls_connection_read(client->tls, buffer_tail(&client->input),
                                                   buffer_room(&client->input), &count);

    if (outcome == TLS_DONE)
        buffer_wrote(&client->input, count);
    return outcome;
}

enum client_http1_outcome client_http1_read_request(struct client_http1 *client,
                                                    enum reason *reason, const char **detail)
{
    for (;;) {
        enum client_http1_outcome outcome = CLIENT_HTTP1_WAIT;

        if (!take_block(client))
            return CLIENT_HTTP1_FULL;
        outcome = parse_request(client, reason, detail);
        if (outcome != CLIENT_HTTP1_WAIT)
            return outcome;
        /* The parser refuses a head that is larger than the limit, so there is always room here. */
        switch (receive(client)) {
        case TLS_DONE:
            continue;
        case TLS_WANTS_READ:
        case TLS_WANTS_WRITE:
            if (!client_http1_has_begun(client))
                client_http1_reset(client);
            return CLIENT_HTTP1_WAIT;
        case TLS_CLOSED:
        case TLS_FAILED:
            return CLIENT_HTTP1_CLOSED;
        }
    }
}

bool client_http1_has_begun(const struct client_http1 *client)
{
    return client->block != NULL && !slice_is_empty(buffer_readable(&client->input));
}

void client_http1_next(struct client_http1 *client)
{
    client->head_bytes = 0;
    client->request = (struct http_request){0};
    if (!client_http1_has_begun(client)) {
        client_http1_reset(client);
        return;
    }
    if (client->content_block != NULL) {
        use_large_block(client, client->content_block);
        client->content_block = NULL;
        return;
    }
    buffer_compact(&client->input);
}

/* Room behind the head, once everything before it was handed on. */
static void reuse_room(struct client_http1 *client)
{
    size_t start = client->content_block == NULL ? client->head_bytes : 0;

    if (!slice_is_empty(buffer_readable(&client->input)))
        return;
    client->input.read = start;
    client->input.written = start;
}

/* Content has filled what a small block had left: there is more, and it gets a large one beside the
 * head. Without one it goes on as it is. */
static void speed_up(struct client_http1 *client)
{
    if (!client->is_small || client->content_block != NULL || buffer_room(&client->input) > 0 ||
        !slice_is_empty(buffer_readable(&client->input)))
        return;
    client->content_block = pool_acquire(client->blocks.large);
    if (client->content_block != NULL)
        buffer_init(&client->input, client->content_block, CLIENT_HTTP1_INPUT_BYTES);
}

/* Nothing more has come: the content goes on in what the small block has left. */
static void slow_down(struct client_http1 *client)
{
    if (client->content_block == NULL)
        return;
    release_content_block(client);
    buffer_init(&client->input, client->block, CLIENT_HTTP1_SMALL_INPUT_BYTES);
    reuse_room(client);
}

bool client_http1_has_ended(struct client_http1 *client)
{
    if (client->has_ended || client->block == NULL)
        return client->has_ended;
    reuse_room(client);
    while (buffer_room(&client->input) > 0) {
        switch (receive(client)) {
        case TLS_DONE:
            continue;
        case TLS_WANTS_READ:
        case TLS_WANTS_WRITE:
        case TLS_FAILED:
            return false;
        case TLS_CLOSED:
            client->has_ended = !tls_connection_facts(client->tls).is_truncated;
            return client->has_ended;
        }
    }
    client->has_ended = true;
    return true;
}

static enum client_io content_ended(struct client_http1 *client)
{
    client->content_is_complete = true;
    if (slice_is_empty(buffer_readable(&client->input)))
        slow_down(client);
    return CLIENT_IO_END;
}

static enum client_io decode_length(struct client_http1 *client, size_t max, struct slice *content)
{
    struct slice input = slice_first(buffer_readable(&client->input), max);

    if (client->left == 0)
        return content_ended(client);
    if (input.size > client->left)
        input.size = (size_t)client->left;
    if (slice_is_empty(input))
        return CLIENT_IO_WAIT;
    buffer_consume(&client->input, input.size);
    client->left -= input.size;
    *content = input;
    return CLIENT_IO_DATA;
}

static enum client_io chunks_ended(struct client_http1 *client, enum reason *reason)
{
    if (http_trailers_read(http_chunked_trailers(&client->chunked), client->limits->trailer_count,
                           &client->arena, &client->trailers) == NULL)
        return content_ended(client);
    *reason = REASON_REQUEST_TRAILERS_TOO_LARGE;
    return CLIENT_IO_FAILED;
}

static enum client_io decode_chunked(struct client_http1 *client, size_t max, struct slice *content,
                                     enum reason *reason)
{
    size_t consumed = 0;
    enum http_chunked_outcome outcome = http_chunked_decode(
        &client->chunked, slice_first(buffer_readable(&client->input), max), &consumed, content);

    buffer_consume(&client->input, consumed);
    switch (outcome) {
    case HTTP_CHUNKED_CONTENT:
        return CLIENT_IO_DATA;
    case HTTP_CHUNKED_COMPLETE:
        return chunks_ended(client, reason);
    case HTTP_CHUNKED_NEEDS_MORE:
        return CLIENT_IO_WAIT;
    case HTTP_CHUNKED_MALFORMED:
        break;
    }
    *reason = REASON_REQUEST_CHUNK_MALFORMED;
    if (client->chunked.is_beyond_limit)
        *reason = client->chunked.trailer_bytes > 0 ? REASON_REQUEST_TRAILERS_TOO_LARGE
                                                    : REASON_REQUEST_CHUNK_EXTENSIONS_TOO_LARGE;
    return CLIENT_IO_FAILED;
}

static enum client_io read_content(void *context, size_t max, struct slice *content,
                                   enum reason *reason)
{
    struct client_http1 *client = context;

    if (client->content_is_complete)
        return CLIENT_IO_END;
    for (;;) {
        enum client_io io = client->request.framing == HTTP_FRAMING_CHUNKED
                                ? decode_chunked(client, max, content, reason)
                                : decode_length(client, max, content);

        if (io != CLIENT_IO_WAIT)
            return io;
        if (!slice_is_empty(buffer_readable(&client->input)))
            continue; /* `max` cut the input, not the network */
        speed_up(client);
        reuse_room(client);
        switch (receive(client)) {
        case TLS_DONE:
            continue;
        case TLS_WANTS_READ:
        case TLS_WANTS_WRITE:
            slow_down(client);
            return CLIENT_IO_WAIT;
        case TLS_CLOSED:
        case TLS_FAILED:
            *reason = REASON_REQUEST_ABANDONED;
            return CLIENT_IO_FAILED;
        }
    }
}

static struct http_fields trailers(void *context)
{
    const struct client_http1 *client = context;

    return client->trailers;
}

/* ---- writing ----------------------------------------------------------------------------------
 */

void client_http1_flush(struct client_http1 *client)
{
    struct slice staged = buffer_readable(&client->staged);

    if (!slice_is_empty(staged) && !tls_connection_write(client->tls, staged))
        client->has_failed = true;
    buffer_reset(&client->staged);
}

/* Small parts are put together, so that a head, a chunk's frame and its content become one record.
 */
static void write_bytes(struct client_http1 *client, struct slice bytes)
{
    if (buffer_append(&client->staged, bytes))
        return;
    client_http1_flush(client);
    if (buffer_append(&client->staged, bytes))
        return;
    if (!tls_connection_write(client->tls, bytes))
        client->has_failed = true;
}

static void invite_content(void *context)
{
    struct client_http1 *client = context;

    if (!client->owes_continue)
        return;
    client->owes_continue = false;
    write_bytes(client, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
}

static size_t room(void *context)
{
    const struct client_http1 *client = context;

    size_t free_room = tls_connection_room(client->tls);
    size_t staged = buffer_readable(&client->staged).size;

    return free_room > staged ? free_room - staged : 0;
}

/* How the answer's content goes to this client, whose version may be older than the backend's. */
static enum http_framing framing_for(const struct client_http1 *client,
                                     const struct http_response *response)
{
    switch (response->framing) {
    case HTTP_FRAMING_NONE:
    case HTTP_FRAMING_LENGTH:
        return response->framing;
    case HTTP_FRAMING_CHUNKED:
    case HTTP_FRAMING_UNTIL_CLOSE:
        break;
    }
    return client->request.version == HTTP_VERSION_1_1 ? HTTP_FRAMING_CHUNKED
                                                       : HTTP_FRAMING_UNTIL_CLOSE;
}

/* An interim answer belongs to nobody's content, and ends nothing. RFC 9110 section 15.2: a client
 * of HTTP/1.0 has none. */
static enum reason send_interim(void *context, const struct http_response *response)
{
    struct client_http1 *client = context;
    struct buffer head;
    enum reason reason;
    const struct rewrite_response_facts facts = {
        .client_version = client->request.version,
        .pseudonym = client->pseudonym,
        .framing = HTTP_FRAMING_NONE,
        .owned_names = client->owned_names,
    };

    if (client->request.version != HTTP_VERSION_1_1)
        return REASON_NONE;
    buffer_init(&head, client->scratch, client->scratch_bytes);
    reason = rewrite_response_head(response, &facts, &head);
    if (reason == REASON_NONE)
        write_bytes(client, buffer_readable(&head));
    return reason;
}

static enum reason send_head(void *context, const struct http_response *response, bool close)
{
    struct client_http1 *client = context;
    struct buffer head;
    enum reason reason;
    struct rewrite_response_facts facts = {
        .client_version = client->request.version,
        .pseudonym = client->pseudonym,
        .accepts_trailers = rewrite_accepts_trailers(&client->request),
        .framing = framing_for(client, response),
        .now = clock_wall_seconds(),
        .owned_names = client->owned_names,
    };

    facts.close = close || !client->request.keep_alive || facts.framing == HTTP_FRAMING_UNTIL_CLOSE;
    buffer_init(&head, client->scratch, client->scratch_bytes);
    reason = rewrite_response_head(response, &facts, &head);
    if (reason != REASON_NONE)
        return reason;
    client->owes_continue = false;
    client->answer_framing = facts.framing;
    client->answer_closes = facts.close;
    write_bytes(client, buffer_readable(&head));
    return REASON_NONE;
}

static void send_content(void *context, struct slice content)
{
    struct client_http1 *client = context;
    char size_line[HTTP_CHUNK_HEAD_SIZE_MAX];

    if (client->answer_framing != HTTP_FRAMING_CHUNKED) {
        write_bytes(client, content);
        return;
    }
    write_bytes(client, slice_from(size_line, http_write_chunk_head(size_line, content.size)));
    write_bytes(client, content);
    write_bytes(client, SLICE("\r\n"));
}

static void send_end(void *context, struct slice trailer_lines)
{
    struct client_http1 *client = context;

    if (client->answer_framing != HTTP_FRAMING_CHUNKED)
        return;
    write_bytes(client, SLICE("0\r\n"));
    write_bytes(client, trailer_lines);
    write_bytes(client, SLICE("\r\n"));
}

static uint64_t send_answer(void *context, const struct answer_facts *facts)
{
    struct client_http1 *client = context;
    struct answer_facts here = *facts;
    struct buffer answer;
    uint64_t content_bytes = 0;

    here.close = facts->close || !client->request.keep_alive;
    client->owes_continue = false;
    client->answer_closes = here.close;
    buffer_init(&answer, client->scratch, client->scratch_bytes);
    if (!answer_write(&answer, &here, &content_bytes)) {
        client->has_failed = true;
        return 0;
    }
    write_bytes(client, buffer_readable(&answer));
    return content_bytes;
}

const struct exchange_client_operations client_http1_operations = {
    .read_content = read_content,
    .trailers = trailers,
    .invite_content = invite_content,
    .room = room,
    .send_interim = send_interim,
    .send_head = send_head,
    .send_content = send_content,
    .send_end = send_end,
    .send_answer = send_answer,
};
