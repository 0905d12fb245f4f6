/* SPDX-License-Identifier: Apache-2.0
 *
 * The key that a PKCS #11 URI names.
 */
#pragma once

#include <openssl/evp.h>

#include "protocol/tls/tls_pkcs11.h"

/* `pin`: instead of what pin-source names; NULL: that. The error's kind is ERROR_CREDENTIAL when
 * the token refused the PIN: after a few more attempts it would be locked. */
EVP_PKEY *tls_pkcs11_load_key(const char *uri, const char *pin, struct error *error);
