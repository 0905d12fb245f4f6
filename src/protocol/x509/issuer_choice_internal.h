/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of several certificates of one name is the issuer? A CA that renews its key keeps its name,
 * and without key identifiers libcrypto takes the first that it finds and never goes back. Here the
 * one is taken that has in fact signed; how many signatures that may cost has a limit.
 */
#pragma once

#include <openssl/x509_vfy.h>
#include <stdbool.h>

enum { ISSUER_CHOICE_CHECKS_MAX = 8 };

/* For one validation. */
struct issuer_choice {
    unsigned checks_left;
};

/* Once for each store, before it is used. Validations that have no choice are as libcrypto's. */
void issuer_choice_install(X509_STORE *store);
/* Borrowed, until the validation ends. */
void issuer_choice_begin(struct issuer_choice *choice, X509_STORE_CTX *context);
/* Do the store and the untrusted hold several certificates of the name of any issuer that the leaf
 * or an untrusted certificate names? */
bool issuer_choice_is_there(X509_STORE_CTX *context, const X509 *leaf, STACK_OF(X509) * untrusted);
