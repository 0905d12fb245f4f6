/* SPDX-License-Identifier: Apache-2.0
 *
 * What one certificate says, as text and values. Names are printed so that they can go into a
 * header, a log or a page without further care: RFC 4514, with control characters, non-ASCII and
 * embedded NUL escaped.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/reason/reason.h"
#include "runtime/arena.h"
#include "runtime/buffer.h"
#include "runtime/error.h"
#include "runtime/slice.h"

enum certificate_name_kind {
    CERTIFICATE_NAME_DNS,
    CERTIFICATE_NAME_URI,
    CERTIFICATE_NAME_EMAIL,
    CERTIFICATE_NAME_IP,
    CERTIFICATE_NAME_UPN /* otherName 1.3.6.1.4.1.311.20.2.3 */
};

struct certificate_name {
    enum certificate_name_kind kind;
    struct slice text; /* printable; a name with a NUL or control character is not listed at all */
};

struct certificate_description {
    struct slice subject; /* RFC 4514: "CN=alice,O=Example" (last RDN first) */
    struct slice issuer;
    struct slice serial;     /* upper-case hexadecimal, whole octets, "-" first when negative */
    struct slice sha256;     /* of the DER, 64 lower-case hexadecimal digits */
    struct slice sha1;       /* 40 digits */
    struct slice key_sha256; /* of the subjectPublicKeyInfo, 64 digits */
    struct slice key;        /* "EC P-256", "RSA 2048", "Ed25519" */
    struct slice signature;  /* "ecdsa-with-SHA256" */
    int64_t not_before;      /* seconds since 1970 */
    int64_t not_after;
    const struct certificate_name *names;
    size_t name_count;
    struct slice common_name; /* the most specific one, empty when there is none */
    bool is_ca;
};

/* A Name in DER as RFC 4514 text. False when it is none that can be shown. */
bool certificate_describe_name(struct slice der, struct arena *arena, struct slice *text);
/* False when the arena is used up or the certificate cannot be read. */
bool certificate_describe(const X509 *certificate, struct arena *arena,
                          struct certificate_description *description);
/* The same in another arena, with nothing left that points into the first. */
bool certificate_description_copy(const struct certificate_description *from, struct arena *arena,
                                  struct certificate_description *to);

/* The certificate's DER, borrowed from the certificate's own cache where possible; in the arena
 * otherwise. */
bool certificate_der(const X509 *certificate, struct arena *arena, struct slice *der);
/* "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n" with lines of 64. */
bool certificate_write_pem(struct buffer *to, struct slice der);
/* Seconds since 1970; false when the time cannot be read. */
bool certificate_time(const ASN1_TIME *time, int64_t *seconds);
void certificate_sha256(struct slice der, unsigned char digest[32]);

/* One certificate from PEM or DER bytes; NULL and an error otherwise. The caller frees it. */
X509 *certificate_parse(struct slice bytes, struct error *error);

enum {
    CERTIFICATE_CHAIN_COUNT_MAX = 10,
    CERTIFICATE_CHAIN_BYTES_MAX = 32 * 1024,
    CERTIFICATE_RSA_BITS_MIN = 2048,
    CERTIFICATE_RSA_BITS_MAX = 8192,
    CERTIFICATE_EXTENSION_COUNT_MAX = 64
};

/* The limits that come before any verification: DER and nothing else (definite, minimal lengths
 * throughout the TBSCertificate), RSA 2048-8192 bits, EC on P-256, P-384 or P-521 given by name,
 * Ed25519, Ed448. REASON_NONE, or why the certificate cannot be looked at further. */
enum reason certificate_check_limits(const X509 *certificate);
