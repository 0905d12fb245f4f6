/* SPDX-License-Identifier: Apache-2.0
 *
 * The certificates that a server shows: a chain and its key, from two PEM files or a PFX. Each file
 * is read once, so that the bytes that were checked are the bytes in use, and whatever is wrong
 * with them is said in words of its own.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

#include "protocol/tls/tls_profile.h"
#include "runtime/error.h"

struct tls_server_certificate {
    X509 *leaf;
    STACK_OF(X509) * intermediates;
    EVP_PKEY *key;
    char *chain_path; /* where they came from */
    char *key_path;
};

/* False, an error, and nothing loaded when the files cannot be used together. */
bool tls_server_certificate_load(const struct tls_certificate_settings *settings,
                                 struct tls_server_certificate *certificate, struct error *error);
/* The context takes its own references. */
bool tls_server_certificate_use(const struct tls_server_certificate *certificate, SSL_CTX *context,
                                struct error *error);
void tls_server_certificate_reset(struct tls_server_certificate *certificate);
