/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of verdicts, identities and authentication share: a small PKI, contexts of its
 * anchors, and chains as clients show them.
 */
#pragma once

#include <unistd.h>

#include "gateway/identity/judging_context.h"
#include "gateway/identity/presented_certificate.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

struct pki {
    struct fixture root;
    struct fixture issuing;
    struct fixture alice; /* of Issuing */
    struct fixture bob;   /* of Issuing */
    struct fixture other_root;
    struct fixture mallory; /* of Other Root */
};

FIXTURE_FUNCTION void pki_make(struct pki *pki)
{
    pki->root = fixture_root("Root");
    pki->issuing = fixture_intermediate("Issuing", &pki->root);
    pki->alice = fixture_leaf("alice", &pki->issuing);
    pki->bob = fixture_leaf("bob", &pki->issuing);
    pki->other_root = fixture_root("Other Root");
    pki->mallory = fixture_leaf("mallory", &pki->other_root);
}

FIXTURE_FUNCTION void pki_free(struct pki *pki)
{
    fixture_free(&pki->mallory);
    fixture_free(&pki->other_root);
    fixture_free(&pki->bob);
    fixture_free(&pki->alice);
    fixture_free(&pki->issuing);
    fixture_free(&pki->root);
}

FIXTURE_FUNCTION struct judging_context *context_with_depth(X509 *anchor, unsigned depth)
{
    struct fixture_bytes pem = fixture_pem(&anchor, 1);
    char *path = fixture_file(fixture_bytes_slice(pem));
    struct trust_anchor_source source = {.path = path};
    struct trust_profile_settings settings = {
        .anchors = &source, .anchor_count = 1, .depth = depth};
    struct error error = {.kind = ERROR_NONE};
    struct judging_context *context = judging_context_create(&settings, &error);

    if (context == NULL)
        fail_msg("%s", error.text);
    unlink(path);
    free(path);
    free(pem.data);
    return context;
}

FIXTURE_FUNCTION struct judging_context *context_of(X509 *anchor)
{
    return context_with_depth(anchor, 4);
}

FIXTURE_FUNCTION struct presented_certificate *present_chain(X509 *leaf, X509 *const *others,
                                                             size_t count)
{
    STACK_OF(X509) *chain = fixture_chain(others, count);
    struct presented_certificate *presented = presented_certificate_create(leaf, chain);

    fixture_chain_free(chain);
    return presented;
}

/* With one intermediate, or none where it is NULL. */
FIXTURE_FUNCTION struct presented_certificate *present(X509 *leaf, X509 *intermediate)
{
    return present_chain(leaf, &intermediate, 1);
}
