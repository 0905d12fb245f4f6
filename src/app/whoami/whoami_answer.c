/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of the viewer. Content is rendered into memory that grows until it fits, up to a limit.
 */
#include "app/whoami/whoami_answer_internal.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "app/whoami/whoami_render_internal.h"
#include "runtime/encoding.h"
#include "runtime/memory.h"

enum {
    CONTENT_BYTES_MIN = 16 * 1024,
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

/* ---- answers ---- */

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

static struct http_answer answer_report(struct http_answer_head head,
                                        const struct http_request *request, struct arena *scratch)
{
    bool page = whoami_prefers_page(&request->fields);
    struct whoami_report report;
    struct http_answer answer;
    char policy[POLICY_BYTES_MAX];
    char *content = NULL;
    size_t size = 0;

    if (whoami_report_make(request, head.now, scratch, &report))
        content = render(page ? whoami_render_page : whoami_render_json, &report, &size);
    if (content == NULL) {
        head.status = reason_status(REASON_REQUEST_HEADER_TOO_LARGE);
        return http_answer_text(head, "The headers are too large to be shown.\n");
    }
    head.content_type = page ? "text/html; charset=utf-8" : "application/json";
    if (page) {
        write_page_policy(policy);
        head.security_policy = policy;
    }
    answer = http_answer_make(&head, slice_from(content, size));
    memory_release(content);
    return answer;
}

struct http_answer whoami_answer_request(const struct http_request *request, bool close,
                                         int64_t now, struct arena *scratch)
{
    struct http_answer_head head = http_answer_head_for(request, close, now);

    if (slice_equals(request->path, SLICE("/healthz")))
        return http_answer_text(head, "ok");
    return answer_report(head, request, scratch);
}
