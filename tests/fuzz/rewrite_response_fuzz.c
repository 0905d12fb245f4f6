/* SPDX-License-Identifier: Apache-2.0 */
/* module: gateway/rewrite */
/*
 * Any answer's head on its way to a client, and what follows it as chunked content with trailers.
 * The first byte of the input chooses the client's version, what it was asked for, and whether it
 * takes trailers. What is written is read again: it says the same status and ends where it was
 * meant to; nothing of the backend's own hop is left, and no trailer says what a head would.
 */
#include <assert.h>

#include "gateway/rewrite/rewrite.h"
#include "protocol/http/http_chunked.h"
#include "protocol/http/http_read.h"
#include "protocol/http/http_trailer.h"

enum {
    ARENA_SIZE = 1 << 20,
    BUFFER_SIZE = 1 << 18,
    TRAILERS_MAX = 16,
    OPTION_OLD_CLIENT = 1,
    OPTION_TO_HEAD = 2,
    OPTION_TRAILERS = 4,
    OPTION_CLOSE = 8
};

static char first_memory[ARENA_SIZE];
static char second_memory[ARENA_SIZE];
static char buffer_memory[BUFFER_SIZE];
static char section_memory[1024];

static const struct http_limits limits = {.head_bytes = 4096, .target_bytes = 0, .fields = 64};
static const struct http_limits rewritten_limits = {
    .head_bytes = BUFFER_SIZE, .target_bytes = 0, .fields = 2048};
static const struct http_chunked_limits chunked_limits = {
    .extension_bytes = 64, .trailer_bytes = sizeof(section_memory) - 2};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (http_name_folds_equal(name, slice_from_text(names[i])))
            return true;
    }
    return false;
}

/* How the gateway sends content on: a backend that ends with its connection becomes chunks. */
static enum http_framing framing_for(const struct http_response *response, enum http_version client)
{
    if (response->framing == HTTP_FRAMING_NONE || response->framing == HTTP_FRAMING_LENGTH)
        return response->framing;
    return client == HTTP_VERSION_1_1 ? HTTP_FRAMING_CHUNKED : HTTP_FRAMING_UNTIL_CLOSE;
}

static void check_head(struct slice head, const struct http_response *response,
                       const struct rewrite_response_facts *facts, bool to_head)
{
    static const char *const gone[] = {"Keep-Alive", "Proxy-Connection", "Upgrade", "Client-Cert",
                                       "TE",         "Client-Cert-Chain"};
    struct http_read_progress progress = {0};
    struct http_response again;
    struct http_read read;
    struct arena arena;

    arena_init(&arena, second_memory, sizeof(second_memory));
    read = http_read_response(head, &rewritten_limits, &progress, to_head, &arena, &again);
    assert(read.outcome == HTTP_READ_COMPLETE && read.consumed == head.size);
    assert(again.status == response->status);
    if (again.status >= 200)
        assert(again.framing == facts->framing);
    if (again.framing == HTTP_FRAMING_LENGTH)
        assert(again.content_length == response->content_length);
    assert(http_fields_count(&again.fields, SLICE("Connection")) <= 1);
    if (facts->close && again.status >= 200)
        assert(!again.keep_alive);
    for (size_t i = 0; i < again.fields.count; i++)
        assert(!is_one_of(again.fields.items[i].name, gone, sizeof(gone) / sizeof(gone[0])));
    if (!facts->accepts_trailers || again.framing != HTTP_FRAMING_CHUNKED)
        assert(http_fields_find(&again.fields, SLICE("Trailer")) == NULL);
}

/* An independent idea of what may not come behind the content. */
static bool belongs_in_a_head(struct slice name)
{
    static const char *const names[] = {
        "Content-Length",   "Transfer-Encoding", "Host",      "Connection",  "Trailer",
        "Authorization",    "Set-Cookie",        "Cookie",    "Client-Cert", "X-ARR-ClientCert",
        "Content-Encoding", "Content-Type",      "Forwarded", "Location",    "Cache-Control"};

    return is_one_of(name, names, sizeof(names) / sizeof(names[0])) || !http_name_is_plain(name);
}

/* The chunked content that `input` begins with; empty where it does not end well. */
static struct slice decode_trailers(struct slice input)
{
    struct http_chunked chunked;
    enum http_chunked_outcome outcome = HTTP_CHUNKED_CONTENT;

    assert(http_chunked_trailer_room(&chunked_limits) <= sizeof(section_memory));
    http_chunked_init(&chunked, &chunked_limits);
    http_chunked_keep_trailers(&chunked, section_memory);
    while (outcome == HTTP_CHUNKED_CONTENT) {
        struct slice content;
        size_t consumed;

        outcome = http_chunked_decode(&chunked, input, &consumed, &content);
        input = slice_after(input, consumed);
    }
    return http_chunked_trailers(&chunked);
}

static void check_trailers(const struct http_response *response, struct slice input)
{
    struct http_name_set *owned = rewrite_owned_names_create();
    struct http_fields trailers;
    struct http_fields again;
    struct buffer lines;
    struct arena arena;
    size_t stripped = 0;

    arena_init(&arena, second_memory, sizeof(second_memory));
    buffer_init(&lines, buffer_memory, sizeof(buffer_memory));
    if (http_trailers_read(decode_trailers(input), TRAILERS_MAX, &arena, &trailers) == NULL &&
        rewrite_trailers(owned, &response->fields, &trailers, &lines, &stripped)) {
        bool has_end = buffer_append(&lines, SLICE("\r\n"));

        assert(has_end);
        assert(http_trailers_read(buffer_readable(&lines), TRAILERS_MAX, &arena, &again) == NULL);
        assert(again.count + stripped == trailers.count);
        for (size_t i = 0; i < again.count; i++)
            assert(!belongs_in_a_head(again.items[i].name));
    }
    http_name_set_destroy(owned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_read_progress progress = {0};
    struct rewrite_response_facts facts = {.pseudonym = SLICE("sallyport")};
    struct http_response response;
    struct http_read read;
    struct slice input;
    struct arena arena;
    struct buffer head;
    bool to_head;

    if (size == 0)
        return 0;
    input = slice_from(data + 1, size - 1);
    to_head = (data[0] & OPTION_TO_HEAD) != 0;
    arena_init(&arena, first_memory, sizeof(first_memory));
    read = http_read_response(input, &limits, &progress, to_head, &arena, &response);
    if (read.outcome != HTTP_READ_COMPLETE)
        return 0;
    facts.client_version = (data[0] & OPTION_OLD_CLIENT) != 0 ? HTTP_VERSION_1_0 : HTTP_VERSION_1_1;
    facts.accepts_trailers = (data[0] & OPTION_TRAILERS) != 0;
    facts.framing = framing_for(&response, facts.client_version);
    facts.close = (data[0] & OPTION_CLOSE) != 0 || facts.framing == HTTP_FRAMING_UNTIL_CLOSE;
    buffer_init(&head, buffer_memory, sizeof(buffer_memory));
    if (rewrite_response_head(&response, &facts, &head) == REASON_NONE)
        check_head(buffer_readable(&head), &response, &facts, to_head);
    else
        assert(head.written == 0);
    check_trailers(&response, slice_after(input, read.consumed));
    return 0;
}
