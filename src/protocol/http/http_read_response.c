/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the head of a backend's response. A backend is not trusted to frame its answers: what
 * leaves a doubt about where one ends would let it, or whoever shapes its answers, put words into
 * the next answer on the same connection. Looser than requests where no doubt arises: field
 * names may be any token, and the space after the status may be missing with the phrase.
 */
#include "protocol/http/http_read.h"

#include "protocol/http/http_characters_internal.h"
#include "protocol/http/http_head_internal.h"

enum { STATUS_LINE_MIN = 12 }; /* "HTTP/1.1 200" */

static struct http_read malformed(const char *detail)
{
    return http_read_refused(REASON_BACKEND_RESPONSE_MALFORMED, detail);
}

/* RFC 9112 section 4: HTTP-version SP status-code SP [ reason-phrase ]. */
static const char *read_status_line(struct slice line, struct http_response *response)
{
    struct slice phrase;
    uint64_t status;

    if (line.size < STATUS_LINE_MIN || line.data[8] != ' ' ||
        !http_head_parse_version(slice_first(line, 8), &response->version))
        return "status line";
    if (response->version == HTTP_VERSION_NONE)
        return "HTTP version";
    /* RFC 9110 section 15: a status outside 100 to 599 is invalid. */
    if (!slice_parse_u64(slice_first(slice_after(line, 9), 3), &status) || status < 100 ||
        status > 599)
        return "status code";
    phrase = slice_after(line, STATUS_LINE_MIN);
    if (phrase.size > 0 && phrase.data[0] != ' ')
        return "status code";
    phrase = slice_after(phrase, 1);
    if (!http_characters_are_value(phrase))
        return "reason phrase";
    response->status = (unsigned)status;
    response->reason_phrase = phrase;
    return NULL;
}

/* RFC 9112 section 6.3, rules 1, 3 to 6 and 8. A length or coding that is not needed is still an
 * error when it is malformed. */
static const char *establish_framing(const struct http_head *head, bool to_head,
                                     struct http_response *response)
{
    enum http_head_length length = http_head_content_length(head, &response->content_length);
    enum http_head_coding coding = http_head_transfer_coding(head);

    if (length == HTTP_HEAD_LENGTH_MALFORMED)
        return "Content-Length malformed or twice";
    if (coding == HTTP_HEAD_CODING_MALFORMED || coding == HTTP_HEAD_CODING_OTHER)
        return "Transfer-Encoding is not chunked";
    if (coding == HTTP_HEAD_CODING_CHUNKED && length == HTTP_HEAD_LENGTH_VALID)
        return "Content-Length and Transfer-Encoding";
    if (coding == HTTP_HEAD_CODING_CHUNKED && response->version == HTTP_VERSION_1_0)
        return "Transfer-Encoding in HTTP/1.0";

    /* RFC 9110 section 8.6 and RFC 9112 section 6.1: neither field may be in a 1xx or 204. A
     * backend that sends one may send content too. What follows a 1xx would be taken for the
     * answer. */
    if (response->status < 200 &&
        (response->content_length > 0 || coding != HTTP_HEAD_CODING_MISSING))
        return "content in an interim response";

    /* RFC 9110 section 15.3.6: there is none in a 205, and some recipients do not look for any. */
    if (response->status == 205 && !to_head && response->content_length > 0)
        return "content in a 205";

    response->has_content_length = length == HTTP_HEAD_LENGTH_VALID;
    if (response->status < 200 || response->status == 204) {
        /* A 101 ends HTTP on the connection; what follows a 204 with either field is not believed.
         */
        response->keep_alive = response->keep_alive && response->status != 101 &&
                               response->content_length == 0 && coding == HTTP_HEAD_CODING_MISSING;
        response->has_content_length = false;
        response->content_length = 0;
        response->framing = HTTP_FRAMING_NONE;
    } else if (to_head || response->status == 304) {
        response->framing = HTTP_FRAMING_NONE;
    } else if (coding == HTTP_HEAD_CODING_CHUNKED) {
        response->framing = HTTP_FRAMING_CHUNKED;
    } else if (response->has_content_length) {
        response->framing = response->content_length > 0 ? HTTP_FRAMING_LENGTH : HTTP_FRAMING_NONE;
    } else {
        response->framing = HTTP_FRAMING_UNTIL_CLOSE;
        response->keep_alive = false;
    }
    return NULL;
}

static struct http_read read_whole(struct slice text, size_t lines,
                                   const struct http_limits *limits, bool to_head,
                                   struct arena *arena, struct http_response *response)
{
    size_t line_size = slice_find(text, '\r');
    size_t count = lines - 2;
    struct http_field *items = NULL;
    struct http_head_connection options;
    struct http_head head;
    const char *problem;

    if (text.data[line_size + 1] != '\n')
        return malformed("bare CR");
    problem = read_status_line(slice_first(text, line_size), response);
    if (problem != NULL)
        return malformed(problem);
    if (count > limits->fields)
        return http_read_refused(REASON_BACKEND_HEADERS_TOO_MANY, NULL);
    if (count > 0) {
        items = arena_allocate(arena, count * sizeof(*items));
        if (items == NULL)
            return http_read_refused(REASON_BUDGET_EXCEEDED, "fields");
    }
    problem = http_head_read_fields(slice_after(text, line_size + 2), items, &head);
    if (problem != NULL)
        return malformed(problem);
    response->fields = head.fields;
    options = http_head_connection_options(&head);
    response->keep_alive = http_head_keeps_alive(&options, response->version);
    problem = establish_framing(&head, to_head, response);
    return problem == NULL ? http_read_complete(text.size) : malformed(problem);
}

struct http_read http_read_response(struct slice input, const struct http_limits *limits,
                                    struct http_read_progress *progress, bool to_head,
                                    struct arena *arena, struct http_response *response)
{
    const struct slice beginning = SLICE("HTTP/1.");
    struct slice window = slice_first(input, limits->head_bytes);
    struct http_response reading = {.version = HTTP_VERSION_NONE};
    struct http_read read = malformed("not HTTP/1");
    struct slice head;

    if (slice_is_empty(window))
        return http_read_incomplete();
    /* What cannot become a status line is refused before anything else has come. */
    if (slice_starts_with(beginning, slice_first(window, beginning.size))) {
        switch (http_head_find_end(window, 0, limits->head_bytes, progress, &head)) {
        case HTTP_HEAD_END_REFUSED:
            read = malformed("line ends in LF alone");
            break;
        case HTTP_HEAD_END_BEYOND_LIMIT:
            read = http_read_refused(REASON_BACKEND_RESPONSE_TOO_LARGE, "size");
            break;
        case HTTP_HEAD_END_UNKNOWN:
            return http_read_incomplete();
        case HTTP_HEAD_END_FOUND:
            read = read_whole(head, progress->lines, limits, to_head, arena, &reading);
            break;
        }
    }
    *progress = (struct http_read_progress){0, 0};
    if (read.outcome == HTTP_READ_COMPLETE)
        *response = reading;
    return read;
}
