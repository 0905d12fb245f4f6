/* SPDX-License-Identifier: Apache-2.0
 *
 * DER as X.690 sections 8 to 11 demand it: definite lengths in their shortest form, primitive
 * strings, canonical booleans, integers and object identifiers. It is read only to refuse what two
 * parsers could understand differently; the meaning is libcrypto's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "runtime/slice.h"

/* Elements inside elements; an ordinary certificate needs 9. */
enum { DER_DEPTH_MAX = 32 };

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_NULL = 0x05,
    DER_OBJECT_IDENTIFIER = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_SEQUENCE = 0x10,
    DER_SET = 0x11
};

struct der_element {
    bool universal;
    bool constructed;
    uint32_t tag;
    struct slice content;
};

/* Takes the first element off `rest`; false when its header is not DER or it is not complete. */
bool der_read_element(struct slice *rest, struct der_element *element);
/* Takes the first element off `rest` and demands the universal tag. */
bool der_read_universal(struct slice *rest, enum der_tag tag, struct slice *content);
/* Exactly one element, strict in all its depth. */
bool der_is_strict(struct slice der);
