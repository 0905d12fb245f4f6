/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of reading a certificate that the trust store uses too.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

#include "protocol/x509/pem_internal.h"
#include "runtime/error.h"
#include "runtime/slice.h"

/* Exactly one certificate; the caller frees it. */
X509 *certificate_from_der(struct slice der, struct error *error);
X509 *certificate_from_pem_block(const struct pem_block *block, struct error *error);
/* PEM is text and never begins like this. */
bool certificate_looks_like_der(struct slice bytes);
