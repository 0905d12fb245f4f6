/* SPDX-License-Identifier: Apache-2.0
 *
 * Identities are interned under what their verdict proves: chain, context and verified path. The
 * header values are encoded when an identity is made, and lie behind it in one piece.
 */
#include "gateway/identity/identity.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdatomic.h>

#include "gateway/identity/certificate_header_internal.h"
#include "gateway/identity/principal.h"
#include "gateway/identity/verdict_internal.h"
#include "runtime/arena.h"
#include "runtime/cache.h"
#include "runtime/memory.h"

enum {
    SHARDS = 16,
    /* Scratch for encoding: every format, with the DER and PEM in between, for each octet. */
    SCRATCH_BYTES = 8192,
    SCRATCH_BYTES_FACTOR = 96,
    NOTES_BYTES = 256 /* what notes usually take: one or two short ones */
};

/* Published once, never changed. */
struct identity_note {
    struct identity_note *next;
    size_t count; /* of notes from here on */
    uint64_t author;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

struct identity {
    atomic_size_t references;
    struct presented_certificate *presented;
    const struct certificate_description *description; /* the presented certificate's */
    struct slice principal;                            /* in the description */
    struct slice headers[IDENTITY_FORMAT_COUNT];
    size_t header_bytes;
    _Atomic(struct identity_note *) notes; /* a list, the newest first */
    _Alignas(max_align_t) char memory[];   /* the headers */
};

struct identity_table {
    struct cache *identities;
    unsigned formats;
};

static void acquire_value(void *value)
{
    identity_acquire(value);
}

static void release_value(void *value)
{
    identity_release(value);
}

struct identity_table *identity_table_create(size_t bytes_max, unsigned formats)
{
    struct identity_table *table = memory_allocate(sizeof *table);
    struct cache_settings settings = {
        .bytes_max = bytes_max,
        .shards = SHARDS,
        .acquire = acquire_value,
        .release = release_value,
    };

    table->identities = cache_create(&settings);
    table->formats = formats;
    return table;
}

void identity_table_destroy(struct identity_table *table)
{
    if (table == NULL)
        return;
    cache_destroy(table->identities);
    memory_release(table);
}

static bool has_format(unsigned formats, enum identity_format format)
{
    return (formats & (1U << (unsigned)format)) != 0;
}

static struct slice encode(const X509 *leaf, const struct certificate_description *description,
                           const struct verdict *verdict, enum identity_format format,
                           struct arena *arena)
{
    struct principal_order order = verdict_principal_order(verdict);

    switch ((int)format) {
    case IDENTITY_FORMAT_RFC9440_CHAIN:
    case IDENTITY_FORMAT_PEM_URL_CHAIN:
    case IDENTITY_FORMAT_PEM_ALB_CHAIN:
    case IDENTITY_FORMAT_DER_BASE64_CHAIN:
    case IDENTITY_FORMAT_XFCC_CHAIN:
        return certificate_header_encode_chain(verdict_path(verdict), format, arena);
    case IDENTITY_FORMAT_PRINCIPAL:
        return principal_choose(&order, description);
    default:
        return certificate_header_encode(leaf, description, format, arena);
    }
}

static size_t scratch_size(STACK_OF(X509) * path)
{
    size_t bytes = 0;

    for (int i = 0; i < sk_X509_num(path); i++) {
        int size = i2d_X509(sk_X509_value(path, i), NULL);

        bytes += size > 0 ? (size_t)size : 0;
    }
    return SCRATCH_BYTES + SCRATCH_BYTES_FACTOR * bytes;
}

static struct identity *keep(struct presented_certificate *presented,
                             const struct certificate_description *description,
                             struct principal_order order,
                             const struct slice headers[IDENTITY_FORMAT_COUNT])
{
    struct identity *identity = NULL;
    struct arena arena;
    size_t bytes = 0;

    for (size_t i = 0; i < IDENTITY_FORMAT_COUNT; i++)
        bytes += headers[i].size;
    identity = memory_try_allocate(sizeof *identity + bytes);
    if (identity == NULL)
        return NULL;
    atomic_init(&identity->references, 1);
    atomic_init(&identity->notes, NULL);
    identity->presented = presented_certificate_acquire(presented);
    identity->description = description;
    identity->principal = principal_choose(&order, description);
    identity->header_bytes = bytes;
    arena_init(&arena, identity->memory, bytes);
    for (size_t i = 0; i < IDENTITY_FORMAT_COUNT; i++)
        identity->headers[i] = arena_copy(&arena, headers[i]);
    return identity;
}

/* Only the verified path is encoded: what a client sent besides it was never proven to belong to
 * it. */
static struct identity *identity_create(unsigned formats, struct presented_certificate *presented,
                                        const struct verdict *verdict)
{
    const struct certificate_description *description = presented_certificate_describe(presented);
    struct slice headers[IDENTITY_FORMAT_COUNT] = {{NULL, 0}};
    STACK_OF(X509) *path = verdict_path(verdict);
    struct identity *identity = NULL;
    struct arena arena;
    void *scratch = NULL;
    size_t scratch_bytes = 0;

    if (description == NULL)
        return NULL;
    scratch_bytes = scratch_size(path);
    scratch = memory_try_allocate(scratch_bytes);
    if (scratch == NULL)
        return NULL;
    arena_init(&arena, scratch, scratch_bytes);
    for (unsigned i = 0; i < IDENTITY_FORMAT_COUNT; i++)
        if (has_format(formats, (enum identity_format)i))
            headers[i] = encode(sk_X509_value(path, 0), description, verdict,
                                (enum identity_format)i, &arena);
    identity = keep(presented, description, verdict_principal_order(verdict), headers);
    memory_release(scratch);
    return identity;
}

static size_t bytes_of(const struct identity *identity)
{
    return sizeof *identity + identity->header_bytes + NOTES_BYTES +
           presented_certificate_bytes(identity->presented);
}

struct identity *identity_establish(struct identity_table *table,
                                    struct presented_certificate *presented,
                                    struct verdict *verdict)
{
    struct identity *identity = NULL;
    struct identity *making = NULL;

    assert(verdict_is_accepted(verdict));
    assert(slice_equals(verdict_chain(verdict), presented_certificate_digest(presented)));

    identity = cache_find(table->identities, verdict_proof(verdict), 0);
    if (identity != NULL)
        return identity;
    ERR_set_mark();
    making = identity_create(table->formats, presented, verdict);
    ERR_pop_to_mark();
    if (making == NULL)
        return NULL;
    identity = cache_intern(table->identities, verdict_proof(verdict), making, bytes_of(making),
                            INT64_MAX, 0);
    identity_release(making);
    return identity;
}

struct identity *identity_acquire(struct identity *identity)
{
    atomic_fetch_add_explicit(&identity->references, 1, memory_order_relaxed);
    return identity;
}

static void release_notes(struct identity *identity)
{
    struct identity_note *note = atomic_load_explicit(&identity->notes, memory_order_relaxed);

    while (note != NULL) {
        struct identity_note *next = note->next;

        memory_release(note);
        note = next;
    }
}

void identity_release(struct identity *identity)
{
    if (identity == NULL ||
        atomic_fetch_sub_explicit(&identity->references, 1, memory_order_acq_rel) != 1)
        return;
    release_notes(identity);
    presented_certificate_release(identity->presented);
    memory_release(identity);
}

bool identity_find_note(const struct identity *identity, uint64_t author, struct slice *note)
{
    const struct identity_note *kept = atomic_load_explicit(&identity->notes, memory_order_acquire);

    for (; kept != NULL; kept = kept->next) {
        if (kept->author == author) {
            *note = slice_from(kept->bytes, kept->size);
            return true;
        }
    }
    return false;
}

void identity_keep_note(struct identity *identity, uint64_t author, struct slice note)
{
    struct identity_note *first = atomic_load_explicit(&identity->notes, memory_order_acquire);
    struct identity_note *keeping;

    if (note.size > IDENTITY_NOTE_BYTES_MAX)
        return;
    keeping = memory_try_allocate(sizeof *keeping + note.size);
    if (keeping == NULL)
        return;
    keeping->author = author;
    keeping->size = note.size;
    if (note.size > 0)
        memcpy(keeping->bytes, note.data, note.size);
    /* Two threads may keep the same note; they say the same. */
    do {
        keeping->next = first;
        keeping->count = first == NULL ? 1 : first->count + 1;
        if (keeping->count > IDENTITY_NOTES_MAX) {
            memory_release(keeping);
            return;
        }
    } while (!atomic_compare_exchange_weak_explicit(&identity->notes, &first, keeping,
                                                    memory_order_acq_rel, memory_order_acquire));
}

const struct certificate_description *identity_describe(const struct identity *identity)
{
    return identity->description;
}

struct slice identity_principal(const struct identity *identity)
{
    return identity->principal;
}

struct slice identity_header(const struct identity *identity, enum identity_format format)
{
    if ((unsigned)format >= IDENTITY_FORMAT_COUNT)
        return SLICE("");
    return identity->headers[format];
}

struct slice presented_certificate_header(struct presented_certificate *presented,
                                          enum identity_format format, struct arena *arena)
{
    const struct certificate_description *description = presented_certificate_describe(presented);
    struct slice value = SLICE("");

    ERR_set_mark();
    if (description != NULL)
        value = certificate_header_encode(presented_certificate_leaf(presented), description,
                                          format, arena);
    ERR_pop_to_mark();
    return value;
}
