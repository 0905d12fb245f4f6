/* SPDX-License-Identifier: Apache-2.0
 *
 * Private keys that never leave a token: a smart card, an HSM, SoftHSM. They are named by PKCS #11
 * URIs (RFC 7512) and used through OpenSSL's engine "pkcs11", which is a package of its own. The
 * engine belongs to the whole process, and must be there before the first thread is.
 */
#pragma once

#include <stdbool.h>

#include "runtime/error.h"
#include "runtime/slice.h"

struct tls_pkcs11;

bool tls_pkcs11_is_uri(const char *text);
/* Only attributes that say which key is meant, and where its PIN is: a PIN itself is refused, since
 * a URI is shown. No error quotes what is behind the '?'. */
bool tls_pkcs11_uri_is_valid(struct slice uri, struct error *error);
/* A valid URI without what is behind the '?', for messages. The caller releases it. */
char *tls_pkcs11_describe(const char *uri);
/* The absolute path that a valid URI's pin-source names; NULL: it has none. The caller releases
 * it. */
char *tls_pkcs11_pin_file(const char *uri);

/* `module`: the PKCS #11 library; NULL: the one that the engine is built for, which is p11-kit's.
 * NULL and an error when there is no engine. */
struct tls_pkcs11 *tls_pkcs11_start(const char *module, struct error *error);
/* When no key is in use any more. NULL is fine. */
void tls_pkcs11_stop(struct tls_pkcs11 *pkcs11);
