/* SPDX-License-Identifier: Apache-2.0 */
#include "support/test.h"

#include "protocol/tls/tls_server_name_internal.h"

TEST(reads_the_one_host_name_as_it_was_sent)
{
    struct slice name = SLICE("");

    assert_true(tls_server_name_parse(SLICE("\x00\x06\x00\x00\x03"
                                            "A.b"),
                                      &name));
    assert_true(slice_equals(name, SLICE("A.b")));
}

TEST(refuses_everything_that_could_be_read_in_two_ways)
{
    static const struct slice rows[] = {
        {"", 0},
        {"\x00", 1},
        {"\x00\x00", 2},                            /* an empty list */
        {"\x00\x03\x00\x00\x00", 5},                /* an empty name */
        {"\x00\x04\x01\x00\x01x", 6},               /* another type of name */
        {"\x00\x05\x00\x00\x01x", 6},               /* a list longer than the extension */
        {"\x00\x03\x00\x00\x01x", 6},               /* shorter */
        {"\x00\x04\x00\x00\x02x", 6},               /* a name longer than the list */
        {"\x00\x05\x00\x00\x01xy", 7},              /* shorter */
        {"\x00\x08\x00\x00\x01x\x00\x00\x01y", 10}, /* two names */
        {"\x00\x06\x00\x00\x03x\x00y", 8},          /* a NUL inside */
        {"\x00\x04\x00\x00\x01", 5},                /* cut off */
    };
    struct slice name = SLICE("untouched");

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_false(tls_server_name_parse(rows[i], &name));
    assert_true(slice_equals(name, SLICE("untouched")));
}

TEST(takes_names_of_up_to_255_bytes)
{
    char bytes[5 + 256] = {0};
    struct slice name;

    for (size_t size = 254; size <= 256; size++) {
        memset(bytes + 5, 'a', size);
        bytes[0] = (char)((size + 3) >> 8);
        bytes[1] = (char)(size + 3);
        bytes[3] = (char)(size >> 8);
        bytes[4] = (char)size;
        assert_int_equal(tls_server_name_parse(slice_from(bytes, size + 5), &name), size <= 255);
    }
}

int main(void)
{
    return RUN_TESTS(cmocka_unit_test(reads_the_one_host_name_as_it_was_sent),
                     cmocka_unit_test(refuses_everything_that_could_be_read_in_two_ways),
                     cmocka_unit_test(takes_names_of_up_to_255_bytes));
}
