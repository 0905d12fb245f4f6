/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificate, key and intermediates from a PFX (PKCS #12, RFC 7292).
 */
#pragma once

#include "protocol/tls/tls_server_certificate_internal.h"

/* Reads settings->pfx. False and an error: the certificate then holds what the caller resets. */
bool tls_pfx_load(const struct tls_certificate_settings *settings,
                  struct tls_server_certificate *certificate, struct error *error);
