/* SPDX-License-Identifier: Apache-2.0
 *
 * Trust files: what loads, and every way in which a file is wrong, each of which refuses the
 * whole store with an error that says where.
 */
#include "protocol/x509/trust_store.h"

#include <openssl/err.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/x509/trust_store_internal.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

static struct fixture first;
static struct fixture second;
static struct fixture_bytes first_pem;
static struct fixture_bytes both_pem;

static void make_anchors(void)
{
    first = fixture_root("First");
    second = fixture_root("Second");
    first_pem = fixture_pem(&first.certificate, 1);
    both_pem = fixture_pem((X509 *[]){first.certificate, second.certificate}, 2);
}

static void free_anchors(void)
{
    free(both_pem.data);
    free(first_pem.data);
    fixture_free(&second);
    fixture_free(&first);
}

static struct trust_store *parse(struct slice bytes)
{
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store = trust_store_parse(bytes, &error);

    if (store == NULL)
        fail_msg("%s", error.text);
    return store;
}

static void assert_count(struct slice bytes, size_t count)
{
    struct trust_store *store = parse(bytes);

    assert_int_equal(trust_store_count(store), count);
    assert_non_null(trust_store_library(store));
    assert_non_null(trust_store_anchor(store, count - 1));
    assert_null(trust_store_anchor(store, count));
    trust_store_destroy(store);
}

/* Text from parts; the caller frees it. */
static char *join(const char *a, const char *b, const char *c)
{
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = malloc(size);

    assert_non_null(text);
    snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

static void assert_refused(struct slice bytes, const char *why)
{
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store = trust_store_parse(bytes, &error);

    assert_null(store);
    assert_int_not_equal(error.kind, ERROR_NONE);
    assert_int_equal(ERR_peek_error(), 0);
    if (strstr(error.text, why) == NULL)
        fail_msg("'%s' does not say '%s'", error.text, why);
}

static void assert_text_refused(const char *a, const char *b, const char *c, const char *why)
{
    char *text = join(a, b, c);

    assert_refused(slice_from_text(text), why);
    free(text);
}

TEST(pem_with_any_number_of_certificates_and_one_der_are_loaded)
{
    struct fixture_bytes der = fixture_der(first.certificate);

    assert_count(fixture_bytes_slice(first_pem), 1);
    assert_count(fixture_bytes_slice(both_pem), 2);
    assert_count(fixture_bytes_slice(der), 1);
    free(der.data);
}

/* As 'openssl s_client -showcerts' and CA bundles write them. */
TEST(text_around_blocks_and_line_ends_of_any_kind_are_accepted)
{
    char *text = join("\xEF\xBB\xBF", "# a comment\n\nsubject=CN = First\n=====\n", first_pem.data);
    char *crlf = calloc(2, both_pem.size);
    size_t used = 0;

    assert_count(slice_from_text(text), 1);
    for (size_t i = 0; i < both_pem.size; i++) {
        if (both_pem.data[i] == '\n')
            crlf[used++] = '\r';
        crlf[used++] = both_pem.data[i];
    }
    assert_count(slice_from(crlf, used), 2);
    /* A last line without its end. */
    assert_count(slice_from(both_pem.data, both_pem.size - 1), 2);
    free(crlf);
    free(text);
}

TEST(the_digest_depends_on_the_anchors_alone)
{
    struct fixture_bytes reversed =
        fixture_pem((X509 *[]){second.certificate, first.certificate, second.certificate}, 3);
    struct trust_store *a = parse(fixture_bytes_slice(both_pem));
    struct trust_store *b = parse(fixture_bytes_slice(reversed));
    struct trust_store *c = parse(fixture_bytes_slice(first_pem));

    assert_int_equal(trust_store_digest(a).size, 32);
    assert_true(slice_equals(trust_store_digest(a), trust_store_digest(b)));
    assert_false(slice_equals(trust_store_digest(a), trust_store_digest(c)));
    assert_int_equal(trust_store_count(b), 2);
    trust_store_destroy(c);
    trust_store_destroy(b);
    trust_store_destroy(a);
    free(reversed.data);
}

/* A file that was cut off anywhere never loads with fewer anchors than it had. */
TEST(every_truncation_is_noticed)
{
    size_t whole_first = first_pem.size;

    for (size_t size = 0; size < both_pem.size - 1; size++) {
        struct error error = {.kind = ERROR_NONE};
        struct trust_store *store = trust_store_parse(slice_from(both_pem.data, size), &error);
        /* Exactly at the end of the first block nobody can tell. */
        bool complete = size == whole_first || size == whole_first - 1;

        if ((store != NULL) != complete)
            fail_msg("%zu of %zu bytes", size, both_pem.size);
        trust_store_destroy(store);
    }
}

TEST(the_first_half_of_a_file_is_missed_too)
{
    for (size_t start = 1; start < first_pem.size - 1; start++) {
        struct error error = {.kind = ERROR_NONE};
        struct slice bytes = slice_from(first_pem.data + start, first_pem.size - start);
        struct trust_store *store = trust_store_parse(bytes, &error);

        if (store != NULL)
            fail_msg("from byte %zu", start);
    }
}

TEST(garbage_in_a_block_is_not_skipped)
{
    char *copy = join(both_pem.data, "", "");

    copy[100] = '*';
    assert_refused(slice_from_text(copy), "not base64");
    free(copy);
    assert_text_refused("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "", "",
                        "not base64");
    assert_text_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "",
                        first_pem.data, "not an X.509 certificate");
    assert_text_refused("-----BEGIN CERTIFICATE-----\n", first_pem.data, "", "inside the block");
    assert_text_refused(first_pem.data, "-----END CERTIFICATE-----\n", "", "never began");
    assert_text_refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END X509 CRL-----\n", "", "",
                        "another type");
    assert_text_refused(first_pem.data, "-----BEGIN CERTIFICATE----\n", "", "damaged");
    assert_text_refused(first_pem.data, "-----BEGIN -----\n", "", "damaged");
    assert_text_refused(
        "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END CERTIFICATE-----\n",
        "", "", "not base64");
}

TEST(what_is_not_a_certificate_is_refused)
{
    struct fixture_bytes key = fixture_key_pem(first.key);

    assert_refused(fixture_bytes_slice(key), "private key");
    assert_text_refused(first_pem.data, key.data, "", "private key");
    assert_text_refused(key.data, first_pem.data, "", "private key");
    assert_text_refused(first_pem.data, "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
                        "", "'X509 CRL'");
    assert_text_refused(
        "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n", "", "",
        "TRUSTED CERTIFICATE");
    assert_text_refused("hello\n", "", "", "no certificate");
    assert_refused(SLICE(""), "no certificate");
    assert_refused(SLICE("\0\0\0\0"), "no certificate");
    assert_refused(SLICE("\x30\x03\x02\x01\x01"), "not an X.509 certificate");
    free(key.data);
}

TEST(bytes_behind_a_der_certificate_are_refused)
{
    struct fixture_bytes der = fixture_der(first.certificate);
    char *longer = calloc(1, der.size * 2);

    memcpy(longer, der.data, der.size);
    memcpy(longer + der.size, der.data, der.size);
    assert_refused(slice_from(longer, der.size * 2), "bytes behind");
    assert_refused(slice_from(longer, der.size + 1), "bytes behind");
    free(longer);
    free(der.data);
}

static void assert_anchor_refused(const struct fixture_spec *spec, const char *why)
{
    struct fixture made = fixture_make(spec, NULL);
    struct fixture_bytes pem = fixture_pem((X509 *[]){first.certificate, made.certificate}, 2);

    assert_refused(fixture_bytes_slice(pem), why);
    free(pem.data);
    fixture_free(&made);
}

TEST(what_is_not_a_ca_is_no_anchor)
{
    struct fixture leaf = fixture_leaf("leaf", &first);
    struct fixture_bytes pem = fixture_pem(&leaf.certificate, 1);

    assert_refused(fixture_bytes_slice(pem), "not a CA");
    assert_anchor_refused(&(struct fixture_spec){.common_name = "self-signed"}, "not a CA");
    assert_anchor_refused(&(struct fixture_spec){.common_name = "version 1", .version1 = true},
                          "not a CA");
    assert_anchor_refused(&(struct fixture_spec){.common_name = "no", .key_usage = "keyCertSign"},
                          "not a CA");
    assert_anchor_refused(&(struct fixture_spec){.common_name = "no",
                                                 .basic_constraints = "CA:TRUE",
                                                 .key_usage = "digitalSignature"},
                          "not a CA");
    free(pem.data);
    fixture_free(&leaf);
}

TEST(anchors_have_the_same_limits_as_clients)
{
    assert_anchor_refused(&(struct fixture_spec){.common_name = "small",
                                                 .key_kind = FIXTURE_KEY_RSA1024,
                                                 .basic_constraints = "CA:TRUE"},
                          "key");
    assert_anchor_refused(&(struct fixture_spec){.common_name = "explicit",
                                                 .key_kind = FIXTURE_KEY_EXPLICIT,
                                                 .basic_constraints = "CA:TRUE"},
                          "key");
}

TEST(expired_anchors_load_and_refuse_later)
{
    struct fixture expired = fixture_make(&(struct fixture_spec){.common_name = "Old",
                                                                 .not_before = 1,
                                                                 .not_after = 1000,
                                                                 .basic_constraints = "CA:TRUE"},
                                          NULL);
    struct fixture_bytes pem = fixture_pem(&expired.certificate, 1);

    assert_count(fixture_bytes_slice(pem), 1);
    free(pem.data);
    fixture_free(&expired);
}

/* ---- files ---- */

static void assert_load_refused(const struct trust_anchor_source *sources, size_t count,
                                const char *beginning, const char *why)
{
    struct error error = {.kind = ERROR_NONE};
    struct trust_store *store = trust_store_load(sources, count, &error);

    assert_null(store);
    assert_int_not_equal(error.kind, ERROR_NONE);
    if (strncmp(error.text, beginning, strlen(beginning)) != 0 || strstr(error.text, why) == NULL)
        fail_msg("'%s' does not begin with '%s' and say '%s'", error.text, beginning, why);
}

TEST(several_files_make_one_store)
{
    struct fixture_bytes der = fixture_der(second.certificate);
    char *paths[] = {fixture_file(fixture_bytes_slice(first_pem)),
                     fixture_file(fixture_bytes_slice(der))};
    struct trust_anchor_source sources[] = {{.path = paths[0]}, {.path = paths[1]}};
    struct error error;
    struct trust_store *store = trust_store_load(sources, 2, &error);

    assert_non_null(store);
    assert_int_equal(trust_store_count(store), 2);
    trust_store_destroy(store);
    for (size_t i = 0; i < 2; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
    free(der.data);
}

/* The first file that has an anchor names it, whatever the others say. */
TEST(anchors_keep_the_name_that_their_file_was_given)
{
    struct fixture_bytes der = fixture_der(second.certificate);
    char *paths[] = {fixture_file(fixture_bytes_slice(first_pem)),
                     fixture_file(fixture_bytes_slice(der))};
    struct trust_anchor_source sources[] = {{.path = paths[0], .name = "contoso"},
                                            {.path = paths[1]},
                                            {.path = paths[0], .name = "later"},
                                            {.path = paths[1], .name = "later"}};
    struct error error;
    struct trust_store *store = trust_store_load(sources, 4, &error);
    size_t named = 0;

    assert_non_null(store);
    assert_int_equal(trust_store_count(store), 2);
    for (size_t i = 0; i < 2; i++) {
        bool is_second = X509_cmp(trust_store_anchor(store, i), second.certificate) == 0;
        const char *name = trust_store_anchor_name(store, i);

        assert_true(is_second ? name == NULL : strcmp(name, "contoso") == 0);
        named += name != NULL;
    }
    assert_int_equal(named, 1);
    assert_null(trust_store_anchor_name(store, 2));
    trust_store_destroy(store);
    for (size_t i = 0; i < 2; i++) {
        unlink(paths[i]);
        free(paths[i]);
    }
    free(der.data);
}

TEST(an_error_names_the_place_in_the_configuration_the_file_and_the_line)
{
    char *good = fixture_file(fixture_bytes_slice(first_pem));
    char *bad = fixture_file(SLICE("\n\n-----BEGIN CERTIFICATE-----\nAAAA\n"));
    struct trust_anchor_source sources[] = {
        {.path = good, .position = {"a.yaml", 3, 4}},
        {.path = bad, .position = {"a.yaml", 12, 15}},
    };

    assert_load_refused(sources, 2, "a.yaml:12:15: trust file '", "line 3");
    assert_load_refused(sources, 2, "a.yaml:12:15: trust file '", bad);
    sources[1].position.file = NULL;
    assert_load_refused(sources, 2, "trust file '", bad);
    unlink(bad);
    unlink(good);
    free(bad);
    free(good);
}

TEST(files_that_cannot_be_read_refuse_the_whole_store)
{
    char *good = fixture_file(fixture_bytes_slice(first_pem));
    char *empty = fixture_file(SLICE(""));
    struct trust_anchor_source sources[] = {
        {.path = good},
        {.path = "/nonexistent/ca.pem", .position = {"a.yaml", 1, 2}},
    };

    assert_load_refused(sources, 2, "a.yaml:1:2: ", "'/nonexistent/ca.pem'");
    sources[1].path = "/tmp";
    assert_load_refused(sources, 2, "a.yaml:1:2: ", "not a regular file");
    sources[1].path = empty;
    assert_load_refused(sources, 2, "a.yaml:1:2: ", "is empty");
    if (geteuid() != 0) {
        chmod(empty, 0);
        assert_load_refused(sources, 2, "a.yaml:1:2: ", "cannot be opened");
    }
    unlink(empty);
    unlink(good);
    free(empty);
    free(good);
}

TEST(files_beyond_the_limit_are_refused)
{
    char *path = fixture_file(SLICE("x"));
    struct trust_anchor_source source = {.path = path};

    assert_int_equal(truncate(path, TRUST_FILE_BYTES_MAX + 1), 0);
    assert_load_refused(&source, 1, "trust file", "larger than");
    unlink(path);
    free(path);
}

TEST(no_sources_are_an_error)
{
    assert_load_refused(NULL, 0, "there are no trust anchors", "");
}

TEST(destroying_nothing_is_fine)
{
    trust_store_destroy(NULL);
}

int main(void)
{
    int failed = 0;

    make_anchors();
    failed = RUN_TESTS(
        cmocka_unit_test(pem_with_any_number_of_certificates_and_one_der_are_loaded),
        cmocka_unit_test(text_around_blocks_and_line_ends_of_any_kind_are_accepted),
        cmocka_unit_test(the_digest_depends_on_the_anchors_alone),
        cmocka_unit_test(every_truncation_is_noticed),
        cmocka_unit_test(the_first_half_of_a_file_is_missed_too),
        cmocka_unit_test(garbage_in_a_block_is_not_skipped),
        cmocka_unit_test(what_is_not_a_certificate_is_refused),
        cmocka_unit_test(bytes_behind_a_der_certificate_are_refused),
        cmocka_unit_test(what_is_not_a_ca_is_no_anchor),
        cmocka_unit_test(anchors_have_the_same_limits_as_clients),
        cmocka_unit_test(expired_anchors_load_and_refuse_later),
        cmocka_unit_test(several_files_make_one_store),
        cmocka_unit_test(anchors_keep_the_name_that_their_file_was_given),
        cmocka_unit_test(an_error_names_the_place_in_the_configuration_the_file_and_the_line),
        cmocka_unit_test(files_that_cannot_be_read_refuse_the_whole_store),
        cmocka_unit_test(files_beyond_the_limit_are_refused),
        cmocka_unit_test(no_sources_are_an_error), cmocka_unit_test(destroying_nothing_is_fine));
    free_anchors();
    return failed;
}
