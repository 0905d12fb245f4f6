/* SPDX-License-Identifier: Apache-2.0
 *
 * Distinguished names for comparing, in one canonical form wherever they come from: a certificate,
 * or text as RFC 4514 writes it. RFC 5280 section 7.1 decides what is equal: the type of a string
 * and the case of ASCII letters make no difference, blanks at the ends are dropped, runs of them
 * are one. Letters outside of ASCII are compared as they are: what looks alike is not alike.
 *
 * A value that two readers could see differently (NUL and other controls, characters that nobody
 * sees, bytes that are no text) is not decodable: it equals nothing, and whoever decides must treat
 * it as what they fear.
 */
#pragma once

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/arena.h"
#include "runtime/error.h"
#include "runtime/slice.h"

enum { DISTINGUISHED_NAME_ATTRIBUTES_MAX = 64, DISTINGUISHED_NAME_TEXT_BYTES_MAX = 4096 };

struct distinguished_name_attribute {
    struct slice type;  /* the octets of its object identifier */
    struct slice value; /* canonical UTF-8; empty unless decodable */
    size_t rdn;         /* attributes of one RDN have the same */
    bool is_decodable;
};

/* In the order of the encoding: the most general RDN first. */
struct distinguished_name {
    const struct distinguished_name_attribute *attributes;
    size_t count;
    bool is_decodable; /* every attribute is */
};

/* False when the arena is used up. A name with too many attributes is not decodable and has none.
 */
bool distinguished_name_read(const X509_NAME *name, struct arena *arena,
                             struct distinguished_name *read);
/* "CN=alice,O=Example": RFC 4514, the most specific RDN first, as logs show it. False and an error
 * when it cannot be read, is empty, or is written from the other end. */
bool distinguished_name_parse(struct slice text, struct arena *arena,
                              struct distinguished_name *parsed, struct error *error);
/* Equal, RDN by RDN; never when one of them is not decodable. Attributes of one RDN are a set. */
bool distinguished_name_equals(const struct distinguished_name *a,
                               const struct distinguished_name *b);

/* The octets of the object identifier of "CN", "organizationIdentifier" or "2.5.4.97", in any case
 * of letters. False: nobody knows it. */
bool distinguished_name_find_type(struct slice name, struct arena *arena, struct slice *type);
/* UTF-8 text in canonical form. False when it is not decodable, or the arena is used up. */
bool distinguished_name_canonicalise(struct slice text, struct arena *arena, struct slice *value);
