/* SPDX-License-Identifier: Apache-2.0
 *
 * Making certificates: the demo's throw-away PKI, and the ground of `sallyport pki`. Keys are
 * ECDSA P-256 or RSA 2048, signatures SHA-256, serials 20 random octets (RFC 5280 section
 * 4.1.2.2). When a certificate begins and ends is the caller's choice.
 */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/error.h"

enum pki_role { PKI_ROOT, PKI_INTERMEDIATE, PKI_SERVER, PKI_CLIENT };
enum pki_key { PKI_KEY_EC_P256, PKI_KEY_RSA_2048 };

struct pki_certificate {
    X509 *certificate;
    EVP_PKEY *key;
};

struct pki_request {
    enum pki_role role;
    enum pki_key key;
    const char *common_name;
    const char *organization;        /* NULL: none */
    const char *const *dns_names;    /* NULL-terminated; NULL: none */
    const char *const *ip_addresses; /* NULL-terminated; NULL: none */
    const char *const *uris;         /* NULL-terminated; NULL: none */
    const char *email;               /* NULL: none */
    int64_t not_before;              /* seconds since 1970 */
    int64_t not_after;
};

/* `issuer` NULL: self-signed. False and an error when a name or date cannot be put in a
 * certificate, or libcrypto refuses. */
bool pki_issue(const struct pki_request *request, const struct pki_certificate *issuer,
               struct pki_certificate *issued, struct error *error);
void pki_certificate_reset(struct pki_certificate *certificate);

/* All files are created exclusively. The chain file is PEM: the certificate, then `others` in
 * order. It is public, of mode 0644. */
bool pki_write_chain(const char *path, const struct pki_certificate *certificate,
                     const struct pki_certificate *const *others, size_t other_count,
                     struct error *error);
/* PEM (PKCS #8, not encrypted), of mode 0600. */
bool pki_write_key(const char *path, const struct pki_certificate *certificate,
                   struct error *error);
/* What browsers import: PKCS #12 with the key, the certificate and `others`, of mode 0600. */
bool pki_write_pkcs12(const char *path, const struct pki_certificate *certificate,
                      const struct pki_certificate *const *others, size_t other_count,
                      const char *password, struct error *error);
