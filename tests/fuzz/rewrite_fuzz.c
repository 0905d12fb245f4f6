/* SPDX-License-Identifier: Apache-2.0 */
/* module: gateway/rewrite */
/*
 * Any request's head on its way to a backend. The first byte of the input chooses the mode, what
 * the route forwards, and how the dashes of the client's names are spelled, so that names come by
 * which the reader would refuse. What is written is read again: it asks for the same, ends where
 * the client's request ends, and each field that could say who the client is, is ours.
 */
#include <assert.h>

#include "gateway/rewrite/rewrite.h"
#include "protocol/http/http_read.h"

enum {
    ARENA_SIZE = 1 << 20,
    BUFFER_SIZE = 1 << 18,
    OPTION_MODE = 3,
    OPTION_UNVERIFIED = 4,
    OPTION_SEPARATOR_SHIFT = 3,
    OPTION_SEPARATOR = 3,
    OUR_FIELDS_MAX = 48 /* what Trailer announces, each on a line, included */
};

static char first_memory[ARENA_SIZE];
static char second_memory[ARENA_SIZE];
static char facts_memory[4096];
static char buffer_memory[BUFFER_SIZE];

static const struct http_limits limits = {.head_bytes = 4096, .target_bytes = 1024, .fields = 64};
/* Names with other separators may reach the reader again here, never a client's. */
static const struct http_limits rewritten_limits = {
    .head_bytes = BUFFER_SIZE, .target_bytes = BUFFER_SIZE, .fields = 64 + OUR_FIELDS_MAX};

static const char trace_id[] = "0123456789abcdef0123456789abcdef";
static const struct identity_header_settings headers[] = {
    {.name = "X-Verified", .format = IDENTITY_FORMAT_VERIFICATION},
    {.name = "Client-Cert", .format = IDENTITY_FORMAT_RFC9440}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An independent idea of names that must be ours: not the lists that the module has. */
static bool must_be_ours(struct slice name)
{
    static const char *const whole[] = {"x-verified", "forwarded", "remote-user",
                                        "proxy",      "client-ip", "x-rewrite-url"};
    static const char *const beginnings[] = {
        "client-cert-", "x-client-cert", "x-forwarded-", "x-original-",  "x-arr-",
        "x-appgw-",     "ssl-client-",   "x-ssl-",       "x-amzn-mtls-", "cf-client-cert-"};

    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        if (http_name_folds_equal(name, slice_from_text(whole[i])))
            return true;
    }
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        struct slice beginning = slice_from_text(beginnings[i]);

        if (name.size >= beginning.size &&
            http_name_folds_equal(slice_first(name, beginning.size), beginning))
            return true;
    }
    return false;
}

/* Exactly the line that we write, and once. */
static void check_ours(const struct http_fields *fields, struct http_field field,
                       struct slice authority)
{
    const struct http_field ours[] = {
        {SLICE("X-Forwarded-For"), SLICE("192.0.2.7")},
        {SLICE("X-Forwarded-Proto"), SLICE("https")},
        {SLICE("X-Forwarded-Port"), SLICE("443")},
        {SLICE("X-Forwarded-Host"), authority},
        {SLICE("X-Original-Host"), authority},
        {SLICE("X-AppGW-Trace-Id"), slice_from_text(trace_id)},
        {SLICE("X-Verified"), SLICE("NONE")},
    };
    size_t found = 0;

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (slice_equals(field.name, ours[i].name) && slice_equals(field.value, ours[i].value))
            found++;
    }
    assert(found == 1);
    found = 0;
    for (size_t i = 0; i < fields->count; i++) {
        if (http_name_folds_equal(fields->items[i].name, field.name))
            found++;
    }
    assert(found == 1);
}

/* The client's names with '-' replaced; the same bytes are used for nothing else. */
static void spell_names(struct http_request *request, char separator, struct arena *arena)
{
    for (size_t i = 0; i < request->fields.count; i++) {
        struct slice name = request->fields.items[i].name;
        char *spelled = arena_allocate(arena, name.size);

        assert(spelled != NULL);
        for (size_t j = 0; j < name.size; j++)
            spelled[j] = name.data[j] == '-' ? separator : name.data[j];
        request->fields.items[i].name = slice_from(spelled, name.size);
    }
}

/* So that the reader takes what it refuses from clients, and only for reading again. */
static void mend_names(struct buffer *head)
{
    bool in_name = false;

    for (size_t i = head->read; i < head->written; i++) {
        if (head->data[i] == '\n')
            in_name = true;
        else if (head->data[i] == ':')
            in_name = false;
        else if (in_name && (head->data[i] == '_' || head->data[i] == '.' || head->data[i] == '~'))
            head->data[i] = '-';
    }
}

static void check_head(struct buffer *head, const struct http_request *request)
{
    struct http_read_progress progress = {0};
    struct http_request again;
    struct http_read read;
    struct arena arena;

    mend_names(head);
    arena_init(&arena, second_memory, sizeof(second_memory));
    read = http_read_request(buffer_readable(head), &rewritten_limits, &progress, &arena, &again);
    assert(read.outcome == HTTP_READ_COMPLETE);
    assert(read.consumed == buffer_readable(head).size);
    assert(slice_equals(again.method, request->method));
    assert(slice_equals(again.path, request->path));
    assert(again.has_query == request->has_query && slice_equals(again.query, request->query));
    assert(slice_equals(again.host, request->host));
    assert(again.framing == request->framing);
    assert(again.content_length == request->content_length);
    assert(again.has_content_length == request->has_content_length);
    assert(again.keep_alive && !again.expects_continue);
    for (size_t i = 0; i < again.fields.count; i++) {
        if (must_be_ours(again.fields.items[i].name))
            check_ours(&again.fields, again.fields.items[i], request->authority);
    }
}

static void rewrite(struct http_request *request, const struct rewrite_settings *settings,
                    enum client_certificate_mode mode)
{
    static const struct authentication anonymous = {.reason = REASON_NONE};
    struct http_name_set *owned = rewrite_owned_names_create();
    struct rewrite_plan *plan = rewrite_plan_create(settings, owned);
    struct rewrite_request_facts facts = {
        .forwarded_for = SLICE("192.0.2.7"),
        .listener_port = 443,
        .trace_id = trace_id,
        .pseudonym = SLICE("sallyport"),
        .host = request->authority,
        .authentication = &anonymous,
        .mode = mode,
    };
    struct arena arena;
    struct buffer head;
    size_t stripped = 0;
    enum reason reason;

    http_name_set_add(owned, SLICE("X-Verified"));
    arena_init(&arena, facts_memory, sizeof(facts_memory));
    facts.arena = &arena;
    buffer_init(&head, buffer_memory, sizeof(buffer_memory));
    reason = rewrite_request_head(plan, request, &facts, &head, &stripped);
    if (reason == REASON_NONE)
        check_head(&head, request);
    else
        assert(head.written == 0 && reason == REASON_REQUEST_CONNECTION_MALFORMED &&
               rewrite_check_connection(owned, request) == reason);
    rewrite_plan_destroy(plan);
    http_name_set_destroy(owned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = "-_.~";
    struct rewrite_settings settings = {.identity_headers = headers,
                                        .identity_header_count =
                                            sizeof(headers) / sizeof(headers[0]),
                                        .forward_unverified = false};
    struct http_read_progress progress = {0};
    struct http_request request;
    struct arena arena;

    if (size == 0)
        return 0;
    settings.forward_unverified = (data[0] & OPTION_UNVERIFIED) != 0;
    arena_init(&arena, first_memory, sizeof(first_memory));
    if (http_read_request(slice_from(data + 1, size - 1), &limits, &progress, &arena, &request)
            .outcome != HTTP_READ_COMPLETE)
        return 0;
    spell_names(&request, separators[data[0] >> OPTION_SEPARATOR_SHIFT & OPTION_SEPARATOR], &arena);
    rewrite(&request, &settings, (enum client_certificate_mode)(data[0] & OPTION_MODE));
    return 0;
}
