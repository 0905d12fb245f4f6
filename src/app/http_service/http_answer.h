/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole answer of a small HTTP service: head and content in one piece of memory. The head says
 * what keeps a browser from making more of the content than it is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/http/http_message.h"
#include "protocol/reason/reason.h"

/* In memory that the owner releases with http_answer_reset. Zero is no answer. */
struct http_answer {
    char *data;
    size_t size;
};

struct http_answer_head {
    unsigned status;
    const char *content_type;
    const char *security_policy; /* NULL: the page may use nothing */
    const char *allow;           /* the methods there are; NULL: nobody asked */
    bool close;
    bool announces_keep_alive; /* HTTP/1.0 clients want to be told */
    bool omits_content;        /* HEAD */
    int64_t now;               /* seconds since 1970 */
};

/* Status 200 for this request; `close`: the connection ends behind the answer. */
struct http_answer_head http_answer_head_for(const struct http_request *request, bool close,
                                             int64_t now);
/* Nothing in the head but `security_policy` is longer than a few words. */
struct http_answer http_answer_make(const struct http_answer_head *head, struct slice content);
/* Plain text. */
struct http_answer http_answer_text(struct http_answer_head head, const char *text);
/* The reason's cause and remedy as text; the connection closes behind it. */
struct http_answer http_answer_refusal(enum reason reason, int64_t now);
void http_answer_reset(struct http_answer *answer);
