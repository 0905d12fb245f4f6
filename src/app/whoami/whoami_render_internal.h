/* SPDX-License-Identifier: Apache-2.0
 *
 * A report as a page for people and as JSON for programs. Rendering is pure. A buffer that is too
 * small makes it fail; the caller tries again with a larger one.
 */
#pragma once

#include <stdbool.h>

#include "app/whoami/whoami_report_internal.h"
#include "runtime/buffer.h"

bool whoami_render_json(const struct whoami_report *report, struct buffer *to);
bool whoami_render_page(const struct whoami_report *report, struct buffer *to);
/* The page's style sheet as it stands in the page, for the hash that its security policy names. */
struct slice whoami_page_style(void);

/* What both need: text that is appended until something does not fit, and nothing after that. */
struct whoami_writer {
    struct buffer *to;
    bool fits;
};

void whoami_write(struct whoami_writer *writer, struct slice text);
void whoami_write_text(struct whoami_writer *writer, const char *text);
void whoami_write_number(struct whoami_writer *writer, uint64_t value);
/* "2026-11-21T05:00:00Z". */
void whoami_write_date(struct whoami_writer *writer, int64_t seconds);
/* "DNS", "URI", ... as certificate viewers say. */
const char *whoami_name_kind(enum certificate_name_kind kind);
