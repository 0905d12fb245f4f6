/* SPDX-License-Identifier: Apache-2.0
 *
 * Path validation of certificates that a test has made: anchors, a leaf and what comes with it in,
 * a reason out.
 */
#pragma once

#include <openssl/err.h>
#include <unistd.h>

#include "protocol/x509/certificate.h"
#include "protocol/x509/certification_path.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

enum { CHAIN_MAX = 16 };

/* Anchors, a leaf and what the client sends with it; zero where a test says nothing. */
struct attempt {
    X509 *anchors[CHAIN_MAX];
    X509 *leaf;
    X509 *untrusted[CHAIN_MAX];
    X509 *intermediates[CHAIN_MAX]; /* our own */
    unsigned depth;                 /* 0: the default of 4; UINT_MAX: none at all */
    bool partial_chain;
    int64_t now; /* 0: FIXTURE_NOW */
    struct path_demands demands;
};

FIXTURE_FUNCTION size_t count_of(X509 *const *certificates)
{
    size_t count = 0;

    while (count < CHAIN_MAX && certificates[count] != NULL)
        count++;
    return count;
}

FIXTURE_FUNCTION struct trust_store *store_of(X509 *const *anchors)
{
    struct fixture_bytes pem = fixture_pem(anchors, count_of(anchors));
    char *path = fixture_file(fixture_bytes_slice(pem));
    struct trust_anchor_source source = {.path = path};
    struct error error;
    struct trust_store *store = trust_store_load(&source, 1, &error);

    if (store == NULL)
        fail_msg("%s", error.text);
    unlink(path);
    free(path);
    free(pem.data);
    return store;
}

FIXTURE_FUNCTION struct certification_path try_path(const struct attempt *attempt)
{
    struct trust_store *store = store_of(attempt->anchors);
    STACK_OF(X509) *untrusted = fixture_chain(attempt->untrusted, count_of(attempt->untrusted));
    struct certification_path_settings settings = {.anchors = store,
                                                   .depth = 4,
                                                   .partial_chain = attempt->partial_chain,
                                                   .demands = attempt->demands};
    struct certification_path path;
    struct trust_store *intermediates = NULL;

    if (attempt->intermediates[0] != NULL)
        intermediates = store_of(attempt->intermediates);
    settings.intermediates = intermediates;
    if (attempt->depth != 0)
        settings.depth = attempt->depth == UINT32_MAX ? 0 : attempt->depth;
    path = certification_path_verify(&settings, attempt->leaf, untrusted,
                                     attempt->now == 0 ? FIXTURE_NOW : attempt->now);
    assert_int_equal(ERR_peek_error(), 0);
    if (path.reason == REASON_NONE) {
        assert_int_equal(path.library_error, X509_V_OK);
        assert_non_null(path.certificates);
    } else {
        assert_int_not_equal(path.library_error, X509_V_OK);
        assert_null(path.certificates);
    }
    fixture_chain_free(untrusted);
    trust_store_destroy(store);
    trust_store_destroy(intermediates);
    return path;
}

/* The name makes failures readable. */
FIXTURE_FUNCTION const char *outcome(const struct attempt *attempt)
{
    struct certification_path path = try_path(attempt);

    fixture_chain_free(path.certificates);
    return reason_name(path.reason);
}

#define assert_outcome_is(expected, ...)                                                           \
    assert_string_equal(outcome(&(struct attempt){__VA_ARGS__}), reason_name(expected))

#define assert_outcome(expected, ...)                                                              \
    assert_string_equal(outcome(&(struct attempt){__VA_ARGS__}), reason_name(REASON_##expected))
