/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of the viewer. Content is rendered into memory that grows until it fits, up to a limit;
 * then the head is written before it, since only then its length is known.
 */
#include "app/whoami/whoami_answer_internal.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "app/whoami/whoami_render_internal.h"
#include "protocol/http/http_write.h"
#include "runtime/clock.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

enum {
    CONTENT_BYTES_MIN = 16 * 1024,
    HEAD_BYTES_MAX = 1024,
    POLICY_BYTES_MAX = 256,
    STYLE_DIGEST_BYTES = 32,
    QUALITY_MAX = 1000
};

/* ---- which form ---- */

/* "q=0.8" in thousandths (RFC 9110 section 12.4.2); what cannot be read counts as 0. */
static unsigned parse_quality(struct slice text)
{
    unsigned value = 0;
    unsigned weight = QUALITY_MAX;

    for (size_t i = 0; i < text.size && weight > 0; i++) {
        if (i == 1 && text.data[i] == '.')
            continue;
        if (!ascii_is_digit(text.data[i]) || (i == 0 && text.data[i] > '1'))
            return 0;
        value += weight * (unsigned)(text.data[i] - '0');
        weight /= 10;
    }
    return value < QUALITY_MAX ? value : QUALITY_MAX;
}

/* Splits "text/html;level=1;q=0.5" into the media range and its quality. */
static struct slice parse_media_range(struct slice element, unsigned *quality)
{
    struct slice range = slice_trim(slice_first(element, slice_find(element, ';')));
    struct slice rest = slice_after(element, slice_find(element, ';') + 1);

    *quality = QUALITY_MAX;
    while (!slice_is_empty(rest)) {
        size_t end = slice_find(rest, ';');
        struct slice parameter = slice_trim(slice_first(rest, end));

        if (parameter.size > 2 &&
            slice_equals_ignoring_case(slice_first(parameter, 2), SLICE("q=")))
            *quality = parse_quality(slice_after(parameter, 2));
        rest = slice_after(rest, end + 1);
    }
    return range;
}

bool whoami_prefers_page(const struct http_fields *fields)
{
    unsigned page = 0;
    unsigned json = 0;

    for (size_t i = 0; i < fields->count; i++) {
        struct slice rest = fields->items[i].value;
        struct slice element = {NULL, 0};

        if (!slice_equals_ignoring_case(fields->items[i].name, SLICE("Accept")))
            continue;
        while (http_list_next(&rest, &element)) {
            unsigned quality = 0;
            struct slice range = parse_media_range(element, &quality);

            if (slice_equals_ignoring_case(range, SLICE("text/html")) && quality > page)
                page = quality;
            if (slice_equals_ignoring_case(range, SLICE("application/json")) && quality > json)
                json = quality;
        }
    }
    return page > 0 && page >= json;
}

/* ---- heads ---- */

struct head {
    unsigned status;
    const char *content_type;
    const char *security_policy;
    bool close;
    bool announces_keep_alive; /* HTTP/1.0 clients want to be told */
    bool omits_content;        /* HEAD */
    int64_t now;
};

static bool write_head(struct buffer *to, const struct head *head, size_t content_size)
{
    char date[CLOCK_HTTP_DATE_SIZE];
    struct http_field fields[] = {
        {SLICE("Date"), {NULL, 0}},
        {SLICE("Content-Type"), slice_from_text(head->content_type)},
        {SLICE("Content-Security-Policy"), slice_from_text(head->security_policy)},
        {SLICE("Cache-Control"), SLICE("no-store")},
        {SLICE("X-Content-Type-Options"), SLICE("nosniff")},
        {SLICE("Referrer-Policy"), SLICE("no-referrer")},
    };
    bool written = false;

    clock_format_http_date(head->now, date);
    fields[0].value = slice_from_text(date);
    written = http_write_status_line(to, head->status, SLICE("")) == HTTP_WRITE_DONE;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        written =
            written && http_write_field(to, fields[i].name, fields[i].value) == HTTP_WRITE_DONE;
    if (head->close)
        written =
            written && http_write_field(to, SLICE("Connection"), SLICE("close")) == HTTP_WRITE_DONE;
    else if (head->announces_keep_alive)
        written = written &&
                  http_write_field(to, SLICE("Connection"), SLICE("keep-alive")) == HTTP_WRITE_DONE;
    return written &&
           http_write_field_u64(to, SLICE("Content-Length"), content_size) == HTTP_WRITE_DONE &&
           http_write_head_end(to) == HTTP_WRITE_DONE;
}

static struct whoami_answer put_together(const struct head *head, struct slice content)
{
    size_t room = HEAD_BYTES_MAX + content.size;
    char *memory = memory_allocate(room);
    struct buffer buffer;
    bool written = false;

    buffer_init(&buffer, memory, room);
    written = write_head(&buffer, head, content.size) &&
              (head->omits_content || buffer_append(&buffer, content));
    /* Nothing in the head comes from outside, and it is far smaller than its room. */
    assert(written);
    return (struct whoami_answer){memory, buffer_readable(&buffer).size};
}

static void describe_request(struct head *head, const struct http_request *request, bool close)
{
    head->close = close;
    head->announces_keep_alive = !close && request->version == HTTP_VERSION_1_0;
    head->omits_content = request->is_head;
}

/* ---- security ---- */

/* The page's own style sheet is all that the page may use. */
static void write_page_policy(char policy[POLICY_BYTES_MAX])
{
    unsigned char digest[STYLE_DIGEST_BYTES];
    struct slice style = whoami_page_style();
    struct buffer buffer;
    bool written = false;

    buffer_init(&buffer, policy, POLICY_BYTES_MAX - 1);
    written = EVP_Digest(style.data, style.size, digest, NULL, EVP_sha256(), NULL) == 1 &&
              buffer_append(&buffer, SLICE("default-src 'none'; img-src data:; base-uri 'none'; "
                                           "form-action 'none'; frame-ancestors 'none'; "
                                           "style-src 'sha256-")) &&
              encode_base64(&buffer, slice_from(digest, sizeof digest)) &&
              buffer_append(&buffer, SLICE("'"));
    assert(written);
    *buffer_tail(&buffer) = '\0';
}

static const char nothing_allowed[] = "default-src 'none'; frame-ancestors 'none'";

/* ---- answers ---- */

/* Anything that is not the viewer's own report. */
static struct whoami_answer answer_text(struct head head, const char *text)
{
    head.content_type = "text/plain; charset=utf-8";
    head.security_policy = nothing_allowed;
    return put_together(&head, slice_from_text(text));
}

typedef bool render_report(const struct whoami_report *report, struct buffer *to);

/* Tries with more and more memory. NULL when even the limit is too little. */
static char *render(render_report *renderer, const struct whoami_report *report, size_t *size)
{
    for (size_t room = CONTENT_BYTES_MIN; room <= WHOAMI_ANSWER_BYTES_MAX; room *= 2) {
        char *memory = memory_allocate(room);
        struct buffer buffer;

        buffer_init(&buffer, memory, room);
        if (renderer(report, &buffer)) {
            *size = buffer_readable(&buffer).size;
            return memory;
        }
        memory_release(memory);
    }
    return NULL;
}

static struct whoami_answer answer_report(struct head head, const struct http_request *request,
                                          struct arena *scratch)
{
    bool page = whoami_prefers_page(&request->fields);
    struct whoami_report report;
    struct whoami_answer answer;
    char policy[POLICY_BYTES_MAX];
    char *content = NULL;
    size_t size = 0;

    if (whoami_report_make(request, head.now, scratch, &report))
        content = render(page ? whoami_render_page : whoami_render_json, &report, &size);
    if (content == NULL) {
        head.status = reason_status(REASON_REQUEST_HEADER_TOO_LARGE);
        return answer_text(head, "The headers are too large to be shown.\n");
    }
    head.content_type = page ? "text/html; charset=utf-8" : "application/json";
    head.security_policy = nothing_allowed;
    if (page) {
        write_page_policy(policy);
        head.security_policy = policy;
    }
    answer = put_together(&head, slice_from(content, size));
    memory_release(content);
    return answer;
}

struct whoami_answer whoami_answer_request(const struct http_request *request, bool close,
                                           int64_t now, struct arena *scratch)
{
    struct head head = {.status = 200, .now = now};

    describe_request(&head, request, close);
    if (slice_equals(request->path, SLICE("/healthz")))
        return answer_text(head, "ok");
    return answer_report(head, request, scratch);
}

struct whoami_answer whoami_answer_refusal(enum reason reason, int64_t now)
{
    const struct reason_facts *facts = reason_get(reason);
    struct head head = {.status = facts->status, .close = true, .now = now};
    char *text = memory_format("%s\n%s\n", facts->cause, facts->fix);
    struct whoami_answer answer = answer_text(head, text);

    memory_release(text);
    return answer;
}

void whoami_answer_reset(struct whoami_answer *answer)
{
    memory_release(answer->data);
    *answer = (struct whoami_answer){NULL, 0};
}
