/* SPDX-License-Identifier: Apache-2.0
 *
 * The trust anchors of one trust profile, loaded whole or not at all: a file that is missing,
 * empty, unreadable, truncated, or holds anything but certificates refuses the whole store, so
 * that a broken file can never widen or silently narrow trust. Immutable once loaded.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/position.h"
#include "runtime/slice.h"

struct trust_store;

enum trust_upload_rules {
    TRUST_UPLOAD_RULES_NONE,
    /* Each file is refused for what Azure refuses it for, and of leaves in it nothing is said. */
    TRUST_UPLOAD_RULES_AZURE
};

struct trust_anchor_source {
    const char *path; /* PEM (any number of certificates) or DER (one) */
    const char *name; /* what people call its anchors; NULL: nothing */
    enum trust_upload_rules rules;
    struct position position;
};

enum { TRUST_FILE_BYTES_MAX = 4 * 1024 * 1024 };

/* NULL and an error that begins with the source's position, "FILE:LINE:COLUMN: ", when one cannot
 * be loaded. No sources, or none with a certificate, is an error. Every certificate must be a CA
 * (basicConstraints), except that a self-signed version 1 certificate is refused too. A private key
 * in such a file is refused: somebody put the wrong file there. */
struct trust_store *trust_store_load(const struct trust_anchor_source *sources, size_t count,
                                     struct error *error);
/* NULL is fine. */
void trust_store_destroy(struct trust_store *store);

/* SHA-256 over the sorted digests of the anchors: independent of files and order. */
struct slice trust_store_digest(const struct trust_store *store);
size_t trust_store_count(const struct trust_store *store);
/* For path validation and for the names in a CertificateRequest. Borrowed. */
X509_STORE *trust_store_library(const struct trust_store *store);
const X509 *trust_store_anchor(const struct trust_store *store, size_t index);
/* Of the first source that holds the anchor; NULL: it has none. Borrowed. */
const char *trust_store_anchor_name(const struct trust_store *store, size_t index);
/* Its SHA-256, 32 bytes. */
struct slice trust_store_anchor_digest(const struct trust_store *store, size_t index);
/* The anchor whose SHA-256 these 32 bytes are; SIZE_MAX: it is none of them. */
size_t trust_store_find(const struct trust_store *store, struct slice digest);
/* Does a path from each anchor end at a self-signed one of the store? Without partial chains, an
 * anchor that does not lead there would never accept anybody. False, and an error that begins with
 * the position of the source of the first such anchor. */
bool trust_store_check_roots(const struct trust_store *store, struct error *error);
/* For each file, in the order of the sources, the subject of the lowest CA of its longest chain
 * (see issuer_names.h). The caller frees it with its names. */
STACK_OF(X509_NAME) * trust_store_issuer_names(const struct trust_store *store);
