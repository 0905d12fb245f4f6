/* SPDX-License-Identifier: Apache-2.0
 *
 * The CAs that anybody can get a certificate from: those of the system's bundle, which browsers
 * and tools trust. Known by their keys, so that a cross-signed or renewed certificate is found
 * too. They are never trusted here, only recognised.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>

struct public_authorities;

/* NULL when the bundle cannot be read; a certificate in it that cannot be is passed over. */
struct public_authorities *public_authorities_load(const char *path);
/* NULL is fine. */
void public_authorities_release(struct public_authorities *authorities);
/* NULL has none. */
bool public_authorities_have(const struct public_authorities *authorities, const X509 *certificate);
