/* SPDX-License-Identifier: Apache-2.0
 *
 * See principal.h.
 */
#include "gateway/identity/principal.h"

#include <stdbool.h>
#include <string.h>

#include "runtime/slice.h"

enum principal_source principal_source_parse(struct slice name)
{
    static const char *const NAMES[PRINCIPAL_SOURCE_COUNT] = {
        [PRINCIPAL_SAN_URI] = "san_uri",         [PRINCIPAL_SAN_DNS] = "san_dns",
        [PRINCIPAL_SAN_UPN] = "san_upn",         [PRINCIPAL_SAN_EMAIL] = "san_email",
        [PRINCIPAL_SAN_IP] = "san_ip",           [PRINCIPAL_SUBJECT] = "subject",
        [PRINCIPAL_COMMON_NAME] = "common_name", [PRINCIPAL_SHA256] = "sha256",
    };

    for (unsigned i = 1; i < PRINCIPAL_SOURCE_COUNT; i++)
        if (slice_equals(name, slice_from_text(NAMES[i])))
            return (enum principal_source)i;
    return PRINCIPAL_NONE;
}

/* A host name can say nothing that a URI or an address says: a CA that lets its clients choose host
 * names lets none of them be called spiffe://... */
static bool looks_like_host(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!ascii_is_alphanumeric(text.data[i]) && strchr("-._*", text.data[i]) == NULL)
            return false;
    return true;
}

static struct slice find_name(const struct certificate_description *description,
                              enum certificate_name_kind kind)
{
    for (size_t i = 0; i < description->name_count; i++) {
        const struct certificate_name *name = &description->names[i];

        if (name->kind == kind && (kind != CERTIFICATE_NAME_DNS || looks_like_host(name->text)))
            return name->text;
    }
    return SLICE("");
}

static struct slice from_source(enum principal_source source,
                                const struct certificate_description *description)
{
    switch (source) {
    case PRINCIPAL_SAN_URI:
        return find_name(description, CERTIFICATE_NAME_URI);
    case PRINCIPAL_SAN_DNS:
        return find_name(description, CERTIFICATE_NAME_DNS);
    case PRINCIPAL_SAN_UPN:
        return find_name(description, CERTIFICATE_NAME_UPN);
    case PRINCIPAL_SAN_EMAIL:
        return find_name(description, CERTIFICATE_NAME_EMAIL);
    case PRINCIPAL_SAN_IP:
        return find_name(description, CERTIFICATE_NAME_IP);
    case PRINCIPAL_SUBJECT:
        return description->subject;
    case PRINCIPAL_COMMON_NAME:
        return description->common_name;
    case PRINCIPAL_SHA256:
        return description->sha256;
    case PRINCIPAL_NONE:
    case PRINCIPAL_SOURCE_COUNT:
    default:
        return SLICE("");
    }
}

struct slice principal_choose(const struct principal_order *order,
                              const struct certificate_description *description)
{
    static const struct principal_order USUAL = {
        {PRINCIPAL_SAN_URI, PRINCIPAL_SAN_DNS, PRINCIPAL_SAN_UPN}};

    if (order->sources[0] == PRINCIPAL_NONE)
        order = &USUAL;
    for (size_t i = 0; i < PRINCIPAL_SOURCE_COUNT && order->sources[i] != PRINCIPAL_NONE; i++) {
        struct slice name = from_source((enum principal_source)order->sources[i], description);

        if (!slice_is_empty(name))
            return name;
    }
    return slice_is_empty(description->subject) ? description->sha256 : description->subject;
}
