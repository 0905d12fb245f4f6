/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a list as the walk through its DER finds them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "protocol/x509/crl.h"
#include "runtime/slice.h"

/* All slices point into the list's bytes. */
struct crl_parts {
    struct slice signed_part; /* TBSCertList, whole */
    struct slice algorithm;   /* AlgorithmIdentifier, whole */
    struct slice signature;   /* the bits */
    struct slice entries;     /* the content of revokedCertificates */
    bool has_extensions;      /* version 2 */
    struct crl_facts facts;   /* but entry_count, bytes and digest */
};

struct crl_raw_entry {
    struct slice serial;
    int64_t revoked_at;
    unsigned reason;
};

/* Everything but the entries. */
bool crl_parse_parts(struct slice der, struct crl_parts *parts, struct error *error);
/* The next entry off `rest`, which must not be empty. */
bool crl_parse_entry(struct slice *rest, bool may_have_extensions, struct crl_raw_entry *entry,
                     struct error *error);
bool crl_parse_time(struct slice *rest, int64_t *seconds);
/* Takes the content of GeneralNames. */
bool crl_parse_names(struct slice rest, struct slice *names, size_t *count);

/* What is needed to verify the signature when the bytes are gone. */
struct crl_seal;

/* NULL and an error when the signature is of a kind that is not accepted. */
struct crl_seal *crl_seal_create(const struct crl_parts *parts, struct error *error);
/* SHA-256 of the signed part. */
bool crl_seal_digest(const struct crl_seal *seal, const struct crl_parts *parts,
                     unsigned char digest[CRL_DIGEST_BYTES]);
void crl_seal_destroy(struct crl_seal *seal);
bool crl_seal_verify(const struct crl_seal *seal, EVP_PKEY *key);
