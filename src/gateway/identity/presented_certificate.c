/* SPDX-License-Identifier: Apache-2.0
 *
 * A presented chain is kept as libcrypto parsed it. What it breaks and its digest are found once,
 * when it is created; its description when somebody first asks, because most requests never do.
 */
#include "gateway/identity/presented_certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>

#include "runtime/memory.h"

enum {
    DIGEST_BYTES = 32,
    /* What libcrypto needs for a parsed certificate: measured at 3.2 to 5.5 KiB for leaves of 350
     * to 810 bytes with keys of all kinds. */
    PARSED_BYTES = 4096,
    PARSED_BYTES_FACTOR = 3,
    /* Six characters may stand for one octet of a name, and one entry for three octets of names. */
    DESCRIPTION_BYTES = 4096,
    DESCRIPTION_BYTES_FACTOR = 16
};

/* Published once, with everything that it points to behind it. */
struct kept_description {
    bool readable;
    struct certificate_description description;
    _Alignas(max_align_t) char memory[];
};

struct presented_certificate {
    atomic_size_t references;
    X509 *leaf;
    STACK_OF(X509) * untrusted;
    enum reason limit;
    size_t der_bytes;
    unsigned char digest[DIGEST_BYTES];
    _Atomic(struct kept_description *) description;
};

/* X509_cmp digests both and reads their extensions; signatures tell nearly all apart. */
static bool are_equal(const X509 *a, const X509 *b)
{
    const ASN1_BIT_STRING *signature_a = NULL;
    const ASN1_BIT_STRING *signature_b = NULL;

    if (a == b)
        return true;
    X509_get0_signature(&signature_a, NULL, a);
    X509_get0_signature(&signature_b, NULL, b);
    return ASN1_STRING_cmp(signature_a, signature_b) == 0 && X509_cmp(a, b) == 0;
}

static bool has_leaf_in_front(const X509 *leaf, STACK_OF(X509) * untrusted)
{
    return sk_X509_num(untrusted) > 0 && are_equal(sk_X509_value(untrusted, 0), leaf);
}

/* libssl gives the chain with the leaf in front of it on some occasions and without on others. */
static bool keep_untrusted(struct presented_certificate *presented, STACK_OF(X509) * untrusted)
{
    int first = 0;

    presented->untrusted = sk_X509_new_null();
    if (presented->untrusted == NULL)
        return false;
    if (untrusted == NULL)
        return true;
    if (has_leaf_in_front(presented->leaf, untrusted))
        first = 1;
    if (1 + sk_X509_num(untrusted) - first > CERTIFICATE_CHAIN_COUNT_MAX) {
        presented->limit = REASON_CERTIFICATE_CHAIN_TOO_LARGE;
        return true;
    }
    for (int i = first; i < sk_X509_num(untrusted); i++) {
        X509 *certificate = sk_X509_value(untrusted, i);

        if (X509_up_ref(certificate) != 1)
            return false;
        if (sk_X509_push(presented->untrusted, certificate) <= 0) {
            X509_free(certificate);
            return false;
        }
    }
    return true;
}

static void forget_untrusted(struct presented_certificate *presented)
{
    while (sk_X509_num(presented->untrusted) > 0)
        X509_free(sk_X509_pop(presented->untrusted));
}

static bool measure(const X509 *certificate, size_t *bytes)
{
    int size = i2d_X509(certificate, NULL);

    if (size <= 0)
        return false;
    *bytes += (size_t)size;
    return true;
}

static enum reason measure_chain(struct presented_certificate *presented)
{
    if (!measure(presented->leaf, &presented->der_bytes))
        return REASON_CERTIFICATE_MALFORMED;
    for (int i = 0; i < sk_X509_num(presented->untrusted); i++)
        if (!measure(sk_X509_value(presented->untrusted, i), &presented->der_bytes))
            return REASON_CERTIFICATE_MALFORMED;
    if (presented->der_bytes > CERTIFICATE_CHAIN_BYTES_MAX)
        return REASON_CERTIFICATE_CHAIN_TOO_LARGE;
    return REASON_NONE;
}

static enum reason check_certificates(const struct presented_certificate *presented)
{
    enum reason reason = certificate_check_limits(presented->leaf);

    for (int i = 0; i < sk_X509_num(presented->untrusted) && reason == REASON_NONE; i++)
        reason = certificate_check_limits(sk_X509_value(presented->untrusted, i));
    return reason;
}

static void find_limit(struct presented_certificate *presented)
{
    if (presented->limit == REASON_NONE)
        presented->limit = measure_chain(presented);
    if (presented->limit == REASON_CERTIFICATE_CHAIN_TOO_LARGE) {
        forget_untrusted(presented);
        presented->der_bytes = 0;
        measure(presented->leaf, &presented->der_bytes);
    }
    if (presented->limit == REASON_NONE)
        presented->limit = check_certificates(presented);
}

static bool digest_number(EVP_MD_CTX *context, uint64_t number)
{
    unsigned char octets[8];

    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (unsigned char)(number >> (56 - 8 * i));
    return EVP_DigestUpdate(context, octets, sizeof octets) == 1;
}

static bool digest_certificate(EVP_MD_CTX *context, const X509 *certificate)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    bool digested = size > 0 && digest_number(context, (uint64_t)size) &&
                    EVP_DigestUpdate(context, der, (size_t)size) == 1;

    OPENSSL_free(der);
    return digested;
}

/* The limit belongs to the digest: a chain that was cut down to its leaf is not the leaf. */
static bool digest_chain(EVP_MD_CTX *context, struct presented_certificate *presented)
{
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        !digest_number(context, (uint64_t)presented->limit) ||
        !digest_certificate(context, presented->leaf))
        return false;
    for (int i = 0; i < sk_X509_num(presented->untrusted); i++)
        if (!digest_certificate(context, sk_X509_value(presented->untrusted, i)))
            return false;
    return EVP_DigestFinal_ex(context, presented->digest, NULL) == 1;
}

static bool compute_digest(struct presented_certificate *presented)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool computed = digest_chain(context, presented);

    EVP_MD_CTX_free(context);
    return computed;
}

struct presented_certificate *presented_certificate_create(X509 *leaf, STACK_OF(X509) * untrusted)
{
    struct presented_certificate *presented = memory_try_allocate(sizeof *presented);

    if (presented == NULL)
        return NULL;
    atomic_init(&presented->references, 1);
    atomic_init(&presented->description, NULL);
    presented->limit = REASON_NONE;
    presented->leaf = leaf;
    X509_up_ref(leaf);

    ERR_set_mark();
    if (!keep_untrusted(presented, untrusted)) {
        presented->limit = REASON_INTERNAL;
        forget_untrusted(presented);
    }
    find_limit(presented);
    /* A chain without a digest could be taken for another one. */
    if (!compute_digest(presented))
        presented->limit = REASON_INTERNAL;
    ERR_pop_to_mark();
    return presented;
}

struct presented_certificate *presented_certificate_acquire(struct presented_certificate *presented)
{
    atomic_fetch_add_explicit(&presented->references, 1, memory_order_relaxed);
    return presented;
}

static void destroy(struct presented_certificate *presented)
{
    memory_release(atomic_load_explicit(&presented->description, memory_order_relaxed));
    sk_X509_pop_free(presented->untrusted, X509_free);
    X509_free(presented->leaf);
    memory_release(presented);
}

void presented_certificate_release(struct presented_certificate *presented)
{
    if (presented != NULL &&
        atomic_fetch_sub_explicit(&presented->references, 1, memory_order_acq_rel) == 1)
        destroy(presented);
}

struct slice presented_certificate_digest(const struct presented_certificate *presented)
{
    return slice_from(presented->digest, sizeof presented->digest);
}

X509 *presented_certificate_leaf(const struct presented_certificate *presented)
{
    return presented->leaf;
}

STACK_OF(X509) * presented_certificate_untrusted(const struct presented_certificate *presented)
{
    return presented->untrusted;
}

enum reason presented_certificate_limit(const struct presented_certificate *presented)
{
    return presented->limit;
}

size_t presented_certificate_bytes(const struct presented_certificate *presented)
{
    size_t count = 1;

    if (presented->untrusted != NULL)
        count += (size_t)sk_X509_num(presented->untrusted);
    return sizeof *presented + sizeof(struct kept_description) + count * PARSED_BYTES +
           presented->der_bytes * PARSED_BYTES_FACTOR;
}

/* Made in a large scratch, kept in exactly what it takes. NULL: for want of memory nothing is
 * known, which must not be kept. */
static struct kept_description *describe(const struct presented_certificate *presented)
{
    size_t scratch_bytes = DESCRIPTION_BYTES + DESCRIPTION_BYTES_FACTOR * presented->der_bytes;
    uint64_t failures = memory_failures();
    void *scratch = memory_try_allocate(scratch_bytes);
    struct certificate_description description = {.is_ca = false};
    struct kept_description *kept = NULL;
    struct arena arena;
    bool readable = false;
    size_t used = 0;

    if (scratch == NULL)
        return NULL;
    arena_init(&arena, scratch, scratch_bytes);
    readable = certificate_describe(presented->leaf, &arena, &description);
    if (readable)
        used = arena.used;
    kept = memory_failures() == failures ? memory_try_allocate(sizeof *kept + used) : NULL;
    if (kept != NULL) {
        arena_init(&arena, kept->memory, used);
        kept->readable =
            readable && certificate_description_copy(&description, &arena, &kept->description);
    }
    memory_release(scratch);
    return kept;
}

const struct certificate_description *presented_certificate_describe(
    struct presented_certificate *presented)
{
    struct kept_description *kept =
        atomic_load_explicit(&presented->description, memory_order_acquire);

    if (kept == NULL) {
        struct kept_description *made = describe(presented);

        if (made == NULL)
            return NULL;
        /* Of several threads that describe at once, the first is kept. */
        if (atomic_compare_exchange_strong_explicit(&presented->description, &kept, made,
                                                    memory_order_acq_rel, memory_order_acquire))
            kept = made;
        else
            memory_release(made);
    }
    return kept->readable ? &kept->description : NULL;
}
