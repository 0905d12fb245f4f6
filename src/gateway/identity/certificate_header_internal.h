/* SPDX-License-Identifier: Apache-2.0
 *
 * The encodings in which a certificate is forwarded, of a verified or of an unverified one.
 */
#pragma once

#include <openssl/x509.h>

#include "gateway/identity/identity.h"
#include "runtime/arena.h"

/* Of the certificate itself; empty when the format is not one of those, or when the arena is used
 * up. */
struct slice certificate_header_encode(const X509 *certificate,
                                       const struct certificate_description *description,
                                       enum identity_format format, struct arena *arena);
/* Of the verified path, without its anchor. The formats with a leaf have at least that; RFC 9440
 * section 2.3 has what is between the leaf and the anchor, and is empty when nothing is. */
struct slice certificate_header_encode_chain(STACK_OF(X509) * path, enum identity_format format,
                                             struct arena *arena);
/* What others have made of names and times; as certificate_header_encode. */
struct slice certificate_header_encode_text(const X509 *certificate,
                                            const struct certificate_description *description,
                                            enum identity_format format, struct arena *arena);
