/* SPDX-License-Identifier: Apache-2.0
 *
 * What a trust profile demands of a certification path besides that it is valid (RFC 5280): what
 * its keys and signatures must be at least, what the client's certificate must be for, and whose
 * key must have signed it. Each demand makes the accepted fewer, except `purpose`, whose zero is
 * what nearly everybody wants.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

#include "protocol/reason/reason.h"
#include "protocol/x509/trust_store.h"
#include "runtime/slice.h"

enum path_purpose {
    PATH_PURPOSE_CLIENT, /* clientAuth in every extended key usage that there is, in the whole path
                          */
    PATH_PURPOSE_CLIENT_REQUIRED, /* the client's own certificate must have one, besides */
    PATH_PURPOSE_ANY              /* extended key usages are not looked at */
};

/* Bits of a set; a set of none stands for all. */
enum path_key_type {
    PATH_KEY_RSA = 1,
    PATH_KEY_P256 = 2,
    PATH_KEY_P384 = 4,
    PATH_KEY_P521 = 8,
    PATH_KEY_ED25519 = 16,
    PATH_KEY_ED448 = 32
};

/* How hard a hash is to collide, in bits: half its length. */
enum path_hash_strength { PATH_HASH_SHA256 = 128, PATH_HASH_SHA384 = 192, PATH_HASH_SHA512 = 256 };

/* Zero demands nothing more than certificate_check_limits does. Everything is borrowed. */
struct path_demands {
    enum path_purpose purpose;
    STACK_OF(ASN1_OBJECT) * usages;     /* the client's certificate must be for all; NULL: none */
    STACK_OF(ASN1_OBJECT) * policies;   /* the path must be valid for one; NULL: any */
    unsigned rsa_bits_min;              /* of every key of the path */
    unsigned key_types;                 /* of every key of the path */
    unsigned hash_bits_min;             /* of every signature of the path but the anchor's own */
    const struct trust_store *issuers;  /* one of them, by name and key, has signed the client's
                                           certificate; NULL: any CA of the path may have */
    STACK_OF(X509_NAME) * issuer_names; /* one of them is the issuer that the client's certificate
                                           names; NULL: any */
};

/* "RSA", "P-256", ... 0: there is no such type. */
unsigned path_key_type_parse(struct slice name);

/* The path is valid, leaf first and anchor last. REASON_NONE, or the first demand that it does not
 * meet. Policies are part of validation and not looked at here. */
enum reason path_demands_check(const struct path_demands *demands, STACK_OF(X509) * path);
