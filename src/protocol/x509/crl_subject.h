/* SPDX-License-Identifier: Apache-2.0
 *
 * What a certificate says that matters for its revocation: its serial, whether it is a CA, and
 * where its lists are (RFC 5280 section 4.2.1.13). Borrows from the certificate.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol/x509/crl.h"
#include "runtime/slice.h"

enum { CRL_ISSUER_ID_BYTES = 32 };

struct crl_subject {
    unsigned char serial[CRL_SERIAL_BYTES_MAX]; /* the content of the DER INTEGER */
    size_t serial_size;                         /* 0: too long for any list */
    bool is_ca;
    bool has_points;                        /* the certificate names distribution points */
    struct slice names[CRL_NAME_COUNT_MAX]; /* of all its points: GeneralNames, DER */
    size_t name_count;
};

/* False when the extension cannot be read: then no list can be said to cover the certificate. */
bool crl_subject_read(X509 *certificate, struct crl_subject *subject);
enum { CRL_URI_BYTES_MAX = 2048 };

/* The URI in a GeneralName; empty when it is another kind of name, or what no address can be: too
 * long, or with a NUL byte. */
struct slice crl_name_uri(struct slice general_name);
/* Is the list about this certificate? */
bool crl_covers(const struct crl *list, const struct crl_subject *subject);
/* The issuer as a key: SHA-256 over its name and public key, so that another CA of the same name is
 * another issuer, and one that was certified twice is one, however its name is written (RFC 5280
 * section 7.1). */
bool crl_issuer_id(X509 *issuer, unsigned char id[CRL_ISSUER_ID_BYTES]);
