/* SPDX-License-Identifier: Apache-2.0
 *
 * What one certificate says, for rules: names in the form in which they are compared, key,
 * purposes, and the extensions that people write rules about. certificate.h has the same for
 * people's eyes.
 *
 * A certificate may say something that two readers could understand differently: a name with a NUL
 * in it, a list that cannot be read. It is not left out: the fact says that it is undecodable, so
 * that whoever decides can take the client for what they fear.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol/x509/distinguished_name.h"
#include "runtime/arena.h"
#include "runtime/slice.h"

enum certificate_fact_kind {
    CERTIFICATE_FACT_DNS,   /* folded, without a dot at the end */
    CERTIFICATE_FACT_URI,   /* scheme and host in lower case */
    CERTIFICATE_FACT_EMAIL, /* the host in lower case */
    CERTIFICATE_FACT_IP,    /* 4 or 16 octets */
    CERTIFICATE_FACT_UPN,   /* otherName 1.3.6.1.4.1.311.20.2.3, in canonical form */
    CERTIFICATE_FACT_SID,   /* "S-1-5-21-...", extension 1.3.6.1.4.1.311.25.2 */
    CERTIFICATE_FACT_EKU,   /* the rest: octets of object identifiers */
    CERTIFICATE_FACT_POLICY,
    CERTIFICATE_FACT_TEMPLATE,     /* of extension 1.3.6.1.4.1.311.21.7 */
    CERTIFICATE_FACT_QC_STATEMENT, /* statements, and the types of QcType */
    CERTIFICATE_FACT_KINDS
};

struct certificate_fact {
    enum certificate_fact_kind kind;
    struct slice bytes;
};

enum certificate_key_type {
    CERTIFICATE_KEY_OTHER,
    CERTIFICATE_KEY_RSA,
    CERTIFICATE_KEY_EC,
    CERTIFICATE_KEY_ED25519,
    CERTIFICATE_KEY_ED448
};

struct certificate_facts {
    struct distinguished_name subject;
    struct distinguished_name issuer;
    enum certificate_key_type key_type;
    unsigned key_bits; /* RSA: of the modulus; else of the curve; 0: nobody knows */
    const struct certificate_fact *facts;
    size_t count;
    unsigned undecodable; /* 1 << kind: something of the kind cannot be understood */
};

enum { CERTIFICATE_DIGEST_BYTES = 32, CERTIFICATE_FACTS_MAX = 1024 };

/* How large an arena surely suffices. */
size_t certificate_facts_scratch_bytes(const X509 *certificate);
/* False when the arena is used up or the certificate has no form at all. */
bool certificate_facts_read(const X509 *certificate, struct arena *arena,
                            struct certificate_facts *facts);

/* SHA-256 of the subjectPublicKeyInfo. */
bool certificate_key_digest(const X509 *certificate,
                            unsigned char digest[CERTIFICATE_DIGEST_BYTES]);
/* The same of the key in the other form in which it could have been written. False: it has one form
 * only. */
bool certificate_key_other_digest(const X509 *certificate,
                                  unsigned char digest[CERTIFICATE_DIGEST_BYTES]);

/* A name as somebody writes it, brought into the form of the facts. False: it cannot be a name of
 * that kind. DNS, URI, EMAIL, UPN and SID. */
bool certificate_fact_canonicalise(enum certificate_fact_kind kind, struct slice text,
                                   struct arena *arena, struct slice *canonical);
