/* SPDX-License-Identifier: Apache-2.0
 *
 * DER and nothing else: each relaxation that BER allows is refused.
 */
#include "protocol/x509/der_internal.h"

#include <stdlib.h>
#include <string.h>

#include "support/test.h"

TEST(canonical_encodings_are_strict)
{
    const struct slice CASES[] = {
        SLICE("\x05\x00"),                 /* NULL */
        SLICE("\x01\x01\x00"),             /* FALSE */
        SLICE("\x01\x01\xff"),             /* TRUE */
        SLICE("\x02\x01\x00"),             /* 0 */
        SLICE("\x02\x01\x80"),             /* -128 */
        SLICE("\x02\x02\x00\x80"),         /* 128 */
        SLICE("\x03\x01\x00"),             /* no bits */
        SLICE("\x03\x02\x07\x80"),         /* one bit */
        SLICE("\x06\x03\x55\x04\x03"),     /* 2.5.4.3 */
        SLICE("\x06\x04\x2a\x86\x48\x01"), /* 1.2.840.1 */
        SLICE("\x30\x00"),                 /* an empty sequence */
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        assert_true(der_is_strict(CASES[i]));
    assert_true(der_is_strict(SLICE("\x30\x04\x31\x02\x05\x00")));
    assert_true(der_is_strict(SLICE("\xa0\x03\x02\x01\x02")));
    assert_true(der_is_strict(SLICE("\x82\x03"
                                    "abc")));
    assert_true(der_is_strict(SLICE("\x9f\x1f\x00"))); /* [31] */
}

TEST(what_ber_allows_and_der_does_not_is_refused)
{
    const struct slice CASES[] = {
        SLICE(""),
        SLICE("\x05"),
        SLICE("\x05\x00\x00"),                         /* bytes behind it */
        SLICE("\x30\x80\x05\x00\x00\x00"),             /* indefinite length */
        SLICE("\x30\x81\x02\x05\x00"),                 /* a length of one octet too many */
        SLICE("\x30\x82\x00\x02\x05\x00"),             /* a leading zero in the length */
        SLICE("\x30\x85\x00\x00\x00\x00\x02\x05\x00"), /* five octets of length */
        SLICE("\x30\x03\x05\x00"),                     /* shorter than it says */
        SLICE("\x30\xff\x05\x00"),                     /* the reserved length */
        SLICE("\x30\x02\x05\x01"),                     /* the inner one is longer than the outer */
        SLICE("\x01\x01\x01"),                         /* TRUE that is not FF */
        SLICE("\x01\x02\x00\x00"),
        SLICE("\x01\x00"),
        SLICE("\x02\x00"),         /* an integer without octets */
        SLICE("\x02\x02\x00\x7f"), /* a leading zero */
        SLICE("\x02\x02\xff\x80"), /* a leading sign */
        SLICE("\x0a\x02\x00\x01"),
        SLICE("\x03\x00"),         /* a bit string without its count */
        SLICE("\x03\x01\x01"),     /* unused bits of nothing */
        SLICE("\x03\x02\x08\x00"), /* more than seven */
        SLICE("\x03\x02\x01\x01"), /* an unused bit that is set */
        SLICE("\x05\x01\x00"),     /* NULL with content */
        SLICE("\x06\x00"),
        SLICE("\x06\x02\x55\x80"),             /* an arc with a leading zero */
        SLICE("\x06\x03\x55\x80\x01"),         /* the same, continued */
        SLICE("\x06\x02\x55\x84"),             /* an arc without an end */
        SLICE("\x24\x05\x04\x03\x61\x62\x63"), /* an octet string of parts */
        SLICE("\x2c\x05\x0c\x03\x61\x62\x63"), /* a UTF8String of parts */
        SLICE("\x10\x00"),                     /* a primitive sequence */
        SLICE("\x11\x00"),                     /* a primitive set */
        SLICE("\x00\x00"),                     /* end-of-contents */
        SLICE("\x30\x02\x00\x00"),
        SLICE("\x9f\x1e\x00"),     /* a long tag that fits a short one */
        SLICE("\x9f\x80\x1f\x00"), /* a long tag with a leading zero */
        SLICE("\x9f\xff\xff\xff\xff\x7f\x00"),
        SLICE("\x9f\x85"),
    };

    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        if (der_is_strict(CASES[i]))
            fail_msg("case %zu is taken for DER", i);
    }
}

/* Sequences in sequences; gives where the outermost begins. */
static size_t nest(char *memory, size_t capacity, unsigned depth)
{
    size_t start = capacity;

    for (unsigned i = 0; i < depth; i++) {
        size_t size = capacity - start;

        if (size >= 0x80)
            memory[--start] = (char)size;
        if (size >= 0x80)
            memory[--start] = (char)0x81;
        else
            memory[--start] = (char)size;
        memory[--start] = 0x30;
    }
    return start;
}

TEST(nesting_has_a_limit)
{
    char memory[256];
    size_t start = nest(memory, sizeof memory, DER_DEPTH_MAX - 1);

    assert_true(der_is_strict(slice_from(memory + start, sizeof memory - start)));
    start = nest(memory, sizeof memory, DER_DEPTH_MAX + 1);
    assert_false(der_is_strict(slice_from(memory + start, sizeof memory - start)));
}

/* Whatever is cut off anywhere is refused, and nothing is read beyond the end. */
TEST(every_truncation_is_refused)
{
    static const char WHOLE[] = "\x30\x0f\x02\x01\x05\x31\x07\x30\x05\x06\x03\x55\x04\x03\x04\x01x";
    size_t size = sizeof WHOLE - 1;

    assert_true(der_is_strict(slice_from(WHOLE, size)));
    for (size_t i = 0; i < size; i++) {
        char *copy = malloc(i + 1); /* exact but for one byte, so that a sanitizer would notice */

        assert_non_null(copy);
        memcpy(copy + 1, WHOLE, i);
        assert_false(der_is_strict(slice_from(copy + 1, i)));
        free(copy);
    }
}

TEST(a_universal_element_is_taken_only_with_its_own_tag_and_form)
{
    struct slice rest = SLICE("\x02\x01\x07\x30\x00");
    struct slice content;

    assert_false(der_read_universal(&rest, DER_SEQUENCE, &content));
    assert_true(der_read_universal(&rest, DER_INTEGER, &content));
    assert_true(slice_equals(content, SLICE("\x07")));
    assert_true(der_read_universal(&rest, DER_SEQUENCE, &content));
    assert_true(slice_is_empty(rest));
    assert_false(der_read_universal(&rest, DER_SEQUENCE, &content));

    rest = SLICE("\x82\x01\x07");
    assert_false(der_read_universal(&rest, DER_INTEGER, &content));
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(canonical_encodings_are_strict),
                     cmocka_unit_test(what_ber_allows_and_der_does_not_is_refused),
                     cmocka_unit_test(nesting_has_a_limit),
                     cmocka_unit_test(every_truncation_is_refused),
                     cmocka_unit_test(a_universal_element_is_taken_only_with_its_own_tag_and_form));
}
