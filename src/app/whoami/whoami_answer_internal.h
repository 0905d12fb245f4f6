/* SPDX-License-Identifier: Apache-2.0
 *
 * From a request to the bytes of its answer: which resource, which form, and the head.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/http_service/http_answer.h"
#include "protocol/http/http_message.h"
#include "runtime/arena.h"

enum { WHOAMI_ANSWER_BYTES_MAX = 4 * 1024 * 1024 };

struct http_answer whoami_answer_request(const struct http_request *request, bool close,
                                         int64_t now, struct arena *scratch);

/* Does the client like a page better than JSON? Only who names text/html gets one: `*` alone, as
 * curl sends it, means JSON. */
bool whoami_prefers_page(const struct http_fields *fields);
