/* SPDX-License-Identifier: Apache-2.0
 *
 * A key that signs messages, and how: RFC 9421 sections 3.3.3 and 3.3.4. A key has one algorithm,
 * so that none can be used as another's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "runtime/error.h"
#include "runtime/slice.h"

/* Zero is none: an algorithm is chosen, never assumed. */
enum signing_algorithm {
    SIGNING_NONE,
    SIGNING_ECDSA_P256_SHA256, /* the file: PEM of a P-256 private key, without a password */
    SIGNING_HMAC_SHA256        /* the file: base64 of 32 to 256 octets, on one line */
};

enum { SIGNATURE_BYTES_MAX = 64 };

struct signing_key;

/* As the registry of RFC 9421 calls it; "" for NONE. */
struct slice signing_algorithm_name(enum signing_algorithm algorithm);

/* Reads the file once. NULL, and an error that names it, when it cannot be used. */
struct signing_key *signing_key_read(const char *path, enum signing_algorithm algorithm,
                                     struct error *error);
/* NULL is fine. */
void signing_key_destroy(struct signing_key *key);
enum signing_algorithm signing_key_algorithm(const struct signing_key *key);
/* From any thread. How many octets it wrote; 0 when libcrypto could not. */
size_t signing_key_sign(const struct signing_key *key, struct slice text,
                        unsigned char signature[SIGNATURE_BYTES_MAX]);
