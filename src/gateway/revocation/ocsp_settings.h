/* SPDX-License-Identifier: Apache-2.0
 *
 * The `ocsp` setting of a trust profile's `revocation`: whom to ask, and how.
 */
#pragma once

#include <stdint.h>

#include "protocol/x509/ocsp.h"

/* Zero is the strictest. */
enum ocsp_nonce_use {
    OCSP_NONCE_REQUIRED, /* sent, and an answer without it does not count */
    OCSP_NONCE_OPTIONAL, /* sent; an answer without it counts, one with another does not */
    OCSP_NONCE_OFF
};

enum ocsp_method {
    OCSP_METHOD_AUTO, /* GET where the question is short enough and has no nonce, else POST */
    OCSP_METHOD_GET,
    OCSP_METHOD_POST,
    OCSP_METHOD_AZURE /* GET of the first responder that is named, which must be http */
};

struct ocsp_settings {
    const char *responder; /* NULL: the one that the certificate names */
    enum ocsp_method method;
    enum ocsp_nonce_use nonce;
    enum ocsp_hash hash;
    uint64_t timeout_ms;
};

/* The same as a value that needs nobody: part of a judging context. */
struct ocsp_rules {
    char responder[OCSP_URL_BYTES_MAX + 1]; /* empty: the one that the certificate names */
    enum ocsp_method method;
    enum ocsp_nonce_use nonce;
    enum ocsp_hash hash;
    uint64_t timeout_ms;
};
