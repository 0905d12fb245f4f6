/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 with a client behind a real TLS connection in the same thread: what is read of it,
 * however it was split, and the bytes that it gets.
 */
#include "support/test.h"

#include "support/tls_fixture.h"

#include "gateway/connection/client_http1.h"
#include "gateway/connection/connection.h"
#include "runtime/memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { PLENTY = 1 << 20, HEARD_BYTES = 512 * 1024, BLOCKS = 1 };

/* ---- a client, and ours ---- */

static struct tls_profile *profile;
static SSL_CTX *context;
static struct connection_limits limits;
static struct client_blocks blocks;
static char *scratch;
static struct tls_fixture_pair pair;
static struct tls_fixture_listener listener;
static struct client_http1 client;
static char heard[HEARD_BYTES];

static const struct exchange_client_operations *const operations = &client_http1_operations;

static size_t blocks_in_use(void)
{
    return pool_in_use(blocks.small) + pool_in_use(blocks.large);
}

static void open_world_with(size_t blocks_max)
{
    static const struct tls_fixture_profile wanted = {.ask = TLS_ASK_NOBODY};

    profile = tls_fixture_profile(&wanted, NULL);
    context = tls_fixture_client(TLS1_3_VERSION, NULL);
    limits = (struct connection_limits){.request_header_bytes = 1024,
                                        .request_header_count = 20,
                                        .request_target_bytes = 512,
                                        .chunk_extension_bytes = 4096,
                                        .trailer_bytes = 1024,
                                        .trailer_count = 4};
    blocks.small = pool_create(CLIENT_HTTP1_SMALL_BYTES, blocks_max, 0);
    blocks.large = pool_create(CLIENT_HTTP1_BLOCK_BYTES, blocks_max, 0);
    scratch = memory_allocate(CONNECTION_SCRATCH_BYTES);
    listener = (struct tls_fixture_listener){NULL, profile};
    pair = (struct tls_fixture_pair){.owner = {.listeners = &listener, .listener_count = 1}};
    tls_fixture_open(&pair, context, NULL);
    assert_int_equal(tls_fixture_handshake(&pair), TLS_DONE);
    client_http1_init(&client, pair.server, &limits, NULL, blocks, scratch,
                      CONNECTION_SCRATCH_BYTES);
    client_http1_set_pseudonym(&client, SLICE("sallyport"));
}

static void open_world(void)
{
    open_world_with(BLOCKS);
}

static void close_world(void)
{
    client_http1_reset(&client);
    tls_fixture_close(&pair);
    assert_int_equal(blocks_in_use(), 0);
    pool_destroy(blocks.small);
    pool_destroy(blocks.large);
    memory_release(scratch);
    SSL_CTX_free(context);
    tls_profile_release(profile);
}

static void client_says(struct slice bytes)
{
    if (slice_is_empty(bytes))
        return;
    assert_int_equal(SSL_write(pair.client, bytes.data, (int)bytes.size), bytes.size);
    tls_fixture_flush(&pair);
}

/* The end of a turn; returns what the client has got since the last one. */
static const char *end_turn(void)
{
    size_t size = 0;
    int count;

    client_http1_flush(&client);
    assert_false(client.has_failed);
    do {
        assert_int_not_equal(tls_connection_end_turn(pair.server), TLS_FAILED);
        count = tls_fixture_client_read(&pair, heard + size, (int)(HEARD_BYTES - 1 - size));
        if (count > 0)
            size += (size_t)count;
    } while (count > 0);
    heard[size] = '\0';
    return heard;
}

static enum client_http1_outcome read_request(void)
{
    enum reason reason = REASON_UNDECIDED;
    const char *detail = NULL;

    return client_http1_read_request(&client, &reason, &detail);
}

static void assert_request(const char *path)
{
    assert_int_equal(read_request(), CLIENT_HTTP1_REQUEST);
    assert_true(slice_equals(client.request.path, slice_from_text(path)));
}

/* What is known of a request stays true while its content is read. */
static void assert_still(const char *path)
{
    assert_true(slice_equals(client.request.path, slice_from_text(path)));
    assert_true(slice_equals(client.request.host, SLICE("x")));
}

/* As much content as there is; the last outcome. */
static enum client_io read_content(char *to, size_t *size, size_t max, enum reason *reason)
{
    for (;;) {
        struct slice content = {NULL, 0};
        enum client_io io = operations->read_content(&client, max, &content, reason);

        if (io != CLIENT_IO_DATA)
            return io;
        assert_true(content.size > 0 && content.size <= max);
        memcpy(to + *size, content.data, content.size);
        *size += content.size;
    }
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

/* ---- reading ---- */

TEST(pipelined_requests_are_read_one_by_one)
{
    open_world();
    assert_int_equal(read_request(), CLIENT_HTTP1_WAIT);
    assert_int_equal(blocks_in_use(), 0);
    (void)end_turn();
    client_says(SLICE(GET("/1") GET("/2") "GET /3 HT"));
    assert_request("/1");
    client_http1_next(&client);
    assert_true(client_http1_has_begun(&client));
    assert_request("/2");
    client_http1_next(&client);
    assert_int_equal(read_request(), CLIENT_HTTP1_WAIT);
    assert_true(client_http1_has_begun(&client));
    (void)end_turn();
    client_says(SLICE("TP/1.1\r\nHost: x\r\n\r\n"));
    assert_request("/3");
    client_http1_next(&client);
    /* An idle connection holds nothing. */
    assert_int_equal(blocks_in_use(), 0);
    assert_false(client_http1_has_begun(&client));
    assert_int_equal(read_request(), CLIENT_HTTP1_WAIT);
    assert_int_equal(blocks_in_use(), 0);
    (void)end_turn();
    close_world();
}

struct split_case {
    const char *bytes;
    const char *content;
};

static const struct split_case split_cases[] = {
    {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n0123456789ab" GET("/b"),
     "0123456789ab"},
    {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
     "4\r\n0123\r\n8;x=\"y\"\r\n456789ab\r\n0\r\nT: u\r\n\r\n" GET("/b"),
     "0123456789ab"},
    {"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" GET("/b"), ""},
    {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/b"), ""},
};

/* In two parts, with turns between them. */
static void assert_split(const struct split_case *now, size_t split, size_t max)
{
    struct slice bytes = slice_from_text(now->bytes);
    enum reason reason = REASON_UNDECIDED;
    enum client_io io = CLIENT_IO_WAIT;
    char content[64];
    size_t size = 0;

    client_says(slice_first(bytes, split));
    if (read_request() == CLIENT_HTTP1_REQUEST)
        io = read_content(content, &size, max, &reason);
    (void)end_turn();
    client_says(slice_after(bytes, split));
    if (client.request.version == HTTP_VERSION_NONE)
        assert_request("/a");
    if (io == CLIENT_IO_WAIT)
        io = read_content(content, &size, max, &reason);
    assert_int_equal(io, CLIENT_IO_END);
    assert_still("/a");
    assert_int_equal(size, strlen(now->content));
    assert_memory_equal(content, now->content, size);
    /* The end is told as often as it is asked for. */
    assert_int_equal(read_content(content, &size, max, &reason), CLIENT_IO_END);
    client_http1_next(&client);
    assert_request("/b");
    client_http1_next(&client);
    assert_int_equal(blocks_in_use(), 0);
    (void)end_turn();
}

TEST(content_is_the_same_however_it_is_split)
{
    uint32_t seed = 11;

    open_world();
    for (size_t i = 0; i < COUNT(split_cases); i++) {
        for (size_t split = 0; split <= strlen(split_cases[i].bytes) - strlen(GET("/b")); split++)
            assert_split(&split_cases[i], split,
                         random_below(&seed, 2) == 0 ? PLENTY : 1 + random_below(&seed, 3));
    }
    close_world();
}

TEST(content_is_the_same_byte_by_byte)
{
    open_world();
    for (size_t i = 0; i < COUNT(split_cases); i++) {
        enum reason reason = REASON_UNDECIDED;
        enum client_io io = CLIENT_IO_WAIT;
        bool has_request = false;
        char content[64];
        size_t size = 0;

        for (size_t j = 0; j < strlen(split_cases[i].bytes); j++) {
            client_says(slice_from(split_cases[i].bytes + j, 1));
            if (!has_request)
                has_request = read_request() == CLIENT_HTTP1_REQUEST;
            if (has_request && io == CLIENT_IO_WAIT)
                io = read_content(content, &size, PLENTY, &reason);
            if (io == CLIENT_IO_END) {
                assert_int_equal(size, slice_equals(client.request.path, SLICE("/a"))
                                           ? strlen(split_cases[i].content)
                                           : 0);
                client_http1_next(&client);
                io = CLIENT_IO_WAIT;
                has_request = false;
                size = 0;
            }
            (void)end_turn();
        }
        assert_false(has_request);
        assert_int_equal(blocks_in_use(), 0);
    }
    close_world();
}

/* Larger than all the memory there is for it: handed on before more is read. */
TEST(large_content_flows_through_little_memory)
{
    enum { TOTAL = 1024 * 1024, PIECE = 48 * 1024 };
    char *piece = memory_allocate(PIECE);
    char *content = memory_allocate(TOTAL + PIECE);
    enum reason reason = REASON_UNDECIDED;
    size_t size = 0;
    size_t sent = 0;

    open_world();
    client_says(SLICE("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n"));
    assert_request("/a");
    while (sent < TOTAL) {
        size_t count = TOTAL - sent < PIECE ? TOTAL - sent : PIECE;

        for (size_t i = 0; i < count; i++)
            piece[i] = (char)((sent + i) % 253);
        client_says(slice_from(piece, count));
        sent += count;
        while (read_content(content, &size, 10000, &reason) == CLIENT_IO_WAIT && size < sent)
            (void)end_turn();
        (void)end_turn();
    }
    assert_still("/a");
    assert_int_equal(size, TOTAL);
    for (size_t i = 0; i < TOTAL; i++)
        assert_int_equal(content[i], (char)(i % 253));
    assert_int_equal(read_content(content, &size, 1, &reason), CLIENT_IO_END);
    close_world();
    memory_release(piece);
    memory_release(content);
}

static void assert_blocks(size_t small, size_t large)
{
    assert_int_equal(pool_in_use(blocks.small), small);
    assert_int_equal(pool_in_use(blocks.large), large);
}

static void allow_large_heads(void)
{
    static struct connection_limits generous;

    generous = *client.limits;
    generous.request_header_bytes = 32 * 1024;
    generous.request_header_count = 100;
    client_http1_set_generation(&client, &generous, NULL);
}

TEST(a_part_of_a_head_holds_little_until_it_is_large)
{
    char filler[CLIENT_HTTP1_SMALL_INPUT_BYTES];

    memset(filler, 'x', sizeof(filler));
    open_world();
    allow_large_heads();
    client_says(SLICE("GET /a HTTP/1.1\r\nHost: x\r\nX: "));
    assert_int_equal(read_request(), CLIENT_HTTP1_WAIT);
    (void)end_turn();
    assert_blocks(1, 0);
    client_says(slice_from(filler, sizeof(filler)));
    assert_int_equal(read_request(), CLIENT_HTTP1_WAIT);
    (void)end_turn();
    assert_blocks(0, 1);
    client_says(SLICE("\r\n\r\n"));
    assert_request("/a");
    assert_int_equal(client.request.fields.items[1].value.size, sizeof(filler));
    client_http1_next(&client);
    assert_blocks(0, 0);
    close_world();
}

TEST(many_small_fields_get_room_as_well)
{
    open_world();
    allow_large_heads();
    client_says(SLICE("GET /a HTTP/1.1\r\nHost: x\r\n"));
    for (unsigned i = 0; i < 80; i++)
        client_says(SLICE("A: b\r\n"));
    client_says(SLICE("\r\n"));
    assert_request("/a");
    assert_still("/a");
    assert_int_equal(client.request.fields.count, 81);
    assert_blocks(0, 1);
    client_http1_next(&client);
    close_world();
}

/* It has a large block while it comes fast, and none while nothing comes. */
TEST(content_that_pauses_holds_little)
{
    enum { PIECE = 24 * 1024 };
    char *piece = memory_allocate(PIECE);
    char *content = memory_allocate(4 * PIECE);
    enum reason reason = REASON_UNDECIDED;
    size_t size = 0;

    open_world();
    client_says(SLICE("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 49153\r\n\r\n"));
    assert_request("/a");
    for (unsigned i = 0; i < 2; i++) {
        client_says(slice_from(piece, PIECE));
        while (size < (i + 1) * (size_t)PIECE) {
            assert_int_equal(read_content(content, &size, 10000, &reason), CLIENT_IO_WAIT);
            (void)end_turn();
        }
        assert_blocks(1, 0);
        assert_still("/a");
    }
    client_says(SLICE("!"));
    assert_int_equal(read_content(content, &size, 10000, &reason), CLIENT_IO_END);
    assert_blocks(1, 0);
    client_http1_next(&client);
    assert_blocks(0, 0);
    close_world();
    memory_release(piece);
    memory_release(content);
}

/* What follows content that came fast is in its large block, and is not lost. */
TEST(a_request_behind_large_content_is_found)
{
    enum { PIECE = 24 * 1024 };
    char *piece = memory_allocate(PIECE);
    char *content = memory_allocate(2 * PIECE);
    enum reason reason = REASON_UNDECIDED;
    size_t size = 0;

    open_world();
    client_says(SLICE("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 24576\r\n\r\n"));
    client_says(slice_from(piece, PIECE));
    client_says(SLICE(GET("/b") GET("/c")));
    assert_request("/a");
    assert_int_equal(read_content(content, &size, PLENTY, &reason), CLIENT_IO_END);
    assert_int_equal(size, PIECE);
    client_http1_next(&client);
    assert_request("/b");
    client_http1_next(&client);
    assert_request("/c");
    client_http1_next(&client);
    assert_int_equal(read_request(), CLIENT_HTTP1_WAIT);
    assert_blocks(0, 0);
    (void)end_turn();
    close_world();
    memory_release(piece);
    memory_release(content);
}

TEST(chunks_that_are_malformed_fail)
{
    enum reason reason = REASON_UNDECIDED;
    char content[16];
    size_t size = 0;

    open_world();
    client_says(SLICE("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "2\r\nok\r\n-2\r\nno\r\n0\r\n\r\n"));
    assert_request("/a");
    assert_int_equal(read_content(content, &size, PLENTY, &reason), CLIENT_IO_FAILED);
    assert_int_equal(reason, REASON_REQUEST_CHUNK_MALFORMED);
    assert_int_equal(size, 2);
    /* It never recovers. */
    assert_int_equal(read_content(content, &size, PLENTY, &reason), CLIENT_IO_FAILED);
    (void)end_turn();
    close_world();
}

TEST(a_client_that_ends_inside_its_content_has_gone)
{
    static const char *const heads[] = {
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nok",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
    };

    for (size_t i = 0; i < COUNT(heads) * 2; i++) {
        enum reason reason = REASON_UNDECIDED;
        char content[16];
        size_t size = 0;

        open_world();
        client_says(slice_from_text(heads[i / 2]));
        if (i % 2 == 0)
            SSL_shutdown(pair.client);
        tls_fixture_flush(&pair);
        tls_fixture_hang_up(&pair);
        assert_request("/a");
        /* The end of the socket may be seen a turn later than the bytes before it. */
        if (read_content(content, &size, PLENTY, &reason) == CLIENT_IO_WAIT)
            (void)end_turn();
        assert_int_equal(read_content(content, &size, PLENTY, &reason), CLIENT_IO_FAILED);
        assert_int_equal(reason, REASON_REQUEST_ABANDONED);
        assert_int_equal(size, 2);
        (void)end_turn();
        close_world();
    }
}

TEST(the_end_of_a_client_is_told)
{
    open_world();
    client_says(SLICE(GET("/1")));
    SSL_shutdown(pair.client);
    tls_fixture_flush(&pair);
    assert_request("/1");
    client_http1_next(&client);
    assert_int_equal(read_request(), CLIENT_HTTP1_CLOSED);
    (void)end_turn();
    close_world();
}

TEST(a_head_that_cannot_be_read_is_refused_with_the_reason)
{
    enum reason reason = REASON_UNDECIDED;
    const char *detail = NULL;

    open_world();
    client_says(SLICE("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"));
    assert_int_equal(client_http1_read_request(&client, &reason, &detail), CLIENT_HTTP1_REFUSED);
    assert_int_equal(reason, REASON_REQUEST_HOST_MALFORMED);
    assert_string_equal(detail, "Host twice");
    (void)end_turn();
    close_world();

    open_world();
    for (size_t i = 0; i < 1024 / 16; i++)
        client_says(SLICE("0123456789abcdef"));
    assert_int_equal(client_http1_read_request(&client, &reason, &detail), CLIENT_HTTP1_REFUSED);
    (void)end_turn();
    close_world();
}

TEST(a_head_may_be_as_large_as_allowed_and_no_larger)
{
    for (size_t extra = 0; extra < 2; extra++) {
        char head[1026];
        size_t used = (size_t)snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: x\r\nA: ");
        size_t size = 1024 + extra;

        memset(head + used, 'x', size - used);
        memcpy(head + size - 4, "\r\n\r\n", 4);
        open_world();
        client_says(slice_from(head, size));
        assert_int_equal(read_request(), extra == 0 ? CLIENT_HTTP1_REQUEST : CLIENT_HTTP1_REFUSED);
        (void)end_turn();
        close_world();
    }
}

TEST(without_memory_nothing_is_read)
{
    open_world_with(0);
    client_says(SLICE(GET("/1")));
    assert_int_equal(read_request(), CLIENT_HTTP1_FULL);
    close_world();
}

TEST(new_limits_hold_from_the_next_head_on)
{
    struct connection_limits tighter;

    open_world();
    tighter = limits;
    tighter.request_header_bytes = 16;
    client_says(SLICE("GET /1 HTTP/1.1\r\nHost"));
    assert_int_equal(read_request(), CLIENT_HTTP1_WAIT);
    client_http1_set_generation(&client, &tighter, NULL);
    assert_int_equal(read_request(), CLIENT_HTTP1_REFUSED);
    (void)end_turn();
    close_world();
}

/* ---- 100 (Continue) ---- */

static const char expecting[] =
    "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";

TEST(a_client_that_waits_is_invited_once)
{
    open_world();
    client_says(slice_from_text(expecting));
    assert_request("/a");
    assert_string_equal(end_turn(), "");
    operations->invite_content(&client);
    assert_string_equal(end_turn(), "HTTP/1.1 100 Continue\r\n\r\n");
    operations->invite_content(&client);
    assert_string_equal(end_turn(), "");
    close_world();
}

TEST(a_client_that_does_not_wait_is_not_invited)
{
    static const char *const heads[] = {
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n",
        "POST /a HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    };

    for (size_t i = 0; i < COUNT(heads); i++) {
        open_world();
        client_says(slice_from_text(heads[i]));
        assert_request("/a");
        operations->invite_content(&client);
        assert_string_equal(end_turn(), "");
        close_world();
    }
}

static const struct http_response ok_response = {.version = HTTP_VERSION_1_1,
                                                 .status = 200,
                                                 .reason_phrase = SLICE_STATIC("OK"),
                                                 .framing = HTTP_FRAMING_CHUNKED,
                                                 .keep_alive = true};

TEST(nobody_is_invited_behind_an_answer)
{
    open_world();
    client_says(slice_from_text(expecting));
    assert_request("/a");
    assert_int_equal(operations->send_head(&client, &ok_response, true), REASON_NONE);
    operations->invite_content(&client);
    operations->send_end(&client, SLICE(""));
    assert_null(strstr(end_turn(), "100 Continue"));
    close_world();
}

/* ---- interim answers, trailers, and clients that end their side ---- */

static const struct http_response hints = {.version = HTTP_VERSION_1_1,
                                           .status = 103,
                                           .reason_phrase = SLICE_STATIC("Early Hints"),
                                           .keep_alive = true};

TEST(interim_answers_are_for_clients_that_know_of_them)
{
    open_world();
    client_says(SLICE(GET("/a")));
    assert_request("/a");
    assert_int_equal(operations->send_interim(&client, &hints), REASON_NONE);
    assert_string_equal(end_turn(), "HTTP/1.1 103 Early Hints\r\nVia: 1.1 sallyport\r\n\r\n");
    assert_false(client.answer_closes);
    close_world();

    open_world();
    client_says(SLICE("GET /a HTTP/1.0\r\nHost: x\r\n\r\n"));
    assert_request("/a");
    assert_int_equal(operations->send_interim(&client, &hints), REASON_NONE);
    assert_string_equal(end_turn(), "");
    close_world();
}

#define CHUNKED_POST                                                                               \
    "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"

TEST(trailers_of_a_request_are_kept_within_limits)
{
    static const struct {
        struct slice trailers;
        enum reason reason;
        size_t count;
    } cases[] = {
        {SLICE_STATIC("\r\n"), REASON_NONE, 0},
        {SLICE_STATIC("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n"), REASON_NONE, 4},
        {SLICE_STATIC("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n"),
         REASON_REQUEST_TRAILERS_TOO_LARGE, 0},
        {SLICE_STATIC("A 1\r\n\r\n"), REASON_REQUEST_CHUNK_MALFORMED, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        enum reason reason = REASON_NONE;
        char content[16];
        size_t size = 0;

        open_world();
        client_says(SLICE(CHUNKED_POST));
        assert_request("/a");
        client_says(cases[i].trailers);
        (void)end_turn();
        assert_int_equal(read_content(content, &size, PLENTY, &reason),
                         cases[i].reason == REASON_NONE ? CLIENT_IO_END : CLIENT_IO_FAILED);
        assert_string_equal(reason_name(reason), reason_name(cases[i].reason));
        assert_int_equal(operations->trailers(&client).count, cases[i].count);
        close_world();
    }
}

TEST(a_client_that_says_that_it_sends_no_more_has_ended)
{
    open_world();
    client_says(SLICE(GET("/a")));
    assert_request("/a");
    assert_false(client_http1_has_ended(&client));
    client_says(SLICE(GET("/b")));
    assert_int_equal(SSL_shutdown(pair.client), 0);
    tls_fixture_flush(&pair);
    (void)end_turn();
    assert_true(client_http1_has_ended(&client));
    assert_true(client_http1_has_ended(&client));
    assert_still("/a");
    /* What came before its end is there still. */
    client_http1_next(&client);
    assert_request("/b");
    client_http1_next(&client);
    assert_int_equal(read_request(), CLIENT_HTTP1_CLOSED);
    close_world();
}

/* ---- answers ---- */

static void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        print_error("'%s' is not in '%s'\n", part, text);
    assert_non_null(strstr(text, part));
}

static void send_response(const char *request, const struct http_response *response, bool close)
{
    client_says(slice_from_text(request));
    assert_int_equal(read_request(), CLIENT_HTTP1_REQUEST);
    assert_int_equal(operations->send_head(&client, response, close), REASON_NONE);
}

static void send_two_parts(void)
{
    operations->send_content(&client, SLICE("0123456789"));
    operations->send_content(&client, SLICE("abcdefghijklmnop"));
    operations->send_end(&client, SLICE(""));
}

TEST(content_of_unknown_length_goes_in_chunks)
{
    const char *text;

    open_world();
    send_response(GET("/"), &ok_response, false);
    send_two_parts();
    text = end_turn();
    assert_memory_equal(text, "HTTP/1.1 200 OK\r\n", 17);
    assert_has(text, "\r\nTransfer-Encoding: chunked\r\n");
    assert_has(text, "\r\n\r\na\r\n0123456789\r\n10\r\nabcdefghijklmnop\r\n0\r\n\r\n");
    assert_null(strstr(text, "Connection: close"));
    assert_false(client.answer_closes);
    close_world();
}

/* RFC 9112 section 6.1: HTTP/1.0 knows no chunks; the end of the connection ends the content. */
TEST(an_old_client_gets_content_until_the_end)
{
    static const char request[] = "GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n";
    struct http_response response = ok_response;
    const char *text;

    open_world();
    send_response(request, &response, false);
    send_two_parts();
    text = end_turn();
    assert_has(text, "\r\nConnection: close\r\n");
    assert_null(strstr(text, "Transfer-Encoding"));
    assert_has(text, "\r\n\r\n0123456789abcdefghijklmnop");
    assert_true(client.answer_closes);
    close_world();

    /* A length says the same without it. */
    open_world();
    response.framing = HTTP_FRAMING_LENGTH;
    response.content_length = 26;
    response.has_content_length = true;
    send_response(request, &response, false);
    send_two_parts();
    text = end_turn();
    assert_has(text, "\r\nContent-Length: 26\r\n");
    assert_has(text, "\r\nConnection: keep-alive\r\n");
    assert_has(text, "\r\n\r\n0123456789abcdefghijklmnop");
    assert_false(client.answer_closes);
    close_world();
}

TEST(content_that_a_backend_ends_by_closing_goes_in_chunks)
{
    struct http_response response = ok_response;
    const char *text;

    open_world();
    response.framing = HTTP_FRAMING_UNTIL_CLOSE;
    response.keep_alive = false;
    send_response(GET("/"), &response, false);
    send_two_parts();
    text = end_turn();
    assert_has(text, "\r\nTransfer-Encoding: chunked\r\n");
    assert_has(text, "\r\n0\r\n\r\n");
    assert_false(client.answer_closes);
    close_world();
}

TEST(the_connection_closes_when_either_side_wants_it)
{
    static const char *const requests[] = {
        GET("/"),
        "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
    };

    for (size_t i = 0; i < COUNT(requests); i++) {
        open_world();
        send_response(requests[i], &ok_response, i == 0);
        operations->send_end(&client, SLICE(""));
        assert_has(end_turn(), "\r\nConnection: close\r\n");
        assert_true(client.answer_closes);
        close_world();
    }
}

TEST(a_head_that_cannot_be_written_leaves_no_trace)
{
    struct http_field field = {.name = SLICE("A"), .value = SLICE("b\r\nInjected: yes")};
    struct http_response response = ok_response;

    open_world();
    response.fields = (struct http_fields){&field, 1};
    client_says(SLICE(GET("/")));
    assert_request("/");
    assert_int_equal(operations->send_head(&client, &response, false),
                     REASON_BACKEND_RESPONSE_MALFORMED);
    assert_string_equal(end_turn(), "");
    close_world();
}

TEST(an_answer_of_our_own_is_whole)
{
    struct answer_facts facts = {.reason = REASON_ROUTE_NOT_FOUND, .server_token = "sallyport"};
    const char *text;
    uint64_t bytes;

    open_world();
    client_says(SLICE(GET("/")));
    assert_request("/");
    facts.request = &client.request;
    bytes = operations->send_answer(&client, &facts);
    text = end_turn();
    assert_memory_equal(text, "HTTP/1.1 404 ", 13);
    assert_non_null(strstr(text, "\r\n\r\n"));
    assert_int_equal(strlen(strstr(text, "\r\n\r\n") + 4), bytes);
    assert_false(client.answer_closes);
    close_world();

    open_world();
    client_says(SLICE("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert_request("/");
    (void)operations->send_answer(&client, &facts);
    assert_has(end_turn(), "\r\nConnection: close\r\n");
    assert_true(client.answer_closes);
    close_world();
}

/* ---- records and room ---- */

/* How many TLS records wait in the client's socket. */
static size_t records_waiting(void)
{
    static unsigned char bytes[HEARD_BYTES];
    ssize_t size = recv(pair.client_fd, bytes, sizeof(bytes), MSG_PEEK);
    size_t count = 0;

    for (size_t i = 0; size > 0 && i + 5 <= (size_t)size; count++)
        i += 5 + (size_t)(bytes[i + 3] << 8 | bytes[i + 4]);
    return count;
}

TEST(a_head_and_its_content_go_in_one_record)
{
    open_world();
    (void)end_turn();
    send_response(GET("/"), &ok_response, false);
    send_two_parts();
    client_http1_flush(&client);
    assert_int_equal(tls_connection_end_turn(pair.server), TLS_DONE);
    assert_int_equal(records_waiting(), 1);
    close_world();
}

/* Pieces of every size, framed in chunks, up to the room there is, until the socket is full too. */
TEST(whatever_the_room_allows_can_be_sent)
{
    enum { PIECE = 200 * 1024, ROUNDS = 60 };
    char *piece = memory_allocate(PIECE);
    uint32_t seed = 17;

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t sent = 0;
        size_t got;

        open_world();
        send_response(GET("/"), &ok_response, false);
        for (;;) {
            size_t room = operations->room(&client);
            size_t size = random_below(&seed, 4) == 0 ? random_below(&seed, PIECE)
                                                      : random_below(&seed, 1 + round * 400);

            /* As an exchange does. */
            if (room <= 64)
                break;
            size = size + 1 > room - 64 ? room - 64 : size + 1;
            operations->send_content(&client, slice_from(piece, size));
            sent += size;
        }
        assert_true(sent > 32 * 1024);
        got = strlen(end_turn());
        /* Content of NULs looks short to strlen; the head is there, and nothing failed. */
        assert_true(got > 0);
        close_world();
    }
    memory_release(piece);
}

TEST(there_is_no_room_while_output_waits)
{
    enum { PIECE = 64 * 1024 };
    char *piece = memory_allocate(PIECE);
    enum tls_outcome outcome = TLS_DONE;

    open_world();
    send_response(GET("/"), &ok_response, false);
    for (unsigned i = 0; i < 100 && outcome == TLS_DONE; i++) {
        assert_true(operations->room(&client) > PIECE);
        operations->send_content(&client, slice_from(piece, PIECE));
        client_http1_flush(&client);
        outcome = tls_connection_end_turn(pair.server);
    }
    assert_int_equal(outcome, TLS_WANTS_WRITE);
    assert_int_equal(operations->room(&client), 0);
    (void)end_turn();
    assert_true(operations->room(&client) > PIECE);
    close_world();
    memory_release(piece);
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(pipelined_requests_are_read_one_by_one),
                     cmocka_unit_test(content_is_the_same_however_it_is_split),
                     cmocka_unit_test(content_is_the_same_byte_by_byte),
                     cmocka_unit_test(large_content_flows_through_little_memory),
                     cmocka_unit_test(a_part_of_a_head_holds_little_until_it_is_large),
                     cmocka_unit_test(many_small_fields_get_room_as_well),
                     cmocka_unit_test(content_that_pauses_holds_little),
                     cmocka_unit_test(a_request_behind_large_content_is_found),
                     cmocka_unit_test(chunks_that_are_malformed_fail),
                     cmocka_unit_test(a_client_that_ends_inside_its_content_has_gone),
                     cmocka_unit_test(the_end_of_a_client_is_told),
                     cmocka_unit_test(a_head_that_cannot_be_read_is_refused_with_the_reason),
                     cmocka_unit_test(a_head_may_be_as_large_as_allowed_and_no_larger),
                     cmocka_unit_test(without_memory_nothing_is_read),
                     cmocka_unit_test(new_limits_hold_from_the_next_head_on),
                     cmocka_unit_test(a_client_that_waits_is_invited_once),
                     cmocka_unit_test(a_client_that_does_not_wait_is_not_invited),
                     cmocka_unit_test(nobody_is_invited_behind_an_answer),
                     cmocka_unit_test(interim_answers_are_for_clients_that_know_of_them),
                     cmocka_unit_test(trailers_of_a_request_are_kept_within_limits),
                     cmocka_unit_test(a_client_that_says_that_it_sends_no_more_has_ended),
                     cmocka_unit_test(content_of_unknown_length_goes_in_chunks),
                     cmocka_unit_test(an_old_client_gets_content_until_the_end),
                     cmocka_unit_test(content_that_a_backend_ends_by_closing_goes_in_chunks),
                     cmocka_unit_test(the_connection_closes_when_either_side_wants_it),
                     cmocka_unit_test(a_head_that_cannot_be_written_leaves_no_trace),
                     cmocka_unit_test(an_answer_of_our_own_is_whole),
                     cmocka_unit_test(a_head_and_its_content_go_in_one_record),
                     cmocka_unit_test(whatever_the_room_allows_can_be_sent),
                     cmocka_unit_test(there_is_no_room_while_output_waits));
}
