/* SPDX-License-Identifier: Apache-2.0
 *
 * The walk through DER. Depth is bounded by DER_DEPTH_MAX, and each byte is looked at once.
 */
#include "protocol/x509/der_internal.h"

static unsigned char byte_at(struct slice slice, size_t index)
{
    return (unsigned char)slice.data[index];
}

static bool take_byte(struct slice *rest, unsigned char *byte)
{
    if (slice_is_empty(*rest))
        return false;
    *byte = byte_at(*rest, 0);
    *rest = slice_after(*rest, 1);
    return true;
}

/* X.690 section 8.1.2.4: base 128, without leading zeros, and only for tags from 31 on. */
static bool read_long_tag(struct slice *rest, uint32_t *tag)
{
    uint32_t value = 0;
    unsigned char byte = 0;

    for (unsigned count = 0; count < 4; count++) {
        if (!take_byte(rest, &byte) || (count == 0 && byte == 0x80))
            return false;
        value = (value << 7) | (byte & 0x7fU);
        if ((byte & 0x80) == 0) {
            *tag = value;
            return value >= 31;
        }
    }
    return false;
}

/* X.690 section 10.1: the definite form in as few octets as possible. */
static bool read_length(struct slice *rest, size_t *length)
{
    size_t value = 0;
    unsigned char first = 0;
    unsigned char byte = 0;

    if (!take_byte(rest, &first))
        return false;
    if (first < 0x80) {
        *length = first;
        return true;
    }
    /* 0x80 is the indefinite form; four octets are more than any certificate needs. */
    if (first == 0x80 || first > 0x84)
        return false;
    for (unsigned count = first & 0x7fU; count > 0; count--) {
        if (!take_byte(rest, &byte) || (value == 0 && byte == 0))
            return false;
        value = (value << 8) | byte;
    }
    *length = value;
    return value >= 0x80;
}

bool der_read_element(struct slice *rest, struct der_element *element)
{
    struct slice reading = *rest;
    unsigned char identifier = 0;
    uint32_t tag = 0;
    size_t length = 0;

    if (!take_byte(&reading, &identifier))
        return false;
    tag = identifier & 0x1fU;
    if (tag == 0x1f && !read_long_tag(&reading, &tag))
        return false;
    if (!read_length(&reading, &length) || length > reading.size)
        return false;

    *element = (struct der_element){
        .universal = (identifier & 0xc0) == 0,
        .constructed = (identifier & 0x20) != 0,
        .tag = tag,
        .content = slice_first(reading, length),
    };
    *rest = slice_after(reading, length);
    return true;
}

bool der_read_universal(struct slice *rest, enum der_tag tag, struct slice *content)
{
    struct der_element element;
    struct slice reading = *rest;
    bool constructed = tag == DER_SEQUENCE || tag == DER_SET;

    if (!der_read_element(&reading, &element) || !element.universal || element.tag != tag ||
        element.constructed != constructed)
        return false;
    *content = element.content;
    *rest = reading;
    return true;
}

/* X.690 section 8.3.2: the first nine bits are not all alike. */
static bool is_minimal_integer(struct slice content)
{
    if (slice_is_empty(content))
        return false;
    if (content.size == 1)
        return true;
    return !(byte_at(content, 0) == 0x00 && byte_at(content, 1) < 0x80) &&
           !(byte_at(content, 0) == 0xff && byte_at(content, 1) >= 0x80);
}

/* X.690 section 11.2.1: the unused bits are zero. */
static bool is_strict_bit_string(struct slice content)
{
    unsigned char unused = 0;

    if (slice_is_empty(content))
        return false;
    unused = byte_at(content, 0);
    if (content.size == 1)
        return unused == 0;
    return unused <= 7 && (byte_at(content, content.size - 1) & ((1U << unused) - 1)) == 0;
}

/* X.690 section 8.19.2: each arc in as few octets as possible, the last one complete. */
static bool is_strict_object_identifier(struct slice content)
{
    bool arc_begins = true;

    for (size_t i = 0; i < content.size; i++) {
        if (arc_begins && byte_at(content, i) == 0x80)
            return false;
        arc_begins = byte_at(content, i) < 0x80;
    }
    return content.size > 0 && arc_begins;
}

static bool is_strict_primitive(const struct der_element *element)
{
    struct slice content = element->content;

    if (!element->universal)
        return true;
    switch (element->tag) {
    case DER_BOOLEAN:
        return content.size == 1 && (byte_at(content, 0) == 0x00 || byte_at(content, 0) == 0xff);
    case DER_INTEGER:
    case DER_ENUMERATED:
        return is_minimal_integer(content);
    case DER_BIT_STRING:
        return is_strict_bit_string(content);
    case DER_NULL:
        return content.size == 0;
    case DER_OBJECT_IDENTIFIER:
        return is_strict_object_identifier(content);
    case 0: /* end-of-contents belongs to the indefinite form */
    case DER_SEQUENCE:
    case DER_SET:
        return false;
    default:
        return true;
    }
}

/* X.690 section 10.2: strings are never put together from parts. */
static bool may_be_constructed(const struct der_element *element)
{
    return !element->universal || element->tag == DER_SEQUENCE || element->tag == DER_SET;
}

bool der_is_strict(struct slice der)
{
    struct slice open[DER_DEPTH_MAX] = {der}; /* what is left of each element being read */
    size_t depth = 0;
    struct der_element element;
    struct slice rest = der;

    if (!der_read_element(&rest, &element) || !slice_is_empty(rest))
        return false;
    for (;;) {
        if (slice_is_empty(open[depth])) {
            if (depth == 0)
                return true;
            depth--;
            continue;
        }
        if (!der_read_element(&open[depth], &element))
            return false;
        if (!element.constructed) {
            if (!is_strict_primitive(&element))
                return false;
            continue;
        }
        if (!may_be_constructed(&element) || depth + 1 == DER_DEPTH_MAX)
            return false;
        open[++depth] = element.content;
    }
}
