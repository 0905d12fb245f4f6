/* SPDX-License-Identifier: Apache-2.0 */
/* module: gateway/identity */
/*
 * DER certificates one behind the other, as a client could show them: limits, description and
 * every header that is made of them. Whatever is in the certificates, what comes out is printable
 * ASCII, and nothing is left in the library's error queue.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "gateway/identity/identity.h"
#include "gateway/identity/presented_certificate.h"
#include "runtime/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool condition)
{
    if (!condition)
        abort();
}

static void demand_printable(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        demand(text.data[i] >= 0x20 && text.data[i] <= 0x7e);
}

static void demand_printable_description(const struct certificate_description *description)
{
    demand_printable(description->subject);
    demand_printable(description->issuer);
    demand_printable(description->serial);
    demand_printable(description->sha256);
    demand_printable(description->sha1);
    demand_printable(description->key);
    demand_printable(description->signature);
    demand_printable(description->common_name);
    demand(description->serial.size > 0);
    demand(description->sha256.size == 64 && description->sha1.size == 40);
    for (size_t i = 0; i < description->name_count; i++) {
        demand_printable(description->names[i].text);
        demand(description->names[i].text.size > 0);
    }
}

static bool is_of_the_verified(enum identity_format format)
{
    return format == IDENTITY_FORMAT_RFC9440_CHAIN || format == IDENTITY_FORMAT_PEM_URL_CHAIN ||
           format == IDENTITY_FORMAT_PEM_ALB_CHAIN || format == IDENTITY_FORMAT_DER_BASE64_CHAIN ||
           format == IDENTITY_FORMAT_XFCC_CHAIN || format == IDENTITY_FORMAT_PRINCIPAL;
}

static void demand_printable_headers(struct presented_certificate *presented, size_t der_size)
{
    size_t memory_size = 16 * der_size + 4096;
    char *memory = memory_allocate(memory_size);
    bool described = presented_certificate_describe(presented) != NULL;

    for (unsigned i = 0; i < IDENTITY_FORMAT_COUNT; i++) {
        enum identity_format format = (enum identity_format)i;
        struct arena arena;
        struct slice value;

        arena_init(&arena, memory, memory_size);
        value = presented_certificate_header(presented, format, &arena);
        demand_printable(value);
        if (format == IDENTITY_FORMAT_RFC9440 || format == IDENTITY_FORMAT_SHA256)
            demand((value.size > 0) == described);
        if (is_of_the_verified(format))
            demand(value.size == 0);
    }
    memory_release(memory);
}

static X509 *parse_next(const uint8_t **data, size_t *size)
{
    const unsigned char *end = *data;
    X509 *certificate = d2i_X509(NULL, &end, (long)*size);

    if (certificate != NULL) {
        *size -= (size_t)(end - *data);
        *data = end;
    }
    return certificate;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t whole_size = size;
    X509 *leaf = parse_next(&data, &size);
    STACK_OF(X509) *untrusted = NULL;
    X509 *next = NULL;
    struct presented_certificate *presented = NULL;
    const struct certificate_description *description = NULL;

    if (leaf == NULL) {
        ERR_clear_error();
        return 0;
    }
    untrusted = sk_X509_new_null();
    for (next = parse_next(&data, &size); next != NULL; next = parse_next(&data, &size))
        sk_X509_push(untrusted, next);
    ERR_clear_error();

    presented = presented_certificate_create(leaf, untrusted);
    sk_X509_pop_free(untrusted, X509_free);
    X509_free(leaf);
    demand(presented_certificate_limit(presented) != REASON_UNDECIDED);
    demand(presented_certificate_digest(presented).size == 32);
    description = presented_certificate_describe(presented);
    if (description != NULL)
        demand_printable_description(description);
    demand_printable_headers(presented, whole_size);
    presented_certificate_release(presented);
    demand(ERR_peek_error() == 0);
    return 0;
}
