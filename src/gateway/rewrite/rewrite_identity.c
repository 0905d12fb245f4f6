/* SPDX-License-Identifier: Apache-2.0
 *
 * Who the client is, as lines of the head for the backend. The values were encoded when the
 * identity was made; here they are only put together. All lines are written or none: what does not
 * fit is a refusal, or, where a client is served without an identity as well, is left out and said
 * to be.
 */
#include "gateway/rewrite/rewrite_internal.h"

/* Of what was only presented, and only where the route says so. The mode is asked besides: a
 * certificate that a stricter mode has not accepted is nobody's to forward. */
static bool forwards_presented(const struct rewrite_plan *plan,
                               const struct rewrite_request_facts *facts)
{
    return plan->forward_unverified && facts->mode == CLIENT_CERTIFICATE_UNVERIFIED &&
           facts->authentication->identity == NULL && facts->presented != NULL;
}

static struct slice verification_of(const struct rewrite_plan *plan,
                                    const struct rewrite_request_facts *facts)
{
    if (facts->authentication->identity != NULL)
        return SLICE("SUCCESS");
    return forwards_presented(plan, facts) ? SLICE("PASSTHROUGH") : SLICE("NONE");
}

/* Every certificate has these, so that nothing means that the arena is used up. */
static bool always_exists(enum identity_format format)
{
    return format == IDENTITY_FORMAT_DER_BASE64 || format == IDENTITY_FORMAT_RFC9440 ||
           format == IDENTITY_FORMAT_PEM_URL || format == IDENTITY_FORMAT_SHA256 ||
           format == IDENTITY_FORMAT_SHA1 || format == IDENTITY_FORMAT_PEM_ALB ||
           format == IDENTITY_FORMAT_XFCC_HASH || format == IDENTITY_FORMAT_XFCC_CERT;
}

/* False when it exists and the arena is used up. */
static bool find_part(const struct rewrite_plan *plan, const struct rewrite_request_facts *facts,
                      enum identity_format format, struct slice *value)
{
    *value = SLICE("");
    if (facts->authentication->identity != NULL) {
        *value = identity_header(facts->authentication->identity, format);
    } else if (forwards_presented(plan, facts)) {
        *value = presented_certificate_header(facts->presented, format, facts->arena);
        return !slice_is_empty(*value) || !always_exists(format);
    }
    return true;
}

/* ---- X-Forwarded-Client-Cert ----------------------------------------------------------------- */

/* In the order in which Envoy writes them. */
static const enum identity_format xfcc_order[] = {
    IDENTITY_FORMAT_XFCC_HASH,    IDENTITY_FORMAT_XFCC_CERT, IDENTITY_FORMAT_XFCC_CHAIN,
    IDENTITY_FORMAT_XFCC_SUBJECT, IDENTITY_FORMAT_XFCC_URI,  IDENTITY_FORMAT_XFCC_DNS,
};

enum { XFCC_PARTS_MAX = 1 + sizeof(xfcc_order) / sizeof(xfcc_order[0]) };

static bool join_parts(const struct slice *parts, size_t count, struct arena *arena,
                       struct slice *value)
{
    struct buffer buffer;
    char *memory;
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += parts[i].size + 1;
    memory = arena_allocate(arena, size);
    if (memory == NULL)
        return false;
    buffer_init(&buffer, memory, size);
    for (size_t i = 0; i < count; i++) {
        if ((i > 0 && !buffer_append_byte(&buffer, ';')) || !buffer_append(&buffer, parts[i]))
            return false;
    }
    *value = buffer_readable(&buffer);
    return true;
}

/* What the gateway is called says nothing where there is nobody to be vouched for. */
static bool find_xfcc(const struct rewrite_plan *plan, const struct rewrite_request_facts *facts,
                      const struct identity_header_settings *header, struct slice *value)
{
    struct slice parts[XFCC_PARTS_MAX];
    size_t first = 0;
    size_t count = 0;

    *value = SLICE("");
    if (header->by != NULL)
        parts[count++] = slice_from_text(header->by);
    first = count;
    for (size_t i = 0; i < sizeof(xfcc_order) / sizeof(xfcc_order[0]); i++) {
        if ((header->elements & 1U << xfcc_order[i]) == 0)
            continue;
        if (!find_part(plan, facts, xfcc_order[i], &parts[count]))
            return false;
        count += slice_is_empty(parts[count]) ? 0 : 1;
    }
    return count == first || join_parts(parts, count, facts->arena, value);
}

/* ---- the lines ------------------------------------------------------------------------------- */

/* The value of an identity header; empty: it is left out. False when it exists and is too large. */
static bool find_value(const struct rewrite_plan *plan, const struct rewrite_request_facts *facts,
                       const struct identity_header_settings *header, struct slice *value)
{
    switch ((int)header->format) {
    case IDENTITY_FORMAT_VERIFICATION:
        *value = verification_of(plan, facts);
        return true;
    case IDENTITY_FORMAT_USER:
        *value = facts->user;
        return true;
    case IDENTITY_FORMAT_XFCC:
        return find_xfcc(plan, facts, header, value);
    default:
        return find_part(plan, facts, header->format, value);
    }
}

static bool write_lines(const struct rewrite_plan *plan, const struct rewrite_request_facts *facts,
                        struct rewrite_writer *writer)
{
    for (size_t i = 0; i < plan->header_count; i++) {
        struct slice value;

        if (!find_value(plan, facts, &plan->headers[i], &value))
            return false;
        if (!slice_is_empty(value))
            rewrite_write_field(writer, slice_from_text(plan->headers[i].name), value);
    }
    /* A backend must be able to tell what was verified from what was not. */
    if ((plan->forward_unverified || plan->signer != NULL) && !plan->has_verification)
        rewrite_write_field(writer, SLICE(IDENTITY_VERIFICATION_NAME),
                            verification_of(plan, facts));
    return true;
}

static bool fits(const struct rewrite_plan *plan, const struct rewrite_writer *writer, size_t start)
{
    return writer->outcome != HTTP_WRITE_NO_ROOM &&
           (plan->identity_bytes_max == 0 ||
            writer->to->written - start <= plan->identity_bytes_max);
}

/* Under each name that the backend may look at for it. */
static void write_verification(const struct rewrite_plan *plan, struct slice value,
                               struct rewrite_writer *writer)
{
    for (size_t i = 0; i < plan->header_count; i++) {
        if (plan->headers[i].format == IDENTITY_FORMAT_VERIFICATION)
            rewrite_write_field(writer, slice_from_text(plan->headers[i].name), value);
    }
    if (!plan->has_verification)
        rewrite_write_field(writer, SLICE(IDENTITY_VERIFICATION_NAME), value);
}

bool rewrite_write_identity(const struct rewrite_plan *plan,
                            const struct rewrite_request_facts *facts,
                            struct rewrite_writer *writer)
{
    size_t start = writer->to->written;

    if (facts->mode == CLIENT_CERTIFICATE_NONE) {
        /* That nothing is said is signed too. */
        if (plan->signer != NULL)
            write_verification(plan, SLICE("NONE"), writer);
        return true;
    }
    if (write_lines(plan, facts, writer) && fits(plan, writer, start))
        return true;
    if (facts->mode != CLIENT_CERTIFICATE_OPTIONAL)
        return false;
    writer->to->written = start;
    writer->outcome = HTTP_WRITE_DONE;
    write_verification(plan, SLICE("FAILED:identity_header_too_large"), writer);
    return true;
}
