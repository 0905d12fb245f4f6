/* SPDX-License-Identifier: Apache-2.0
 *
 * The parsing half of the trust store, for bytes that come from no file; and its certificates for
 * libcrypto.
 */
#pragma once

#include "protocol/x509/trust_store.h"

/* For functions of libcrypto that do not promise to leave it as it is. Borrowed. */
X509 *trust_store_certificate(const struct trust_store *store, size_t index);
/* The anchors of one file's bytes. NULL and an error that names neither file nor position. */
struct trust_store *trust_store_parse(struct slice bytes, struct error *error);
