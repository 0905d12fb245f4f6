/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP Message Signatures (RFC 9421): the text that is signed, and the parameters that say what it
 * is made of. Only what a signer needs: components without parameters, each field with one line.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/buffer.h"
#include "runtime/slice.h"

struct http_signature_component {
    struct slice name;  /* "@method", or the name of a field in any case */
    struct slice value; /* as in the message; white space around it does not count */
};

/* Left out when 0 or empty. */
struct http_signature_parameters {
    int64_t created; /* seconds since 1970 */
    int64_t expires;
    struct slice nonce;
    struct slice algorithm;
    struct slice keyid;
    struct slice tag;
};

enum { HTTP_SIGNATURE_COMPONENTS_MAX = 64 };

/* How much room the text surely needs. */
size_t http_signature_bytes_max(const struct http_signature_component *components, size_t count,
                                const struct http_signature_parameters *parameters);
/* `("@method" "date");created=...`: section 2.3, for a member of Signature-Input. False, with
 * nothing written, when there is no room, or for what no base may have: a name that is no field's,
 * the same name twice, a value or a parameter outside printable ASCII. */
bool http_signature_write_parameters(const struct http_signature_component *components,
                                     size_t count,
                                     const struct http_signature_parameters *parameters,
                                     struct buffer *to);
/* The signature base, section 2.5: a line a component, and the parameters without a line's end. */
bool http_signature_write_base(const struct http_signature_component *components, size_t count,
                               const struct http_signature_parameters *parameters,
                               struct buffer *to);
