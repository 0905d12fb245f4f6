/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a request's head. What can be refused early is: bytes that are no method, and a line that
 * ends in LF alone. Everything else is looked at once the head is whole, in the order in which
 * it is written.
 *
 * Decisions that RFC 9112 leaves to a recipient:
 * - A method has no lower-case letters and at most HTTP_METHOD_BYTES_MAX bytes. "get" is not GET,
 *   but some frameworks route it as if it were, behind a policy that names GET.
 * - A query holds what RFC 3986 section 3.4 allows, and what browsers send as it is (URL Standard,
 *   query percent-encode set): [ ] { } | ^ \ ` and a '%' that begins no escape. Nobody but the
 *   backend reads it. Not '"', '<', '>', '#', blanks, controls, or bytes above 0x7E.
 * - A field value may hold bytes above 0x7F. RFC 9110 section 5.5 calls them opaque data; browsers
 *   send them back in cookies that a backend has set, and refusing them would lock users out. The
 *   fields that are interpreted here have grammars without them.
 */
#include "protocol/http/http_read.h"

#include "protocol/http/http_characters_internal.h"
#include "protocol/http/http_head_internal.h"
#include "protocol/http/http_host.h"
#include "protocol/http/http_path.h"

enum { HTTP_METHOD_BYTES_MAX = 32 };

static struct http_read refused(enum reason reason, const char *detail)
{
    return http_read_refused(reason, detail);
}

/* What the steps below return when the next one may go on. */
static struct http_read accepted(void)
{
    return http_read_complete(0);
}

static bool is_accepted(struct http_read read)
{
    return read.outcome == HTTP_READ_COMPLETE;
}

/* RFC 9112 section 2.2: at least one empty line before the request line is to be ignored. One is.
 */
static size_t empty_line_before(struct slice window)
{
    return slice_starts_with(window, SLICE("\r\n")) ? 2 : 0;
}

/* Bytes that can never become a method are refused before anything else has come: a client that
 * speaks another protocol is not made to wait. */
static struct http_read check_beginning(struct slice begun)
{
    size_t size = http_character_span(begun, HTTP_CHARACTER_TOKEN);

    if (size > HTTP_METHOD_BYTES_MAX)
        return refused(REASON_REQUEST_METHOD_UNSUPPORTED, "method too long");
    if (size == begun.size || slice_equals(begun, SLICE("\r")))
        return accepted();
    /* A bare LF is found by the search for the head's end, which names it. */
    if (begun.data[size] == '\n' || (begun.data[size] == ' ' && size > 0))
        return accepted();
    return refused(REASON_REQUEST_LINE_MALFORMED, "not a method");
}

/* Of a head that does not end within its limit: was it the target? */
static struct http_read refuse_beyond_limit(struct slice begun, const struct http_limits *limits)
{
    struct slice target = slice_after(begun, slice_find(begun, ' ') + 1);

    target = slice_first(target, slice_find(target, ' '));
    target = slice_first(target, slice_find(target, '\r'));
    if (target.size > limits->target_bytes)
        return refused(REASON_REQUEST_TARGET_TOO_LONG, NULL);
    return refused(REASON_REQUEST_HEADER_TOO_LARGE, NULL);
}

static struct http_read check_method(struct slice method)
{
    if (slice_equals(method, SLICE("CONNECT")) || slice_equals(method, SLICE("TRACE")))
        return refused(REASON_REQUEST_METHOD_REFUSED, NULL);
    for (size_t i = 0; i < method.size; i++) {
        if (http_character_is(method.data[i], HTTP_CHARACTER_LOWER))
            return refused(REASON_REQUEST_METHOD_UNSUPPORTED, "lower-case letter in the method");
    }
    return accepted();
}

/* RFC 9112 section 3: method SP request-target SP HTTP-version, single spaces. */
static struct http_read read_request_line(struct slice line, const struct http_limits *limits,
                                          struct http_request *request)
{
    size_t method_size = slice_find(line, ' ');
    struct slice rest = slice_after(line, method_size + 1);
    size_t target_size = slice_find(rest, ' ');

    if (target_size == 0 || target_size == rest.size)
        return refused(REASON_REQUEST_LINE_MALFORMED, "not METHOD SP TARGET SP VERSION");
    if (target_size > limits->target_bytes)
        return refused(REASON_REQUEST_TARGET_TOO_LONG, NULL);
    if (!http_head_parse_version(slice_after(rest, target_size + 1), &request->version))
        return refused(REASON_REQUEST_LINE_MALFORMED, "not HTTP/1.0 or HTTP/1.1 at its end");
    if (request->version == HTTP_VERSION_NONE)
        return refused(REASON_REQUEST_VERSION_UNSUPPORTED, NULL);
    request->method = slice_first(line, method_size);
    request->target = slice_first(rest, target_size);
    request->is_head = slice_equals(request->method, SLICE("HEAD"));
    return check_method(request->method);
}

/* Splits at the first '?'. The raw path goes to `path`, to be made canonical. */
static struct http_read split_query(struct slice path_and_query, struct http_request *request)
{
    size_t mark = slice_find(path_and_query, '?');

    request->path = slice_first(path_and_query, mark);
    request->has_query = mark < path_and_query.size;
    request->query = slice_after(path_and_query, mark + 1);
    if (!http_characters_are(request->query, HTTP_CHARACTER_QUERY))
        return refused(REASON_REQUEST_TARGET_MALFORMED, "character in the query");
    return accepted();
}

static size_t scheme_size(struct slice target)
{
    static const struct slice schemes[] = {SLICE_STATIC("http://"), SLICE_STATIC("https://")};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (slice_equals_ignoring_case(slice_first(target, schemes[i].size), schemes[i]))
            return schemes[i].size;
    }
    return 0;
}

/* RFC 9112 section 3.2.2. The scheme is not used: the connection says which one it is. */
static struct http_read read_absolute_form(struct http_request *request)
{
    size_t skipped = scheme_size(request->target);
    struct slice rest = slice_after(request->target, skipped);
    size_t authority_size = 0;
    struct http_read read;

    if (skipped == 0)
        return refused(REASON_REQUEST_TARGET_MALFORMED, "neither a path nor http:// nor https://");
    while (authority_size < rest.size && rest.data[authority_size] != '/' &&
           rest.data[authority_size] != '?')
        authority_size++;
    request->authority = slice_first(rest, authority_size);
    read = split_query(slice_after(rest, authority_size), request);
    if (!is_accepted(read) || !slice_is_empty(request->path))
        return read;
    /* RFC 9112 section 3.2.4: OPTIONS for a server as a whole, as a proxy is asked. */
    if (!request->has_query && slice_equals(request->method, SLICE("OPTIONS")))
        request->path = SLICE("*");
    else
        request->path = SLICE("/");
    return read;
}

/* RFC 9112 section 3.2. Authority-form belongs to CONNECT, which is not supported. */
static struct http_read read_target(struct http_request *request)
{
    if (slice_starts_with(request->target, SLICE("/")))
        return split_query(request->target, request);
    if (!slice_equals(request->target, SLICE("*")))
        return read_absolute_form(request);
    if (!slice_equals(request->method, SLICE("OPTIONS")))
        return refused(REASON_REQUEST_TARGET_MALFORMED, "* without OPTIONS");
    request->path = request->target;
    return accepted();
}

static struct http_read make_path_canonical(struct http_request *request, struct arena *arena)
{
    enum reason reason;

    if (slice_equals(request->path, SLICE("*")))
        return accepted();
    reason = http_path_canonicalise(request->path, arena, &request->path);
    return reason == REASON_NONE ? accepted() : refused(reason, "path");
}

static struct http_read read_fields(struct slice lines, size_t count,
                                    const struct http_limits *limits, struct arena *arena,
                                    struct http_head *head)
{
    struct http_field *items = NULL;
    const char *problem;

    if (count > limits->fields)
        return refused(REASON_REQUEST_HEADERS_TOO_MANY, NULL);
    if (count > 0) {
        items = arena_allocate(arena, count * sizeof(*items));
        if (items == NULL)
            return refused(REASON_BUDGET_EXCEEDED, "fields");
    }
    problem = http_head_read_fields(lines, items, head);
    if (problem != NULL)
        return refused(REASON_REQUEST_HEADER_MALFORMED, problem);
    if (!head->names_are_plain)
        return refused(REASON_REQUEST_HEADER_NAME_REFUSED, NULL);
    if (head->counts[HTTP_HEAD_AUTHORIZATION] > 1)
        return refused(REASON_REQUEST_HEADER_MALFORMED, "Authorization twice");
    if (head->counts[HTTP_HEAD_CONTENT_TYPE] > 1)
        return refused(REASON_REQUEST_HEADER_MALFORMED, "Content-Type twice");
    return accepted();
}

/* RFC 9112 section 3.2: exactly one Host, only HTTP/1.0 knows requests without. Section 3.2.2: the
 * authority of an absolute-form target replaces it, but a Host that nobody can read stays an error.
 */
static struct http_read establish_host(const struct http_head *head, struct arena *arena,
                                       struct http_request *request)
{
    const struct http_field *field = head->first[HTTP_HEAD_HOST];
    bool is_absolute = request->authority.data != NULL;
    char folded[HTTP_HOST_BYTES_MAX];
    uint16_t port;

    if (field == NULL && (request->version != HTTP_VERSION_1_0 || !is_absolute))
        return refused(REASON_REQUEST_HOST_MISSING, NULL);
    if (head->counts[HTTP_HEAD_HOST] > 1)
        return refused(REASON_REQUEST_HOST_MALFORMED, "Host twice");
    if (field != NULL && !http_host_parse(field->value, folded, &request->host, &port))
        return refused(REASON_REQUEST_HOST_MALFORMED, NULL);
    if (is_absolute && !http_host_parse(request->authority, folded, &request->host, &port))
        return refused(REASON_REQUEST_TARGET_MALFORMED, "authority");
    if (!is_absolute)
        request->authority = field->value;
    request->host = arena_copy(arena, request->host);
    if (request->host.data == NULL)
        return refused(REASON_BUDGET_EXCEEDED, "host");
    return accepted();
}

/* RFC 9112 sections 6.1 to 6.3. A request that has both lengths, or a transfer coding that an
 * HTTP/1.0 recipient would not see, is how requests are smuggled. */
static struct http_read establish_framing(const struct http_head *head,
                                          struct http_request *request)
{
    enum http_head_length length = http_head_content_length(head, &request->content_length);
    enum http_head_coding coding = http_head_transfer_coding(head);

    if (length == HTTP_HEAD_LENGTH_MALFORMED)
        return refused(REASON_REQUEST_FRAMING_AMBIGUOUS, "Content-Length malformed or twice");
    if (coding == HTTP_HEAD_CODING_MALFORMED)
        return refused(REASON_REQUEST_FRAMING_AMBIGUOUS, "Transfer-Encoding malformed or twice");
    request->has_content_length = length == HTTP_HEAD_LENGTH_VALID;
    if (coding == HTTP_HEAD_CODING_MISSING) {
        request->framing = request->content_length > 0 ? HTTP_FRAMING_LENGTH : HTTP_FRAMING_NONE;
        return accepted();
    }
    if (request->has_content_length)
        return refused(REASON_REQUEST_FRAMING_AMBIGUOUS, "Content-Length and Transfer-Encoding");
    if (request->version == HTTP_VERSION_1_0)
        return refused(REASON_REQUEST_FRAMING_AMBIGUOUS, "Transfer-Encoding in HTTP/1.0");
    if (coding == HTTP_HEAD_CODING_OTHER)
        return refused(REASON_REQUEST_UPGRADE_UNSUPPORTED, "transfer coding");
    request->framing = HTTP_FRAMING_CHUNKED;
    return accepted();
}

static struct http_read establish_connection(const struct http_head *head,
                                             struct http_request *request)
{
    struct http_head_connection options = http_head_connection_options(head);

    if (options.protected)
        return refused(REASON_REQUEST_CONNECTION_MALFORMED, "names a field that has to stay");
    if (options.malformed)
        return refused(REASON_REQUEST_CONNECTION_MALFORMED, "not a list of tokens");
    request->keep_alive = http_head_keeps_alive(&options, request->version);
    return accepted();
}

/* RFC 9110 section 10.1.1. Without content there is nothing to wait for, and an HTTP/1.0 client
 * does not know 100 (Continue): both are ignored. */
static struct http_read establish_expectation(const struct http_head *head,
                                              struct http_request *request)
{
    const struct http_field *field = head->first[HTTP_HEAD_EXPECT];

    if (field == NULL)
        return accepted();
    if (head->counts[HTTP_HEAD_EXPECT] > 1 ||
        !slice_equals_ignoring_case(field->value, SLICE("100-continue")))
        return refused(REASON_REQUEST_EXPECTATION_UNSUPPORTED, NULL);
    request->expects_continue =
        request->version == HTTP_VERSION_1_1 && request->framing != HTTP_FRAMING_NONE;
    return accepted();
}

static struct http_read establish(const struct http_head *head, struct arena *arena,
                                  struct http_request *request)
{
    struct http_read read = establish_host(head, arena, request);

    if (is_accepted(read))
        read = establish_framing(head, request);
    if (is_accepted(read))
        read = establish_connection(head, request);
    if (is_accepted(read))
        read = establish_expectation(head, request);
    return read;
}

static struct http_read read_whole(struct slice text, size_t lines,
                                   const struct http_limits *limits, struct arena *arena,
                                   struct http_request *request)
{
    size_t line_size = slice_find(text, '\r');
    struct slice fields = slice_after(text, line_size + 2);
    struct http_head head = {.fields = {NULL, 0}};
    struct http_read read;

    if (text.data[line_size + 1] != '\n')
        return refused(REASON_REQUEST_LINE_MALFORMED, "bare CR");
    read = read_request_line(slice_first(text, line_size), limits, request);
    if (is_accepted(read))
        read = read_target(request);
    if (is_accepted(read))
        read = make_path_canonical(request, arena);
    if (is_accepted(read))
        read = read_fields(fields, lines - 2, limits, arena, &head);
    if (is_accepted(read)) {
        request->fields = head.fields;
        read = establish(&head, arena, request);
    }
    return read;
}

struct http_read http_read_request(struct slice input, const struct http_limits *limits,
                                   struct http_read_progress *progress, struct arena *arena,
                                   struct http_request *request)
{
    struct slice window = slice_first(input, limits->head_bytes);
    size_t start = empty_line_before(window);
    struct http_request reading = {.version = HTTP_VERSION_NONE};
    struct slice head;
    struct http_read read;

    if (slice_is_empty(window))
        return http_read_incomplete();
    read = check_beginning(slice_after(window, start));
    if (is_accepted(read)) {
        switch (http_head_find_end(window, start, limits->head_bytes, progress, &head)) {
        case HTTP_HEAD_END_REFUSED:
            read = refused(REASON_REQUEST_LINE_ENDING_BARE, NULL);
            break;
        case HTTP_HEAD_END_BEYOND_LIMIT:
            read = refuse_beyond_limit(slice_after(window, start), limits);
            break;
        case HTTP_HEAD_END_UNKNOWN:
            return http_read_incomplete();
        case HTTP_HEAD_END_FOUND:
            read = read_whole(head, progress->lines, limits, arena, &reading);
            break;
        }
    }
    *progress = (struct http_read_progress){0, 0};
    if (is_accepted(read)) {
        *request = reading;
        read = http_read_complete(start + head.size);
    }
    return read;
}
