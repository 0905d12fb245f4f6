/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request to the bytes of its answer: which resource, which form, and the head.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/http/http_message.h"
#include "protocol/reason/reason.h"
#include "runtime/arena.h"

enum { WHOAMI_ANSWER_BYTES_MAX = 4 * 1024 * 1024 };

/* Head and content, in memory that the owner releases. Zero is no answer. */
struct whoami_answer {
    char *data;
    size_t size;
};

struct whoami_answer whoami_answer_request(const struct http_request *request, bool close,
                                           int64_t now, struct arena *scratch);
/* The connection closes behind it. */
struct whoami_answer whoami_answer_refusal(enum reason reason, int64_t now);
void whoami_answer_reset(struct whoami_answer *answer);

/* Does the client like a page better than JSON? Only who names text/html gets one: `*` alone, as
 * curl sends it, means JSON. */
bool whoami_prefers_page(const struct http_fields *fields);
