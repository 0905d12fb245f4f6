/* SPDX-License-Identifier: Apache-2.0
 *
 * An identity is a client of which everything was proven: the chain, by an accepted verdict for the
 * route at hand, and the possession of the key, by a finished handshake. Identities are interned
 * by chain and context, with their names parsed and each forwarded header encoded once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "gateway/identity/presented_certificate.h"
#include "gateway/identity/verdict.h"
#include "protocol/x509/certificate.h"
#include "runtime/slice.h"

struct identity;
struct identity_table;

/* What can be forwarded of a certificate. */
enum identity_format {
    IDENTITY_FORMAT_NONE,
    IDENTITY_FORMAT_DER_BASE64,    /* X-ARR-ClientCert */
    IDENTITY_FORMAT_RFC9440,       /* Client-Cert: ":" base64 DER ":" */
    IDENTITY_FORMAT_RFC9440_CHAIN, /* Client-Cert-Chain: issuers of the verified path,
                                      comma-separated, no leaf, no anchor */
    IDENTITY_FORMAT_PEM_URL,       /* URL-escaped PEM, as nginx's ssl_client_escaped_cert */
    IDENTITY_FORMAT_SUBJECT,
    IDENTITY_FORMAT_ISSUER,
    IDENTITY_FORMAT_SERIAL,
    IDENTITY_FORMAT_SHA256,
    IDENTITY_FORMAT_SHA1,
    IDENTITY_FORMAT_PRINCIPAL,
    IDENTITY_FORMAT_VERIFICATION,  /* not of the certificate: SUCCESS, NONE, PASSTHROUGH or
                                      FAILED:reason; written by rewrite */
    IDENTITY_FORMAT_USER,          /* not of the certificate: who a rule of the policy says it is */
    IDENTITY_FORMAT_PEM_URL_CHAIN, /* the leaf and its issuers, no anchor, URL-escaped */
    IDENTITY_FORMAT_PEM_ALB,       /* URL-escaped PEM, "+", "=" and "/" left alone */
    IDENTITY_FORMAT_PEM_ALB_CHAIN, /* the same of the leaf and its issuers, no anchor */
    IDENTITY_FORMAT_VALIDITY_ALB,  /* "NotBefore=2026-01-02T03:04:05Z;NotAfter=..." */
    IDENTITY_FORMAT_DER_BASE64_CHAIN, /* base64 of the leaf and its issuers, comma-separated */
    IDENTITY_FORMAT_TRAEFIK_INFO,     /* Subject, Issuer, SerialNumber, NB, NA, SAN; URL-escaped */
    IDENTITY_FORMAT_NOT_BEFORE,       /* "Jan  2 03:04:05 2026 GMT", as nginx writes it */
    IDENTITY_FORMAT_NOT_AFTER,
    IDENTITY_FORMAT_XFCC, /* an element of X-Forwarded-Client-Cert, made of those below */
    IDENTITY_FORMAT_XFCC_HASH,
    IDENTITY_FORMAT_XFCC_CERT,
    IDENTITY_FORMAT_XFCC_CHAIN,
    IDENTITY_FORMAT_XFCC_SUBJECT,
    IDENTITY_FORMAT_XFCC_URI,
    IDENTITY_FORMAT_XFCC_DNS,
    IDENTITY_FORMAT_COUNT
};

/* `formats`: which formats (1 << enum identity_format) to encode when an identity is made. */
struct identity_table *identity_table_create(size_t bytes_max, unsigned formats);
void identity_table_destroy(struct identity_table *table);

/* A new reference to the identity of this chain, found or made. The verdict must be an acceptance
 * (asserted: it is the caller's, not the wire's), made for the same chain, and the handshake must
 * be finished. NULL only when the certificate cannot be described, which is a refusal. */
struct identity *identity_establish(struct identity_table *table,
                                    struct presented_certificate *presented,
                                    struct verdict *verdict);
struct identity *identity_acquire(struct identity *identity);
/* NULL is fine. */
void identity_release(struct identity *identity);

const struct certificate_description *identity_describe(const struct identity *identity);
/* The name used in logs: what the order of the trust profile finds first (principal.h). */
struct slice identity_principal(const struct identity *identity);
/* Empty when the format was not asked for, or the certificate has no such thing. */
struct slice identity_header(const struct identity *identity, enum identity_format format);

/* What a later step has found out about the identity once and for all, by the number of who found
 * it. A note is bytes and is kept for as long as the identity, or not at all when there is no room.
 * From any thread. */
enum { IDENTITY_NOTES_MAX = 8, IDENTITY_NOTE_BYTES_MAX = 256 };
bool identity_find_note(const struct identity *identity, uint64_t author, struct slice *note);
void identity_keep_note(struct identity *identity, uint64_t author, struct slice note);

/* For routes that forward what nobody verified: the same encodings of a presented certificate, into
 * the arena. The chain format and the principal give nothing: they exist for the verified only.
 * Empty when the arena is used up. */
struct slice presented_certificate_header(struct presented_certificate *presented,
                                          enum identity_format format, struct arena *arena);
