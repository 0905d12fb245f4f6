/* SPDX-License-Identifier: Apache-2.0
 *
 * Files of fingerprints: what is read of them, what refuses them, and what a look-up costs.
 */
#include "gateway/policy/fingerprint_file_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "protocol/x509/certificate.h"
#include "runtime/memory.h"
#include "runtime/text_builder.h"
#include "support/test.h"

#define SHA256_A "ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ffeeddccbbaa99887766554433"
#define SHA256_B                                                                                   \
    "AB:3C:E4:C2:F2:1D:6A:94:B5:D5:A4:F0:B1:E9:F4:F3:C2:D1:E0:FF:EE:DD:CC:BB:AA:99:88:77:66:55:"   \
    "44:34"
#define SHA1_A "ab3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ff"

static char path[] = "/tmp/sallyport-fingerprints-XXXXXX";

static void write_file(struct slice text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text.data, 1, text.size, file), text.size);
    assert_int_equal(fclose(file), 0);
}

static bool load(const struct policy_fingerprint_file_settings *settings, size_t previous,
                 size_t *count, struct error *error)
{
    struct policy_fingerprint_file_settings at = *settings;
    struct fingerprint_lists lists = {NULL, NULL};
    bool is_loaded;

    at.path = path;
    is_loaded = fingerprint_file_load(&at, previous, &lists, count, error);
    if (is_loaded)
        assert_int_equal(fingerprint_lists_count(&lists), *count);
    fingerprint_lists_reset(&lists);
    return is_loaded;
}

static void assert_loads(struct slice text, size_t expected)
{
    struct policy_fingerprint_file_settings settings = {.at_least = 1};
    struct error error = {.kind = ERROR_NONE};
    size_t count = 0;

    write_file(text);
    if (!load(&settings, 0, &count, &error))
        fail_msg("%s", error.text);
    assert_int_equal(count, expected);
}

static void assert_refused(struct slice text,
                           const struct policy_fingerprint_file_settings *settings, size_t previous,
                           const char *because)
{
    struct error error = {.kind = ERROR_NONE};
    size_t count = 0;

    write_file(text);
    if (load(settings, previous, &count, &error))
        fail_msg("'%.*s' is taken", SLICE_FORMAT(text));
    if (strstr(error.text, because) == NULL || strstr(error.text, path) == NULL)
        fail_msg("'%s' has no '%s'", error.text, because);
}

TEST(a_file_holds_a_fingerprint_a_line)
{
    assert_loads(SLICE(SHA256_A "\n"), 1);
    assert_loads(SLICE("# partners\n\n  " SHA256_A "  # alice\r\n" SHA256_B "\r\n" SHA1_A "\n"), 3);
    assert_loads(SLICE(SHA256_A "\n" SHA256_A "\n"), 1);
}

TEST(a_file_that_is_empty_cut_off_or_malformed_is_refused)
{
    struct policy_fingerprint_file_settings settings = {.at_least = 1};

    assert_refused(SLICE(""), &settings, 0, "empty");
    assert_refused(SLICE("# nothing yet\n"), &settings, 0, "holds no fingerprint");
    assert_refused(SLICE(SHA256_A "\n" SHA1_A), &settings, 0, "line 2 is not complete");
    assert_refused(SLICE(SHA256_A "\n" SHA256_A "0\n"), &settings, 0, "line 2 is not a finger");
    assert_refused(SLICE("ab3c\n"), &settings, 0, "line 1 is not a fingerprint");
    assert_refused(SLICE(SHA256_A " " SHA256_A "\n"), &settings, 0, "line 1");
    assert_refused(SLICE("zz3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ff\n"), &settings, 0, "line 1");
    assert_refused(SLICE("ab:3ce4c2f21d6a94b5d5a4f0b1e9f4f3c2d1e0ff\n"), &settings, 0, "line 1");
    assert_refused(SLICE("0000000000000000000000000000000000000000\n"), &settings, 0, "line 1");
    assert_refused(SLICE(SHA256_A "\n\0\n"), &settings, 0, "line 2");
}

TEST(a_file_that_is_not_what_was_expected_is_refused)
{
    struct policy_fingerprint_file_settings settings = {.at_least = 2, .digest = SHA256_A};

    assert_refused(SLICE(SHA1_A "\n"), &settings, 0, "fingerprints_digest");
    settings.digest = NULL;
    assert_refused(SLICE(SHA1_A "\n"), &settings, 0, "fewer than the 2");
}

TEST(the_digest_of_the_file_may_be_given)
{
    unsigned char digest[32];
    char text[65];
    struct policy_fingerprint_file_settings settings = {.at_least = 1, .digest = text};
    struct error error = {.kind = ERROR_NONE};
    size_t count = 0;

    certificate_sha256(SLICE(SHA1_A "\n"), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    write_file(SLICE(SHA1_A "\n"));
    if (!load(&settings, 0, &count, &error))
        fail_msg("%s", error.text);
}

TEST(a_list_that_shrinks_suddenly_is_refused)
{
    struct policy_fingerprint_file_settings settings = {.at_least = 1};
    struct error error = {.kind = ERROR_NONE};
    size_t count = 0;

    assert_refused(SLICE(SHA256_A "\n"), &settings, 3, "shrunk from 3 fingerprints to 1");
    assert_true(load(&settings, 2, &count, &error));
    settings.shrink_percent_max = 49;
    assert_refused(SLICE(SHA256_A "\n"), &settings, 2, "more than the 49 percent");
    settings.shrink_percent_max = 100;
    assert_true(load(&settings, 100000, &count, &error));
}

static void number_to_digest(uint64_t number, unsigned char digest[FINGERPRINT_SHA256_BYTES])
{
    certificate_sha256(slice_from(&number, sizeof(number)), digest);
}

/* The places that are looked at, for those who are in the set and those who are not. */
static size_t count_probes(size_t members)
{
    struct fingerprint_set *set = fingerprint_set_create(FINGERPRINT_SHA256_BYTES);
    unsigned char digest[FINGERPRINT_SHA256_BYTES];
    size_t probes = 0;

    for (uint64_t i = 0; i < members; i++) {
        number_to_digest(i, digest);
        assert_true(fingerprint_set_add(set, digest));
    }
    assert_int_equal(fingerprint_set_count(set), members);
    for (uint64_t i = 0; i < 1000; i++) {
        number_to_digest(i * (members / 1000), digest);
        assert_true(fingerprint_set_has(set, digest, &probes));
        number_to_digest(members + i, digest);
        assert_false(fingerprint_set_has(set, digest, &probes));
    }
    fingerprint_set_destroy(set);
    return probes;
}

/* A table that is half full takes about two for each of the two thousand look-ups. */
TEST(a_look_up_costs_the_same_among_a_thousand_and_a_hundred_thousand)
{
    assert_in_range(count_probes(1000), 2000, 8000);
    assert_in_range(count_probes(100000), 2000, 8000);
}

TEST(a_file_of_a_hundred_thousand_is_read)
{
    struct policy_fingerprint_file_settings settings = {.at_least = 100000};
    struct text_builder text = {0};
    struct error error = {.kind = ERROR_NONE};
    size_t count = 0;

    for (uint64_t i = 0; i < 100000; i++) {
        unsigned char digest[FINGERPRINT_SHA256_BYTES];
        char line[66];

        number_to_digest(i, digest);
        for (size_t j = 0; j < sizeof(digest); j++)
            snprintf(line + 2 * j, 3, "%02x", digest[j]);
        line[64] = '\n';
        text_builder_add(&text, slice_from(line, 65));
    }
    write_file(slice_from(text.text, text.size));
    if (!load(&settings, 0, &count, &error))
        fail_msg("%s", error.text);
    assert_int_equal(count, 100000);
    text_builder_reset(&text);
}

int main(void)
{
    int fd = mkstemp(path);
    int failed;

    if (fd < 0)
        return 1;
    close(fd);
    failed = RUN_TESTS(
        cmocka_unit_test(a_file_holds_a_fingerprint_a_line),
        cmocka_unit_test(a_file_that_is_empty_cut_off_or_malformed_is_refused),
        cmocka_unit_test(a_file_that_is_not_what_was_expected_is_refused),
        cmocka_unit_test(the_digest_of_the_file_may_be_given),
        cmocka_unit_test(a_list_that_shrinks_suddenly_is_refused),
        cmocka_unit_test(a_look_up_costs_the_same_among_a_thousand_and_a_hundred_thousand),
        cmocka_unit_test(a_file_of_a_hundred_thousand_is_read));
    unlink(path);
    return failed;
}
