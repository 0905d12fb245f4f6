/* SPDX-License-Identifier: Apache-2.0
 *
 * OCSP (RFC 6960) as pure functions: a question about one certificate as bytes, and what the bytes
 * of an answer are worth. libcrypto takes answers apart and verifies signatures; whether an answer
 * counts is decided here. Nothing is fetched and nothing remembered.
 *
 * An answer counts when it is DER and nothing else, signed by the issuer's own key or by a delegate
 * that this key certified for it, about this very certificate, of now, and to our question where
 * that can be told.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/buffer.h"
#include "runtime/slice.h"

enum {
    OCSP_NONCE_BYTES = 16,
    OCSP_REQUEST_BYTES_MAX = 512,
    OCSP_ANSWER_BYTES_MAX = 64 * 1024,
    OCSP_CERTIFICATES_MAX = 8, /* of an answer's own that are looked at */
    OCSP_SINGLES_MAX = 128,    /* certificates that one answer may speak of */
    OCSP_URL_BYTES_MAX = 1024,
    OCSP_GET_BYTES_MAX = 255 /* of the question as a path, RFC 6960 appendix A.1 */
};

enum ocsp_hash { OCSP_HASH_SHA1, OCSP_HASH_SHA256 };

/* Appends the question, DER, about the certificate that this issuer gave that serial: the content
 * of a DER INTEGER. An empty nonce is left out. False when the buffer is too small, or the serial
 * is none. */
bool ocsp_write_request(struct buffer *to, X509 *issuer, struct slice serial, enum ocsp_hash hash,
                        struct slice nonce);
/* "http://responder/path/" and the question behind it, NUL-terminated. False when it is too long
 * for GET, or for the buffer. */
bool ocsp_write_get_url(struct buffer *to, const char *responder, struct slice request);
/* The first http or https responder that the certificate names (RFC 5280 section 4.2.2.1), to be
 * released; NULL: none that can be used. */
char *ocsp_responder_of(const X509 *certificate);
/* The same of those who look at the first responder only, and speak no TLS with it: NULL when the
 * first is another. */
char *ocsp_first_http_responder_of(const X509 *certificate);

/* Could it be asked? An http or https URL of printable ASCII, not too long. */
bool ocsp_responder_is_usable(struct slice url);

/* Zero is nothing that could be trusted. */
enum ocsp_outcome {
    OCSP_ANSWER_MALFORMED,
    OCSP_IS_GOOD,
    OCSP_IS_REVOKED,
    OCSP_IS_UNKNOWN, /* the responder does not know the certificate */
    OCSP_ANSWER_TOO_LARGE,
    OCSP_SAYS_MALFORMED_REQUEST,
    OCSP_SAYS_INTERNAL_ERROR,
    OCSP_SAYS_TRY_LATER,
    OCSP_SAYS_SIGNATURE_REQUIRED,
    OCSP_SAYS_UNAUTHORIZED,
    OCSP_SAYS_SOMETHING_ELSE,    /* a status that RFC 6960 does not have */
    OCSP_ANSWER_OF_UNKNOWN_TYPE, /* not id-pkix-ocsp-basic, or a critical extension */
    OCSP_ANSWER_ABOUT_ANOTHER,   /* not about the certificate that was asked for */
    OCSP_ANSWER_EARLY,           /* begins in the future */
    OCSP_ANSWER_STALE,           /* has ended */
    OCSP_ANSWER_FORGED,          /* the signature is not that of the signer it names */
    OCSP_ANSWER_WEAKLY_SIGNED,   /* MD5, SHA-1, and what nobody knows */
    OCSP_SIGNER_UNKNOWN,         /* neither the issuer nor anybody that it certified */
    OCSP_SIGNER_NOT_AUTHORIZED,  /* certified by the issuer, but not for this */
    OCSP_SIGNER_INVALID,         /* certified for this, but not now, or not with such a key */
    OCSP_NONCE_MISSING,
    OCSP_NONCE_WRONG,
    OCSP_OUTCOMES
};

/* "signer_unknown": for logs and metrics. */
const char *ocsp_outcome_name(enum ocsp_outcome outcome);
/* Does it say what became of the certificate? */
static inline bool ocsp_outcome_is_statement(enum ocsp_outcome outcome)
{
    return outcome == OCSP_IS_GOOD || outcome == OCSP_IS_REVOKED || outcome == OCSP_IS_UNKNOWN;
}

struct ocsp_expectation {
    X509 *issuer;         /* whose key is known to be the issuer's */
    struct slice serial;  /* of the certificate: the content of a DER INTEGER */
    struct slice nonce;   /* that was sent; empty: none */
    bool nonce_is_needed; /* without it, an answer that leaves the nonce out counts */
    int64_t now;          /* seconds since 1970 */
    unsigned skew_seconds;
    unsigned endless_seconds; /* how old an answer without nextUpdate may be */
};

/* Times are seconds since 1970; 0: the answer does not say. */
struct ocsp_answer {
    enum ocsp_outcome outcome;
    int64_t this_update;
    int64_t next_update;
    int64_t revoked_at;
    unsigned revocation_reason; /* CRLReason */
    bool has_nonce;             /* the one that was sent */
};

/* An authentic "revoked" counts whatever its age and nonce, since nothing takes it back, unless it
 * is a hold. Of several statements about the certificate, the worst counts. */
struct ocsp_answer ocsp_check_answer(struct slice answer, const struct ocsp_expectation *expected);
