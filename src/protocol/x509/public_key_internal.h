/* SPDX-License-Identifier: Apache-2.0
 *
 * What a certificate's subjectPublicKeyInfo says, read from its bytes alone: no parameter of a
 * key goes into arithmetic before it has been found acceptable.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

enum public_key_kind {
    PUBLIC_KEY_UNKNOWN,
    PUBLIC_KEY_RSA,
    PUBLIC_KEY_EC, /* on a named curve */
    PUBLIC_KEY_EC_UNNAMED,
    PUBLIC_KEY_ED25519,
    PUBLIC_KEY_ED448
};

struct public_key {
    enum public_key_kind kind;
    const ASN1_OBJECT *algorithm; /* borrowed from the certificate */
    unsigned bits;                /* RSA: of the modulus */
    int curve;                    /* EC: the NID of the name */
    bool well_formed;             /* the encoding of the key itself follows its algorithm's rules */
};

struct public_key public_key_read(const X509 *certificate);
