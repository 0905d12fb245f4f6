/* SPDX-License-Identifier: Apache-2.0
 *
 * The issuer that Azure takes from an uploaded file: its five cases, and files that no sane person
 * uploads.
 */
#include "protocol/x509/issuer_names.h"

#include "runtime/clock.h"
#include "support/certificate_fixture.h"
#include "support/test.h"

/* root -> first -> second -> third, and root -> sibling -> niece. */
static struct fixture root;
static struct fixture first;
static struct fixture second;
static struct fixture third;
static struct fixture sibling;
static struct fixture niece;

static void make_pki(void)
{
    root = fixture_root("Root");
    first = fixture_intermediate("First", &root);
    second = fixture_intermediate("Second", &first);
    third = fixture_intermediate("Third", &second);
    sibling = fixture_intermediate("Sibling", &root);
    niece = fixture_intermediate("Niece", &sibling);
}

static void free_pki(void)
{
    fixture_free(&niece);
    fixture_free(&sibling);
    fixture_free(&third);
    fixture_free(&second);
    fixture_free(&first);
    fixture_free(&root);
}

#define assert_lowest(expected, ...)                                                               \
    do {                                                                                           \
        X509 *file[] = {__VA_ARGS__};                                                              \
                                                                                                   \
        assert_ptr_equal(issuer_names_lowest_ca(file, sizeof file / sizeof file[0]), (expected));  \
    } while (0)

TEST(case_1_the_root_issues_the_clients)
{
    assert_lowest(root.certificate, root.certificate);
}

TEST(case_2_an_intermediate_issues_the_clients)
{
    assert_lowest(first.certificate, root.certificate, first.certificate);
    assert_lowest(first.certificate, first.certificate, root.certificate);
}

TEST(case_3_the_lower_of_two_intermediates_issues_the_clients)
{
    assert_lowest(second.certificate, root.certificate, first.certificate, second.certificate);
    assert_lowest(second.certificate, second.certificate, first.certificate, root.certificate);
    assert_lowest(second.certificate, first.certificate, second.certificate, root.certificate);
    assert_lowest(third.certificate, third.certificate, first.certificate, root.certificate,
                  second.certificate);
}

TEST(case_4_of_two_chains_of_one_length_the_first_counts)
{
    assert_lowest(second.certificate, root.certificate, first.certificate, second.certificate,
                  sibling.certificate, niece.certificate);
    assert_lowest(niece.certificate, niece.certificate, sibling.certificate, root.certificate,
                  first.certificate, second.certificate);
}

TEST(case_5_of_two_chains_the_longest_counts)
{
    assert_lowest(second.certificate, root.certificate, sibling.certificate, first.certificate,
                  second.certificate);
    assert_lowest(niece.certificate, first.certificate, sibling.certificate, niece.certificate,
                  root.certificate);
}

TEST(a_file_of_nothing_names_nobody)
{
    assert_null(issuer_names_lowest_ca(NULL, 0));
}

/* A issues B, and B issues A: without an end there is no chain, and there must be an end. */
TEST(cas_in_a_circle_come_to_an_end)
{
    struct fixture ours = fixture_root("Circle A");
    struct fixture theirs = fixture_root("Circle B");
    struct fixture_spec spec = {.common_name = "Circle A",
                                .key = ours.key,
                                .basic_constraints = "CA:TRUE",
                                .without_key_identifiers = true};
    struct fixture a = fixture_make(&spec, &theirs);
    struct fixture b;
    uint64_t started = clock_monotonic_ms();

    spec.common_name = "Circle B";
    spec.key = theirs.key;
    b = fixture_make(&spec, &ours);
    X509 *file[] = {a.certificate, b.certificate};

    assert_non_null(issuer_names_lowest_ca(file, 2));
    assert_true(clock_monotonic_ms() - started < 1000);
    fixture_free(&b);
    fixture_free(&a);
    fixture_free(&theirs);
    fixture_free(&ours);
}

int main(void)
{
    int failed = 0;

    make_pki();
    failed = RUN_TESTS(cmocka_unit_test(case_1_the_root_issues_the_clients),
                       cmocka_unit_test(case_2_an_intermediate_issues_the_clients),
                       cmocka_unit_test(case_3_the_lower_of_two_intermediates_issues_the_clients),
                       cmocka_unit_test(case_4_of_two_chains_of_one_length_the_first_counts),
                       cmocka_unit_test(case_5_of_two_chains_the_longest_counts),
                       cmocka_unit_test(a_file_of_nothing_names_nobody),
                       cmocka_unit_test(cas_in_a_circle_come_to_an_end));
    free_pki();
    return failed;
}
