/* SPDX-License-Identifier: Apache-2.0
 *
 * Heads of answers. The head is written when the content is there, since only then its length is
 * known.
 */
#include "app/http_service/http_answer.h"

#include <assert.h>

#include "protocol/http/http_write.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

enum { HEAD_BYTES_MAX = 1024 };

static const char nothing_allowed[] = "default-src 'none'; frame-ancestors 'none'";

static bool write_head(struct buffer *to, const struct http_answer_head *head, size_t content_size)
{
    char date[CLOCK_HTTP_DATE_SIZE];
    const char *policy = head->security_policy == NULL ? nothing_allowed : head->security_policy;
    struct http_field fields[] = {
        {SLICE("Date"), {NULL, 0}},
        {SLICE("Content-Type"), slice_from_text(head->content_type)},
        {SLICE("Content-Security-Policy"), slice_from_text(policy)},
        {SLICE("Cache-Control"), SLICE("no-store")},
        {SLICE("X-Content-Type-Options"), SLICE("nosniff")},
        {SLICE("Referrer-Policy"), SLICE("no-referrer")},
        {SLICE("Allow"), slice_from_text(head->allow)},
        {SLICE("Connection"), SLICE("")},
    };
    bool written = false;

    clock_format_http_date(head->now, date);
    fields[0].value = slice_from_text(date);
    if (head->close || head->announces_keep_alive)
        fields[7].value = head->close ? SLICE("close") : SLICE("keep-alive");
    written = http_write_status_line(to, head->status, SLICE("")) == HTTP_WRITE_DONE;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (slice_is_empty(fields[i].value))
            continue;
        written =
            written && http_write_field(to, fields[i].name, fields[i].value) == HTTP_WRITE_DONE;
    }
    return written &&
           http_write_field_u64(to, SLICE("Content-Length"), content_size) == HTTP_WRITE_DONE &&
           http_write_head_end(to) == HTTP_WRITE_DONE;
}

struct http_answer_head http_answer_head_for(const struct http_request *request, bool close,
                                             int64_t now)
{
    return (struct http_answer_head){
        .status = 200,
        .close = close,
        .announces_keep_alive = !close && request->version == HTTP_VERSION_1_0,
        .omits_content = request->is_head,
        .now = now,
    };
}

struct http_answer http_answer_make(const struct http_answer_head *head, struct slice content)
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
    return (struct http_answer){memory, buffer_readable(&buffer).size};
}

struct http_answer http_answer_text(struct http_answer_head head, const char *text)
{
    head.content_type = "text/plain; charset=utf-8";
    head.security_policy = NULL;
    return http_answer_make(&head, slice_from_text(text));
}

struct http_answer http_answer_refusal(enum reason reason, int64_t now)
{
    const struct reason_facts *facts = reason_get(reason);
    struct http_answer_head head = {.status = facts->status, .close = true, .now = now};
    char *text = memory_format("%s\n%s\n", facts->cause, facts->fix);
    struct http_answer answer = http_answer_text(head, text);

    memory_release(text);
    return answer;
}

void http_answer_reset(struct http_answer *answer)
{
    memory_release(answer->data);
    *answer = (struct http_answer){NULL, 0};
}
