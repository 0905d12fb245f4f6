/* SPDX-License-Identifier: Apache-2.0
 *
 * What a route tells its backend about clients, made once from the settings.
 */
#include "gateway/rewrite/rewrite_internal.h"

#include "runtime/memory.h"

enum {
    XFCC_USUAL = 1U << IDENTITY_FORMAT_XFCC_HASH | 1U << IDENTITY_FORMAT_XFCC_SUBJECT |
                 1U << IDENTITY_FORMAT_XFCC_URI | 1U << IDENTITY_FORMAT_XFCC_DNS
};

static void copy_header(const struct identity_header_settings *from,
                        struct identity_header_settings *to)
{
    *to = *from;
    to->name = memory_copy_text(from->name);
    to->by = from->by == NULL ? NULL : memory_copy_text(from->by);
    if (from->format == IDENTITY_FORMAT_XFCC && from->elements == 0)
        to->elements = XFCC_USUAL;
}

struct rewrite_plan *rewrite_plan_create(const struct rewrite_settings *settings,
                                         const struct http_name_set *owned_names)
{
    struct rewrite_plan *plan = memory_allocate(sizeof(*plan));

    plan->owned_names = owned_names;
    plan->forward_unverified = settings->forward_unverified;
    plan->signer = settings->signer;
    plan->identity_bytes_max = settings->identity_bytes_max;
    plan->header_count = settings->identity_header_count;
    plan->headers = memory_allocate_array(plan->header_count, sizeof(*plan->headers));
    for (size_t i = 0; i < plan->header_count; i++) {
        copy_header(&settings->identity_headers[i], &plan->headers[i]);
        if (plan->headers[i].format == IDENTITY_FORMAT_VERIFICATION)
            plan->has_verification = true;
    }
    return plan;
}

/* The texts are copies of ours, which the settings can only show as constant. */
static void release_text(const char *text)
{
    union {
        const char *constant;
        char *ours;
    } data = {.constant = text};

    memory_release(data.ours);
}

void rewrite_plan_destroy(struct rewrite_plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = 0; i < plan->header_count; i++) {
        release_text(plan->headers[i].name);
        release_text(plan->headers[i].by);
    }
    memory_release(plan->headers);
    memory_release(plan);
}

unsigned rewrite_plan_formats(const struct rewrite_plan *plan)
{
    unsigned formats = 0;

    for (size_t i = 0; i < plan->header_count; i++)
        formats |= 1U << plan->headers[i].format | plan->headers[i].elements;
    return formats;
}
