/* SPDX-License-Identifier: Apache-2.0
 *
 * See owned_certificates_internal.h.
 */
#include "app/admin/owned_certificates_internal.h"

#include "gateway/generation/generation.h"
#include "gateway/identity/judging_context.h"
#include "protocol/tls/tls_profile.h"
#include "protocol/x509/trust_store.h"
#include "runtime/memory.h"

enum { DESCRIPTION_BYTES = 256 * 1024 };

struct visit {
    owned_certificate_visitor *visitor;
    void *context;
    char *memory;
};

static void visit_one(const struct visit *visit, enum owned_certificate_use use, const char *owner,
                      const X509 *certificate, int64_t last_used)
{
    struct owned_certificate owned = {.use = use, .owner = owner, .last_used = last_used};
    struct arena arena;

    arena_init(&arena, visit->memory, DESCRIPTION_BYTES);
    if (certificate_describe(certificate, &arena, &owned.description))
        visit->visitor(visit->context, &owned);
}

static void visit_group(const struct visit *visit, const struct listener_group *group)
{
    for (size_t i = 0; i < listener_group_count(group); i++) {
        const struct listener *listener = listener_group_get(group, i);

        for (size_t j = 0; j < tls_profile_certificate_count(listener->profile); j++)
            visit_one(visit, OWNED_BY_LISTENER, listener->name,
                      tls_profile_certificate(listener->profile, j), 0);
    }
}

static char *name_of(const struct trust_profile_settings *settings)
{
    const struct position *position = &settings->position;

    if (settings->name != NULL)
        return memory_copy_text(settings->name);
    return memory_format("%s:%u:%u", position->file == NULL ? "" : position->file, position->line,
                         position->column);
}

static void visit_trust(const struct visit *visit, const struct generation *generation,
                        size_t index)
{
    const struct judging_context *context = generation_trust(generation, index);
    const struct trust_store *anchors = judging_context_anchors(context);
    char *name = name_of(generation_trust_settings(generation, index));

    for (size_t i = 0; i < trust_store_count(anchors); i++)
        visit_one(visit, OWNED_BY_TRUST_PROFILE, name, trust_store_anchor(anchors, i),
                  judging_context_last_use(context, i));
    memory_release(name);
}

void owned_certificates_visit(const struct generation *generation,
                              owned_certificate_visitor *visitor, void *context)
{
    struct visit visit = {visitor, context, memory_allocate(DESCRIPTION_BYTES)};

    for (size_t i = 0; i < generation_group_count(generation); i++)
        visit_group(&visit, generation_group(generation, i));
    for (size_t i = 0; i < generation_trust_count(generation); i++)
        visit_trust(&visit, generation, i);
    memory_release(visit.memory);
}
